"""Hands at ease: anny's are flat, wide open and bent back at the wrist."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.turns import Matrix, about, turning
from lookalike.world.raster import Floats, Ints, skin

# How far each joint of a finger curls, degrees, from its base; the thumb is finger 1.
_CURL = {1: (10, 15, 15), 2: (28, 38, 25), 3: (34, 42, 28), 4: (38, 44, 30), 5: (40, 44, 30)}


def relaxed(
    vertices: Floats,
    heads: NDArray[np.float64],
    labels: list[str],
    parents: list[int],
    rig: tuple[Ints, Floats],
) -> Floats:
    """The rest pose with each hand in line with its forearm, fingers together and half curled.

    heads: of all of anny's bones, `labels` and `parents` naming them; rig: those bones and weights
    of each vertex, zeros last.
    """
    at = dict(zip(labels, heads, strict=True))
    turns: dict[str, Matrix] = {}
    for side, sign in (("L", 1), ("R", -1)):
        turns |= {f"{name}.{side}": turn for name, turn in _hand(at, side, sign).items()}
    rotations = np.tile(np.eye(3), (len(labels), 1, 1))
    positions = heads.copy()
    for bone, (name, parent) in enumerate(zip(labels, parents, strict=True)):
        if parent >= 0:
            rotations[bone] = turns.get(name, rotations[parent])
            positions[bone] = positions[parent] + rotations[parent] @ (heads[bone] - heads[parent])
    shift = positions - np.einsum("bij,bj->bi", rotations, heads)
    return skin(vertices, *rig, np.concatenate([rotations, shift[:, :, None]], 2))


def _hand(at: dict[str, Any], side: str, sign: int) -> dict[str, Matrix]:
    """Each bone's rotation from the rest pose; a bone that isn't named follows its parent."""
    wrist = at[f"wrist.{side}"]
    knuckles = {finger: at[f"finger{finger}-1.{side}"] for finger in _CURL}
    along = sum(knuckles[finger] - wrist for finger in (2, 3, 4, 5))
    across = sign * (knuckles[5] - knuckles[2])  # curling about it closes the hand
    straight = turning(along, wrist - at[f"lowerarm01.{side}"])
    turns = {"wrist": straight}
    pointing = sum(
        (tip := at[f"finger{finger}-3.{side}"] - base) / math.sqrt(tip @ tip)
        for finger, base in knuckles.items()
        if finger > 1
    )
    for finger, base in knuckles.items():
        tip = at[f"finger{finger}-3.{side}"] - base
        tip = tip / math.sqrt(tip @ tip)
        beside = turning(tip, tip + 0.4 * pointing)  # nearer to its neighbours
        total = 0.0
        for joint, angle in enumerate(_CURL[finger], 1):
            total += math.radians(angle)
            turns[f"finger{finger}-{joint}"] = straight @ about(across, total) @ beside
    return turns
