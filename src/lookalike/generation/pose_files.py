"""Poses in files, folders and beside images, and the image that each is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data.images import IMAGE_SUFFIXES, folder_names, image_size, list_images
from lookalike.data.poses import read_poses
from lookalike.data.poses.match import match
from lookalike.data.poses.readers.joint_orders import Table
from lookalike.data.poses.with_poses import BESIDE
from lookalike.errors import UserError

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class NamedPose:
    """A pose in a file: 18×3, of the image called `name`, in pixels of an image of the height and
    width `size`, if the file states that."""

    place: Path
    name: str
    joints: NDArray[np.float32]
    size: tuple[float, float] | None = None

    @property
    def path(self) -> str:
        return str(self.place / self.name)


def poses_in(place: Path) -> list[NamedPose]:
    """The poses of a place, in order of their names."""
    if not place.exists():
        raise UserError(f"There is no file, folder or image {place} to take poses from.")
    if place.suffix.lower() in IMAGE_SUFFIXES:
        return beside([place])
    try:
        poses = read_poses(place)
    except UserError:
        images = [place / name for name in list_images(place).images] if place.is_dir() else []
        if not images:
            raise
        return beside(images)
    return [NamedPose(place, name, poses[name], poses.sizes.get(name)) for name in sorted(poses)]


def beside(images: Sequence[Path]) -> list[NamedPose]:
    """The pose of every image, from a file of its name beside it, or from a pose file or folder
    there. Raises UserError naming the first that has none."""
    tables: dict[Path, Table] = {}
    poses = []
    for image in images:
        for place in pose_places(image):
            table = tables.get(place) or tables.setdefault(place, read_poses(place))
            if name := match(table, [str(image)]).get(str(image)):
                size = table.sizes.get(name)
                poses.append(NamedPose(image.parent, image.name, table[name], size))
                break
        else:
            raise UserError(
                f"The pose of {image} isn't known: lay {image.stem}.txt, "
                f"{image.stem}_keypoints.json or poses.csv beside it (`lookalike data poses` makes "
                "that), or give the pose file itself."
            )
    return poses


def pose_places(image: Path) -> Iterator[Path]:
    """Where an image's pose may lie: files of its own, then files and folders for all images."""
    files = (f"{image.stem}{end}" for end in (".txt", ".json", "_keypoints.json"))
    for folder, names in ((image.parent, (*files, *BESIDE)), (image.parent.parent, BESIDE)):
        yield from (folder / name for name in names if (folder / name).exists())


def by_name(poses: Sequence[NamedPose], name: str, places: Sequence[str]) -> NamedPose:
    """The pose called `name`: its whole name, its file's name, or that without the suffix."""
    for of in (lambda p: p.name, lambda p: Path(p.name).name, lambda p: Path(p.name).stem):
        for pose in poses:
            if of(pose) == name:
                return pose
    raise UserError(f"There is no pose '{name}' in {', '.join(places)}.")


def images_of(poses: Sequence[NamedPose]) -> list[str | None]:
    """The image that each pose is of: in the folder of the poses, beside it, or in a folder there;
    of a folder of poses, anywhere below it."""
    below: dict[Path, dict[str, str]] = {}  # by the names that a pose file may give them
    files: list[str | None] = []
    for pose in poses:
        file = _near(pose)
        if file is None and pose.place.is_dir():
            if pose.place not in below:
                paths = [pose.place / image for image in reversed(list_images(pose.place).images)]
                below[pose.place] = {n: str(p) for p in paths for n in (p.stem, p.name)}
            file = below[pose.place].get(Path(pose.name).name)
        files.append(file)
    return files


def _near(pose: NamedPose) -> str | None:
    base = pose.place if pose.place.is_dir() else pose.place.parent
    inside = [base / name for name in folder_names(base)]
    for folder in (base, *inside, base.parent, base.parent / "images"):
        for end in ("", *IMAGE_SUFFIXES):
            file = folder / f"{pose.name}{end}"
            if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file():
                return str(file)
    return None


def size_of(pose: NamedPose, image: str | None, size: Size | None) -> Size:
    """Height and width of the image that a pose is of."""
    if image is None:
        if size is None and pose.size is not None:
            return round(pose.size[0]), round(pose.size[1])
        if size is None:
            raise UserError(
                f"The size of the image that the pose '{pose.name}' in {pose.place} is of isn't "
                "known: give --pose-size HEIGHTxWIDTH, or lay the image beside the file."
            )
        return size
    return image_size(image)
