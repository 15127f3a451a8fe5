"""The numbers of one row of pictures: against their targets, as a set, by whom they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from lookalike.evaluation.pictures.networks import NOBODY, Judges
from lookalike.generation.swap import Pixels, parts
from lookalike.metrics.images import (
    SPLITS,
    Variant,
    diversity_pairs,
    frechet_distance,
    inception_score,
    l1,
    lab_dssim,
    masked,
    mean_intervals,
    psnr,
    ssim,
)

DIVERSITY_SIZE = (256, 128)  # of the pictures whose diversity is measured


@dataclass(frozen=True)
class PictureQuality:
    """rows: a line each of the results table. notes: sentences on what the numbers are.

    A row has "pictures" (what they are), "pairs" or "images" (how many) and the metrics by name:
    SSIM, mask-SSIM, mask-SSIM-condition, PSNR, L1, DSSIM, LPIPS; frechet-resnet50, FID, IS and
    IS-deviation, mask-IS …, diversity; rank1, mAP; and "intervals" of the first kind, by name.
    seconds: how long each part took.
    """

    rows: list[dict[str, Any]]
    notes: list[str]
    seconds: dict[str, float]


class Tally:
    """Collects the pictures of a row, batch by batch.

    judges: what else to ask. variant: of SSIM. keep: whether to keep the pictures for `diversity`.
    """

    def __init__(
        self, judges: Judges = NOBODY, variant: Variant = "pg2", keep: bool = False
    ) -> None:
        self.judges, self.variant, self.keep = judges, variant, keep
        self.count = 0
        self.values: dict[str, list[Tensor]] = {}
        self.features: dict[str, list[Tensor]] = {}
        self.kept: list[Tensor] = []

    def add(
        self, made: Tensor, target: Tensor | None = None, masks: Mapping[str, Tensor] | None = None
    ) -> None:
        """made, target: uint8 B×3×H×W; masks: by the end of their metrics' names, B×1×H×W.

        Without a target only what sets are judged by counts.
        """
        self.count += len(made)
        cut = {end: masked(made, mask) for end, mask in (masks or {}).items()}
        if target is not None:
            found = {"SSIM": ssim(made, target, self.variant)}
            for end, mask in (masks or {}).items():
                inside = ssim(cut[end], masked(target, mask), self.variant)
                # Nothing inside agrees perfectly, and says nothing.
                empty = (mask <= 0).flatten(1).all(1)
                found[f"mask-SSIM{end}"] = inside.masked_fill(empty, torch.nan)
            found |= {"PSNR": psnr(made, target), "L1": l1(made, target)}
            found["DSSIM"] = lab_dssim(made, target)
            if self.judges.perceptual is not None:
                found["LPIPS"] = self.judges.distance(made, target)
            for name, numbers in found.items():
                self.values.setdefault(name, []).append(numbers.double().cpu())
        for name, features in self.judges.features(made).items():
            self.features.setdefault(name, []).append(features)
        if self.judges.inception is not None:
            for end, pictures in cut.items():
                logits = self.judges.logits(pictures)
                self.features.setdefault(f"mask-IS{end}", []).append(logits)
        if self.keep:
            self.kept.append(made.cpu())

    def means(self) -> dict[str, float]:
        """Of every metric of pairs, over those that have it: none where nobody does."""
        means = {name: float(torch.cat(found).nanmean()) for name, found in self.values.items()}
        return {name: mean for name, mean in means.items() if not np.isnan(mean)}

    @property
    def unmasked(self) -> int:
        """How many pairs have an empty mask of the target."""
        found = self.values.get("mask-SSIM", [])
        return int(torch.cat(found).isnan().sum()) if found else 0

    def intervals(self, groups: NDArray[np.int64], level: float) -> dict[str, tuple[float, float]]:
        """Of the means, over `groups`: whose pair each is."""
        columns = {name: torch.cat(found).numpy() for name, found in self.values.items()}
        whole = {name: column for name, column in columns.items() if not np.isnan(column).any()}
        found = mean_intervals(whole, groups, level) if whole else {}
        for name in columns.keys() - whole.keys():
            there = ~np.isnan(columns[name])
            if len(np.unique(groups[there])) > 1:
                found |= mean_intervals({name: columns[name][there]}, groups[there], level)
        return found

    def sets(self, reference: Mapping[str, Tensor]) -> dict[str, float]:
        """Fréchet distances to the features of `reference`, where it has them, and IS."""
        found: dict[str, float] = {}
        for name in ("frechet-resnet50", "FID"):
            if name in self.features and name in reference:
                mine = torch.cat(self.features[name])
                if min(len(mine), len(reference[name])) > 1:
                    found[name] = frechet_distance(mine, reference[name])
        for name, logits in self.features.items():
            if name.startswith(("IS", "mask-IS")) and self.count >= SPLITS:
                found[name], found[f"{name}-deviation"] = inception_score(torch.cat(logits))
        return found

    def diversity(self, groups: NDArray[np.int64], seed: int, batch: int) -> float | None:
        """The mean Lab DSSIM between pictures of one person; None where nobody has two."""
        drawn = diversity_pairs(groups, seed=seed)
        if not len(drawn):
            return None
        pictures = [picture for batch_of_one_size in self.kept for picture in batch_of_one_size]
        total = 0.0
        different, times = np.unique(np.sort(drawn, 1), axis=0, return_counts=True)
        for rows, weight in zip(parts(different, batch), parts(times, batch), strict=True):
            first, second = (
                torch.cat([_resized(pictures[i][None]) for i in side]) for side in rows.T
            )
            total += float(lab_dssim(first, second) @ torch.from_numpy(weight).double())
        return total / len(drawn)


def _resized(images: Tensor) -> Tensor:
    if tuple(images.shape[2:]) == DIVERSITY_SIZE:
        return images
    x = F.interpolate(images.float(), DIVERSITY_SIZE, mode="bicubic", antialias=True)
    return x.clamp(0, 255)


def to_batch(images: Pixels, device: torch.device) -> Tensor:
    """Pixels → uint8 B×3×H×W on the device."""
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2)


def caveats(
    rows: list[dict[str, Any]], reference: Mapping[str, Tensor], asked_is: bool
) -> list[str]:
    """What keeps the sets' numbers from being what their names promise.

    asked_is: whether an inception score was asked for.
    """
    notes = []
    images = min(row.get("pairs", row.get("images", 0)) for row in rows)
    for name in ("frechet-resnet50", "FID"):
        if name not in reference:
            continue
        fewest, dims = min(images, len(reference[name])), reference[name].shape[1]
        if fewest <= dims:
            notes.append(
                f"{name}: {fewest:,} images are fewer than the {dims:,} features need for a "
                "covariance of full rank; compare it only with as many images."
            )
    if asked_is and images < SPLITS:
        notes.append(f"IS: it needs {SPLITS} images or more, one for each of its splits.")
    return notes
