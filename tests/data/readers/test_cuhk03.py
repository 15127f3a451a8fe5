import os
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lookalike.data import load
from lookalike.errors import UserError

NAMES = ["1_001_1_01.png", "1_001_2_06.png", "1_002_1_01.png", "1_002_2_07.png", "2_001_2_06.png"]


def config(root, kind):
    """As the protocol's authors save it: a column of cells, and indices from 1."""
    files = np.empty((len(NAMES), 1), dtype=object)
    files[:, 0] = NAMES
    savemat(
        root / f"cuhk03_new_protocol_config_{kind}.mat",
        {
            "filelist": files,
            "labels": np.array([[5], [5], [9], [9], [844]], np.uint16),
            "train_idx": np.array([[1], [2]]),
            "query_idx": np.array([[3]]),
            "gallery_idx": np.array([[4], [5]]),
            "camId": np.array([[1], [2], [1], [2], [2]]),
        },
    )


def assert_is_the_benchmark(bench):
    assert bench.train.pids.tolist() == [5, 5]
    assert bench.train.camids.tolist() == [0, 1]
    assert bench.query.pids.tolist() == [9]
    assert bench.query.camids.tolist() == [0]
    assert bench.gallery.pids.tolist() == [9, 844]
    assert bench.gallery.camids.tolist() == [1, 1]
    assert bench.protocol == "market1501"
    for people in (bench.train, bench.query, bench.gallery):
        assert all(os.path.isfile(path) for path in people.paths)


@pytest.mark.parametrize(
    ("kind", "folder"),
    [("detected", "detected"), ("labeled", "labeled"), ("labelled", "labeled")],
)
def test_extracted_images(tmp_path, kind, folder):
    config(tmp_path, folder)
    (tmp_path / f"images_{folder}").mkdir()
    for name in NAMES:
        (tmp_path / f"images_{folder}" / name).touch()
    assert_is_the_benchmark(load("cuhk03", tmp_path, kind=kind))


@pytest.mark.parametrize("inner", ["", "cuhk03-np"])
def test_cuhk03_np(tmp_path, inner):
    for kind, pid in (("detected", 3), ("labeled", 4)):
        for split, name in (
            ("bounding_box_train", f"{pid:04d}_c2_21.png"),
            ("query", "0007_c1_1.png"),
            ("bounding_box_test", "0007_c2_9.png"),
        ):
            (tmp_path / inner / kind / split).mkdir(parents=True)
            (tmp_path / inner / kind / split / name).touch()
    assert load("cuhk03", tmp_path).train.pids.tolist() == [3]
    bench = load("cuhk03", tmp_path, kind="labelled")
    assert bench.train.pids.tolist() == [4]
    assert (bench.train.camids[0], bench.query.camids[0]) == (1, 0)


def test_from_the_matlab_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    config(tmp_path, "detected")
    (tmp_path / "cuhk03_release").mkdir()
    picture = {n: np.random.default_rng(i).integers(0, 255, (4, 2, 3), np.uint8)
               for i, n in enumerate(NAMES)}  # fmt: skip
    with h5py.File(tmp_path / "cuhk03_release" / "cuhk-03.mat", "w") as mat:
        pairs = mat.create_dataset("detected", (1, 2), dtype=h5py.ref_dtype)
        for pair, persons in ((1, 2), (2, 1)):
            cells = mat.create_dataset(f"pair{pair}", (10, persons), dtype=h5py.ref_dtype)
            for person in range(1, persons + 1):
                for image in range(1, 11):
                    camera = 1 if image <= 5 else 2
                    pixels = picture.get(f"{pair}_{person:03d}_{camera}_{image:02d}.png")
                    # Matlab stores H×W×3 by columns, and an empty cell as its size
                    stored = np.zeros(2, np.uint64) if pixels is None else pixels.T
                    cell = mat.create_dataset(f"{pair}/{person}/{image}", data=stored)
                    cells[image - 1, person - 1] = cell.ref
            pairs[0, pair - 1] = cells.ref
    bench = load("cuhk03", tmp_path)
    assert_is_the_benchmark(bench)
    assert sorted(os.listdir(tmp_path / "images_detected")) == NAMES
    for path in bench.gallery.paths:
        assert np.array_equal(np.asarray(Image.open(path)), picture[os.path.basename(path)])
    assert_is_the_benchmark(load("cuhk03", tmp_path))  # the second time from the written images


def test_without_h5py(tmp_path, monkeypatch):
    config(tmp_path, "detected")
    (tmp_path / "cuhk-03.mat").touch()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(UserError, match="install h5py"):
        load("cuhk03", tmp_path)


def test_without_images(tmp_path):
    config(tmp_path, "detected")
    with pytest.raises(UserError, match=r"neither images_detected nor cuhk-03\.mat"):
        load("cuhk03", tmp_path)


def test_without_protocol(tmp_path):
    config(tmp_path, "detected")
    with pytest.raises(UserError, match=r"cuhk03_new_protocol_config_labeled\.mat"):
        load("cuhk03", tmp_path, kind="labeled")
