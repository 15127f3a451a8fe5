"""The first step of a world: its folder, what is rendered in it and what by."""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from lookalike import __version__
from lookalike.errors import UserError
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.finish import read_json
from lookalike.world.writer.layout import PROGRESS, SPLITS, WORLD, write_file

LIBRARIES = ("anny", "warp-lang", "torch", "numpy", "scipy", "pillow")
BEGUN = "begun.json"  # in PROGRESS: what is being rendered, and by what


def begin(out: Path, spec: WorldSpec) -> bool:
    """Makes the folders or checks that they are this world's; whether there is anything to do.

    Raises UserError when they are another's, or can't be written.
    """
    mine = {"spec": spec.as_dict(), "versions": versions()}
    try:
        if (out / WORLD).exists():
            _same(out, "spec", read_json(out / WORLD), mine, "holds another world")
            shutil.rmtree(out / PROGRESS, ignore_errors=True)  # if killed just before this was done
            return False
        other = [entry.name for entry in out.iterdir() if entry.name != PROGRESS] \
            if out.exists() else []  # fmt: skip
        begun = out / PROGRESS / BEGUN
        if begun.exists():
            _same(out, "spec", read_json(begun), mine, "holds another world")
            _same(out, "versions", read_json(begun), mine, "was begun with other versions")
        elif other:
            raise UserError(f"'{out}' holds other files: give a new or an empty folder.")
        (out / PROGRESS).mkdir(parents=True, exist_ok=True)
        if not begun.exists():  # before the folders: they are ours then
            write_file(begun, json.dumps(mine).encode(), out)
        (out / "truth").mkdir(exist_ok=True)
        for split in SPLITS:
            (out / split).mkdir(exist_ok=True)
            (out / "parts" / split).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"Can't write to '{out}' ({error.strerror}): give another folder."
        ) from error
    return True


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """What the bytes depend on beside the spec: libraries, and the renderer's own source."""
    digest = sha256()
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    found = {name: metadata.version(name) for name in LIBRARIES}
    return {"lookalike": __version__, **found, "renderer": digest.hexdigest()[:12]}


def _same(out: Path, key: str, theirs: dict[str, Any], mine: dict[str, Any], what: str) -> None:
    """Raises UserError that says `what` and names the differences, unless `key` is the same."""
    old, new = _flat(theirs.get(key, {})), _flat(json.loads(json.dumps(mine[key])))
    different = [
        f"{name} {old.get(name, 'none')}, not {new.get(name, 'none')}"
        for name in {**new, **old}
        if old.get(name) != new.get(name)
    ]
    if different:
        named = "; ".join(different[:4]) + ("; …" if len(different) > 4 else "")
        raise UserError(f"'{out}' {what} ({named}): give another folder.")


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
