"""The last step of a world: what was noted for each person becomes the files that people read."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UserError
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import PROGRESS, SPLITS, WORLD, person_file, write_file

Columns = dict[str, NDArray[Any]]
POSES = ("name", "keypoints2d")


def finish(out: Path, spec: WorldSpec, versions: dict[str, str]) -> None:
    """Writes the truth, the poses and the JSON files, world.json last; then tidies up.

    Another process may do the same at the same time, with the same result.
    """
    try:
        tables, abouts = _gather([person_file(out, person) for person in range(spec.people)])
        for split, table in zip(SPLITS, tables, strict=True):
            write_file(out / "truth" / f"{split}.npz", _npz(table, spec), out)
        whole = {name: np.concatenate([table[name] for table in tables]) for name in POSES}
        write_file(out / "poses.csv", "".join(pose_table(whole)).encode(), out)
        write_file(out / "poses.jsonl", "".join(pose_lines(whole)).encode(), out)
        write_file(out / "cameras.json", _json(abouts[0]["cameras"]), out)
        write_file(out / "identities.json", _json([about["person"] for about in abouts]), out)
        digests = sorted(digest for table in tables for digest in table["digest"].tolist())
        world = {
            "spec": spec.as_dict(),
            "versions": versions,
            "images": len(digests),
            "sha256": sha256("".join(digests).encode()).hexdigest(),
        }
        write_file(out / WORLD, _json(world), out)
    except FileNotFoundError:
        if not (out / WORLD).exists():
            raise
    except OSError as error:
        raise UserError(
            f"Can't finish '{out}' ({error.strerror}); the same again goes on from here."
        ) from error
    shutil.rmtree(out / PROGRESS, ignore_errors=True)


def pose_table(columns: Columns) -> Iterator[str]:
    """Lines name:y:x as the pose files of FD-GAN and PATN are: whole pixels, −1 for unseen."""
    yield "name:keypoints_y:keypoints_x\n"
    seen = columns["keypoints2d"][..., 2] > 0
    pixels = np.where(seen[..., None], np.floor(columns["keypoints2d"][..., :2]), -1).astype(int)
    for name, points in zip(columns["name"], pixels, strict=True):
        yield f"{name}:{points[:, 1].tolist()}:{points[:, 0].tolist()}\n"


def pose_lines(columns: Columns) -> Iterator[str]:
    """A line an image with what OpenPose writes of it: 18 × (x, y, confidence), 0 for unseen."""
    for name, points in zip(columns["name"], columns["keypoints2d"], strict=True):
        shown = np.where(points[:, 2:] > 0, points, 0).astype(float).round(2)
        people = [{"pose_keypoints_2d": shown.ravel().tolist()}]
        yield json.dumps({"name": str(name), "people": people}) + "\n"


def _gather(files: list[Path]) -> tuple[list[Columns], list[dict[str, Any]]]:
    """The columns of each split, rows by name, and what is said about each person."""
    rows: list[list[Columns]] = [[] for _ in SPLITS]
    abouts = []
    for file in files:
        with np.load(file) as archive:
            columns = dict(archive)
        abouts.append(json.loads(str(columns.pop("about"))))
        split = columns.pop("split")
        for number, part in enumerate(rows):
            part.append({name: column[split == number] for name, column in columns.items()})
    tables = []
    for part in rows:
        table = {name: np.concatenate([row[name] for row in part]) for name in part[0]}
        order = np.argsort(table["name"])  # as a folder is listed
        tables.append({name: column[order] for name, column in table.items()})
    return tables, abouts


def _npz(table: Columns, spec: WorldSpec) -> bytes:
    """The truth of a split, as `lookalike.world.writer.annotations` describes it."""
    columns: dict[str, Any] = {name: column for name, column in table.items() if name != "digest"}
    file = io.BytesIO()
    np.savez_compressed(file, size=np.array([spec.height, spec.width]), **columns)
    return file.getvalue()


def _json(values: Any) -> bytes:
    return (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode()
