import json
import shutil

import numpy as np
import pytest

from lookalike.cli import main
from lookalike.data import load
from lookalike.evaluation.calibration import Calibration, calibrate
from lookalike.evaluation.steps import Steps
from lookalike.methods.model_file import load_model
from lookalike.metrics import verify


@pytest.fixture
def run(dgnet_file, tmp_path):
    """A run folder with a model, and little else."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(dgnet_file, folder)
    (folder / "config.yaml").write_text("method: dgnet\n")
    return folder


def test_a_run_folder_keeps_the_json_and_gets_the_drawing(run, market, capsys):
    assert main(["calibrate", str(run), "--data", f"market1501:{market}", "--fpr", "0.1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "48 pairs of one person, 216 of two; cosine distance"
    assert lines[2].startswith("the same person where distance < 0.")
    assert lines[-1] == f"all of it in {run / 'calibration.json'}"
    assert max(map(len, lines[:-1])) <= 80
    kept = json.loads((run / "calibration.json").read_text())
    want = calibrate(load_model(run), load("market1501", market), fpr=0.1).record()
    assert kept == json.loads(json.dumps(want))
    page = (run / "report.html").read_text()
    assert '<h2 id="thresholds">' in page
    assert f"{kept['threshold']:#.6g}" in page


def test_out_is_written_instead_and_the_run_left_alone(run, market, tmp_path, capsys):
    out = tmp_path / "new" / "t.json"
    words = ["calibrate", str(run), "--data", f"market1501:{market}", "--out", str(out)]
    assert main([*words, "--json", "--metric", "euclidean"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == json.loads(out.read_text())
    assert (shown["metric"], shown["target_fpr"]) == ("euclidean", 1e-3)
    assert {p.name for p in run.iterdir()} == {"model.safetensors", "config.yaml"}


def test_a_folder_that_is_no_run_gets_no_report(run, market, capsys):
    (run / "config.yaml").unlink()
    assert main(["calibrate", str(run), "--data", f"market1501:{market}"]) == 0
    assert {p.name for p in run.iterdir()} == {"model.safetensors", "calibration.json"}


def test_a_model_file_needs_a_place_for_the_result_or_json(dgnet_file, market, capsys):
    words = ["calibrate", str(dgnet_file), "--data", f"market1501:{market}"]
    before = {p.name for p in dgnet_file.parent.iterdir()}
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("lookalike: Say where to write the result: --out FILE.json, or")
    assert (shown.err.count("\n"), shown.out) == (1, "")
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["negatives"] == 216
    assert {p.name for p in dgnet_file.parent.iterdir()} == before


def test_anybodys_features_are_calibrated_as_the_model_is(dgnet_file, market, tmp_path, capsys):
    data = ["--data", f"market1501:{market}"]
    files = [str(tmp_path / f"{split}.npz") for split in ("query", "gallery")]
    for split, file in zip(("query", "gallery"), files, strict=True):
        main(["embed", str(dgnet_file), *data, "--split", split, "--out", file])
    capsys.readouterr()
    assert main(["calibrate", "--features", *files, "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    main(["calibrate", str(dgnet_file), *data, "--json"])
    want = json.loads(capsys.readouterr().out)
    about = [got.pop(key) for key in ("method", "features", "data")]
    assert about == ["", "query", " ".join(files)]  # as `evaluate` names them
    assert got == {key: want[key] for key in got}
    assert main(["calibrate", "--features", *files]) == 2
    assert "Say where to write the result" in capsys.readouterr().err


@pytest.fixture
def npz(tmp_path):
    """A function that writes features times a number, and gives the file's name."""
    rng = np.random.default_rng(0)
    feats = {f"{side}_features": rng.standard_normal((40, 4)) for side in ("query", "gallery")}
    ids = {f"{side}_pids": np.arange(40) // 8 + 1 for side in ("query", "gallery")}
    cams = {"query_camids": np.zeros(40, int), "gallery_camids": np.ones(40, int)}

    def write(scale):
        file = tmp_path / "feats.npz"
        np.savez(file, **{k: scale * x for k, x in feats.items()}, **ids, **cams)
        return str(file)

    return write


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("scale", [1e-200, 1, 1e200])
def test_the_json_has_only_numbers_and_the_table_80_columns(npz, metric, scale, tmp_path, capsys):
    out = str(tmp_path / "t.json")
    words = ["calibrate", "--features", npz(scale), "--metric", metric, "--out", out]
    assert main(words) == 0
    assert max(map(len, capsys.readouterr().out.splitlines()[:-1])) <= 80

    def refuse(text):
        raise AssertionError(text)

    with open(out) as file:
        found = json.load(file, parse_constant=refuse)
    assert found["threshold"] > 0


def test_what_is_no_number_is_never_written(npz, tmp_path, monkeypatch):
    out = tmp_path / "t.json"
    monkeypatch.setattr(Calibration, "record", lambda self: {"eer": float("nan")})
    for words in (["--json"], ["--out", str(out)]):
        with pytest.raises(ValueError, match="not JSON compliant"):
            main(["calibrate", "--features", npz(1), *words])
    assert not out.exists()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--json", "--batch", "8"], "--batch goes with MODEL: features are embedded already;"),
        (["--out", "."], ". is a folder: --out must be a file."),
    ],
)
def test_what_cannot_work_is_said_before_any_work(flags, sentence, capsys):
    assert main(["calibrate", "--features", "absent.npz", *flags]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"lookalike: {sentence}")
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("words", [[], ["m"], ["m", "--features", "f"], ["--data", "folder:b"],
                                   ["--features", "f", "--data", "folder:b"]])  # fmt: skip
