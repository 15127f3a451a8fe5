"""Lookalike: generative person re-identification.

The names below are the public API; each is imported when it is first used, so that
`import lookalike` (and the command's help) does not wait for torch.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from lookalike.version import __version__

if TYPE_CHECKING:
    from lookalike.data import Benchmark, People
    from lookalike.data.load import load
    from lookalike.errors import UserError
    from lookalike.evaluation import evaluate
    from lookalike.methods import METHODS, Model
    from lookalike.methods.model_file import load_model, save_model
    from lookalike.training import Run, RunSettings, train

__all__ = [
    "METHODS",
    "Benchmark",
    "Model",
    "People",
    "Run",
    "RunSettings",
    "UserError",
    "__version__",
    "evaluate",
    "load",
    "load_model",
    "save_model",
    "train",
]
_HOME = {
    "METHODS": "lookalike.methods",
    "Benchmark": "lookalike.data",
    "Model": "lookalike.methods",
    "People": "lookalike.data",
    "Run": "lookalike.training",
    "RunSettings": "lookalike.training",
    "UserError": "lookalike.errors",
    "evaluate": "lookalike.evaluation",
    "load": "lookalike.data",
    "load_model": "lookalike.methods.model_file",
    "save_model": "lookalike.methods.model_file",
    "train": "lookalike.training",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(_import_module(_HOME[name]), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
