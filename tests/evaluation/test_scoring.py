import dataclasses
import itertools
import json

import numpy as np
import pytest
import torch

from lookalike.errors import UserError
from lookalike.evaluation import scoring
from lookalike.evaluation.scoring import PLAIN, EvaluationOptions, Stopwatch, check_options, score
from lookalike.metrics import (
    PROTOCOLS,
    bootstrap,
    query_expansion,
    rank,
    rank_distances,
    rerank,
    verify,
)

CPU = torch.device("cpu")
PLAIN_KEYS = [
    "protocol",
    "metric",
    "expand",
    "rerank",
    "verifier",
    "queries",
    "valid_queries",
    "gallery",
    "mAP",
    "rank1",
    "rank5",
    "rank10",
    "rank20",
    "mINP",
]
RATES = ["TPR@1e-2", "TPR@1e-3", "TPR@1e-4", "EER", "unmeasurable"]


@pytest.fixture(scope="module")
def sides():
    """12 people, 3 cameras, and a query of somebody who isn't in the gallery.

    The features have unequal lengths, so that the metrics differ.
    """
    rng = np.random.default_rng(0)
    people = rng.normal(size=(14, 6))
    people[0] = 0

    def images(pids):
        x = people[pids] + 0.9 * rng.normal(size=(len(pids), 6))
        return torch.from_numpy((x * rng.uniform(0.5, 2, (len(x), 1))).astype(np.float32))

    q_pids, g_pids = np.append(np.repeat(np.arange(1, 13), 2), 13), np.repeat(np.arange(-1, 13), 6)
    ids = (q_pids, g_pids, np.append(np.tile([0, 1], 12), 0), np.tile([0, 0, 1, 1, 2, 2], 14))
    return (images(q_pids), images(np.maximum(g_pids, 0))), ids


def asked(given, protocol):
    """The sides that the protocol ranks, picked one by one."""
    (query, gallery), (q_pids, g_pids, q_cams, g_cams) = given
    if not PROTOCOLS[protocol].merges_sides:
        return given
    feats, pids, cams = torch.cat([query, gallery]), [*q_pids, *g_pids], [*q_cams, *g_cams]
    real = [i for i, pid in enumerate(pids) if pid != -1]
    rows = [i for i in real if pids[i] in q_pids], real
    ids = [np.array([column[i] for i in side]) for column in (pids, cams) for side in rows]
    return tuple(feats[side] for side in rows), ids


def scored(given, options=PLAIN, protocols=("market1501",), metric="cosine"):
    clock = Stopwatch()
    found = score(*given, list(protocols), metric, options, CPU, clock)
    return found.rows, found.ranking, clock.seconds


@pytest.mark.parametrize(
    ("again", "expand", "rates", "confidence"),
    list(itertools.product([None, (7, 3, 0.4)], [0, 3], [False, True], [0.0, 0.9])),
)
def test_rows_keys_and_seconds_are_of_what_was_asked_for(sides, again, expand, rates, confidence):
    protocols = ["market1501", "market1501-trapezoid"]
    options = EvaluationOptions(again, expand, rates, confidence)
    rows, ranking, seconds = scored(sides, options, protocols)
    assert [row["protocol"] for row in rows] == protocols * (2 if again else 1)
    told = {"k1": 7, "k2": 3, "lambda": 0.4}
    assert [row["rerank"] for row in rows] == [None, None] + [told] * 2 * bool(again)
    for row in rows:
        want = set(PLAIN_KEYS)
        want |= set(RATES) if rates and not row["rerank"] else set()
        want |= {"confidence", "intervals"} if confidence else set()
        assert set(row) == want
        assert [key for key in row if key in PLAIN_KEYS] == PLAIN_KEYS
        assert (row["expand"], row["queries"], row["gallery"]) == (expand, 25, 84)
        assert row["valid_queries"] == 24
        assert row.get("confidence", 0) == confidence
    assert ranking.mAP == rows[0]["mAP"]
    ran = {
        "rank",
        "rerank" if again else "",
        "expand" if expand else "",
        "verify" if rates else "",
        "bootstrap" if confidence else "",
    } - {""}
    assert set(seconds) == ran
    assert min(seconds.values()) > 0
    written = json.loads(json.dumps(rows, allow_nan=False))
    for row, back in zip(rows, written, strict=True):
        ends = {name: list(pair) for name, pair in row.get("intervals", {}).items()}
        assert back == row | ({"intervals": ends} if confidence else {})


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_rows_are_those_of_rank_under_every_protocol(sides, metric):
    rows, ranking, _ = scored(sides, PLAIN, PROTOCOLS, metric)
    for row, protocol in zip(rows, PROTOCOLS, strict=True):
        feats, ids = asked(sides, protocol)
        want = rank(*feats, *ids, protocol=protocol, metric=metric)
        assert {key: row[key] for key in want.row()} == want.row()
        assert (row["queries"], row["gallery"]) == tuple(map(len, feats))
        assert (row["valid_queries"], row["metric"]) == (want.num_valid, metric)
    assert ranking.protocol == "market1501"
    assert len({row["mAP"] for row in rows}) > 2


