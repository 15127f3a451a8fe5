from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.cli import main
from lookalike.data import load
from lookalike.generation.repose import Repose
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.model_file import save_model
from lookalike.methods.pg2 import PG2

HEIGHT, WIDTH, GAP, LABELS = 64, 32, 4, 16
DOWN, ACROSS = HEIGHT + GAP, WIDTH + GAP
APART = 2 * GAP + GAP  # between what was given and what was made


@pytest.fixture(scope="module")
def pg2_file(tmp_path_factory):
    torch.manual_seed(0)
    model = PG2(height=HEIGHT, width=WIDTH, channels=2).model(0)
    return save_model(model, tmp_path_factory.mktemp("pg2") / "model.safetensors")


@pytest.fixture(scope="module")
def fdgan():
    torch.manual_seed(0)
    return FDGAN(height=HEIGHT, width=WIDTH, backbone="resnet10", weights="none", stride_on="3x3",
                 generator_dim=2, pose_dim=4, noise_dim=4).model(0)  # fmt: skip


@pytest.fixture(scope="module")
def fdgan_file(fdgan, tmp_path_factory):
    return save_model(fdgan, tmp_path_factory.mktemp("fdgan") / "model.safetensors")


@pytest.fixture
def photos(rendered):
    return sorted(str(p) for p in (rendered / "query").iterdir())


def repose(model, *words):
    return main(["generate", str(model), "repose", *map(str, words)])


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_grid_of_the_tested_people_of_a_benchmark(pg2_file, rendered, tmp_path, capsys):
    out = tmp_path / "new" / "grid.png"
    assert repose(pg2_file, "--data", f"world:{rendered}", "--count", 4, "--out", out) == 0
    shown = capsys.readouterr()
    assert shown.out == f"{out}\n"
    assert "poses: 24 images, 0 without" in shown.err
    table = pixels(out)
    assert table.shape == (LABELS + GAP + 5 * DOWN + APART, GAP + 5 * ACROSS + APART, 3)
    # A pose that has its photograph is shown by it, in the top row.
    bench = load(f"world:{rendered}")
    gallery = bench.gallery[bench.gallery.pids > 0]
    photo = Image.open(gallery.paths[0]).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    left, top = GAP + ACROSS + APART, GAP + LABELS
    assert np.array_equal(table[top : top + HEIGHT, left : left + WIDTH], np.asarray(photo))


def test_grid_of_images_and_a_file_of_poses(fdgan_file, rendered, photos, tmp_path, capsys):
    out, names = tmp_path / "grid.png", ["k.jpg", "z"]
    poses = tmp_path / "some.csv"
    lines = ["name:keypoints_y:keypoints_x"]
    for name, x in (("a.jpg", 20), ("z.jpg", 30), ("k.jpg", 40)):
        lines.append(f"{name}: {[5 * k for k in range(18)]}: {[x] * 18}")
    poses.write_text("\n".join(lines))
    words = ["--images", *photos[:2], "--poses", poses, "--out", out]
    assert repose(fdgan_file, *words) == 2
    assert "pose 'a.jpg' in" in capsys.readouterr().err  # which size were they found in?
    assert repose(fdgan_file, *words, "--pose-size", "128x64") == 0
    whole = pixels(out)
    assert whole.shape[:2] == (LABELS + GAP + 3 * DOWN + APART, GAP + 4 * ACROSS + APART)
    assert repose(fdgan_file, *words, "--pose-size", "128x64", "--names", *names) == 0
    chosen = pixels(out)
    assert chosen.shape[1] == whole.shape[1] - ACROSS
    column = [slice(GAP + APART + k * ACROSS, GAP + APART + k * ACROSS + WIDTH) for k in range(5)]
    assert np.array_equal(
        chosen[LABELS + GAP :, column[1]], whole[LABELS + GAP :, column[2]]
    )  # k, before z
    assert np.array_equal(chosen[LABELS + GAP :, column[2]], whole[LABELS + GAP :, column[3]])
    # The stick figure of the pose at x = 40 of 64 stands at 20 of 32.
    figure = chosen[LABELS + GAP : LABELS + GAP + HEIGHT, column[1]].astype(int)
    bright = np.flatnonzero((figure.max(2) > 100).any(0))
    assert 17 <= bright.min() <= bright.max() <= 23


