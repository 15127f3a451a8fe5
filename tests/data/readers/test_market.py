import os

import pytest

from lookalike.data import DISTRACTOR, JUNK, load, parse_data
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
    assert bench.train.pids.min() == 2
    assert bench.query.pids.tolist() == [1, 1]


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


@pytest.mark.parametrize("inner", ["", "DukeMTMC-reID"])
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


@pytest.mark.skipif(not os.environ.get("LOOKALIKE_MARKET1501"), reason="needs LOOKALIKE_MARKET1501")
def test_market_dev():
    bench = load("market1501", os.environ["LOOKALIKE_MARKET1501"])
    assert (bench.train.num_pids, len(bench.train)) == (501, 8642)
    assert (bench.query.num_pids, len(bench.query)) == (250, 1076)
    assert len(bench.gallery) == 3218
    assert bench.gallery.num_pids == 246  # four of the 250 have a query image per camera, no more
    assert set(bench.gallery.classes) <= set(bench.query.classes)
    assert bench.train.num_cams == bench.query.num_cams == bench.gallery.num_cams == 6
