"""CUHK03 under the new protocol, from any of the three forms in which it goes round."""

import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Row, find_folder, people
from lookalike.data.readers.market import read_splits
from lookalike.errors import UserError


def cuhk03(
    root: Path,
    *,
    kind: Literal["detected", "labeled", "labelled"] = "detected",
    test: bool = True,
) -> Benchmark:
    """CUHK03 (Li et al., CVPR 2014), the 767/700 protocol of Zhong et al. (CVPR 2017), 2 cameras.

    kind: crops from a detector or drawn by hand ("labelled"). `root` holds CUHK03-NP (detected/ or
    labeled/ in Market-1501's layout); or cuhk03_new_protocol_config_<kind>.mat with the images of
    images_<kind>/; or that .mat with cuhk-03.mat, whose images are then written to images_<kind>/
    once (needs h5py). A camera is a side of the camera pair, as in the protocol's own code.
    """
    kind = "detected" if kind == "detected" else "labeled"
    for place in (root / kind, root / "cuhk03-np" / kind, root / "CUHK03-NP" / kind):
        if (place / "bounding_box_train").is_dir():
            return read_splits("cuhk03", place, "0001_c1_1.png", test)
    config = f"cuhk03_new_protocol_config_{kind}.mat"
    folder = find_folder("CUHK03", root, ("cuhk03", "cuhk03_release"), (config,))
    images = folder / f"images_{kind}"
    if not images.is_dir():
        _extract(folder, kind, images)
    return _read_config(folder / config, images)


def _read_config(file: Path, images: Path) -> Benchmark:
    """The benchmark that the protocol's file describes: names, labels, and three lists of rows."""
    from scipy.io import loadmat

    config: dict[str, Any] = loadmat(file)
    names = [str(entry[0]) for entry in config["filelist"].ravel()]
    labels = config["labels"].ravel()

    def rows(split: str) -> list[Row]:
        index = config[f"{split}_idx"].ravel().astype(int) - 1  # Matlab counts from 1
        # Names are pair_person_camera_image.png
        cameras = [int(names[i].split("_")[2]) - 1 for i in index]
        paths = [os.path.join(images, names[i]) for i in index]
        return list(zip(paths, labels[index].tolist(), cameras, strict=True))

    train, query, gallery = (people(rows(s), "cuhk03") for s in ("train", "query", "gallery"))
    return Benchmark("cuhk03", file.parent, train, query, gallery)


def _extract(folder: Path, kind: str, images: Path) -> None:
    """Write the crops of cuhk-03.mat (HDF5) to `images` as PNG: pair_person_camera_image.png."""
    files = [
        p for p in (folder / "cuhk-03.mat", folder / "cuhk03_release/cuhk-03.mat") if p.exists()
    ]
    if not files:
        raise UserError(f"'{folder}' has neither {images.name} nor cuhk-03.mat: put one there.")
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UserError(
            f"To read '{files[0]}' install h5py (pip install h5py), "
            f"or put the extracted images in '{images}'."
        ) from None
    partial = images.with_name(images.name + ".partial")  # a killed extraction isn't taken for all
    partial.mkdir(exist_ok=True)
    with h5py.File(files[0], "r") as mat:
        for pair, pair_ref in enumerate(mat[kind][0], 1):
            for person, image_refs in enumerate(np.asarray(mat[pair_ref]).T, 1):
                for image, image_ref in enumerate(image_refs, 1):
                    pixels = np.asarray(mat[image_ref]).T  # Matlab is column-major: H×W×3
                    if pixels.ndim == 3:  # an empty cell is a pair of zeros
                        camera = 1 if image <= 5 else 2
                        name = f"{pair}_{person:03d}_{camera}_{image:02d}.png"
                        Image.fromarray(pixels).save(partial / name)
    partial.rename(images)
