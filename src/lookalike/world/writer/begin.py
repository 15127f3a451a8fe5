"""The first step of a world: its folder, what is rendered in it and what by."""

from __future__ import annotations

import shutil
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path

from lookalike.errors import UserError
from lookalike.folders import claim, differences
from lookalike.version import __version__
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import PROGRESS, SPLITS, WORLD

LIBRARIES = ("anny", "warp-lang", "torch", "numpy", "scipy", "pillow")
BEGUN = "begun.json"  # in PROGRESS: what is being rendered, and by what
FORM = "{name} {old}, not {new}"  # of a difference


def begin(out: Path, spec: WorldSpec) -> bool:
    """Makes the folders or checks that they are this world's; whether there is anything to do.

    Raises UserError when they are another's, or can't be written.
    """
    about = {"spec": spec.as_dict(), "versions": versions()}

    def require_same(note: str, key: str, other: str) -> None:
        claim(
            out,
            note,
            about,
            other=other,
            advice="give a new or an empty folder",
            changes=lambda old, new: differences(old.get(key, {}), new[key], FORM),
            ours=(PROGRESS,),
        )

    try:
        if (out / WORLD).exists():
            require_same(WORLD, "spec", "holds another world")
            shutil.rmtree(out / PROGRESS, ignore_errors=True)  # if killed just before this was done
            return False
        out.mkdir(parents=True, exist_ok=True)
        # Before the folders: they are ours then.
        require_same(f"{PROGRESS}/{BEGUN}", "spec", "holds another world")
        require_same(f"{PROGRESS}/{BEGUN}", "versions", "was begun with other versions")
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
    libraries = {name: metadata.version(name) for name in LIBRARIES}
    return {"lookalike": __version__, **libraries, "renderer": digest.hexdigest()[:12]}
