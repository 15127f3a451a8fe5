"""Models with the verb `swap`: one person's appearance on another's structure."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from lookalike.methods.model import Images, Model, evaluating

Code = Literal["appearance", "structure"]


def swapped_halves(x: Tensor) -> Tensor:
    """The rows of the second half of a batch before those of the first: 2B×… → 2B×…"""
    return x.roll(len(x) // 2, 0)


class SwappingModel(Model):
    """A model that splits a crop into an appearance code and a structure code, and joins any two.

    A subclass writes `appearance_code`, `structure_code` and `render`, which work in any mode.
    """

    def appearance_code(self, images: Images) -> Tensor:
        """What is worn in the images: B×…"""
        raise NotImplementedError

    def structure_code(self, images: Images) -> Tensor:
        """How the people in the images stand: B×…"""
        raise NotImplementedError

    def render(self, f: Tensor, s: Tensor) -> Tensor:
        """The pictures in [0, 1] of appearance codes f with structure codes s: B×3×H×W."""
        raise NotImplementedError

    @torch.no_grad()
    def codes(self, appearance: Images, structure: Images) -> tuple[Tensor, Tensor]:
        """The codes that a picture is made of, of n and of m images, in eval mode.

        Raises UserError if a part that makes them was left out.
        """
        for part in self.verbs["swap"]:
            self.require(part, "generating")
        with evaluating(self):
            return self.appearance_code(appearance), self.structure_code(structure)

    @torch.no_grad()
    def swap(self, appearance: Images, structure: Images) -> Tensor:
        """Pictures of the structures in the appearances: twice B images → B×3×H×W in [0, 1]."""
        f, s = self.codes(appearance, structure)
        if len(f) != len(s):
            raise ValueError(f"{len(f)} appearances, but {len(s)} structures")
        with evaluating(self):
            return self.render(f, s)

    @torch.no_grad()
    def swap_grid(self, appearance: Images, structure: Images) -> Tensor:
        """All pairs: n and m images → n×m×3×H×W in [0, 1]; row i wears appearance i."""
        rows, s = self.codes(appearance, structure)
        with evaluating(self):
            return torch.stack([self.render(f.expand(len(s), *f.shape), s) for f in rows])

    @torch.no_grad()
    def interpolate(
        self,
        first: Images,
        second: Images,
        fixed: Images,
        steps: int = 11,
        code: Code = "appearance",
    ) -> Tensor:
        """From `first` to `second` in linear steps of one code: → B×steps×3×H×W in [0, 1].

        The other code is that of `fixed`: with "appearance" its structure wears what is between
        their clothes, with "structure" its clothes are worn by what is between their structures.
        """
        frames = []
        if code == "appearance":
            (start, s), (end, _) = self.codes(first, fixed), self.codes(second, fixed)
        else:
            (f, start), (_, end) = self.codes(fixed, first), self.codes(fixed, second)
        with evaluating(self):
            for t in torch.linspace(0, 1, steps).tolist():
                between = torch.lerp(start, end, t)
                pair = (between, s) if code == "appearance" else (f, between)
                frames.append(self.render(*pair))
        return torch.stack(frames, 1)
