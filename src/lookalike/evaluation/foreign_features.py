"""Features in files, whoever wrote them, as queries and a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.readers.crops import UNKNOWN as NO_CAMERA
from lookalike.data.readers.crops import plain as plain_name
from lookalike.data.text import text_encoding
from lookalike.errors import UserError
from lookalike.evaluation.feature_files import Contents, arrays_in, read_list
from lookalike.evaluation.feature_names import SIDES, checked_keys, find, missing, plain
from lookalike.evaluation.features import Features, Ids, same_images

Arrays = dict[str, NDArray[Any]]
COLUMNS = ("features", "pids", "camids")  # of a side, as `lookalike embed --data` writes them
TEXTS = ("paths", "clothes", "person_names", "camera_names")  # columns that may lack


def read_features(
    files: Sequence[str | Path],
    keys: Sequence[str] = (),
    lists: Sequence[str | Path] = (),
    queries: int = 0,
    encoding: str = "",
) -> Features:
    """The `Features` in files that any model wrote, of the kinds of `arrays_in`.

    Two files are the queries and the gallery, each with features (N×D), pids and camids (N). One
    file has both, as query_features, gallery_features, query_pids, … or, as fast-reid has them, in
    one array of which the first `queries` rows (or num_query in the file) are the queries. Instead
    of features one file may have the Q×G distances. `feature_names` has other names that are known;
    keys: "OURS=THEIRS" for those that aren't. lists: tables or lists of names that say who is on
    the rows, one for each side, or one for a file of both; in `encoding` if they aren't UTF-8.
    Where there are paths too (N texts), `Features.twins` follows from them. Other arrays are left
    alone. Raises UserError for another number of files, and where one can't be read, lacks an array
    or has one of the wrong shape or kind.
    """
    if len(files) not in (1, 2):
        raise UserError(f"Give one file of features, or two, not {len(files)}.")
    theirs = checked_keys(keys)
    with text_encoding(encoding):
        tables = [read_list(file, plain) for file in lists]
    contents = [arrays_in(file) for file in files]
    if len(files) == 2:
        if len(tables) not in (0, 2):
            raise UserError("Give a list for each of the two files, or none.")
        of_each = tables or [{}, {}]
        query, gallery = (
            _Source(str(file), content, theirs, table).side(side, loose=True)
            for file, content, side, table in zip(files, contents, SIDES, of_each, strict=True)
        )
        return _features(query, gallery)
    return _in_one(str(files[0]), contents[0], theirs, tables, queries)


def _in_one(
    file: str, content: Contents, keys: dict[str, str], tables: list[Arrays], queries: int
) -> Features:
    """The `Features` of a file that has both sides."""
    lone = set(content) == {""}
    source = _Source(file, content, keys, {})
    split = queries or source.number("num_query")
    if (lone and len(tables) == 2 and not split) or source.distances():
        of_each = tables if len(tables) == 2 else [{}, {}]
        sides = [
            _Source(file, content, keys, table).side(side, distances=True)
            for side, table in zip(SIDES, of_each, strict=True)
        ]
        name = "" if lone else source.distances()
        return _ranked_already(source.array(name), sides[0], sides[1], file)
    if lone and not tables:
        raise UserError(
            f"{file} is one array without a name: say who is on its rows with --lists, or write an "
            ".npz file of several."
        )
    if not split:
        if lone:
            raise UserError(f"Say with --queries how many of the rows of {file} are queries.")
        of_each = tables if len(tables) == 2 else [{}, {}]
        if len(tables) == 1:
            raise UserError(f"{file} has two sides: give a list for each, or none.")
        return _features(*(
            _Source(file, content, keys, table).side(side)
            for side, table in zip(SIDES, of_each, strict=True)
        ))  # fmt: skip
    if len(tables) > 1:
        raise UserError(f"Give one list of all rows of {file}, or none.")
    both = _Source(file, content, keys, tables[0] if tables else {}).side("")
    if not 0 < split < len(both.features):
        raise UserError(
            f"{split} of the {len(both.features)} rows of {file} can't be the queries: some must "
            "be, and some the gallery."
        )
    return _features(both.rows(slice(split)), both.rows(slice(split, None)))


@dataclass(frozen=True, eq=False)
class _Side:
    """The rows of one side; the others but the first three: N texts, or None."""

    features: NDArray[Any]
    pids: Ids
    camids: Ids
    paths: list[str] | None
    clothes: list[str] | None
    person_names: list[str] | None
    camera_names: list[str] | None
    steps: list[str] | None = None

    def rows(self, rows: slice) -> _Side:
        texts = (self.paths, self.clothes, self.person_names, self.camera_names)
        columns = (None if x is None else x[rows] for x in texts)
        return replace(_Side(self.features[rows], self.pids[rows], self.camids[rows], *columns),
                       steps=self.steps)  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Source:
    """A file's arrays, the user's names for them, and the columns of a list beside it."""

    file: str
    content: Contents
    keys: dict[str, str]
    table: Arrays

    def array(self, name: str) -> NDArray[Any]:
        return self.content[name]()

    def number(self, name: str) -> int:
        key = find(name, "", self.content, self.keys, self.file)
        array = self.array(key) if key else np.array(0)
        return int(array.ravel()[0]) if array.size == 1 and array.dtype.kind in "iu" else 0

    def distances(self) -> str:
        """The name of the distances, where they are what is to be ranked; "" if it is features."""
        if "distances" in self.keys:
            return find("distances", "", self.content, self.keys, self.file)
        features = any(
            find("features", side, self.content, self.keys, self.file) for side in ("", *SIDES)
        )
        return "" if features else find("distances", "", self.content, self.keys, self.file)

    def name(self, name: str, side: str, loose: bool) -> str:
        """What the file calls it, "" if it has none; loose: also without the side's name."""
        key = find(name, side, self.content, self.keys, self.file)
        if not key and loose:
            key = find(name, "", self.content, self.keys, self.file)
        return key

    def side(self, side: str, loose: bool = False, distances: bool = False) -> _Side:
        """The rows of a side. distances: it has no features."""
        names = {name: self.name(name, side, loose) for name in (*COLUMNS, *TEXTS)}
        if set(self.content) == {""}:
            names["features"] = "" if distances else "features"
        for name in COLUMNS[distances:]:
            if name not in self.table and not names[name]:
                ours = name if loose or not side else f"{side}_{name}"
                loosely = not loose and side and find("features", "", self.content, {}, self.file)
                hint = " (--queries N: the first N rows are the queries)" if loosely else ""
                raise missing(ours, self.content, self.file, hint)
        lone = set(self.content) == {""}
        features = np.zeros((0, 0), np.float32)
        if not distances:
            features = _numbers(self.array("" if lone else names["features"]),
                                names["features"], self.file)  # fmt: skip
        columns = {}
        for name in ("pids", "camids"):
            given = self.table.get(name)
            column = self.array(names[name]) if given is None else given
            shown = f"'{names[name]}' in {self.file}" if given is None else f"{name} of the list"
            rows = len(column) if distances and column.ndim else len(features)
            if column.shape != (rows,) or column.dtype.kind not in "iu":
                raise UserError(
                    f"{shown} must be {rows} whole numbers, one per image, not {column.dtype} of "
                    f"{column.shape}."
                )
            columns[name] = column.astype(np.int64)
        rows = len(columns["pids"])
        texts = (self.texts(name, names[name], rows) for name in TEXTS)
        side_of = _Side(features, columns["pids"], columns["camids"], *texts)
        return replace(side_of, steps=self.steps())

    def steps(self) -> list[str] | None:
        """What was done to the features, where `lookalike embed` wrote that beside them."""
        with suppress(UserError):  # somebody else's array of that name, which is left alone
            array = self.array("steps") if "steps" in self.content else np.zeros(0)
            return [*map(str, array)] if array.dtype.kind == "U" and array.ndim == 1 else None
        return None

    def texts(self, name: str, key: str, rows: int) -> list[str] | None:
        """A column of N texts, or whole numbers as texts; None where there is none such."""
        column = self.table.get(name)
        if column is None:
            column = self.array(key) if key else np.array("")
        if not column.ndim:  # the name of something else
            return None
        whole = column.dtype.kind == "f" and (column == np.round(column)).all()
        if column.shape != (rows,) or not (whole or column.dtype.kind in "USiu"):
            raise UserError(
                f"'{key or name}' in {self.file} must be {rows} texts or whole numbers, one per "
                f"image, not {column.dtype} of {column.shape}."
            )
        if column.dtype.kind == "S":
            return [value.decode("utf-8", "surrogateescape") for value in column.tolist()]
        return [str(int(value) if whole else value) for value in column.tolist()]


