import os

import pytest
from PIL import Image

from lookalike.data import DISTRACTOR, JUNK, UNKNOWN, load
from lookalike.data.check import check
from lookalike.data.images import AGAIN, HIDDEN, NO_IMAGE
from lookalike.data.info import describe
from lookalike.data.readers.common import UNLISTED
from lookalike.data.readers.crops import CAMERA, FOLDERLESS, OUTSIDE, camera_finder
from lookalike.data.readers.folder import FEW, UNTESTED, labelled
from lookalike.data.readers.market import JUNK_ASKS
from lookalike.errors import UserError


def write(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_given_splits_number_the_names_together(tmp_path):
    write(tmp_path, "train/bob/c1_0.jpg", "train/bob/c4_1.png", "train/zoe/c1_0.jpg")
    write(tmp_path, "query/ann/c2_0.jpg", "gallery/ann/c4_0.jpg", "gallery/cy/c1_0.jpg")
    write(tmp_path, *(f"{split}/-1/c1_0.jpg" for split in ("train", "query", "gallery")))
    bench = load("folder", tmp_path)
    assert bench.pid_names == {1: "ann", 2: "bob", 3: "cy", 4: "zoe"}
    assert bench.train.pids.tolist() == [2, 2, 4]
    assert bench.train.camids.tolist() == [0, 2, 0]  # c1, c2, c4 are 0, 1, 2 in every split
    assert bench.query.pids.tolist() == [1]
    assert bench.query.camids.tolist() == [1]
    assert bench.gallery.pids.tolist() == [JUNK, 1, 3]
    assert bench.gallery.camids.tolist() == [0, 2, 0]
    assert bench.train.domains == (tmp_path.name,)


def test_numbers_are_sorted_as_numbers(tmp_path):
    write(tmp_path, *(f"{s}/{p}/c{c}.jpg" for s in ("train", "query", "gallery")
                      for p in (2, 10) for c in (9, 10)))  # fmt: skip
    bench = load("folder", tmp_path)
    assert bench.pid_names == {1: "2", 2: "10"}
    assert bench.train.pids.tolist() == [2, 2, 1, 1]
    assert bench.train.camids.tolist() == [1, 0, 1, 0]


def test_persons_are_split_and_queries_chosen(tmp_path):
    people = [f"p{i}" for i in range(10)]
    write(tmp_path, *(f"{p}/c{c}_{i}.jpg" for p in people for c in (1, 2) for i in range(3)))
    bench = load("folder", tmp_path, test_fraction=0.3, seed=1)
    assert bench.train.num_pids == 7
    assert bench.query.num_pids == bench.gallery.num_pids == 3
    assert not set(bench.train.classes) & set(bench.query.classes)
    assert all(path.endswith("_0.jpg") for path in bench.query.paths)
    assert len(bench.query) == 3 * 2
    assert len(bench.gallery) == 3 * 2 * 2
    other = load("folder", tmp_path, test_fraction=0.3, seed=2)
    assert set(other.query.classes) != set(bench.query.classes)


@pytest.mark.parametrize(
    ("shots", "query", "gallery"),
    [
        ({1: 2, 2: 2}, ["c1_0", "c2_0"], ["c1_1", "c2_1"]),
        ({1: 1, 2: 1}, ["c1_0"], ["c2_0"]),
        ({1: 1, 2: 1, 3: 1}, ["c1_0", "c2_0"], ["c3_0"]),
        ({1: 3, 2: 1}, ["c1_0"], ["c1_1", "c1_2", "c2_0"]),
        ({1: 2, 2: 2, 3: 1}, ["c1_0", "c2_0", "c3_0"], ["c1_1", "c2_1"]),
        ({1: 1}, [], ["c1_0"]),
    ],
)
def test_every_query_has_a_match_in_another_camera(tmp_path, shots, query, gallery):
    for person in ("a", "b", "c", "d"):
        write(tmp_path, *(f"{person}/c{c}_{i}.jpg" for c, n in shots.items() for i in range(n)))
    write(tmp_path, *(f"x{i}/c{c}_{j}.jpg" for i in range(8) for c in (1, 2) for j in (0, 1)))
    bench = load("folder", tmp_path, test_fraction=0.9)
    person = next(p for p in bench.gallery.classes if bench.pid_names[p] in "abcd")

    def names(people):
        return sorted(os.path.basename(p)[:-4] for p in people[people.pids == person].paths)

    assert names(bench.query) == query
    assert names(bench.gallery) == gallery


def test_camera_pattern(tmp_path):
    write(tmp_path, *(f"{s}/ann/{c}-7.jpg" for s in ("train", "query", "gallery")
                      for c in ("gate", "plaza")))  # fmt: skip
    with pytest.raises(UserError, match=r"No camera in the name of .*gate-7\.jpg"):
        load("folder", tmp_path)
    assert load("folder", tmp_path, camera="(gate|plaza)").train.camids.tolist() == [0, 1]
    assert load("folder", tmp_path, camera="none").train.camids.tolist() == [0, 0]
    with pytest.raises(UserError, match="needs a group"):
        load("folder", tmp_path, camera="gate")
    with pytest.raises(UserError, match="isn't a regular expression"):
        load("folder", tmp_path, camera="(gate")


def test_folders_of_cameras_that_hold_persons(tmp_path):
    write(tmp_path, *(f"cam{c}/000{p}/{i:04d}.jpg" for c in (1, 3) for p in (2, 5) for i in (1, 2)))
    bench = load("folder", tmp_path, person=r"/(\d+)/", camera=r"^cam(\d+)/", test_fraction=0)
    found = zip(bench.train.paths, bench.train.pids.tolist(), bench.train.camids, strict=True)
    assert [(p[len(str(tmp_path)) :], bench.pid_names[pid], c) for p, pid, c in found] == [
        (f"/cam{c}/000{p}/{i:04d}.jpg", f"000{p}", int(c == 3))
        for c in (1, 3) for p in (2, 5) for i in (1, 2)
    ]  # fmt: skip


def test_unknown_cameras_leave_no_query_without_a_match(tmp_path):
    write(tmp_path, *(f"p{person}/{shot}.jpg" for person in range(6) for shot in range(3)))
    bench = load("folder", tmp_path, camera="none")
    assert (len(bench.query), len(bench.gallery)) == (3, 6)
    assert set(bench.train.camids) == set(bench.query.camids) == {0}
    assert set(bench.gallery.camids) == {1}
    (tmp_path / "all.csv").write_text(
        "path,pid\n" + "\n".join(f"{i}.jpg,{i % 4}" for i in range(12))
    )
    bench = load("folder", tmp_path, csv="all.csv", camera="none")
    assert (set(bench.query.camids), set(bench.gallery.camids)) == ({0}, {1})


def test_csv_with_splits(tmp_path):
    (tmp_path / "all.csv").write_text(
        "path,pid,camid,split\n"
        "x/1.jpg,ann,gate,train\nx/2.jpg,ann,plaza,train\n"
        "x/3.jpg,bob,gate,query\nx/4.jpg,bob,plaza,gallery\nx/5.jpg,-1,plaza,gallery\n"
    )
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.train.camids.tolist() == [0, 1]
    assert bench.query.paths.tolist() == [str(tmp_path / "x/3.jpg")]
    assert bench.gallery.pids.tolist() == [2, JUNK]


def test_csv_without_splits_and_names_that_are_their_numbers(tmp_path):
    rows = [f"{p}_{c}_{i}.jpg,{p},{c}" for p in range(1, 7) for c in (3, 8) for i in (0, 1)]
    (tmp_path / "all.csv").write_text("\n".join(["path,pid,camid", *rows]))
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.pid_names == {}
    assert (len(bench.train), len(bench.query), len(bench.gallery)) == (12, 6, 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("path,pid\na.jpg,1\n", "no column camid"),
        ("", "no column camid, path, pid"),
        ("x/1.jpg,1,1\n", "no column camid, path, pid in its first line, 'x/1.jpg, 1, 1'"),
        ("path,pid,camid\na.jpg,,1\n", "line 2: no pid"),
        ("path,pid,camid\na.jpg,1\n", "line 2: no camid"),
        ("path,pid,camid,split\na.jpg,1,1,test\n", "line 2: split should be"),
        ("path,pid,camid\na.jpg,-3,1\n", "'-3' is no identity"),
        ("path,pid,camid\n" + "x" * 200_000 + ",1,1\n", "isn't a CSV file: field larger"),
    ],
)
def test_bad_csv(tmp_path, text, message):
    (tmp_path / "all.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        load("folder", tmp_path, csv="all.csv")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk"])
