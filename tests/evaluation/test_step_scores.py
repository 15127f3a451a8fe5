"""Rows before and after steps: of which features they are, and what they say."""

import json

import numpy as np
import pytest
import torch

from lookalike.data import load
from lookalike.errors import UserError
from lookalike.evaluation import adapt_statistics, evaluate
from lookalike.evaluation.evaluation import evaluate_features
from lookalike.evaluation.features import extract
from lookalike.evaluation.scoring import EvaluationOptions
from lookalike.evaluation.steps import Steps, density
from lookalike.evaluation.text_tables import results_table
from lookalike.methods.dgnet import DGNet
from lookalike.methods.siamese import Siamese
from lookalike.metrics import query_expansion, rank, rank_distances, rerank, verify

NUMBERS = ("mAP", "rank1", "rank5", "rank10", "rank20", "mINP")
STEPS = Steps("deviation", 2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return DGNet(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=48,
                 structure_dim=2, mlp_dim=8).model(5)  # fmt: skip


@pytest.fixture(scope="module")
def bench(market):
    return load("market1501", market)


@pytest.fixture
def file(tmp_path):
    """A function that writes features of 12 persons in 3 cameras, with arrays changed."""
    rng = np.random.default_rng(0)
    people = rng.standard_normal((13, 8))
    arrays = {}
    for side, count in (("query", 36), ("gallery", 90)):
        pids, camids = np.arange(count) % 12 + 1, np.arange(count) // 12 % 3
        noise = rng.standard_normal((count, 8))
        shift = np.array([0, 2, -3])[camids][:, None]
        arrays |= {f"{side}_features": people[pids] + 0.7 * noise + shift,
                   f"{side}_pids": pids, f"{side}_camids": camids}  # fmt: skip

    def write(**changes):
        np.savez(tmp_path / "f.npz", **arrays | changes)
        return [tmp_path / "f.npz"]

    return write, arrays


def sides_of(arrays):
    feats = [arrays[f"{side}_features"] for side in ("query", "gallery")]
    ids = [arrays[f"{side}_{name}"] for name in ("pids", "camids") for side in ("query", "gallery")]
    return feats, ids


def test_plain_rows_first_then_everything_after_the_steps(file):
    write, arrays = file
    feats, ids = sides_of(arrays)
    options = EvaluationOptions((7, 3, 0.4), 2, rates=True, confidence=0.9, steps=STEPS)
    names = ["market1501", "market1501-trapezoid"]
    found = evaluate_features(write(), names, options=options)
    moved, record = STEPS.apply(feats, ids[2:])
    expanded = query_expansion(moved[0], moved[1], 2)
    distances = rerank(expanded, moved[1], 7, 3, 0.4, "cosine")
    want = [
        *(rank(*feats, *ids, protocol=name) for name in names),
        *(rank(expanded, moved[1], *ids, protocol=name) for name in names),
        *(rank_distances(distances, *ids, protocol=name) for name in names),
    ]
    assert len(found.rows) == 6
    for row, ranking in zip(found.rows, want, strict=True):
        assert {name: row[name] for name in NUMBERS} == pytest.approx(ranking.row())
        assert "intervals" in row
    plain, stepped, again = found.rows[::2]
    assert (plain["steps"], plain["steps_set"], plain["expand"]) == ([], [], 0)
    for row in (stepped, again):
        assert {"steps": row["steps"], "steps_set": row["steps_set"]} == record.row()
        assert row["expand"] == 2
    assert plain["ID2"] == pytest.approx(density(feats, ids[:2], None))
    assert stepped["ID2"] == again["ID2"] == pytest.approx(density(moved, ids[:2], None))
    assert stepped["ID2"] < plain["ID2"]
    assert plain["EER"] == pytest.approx(verify(*feats, *ids).eer)
    assert stepped["EER"] == pytest.approx(verify(expanded, moved[1], *ids).eer)
    assert "EER" not in again
    assert set(found.seconds) >= {"steps", "rank", "rerank", "expand"}
    assert json.loads(json.dumps(found.rows, allow_nan=False))


def test_without_steps_nothing_is_said_of_them(file):
    write, _ = file
    assert not {"steps", "steps_set", "ID2"} & set(evaluate_features(write()).rows[0])


def test_each_view_of_a_model_has_its_own_steps(model, bench):
    found = evaluate(model, bench, lists=False, options=EvaluationOptions(steps=STEPS))
    q, g = (extract(model, people.paths) for people in (bench.query, bench.gallery))
    ids = bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids
    views = [slice(None), *model.parts.values()]
    assert len(found.rows) == 6
    for part, plain, stepped in zip(views, found.rows[::2], found.rows[1::2], strict=True):
        sides, _ = STEPS.apply((q[:, part], g[:, part]), ids[2:])
        assert {k: plain[k] for k in NUMBERS} == pytest.approx(
            rank(q[:, part], g[:, part], *ids).row()
        )
        assert {k: stepped[k] for k in NUMBERS} == pytest.approx(rank(*sides, *ids).row())
        assert (bool(plain["steps"]), bool(stepped["steps"])) == (False, True)
    # 12 queries and 24 gallery crops of three cameras: 12 of each
    assert found.notes == {"market1501": "cameras 0, 1, 2 with fewer than 20 images: only centred."}
    assert found.images == 36


def test_adapted_statistics_are_a_step_of_their_own(model, bench):
    steps = Steps(adabn=True, neighbours=1)
    found = evaluate(model, bench, lists=False, options=EvaluationOptions(steps=steps))
    adapted = adapt_statistics(model, [*bench.query.paths, *bench.gallery.paths])
    sides = [extract(adapted, people.paths) for people in (bench.query, bench.gallery)]
    ids = bench.query.pids, bench.gallery.pids, bench.query.camids, bench.gallery.camids
    moved, _ = Steps(neighbours=1).apply(sides, ids[2:])
    plain, stepped = found.rows[:2]
    assert {k: plain[k] for k in NUMBERS} == pytest.approx(
        {k: evaluate(model, bench, lists=False).rows[0][k] for k in NUMBERS}
    )
    assert {k: stepped[k] for k in NUMBERS} == pytest.approx(rank(*moved, *ids).row())
    assert stepped["steps"] == ["adabn", "neighbours 1"]
    assert stepped["steps_set"][0] == "queries and gallery together"
    assert found.images == 72
    assert {"adapt", "steps", "embed"} < set(found.seconds)


def test_the_steps_that_cannot_be_taken_are_refused(file, bench):
    write, arrays = file
    with pytest.raises(UserError, match="adabn is done to a model, and these are features"):
        evaluate_features(write(), options=EvaluationOptions(steps=Steps(adabn=True)))
    torch.manual_seed(0)
    siamese = Siamese(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32,
                      ).model(5)  # fmt: skip
    options = EvaluationOptions(verify=5, steps=Steps("mean"))
    with pytest.raises(UserError, match="A verifier compares features as its model makes them"):
        evaluate(siamese, bench, options=options)
    only_ids = {name: x for name, x in arrays.items() if not name.endswith("features")}
    (path,) = write()
    np.savez(path, distances=np.zeros((36, 90)), **only_ids)
    with pytest.raises(UserError, match="steps need features, and these are distances"):
        evaluate_features([path], options=EvaluationOptions(steps=Steps("mean")))


@pytest.mark.parametrize("protocols", [["market1501"], ["market1501", "viper-10-splits"]])
def test_the_table_names_steps_and_set_and_fits(file, protocols):
    write, _ = file
    options = EvaluationOptions((7, 3, 0.4), 2, rates=True, confidence=0.9, steps=STEPS)
    found = evaluate_features(write(), protocols, options=options)
    lines = results_table(found).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(line.strip() for line in lines)
    assert (
        "with steps: cameras deviation (queries and gallery together), neighbours 2 (queries and "
        "gallery apart)"
    ) in text
    heads = [line for line in lines if line.startswith("features")]
    plain, stepped = (f"{found.rows[i]['ID2']:.3f}" for i in (0, len(protocols)))
    if len(protocols) == 1:
        assert heads[0].endswith(" ID2")
        assert next(x for x in lines if x.startswith("f ")).endswith(f" {plain}")
        assert next(x for x in lines if x.startswith("  with steps")).endswith(f" {stepped}")
        again = next(x for x in lines if x.startswith("  re-ranked"))
        assert len(again.split()) == 7  # it moves no feature
    else:
        assert "ID2" not in heads[0]
        assert f"less is denser: f {plain} → {stepped}" in text
    assert sum(line.startswith("  with steps") for line in lines) == 2  # ranked, then rates


def test_nobodys_features_have_no_density(file):
    write, arrays = file
    pids = {f"{side}_pids": 0 * arrays[f"{side}_pids"] for side in ("query", "gallery")}
    found = evaluate_features(write(**pids), options=EvaluationOptions(steps=Steps("mean")))
    assert [row["ID2"] for row in found.rows] == [None, None]
    assert results_table(found).splitlines()[1].endswith(" –")


def test_steps_of_features_in_files_are_told(file):
    write, _ = file
    found = evaluate_features(write(steps=np.array(["neighbours 2 (these images)"])))
    assert found.notes["market1501"] == (
        "the features come after the steps neighbours 2 (these images)."
    )
    for foreign in (np.arange(3), np.array([{}], object), np.array("x")):
        assert not evaluate_features(write(steps=foreign)).notes  # somebody else's array