def _numbers(features: NDArray[Any], name: str, file: str) -> NDArray[Any]:
    if features.ndim != 2 or features.dtype.kind not in "fiu":
        raise UserError(
            f"'{name}' in {file} must be N×D numbers, not {features.dtype} of {features.shape}."
        )
    # Whatever wrote them: torch takes no foreign byte order and no long doubles.
    single = features.dtype.kind == "f" and features.dtype.itemsize <= 4
    return features.astype(np.float32 if single else np.float64, copy=False)


def _features(query: _Side, gallery: _Side) -> Features:
    if query.features.shape[1] != gallery.features.shape[1]:
        raise UserError(
            f"Query features have {query.features.shape[1]} numbers and gallery features "
            f"{gallery.features.shape[1]}: both must come from one model."
        )
    if query.steps != gallery.steps:
        one, other = (", ".join(side.steps or ["none"]) for side in (query, gallery))
        raise UserError(
            f"The steps of the query features are {one}; those of the gallery features {other}: "
            "embed both with the same flags."
        )
    both = _with_sides(query.features, gallery.features, query, gallery)
    return replace(both, steps=tuple(query.steps or ()))


def _ranked_already(distances: NDArray[Any], query: _Side, gallery: _Side, file: str) -> Features:
    """Sides without features, and the distances between them."""
    shape = len(query.pids), len(gallery.pids)
    if distances.shape != shape or distances.dtype.kind not in "fiu":
        raise UserError(
            f"The distances in {file} must be numbers of {shape[0]} queries × {shape[1]} gallery "
            f"images, not {distances.dtype} of {distances.shape}."
        )
    none = np.zeros((shape[0], 0), np.float32), np.zeros((shape[1], 0), np.float32)
    both = _with_sides(*none, query, gallery)
    return replace(both, distances=_numbers(distances, "distances", file), twins=None)


