"""A verb demands only the splits that it uses: data to train on, or to test on, alone."""

import json
import shutil

import pytest
import torch

from lookalike.cli import main
from lookalike.methods.model_file import save_model
from lookalike.methods.pg2 import PG2

TESTED = ("query", "bounding_box_test")


@pytest.fixture
def train_only(rendered, tmp_path):
    """A rendered world whose tested people are gone, in Market-1501's layout."""
    root = tmp_path / "train-only"
    shutil.copytree(rendered, root, ignore=shutil.ignore_patterns(*TESTED))
    return f"market1501:{root}"


@pytest.fixture
def test_only(rendered, tmp_path):
    """A rendered world whose people to train on are gone, in Market-1501's layout."""
    root = tmp_path / "test-only"
    shutil.copytree(rendered, root, ignore=shutil.ignore_patterns("bounding_box_train"))
    return f"market1501:{root}"


@pytest.fixture
def draws(tmp_path):
    """The file of an untrained PG²."""
    torch.manual_seed(0)
    return str(
        save_model(PG2(height=64, width=32, channels=4).model(5), tmp_path / "pg2.safetensors")
    )


@pytest.mark.parametrize("data", ["train_only", "test_only"])
def test_info_and_check_take_any(data, request, capsys):
    text = request.getfixturevalue(data)
    assert main(["data", "info", text, "--json"]) == 0
    splits = json.loads(capsys.readouterr().out)["splits"]
    empty = {name for name, counts in splits.items() if not counts["images"]}
    assert empty == ({"query", "gallery"} if data == "train_only" else {"train"})
    assert main(["data", "check", text, "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    (lacking,) = (f for f in findings if f["what"] == "splits without images")
    assert set(lacking["examples"]) == empty


def test_verbs_that_test_need_nobody_to_train_on(test_only, dgnet_file, draws, tmp_path, capsys):
    model = str(dgnet_file)
    assert main(["evaluate", model, "--data", test_only]) == 0
    assert main(["calibrate", model, "--data", test_only, "--json"]) == 0
    out = str(tmp_path / "f.npz")
    assert main(["embed", model, "--data", test_only, "--split", "query", "--out", out]) == 0
    words = ["quality", draws, "--data", test_only, "--count", "4", "--weights", "none"]
    assert main(words) == 0


def test_verbs_that_test_say_what_lacks(train_only, dgnet_file, draws, tmp_path, capsys):
    model, out = str(dgnet_file), str(tmp_path / "f.npz")
    assert main(["embed", model, "--data", train_only, "--split", "train", "--out", out]) == 0
    capsys.readouterr()
    for words, sentence in (
        (["evaluate", model, "--data", train_only], "has no query images to evaluate on."),
        (["calibrate", model, "--data", train_only, "--json"], "has no query images to calibrate"),
        (["embed", model, "--data", train_only, "--split", "query", "--out", out],
         "has no query images to embed."),
        (["quality", draws, "--data", train_only, "--weights", "none"],
         "has no tested people whose pictures could be judged"),
    ):  # fmt: skip
        assert main(words) == 2
        shown = capsys.readouterr().err.splitlines()[-1]
        assert sentence in shown


def test_training_needs_nobody_to_test(train_only, test_only, tmp_path, capsys):
    flags = ["--backbone", "resnet10", "--weights", "none", "--height", "64", "--width", "32",
             "--batch_size", "4", "--epochs", "1", "--steps", "1", "--workers", "0",
             "--accelerator", "cpu"]  # fmt: skip
    out = str(tmp_path / "run")
    assert main(["train", "ide", "--data", train_only, "--out", out, *flags]) == 0
    assert "nobody was tested" in capsys.readouterr().out
    out = str(tmp_path / "transfer")
    data = ["--data", train_only, "--target", test_only]
    assert main(["train", "ide", *data, "--out", out, *flags]) == 0
    assert "queries valid" in capsys.readouterr().out
    assert main(["train", "ide", "--data", test_only, "--out", str(tmp_path / "no"), *flags]) == 2
    assert "has no training images." in capsys.readouterr().err
