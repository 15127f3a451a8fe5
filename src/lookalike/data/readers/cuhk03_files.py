"""The Matlab files of CUHK03: the new protocol's lists, and cuhk-03.mat with images and splits."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lookalike.data.matlab import read_matlab
from lookalike.errors import UserError
from lookalike.reading import check_file

MAT = "cuhk-03.mat"
NAME = re.compile(r"\d{1,9}_\d{1,9}_[12]_\d{1,9}\.png", re.ASCII)
LISTS = ("train", "query", "gallery")
LARGEST = 1 << 28  # bytes of a part of a file; the real ones have a hundredth of it
MOST = 10**6  # persons
T = TypeVar("T")


def read_config(file: Path) -> dict[str, list[tuple[str, int]]]:
    """The image names and identities of train, query and gallery, as the new protocol's file
    (cuhk03_new_protocol_config_<kind>.mat) lists them.

    Raises UserError for a file that is no such one.
    """
    config = _whole(file, lambda: read_matlab(file, LARGEST))
    names = [_text(file, cell) for cell in _array(file, config, "filelist")]
    labels = _numbers(file, config, "labels", 1, MOST)
    if len(labels) != len(names):
        raise UserError(
            f"'{file}' has {len(names):,} names in filelist, but {len(labels):,} labels: "
            "unpack the benchmark again."
        )
    rows = {s: _numbers(file, config, f"{s}_idx", 1, len(names)) - 1 for s in LISTS}
    return {s: [(names[i], int(labels[i])) for i in index] for s, index in rows.items()}


def _whole(file: Path, read: Callable[[], T]) -> T:
    """What `read` gives; damage, which readers answer with every kind of exception, in a
    sentence."""
    try:
        return read()
    except UserError:
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise UserError(
            f"'{file}' can't be read as a Matlab file ({reason}): unpack the benchmark again."
        ) from error


def _array(file: Path, config: dict[str, Any], key: str) -> NDArray[Any]:
    """An array of the file, flat."""
    if key not in config:
        names = ", ".join(config) or "nothing"
        raise UserError(
            f"'{file}' has no {key}, only {names[:200]}: it is no list of the new protocol's."
        )
    return np.asarray(config[key]).ravel()


def _text(file: Path, cell: Any) -> str:
    """The image's name in a cell, which is a text or an array of one."""
    value = np.asarray(cell).ravel()
    name = str(value[0]) if len(value) == 1 else ""
    if not NAME.fullmatch(name):
        raise UserError(
            f"'{file}', filelist: '{name[:80]}' isn't named as in '1_001_1_01.png': "
            "unpack the benchmark again."
        )
    return name


def _numbers(
    file: Path, config: dict[str, Any], key: str, least: int, most: int
) -> NDArray[np.int64]:
    """Whole numbers of the file, from `least` to `most`."""
    array = _array(file, config, key)
    if array.dtype.kind in "iuf" and len(array):
        numbers = array.astype(np.float64)
        inside = (numbers >= least) & (numbers <= most) & (numbers == np.floor(numbers))
        if inside.all():
            return array.astype(np.int64)
    raise UserError(
        f"'{file}', {key}: this should be whole numbers from {least} to {most:,}: unpack the "
        "benchmark again."
    )


def read_testsets(file: Path) -> list[list[tuple[int, int]]]:
    """Who is tested in each of the classic splits of cuhk-03.mat: camera pair and person, from 1.

    Raises UserError for a file that is no such one, and without h5py.
    """
    h5py = _h5py(file)

    def read() -> list[list[tuple[int, int]]]:
        with h5py.File(file, "r") as mat:
            return [_testset(file, mat[ref]) for ref in _references(file, mat, "testsets")]

    return _whole(file, read)


def _testset(file: Path, cells: Any) -> list[tuple[int, int]]:
    rows = _small(file, cells).T  # Matlab is column-major
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows) or rows.dtype.kind not in "iuf":
        raise UserError(f"'{file}', testsets: a split should be rows of camera pair and person.")
    if not ((rows >= 1) & (rows <= MOST) & (rows == np.floor(rows))).all():
        raise UserError(f"'{file}', testsets: pairs and persons should be numbers from 1 on.")
    return [(int(pair), int(person)) for pair, person in rows]


def _references(file: Path, mat: Any, key: str) -> list[Any]:
    """What a cell array of the file refers to."""
    if key not in mat:
        raise UserError(
            f"'{file}' has no {key}, only {', '.join(map(str, list(mat)))[:200]}: it isn't "
            "CUHK03's."
        )
    return list(_small(file, mat[key]).ravel())


def _small(file: Path, dataset: Any) -> NDArray[Any]:
    """The array, if it isn't said to be larger than any of the real file's."""
    if dataset.size * max(dataset.dtype.itemsize, 1) > LARGEST:
        raise UserError(f"'{file}' holds '{dataset.name}' of {dataset.shape}: it isn't CUHK03's.")
    return np.asarray(dataset)


def _h5py(file: Path, advice: str = "") -> Any:
    """The package that reads the file, which is one."""
    _whole(file, lambda: check_file(file))
    try:
        import h5py  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        raise UserError(f"To read '{file}' install h5py (pip install h5py){advice}.") from None
    return h5py


def extract(file: Path, kind: str, images: Path) -> None:
    """Writes the crops of cuhk-03.mat (HDF5) to `images` as PNG: pair_person_camera_image.png.

    Raises UserError for a file that is no such one, without h5py, and where nothing can be written.
    """
    h5py = _h5py(file, f", or put the extracted images in '{images}'")
    partial = images.with_name(images.name + ".partial")  # a killed extraction isn't taken for all
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir()
    except OSError as error:
        raise _unwritable(images, error) from error

    def read() -> None:
        with h5py.File(file, "r") as mat:
            for pair, pair_ref in enumerate(_references(file, mat, kind), 1):
                for person, cells in enumerate(_small(file, mat[pair_ref]).T, 1):
                    for image, cell in enumerate(cells, 1):
                        pixels = _small(file, mat[cell])
                        if pixels.ndim < 3:  # an empty cell is a pair of zeros
                            continue
                        camera = 1 if image <= 5 else 2
                        name = f"{pair}_{person:03d}_{camera}_{image:02d}.png"
                        _write(pixels.T, partial / name)  # Matlab is column-major: H×W×3

    try:
        _whole(file, read)
        partial.rename(images)
    except OSError as error:
        raise _unwritable(images, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)  # what is left of it, if anything


def _write(pixels: NDArray[Any], path: Path) -> None:
    image = Image.fromarray(pixels)
    try:
        image.save(path)
    except OSError as error:
        raise _unwritable(path.parent, error) from error


def _unwritable(folder: Path, error: OSError) -> UserError:
    return UserError(
        f"Can't write the images of {MAT} to '{folder}' ({error.strerror}): make room there, or "
        "make it writable."
    )
