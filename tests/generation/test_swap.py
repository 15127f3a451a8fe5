import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.data import load
from lookalike.errors import UserError
from lookalike.generation import folder as dumping
from lookalike.generation.folder import combinations, data_set, dump, short_names
from lookalike.generation.swap import (
    evenly,
    interpolation,
    pair_table,
    read_images,
    save_picture,
    swap,
    swap_table,
    to_input,
    to_pixels,
)
from lookalike.methods.dgnet import DGNet
from lookalike.report import grid, swap_grid


def tiny(seed: int = 0):
    torch.manual_seed(seed)
    model = DGNet(backbone="resnet18", weights="none", stride_on="3x3", height=64, width=48,
                  structure_dim=2, mlp_dim=8).model(5)  # fmt: skip
    for name, p in model.named_parameters():  # so that the appearance is seen in the picture
        if "mlp" in name or "styles" in name:
            torch.nn.init.normal_(p)
    return model.eval()


@pytest.fixture(scope="module")
def model():
    return tiny()


@pytest.fixture(scope="module")
def files(market):
    return list(load("market1501", market).query.paths[:5])


@pytest.fixture(scope="module")
def images(model, files):
    return read_images(model, files)


def literal(model, appearance, structure):
    """One picture at a time, in the model's own words."""
    picture = model.swap(to_input(model, appearance[None]), to_input(model, structure[None]))
    return to_pixels(picture)[0]


def assert_same(a, b):
    """Equal but for the last digit of a rounded pixel."""
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


def test_images_are_read_in_order_at_the_models_size(images, files):
    assert images.shape == (5, 64, 48, 3)
    want = Image.open(files[3]).convert("RGB").resize((48, 64), Image.Resampling.BICUBIC)
    assert np.array_equal(images[3], np.asarray(want))


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_swap_gives_the_first_ones_appearance_to_the_seconds_structure(model, images, batch):
    pairs = np.array([[0, 1], [1, 0], [4, 2], [2, 2]])
    made = swap(model, images, pairs, batch)
    for picture, (i, j) in zip(made, pairs, strict=True):
        assert_same(picture, literal(model, images[i], images[j]))
    assert np.abs(made[0].astype(int) - made[1]).max() > 20


def test_swap_runs_in_eval_mode_and_leaves_the_model_as_it_was(images):
    model = tiny()
    want = swap(model, images, np.array([[0, 1]]), 2)
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert np.array_equal(swap(model, images, np.array([[0, 1]]), 2), want)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_swap_table_has_a_row_an_appearance_and_a_column_a_structure(model, images):
    looks, shapes = images[:2], images[2:]
    cells = [[literal(model, a, s) for s in shapes] for a in looks]
    assert_same(swap_table(model, looks, shapes, 4), swap_grid(looks, shapes, cells))
    cells = [[literal(model, a, s) for s in looks] for a in looks]
    assert_same(swap_table(model, looks, looks, 4), swap_grid(looks, looks, cells))


def test_pair_table_swaps_both_ways(model, images):
    first, second = images[:2], images[2:4]
    a = [literal(model, x, y) for x, y in zip(first, second, strict=True)]
    b = [literal(model, y, x) for x, y in zip(first, second, strict=True)]
    made = np.asarray(pair_table(model, first, second, 8))
    bare = np.asarray(grid([first, second, [np.full((4, 4, 3), 255, np.uint8)], a, b]))
    assert_same(made[:, -bare.shape[1] + 4 :], bare[:, 4:])
    with pytest.raises(ValueError, match="2 first images, but 3 second"):
        pair_table(model, first, images[2:], 8)


@pytest.mark.parametrize("code", ["appearance", "structure"])
def test_interpolation_goes_from_end_to_end_in_linear_steps(model, images, code):
    ends, held = images[:2], images[2:]
    strip, frames = interpolation(model, ends, held, code, 5, batch=6)
    assert len(frames) == 5
    with torch.no_grad():
        inputs = [to_input(model, end[None]) for end in ends]
        codes = [(model.appearance_code(x), model.structure_code(x)) for x in inputs]
        x = to_input(model, held)
        fixed = model.appearance_code(x), model.structure_code(x)
        for k, frame in enumerate(frames):
            f, s = (torch.lerp(a, b, k / 4) for a, b in zip(*codes, strict=True))
            many = len(held)
            made = (
                model.render(f.expand(many, -1), fixed[1])
                if code == "appearance"
                else model.render(fixed[0], s.expand(many, -1, -1, -1))
            )
            assert_same(frame, grid([to_pixels(made)]))
    pixels = np.asarray(strip)
    across, down = 48 + 4, 64 + 4
    left = pixels.shape[1] - 4 * across  # of t = 0.25
    last = pixels.shape[0] - down  # the last row
    film = np.asarray(frames[1])
    assert np.array_equal(pixels[last : last + 64, left : left + 48], film[4:-4, -across:-4])
    assert np.array_equal(pixels[20 : 20 + 64, left - across : left - 4], ends[0])
    assert np.array_equal(pixels[20 : 20 + 64, -across:-4], ends[1])


def test_evenly_takes_first_and_last_and_never_one_twice():
    assert evenly("abcdefg", 3) == ["a", "d", "g"]
    assert evenly("abc", 7) == ["a", "b", "c"]
    assert evenly("abc", 1) == ["a"]


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path, images, monkeypatch):
    path = save_picture(images[0], tmp_path / "new" / "a.png")
    assert np.array_equal(np.asarray(Image.open(path)), images[0])
    assert Image.open(save_picture(images[0], tmp_path / "a.JPG")).format == "JPEG"

    def half(self, file, *_, **__):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(UserError, match="No space left"):
        save_picture(images[1], path)
    assert np.array_equal(np.asarray(Image.open(path)), images[0])
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]
    with pytest.raises(UserError, match="ends in"):
        save_picture(images[0], tmp_path / "a.gif")


