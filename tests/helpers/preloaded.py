"""Everything that a run imports, for the process whose forks the commands are."""

import lightning  # noqa: F401
import torch.utils.tensorboard  # noqa: F401
from helpers import runs, trunks  # noqa: F401

from lookalike.methods import METHODS

KINDS = list(METHODS.values())