def test_pairs_show_every_step_and_the_photograph(pg2_file, fdgan_file, rendered, photos, tmp_path):
    out = tmp_path / "pairs.png"
    words = ["--mode", "pairs", "--out", out]
    for file, columns in ((pg2_file, 6), (fdgan_file, 4)):
        assert repose(file, *words, "--data", f"world:{rendered}", "--count", 3) == 0
        assert pixels(out).shape[:2] == (LABELS + GAP + 3 * DOWN, GAP + columns * ACROSS)
    first = pixels(out)
    repose(fdgan_file, *words, "--data", f"world:{rendered}", "--count", 3, "--seed", 1)
    assert not np.array_equal(pixels(out), first)  # other poses
    csv = rendered / "poses.csv"
    name = csv.read_text().splitlines()[1].split(":")[0]
    assert repose(fdgan_file, *words, "--images", photos[0], "--poses", csv, "--names", name) == 0
    assert pixels(out).shape[1] == GAP + 4 * ACROSS  # its image lies in a folder beside
    lone = tmp_path / "poses.csv"
    lone.write_text("\n".join(csv.read_text().splitlines()[:2]))
    more = ["--images", photos[0], "--poses", lone, "--pose-size", "128x64"]
    assert repose(fdgan_file, *words, *more) == 0
    assert pixels(out).shape[1] == GAP + 3 * ACROSS


def test_a_sequence_is_a_strip_and_a_film(pg2_file, rendered, photos, tmp_path, capsys):
    out, film = tmp_path / "strip.png", tmp_path / "strip.gif"
    words = ["--mode", "sequence", "--images", photos[0], "--data", f"world:{rendered}"]
    assert repose(pg2_file, *words, "--count", 5, "--fps", 4, "--out", out) == 0
    assert capsys.readouterr().out == f"{out}\n{film}\n"
    assert pixels(out).shape[:2] == (GAP + 2 * DOWN + APART, GAP + 6 * ACROSS + APART)
    with Image.open(film) as frames:
        assert frames.n_frames == 5
        assert frames.info["duration"] == 250
        assert frames.size == (GAP + 2 * ACROSS, GAP + DOWN)


def test_folder_draws_everybody_in_every_pose_and_goes_on(
    pg2_file, rendered, photos, tmp_path, capsys, monkeypatch
):
    out, names = tmp_path / "all", rendered / "poses.csv"
    chosen = [line.split(":")[0] for line in names.read_text().splitlines()[1:3]]
    words = ["--mode", "folder", "--images", *photos[:3], "--poses", names, "--names", *chosen,
             "--out", out, "--batch", 4]  # fmt: skip
    real = Repose.pictures

    def stopped(*args):
        monkeypatch.setattr(Repose, "pictures", ctrl_c)
        return real(*args)

    def ctrl_c(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Repose, "pictures", stopped)
    assert repose(pg2_file, *words) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(Repose, "pictures", real)
    assert repose(pg2_file, *words) == 0
    assert capsys.readouterr().out == f"6 pictures in {out}, 2 of them new\n"
    assert len(list(out.glob("*_in_*.jpg"))) == 6
    assert pixels(next(out.glob("*.jpg"))).shape == (HEIGHT, WIDTH, 3)
    assert repose(pg2_file, *words, "--format", "png") == 2
    assert "format: jpg → png" in capsys.readouterr().err


def test_dataset_is_filed_by_identity_and_read_as_a_benchmark(
    fdgan_file, rendered, tmp_path, capsys
):
    out = tmp_path / "made"
    words = ["--mode", "dataset", "--data", f"world:{rendered}", "--times", 2, "--out", out]
    assert repose(fdgan_file, *words) == 0
    train = load(f"world:{rendered}").train
    assert capsys.readouterr().out == f"{2 * len(train)} pictures in {out}, {2 * len(train)} of " \
                                      "them new\n"  # fmt: skip
    files = list(out.glob("*/*.jpg"))
    assert len(files) == 2 * len(train)
    assert {int(f.parent.name) for f in files} == set(train.pids.tolist())
    assert all(f.name.startswith(f.parent.name + "_c") for f in files)
    bench = load("folder", out)
    assert bench.train.num_pids + bench.gallery.num_pids == train.num_pids
    assert bench.train.num_cams == 2
    assert repose(fdgan_file, *words, "--seed", 1) == 2
    assert "seed: 0 → 1" in capsys.readouterr().err


