"""How good anybody's pictures in a folder are: against others of the same names, or as a set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.errors import UserError
from lookalike.evaluation.embedding import image_files
from lookalike.evaluation.pictures.masks import read_mask
from lookalike.evaluation.pictures.networks import NOBODY, Judges
from lookalike.evaluation.pictures.of_model import COPY, PLAIN, Recipe
from lookalike.evaluation.pictures.scores import PictureQuality, Tally, caveats, to_batch
from lookalike.evaluation.scoring import Stopwatch
from lookalike.generation.swap import parts
from lookalike.metrics.images import SMALLEST

GENERATED = "generated"


@dataclass(frozen=True)
class Folders:
    """Where the pictures lie; None for what isn't given. masks: grey, white on the body."""

    generated: str
    reference: str | None = None
    condition: str | None = None
    masks: str | None = None


def folder_quality(
    folders: Folders,
    judges: Judges = NOBODY,
    recipe: Recipe = PLAIN,
    sets: bool = False,
    seed: int = 0,
    batch: int = 32,
    device: torch.device | str = "cpu",
) -> PictureQuality:
    """What is measured of the pictures in `generated`, at the size that they have.

    A picture is compared with that of the same name (without the suffix) in `reference`; with
    `sets` only the sets are, whatever the names and sizes. condition: the row of the pictures that
    the generated ones were made of. masks: for mask-SSIM and mask-IS, of the same names.
    recipe: its `masks` doesn't count. diversity: a person is a subfolder, or what stands before the
    first underscore of a name.
    Raises UserError when a folder is empty, an image can't be read, sizes differ, a picture has no
    counterpart, or there is nothing to measure.
    """
    device, clock = torch.device(device), Stopwatch()
    rows = {GENERATED: named(folders.generated)}
    if folders.condition:
        rows = {COPY: named(folders.condition), **rows}
    target = named(folders.reference) if folders.reference else {}
    masks = named(folders.masks) if folders.masks else {}
    paired = bool(target) and not sets
    check(rows, target, masks, folders, paired, judges, recipe)
    if paired or masks:
        one_size([path for files in (*rows.values(), target, masks) for path in files.values()])
    notes: list[str] = []
    reference: dict[str, Tensor] = {}
    if target and judges.of_sets:
        with clock("score"):
            real = tallied(target, {}, {}, judges, PLAIN, batch, device)
        reference = {name: torch.cat(found) for name, found in real.features.items()}
    results = []
    for name, files in rows.items():
        with clock("score"):
            goal = target if paired else {}
            tally = tallied(files, goal, masks, judges, recipe, batch, device)
        row: dict[str, Any] = {"pictures": name, "pairs" if paired else "images": tally.count}
        row |= {"ssim": recipe.variant, "data": folders.generated, **tally.means()}
        with clock("sets"):
            row |= tally.sets(reference)
            if recipe.diversity:
                row["diversity"] = tally.diversity(people_of(files), seed, batch)
        if recipe.confidence and paired:
            row |= {"confidence": recipe.confidence, "intervals_over": "pairs"}
            row["intervals"] = tally.intervals(np.arange(tally.count), recipe.confidence)
        results.append(row)
    notes += caveats(results, reference, judges.inception is not None)
    return PictureQuality(results, notes, clock.seconds)


def named(folder: str) -> dict[str, Path]:
    """The images of a folder by their paths in it without suffix, in order.

    Raises UserError for two of one name.
    """
    top = Path(folder)
    if not top.is_dir():
        raise UserError(f"There is no folder {folder}.")
    found: dict[str, Path] = {}
    for path in map(Path, image_files([top])):
        name = str(path.relative_to(top).with_suffix(""))
        if name in found:
            raise UserError(f"{found[name]} and {path} have the same name: keep one of them.")
        found[name] = path
    return found


def check(
    rows: Mapping[str, Mapping[str, Path]],
    target: Mapping[str, Path],
    masks: Mapping[str, Path],
    folders: Folders,
    paired: bool,
    judges: Judges,
    recipe: Recipe,
) -> None:
    """Raises UserError for pictures without a counterpart, and where nothing can be measured."""
    generated = rows[GENERATED]
    others = {folders.reference: target if paired else {}, folders.masks: masks}
    if COPY in rows:
        others[folders.condition] = rows[COPY] if paired else {}
    for place, files in others.items():
        alone = sorted(generated.keys() ^ files.keys()) if files else []
        if alone:
            where = folders.generated if alone[0] in generated else place
            raise UserError(
                f"{len(alone)} images are in only one of {folders.generated} and {place}, the "
                f"first is '{alone[0]}' in {where}: give both the same names, or compare only "
                "the sets by --sets."
            )
    nets = judges.inception is not None or (target and judges.resnet is not None)
    if not paired and not nets and not recipe.diversity:
        raise UserError(
            "There is nothing to measure: give --reference for pairs, --inception for inception "
            "scores, or --diversity."
        )


def one_size(paths: Sequence[Path]) -> None:
    """Raises UserError unless all images have one size, of 11×11 or more."""
    first = size_of(paths[0])
    for path in paths:
        if (size := size_of(path)) != first:
            raise UserError(
                f"{path} has {size[0]}×{size[1]} pixels (height×width), but {paths[0]} has "
                f"{first[0]}×{first[1]}: resize them to one size first."
            )
    if min(first) < SMALLEST:
        raise UserError(f"Pictures below {SMALLEST}×{SMALLEST} pixels have no SSIM.")


def size_of(path: Path) -> tuple[int, int]:
    """Height and width. Raises UserError when the file can't be read."""
    try:
        with Image.open(path) as file:
            return file.height, file.width
    except Exception as error:  # pillow's readers raise whatever a broken file makes them
        raise UserError(f"Can't read the image {path} ({error}).") from error


def tallied(
    files: Mapping[str, Path],
    target: Mapping[str, Path],
    masks: Mapping[str, Path],
    judges: Judges,
    recipe: Recipe,
    batch: int,
    device: torch.device,
) -> Tally:
    """The pictures counted; target and masks: of the same names, or empty."""
    tally = Tally(judges, recipe.variant, recipe.diversity)
    for group in same_size(list(files), files, batch):
        made = to_batch(np.stack([pixels(files[name]) for name in group]), device)
        goal = [pixels(target[name]) for name in group] if target else []
        grey = [np.array(read_mask(masks[name])) for name in group] if masks else []
        tally.add(
            made,
            to_batch(np.stack(goal), device) if goal else None,
            {"": torch.from_numpy(np.stack(grey)[:, None]).to(device) / 255} if grey else None,
        )
    return tally


def same_size(
    order: Sequence[str], files: Mapping[str, Path], batch: int
) -> Iterator[Sequence[str]]:
    """The names in order, in batches whose images have one size."""
    for _, group in groupby(order, key=lambda name: size_of(files[name])):
        for rows in parts(np.array(list(group), dtype=object), batch):
            yield [str(name) for name in rows]


def pixels(path: Path) -> NDArray[np.uint8]:
    """The image as H×W×3 uint8 RGB. Raises UserError when it can't be read."""
    try:
        with Image.open(path) as file:
            return np.asarray(file.convert("RGB"))
    except Exception as error:  # pillow's readers raise whatever a broken file makes them
        raise UserError(f"Can't read the image {path} ({error}).") from error


def people_of(names: Mapping[str, Path]) -> NDArray[np.int64]:
    """A number for the person in every picture."""
    label = [str(Path(n).parent) if Path(n).parent.name else Path(n).name.split("_")[0]
             for n in names]  # fmt: skip
    return np.unique(label, return_inverse=True)[1].astype(np.int64)
