"""Which array of a file is what, by the names that the field's programs give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lookalike.errors import UserError, unknown

SIDES = {"query": ("query", "q", "mquery", "probe"), "gallery": ("gallery", "g")}
# Ours first; then torchreid's, fast-reid's, layumi's and others'.
NAMES = {
    "features": ("features", "feats", "feature", "feat", "f", "embeddings", "embedding"),
    "pids": ("pids", "pid", "labels", "label", "targets", "ids", "id", "person_ids"),
    "camids": ("camids", "camid", "cams", "cam", "cameras", "camera", "camera_ids"),
    "paths": ("paths", "path", "img_paths", "image_paths", "names", "name", "files"),
    "clothes": ("clothes", "clothes_ids", "clothes_id", "cloth_ids", "clothids"),
    "person_names": ("person_names",),
    "camera_names": ("camera_names",),
}
WHOLE = {
    "distances": ("distances", "distmat", "dist_mat", "distance_matrix", "distance", "dist"),
    "num_query": ("num_query", "num_queries"),
}
KEYS = (*NAMES, *(f"{side}_{name}" for side in SIDES for name in NAMES), *WHOLE)


def checked_keys(words: Iterable[str]) -> dict[str, str]:
    """ "pids=labels" and so on as a dictionary. Raises UserError for another form or name."""
    keys = {}
    for word in words:
        ours, equals, theirs = word.partition("=")
        if not equals or not theirs:
            raise UserError(f"'{word}' isn't OURS=THEIRS, such as pids=labels.")
        if ours not in KEYS:
            raise unknown("array", ours, KEYS)
        keys[ours] = theirs
    return keys


def plain(name: str) -> str:
    """What a column of a list is, of `NAMES`, or ""."""
    return next((ours for ours, others in NAMES.items() if _key(name) in others), "")


def find(name: str, side: str, names: Iterable[str], keys: Mapping[str, str], file: str) -> str:
    """The one of a file's `names` that is `name` ("pids") of a side, "" if there is none.

    side: "query" or "gallery", where the names say it; "" where they don't. keys: the user's own,
    of ours. Raises UserError where a name of the user isn't there, or where several would do.
    """
    names = list(names)
    ours = f"{side}_{name}" if side else name
    theirs = keys.get(ours, "" if side else keys.get(name, ""))
    if theirs:
        if theirs not in names:
            raise missing(theirs, names, file)
        return theirs
    if ours in names:
        return ours
    others = NAMES.get(name, WHOLE.get(name, ()))
    known = {*others} if not side else {
        form for mark in SIDES[side] for other in others
        for form in (f"{mark}_{other}", f"{mark}{other}", f"{other}_{mark}")
    }  # fmt: skip
    found = [theirs for theirs in names if _key(theirs) in known]
    if len(found) > 1:
        raise UserError(
            f"{file} has {' and '.join(found)}, each of which may be {ours}: choose with --keys "
            f"{ours}={found[0]}."
        )
    return found[0] if found else ""


def missing(name: str, names: Iterable[str], file: str, hint: str = "") -> UserError:
    """The error for an array that isn't in a file, with those that are."""
    names = [name or "an array without a name" for name in names]
    shown = 8
    present = ", ".join(names[:shown]) + (", …" if len(names) > shown else "")
    return UserError(f"{file} has no array '{name}'; it has {present or 'none'}{hint}.")


def _key(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_").replace(" ", "_")
