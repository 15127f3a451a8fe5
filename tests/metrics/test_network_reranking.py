"""`verifier_rerank` against a literal version; ties, chunks, and what it says about bad input."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from lookalike.errors import UserError
from lookalike.metrics import products, rank_distances, verifier_rerank


def literal(query, gallery, same, k):
    """Query by query and pair by pair, in float64. same: two features → probability."""
    answer = []
    for q in query.astype(np.float64):
        row = [float(((q - g) ** 2).sum()) for g in gallery.astype(np.float64)]
        order = sorted(range(len(row)), key=lambda j: (row[j], j))
        new = {j: 1 - same(q, gallery[j].astype(np.float64)) for j in order[:k]}
        rest = order[k:]
        shift = max(0.0, max(new.values()) + 1 - row[rest[0]]) if rest else 0.0
        answer.append([new[j] if j in new else row[j] + shift for j in range(len(row))])
    return np.array(answer)


def pair(a, b):
    """A made-up verifier of two features: it isn't a function of their distance."""
    return float(expit((a[-1] * b[-1]) + 0.3 - 3 * (a[0] - b[0]) ** 2))


def made_up(f1, f2):
    logit = 3 * (f1[:, 0] - f2[:, 0]) ** 2 - f1[:, -1] * f2[:, -1] - 0.3
    return torch.sigmoid(-logit)


def sides(seed=0, queries=7, gallery=40, dims=6, spread=1.0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return tuple(
        (spread * rng.standard_normal((n, dims))).astype(dtype) for n in (queries, gallery)
    )


@pytest.mark.parametrize("k", [1, 2, 10, 39, 40, 41, 100])
@pytest.mark.parametrize("spread", [0.05, 0.5, 1, 30])
def test_equals_the_literal_version(k, spread):
    query, gallery = sides(spread=spread)
    want = literal(query, gallery, pair, k)
    got = verifier_rerank(query, gallery, made_up, k)
    assert (got.dtype, got.shape) == (np.float32, (7, 40))
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)


def test_by_hand():
    """Four images at the squared distances 1, 4, 9 and 0.25; two are re-scored."""
    query, gallery = np.zeros((1, 1)), np.array([[1.0], [2.0], [3.0], [0.5]])
    chances = {1.0: 0.25, 0.5: 0.125}

    def same(f1, f2):
        return torch.tensor([chances[float(x)] for x in f2[:, 0]])

    # The largest new distance is 0.875, so that 4 is far enough, and nothing moves.
    assert verifier_rerank(query, gallery, same, 2).tolist() == [[0.75, 4, 9, 0.875]]
    # Three tenths of the lengths: 0.36 isn't, and all others move by 0.875 + 1 − 0.36.
    small = {0.3 * key: value for key, value in chances.items()}
    chances |= small
    got = verifier_rerank(query, 0.3 * gallery, same, 2)
    np.testing.assert_allclose(got, [[0.75, 1.875, 0.81 + 1.515, 0.875]], atol=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_ties_at_the_border_go_by_index(seed, k):
    """Small whole numbers: many images are as near as the k-th."""
    rng = np.random.default_rng(seed)
    query, gallery = (rng.integers(-1, 2, (n, 2)).astype(np.float32) for n in (4, 25))
    want = literal(query, gallery, pair, k)
    got = verifier_rerank(query, gallery, made_up, k)
    np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6)


def test_the_others_stay_behind_in_their_order():
    query, gallery = sides(spread=0.2)
    square = ((query[:, None] - gallery[None]) ** 2).sum(2)
    got = verifier_rerank(query, gallery, made_up, 12)
    for row, before in zip(got, square, strict=True):
        order = np.argsort(before, kind="stable")
        assert row[order[:12]].max() + 1 <= row[order[12:]].min() + 1e-6
        assert (np.diff(row[order[12:]]) > 0).all()


