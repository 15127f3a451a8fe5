"""One DG-Net training step: ours beside a literal transcription of "one iteration, in order".

Both have the paper's settings (256×128, 8+8 images and their positives, K = 751), the same random
weights, images and draws; dropout is off so that the losses can be compared. The step is one with
every term switched on. Prints seconds per step, peak memory, and the losses' largest difference.
The transcription runs twice: as it is, and with our way of keeping freed memory, which
shows how much of the gain is the step's own. Exits with 1 if ours isn't 1.5 times as fast as the
transcription as it is.

    python benchmarks/dgnet_step.py [--steps 4] [--height 256 --width 128 --batch 8]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

import torch
from dgnet_reference import Reference
from torch import Tensor, nn

from lookalike.data.batches import Crops
from lookalike.importing.dgnet.entries import (
    APPEARANCE,
    DISCRIMINATOR,
    GENERATOR,
    TEACHER,
)
from lookalike.importing.renaming import Layout, rename
from lookalike.methods.dgnet import DGNet, Joint
from lookalike.methods.ide import IDE, BaselineModel
from lookalike.training.memory import keep_freed_memory

RUNS = ("transcription", "transcription, memory kept", "ours")
STEP = 50_000  # every ramp has reached its end
# Our loss terms and the reference's names for them.
TERMS = {
    "adv": "adv", "recon": "recon_x", "positive": "recon_xp", "structure_code": "recon_s",
    "appearance_code": "recon_f", "cycle": "recon_cyc", "id": "id", "positive_id": "pid",
    "generated_id": "recon_id", "primary": "teacher", "fine": "fine", "id_fine": "id_fine",
    "r1": "d_r1",
}  # fmt: skip


def copy_weights(authors: nn.Module, ours: nn.Module, layout: Layout) -> None:
    """Gives `ours` the weights of the reference's network `authors`."""
    renamed = {rename(name, layout.names): value for name, value in authors.state_dict().items()}
    ours.load_state_dict({name: renamed[name] for name in ours.state_dict()})


def problem(height: int, width: int, batch: int, classes: int, dtype: torch.dtype,
            erase: bool = True) -> tuple[dict[str, Tensor], dict[str, Any]]:  # fmt: skip
    """The images, labels and draws of a step, as the reference takes them."""
    torch.manual_seed(1)
    shape = (batch, 3, height, width)
    images = {k: torch.randn(shape, dtype=dtype) for k in ("x_a", "x_b", "xp_a", "xp_b")}
    labels = {k: torch.randint(classes, (batch,)) for k in ("l_a", "l_b")}
    draws: dict[str, Any] = {"u": 0.25}
    for name in ("ex_a", "ex_b", "exp_a", "exp_b"):
        draws[name] = torch.randn(shape, dtype=dtype) if erase else None
    return {**images, **labels}, draws


def reference(classes: int, dtype: torch.dtype) -> Reference:
    """The transcription, with weights that don't depend on the draws above."""
    torch.manual_seed(0)
    ref = Reference(classes, dropout=(0.0, 0.0), dtype=dtype)
    # Untrained residual branches at full strength would amplify float32's rounding a thousandfold.
    for trunk in (ref.id.model, ref.teacher.model) if dtype == torch.float32 else ():
        for name, p in trunk.named_parameters():
            if name.endswith("bn3.weight"):
                nn.init.constant_(p, 0.2)
    return ref


def ours_like(ref: Reference, method: DGNet, draws: dict[str, Any], dtype: torch.dtype) -> Joint:
    """Our stage with the reference's weights and draws."""
    classes = ref.config["ID_class"]
    teacher = BaselineModel(IDE(weights="none", stride_on="3x3", last_stride=2), classes)
    copy_weights(ref.teacher, teacher, TEACHER)
    joint = Joint(method, classes, [teacher])
    both = nn.ModuleDict({"generator": joint.trained.generator})
    copy_weights(ref.gen, both, GENERATOR)
    both = nn.ModuleDict({"appearance": joint.trained.appearance})
    copy_weights(ref.id, both, APPEARANCE)
    copy_weights(ref.dis, joint.discriminator, DISCRIMINATOR)
    joint.to(dtype)
    joint.trained.appearance.primary.dropout.p = joint.trained.appearance.fine.dropout.p = 0.0
    joint.stage = "joint"
    joint.augment = nn.Identity()
    erased = [draws[name] for name in ("ex_a", "ex_b", "exp_a", "exp_b")]
    if erased[0] is not None:
        joint.erase = Erased(erased)  # type: ignore[assignment]
    optimizers = list(joint.configure_optimizers())
    joint.raw_optimizers = lambda: optimizers  # type: ignore[method-assign]
    joint.manual_backward = lambda loss: loss.backward()  # type: ignore[method-assign]
    return joint.train()


class Erased(nn.Module):
    """Hands out the given images, in turn, instead of erasing."""

    def __init__(self, images: list[Tensor]) -> None:
        super().__init__()
        self.images, self.turn = images, -1

    def forward(self, _: Tensor) -> Tensor:
        self.turn = (self.turn + 1) % len(self.images)
        return self.images[self.turn]


def crops(batch: dict[str, Tensor]) -> dict[str, Crops]:
    """The reference's batch as our stage takes it."""
    none = torch.zeros(0)
    pairs = {"a": ("x_a", "l_a"), "b": ("x_b", "l_b"), "a_positive": ("xp_a", "l_a"),
             "b_positive": ("xp_b", "l_b")}  # fmt: skip
    return {name: Crops(batch[x], batch[y], none, none) for name, (x, y) in pairs.items()}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Runs one of the two in this process."""
    if args.only != "transcription":
        keep_freed_memory()
    batch, draws = problem(args.height, args.width, args.batch, 751, torch.float32)
    ref = reference(751, torch.float32)
    settings = DGNet(height=args.height, width=args.width, batch=args.batch, weights="none",
                     stride_on="3x3", encode_again=1.0)  # fmt: skip
    if args.only == "ours":
        joint = ours_like(ref, settings, draws, torch.float32)
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
    print(f"one DG-Net step, {args.height}×{args.width}, {args.batch}+{args.batch} images and "
          f"positives, fp32, {torch.get_num_threads()} threads")  # fmt: skip
    print(f"{'':<30}{'s/step':>10}{'peak GiB':>10}")
    medians = {}
    for name, result in results.items():
        medians[name] = statistics.median(result["times"][1:] or result["times"])
        print(f"{name:<30}{medians[name]:>10.2f}{result['peak']:>10.2f}")
    theirs, own = results["transcription"]["losses"], results["ours"]["losses"]
    worst = max(abs(own[k] - theirs[k]) / max(1, abs(theirs[k])) for k in own)
    ratio = medians["transcription"] / medians["ours"]
    alike = medians["transcription, memory kept"] / medians["ours"]
    print(f"ours is {ratio:.2f}× faster (bar 1.5), {alike:.2f}× than with memory kept; losses "
          f"differ by at most {worst:.1e} (bar 1e-4)")  # fmt: skip
    return 0 if ratio >= 1.5 and worst < 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
