"""Steps without training: what is done to features of queries and gallery before they are ranked.

No step reads an identity, but each sees other images than the one that is asked for: whoever ranks
a test set after one must say so. So no step is silent: a `StepsRecord` names it, and its set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from lookalike.errors import UserError
from lookalike.metrics import camera_statistics, centralise_neighbours, identity_density
from lookalike.metrics.camera_normalisation import FEW
from lookalike.metrics.distances import magnitudes
from lookalike.metrics.inputs import Array, Ints, device_of, matrix

TOGETHER = "queries and gallery together"
APART = "queries and gallery apart"
ALONE = "these images"  # of a set that is neither
LISTED = 5  # cameras in a note


class StepsRecord(NamedTuple):
    """steps: their names in order. sets: the images that each saw. note: what one couldn't do as
    its name says, or ""."""

    steps: list[str]
    sets: list[str]
    note: str = ""

    def row(self) -> dict[str, list[str]]:
        """The keys of rows and JSON files: `steps` and `steps_set`, of equal length."""
        return {"steps": self.steps, "steps_set": self.sets}

    def texts(self) -> list[str]:
        """Each step with its set: "neighbours 2 (queries and gallery apart)"."""
        return [f"{step} ({seen})" for step, seen in zip(self.steps, self.sets, strict=True)]


@dataclass(frozen=True)
class Steps:
    """The steps that are asked for, in the order in which they are taken.

    adabn: the model's batch normalisations get the statistics of these images
    (`adapt_statistics`). cameras: features are centred by their camera, "mean", or centred and
    scaled, "deviation" (`normalise_cameras`); "" for neither. neighbours: how many are looked at
    for mutual ones, which a feature takes in (`centralise_neighbours`); 0 for none.
    Raises UserError for other values.
    """

    cameras: Literal["", "mean", "deviation"] = ""
    neighbours: int = 0
    adabn: bool = False

    def __post_init__(self) -> None:
        if self.cameras not in ("", "mean", "deviation"):
            raise UserError(f"cameras is 'mean', 'deviation' or '', not {self.cameras!r}.")
        if self.neighbours < 0:
            raise UserError(f"neighbours is a whole number from 0 up, not {self.neighbours}.")

    def __bool__(self) -> bool:
        return bool(self.cameras or self.neighbours or self.adabn)

    def apply(
        self,
        sides: Sequence[Array],
        camids: Sequence[Ints],
        device: torch.device | str | None = None,
        twins: Ints | None = None,
    ) -> tuple[list[Tensor], StepsRecord]:
        """The features after the steps, N×D each, of length 1, and the record of all steps.

        sides: features of queries and of a gallery, of an adapted model if `adabn` is asked for, or
        one set alone; camids: their cameras. A camera has one statistic on both sides, junk and
        distractors included, of whom nobody knows without labels; neighbours are of one side.
        twins: for each of the gallery the query that is the same image, or −1: a camera's image
        counts once. Raises as `normalise_cameras` and `centralise_neighbours` do.
        """
        place = device_of(sides[0], device)
        names = ("Query features", "Gallery features") if len(sides) == 2 else ("Features",)
        features = [matrix(side, name, place) for side, name in zip(sides, names, strict=True)]
        for side, name in zip(features, names, strict=True):
            magnitudes(side, name)  # here, because only here rows have the user's numbers
        together, apart = (TOGETHER, APART) if len(sides) == 2 else (ALONE, ALONE)
        steps, seen, note = [], [], ""
        if self.adabn:
            steps, seen = ["adabn"], [together]
        if self.cameras:
            features, note = by_camera(features, camids, self.cameras == "deviation", twins)
            steps, seen = [*steps, f"cameras {self.cameras}"], [*seen, together]
        if self.neighbours:
            features = [torch.as_tensor(centralise_neighbours(side, self.neighbours))
                        for side in features]  # fmt: skip
            steps, seen = [*steps, f"neighbours {self.neighbours}"], [*seen, apart]
        return features, StepsRecord(steps, seen, note)


NO_STEPS = Steps()


def by_camera(
    sides: Sequence[Tensor], camids: Sequence[Ints], deviation: bool, twins: Ints | None
) -> tuple[list[Tensor], str]:
    """The sides without what is their cameras', and a note on cameras with too few images."""
    fresh = [np.ones(len(side), bool) for side in sides]
    if twins is not None:
        own = np.maximum(twins, 0)
        fresh[1] = (twins < 0) | (camids[0][own] != camids[1])
    rows = torch.from_numpy(np.concatenate(fresh)).to(sides[0].device)
    numbers = np.concatenate(camids)
    statistics = camera_statistics(torch.cat(list(sides))[rows], numbers[np.concatenate(fresh)],
                                   deviation)  # fmt: skip
    few = statistics.centred_only if deviation else statistics.cameras[:0]
    notes = [
        camera_note(few, f"fewer than {FEW} images: only centred."),
        camera_note(statistics.untouched, "a single image: left as it is."),
    ]
    if unknown := int((numbers < 0).sum()):
        notes.append(f"{unknown:,} images of unknown cameras (below 0) are left as they are.")
    normalised = [
        torch.as_tensor(statistics.normalise(side, cams))
        for side, cams in zip(sides, camids, strict=True)
    ]
    return normalised, " ".join(filter(None, notes))


def camera_note(cameras: Ints, what: str) -> str:
    """What is said of some cameras, the first of them by number; "" of none."""
    if not len(cameras):
        return ""
    listed = ", ".join(map(str, cameras[:LISTED])) + (", …" if len(cameras) > LISTED else "")
    return f"{'camera' if len(cameras) == 1 else 'cameras'} {listed} with {what}"


def density(sides: Sequence[Array], pids: Sequence[Ints], twins: Ints | None) -> float | None:
    """ID² of queries and gallery together, an image on both sides once; None if nobody counts."""
    both = [matrix(side, "Features", torch.device("cpu")) for side in sides]
    once = np.ones(len(pids[1]), bool) if twins is None else np.asarray(twins) < 0
    feats = torch.cat([both[0], both[1][torch.from_numpy(once)]])
    people = np.concatenate([pids[0], np.asarray(pids[1])[once]])
    return identity_density(feats, people) if (people > 0).any() else None
