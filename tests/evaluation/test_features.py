import pickle
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lookalike.cli import main
from lookalike.data import load
from lookalike.errors import UserError
from lookalike.evaluation.foreign_features import read_features
from lookalike.methods.ide import IDE
from lookalike.methods.model_file import save_model

RNG = np.random.default_rng(0)
QUERY = {"features": RNG.normal(size=(3, 4)).astype(np.float32),
         "pids": np.array([1, 2, 2]), "camids": np.array([0, 0, 1])}  # fmt: skip
GALLERY = {"features": RNG.normal(size=(5, 4)).astype(np.float32),
           "pids": np.array([-1, 0, 1, 2, 2]), "camids": np.array([2, 2, 1, 1, 0])}  # fmt: skip
BOTH = {f"query_{k}": v for k, v in QUERY.items()} | {f"gallery_{k}": v for k, v in GALLERY.items()}


def saved(path, arrays, save=np.savez):
    save(path, **arrays)
    return path


def same(found, query=QUERY, gallery=GALLERY):
    for side, want in (("query", query), ("gallery", gallery)):
        assert np.array_equal(getattr(found, side), want["features"])
        for name in ("pids", "camids"):
            column = getattr(found, f"{side}_{name}")
            assert np.array_equal(column, want[name])
            assert column.dtype == np.int64


def test_two_files_are_queries_and_gallery_and_one_file_is_both(tmp_path):
    files = [saved(tmp_path / "q.npz", QUERY), saved(tmp_path / "g.npz", GALLERY)]
    same(read_features(files))
    same(read_features([str(f) for f in files]))
    same(read_features(files[::-1]), GALLERY, QUERY)
    found = read_features([saved(tmp_path / "both.npz", BOTH)])
    same(found)
    q, g = QUERY, GALLERY
    for got, want in zip(found.ids, (q["pids"], g["pids"], q["camids"], g["camids"]), strict=True):
        assert np.array_equal(got, want)  # in the order of `rank`


def test_files_of_embed_have_the_benchmarks_people(market, tmp_path):
    method = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32)
    model, files = save_model(method.model(5), tmp_path / "model.safetensors"), []
    for split in ("query", "gallery"):
        files.append(str(tmp_path / f"{split}.npz"))
        assert main(["embed", str(model), "--data", f"market1501:{market}",
                     "--split", split, "--out", files[-1]]) == 0  # fmt: skip
    found, bench = read_features(files), load("market1501", market)
    want = [
        {"features": np.load(file)["features"], "pids": people.pids, "camids": people.camids}
        for file, people in zip(files, (bench.query, bench.gallery), strict=True)
    ]
    same(found, *want)
    assert found.query.shape == (12, 512)
    assert found.gallery.shape == (24, 512)


