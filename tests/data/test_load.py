import os
import subprocess
import sys

import pytest

import lookalike
from lookalike.data import READERS, load, parse_data
from lookalike.errors import UserError


@pytest.fixture
def market(tmp_path):
    for split, name in (
        ("bounding_box_train", "0002_c1s1_000451_03.jpg"),
        ("query", "0001_c1s1_001051_00.jpg"),
        ("bounding_box_test", "0001_c2s1_001051_00.jpg"),
    ):
        (tmp_path / split).mkdir()
        (tmp_path / split / name).touch()
    return tmp_path


def test_public_name(market):
    bench = lookalike.load("market1501", market)
    assert (bench.name, bench.root, bench.protocol) == ("market1501", market, "market1501")


def test_importing_data_does_not_import_torch():
    code = "import sys, lookalike.data, lookalike.cli.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_reader_documents_itself():
    assert all(reader.__doc__ for reader in READERS.values())


def test_name_and_path(market):
    bench = parse_data(f"market1501:{market}")
    assert len(bench.train) == 1
    assert parse_data(str(bench)).root == market


def test_one_text_and_options(market):
    bench = load(f"market1501:{market}?distractors=false")
    assert (bench.root, bench.options) == (market, {"distractors": False})
    with pytest.raises(UserError, match=r"No \+500k distractors"):
        load(f"market1501:{market}?distractors=false", distractors=True)


def test_relative_path_becomes_absolute(market, monkeypatch):
    monkeypatch.chdir(market.parent)
    bench = load("market1501", market.name)
    assert bench.root == market
    assert os.path.isabs(bench.query.paths[0])


def test_options_round_trip(tmp_path):
    for person in ("ann", "bob"):
        for name in ("x&1.jpg", "x&2.jpg"):
            (tmp_path / person).mkdir(exist_ok=True)
            (tmp_path / person / name).touch()
    bench = load("folder", tmp_path, camera=r"(?:x)&(\d+)", seed=3, test_fraction="0.5")
    again = parse_data(str(bench))
    assert (
        again.options
        == bench.options
        == {
            "camera": r"(?:x)&(\d+)",
            "seed": 3,
            "test_fraction": 0.5,
        }
    )
    assert list(again.query.paths) == list(bench.query.paths)


@pytest.mark.parametrize("text", ["true", "True", "yes", "1"])
def test_truth(market, text):
    (market / "images").mkdir()
    (market / "images" / "0000_c3s1_000001_00.jpg").touch()
    assert len(parse_data(f"market1501:{market}?distractors={text}").gallery) == 2
    assert len(parse_data(f"market1501:{market}?distractors=false").gallery) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("market:{root}", "Unknown benchmark 'market'; did you mean 'market1501'"),
        ("market1501", "isn't name:path"),
        ("market1501:", "isn't name:path"),
        ("market1501:{root}/nowhere", "No folder"),
        ("market1501:{root}?distractor=true", "did you mean 'distractors'"),
        ("market1501:{root}?distractors=maybe", "should be true or false, not 'maybe'"),
        ("market1501:{root}?distractors", "isn't option=value"),
        ("folder:{root}?camera=none&seed=1&camera=x", "Option camera stands twice"),
        ("market1501:{root}?name=x", "Unknown option of market1501 'name'"),
        ("market1501:{root}?root=x", "Unknown option of market1501 'root'"),
        ("dukemtmc:{root}?split=1", "option of dukemtmc .split.. Known: encoding, pose_size"),
        ("folder:{root}?seed=one", "should be a whole number, not 'one'"),
        ("folder:{root}?test_fraction=half", "should be a number"),
        ("cuhk03:{root}?kind=detect", "did you mean 'detected'"),
        ("market1501:{root}/query", "No Market-1501 at"),
    ],
)
def test_user_errors(market, data, message):
    with pytest.raises(UserError, match=message):
        parse_data(data.format(root=market))


@pytest.mark.parametrize(
    ("folder", "split"),
    [("bounding_box_train", "train"), ("query", "query"), ("bounding_box_test", "gallery")],
)
def test_splits_that_are_there_are_read(market, folder, split):
    for file in (market / folder).iterdir():
        file.unlink()
    for _ in range(2):  # an empty folder, then none
        bench = load("market1501", market)
        sizes = {name: len(getattr(bench, name)) for name in ("train", "query", "gallery")}
        assert sizes == {"train": 1, "query": 1, "gallery": 1} | {split: 0}
        if (market / folder).exists():
            (market / folder).rmdir()


def test_no_image_at_all_is_refused_with_what_is_there(market):
    for file in market.glob("*/*.jpg"):
        file.rename(file.with_suffix(".heic"))
    with pytest.raises(UserError, match=r"no images of market1501 at .*3 files without the suffix"):
        load("market1501", market)


@pytest.mark.parametrize("reader", ["market1501", "folder", "world"])
def test_option_poses_of_every_reader(rendered, tmp_path, reader, monkeypatch):
    root = rendered
    if reader == "folder":
        for person in ("ann", "bob"):
            (tmp_path / person).mkdir()
            for camera in (1, 2):
                (tmp_path / person / f"c{camera}.jpg").touch()
        root = tmp_path
    place = tmp_path / "a & b.csv"
    place.touch()
    monkeypatch.chdir(tmp_path)
    bench = load(reader, root, poses="a & b.csv")
    assert bench.annotations["pose"] == place
    assert bench.options["poses"] == str(place)
    monkeypatch.chdir("/")
    again = load(str(bench))
    assert (again.annotations, again.options) == (bench.annotations, bench.options)
    assert ("truth" in again.annotations) == (reader == "world")


@pytest.mark.parametrize("poses", ["{root}/nowhere.csv", ""])
def test_poses_that_are_not_there(market, poses):
    with pytest.raises(UserError, match="option poses should be a file or a folder"):
        load(f"market1501:{market}?poses={poses.format(root=market)}")
    with pytest.raises(UserError, match="did you mean 'poses'"):
        load(f"dukemtmc:{market}?pose={market}")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a b", "a b"),
        ("a&b=c", "a&b=c"),
        ("50%", "50%"),
        ("what?", "what%3F"),
        ("what?x=1", "what%3Fx=1"),
        ("a%20b", "a%20b"),
        ("a%3Fb", "a%253Fb"),
        ("a%3fb?", "a%253fb%3F"),
        ("a%25b", "a%2525b"),
        ("店?", "店%3F"),
    ],
)
def test_any_letter_of_a_path(market, name, text):
    root = market.rename(market.with_name(name))
    bench = load(f"market1501:{market.parent}/{text}?distractors=False")
    assert bench.root == root
    assert str(bench) == f"market1501:{market.parent}/{text}?distractors=False"
    assert load(str(load("market1501", root))).root == root


def test_a_question_mark_that_is_not_escaped_is_told(market):
    root = market.rename(market.with_name("is it?"))
    with pytest.raises(UserError, match="in a path is %3F"):
        load(f"market1501:{root}/x")
    with pytest.raises(UserError, match="isn't option=value"):
        load(f"market1501:{root}?x")


def test_option_encoding_of_every_reader(market):
    bench = load(f"market1501:{market}?encoding=gbk")
    assert bench.options == {"encoding": "gbk"}
    assert str(bench).endswith("?encoding=gbk")
    with pytest.raises(UserError, match="There is no encoding 'gkb'"):
        load("market1501", market, encoding="gkb")
