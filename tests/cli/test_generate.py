import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.cli import main
from lookalike.cli.generate import VERBS
from lookalike.data import load
from lookalike.generation.swap import Structures, Swap
from lookalike.generation.target_poses import TargetPoses
from lookalike.methods import METHODS
from lookalike.methods.ide import IDE
from lookalike.methods.model_file import save_model

HEIGHT, WIDTH, GAP = 64, 48, 4
DOWN, ACROSS = HEIGHT + GAP, WIDTH + GAP
APART = 2 * GAP + GAP  # between originals and what was made


@pytest.fixture
def photos(market):
    return sorted(str(p) for p in (market / "query").iterdir())


def swap(model, *words):
    return main(["generate", str(model), "swap", *map(str, words)])


def size(path):
    with Image.open(path) as image:
        return image.size


def test_grid_of_a_folder_takes_seven_evenly(dgnet_file, market, photos, tmp_path, capsys):
    out = tmp_path / "new" / "grid.png"
    assert swap(dgnet_file, "--images", market / "query", "--out", out) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert size(out) == (GAP + 8 * ACROSS + APART, GAP + 8 * DOWN + APART)
    same = tmp_path / "same.png"
    chosen = [photos[k] for k in (0, 2, 4, 6, 7, 9, 11)]  # of 12; 5.5 rounds to the even 6
    swap(dgnet_file, "--images", *chosen, "--out", same)
    assert np.array_equal(np.asarray(Image.open(out)), np.asarray(Image.open(same)))


@pytest.mark.parametrize("flags", [["--images"], ["--appearance", "--structure"]])
def test_what_a_folder_has_beside_images_is_counted(dgnet_file, photos, tmp_path, capsys, flags):
    for place, photo in zip(("a", "b/c"), photos, strict=False):
        (tmp_path / "in" / place).mkdir(parents=True)
        (tmp_path / "in" / place / "1.jpg").symlink_to(photo)
    for name in ("x.heic", "b/.y.jpg"):
        (tmp_path / "in" / name).touch()
    words = [word for flag in flags for word in (flag, tmp_path / "in")]
    assert swap(dgnet_file, *words, "--out", tmp_path / "grid.png") == 0
    assert size(tmp_path / "grid.png")[0] == GAP + 3 * ACROSS + APART
    assert sorted(capsys.readouterr().err.splitlines()) == [
        f"lookalike: passed over 1 {what}, such as {tmp_path / 'in' / name}."
        for what, name in (("files without the suffix of an image", "x.heic"),
                           ("hidden files and folders", "b/.y.jpg"))
    ]  # fmt: skip


def test_grid_of_two_sets_is_a_row_an_appearance(dgnet_file, market, photos, tmp_path):
    out = tmp_path / "grid.jpg"
    assert swap(dgnet_file, "--appearance", *photos[:2], "--structure", market / "query",
                "--count", 3, "--out", out) == 0  # fmt: skip
    assert size(out) == (GAP + 4 * ACROSS + APART, GAP + 3 * DOWN + APART)


def test_pairs_come_two_by_two_or_side_by_side(dgnet_file, market, photos, tmp_path):
    one, two, three = (tmp_path / f"{k}.png" for k in "123")
    swap(dgnet_file, "--mode", "pairs", "--images", *photos[:4], "--out", one)
    swap(dgnet_file, "--mode", "pairs", "--appearance", *photos[:4:2],
         "--structure", *photos[1:4:2], "--out", two)  # fmt: skip
    assert np.array_equal(np.asarray(Image.open(one)), np.asarray(Image.open(two)))
    assert size(one)[1] == GAP + 4 * DOWN + 2 * GAP
    assert swap(dgnet_file, "--mode", "pairs", "--images", market / "query", "--count", 3,
                "--out", three) == 0  # fmt: skip
    assert size(three)[0] == size(one)[0] + ACROSS


