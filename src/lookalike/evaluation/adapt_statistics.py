"""AdaBN: a model that normalises by the statistics of the images at hand, not of its training."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import numpy as np
import torch

from lookalike.errors import UserError
from lookalike.evaluation.features import image_batches
from lookalike.methods.model import Model
from lookalike.nets.batchnorm import BatchNorm1d, BatchNorm2d, set_bn_group, set_bn_mode


def adapt_statistics(model: Model, paths: Sequence[str], batch: int = 64) -> Model:
    """A copy of `model`, in eval mode, whose batch normalisations know these images.

    The running mean and variance of every such layer that features come through, in the trunk and
    in a neck, become the plain averages over one pass of batches of about `batch` images, of equal
    sizes up to one, each of which is normalised by itself: adaptive batch normalisation (Li et al.,
    arXiv 1603.04779). Weights stay, and so do layers that only generate. No label is read, but all
    images are seen: of a test set it is transductive. Dropout is off: the same images give the
    same model. Raises UserError for fewer than two images, a file that can't be read, and a model
    without features or without batch normalisation in their way.
    """
    if len(paths) < 2:
        raise UserError("Statistics of a batch need two images, and there are fewer.")
    if not model.features_of:
        raise UserError(
            f"A model of {model.method.name} makes pictures of people; it has no features to adapt."
        )
    for part in model.features_of:
        model.require(part, "embedding")
    adapted, moving = (copy.deepcopy(model).eval() for _ in range(2))
    set_bn_mode(moving, "train")
    set_bn_group(moving, 0)
    layers = {
        name: m for name, m in moving.named_modules() if isinstance(m, BatchNorm1d | BatchNorm2d)
    }
    for layer in layers.values():
        layer.reset_running_stats()
        layer.momentum = None  # torch's sign for a plain average
        layer.train()
    count = min(-(-len(paths) // batch), len(paths) // 2)
    sizes = [len(part) for part in np.array_split(np.arange(len(paths)), count)]
    with torch.no_grad():
        for images in image_batches(moving, paths, sizes, batch, "adapt"):
            moving.features(moving.preprocess(images))
    seen = {name: layer for name, layer in layers.items() if layer.num_batches_tracked}
    if not seen:
        raise UserError(
            f"The features of this model of {model.method.name} come through no batch "
            "normalisation, so there are no statistics to adapt."
        )
    for name, layer in seen.items():
        adapted.get_submodule(name).load_state_dict(
            {"running_mean": layer.running_mean, "running_var": layer.running_var}, strict=False
        )
    return adapted
