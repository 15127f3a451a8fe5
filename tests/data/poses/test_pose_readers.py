"""Pose files that are text: FD-GAN's, tables, OpenPose's and COCO's JSON."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.data.poses import JOINTS, read_poses
from lookalike.errors import UserError

XY = [(10 + j, 40 + 2 * j) for j in range(18)]  # joint j at x = 10 + j, y = 40 + 2j
ALL = np.array([(x, y, 1) for x, y in XY], np.float32)
COLUMNS = ("name", "keypoints_y", "keypoints_x")
HEADER = ":".join(COLUMNS)
COCO17 = ["nose"] + [
    f"{side}_{part}"
    for part in ("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]


def row(name="a.jpg", xy=XY, more=""):
    return f"{name}:{[y for _, y in xy]}:{[x for x, _ in xy]}{more}"


def write(file, *lines):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n")
    return file


def person(points=ALL, key="pose_keypoints_2d", score=None):
    values = np.array(points, float)
    if score is not None:
        values[:, 2] *= score
    return {key: values.ravel().tolist()}


def same(found, expected):
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def without(*joints):
    expected = ALL.copy()
    expected[list(joints)] = 0
    return expected


# --- FD-GAN's text


def test_fdgan_folder_has_row_before_column(tmp_path):
    for stem in ("00000000_00_0000", "deep/00000001_01_0000"):
        write(tmp_path / f"{stem}.txt", *(f"{y} {x}" for x, y in XY))
    write(tmp_path / ".hidden.txt", "rubbish")
    table = read_poses(tmp_path)
    assert list(table) == ["00000000_00_0000", "deep/00000001_01_0000"]
    for joints in table.values():
        same(joints, ALL)


def test_fdgan_joint_is_missing_if_either_coordinate_is(tmp_path):
    lines = [f"{y}.5 {x}" for x, y in XY]
    lines[3], lines[4], lines[5] = "-1 -1", "-1 20", "30 -1"
    (found,) = read_poses(write(tmp_path / "a.txt", *lines)).values()
    expected = without(3, 4, 5)
    expected[:, 1] += 0.5 * expected[:, 2]
    same(found, expected)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1 2"] * 17, r"a.txt', line 17: the file ends with joint 17; a pose has 18"),
        (["1 2"] * 19, r"line 19: the file ends with joint 19"),
        (["1 2"] * 4 + ["1 2 3"] * 14, r"line 5: a joint's line is its row and its column"),
        (["1 2"] * 4 + ["1 two"] * 14, r"line 5: .* not '1 two'"),
        (["", " "], "a.txt' is empty"),
    ],
)
def test_broken_fdgan_text_is_named(tmp_path, lines, message):
    write(tmp_path / "a.txt", *lines)
    with pytest.raises(UserError, match=message):
        read_poses(tmp_path)


# --- tables


def test_table(tmp_path):
    gone = [(-1, -1) if j == 7 else p for j, p in enumerate(XY)]
    half = [(x, -1) if j == 9 else (x, y) for j, (x, y) in enumerate(XY)]
    table = read_poses(
        write(tmp_path / "p.csv", HEADER, row(), "", row("b/x.jpg", gone), row("c.jpg", half))
    )
    assert list(table) == ["a.jpg", "b/x.jpg", "c.jpg"]
    for name, expected in zip(table, (ALL, without(7), without(9)), strict=True):
        same(table[name], expected)


def test_table_of_floats_with_more_columns_in_any_order(tmp_path):
    more = write(
        tmp_path / "p.csv",
        f"{HEADER}:confidence:quality",
        row(" a:b.jpg", [(x + 0.25, y) for x, y in XY], f":{[0.5] * 18}:good"),
    )
    same(read_poses(more)[" a:b.jpg"], ALL + np.array([0.25, 0, 0], np.float32))
    xs, ys = ([p[k] for p in XY] for k in (0, 1))
    turned = write(tmp_path / "q.csv", "keypoints_x:keypoints_y:name", f"{xs}:{ys}:a.jpg")
    same(read_poses(turned)["a.jpg"], ALL)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.one_of(st.just(-1), st.integers(0, 500), st.floats(0, 500, width=32))] * 2),
        min_size=18,
        max_size=18,
    )
)
def test_any_table_comes_back(tmp_path_factory, xy):
    found = read_poses(write(tmp_path_factory.mktemp("t") / "p.csv", HEADER, row(xy=xy)))["a.jpg"]
    for (x, y), joint in zip(xy, found, strict=True):
        assert joint.tolist() == ([x, y, 1] if x >= 0 and y >= 0 else [0, 0, 0])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name:keypoints_x:y", row()], r"p.csv', line 1: no column keypoints_y in the header"),
        (["from,to", "a,b"], "line 1: no column name"),
        ([HEADER], "has no poses in it"),
        ([HEADER, row(), "b.jpg:[1]"], "line 3: 2 columns, not 3"),
        ([HEADER, row(xy=XY[:17])], "line 2: 17 joints in a list; a pose has 18"),
        ([HEADER, "a.jpg:[1, 2:[3]"], "line 2: the key points aren't lists"),
        ([HEADER, "a.jpg:3:4"], "line 2: no joints in a list"),
        ([HEADER, "a.jpg:" + "[" * 99_999 + ":[3]"], "line 2: the key points aren't lists"),
        ([",".join(COLUMNS), "a.jpg," + "1" * 200_000], "line 2: not cells of a table"),
        ([",".join(COLUMNS), "a.jpg,1,2,3"], "line 2: 4 columns, not 3"),
        ([HEADER, row().replace("40,", '"x",')], "line 2: a key point isn't a number"),
        ([HEADER, row().replace("40,", f"{10**400},")], "line 2: a key point isn't a number"),
        ([HEADER, row(), row(xy=XY[::-1])], "line 3: 'a.jpg' has two different poses"),
        ([], "p.csv' is empty"),
    ],
)
def test_broken_table_is_named(tmp_path, lines, message):
    with pytest.raises(UserError, match=message):
        read_poses(write(tmp_path / "p.csv", *lines))


def test_the_same_line_twice_is_no_fault(tmp_path):
    assert list(read_poses(write(tmp_path / "p.csv", HEADER, row(), row()))) == ["a.jpg"]


def test_a_folder_of_tables_leaves_lists_of_pairs_alone(tmp_path):
    write(tmp_path / "annotation-train.csv", HEADER, row("a.jpg"))
    write(tmp_path / "annotation-test.csv", HEADER, row("b.jpg"))
    write(tmp_path / "pairs-train.csv", "from,to", "a.jpg,b.jpg")
    assert set(read_poses(tmp_path)) == {"a.jpg", "b.jpg"}


# --- OpenPose


def test_openpose_folder(tmp_path):
    write(tmp_path / "s/0002_c1_keypoints.json", json.dumps({"version": 1.3, "people": [person()]}))
    write(tmp_path / "nobody_keypoints.json", json.dumps({"people": []}))
    write(tmp_path / "README.txt", "Made by somebody")
    table = read_poses(tmp_path)
    assert list(table) == ["nobody", "s/0002_c1"]
    same(table["s/0002_c1"], ALL)
    same(table["nobody"], np.zeros((18, 3)))


def test_openpose_takes_whom_it_is_surest_of(tmp_path):
    empty = {"pose_keypoints_2d": []}
    others = person(ALL[::-1], score=0.3), person(ALL * 2, score=0.2)
    people = [others[0], empty, person(score=0.9), others[1]]
    table = read_poses(write(tmp_path / "x.json", json.dumps({"people": people})))
    same(table["x"], ALL)


def test_openpose_point_without_confidence_is_missing(tmp_path):
    points = np.column_stack([XY, np.linspace(0, 1, 18)])
    value = {"people": [person(points, "pose_keypoints")]}
    same(read_poses(write(tmp_path / "x_keypoints.json", json.dumps(value)))["x"], without(0))


def test_openpose_body_25(tmp_path):
    ours = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
    points = np.full((25, 3), 99.0)  # the middle of the hips and the feet are elsewhere
    points[list(ours)] = ALL
    file = write(tmp_path / "x_keypoints.json", json.dumps({"people": [person(points)]}))
    same(read_poses(file)["x"], ALL)


def test_openpose_in_lines_list_and_object(tmp_path):
    shifted = ALL + np.array([1, 0, 0], np.float32)
    rows = [
        {"name": "a.jpg", "people": [person()]},
        {"name": "b.jpg", "people": [person(shifted)]},
    ]
    files = [
        write(tmp_path / "p.jsonl", *map(json.dumps, rows)),
        write(tmp_path / "list.json", json.dumps(rows, indent=1)),
        write(tmp_path / "object.json", json.dumps({r["name"]: r for r in rows})),
    ]
    for file in files:
        table = read_poses(file)
        same(table["a.jpg"], ALL)
        same(table["b.jpg"], shifted)
    one = write(tmp_path / "one.jsonl", json.dumps(rows[1]))
    assert list(read_poses(one)) == ["b.jpg"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"people": [', r"p.json', line 2: no JSON"),
        ('{"people":\n [}', "line 2: no JSON"),
        ('{"people": 3}', "'people' isn't a list of people"),
        ('{"people": [{}]}', "a person has no pose_keypoints_2d"),
        ('{"people": [{"pose_keypoints_2d": [1, 2]}]}', "not 3 numbers for each"),
        ('{"people": [{"pose_keypoints_2d": [1, 2, 1]}]}', "1 points; a pose has 18"),
        ('{"people": [{"pose_keypoints_2d": ["a", 2, 1]}]}', "not 3 numbers"),
        ('[{"people": []}]', "entry 1: no 'name' of its image"),
        ('{"name": "a", "people": []}\n{"name": "b"}', "line 2: no 'people'"),
        ('{"name": "a", "people": []}\n\n{"people": []}', "line 3: no 'name'"),
        ('{"name": "a", "people": []}\n{', "line 2: no JSON"),
        ('{"trainval": []}', "neither OpenPose's JSON nor COCO's"),
        ('{"annotations": [], "images": []}', "has no poses in it"),
        ("[" * 100_000, "no JSON that can be read"),
        ('{"people": [' + "1" * 5000 + "]}", "no JSON that can be read"),
        ('{"name": "a", "people": []}\n{"n": ' + "1" * 5000, "line 2: no JSON that can be read"),
        ('{"meta_info": 3, "instance_info": []}', "isn't COCO's JSON throughout"),
        ('[{"keypoints": {"x": [1]}}]', "isn't COCO's JSON throughout"),
        ('[{"keypoints": {"x": [1], "y": [1, 2]}}]', "annotation 1: not 3 numbers"),
        ('[{"keypoints": [[1, 2]], "keypoint_scores": [1, 2, 3]}]', "annotation 1: not 3 numbers"),
        ('[{"keypoints": [[1, 2], [3]]}]', "annotation 1: not 3 numbers"),
    ],
)
def test_broken_json_is_named(tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        read_poses(write(tmp_path / "p.json", text))


# --- COCO


def coco(rows, names=None):
    """COCO's object: of each row the image's name and the rest of the annotation."""
    files = sorted({name for name, _ in rows})
    return {
        "images": [{"id": 7 + k, "file_name": name} for k, name in enumerate(files)],
        "annotations": [
            {"image_id": 7 + files.index(name), "category_id": 1, **rest} for name, rest in rows
        ],
        "categories": [{"id": 1, "name": "person", **({"keypoints": names} if names else {})}],
    }


def in_coco_order(v=2):
    """ALL as 17 × (x, y, v), flat."""
    return [n for name in COCO17 for n in (*XY[JOINTS.index(name)], v)]


@pytest.mark.parametrize("names", [None, COCO17])
def test_coco_17_with_the_neck_between_the_shoulders(tmp_path, names):
    value = coco([("s/a.jpg", {"keypoints": in_coco_order()})], names)
    found = read_poses(write(tmp_path / "p.json", json.dumps(value)))["s/a.jpg"]
    expected = ALL.copy()
    expected[1] = (ALL[2] + ALL[5]) / 2
    same(found, expected)


def test_coco_missing_points(tmp_path):
    points = in_coco_order(v=1)  # labelled but hidden: known
    at = COCO17.index("left_shoulder")
    points[3 * at + 2] = 0
    value = coco([("a.jpg", {"keypoints": points})])
    same(read_poses(write(tmp_path / "p.json", json.dumps(value)))["a.jpg"], without(1, 5))


def test_coco_18_in_openposes_order_or_as_named(tmp_path):
    plain = coco([("a.jpg", {"keypoints": ALL.ravel().tolist()})])
    same(read_poses(write(tmp_path / "p.json", json.dumps(plain)))["a.jpg"], ALL)
    names = ["Left Eye" if n == "left_eye" else n for n in reversed(JOINTS)]
    turned = coco([("a.jpg", {"keypoints": ALL[::-1].ravel().tolist()})], names)
    same(read_poses(write(tmp_path / "q.json", json.dumps(turned)))["a.jpg"], ALL)


def test_coco_of_several_people_the_highest_score(tmp_path):
    other = [n + 1 for n in in_coco_order()]
    rows = [
        ("a.jpg", {"keypoints": other, "score": 0.2}),
        ("a.jpg", {"keypoints": in_coco_order(), "score": 0.9}),
        ("a.jpg", {"keypoints": other, "score": 0.8}),
        ("b.jpg", {"keypoints": in_coco_order(v=1)}),
        ("b.jpg", {"keypoints": [*in_coco_order(v=2)[:-3], 500, 600, 2]}),
    ]
    table = read_poses(write(tmp_path / "p.json", json.dumps(coco(rows))))
    assert table["a.jpg"][0].tolist() == [10, 40, 1]
    assert table["b.jpg"][JOINTS.index("right_ankle")].tolist() == [500, 600, 1]


def test_results_of_a_detector(tmp_path):
    rows = [{"image_id": "a.jpg", "category_id": 1, "keypoints": in_coco_order(), "score": 2.5}]
    found = read_poses(write(tmp_path / "p.json", json.dumps(rows)))
    same(found["a.jpg"][2:], ALL[2:])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([{"image_id": 3, "keypoints": in_coco_order()}], "annotation 1: no file name of its im"),
        ([{"image_id": "a", "keypoints": in_coco_order()[:-3]}], "annotation 1: 16 points"),
        ([{"image_id": "a", "keypoints": None}], "not 3 numbers"),
        (coco([("a", {"keypoints": in_coco_order()[:-3]})], COCO17), "its category names more"),
        (coco([("a", {"keypoints": in_coco_order()})], COCO17[:-1]), "no right_ankle among the n"),
        ({"annotations": [{"keypoints": []}], "images": [3]}, "isn't COCO's JSON throughout"),
        ({"annotations": []}, "has no poses in it"),
    ],
)
def test_broken_coco_is_named(tmp_path, value, message):
    with pytest.raises(UserError, match=message):
        read_poses(write(tmp_path / "p.json", json.dumps(value)))


# --- COCO's relatives


def shoulders_between(joints=ALL):
    """The joints with the neck that COCO's formats have: between the shoulders."""
    expected = joints.copy()
    expected[1] = (joints[2] + joints[5]) / 2
    return expected


