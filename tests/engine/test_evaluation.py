import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lookalike.data import load
from lookalike.data.images import ImageTable
from lookalike.engine import evaluation
from lookalike.engine.embedding import extract, image_files, save_features
from lookalike.engine.evaluation import evaluate, table
from lookalike.errors import UserError
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.metrics import PROTOCOLS, rank, rank_distances

KEYS = ["features", "model", "data", "protocol", "metric", "queries", "valid_queries", "gallery",
        "mAP", "rank1", "rank5", "rank10", "mINP"]  # fmt: skip


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DGNet(backbone="resnet18", weights="none", stride_on="3x3", height=64, width=48,
                 structure_dim=2, mlp_dim=8).model(5)  # fmt: skip


@pytest.fixture(scope="module")
def baseline():
    torch.manual_seed(1)
    return IDE(backbone="resnet18", weights="none", stride_on="3x3", height=64, width=32).model(5)


@pytest.fixture(scope="module")
def bench(market):
    return load("market1501", market)


def halves(count, seed):
    """Two-part features as DG-Net's: each half of length 1, and all of them somewhat alike."""
    rng = torch.Generator().manual_seed(seed)
    base = torch.randn(1, 1024, generator=rng)
    noisy = (base + torch.randn(count, 1024, generator=rng)).view(count, 2, 512)
    return F.normalize(noisy, dim=2).flatten(1)


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_scored_features_rank_as_the_papers_score_does(model, beta, metric):
    """DG-Net: cos(primary, primary) + β · cos(fine, fine), in float64 and one by one."""
    query, gallery = halves(30, 1), halves(80, 2)
    score = np.zeros((30, 80))
    for i, q in enumerate(query.double().numpy()):
        for j, g in enumerate(gallery.double().numpy()):
            score[i, j] = q[:512] @ g[:512] + beta * (q[512:] @ g[512:])
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 6, n) for n in (30, 80)] + [rng.integers(0, 3, n) for n in (30, 80)]
    want = rank_distances(-score, *ids)
    try:
        model.method, kept = dataclasses.replace(model.method, beta=beta), model.method
        sides = [model.scored(x.double()) for x in (query, gallery)]
    finally:
        model.method = kept
    got = rank(*sides, *ids, metric=metric)
    assert np.array_equal(got.ap, want.ap, equal_nan=True)
    assert np.array_equal(got.inp, want.inp, equal_nan=True)
    assert np.array_equal(got.first_hit, want.first_hit)
    np.testing.assert_allclose((sides[0] @ sides[1].T).numpy(), score, atol=1e-6)


def test_features_are_those_of_embed_in_the_order_of_the_files(model, bench):
    paths = list(bench.query.paths)
    images = ImageTable(paths, *model.size, cache="memory")[np.arange(len(paths))]
    want = model.embed(images.float() / 255)
    for batch in (1, 5, 64):
        torch.testing.assert_close(extract(model, paths, batch), want, rtol=0, atol=1e-5)