def test_either_a_model_or_features(words, capsys):
    assert main(["calibrate", *words]) == 2
    assert "Give either MODEL and --data, or --features;" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--fpr", "1"], "Argument --fpr: '1' is not a rate from 0 to below 1, such as 1e-3"),
        (["--fpr", "low"], "'low' is not a rate"),
        (["--fpr", "-0.1"], "'-0.1' is not a rate"),
        (["--fpr", "nan"], "'nan' is not a rate"),
        (["--metric", "cosin"], "did you mean 'cosine'"),
    ],
)
def test_a_mistake_is_one_sentence(run, market, capsys, flags, sentence):
    assert main(["calibrate", str(run), "--data", f"market1501:{market}", *flags]) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
    assert not shown.out
    assert not (run / "calibration.json").exists()


def test_a_single_camera_is_explained(run, market, tmp_path, capsys):
    root = shutil.copytree(market, tmp_path / "market")
    for file in [*(root / "query").iterdir(), *(root / "bounding_box_test").iterdir()]:
        if "_c1" not in file.name:
            file.unlink()
    assert main(["calibrate", str(run), "--data", f"market1501:{root}"]) == 2
    assert "only from their own camera" in capsys.readouterr().err


def test_steps_are_in_table_record_and_report(run, market, tmp_path, capsys):
    words = ["calibrate", str(run), "--data", f"market1501:{market}", "--fpr", "0.1"]
    assert main([*words, "--cameras", "mean", "--neighbours"]) == 0
    lines = capsys.readouterr().out.splitlines()
    text = " ".join(" ".join(lines).split())
    assert "between features after these steps only: cameras mean (queries and gallery" in text
    assert max(map(len, lines[:-1])) <= 80
    kept = json.loads((run / "calibration.json").read_text())
    steps = Steps("mean", 2)
    want = calibrate(load_model(run), load("market1501", market), fpr=0.1, steps=steps).record()
    assert kept == json.loads(json.dumps(want))
    assert kept["steps"] == ["cameras mean", "neighbours 2"]
    assert kept["steps_set"] == ["queries and gallery together", "queries and gallery apart"]
    assert kept["rule"].endswith("threshold, between features after these steps only")
    assert "after these steps only: cameras mean" in (run / "report.html").read_text()
    assert main([*words, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert "steps" not in plain
    assert plain["threshold"] != kept["threshold"]


def test_features_of_anybody_are_calibrated_after_steps(npz, capsys):
    file = npz(1)
    assert main(["calibrate", "--features", file, "--cameras", "--json"]) == 0
    got = json.loads(capsys.readouterr().out)
    arrays = np.load(file)
    sides = [arrays[f"{side}_features"] for side in ("query", "gallery")]
    ids = [arrays[f"{side}_{x}"] for x in ("pids", "camids") for side in ("query", "gallery")]
    moved, _ = Steps("deviation").apply(sides, ids[2:])
    assert got["threshold"] == pytest.approx(verify(*moved, *ids, fpr=(1e-3,)).points[0].threshold)
    assert got["steps_note"] == ""