GIVE = "Give --images and --poses, or --data for what you leave out"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], GIVE),
        (["--images", "A"], GIVE),
        (["--poses", "A"], GIVE),
        (["--mode", "pears"], "invalid choice: 'pears'"),
        (["--images", "A", "--poses", "A", "--data", "world:/x"], "leave one of the three out"),
        (["--mode", "dataset", "--images", "A", "--poses", "A"], "from --data alone"),
        (["--mode", "dataset", "--data", "world:/x", "--images", "A"], "from --data alone"),
        (["--data", "world:/x", "--names", "k"], "are about --poses, which is missing"),
        (["--data", "world:/x", "--pose-size", "9x9"], "are about --poses, which is missing"),
        (["--images", "A", "--poses", "A", "--pose-size", "9"], "isn't a height and width such as"),
        (["--images", "gone.jpg", "--poses", "A"], "There is no image or folder gone.jpg."),
        (["--images", "A", "--poses", "gone.csv"], "There is no file, folder or image gone.csv"),
        (["--images", "A", "--poses", "A"], "`lookalike data poses` makes that"),
        (["--images", "A", "--poses", "A", "--count", "0"], "'0' is not a whole number from 1 up"),
        (["--data", "world:/gone"], "No rendered world at"),
    ],
)
def test_a_mistake_is_one_sentence_without_reading_the_model(tmp_path, capsys, words, sentence):
    photo = tmp_path / "photos" / "deep" / "a.png"
    photo.parent.mkdir(parents=True)
    Image.new("RGB", (32, 64)).save(photo)
    words = [str(photo) if word == "A" else word for word in words]
    assert repose(tmp_path / "no-model", *words, "--out", tmp_path / "x.png") == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("mode", ["grid", "pairs", "sequence", "folder"])
def test_a_benchmark_without_tested_people_draws_nobody(
    rendered, tmp_path, capsys, monkeypatch, mode
):
    bench = load(f"world:{rendered}")
    trained = replace(bench, query=bench.query[:0], gallery=bench.gallery[:0])
    monkeypatch.setattr("lookalike.data.parse_data", lambda _: trained)
    words = ["--data", "world:plaza?test_fraction=0", "--poses", rendered / "poses.csv"]
    out = tmp_path / "x.png"
    assert repose(tmp_path / "no-model", "--mode", mode, *words, "--out", out) == 2
    sentence = f"lookalike: {trained} has no tested people to draw: give others by --images.\n"
    assert capsys.readouterr().err == sentence
    assert not out.exists()


def test_pairs_need_as_many_images_as_poses(pg2_file, rendered, photos, tmp_path, capsys):
    words = ["--mode", "pairs", "--images", *photos[:3], "--poses", rendered / "poses.csv",
             "--count", 2, "--out", tmp_path / "x.png"]  # fmt: skip
    assert repose(pg2_file, *words) == 2
    assert "as many images as poses, not 3 and 2" in capsys.readouterr().err


def test_bad_places_are_named(pg2_file, rendered, photos, tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    both = ["--images", photos[0], "--data", f"world:{rendered}"]
    for words, sentence in (
        (["--images", bad, "--data", f"world:{rendered}", "--out", tmp_path / "x.png"],
         "Can't read the image"),
        ([*both, "--out", tmp_path / "x.bmp"], "ends in .png, .jpg, .jpeg"),
        ([*both, "--out", bad / "x.png"], "Can't make the folder"),
        ([*both, "--mode", "folder", "--out", tmp_path], "holds other files"),
    ):  # fmt: skip
        assert repose(pg2_file, *words) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_a_model_without_its_generator_says_so(rendered, tmp_path, capsys):
    torch.manual_seed(0)
    model = FDGAN(height=64, width=32, backbone="resnet10", weights="none", stride_on="3x3",
                  generator_dim=2, pose_dim=4, noise_dim=4).model(0)  # fmt: skip
    model.leave_out("generator")
    file = save_model(model, tmp_path / "half.safetensors")
    words = ["--data", f"world:{rendered}", "--count", 1, "--out", tmp_path / "x.png"]
    assert repose(file, *words) == 2
    assert "This model has no generator, which reposing needs" in capsys.readouterr().err
