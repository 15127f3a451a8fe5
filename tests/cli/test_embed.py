import numpy as np
import pytest
import torch

from lookalike.cli import main
from lookalike.data import load
from lookalike.evaluation import evaluate
from lookalike.evaluation.features import extract
from lookalike.methods.model_file import load_model
from lookalike.metrics import rank


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_of_a_benchmark_rank_as_evaluate_does(
    dgnet_file, market, tmp_path, capsys, metric
):
    files = []
    for split in ("query", "gallery"):
        out = tmp_path / f"{split}.npz"
        assert main(["embed", str(dgnet_file), "--data", f"market1501:{market}",
                     "--split", split, "--out", str(out)]) == 0  # fmt: skip
        files.append(np.load(out))
    assert f"24 features of 1024 numbers in {out}" in capsys.readouterr().out
    q, g = files
    bench = load("market1501", market)
    assert g["paths"].tolist() == list(bench.gallery.paths)
    assert g["features"].dtype == np.float32
    assert q["pids"].dtype == q["camids"].dtype == np.int64
    found = rank(*(x[k] for k in ("features", "pids", "camids") for x in files), metric=metric)
    want = evaluate(load_model(dgnet_file), bench, metric=metric, lists=False).rows[0]
    assert found.row() == pytest.approx({k: want[k] for k in found.row()})


def test_files_and_folders_are_embedded_in_order(dgnet_file, market, tmp_path):
    out = tmp_path / "new" / "feats.npz"
    photos = sorted(str(p) for p in (market / "query").iterdir())
    extra = str(min((market / "bounding_box_test").iterdir()))
    assert main(["embed", str(dgnet_file), extra, str(market / "query"), "--out", str(out)]) == 0
    found = np.load(out)
    assert set(found) == {"features", "paths"}
    assert found["paths"].tolist() == [extra, *photos]
    model = load_model(dgnet_file)
    want = extract(model, [extra, *photos])
    torch.testing.assert_close(torch.from_numpy(found["features"]), want, rtol=0, atol=1e-5)


def test_broken_images_end_it_or_are_left_out_and_listed(dgnet_file, market, tmp_path, capsys):
    photos = sorted(str(p) for p in (market / "query").iterdir())[:2]
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    words = ["embed", str(dgnet_file), photos[0], str(bad), photos[1]]
    assert main([*words, "--out", str(tmp_path / "f.npz")]) == 2
    assert "bad.jpg" in capsys.readouterr().err
    assert not (tmp_path / "f.npz").exists()
    assert main([*words, "--out", str(tmp_path / "f.npz"), "--skip-broken"]) == 0
    shown = capsys.readouterr()
    assert shown.err == f"lookalike: left out {bad}: can't be read.\n"
    assert "2 features" in shown.out
    assert np.load(tmp_path / "f.npz")["paths"].tolist() == photos


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "Give either images and folders, or --data"),
        (["x.jpg", "--data", "market1501:/x", "--split", "query"], "Give either images"),
        (["--data", "market1501:/x"], "--data and --split (train, query or gallery) go together"),
        (["gone.jpg"], "There is no image or folder gone.jpg."),
    ],
)
def test_a_mistake_is_one_sentence(dgnet_file, tmp_path, capsys, words, sentence):
    assert main(["embed", str(dgnet_file), *words, "--out", str(tmp_path / "f.npz")]) == 2
    shown = capsys.readouterr().err
    assert sentence in shown
    assert shown.count("\n") == 1


def test_an_out_that_cannot_be_written_is_refused_at_once(dgnet_file, market, tmp_path, capsys):
    (tmp_path / "file").touch()
    words = ["embed", str(dgnet_file), str(market / "query"), "--out"]
    assert main([*words, str(tmp_path / "file" / "f.npz")]) == 2
    assert "Can't make the folder" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "f.npy")]) == 2
    assert "--out is an .npz file" in capsys.readouterr().err
