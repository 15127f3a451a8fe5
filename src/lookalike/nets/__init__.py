"""Networks that more than one method uses."""

from lookalike.nets.backbone import backbone
from lookalike.nets.batchnorm import (
    BatchNorm1d,
    BatchNorm2d,
    Dropout,
    batch_statistics,
    set_bn_mode,
)
from lookalike.nets.frozen import frozen
from lookalike.nets.heads import BNNeck, BottleneckHead, LinearHead
from lookalike.nets.resnet import ResNet, resnet
from lookalike.nets.weights import load_imagenet, weights_stride_on

__all__ = [
    "BNNeck",
    "BatchNorm1d",
    "BatchNorm2d",
    "BottleneckHead",
    "Dropout",
    "LinearHead",
    "ResNet",
    "backbone",
    "batch_statistics",
    "frozen",
    "load_imagenet",
    "resnet",
    "set_bn_mode",
    "weights_stride_on",
]
