"""Prints what pose maps and masks cost, beside the filters that they replace and FD-GAN's networks.

    python benchmarks/posemaps.py [--batch 64] [--device cpu]

Random poses in images of 256×128, in milliseconds of a batch (on the CPU of CPU time). The peer is
FD-GAN's loader, 18 Gaussian filters an image, whose maps ours must be to 1e-12. A training step
costs more than one forward pass of its encoder and its generator, which is what the heat-maps are
held against. Exits with 1 if they take 3 % of that, or differ.
"""

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from people_features import print_machine, verdict
from scipy import ndimage
from torch import Tensor

from lookalike.data.posemaps import augmented_maps, disc_maps, flip_joints, gaussian_maps, pose_mask
from lookalike.nets.fdgan import Generator, average
from lookalike.nets.resnet import resnet

HEIGHT, WIDTH = 256, 128
FILTERED = 4  # images that the peer filters
SHARE_BAR, TOLERANCE = 0.03, 1e-12


def poses(batch: int) -> Tensor:
    joints = torch.rand(batch, 18, 3, dtype=torch.float64)
    joints[..., 2] = joints[..., 2] > 0.07
    joints[..., :2] *= torch.tensor([WIDTH, HEIGHT])
    return joints


def filtered(joints: Tensor, sigma: float = 5) -> Tensor:
    maps = torch.zeros(len(joints), 18, HEIGHT, WIDTH, dtype=torch.float64)
    for image, pose in enumerate(joints.tolist()):
        for joint, (x, y, known) in enumerate(pose):
            if known:
                spot = np.zeros((HEIGHT, WIDTH))
                spot[int(y), int(x)] = 1
                spot = ndimage.gaussian_filter(spot, sigma, mode="reflect", truncate=4)
                maps[image, joint] = torch.from_numpy(spot / spot.max())
    return maps


@torch.inference_mode()
def milliseconds(work: Callable[[], object], device: str, repeats: int = 5) -> float:
    """The median of `repeats` runs after a first one."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    times = []
    for _ in range(repeats + 1):
        start = clock()
        work()
        if device != "cpu":
            torch.cuda.synchronize()
        times.append(clock() - start)
    return float(np.median(times[1:])) * 1e3


def main() -> int:
    parser = argparse.ArgumentParser(description="Time pose maps and masks.")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.manual_seed(0)
    print_machine(f"batch {args.batch}, {HEIGHT}×{WIDTH}, on {args.device}")

    exact = poses(args.batch)
    some = exact[:FILTERED]
    difference = (gaussian_maps(some, HEIGHT, WIDTH) - filtered(some)).abs().max().item()
    theirs = milliseconds(partial(filtered, some), "cpu", 1) * args.batch / len(some)

    joints = exact.float().to(args.device)
    flip = torch.arange(args.batch) % 2 == 0
    mine = {
        "heat-maps": partial(gaussian_maps, joints, HEIGHT, WIDTH),
        "heat-maps, σ drawn": partial(augmented_maps, joints, HEIGHT, WIDTH, "gauss_int_shared"),
        "discs": partial(disc_maps, joints, HEIGHT, WIDTH),
        "masks, radius 4": partial(pose_mask, joints, HEIGHT, WIDTH),
        "masks, radius 8, filled": partial(pose_mask, joints, HEIGHT, WIDTH, 8, 9, True),
        "joints flipped": partial(flip_joints, joints, flip, WIDTH),
    }
    costs = {name: milliseconds(work, args.device) for name, work in mine.items()}

    encoder, generator = resnet(50).to(args.device), Generator().to(args.device)
    images = torch.rand(args.batch, 3, HEIGHT, WIDTH, device=args.device)
    maps = gaussian_maps(joints, HEIGHT, WIDTH)
    noise = torch.randn(args.batch, 256, device=args.device)
    forward = milliseconds(
        lambda: generator(average(encoder(images)), maps, noise), args.device, repeats=1
    )

    print(f"{'':<36}{'ms':>12}{'times faster':>14}")
    print(f"{'18 filters an image, CPU':<36}{theirs:>12.1f}{1:>14.1f}")
    for name, cost in costs.items():
        ratio = f"{theirs / cost:14.1f}" if name.startswith("heat") else ""
        print(f"{name:<36}{cost:>12.1f}{ratio}")
    print(f"{'encoder and generator, forward':<36}{forward:>12.1f}")
    return verdict(
        {
            "heat-maps' share of the forward pass": (costs["heat-maps"] / forward, SHARE_BAR),
            "largest difference from the filters": (difference, TOLERANCE),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
