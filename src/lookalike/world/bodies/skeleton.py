"""What a pose is, and where it brings the bones of one person."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.body import Body
from lookalike.world.bodies.turns import Matrix, about, about_x, about_y, about_z, turning
from lookalike.world.raster import Floats

Vector = NDArray[np.float64]
Rest = dict[str, Vector]
Where = Callable[[str], Vector]

# Heel and toes from the ankle (backwards, down), in lengths of the leg.
_HEEL = (0.045, 0.088)
_TOES = (-0.228, 0.088)
_CLEARANCE = 0.012  # metres under a swinging foot

_LEG = ("upperleg01", "lowerleg01", "foot")
_ARM = ("upperarm01", "lowerarm01", "wrist")


@dataclass(frozen=True)
class Leg:
    """Radians: hip flexion (forward), knee flexion, the sole's pitch (toes up), the leg's swing and
    the foot's turn, both outwards."""

    flex: float
    knee: float
    sole: float
    out: float
    turn: float


@dataclass(frozen=True)
class Arm:
    """Radians: swing forward, elbow flexion, swing outwards, the forearm's turn inwards across the
    body, and the hand's roll about the forearm (thumb towards the body).

    With a `goal` (a name of `GOALS`) the wrist goes there, but for `off` (metres, left arm's x, y,
    z), and the other angles do not count.
    """

    swing: float
    elbow: float
    out: float
    inward: float
    roll: float
    goal: str = ""
    off: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Pose:
    """A pose of any body. `legs` and `arms` are (left, right).

    Radians: `lean` of the chest forward, `tilt` of the pelvis (left hip up), `twist` of the chest
    to the left and the pelvis to the right, the head's `nod` (down) and `look` (to the left).
    `side` is the hand that is busy (1 left, −1 right). The leg numbered `support` carries the body;
    the other foot touches the ground too when `planted`, else it only keeps clear of it. Its knee
    sees to that.
    """

    kind: str
    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    side: int
    support: int
    planted: bool
    lean: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    nod: float = 0.0
    look: float = 0.0


@dataclass(frozen=True, eq=False)
class Bones:
    """Where a pose brings each bone: `rotations` B×3×3 from the rest pose, head `positions` B×3 and
    `transforms` B×3×4 float32 of rest points (before the feet are put on the ground)."""

    rotations: Matrix
    positions: Matrix
    transforms: Floats


@dataclass(frozen=True)
class Goal:
    """Where a wrist goes: metres from the head of a bone, turning with it, on the left side; which
    way the elbow points, and the hand, both seen from the chest."""

    bone: str
    offset: tuple[float, float, float]
    elbow: tuple[float, float, float]
    hand: tuple[float, float, float]


GOALS = {
    "ear": Goal("head", (0.13, -0.11, -0.125), (0.5, -0.1, -1), (-0.1, 0.4, 1)),
    "hip": Goal("upperleg01.L", (0.1, 0.0, 0.13), (1, 0.8, 0.1), (-0.5, -0.8, -0.35)),
    "strap": Goal("shoulder01.L", (0.0, -0.15, -0.14), (0.45, 0.1, -1), (-0.3, 0.1, 0.9)),
    "phone": Goal("spine01", (0.1, -0.34, -0.03), (0.5, 0.2, -1), (-0.4, -0.5, 0.4)),
}


def solve(body: Body, heads: NDArray[Any], pose: Pose) -> Bones:
    """The bones of a person whose rest pose has `heads` (B×3, from `body.rest`) in a pose."""
    bones = body.bones
    rest = dict(zip(bones, heads, strict=True))
    parents = {b: bones[p] for b, p in zip(bones, body.parents, strict=True) if p >= 0}
    trunk = _trunk(pose)
    turns = {bone: trunk.get(bone.split(".")[0], trunk["chest"]) for bone in bones}
    positions: dict[str, Vector] = {bones[0]: rest[bones[0]]}

    def head(bone: str) -> Vector:
        if bone not in positions:
            parent = parents[bone]
            positions[bone] = head(parent) + turns[parent] @ (rest[bone] - rest[parent])
        return positions[bone]

    legs = _on_ground(rest, head, pose)
    for sign, side, leg, arm in zip((1, -1), "LR", legs, pose.arms, strict=True):
        turns |= _leg(rest, trunk["pelvis"], leg, side, sign)
        turns |= _arm(rest, turns, head, arm, side, sign)
    rotations = np.stack([turns[bone] for bone in bones])
    placed = np.stack([head(bone) for bone in bones])
    shift = placed - np.einsum("bij,bj->bi", rotations, heads)
    transforms = np.concatenate([rotations, shift[:, :, None]], 2).astype(np.float32)
    return Bones(rotations, placed, transforms)


def _trunk(pose: Pose) -> dict[str, Matrix]:
    """The rotations of all but the limbs; what isn't named turns with the chest."""
    pelvis = about_z(-0.8 * pose.twist) @ about_y(-pose.tilt)
    middle = about_z(0.1 * pose.twist) @ about_y(-0.2 * pose.tilt) @ about_x(0.5 * pose.lean)
    chest = about_z(pose.twist) @ about_y(0.5 * pose.tilt) @ about_x(pose.lean)
    neck = about_z(pose.twist + 0.4 * pose.look) @ about_x(pose.lean + 0.4 * pose.nod)
    head = about_z(0.6 * pose.twist + pose.look) @ about_x(0.5 * pose.lean + pose.nod)
    trunk = dict(root=pelvis, pelvis=pelvis, spine05=pelvis, spine04=middle, chest=chest)
    return trunk | dict(neck01=neck, neck02=neck, neck03=head, head=head)


