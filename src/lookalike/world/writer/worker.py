"""A process that renders people, one after another, as the process that started it asks."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from lookalike.workers import serve
from lookalike.world.spec import WorldSpec
from lookalike.world.wardrobe.people import attributes
from lookalike.world.writer.layout import (
    SPLITS,
    TRAIN,
    Crop,
    crops,
    pack_parts,
    people_tested,
    person_file,
    write_file,
)

if TYPE_CHECKING:
    from lookalike.world.renderer.shots import Shot, Site


def render_people(out: str, spec: dict[str, Any]) -> None:
    """The whole life of a process that renders people of the world `spec` into `out`."""

    def prepare() -> Callable[[Any], dict[str, Any]]:
        from lookalike.world.bodies.body import body
        from lookalike.world.renderer.shots import Site

        body()  # before other processes start: on its first use ever it fills a cache
        world = WorldSpec.from_dict(spec)
        site, test = Site(world), people_tested(world)
        return lambda person: render_person(site, crops(world, person, person in test), Path(out))

    serve(prepare)


def render_person(site: Site, wanted: list[Crop], out: Path) -> dict[str, Any]:
    """Writes a person's images, their part maps, and last the file that says they are complete."""
    rows: list[dict[str, Any]] = []
    clothes: list[dict[str, str | int | bool]] = []
    for crop in wanted:
        rows.append(_write_crop(site.shot(crop.person, crop.camera, crop.k), crop, out))
        if crop.clothes == len(clothes):  # they come in order; the site still has the person
            worn = site.person(crop.person, crop.clothes)
            clothes.append(attributes(worn.identity, worn.outfit))
    first = wanted[0].person
    tested = any(crop.split != TRAIN for crop in wanted)
    about: dict[str, Any] = {"person": {"pid": first + 1, "tested": tested, "clothes": clothes}}
    if first == 0:
        about["cameras"] = _cameras(site)
    file = io.BytesIO()
    columns: dict[str, Any] = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    np.savez(file, **columns, about=json.dumps(about))
    write_file(person_file(out, first), file.getvalue(), out)
    return {"images": len(rows)}


def _write_crop(shot: Shot, crop: Crop, out: Path) -> dict[str, Any]:
    """Writes an image and its part map; gives its row of the truth."""
    truth = shot.truth
    parts = io.BytesIO()
    Image.fromarray(pack_parts(truth.materials, truth.parts)).save(parts, "PNG")
    write_file(out / crop.split / f"{crop.stem}.jpg", shot.jpeg, out)
    write_file(out / "parts" / crop.split / f"{crop.stem}.png", parts.getvalue(), out)
    return {
        "name": f"{crop.stem}.jpg",
        "split": SPLITS.index(crop.split),
        "digest": hashlib.sha256(shot.jpeg).hexdigest(),
        "pids": np.int64(crop.person + 1),
        "camids": np.int64(crop.camera),
        "clothes": np.int64(crop.clothes),
        "frames": np.int64(crop.k),
        "keypoints2d": np.asarray(truth.keypoints2d, np.float32),
        "keypoints3d": np.asarray(truth.keypoints3d, np.float32),
        "boxes": np.asarray(truth.box, np.float32),
        "yaws": np.float32(truth.yaw),
        "kinds": truth.pose,
        "native_heights": np.float32(truth.native_height),
        "occluded": np.float32(truth.occluded),
        "masks": np.packbits(truth.mask),
        "amodal": np.packbits(truth.amodal),
    }


def _cameras(site: Site) -> list[dict[str, Any]]:
    """What cameras.json says; `exposure` is the gain with what automatic exposure made of it."""
    return [
        asdict(site.camera(i)) | {"exposure": site.frame(i).gain} for i in range(site.spec.cameras)
    ]
