"""The benchmark of features that saw none of the data: its histogram, and its rows."""

from pathlib import Path

import numpy as np
import pytest
import transfer

from lookalike.data import parse_data
from lookalike.demo.colours import histograms, stripe_histogram


def literal(image: np.ndarray) -> np.ndarray:
    stripes = []
    for top in range(0, 128, 16):
        colours = image[top : top + 16, 12:52].reshape(-1, 3) / 255
        stripes.append(np.histogramdd(colours, bins=(4, 4, 4), range=[(0, 1)] * 3)[0].ravel())
    return np.sqrt(np.concatenate(stripes))


def test_the_histogram_is_numpys() -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 128, 64, 3), dtype=np.uint8)
    images[0] = 255
    images[1, :64] = 0
    found = stripe_histogram(images)
    np.testing.assert_allclose(found, [literal(image) for image in images], rtol=1e-6)


def test_the_histogram_ranks_people_by_their_clothes(
    market: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = parse_data(f"market1501:{market}")
    rows = [("first", "cosine", histograms), ("again", "euclidean", histograms)]
    transfer.print_table(bench, iter(rows))
    _, first, again = (line.split() for line in capsys.readouterr().out.splitlines())
    assert (first[0], first[7], again[0]) == ("first", "512", "again")
    assert float(first[2]) > 50  # rank-1 of 4 people: a quarter by chance


def test_without_data_it_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LOOKALIKE_MARKET1501", raising=False)
    monkeypatch.setattr("sys.argv", ["transfer.py"])
    transfer.main()
    assert "LOOKALIKE_MARKET1501" in capsys.readouterr().out


def test_a_run_is_ranked_as_its_own_evaluation_does(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """The same numbers as `evaluate`, from a saved model, between the baselines."""
    from lookalike.evaluation.evaluation import evaluate
    from lookalike.methods.ide import IDE
    from lookalike.methods.model_file import save_model

    settings = IDE(backbone="resnet18", weights="none", height=64, width=32)
    model = settings.model(4)
    path = save_model(model, tmp_path / "model.safetensors")
    data = f"market1501:{market}"
    wanted = evaluate(model, parse_data(data), lists=False).rows[0]
    monkeypatch.delenv("LOOKALIKE_RESNET50", raising=False)
    monkeypatch.setattr(transfer, "SIZES", ((64, 32),))
    argv = ["transfer.py", str(path), "--data", data, "--device", "cpu"]
    monkeypatch.setattr("sys.argv", argv)
    transfer.main()
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if line.startswith(str(path)))
    mAP, rank1 = map(float, row.removeprefix(str(path)).split()[:2])
    assert mAP == pytest.approx(100 * wanted["mAP"], abs=0.051)
    assert rank1 == pytest.approx(100 * wanted["rank1"], abs=0.051)
    assert "ResNet-50, random, 64×32" in out
    assert "LOOKALIKE_RESNET50" in out
