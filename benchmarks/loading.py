"""Prints how fast crops are loaded and augmented, each beside the way it is usually done.

    python benchmarks/loading.py [--images 2048] [--batch 64]

Loading: every batch decoded when it is asked for (the usual dataset) against the decoded table.
Augmentation: flip, pad 10, crop, normalise, erase of one batch on the CPU against kornia's own
augmentations in a row. The crops are Market-1501's training images where LOOKALIKE_MARKET1501
names its folder, else generated JPEGs of 128×64; both become 256×128.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import kornia.augmentation as K
import numpy as np
import torch
from PIL import Image

from lookalike.data.batches import Steps, step_loader
from lookalike.data.image_table import ImageTable
from lookalike.data.people import People
from lookalike.data.samplers import Shuffled
from lookalike.data.transforms import ERASINGS, PIXEL_NORMS, Augment, RandomErasing

HEIGHT, WIDTH = 256, 128


def crops(folder: Path, count: int) -> list[str]:
    market = os.environ.get("LOOKALIKE_MARKET1501")
    if market:
        return [str(p) for p in sorted(Path(market, "bounding_box_train").glob("*.jpg"))[:count]]
    rng, paths = np.random.default_rng(0), [folder / f"{i}.jpg" for i in range(count)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (16, 8, 3), dtype=np.uint8))
        coarse.resize((64, 128), Image.Resampling.BICUBIC).save(path, quality=90)
    return [str(p) for p in paths]


def images_per_second(table: ImageTable, batch: int, workers: int) -> float:
    """Over whole epochs for at least two seconds, after a first batch that starts the workers."""
    people = People(table.paths, np.ones(len(table), np.int64), np.zeros(len(table), np.int64))
    sampler = Shuffled(len(table), batch, seed=0)
    loader = step_loader(
        Steps(people, table, lambda k: {"all": sampler.batch(k)}), 0, 10**9, workers
    )
    items = iter(loader)
    next(items)
    start, seen = time.perf_counter(), 0
    while time.perf_counter() - start < 2:
        for _ in range(sampler.steps_per_epoch):
            seen += len(next(items)["all"].images)
    return seen / (time.perf_counter() - start)


def milliseconds(work: Callable[[], object], repeats: int = 30) -> float:
    """The median of `repeats` runs after three."""
    times = []
    for _ in range(repeats + 3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times[3:])) * 1e3


def kornias(mean: tuple[float, ...], std: tuple[float, ...]) -> torch.nn.Module:
    return torch.nn.Sequential(
        K.RandomHorizontalFlip(p=0.5),
        K.RandomCrop((HEIGHT, WIDTH), padding=10, padding_mode="replicate", cropping_mode="slice"),
        K.Normalize(torch.tensor(mean), torch.tensor(std)),
        K.RandomErasing(scale=(0.02, 0.4), ratio=(0.3, 1 / 0.3), p=0.5),
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=64)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = crops(Path(folder), args.images)
        source = "Market-1501" if os.environ.get("LOOKALIKE_MARKET1501") else "generated"
        print(f"{len(paths)} {source} crops, batch {args.batch}, {torch.get_num_threads()} threads")
        start = time.perf_counter()
        cached = ImageTable(paths, HEIGHT, WIDTH, cache="memory", progress=False)
        print(
            f"decoding the table once: {len(paths) / (time.perf_counter() - start):,.0f} images/s"
        )
        live = ImageTable(paths, HEIGHT, WIDTH, cache="none")
        print(f"\n{'loading':<28}{'workers':>8}{'images/s':>12}{'ratio':>8}")
        usual = 0.0
        for name, table, workers in (
            ("decoded at every access", live, 0),
            ("decoded at every access", live, 2),
            ("decoded table", cached, 0),
            ("decoded table", cached, 2),
        ):
            speed = images_per_second(table, args.batch, workers)
            usual = max(usual, speed) if table is live else usual
            print(f"{name:<28}{workers:>8}{speed:>12,.0f}{speed / usual:>8.1f}")
        batch = cached[np.arange(args.batch)]
    norm = PIXEL_NORMS["imagenet"]
    peer = kornias(norm.mean, norm.std)
    ours = Augment(HEIGHT, WIDTH, erase=RandomErasing(**ERASINGS["dgnet"]))
    boxes = Augment(HEIGHT, WIDTH, pad=0, area=(0.64, 1.0))
    print(f"\n{'augmentation of a batch':<36}{'ms':>12}{'ratio':>8}")
    theirs = milliseconds(lambda: peer(batch / 255))
    print(f"{'kornia, one after another':<36}{theirs:>12.1f}{1:>8.1f}")
    for name, augment in (("flip, pad, crop, normalise, erase", ours), ("area crop (HHL)", boxes)):
        mine = milliseconds(partial(augment, batch))
        print(f"{name:<36}{mine:>12.1f}{theirs / mine:>8.1f}")


if __name__ == "__main__":
    main()
