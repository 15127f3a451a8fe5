import copy
import dataclasses
import json
import os
import re
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lookalike.data import load
from lookalike.data.image_table import ImageTable
from lookalike.errors import UserError
from lookalike.evaluation import evaluation
from lookalike.evaluation.evaluation import evaluate, evaluate_features
from lookalike.evaluation.features import extract, save_features
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.evaluation.text_tables import results_table
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.metrics import PROTOCOLS, query_expansion, rank, rank_distances, rerank, verify

KEYS = ["features", "model", "data", "protocol", "metric", "expand", "rerank", "verifier",
        "queries", "valid_queries", "gallery",
        "mAP", "rank1", "rank5", "rank10", "rank20", "mINP"]  # fmt: skip
NUMBERS = KEYS[-6:]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DGNet(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=48,
                 structure_dim=2, mlp_dim=8).model(5)  # fmt: skip


@pytest.fixture(scope="module")
def baseline():
    torch.manual_seed(1)
    return IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32).model(5)


@pytest.fixture(scope="module")
def bench(market):
    return load("market1501", market)


@pytest.fixture(scope="module")
def sides(model):
    """β → features in float64 of 12 queries and a gallery of 28."""
    model = copy.deepcopy(model).double()
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(40, 3, *model.size, generator=rng)

    @cache
    def sides(beta):
        model.method = dataclasses.replace(model.method, beta=beta)
        return model.embed(images).split([12, 28])

    return sides


