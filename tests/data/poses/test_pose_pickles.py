"""Poses in pickles, and what else could be in them."""

import os
import pickle
import tracemalloc
from collections import OrderedDict, defaultdict

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lookalike.data.pickles import read_plain
from lookalike.data.poses import read_poses
from lookalike.data.poses.readers.pickles import _dict
from lookalike.errors import UserError


def python2(value):
    """What Python 2 writes with protocol 0: texts are bytes, in a pickle of lines."""
    if isinstance(value, dict):
        return b"(d" + b"".join(python2(k) + python2(v) + b"s" for k, v in value.items())
    if isinstance(value, list):
        return b"(l" + b"".join(python2(v) + b"a" for v in value)
    if isinstance(value, tuple):
        return b"(" + b"".join(map(python2, value)) + b"t"
    if isinstance(value, (str, bytes)):
        return b"S" + repr(value).lstrip("b").encode() + b"\n"
    if isinstance(value, np.ndarray):
        made = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
        data = b"I00\n" + python2(value.tobytes())
        return made + python2((1, value.shape))[:-1] + float64() + data + b"tb"
    if isinstance(value, np.float64):
        return b"cnumpy.core.multiarray\nscalar\n(" + float64() + python2(value.tobytes()) + b"tR"
    return f"F{value!r}\n".encode() if isinstance(value, float) else f"I{value}\n".encode()


def float64():
    return b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"


def write(file, data):
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    return file


def rcv():
    rows = np.array([(40 + 2 * j, 10 + j, 1) for j in range(18)], np.int64)
    rows[4] = (-1, -1, 0)
    rows[5, 2] = 0
    rows[6] = (-1, 3, 1)
    return rows


def expected():
    joints = np.array([(10 + j, 40 + 2 * j, 1) for j in range(18)], np.float32)
    joints[[4, 5, 6]] = 0
    return joints


# --- row, column, visible


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "kind", [np.array, np.ndarray.tolist, lambda rows: rows.astype(">f4"), np.asfortranarray]
)
def test_row_column_visible(tmp_path, protocol, kind):
    file = write(tmp_path / "train.pickle", pickle.dumps({"a.jpg": kind(rcv())}, protocol))
    found = read_poses(file)["a.jpg"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected())


def test_row_column_visible_of_python_2_and_in_a_folder(tmp_path):
    write(tmp_path / "train.pickle", python2({"a.jpg": rcv().astype(float)}) + b".")
    write(tmp_path / "test.pickle", pickle.dumps({"b.jpg": rcv()}))
    table = read_poses(tmp_path)
    for name in ("a.jpg", "b.jpg"):
        np.testing.assert_array_equal(table[name], expected())


# --- PG²'s peaks and subsets


def people():
    """Three images: two people, of whom the second in the list is surer; nobody; no subsets."""
    here = [[(20 + j, 5 + j, 0.5, 2 * j), (40 + j, 6 + j, 0.4, 2 * j + 1)] for j in range(18)]
    here[3] = []
    rows = np.full((2, 20), -1.0)
    rows[0, :18] = np.arange(18) * 2  # whoever comes first
    rows[1, :18] = np.arange(18) * 2 + 1
    rows[:, 3] = -1
    rows[1, 7] = -1
    rows[:, 18] = 11.5, 12.5
    peaks = {"two.jpg": here, "none.jpg": here, "lost.jpg": here}
    return peaks, {"two.jpg": rows, "none.jpg": np.zeros((0, 20))}


def pose(x, y, *missing):
    joints = np.array([(x + j, y + j, 1) for j in range(18)], np.float32)
    joints[list(missing)] = 0
    return joints


@pytest.mark.parametrize("python", [2, 3])
def test_peaks_of_the_person_with_the_highest_score(tmp_path, python):
    folder = tmp_path / "Market-1501_PoseFiltered"
    for what, value in zip(("all_peaks_dic", "subsets_dic"), people(), strict=True):
        data = python2(value) + b"." if python == 2 else pickle.dumps(value, 2)
        write(folder / f"{what}_Market-1501_train.p", data)
        write(folder / f"{what}_Market-1501_train_Flip.p", b"mirrored, so of no interest")
    write(folder / "p_pairs_train.p", b"")
    for place in (folder, *folder.glob("*_train.p")):
        if place.name.startswith("p_"):
            continue
        table = read_poses(place)
        np.testing.assert_array_equal(table["two.jpg"], pose(40, 6, 3, 7))
        for name in ("none.jpg", "lost.jpg"):
            np.testing.assert_array_equal(table[name], pose(20, 5, 3))
    unfiltered = read_poses(folder, unfiltered=True)  # as the converter of DeepFashion had it
    np.testing.assert_array_equal(unfiltered["two.jpg"], pose(20, 5, 3))


def test_scalars_in_peaks(tmp_path):
    peaks = [[(np.float64(3 + j), np.float64(4), np.float64(0.5), j)] for j in range(18)]
    write(tmp_path / "all_peaks_dic.p", python2({"a.jpg": peaks}) + b".")
    write(tmp_path / "subsets_dic.p", python2({"a.jpg": np.zeros((0, 20))}) + b".")
    found = read_poses(tmp_path)["a.jpg"]
    assert found[:, 0].tolist() == [3 + j for j in range(18)]


