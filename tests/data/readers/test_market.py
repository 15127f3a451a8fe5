import os

import numpy as np
import pytest

from lookalike.data import DISTRACTOR, JUNK, load, parse_data
from lookalike.data.images import HIDDEN, INSIDE, NO_IMAGE
from lookalike.data.readers.market import JUNK_ASKS
from lookalike.errors import UserError


def write(root, tree):
    for folder, names in tree.items():
        (root / folder).mkdir(parents=True)
        for name in names.split():
            (root / folder / name).touch()


MARKET = {
    "bounding_box_train": "0002_c1s1_000451_03.jpg 0002_c6s1_000001_01.jpg 0007_c3s3_077419_03.jpg",
    "query": "0001_c1s1_001051_00.jpg 0001_c2s1_000301_00.jpg",
    "bounding_box_test": (
        "-1_c1s1_000401_03.jpg 0000_c1s1_000151_01.jpg 0001_c5s1_001051_03.jpg.jpg"
        " 1501_c6s4_001902_01.jpg"
    ),
}


@pytest.mark.parametrize("inner", ["", "Market-1501-v15.09.15"])
def test_market1501(tmp_path, inner):
    write(tmp_path / inner, MARKET)
    (tmp_path / inner / "bounding_box_train" / "Thumbs.db").touch()
    (tmp_path / inner / "bounding_box_train" / "._0002_c1s1_000451_03.jpg").touch()
    bench = load("market1501", tmp_path)
    assert bench.train.pids.tolist() == [2, 2, 7]
    assert bench.train.camids.tolist() == [0, 5, 2]
    assert bench.query.pids.tolist() == [1, 1]
    assert bench.gallery.pids.tolist() == [JUNK, DISTRACTOR, 1, 1501]
    assert bench.gallery.camids.tolist() == [0, 0, 4, 5]
    assert bench.gallery.num_pids == 2
    assert bench.train.domains == ("market1501",)
    assert all(os.path.isfile(path) for path in bench.gallery.paths)


def test_junk_stays_in_the_gallery_only(tmp_path):
    write(tmp_path, MARKET)
    for folder in ("bounding_box_train", "query"):
        (tmp_path / folder / "-1_c1s1_000401_03.jpg").touch()
        (tmp_path / folder / "0000_c1s1_000401_03.jpg").touch()
    bench = load("market1501", tmp_path)
    assert JUNK not in bench.train.pids
    assert JUNK not in bench.query.pids
    folders = [tmp_path / folder for folder in ("bounding_box_train", "query")]
    assert bench.passed_over == {
        JUNK_ASKS: [str(folder / "-1_c1s1_000401_03.jpg") for folder in folders]
    }


def test_a_person_0_who_is_trained_on_or_asks_is_a_person(tmp_path):
    zero = "0000_c1s1_000401_03.jpg"
    write(tmp_path, MARKET)
    (tmp_path / "bounding_box_train" / zero).touch()
    bench = load("market1501", tmp_path)
    assert bench.pid_names == {1502: "0000"}
    assert bench.train.pids.tolist() == [1502, 2, 2, 7]
    assert bench.gallery.pids.tolist() == [JUNK, DISTRACTOR, 1, 1501]  # nobody asks for 0000
    (tmp_path / "query" / zero).touch()
    bench = load("market1501", tmp_path)
    assert bench.query.pids.tolist() == [1502, 1, 1]
    assert bench.gallery.pids.tolist() == [JUNK, 1502, 1, 1501]


@pytest.mark.parametrize("halves_alike", [False, True])
def test_people_counted_from_0(tmp_path, halves_alike):
    for person in range(8):
        for camera in (1, 2, 3):
            half = "query" if camera == 1 else "bounding_box_test"
            place = tmp_path / ("bounding_box_train" if person < 4 else half)
            place.mkdir(exist_ok=True)
            number = person % 4 if halves_alike else person
            (place / f"{number:04d}_c{camera}s1_000001_00.jpg").touch()
    bench = load("market1501", tmp_path)
    people = bench.train, bench.query, bench.gallery
    assert [(p.num_pids, len(p)) for p in people] == [(4, 12), (4, 4), (4, 8)]
    shared = np.intersect1d(bench.train.classes, bench.query.classes)
    assert len(shared) == (4 if halves_alike else 0)  # an error of `data check`
    bench = load("msmt17", tmp_path)  # its own rule: the halves number different people
    people = bench.train, bench.query, bench.gallery
    assert [(p.num_pids, len(p)) for p in people] == [(4, 12), (4, 4), (4, 8)]
    assert not np.intersect1d(bench.train.classes, bench.query.classes).size
    assert bench.pid_names[1] == "train/0000"


@pytest.mark.parametrize("place", ["images", "distractors_500k", "../distractors_500k"])
def test_500k_distractors(tmp_path, place):
    root = tmp_path / "Market-1501-v15.09.15"
    write(root, MARKET | {place: "0000_c4s1_000001_00.jpg 00000001.jpg"})
    assert len(load("market1501", root).gallery) == 4
    assert load("market1501", root).protocol == "market1501"
    bench = load("market1501", root, distractors=True)
    assert bench.protocol == "distractors-500k"
    assert bench.gallery.pids.tolist() == [JUNK, DISTRACTOR, 1, 1501, DISTRACTOR, DISTRACTOR]
    assert bench.gallery.camids.tolist()[4:] == [0, 3]  # names in sorted order
    assert all(os.path.isfile(path) for path in bench.gallery.paths)


