"""Networks: blocks that several systems share, and one file of networks a system.

Blocks: `blocks`, `norms`, `batchnorm`, `convolution` (fast on CPUs), `upsample`, `resnet` and
`backbone` (a trunk by name, with its `weights` and their `expected_pixels`), `pooling`, `heads`,
`frozen`, `chunks`; and `unfilled`, for networks that a file will fill.
Systems: `dgnet`, `fdgan`, `pg2`. Judges of pictures: `inception`, `perceptual`.
"""

from lookalike.nets.backbone import backbone, freeze_stages
from lookalike.nets.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    batch_statistics,
    set_bn_group,
    set_bn_mode,
)
from lookalike.nets.chunks import in_chunks
from lookalike.nets.expected_pixels import PixelScale, expected_pixels
from lookalike.nets.frozen import frozen
from lookalike.nets.heads import BNNeck, BottleneckHead, Head, HeadName, LinearHead, make_head
from lookalike.nets.pooling import GeM, PoolingName, pooling
from lookalike.nets.resnet import ResNet, resnet
from lookalike.nets.weights import load_imagenet, weights_stride_on

__all__ = [
    "BNNeck",
    "BatchNorm1d",
    "BatchNorm2d",
    "BottleneckHead",
    "Dropout",
    "GeM",
    "Head",
    "HeadName",
    "LinearHead",
    "PixelScale",
    "PoolingName",
    "ResNet",
    "backbone",
    "batch_statistics",
    "expected_pixels",
    "freeze_stages",
    "frozen",
    "in_chunks",
    "load_imagenet",
    "make_head",
    "pooling",
    "resnet",
    "set_bn_group",
    "set_bn_mode",
    "weights_stride_on",
]
