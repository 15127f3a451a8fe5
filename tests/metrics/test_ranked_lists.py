"""`nearest_matches` against the literal ranked list."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literal import ranking as literal

from lookalike.errors import UserError
from lookalike.metrics import nearest_matches


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 12), st.integers(1, 3))
def test_equals_the_literal_list(seed, gallery, top, chunk):
    rng = np.random.default_rng(seed)
    queries = 4
    # Small integers in two dimensions: exact distances and many ties, inside and at the end.
    q, g = rng.integers(-1, 2, (queries, 2)), rng.integers(-1, 2, (gallery, 2))
    q_pids, g_pids = rng.integers(0, 4, queries), rng.integers(-1, 4, gallery)
    q_cams, g_cams = rng.integers(0, 2, queries), rng.integers(0, 2, gallery)
    arguments = (q, g, q_pids, g_pids, q_cams, g_cams)
    if (g_pids == -1).all():
        with pytest.raises(UserError, match="junk"):
            nearest_matches(*arguments, top=top)
        return
    got = nearest_matches(*arguments, metric="euclidean", top=top, chunk=chunk)
    dist = ((q[:, None] - g[None]) ** 2).sum(2)
    assert got.indices.shape == got.right.shape == (queries, min(top, gallery))
    for i in range(queries):
        want = literal.valid_order(dist[i], q_pids[i], q_cams[i], g_pids, g_cams)[:top]
        rest = [-1] * (min(top, gallery) - len(want))
        assert got.indices[i].tolist() == want + rest
        assert got.right[i].tolist() == [g_pids[j] == q_pids[i] for j in want] + [False] * len(rest)


def test_top_must_be_positive():
    one = np.ones((1, 2))
    ids = np.array([1]), np.array([1]), np.array([0]), np.array([1])
    with pytest.raises(ValueError, match="top must be at least 1"):
        nearest_matches(one, one, *ids, top=0)
