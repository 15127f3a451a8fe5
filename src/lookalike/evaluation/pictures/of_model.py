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
from lookalike.data.images import ImageTable
from lookalike.data.pair_samplers import held_out_pairs, read_pairs
from lookalike.errors import UserError
from lookalike.evaluation.embedding import extract
from lookalike.evaluation.pictures.masks import Masks, Rows, people_asked, with_known_targets
from lookalike.evaluation.pictures.networks import NOBODY, Judges
from lookalike.evaluation.pictures.scores import PictureQuality, Tally, caveats, to_batch
from lookalike.evaluation.scoring import Stopwatch
from lookalike.files import replacing
from lookalike.generation.repose import repose_parts
from lookalike.generation.swap import Pixels, parts, save_picture, swap
from lookalike.methods.model import Model
from lookalike.metrics import rank
from lookalike.metrics.images import SMALLEST, Variant

COPY, TARGET = "copying the source", "real target"
COUNT = 12_800  # pairs, as PG² was tested on


@dataclass(frozen=True)
class Recipe:
    """How pictures are judged.

    variant: of SSIM. masks: "pose" (PG²'s, from the joints), "truth" (a rendered world's
    silhouettes), "none", or a folder of grey images called as the benchmark's. confidence: the
    level of bootstrap intervals over identities, 0 for none. diversity: whether to measure it.
    """

    variant: Variant = "pg2"
    masks: str = "pose"
    confidence: float = 0.0
    diversity: bool = False


PLAIN = Recipe()