def test_a_csv_in_another_encoding(tmp_path, encoding):
    text = "path,pid,camid,split\n店.jpg,张伟,门,train\n"
    (tmp_path / "all.csv").write_bytes(text.encode(encoding))
    options = {"encoding": "gbk"} if encoding == "gbk" else {}
    bench = load("folder", tmp_path, csv="all.csv", **options)
    assert bench.pid_names == {1: "张伟"}
    assert bench.train.paths.tolist() == [str(tmp_path / "店.jpg")]


@pytest.mark.parametrize(
    "text",
    [
        "path;pid;camid\r\nx/1.jpg;1;3\r\nx/2.jpg;1;4\r\n",
        '"path"\t"pid"\t"camid"\r\n"x/1.jpg"\t"1"\t"3"\r\n"x/2.jpg"\t"1"\t"4"\r\n',
        "sep=;\r\npath;pid;camid\r\nx/1.jpg;01;3,0\r\nx/2.jpg;1,0;4,0\r\n",
        "path,pid,camid\n\nx/1.jpg , 1 , 3\n,,\n x/2.jpg,1.0,4\n, ,\n",
        "Path,PID,CamID,,\rx\\1.jpg,1,3,,\rx\\2.jpg,1,4,,\r",
    ],
)
def test_what_a_spreadsheet_makes_of_a_list(tmp_path, text):
    write(tmp_path, "x/1.jpg", "x/2.jpg")
    (tmp_path / "all.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    bench = load("folder", tmp_path, csv="all.csv", test_fraction=0)
    assert bench.train.paths.tolist() == [f"{tmp_path}/x/1.jpg", f"{tmp_path}/x/2.jpg"]
    assert (bench.train.pids.tolist(), bench.train.camids.tolist()) == ([1, 1], [0, 1])
    assert not bench.passed_over


def test_a_mistake_below_a_spreadsheets_own_line_has_its_number(tmp_path):
    (tmp_path / "all.csv").write_text("sep=;\npath;pid;camid\n\na.jpg;;1\n")
    with pytest.raises(UserError, match="line 4: no pid"):
        load("folder", tmp_path, csv="all.csv")


def test_folders_that_nobody_unpacked_are_told(tmp_path):
    write(tmp_path, "train\\ann\\c1_0.jpg", "train\\ann\\c2_0.jpg")
    with pytest.raises(UserError, match=r"have \\ in their names, for"):
        load("folder", tmp_path)
    bench = load("folder", tmp_path, person=r"\\([a-z]+)\\", camera=r"c(\d)_", test_fraction=0)
    assert (len(bench.train), bench.pid_names) == (2, {1: "ann"})


def test_a_name_with_a_backslash_is_that_name(tmp_path):
    write(tmp_path, "x\\1.jpg", "x/1.jpg")
    (tmp_path / "all.csv").write_text("path,pid,camid\nx\\1.jpg,1,1\n")
    bench = load("folder", tmp_path, csv="all.csv", test_fraction=0)
    assert bench.train.paths.tolist() == [f"{tmp_path}/x\\1.jpg"]


def test_a_folder_by_another_way_is_that_folder(tmp_path):
    write(tmp_path, "in/x/1.jpg", "in/x/2.jpg", "out/0.jpg")
    (tmp_path / "in/all.csv").write_text("path,pid,camid\nx/1.jpg,1,1\n./x/../x/2.jpg,1,2\n")
    bench = load("folder", tmp_path / "out/../in", csv="all.csv", test_fraction=0)
    assert (len(bench.train), bench.passed_over) == (2, {})


def test_no_csv(tmp_path):
    with pytest.raises(UserError, match="No CSV file"):
        load("folder", tmp_path, csv="all.csv")


@pytest.mark.parametrize("fraction", [-0.1, 1.5])
def test_fraction(tmp_path, fraction):
    with pytest.raises(UserError, match="from 0 to 1"):
        load("folder", tmp_path, test_fraction=fraction)


@pytest.mark.parametrize(
    ("fraction", "trained", "tested"),
    [(0, 4, 0), (0.01, 3, 1), (0.5, 2, 2), (0.99, 1, 3), (1, 0, 4)],
)
def test_nobody_some_or_all_are_tested(tmp_path, fraction, trained, tested):
    write(tmp_path, *(f"{p}/c{c}_{i}.jpg" for p in "abcd" for c in (1, 2) for i in (0, 1)))
    bench = load("folder", tmp_path, test_fraction=fraction)
    assert bench.train.num_pids == trained
    assert bench.query.num_pids == bench.gallery.num_pids == tested


def test_a_draw_that_leaves_a_split_empty_names_the_option(tmp_path):
    write(tmp_path, "a/c1.jpg", "a/c2.jpg")
    with pytest.raises(UserError, match="test_fraction=0 trains on everybody"):
        load("folder", tmp_path)
    assert len(load("folder", tmp_path, test_fraction=0).train) == 2
    assert len(load("folder", tmp_path, test_fraction=1).query) == 1
    (tmp_path / "a" / "c2.jpg").unlink()
    write(tmp_path, "b/c1.jpg")
    with pytest.raises(UserError, match=r"None of the 1 people drawn .*test_fraction"):
        load("folder", tmp_path)


def test_splits_that_are_there_are_read(tmp_path):
    write(tmp_path, "train/a/c1.jpg", "query/b/c1.jpg")
    bench = load("folder", tmp_path)
    assert [len(p) for p in (bench.train, bench.query, bench.gallery)] == [1, 1, 0]
    (tmp_path / "train" / "a" / "c1.jpg").unlink()
    bench = load("folder", tmp_path)
    assert [len(p) for p in (bench.train, bench.query, bench.gallery)] == [0, 1, 0]
    (tmp_path / "query" / "b" / "c1.jpg").unlink()
    with pytest.raises(UserError, match="no images of folder"):
        load("folder", tmp_path)


HEAD = "path,pid,camid,split\n"
LINES = (
    "t.jpg,9,1,train\nq1.jpg,1,1,query\ng1.jpg,1,2,gallery\nq2.jpg,2,1,query\ng2.jpg,2,2,gallery\n"
)


@pytest.mark.parametrize("junk", ["-1", "-1.0", "00-1", "-01", " -1 ", "-1."])
def test_junk_however_it_is_spelled(tmp_path, junk):
    (tmp_path / "all.csv").write_text(
        f"{HEAD}{LINES}j1.jpg,{junk},2,gallery\nj2.jpg,{junk},3,train"
    )
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.gallery.pids.tolist() == [1, 2, JUNK]
    assert bench.train.num_pids == len(bench.train) == 1
    assert bench.passed_over == {JUNK_ASKS: [str(tmp_path / "j2.jpg")]}


def test_somebody_unknown_is_unknown_in_any_split(tmp_path):
    (tmp_path / "all.csv").write_text(f"{HEAD}{LINES}u1.jpg,-2,2,gallery\nu2.jpg,-2,3,train")
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.gallery.pids.tolist() == [1, 2, UNKNOWN]
    assert bench.train.pids.tolist() == [3, UNKNOWN]
    assert bench.train.num_pids == 1


@pytest.mark.parametrize("spelled", ["01", "1.0", "0001"])
def test_a_number_is_one_person_however_it_is_spelled(tmp_path, spelled):
    text = HEAD + LINES.replace("g1.jpg,1,2", f"g1.jpg,{spelled},02")
    (tmp_path / "all.csv").write_text(text)
    bench = load("folder", tmp_path, csv="all.csv")
    assert bench.gallery.pids.tolist() == bench.query.pids.tolist() == [1, 2]
    assert bench.gallery.camids.tolist() == [1, 1]  # cameras 02 and 2 are one too
    names = {spelled, "1"}
    assert bench.pid_names == {1: " or ".join(sorted(names)), 3: "9"}


def test_number_0_is_a_distractor_unless_it_is_trained_on_or_asks(tmp_path):
    for split in ("train", "query", "gallery"):
        write(tmp_path, f"{split}/7/c1.jpg")
    write(tmp_path, "gallery/0000/c1.jpg", "gallery/0000/c2.jpg")
    bench = load("folder", tmp_path)
    assert bench.gallery.pids.tolist() == [DISTRACTOR, DISTRACTOR, 1]
    write(tmp_path, "train/0000/c1.jpg")
    bench = load("folder", tmp_path)
    assert bench.train.pids.tolist() == [1, 2]
    assert bench.gallery.pids.tolist() == [DISTRACTOR, DISTRACTOR, 2]
    write(tmp_path, "query/0000/c1.jpg")
    bench = load("folder", tmp_path)
    assert bench.gallery.pids.tolist() == [1, 1, 2]
    assert bench.pid_names == {1: "0000", 2: "7"}


def test_a_drawn_split_tests_nobody_of_number_0(tmp_path):
    write(tmp_path, *(f"{p}/c{c}.jpg" for p in ("0", "-1", "1", "2") for c in (1, 2)))
    bench = load("folder", tmp_path)
    assert bench.train.num_pids == bench.query.num_pids == 1
    assert sorted(bench.gallery.pids[bench.gallery.pids <= 0]) == [JUNK] * 2 + [DISTRACTOR] * 2


def test_people_counted_from_0_are_trained_on(tmp_path):
    rows = [f"{p}_{c}.jpg,{p},{c},train" for p in range(6) for c in range(3)]
    (tmp_path / "all.csv").write_text(HEAD + "\n".join(rows))
    bench = load("folder", tmp_path, csv="all.csv")
    assert (bench.train.num_pids, len(bench.train), len(bench.query)) == (6, 18, 0)


@pytest.mark.parametrize("head", ["path,pid,camid,Split", " Path,PID , CamID,SPLIT "])
def test_columns_in_any_letters(tmp_path, head):
    (tmp_path / "all.csv").write_text(f"{head}\n{LINES.replace('train', 'Train')}")
    bench = load("folder", tmp_path, csv="all.csv")
    assert [len(p) for p in (bench.train, bench.query, bench.gallery)] == [1, 2, 2]
    (tmp_path / "all.csv").write_text("path,pid,camid,split,Split\n")
    with pytest.raises(UserError, match="2 columns split"):
        load("folder", tmp_path, csv="all.csv")


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("rec291_c2.jpg", "2"),
        ("c3.jpg", "3"),
        ("0001_c4s1_000151_01.jpg", "4"),
        ("0001_c5_f0046182.jpg", "5"),
        ("cam6-frame.jpg", "6"),
        ("camera_07.jpg", "07"),
        ("doc12_c1.jpg", "1"),
        ("3fc30e97.jpg", None),
        ("c30e97ab.jpg", None),
        ("rec291.jpg", None),
        ("abc12.jpg", None),
        ("cam2/0.jpg", "2"),
        ("t0/c8_0.jpg", "8"),
    ],
)
def test_the_camera_stands_alone_in_a_name(name, camera):
    find = camera_finder(CAMERA)
    if camera is not None:
        assert find(f"ann/{name}") == camera
        return
    with pytest.raises(UserError, match="c3, cam3 or c3s1 is looked for"):
        find(f"ann/{name}")