def test_combinations_are_all_pairs_once():
    a, s = [f"/x/a{i}.jpg" for i in range(5)], [f"/x/s{i}.jpg" for i in range(3)]
    jobs = combinations([*a, a[0]], s, ".png", side=2)  # an image given twice counts once
    assert sorted((j.appearance, j.structure) for j in jobs) == [(x, y) for x in a for y in s]
    assert {j.name for j in jobs} == {f"a{i}_in_s{k}.png" for i in range(5) for k in range(3)}
    assert {j.appearance for j in jobs[:4]} == set(a[:2])  # the first batch is a tile


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["/x/a.jpg", "/y/b.jpg"], ["a", "b"]),
        (["/x/a.jpg", "/x/a.png"], ["a.jpg", "a.png"]),
        (["/d/x/a.jpg", "/d/y/a.jpg"], ["x+a.jpg", "y+a.jpg"]),
    ],
)
def test_short_names_tell_files_apart(paths, names):
    assert list(short_names(paths).values()) == names


@pytest.mark.parametrize("by", ["appearance", "structure"])
def test_data_set_draws_other_structures_for_every_image(market, by):
    people = load("market1501", market).train
    jobs = data_set(people, 3, by, 0, ".jpg")
    paths = list(people.paths)
    assert [j.appearance for j in jobs] == [p for p in paths for _ in range(3)]
    drawn = {(j.appearance, j.structure) for j in jobs}
    assert len(drawn) == len(jobs) == len({j.name for j in jobs})
    assert all(a != s for a, s in drawn)
    assert len({s for _, s in drawn}) > 60  # of 72
    for job in jobs:
        a, s = paths.index(job.appearance), paths.index(job.structure)
        first, second = (a, s) if by == "appearance" else (s, a)
        word = "in" if by == "appearance" else "wears"
        donors = [f"{people.pids[i]:04d}_c{people.camids[i] + 1}_{i:06d}" for i in (first, second)]
        assert job.name == f"{people.pids[first]:04d}/{donors[0]}_{word}_{donors[1]}.jpg"
    assert jobs == data_set(people, 3, by, 0, ".jpg")
    assert jobs != data_set(people, 3, by, 1, ".jpg")
    with pytest.raises(UserError, match="72 images have only 71 others"):
        data_set(people, 72, by, 0, ".jpg")


def test_dump_makes_each_picture_and_goes_on_where_it_stopped(model, files, tmp_path, monkeypatch):
    jobs, out = combinations(files, files[:3], ".png"), tmp_path / "out"
    about = {"mode": "folder"}
    real, calls = dumping.swap, []

    def twice(*args):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(args)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(dumping, "swap", twice)
        with pytest.raises(KeyboardInterrupt):
            dump(model, jobs, out, about, batch=4)
    first = sorted(out.glob("*.png"))
    assert len(first) == 8
    times = [p.stat().st_mtime_ns for p in first]
    assert dump(model, jobs, out, about, batch=4) == 7
    assert [p.stat().st_mtime_ns for p in first] == times
    assert dump(model, jobs, out, about, batch=4) == 0
    assert sorted(p.name for p in out.iterdir()) == sorted(["dump.json", *(j.name for j in jobs)])
    for job in jobs:
        pair = read_images(model, [job.appearance, job.structure])
        assert_same(Image.open(out / job.name), literal(model, *pair))


def test_dump_refuses_a_folder_of_something_else(model, files, tmp_path):
    jobs = combinations(files[:1], files[:1], ".png")
    out = tmp_path / "out"
    dump(model, jobs, out, {"times": 1})
    with pytest.raises(UserError, match="times: 1 → 2"):
        dump(model, jobs, out, {"times": 2})
    with pytest.raises(UserError, match="model: "):
        dump(tiny(seed=1), jobs, out, {"times": 1})
    with pytest.raises(UserError, match="holds other files"):
        dump(model, jobs, tmp_path, {})
    with pytest.raises(UserError, match="holds other files"):
        dump(model, jobs, out / jobs[0].name, {})


def test_dump_names_a_broken_image_and_keeps_what_it_made(model, files, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    jobs = combinations([*files[:2], str(bad)], files[:1], ".png", side=1)
    with pytest.raises(UserError, match=r"bad\.jpg"):
        dump(model, jobs, tmp_path / "out", {}, batch=1)
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


@pytest.mark.parametrize("by", ["appearance", "structure"])
def test_a_dumped_data_set_is_a_benchmark_of_folders(model, market, tmp_path, by):
    people = load("market1501", market).train
    people = people[people.pids <= 4]
    dump(model, data_set(people, 1, by, 0, ".jpg"), tmp_path / "out", {}, batch=24)
    bench = load("folder", tmp_path / "out")
    everyone = [*bench.train.paths, *bench.query.paths, *bench.gallery.paths]
    assert len(everyone) == len(people)
    assert set(bench.pid_names.values()) <= {"0001", "0002", "0003", "0004"}
    found = {s: getattr(bench, s) for s in ("train", "query", "gallery")}
    cameras = {p: int(c) for s in found.values() for p, c in zip(s.paths, s.camids, strict=True)}
    assert all(f"_c{c + 1}_" in p.split("/")[-1][:9] for p, c in cameras.items())
