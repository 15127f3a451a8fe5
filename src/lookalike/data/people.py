"""The two words of the data floor: `People`, a table of crops; `Benchmark`, its three splits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lookalike.data.poses.poses import Poses

DISTRACTOR = 0  # a crop of nobody that is asked for: always wrong in a ranking
JUNK = -1  # a crop that is neither right nor wrong: ignored in a ranking
UNKNOWN = -2  # who it is isn't known: trained on without a label, never ranked

Index = NDArray[np.int64]
Shift = tuple[int, int]  # what a domain's identities and cameras were numbered on by
T = TypeVar("T")


def evenly(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of the items, evenly spaced from the first to the last."""
    rows = np.linspace(0, len(items) - 1, min(count, len(items)))
    return [items[i] for i in rows.round().astype(int)]


@dataclass(frozen=True, eq=False)
class People:
    """An immutable table of crops: row i is the image file `paths[i]` of person `pids[i]`.

    paths: N file names. pids: N int64; identities are ≥ 1, `DISTRACTOR` is 0, `JUNK` −1, `UNKNOWN`
    −2. camids: N int64, from 0. domain: where the crops come from ("market1501"): a name for all,
    or one for each row; kept as N names.
    poses: of the N crops, once `lookalike.data.poses.with_poses` has read them.
    Slicing (by slice, mask or index array) gives `People`, and so does a sum. Raises ValueError on
    unequal lengths.
    """

    paths: Sequence[str]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    domain: str | Sequence[str] = ""
    poses: Poses | None = None
    part: NDArray[np.int64] | None = field(default=None, repr=False)
    """The number of the summand that every row comes from; None: there is only one."""
    shifts: Mapping[str, Shift] = field(default_factory=dict, repr=False)
    """By how much a sum has numbered every domain on, where it has."""

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
        domain = np.empty(len(paths), dtype=object)
        domain[:] = self.domain if isinstance(self.domain, str) else list(self.domain)
        part = np.zeros(len(paths), np.int64) if self.part is None else np.array(self.part)
        columns = {"paths": paths, "pids": pids, "camids": camids, "domain": domain, "part": part}
        for name, column in columns.items():
            column.flags.writeable = False
            object.__setattr__(self, name, column)
        object.__setattr__(self, "shifts", MappingProxyType(dict(self.shifts)))

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        domains = f" ({', '.join(self.domains)})" if any(self.domains) else ""
        unknown = int((self.pids == UNKNOWN).sum())
        people = f"{self.num_pids:,} people" if not unknown or self.num_pids else "unknown people"
        strangers = f", {unknown:,} of unknown people" if unknown and self.num_pids else ""
        return (
            f"People: {len(self):,} crops of {people}{strangers}, {self.num_cams} cameras{domains}"
        )

    def __getitem__(self, index: Any) -> People:
        if isinstance(index, (int, np.integer)):
            index = [index]
        assert self.part is not None
        return People(
            self.paths[index],
            self.pids[index],
            self.camids[index],
            self.domain[index],
            None if self.poses is None else self.poses[index],
            self.part[index],
            self.shifts,
        )

    def __add__(self, other: People) -> People:
        """The rows of both, annotations joined; a row's part tells where it comes from.

        Domains that the left side doesn't have are numbered on: their identities and cameras become
        new ones. Rows of a domain that both sides have keep the left side's numbers, so that a crop
        and its fake are one person seen by one camera.
        """
        pids, camids, shifts = _numbered_on(self, other)
        assert self.part is not None
        assert other.part is not None
        return People(
            [*self.paths, *other.paths],
            np.concatenate([self.pids, pids]),
            np.concatenate([self.camids, camids]),
            [*self.domain, *other.domain],
            _joined(self, other),
            np.concatenate([self.part, other.part + len(self.parts)]),
            shifts,
        )

    @property
    def domains(self) -> tuple[str, ...]:
        """The names of the domains, each once, in the order of the rows."""
        return tuple(dict.fromkeys(self.domain))

    @property
    def parts(self) -> list[Index]:
        """The rows of every summand, in order; one part where nothing was added."""
        assert self.part is not None
        count = int(self.part.max(initial=0)) + 1
        return [np.flatnonzero(self.part == k) for k in range(count)]

    @property
    def classes(self) -> NDArray[np.int64]:
        """The identities in ascending order; junk, distractors and unknown people left out."""
        return np.unique(self.pids[self.pids > DISTRACTOR])

    @property
    def num_pids(self) -> int:
        return len(self.classes)

    @property
    def num_cams(self) -> int:
        return len(np.unique(self.camids))

    def labels(self) -> NDArray[np.int64]:
        """The class index of every crop: N int64 in [0, num_pids), −1 for all others."""
        labels = np.searchsorted(self.classes, self.pids).astype(np.int64)
        labels[self.pids <= DISTRACTOR] = -1
        return labels

    def posed_labels(self) -> NDArray[np.int64]:
        """The labels of the crops with a known joint, −1 for all others: N int64."""
        if self.poses is None:
            return np.full(len(self), -1)
        return np.where(self.poses.known > 0, self.labels(), -1)

    def unlabelled(self) -> People:
        """The same crops of people who aren't known: all pids are `UNKNOWN`."""
        return replace(self, pids=np.full(len(self), UNKNOWN))

    def named(self, domain: str) -> People:
        """The same crops in a domain of that name."""
        return replace(self, domain=domain, shifts={})

    def files(self, folder: Path, suffix: str = ".png") -> People:
        """The same rows as files below `folder`, perhaps not there yet: folder/ROW_NAME.suffix.

        Person, camera, domain and pose of every row stay: a picture of this person, made of it.
        """
        names = [f"{row:06d}_{Path(path).stem}{suffix}" for row, path in enumerate(self.paths)]
        return replace(self, paths=[str(Path(folder) / name) for name in names], part=None)

    @staticmethod
    def nobody(n: int, folder: Path, suffix: str = ".png") -> People:
        """n pictures of no one below `folder`, perhaps not there yet: `DISTRACTOR`s of a domain of
        their own, "nobody"."""
        paths = [str(Path(folder) / f"{row:06d}{suffix}") for row in range(n)]
        return People(paths, np.full(n, DISTRACTOR), np.zeros(n, np.int64), "nobody")