def _with_sides(query: NDArray[Any], gallery: NDArray[Any], one: _Side, other: _Side) -> Features:
    one, other = _by_names(one, other)
    twins = None
    if one.paths is not None and other.paths is not None:
        twins = same_images(one.paths, other.paths, query, gallery)
    clothes = None
    if one.clothes is not None and other.clothes is not None:
        _, numbers = np.unique([*one.clothes, *other.clothes], return_inverse=True)
        clothes = numbers[: len(one.clothes)], numbers[len(one.clothes) :]
    return Features(query, gallery, one.pids, other.pids, one.camids, other.camids, twins, clothes)


def _by_names(one: _Side, other: _Side) -> tuple[_Side, _Side]:
    """Both sides with numbers of persons and cameras that mean the same, where both have names.

    A number is then that of one file alone. Cameras that nobody knows are another on either side,
    so that no protocol leaves out a match as the query's own camera's. Raises UserError where one
    side alone has names, for nothing says then what its numbers mean on the other.
    """
    for what in ("person_names", "camera_names"):
        if (getattr(one, what) is None) != (getattr(other, what) is None):
            raise UserError(
                f"One side alone has {what}, so its numbers mean nobody on the other: write both "
                "with `lookalike embed` and the same flags, or leave the names out where the "
                "numbers agree."
            )
    if one.person_names is not None and other.person_names is not None:
        texts = [plain_name(name) for name in (*one.person_names, *other.person_names)]
        numbers = np.unique(texts, return_inverse=True)[1] + 1
        pids = np.concatenate([one.pids, other.pids])
        pids = np.where(pids > 0, numbers, pids)  # junk and distractors stay nobody
        one = replace(one, pids=pids[: len(one.pids)])
        other = replace(other, pids=pids[len(one.pids) :])
    if one.camera_names is not None and other.camera_names is not None:
        unknown = [f"{name} of the gallery" if name == NO_CAMERA else name
                   for name in other.camera_names]  # fmt: skip
        numbers = np.unique([*one.camera_names, *unknown], return_inverse=True)[1]
        one = replace(one, camids=numbers[: len(one.camids)])
        other = replace(other, camids=numbers[len(one.camids) :])
    return one, other