def test_500k_distractors_asked_for_but_absent(tmp_path):
    write(tmp_path, MARKET)
    with pytest.raises(UserError, match="No \\+500k distractors"):
        load("market1501", tmp_path, distractors=True)


HAND_DRAWN = (
    "0001_c1s1_001051_00.jpg 0001_c1s1_001076_00.jpg 0001_c2s1_000301_00.jpg"
    " 0001_c3s1_000551_00.jpg 0002_c1s1_000451_00.jpg 1501_c6s4_001902_00.jpg"
)


def test_multi_query_takes_the_boxes_of_the_queries_persons_in_their_cameras(tmp_path):
    write(tmp_path, MARKET | {"gt_bbox": HAND_DRAWN})
    bench = parse_data(f"market1501:{tmp_path}?multi_query=true")
    assert bench.protocol == "market1501-multi-query"
    names = [path.split("/gt_bbox/")[1] for path in bench.query.paths]
    assert names == HAND_DRAWN.split()[:3]
    assert bench.query.pids.tolist() == [1, 1, 1]
    assert bench.query.camids.tolist() == [0, 0, 1]
    plain = load("market1501", tmp_path)
    assert plain.query.paths.tolist() != bench.query.paths.tolist()
    assert plain.gallery.paths.tolist() == bench.gallery.paths.tolist()


def test_multi_query_without_its_boxes(tmp_path):
    write(tmp_path, MARKET)
    with pytest.raises(UserError, match=r"No folder '.*gt_bbox'"):
        load("market1501", tmp_path, multi_query=True)
    write(tmp_path, {"gt_bbox": "0001_c1s1_001051_00.jpg"})
    with pytest.raises(UserError, match="no box of person 1 in camera 2"):
        load("market1501", tmp_path, multi_query=True)
    with pytest.raises(UserError, match="not both"):
        load("market1501", tmp_path, multi_query=True, distractors=True)


def test_badly_named_image(tmp_path):
    write(tmp_path, MARKET | {"query": "0001_c1s1_001051_00.jpg holiday.jpg"})
    with pytest.raises(UserError, match=r"holiday\.jpg' isn't named as in '0001_c1s1"):
        load("market1501", tmp_path)


@pytest.mark.parametrize("name", ["9" * 30 + "_c1s1_0.jpg", "0001_c" + "9" * 30 + "s1_0.jpg"])
def test_numbers_beyond_64_bits(tmp_path, name):
    write(tmp_path, MARKET)
    (tmp_path / "query" / name).touch()
    with pytest.raises(UserError, match=r"of '.*9999.*' is too large"):
        load("market1501", tmp_path)


@pytest.mark.parametrize("inner", ["", "DukeMTMC-reID", "DukeMTMC-reID/DukeMTMC-reID"])
def test_dukemtmc(tmp_path, inner):
    write(
        tmp_path / inner,
        {
            "bounding_box_train": "0001_c2_f0046182.jpg 0001_c8_f0046302.jpg",
            "query": "0005_c2_f0046985.jpg",
            "bounding_box_test": "0002_c1_f0044158.jpg 7140_c8_f0189585.jpg",
        },
    )
    bench = load("dukemtmc", tmp_path)
    assert bench.train.camids.tolist() == [1, 7]
    assert bench.query.pids.tolist() == [5]
    assert bench.gallery.pids.tolist() == [2, 7140]


def test_duke_has_neither_distractors_nor_junk_of_its_own(tmp_path):
    write(
        tmp_path,
        {
            "bounding_box_train": "0001_c2_f0046182.jpg",
            "query": "0005_c2_f0046985.jpg",
            "bounding_box_test": "0000_c1_f0044158.jpg 7140_c8_f0189585.jpg",
        },
    )
    bench = load("dukemtmc", tmp_path)
    assert bench.gallery.pids.tolist() == [7141, 7140]
    assert bench.pid_names == {7141: "0000"}
    (tmp_path / "query" / "-1_c2_f0046985.jpg").touch()
    with pytest.raises(UserError, match="-1_c2_f0046985"):
        load("dukemtmc", tmp_path)


def test_what_is_passed_over_is_counted(tmp_path):
    write(tmp_path, MARKET)
    place = tmp_path / "query"
    for name in ("Thumbs.db", "._0001_c1s1_001051_00.jpg"):
        (place / name).touch()
    (place / "more").mkdir()
    bench = load("market1501", tmp_path)
    assert {reason: len(paths) for reason, paths in bench.passed_over.items()} == {
        NO_IMAGE: 1,
        HIDDEN: 1,
        INSIDE: 1,
    }


@pytest.mark.skipif(not os.environ.get("LOOKALIKE_MARKET1501"), reason="needs LOOKALIKE_MARKET1501")
def test_market_dev():
    bench = load("market1501", os.environ["LOOKALIKE_MARKET1501"])
    assert (bench.train.num_pids, len(bench.train)) == (501, 8642)
    assert (bench.query.num_pids, len(bench.query)) == (250, 1076)
    assert len(bench.gallery) == 3218
    assert bench.gallery.num_pids == 246  # four of the 250 have a query image per camera, no more
    assert set(bench.gallery.classes) <= set(bench.query.classes)
    assert bench.train.num_cams == bench.query.num_cams == bench.gallery.num_cams == 6
