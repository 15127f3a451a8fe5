"""The doors by which files come in, and what is tried at them: a `Case`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hostile import whole

from lookalike.cli import embed, train
from lookalike.data import UNKNOWN, People, load
from lookalike.data.check import as_text, check
from lookalike.data.evaluation_pairs import read_pairs
from lookalike.data.images import (
    decode,
    image_files,
    image_size,
    list_images,
    read_grey,
    read_image,
)
from lookalike.data.links import read_links
from lookalike.data.pickles import read_plain
from lookalike.data.poses import read_poses
from lookalike.data.readers import READERS
from lookalike.errors import UserError
from lookalike.evaluation.foreign_features import read_features
from lookalike.folders import claim
from lookalike.importing import IMPORTERS, import_model
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.methods.model_file import load_model
from lookalike.nets.weights import read_weights, weights_stride_on
from lookalike.report import write_report
from lookalike.report.files import read_run
from lookalike.training.run_config import config_of, prepare
from lookalike.training.run_folder import Metrics, load_checkpoint
from lookalike.training.start import start_of
from lookalike.world.writer.annotations import spec_of, truth_of
from lookalike.world.writer.layout import SPLITS


class Case(NamedTuple):
    """One bad input. door: where it is tried. make: writes it into an empty folder, and says what
    to open there."""

    door: str
    name: str
    make: Callable[[Path], Path]


def kind_of(door: str) -> str:
    """The first word of a door's name."""
    return door.split()[0]


def picture(path: Path) -> None:
    """Everything that asks for an image; the last refusal counts."""
    refused = None
    for read in (image_size, read_image, read_grey, lambda p: decode(str(p), 64, 32)):
        try:
            read(path)
        except UserError as error:
            refused = error
    if refused:
        raise refused


def folder_of_images(path: Path) -> None:
    list_images(path)
    list_images(path, deep=False)
    image_files([path])


def checked(path: Path) -> None:
    """`lookalike data check` of Market-1501's folders, with the poses that may lie in them."""
    poses = {"poses": path / "poses"} if (path / "poses").exists() else {}
    as_text(check(load("market1501", path, **poses)))


def embedded(path: Path) -> None:
    """`lookalike embed` of a folder, with and without those that can't be read."""
    model = path.parent / "model.safetensors"
    model.write_bytes(whole.model())
    words = [str(model), str(path), "--out", str(path.parent / "out.npz"), "--device", "cpu"]
    for more in (["--skip-broken"], []):
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            embed.main([*words, *more])


def begun(path: Path) -> None:
    """What is read of a run that is to go on: its config.yaml and its metrics."""
    read_run(path)
    Metrics(path / "metrics.jsonl", "learn", 2).file.close()
    config_of(path)
    prepare(path, whole.CONFIG, resume=True)


def reported(path: Path) -> None:
    write_report(path)


def noted(path: Path) -> None:
    """A folder of generated pictures, and one of a world that is being rendered."""
    claim(path, "generated.json", {"model": "x", "settings": {"lr": 1}}, ours=("in-progress",))


def configured(path: Path) -> None:
    """`lookalike train --config`."""
    words = ["ide", "--data", "market1501:/nowhere", "--config", str(path), "--print_config"]
    with redirect_stdout(StringIO()), suppress(SystemExit):
        train.main(words)


def listed(path: Path) -> None:
    """Features without names, with a list of who is on them."""
    lists = [file for file in sorted(path.iterdir()) if file.suffix != ".npy"]
    read_features([path / "f.npy"], lists=lists, queries=2)


def named(path: Path) -> None:
    """Features whose names the user says."""
    read_features([path], keys=["features=f", "pids=p", "camids=c", "paths=n"], queries=2)


def truth(path: Path) -> None:
    """All that is known of a rendered world's images."""
    spec_of(path)
    images = image_files([path / split for split in SPLITS if (path / split).exists()])
    known = truth_of(images)
    known.masks.any()
    known.amodal.any()
    known.parts()
    as_text(check(load("world", path)))


def pairs(path: Path) -> None:
    names = ("1/a.jpg", "1/b.jpg", "2/c.jpg", "2/d.jpg")
    read_pairs(path, People(names, np.array([1, 1, 2, 2]), np.arange(4), "x"))


def links(path: Path) -> None:
    names = ("1/a.jpg", "1/b.jpg", "2/c.jpg", "2/d.jpg")
    read_links(path, People(names, np.full(4, UNKNOWN), np.arange(4), "x"))


def weights(path: Path) -> None:
    read_weights(path)
    weights_stride_on("resnet50", str(path))


def started_from(path: Path) -> None:
    """A model file given to --start: looked at, and written into the run."""
    run = path.parent / "run"
    begin = start_of(IDE(**whole.STARTED), path, run, {}, owner=True)
    begin.write(run)


def goes_on_from(path: Path) -> None:
    """A run's own start.safetensors, when the run goes on."""
    before = {"start": {"model": "gone", "method": "ide", "fingerprint": "0"}}
    begin = start_of(IDE(**whole.STARTED), None, path.parent, before, owner=True)
    BaselineModel(begin.method.resolved(), 2)


def features(path: Path) -> None:
    """One file, or a folder of two."""
    read_features(sorted(path.iterdir()) if path.is_dir() else [path])


def benchmark(name: str) -> Callable[[Path], object]:
    """The reader, with the option of a list where the folder has one."""

    def read(path: Path) -> object:
        options: dict[str, Any] = {}
        if name == "folder" and (path / "crops.csv").exists():
            options["csv"] = "crops.csv"
        return load(name, path, **options)

    return read


def importer(method: str) -> Callable[[Path], object]:
    """The importer; of a folder all files are given, one by one."""

    def read(path: Path) -> object:
        paths = sorted(path.iterdir()) if path.is_dir() else [path]
        return import_model(method, paths, path.parent / "out.safetensors", force=True)

    return read


DOORS: dict[str, Callable[[Path], object]] = {
    "picture": picture,
    "images": folder_of_images,
    "poses": read_poses,
    "pickle": read_plain,
    "pairs": pairs,
    "links": links,
    "check": checked,
    "embed": embedded,
    "world": truth,
    "run": begun,
    "run note": noted,
    "run report": reported,
    "run checkpoint": load_checkpoint,
    "run settings": configured,
    "features": features,
    "features with a list": listed,
    "features by keys": named,
    "model": load_model,
    "model to start": started_from,
    "run start": goes_on_from,
    "weights": weights,
    **{f"import {method}": importer(method) for method in IMPORTERS},
    **{f"data {name}": benchmark(name) for name in READERS},
}
