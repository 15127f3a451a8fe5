"""Random changes of an image's light and colour, as between cameras."""

from typing import Any

import torch
from kornia.augmentation import IntensityAugmentationBase2D
from torch import Tensor

from lookalike import parallel

LUMA = (0.299, 0.587, 0.114)  # of red, green, blue (ITU-R BT.601)


class ColourJitter(IntensityAugmentationBase2D):
    """A copy of the batch with each image's saturation, contrast and brightness changed.

    Takes and gives float B×3×H×W in [0, 1]. The three factors are uniform in [1 − s, 1 + s], s the
    `strength`; contrast is about the image's mean grey. Besides, each channel has a gain uniform
    in [1 − s/4, 1 + s/4]: another camera's white balance. The result is clipped to [0, 1].
    """

    def __init__(self, strength: float) -> None:
        super().__init__(p=1.0)
        self.strength = strength

    def generate_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, Tensor]:
        """ "factors": B×6 (saturation, contrast, brightness, three gains), this process's rows."""
        total = batch_shape[0] * parallel.world_size()
        spread = self.strength * torch.tensor([1, 1, 1, 0.25, 0.25, 0.25])
        factors = 1 + spread * torch.empty(total, 6).uniform_(-1, 1)
        return {"factors": factors[parallel.my_rows(total)]}

    def apply_transform(
        self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Any = None
    ) -> Tensor:
        factors = params["factors"].to(input)[:, :, None, None, None]
        saturation, contrast, brightness = factors[:, 0], factors[:, 1], factors[:, 2]
        gains = factors[:, 3:, 0]
        luma = (input * input.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
        mean = luma.mean((2, 3), keepdim=True)
        colours = saturation * input + (1 - saturation) * luma
        # Neither step before moves the mean grey: contrast about it, then the light.
        return (brightness * gains * (contrast * colours + (1 - contrast) * mean)).clamp(0, 1)
