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

from lookalike.data.images import Pixels
from lookalike.evaluation.pictures.networks import NO_NETWORKS, JudgeNetworks
from lookalike.generation.pictures import parts
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


class PictureScores:
    """The numbers of one row, collected from its pictures batch by batch.

    networks: what else judges them. variant: of SSIM. diversity: whether that will be asked for,
    which needs the pictures themselves.
    """

    def __init__(
        self,
        networks: JudgeNetworks = NO_NETWORKS,
        variant: Variant = "pg2",
        diversity: bool = False,
    ) -> None:
        self.networks, self.variant, self.needs_pictures = networks, variant, diversity
        self.count = 0
        self.values: dict[str, list[Tensor]] = {}
        self.batches: dict[str, list[Tensor]] = {}
        self.pictures: list[Tensor] = []

    @property
    def features(self) -> dict[str, Tensor]:
        """Each network's features or logits of all pictures: metric → N×D."""
        return {name: torch.cat(parts) for name, parts in self.batches.items()}

    def add(
        self,
        pictures: Tensor,
        target: Tensor | None = None,
        masks: Mapping[str, Tensor] | None = None,
    ) -> None:
        """pictures, target: uint8 B×3×H×W; masks: by the end of their metrics' names, B×1×H×W.

        Without a target only what sets are judged by counts.
        """
        self.count += len(pictures)
        bodies = {end: masked(pictures, mask) for end, mask in (masks or {}).items()}
        if target is not None:
            scores = {"SSIM": ssim(pictures, target, self.variant)}
            for end, mask in (masks or {}).items():
                inside = ssim(bodies[end], masked(target, mask), self.variant)
                # Nothing inside agrees perfectly, and says nothing.
                empty = (mask <= 0).flatten(1).all(1)
                scores[f"mask-SSIM{end}"] = inside.masked_fill(empty, torch.nan)
            scores |= {"PSNR": psnr(pictures, target), "L1": l1(pictures, target)}
            scores["DSSIM"] = lab_dssim(pictures, target)
            if self.networks.perceptual is not None:
                scores["LPIPS"] = self.networks.distance(pictures, target)
            for name, numbers in scores.items():
                self.values.setdefault(name, []).append(numbers.double().cpu())
        for name, features in self.networks.features(pictures).items():
            self.batches.setdefault(name, []).append(features)
        if self.networks.inception is not None:
            for end, body in bodies.items():
                self.batches.setdefault(f"mask-IS{end}", []).append(self.networks.logits(body))
        if self.needs_pictures:
            self.pictures.append(pictures.cpu())

    def means(self) -> dict[str, float]:
        """Of every metric of pairs, over those that have it: none where nobody does."""
        means = {name: float(torch.cat(parts).nanmean()) for name, parts in self.values.items()}
        return {name: mean for name, mean in means.items() if not np.isnan(mean)}

    @property
    def unmasked(self) -> int:
        """How many pairs have an empty mask of the target."""
        parts = self.values.get("mask-SSIM", [])
        return int(torch.cat(parts).isnan().sum()) if parts else 0

    def intervals(self, groups: NDArray[np.int64], level: float) -> dict[str, tuple[float, float]]:
        """Of the means, over `groups`: whose pair each is."""
        columns = {name: torch.cat(parts).numpy() for name, parts in self.values.items()}
        whole = {name: column for name, column in columns.items() if not np.isnan(column).any()}
        intervals = mean_intervals(whole, groups, level) if whole else {}
        for name in columns.keys() - whole.keys():
            known = ~np.isnan(columns[name])
            if len(np.unique(groups[known])) > 1:
                intervals |= mean_intervals({name: columns[name][known]}, groups[known], level)
        return intervals

    def sets(self, reference: Mapping[str, Tensor]) -> dict[str, float]:
        """Fréchet distances to the features of `reference`, where it has them, and IS."""
        scores: dict[str, float] = {}
        features = self.features
        for name in ("frechet-resnet50", "FID"):
            if name in features and name in reference:
                own, real = features[name], reference[name]
                if min(len(own), len(real)) > 1:
                    scores[name] = frechet_distance(own, real)
        for name, logits in features.items():
            if name.startswith(("IS", "mask-IS")) and self.count >= SPLITS:
                scores[name], scores[f"{name}-deviation"] = inception_score(logits)
        return scores

    def diversity(self, groups: NDArray[np.int64], seed: int, batch: int) -> float | None:
        """The mean Lab DSSIM between pictures of one person; None where nobody has two."""
        pairs = diversity_pairs(groups, seed=seed)
        if not len(pairs):
            return None
        pictures = [picture for batch_of_one_size in self.pictures for picture in batch_of_one_size]
        total = 0.0
        different, times = np.unique(np.sort(pairs, 1), axis=0, return_counts=True)
        for rows, weight in zip(parts(different, batch), parts(times, batch), strict=True):
            first, second = (
                torch.cat([_resized(pictures[i][None]) for i in side]) for side in rows.T
            )
            total += float(lab_dssim(first, second) @ torch.from_numpy(weight).double())
        return total / len(pairs)


def _resized(images: Tensor) -> Tensor:
    if tuple(images.shape[2:]) == DIVERSITY_SIZE:
        return images
    x = F.interpolate(images.float(), DIVERSITY_SIZE, mode="bicubic", antialias=True)
    return x.clamp(0, 255)


def to_batch(images: Pixels, device: torch.device) -> Tensor:
    """Pixels → uint8 B×3×H×W on the device."""
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2)


def caveats(
    rows: list[dict[str, Any]], reference: Mapping[str, Tensor], with_is: bool
) -> list[str]:
    """What keeps the sets' numbers from being what their names promise.

    with_is: whether an inception score was asked for.
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
    if with_is and images < SPLITS:
        notes.append(f"IS: it needs {SPLITS} images or more, one for each of its splits.")
    return notes
