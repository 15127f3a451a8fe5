"""Nearest ×2, reflection padding and a 5×5 convolution, at a third of the multiplications."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# A 5-tap filter over pixels that stand in equal pairs is a 3-tap filter over the pairs; which taps
# meet in a pair depends on whether the output is the first (row 0) or second (row 1) of its pair.
PAIRS = torch.tensor(
    [
        [[1.0, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]],
        [[1.0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [0, 0, 0, 1, 1]],
    ]
)


class UpsampleConv(nn.Conv2d):
    """conv5×5(reflect_pad(nearest×2(x))): B×C×h×w → B×O×2h×2w, exactly, as four 3×3 convolutions.

    Reflection about the enlarged image's border repeats its outermost pair once and then shows the
    next pair: the small image padded by replication gives all of it but the outermost ring, whose
    share of the border outputs is added apart. Needs h, w ≥ 2.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 5)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        outputs, inputs = weight.shape[:2]
        pairs = PAIRS.to(weight)
        kernels = torch.einsum("paj,qbk,oijk->opqiab", pairs, pairs, weight)
        bias = None if self.bias is None else self.bias.repeat_interleave(4)
        quads = F.conv2d(
            F.pad(x, (1, 1, 1, 1), mode="replicate"),
            kernels.reshape(4 * outputs, inputs, 3, 3),
            bias,
        )
        y = F.pixel_shuffle(quads, 2)
        # The ring's rows, corners included, then its columns without the corners.
        inner = F.interpolate(x[:, :, [1, -2]], scale_factor=(1.0, 2.0))
        outer = F.interpolate(x[:, :, [0, -1]], scale_factor=(1.0, 2.0))
        rows = F.pad(inner, (2, 2, 0, 0), "reflect") - F.pad(outer, (2, 2, 0, 0), "replicate")
        columns = F.interpolate(x[:, :, :, [1, -2]] - x[:, :, :, [0, -1]], scale_factor=(2.0, 1.0))
        columns = F.pad(F.pad(columns, (0, 0, 1, 1), "replicate"), (0, 0, 1, 1))
        top, bottom = weight[:, :, :1], weight[:, :, 4:]
        left, right = weight[..., :1], weight[..., 4:]
        rows = torch.cat((F.conv2d(rows[:, :, :1], top), F.conv2d(rows[:, :, 1:], bottom)), 2)
        columns = torch.cat(
            (F.conv2d(columns[..., :1], left), F.conv2d(columns[..., 1:], right)), 3
        )
        height = torch.tensor([0, y.shape[2] - 1], device=y.device)
        width = torch.tensor([0, y.shape[3] - 1], device=y.device)
        # index_add hands the gradient on unchanged, where adding to a slice would copy it.
        return y.index_add_(2, height, rows).index_add_(3, width, columns)
