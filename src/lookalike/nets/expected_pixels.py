"""What pixels a network's pretrained weights expect: what their file says, or their numbers."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from lookalike.errors import UserError, unknown
from lookalike.nets.weights import metadata, read_weights, weights_file

PixelScale = Literal["imagenet", "half", "caffe_bgr"]
SCALES: tuple[PixelScale, ...] = ("imagenet", "half", "caffe_bgr")
# Means of timm's networks, and the deviations beside them.
TIMM: dict[tuple[float, ...], PixelScale] = {
    (0.485, 0.456, 0.406, 0.229, 0.224, 0.225): "imagenet",
    (0.5, 0.5, 0.5, 0.5, 0.5, 0.5): "half",
}
# The first layer's variance over its squared weights is about 1 for pixels of deviation 1, and
# 58² = 3,400 times that for Caffe's, from 0 to 255.
LARGE = 60


def expected_pixels(name: str, weights: str) -> PixelScale:
    """The scale of pixels that the `weights` of the network `name` were trained with.

    name, weights: as of `backbone`. A .safetensors file says it in its metadata under `pixel_norm`;
    of another file the first layer's statistics tell 0…255 from the rest, which is taken to be
    ImageNet's scale. "none" expects that too. Raises UserError when there is no such file, its
    metadata names another scale, or a timm network has another one.
    """
    if weights == "none":
        return "imagenet"
    timm = name.startswith("timm:")
    path = None if timm and weights == "imagenet" else weights_file(name, weights)
    said = metadata(path).get("pixel_norm") if path else None
    if said is None and timm:
        return _of_timm(name.removeprefix("timm:"))
    if said is None:
        assert path is not None
        tensors = read_weights(path)
        return _of_statistics(tensors.get("conv1.weight"), tensors.get("bn1.running_var"))
    for scale in SCALES:
        if scale == said:
            return scale
    raise unknown(f"pixel_norm in {path}", said, SCALES)


def _of_statistics(weight: Tensor | None, variance: Tensor | None) -> PixelScale:
    """What the first convolution, O×3×h×w, and the variance that its norm has seen, O, tell."""
    if weight is None or variance is None or weight.dim() != 4:  # loading says what is missing
        return "imagenet"
    squares = weight.float().square().sum((1, 2, 3))
    if variance.shape != squares.shape or not len(squares):
        return "imagenet"
    return "caffe_bgr" if (variance.float() / squares).median() > LARGE else "imagenet"


def _of_timm(name: str) -> PixelScale:
    try:
        import timm
    except ImportError:  # building it says so
        return "imagenet"
    about = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if about is None:
        return "imagenet"
    numbers = tuple(round(float(x), 4) for x in (*about.mean, *about.std))
    if numbers not in TIMM:
        raise UserError(
            f"The weights of timm:{name} expect pixels of mean {about.mean} and deviation "
            f"{about.std}, which no pixel_norm gives: choose the nearest one."
        )
    return TIMM[numbers]
