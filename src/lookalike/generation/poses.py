"""Target poses: where a picture's pose comes from, and the photograph that shows it, if any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike.data import Benchmark, People
from lookalike.data.images import IMAGE_SUFFIXES, folder_names, image_names, image_size
from lookalike.data.poses import Poses, cleaned, read_poses
from lookalike.data.poses.match import match
from lookalike.data.poses.with_poses import BESIDE
from lookalike.errors import UserError
from lookalike.generation.swap import evenly

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Targets:
    """N poses. labels: a path-like name of each; images: the file that shows it, or None."""

    labels: Sequence[str]
    images: Sequence[str | None]
    poses: Poses

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Found:
    """A pose in a file: 18×3, of the image called `name`."""

    place: Path
    name: str
    joints: NDArray[np.float32]

    @property
    def label(self) -> str:
        return str(self.place / self.name)


def of_people(people: People) -> Targets:
    """The poses of a benchmark's crops, each shown by its crop."""
    assert people.poses is not None
    return Targets(list(people.paths), list(people.paths), people.poses)


def held_out(bench: Benchmark, count: int) -> Targets:
    """Poses of `count` crops of tested people, evenly.

    Raises UserError when none of their poses is known.
    """
    gallery = people_known(bench.gallery)
    rows = evenly(range(len(gallery)), count)
    return of_people(gallery[rows])


def known_pairs(bench: Benchmark, count: int, seed: int) -> tuple[list[str], Targets]:
    """Images of `count` tested people's crops, evenly, and each one's pose in another, random crop.

    Raises UserError when no tested person has a second crop whose pose is known.
    """
    gallery, query = people_known(bench.gallery), bench.query
    there = query[np.isin(query.pids, gallery.pids)]
    if not len(there):
        raise UserError(f"Nobody in the query of {bench} has a pose in its gallery.")
    rows = evenly(range(len(there)), count)
    rng = np.random.default_rng(seed)
    targets = [rng.choice(np.flatnonzero(gallery.pids == there.pids[k])) for k in rows]
    return [there.paths[k] for k in rows], of_people(gallery[targets])


def people_known(people: People) -> People:
    """The crops of real identities whose pose is known. Raises UserError if there are none."""
    assert people.poses is not None
    found = people[(people.pids > 0) & (people.poses.known > 0)]
    if not len(found):
        raise UserError("No pose of the tested people is known; give others by --poses.")
    return found


def read_targets(
    places: Sequence[str],
    names: Sequence[str] = (),
    count: int | None = None,
    size: Size | None = None,
) -> Targets:
    """The poses in pose files, in folders of them, and of images beside which theirs lie.

    names: take only these, in this order. count: at most so many of a place with several, evenly.
    size: height and width of the images that aren't there. Raises UserError when a pose isn't there
    or has no known joint, or the size of its image can't be told.
    """
    chosen: list[Found] = []
    for place in places:
        found = found_in(Path(place))
        if names:
            chosen += found
        else:
            seen = [f for f in found if (f.joints[:, 2] > 0).any()]
            if not seen:
                raise UserError(f"{place} has no pose with a known joint.")
            chosen += evenly(seen, count or len(seen))
    chosen = [by_name(chosen, name, places) for name in names] if names else chosen
    images = [image_of(f) for f in chosen]
    sizes = [size_of(f, image, size) for f, image in zip(chosen, images, strict=True)]
    poses = cleaned(np.stack([f.joints for f in chosen]), np.array(sizes))
    for f, known in zip(chosen, poses.known, strict=True):
        if not known:
            raise UserError(f"The pose '{f.name}' in {f.place} has no known joint in its image.")
    return Targets([f.label for f in chosen], images, poses)


def found_in(place: Path) -> list[Found]:
    """The poses of a place, in order of their names."""
    if not place.exists():
        raise UserError(f"There is no file, folder or image {place} to take poses from.")
    if place.suffix.lower() in IMAGE_SUFFIXES:
        return beside([place])
    try:
        poses = read_poses(place)
    except UserError:
        images = [place / name for name in image_names(place)] if place.is_dir() else []
        if not images:
            raise
        return beside(images)
    return [Found(place, name, poses[name]) for name in sorted(poses)]


def beside(images: Sequence[Path]) -> list[Found]:
    """The pose of every image, from a file of its name beside it, or from a pose file or folder
    there. Raises UserError naming the first that has none."""
    read: dict[Path, dict[str, NDArray[np.float32]]] = {}
    found = []
    for image in images:
        for place in pose_places(image):
            poses = read.get(place) or read.setdefault(place, read_poses(place))
            if name := match(poses, [str(image)]).get(str(image)):
                found.append(Found(image.parent, image.name, poses[name]))
                break
        else:
            raise UserError(
                f"The pose of {image} isn't known: lay {image.stem}.txt, "
                f"{image.stem}_keypoints.json or poses.csv beside it (`lookalike data poses` makes "
                "that), or give the pose file itself."
            )
    return found


def pose_places(image: Path) -> Iterator[Path]:
    """Where an image's pose may lie: files of its own, then files and folders for all images."""
    own = (f"{image.stem}{end}" for end in (".txt", ".json", "_keypoints.json"))
    for folder, names in ((image.parent, (*own, *BESIDE)), (image.parent.parent, BESIDE)):
        yield from (folder / name for name in names if (folder / name).exists())


def by_name(found: Sequence[Found], name: str, places: Sequence[str]) -> Found:
    """The pose called `name`: its whole name, its file's name, or that without the suffix."""
    for of in (lambda f: f.name, lambda f: Path(f.name).name, lambda f: Path(f.name).stem):
        for f in found:
            if of(f) == name:
                return f
    raise UserError(f"There is no pose '{name}' in {', '.join(places)}.")


def image_of(found: Found) -> str | None:
    """The image that a pose is of: in the folder of the poses, beside it, or in a folder there."""
    base = found.place if found.place.is_dir() else found.place.parent
    inside = [base / name for name in folder_names(base)]
    for folder in (base, *inside, base.parent, base.parent / "images"):
        for end in ("", *IMAGE_SUFFIXES):
            file = folder / f"{found.name}{end}"
            if file.suffix.lower() in IMAGE_SUFFIXES and file.is_file():
                return str(file)
    return None


def size_of(found: Found, image: str | None, size: Size | None) -> Size:
    """Height and width of the image that a pose is of."""
    if image is None:
        if size is None:
            raise UserError(
                f"The size of the image that the pose '{found.name}' in {found.place} is of isn't "
                "known: give --pose-size HEIGHTxWIDTH, or lay the image beside the file."
            )
        return size
    return image_size(image)
