"""Rows of a model's verifier, and of the protocol in which every image of a person asks."""

import dataclasses
import json
import os

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from lookalike.cli import main
from lookalike.data import People, load
from lookalike.errors import UserError
from lookalike.evaluation import evaluation
from lookalike.evaluation.evaluation import evaluate, evaluate_features
from lookalike.evaluation.features import extract, save_features
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.methods.fdgan import FDGAN
from lookalike.methods.ide import IDE
from lookalike.methods.model_file import save_model
from lookalike.metrics import rank, rank_distances, verifier_rerank

NUMBERS = ("mAP", "rank1", "rank5", "rank10", "rank20", "mINP")


@pytest.fixture(scope="module")
def model():
    """A tiny FD-GAN whose verifier has something to say."""
    torch.manual_seed(0)
    found = FDGAN(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32,
                  generator_dim=2, dis_dim=2, pose_dim=4, noise_dim=4).model(5)  # fmt: skip
    for p in found.verifier.parameters():
        torch.nn.init.normal_(p, std=0.3)
    return found


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    return str(save_model(model, tmp_path_factory.mktemp("fdgan") / "model.safetensors"))


@pytest.fixture(scope="module")
def bench(market):
    return load("market1501", market)


@pytest.fixture(scope="module")
def merged(market, tmp_path_factory):
    """The rendered benchmark as open-reid arranges it: the queries are among the images."""
    root = tmp_path_factory.mktemp("openreid")
    (root / "images").mkdir()
    bench = load("market1501", market)
    persons: dict[int, list[list[str]]] = {}
    for split in (bench.train, bench.query, bench.gallery):
        for path, pid, camid in zip(split.paths, split.pids, split.camids, strict=True):
            cameras = persons.setdefault(int(pid) - 1, [[], [], []])
            cameras[camid].append(f"{pid - 1:08d}_{camid:02d}_{len(cameras[camid]):04d}.png")
            with Image.open(path) as image:
                image.save(root / "images" / cameras[camid][-1])
    listed = [persons.get(pid, [[], [], []]) for pid in range(max(persons) + 1)]
    (root / "meta.json").write_text(json.dumps({"identities": listed}))
    tested = np.unique(bench.query.pids - 1).tolist()
    train = np.unique(bench.train.pids - 1).tolist()
    split = {"trainval": train, "query": tested, "gallery": tested}
    (root / "splits.json").write_text(json.dumps([split]))
    return root


def numbers(row):
    return {key: row[key] for key in NUMBERS}


@pytest.mark.parametrize("k", [1, 5, 100])
def test_verified_rows_stand_beside_the_plain_ones(model, bench, k):
    found = evaluate(model, bench, lists=False, options=EvaluationOptions(verify=k))
    q, g = extract(model, bench.query.paths), extract(model, bench.gallery.paths)
    ids = (bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids)
    distances = verifier_rerank(q, g, model.verify, k)
    want = [rank(q, g, *ids, metric="euclidean"), rank_distances(distances, *ids)]
    assert [row["verifier"] for row in found.rows] == [None, k]
    assert [row["features"] for row in found.rows] == ["fdgan", "fdgan"]
    for row, ranking in zip(found.rows, want, strict=True):
        assert numbers(row) == pytest.approx(ranking.row())
        assert (row["metric"], row["rerank"], row["gallery"]) == ("euclidean", None, 24)
    if k > 1:
        assert found.rows[0]["mAP"] != found.rows[1]["mAP"]
    assert set(found.seconds) == {"embed", "rank", "verifier"}


def test_parts_are_not_verified_for_a_verifier_compares_whole_features(model, bench, monkeypatch):
    monkeypatch.setattr(type(model), "parts", {"one": slice(0, 32), "other": slice(32, 64)})
    rows = evaluate(model, bench, lists=False, options=EvaluationOptions(verify=5)).rows
    assert [(row["features"], row["verifier"]) for row in rows] == [
        ("one + other", None), ("one + other", 5), ("one", None), ("other", None)]  # fmt: skip