def test_folders_below_a_persons_are_the_persons(tmp_path):
    for person in "abcd":
        write(tmp_path / "mixed", *(f"{person}/c{c}_{k}.jpg" for c in (1, 2) for k in (0, 1)))
        write(tmp_path / "mixed", *(f"{person}/track/c3_{k}.jpg" for k in range(20)))
        write(tmp_path / "cameras", *(f"{person}/{c}/0.jpg" for c in (1, 2)))
    bench = load("folder", tmp_path / "mixed")
    assert len(bench.train) + len(bench.query) + len(bench.gallery) == 96
    assert bench.train.num_cams == 3
    bench = load("folder", tmp_path / "cameras", camera=r"^(\d)/")
    assert (len(bench.train), len(bench.query), len(bench.gallery)) == (4, 2, 2)
    (tmp_path / "linked").mkdir()
    for person in "abcd":
        (tmp_path / "linked" / person).symlink_to(tmp_path / "mixed" / person)
    bench = load("folder", tmp_path / "linked")
    assert len(bench.train) + len(bench.query) + len(bench.gallery) == 96


def test_a_flat_folder_with_a_pattern(tmp_path):
    write(tmp_path, *(f"{p:04d}_c{c}_0.jpg" for p in (5, 6, 7, 8) for c in (1, 2)))
    with pytest.raises(UserError, match=r"option person .* such as person=\^"):
        load("folder", tmp_path)
    bench = load("folder", tmp_path, person=r"^(\d+)_", test_fraction=0.25)
    assert (bench.train.num_pids, bench.query.num_pids) == (3, 1)
    assert sorted(bench.pid_names.values()) == ["0005", "0006", "0007", "0008"]
    with pytest.raises(UserError, match="No person in the name of"):
        load("folder", tmp_path, person=r"^(x)_")
    with pytest.raises(UserError, match="exclude each other"):
        load("folder", tmp_path, person=r"^(\d+)_", csv="all.csv")


