"""The pictures that a stage shows of how far it is, and the people in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from lookalike.data.people import Index, evenly
from lookalike.data.posemaps import disc_maps
from lookalike.methods.look import Look


class SwapGrid(NamedTuple):
    """n appearances, m structures and n×m swaps, all in [0, 1]."""

    appearances: Tensor
    structures: Tensor
    cells: Tensor


class Columns(NamedTuple):
    """A row an example, a column a kind of image: as many B×3×H×W in [0, 1] as labels."""

    labels: tuple[str, ...]
    images: tuple[Tensor, ...]


class Shown(NamedTuple):
    """Crops of the same people: rows of the table, and their images in [0, 1], n×3×H×W."""

    rows: Index
    images: Tensor


def shown(look: Look, labels: Index, count: int, each: int = 1) -> tuple[Shown, ...]:
    """Up to `count` people, evenly from all with `each` crops or more: their first, … last crops.

    labels: of every row of the table, −1 for who isn't shown. Gives `each` (1 or 2) groups of crops
    of the same people in the same order; none where nobody has that many.
    """
    names, counts = np.unique(labels[labels >= 0], return_counts=True)
    people = evenly(names[counts >= each].tolist(), count)
    rows = [np.flatnonzero(labels == person)[[0, -1][:each]] for person in people]
    if not rows:
        return ()
    return tuple(Shown(side, look.pixels(side).float() / 255) for side in np.stack(rows, 1))


def cluster_strips(look: Look, labels: Index, count: int = 8, each: int = 8) -> list[Tensor]:
    """Up to `count` clusters, evenly from the smallest to the largest, with `each` of their crops.

    labels: of every row of the table, −1 for none. Gives `each` columns, count×3×H×W in [0, 1]: the
    k-th crop of every cluster; white where a cluster has fewer. None where there is no cluster.
    """
    names, sizes = np.unique(labels[labels >= 0], return_counts=True)
    clusters = evenly(names[np.argsort(sizes, kind="stable")].tolist(), count)
    strips = []
    for cluster in clusters:
        rows = np.array(evenly(np.flatnonzero(labels == cluster).tolist(), each))
        images = look.pixels(rows).float() / 255
        white = images.new_ones(each - len(images), *images.shape[1:])
        strips.append(torch.cat([images, white]))
    return list(torch.stack(strips, 1)) if strips else []


class PosePairs:
    """Six people of a stage's table, each with two crops whose pose is known, to be drawn.

    Where nobody has two, the one crop stands for both.
    """

    def __init__(self, look: Look, size: tuple[int, int]) -> None:
        assert look.people.poses is not None  # the method needs them
        self.size = size
        labels = look.people.posed_labels()
        sides = shown(look, labels, 6, each=2) or shown(look, labels, 6) * 2
        self.images = [side.images for side in sides]
        if sides:
            self.joints = torch.from_numpy(look.people.poses.at(*size)[sides[1].rows])

    def columns(
        self, device: torch.device, draw: Callable[[Tensor, Tensor], Mapping[str, Tensor]]
    ) -> dict[str, SwapGrid | Columns]:
        """People, poses, what `draw` makes of images and joints, by name, and the photographs in
        those poses; nothing where nobody's pose is known."""
        if not self.images:
            return {}
        source, target = (side.to(device) for side in self.images)
        joints = self.joints.to(device)
        pose = disc_maps(joints, *self.size).amax(1, keepdim=True).expand(-1, 3, -1, -1)
        images = {"person": source, "pose": pose, **draw(source, joints), "photograph": target}
        return {"repose": Columns(tuple(images), tuple(images.values()))}
