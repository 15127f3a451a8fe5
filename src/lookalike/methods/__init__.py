"""The systems, one file each; `METHODS` is the one list of them.

In the order to read them: `method` (settings, presets), `stage` (what a method trains in), `model`
(a trained network in use); then the systems, from `ide` on. `siamese`, `teacher` and `swapping` are
what several of them stand on; `schedules`, `optimizers` and `pictures` what all do.
"""

from lookalike.methods.dgnet import DGNet
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE, IDEPlus
from lookalike.methods.method import Method
from lookalike.methods.model import Model
from lookalike.methods.pg2 import PG2
from lookalike.methods.siamese import Siamese
from lookalike.methods.stage import Given, Stage, StageModule, Terms, Write
from lookalike.methods.triplet import Triplet

METHODS: dict[str, type[Method]] = {
    m.name: m for m in (IDE, IDEPlus, Triplet, Siamese, DGNet, PG2, FDGAN)
}

__all__ = ["METHODS", "Given", "Method", "Model", "Stage", "StageModule", "Terms", "Write"]
