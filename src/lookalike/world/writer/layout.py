"""Where everything of a rendered world lies: Market-1501's folders, and the truth beside them.

OUT/bounding_box_train/0001_c1s1_000000_01.jpg     the images, in three folders
OUT/{query,bounding_box_test}/…
OUT/truth/SPLIT.npz                                what is known of them, a row an image
OUT/parts/SPLIT/0001_c1s1_000000_01.png            what every pixel shows
OUT/poses.csv, OUT/poses.jsonl                     key points as other tools read them
OUT/{world,cameras,identities}.json                what was rendered
OUT/in-progress/                                   until all people are there: a file a person
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import UserError
from lookalike.world.seeds import rng
from lookalike.world.spec import WorldSpec

TRAIN, QUERY, GALLERY = SPLITS = ("bounding_box_train", "query", "bounding_box_test")
WORLD = "world.json"  # written last: a folder that has it is finished
PROGRESS = "in-progress"
# What is known of the images: kind of annotation → file or folder.
ANNOTATIONS = {
    "pose": "poses.csv",
    "openpose": "poses.jsonl",
    "truth": "truth",
    "mask": "truth",
    "parts": "parts",
    "structure": "structure",
    "identities": "identities.json",
    "cameras": "cameras.json",
}


@dataclass(frozen=True)
class Crop:
    """One image to render: crop `k` of a person (from 0) by a camera (from 0)."""

    person: int
    camera: int
    k: int
    clothes: int
    split: str
    """The folder it goes to."""

    @property
    def stem(self) -> str:
        """The file's name without suffix: 0001_c1s1_000000_01.

        Person and camera from 1, s for the set of clothes from 1, k, and Market-1501's number of
        the box in the frame, of which there is one.
        """
        return f"{self.person + 1:04d}_c{self.camera + 1}s{self.clothes + 1}_{self.k:06d}_01"


def check_testable(spec: WorldSpec) -> None:
    """Raises UserError where people are to be tested but could never be found again."""
    if spec.cameras == 1 and people_tested(spec):
        raise UserError(
            "People are tested across cameras: a world needs 2 or more of them, or a test fraction "
            "of 0."
        )


def people_tested(spec: WorldSpec) -> frozenset[int]:
    """The people (from 0) who are tested on: `test_fraction` of them, rounded down, drawn."""
    count = int(spec.people * spec.test_fraction + 1e-6)  # .29 of 100 is 28.999999999999996
    order = rng("tested", spec.seed, spec.domain.name, spec.site).permutation(spec.people)
    return frozenset(order[:count].tolist())


def crops(spec: WorldSpec, person: int, is_tested: bool) -> list[Crop]:
    """The images of a person (from 0), by set of clothes, camera and k.

    A tested person is asked for with one image, drawn, of each camera; the others are the gallery.
    With one image in a camera, every other camera asks (the even or the odd ones, by the person),
    so that each query has a right entry in another camera.
    """

    def split(camera: int, k: int) -> str:
        if not is_tested:
            return TRAIN
        if spec.images == 1:
            return QUERY if (camera + person) % 2 == 0 else GALLERY
        key = (spec.seed, spec.domain.name, spec.site, person, camera)
        return QUERY if k == rng("query", *key).integers(spec.images) else GALLERY

    return [
        Crop(person, camera, k, clothes, split(camera, k))
        for clothes in range(spec.clothes)  # a person changes once, not at every crop
        for camera in range(spec.cameras)
        for k in range(clothes, spec.images, spec.clothes)
    ]


def pack_parts(materials: NDArray[np.uint8], parts: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Both maps in one byte a pixel: the material plus 16 times the body part."""
    return (materials + 16 * parts).astype(np.uint8)


def unpack_parts(packed: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Materials and body parts, shaped as `packed`."""
    return packed % 16, packed // 16


def person_file(out: Path, person: int) -> Path:
    """Holds the truth of a person's images until the world is finished; written after them."""
    return out / PROGRESS / f"{person + 1:06d}.npz"


def write_file(path: Path, data: bytes, out: Path) -> None:
    """The file, complete or not at all, also when another process writes the same one."""
    part = out / PROGRESS / f"{path.name}.{token_hex(4)}"
    part.write_bytes(data)
    part.replace(path)
