"""Pictures between two stages: a trained generator writes the people of a later stage."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from lookalike import parallel
from lookalike.data.samplers import step_seed
from lookalike.errors import UserError
from lookalike.folders import claim
from lookalike.generation.folder import NOTE, OTHER
from lookalike.generation.pictures import save_picture, to_pixels
from lookalike.methods.model_file import fingerprint
from lookalike.methods.stage import Write
from lookalike.stopping import is_main_process
from lookalike.training.settings import RunSettings, resolve_device


def write_pictures(
    write: Write, done: Mapping[str, nn.Module], settings: RunSettings, method: object
) -> int:
    """Writes the pictures that aren't there yet; how many this process wrote.

    Batches are the same rows, with the same seed, however often the job is stopped and however many
    processes share it: so a picture's bytes are. Every file appears whole. The folder keeps a note
    of the models and settings. Raises UserError when the folder holds something else.
    """
    folder = Path(os.path.commonpath([Path(path).parent for path in write.pictures.paths]))
    if is_main_process():
        note = about(write, done, settings, method)
        claim(folder, NOTE, note, other=OTHER)
    parallel.wait()
    device = torch.device(resolve_device(settings))
    for module in done.values():
        module.to(device).eval()
    paths = [Path(path) for path in write.pictures.paths]
    missing = np.array([not path.exists() for path in paths])
    parallel.wait()  # nobody writes before everybody has looked
    starts = range(0, len(paths), write.batch_size)
    todo = [start for start in starts if missing[start : start + write.batch_size].any()]
    share = todo[parallel.rank() :: parallel.world_size()]
    hidden = None if is_main_process() else True  # None: where stderr is no terminal
    with (
        torch.no_grad(),
        ThreadPoolExecutor(min(os.cpu_count() or 1, 16)) as pool,
        tqdm(total=len(share), desc=write.name, unit="batch", disable=hidden) as bar,
    ):
        draw = write.draw(done) if share else None
        for start in share:
            assert draw is not None
            rows = np.arange(start, min(start + write.batch_size, len(paths)))
            torch.manual_seed(step_seed(settings.seed, write.name, start))
            pictures = draw(rows)
            check(pictures, len(rows), write.name)
            places = [k for k, row in enumerate(rows) if missing[row]]
            pixels = to_pixels(pictures)
            list(pool.map(save_picture, pixels[places], [paths[rows[k]] for k in places]))
            bar.update()
    for module in done.values():
        module.cpu()
    parallel.wait()
    return int(sum(missing[start : start + write.batch_size].sum() for start in share))


def check(pictures: Tensor, count: int, name: str) -> None:
    """Raises UserError for pictures that aren't finite; ValueError for another shape."""
    if pictures.dim() != 4 or len(pictures) != count or pictures.shape[1] != 3:
        raise ValueError(f"'{name}' should draw {count}×3×H×W, not {tuple(pictures.shape)}")
    if not pictures.isfinite().all():
        raise UserError(
            f"'{name}' drew pictures that aren't finite: the stage before it has diverged; start "
            "anew with a lower learning rate."
        )


def about(
    write: Write, done: Mapping[str, nn.Module], settings: RunSettings, method: object
) -> dict[str, object]:
    """What the pictures are made of."""
    values = dataclasses.asdict(method)  # type: ignore[call-overload]
    return {
        "name": write.name,
        "pictures": len(write.pictures),
        "seed": settings.seed,
        "settings": json.loads(json.dumps(values)),
        "models": {name: fingerprint(module) for name, module in done.items()},
    }