def test_images_of_the_querys_own_camera_are_among_the_nearest():
    """As released: the k are taken first, and the protocol leaves them out afterwards."""
    query = np.zeros((1, 1))
    gallery = np.array([[0.1], [0.2], [0.3], [0.4]])
    ids = [1], [1, 1, 2, 1], [0], [0, 0, 1, 1]
    seen = []

    def verify(_, f2):
        seen.extend(f2[:, 0].tolist())
        return (f2[:, 0] > 0.35).float()  # it would find the last one

    got = rank_distances(verifier_rerank(query, gallery, verify, 2), *map(np.array, ids))
    assert seen == [0.1, 0.2]
    assert got.first_hit.tolist() == [2]
    wider = rank_distances(verifier_rerank(query, gallery, verify, 4), *map(np.array, ids))
    assert wider.first_hit.tolist() == [1]


@pytest.mark.parametrize("entries", [1, 6, 13, 100, 10_000])
def test_chunks_change_nothing_and_bound_the_pairs(monkeypatch, entries):
    rng = np.random.default_rng(3)
    query, gallery = (rng.integers(-4, 5, (n, 6)).astype(np.float32) for n in (11, 50))
    want = verifier_rerank(query, gallery, made_up, 9)
    monkeypatch.setattr(products, "CHUNK_ENTRIES", {"cpu": entries})
    largest = []

    def spy(f1, f2):
        largest.append(len(f1))
        return made_up(f1, f2)

    np.testing.assert_array_equal(verifier_rerank(query, gallery, spy, 9), want)
    assert max(largest) <= max(1, entries // 6)
    assert sum(largest) == 11 * 9


def test_all_arguments_of_the_verifier_are_the_features_themselves():
    query, gallery = sides()
    pairs = []

    def spy(f1, f2):
        assert not torch.is_grad_enabled()
        pairs.extend(zip(f1.tolist(), f2.tolist(), strict=True))
        return made_up(f1, f2)

    verifier_rerank(query, gallery, spy, 3)
    square = ((query[:, None] - gallery[None]) ** 2).sum(2)
    want = [
        (query[i].tolist(), gallery[j].tolist())
        for i in range(7)
        for j in np.argsort(square[i], kind="stable")[:3]
    ]
    assert pairs == want


@pytest.mark.parametrize("scale", [1e-30, 1e-14, 1e14, 1e18])
def test_very_small_and_large_features_rank_alike(scale):
    query, gallery = sides()
    big = verifier_rerank(
        query * np.float32(scale),
        gallery * np.float32(scale),
        lambda a, b: made_up(a / scale, b / scale),
        5,
    )
    want = verifier_rerank(query, gallery, made_up, 5)
    assert np.isfinite(big).all()
    np.testing.assert_array_equal(np.argsort(big, 1), np.argsort(want, 1))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_agrees():
    rng = np.random.default_rng(5)
    query, gallery = (rng.integers(-3, 4, (n, 6)).astype(np.float32) for n in (50, 700))
    got = verifier_rerank(query, gallery, made_up, 20, device="cuda")
    want = verifier_rerank(query, gallery, made_up, 20)
    np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"query_feats": np.zeros((0, 6))}, UserError, "Query features of shape .* empty"),
        ({"gallery_feats": np.zeros((3, 9))}, ValueError, "same length, got 6 and 9"),
        ({"gallery_feats": np.full((3, 6), np.nan)}, UserError, "Gallery features hold NaN"),
        ({"k": 0}, ValueError, "k must be at least 1"),
        ({"verify": lambda a, b: made_up(a, b)[:, None]}, ValueError, "one a pair, got shape"),
        ({"verify": lambda a, b: made_up(a, b) / 0 * 0}, UserError, "verifier gives NaN"),
        ({"verify": lambda a, b: made_up(a, b) + 1}, ValueError, "outside"),
        ({"verify": lambda a, b: made_up(a, b) - 1}, ValueError, "outside"),
    ],
)
def test_bad_input_is_named(change, error, says):
    query, gallery = sides()
    given = {"query_feats": query, "gallery_feats": gallery, "verify": made_up} | change
    with pytest.raises(error, match=says):
        verifier_rerank(**given)
