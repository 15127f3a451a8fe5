import json
import os
import re

import numpy as np
import pytest
from PIL import Image

from lookalike.cli.data import main
from lookalike.data import load
from lookalike.data.check import as_text, check
from lookalike.data.info import as_table, describe


def picture(file, seed, size=(32, 64)):
    """Write a small JPEG that no other seed gives."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).resize(size).save(file)


@pytest.fixture
def root(tmp_path):
    """A faultless benchmark: two persons each to train and to test, two cameras."""
    for i, name in enumerate(
        f"{split}/{person:04d}_c{camera}s1_00000{shot}_00.jpg"
        for split, persons, shots in (
            ("bounding_box_train", (1, 2), (0, 1)),
            ("query", (3, 4), (0,)),
            ("bounding_box_test", (3, 4), (1,)),
        )
        for person in persons
        for camera in (1, 2)
        for shot in shots
    ):
        picture(tmp_path / name, i)
    return tmp_path


def findings(root):
    return {f.what: f for f in check(load("market1501", root))}


def only(root, what):
    """The finding that `what` begins, when it is the only one."""
    found = check(load("market1501", root))
    assert [f.what[: len(what)] for f in found] == [what]
    return found[0]


def test_faultless(root):
    assert check(load("market1501", root)) == []
    assert "Nothing found" in as_text([])


def test_a_name_is_one_line_that_a_terminal_shows(tmp_path):
    for i, person in enumerate(("a\nb", "c\x1b[31md", "e", "f")):
        for camera in (1, 2):
            picture(tmp_path / person / f"c{camera}_0.jpg", 2 * i + camera)
    text = as_text(check(load("folder", tmp_path)))
    assert text.splitlines()[2:] == [
        r"    a\nb is 1", r"    c\x1b[31md is 2", "    e is 3", "    f is 4"
    ]  # fmt: skip


def test_counts_of_many_cameras_end_no_line_within_one(tmp_path):
    names = [f"p{person}/c{camera}_0.jpg" for person in (1, 2) for camera in range(1, 41)]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    table = as_table(describe(load("folder", tmp_path, test_fraction=0)))
    lines = table.split("images per camera\n")[1].split("\n")
    pairs = [pair for line in lines for pair in re.split(" {2,}", line.strip())]
    assert pairs == ["train", *(f"{camera}: 2" for camera in range(40))]
    assert max(map(len, table.split("\n")[1:])) <= 80


def test_empty_file(root):
    file = root / "query" / "0003_c1s1_000000_00.jpg"
    file.write_bytes(b"")
    found = only(root, "files with no bytes")
    assert (found.severity, found.count, found.examples) == ("error", 1, (str(file),))


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"not an image"])
def test_broken_image(root, damage):
    file = root / "bounding_box_train" / "0001_c1s1_000000_00.jpg"
    file.write_bytes(damage(file.read_bytes()))
    found = only(root, "files that don't decode")
    assert (found.severity, found.count) == ("error", 1)
    assert re.fullmatch(rf"{re.escape(str(file))} \([^<>]+\)", found.examples[0])


def test_missing_file(root):
    bench = load("market1501", root)
    os.remove(bench.gallery.paths[0])
    (found,) = check(bench)
    assert found.what.startswith("files missing")
    assert found.examples == (f"{bench.gallery.paths[0]} (No such file or directory)",)


@pytest.mark.parametrize("size", [(64, 32), (20, 130)])
def test_odd_shape(root, size):
    picture(root / "bounding_box_train" / "0001_c1s1_000000_00.jpg", 99, size)
    found = only(root, "images wider than high")
    assert found.severity == "warning"
    assert f"({size[0]}×{size[1]})" in found.examples[0]


@pytest.mark.parametrize("size", [(12, 24), (2000, 4100)])
def test_extreme_size(root, size):
    picture(root / "bounding_box_train" / "0001_c1s1_000000_00.jpg", 99, size)
    assert only(root, "images under 16 or over 4096").count == 1


def test_shared_identity(root):
    for camera in (1, 2):
        for shot in (5, 6):
            file = root / "bounding_box_train" / f"0004_c{camera}s1_00000{shot}_00.jpg"
            picture(file, 100 + 2 * camera + shot * 7)
    found = only(root, "identities in train and also in query or gallery")
    assert (found.severity, found.count, found.examples) == ("error", 1, ("4",))


def test_query_of_nobody_in_the_gallery(root):
    picture(root / "query" / "0009_c1s1_000000_00.jpg", 99)
    found = only(root, "queries whose identity isn't in the gallery")
    assert (found.severity, found.count) == ("warning", 1)


def test_query_with_matches_in_its_own_camera_only(root):
    (root / "bounding_box_test" / "0003_c2s1_000001_00.jpg").unlink()
    found = only(root, "queries whose matches are all of their own camera")
    assert (found.severity, found.count) == ("warning", 1)
    assert found.examples == (str(root / "query" / "0003_c1s1_000000_00.jpg"),)


def test_single_camera_gallery_is_an_error(root):
    for split in ("query", "bounding_box_test"):
        for person in (3, 4):
            for file in (root / split).glob(f"{person:04d}_c2*"):
                file.unlink()
    found = only(root, "queries whose matches are all of their own camera")
    assert (found.severity, found.count) == ("error", 2)
    assert "camera=none" in found.means


def test_own_camera_rule_against_the_slow_one():
    from lookalike.data import People
    from lookalike.data.check import _seen_elsewhere

    rng = np.random.default_rng(0)
    for _ in range(50):
        q, g = rng.integers(1, 6, (2, 8)), rng.integers(-1, 6, (2, 9))
        query = People(["q"] * 8, q[0], q[1])
        gallery = People(["g"] * 9, g[0], np.abs(g[1]))
        slow = [
            any(p == gp and c != gc for gp, gc in zip(gallery.pids, gallery.camids, strict=True))
            for p, c in zip(query.pids, query.camids, strict=True)
        ]
        assert _seen_elsewhere(query, gallery).tolist() == slow


def test_one_image_identity(root):
    picture(root / "bounding_box_train" / "0008_c1s1_000000_00.jpg", 99)
    assert only(root, "identities with one image in train").severity == "warning"


def test_single_camera_identity(root):
    for shot in (0, 1):
        picture(root / "bounding_box_train" / f"0008_c1s1_00000{shot}_00.jpg", 98 + shot)
    found = only(root, "identities in train seen by one camera")
    assert (found.severity, found.count) == ("warning", 1)


def copy(source, target):
    target.write_bytes(source.read_bytes())


def test_copy_of_a_query_as_another(root):
    copy(
        root / "query" / "0003_c1s1_000000_00.jpg",
        root / "bounding_box_test" / "0004_c1s1_000009_00.jpg",
    )
    assert only(root, "query files that are in the gallery as another").severity == "warning"


def test_copy_of_a_query_that_the_protocol_leaves_out(root):
    copy(
        root / "query" / "0003_c1s1_000000_00.jpg",
        root / "bounding_box_test" / "0003_c1s1_000009_00.jpg",
    )
    assert only(root, "query files that are also in the gallery").severity == "note"


def test_copy_of_a_train_image(root):
    copy(
        root / "bounding_box_train" / "0001_c1s1_000000_00.jpg",
        root / "bounding_box_test" / "0004_c1s1_000009_00.jpg",
    )
    assert only(root, "train files that are also in query or gallery").severity == "warning"


def test_copies_inside_of_a_split(root):
    train = root / "bounding_box_train"
    copy(train / "0001_c1s1_000000_00.jpg", train / "0001_c1s1_000009_00.jpg")
    assert only(root, "files that are there twice in a split").severity == "note"
    copy(train / "0001_c1s1_000000_00.jpg", train / "0002_c1s1_000009_00.jpg")
    twins = findings(root)["files that are there twice in a split, as two people"]
    assert (twins.severity, twins.count) == ("warning", 1)
    assert "0002_c1s1_000009_00.jpg = " in twins.examples[0]


@pytest.mark.parametrize(
    ("level", "what"),
    [((7, 7, 7), "images of one colour"), ((0, 0, 0), "images of one colour"),
     (None, "images nearly black or nearly white")],
)  # fmt: skip
def test_pictures_of_nobody(root, level, what):
    file = root / "query" / "0003_c1s1_000000_00.jpg"
    pixels = np.full((64, 32, 3), level or 252, np.uint8)
    if level is None:
        pixels[:4] = 240
    Image.fromarray(pixels).save(file)
    assert only(root, what).severity == "warning"


def test_a_broken_picture_keeps_its_reason(root):
    file = root / "query" / "0003_c1s1_000000_00.png"
    (root / "query" / "0003_c1s1_000000_00.jpg").unlink()
    deep = np.random.default_rng(0).integers(0, 4096, (64, 32), np.uint16)
    deep[0, 0] = 4095
    Image.fromarray(deep).save(file)
    found = only(root, "files that don't decode as images")
    assert "(its pixels have 16 bits, but the brightest is 4095" in found.examples[0]


def test_names_are_noted(tmp_path):
    for i, name in enumerate(
        f"{split}/{person}/c{c}_{shot}.jpg"
        for split, person in (("train", "ann"), ("query", "bob"), ("gallery", "bob"))
        for c in (1, 2)
        for shot in (0, 1)
    ):
        picture(tmp_path / name, i)
    (found,) = check(load("folder", tmp_path))
    assert (found.severity, found.examples) == ("note", ("ann is 1", "bob is 2"))


def test_nearly_as_many_cameras_as_images(root):
    for number, file in enumerate(sorted((root / "bounding_box_train").iterdir()), 1):
        file.rename(file.with_name(f"{file.name[:4]}_c{number}s1_000009_00.jpg"))
    warned = findings(root)["cameras, nearly as many as there are images (16)"]
    assert (warned.severity, warned.count) == ("warning", 8)
    assert all("bounding_box" in path or "query" in path for path in warned.examples)


def test_number_0_in_the_gallery_is_told(root):
    picture(root / "bounding_box_test" / "0000_c1s1_000000_00.jpg", 99)
    found = only(root, "gallery images of number 0, which is a distractor")
    assert (found.severity, found.count) == ("note", 1)


def test_empty_splits_are_told(root):
    for file in (root / "bounding_box_train").iterdir():
        file.unlink()
    assert only(root, "splits without images").examples == ("train",)


def test_what_a_reader_passes_over_is_named(root):
    names = ("Thumbs.db", ".DS_Store", "more/0001_c1s1_000000_00.jpg")
    for name in names:
        (root / "query" / name).parent.mkdir(exist_ok=True)
        (root / "query" / name).touch()
    picture(root / "query" / "-1_c1s1_000000_00.jpg", 99)
    found = {what: f for what, f in findings(root).items() if what.startswith("passed over")}
    assert {what: (f.severity, f.examples) for what, f in found.items()} == {
        "passed over: folders where images alone are expected": (
            "warning", (str(root / "query" / "more"),)),
        "passed over: junk (-1) among those to train on or to ask with": (
            "warning", (str(root / "query" / "-1_c1s1_000000_00.jpg"),)),
        "passed over: files without the suffix of an image": (
            "note", (str(root / "query" / "Thumbs.db"),)),
        "passed over: hidden files and folders": ("note", (str(root / "query" / ".DS_Store"),)),
    }  # fmt: skip


@pytest.mark.parametrize("linked", [False, True])
def test_one_image_of_two_people(tmp_path, linked):
    picture(tmp_path / "a.jpg", 1)
    other = "a.jpg"
    if linked:
        other = "b.jpg"
        (tmp_path / other).symlink_to(tmp_path / "a.jpg")
    lines = [f"a.jpg,ann,1,train\n{other},bob,2,train\n"]
    (tmp_path / "all.csv").write_text("path,pid,camid,split\n" + "".join(lines))
    twins = [f for f in check(load("folder", tmp_path, csv="all.csv")) if "as two people" in f.what]
    assert [(f.severity, f.count) for f in twins] == [("warning", 1)]


def test_command_exit_codes_and_json(root, capsys):
    data = f"market1501:{root}"
    assert main(["check", data]) == 0
    picture(root / "query" / "0009_c1s1_000000_00.jpg", 99)
    assert main(["check", data]) == 0
    assert "warning: queries whose identity" in capsys.readouterr().out
    (root / "query" / "0003_c1s1_000000_00.jpg").write_bytes(b"")
    assert main(["check", data, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [f["severity"] for f in report["findings"]] == ["error", "warning"]
    assert report["data"] == data


def test_info(root, capsys):
    (root / "bounding_box_test" / "-1_c2s1_000401_03.jpg").touch()
    (root / "bounding_box_test" / "0000_c2s1_000401_03.jpg").touch()
    assert main(["info", f"market1501:{root}", "--json"]) == 0
    gallery = json.loads(capsys.readouterr().out)["splits"]["gallery"]
    assert gallery == {
        "images": 6,
        "identities": 2,
        "cameras": 2,
        "junk": 1,
        "distractors": 1,
        "images_per_camera": {"0": 2, "1": 4},
        "images_per_identity": {"min": 2, "median": 2.0, "max": 2},
    }


def test_info_counts_what_is_passed_over(root, capsys):
    (root / "query" / "Thumbs.db").touch()
    (root / "bounding_box_train" / "-1_c2s1_000401_03.jpg").touch()
    assert main(["info", f"market1501:{root}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["passed_over"] == {
        "files without the suffix of an image": 1,
        "junk (-1) among those to train on or to ask with": 1,
    }
    assert main(["info", f"market1501:{root}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].startswith("passed over")
    assert lines[-1] == "       1 junk (-1) among those to train on or to ask with"
    assert all(len(line) <= 80 for line in lines[1:])


def test_info_table_fits_80_columns(root, capsys):
    for camera in range(1, 16):
        (root / "bounding_box_train" / f"0001_c{camera}s1_000009_00.jpg").touch()
    assert main(["info", f"market1501:{root}"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert head == f"market1501:{root}"
    assert all(len(line) <= 80 for line in lines)
    assert "14: 1" in " ".join(lines)


@pytest.mark.skipif(not os.environ.get("LOOKALIKE_MARKET1501"), reason="needs LOOKALIKE_MARKET1501")
def test_market_dev_has_no_errors():
    found = check(load("market1501", os.environ["LOOKALIKE_MARKET1501"]))
    assert [(f.severity, f.count) for f in found] == [("warning", 9), ("warning", 12)]
