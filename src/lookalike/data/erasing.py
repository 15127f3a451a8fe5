"""Random rectangles: erasing them, and the draw that area crops share."""

from typing import Any, Literal

import torch
from kornia.augmentation import IntensityAugmentationBase2D
from torch import Tensor

from lookalike import parallel
from lookalike.layout import laid_out

Range = tuple[float, float]


def random_boxes(
    images: int,
    size: tuple[int | Tensor, int | Tensor],
    largest: tuple[int | Tensor, int | Tensor],
    area: Range,
    aspect: Range,
    tries: int,
    sampling: Literal["uniform", "log"] = "uniform",
) -> tuple[Tensor, Tensor]:
    """B×4 int64 boxes (top, left, height, width) in images of `size`, and which of them fit (bool).

    size: height and width, one for all or B each, as of `largest`.
    The papers' rejection, for all images at once: the first of `tries` candidates that is at most
    `largest` (height, width) is taken, at a uniform place. area: range of the share of the image,
    uniform. aspect: range of height over width, uniform or uniform in its logarithm ("log").
    """
    height, width = size
    areas = torch.empty(tries, images).uniform_(*area) * (height * width)
    aspects = torch.empty(tries, images)
    if sampling == "log":
        aspects.uniform_(*torch.tensor(aspect).log().tolist()).exp_()
    else:
        aspects.uniform_(*aspect)
    tall, wide = (areas * aspects).sqrt().round().long(), (areas / aspects).sqrt().round().long()
    fits = (tall <= largest[0]) & (wide <= largest[1])
    first = fits.int().argmax(0, keepdim=True)  # the first True; 0 if there is none
    tall, wide = tall.gather(0, first)[0], wide.gather(0, first)[0]
    top = (torch.rand(images) * (height - tall + 1)).long()
    left = (torch.rand(images) * (width - wide + 1)).long()
    return torch.stack((top, left, tall, wide), 1), fits.any(0)


class RandomErasing(IntensityAugmentationBase2D):
    """A copy of the batch in which a random rectangle of an image is filled, with probability `p`.

    Takes and gives float B×3×H×W. A rectangle has a share of the image's area and a height over
    width in the given ranges; the first of `tries` candidates that is smaller than the image both
    ways is taken, at a uniform place; an image without one stays whole (Zhong et al., Random
    Erasing Data Augmentation, AAAI 2020, algorithm 1).

    sampling: of the aspect, "uniform" or "log" (uniform in its logarithm).
    place: of the rectangle, "uniform", or "own_size": its own height from the top and its own width
    from the left, cut off by the image's border.
    fill: one value or one per channel, in the images' own scale; "random" is one colour per
    rectangle, uniform in [0, 1].
    """

    def __init__(
        self,
        p: float = 0.5,
        area: Range = (0.02, 0.4),
        aspect: Range = (0.3, 1 / 0.3),
        sampling: Literal["uniform", "log"] = "uniform",
        fill: float | tuple[float, float, float] | Literal["random"] = 0.0,
        tries: int = 100,
        place: Literal["uniform", "own_size"] = "uniform",
    ) -> None:
        # kornia's versions draw differently for images that its own p leaves out: p is ours.
        super().__init__(p=1.0)
        self.probability, self.area, self.aspect = p, area, aspect
        self.sampling, self.fill, self.tries, self.place = sampling, fill, tries, place

    def generate_parameters(self, batch_shape: tuple[int, ...]) -> dict[str, Tensor]:
        """ "box": B×4 (height 0 erases nothing), "fill": B×3, for this process's rows."""
        total, (height, width) = batch_shape[0] * parallel.world_size(), batch_shape[-2:]
        boxes, fits = random_boxes(
            total,
            (height, width),
            (height - 1, width - 1),
            self.area,
            self.aspect,
            self.tries,
            self.sampling,
        )
        if self.place == "own_size":
            boxes[:, :2] = boxes[:, 2:]
        erases = (torch.rand(total) < self.probability) & fits
        boxes[:, 2] *= erases
        if self.fill == "random":
            fill = torch.rand(total, 3)
        else:
            fill = torch.as_tensor(self.fill, dtype=torch.float32).expand(total, 3)
        rows = parallel.my_rows(total)
        return {"box": boxes[rows], "fill": fill[rows]}

    def apply_transform(
        self, input: Tensor, params: dict[str, Tensor], flags: dict[str, Any], transform: Any = None
    ) -> Tensor:
        batch, _, height, width = input.shape
        top, left, tall, wide = params["box"].to(input.device).T[:, :, None]
        y = torch.arange(height, device=input.device) - top
        # Rows of interleaved colours, a view of channels_last memory: long runs are what is fast.
        x = torch.arange(width, device=input.device).repeat_interleave(3) - left
        inside = ((y >= 0) & (y < tall))[:, :, None] & ((x >= 0) & (x < wide))[:, None, :]
        fill = params["fill"].to(input).repeat(1, width)[:, None, :]
        pixels = torch.where(inside, fill, input.permute(0, 2, 3, 1).flatten(2))
        return laid_out(pixels.view(batch, height, width, 3).permute(0, 3, 1, 2))


ERASINGS: dict[str, dict[str, Any]] = {
    "dgnet": {"p": 0.5, "area": (0.02, 0.4), "aspect": (0.3, 1 / 0.3), "fill": 0.0},  # as in DG-Net
    # CamStyle and HHL: ImageNet's mean colour, but pasted after normalisation
    "hhl": {"p": 0.5, "area": (0.02, 0.2), "aspect": (0.3, 3.0), "fill": (0.485, 0.456, 0.406)},
    # on pixels in [0, 1], so before normalisation (FD-GAN; its position bug mended)
    "fdgan": {"p": 0.75, "area": (0.02, 0.2), "aspect": (0.3, 1 / 0.3), "fill": "random"},
    # the same with the bug
    "fdgan_released": {
        "p": 0.75,
        "area": (0.02, 0.2),
        "aspect": (0.3, 1 / 0.3),
        "fill": "random",
        "place": "own_size",
    },
}