def test_what_is_passed_over_is_counted(tmp_path):
    write(tmp_path, "train/a/c1.jpg", "train/a/notes.txt", "train/b.jpg", "query/a/.x.jpg")
    write(tmp_path, "val/a/c1.jpg")
    (tmp_path / "train" / "a2").symlink_to(tmp_path / "train" / "a")
    counts = {r: len(paths) for r, paths in load("folder", tmp_path).passed_over.items()}
    assert counts == {NO_IMAGE: 1, AGAIN: 1, FOLDERLESS: 1, HIDDEN: 1, OUTSIDE: 1}


def names_of(people):
    return [os.path.relpath(p, os.path.dirname(os.path.dirname(p))) for p in people.paths]


def test_so_many_queries_of_each_are_drawn_and_each_keeps_another_cameras_image(tmp_path):
    shots = {"a": {1: 4, 2: 3}, "b": {1: 1, 2: 1}, "c": {1: 6}}
    shots |= {"d": {1: 1, 2: 4}, "e": {1: 2, 3: 2}}
    for person, cameras in shots.items():
        write(tmp_path, *(f"{person}/c{c}_{k}.jpg" for c, n in cameras.items() for k in range(n)))
    drawn = set()
    for seed in range(30):
        bench = load("folder", tmp_path, test_fraction=1, queries_per_id=3, seed=seed)
        q, g = bench.query, bench.gallery
        assert (len(bench.train), len(q) + len(g)) == (0, 24)
        asked = {bench.pid_names[int(p)]: int((q.pids == p).sum()) for p in g.classes}
        assert (asked["a"], asked["b"], asked["c"]) == (3, 1, 0)
        assert asked["d"] in (1, 3)  # one, if it's all that camera 1 has
        assert asked["e"] == 2
        for pid, camera in zip(q.pids, q.camids, strict=True):
            assert (g.camids[g.pids == pid] != camera).any()
        drawn.add(tuple(names_of(q)))
        again = load("folder", tmp_path, test_fraction=1, queries_per_id=3, seed=seed)
        assert names_of(again.query) == names_of(q)
    assert len(drawn) > 20


