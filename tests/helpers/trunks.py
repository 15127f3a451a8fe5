"""A trunk for tests that aren't about trunks: `backbone="resnet10"`, narrow and shallow."""

from lookalike.nets.resnet import SHAPES, BasicBlock, Shape

SHAPES[10] = Shape(BasicBlock, (1, 1, 1, 1), width=8)
CHANNELS = 64  # of its features
