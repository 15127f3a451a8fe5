"""A training step of a trunk with our convolutions beside the same with torch's, in bfloat16.

    python benchmarks/trunk_step.py [--steps 8] [--batch 64 --height 128 --width 64] [--depth 50]

A step is forward, backward and a step of Adam, of a ResNet whose last stride is 1. The two sides
take turns, so that a machine that changes its speed does it to both; the ratio is the median of the
turns' ratios. Both start from equal weights and see equal images. Exits with 1 if ours takes longer
on a CPU where `auto` takes bfloat16, or the losses of the first steps differ by 1 %.
"""

import argparse
import statistics
import sys
import time

import torch
from people_features import print_machine, verdict
from torch import nn

from lookalike.nets import resnet
from lookalike.nets.convolution import Conv2d
from lookalike.training.memory import keep_freed_memory


def with_torchs_convolutions(net: nn.Module) -> nn.Module:
    for module in net.modules():
        if isinstance(module, Conv2d):
            module.__class__ = nn.Conv2d
    return net


class Side:
    """A trunk in training."""

    def __init__(self, depth: int, torchs: bool) -> None:
        torch.manual_seed(0)
        net = resnet(depth, last_stride=1).to(memory_format=torch.channels_last)
        self.net = with_torchs_convolutions(net) if torchs else net
        self.optimizer = torch.optim.Adam(net.parameters(), 1e-4, fused=True)

    def step(self, images: torch.Tensor) -> tuple[float, float]:
        """Its seconds and its loss."""
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16):
            pooled = self.net(images).float().mean((2, 3))
        loss = pooled.square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return time.perf_counter() - start, float(loss.detach())


def main() -> int:
    parser = argparse.ArgumentParser(description="Time a trunk's training step.")
    for name, default in (("steps", 8), ("batch", 64), ("height", 128), ("width", 64)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--depth", type=int, default=50)
    args = parser.parse_args()
    keep_freed_memory()
    torchs, ours = Side(args.depth, True), Side(args.depth, False)
    generator = torch.Generator().manual_seed(0)
    shape = (args.batch, 3, args.height, args.width)
    images = torch.randn(shape, generator=generator).to(memory_format=torch.channels_last)
    print_machine(f"ResNet-{args.depth}, {args.batch} images of {args.height}×{args.width}")
    times, differences = [], []
    for _ in range(args.steps + 1):
        (theirs, right), (own, loss) = torchs.step(images), ours.step(images)
        times.append((theirs, own))
        differences.append(abs(loss / right - 1))
    theirs, own = (statistics.median(side) for side in zip(*times[1:], strict=True))
    print(f"torch's {theirs:.3f} s, ours {own:.3f} s")
    ratio = statistics.median(own / theirs for theirs, own in times[1:])
    bars = {"the largest difference of a loss, of it": (max(differences[:3]), 0.01)}
    return verdict({"a step's seconds, of torch's": (ratio, 1), **bars})


if __name__ == "__main__":
    sys.exit(main())
