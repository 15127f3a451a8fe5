"""`repose`: people in other poses. The condition is a pose; see `target_poses`."""

from __future__ import annotations

from typing import Any, Protocol, cast

import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike.generation.verb import Verb
from lookalike.methods.model import Model


class Reposer(Protocol):
    """What a model with the verb `repose` has beside `Model`; `repose_parts` is not in all.

    joints: B×18×3, x and y in pixels of the model's size and above 0 where the joint is known.
    """

    def repose(self, images: Tensor, joints: Tensor) -> Tensor: ...

    def repose_parts(self, images: Tensor, joints: Tensor) -> dict[str, Tensor]: ...


class Repose(Verb):
    def draw(self, model: Model, images: Tensor, values: NDArray[Any]) -> Tensor:
        return cast(Reposer, model).repose(images, torch.from_numpy(values).to(images.device))

    def steps(self, model: Model, images: Tensor, values: NDArray[Any]) -> dict[str, Tensor]:
        if not hasattr(model, "repose_parts"):
            return super().steps(model, images, values)
        joints = torch.from_numpy(values).to(images.device)
        return cast(Reposer, model).repose_parts(images, joints)
