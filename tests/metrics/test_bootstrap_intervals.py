"""Intervals against resampling by hand, and whether they hold what they promise."""

import numpy as np
import pytest
from helpers.rankings import NAMES, people
from literal import ranking as literal

from lookalike.metrics import bootstrap, rank, rank_distances
from lookalike.metrics import bootstrap_intervals as intervals
from lookalike.metrics.images import mean_intervals
from lookalike.metrics.protocols import PROTOCOLS
from lookalike.metrics.ranking_scores import Ranking

KEYS = ("mAP", "rank1", "rank5", "rank10", "rank20", "mINP")


def made(ap, cmc_ranks, protocol="market1501"):
    """A Ranking of given scores, INP being AP's square."""
    cmc_ranks = np.asarray(cmc_ranks).reshape(len(ap), -1)
    lists = np.ones(cmc_ranks.shape)
    first = cmc_ranks[:, 0]
    return Ranking(0.0, np.zeros(50), 0.0, 0, ap, ap**2, first, cmc_ranks, lists, protocol, "")


def asked_people(pids, cams, protocol, cmc_ranks):
    """The identities that a result is an average over, ascending."""
    if PROTOCOLS[protocol].count_skipped:
        return np.unique(pids)
    return np.unique(pids[(cmc_ranks > 0).any(1)])


def resampled(persons, resamples, seed):
    """The resamples of `bootstrap` as lists of persons, each as often as it was drawn."""
    random = np.random.default_rng(seed)
    times = random.multinomial(len(persons), [1 / len(persons)] * len(persons), resamples)
    return [np.repeat(persons, t) for t in times]


