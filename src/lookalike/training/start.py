"""What a run starts from: the trunk of a trained model, and its neck and pooling where it has them.

The run keeps them as `start.safetensors`, a file of plain weights under the trunk's own names, and
the method trains with `weights` = that file. So a run goes on though its model is gone, and
wherever its folder lies.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.methods.method import Method
from lookalike.methods.model_file import save_tensors
from lookalike.methods.start import (
    StartWeights,
    check_use,
    place_of,
    weights_to_start_from,
    with_weights,
)
from lookalike.training.run_config import START

M = TypeVar("M", bound=Method)


@dataclass(frozen=True)
class Start:
    """How a run starts. method: its settings, whose weights are the run's file.

    about: what config.yaml says of the model; empty where the run starts from none. taken: what is
    still to be written.
    """

    method: Method
    about: Mapping[str, Any] = field(default_factory=dict)
    taken: StartWeights | None = None

    def write(self, run: Path) -> str:
        """Writes the run's file, if it isn't there yet, and says what is in it.

        Raises UserError when the disk refuses.
        """
        if not self.taken:
            return ""
        with replacing(run / START) as part:
            save_tensors(self.taken.tensors, self.taken.notes, part)
        self.taken.tensors.clear()  # which a long run has no use for
        return self.taken.text


def start_of(
    method: Method, model: str | Path | None, run: Path, before: Mapping[str, Any], owner: bool
) -> Start:
    """How the run in the folder `run` starts with these settings.

    model: a run folder or a model file, or None. before: config.yaml of a run that goes on, whose
    own file counts then. owner: whether this process looks at the model: a helper needn't.
    Raises UserError where the method, or its settings, can't start from that model.
    """
    known = before.get("start")
    known = known if isinstance(known, Mapping) else {}
    if model is None and not known:
        return Start(method)
    check_use(method)
    file, name = run / START, str(model or known.get("model"))
    at_hand = bool(known) and file.is_file()
    gone = model is not None and name == known.get("model") and not place_of(model).is_file()
    if at_hand and (not owner or model is None or gone):
        return Start(with_weights(method, name, str(file)), known)
    if model is None:
        raise UserError(
            f"{file} is gone, from which the run started: put it back, or give --start the "
            f"{known.get('method')} model {known.get('fingerprint')} again."
        )
    taken = weights_to_start_from(method, model)
    method = with_weights(method, name, str(file), taken.notes)
    # Whether the model is the one of before is seen when the settings are compared.
    return Start(method, taken.about, None if at_hand else taken)


def by_name(method: M, run: Path) -> M:
    """The settings as the run's files tell them: of weights in its folder, the name alone, which
    holds wherever the folder is moved to."""
    changes: dict[str, Any] = {}
    for f in dataclasses.fields(method):
        value = getattr(method, f.name)
        if isinstance(value, Method):
            changes[f.name] = by_name(value, run)
        elif f.name == "weights" and value == str(run / START):
            changes[f.name] = START
    return dataclasses.replace(method, **changes) if changes else method