def _numbered_on(first: People, second: People) -> tuple[Index, Index, dict[str, Shift]]:
    """The identities and cameras of `second` beside those of `first`, and the shifts of both.

    Raises ValueError where rows of a domain that both have would be another domain's people or
    cameras.
    """
    shifts = dict.fromkeys(first.domains, (0, 0)) | dict(first.shifts)
    pids, camids = second.pids.copy(), second.camids.copy()
    domain = np.asarray(second.domain, object)
    new = [name for name in second.domains if name not in shifts]
    for name in [*(name for name in second.domains if name in shifts), *new]:
        rows, before = domain == name, second.shifts.get(name, (0, 0))
        if name in new:  # beyond all numbers of the left side, and of what both sides have
            old = ~np.isin(domain, new)
            shifts[name] = (
                int(max(first.pids.max(initial=0), pids[old].max(initial=0))) + before[0],
                int(max(first.camids.max(initial=-1), camids[old].max(initial=-1))) + 1 + before[1],
            )
        pids[rows & (second.pids > DISTRACTOR)] += shifts[name][0] - before[0]
        camids[rows] += shifts[name][1] - before[1]
    for name in set(second.domains) - set(new):
        others, own = np.asarray(first.domain, object) != name, domain == name
        own_pids = pids[own]
        if (
            np.isin(own_pids[own_pids > DISTRACTOR], first.pids[others]).any()
            or np.isin(camids[own], first.camids[others]).any()
        ):
            raise ValueError(
                f"People or cameras of domain '{name}' have numbers that another domain was given "
                f"before: add the whole of '{name}' before the others."
            )
    return pids, camids, shifts


def _joined(first: People, second: People) -> Poses | None:
    """The poses of both; a side without any has no known joint."""
    if first.poses is None and second.poses is None:
        return None
    sides = [p.poses if p.poses is not None else Poses.unknown(len(p)) for p in (first, second)]
    return sides[0] + sides[1]


def escaped(path: str) -> str:
    """The path as it stands in name:path: %3F for ?, and %25 for a % that would be read so."""
    return re.sub("%(?=3f|25)", "%25", path, flags=re.I).replace("?", "%3F")


def unescaped(path: str) -> str:
    """The path that stands so in name:path."""
    return re.sub("%(3f|25)", lambda m: "%" if m[1] == "25" else "?", path, flags=re.I)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """Who to train on and how to be judged: three `People` and the name of the protocol.

    name: the reader ("market1501"). root: the folder it was read from. protocol: a name that
    `lookalike.metrics.rank` knows. annotations: kind ("pose", "mask", …) → file or folder.
    pid_names: what an identity is called in the source, where that isn't its number.
    source: what the reader was given, where that isn't the folder `root`. options: the reader's
    options, so that `str(benchmark)`, name:root?options or name:source?options, loads it again.
    passed_over: what the reader found and left out: whole paths, by the reason.
    splits: the identities of each of the splits that the protocol ranks on their own, where these
    are the benchmark's.
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
    passed_over: dict[str, list[str]] = field(default_factory=dict)
    splits: tuple[tuple[int, ...], ...] = ()

    def __str__(self) -> str:
        values = {
            k: str(v).replace("%", "%25").replace("&", "%26") for k, v in self.options.items()
        }
        options = "&".join(f"{key}={value}" for key, value in values.items())
        place = escaped(str(self.source or self.root))
        return f"{self.name}:{place}" + (f"?{options}" if options else "")

    def __repr__(self) -> str:
        splits = (("train", self.train), ("query", self.query), ("gallery", self.gallery))
        lines = [f"  {name:<8} {people!r}" for name, people in splits]
        return "\n".join([f"Benchmark {self}, protocol {self.protocol}", *lines])
