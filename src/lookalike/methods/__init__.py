"""The systems, one file each; `METHODS` is the one list of them."""

from lookalike.methods.base import Method, Model, Stage, StageModule
from lookalike.methods.dgnet import DGNet
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE, IDEPlus
from lookalike.methods.pg2 import PG2
from lookalike.methods.triplet import Triplet

METHODS: dict[str, type[Method]] = {m.name: m for m in (IDE, IDEPlus, Triplet, DGNet, PG2, FDGAN)}

__all__ = ["METHODS", "Method", "Model", "Stage", "StageModule"]