def test_broken_images_are_named_or_collected(model, bench, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    paths = [str(bad), *bench.query.paths[:2], str(bad)]
    with pytest.raises(UserError, match=r"bad\.jpg"):
        extract(model, paths, 2)
    broken: list[int] = []
    found = extract(model, paths, 2, broken)
    assert broken == [0, 3]
    torch.testing.assert_close(found, extract(model, paths[1:3]), rtol=0, atol=1e-5)
    with pytest.raises(UserError, match="None of the 2 images"):
        extract(model, [str(bad)] * 2, 2, [])


def test_rows_begin_with_the_whole_feature_and_are_those_of_rank(model, bench):
    found = evaluate(model, bench)
    assert [r["features"] for r in found.rows] == ["f_prim + f_fine", "f_prim", "f_fine"]
    q, g = extract(model, bench.query.paths), extract(model, bench.gallery.paths)
    ids = (bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids)
    views = [(model.scored(q), model.scored(g)), (q[:, :512], g[:, :512]), (q[:, 512:], g[:, 512:])]
    for row, sides in zip(found.rows, views, strict=True):
        assert list(row) == KEYS
        assert {k: row[k] for k in KEYS[8:]} == pytest.approx(rank(*sides, *ids).row())
        assert (row["model"], row["data"]) == ("dgnet", str(bench))
        assert (row["queries"], row["valid_queries"], row["gallery"]) == (12, 12, 24)
    assert len({row["mAP"] for row in found.rows}) > 1
    json.dumps(found.rows)
    assert found.seconds["embed"] > 0 < found.seconds["rank"]


def test_the_model_trained_last_is_the_headline_and_gives_the_ranked_lists(model, baseline, bench):
    found = evaluate({"teacher": baseline, "joint": model}, bench)
    assert [(r["model"], r["features"]) for r in found.rows] == [
        ("joint", "f_prim + f_fine"),
        ("joint", "f_prim"),
        ("joint", "f_fine"),
        ("teacher", "teacher"),
    ]
    alone = evaluate(model, bench)
    assert found.ranked == alone.ranked
    assert found.ranked["features"] == "f_prim + f_fine"
    assert not evaluate(baseline, bench, lists=False).ranked


def test_ranked_lists_hold_the_nearest_valid_crops_and_their_distances(model, bench):
    for metric in ("cosine", "euclidean"):
        lists = evaluate(model, bench, metric=metric).ranked["lists"]
        assert [x["kind"] for x in lists].count("worst") == 4
        entry = lists[0]
        sides = [model.scored(extract(model, paths)) for paths in
                 ([entry["query"]["path"]], bench.gallery.paths)]  # fmt: skip
        cosine = metric == "cosine"
        distance = 1 - F.cosine_similarity(*sides) if cosine else torch.cdist(*sides)[0]
        pid, camid = entry["query"]["pid"], entry["query"]["camid"]
        valid = (bench.gallery.pids != pid) | (bench.gallery.camids != camid)
        order = np.argsort(np.where(valid, distance.numpy(), np.inf), kind="stable")[:10]
        shown = [r["distance"] for r in entry["results"]]
        np.testing.assert_allclose(shown, distance.numpy()[order], atol=1e-3)
        assert shown == sorted(shown)
        assert [r["right"] for r in entry["results"]] == [r["pid"] == pid for r in entry["results"]]


def test_several_protocols_rank_the_same_features(model, bench):
    names = list(PROTOCOLS)
    found = evaluate(model, bench, protocol=names, lists=False)
    assert [r["protocol"] for r in found.rows] == names * 3
    for name in names:
        alone = evaluate(model, bench, protocol=name, lists=False).rows
        assert [r for r in found.rows if r["protocol"] == name] == alone
    text = table(found.rows)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("f_prim + f_fine") == 1  # the three protocols stand under one name
    assert all(text.count(name) >= 3 for name in names)


def test_table_is_in_percent_and_names_protocol_and_distance(bench):
    row = {"features": "f", "protocol": "market1501", "metric": "cosine", "queries": 9,
           "valid_queries": 8, "gallery": 70, "mAP": 0.12345, "rank1": 1.0, "rank5": 1.0,
           "rank10": 1.0, "mINP": 0.0}  # fmt: skip
    head, line, foot = table([row]).splitlines()
    assert head.split() == ["features", "mAP", "rank1", "rank5", "rank10", "mINP"]
    assert line.split() == ["f", "12.35", "100.00", "100.00", "100.00", "0.00"]
    assert foot == "protocol market1501, cosine distance, 8 of 9 queries valid, 70 gallery crops"


def test_mistakes_are_found_before_anything_is_embedded(model, bench, monkeypatch):
    monkeypatch.setattr(evaluation, "extract", None)
    with pytest.raises(UserError, match="did you mean 'market1501'"):
        evaluate(model, bench, protocol="market150")
    with pytest.raises(UserError, match="did you mean 'euclidean'"):
        evaluate(model, bench, metric="euclid")
    with pytest.raises(UserError, match="has no query images"):
        evaluate(model, dataclasses.replace(bench, query=bench.query[:0]))


def test_image_files_are_found_in_folders_in_order(tmp_path):
    for name in ("b/2.jpg", "b/10.PNG", "b/.hidden.jpg", "b/.git/x.jpg", "b/notes.txt", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = image_files([tmp_path / "b", str(tmp_path / "a.jpg")])
    assert [p.removeprefix(f"{tmp_path}/") for p in found] == ["b/10.PNG", "b/2.jpg", "a.jpg"]
    with pytest.raises(UserError, match="no images in the folder"):
        image_files([tmp_path / "empty"])
    with pytest.raises(UserError, match=r"no image or folder .*gone\.jpg"):
        image_files([tmp_path / "gone.jpg"])


def test_saved_features_replace_a_file_whole(tmp_path, monkeypatch):
    path = save_features(tmp_path / "f.npz", torch.ones(2, 3), ["a", "größer.jpg"])
    monkeypatch.setattr(np, "savez", lambda file, **_: (file.write(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        save_features(path, torch.zeros(1, 3), ["b"])
    with np.load(path) as file:
        assert file["paths"].tolist() == ["a", "größer.jpg"]
        assert file["features"].dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == ["f.npz"]
