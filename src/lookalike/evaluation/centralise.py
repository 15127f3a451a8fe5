"""Features averaged over generated pictures: pose centralisation, for every generator.

The IPG of Pose2ID (CVPR 2025, arXiv 2503.00938), whose generator is conditioned on poses and on
features of a model that learned with the labels of its benchmark. Here it is whoever draws a person
anew: `swap` (on other structures), `repose` (in other poses), `rotate` (to other views) or
`restyle` (as of other cameras). `mirrored` is its control: one view more that costs no generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from lookalike.errors import UserError
from lookalike.generation.verb import Conditions
from lookalike.methods.model import Images, Model, evaluating

VERBS = ("swap", "repose", "rotate", "restyle")  # images and as many conditions → pictures


@torch.no_grad()
def centralise(
    model: Model,
    images: Images,
    generator: Model,
    conditions: Any,
    weight: float = 1.0,
    batch_size: int = 64,
) -> Tensor:
    """The features of N images with those of their pictures in all conditions: N×D, of length 1.

    f̂ ∝ f + w · Σₚ f(G(x, conditionₚ)), the sum over all P conditions as printed, not their mean: at
    w = 1 the pictures weigh P times as much as the image. f: `model.embed`. generator: a model that
    draws, perhaps another one; its first verb of `VERBS` takes the image and a condition.
    conditions: P of what that verb takes: for `swap` images that give the structure, of the kinds
    that `embed` takes (the image gives the appearance); for `repose` joints, P×18×3, in pixels of
    the generator's size; or `Conditions`, such as the poses that `read_targets` finds. weight: w,
    from 0 up; at 0 nothing is drawn, and the features are those of `embed` to the bit.
    batch_size: images at a time. Raises UserError for a generator that draws nobody again,
    ValueError without conditions and for a weight that isn't a number from 0 up.
    """
    verb = next((verb for verb in VERBS if verb in generator.generates), "")
    if not verb:
        raise UserError(
            f"A model of {generator.method.name} can't draw people of given images again: give a "
            f"generator with one of the verbs {', '.join(VERBS)}."
        )
    if isinstance(conditions, Conditions):
        conditions = conditions.values(generator, np.arange(len(conditions)))
    if isinstance(conditions, np.ndarray) and conditions.dtype != np.uint8:
        conditions = torch.from_numpy(conditions)
    if not len(conditions):
        raise ValueError("there are no conditions to draw the images in")
    draw = getattr(generator, verb)

    def drawn(part: Any) -> Iterator[Tensor]:
        for row in range(len(conditions)):
            yield model.embed(draw(part, repeated(conditions[row : row + 1], len(part))))

    return with_views(model, images, drawn, weight, batch_size)


@torch.no_grad()
def mirrored(model: Model, images: Images, weight: float = 1.0, batch_size: int = 64) -> Tensor:
    """The features of N images with those of the mirrored images: N×D, of length 1.

    f̂ ∝ f + w · f(mirrored). A model whose features are the sum over both already (DG-Net, `ide`
    where the paper says so) gains nothing. Arguments and errors as in `centralise`.
    """

    def mirror(part: Any) -> Iterator[Tensor]:
        with evaluating(model):
            yield model.features(model.preprocess(part).flip(3))

    return with_views(model, images, mirror, weight, batch_size)


def with_views(
    model: Model,
    images: Any,
    views: Callable[[Any], Iterator[Tensor]],
    weight: float,
    batch_size: int,
) -> Tensor:
    """f + w · Σ over the `views` of some images, of length 1; the plain f where w is 0."""
    if not (isfinite(weight) and weight >= 0):
        raise ValueError(f"the weight must be a number from 0 up, not {weight}")
    if isinstance(images, Image.Image):
        images = [images]
    features = []
    for first in range(0, max(len(images), 1), batch_size):
        part = images[first : first + batch_size]
        plain = model.embed(part)
        if weight:
            total = torch.stack(list(views(part))).sum(0)
            plain = F.normalize(plain + weight * total)
        features.append(plain)
    return torch.cat(features)


def repeated(one: Any, count: int) -> Any:
    """A condition, still in its tensor, array or list, `count` times."""
    if isinstance(one, Tensor):
        return one.expand(count, *one.shape[1:])
    return np.repeat(one, count, 0) if isinstance(one, np.ndarray) else list(one) * count
