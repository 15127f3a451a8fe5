"""`near_pairs` against a sum over every pair of rows."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from lookalike.metrics import near_pairs as module
from lookalike.metrics.near_pairs import near_pairs


def rows(seed, count=60, groups=6):
    """Rows of a few groups: sparse, positive, each of sum 1."""
    rng = np.random.default_rng(seed)
    base = rng.random((groups, count)) * (rng.random((groups, count)) < 0.2)
    mixed = base[rng.integers(0, groups, count)] + 0.3 * rng.random((count, count)) * (
        rng.random((count, count)) < 0.1
    )
    mixed[np.arange(count), np.arange(count)] += 0.1
    return (mixed / mixed.sum(1, keepdims=True)).astype(np.float32)


def literal_pairs(dense, least):
    shared = {}
    for i in range(len(dense)):
        for j in range(i, len(dense)):
            s = sum(min(float(a), float(b)) for a, b in zip(dense[i], dense[j], strict=True))
            if s > least:
                shared[i, j] = s
    return shared


@pytest.mark.parametrize("least", [0.05, 0.3, 0.57, 0.9])
@pytest.mark.parametrize("small", [False, True])
def test_every_near_pair_once(least, small, monkeypatch):
    if small:
        for name in ("CHUNK_SUMS", "CHUNK_PAIRS", "CHUNK_CANDIDATES"):
            monkeypatch.setattr(module, name, 200)
    dense = rows(0)
    want = literal_pairs(dense, least)
    assert len(dense) <= len(want)
    got = [
        ((int(i), int(j)), s)
        for part in near_pairs(csr_matrix(dense), least)
        for i, j, s in zip(*part, strict=True)
    ]
    assert len(got) == len(want)
    assert dict(got).keys() == want.keys()
    for pair, s in got:
        assert s == pytest.approx(want[pair], abs=1e-9)


def test_equal_and_disjoint_rows():
    dense = np.repeat(np.eye(3, 9, dtype=np.float32), 3, axis=0)
    pairs = [
        (int(i), int(j))
        for part in near_pairs(csr_matrix(dense), 0.5)
        for i, j in zip(part.i, part.j, strict=True)
    ]
    assert sorted(pairs) == [(i, j) for i in range(9) for j in range(i, 9) if i // 3 == j // 3]