def picture_quality(
    model: Model,
    bench: Benchmark,
    count: int = COUNT,
    seed: int = 0,
    pairs: str | Path | None = None,
    judges: Judges = NOBODY,
    recipe: Recipe = PLAIN,
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
    pair, and when `save` holds something already.
    """
    if save is not None and save.exists() and (not save.is_dir() or any(save.iterdir())):
        raise UserError(f"{save} holds other files; choose another --save.")
    notes: list[str] = []
    people, masks = judged(model, bench, recipe, notes)
    rows = read_pairs(pairs, people) if pairs else held_out_pairs(people, count, seed)
    if "repose" in model.generates:
        known = with_known_targets(rows, people)
        if len(known) < len(rows):
            notes.append(f"{len(rows) - len(known):,} pairs without a target pose left out.")
        rows = known
    clock = Stopwatch()
    if judges.reid is not None:  # an image that can't be read is found before pictures are drawn
        with clock("recognise"):
            gallery = extract(judges.reid, bench.gallery.paths, batch)
    tallies = tallied(model, people, rows, masks, judges, recipe, seed, batch, save, clock)
    reference: dict[str, Tensor] = {}
    if TARGET in tallies:
        _, once = np.unique(rows[:, 1], return_index=True)  # each real target counts once
        real = tallies[TARGET].features
        reference = {name: torch.cat(f)[torch.from_numpy(once)] for name, f in real.items()}
    results = []
    confident = recipe.confidence and len(np.unique(people.pids[rows[:, 0]])) > 1
    if recipe.confidence and not confident:
        notes.append("All pairs are of one person: there are no intervals over identities.")
    for name, tally in tallies.items():
        row: dict[str, Any] = {"pictures": name, "pairs": len(rows), "ssim": recipe.variant,
                               "data": str(bench)}  # fmt: skip
        row |= tally.means()
        with clock("sets") if judges.of_sets or recipe.diversity else nullcontext():
            row |= tally.sets({} if name == TARGET else reference)
            if recipe.diversity:
                row["diversity"] = tally.diversity(people.pids[rows[:, 0]], seed, batch)
        if confident:
            row |= {"confidence": recipe.confidence, "intervals_over": "identities"}
            row["intervals"] = tally.intervals(people.pids[rows[:, 0]], recipe.confidence)
        results.append(row)
    if judges.reid is not None:
        with clock("recognise"):
            for row, tally in zip(results, tallies.values(), strict=True):
                asked = people[rows[:, int(row["pictures"] == TARGET)]]
                try:
                    found = recognised(tally, gallery, judges.reid, asked, bench)
                except UserError as error:  # everything else has been measured by now
                    notes.append(f"No rank1 of '{row['pictures']}'. {error}")
                else:
                    row |= {"protocol": bench.protocol, "gallery": len(gallery), **found}
    if empty := tallies[COPY].unmasked:
        notes.append(f"{empty:,} pairs have an empty mask: they don't count in mask-SSIM.")
    notes += caveats(results, reference, judges.inception is not None)
    return PictureQuality(results, notes, clock.seconds)


def judged(
    model: Model, bench: Benchmark, recipe: Recipe, notes: list[str]
) -> tuple[People, Masks]:
    """The people to make pictures of, and their masks. Raises UserError for what can't be judged.

    A model that needs no poses does without masks where there are none; a note says so.
    """
    verbs, source = model.generates, recipe.masks
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


def tallied(
    model: Model,
    people: People,
    rows: Rows,
    masks: Masks,
    judges: Judges,
    recipe: Recipe,
    seed: int,
    batch: int,
    save: Path | None,
    clock: Stopwatch,
) -> dict[str, Tally]:
    """Makes and scores the pictures, `batch` pairs at a time: a row's name → what was counted."""
    device = next(model.parameters()).device
    with clock("read"):
        used, place = np.unique(rows, return_inverse=True)
        table = ImageTable([people.paths[i] for i in used], *model.size)
    place = place.reshape(rows.shape)
    tallies: dict[str, Tally] = {}
    with torch.random.fork_rng(), tqdm(total=len(rows), desc="pictures", disable=None) as bar:
        torch.manual_seed(seed)  # of models that draw noise
        for k in parts(np.arange(len(rows)), batch):
            source, target = (table[side].permute(0, 2, 3, 1).numpy() for side in place[k].T)
            with clock("generate"):
                made = drawn(model, people[rows[k, 1]], source, target, batch)
            with clock("score"):
                bodies = masks.of(rows[k], device)
                shown = {COPY: source, **made}
                if judges.of_sets or recipe.diversity:
                    shown[TARGET] = target
                goal = to_batch(target, device)
                for name, pictures in shown.items():
                    new = Tally(judges, recipe.variant, recipe.diversity)
                    tally = tallies.setdefault(name, new)
                    tally.add(to_batch(pictures, device), None if name == TARGET else goal, bodies)
            if save is not None:
                names = [f"{i:05d}_{label(people, a)}_in_{label(people, b)}.png"
                         for i, (a, b) in zip(k, rows[k], strict=True)]  # fmt: skip
                store(save, names, {**made, "condition": source, "target": target})
            bar.update(len(k))
    if save is not None:
        with replacing(save / "pairs.csv") as part:
            lines = [f"{people.paths[a]},{people.paths[b]}\n" for a, b in rows]
            part.write_text("from,to\n" + "".join(lines), encoding="utf-8")
    return tallies


def drawn(
    model: Model, targets: People, source: Pixels, target: Pixels, batch: int
) -> dict[str, Pixels]:
    """The model's pictures by the names of their rows, the result last."""
    name = model.method.name
    if "repose" in model.generates:
        assert targets.poses is not None
        found = repose_parts(model, source, targets.poses.at(*model.size), batch)
        last = list(found)[-1]
        before = {"coarse": found["coarse"]} if "coarse" in found and last != "coarse" else {}
        return {**before, name: found[last]}
    one = np.arange(len(source))
    pairs = np.stack([one, len(one) + one], 1)
    return {name: swap(model, np.concatenate([source, target]), pairs, batch)}


def recognised(
    tally: Tally, gallery: Tensor, reid: Model, asked: People, bench: Benchmark
) -> dict[str, float]:
    """How a re-ID model ranks the real gallery for the pictures of a row: rank1 and mAP.

    asked: whom the pictures show, and by which camera, under which their own images don't count.
    """
    g = bench.gallery
    queries = torch.cat(tally.features["reid"])
    found = rank(queries, gallery, asked.pids, g.pids, asked.camids,
                 g.camids, protocol=bench.protocol, metric=reid.metric).row()  # fmt: skip
    return {name: found[name] for name in ("rank1", "mAP")}


def label(people: People, row: int) -> str:
    return Path(people.paths[row]).stem


def store(folder: Path, names: list[str], pictures: Mapping[str, Pixels]) -> None:
    """Writes every picture to a folder called as its kind."""
    for kind, images in pictures.items():
        for name, image in zip(names, images, strict=True):
            save_picture(image, folder / kind / name)