@pytest.mark.parametrize("protocol", ["market1501", "market1501-trapezoid", "distractors-500k"])
def test_equals_ranking_the_repeated_queries_again(protocol):
    q, g, q_pids, g_pids, q_cams, g_cams = people(queries=30, gallery=60)
    q_pids[:5] = 99  # in no gallery
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    ranking = rank_distances(dist, q_pids, g_pids, q_cams, g_cams, protocol=protocol)
    found = []
    for persons in resampled(asked_people(q_pids, q_cams, protocol, ranking.cmc_ranks), 40, 3):
        rows = np.concatenate([np.flatnonzero(q_pids == person) for person in persons])
        one = literal.rank(dist[rows], q_pids[rows], g_pids, q_cams[rows], g_cams, protocol)
        cmc = one["cmc"]
        found.append([one["mAP"], cmc[0], cmc[4], cmc[9], cmc[19], one["mINP"]])
    low, high = np.quantile(found, [0.1, 0.9], axis=0)
    got = bootstrap(ranking, q_pids, level=0.8, resamples=40, seed=3)
    assert tuple(got) == KEYS == tuple(ranking.row())
    np.testing.assert_allclose(list(got.values()), np.stack([low, high], 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("protocol", NAMES)
def test_equals_averaging_the_repeated_rows_under_every_protocol(protocol):
    q, g, q_pids, g_pids, q_cams, g_cams = people(queries=50, gallery=120)
    q_pids[:5] = 99
    ranking = rank(q, g, q_pids, g_pids, q_cams, g_cams, protocol=protocol)
    skipped = PROTOCOLS[protocol].count_skipped
    found = []
    for persons in resampled(asked_people(q_pids, q_cams, protocol, ranking.cmc_ranks), 40, 0):
        lists = []  # AP, INP, rank of every ranked list of every query drawn
        for person in persons:
            for i in np.flatnonzero(q_pids == person):
                for r in ranking.cmc_ranks[i]:
                    if r > 0:
                        lists.append((ranking.ap[i], ranking.inp[i], r))
                    elif r == 0 and skipped:
                        lists.append((0.0, 0.0, 10**9))
        ap, inp, r = np.array(lists).T
        found.append([ap.mean(), *(np.mean(r <= k) for k in (1, 5, 10, 20)), inp.mean()])
    low, high = np.quantile(found, [0.025, 0.975], axis=0)
    got = bootstrap(ranking, q_pids, resamples=40)
    np.testing.assert_allclose(list(got.values()), np.stack([low, high], 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("protocol", NAMES)
def test_the_numbers_lie_inside_and_every_identity_once_gives_them(protocol, monkeypatch):
    q, g, *ids = people(queries=60, gallery=200)
    ranking = rank(q, g, *ids, protocol=protocol)
    for key, (low, high) in bootstrap(ranking, ids[0], level=0.99).items():
        assert low <= ranking.row()[key] <= high

    class Once:
        def multinomial(self, count, chances, size):
            np.testing.assert_allclose(chances, 1 / count)
            return np.ones((size, count), int)

    monkeypatch.setattr(np.random, "default_rng", lambda seed: Once())
    for key, bounds in bootstrap(ranking, ids[0]).items():
        np.testing.assert_allclose(bounds, ranking.row()[key], rtol=0, atol=1e-12)


def test_blocks_and_seeds(monkeypatch):
    q, g, *ids = people()
    ranking = rank(q, g, *ids)
    want = bootstrap(ranking, ids[0], resamples=100)
    monkeypatch.setattr(intervals, "COUNTS", 7 * 12)  # seven resamples of twelve people at a time
    assert bootstrap(ranking, ids[0], resamples=100) == want
    assert bootstrap(ranking, ids[0], resamples=100, seed=1) != want


def test_ninety_percent_intervals_hold_the_truth_about_ninety_percent_of_the_time():
    """Persons differ more than their queries do: resampling queries misses the truth too often."""
    random = np.random.default_rng(0)
    held = {"persons": 0, "queries": 0}
    trials, persons, each = 300, 60, 6
    for _ in range(trials):
        effect = random.uniform(0.2, 0.8, persons)
        ap = np.clip(np.repeat(effect, each) + random.uniform(-0.1, 0.1, persons * each), 0, 1)
        ranking = made(ap, np.ones(persons * each, int))
        pids = np.repeat(np.arange(persons), each)
        for name, units in (("persons", pids), ("queries", np.arange(persons * each))):
            low, high = bootstrap(ranking, units, level=0.9, resamples=200)["mAP"]
            held[name] += low <= 0.5 <= high
    assert 0.85 < held["persons"] / trials < 0.95
    assert held["queries"] / trials < 0.65


def test_one_identity_has_no_spread():
    ranking = made(np.array([0.25, 0.75]), [1, 7])
    got = bootstrap(ranking, np.array([4, 4]))
    assert got["mAP"] == (0.5, 0.5)
    assert got["rank5"] == (0.5, 0.5)
    assert got["rank10"] == (1.0, 1.0)


@pytest.mark.parametrize("change", [{"level": 0.0}, {"level": 1.0}, {"resamples": 0}])
def test_bad_arguments(change):
    with pytest.raises(ValueError, match=r"level must be in .* and resamples from 1 up"):
        bootstrap(made(np.ones(2), [1, 1]), np.array([1, 2]), **change)


def test_pids_of_another_ranking():
    with pytest.raises(ValueError, match=r"query_pids must have shape \(2,\)"):
        bootstrap(made(np.ones(2), [1, 1]), np.array([1, 2, 3]))


def test_an_interval_holds_the_mean_and_narrows_with_people():
    random = np.random.default_rng(0)
    widths = []
    for count in (10, 1000):
        values = {"a": random.normal(3, 1, count), "b": np.full(count, 7.0)}
        found = mean_intervals(values, np.arange(count))
        low, high = found["a"]
        assert low < values["a"].mean() < high
        assert found["b"] == (7, 7)
        widths.append(high - low)
    assert widths[1] == pytest.approx(2 * 1.96 / np.sqrt(1000), rel=0.1)
    assert widths[0] > 5 * widths[1]


def test_the_pairs_of_one_person_are_drawn_together():
    values = np.repeat(np.random.default_rng(1).normal(size=20), 50)
    together = mean_intervals({"a": values}, np.repeat(np.arange(20), 50))["a"]
    apart = mean_intervals({"a": values}, np.arange(1000))["a"]
    assert together[1] - together[0] > 4 * (apart[1] - apart[0])
    narrow = mean_intervals({"a": values}, np.repeat(np.arange(20), 50), level=0.5)["a"]
    assert together[0] < narrow[0] < narrow[1] < together[1]
    with pytest.raises(ValueError, match="level"):
        mean_intervals({"a": values}, np.arange(1000), level=1.0)
