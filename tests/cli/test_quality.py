"""`lookalike quality` as a user calls it."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.cli import main
from lookalike.data import load
from lookalike.evaluation.pictures.of_model import picture_quality
from lookalike.methods.ide import IDE
from lookalike.methods.model_file import load_model, save_model
from lookalike.methods.pg2 import PG2


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """The files of an untrained PG² and of an untrained baseline."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    save_model(PG2(height=64, width=32, channels=4).model(5), folder / "pg2.safetensors")
    baseline = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32)
    save_model(baseline.model(5), folder / "ide.safetensors")
    return folder


@pytest.fixture
def words(models, rendered):
    return ["quality", str(models / "pg2.safetensors"), "--data", f"world:{rendered}",
            "--count", "6", "--weights", "none"]  # fmt: skip


@pytest.fixture
def folders(tmp_path):
    random = np.random.default_rng(0)
    for kind in ("made", "real"):
        (tmp_path / kind).mkdir()
        for i in range(4):
            picture = random.integers(0, 256, (32, 16, 3), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / kind / f"{i}.png")
    return tmp_path


def test_a_models_pictures_as_a_table(words, capsys):
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "pictures"
    assert [line.split("  ")[0] for line in lines[1:4]] == ["copying the source", "coarse", "pg2"]
    assert "↑ more is better, ↓ less is; 6 pairs, SSIM pg2" in lines
    assert lines[-1].endswith("on cpu")
    assert max(map(len, lines)) <= 80


def test_json_has_the_rows_of_picture_quality(words, models, rendered, capsys):
    flags = ["--seed", "5", "--ssim", "patn", "--masks", "truth", "--json",
             "--reid", str(models / "ide.safetensors")]  # fmt: skip
    assert main([*words, *flags]) == 0
    found = json.loads(capsys.readouterr().out)
    bench = load("world", rendered)
    want = picture_quality(load_model(models / "pg2.safetensors"), bench, 6, seed=5)
    for row, other in zip(found["rows"], want.rows, strict=False):
        assert row["L1"] == pytest.approx(other["L1"])
        assert row["SSIM"] != other["SSIM"]
        assert row["mask-SSIM"] != other["mask-SSIM"]
        assert 0 <= row["rank1"] <= 1
    assert found["rows"][-1]["pictures"] == "real target"
    assert set(found["seconds"]) == {"read", "generate", "score", "sets", "recognise"}


def test_the_model_may_follow_the_flags(words, capsys):
    verb, model, *rest = words
    assert main([verb, *rest, model]) == 0
    assert "pg2" in capsys.readouterr().out


def test_folders(folders, capsys):
    made, real = str(folders / "made"), str(folders / "real")
    assert main(["quality", made, "--reference", real, "--weights", "none"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["pictures", *["SSIM", "↑", "PSNR", "↑", "L1", "↓", "DSSIM", "↓"]]
    assert lines[1].startswith("generated ")
    assert len(lines) == 4


def test_what_is_no_picture_is_told(folders, tmp_path, capsys):
    made = shutil.copytree(folders / "made", tmp_path / "judged")
    (made / "notes.txt").write_text("of June")
    assert (
        main(["quality", str(made), "--reference", str(folders / "real"), "--weights", "none"]) == 0
    )
    said = capsys.readouterr().err
    assert f"passed over 1 files without the suffix of an image, such as {made}/notes.txt" in said


MISTAKES = {
    "": "The following arguments are required: PLACE",
    "MADE MADE": "Unrecognized arguments: ",
    "MADE": "There is nothing to measure",
    "MADE --reference NOWHERE --weights none": "There is no folder",
    "MADE --reid MODEL": "--reid goes with MODEL and --data",
    "MADE --save X": "--save goes with MODEL and --data",
    "MADE --masks pose": "--masks of a folder of pictures is a folder too",
    "MODEL --data WORLD --reference MADE": "--reference goes with a folder",
    "MODEL --data WORLD --pairs X --count 3": "leave out --count",
    "MODEL --data WORLD --ssim pg3": "Unknown SSIM 'pg3'; did you mean 'pg2'?",
    "MODEL --data WORLD --inception NOWHERE": "There is no Inception weights file",
    "MODEL --data WORLD --lpips NOWHERE": "There is no LPIPS weights file",
    "MODEL --data WORLD --weights NOWHERE": "--weights none leaves it out. There is no",
    "MODEL --data WORLD --reid MODEL": "recognises nobody",
    "REID --data WORLD": "A model of ide makes no pictures",
    "MODEL --data WORLD --pairs NOWHERE": "Can't read",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_mistakes_are_one_sentence(line, folders, models, rendered, capsys):
    places = {"MADE": folders / "made", "NOWHERE": folders / "nowhere", "X": folders / "x",
              "MODEL": models / "pg2.safetensors", "REID": models / "ide.safetensors",
              "WORLD": f"world:{rendered}"}  # fmt: skip
    words = [str(places.get(word, word)) for word in line.split()]
    if "--data" in words and "--weights" not in words:
        words += ["--weights", "none"]
    assert main(["quality", *words]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("lookalike: ")
    assert MISTAKES[line] in error


def test_judging_needs_no_torchvision(words):
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        "from lookalike.cli import main\n"
        f"assert main({words!r}) == 0\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
