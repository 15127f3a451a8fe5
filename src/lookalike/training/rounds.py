"""The batches of a stage, as Lightning asks for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from lookalike.data.area_crops import AreaCrops
from lookalike.data.batches import Batches, Steps, step_loader
from lookalike.data.image_table import ImageTable
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.methods.look import Look
from lookalike.methods.stage import Stage, StageModule
from lookalike.training.settings import RunSettings


def check_shares(stage: str, batches: Batches, devices: int) -> None:
    """Raises UserError when a global batch can't be shared equally among the processes."""
    for batch in batches.values():
        if len(batch) % devices:
            raise UserError(
                f"Stage '{stage}' has batches of {len(batch)} images, which {devices} devices "
                f"can't share equally: choose a multiple of {devices}."
            )


class Rounds(L.LightningDataModule):
    """The batches of a stage, a round an epoch: each begins with the module's `renew`."""

    def __init__(
        self, module: StageModule, stage: Stage, table: ImageTable, stop: int, settings: RunSettings
    ) -> None:
        super().__init__()
        self.module, self.stage, self.table = module, stage, table
        self.stop, self.settings = stop, settings
        self.after_renew: Callable[[], None] = lambda: None  # what else is done after a `renew`
        self._area_crops: AreaCrops | None = None

    def look(self) -> Look:
        """What the module may see of everybody."""
        return Look(self.stage.people, self.pixels, self.module.device)

    def pixels(self, rows: Any) -> Tensor:
        return self.table[np.asarray(rows)]

    def area_crops(self) -> AreaCrops | None:
        """What cuts the stage's crops, if these are parts of the images; read once."""
        stage, cache = self.stage, self.settings.cache
        if stage.area is not None and self._area_crops is None:
            seed = step_seed(self.settings.seed, stage.name, "areas")
            self._area_crops = AreaCrops(
                stage.people.paths, *stage.size, stage.area, seed, stage.resampling, cache
            )
        return self._area_crops

    @property
    def epochs(self) -> int:
        """How many rounds, whole or in part, are left."""
        if not self.stage.round:
            return 1
        return -(-self.stop // self.stage.round) - self.module.step // self.stage.round

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        module, stage, step = self.module, self.stage, self.module.step
        stop = self.stop
        if stage.round:
            if step % stage.round == 0 and step < stop:
                torch.manual_seed(step_seed(module.seed, module.stage, "renew", step))
                module.renew(self.look())
                self.after_renew()
            stop = min(stop, (step // stage.round + 1) * stage.round)
        plan = stage.plan or module.plan
        if step < stop:
            check_shares(stage.name, plan(step), self.settings.devices)
        if stage.plan is None and self.settings.workers:
            # A worker is a fork, in which a module's buffers on a GPU can't be read.
            plan = {k: plan(k) for k in range(step, stop)}.__getitem__
        steps = Steps(stage.people, self.table, plan, self.area_crops())
        return step_loader(steps, step, stop, self.settings.workers)
