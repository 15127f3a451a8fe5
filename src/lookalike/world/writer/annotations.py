"""What is known of rendered images, given their paths: in any order, of several worlds at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.errors import UserError
from lookalike.reading import check_file, check_inflated, read_settings
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.layout import WORLD, unpack_parts

Array = NDArray[Any]
# What the truth of a split has beside names and masks, and the shape of an image's
COLUMNS: dict[str, tuple[int, ...]] = {
    "keypoints2d": (18, 3), "keypoints3d": (18, 3), "boxes": (4,), "yaws": (), "kinds": (),
    "native_heights": (), "occluded": (), "clothes": (), "frames": (), "pids": (), "camids": (),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Truths:
    """The truth of N images of H×W pixels; indexing gives that of some of them.

    The masks stay packed, 1 KiB of 128×64 pixels each, until `masks` or `amodal` is asked for.
    """

    paths: Array
    """N texts."""
    keypoints2d: NDArray[np.float32]
    """N×18×3, OpenPose's order: x, y (pixels of the image), and 1 where the joint is seen."""
    keypoints3d: NDArray[np.float32]
    """N×18×3 metres in the camera's axes: right, down, forward."""
    boxes: NDArray[np.float32]
    """N×4: left, top, width, height of the crop in the camera's frame of 1280×720 pixels."""
    yaws: NDArray[np.float32]
    """N radians in [0, 2π): 0 looks the camera's way."""
    kinds: Array
    """N texts: walk, stand, phone, …"""
    native_heights: NDArray[np.float32]
    """N: the person's height in the frame, pixels."""
    occluded: NDArray[np.float32]
    """N: share of the person, as far as inside the crop, that something hides."""
    clothes: NDArray[np.int64]
    """N: the set of clothes, from 0."""
    frames: NDArray[np.int64]
    """N: the number of the image among its person's by its camera, from 0."""
    pids: NDArray[np.int64]
    """N: persons as the file names count them, from 1 in every world."""
    camids: NDArray[np.int64]
    """N: cameras, from 0 in every world."""
    packed_masks: NDArray[np.uint8]
    packed_amodal: NDArray[np.uint8]
    size: tuple[int, int]
    """H and W."""

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: Any) -> Truths:
        index = np.atleast_1d(np.arange(len(self))[index])
        columns = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "size"}
        return Truths(**columns, size=self.size)

    @property
    def masks(self) -> NDArray[np.bool_]:
        """N×H×W: where the person is seen."""
        return self._unpacked(self.packed_masks)

    @property
    def amodal(self) -> NDArray[np.bool_]:
        """N×H×W: where the person would be seen if nothing stood in front."""
        return self._unpacked(self.packed_amodal)

    def parts(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Reads the maps of materials and of body parts, N×H×W each, inside `amodal`.

        Materials: 0 background 1 skin 2 hair 3 top 4 bottom 5 shoe 6 accessory 7 outer 8 sock.
        Parts: 0 background and things carried, 1 torso 2 hip 3 thigh 4 shin 5 foot 6 upper arm
        7 lower arm 8 hand 9 neck 10 head. Raises UserError if a file can't be read.
        """
        maps = np.empty((len(self), *self.size), np.uint8)
        for i, path in enumerate(self.paths):
            file = part_map(path)
            try:
                check_file(file)
                with Image.open(file) as image:
                    maps[i] = np.asarray(image)
            except Exception as error:  # pillow's readers raise whatever a broken file makes them
                raise UserError(f"Can't read the part map '{file}' ({error}).") from error
        return unpack_parts(maps)

    def _unpacked(self, packed: NDArray[np.uint8]) -> NDArray[np.bool_]:
        height, width = self.size
        bits = np.unpackbits(packed, axis=1, count=height * width)
        return bits.reshape(-1, height, width).astype(np.bool_)


def part_map(path: str | Path) -> Path:
    """Where the map of materials and body parts of a rendered image lies."""
    path = Path(path)
    return path.parents[1] / "parts" / path.parent.name / f"{path.stem}.png"


def truth_of(paths: Iterable[str | Path]) -> Truths:
    """The truth of rendered images, a row a path, in the order asked for.

    Raises UserError for an image that is of no rendered world, or whose truth has gone, and for
    images of different sizes.
    """
    files = [Path(path).absolute() for path in paths]
    if not files:
        raise UserError("No image was given to know something of.")
    rows: dict[Path, list[int]] = {}
    for row, path in enumerate(files):
        rows.setdefault(path.parent, []).append(row)
    parts = [_of_folder(folder, [files[i].name for i in rows[folder]]) for folder in rows]
    sizes = {
        tuple(columns.pop("size").tolist()): folder
        for folder, columns in zip(rows, parts, strict=True)
    }
    if len(sizes) > 1:
        raise UserError(
            f"Images of different sizes ({' and '.join(map(str, sizes.values()))}): ask for the "
            "truth of one size at a time."
        )
    order = np.argsort(np.concatenate([rows[folder] for folder in rows]))
    columns = {name: np.concatenate([part[name] for part in parts])[order] for name in parts[0]}
    return Truths(
        paths=np.array([str(p) for p in files], object), **columns, size=next(iter(sizes))
    )


def _of_folder(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """The columns of `Truths` for the files `names` of a world's folder, and `size`."""
    file = folder.parent / "truth" / f"{folder.name}.npz"
    try:
        columns = _columns(file)
    except Exception as error:  # NumPy answers damage with nearly every kind of exception
        raise UserError(
            f"No truth of the images in '{folder}': '{file}' can't be read; only a rendered world "
            "that is finished has it."
        ) from error
    all_names = columns.pop("name")  # in ascending order
    rows = np.searchsorted(all_names, names).clip(0, len(all_names) - 1)
    if (unknown := all_names[rows] != names).any():
        raise UserError(
            f"'{folder / names[int(unknown.argmax())]}' is no image of its world: '{file}' doesn't "
            "have it."
        )
    size = columns.pop("size")
    columns["packed_masks"], columns["packed_amodal"] = columns.pop("masks"), columns.pop("amodal")
    return {"size": size, **{name: column[rows] for name, column in columns.items()}}


def _columns(file: Path) -> dict[str, Any]:
    """The arrays of a split's truth. Raises ValueError for what `finish` never writes."""
    check_file(file)
    check_inflated(file)
    with np.load(file, allow_pickle=False) as arrays:
        columns = {name: arrays[name] for name in arrays.files}
    height, width = map(int, columns["size"])
    masks = (-(-height * width // 8),)
    known = {"masks": masks, "amodal": masks, "name": (), **COLUMNS}
    rows = len(columns["name"])
    wrong = [n for n, shape in known.items() if columns[n].shape != (rows, *shape)]
    kinds = dict.fromkeys(known, "fiu") | {"name": "U", "kinds": "U", "masks": "u", "amodal": "u"}
    wrong += [n for n, kind in kinds.items() if columns[n].dtype.kind not in kind]
    if wrong or columns.keys() != {*known, "size"} or not (height > 0 and width > 0):
        raise ValueError(f"its {wrong or [*columns]} are no truth of images")
    return columns


def spec_of(root: Path) -> WorldSpec:
    """What was rendered in a world's folder; raises UserError if it can't be rendered any more."""
    if not (root / WORLD).is_file():
        raise UserError(f"No rendered world in '{root}': it has no {WORLD}.")
    world = read_settings(root / WORLD, "render the world again, in another folder")
    try:
        return WorldSpec.from_dict(world["spec"])
    except UserError as error:
        raise UserError(f"'{root / WORLD}' is of no world that can be: {error}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise other_version(root) from error


def other_version(root: Path) -> UserError:
    """What is said where a world can't be rendered again as it was."""
    return UserError(f"'{root}' was rendered by another version of lookalike: render it again.")