def test_a_draw_of_queries_where_nobody_knows_cameras_leaves_one_to_be_found(tmp_path):
    for person, count in (("a", 1), ("b", 2), ("c", 5)):
        write(tmp_path, *(f"{person}/{k}.jpg" for k in range(count)))
    options = {"camera": "none", "test_fraction": 1, "queries_per_id": 4}
    bench = load("folder", tmp_path, **options)
    assert [int((bench.query.pids == p).sum()) for p in (1, 2, 3)] == [0, 1, 4]
    assert [int((bench.gallery.pids == p).sum()) for p in (1, 2, 3)] == [1, 1, 1]


def test_other_people_change_nobodys_queries(tmp_path):
    write(tmp_path, *(f"p{i}/c{c}_{k}.jpg" for i in range(5) for c in (1, 2) for k in range(4)))
    options = {"test_fraction": 1, "queries_per_id": 2, "seed": 3}
    before = load("folder", tmp_path, **options)
    write(tmp_path, *(f"a{i}/c{c}_{k}.jpg" for i in range(3) for c in (1, 2) for k in range(4)))
    after = load("folder", tmp_path, **options)
    assert set(names_of(before.query)) < set(names_of(after.query))


def test_people_with_few_crops_are_left_out_and_counted(tmp_path):
    for person, count in (("a", 2), ("b", 4), ("c", 5), ("-1", 1), ("0", 1)):
        write(tmp_path, *(f"{person}/c{k % 2}_{k}.jpg" for k in range(count)))
    bench = load("folder", tmp_path, test_fraction=1, queries_per_id=1, min_crops=3)
    assert sorted(bench.pid_names.values()) == ["b", "c"]
    assert bench.query.pids.tolist() == [1, 2]
    assert sorted(bench.gallery.pids[bench.gallery.pids < 1]) == [JUNK, DISTRACTOR]
    assert bench.passed_over == {FEW: [str(tmp_path / "a" / f"c{k}_{k}.jpg") for k in range(2)]}
    assert str(load(str(bench))) == str(bench)
    with pytest.raises(UserError, match="None of the 3 people has 9 images: a smaller"):
        load("folder", tmp_path, min_crops=9)
    for wrong in ({"queries_per_id": -1}, {"min_crops": 0}):
        with pytest.raises(UserError, match="should be from 0"):
            load("folder", tmp_path, **wrong)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_draw_takes(tmp_path, seed):
    with pytest.raises(UserError, match=r"from 0 to 2³² − 1, not -?\d+"):
        load("folder", tmp_path, seed=seed)


