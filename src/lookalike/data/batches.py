"""What a training step is given: the crops of its global batch, cut to this process's rows."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from lookalike.data.area_crops import AreaCrops
from lookalike.data.image_table import ImageTable
from lookalike.data.people import Index, People
from lookalike.errors import UserError
from lookalike.parallel import my_rows
from lookalike.stopping import deaf_children, end_when_parent_says

Batches = Mapping[str, Index]  # the rows of a step's global batches, by their names
Plan = Callable[[int], Batches]  # of the 0-based step


class Crops(NamedTuple):
    """A batch of crops: what they show, whose they are, where they were taken, which they are."""

    images: Tensor  # B×3×H×W uint8, channels_last
    labels: Tensor  # B int64, class index; −1 for junk and distractors
    camids: Tensor  # B int64
    index: Tensor  # type: ignore[assignment]  # B int64, rows of the `People` they come from
    joints: Tensor | None = None  # B×18×3, x and y in pixels of `images`, 1 where known


class Steps(Dataset[dict[str, Any]]):
    """The steps of a run: item k is {"step": k, name: `Crops`, …} for this process's rows.

    table: the crops of `people`, row by row. plan: step → named index arrays of the GLOBAL batch,
    a pure function (see `samplers`), for example
    `lambda k: {"anchor": (a := sampler.batch(k)), "partner": partners.draw(a, k)}`.
    area: what cuts random parts of the images, which are then given instead of whole ones, without
    joints, which lie elsewhere there.
    """

    def __init__(
        self, people: People, table: ImageTable, plan: Plan, area: AreaCrops | None = None
    ) -> None:
        if len(people) != len(table):
            raise ValueError(f"{len(people)} people, but {len(table)} images")
        self.table, self.plan, self.area = table, plan, area
        self.labels, self.camids = people.labels(), people.camids
        self.joints = (
            people.poses.at(table.height, table.width)
            if people.poses is not None and area is None
            else None
        )

    def __getitem__(self, step: int) -> dict[str, Any]:
        plan = self.plan(step)
        return {"step": step, **{name: self._crops(i, name, step) for name, i in plan.items()}}

    def _crops(self, index: Index, name: str, step: int) -> Crops:
        index = np.asarray(index, dtype=np.int64)
        rows = index[my_rows(len(index))]
        return Crops(
            self.table[rows] if self.area is None else self.area(index, name, step),
            torch.from_numpy(self.labels[rows]),
            torch.from_numpy(self.camids[rows]),
            torch.from_numpy(rows.copy()),
            None if self.joints is None else torch.from_numpy(self.joints[rows]),
        )


class StepLoader(DataLoader[dict[str, Any]]):
    """A `DataLoader` whose workers don't hear the signals that stop a run: they would end before it
    and take the running step along."""

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        with deaf_children():
            return super().__iter__()


def step_loader(
    dataset: Dataset[dict[str, Any]], start: int, stop: int, workers: int = 0
) -> DataLoader[dict[str, Any]]:
    """The items start … stop−1 of `dataset`, in order, from `workers` processes; len stop−start.

    Workers are forks, which know this process's rank and need no pickling. Raises UserError where
    the system has none.
    """
    if workers and "fork" not in torch.multiprocessing.get_all_start_methods():
        raise UserError("Workers need a system that forks processes: set workers to 0.")
    return StepLoader(
        dataset,
        batch_size=None,
        sampler=range(start, stop),
        num_workers=workers,
        multiprocessing_context="fork" if workers else None,
        persistent_workers=workers > 0,
        worker_init_fn=end_when_parent_says if workers else None,
        pin_memory=torch.cuda.is_available(),
    )