def _hanging(forward: float, out: float, sign: int) -> Vector:
    """The direction of a hanging limb swung forward (−y), then outwards."""
    drop = math.cos(out)
    return np.array([sign * math.sin(out), -drop * math.sin(forward), -drop * math.cos(forward)])


def _on_ground(rest: Rest, head: Where, pose: Pose) -> list[Leg]:
    """The legs, with the knee of the one that doesn't carry bent so that its foot isn't amiss."""
    lengths, lines, soles = [], [], []
    for sign, side, leg in zip((1, -1), "LR", pose.legs, strict=True):
        thigh, shin = (_length(rest, bones, side) for bones in (_LEG[:2], _LEG[1:]))
        lengths.append((thigh, shin))
        lines.append(
            thigh * _hanging(leg.flex, leg.out, sign)
            + shin * _hanging(leg.flex - leg.knee, leg.out, sign)
        )
        back, down = _HEEL if leg.sole > 0 else _TOES
        drop = down * math.cos(leg.sole) + back * math.sin(leg.sole)
        soles.append(head(f"{_LEG[0]}.{side}")[2] + lines[-1][2] - drop * (thigh + shin))
    legs, other = list(pose.legs), 1 - pose.support
    lower = soles[pose.support] - soles[other]
    if not pose.planted:
        lower = max(lower + _CLEARANCE, 0.0)
    legs[other] = _bent(legs[other], lines[other], lower, *lengths[other])
    return legs


def _bent(leg: Leg, line: Vector, raised: float, thigh: float, shin: float) -> Leg:
    """The leg with its ankle raised along the line from the hip, as far as it can reach."""
    x, y, z = (line * ((line[2] + raised) / line[2])).tolist()
    reach = min(math.sqrt(x * x + y * y + z * z), 0.9995 * (thigh + shin))
    knee = math.acos((reach * reach - thigh * thigh - shin * shin) / (2 * thigh * shin))
    ahead = math.atan2(shin * math.sin(knee), thigh + shin * math.cos(knee))
    return replace(leg, flex=math.atan2(-y, -z) + ahead, knee=knee)


def _leg(rest: Rest, pelvis: Matrix, leg: Leg, side: str, sign: int) -> dict[str, Matrix]:
    hip, knee, ankle = (rest[f"{bone}.{side}"] for bone in _LEG)
    thigh = turning(pelvis @ (knee - hip), _hanging(leg.flex, leg.out, sign)) @ pelvis
    shin = turning(thigh @ (ankle - knee), _hanging(leg.flex - leg.knee, leg.out, sign)) @ thigh
    foot = about_z(sign * leg.turn) @ about_x(-leg.sole)
    turns = dict(upperleg01=thigh, upperleg02=thigh, lowerleg01=shin, lowerleg02=shin, foot=foot)
    return {f"{bone}.{side}": turn for bone, turn in turns.items()}


def _arm(
    rest: Rest, turns: dict[str, Matrix], head: Where, arm: Arm, side: str, sign: int
) -> dict[str, Matrix]:
    shoulder, elbow, wrist = (rest[f"{bone}.{side}"] for bone in _ARM)
    chest = turns[f"shoulder01.{side}"]
    if arm.goal:
        to_elbow, to_wrist, hand = _reaching(rest, turns, head, arm, side, sign)
    else:
        to_elbow = chest @ _hanging(arm.swing, arm.out, sign)
        forearm = _hanging(arm.swing + arm.elbow, 0.5 * arm.out, sign)
        to_wrist = hand = chest @ about_z(-sign * arm.inward) @ forearm
    upper = turning(chest @ (elbow - shoulder), to_elbow) @ chest
    lower = turning(upper @ (wrist - elbow), to_wrist) @ upper
    half = about(to_wrist, 0.5 * sign * arm.roll) @ lower
    palm = turning(to_wrist, hand) @ about(to_wrist, sign * arm.roll) @ lower
    names = dict(upperarm01=upper, upperarm02=upper, lowerarm01=lower, lowerarm02=half, wrist=palm)
    return {f"{bone}.{side}": turn for bone, turn in names.items()}


def _reaching(
    rest: Rest, turns: dict[str, Matrix], head: Where, arm: Arm, side: str, sign: int
) -> tuple[Vector, Vector, Vector]:
    """Directions of upper arm, forearm and hand that bring the wrist to its goal."""
    goal, mirror = GOALS[arm.goal], np.array([sign, 1, 1])
    upper, lower = (_length(rest, bones, side) for bones in (_ARM[:2], _ARM[1:]))
    bone = goal.bone.replace(".L", f".{side}")
    target = head(bone) + turns[bone] @ (mirror * np.add(goal.offset, arm.off))
    chest = turns[f"shoulder01.{side}"]
    line = target - head(f"{_ARM[0]}.{side}")
    reach = math.sqrt(line @ line)
    unit = line / reach
    reach = min(reach, 0.999 * (upper + lower))
    along = (upper * upper + reach * reach - lower * lower) / (2 * reach)
    pole = chest @ (mirror * goal.elbow)
    pole -= (pole @ unit) * unit
    off = math.sqrt(max(upper * upper - along * along, 0.0) / (pole @ pole))
    to_elbow = along * unit + off * pole
    to_wrist = reach * unit - to_elbow
    return to_elbow, to_wrist, chest @ (mirror * goal.hand)


def _length(rest: Rest, bones: tuple[str, ...], side: str) -> float:
    """From one bone's head to another's."""
    line = rest[f"{bones[1]}.{side}"] - rest[f"{bones[0]}.{side}"]
    return math.sqrt(line @ line)