@pytest.mark.parametrize(
    ("peaks", "subsets", "message"),
    [
        ({"a": [[]] * 17}, {}, "image 'a': not a list of candidates for each of the 18 joints"),
        ({"a": [[(1, 2, 3)]] * 18}, {}, "a candidate has x, y, score and number"),
        ({"a": [[(1, 2, 3, 4), (1,)]] * 18}, {}, "image 'a': not all numbers"),
        ({"a": [[]] * 18}, {"a": np.zeros((1, 19))}, r"subsets_dic.p', image 'a': a person has 20"),
        ([1], {}, "all_peaks_dic.p' holds no dict of image names"),
        ({"a": [[]] * 18}, [1], "subsets_dic.p' holds no dict"),
    ],
)
def test_broken_peaks_are_named(tmp_path, peaks, subsets, message):
    write(tmp_path / "all_peaks_dic.p", pickle.dumps(peaks))
    write(tmp_path / "subsets_dic.p", pickle.dumps(subsets))
    with pytest.raises(UserError, match=message):
        read_poses(tmp_path)


def test_peaks_need_their_subsets(tmp_path):
    file = write(tmp_path / "all_peaks_dic_DeepFashion.p", pickle.dumps({}))
    with pytest.raises(UserError, match=r"needs 'subsets_dic_DeepFashion.p' beside it"):
        read_poses(file)


# --- what a pickle may hold


class Evil:
    def __init__(self, call, *arguments):
        self.told = call, arguments

    def __reduce__(self):
        return self.told


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "call", [(os.mkdir,), (eval, "1"), (getattr, dict, "clear"), (np.fromfile,), (np.load,)]
)
def test_a_pickle_calls_nothing(tmp_path, protocol, call):
    place = tmp_path / "made"
    arguments = call[1:] or (str(place),)
    file = write(
        tmp_path / "train.pickle", pickle.dumps({"a.jpg": Evil(call[0], *arguments)}, protocol)
    )
    with pytest.raises(UserError, match=r"train.pickle' asks for .*, so it isn't read"):
        read_poses(file)
    assert not place.exists()


def test_only_arrays_of_numbers_and_texts(tmp_path):
    record = np.zeros(3, [("a", "f8"), ("b", "O")])
    file = write(tmp_path / "train.pickle", pickle.dumps({"a.jpg": record["a"].view("V8")}))
    with pytest.raises(UserError, match="holds an array of 'V8'"):
        read_poses(file)
    data = b"c_codecs\nencode\n(S'x'\nS'zlib'\ntR."
    with pytest.raises(UserError, match="has a text in 'zlib'"):
        read_poses(write(file, data))


@settings(deadline=None)
@given(
    hnp.arrays(
        st.sampled_from(["<i4", ">i4", "<f8", "<f4", "|u1", "|b1", "<U3", "|S2"]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    ),
    st.integers(0, 5),
    st.booleans(),
)
def test_any_array_comes_back(tmp_path_factory, array, protocol, fortran):
    array = np.asfortranarray(array) if fortran else array
    value = OrderedDict(a=[array, {"b": (array,)}], c=defaultdict(list, {"x": [1]}))
    file = write(tmp_path_factory.mktemp("p") / "x.p", pickle.dumps(value, protocol))
    found = _dict(file)
    for back in (found["a"][0], found["a"][1]["b"][0]):
        np.testing.assert_array_equal(back, array)
    assert found["c"] == {"x": [1]}


@settings(deadline=None)
@given(st.data())
def test_a_damaged_pickle_is_named(tmp_path_factory, data):
    whole = pickle.dumps({"a.jpg": rcv(), "b.jpg": rcv().tolist()}, data.draw(st.integers(0, 5)))
    at = data.draw(st.integers(0, len(whole) - 1))
    broken = whole[:at] + data.draw(st.binary(max_size=3))
    assume(broken != whole)
    file = write(tmp_path_factory.mktemp("p") / "x.p", broken)
    with pytest.raises(UserError, match=r"x\.p'"):
        read_poses(file)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a.jpg": rcv()[:17]}, "image 'a.jpg': 17×3 numbers; a pose is 18 rows"),
        ({"a.jpg": "text"}, "image 'a.jpg': not all numbers"),
        ({"a.jpg": None}, "image 'a.jpg': "),
        ({3: rcv()}, "holds no dict of image names"),
        ({}, "has no poses in it"),
    ],
)
def test_other_pickles_are_named(tmp_path, value, message):
    with pytest.raises(UserError, match=message):
        read_poses(write(tmp_path / "train.pickle", pickle.dumps(value)))


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02]r" + (1 << 30).to_bytes(4, "little") + b".",
        b"(lp1073741824\n.",
        # Then what pickletools doesn't know: a text that isn't ASCII
        b"\x80\x02]r" + (1 << 30).to_bytes(4, "little") + b"S'\xff'\na.",
    ],
)
def test_a_note_of_a_large_number_takes_no_room(tmp_path, content):
    (tmp_path / "x.p").write_bytes(content)
    tracemalloc.start()
    assert read_plain(tmp_path / "x.p") in ([], ["\xff"])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_numbers_that_no_float_holds_are_refused(tmp_path):
    (tmp_path / "x.p").write_bytes(pickle.dumps({"a": [[10**400, 1, 1]] * 18}))
    with pytest.raises(UserError, match="image 'a': not all numbers"):
        read_poses(tmp_path / "x.p")