def test_alphapose_cmu_an_image_a_file_or_all_in_one(tmp_path):
    one = {"version": "AlphaPose v0.3", "bodies": [{"joints": person()["pose_keypoints_2d"]}]}
    same(read_poses(write(tmp_path / "sep" / "a.json", json.dumps(one)).parent)["a"], ALL)
    same(read_poses(write(tmp_path / "all.json", json.dumps({"b.jpg": one})))["b.jpg"], ALL)


@pytest.mark.parametrize("key", ["image_name", "image_path", "file_name"])
def test_the_image_by_any_name(tmp_path, key):
    opened = {key: "s/a.jpg", "people": [person()]}
    same(read_poses(write(tmp_path / "p.jsonl", json.dumps(opened)))["s/a.jpg"], ALL)
    rows = [{key: "s/a.jpg", "keypoints": in_coco_order()}]
    same(read_poses(write(tmp_path / "r.json", json.dumps(rows)))["s/a.jpg"], shoulders_between())


@pytest.mark.parametrize("count", [23, 26, 68, 133, 136])
def test_supersets_of_coco_17(tmp_path, count):
    more = in_coco_order() + [99, 99, 2] * (count - 17)  # Halpe's neck isn't OpenPose's
    rows = [{"image_id": "a.jpg", "keypoints": more, "score": 1.0}]
    same(read_poses(write(tmp_path / "p.json", json.dumps(rows)))["a.jpg"], shoulders_between())
    opened = {"people": [{"pose_keypoints_2d": more}]}
    same(read_poses(write(tmp_path / "q.json", json.dumps(opened)))["q"], shoulders_between())