@pytest.mark.parametrize("beta", [0.0, 0.1, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_features_rank_as_the_papers_score_does(model, sides, beta, metric):
    """DG-Net: cos(primary, primary) + β · cos(fine, fine), in float64 and one by one."""
    halves = [side.view(-1, 2, 512) for side in sides(1.0)]
    assert all((half.norm(dim=2) - 1).abs().max() < 1e-12 for half in halves)
    score = np.zeros((12, 28))
    for i, q in enumerate(halves[0].numpy()):
        for j, g in enumerate(halves[1].numpy()):
            score[i, j] = q[0] @ g[0] + beta * (q[1] @ g[1])
    rng = np.random.default_rng(0)
    ids = [rng.integers(1, 6, n) for n in (12, 28)] + [rng.integers(0, 3, n) for n in (12, 28)]
    want = rank_distances(-score, *ids)
    query, gallery = sides(beta)
    got = rank(query, gallery, *ids, metric=metric)
    assert np.array_equal(got.ap, want.ap, equal_nan=True)
    assert np.array_equal(got.inp, want.inp, equal_nan=True)
    assert np.array_equal(got.first_hit, want.first_hit)
    np.testing.assert_allclose((query @ gallery.T).numpy(), score, atol=1e-12)
    for k, part in enumerate(model.parts.values()):  # ranked on its own, whatever β is
        own, alone = ([x[:, k] for x in halves], [x[:, part] for x in (query, gallery)])
        for a, b in ((own, alone), ([x.float() for x in own], [x.float() for x in alone])):
            row = rank(*b, *ids, metric="cosine").row()
            assert row == pytest.approx(rank(*a, *ids, metric="cosine").row())


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
    for row, sides in zip(found.rows, views(q, g), strict=True):
        assert list(row) == KEYS
        assert {k: row[k] for k in NUMBERS} == pytest.approx(rank(*sides, *ids).row())
        assert (row["model"], row["data"]) == ("dgnet", str(bench))
        assert (row["expand"], row["rerank"]) == (0, None)
        assert (row["queries"], row["valid_queries"], row["gallery"]) == (12, 12, 24)
    assert len({row["mAP"] for row in found.rows}) > 1
    assert json.loads(json.dumps(found.rows, allow_nan=False)) == found.rows
    assert set(found.seconds) == {"embed", "rank"}
    assert min(found.seconds.values()) > 0
    assert not found.notes


def views(query, gallery):
    """DG-Net's two sides as the whole, the primary and the fine half."""
    halves = [(query[:, s], gallery[:, s]) for s in (slice(0, 512), slice(512, 1024))]
    return [(query, gallery), *halves]


def test_each_view_is_expanded_re_ranked_and_verified_on_its_own(model, bench):
    names = ["market1501", "market1501-trapezoid"]
    options = EvaluationOptions((5, 2, 0.4), 2, True, 0.9)
    found = evaluate(model, bench, protocol=names, options=options, lists=False)
    q, g = extract(model, bench.query.paths), extract(model, bench.gallery.paths)
    ids = (bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids)
    for i, (query, gallery) in enumerate(views(q, g)):
        query = query_expansion(query, gallery, 2)
        distances = rerank(query, gallery, 5, 2, 0.4, "cosine")
        want = [rank(query, gallery, *ids, protocol=name) for name in names]
        want += [rank_distances(distances, *ids, protocol=name) for name in names]
        rows = found.rows[4 * i : 4 * i + 4]
        assert [row["protocol"] for row in rows] == names * 2
        assert [bool(row["rerank"]) for row in rows] == [False, False, True, True]
        for row, ranking in zip(rows, want, strict=True):
            assert {k: row[k] for k in NUMBERS} == pytest.approx(ranking.row())
            assert row["intervals"]["mAP"][0] <= row["mAP"] <= row["intervals"]["mAP"][1]
        rates = verify(query, gallery, *ids).row()
        assert {k: rows[0][k] for k in rates} == pytest.approx(rates)
    assert set(found.seconds) == {"embed", "expand", "rank", "verify", "rerank", "bootstrap"}
    assert len({row["mAP"] for row in found.rows if row["protocol"] == names[0]}) > 3


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
        sides = [extract(model, p) for p in ([entry["query"]["path"]], bench.gallery.paths)]
        cosine = metric == "cosine"
        distance = 1 - F.cosine_similarity(*sides) if cosine else torch.cdist(*sides)[0]
        pid, camid = entry["query"]["pid"], entry["query"]["camid"]
        valid = (bench.gallery.pids != pid) | (bench.gallery.camids != camid)
        order = np.argsort(np.where(valid, distance.numpy(), np.inf), kind="stable")[:10]
        shown = [r["distance"] for r in entry["results"]]
        np.testing.assert_allclose(shown, distance.numpy()[order], atol=1e-3)
        assert shown == sorted(shown)
        assert [r["right"] for r in entry["results"]] == [r["pid"] == pid for r in entry["results"]]


def test_ranked_lists_of_expanded_queries_are_theirs(model, bench):
    """The lists shown beside an AP are the ones it scores."""
    found = evaluate(model, bench, options=EvaluationOptions(expand=2)).ranked["lists"]
    q, g = (extract(model, x.paths) for x in (bench.query, bench.gallery))
    ids = (bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids)
    expanded = query_expansion(q, g, 2)
    ap = rank(expanded, g, *ids).ap
    distance = 1 - expanded @ F.normalize(g, dim=1).T
    rows = {os.path.abspath(path): i for i, path in enumerate(bench.query.paths)}
    columns = {os.path.abspath(path): j for j, path in enumerate(bench.gallery.paths)}
    for entry in found:
        i = rows[entry["query"]["path"]]
        assert entry["ap"] == ap[i]
        want = [float(distance[i, columns[r["path"]]]) for r in entry["results"]]
        np.testing.assert_allclose([r["distance"] for r in entry["results"]], want, atol=1e-5)
        rights = [place for place, r in enumerate(entry["results"], 1) if r["right"]]
        if len(rights) == (ids[1] == ids[0][i])[ids[3] != ids[2][i]].sum():
            assert ap[i] == pytest.approx(np.mean(np.arange(1, len(rights) + 1) / rights))
    plain = evaluate(model, bench).ranked["lists"]
    assert not np.allclose(plain[0]["results"][0]["distance"], found[0]["results"][0]["distance"])


def test_several_protocols_rank_the_same_features(model, bench):
    names = list(PROTOCOLS)
    found = evaluate(model, bench, protocol=names, lists=False)
    assert [r["protocol"] for r in found.rows] == names * 3
    for name in names:
        alone = evaluate(model, bench, protocol=name, lists=False).rows
        assert [r for r in found.rows if r["protocol"] == name] == alone
    assert list(found.notes) == [
        n for n in names[2:] if n != "open-reid"
    ]  # the drawn people are nobody's classic split
    text = results_table(found)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("f_prim + f_fine") == 1  # all protocols stand under one name
    assert all(text.count(name) >= 3 for name in names)


def test_the_splits_of_a_benchmark_are_those_that_are_ranked(model, bench):
    """CUHK03's: every row is the mean of the splits', re-ranked ones too, and no caveat remains."""
    name, single = "cuhk03-20-splits", "cuhk03-single-shot"
    persons = bench.query.classes.tolist()
    splits = tuple(tuple(persons[k % len(persons) :][:2] or persons[:2]) for k in range(20))
    assert len({len(split) for split in splits}) == 2  # with unequal numbers of queries
    own = dataclasses.replace(bench, protocol=name, splits=splits)
    options = EvaluationOptions((5, 2, 0.4), confidence=0.9)
    found = evaluate(model, own, lists=False, options=options)
    assert not found.notes
    q, g = (extract(model, people.paths) for people in (bench.query, bench.gallery))
    distances = rerank(q, g, 5, 2, 0.4, metric="cosine")
    others = np.isin(bench.gallery.pids, persons)
    want = {False: [], True: []}
    for pids in splits:
        a = np.isin(bench.query.pids, pids)
        b = np.isin(bench.gallery.pids, pids) | ~others
        ids = bench.query.pids[a], bench.gallery.pids[b], bench.query.camids[a]
        ids = (*ids, bench.gallery.camids[b])
        want[False].append(rank(q[a], g[b], *ids, protocol=single).row())
        want[True].append(rank_distances(distances[a][:, b], *ids, protocol=single).row())
    for row in (found.rows[0], found.rows[1]):
        rows = want[bool(row["rerank"])]
        mean = {key: np.mean([r[key] for r in rows]) for key in NUMBERS}
        assert {key: row[key] for key in NUMBERS} == pytest.approx(mean, abs=1e-6)
    drawn = evaluate(model, dataclasses.replace(own, splits=()), lists=False)
    assert drawn.notes[name].startswith("who is in which split isn't known")


def test_features_of_files_are_scored_as_those_of_the_model(model, bench, tmp_path):
    files = [tmp_path / "q.npz", tmp_path / "g.npz"]
    for file, people in zip(files, (bench.query, bench.gallery), strict=True):
        save_features(file, extract(model, people.paths), people.paths, people)
    options = EvaluationOptions((5, 2, 0.4), 2, True, 0.9)
    names = list(PROTOCOLS)
    found = evaluate_features(files, names, "cosine", options)
    want = evaluate(model, bench, names, "cosine", options=options)
    about = {"features": "q, g", "model": "", "data": f"{files[0]} {files[1]}"}
    assert found.rows == [row | about for row in want.rows[: 2 * len(names)]]
    assert found.notes == want.notes
    assert not found.ranked
    assert set(found.seconds) == set(want.seconds) - {"embed"} | {"read"}
    file = features_file(tmp_path / "some.feats.npz")
    assert evaluate_features([file]).rows[0]["features"] == "some.feats"
    first = evaluate_features(files)
    assert [(r["protocol"], r["metric"]) for r in first.rows] == [("market1501", "cosine")]
    euclidean = evaluate_features([str(f) for f in files], "market1501-trapezoid", "euclidean")
    assert euclidean.rows[0]["metric"] == "euclidean"


def features_file(path, **changed):
    rng = np.random.default_rng(0)
    arrays = {"query_features": rng.normal(size=(4, 3)), "query_pids": np.array([1, 1, 2, 3]),
              "query_camids": np.zeros(4, int), "gallery_features": rng.normal(size=(6, 3)),
              "gallery_pids": np.array([-1, 0, 1, 2, 3, 3]),
              "gallery_camids": np.ones(6, int)} | changed  # fmt: skip
    np.savez(path, **arrays)
    return path


def test_features_that_cannot_be_ranked_are_told(tmp_path):
    bad = np.ones((4, 3))
    bad[[1, 3], 2] = np.nan
    cases = {
        r"Query features hold NaN or infinity in 2 of 4 rows \(1, 3\)": {"query_features": bad},
        r"Gallery features hold NaN or infinity in 1 of 6 rows \(2\)": {
            "gallery_features": np.where(np.arange(6)[:, None] == 2, np.inf, 1.0) * np.ones(3)
        },
        "no identity number occurs on both sides": {"query_pids": np.full(4, 7)},
        "only from their own camera": {"query_camids": np.ones(4, int)},
        r"Every gallery image is junk \(pid −1\)": {"gallery_pids": np.full(6, -1)},
        r"Query features of shape \(0, 3\) are empty": {
            "query_features": np.ones((0, 3)), "query_pids": np.ones(0, int),
            "query_camids": np.ones(0, int)},
    }  # fmt: skip
    for sentence, changed in cases.items():
        file = features_file(tmp_path / "f.npz", **changed)
        for options in (EvaluationOptions(), EvaluationOptions((2, 1, 0.3), 1, True, 0.9)):
            for protocol in PROTOCOLS:
                # Under open-reid the queries, all of one camera here, are in the gallery.
                own = protocol == "open-reid" and re.search("identity|junk", sentence)
                says = "only from their own camera" if own else sentence
                with pytest.raises(UserError, match=says):
                    evaluate_features([file], protocol, options=options)
    assert len(evaluate_features([features_file(tmp_path / "f.npz")], list(PROTOCOLS)).rows) == len(
        PROTOCOLS
    )


def test_persons_numbered_from_0_are_told(tmp_path):
    file = features_file(tmp_path / "f.npz", query_pids=np.array([0, 1, 0, 3]))
    notes = evaluate_features([file], list(PROTOCOLS)).notes
    assert list(notes) == list(PROTOCOLS)
    told = {name: note.split(" have pid 0, the number of distr")[0] for name, note in notes.items()}
    assert told.pop("open-reid") == "3 queries"  # a distractor asks too
    assert all(note.endswith("2 queries") for note in told.values())


def test_nothing_is_read_for_an_unknown_name(tmp_path):
    with pytest.raises(UserError, match="did you mean 'market1501'"):
        evaluate_features([tmp_path / "gone.npz"], "market150")
    with pytest.raises(UserError, match="did you mean 'euclidean'"):
        evaluate_features([tmp_path / "gone.npz"], metric="euclid")
    with pytest.raises(UserError, match="choose the metric 'cosine'"):
        evaluate_features(
            [tmp_path / "gone.npz"], metric="euclidean", options=EvaluationOptions(expand=1)
        )


def test_mistakes_are_found_before_anything_is_embedded(model, bench, monkeypatch):
    monkeypatch.setattr(evaluation, "extract", None)
    with pytest.raises(UserError, match="did you mean 'market1501'"):
        evaluate(model, bench, protocol="market150")
    with pytest.raises(UserError, match="did you mean 'euclidean'"):
        evaluate(model, bench, metric="euclid")
    with pytest.raises(UserError, match="choose the metric 'cosine'"):
        evaluate(model, bench, metric="euclidean", options=EvaluationOptions(expand=5))
    with pytest.raises(UserError, match="has no query images"):
        evaluate(model, dataclasses.replace(bench, query=bench.query[:0]))


def test_saved_features_replace_a_file_whole(tmp_path, monkeypatch):
    path = save_features(tmp_path / "f.npz", torch.ones(2, 3), ["a", "größer.jpg"])
    monkeypatch.setattr(np, "savez", lambda file, **_: (file.write(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        save_features(path, torch.zeros(1, 3), ["b"])
    with np.load(path) as file:
        assert file["paths"].tolist() == ["a", "größer.jpg"]
        assert file["features"].dtype == np.float32
    assert [p.name for p in tmp_path.iterdir()] == ["f.npz"]
