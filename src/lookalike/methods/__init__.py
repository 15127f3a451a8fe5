"""The systems, one file each; `METHODS` is the one list of them.

In the order to read them: `method` (settings, presets), `stage` (what a method trains in) with
`look` (at whom it trains on), `model` (a trained network in use); then the systems, from `ide` on.
`siamese`, `teacher`, `swapping` and `clustering` are what several of them stand on, with
`pseudo_identities`, who is who where no label is read; `schedules`, `decay`, `optimizers`,
`averaging` and `pictures` what all may use. `model_file` is a model on disk, `start`
what a method starts from in one, `old_files` reads older ones' settings.

A method's file is imported when the method is first asked for: its name alone needs no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lookalike.methods.look import Look
    from lookalike.methods.method import Method
    from lookalike.methods.model import Model
    from lookalike.methods.stage import Given, Stage, StageModule, Terms, Write

__all__ = [
    "METHODS", "Given", "Look", "Method", "Model", "Stage", "StageModule", "Terms", "Write",
]  # fmt: skip
_HOME = {"Look": "look", "Method": "method", "Model": "model"}  # all others stand in `stage`


class Methods(MutableMapping[str, "type[Method]"]):
    """The settings class of every method by its name; the places are "module:Class"."""

    def __init__(self, places: dict[str, str]) -> None:
        self._kinds: dict[str, str | type[Method]] = {**places}

    def __getitem__(self, name: str) -> type[Method]:
        kind = self._kinds[name]
        if isinstance(kind, str):
            module, _, attribute = kind.partition(":")
            kind = self._kinds[name] = getattr(import_module(module), attribute)
        return kind

    def __setitem__(self, name: str, kind: type[Method]) -> None:
        self._kinds[name] = kind

    def __delitem__(self, name: str) -> None:
        del self._kinds[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __contains__(self, name: object) -> bool:  # the mixin's would import the method
        return name in self._kinds

    def __repr__(self) -> str:
        return f"METHODS: {', '.join(self)}"


METHODS = Methods(
    {
        "ide": "lookalike.methods.ide:IDE",
        "ide+": "lookalike.methods.ide:IDEPlus",
        "triplet": "lookalike.methods.triplet:Triplet",
        "siamese": "lookalike.methods.siamese:Siamese",
        "cc": "lookalike.methods.cc:ClusterContrast",
        "spcl": "lookalike.methods.spcl:SpCL",
        "dgnet": "lookalike.methods.dgnet:DGNet",
        "pg2": "lookalike.methods.pg2:PG2",
        "fdgan": "lookalike.methods.fdgan:FDGAN",
    }
)


def __getattr__(name: str) -> object:
    if name in __all__:
        return getattr(import_module(f"lookalike.methods.{_HOME.get(name, 'stage')}"), name)
    raise AttributeError(f"module 'lookalike.methods' has no attribute {name!r}")