def nested():
    return np.reshape(in_coco_order(), (17, 3))


def test_mmpose_predictions_are_named_after_their_file(tmp_path):
    scores = [0.9] * 17
    scores[COCO17.index("left_knee")] = 0.1
    row = {"keypoints": nested()[:, :2].tolist(), "keypoint_scores": scores, "bbox_score": 0.8}
    worse = {**row, "keypoints": (nested()[:, :2] + 3).tolist(), "bbox_score": 0.2}
    expected = shoulders_between(without(JOINTS.index("left_knee")))
    write(tmp_path / "p/a.json", json.dumps([worse, row]))
    meta = {"keypoint_id2name": dict(enumerate(COCO17))}
    of_demo = {"meta_info": meta, "instance_info": [row]}
    write(tmp_path / "p/results_b.json", json.dumps(of_demo))
    write(tmp_path / "p/nobody.json", "[]")
    table = read_poses(tmp_path / "p")
    same(table["a"], expected)
    same(table["b"], expected)
    same(table["nobody"], np.zeros((18, 3)))


def test_ultralytics_json(tmp_path):
    x, y, _ = nested().T.tolist()
    points = {"x": x, "y": y, "visible": [0.9] * 16 + [0.1]}
    row = {"name": "person", "class": 0, "confidence": 0.9, "box": {}, "keypoints": points}
    expected = shoulders_between(without(JOINTS.index("right_ankle")))
    same(read_poses(write(tmp_path / "a.json", json.dumps([row])))["a"], expected)
    flat = np.reshape(in_coco_order(), (17, 3))[:, :2].ravel().tolist()
    same(read_poses(write(tmp_path / "f.json", json.dumps([{"keypoints": flat}])))["f"],
         shoulders_between())  # fmt: skip
    points.pop("visible")  # of a model without: 0, 0 is missing
    points["x"][0] = points["y"][0] = 0
    same(read_poses(write(tmp_path / "b.json", json.dumps([row])))["b"][0], [0, 0, 0])


