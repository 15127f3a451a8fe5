"""DeepFashion's people: the In-shop benchmark, and the folders that PG² makes of it."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lookalike.data.images import image_names
from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Row, people
from lookalike.errors import UserError

LISTS = ("Eval/list_eval_partition.txt", "list_eval_partition.txt")
FLAT = ("filted_up_train", "filted_up_test")  # spelt as PG²'s authors do
PEAKS = Path("PoseFiltered", "all_peaks_dic_DeepFashion.p")
SPLITS = ("train", "query", "gallery")
INSIDE = ("", "In-shop Clothes Retrieval Benchmark", "In-shop", "DeepFashion")


@dataclass(frozen=True)
class Image:
    """An image as its source describes it."""

    path: str
    item: str
    split: str


def deepfashion(
    root: Path, *, highres: bool = False, outfits: bool = False, test: bool = True
) -> Benchmark:
    """DeepFashion In-shop (Liu et al., CVPR 2016): 3,997 items of clothing to train on, 3,985 to
    test; or PG²'s folders of it (Ma et al., NeurIPS 2017).

    In-shop: Eval/list_eval_partition.txt says of img/WOMEN/Dresses/id_00000002/02_1_front.jpg the
    item and the split. highres: take the images from img_highres. outfits: an item is a person in
    every colour anew, the number before the name's first underscore, so that the images of one
    person show the same clothes: what a method that repaints people needs.
    PG²: filted_up_train and filted_up_test, whose names have the person before the first
    underscore. There the first image of a tested person asks for the others. The poses are those of
    PoseFiltered/all_peaks_dic_DeepFashion.p, if it is there.
    Nobody knows the cameras: each image of a person counts as from another one, so that under every
    protocol an image is left out for itself only. Persons are numbered from 1 in the order of their
    names, which `pid_names` keeps.
    """
    for folder in (root / name for name in INSIDE):
        if all((folder / name).is_dir() for name in (FLAT if test else FLAT[:1])):
            if highres or outfits:
                raise UserError("PG²'s folders of deepfashion take no options highres and outfits.")
            notes = {"pose": folder / PEAKS} if (folder / PEAKS).is_file() else {}
            return _benchmark(folder, _flat(folder, test), notes)
        for name in LISTS:
            if (folder / name).is_file():
                return _benchmark(folder, _in_shop(folder, folder / name, highres, outfits), {})
    raise UserError(
        f"No DeepFashion at '{root}': it should hold {LISTS[0]} and img, or {' and '.join(FLAT)}."
    )


def _in_shop(folder: Path, file: Path, highres: bool, outfits: bool) -> list[Image]:
    """The images of the In-shop benchmark's list."""
    inside = "img_highres" if highres else "img"
    bases = [base for base in (folder, folder / "Img") if (base / inside).is_dir()]
    if not bases:
        raise UserError(f"No folder '{folder / inside}': unpack the benchmark's images there.")
    images = []
    lines = file.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines[2:], 3):  # their count, and the head of the columns
        if not line.strip():
            continue
        try:
            name, item, split = line.split()
            _, inner = name.split("/", 1)
            if split not in SPLITS:
                raise ValueError
        except ValueError:
            raise UserError(
                f"'{file}', line {number}: '{line}' isn't like "
                "'img/WOMEN/Dresses/id_00000002/02_1_front.jpg id_00000002 train'."
            ) from None
        if outfits:
            item += "/" + os.path.basename(inner).split("_")[0]
        images.append(Image(os.path.join(bases[0], inside, inner), item, split))
    return images


def _flat(folder: Path, test: bool) -> list[Image]:
    """The images of PG²'s two folders."""
    images, items = [], set()
    for split, name in zip(("train", "query")[: 1 + test], FLAT, strict=False):
        names = image_names(folder / name)
        counts = Counter(file.split("_")[0] for file in names)
        for file in names:
            item = file.split("_")[0]
            # A person with one image has nobody to find: it's somebody else in the gallery.
            asks = split == "query" and item not in items and counts[item] > 1
            items.add(item)
            part = split if split == "train" or asks else "gallery"
            images.append(Image(f"{folder / name}{os.sep}{file}", item, part))
    return images


def _benchmark(folder: Path, images: list[Image], notes: dict[str, Path]) -> Benchmark:
    persons = {item: pid for pid, item in enumerate(sorted({i.item for i in images}), 1)}
    counts: Counter[str] = Counter()
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for image in images:
        rows[image.split].append((image.path, persons[image.item], counts[image.item]))
        counts[image.item] += 1
    train, query, gallery = (people(rows[split], "deepfashion") for split in SPLITS)
    names = {pid: item for item, pid in persons.items()}
    return Benchmark(
        "deepfashion", folder, train, query, gallery, annotations=notes, pid_names=names
    )
