"""`?validation=N`: training people as query and gallery, and nothing of those to be tested."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike import UserError
from lookalike.data import load
from lookalike.data.readers.common import queries_of


def write(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 8)).save(root / name)


@pytest.fixture
def market(tmp_path: Path) -> Path:
    """Ten people to train on, of whom three cameras took two images each, and two to test."""
    for pid in range(1, 11):
        write(tmp_path, *(f"bounding_box_train/{pid:04d}_c{c}s1_{k:06d}_00.jpg"
                          for c in (1, 2, 3) for k in (0, 1)))  # fmt: skip
    for pid in (50, 51):
        write(tmp_path, f"query/{pid:04d}_c1s1_000000_00.jpg",
              f"bounding_box_test/{pid:04d}_c2s1_000000_00.jpg")  # fmt: skip
    return tmp_path


def test_training_people_become_query_and_gallery(market: Path) -> None:
    bench = load(f"market1501:{market}?validation=4&seed=3")
    assert str(bench) == f"market1501:{market}?validation=4&seed=3"
    assert bench.train.num_pids == 6
    assert bench.query.num_pids == 4
    assert not set(bench.train.pids) & set(bench.query.pids)
    np.testing.assert_array_equal(bench.query.classes, bench.gallery.classes)
    assert len(bench.query) == 4 * 3  # one image of each camera asks
    assert len(bench.gallery) == 4 * 3
    assert not set(bench.query.paths) & set(bench.gallery.paths)
    whole = load(f"market1501:{market}").train
    parts = [*bench.train.paths, *bench.query.paths, *bench.gallery.paths]
    assert sorted(parts) == sorted(whole.paths)


def test_the_seed_draws_the_people(market: Path) -> None:
    def tested(options: str) -> list[int]:
        return load(f"market1501:{market}?{options}").query.classes.tolist()

    assert tested("validation=4&seed=3") == tested("seed=3&validation=4")
    assert tested("validation=4") == tested("validation=4&seed=0")
    assert len({tuple(tested(f"validation=4&seed={s}")) for s in range(5)}) > 1


def test_the_folders_of_those_to_test_are_not_read(market: Path) -> None:
    before = load(f"market1501:{market}?validation=4")
    for name in ("query", "bounding_box_test"):
        shutil.rmtree(market / name)
    after = load(f"market1501:{market}?validation=4")
    assert after.query.paths.tolist() == before.query.paths.tolist()  # type: ignore[attr-defined]
    assert len(load(f"market1501:{market}").query) == 0


def test_one_person_is_too_few(tmp_path: Path) -> None:
    write(tmp_path, "a/c1_0.jpg", "a/c2_0.jpg", "b/c1_0.jpg", "b/c2_0.jpg")
    with pytest.raises(UserError, match="training set of folder has 1 people: option validation"):
        load(f"folder:{tmp_path}?validation=1")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("validation=10", "should be from 1 to 9, not 10: the training set of market1501 has 10"),
        ("validation=0", "should be from 1 to 9, not 0"),
        ("validation=few", "Option validation of market1501 should be a whole number, not 'few'"),
        ("validtion=3", "did you mean 'validation'?"),
        ("seed=3", "Unknown option of market1501 'seed'"),
        ("test=false", "Unknown option of market1501 'test'"),
    ],
)
def test_what_is_refused(market: Path, options: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence.replace("?", r"\?")):
        load(f"market1501:{market}?{options}")


def test_people_with_one_image_are_no_validation(tmp_path: Path) -> None:
    write(tmp_path, *(f"bounding_box_train/{p:04d}_c1s1_000000_00.jpg" for p in range(1, 5)))
    with pytest.raises(UserError, match="have no two images each in different cameras: take more"):
        load(f"market1501:{tmp_path}?validation=2")


def test_unknown_cameras_leave_no_crop_out(tmp_path: Path) -> None:
    write(tmp_path, *(f"train/{p}/{k}.jpg" for p in "abcdef" for k in range(3)))
    bench = load(f"folder:{tmp_path}?camera=none&validation=3")
    assert set(bench.query.camids) == {0}
    assert set(bench.gallery.camids) == {1}
    assert (len(bench.query), len(bench.gallery)) == (3, 6)


def test_a_world_is_cut_too(rendered: Path) -> None:
    bench = load(f"world:{rendered}?validation=1")
    assert (bench.train.num_pids, bench.query.num_pids) == (2, 1)
    assert bench.protocol == "market1501"


@pytest.mark.parametrize(
    ("cameras", "asks"),
    [
        ("aabb", [True, False, True, False]),
        ("ab", [True, False]),  # the last one stays to be found
        ("abc", [True, True, False]),
        ("aab", [True, False, False]),  # only a has one to spare
        ("aabbc", [True, False, True, False, True]),
        ("a", [False]),
        ("aaa", [True, False, False]),
    ],
)
def test_queries_of(cameras: str, asks: list[bool]) -> None:
    assert queries_of(list(cameras)) == asks