def test_what_says_its_splits_draws_none(tmp_path):
    write(tmp_path, "query/a/c1.jpg", "gallery/a/c2.jpg")
    for option in ({"queries_per_id": 1}, {"min_crops": 2}):
        with pytest.raises(UserError, match="says itself what is train, query and gallery"):
            load("folder", tmp_path, **option)


def test_images_that_a_list_does_not_mention_are_counted(tmp_path):
    write(tmp_path, "x/1.jpg", "x/2.jpg", "y/3.jpg", "y/.4.jpg", "notes.txt")
    for path in ("x/1.jpg", "./x/1.jpg", "y/../x/1.jpg"):
        (tmp_path / "all.csv").write_text(f"path,pid,camid,split\n{path},7,1,train\n")
        bench = load("folder", tmp_path, csv="all.csv")
        assert bench.passed_over == {UNLISTED: [str(tmp_path / f) for f in ("x/2.jpg", "y/3.jpg")]}
    assert describe(bench)["passed_over"] == {UNLISTED: 2}
    (finding,) = (f for f in check(bench) if UNLISTED in f.what)
    assert finding.examples == (str(tmp_path / "x/2.jpg"), str(tmp_path / "y/3.jpg"))


def test_a_labelled_folder_as_one_table(tmp_path):
    write(tmp_path, "train/bob/c2.jpg", "train/-1/c1.jpg", "query/ann/c10.jpg", "query/0/c2.jpg")
    labels = labelled(tmp_path)
    rows = zip(names_of(labels.people), labels.people.pids, labels.persons, labels.cameras,
               strict=True)  # fmt: skip
    assert [(n, int(p), *texts) for n, p, *texts in rows] == [
        ("-1/c1.jpg", JUNK, "-1", "1"), ("bob/c2.jpg", 2, "bob", "2"),
        ("0/c2.jpg", DISTRACTOR, "0", "2"), ("ann/c10.jpg", 1, "ann", "10"),
    ]  # fmt: skip
    assert labels.people.camids.tolist() == [0, 1, 1, 2]
    assert set(labelled(tmp_path, camera="none").cameras) == {"none"}
    write(tmp_path / "nobody", "notes.txt")
    with pytest.raises(UserError, match="no images of people in"):
        labelled(tmp_path / "nobody")


