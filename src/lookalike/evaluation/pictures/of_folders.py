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
from torch import Tensor

from lookalike.data.images import image_files, image_size, read_image
from lookalike.errors import UserError
from lookalike.evaluation.pictures.masks import read_mask
from lookalike.evaluation.pictures.networks import NO_NETWORKS, JudgeNetworks
from lookalike.evaluation.pictures.of_model import COPY, DEFAULTS, PictureOptions
from lookalike.evaluation.pictures.scores import PictureQuality, PictureScores, caveats, to_batch
from lookalike.evaluation.scoring import Stopwatch
from lookalike.generation.pictures import parts
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
    networks: JudgeNetworks = NO_NETWORKS,
    options: PictureOptions = DEFAULTS,
    sets: bool = False,
    seed: int = 0,
    batch: int = 32,
    device: torch.device | str = "cpu",
    passed_over: dict[str, list[str]] | None = None,
) -> PictureQuality:
    """What is measured of the pictures in `generated`, at the size that they have.

    A picture is compared with that of the same name (without the suffix) in `reference`; with
    `sets` only the sets are, whatever the names and sizes. condition: the row of the pictures that
    the generated ones were made of. masks: for mask-SSIM and mask-IS, of the same names.
    options: their `masks` don't count; for `diversity` a person is a subfolder, or what stands
    before the first underscore of a name. passed_over: collects what lies in the folders and is no
    image, by the reason.
    Raises UserError when a folder is empty, an image can't be read, sizes differ, a picture has no
    counterpart, or there is nothing to measure.
    """
    device, clock = torch.device(device), Stopwatch()
    rows = {GENERATED: images_by_name(folders.generated, passed_over)}
    if folders.condition:
        rows = {COPY: images_by_name(folders.condition, passed_over), **rows}
    target = images_by_name(folders.reference, passed_over) if folders.reference else {}
    masks = images_by_name(folders.masks, passed_over) if folders.masks else {}
    paired = bool(target) and not sets
    require_counterparts(rows, target, masks, folders, paired)
    compares_sets = networks.inception is not None or (target and networks.resnet is not None)
    if not paired and not compares_sets and not options.diversity:
        raise UserError(
            "There is nothing to measure: give --reference for pairs, --inception for inception "
            "scores, or --diversity."
        )
    if paired or masks:
        one_size([path for files in (*rows.values(), target, masks) for path in files.values()])
    reference: dict[str, Tensor] = {}
    if target and networks.of_sets:
        with clock("score"):
            reference = score_files(target, {}, {}, networks, DEFAULTS, batch, device).features
    results = []
    for name, files in rows.items():
        with clock("score"):
            others = target if paired else {}
            scores = score_files(files, others, masks, networks, options, batch, device)
        row: dict[str, Any] = {"pictures": name, "pairs" if paired else "images": scores.count}
        row |= {"ssim": options.variant, "data": folders.generated, **scores.means()}
        with clock("sets"):
            row |= scores.sets(reference)
            if options.diversity:
                row["diversity"] = scores.diversity(people_of(files), seed, batch)
        if options.confidence and paired:
            row |= {"confidence": options.confidence, "intervals_over": "pairs"}
            row["intervals"] = scores.intervals(np.arange(scores.count), options.confidence)
        results.append(row)
    notes = caveats(results, reference, networks.inception is not None)
    return PictureQuality(results, notes, clock.seconds)


def images_by_name(folder: str, passed_over: dict[str, list[str]] | None = None) -> dict[str, Path]:
    """The images of a folder by their paths in it without suffix, in order.

    passed_over: collects what else lies there, by the reason. Raises UserError for two of one name.
    """
    top = Path(folder)
    if not top.is_dir():
        raise UserError(f"There is no folder {folder}.")
    images: dict[str, Path] = {}
    for path in map(Path, image_files([top], passed_over)):
        name = str(path.relative_to(top).with_suffix(""))
        if name in images:
            raise UserError(f"{images[name]} and {path} have the same name: keep one of them.")
        images[name] = path
    return images


def require_counterparts(
    rows: Mapping[str, Mapping[str, Path]],
    target: Mapping[str, Path],
    masks: Mapping[str, Path],
    folders: Folders,
    paired: bool,
) -> None:
    """Raises UserError for pictures without a counterpart."""
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


def one_size(paths: Sequence[Path]) -> None:
    """Raises UserError unless all images have one size, of 11×11 or more."""
    first = image_size(paths[0])
    for path in paths:
        if (size := image_size(path)) != first:
            raise UserError(
                f"{path} has {size[0]}×{size[1]} pixels (height×width), but {paths[0]} has "
                f"{first[0]}×{first[1]}: resize them to one size first."
            )
    if min(first) < SMALLEST:
        raise UserError(f"Pictures below {SMALLEST}×{SMALLEST} pixels have no SSIM.")


def score_files(
    files: Mapping[str, Path],
    target: Mapping[str, Path],
    masks: Mapping[str, Path],
    networks: JudgeNetworks,
    options: PictureOptions,
    batch: int,
    device: torch.device,
) -> PictureScores:
    """The scores of the pictures; target and masks: of the same names, or empty."""
    scores = PictureScores(networks, options.variant, options.diversity)
    for names in same_size(list(files), files, batch):
        grey = [np.array(read_mask(masks[name])) for name in names] if masks else []
        scores.add(
            read_batch(files, names, device),
            read_batch(target, names, device) if target else None,
            {"": torch.from_numpy(np.stack(grey)[:, None]).to(device) / 255} if grey else None,
        )
    return scores


def read_batch(files: Mapping[str, Path], names: Sequence[str], device: torch.device) -> Tensor:
    """Pictures of one size by their names: uint8 B×3×H×W on the device."""
    return to_batch(np.stack([np.asarray(read_image(files[name])) for name in names]), device)


def same_size(
    order: Sequence[str], files: Mapping[str, Path], batch: int
) -> Iterator[Sequence[str]]:
    """The names in order, in batches whose images have one size."""
    for _, group in groupby(order, key=lambda name: image_size(files[name])):
        for rows in parts(np.array(list(group), dtype=object), batch):
            yield [str(name) for name in rows]


def people_of(names: Mapping[str, Path]) -> NDArray[np.int64]:
    """A number for the person in every picture."""
    people = [str(p.parent) if p.parent.name else p.name.split("_")[0] for p in map(Path, names)]
    return np.unique(people, return_inverse=True)[1].astype(np.int64)