def test_everything_together_and_in_order(model, bench):
    names = ["open-reid", "market1501"]
    options = EvaluationOptions((5, 2, 0.3), 0, True, 0.9, 10)
    rows = evaluate(model, bench, names, lists=False, options=options).rows
    assert [(row["protocol"], bool(row["rerank"]), row["verifier"]) for row in rows] == [
        ("open-reid", False, None), ("market1501", False, None),
        ("open-reid", True, None), ("market1501", True, None),
        ("open-reid", False, 10), ("market1501", False, 10)]  # fmt: skip
    assert [row["queries"] for row in rows] == [36, 12] * 3
    assert [row["gallery"] for row in rows] == [36, 24] * 3
    assert ["EER" in row for row in rows] == [True, True] + [False] * 4
    assert all(low <= row["mAP"] <= high for row in rows for low, high in [row["intervals"]["mAP"]])
    alone = [evaluate(model, bench, name, lists=False, options=options).rows for name in names]
    assert rows == [alone[i % 2][i // 2] for i in range(6)]


def test_junk_takes_nobodys_place_among_the_nearest(model, bench):
    """A copy of each query that counts for nothing would leave a verifier of one with that."""
    junk = np.arange(len(bench.gallery)) < 8
    gallery = bench.gallery
    paths = np.where(junk, bench.query.paths[np.arange(len(junk)) % 12], gallery.paths)
    broken = type(gallery)(paths, np.where(junk, -1, gallery.pids), gallery.camids)
    given = type(bench)("x", bench.root, bench.train, bench.query, broken)
    left = type(bench)("x", bench.root, bench.train, bench.query, gallery[~junk])
    got, want = (evaluate(model, b, lists=False, options=EvaluationOptions(verify=3)).rows[1]
                 for b in (given, left))  # fmt: skip
    assert numbers(got) == pytest.approx(numbers(want))


def test_the_sides_of_open_reid_are_all_images_of_the_tested(model, bench):
    found = evaluate(model, bench, protocol="open-reid")
    (row,) = found.rows
    assert (row["protocol"], row["queries"], row["gallery"]) == ("open-reid", 36, 36)
    feats = extract(model, [*bench.query.paths, *bench.gallery.paths])
    pids = np.concatenate([bench.query.pids, bench.gallery.pids])
    cams = np.concatenate([bench.query.camids, bench.gallery.camids])
    want = rank(feats, feats, pids, pids, cams, cams, metric="euclidean")
    assert numbers(row) == pytest.approx(want.row())
    assert not found.notes
    assert found.images == 36
    plain = evaluate(model, bench).rows[0]
    assert plain["protocol"] == "market1501"
    assert plain["mAP"] != row["mAP"]


def test_ranked_lists_of_open_reid_show_those_who_ask(model, bench):
    lists = evaluate(model, bench, protocol="open-reid").ranked["lists"]
    both = [*bench.query.paths, *bench.gallery.paths]
    assert any(entry["query"]["path"] in set(bench.gallery.paths) for entry in lists)
    for entry in lists:
        asked = entry["query"]
        query, *results = extract(model, [asked["path"], *(r["path"] for r in entry["results"])])
        for result, feature in zip(entry["results"], results, strict=True):
            assert (result["pid"], result["camid"]) != (asked["pid"], asked["camid"])
            assert result["right"] == (result["pid"] == asked["pid"])
            away = float(F.pairwise_distance(query[None], feature[None]))
            assert result["distance"] == pytest.approx(away, abs=1e-3)
            assert result["path"] in both


def test_an_image_on_both_sides_is_embedded_once(model, bench, merged, monkeypatch):
    paths = []
    real = evaluation.extract
    monkeypatch.setattr(evaluation, "extract", lambda m, p, b: paths.extend(p) or real(m, p, b))
    there = load("openreid", merged)
    found = evaluate(model, there)
    assert len(paths) == len(set(paths)) == 36 == found.images
    assert (found.rows[0]["protocol"], found.rows[0]["queries"]) == ("open-reid", 36)
    want = evaluate(model, bench, protocol="open-reid").rows[0]
    # The files are the same, in another order.
    assert numbers(found.rows[0]) == pytest.approx(numbers(want))
    assert found.rows[0]["gallery"] == 36
    assert not found.notes


def test_a_standard_name_for_merged_sides_is_told(model, bench, merged):
    """All ask, for that is what the benchmark says: the numbers are those of open-reid."""
    found = evaluate(
        model, load("openreid", merged), ["market1501", "open-reid", "viper-10-splits"]
    )
    assert numbers(found.rows[0]) == numbers(found.rows[1])
    told = "all 36 queries are gallery crops too: this is open-reid in all but name."
    assert found.notes["market1501"] == told
    assert found.notes["viper-10-splits"].endswith(f"632 and 316. {told}")
    assert "open-reid" not in found.notes
    assert list(found.notes) == ["market1501", "viper-10-splits"]
    # One image on both sides doesn't make it so.
    one = dataclasses.replace(bench, query=People(
        [bench.gallery.paths[0], *bench.query.paths], [bench.gallery.pids[0], *bench.query.pids],
        [bench.gallery.camids[0], *bench.query.camids]))  # fmt: skip
    assert not evaluate(model, one, "market1501").notes


def test_features_of_files_know_their_twins_by_their_paths(model, merged, tmp_path):
    there = load("openreid", merged)
    want = evaluate(model, there, ["open-reid", "market1501"]).rows
    files = [tmp_path / "q.npz", tmp_path / "g.npz"]
    for to, people in zip(files, (there.query, there.gallery), strict=True):
        save_features(to, extract(model, people.paths), people.paths, people)
    found = evaluate_features(files, ["open-reid", "market1501"], "euclidean").rows
    for got, row in zip(found, want, strict=True):
        assert numbers(got) == pytest.approx(numbers(row))
        assert (got["queries"], got["gallery"]) == (36, 36)


def test_who_has_no_verifier_says_so(model, bench, monkeypatch):
    torch.manual_seed(1)
    plain = IDE(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32).model(5)
    both = evaluate({"ide": plain, "fdgan": model}, bench, None, "euclidean",
                    lists=False, options=EvaluationOptions(verify=5))  # fmt: skip
    assert [(row["model"], row["verifier"]) for row in both.rows] == [
        ("fdgan", None), ("fdgan", 5), ("ide", None)]  # fmt: skip
    monkeypatch.setattr(evaluation, "extract", None)  # before anything is embedded
    with pytest.raises(UserError, match="ide has no verifier"):
        evaluate(plain, bench, metric="euclidean", options=EvaluationOptions(verify=5))
    with pytest.raises(UserError, match="choose the metric 'euclidean'"):
        evaluate(model, bench, metric="cosine", options=EvaluationOptions(verify=5))
    monkeypatch.setattr(model, "without", {"verifier"})
    with pytest.raises(UserError, match="fdgan has no verifier"):
        evaluate(model, bench, options=EvaluationOptions(verify=5))


def test_the_command(file, market, merged, capsys):
    words = ["evaluate", file, "--data", f"market1501:{market}"]
    assert main([*words, "--verify", "--protocol", "all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  verified") for line in lines)
    assert "verified: a query's 100 nearest re-scored by the model's verifier" in lines
    assert "queries valid (open-reid 36 of 36)" in " ".join(lines).replace("  ", " ")
    assert any("re-scoring" in line for line in lines)
    for flags, want in ((["--verify", "7"], 7), (["--verify"], 100)):
        assert main([*words, *flags, "--json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        assert [row["verifier"] for row in rows] == [None, want]
    assert main(["evaluate", file, "--data", f"openreid:{merged}"]) == 0
    told = capsys.readouterr().out
    assert "open-reid, euclidean distance, 36 of 36 queries valid, 36 gallery crops" in told
    assert main([*words, "--verify", "--metric", "cosine"]) == 2
    assert "choose the metric 'euclidean'" in capsys.readouterr().err
    assert main(["evaluate", "--features", os.devnull, "--verify"]) == 2
    assert "--verify goes with MODEL" in capsys.readouterr().err