# Crops of nobody knows whom


@pytest.mark.parametrize(
    "names",
    [
        ["c1_0.jpg", "c1_1.jpg", "c3_2.jpg"],
        ["monday/c1_0.jpg", "monday/c1_1.jpg", "c3_2.jpg"],
        ["c1/0.jpg", "c1/1.jpg", "c3/2.jpg"],
        ["-1/0001_c1s1_0.jpg", "0000/-1_c1s1_0.jpg", "-7/0002_c3s1_0.jpg"],
        ["train/c1_0.jpg", "train/x/c1_1.jpg", "train/c3_0.jpg"],
    ],
)
def test_crops_of_nobody_knows_whom_are_all_to_train_on(tmp_path, names):
    write(tmp_path, *names)
    bench = load("folder", tmp_path, person="none")
    assert sorted(bench.train.paths) == sorted(f"{tmp_path}/{name}" for name in names)
    assert bench.train.pids.tolist() == [UNKNOWN] * 3
    assert sorted(bench.train.camids.tolist()) == [0, 0, 1]
    assert (len(bench.query), len(bench.gallery), bench.pid_names) == (0, 0, {})
    assert load(str(bench)).train.pids.tolist() == [UNKNOWN] * 3
    assert set(load("folder", tmp_path, person="none", camera="none").train.camids) == {0}


