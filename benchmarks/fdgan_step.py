"""One FD-GAN joint step: ours beside a literal transcription.

Both have the paper's networks and weights of the losses, the same random weights, images, maps and
noise. The losses of the first step, with the generator's dropout off, are compared; the steps after
it, with dropout, are timed, on a CPU in its own seconds. Prints seconds per step, peak memory, how
far the losses are apart, and how much of our step the pose maps take. The transcription runs twice:
as it is, and with our way of keeping freed memory, which shows how much of the gain is the
step's own. Exits with 1 if ours isn't 1.3 times as fast as the transcription as it is.

    python benchmarks/fdgan_step.py [--steps 3] [--height 256 --width 128 --pairs 4] [--device cpu]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.append(str(Path(__file__).parents[1] / "tests"))  # the literal version
from literal.fdgan_twins import (
    SOFT,
    inputs,
    ours_like,
    problem,
    set_dropout,
    some_joints,
    transcription,
)

from lookalike.data.posemaps import augmented_maps
from lookalike.methods.fdgan import FDGAN
from lookalike.training.memory import keep_freed_memory

RUNS = ("transcription", "transcription, memory kept", "ours")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Runs one of the two in this process."""
    if args.only != "transcription":
        keep_freed_memory()
    device = torch.device(args.device)
    batch = problem(args.height, args.width, args.pairs, torch.float32)
    batch = {k: v.to(device) for k, v in batch.items()}
    plain = transcription(args.height, args.width, torch.float32)
    if args.only == "ours":
        method = FDGAN(height=args.height, width=args.width, weights="none", stride_on="3x3",
                       bugs="released")  # fmt: skip
        stage = ours_like(plain, method, torch.float32).to(device)
        del plain
        given = inputs(batch)
    else:
        for net in (plain.E, plain.Di, plain.G, plain.Dp):
            net.to(device)

    def finished() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter()
        return time.process_time()  # what else the machine does doesn't count

    times, losses, maps = [], {}, 0.0
    for number in range(args.steps + 1):
        start = finished()
        if args.only == "ours":
            stage.update(given, SOFT)
            found = stage.losses
            set_dropout(stage, 0.2)
        else:
            found = {k: float(v) for k, v in plain.step(batch, SOFT).items()}
            plain.set_dropout(0.2)
        if number:
            times.append(finished() - start)
        losses = losses or dict(found)
    if args.only == "ours":
        joints = some_joints(2 * args.pairs, args.height, args.width).to(device)
        for _ in range(3):
            start = finished()
            augmented_maps(joints, args.height, args.width, "gauss_int_shared")
            maps = finished() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated() / 2**30
    return {"times": times, "losses": losses, "peak": peak, "maps": maps}


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a FD-GAN step beside the transcription.")
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", choices=RUNS)
    args = parser.parse_args()
    if args.only:
        print(json.dumps(measure(args)))
        return 0
    results = {}
    for name in RUNS:
        command = [sys.executable, __file__, *sys.argv[1:], "--only", name]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        results[name] = json.loads(out.splitlines()[-1])
    print(f"one FD-GAN joint step, {args.height}×{args.width}, {args.pairs} pairs, fp32, "
          f"{args.device}, {torch.get_num_threads()} threads")  # fmt: skip
    print(f"{'':<30}{'s/step':>10}{'peak GiB':>10}")
    medians = {}
    for name, result in results.items():
        medians[name] = statistics.median(result["times"])
        print(f"{name:<30}{medians[name]:>10.3f}{result['peak']:>10.2f}")
    theirs, own = results["transcription"]["losses"], results["ours"]["losses"]
    worst = max(abs(own[k] - theirs[k]) / max(1, abs(theirs[k])) for k in theirs)
    ratio = medians["transcription"] / medians["ours"]
    alike = medians["transcription, memory kept"] / medians["ours"]
    share = results["ours"]["maps"] / medians["ours"]
    print(f"ours is {ratio:.2f}× faster (bar 1.3), {alike:.2f}× than with memory kept; losses "
          f"differ by at most {worst:.1e} (bar 1e-4); pose maps {share:.1%} (bar 3%)")  # fmt: skip
    return 0 if ratio >= 1.3 and worst < 1e-4 and share < 0.03 else 1


if __name__ == "__main__":
    sys.exit(main())
