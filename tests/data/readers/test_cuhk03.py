import os
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from lookalike.data import load
from lookalike.data.readers.cuhk03 import UNLISTED
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
        write_kind(mat, "detected", [2, 1], picture)
    bench = load("cuhk03", tmp_path)
    assert_is_the_benchmark(bench)
    assert sorted(os.listdir(tmp_path / "images_detected")) == NAMES
    for path in bench.gallery.paths:
        assert np.array_equal(np.asarray(Image.open(path)), picture[os.path.basename(path)])
    assert_is_the_benchmark(load("cuhk03", tmp_path))  # the second time from the written images


def write_kind(mat, kind, persons, picture):
    """The cells of a kind as Matlab stores them: pairs, each of persons × 10 images.

    persons: how many each pair has. picture: the crops, H×W×3, by the names that they get.
    """
    import h5py

    pairs = mat.create_dataset(kind, (1, len(persons)), dtype=h5py.ref_dtype)
    for pair, count in enumerate(persons, 1):
        cells = mat.create_dataset(f"{kind}_{pair}", (10, count), dtype=h5py.ref_dtype)
        for person in range(1, count + 1):
            for image in range(1, 11):
                camera = 1 if image <= 5 else 2
                pixels = picture.get(f"{pair}_{person:03d}_{camera}_{image:02d}.png")
                # Matlab stores H×W×3 by columns, and an empty cell as its size
                stored = np.zeros(2, np.uint64) if pixels is None else pixels.T
                cell = mat.create_dataset(f"{kind}_{pair}_{person}_{image}", data=stored)
                cells[image - 1, person - 1] = cell.ref
        pairs[0, pair - 1] = cells.ref


def write_testsets(mat, testsets):
    """The classic splits as Matlab stores them: cells of rows of camera pair and person."""
    import h5py

    refs = mat.create_dataset("testsets", (1, len(testsets)), dtype=h5py.ref_dtype)
    for number, rows in enumerate(testsets):
        cell = mat.create_dataset(f"testset_{number}", data=np.array(rows, np.float64).T)
        refs[0, number] = cell.ref


# Pair 1 has four persons, pair 2 two: they become 1 … 4, 5 and 6.
PERSONS = [4, 2]
TESTSETS = [[(1, 2), (2, 1)], [(1, 4), (1, 2)], [(2, 2), (1, 1), (1, 2)]]


def release(root, testsets=TESTSETS):
    """cuhk-03.mat with two images a camera, of the second person of pair 1 one in camera 2."""
    h5py = pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    names = [f"{pair}_{person:03d}_{1 + (image > 5)}_{image:02d}.png"
             for pair, count in enumerate(PERSONS, 1) for person in range(1, count + 1)
             for image in (1, 3, 6, 8) if (pair, person, image) != (1, 2, 8)]  # fmt: skip
    (root / "cuhk03_release").mkdir(parents=True)
    with h5py.File(root / "cuhk03_release" / "cuhk-03.mat", "w") as mat:
        for kind in ("detected", "labeled"):
            picture = {name: rng.integers(0, 255, (4, 2, 3), np.uint8) for name in names}
            write_kind(mat, kind, PERSONS, picture)
        write_testsets(mat, testsets)
    return root


def test_a_classic_split(tmp_path):
    release(tmp_path)
    bench = load("cuhk03", tmp_path, split=0)
    assert bench.protocol == "cuhk03-single-shot"
    assert bench.train.classes.tolist() == [1, 3, 4, 6]
    assert bench.train.num_cams == 2
    assert bench.query.pids.tolist() == [2, 2, 5, 5]
    assert set(bench.query.camids) == {0}
    assert bench.gallery.pids.tolist() == [2, 5, 5]
    assert set(bench.gallery.camids) == {1}
    assert bench.pid_names[5] == "2_001"
    names = sorted(os.listdir(tmp_path / "cuhk03_release" / "images_detected"))
    assert len(names) == len(bench.train) + len(bench.query) + len(bench.gallery) == 23
    assert str(load(str(bench))) == str(bench)
    other = load("cuhk03", tmp_path, split=1, kind="labelled")
    assert set(other.query.classes) == {2, 4}
    assert all("images_labeled" in path for path in other.query.paths)
    with pytest.raises(UserError, match="splits new, 0 to 2, all and open-reid, not 3"):
        load("cuhk03", tmp_path, split=3)


def test_all_classic_splits_are_tested_each_on_its_own(tmp_path):
    release(tmp_path)
    bench = load("cuhk03", tmp_path, split="all")
    assert bench.protocol == "cuhk03-20-splits"
    assert len(bench.train) == 0
    assert set(bench.query.classes) == set(bench.gallery.classes) == {1, 2, 4, 5, 6}
    assert (set(bench.query.camids), set(bench.gallery.camids)) == ({0}, {1})
    assert bench.splits == ((2, 5), (2, 4), (1, 2, 6))
    assert [len(paths) for paths in bench.passed_over.values()] == [4]  # person 3 is in none