@pytest.mark.parametrize("names", [None, COCO17])
def test_coco_nested_points(tmp_path, names):
    value = coco([("a.jpg", {"keypoints": nested().tolist()})], names)
    found = read_poses(write(tmp_path / "p.json", json.dumps(value)))["a.jpg"]
    same(found, shoulders_between())


def test_results_with_the_annotations_beside_them(tmp_path):
    rows = [{"image_id": 8, "keypoints": in_coco_order(), "score": 0.9}]
    results = write(tmp_path / "results.json", json.dumps(rows))
    with pytest.raises(UserError, match="the file, or one beside it, needs 'images'"):
        read_poses(results)
    images = [{"id": 8, "file_name": "a.jpg", "height": 256, "width": 128}]
    boxes = [{"image_id": 8, "bbox": [0, 0, 9, 9]}]
    ann = write(tmp_path / "ann.json", json.dumps({"images": images, "annotations": boxes}))
    for name in ("ann.json", "person_keypoints.json"):  # the second as OpenPose's end
        ann.rename(tmp_path / name)
        ann = tmp_path / name
        table = read_poses(tmp_path)
        same(table["a.jpg"], shoulders_between())
    for place in (results, tmp_path):
        table = read_poses(place)
        same(table["a.jpg"], shoulders_between())
        assert table.sizes == {"a.jpg": (256, 128)}


