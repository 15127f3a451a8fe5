import numpy as np
import pytest
from PIL import Image

from lookalike.data import load
from lookalike.errors import UserError
from lookalike.generation.folder import write_folder
from lookalike.generation.jobs import combinations, data_set
from lookalike.generation.pictures import read_images, to_input, to_pixels
from lookalike.generation.swap import Structures, Swap


def literal(model, appearance, structure):
    """One picture at a time, in the model's own words."""
    picture = model.swap(to_input(model, appearance[None]), to_input(model, structure[None]))
    return to_pixels(picture)[0]


def assert_same(a, b):
    """Equal but for the last digit of a rounded pixel."""
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


def test_a_folder_gets_each_picture_and_goes_on_where_it_stopped(
    model, files, tmp_path, monkeypatch
):
    structures, out = Structures(files[:3]), tmp_path / "out"
    jobs = combinations(files, structures, ".png")
    real, calls = Swap.pictures, []

    def write():
        about = {"mode": "folder"}
        return write_folder(Swap(), model, files, structures, jobs, out, about, batch=4)

    def twice(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(Swap, "pictures", twice)
        with pytest.raises(KeyboardInterrupt):
            write()
    first = sorted(out.glob("*.png"))
    assert len(first) == 8
    times = [p.stat().st_mtime_ns for p in first]
    assert write() == 7
    assert [p.stat().st_mtime_ns for p in first] == times
    assert write() == 0
    assert {p.name for p in out.iterdir()} == {"made_of.json", *(j.name for j in jobs)}
    for job in jobs:
        pair = read_images(model, [files[job.person], files[job.condition]])
        assert_same(Image.open(out / job.name), literal(model, *pair))


def test_a_folder_of_something_else_is_refused(model, files, tmp_path, tiny_dgnet):
    structures = Structures(files[:1])
    jobs = combinations(files[:1], structures, ".png")
    out = tmp_path / "out"

    def write(model, jobs, out, about):
        write_folder(Swap(), model, files, structures, jobs, out, about)

    write(model, jobs, out, {"times": 1})
    with pytest.raises(UserError, match="times: 1 → 2"):
        write(model, jobs, out, {"times": 2})
    with pytest.raises(UserError, match="model: "):
        write(tiny_dgnet(seed=1), jobs, out, {"times": 1})
    with pytest.raises(UserError, match="holds other files"):
        write(model, jobs, tmp_path, {})
    (out / "made_of.json").rename(out / "dump.json")  # as an earlier version called it
    with pytest.raises(UserError, match="holds other files"):
        write(model, jobs, out, {"times": 1})
    with pytest.raises(UserError, match="holds other files"):
        write(model, jobs, out / jobs[0].name, {})


def test_a_broken_image_is_named_and_what_was_made_is_kept(model, files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    people, structures = [*files[:2], str(bad)], Structures(files[:1])
    jobs = combinations(people, structures, ".png", side=1)
    with pytest.raises(UserError, match=r"bad\.jpg"):
        write_folder(Swap(), model, people, structures, jobs, tmp_path / "out", {}, batch=1)
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


@pytest.mark.parametrize("by", ["person", "condition"])
def test_a_written_data_set_is_a_benchmark_of_folders(model, market, tmp_path, by):
    people = load("market1501", market).train
    people = people[people.pids <= 4]
    paths, structures = list(people.paths), Structures(list(people.paths))
    jobs = data_set(people, structures, 1, 0, ".jpg", by)
    write_folder(Swap(), model, paths, structures, jobs, tmp_path / "out", {}, batch=24)
    bench = load("folder", tmp_path / "out")
    everyone = [*bench.train.paths, *bench.query.paths, *bench.gallery.paths]
    assert len(everyone) == len(people)
    assert set(bench.pid_names.values()) <= {"0001", "0002", "0003", "0004"}
    found = {s: getattr(bench, s) for s in ("train", "query", "gallery")}
    cameras = {p: int(c) for s in found.values() for p, c in zip(s.paths, s.camids, strict=True)}
    assert all(f"_c{c + 1}_" in p.split("/")[-1][:9] for p, c in cameras.items())
