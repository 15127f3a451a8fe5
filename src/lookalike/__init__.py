"""Lookalike: generative person re-identification.

The names below are the public API; each is imported when it is first used, so that
`import lookalike` (and the command's help) does not wait for torch.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "load": "lookalike.data",
    "People": "lookalike.data",
    "Benchmark": "lookalike.data",
    "train": "lookalike.training",
    "evaluate": "lookalike.evaluation",
    "load_model": "lookalike.methods.model_file",
    "METHODS": "lookalike.methods",
    "UserError": "lookalike.errors",
}
__all__ = ["METHODS", "Benchmark", "People", "UserError", "evaluate", "load", "load_model", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