@pytest.mark.parametrize("mode", ["appearance", "structure"])
def test_interpolation_is_a_strip_and_a_film(dgnet_file, photos, tmp_path, mode, capsys):
    out, film = tmp_path / "strip.png", tmp_path / "strip.gif"
    words = ["--mode", mode, "--out", out]
    assert swap(dgnet_file, *words, "--images", *photos[:5]) == 0
    assert capsys.readouterr().out == f"{out}\n{film}\n"
    labels = 16
    assert size(out) == (GAP + 12 * ACROSS + APART, labels + GAP + 4 * DOWN + APART)
    with Image.open(film) as frames:
        assert frames.n_frames == 2 * 11 - 2  # back and forth
        assert frames.size == (GAP + 3 * ACROSS, GAP + DOWN)
    first = np.asarray(Image.open(out))
    held = "structure" if mode == "appearance" else "appearance"
    assert swap(dgnet_file, *words, f"--{mode}", *photos[:2], f"--{held}", *photos[2:5]) == 0
    assert np.array_equal(np.asarray(Image.open(out)), first)
    assert swap(dgnet_file, *words, "--images", *photos[:2], "--steps", 3) == 0
    assert size(out) == (GAP + 4 * ACROSS + APART, labels + GAP + 3 * DOWN + APART)


def test_folder_gets_all_combinations_and_goes_on(
    dgnet_file, photos, tmp_path, capsys, monkeypatch
):
    out = tmp_path / "all"
    words = ["--mode", "folder", "--images", *photos[:3], "--out", out, "--batch", 4]
    real = Swap.pictures

    def stopped(*args):
        monkeypatch.setattr(Swap, "pictures", ctrl_c)
        return real(*args)

    def ctrl_c(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Swap, "pictures", stopped)
    assert swap(dgnet_file, *words) == 130
    assert "the same command goes on" in capsys.readouterr().err
    monkeypatch.setattr(Swap, "pictures", real)
    assert swap(dgnet_file, *words) == 0
    assert capsys.readouterr().out == f"9 pictures in {out}, 5 of them new\n"
    assert len(list(out.glob("*_in_*.jpg"))) == 9
    assert swap(dgnet_file, *words, "--format", "png") == 2
    assert "format: jpg → png" in capsys.readouterr().err


@pytest.mark.parametrize("by", ["appearance", "structure"])
def test_dataset_is_filed_by_identity_and_read_as_a_benchmark(
    dgnet_file, market, tmp_path, by, capsys
):
    out = tmp_path / "made"
    words = ["--mode", "dataset", "--data", f"market1501:{market}", "--by", by, "--times", 2]
    assert swap(dgnet_file, *words, "--out", out) == 0
    assert capsys.readouterr().out == f"144 pictures in {out}, 144 of them new\n"
    files = list(out.glob("*/*.jpg"))
    people = (market / "bounding_box_train").iterdir()
    assert len(files) == 144
    assert {f.parent.name for f in files} == {p.name[:4] for p in people}
    assert all(f.name.startswith(f.parent.name + "_c") for f in files)
    assert size(files[0]) == (WIDTH, HEIGHT)
    bench = load("folder", out)
    assert bench.train.num_pids + bench.gallery.num_pids == 8
    assert bench.train.num_cams == 3
    assert swap(dgnet_file, *words, "--out", out, "--seed", 1) == 2
    assert "seed: 0 → 1" in capsys.readouterr().err


