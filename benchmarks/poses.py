"""Prints how fast poses are estimated, in how many crops, and how far from the known ones they lie.

    python benchmarks/poses.py [--world FOLDER] [--market FOLDER --poses FILE] [--model FILE]
        [--images 100]

The crops of --world are a rendered world's, with the truth; those of --market are Market-1501's
training images, and --poses somebody else's estimates of them (also wrong ones), in any format.
Every k-th is taken. Seconds are of the processor; pixels are of an image 128 high; a joint counts
where both sides know it.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from PIL import Image

from lookalike.data.poses import JOINTS
from lookalike.data.poses.estimate.landmarker import landmarker, model_file
from lookalike.data.poses.estimate.pose import estimate
from lookalike.data.poses.readers import read_poses
from lookalike.world.writer.annotations import truth_of


def some(folder: Path, count: int) -> list[Path]:
    files = sorted((folder / "bounding_box_train").glob("*.jpg"))
    return files[:: max(1, len(files) // count)][:count]


def show(title: str, files: list[Path], known: np.ndarray, model: Path) -> None:
    """known: N×18×3, x, y and whether the joint is known, in pixels."""
    detect = landmarker(model)
    images = [Image.open(file).convert("RGB") for file in files]
    tries = [0]

    def counted(pixels: np.ndarray) -> np.ndarray | None:
        tries[0] += 1
        return detect(pixels)

    estimate(images[0], detect)  # starts it up
    start = time.process_time()
    found = [estimate(image, counted) for image in images]
    seconds = time.process_time() - start
    joints = np.stack([e.joints for e in found])
    both = (joints[..., 0] >= 0) & (known[..., 2] > 0)
    heights = np.array([image.height for image in images])
    errors = np.hypot(*np.moveaxis(joints - known[..., :2], -1, 0)) * 128 / heights[:, None]
    failed = sum(e.score == 0 for e in found)
    print(f"\n{title}: {len(files)} crops, {len(files) / seconds:.1f} a second and core, "
          f"{tries[0] / len(files):.2f} tries each")  # fmt: skip
    print(f"{failed} without a pose ({failed / len(files):.1%}); of the others' joints "
          f"{(joints[[e.score > 0 for e in found]][..., 0] >= 0).mean():.0%} found")  # fmt: skip
    every = errors[both]
    middle, most, far = np.median(every), np.percentile(every, 90), (every > 10).mean()
    print(f"distance: median {middle:.1f} px, 90 % within {most:.1f}, {far:.1%} over 10")
    print(f"{'joint':<16}{'median px':>10}{'over 10':>9}{'found':>7}")
    for j, name in enumerate(JOINTS):
        of = errors[both[:, j], j]
        print(f"{name:<16}{np.median(of):>10.1f}{(of > 10).mean():>9.0%}{len(of):>7}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--world", type=Path)
    parser.add_argument("--market", type=Path)
    parser.add_argument("--poses", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--images", type=int, default=100)
    args = parser.parse_args()
    model = model_file(args.model)
    if args.world:
        files = some(args.world, args.images)
        truth = truth_of(files).keypoints2d.copy()
        truth[..., 2] = 1  # also where something hides it
        show("world", files, truth, model)
    if args.market and args.poses:
        table = read_poses(args.poses)
        files = [file for file in some(args.market, args.images) if file.name in table]
        show("Market-1501", files, np.stack([table[file.name] for file in files]), model)


if __name__ == "__main__":
    main()
