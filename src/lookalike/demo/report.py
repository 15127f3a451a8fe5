"""What the demo shows: its people, what DG-Net makes of them, and one report about everything."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.data import Benchmark, People
from lookalike.data.images import Pixels
from lookalike.data.people import evenly
from lookalike.evaluation.evaluation import Evaluation
from lookalike.evaluation.scoring import Row
from lookalike.generation.pictures import read_images, save_picture
from lookalike.generation.swap import Interpolation, Structures, Swap, between
from lookalike.methods import Model
from lookalike.report import swap_grid
from lookalike.report.files import read_run
from lookalike.report.overview import Figure, Overview, write_overview
from lookalike.training.run import Run
from lookalike.world.writer.annotations import truth_of
from lookalike.world.writer.sheet import sheet

SHOWN = 7  # people in a swap grid
BATCH = 32  # pictures made at a time
SCALE = 2  # screen pixels a pixel of the small pictures

LEAD = (
    "Nobody on this page exists. The people, their clothes, the cameras and both places were "
    "rendered on this computer, and everything below was trained on them from random weights.",
    "The baseline learned to tell people apart. DG-Net learned that too, and to paint anybody in "
    "anybody's clothes. Both were then asked to find people whom they had never seen.",
)


def write_demo_report(
    out: Path,
    home: Benchmark,
    away: Benchmark,
    runs: Mapping[str, Run],
    elsewhere: Mapping[str, Evaluation],
    tables: Mapping[str, Sequence[Row]],
) -> Path:
    """The path of out/report.html; its pictures lie in out/images too.

    runs: by method; the last one swaps. elsewhere: their evaluations on `away`. tables: all rows of
    a benchmark, by its title.
    """
    files = {name: read_run(run.folder) for name, run in runs.items()}
    painter = list(runs)[-1]
    ranked = {}
    for name in reversed(list(runs)):
        ranked[f"{name}, {home.source}"] = files[name].ranked
        ranked[f"{name}, {away.source}"] = elsewhere[name].ranked
    images = out / "images"
    return write_overview(
        out / "report.html",
        Overview(
            title="Rendered people, recognised and repainted",
            lead=LEAD,
            facts={key: str(files[painter].environment[key]) for key in ("hardware", "torch")},
            tables=tables,
            people=portraits(home, away, images),
            pictures=paintings(runs[painter].model, home, images),
            ranked=ranked,
            runs={name: run.folder for name, run in runs.items()},
            commands=commands(home, runs),
        ),
    )


def portraits(home: Benchmark, away: Benchmark, images: Path) -> list[Figure]:
    """Contact sheets of both places, and of what is known about every image."""
    annotations = (
        "Every image comes with the joints that are seen, the outline, what each pixel shows, and "
        "the person's joints in metres: lookalike.world.writer.annotations.truth_of reads them."
    )
    return [
        Figure(
            f"By day: {home.source}",
            "A row a person, a column a camera. "
            f"{home.train.num_pids} people to train on, {home.query.num_pids} others to test.",
            save_picture(sheet(home.root, 8), images / "home.png"),
        ),
        Figure(
            f"Elsewhere: {away.source}",
            f"{away.query.num_pids} people, only to test.",
            save_picture(sheet(away.root, 8), images / "away.png"),
        ),
        Figure(
            "What is known of them",
            annotations,
            save_picture(
                sheet(home.root, 2, poses=True, masks=True, scale=SCALE), images / "known.png"
            ),
        ),
    ]


def paintings(model: Model, home: Benchmark, images: Path) -> list[Figure]:
    """People who were tested, in each other's clothes and between two people's."""
    files = clearest(home.query, SHOWN)
    people = read_images(model, files)
    cells = Swap().crossed(model, people, Structures(files), BATCH)
    large = enlarged(people)
    table = swap_grid(large, large, [enlarged(row) for row in cells])
    steps = between(files[:2], 9)
    strip, _ = Interpolation("appearance").sequence(model, people[2:5], steps, BATCH)
    return [
        Figure(
            "Each in the clothes of every other",
            "Painted by DG-Net: a row wears what its "
            "first picture wears, a column stands as its first picture stands. None of them was "
            "trained on.",
            save_picture(table, images / "swap.png"),
        ),
        Figure(
            "From one's clothes to another's",
            "Three people, painted in what lies between two others' clothes.",
            save_picture(
                strip.resize((strip.width * SCALE, strip.height * SCALE)), images / "morph.png"
            ),
        ),
    ]


def clearest(people: People, count: int) -> list[str]:
    """An image of each of at most `count` of the people: the one that least hides its person."""
    occlusion = truth_of(people.paths).occluded
    rows = [np.flatnonzero(people.pids == pid) for pid in evenly(people.classes.tolist(), count)]
    return [people.paths[row[occlusion[row].argmin()]] for row in rows]


def enlarged(pixels: Pixels) -> Pixels:
    """N×H×W×3, SCALE times as large."""
    size = pixels.shape[2] * SCALE, pixels.shape[1] * SCALE
    return np.stack([np.asarray(Image.fromarray(p).resize(size)) for p in pixels])


def commands(home: Benchmark, runs: Mapping[str, Run]) -> Sequence[tuple[str, str]]:
    """What could come next, and how."""
    baseline, painter = (shlex.quote(str(run.folder)) for run in runs.values())
    query = shlex.quote(str(home.root / "query"))
    on_home = f"--data {shlex.quote(str(home))}"
    return [
        ("More pictures: of any folder of crops.",
         f"lookalike generate {painter} swap --images {query} --out grid.png"),
        ("How far apart are two images of one person? The distance to use as a threshold.",
         f"lookalike calibrate {baseline} {on_home}"),
        ("Does it help to have seen more places? The same baseline, on three.",
         "lookalike train ide --data 'world:plaza+campus+mall?people=300' --preset demo "
         "--out runs/three-places\n"
         "lookalike evaluate runs/three-places --data 'world:night?people=30&test_fraction=1'"),
        ("With more time: more people, the larger network, weights learned on ImageNet.",
         "lookalike train dgnet --data 'world:plaza?people=400' --preset quick --out runs/dgnet"),
        ("With your own crops, a folder for each person, or with a public benchmark.",
         "lookalike train dgnet --data folder:crops --preset quick --out runs/mine\n"
         "lookalike train dgnet --data market1501:/data/Market-1501 --preset quick "
         "--out runs/market"),
    ]  # fmt: skip
