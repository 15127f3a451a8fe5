"""Whether two checkouts train the same weights: every shortened preset with both, bit for bit.

    python benchmarks/same_numbers.py [OLD_CHECKOUT] [--work FOLDER] [--only NAME …]

Each case is a run of the real command on rendered people, one thread, one seed, float32: its whole
schedule in some dozen steps a stage, so that every ramp and every milestone is passed. A line a
case: how many tensors of its model files differ, how many lines of losses, and how many numbers of
its evaluation. Exit code 1 when anything differs. Runs that are in the folder already are kept, so
that the old checkout trains once. Without an old checkout nothing is compared, and it says so.

The weights of a ResNet-50 are those of $LOOKALIKE_RESNET50 where that is set.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

DATA = "world:plaza?people=40&cameras=3&images=4&test_fraction=0.4"
COMMON = "--accelerator cpu --precision fp32 --seed 0 --log_every 1 --steps 12"
SMALL_DGNET = "--height 128 --width 64 --teacher.height 128 --teacher.width 64"
# name → method, preset, flags of the old checkout, which `renamed` translates for the new one
CASES = {
    "ide-quick": ("ide", "quick", ""),
    "ide-demo": ("ide", "demo", "--schedule_scale 0.03"),
    "ide-strong": ("ide", "strong", "--height 128 --width 64 --ids_per_batch 8"),
    "ide-camstyle": ("ide", "camstyle", "--height 128 --width 64 --batch 32 --erase 0.5"),
    "ide+-quick": ("ide+", "quick", ""),
    "triplet-quick": ("triplet", "quick", ""),
    "triplet-pooled": ("triplet", "pooled", "--height 128 --width 64 --ids_per_batch 8"),
    "dgnet-quick": ("dgnet", "quick", "--schedule_scale 0.012"),
    "dgnet-demo": ("dgnet", "demo", "--schedule_scale 0.018"),
    "dgnet-code": ("dgnet", "code", f"--schedule_scale 0.00012 --batch 4 {SMALL_DGNET}"),
    "dgnet-paper": ("dgnet", "paper", f"--schedule_scale 0.00012 --batch 4 {SMALL_DGNET}"),
    "pg2-quick": ("pg2", "quick", ""),
    "pg2-code": ("pg2", "code", "--batch 4"),
    "fdgan-quick": ("fdgan", "quick", "--schedule_scale 0.04"),
    "fdgan-code": (
        "fdgan",
        "code",
        "--height 128 --width 64 --batch 8 --unit steps --length [12,12,12] --flat [6,6] "
        "--drop_every 5 --dis_dim 16 --generator_dim 16",
    ),
}
# The flags of commit b7d587e → those of today
RENAMED = {
    "--batch": "--batch_size",
    "--unit steps": "--epoch step",
    "--length [12,12,12]": "--epochs 12 --warmup_epochs 12 --joint_epochs 12",
    "--flat [6,6]": "--warmup_flat 6 --joint_flat 6",
}
NEW = "--layout channels_last"  # the old checkout has no other layout, and no such flag
# The demo is shorter today: both train its old schedule; and a shortened teacher has a cosine today
LENGTHS = {
    "ide-demo": "--epochs 440",
    "dgnet-quick": "--teacher.decay milestones",
    "dgnet-code": "--teacher.decay milestones",
    "dgnet-paper": "--teacher.decay milestones",
    "dgnet-demo": "--joint_steps 700 --milestones [600] --ramp_from 500 --teacher.epochs 440",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("old", type=Path, nargs="?", help="the checkout to compare with")
    parser.add_argument("--work", type=Path, default=Path("runs/same_numbers"), help="for the runs")
    parser.add_argument("--only", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--old-only", action="store_true", help="train the old runs, compare none")
    args = parser.parse_args()
    if args.old is None:
        print("Left out: name the checkout to compare with, as in same_numbers.py OLD_CHECKOUT.")
        return 0
    here = Path(__file__).parents[1]
    same = True
    for name in args.only:
        method, preset, flags = CASES[name]
        old = run(args.old, args.work / "old" / name, method, preset, flags.split())
        if args.old_only:
            print(f"{name:<16} {old}")
            continue
        new_flags = f"{renamed(flags)} {LENGTHS.get(name, '')} {NEW}".split()
        new = run(here, args.work / "new" / name, method, preset, new_flags)
        differences = compare(old, new)
        same &= not any(differences.values())
        report = ", ".join(f"{count} {what}" for what, count in differences.items())
        print(f"{name:<16} {'same' if not any(differences.values()) else report}", flush=True)
    return 0 if same else 1


def renamed(flags: str) -> str:
    """Flags of the old checkout as the new one calls them."""
    for old, new in RENAMED.items():
        flags = f"{flags} ".replace(f"{old} ", f"{new} ").strip()
    return flags


def run(checkout: Path, out: Path, method: str, preset: str, flags: list[str]) -> Path:
    """The run folder, trained unless it is there already."""
    if (out / "report.html").exists():
        return out
    argv = ["train", method, "--data", DATA, "--preset", preset, "--out", str(out.absolute())]
    argv += [*COMMON.split(), *flags]
    env = {**os.environ, "PYTHONPATH": str((checkout / "src").absolute()), "OMP_NUM_THREADS": "1"}
    start = time.time()
    done = subprocess.run([sys.executable, "-m", "lookalike", *argv], env=env, cwd=checkout,
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}\nfailed with {done.returncode}:\n{done.stderr[-2000:]}")
    print(f"{out}: {time.time() - start:.0f} s", file=sys.stderr, flush=True)
    return out


def compare(old: Path, new: Path) -> dict[str, int]:
    """How many tensors, losses and results differ."""
    files = sorted(p.name for p in old.glob("*.safetensors"))
    tensors = sum(differing(load_file(old / f), load_file(new / f)) for f in files)
    logs = [logged(folder) for folder in (old, new)]
    losses = abs(len(logs[0]) - len(logs[1])) + sum(a != b for a, b in zip(*logs, strict=False))
    results = sum(
        rows(old, file) != rows(new, file) for file in ("evaluation.json", "pictures.json")
    )
    return {"tensors": tensors, "lines of losses": losses, "results": results}


def differing(a: dict[str, Any], b: dict[str, Any]) -> int:
    """How many tensors differ, by name where both have it, else in the order of the file."""
    if a.keys() != b.keys():
        pairs = list(zip(a.values(), b.values(), strict=False))
        return abs(len(a) - len(b)) + sum(not equal(x, y) for x, y in pairs)
    return sum(not equal(a[name], b[name]) for name in a)


def equal(x: Any, y: Any) -> bool:
    return x.shape == y.shape and bool((x == y).all())


def logged(folder: Path) -> list[Any]:
    """The values of every logged step, without their names and times."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [
        [line["step"], line["lr"], *line["losses"].values(), *line["weights"].values()]
        for line in lines
    ]


def rows(folder: Path, file: str) -> Any:
    """The numbers of a results table."""
    if not (folder / file).exists():
        return None
    table = json.loads((folder / file).read_text())["rows"]
    return [[v for v in row.values() if isinstance(v, int | float)] for row in table]


if __name__ == "__main__":
    sys.exit(main())
