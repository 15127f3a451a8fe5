"""DeepFashion's people: the In-shop benchmark, and what PG² and Pose-Transfer make of it."""

import os
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import Passed, Row, names_in, pass_over_unlisted, people
from lookalike.data.text import read_text
from lookalike.errors import UserError, short

LISTS = ("Eval/list_eval_partition.txt", "list_eval_partition.txt")
INSIDE = ("", "In-shop Clothes Retrieval Benchmark", "In-shop", "DeepFashion", "fashion_data")
FLAT = {  # folders to train on and to test on, as their authors call them, and what has the poses
    ("filted_up_train", "filted_up_test"): "PoseFiltered/all_peaks_dic_DeepFashion.p",  # PG²
    ("train", "test"): "fas*annotation*.csv",  # Pose-Transfer
}
EXAMPLE = "fashionWOMENTees_Tanksid0000000202_1front.jpg"
PERSON = re.compile(r"(fashion(WO)?MEN\w*?id\d{10})_")  # of the ten digits two are the colour's
SPLITS = ("train", "query", "gallery")


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
    test; or the folders of it that PG² (Ma et al., NeurIPS 2017) and Pose-Transfer (Zhu et al.,
    CVPR 2019) make.

    In-shop: Eval/list_eval_partition.txt says of img/WOMEN/Dresses/id_00000002/02_1_front.jpg the
    item and the split. highres: take the images from img_highres. outfits: an item is a person in
    every colour anew, the number before the name's first underscore, so that the images of one
    person show the same clothes: what a method that repaints people needs.
    PG²: filted_up_train and filted_up_test, Pose-Transfer: train and test, without a list beside
    them. Their names, such as fashionWOMENDressesid0000000202_1front.jpg, have the person before
    the last underscore. There the first image of a tested person asks for the others. The poses are
    those of PoseFiltered/all_peaks_dic_DeepFashion.p and of fasion-resize-annotation-train.csv and
    -test.csv, where they are there.
    Nobody knows the cameras: each image of a person counts as from another one, so that under every
    protocol an image is left out for itself only. Persons are numbered from 1 in the order of their
    names, which `pid_names` keeps.
    """
    for folder in (root / name for name in INSIDE):
        for name in LISTS:
            if (folder / name).is_file():
                passed: Passed = {}
                images = _in_shop(folder, folder / name, highres, outfits, passed)
                return _benchmark(folder, images, {}, passed)
        for names, poses in FLAT.items():
            if any((folder / name).is_dir() for name in names[: 1 + test]):
                if highres or outfits:
                    raise UserError(
                        "Options highres and outfits of deepfashion are for the In-shop "
                        f"benchmark, not for {names[0]} and {names[1]} in '{folder}'."
                    )
                passed = {}
                images = _flat(folder, names, test, passed)
                return _benchmark(folder, images, _notes(folder, poses), passed)
    raise UserError(
        f"No DeepFashion at '{root}': it should hold {LISTS[0]} and img, "
        f"or {' or '.join(' and '.join(names) for names in FLAT)} with names such as {EXAMPLE}."
    )


def _notes(folder: Path, poses: str) -> dict[str, Path]:
    """Where the poses are, if they are: a file, or the folder of several."""
    files = sorted(folder.glob(poses))
    return {"pose": files[0] if len(files) == 1 else folder} if files else {}


def _in_shop(folder: Path, file: Path, highres: bool, outfits: bool, passed: Passed) -> list[Image]:
    """The images of the In-shop benchmark's list; those that it doesn't mention join `passed`."""
    inside = "img_highres" if highres else "img"
    bases = [base for base in (folder, folder / "Img") if (base / inside).is_dir()]
    if not bases:
        raise UserError(f"No folder '{folder / inside}': unpack the benchmark's images there.")
    images = []
    lines = read_text(file).splitlines()
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
                f"'{file}', line {number}: '{short(line)}' isn't like "
                "'img/WOMEN/Dresses/id_00000002/02_1_front.jpg id_00000002 train'."
            ) from None
        if outfits:
            item += "/" + os.path.basename(inner).split("_")[0]
        images.append(Image(os.path.join(bases[0], inside, inner), item, split))
    pass_over_unlisted(passed, bases[0] / inside, (image.path for image in images))
    return images


def _flat(folder: Path, splits: tuple[str, str], test: bool, passed: Passed) -> list[Image]:
    """The images of the two folders, of those that are there; what is none joins `passed`."""
    images, asked = [], set()
    for split, name in zip(("train", "query")[: 1 + test], splits, strict=False):
        names = names_in(folder / name, passed) if (folder / name).is_dir() else []
        persons = [_person(folder / name, file) for file in names]
        counts = Counter(persons)
        for file, person in zip(names, persons, strict=True):
            # A person with one image has nobody to find: it's somebody else in the gallery.
            asks = split == "query" and person not in asked and counts[person] > 1
            if asks:
                asked.add(person)
            part = split if split == "train" or asks else "gallery"
            images.append(Image(f"{folder / name}{os.sep}{file}", person, part))
    return images


def _person(folder: Path, file: str) -> str:
    if match := PERSON.match(file):
        return match[1]
    raise UserError(f"'{folder / file}' isn't named as in '{EXAMPLE}': move it elsewhere.")


def _benchmark(
    folder: Path, images: list[Image], notes: dict[str, Path], passed: Passed
) -> Benchmark:
    persons = {item: pid for pid, item in enumerate(sorted({i.item for i in images}), 1)}
    counts: Counter[str] = Counter()
    rows: dict[str, list[Row]] = {split: [] for split in SPLITS}
    for image in images:
        rows[image.split].append((image.path, persons[image.item], counts[image.item]))
        counts[image.item] += 1
    train, query, gallery = (people(rows[split], "deepfashion") for split in SPLITS)
    names = {pid: item for item, pid in persons.items()}
    return Benchmark(
        "deepfashion",
        folder,
        train,
        query,
        gallery,
        annotations=notes,
        pid_names=names,
        passed_over=passed,
    )