def test_posetrack_has_no_eyes(tmp_path):
    names = ["head_bottom" if n == "left_eye" else "head_top" if n == "right_eye" else n
             for n in COCO17]  # fmt: skip
    value = coco([("a.jpg", {"keypoints": in_coco_order(1)})], names)
    found = read_poses(write(tmp_path / "p.json", json.dumps(value)))["a.jpg"]
    eyes = JOINTS.index("right_eye"), JOINTS.index("left_eye")
    same(found, shoulders_between(without(*eyes)))


def test_scores_have_a_threshold_and_cocos_v_has_none(tmp_path):
    def known(v, **options):
        rows = [{"image_id": "a.jpg", "keypoints": in_coco_order(v)}]
        file = write(tmp_path / "p.json", json.dumps(rows))
        return int(read_poses(file, **options)["a.jpg"][:, 2].sum())

    def opened(score, **options):
        value = {"people": [person(score=score)]}
        file = write(tmp_path / "o.json", json.dumps(value))
        return int(read_poses(file, **options)["o"][:, 2].sum())

    assert [known(v) for v in (0.004, 0.29, 0.3, 1, 2)] == [0, 0, 18, 18, 18]
    assert [known(v, threshold=0.9) for v in (0.8, 0.9, 1, 2)] == [0, 18, 18, 18]
    assert [opened(score) for score in (0.04, 0.06)] == [0, 18]
    assert opened(0.4, threshold=0.5) == 0
    assert known(0.004, threshold=0) == 18