def test_the_mean_of_the_twenty_splits_is_that_of_the_single_ones(tmp_path):
    """Of made features and a made file: the reader's rule and the protocol's, together."""
    from lookalike.metrics import rank

    persons = [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)]
    rng = np.random.default_rng(1)
    drawn = [[persons[i] for i in rng.permutation(6)[: 2 + k % 3]] for k in range(20)]
    release(tmp_path, drawn)
    feature = {}

    def ranked(bench):
        q, g = bench.query, bench.gallery
        for path in [*q.paths, *g.paths]:
            feature.setdefault(path, rng.standard_normal(6))
        sides = [np.array([feature[path] for path in people.paths]) for people in (q, g)]
        splits = [np.array(pids) for pids in bench.splits]
        ids = q.pids, g.pids, q.camids, g.camids
        return rank(*sides, *ids, protocol=bench.protocol, splits=splits).row()

    rows = [ranked(load("cuhk03", tmp_path, split=k)) for k in range(20)]
    mean = {key: np.mean([row[key] for row in rows]) for key in rows[0]}
    assert ranked(load("cuhk03", tmp_path, split="all")) == pytest.approx(mean)
    assert 0.2 < mean["rank1"] < mean["rank5"] == 1


def test_the_first_split_as_open_reid_and_fdgan_have_it(tmp_path):
    release(tmp_path)
    bench = load("cuhk03", tmp_path, split="open-reid")
    assert bench.protocol == "cuhk03-open-reid"
    assert set(bench.train.classes) == {1, 3, 4, 6}
    assert len(bench.train) == 2 * 16
    assert sorted(bench.query.paths) == sorted(bench.gallery.paths)
    assert bench.query.pids.tolist().count(2) == 2 * 3
    assert set(bench.query.camids) == {0, 1}
    with pytest.raises(UserError, match="leave out kind"):
        load("cuhk03", tmp_path, split="open-reid", kind="detected")


def test_classic_splits_need_the_matlab_file(tmp_path):
    config(tmp_path, "detected")
    with pytest.raises(UserError, match=r"should hold cuhk-03\.mat"):
        load("cuhk03", tmp_path, split=0)


def test_persons_of_a_split_without_images_are_named(tmp_path):
    release(tmp_path, [[(1, 1), (2, 9)]])
    with pytest.raises(UserError, match=r"Split 0 .* tests person 9 of camera pair 2, of whom"):
        load("cuhk03", tmp_path, split=0)


def test_images_that_no_list_names_are_told(tmp_path):
    config(tmp_path, "detected")
    (tmp_path / "images_detected").mkdir()
    for name in (*NAMES, "3_001_1_01.png"):
        (tmp_path / "images_detected" / name).touch()
    passed = load("cuhk03", tmp_path).passed_over
    assert passed == {UNLISTED: [str(tmp_path / "images_detected" / "3_001_1_01.png")]}


ROWS = np.array([[1], [2]])
LISTS = {"filelist": np.array([["1_001_1_01.png"], ["1_001_2_06.png"]], object), "labels": ROWS,
         "train_idx": ROWS, "query_idx": ROWS, "gallery_idx": ROWS}  # fmt: skip


@pytest.mark.parametrize("key", LISTS)
@pytest.mark.parametrize(
    "value",
    [np.array(["x"]), ROWS * 10**12, ROWS[:0], ROWS * np.nan, ROWS * 0, ROWS - 5, ROWS + 0.5,
     np.array([[ROWS, "y"]], object), ROWS > 1, {"a": 1}, np.zeros((2, 2, 2)), np.inf, 1e300,
     ROWS * 1j, None],
)  # fmt: skip
def test_a_foreign_list_is_one_sentence(tmp_path, key, value):
    changed = {**LISTS, key: value}
    if value is None:
        del changed[key]
    savemat(tmp_path / "cuhk03_new_protocol_config_detected.mat", changed)
    (tmp_path / "images_detected").mkdir()
    with pytest.raises(UserError, match=r"config_detected.mat'"):
        load("cuhk03", tmp_path)


