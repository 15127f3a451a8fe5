"""One DG-Net training step: ours beside a literal transcription of "one iteration, in order".

Both have the paper's settings (256×128, 8+8 images and their positives, K = 751), the same random
weights, images and draws; dropout is off so that the losses can be compared. The step is one with
every term switched on. Prints seconds per step, peak memory, and the losses' largest difference.
The transcription runs twice: as it is, and with our way of keeping freed memory, which
shows how much of the gain is the step's own. Exits with 1 if ours isn't 1.5 times as fast as the
transcription as it is. --double takes float64 for both, which leaves of the difference what isn't
rounding (and of what is, that of our log, which is float32); it judges no speed.

    python benchmarks/dgnet_step.py [--steps 4] [--height 256 --width 128 --batch 8] [--double]
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
from literal.dgnet_twins import TERMS, crops, ours_like, problem, reference

from lookalike.methods.dgnet import DGNet
from lookalike.training.memory import keep_freed_memory

RUNS = ("transcription", "transcription, memory kept", "ours")
STEP = 50_000  # every ramp has reached its end


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Runs one of the two in this process."""
    if args.only != "transcription":
        keep_freed_memory()
    dtype = torch.float64 if args.double else torch.float32
    batch, draws = problem(args.height, args.width, args.batch, 751, dtype)
    ref = reference(751, dtype)
    settings = DGNet(height=args.height, width=args.width, batch_size=args.batch, weights="none",
                     stride_on="3x3", encode_again=1.0)  # fmt: skip
    if args.only == "ours":
        joint = ours_like(ref, settings, draws, dtype)
        del ref
        given = crops(batch)
    times, losses = [], {}
    for _ in range(args.steps):
        start = time.perf_counter()
        if args.only == "ours":
            joint.losses = {}
            joint.iteration(given, STEP)
            found = joint.losses
        else:
            found = {k: float(v) for k, v in ref.step(batch, STEP, draws).items()}
        times.append(time.perf_counter() - start)
        losses = losses or dict(found)
    if args.only == "ours":
        losses = {theirs: losses[name] for name, theirs in TERMS.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"times": times, "losses": losses, "peak": peak}


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a DG-Net step beside the transcription.")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--height", type=int, default=256)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--double", action="store_true")
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
    digits = "fp64" if args.double else "fp32"
    print(f"one DG-Net step, {args.height}×{args.width}, {args.batch}+{args.batch} images and "
          f"positives, {digits}, {torch.get_num_threads()} threads")  # fmt: skip
    print(f"{'':<30}{'s/step':>10}{'peak GiB':>10}")
    medians = {}
    for name, result in results.items():
        medians[name] = statistics.median(result["times"][1:] or result["times"])
        print(f"{name:<30}{medians[name]:>10.2f}{result['peak']:>10.2f}")
    theirs, own = results["transcription"]["losses"], results["ours"]["losses"]
    worst = max(abs(own[k] - theirs[k]) / max(1, abs(theirs[k])) for k in own)
    ratio = medians["transcription"] / medians["ours"]
    alike = medians["transcription, memory kept"] / medians["ours"]
    bar = 2e-7 if args.double else 1e-4
    print(f"ours is {ratio:.2f}× faster (bar 1.5), {alike:.2f}× than with memory kept; losses "
          f"differ by at most {worst:.1e} (bar {bar:g})")  # fmt: skip
    return 0 if (ratio >= 1.5 or args.double) and worst < bar else 1


if __name__ == "__main__":
    sys.exit(main())
