"""`swap`: people in clothes of the one and on the structure of the other (DG-Net's figures).

The person is who gives the appearance; the condition is an image that gives the structure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data.images import Pixels
from lookalike.generation.pictures import parts, read_images, to_input, to_pixels
from lookalike.generation.verb import Conditions, Rows, Verb, require_pairs
from lookalike.methods.model import Model, evaluating
from lookalike.methods.swapping import Code, SwappingModel
from lookalike.report import grid, swap_grid


class Structures(Conditions):
    """Image files whose structure is taken, which are their names."""

    noun = "structure"
    images = True

    def values(self, model: Model, rows: Rows) -> Pixels:
        return read_images(model, [self.names[row] for row in rows])

    def pictures(self, model: Model) -> list[Pixels]:
        return list(read_images(model, self.names))


class Swap(Verb):
    def draw(self, model: Model, images: Tensor, values: NDArray[Any]) -> Tensor:
        return cast(SwappingModel, model).swap(images, to_input(model, values))

    @torch.no_grad()
    def pictures(
        self, model: Model, images: Pixels, values: NDArray[Any], pairs: Rows, batch: int
    ) -> Pixels:
        """The pictures as of every verb; each image is encoded once for each of its parts."""
        net = cast(SwappingModel, model)
        pictures = []
        looks, i = np.unique(pairs[:, 0], return_inverse=True)
        shapes, j = np.unique(pairs[:, 1], return_inverse=True)
        with evaluating(model):
            f = torch.cat(
                [net.appearance_code(to_input(model, p)) for p in parts(images[looks], batch)]
            )
            s = torch.cat(
                [net.structure_code(to_input(model, p)) for p in parts(values[shapes], batch)]
            )
            for rows in parts(np.stack([i, j], 1), batch):
                f_rows, s_rows = torch.from_numpy(rows).to(f.device).T
                pictures.append(to_pixels(net.render(f[f_rows], s[s_rows])))
        return np.concatenate(pictures)

    def grid(self, model: Model, images: Pixels, conditions: Conditions, batch: int) -> Image.Image:
        """The table of n appearances (left column) × m structures (top row); Fig. 1."""
        cells = self.crossed(model, images, conditions, batch)
        return swap_grid(images, conditions.pictures(model), list(cells))

    def pairs(
        self, model: Model, images: Pixels, conditions: Conditions, batch: int
    ) -> Image.Image:
        """A column a pair: both images, the second's structure in the first's appearance, and the
        first's structure in the second's appearance (Fig. 6).

        Raises ValueError for unequal numbers of both.
        """
        require_pairs(images, conditions)
        first, second = images, np.stack(cast(list[Pixels], conditions.pictures(model)))
        n, order = len(first), np.arange(len(first))
        pairs = np.concatenate([np.stack([order, n + order], 1), np.stack([n + order, order], 1)])
        both = np.concatenate([first, second])
        pictures = self.pictures(model, both, both, pairs, batch)
        blank = np.full((4, 4, 3), 255, np.uint8)
        rows = {
            "image 1": first,
            "image 2": second,
            "": [blank],
            "appearance 1, structure 2": pictures[:n],
            "appearance 2, structure 1": pictures[n:],
        }
        return grid(rows.values(), row_labels=list(rows))


@dataclass(frozen=True, eq=False)
class Between(Conditions):
    """`count` steps from the first of two image files' code to the second's. See `between`."""

    noun = "step"
    ends: tuple[str, str] = ("", "")

    def values(self, model: Model, rows: Rows) -> NDArray[np.float64]:
        return np.linspace(0, 1, len(self))[rows]

    def pictures(self, model: Model) -> Sequence[Pixels | None]:
        first, second = read_images(model, self.ends)
        return [first, *[None] * (len(self) - 2), second]


def between(ends: Sequence[str], steps: int) -> Between:
    """The conditions of an `Interpolation` in linear steps, both ends included; 2 or more."""
    captions = [f"t = {t:.2g}" for t in np.linspace(0, 1, steps)]
    first, second = ends
    return Between(captions, captions, (first, second))


class Interpolation(Verb):
    """Pictures from one image's code to another's: of appearance (Fig. 5) or structure (Fig. 9).

    The people give the other code: structures for "appearance", appearances for "structure".
    """

    def __init__(self, code: Code) -> None:
        self.code = code

    @torch.no_grad()
    def crossed(self, model: Model, images: Pixels, conditions: Conditions, batch: int) -> Pixels:
        """The pictures as of every verb; a model makes all steps of a person at once."""
        assert isinstance(conditions, Between)
        net, steps = cast(SwappingModel, model), len(conditions)
        ends = read_images(model, conditions.ends)
        rows: list[Pixels] = []
        for part in parts(images, max(1, batch // steps)):
            x = to_input(model, part)
            first, second = (to_input(model, end[None]).expand_as(x) for end in ends)
            rows += [to_pixels(row) for row in net.interpolate(first, second, x, steps, self.code)]
        return np.stack(rows)
