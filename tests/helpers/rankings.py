"""People with cameras to rank, and rankings compared."""

import numpy as np

from lookalike.metrics import PROTOCOLS

NAMES = sorted(PROTOCOLS)


def check(got, want):
    for name, value in want.items():
        np.testing.assert_allclose(getattr(got, name), value, rtol=0, atol=1e-12, err_msg=name)


def people(seed=0, queries=40, gallery=300, dims=8, ids=12, dtype=np.float32):
    """Features around an identity's centre, with distractors and junk in the gallery."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((ids + 2, dims))
    q_pids, g_pids = rng.integers(1, ids + 1, queries), rng.integers(-1, ids + 1, gallery)
    q = centres[q_pids] + rng.standard_normal((queries, dims))
    g = centres[g_pids] + rng.standard_normal((gallery, dims))
    cams = rng.integers(0, 4, queries), rng.integers(0, 4, gallery)
    return q.astype(dtype), g.astype(dtype), q_pids, g_pids, *cams
