"""How far features that never saw a benchmark's images carry on it, beside what needs no training.

    python benchmarks/transfer.py [RUN ...] [--data market1501:PATH]

Each RUN is a run folder or a model file, as it is tested after training somewhere else (on rendered
people, say). Above it stands what it has to beat: a colour histogram, and a ResNet-50 with random
and with ImageNet weights. Single query, protocol market1501. The data are $LOOKALIKE_MARKET1501 by
default, the ImageNet weights $LOOKALIKE_RESNET50; what isn't there is left out, and said so.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from people_features import print_machine
from torch import Tensor

from lookalike.data import Benchmark, parse_data
from lookalike.demo.colours import histograms
from lookalike.devices import device_named
from lookalike.evaluation.features import extract
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.methods.model import Model
from lookalike.methods.model_file import load_model
from lookalike.metrics import rank

SIZES = (256, 128), (128, 64)

Features = Tensor | NDArray[np.float32]
Extract = Callable[[Sequence[str]], Features]  # image files -> a row each


def untrained(height: int, width: int, weights: str) -> Model:
    """A ResNet-50 whose pooled map is the feature, the mirrored view's added."""
    settings = IDE(height=height, width=width, head="linear", feature="pool", weights=weights)
    torch.manual_seed(0)
    return BaselineModel(settings.resolved(), classes=1)


def features(
    runs: Sequence[str], weights: str, device: torch.device
) -> Iterator[tuple[str, str, Extract]]:
    """A name, a metric and what makes the features of every row, one model in memory at a time."""
    yield "colour histogram, 8 stripes", "cosine", histograms
    kinds = [("random", "none", SIZES[-1:])]
    kinds += [("ImageNet", weights, SIZES)] if weights else []
    for kind, start, sizes in kinds:
        for height, width in sizes:
            model = untrained(height, width, start).to(device)
            yield f"ResNet-50, {kind}, {height}×{width}", model.metric, partial(extract, model)
    for run in runs:
        model = load_model(run).to(device)
        yield run, model.metric, partial(extract, model)


def print_table(bench: Benchmark, rows: Iterator[tuple[str, str, Extract]]) -> None:
    """A line for each, as soon as it is known."""
    query, gallery = bench.query, bench.gallery
    ids = query.pids, gallery.pids, query.camids, gallery.camids
    names = ("mAP", "rank-1", "rank-5", "rank-10", "rank-20", "mINP", "numbers", "seconds")
    print(" " * 34 + "".join(f"{name:>9}" for name in names))
    for name, metric, make in rows:
        start = time.perf_counter()
        sides = make(query.paths), make(gallery.paths)
        took = time.perf_counter() - start
        ranking = rank(*sides, *ids, protocol="market1501", metric=metric)
        line = "".join(f"{100 * score:9.1f}" for score in ranking.row().values())
        print(f"{name:34}{line}{sides[0].shape[1]:9}{took:9.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Test features on data they never saw.")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders or model files")
    parser.add_argument("--data", help="the benchmark to test on, name:path")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda")
    arguments = parser.parse_args()
    market = os.environ.get("LOOKALIKE_MARKET1501")
    data = arguments.data or (market and f"market1501:{market}")
    if not data:
        print("Left out: name a benchmark by LOOKALIKE_MARKET1501 or --data name:path.")
        return
    bench = parse_data(data)
    weights = os.environ.get("LOOKALIKE_RESNET50", "")
    print_machine(f"{len(bench.query)} queries x {len(bench.gallery)}, %")
    print_table(bench, features(arguments.runs, weights, device_named(arguments.device)))
    if not weights:
        print("Left out: the ImageNet features; LOOKALIKE_RESNET50 is to name the weights.")


if __name__ == "__main__":
    main()
