"""What is in a benchmark: counts per split, as a dictionary and as a table."""

import textwrap
from typing import Any

import numpy as np

from lookalike.data.people import DISTRACTOR, JUNK, Benchmark, People
from lookalike.errors import printable

SPLITS = ("train", "query", "gallery")


def describe(bench: Benchmark) -> dict[str, Any]:
    """The counts of every split, ready for JSON.

    For each: images, identities, cameras, junk, distractors; images_per_camera (camera → count);
    images_per_identity (min, median, max), junk and distractors left out. passed_over: how many
    files the reader left out, by the reason.
    """
    return {
        "data": str(bench),
        "protocol": bench.protocol,
        "splits": {split: _counts(getattr(bench, split)) for split in SPLITS},
        "passed_over": {reason: len(paths) for reason, paths in bench.passed_over.items()},
    }


def _counts(people: People) -> dict[str, Any]:
    cameras, per_camera = np.unique(people.camids, return_counts=True)
    _, per_pid = np.unique(people.pids[people.pids > DISTRACTOR], return_counts=True)
    spread = (per_pid.min(), np.median(per_pid), per_pid.max()) if len(per_pid) else (0, 0, 0)
    return {
        "images": len(people),
        "identities": people.num_pids,
        "cameras": people.num_cams,
        "junk": int((people.pids == JUNK).sum()),
        "distractors": int((people.pids == DISTRACTOR).sum()),
        "images_per_camera": {
            str(camera): int(n) for camera, n in zip(cameras, per_camera, strict=True)
        },
        "images_per_identity": {
            "min": int(spread[0]),
            "median": float(spread[1]),
            "max": int(spread[2]),
        },
    }


def as_table(info: dict[str, Any]) -> str:
    """The counts of `describe` as text within 80 columns."""
    lines = [
        printable(info["data"]),
        f"protocol {info['protocol']}",
        "",
        f"{'split':<8}{'images':>9}{'identities':>12}{'cameras':>9}{'junk':>7}{'distractors':>13}"
        f"{'images/identity':>21}",
        f"{'min median max':>79}",
    ]
    for split, counts in info["splits"].items():
        per_pid = counts["images_per_identity"]
        spread = f"{per_pid['min']} {per_pid['median']:g} {per_pid['max']}"
        lines.append(
            f"{split:<8}{counts['images']:>9,}{counts['identities']:>12,}{counts['cameras']:>9}"
            f"{counts['junk']:>7,}{counts['distractors']:>13,}{spread:>21}"
        )
    lines += ["", "images per camera"]
    for split, counts in info["splits"].items():
        # A line may end between two cameras, but not within one: \xa0 is no place to break.
        cameras = "  ".join(f"{c}:\xa0{n:,}" for c, n in counts["images_per_camera"].items())
        wrapped = textwrap.wrap(
            cameras, 79, initial_indent=f"{split:<8}", subsequent_indent=" " * 8
        )
        lines += [line.replace("\xa0", " ") for line in wrapped]
    if info["passed_over"]:
        lines += ["", "passed over (`lookalike data check` names them)"]
        lines += [f"{n:>8,} {reason}" for reason, n in info["passed_over"].items()]
    return "\n".join(lines)