@pytest.mark.parametrize("several", [False, True])
def test_protocols_that_come_to_the_same_are_counted_once(sides, monkeypatch, several):
    """Under other names, and with the numbers and intervals of each alone."""
    (query, gallery), ids = sides
    ids = ids if not several else (ids[0], ids[1], ids[2] * 0, ids[3])  # two queries are one
    counted = {"rank": [], "rank_distances": []}

    def spied(known, count):
        def spy(*args, **keywords):
            known.append(keywords["protocol"])
            return count(*args, **keywords)

        return spy

    for name, known in counted.items():
        monkeypatch.setattr(scoring, name, spied(known, getattr(scoring, name)))
    options = EvaluationOptions((7, 3, 0.4), confidence=0.9)
    found = scored(((query, gallery), ids), options, PROTOCOLS)[0]
    left_out = {"distractors-500k", "clothes-changing", "same-clothes"}
    left_out |= set() if several else {"market1501-multi-query", "multi-query-trapezoid"}
    for known in counted.values():
        counting = [name for name in PROTOCOLS if name not in left_out]
        assert known == sorted(counting, key=lambda name: PROTOCOLS[name].merges_sides)
    for i, name in enumerate(PROTOCOLS):
        alone = scored(((query, gallery), ids), options, [name])[0]
        assert [found[i], found[i + len(PROTOCOLS)]] == alone
        assert found[i]["protocol"] == name


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_re_ranked_rows_rank_the_distances_of_rerank(sides, metric):
    (query, gallery), ids = sides
    rows, ranking, _ = scored(sides, EvaluationOptions((7, 3, 0.4)), PROTOCOLS, metric)
    if metric == "cosine":  # in float64, by hand
        query, gallery = (x.double() / x.double().norm(dim=1, keepdim=True) for x in sides[0])
    for row, protocol in zip(rows[len(PROTOCOLS) :], PROTOCOLS, strict=True):
        feats, who = asked(((query, gallery), ids), protocol)
        distances = rerank(*feats, 7, 3, 0.4)
        want = rank_distances(distances, *who, protocol=protocol).row()
        assert {key: row[key] for key in want} == pytest.approx(want, abs=1e-12)
    assert ranking.mAP == rows[0]["mAP"] != rows[len(PROTOCOLS)]["mAP"]  # the headline is plain


def test_each_number_of_a_re_ranking_counts(sides):
    found = [
        scored(sides, EvaluationOptions(numbers))[0][1]["mAP"]
        for numbers in ((7, 3, 0.4), (12, 3, 0.4), (7, 1, 0.4), (7, 3, 0.9))
    ]
    assert len(set(found)) == 4


def test_a_re_ranking_of_cosines_knows_no_lengths(sides):
    (query, gallery), ids = sides
    length = torch.rand(len(gallery), 1, generator=torch.Generator().manual_seed(0)) + 0.5
    for metric, alike in (("cosine", True), ("euclidean", False)):
        one, other = (
            scored(((query, g), ids), EvaluationOptions((7, 3, 0.4)), metric=metric)[0][1]["mAP"]
            for g in (gallery, gallery * length)
        )
        assert (one == pytest.approx(other, abs=1e-12)) == alike