def test_documented_program_writes_features(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs/evaluation.md").read_text()
    programs = re.findall(r"^```python\n(.*?)^```", page, re.M | re.S)
    (program,) = (text for text in programs if "np.savez(" in text)
    given = {}
    for side, arrays in (("query", QUERY), ("gallery", GALLERY)):
        given |= {f"{side}_feats": arrays["features"]}
        given |= {f"{side}_{name}": arrays[name] for name in ("pids", "camids")}
    exec(program, given)
    same(read_features(["query.npz", "gallery.npz"]))


def test_how_the_arrays_are_written_does_not_matter(tmp_path):
    same(read_features([saved(tmp_path / "small.npz", BOTH, np.savez_compressed)]))
    by_column = {k: np.asfortranarray(v) for k, v in BOTH.items()}
    same(read_features([saved(tmp_path / "fortran.npz", by_column)]))
    swapped = {k: v.astype(v.dtype.newbyteorder(">")) for k, v in BOTH.items()}
    found = read_features([saved(tmp_path / "big.npz", swapped)])
    same(found)
    assert found.query.dtype.isnative
    saved(tmp_path / "text.npz", BOTH).rename(tmp_path / "features")  # the name needs no suffix
    same(read_features([tmp_path / "features"]))


@pytest.mark.parametrize(
    ("given", "want"),
    [("f2", "f4"), ("f4", "f4"), ("f8", "f8"), ("g", "f8"), ("i1", "f8"), ("u2", "f8")],
)
def test_kinds_of_numbers(tmp_path, given, want):
    whole = {k: np.arange(v.size).reshape(v.shape) for k, v in BOTH.items()}
    kinds = {k: v.astype(given if "features" in k else "i2") for k, v in whole.items()}
    found = read_features([saved(tmp_path / "f.npz", kinds)])
    assert found.query.dtype == found.gallery.dtype == want
    assert np.array_equal(found.gallery, whole["gallery_features"])
    assert found.gallery_pids.dtype == np.int64
    unsigned = {k: v if "features" in k else v.astype("u8") for k, v in whole.items()}
    assert read_features([saved(tmp_path / "u.npz", unsigned)]).query_pids.tolist() == [0, 1, 2]


def test_other_arrays_are_left_alone(tmp_path):
    """A list of pathlib.Path, say, is an array of objects, which only pickle can write."""
    more = BOTH | {"paths": np.array([tmp_path] * 3, object)}
    same(read_features([saved(tmp_path / "more.npz", more)]))


def refused(files, sentence):
    with pytest.raises(UserError, match=sentence) as caught:
        read_features(files)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def test_files_that_are_no_features_are_refused(tmp_path):
    gone = tmp_path / "gone.npz"
    refused([gone], rf"There is no features file {re.escape(str(gone))}\.")
    np.save(tmp_path / "one.npy", QUERY["features"])
    refused([tmp_path / "one.npy"], r"one\.npy is one array without a name")
    whole = saved(tmp_path / "whole.npz", BOTH, np.savez_compressed).read_bytes()
    for name, content in (
        ("cut", whole[: len(whole) // 2]),
        ("empty", b""),
        ("text", b"pid,camid\n1,2\n"),
        ("pickle", pickle.dumps(BOTH)),
    ):
        (tmp_path / name).write_bytes(content)
        refused([tmp_path / name], f"{name} can't be read as features: give an .npz")
    refused([tmp_path], "can't be read as features")
    objects = saved(tmp_path / "objects.npz", BOTH | {"query_pids": np.array(["a", 1, {}], object)})
    refused([objects], r"'query_pids' in .*objects\.npz holds pickled objects, which aren't read")


def test_a_broken_compressed_stream_is_refused(tmp_path):
    file = saved(tmp_path / "f.npz", BOTH, np.savez_compressed)
    content = file.read_bytes()
    with np.load(file) as arrays:
        info = arrays.zip.getinfo("query_features.npy")
    start = info.header_offset + 30 + len(info.filename)
    start += int.from_bytes(content[info.header_offset + 28 : info.header_offset + 30], "little")
    for place in (start, start + info.compress_size // 2):
        broken = bytearray(content)
        broken[place : place + 4] = b"\xff" * 4
        file.write_bytes(broken)
        refused([file], "can't be read as features: give an .npz or .npy file")


def test_a_missing_array_is_named_beside_those_there_are(tmp_path):
    file = saved(tmp_path / "f.npz", {k: v for k, v in BOTH.items() if k != "gallery_camids"})
    message = refused([file], r"has no array 'gallery_camids'; it has query_features, query_pids")
    assert message.endswith("gallery_features, gallery_pids.")
    file = saved(tmp_path / "q.npz", QUERY)
    refused([file], r"has no array 'query_features'; it has features, pids, camids \(--queries N")
    other = saved(tmp_path / "b.npz", {"query_x": QUERY["features"]})
    refused([other, file], r"b\.npz has no array 'features'; it has query_x")
    refused([saved(tmp_path / "none.npz", {})], r"has no array 'query_features'; it has none\.")
    many = saved(tmp_path / "many.npz", {f"weight{i}": np.ones(1) for i in range(100)})
    assert refused([many], "has no array").endswith("weight6, weight7, ….")


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "f.zip", "w") as file:
        for name in QUERY:
            file.writestr(name, b"no array")
    refused([tmp_path / "f.zip"] * 2, r"'features' in .*f\.zip must be N×D numbers")


@pytest.mark.parametrize(
    ("name", "array", "sentence"),
    [
        ("features", np.ones(3), r"'features' in .*q\.npz must be N×D numbers, not float64 of"),
        ("features", np.ones((3, 2, 2)), r"N×D numbers, not float64 of \(3, 2, 2\)"),
        ("features", np.ones((3, 4), complex), "N×D numbers, not complex128"),
        ("features", np.ones((3, 4), bool), "N×D numbers, not bool"),
        ("features", np.full((3, 4), "a"), "N×D numbers, not <U1"),
        ("features", np.ones((2, 4)), r"'pids' in .* must be 2 whole numbers, one per image, not"),
        ("pids", np.array([1, 2]), r"'pids' in .* must be 3 whole numbers.*int64 of \(2,\)"),
        ("pids", np.array([1.0, 2, 2]), r"'pids' in .* must be 3 whole numbers.*float64 of \(3,\)"),
        ("pids", np.array([[1, 2, 2]]), r"'pids' in .*int64 of \(1, 3\)"),
        ("camids", np.array(["a", "b", "c"]), r"'camids' in .*<U1 of \(3,\)"),
        ("camids", np.array(0), r"'camids' in .*int64 of \(\)"),
    ],
)  # fmt: skip
def test_arrays_of_the_wrong_shape_or_kind_are_named(tmp_path, name, array, sentence):
    right = saved(tmp_path / "g.npz", GALLERY)
    wrong = saved(tmp_path / "q.npz", QUERY | {name: array})
    refused([wrong, right], sentence)
    refused([right, wrong], sentence)
    both = saved(tmp_path / "both.npz", BOTH | {f"query_{name}": array})
    refused([both], re.escape("'query_"))


def test_sides_of_two_models_and_other_numbers_of_files_are_refused(tmp_path):
    files = [saved(tmp_path / "q.npz", QUERY),
             saved(tmp_path / "g.npz", GALLERY | {"features": np.ones((5, 6))})]  # fmt: skip
    refused(files, "Query features have 4 numbers and gallery features 6: both must come from one")
    for count in (0, 3):
        refused([files[0]] * count, f"Give one file of features, or two, not {count}")