def test_sizes_that_a_file_states(tmp_path):
    value = {"people": [person()], "canvas_height": 64, "canvas_width": 32}
    assert read_poses(write(tmp_path / "a.json", json.dumps(value))).sizes == {"a": (64, 32)}
    assert not read_poses(write(tmp_path / "b.json", json.dumps({"people": [person()]}))).sizes
    unknown = {"people": [person()], "canvas_height": 0, "canvas_width": 0}
    assert not read_poses(write(tmp_path / "c.json", json.dumps(unknown))).sizes
    half = {"people": [person()], "canvas_height": 64}
    with pytest.raises(UserError, match=r"d.json': its size, 64×None, isn't two numbers above 0"):
        read_poses(write(tmp_path / "d.json", json.dumps(half)))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_from_a_spreadsheet(tmp_path, separator):
    name, ys, xs = row().split(":")
    cells = [name, f'"{ys}"', f'"{xs}"']
    lines = [separator.join(COLUMNS) + separator, separator.join([*cells, ""])]
    same(read_poses(write(tmp_path / "p.csv", *lines))["a.jpg"], ALL)
    same(read_poses(tmp_path)["a.jpg"], ALL)


def test_a_table_with_commas_behind_its_lines_or_quotes_around_them(tmp_path):
    split = f"{HEADER},,,,", f"{row().replace(' ', '')},,", f'"{row("b.jpg")}"', ",,,"
    table = read_poses(write(tmp_path / "p.csv", *split))
    assert list(table) == ["a.jpg", "b.jpg"]
    for joints in table.values():
        same(joints, ALL)


KEYS = st.sampled_from(
    ["instance_info", "keypoint_scores", "canvas_height", "canvas_width", "bodies", "height",
     "people", "pose_keypoints_2d", "name", "annotations", "keypoints", "image_id", "images", "id",
     "file_name", "categories", "category_id", "score", "a.jpg"]
)  # fmt: skip
POSE = st.lists(st.integers(-1, 9) | st.floats(), min_size=54, max_size=54)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=2) | POSE
JSON = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=2) | st.dictionaries(KEYS, v, max_size=4), max_leaves=8
)


@settings(deadline=None)
@given(st.lists(JSON, min_size=1, max_size=2))
def test_any_json_is_read_or_named(tmp_path_factory, values):
    file = write(tmp_path_factory.mktemp("j") / "p.json", *map(json.dumps, values))
    try:
        table = read_poses(file)
    except UserError as error:
        assert "p.json'" in str(error)  # noqa: PT017
    else:
        assert all(joints.shape == (18, 3) for joints in table.values())


# --- which files


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"No poses at '.*nowhere'"):
        read_poses(tmp_path / "nowhere")
    write(tmp_path / "image.jpg", "x")
    with pytest.raises(UserError, match="No pose files in"):
        read_poses(tmp_path)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(UserError, match=r"p.csv' isn't UTF-8 in line 1"):
        read_poses(tmp_path / "p.csv")


def test_a_worlds_files_have_the_joints_that_are_seen(rendered):
    lines, table = (read_poses(rendered / f"poses.{end}") for end in ("jsonl", "csv"))
    assert set(lines) == set(table)
    for name, joints in lines.items():
        both = (joints[:, 2] > 0) & (table[name][:, 2] > 0)  # a table can't say −3 pixels
        assert both.sum() >= 5
        assert (joints[~both, :2].min(1) <= 0).all()
        # Whole pixels against hundredths, rounded.
        assert np.abs(joints[both, :2] - table[name][both, :2] - 0.5).max() < 0.51