def test_without_identities_nobody_is_tested(tmp_path):
    write(tmp_path, "train/a/c1.jpg", "query/a/c1.jpg", "gallery/a/c2.jpg")
    bench = load("folder", tmp_path, person="none")
    assert [len(side) for side in (bench.train, bench.query, bench.gallery)] == [1, 0, 0]
    tested = [f"{tmp_path}/query/a/c1.jpg", f"{tmp_path}/gallery/a/c2.jpg"]
    assert bench.passed_over == {UNTESTED: tested}


def test_a_list_of_crops_of_nobody_knows_whom(tmp_path):
    (tmp_path / "all.csv").write_text("path,camid\na.jpg,gate\nb.jpg,hall\n")
    bench = load("folder", tmp_path, csv="all.csv", person="none")
    assert (bench.train.pids.tolist(), bench.train.camids.tolist()) == ([UNKNOWN] * 2, [0, 1])
    (tmp_path / "all.csv").write_text("path,pid,split\na.jpg,7,train\nb.jpg,,query\n")
    bench = load("folder", tmp_path, csv="all.csv", person="none", camera="none")
    assert (bench.train.pids.tolist(), len(bench.query)) == ([UNKNOWN], 0)
    with pytest.raises(UserError, match="has no column camid in its first line"):
        load("folder", tmp_path, csv="all.csv", person="none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"queries_per_id": 1}, "leave out queries_per_id and min_crops"),
        ({"min_crops": 2}, "leave out queries_per_id and min_crops"),
        ({"camera": r"gate(\d)"}, r"No camera in the name of 'c1_0\.jpg'"),
        ({"validation": 1}, "has 0 people: option validation"),
    ],
)
def test_what_needs_to_know_who_it_is_is_refused(tmp_path, options, message):
    write(tmp_path, "c1_0.jpg")
    with pytest.raises(UserError, match=message):
        load("folder", tmp_path, person="none", **options)


def test_crops_of_nobody_knows_whom_are_checked_and_counted(tmp_path):
    for name in ("c1_0.png", "c2_0.png"):
        Image.new("RGB", (32, 64), "red" if "c1" in name else "blue").save(tmp_path / name)
    bench = load("folder", tmp_path, person="none")
    assert describe(bench)["splits"]["train"]["identities"] == 0
    assert not [finding for finding in check(bench) if finding.severity == "error"]


def test_a_table_of_crops_of_nobody_knows_whom(tmp_path):
    write(tmp_path, "c1_0.jpg", "x/c2_0.jpg")
    labels = labelled(tmp_path, person="none")
    assert labels.people.pids.tolist() == [UNKNOWN] * 2
    assert sorted(labels.cameras) == ["1", "2"]
