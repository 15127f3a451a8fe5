import json
import os

import numpy as np
import pytest
from PIL import Image

from lookalike.cli.data import main
from lookalike.data import load
from lookalike.data.check import as_text, check


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
    assert (found.severity, found.examples) == ("error", (str(file),))


def test_missing_file(root):
    bench = load("market1501", root)
    os.remove(bench.gallery.paths[0])
    (found,) = check(bench)
    assert found.what.startswith("files missing")
    assert found.examples == (bench.gallery.paths[0],)


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
