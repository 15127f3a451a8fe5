"""The two words of the data floor: `People`, a table of crops; `Benchmark`, its three splits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import Poses

JUNK = -1  # a crop that is neither right nor wrong: ignored in a ranking
DISTRACTOR = 0  # a crop of nobody that is asked for: always wrong in a ranking


@dataclass(frozen=True, eq=False)
class People:
    """An immutable table of crops: row i is the image file `paths[i]` of person `pids[i]`.

    paths: N file names. pids: N int64; identities are ≥ 1, `JUNK` is −1, `DISTRACTOR` is 0.
    camids: N int64, from 0. domain: where the crops come from ("market1501").
    poses: of the N crops, once `lookalike.data.poses.with_poses` has read them.
    Slicing (by slice, mask or index array) gives `People`. Raises ValueError on unequal lengths.
    """

    paths: Sequence[str]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    domain: str = ""
    poses: Poses | None = None

    def __post_init__(self) -> None:
        paths = np.array([str(p) for p in self.paths], dtype=object)
        pids = np.array(self.pids, dtype=np.int64).reshape(-1)
        camids = np.array(self.camids, dtype=np.int64).reshape(-1)
        if not len(paths) == len(pids) == len(camids):
            raise ValueError(
                f"People needs as many paths as pids and camids, got "
                f"{len(paths)}, {len(pids)} and {len(camids)}"
            )
        if self.poses is not None and len(self.poses) != len(paths):
            raise ValueError(f"{len(paths)} people, but {len(self.poses)} poses")
        for name, column in (("paths", paths), ("pids", pids), ("camids", camids)):
            column.flags.writeable = False
            object.__setattr__(self, name, column)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> People:
        if isinstance(index, (int, np.integer)):
            index = [index]
        poses = None if self.poses is None else self.poses[index]
        return People(self.paths[index], self.pids[index], self.camids[index], self.domain, poses)

    @property
    def classes(self) -> NDArray[np.int64]:
        """The identities in ascending order, junk and distractors left out."""
        return np.unique(self.pids[self.pids > DISTRACTOR])

    @property
    def num_pids(self) -> int:
        return len(self.classes)

    @property
    def num_cams(self) -> int:
        return len(np.unique(self.camids))

    def labels(self) -> NDArray[np.int64]:
        """The class index of every crop: N int64 in [0, num_pids), −1 for junk and distractors."""
        labels = np.searchsorted(self.classes, self.pids).astype(np.int64)
        labels[self.pids <= DISTRACTOR] = -1
        return labels


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Who to train on and how to be judged: three `People` and the name of the protocol.

    name: the reader ("market1501"). root: the folder it was read from. protocol: a name that
    `lookalike.metrics.rank` knows. annotations: kind ("pose", "mask", …) → file or folder.
    pid_names: what an identity is called in the source, where that isn't its number.
    source: what the reader was given, where that isn't the folder `root`. options: the reader's
    options, so that `str(benchmark)`, name:root?options or name:source?options, loads it again.
    """

    name: str
    root: Path
    train: People
    query: People
    gallery: People
    protocol: str = "market1501"
    annotations: dict[str, Path] = field(default_factory=dict)
    pid_names: dict[int, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    source: str = ""

    def __str__(self) -> str:
        values = {
            k: str(v).replace("%", "%25").replace("&", "%26") for k, v in self.options.items()
        }
        options = "&".join(f"{key}={value}" for key, value in values.items())
        return f"{self.name}:{self.source or self.root}" + (f"?{options}" if options else "")
