"""How good the pictures are that a model makes of tested people: rows of numbers, and notes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from lookalike.data import Benchmark, People
from lookalike.data.evaluation_pairs import held_out_pairs, read_pairs
from lookalike.data.image_table import ImageTable
from lookalike.data.images import Pixels
from lookalike.errors import UserError
from lookalike.evaluation.features import extract
from lookalike.evaluation.pictures.masks import Masks, Rows, people_asked, with_known_targets
from lookalike.evaluation.pictures.networks import NO_NETWORKS, JudgeNetworks
from lookalike.evaluation.pictures.scores import PictureQuality, PictureScores, caveats, to_batch
from lookalike.evaluation.scoring import Stopwatch
from lookalike.files import replacing
from lookalike.folders import require_free
from lookalike.generation.pictures import parts, save_picture
from lookalike.generation.repose import Repose
from lookalike.generation.swap import Swap
from lookalike.generation.verb import one_to_one
from lookalike.methods.model import Model
from lookalike.metrics import rank
from lookalike.metrics.images import SMALLEST, Variant

COPY, TARGET = "copying the source", "real target"
COUNT = 12_800  # pairs, as PG² was tested on


@dataclass(frozen=True)
class PictureOptions:
    """How pictures are judged.

    variant: of SSIM. masks: "pose" (PG²'s, from the joints), "truth" (a rendered world's
    silhouettes), "none", or a folder of grey images called as the benchmark's. confidence: the
    level of bootstrap intervals over identities, 0 for none. diversity: whether to measure it.
    """

    variant: Variant = "pg2"
    masks: str = "pose"
    confidence: float = 0.0
    diversity: bool = False


DEFAULTS = PictureOptions()


def picture_quality(
    model: Model,
    bench: Benchmark,
    count: int = COUNT,
    seed: int = 0,
    pairs: str | Path | None = None,
    networks: JudgeNetworks = NO_NETWORKS,
    options: PictureOptions = DEFAULTS,
    batch: int = 32,
    save: Path | None = None,
) -> PictureQuality:
    """What is measured of the pictures of `count` held-out pairs of two images of one person.

    A model that reposes draws the first image's person (the condition) in the second's pose (the
    target); one that swaps draws the condition's appearance in the target's structure. The rows:
    the condition image as it is; where the model has one, its coarse picture; its result; and the
    real target, for what needs no target. Everything is at the model's size, as uint8.
    pairs: a CSV file (from,to) instead of a draw. save: a folder for all the pictures.
    Raises UserError when the model makes no pictures, for missing poses or masks, when there is no
    pair or nobody to be tested, and when `save` holds something already.
    """
    if not len(bench.query) + len(bench.gallery):
        raise UserError(f"{bench} has no tested people whose pictures could be judged.")
    if networks.reid is not None and not len(bench.gallery):
        raise UserError(f"{bench} has no gallery in which pictures could be recognised: no --reid.")
    if save is not None:
        require_free(save, "choose another --save")
    notes: list[str] = []
    people, masks = people_and_masks(model, bench, options, notes)
    rows = read_pairs(pairs, people) if pairs else held_out_pairs(people, count, seed)
    if "repose" in model.generates:
        known = with_known_targets(rows, people)
        if len(known) < len(rows):
            notes.append(f"{len(rows) - len(known):,} pairs without a target pose left out.")
        rows = known
    clock = Stopwatch()
    if networks.reid is not None:  # a broken image ends it before any picture is drawn
        with clock("recognise"):
            gallery = extract(networks.reid, bench.gallery.paths, batch)
    scores = score_pairs(model, people, rows, masks, networks, options, seed, batch, save, clock)
    reference: dict[str, Tensor] = {}
    if TARGET in scores:
        _, once = np.unique(rows[:, 1], return_index=True)  # each real target counts once
        real = scores[TARGET].features
        reference = {name: features[torch.from_numpy(once)] for name, features in real.items()}
    results = []
    pids = people.pids[rows[:, 0]]
    with_intervals = options.confidence and len(np.unique(pids)) > 1
    if options.confidence and not with_intervals:
        notes.append("All pairs are of one person: there are no intervals over identities.")
    for name, score in scores.items():
        row: dict[str, Any] = {"pictures": name, "pairs": len(rows)}
        row |= {"ssim": options.variant, "data": str(bench), **score.means()}
        with clock("sets") if networks.of_sets or options.diversity else nullcontext():
            row |= score.sets({} if name == TARGET else reference)
            if options.diversity:
                row["diversity"] = score.diversity(pids, seed, batch)
        if with_intervals:
            row |= {"confidence": options.confidence, "intervals_over": "identities"}
            row["intervals"] = score.intervals(pids, options.confidence)
        results.append(row)
    if networks.reid is not None:
        with clock("recognise"):
            for row, score in zip(results, scores.values(), strict=True):
                shown = people[rows[:, int(row["pictures"] == TARGET)]]
                features = score.features["reid"]
                try:
                    row |= recognise(features, gallery, networks.reid, shown, bench)
                except UserError as error:  # everything else has been measured by now
                    notes.append(f"No rank1 of '{row['pictures']}'. {error}")
    if empty := scores[COPY].unmasked:
        notes.append(f"{empty:,} pairs have an empty mask: they don't count in mask-SSIM.")
    notes += caveats(results, reference, networks.inception is not None)
    return PictureQuality(results, notes, clock.seconds)


def people_and_masks(
    model: Model, bench: Benchmark, options: PictureOptions, notes: list[str]
) -> tuple[People, Masks]:
    """The people to make pictures of, and their masks. Raises UserError for what can't be judged.

    A model that needs no poses does without masks where there are none; a note says so.
    """
    verbs, source = model.generates, options.masks
    if not {"repose", "swap"} & set(verbs):
        raise UserError(
            f"A model of {model.method.name} makes no pictures: judge one that reposes or swaps."
        )
    if min(model.size) < SMALLEST:
        raise UserError(f"Pictures below {SMALLEST}×{SMALLEST} pixels have no SSIM.")
    try:
        people = people_asked(bench, "repose" in verbs or source == "pose")
    except UserError as error:
        if "repose" in verbs:
            raise
        notes.append(f"No mask-SSIM. {error}")
        people, source = people_asked(bench, False), "none"
    return people, Masks(people, model.size, source)


def score_pairs(
    model: Model,
    people: People,
    rows: Rows,
    masks: Masks,
    networks: JudgeNetworks,
    options: PictureOptions,
    seed: int,
    batch: int,
    save: Path | None,
    clock: Stopwatch,
) -> dict[str, PictureScores]:
    """The scores of each row by its name; draws the pictures of `batch` pairs at a time."""
    device = next(model.parameters()).device
    with clock("read"):
        used, place = np.unique(rows, return_inverse=True)
        table = ImageTable(people[used].paths, *model.size, resampling=model.resampling)
    place = place.reshape(rows.shape)
    scores: dict[str, PictureScores] = {}
    with torch.random.fork_rng(), tqdm(total=len(rows), desc="pictures", disable=None) as bar:
        torch.manual_seed(seed)  # of models that draw noise
        for k in parts(np.arange(len(rows)), batch):
            source, target = (table[side].permute(0, 2, 3, 1).numpy() for side in place[k].T)
            with clock("generate"):
                pictures = draw(model, people[rows[k, 1]], source, target, batch)
            with clock("score"):
                bodies = masks.of(rows[k], device)
                columns = {COPY: source, **pictures}
                if networks.of_sets or options.diversity:
                    columns[TARGET] = target
                real = to_batch(target, device)
                for name, images in columns.items():
                    new = PictureScores(networks, options.variant, options.diversity)
                    score = scores.setdefault(name, new)
                    score.add(to_batch(images, device), None if name == TARGET else real, bodies)
            if save is not None:
                stems = [[Path(people.paths[row]).stem for row in pair] for pair in rows[k]]
                names = [f"{i:05d}_{a}_in_{b}.png" for i, (a, b) in zip(k, stems, strict=True)]
                save_kinds(save, names, {**pictures, "condition": source, "target": target})
            bar.update(len(k))
    if save is not None:
        with replacing(save / "pairs.csv") as part:
            lines = [f"{people.paths[a]},{people.paths[b]}\n" for a, b in rows]
            part.write_text("from,to\n" + "".join(lines), encoding="utf-8")
    return scores


def draw(
    model: Model, targets: People, source: Pixels, target: Pixels, batch: int
) -> dict[str, Pixels]:
    """The model's pictures by the names of their rows, the result last."""
    name = model.method.name
    if "repose" in model.generates:
        assert targets.poses is not None
        joints = targets.poses.at(*model.size)
        pictures = Repose().pictures_by_step(model, source, joints, batch)
        last = list(pictures)[-1]
        has_coarse = "coarse" in pictures and last != "coarse"
        coarse = {"coarse": pictures["coarse"]} if has_coarse else {}
        return {**coarse, name: pictures[last]}
    return {name: Swap().pictures(model, source, target, one_to_one(len(source)), batch)}


def recognise(
    queries: Tensor, gallery: Tensor, reid: Model, shown: People, bench: Benchmark
) -> dict[str, Any]:
    """How a re-ID model ranks the real gallery for the pictures of a row: the row's rank1 and mAP.

    queries, gallery: its features of the pictures and of the gallery. shown: whom the pictures
    show, and by which camera, under which their own images don't count. Raises UserError as `rank`.
    """
    g = bench.gallery
    ids = shown.pids, g.pids, shown.camids, g.camids
    features = queries, gallery
    row = rank(*features, *ids, protocol=bench.protocol, metric=reid.metric).row()
    about = {"protocol": bench.protocol, "gallery": len(gallery)}
    return {**about, "rank1": row["rank1"], "mAP": row["mAP"]}


def save_kinds(folder: Path, names: list[str], pictures: Mapping[str, Pixels]) -> None:
    """Writes every picture to a folder called as its kind."""
    for kind, images in pictures.items():
        for name, image in zip(names, images, strict=True):
            save_picture(image, folder / kind / name)
