"""The programs of the documentation run, on features small enough to wait for."""

import subprocess
import sys
from pathlib import Path

import numpy as np

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"


def test_cluster_and_rank_finds_the_persons(tmp_path):
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((12, 32))
    files = []
    for split, persons, images in (("train", 8, 10), ("query", 4, 2), ("gallery", 4, 10)):
        pids = np.repeat(np.arange(1, persons + 1) + (0 if split == "train" else 8), images)
        feats = centres[pids - 1] + 0.1 * rng.standard_normal((len(pids), 32))
        camids = np.full(len(pids), int(split == "query"))
        files.append(tmp_path / f"{split}.npz")
        np.savez(files[-1], features=feats.astype(np.float32), pids=pids, camids=camids)
    program = str(EXAMPLES / "cluster_and_rank.py")
    shown = subprocess.run(
        [sys.executable, program, *map(str, files)], capture_output=True, text=True, check=True
    ).stdout
    assert "Jaccard distances of 128 images" in shown
    assert "eps 0.600: 12 clusters of 12 persons" in shown
    assert "1.000 on images trained on, 1.000 on others" in shown
    assert "\nranked: mAP 100.0, rank-1 100.0, mINP 100.0\nre-ranked: mAP 100.0" in shown


def test_sums_of_people_are_what_their_comments_say():
    program = EXAMPLES / "sums_of_people.py"
    shown = subprocess.run(
        [sys.executable, str(program)], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    lines = [line for line in program.read_text().splitlines() if line.startswith("print(")]
    promised = [line.partition("  # ")[2].partition(": ")[0] for line in lines]
    assert shown == promised
