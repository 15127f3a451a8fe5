"""Which folds a garment throws: pulled from shoulders and crotch, hanging, stacked, or bent.

Every list is of `folds.heights`' tuples: cloth, start, end, half width, height, bow.
"""

import numpy as np

from lookalike.world.dressing.folds import ARM_LENGTH, ARMS, LEGS, TRUNK
from lookalike.world.wardrobe.clothes import Outfit

Fold = tuple[float, ...]


def top_folds(rng: np.random.Generator, hem: float, loose: float) -> list[Fold]:
    """A top's body: pulled from the armpits, hanging from chest and back, rolled at the waist."""
    folds: list[Fold] = []
    deep = 0.0055 + 0.0065 * loose
    for side in (-1, 1):
        for back in (False, True):
            for _ in range(rng.integers(1, 4)):  # from the armpit inwards and down
                start = side * (0.30 if back else 0.150) + rng.normal(0, 0.012)
                end = side * (rng.uniform(0.36, 0.43) if back else rng.uniform(0.02, 0.09))
                high, low = rng.uniform(0.52, 0.62), rng.uniform(0.30, 0.46)
                folds.append(
                    (TRUNK, start, high, end, low, rng.uniform(0.013, 0.02), deep,
                     rng.normal(0, 0.012))
                )  # fmt: skip
    for _ in range(rng.integers(5, 10)):  # tubes that open to the hem
        start = rng.uniform(-0.45, 0.45)
        width = rng.uniform(0.017, 0.032)
        top = rng.uniform(hem + 0.15, 0.5)
        folds.append(
            (TRUNK, start, hem - 0.02, start + rng.normal(0, 0.03), top, width,
             (0.6 + 0.6 * loose) * deep * rng.uniform(0.6, 1.3), rng.normal(0, 0.01))
        )  # fmt: skip
    for _ in range(rng.integers(4, 9)):  # short rolls where the waist gives
        start = rng.choice([-1, 1]) * rng.uniform(0.10, 0.34)
        high = rng.uniform(max(hem + 0.03, 0.16), 0.40)
        turn = -np.sign(start) * (1 if abs(start) < 0.225 else -1)
        reach = rng.uniform(0.06, 0.14)
        folds.append(
            (TRUNK, start, high, start + turn * reach, high - rng.uniform(-0.02, 0.07),
             rng.uniform(0.012, 0.018), deep * rng.uniform(0.6, 1.1), rng.normal(0, 0.012))
        )  # fmt: skip
    return folds


def sleeve_folds(rng: np.random.Generator, sleeve: float, loose: float) -> list[Fold]:
    """Sleeves: pulled from the shoulder to the armpit; long ones crumple above elbow and wrist."""
    folds: list[Fold] = []
    end = sleeve * ARM_LENGTH
    deep = 0.0035 + 0.0045 * loose
    for arm in ARMS:
        for _ in range(rng.integers(2, 4)):
            front = rng.choice([-1, 1])
            start, far = front * rng.uniform(-0.02, 0.05), front * rng.uniform(0.10, 0.18)
            folds.append(
                (arm, start, rng.uniform(0.0, 0.05), far, min(end, rng.uniform(0.08, 0.2)),
                 rng.uniform(0.012, 0.018), deep, rng.normal(0, 0.01))
            )  # fmt: skip
        if sleeve < 0.7:
            continue
        for near, count in ((0.24, 4), (end - 0.05, 3)):
            for _ in range(count):
                start = rng.uniform(-0.2, 0.2)
                along = near + rng.normal(0, 0.035)
                folds.append(
                    (arm, start, along, start + rng.choice([-1, 1]) * rng.uniform(0.09, 0.16),
                     along + rng.normal(0, 0.03), rng.uniform(0.011, 0.016), deep,
                     rng.normal(0, 0.008))
                )  # fmt: skip
    return folds


def leg_folds(rng: np.random.Generator, outfit: Outfit) -> list[Fold]:
    """Trousers and shorts: fanned from the crotch, hanging tubes, crumpled knee and ankle."""
    folds: list[Fold] = []
    kind, end = outfit.bottom, outfit.leg_end
    if kind not in ("shorts", "trousers", "jeans"):
        return folds
    loose = outfit.leg_loose
    deep = {"shorts": 0.0055, "trousers": 0.0045, "jeans": 0.0040}[kind] * (0.7 + 0.6 * loose)
    for leg in LEGS:
        for back in (False, True):
            for _ in range(rng.integers(1, 4)):  # from the inner side outwards and down
                start = 0.30 if back else -0.075
                reach = rng.uniform(0.05, 0.13) * (-1 if back else 1)
                folds.append(
                    (leg, start, rng.uniform(-0.03, 0.03), start + reach,
                     rng.uniform(-0.16, -0.02), rng.uniform(0.011, 0.017), deep,
                     rng.normal(0, 0.008))
                )  # fmt: skip
        for _ in range(rng.integers(2, 5)):  # tubes down to the hem, or the knee
            start = rng.uniform(-0.13, 0.40)
            low = max(end - 0.02, -0.60)
            folds.append(
                (leg, start, low, start + rng.normal(0, 0.02), rng.uniform(-0.10, 0.02),
                 rng.uniform(0.014, 0.024), deep * (1.0 if kind == "shorts" else 0.6),
                 rng.normal(0, 0.012))
            )  # fmt: skip
        if end > -0.5:
            continue
        for near, spread, count, size in ((-0.30, 0.05, 4, 0.8), (end + 0.05, 0.035, 5, 1.2)):
            for _ in range(count):
                start = rng.uniform(-0.13, 0.40)
                along = near + rng.normal(0, spread)
                folds.append(
                    (leg, start, along, start + rng.choice([-1, 1]) * rng.uniform(0.07, 0.16),
                     along + rng.normal(0, 0.03), rng.uniform(0.011, 0.016),
                     size * deep * rng.uniform(0.7, 1.2), rng.normal(0, 0.01))
                )  # fmt: skip
    return folds


def bend_folds(rng: np.random.Generator, outfit: Outfit) -> list[Fold]:
    """What appears as a joint bends: across the elbow's inside and the hollow of the knee."""
    folds: list[Fold] = []
    sleeve = max(outfit.sleeve, outfit.outer_sleeve if outfit.outer else -1.0)
    if sleeve > 0.6:
        for arm in ARMS:
            for _ in range(4):
                side = rng.choice([-1, 1])
                along = 0.5 * ARM_LENGTH + rng.uniform(-0.07, 0.05)
                folds.append(
                    (arm, 0.1 + 0.04 * side, along, 0.1 - side * rng.uniform(0.06, 0.11),
                     along + rng.uniform(-0.05, 0.02), 0.012, 0.008, rng.normal(0, 0.01))
                )  # fmt: skip
    if outfit.bottom in ("trousers", "jeans") and outfit.leg_end < -0.4:
        for leg in LEGS:
            for _ in range(5):
                side = rng.choice([-1, 1])
                along = -0.29 + rng.uniform(-0.07, 0.07)
                folds.append(
                    (leg, 0.25 + 0.03 * side, along, 0.25 - side * rng.uniform(0.08, 0.18),
                     along + rng.uniform(-0.03, 0.06), 0.013, 0.009, rng.normal(0, 0.012))
                )  # fmt: skip
            for side in (-1, 1):  # pulled over the kneecap
                folds.append((leg, 0.03 * side, -0.26, 0.16 * side, -0.34, 0.013, 0.007, 0.0))
    return folds