DATASET = ["--mode", "dataset", "--data", "market1501:/x"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--mode", "pears"], "invalid choice: 'pears'"),
        ([], "Give --images, or both --appearance and --structure"),
        (["--appearance", "A"], "Give --images, or both"),
        (["--images", "A", "--structure", "B"], "Give --images, or both"),
        (["--images", "gone.jpg"], "There is no image or folder gone.jpg."),
        (["--mode", "pairs", "--images", "A", "B", "A"], "an even number of images"),
        (["--mode", "pairs", "--appearance", "A", "--structure", "A", "B"], "an even number"),
        (["--mode", "appearance", "--images", "A"], "it needs two images"),
        (["--mode", "structure", "--appearance", "A", "B", "--structure", "A"], "two images"),
        (["--mode", "appearance", "--images", "A", "B", "--steps", "1"], "two --steps or more"),
        (["--mode", "dataset", "--images", "A"], "--data and --mode dataset go together"),
        (["--images", "A", "--data", "market1501:/x"], "--data and --mode dataset go together"),
        ([*DATASET, "--images", "A"], "Mode dataset takes its images from --data alone"),
        ([*DATASET, "--appearance", "A"], "Mode dataset takes its images from --data alone"),
        ([*DATASET, "--structure", "A"], "Mode dataset takes its images from --data alone"),
        (["--images", "A", "--count", "0"], "'0' is not a whole number from 1 up"),
    ],
)
def test_a_mistake_is_one_sentence_without_reading_the_model(
    photos, tmp_path, capsys, words, sentence
):
    words = [{"A": photos[0], "B": photos[1]}.get(word, word) for word in words]
    assert swap(tmp_path / "no-model", *words, "--out", tmp_path / "x.png") == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_bad_places_are_named(dgnet_file, photos, tmp_path, capsys):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    for words, sentence in (
        (["--images", bad, "--out", tmp_path / "x.png"], "Can't read the image"),
        (["--images", photos[0], "--out", tmp_path / "x.bmp"], "ends in .png, .jpg, .jpeg"),
        (["--images", photos[0], "--out", bad / "x.png"], "Can't make the folder"),
        (["--mode", "folder", "--images", photos[0], "--out", tmp_path], "holds other files"),
    ):
        assert swap(dgnet_file, *words) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_a_verb_that_the_model_lacks_is_answered_by_those_it_has(
    dgnet_file, rendered, tmp_path, capsys
):
    out = ["--out", str(tmp_path / "x.png")]
    world = ["--data", f"world:{rendered}"]
    assert main(["generate", str(dgnet_file), "repose", *world, *out]) == 2
    assert "a model of dgnet, which has no repose; it offers: swap." in capsys.readouterr().err
    torch.manual_seed(0)
    method = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32)
    baseline = save_model(method.model(2), tmp_path / "ide.safetensors")
    photo = tmp_path / "a.png"
    Image.new("RGB", (32, 64)).save(photo)
    assert swap(baseline, "--images", photo, *out) == 2
    assert "a model of ide, which has no swap; it only embeds." in capsys.readouterr().err


def test_a_model_imported_without_its_generator_says_so(photos, tmp_path, capsys):
    torch.manual_seed(0)
    model = METHODS["dgnet"](backbone="resnet10", weights="none", stride_on="3x3", height=64,
                             width=48, structure_dim=2, mlp_dim=8).model(5)  # fmt: skip
    model.leave_out("generator")
    file = save_model(model, tmp_path / "half.safetensors")
    assert swap(file, "--images", photos[0], "--out", tmp_path / "x.png") == 2
    assert "This model has no generator" in capsys.readouterr().err


def test_every_verb_of_a_method_has_its_command(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for method in METHODS.values():
        assert set(method.model_type().verbs) <= set(VERBS)
    assert VERBS["swap"].noun == Structures.noun
    assert VERBS["repose"].noun == TargetPoses.noun
    assert main(["generate", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "dgnet    swap" in shown
    assert max(map(len, shown.splitlines())) <= 80
    assert main(["generate", "MODEL", "--help"]) == 0
    assert capsys.readouterr().out == shown
    for verb in VERBS:
        with pytest.raises(SystemExit):
            main(["generate", "MODEL", verb, "--help"])
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 80
    assert main(["generate", "model.safetensors"]) == 2
    assert "Say with what and what to generate" in capsys.readouterr().err
