from collections import Counter

import numpy as np
import pytest

from lookalike.world.wardrobe.colours import TOPS, colour
from lookalike.world.wardrobe.decals import KINDS, PIXELS, decal

BLACK, WHITE = np.full(3, 0.15, np.float32), np.full(3, 0.85, np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ground", [BLACK, WHITE], ids=["black", "white"])
def test_every_print_is_a_picture_that_shows(kind, ground):
    for seed in range(5):
        printed = decal(np.random.default_rng(seed), ground, kind)
        assert printed.shape == (PIXELS, PIXELS, 4)
        assert printed.dtype == np.float32
        assert printed.min() >= 0
        assert printed.max() <= 1
        cover = printed[..., 3]
        assert 0.01 < cover.mean() < 0.9
        seen = np.abs(printed[..., :3] - ground).max(-1) * cover
        assert seen.max() > 0.15
        assert (printed == decal(np.random.default_rng(seed), ground, kind)).all()


def test_prints_differ():
    rng = np.random.default_rng(0)
    prints = [decal(rng, WHITE).tobytes() for _ in range(50)]
    assert len(set(prints)) == 50


def test_a_print_never_bleeds_to_its_rim():
    """Else a shirt would show a square."""
    rng = np.random.default_rng(1)
    for kind in ("photo", "logo", "figure", "badge"):
        cover = decal(rng, WHITE, kind)[..., 3]
        rim = np.concatenate([cover[0], cover[-1], cover[:, 0], cover[:, -1]])
        assert rim.max() < 0.6, kind


def test_kinds_are_drawn_with_their_shares(monkeypatch):
    drawn = Counter()
    blank = (BLACK, np.zeros((PIXELS, PIXELS)))
    drawers = {kind: lambda *_, kind=kind: drawn.update([kind]) or blank for kind in KINDS}
    monkeypatch.setattr("lookalike.world.wardrobe.decals._DRAW", drawers)
    rng = np.random.default_rng(2)
    for _ in range(1000):
        decal(rng, colour(rng, next(iter(TOPS))))
    for kind, share in KINDS.items():
        assert drawn[kind] / 1000 == pytest.approx(share, abs=0.06), kind
