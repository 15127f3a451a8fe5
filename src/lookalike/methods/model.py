"""A trained network in use: images in [0, 1] to features or to pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from lookalike.data.images import Resampling
from lookalike.data.transforms import Normalize
from lookalike.errors import UserError

Images = Tensor | NDArray[np.uint8] | Image.Image | Sequence[Image.Image]


class Model(nn.Module):
    """A trained network in use.

    Images go in as float B×3×h×w in [0, 1] of any size, as uint8 arrays B×h×w×3, or as PIL images;
    pictures come out as float B×3×H×W in [0, 1].

    method: the settings that it was built from, a Method.
    verbs: what it generates: a verb ("swap", "repose", …) → the parts of the network that make it.
    features_of: the parts that its features come from; none: it recognises nobody.
    parts: names of the slices of a feature that are ranked on their own too.
    start_parts: what another run may start from (trunk; neck, the batch norm on the pooled feature;
    pool) → where it is in this model.
    """

    method: Any
    verbs: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    features_of: ClassVar[tuple[str, ...]] = ()
    parts: ClassVar[Mapping[str, slice]] = {}
    start_parts: ClassVar[Mapping[str, str]] = {"trunk": "trunk", "neck": "neck", "pool": "pool"}
    resampling: Resampling = "bicubic"  # how images of another size are resized
    metric: str = "cosine"  # the distance that its features are made for, or "euclidean"
    pids: Sequence[int] = ()  # the identity of every class, where it is known

    def __init__(self, method: Any, classes: int, height: int, width: int, pixel_norm: str) -> None:
        super().__init__()
        self.method = method
        self.classes = classes
        self.without: set[str] = set()
        self.size = (height, width)
        self.normalize = Normalize(pixel_norm)

    @property
    def generates(self) -> tuple[str, ...]:
        """The verbs that this model offers: those whose parts it has."""
        return tuple(verb for verb, parts in self.verbs.items() if not self.without & set(parts))

    @property
    def embeds(self) -> bool:
        """Whether this model has features that recognise people."""
        return bool(self.features_of) and not self.without & set(self.features_of)

    def leave_out(self, part: str) -> None:
        """Drops a part whose weights aren't there; what needs it raises UserError from now on."""
        delattr(self, part)
        self.without.add(part)

    def require(self, part: str, purpose: str) -> None:
        """Raises UserError if `part` was left out."""
        if part in self.without:
            raise UserError(
                f"This model has no {part}, which {purpose} needs: import that file too."
            )

    def parts_to_start_from(self) -> dict[str, nn.Module]:
        """Those of `start_parts` that this model has."""
        modules: dict[str, nn.Module] = {}
        for part, place in self.start_parts.items():
            with suppress(AttributeError):  # it has none, or it was left out
                modules[part] = self.get_submodule(place)
        return {part: module for part, module in modules.items() if module.state_dict()}

    def preprocess(self, images: Images) -> Tensor:
        """The network's input: resized (antialiased), normalised, on its device.

        Raises TypeError for what isn't an image; ValueError for another shape than in the class's
        docstring, for floats that aren't in [0, 1], and for an empty list.
        """
        weight = next(self.parameters())
        if isinstance(images, Sequence):  # of any sizes
            if not images:
                raise ValueError("there are no images: the list is empty")
            batch = torch.cat([self._resized(_tensor(image), weight) for image in images])
        else:
            batch = self._resized(_tensor(images), weight)
        return self.normalize(batch)

    def _resized(self, images: Tensor, like: Tensor) -> Tensor:
        images = images.to(like)
        if tuple(images.shape[2:]) != self.size:
            images = F.interpolate(images, self.size, mode=self.resampling, antialias=True)
            images = images.clamp(0, 1)
        return images

    def features(self, x: Tensor) -> Tensor:
        """Preprocessed images → features, B×D: plain cosine and Euclidean distance between two of
        them rank by the paper's score."""
        raise NotImplementedError

    @torch.no_grad()
    def embed(self, images: Images) -> Tensor:
        """The features that rank: B images → B×D, in eval mode and the model's dtype.

        Raises UserError if this model recognises nobody, or a part that it needs was left out.
        """
        if not self.features_of:
            raise UserError(
                f"A model of {self.method.name} makes pictures of people; it has no features to "
                "compare."
            )
        for part in self.features_of:
            self.require(part, "embedding")
        with evaluating(self):
            return self.features(self.preprocess(images))


def _tensor(images: Any) -> Tensor:
    """B×3×h×w in [0, 1] of one of the accepted kinds, B = 1 for a PIL image."""
    if isinstance(images, Image.Image):
        images = np.asarray(images.convert("RGB"))[None]
    if isinstance(images, np.ndarray):
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(f"arrays must be B×h×w×3 uint8, not {images.shape} {images.dtype}")
        images = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)  # a view may be read-only
    if not isinstance(images, Tensor):
        kind = type(images).__name__
        raise TypeError(f"images must be a tensor, an array or PIL images, not {kind}")
    if images.dim() != 4 or images.shape[1] != 3:
        raise ValueError(f"images must be B×3×h×w, got {tuple(images.shape)}")
    if not images.is_floating_point():
        return images.float() / 255
    if images.numel() and not (images.amin() >= -0.01 and images.amax() <= 1.01):
        low, high = images.amin().item(), images.amax().item()
        raise ValueError(f"images must be in [0, 1], but reach from {low:.3g} to {high:.3g}")
    return images


class evaluating:
    """Inside, the module is in eval mode; afterwards as it was."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module

    def __enter__(self) -> None:
        self.was = self.module.training
        self.module.eval()

    def __exit__(self, *_: object) -> None:
        self.module.train(self.was)