def damaged(content):
    """Names of damages, and what they make of a file."""
    rng = np.random.default_rng(0)
    for length in (0, 1, 100, 128, 136, len(content) // 2, len(content) - 1):
        yield f"cut to {length}", content[:length]
    for seed in range(40):
        changed = bytearray(content)
        for place in rng.integers(0, len(content), 1 + seed % 8):
            changed[place] = rng.integers(256)
        yield f"changed {seed}", bytes(changed)
    yield "text", b"path,pid,camid\n" * 40
    yield "noise", rng.bytes(3000)
    yield "picture", b"\x89PNG" + content


@pytest.mark.parametrize("squeezed", [False, True])
def test_a_damaged_list_is_one_sentence(tmp_path, squeezed):
    file = tmp_path / "cuhk03_new_protocol_config_detected.mat"
    savemat(file, LISTS, do_compression=squeezed)
    (tmp_path / "images_detected").mkdir()
    refused = []
    for _, content in damaged(file.read_bytes()):
        file.write_bytes(content)
        try:
            load("cuhk03", tmp_path)  # a byte that says nothing, or another label
        except UserError as error:
            refused.append(str(error))
    assert len(refused) > 20
    assert all("\n" not in text and len(text) < 600 for text in refused)


def test_a_list_that_would_unpack_to_gigabytes(tmp_path, monkeypatch):
    monkeypatch.setattr("lookalike.data.readers.cuhk03_files.LARGEST", 1 << 20)
    file = tmp_path / "cuhk03_new_protocol_config_detected.mat"
    savemat(file, {**LISTS, "other": np.zeros(1 << 18)}, do_compression=True)
    with pytest.raises(UserError, match=r"would unpack to more than .* GiB: it is left alone"):
        load("cuhk03", tmp_path)


def test_a_damaged_matlab_file_is_one_sentence(tmp_path):
    release(tmp_path)
    file = tmp_path / "cuhk03_release" / "cuhk-03.mat"
    refused = []
    for _, content in damaged(file.read_bytes()):
        file.write_bytes(content)
        for folder in file.parent.glob("images_*"):
            shutil.rmtree(folder)
        try:
            load("cuhk03", tmp_path, split="all")
        except UserError as error:
            refused.append(str(error))
        assert not [*file.parent.glob("*.partial")]
    assert len(refused) > 8
    assert all("\n" not in text and len(text) < 600 for text in refused)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda mat: mat.pop("testsets"), "has no testsets, only "),
        (lambda mat: mat.pop("detected"), "has no detected, only "),
        (lambda mat: replaced(mat, "testsets", np.zeros((1, 3))), "can't be read as a Matlab"),
        (lambda mat: replaced(mat, "testset_1", np.zeros((2, 3))), "numbers from 1 on"),
        (lambda mat: replaced(mat, "testset_1", np.ones((3, 3))), "rows of camera pair"),
        (lambda mat: replaced(mat, "testset_1", np.ones((2, 0))), "rows of camera pair"),
        (lambda mat: replaced(mat, "testset_1", np.full((2, 3), np.nan)), "numbers from 1 on"),
        (lambda mat: replaced(mat, "testset_1", np.full((2, 3), 1e300)), "numbers from 1 on"),
        (lambda mat: replaced(mat, "testset_1", 3), "rows of camera pair"),
        (lambda mat: large(mat, "testset_1"), "isn't CUHK03's"),
        (lambda mat: large(mat, "detected_1_1_1"), "isn't CUHK03's"),
        (lambda mat: replaced(mat, "detected_1_1_1", np.zeros((3, 2, 4))), "can't be read as a"),
        (lambda mat: replaced(mat, "detected_1_1_1", np.zeros((3, 2, 4, 5), "u1")), "can't be"),
    ],
)  # fmt: skip
def test_a_foreign_matlab_file_is_one_sentence(tmp_path, change, says):
    h5py = pytest.importorskip("h5py")
    release(tmp_path)
    with h5py.File(tmp_path / "cuhk03_release" / "cuhk-03.mat", "a") as mat:
        change(mat)
    with pytest.raises(UserError, match=says):
        load("cuhk03", tmp_path, split=1)
    assert not [*(tmp_path / "cuhk03_release").glob("images*")]


def replaced(mat, name, value):
    """The content of a dataset, in its place where a reference to it leads."""
    del mat[name]
    refer(mat, name, mat.create_dataset(name, data=value))


def large(mat, name):
    """A dataset of few bytes that says a shape of gigabytes."""
    del mat[name]
    refer(mat, name, mat.create_dataset(name, (2, 1 << 30), np.float64, chunks=(2, 1 << 10)))


def refer(mat, name, dataset):
    if name == "testset_1":
        mat["testsets"][0, 1] = dataset.ref
    elif name == "detected_1_1_1":
        mat["detected_1"][0, 0] = dataset.ref


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
@pytest.mark.parametrize("name", ["cuhk-03.mat", "cuhk03_new_protocol_config_detected.mat"])
def test_what_is_no_file_is_refused_at_once(tmp_path, kind, name):
    if kind == "pipe":
        os.mkfifo(tmp_path / name)
    elif kind == "device":
        (tmp_path / name).symlink_to("/dev/zero")
    else:
        (tmp_path / name).mkdir()
    (tmp_path / "images_detected").mkdir()
    with pytest.raises(UserError, match=re.escape(name)):
        load("cuhk03", tmp_path, split="0" if name == "cuhk-03.mat" else "new")


def test_images_that_cant_be_written(tmp_path, monkeypatch):
    release(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(UserError, match=r"Can't write the images .* \(No space left on device\)"):
        load("cuhk03", tmp_path, split=0)
    assert os.listdir(tmp_path / "cuhk03_release") == ["cuhk-03.mat"]


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