def test_expansion_comes_before_everything_else(sides):
    (query, gallery), ids = sides
    expanded = query_expansion(query, gallery, 3)
    all_of = EvaluationOptions((7, 3, 0.4), 0, True, 0.9)
    found, ranking, _ = scored(sides, dataclasses.replace(all_of, expand=3))
    want, plain, _ = scored(((expanded, gallery), ids), all_of)
    assert np.array_equal(ranking.ap, plain.ap, equal_nan=True)
    assert found == [row | {"expand": 3} for row in want]
    assert found[0]["mAP"] != scored(sides)[0][0]["mAP"]
    used = score(
        *sides, ["market1501"], "cosine", EvaluationOptions(expand=3), CPU, Stopwatch()
    ).features
    assert torch.equal(used[0], expanded)
    assert used[1] is gallery
    assert torch.equal(query, sides[0][0])  # the caller's features stay as they are


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_rates_are_those_of_verify(sides, metric):
    rows, _, _ = scored(
        sides, EvaluationOptions((7, 3, 0.4), rates=True), list(PROTOCOLS)[:2], metric
    )
    pairs = verify(*sides[0], *sides[1], metric=metric)
    for row in rows[:2]:
        assert {key: row[key] for key in RATES[:4]} == pairs.row()
        assert row["unmeasurable"] == ["TPR@1e-4"]  # 24 × 72 + 78 negatives
    assert 0 < pairs.eer < 0.5
    assert not {*RATES} & {*rows[2]}


def test_intervals_are_those_of_bootstrap(sides):
    rows, ranking, _ = scored(
        sides, EvaluationOptions((7, 3, 0.4), confidence=0.8), list(PROTOCOLS)[:2]
    )
    distances = rerank(*sides[0], 7, 3, 0.4, metric="cosine")
    rankings = [rank(*sides[0], *sides[1], protocol=row["protocol"]) for row in rows[:2]]
    rankings += [rank_distances(distances, *sides[1], protocol=row["protocol"]) for row in rows[2:]]
    for row, found in zip(rows, rankings, strict=True):
        assert row["intervals"] == bootstrap(found, sides[1][0], 0.8)
        low, high = row["intervals"]["mAP"]
        assert low < row["mAP"] < high
    wide = scored(sides, EvaluationOptions(confidence=0.99))[0][0]["intervals"]["mAP"]
    assert wide[0] < rows[0]["intervals"]["mAP"][0]
    assert np.array_equal(ranking.ap, rankings[0].ap, equal_nan=True)


def test_numpy_features_score_alike(sides):
    options = EvaluationOptions((7, 3, 0.4), 3, True, 0.9)
    arrays = tuple(x.numpy() for x in sides[0])
    assert scored((arrays, sides[1]), options)[0] == scored(sides, options)[0]


def test_a_part_takes_all_its_turns_together():
    times = iter([0.0, 1.0, 1.5, 4.0, 10.0, 30.0])
    clock = Stopwatch(times.__next__)
    for part in ("rank", "embed", "rank"):
        with clock(part):
            pass
    assert clock.seconds == {"rank": 1.0 + 20.0, "embed": 2.5}


def test_what_is_unknown_or_does_not_go_together_is_refused():
    check_options(list(PROTOCOLS), ["cosine", "euclidean"], PLAIN)
    check_options(["market1501"], ["cosine"], EvaluationOptions(expand=5))
    with pytest.raises(UserError, match="did you mean 'viper-10-splits'"):
        check_options(["market1501", "viper-10-split"], ["cosine"], PLAIN)
    with pytest.raises(UserError, match="Unknown metric 'dot'"):
        check_options(["market1501"], ["cosine", "dot"], PLAIN)
    with pytest.raises(UserError, match="choose the metric 'cosine'"):
        check_options(["market1501"], ["cosine", "euclidean"], EvaluationOptions(expand=5))
    with pytest.raises(UserError, match="choose the metric 'euclidean'"):
        check_options(["market1501"], ["euclidean", "cosine"], EvaluationOptions(verify=5))
