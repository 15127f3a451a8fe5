"""How people walk, stand and hold things: angles drawn at random, and the bones they move."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.errors import unknown
from lookalike.world.body import Body
from lookalike.world.raster import Floats

# How often each is drawn.
KINDS = dict(walk=0.62, stand=0.12, phone=0.08, hold=0.05, call=0.03, hips=0.03, carrying=0.07)

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Leg:
    """Radians: hip flexion (forward), knee flexion, sole's pitch (toes up), swing to the outside,
    and the foot's turn outwards."""

    flex: float
    knee: float
    sole: float
    out: float
    turn: float


@dataclass(frozen=True)
class Arm:
    """Radians: swing forward, elbow flexion, swing to the outside, the forearm's turn inwards
    across the body, and the hand's about the forearm (thumb towards the body)."""

    swing: float
    elbow: float
    out: float
    inward: float
    roll: float


@dataclass(frozen=True)
class Pose:
    """A pose of any body. `legs` and `arms` are (left, right).

    Radians: `lean` of the chest forward, `tilt` of the pelvis (left hip up), `twist` of the chest
    against the pelvis (to the left), the head's `nod` (down) and `look` (to the left). `side` is
    the hand that is busy (1 left, −1 right). When `planted`, the foot that would hang in the air or
    sink is brought to the ground by its knee.
    """

    kind: str
    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    side: int
    lean: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    nod: float = 0.0
    look: float = 0.0
    planted: bool = field(default=False)


@dataclass(frozen=True, eq=False)
class Bones:
    """Where a pose brings each bone: `rotations` B×3×3 from the rest pose, head `positions` B×3 and
    `transforms` B×3×4 float32 of rest points (before the feet are put on the ground)."""

    rotations: Matrix
    positions: Matrix
    transforms: Floats


# A walking cycle from one heel strike to the next of the same foot, degrees (textbook means of
# healthy adults): per cent of the cycle, hip flexion, knee flexion, ankle dorsiflexion.
_GAIT = np.array(
    [
        (0, 26, 4, 0),
        (8, 24, 14, -5),
        (15, 18, 17, 1),
        (30, 6, 11, 6),
        (40, -3, 6, 8),
        (50, -10, 10, 8),
        (56, -11, 20, 0),
        (62, -6, 38, -16),
        (72, 10, 58, -6),
        (80, 20, 50, 0),
        (90, 28, 22, 1),
        (96, 28, 6, 0),
        (100, 26, 4, 0),
    ],
    np.float64,
)


def sample_pose(rng: np.random.Generator, kind: str | None = None) -> Pose:
    """A random pose, of the given kind or of one drawn by `KINDS`.

    Raises UserError for an unknown kind.
    """
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    elif kind not in KINDS:
        raise unknown("pose", kind, KINDS)
    side = 1 if rng.random() < 0.4 else -1  # most hands at work are right hands
    moving = kind == "walk" or (kind in ("phone", "hold", "carrying") and rng.random() < 0.7)
    pose = _walking(rng, kind, side) if moving else _standing(rng, kind, side)
    return _busy(rng, pose)


def _draw(rng: np.random.Generator, mean: float, sd: float) -> float:
    """A normal draw in degrees, as radians."""
    return math.radians(rng.normal(mean, sd))


def _walking(rng: np.random.Generator, kind: str, side: int) -> Pose:
    phase, stride = rng.random(), 0.3 + 0.75 * rng.beta(1.6, 1.8)
    width, turn = _draw(rng, -2.5, 1.2), _draw(rng, 5, 3)
    swing, bent, out = stride * rng.uniform(0.3, 1.1), abs(rng.normal(14, 8)), rng.normal(9, 3)
    legs, arms = [], []
    for offset in (0.0, 0.5):
        now = (phase + offset) % 1
        hip, knee, ankle = (np.interp(100 * now, _GAIT[:, 0], _GAIT[:, i]) for i in (1, 2, 3))
        hip, knee, ankle = stride * (hip - 5) + 5, 3 + stride * knee, stride * ankle
        legs.append(
            Leg(
                flex=math.radians(hip),
                knee=math.radians(knee),
                sole=math.radians(hip - knee + ankle),
                out=width,
                turn=turn,
            )
        )
        forward = -math.cos(2 * math.pi * now) * swing  # against the leg
        arms.append(
            Arm(
                swing=math.radians(17 * forward - 2),
                elbow=math.radians(bent + 10 * max(0.0, forward)),
                out=math.radians(out) + _draw(rng, 0, 1.5),
                inward=_draw(rng, 8, 6),
                roll=_draw(rng, 0, 12),
            )
        )
    return Pose(
        kind,
        (legs[0], legs[1]),
        (arms[0], arms[1]),
        side,
        lean=_draw(rng, 4, 3),
        twist=-math.radians(7 * stride * math.cos(2 * math.pi * phase)),
        nod=_draw(rng, 4, 8),
        look=_draw(rng, 0, 16),
    )


def _standing(rng: np.random.Generator, kind: str, side: int) -> Pose:
    loaded, shift = int(rng.choice([-1, 1])), rng.random()  # shift: 0 on both legs, 1 on one
    if kind == "call" and rng.random() < 0.5:
        shift *= 0.3
    legs, arms = [], []
    for sign in (1, -1):
        free = shift if sign != loaded else 0.0
        flex = _draw(rng, 1 + 14 * free * rng.random(), 2)
        legs.append(
            Leg(
                flex=flex,
                knee=math.radians(2 + abs(rng.normal(2, 2)) + 24 * free * rng.random()),
                sole=0.0,
                out=_draw(rng, 2 + 4 * free - 3 * (shift if sign == loaded else 0), 1.5),
                turn=_draw(rng, 9 + 14 * free, 6),
            )
        )
        arms.append(
            Arm(
                swing=_draw(rng, 2, 6),
                elbow=math.radians(abs(rng.normal(14, 9))),
                out=_draw(rng, 10, 4),
                inward=_draw(rng, 10, 8),
                roll=_draw(rng, 0, 15),
            )
        )
    return Pose(
        kind,
        (legs[0], legs[1]),
        (arms[0], arms[1]),
        side,
        lean=_draw(rng, 2, 3),
        tilt=math.radians(5 * shift * loaded),
        twist=_draw(rng, 0, 5),
        nod=_draw(rng, 5, 9),
        look=_draw(rng, 0, 24),
        planted=True,
    )


def _busy(rng: np.random.Generator, pose: Pose) -> Pose:
    """The pose with its hand at what its kind says."""
    arms = list(pose.arms)
    near, far = (0, 1) if pose.side == 1 else (1, 0)
    nod, tilt = pose.nod, pose.tilt

    def arm(swing: float, elbow: float, out: float, inward: float, roll: float) -> Arm:
        return Arm(*(math.radians(a) for a in (swing, elbow, out, inward, roll)))

    if pose.kind == "phone":
        arms[near] = arm(
            rng.uniform(12, 28), rng.uniform(80, 105), rng.normal(7, 2), rng.uniform(15, 35), 60
        )
        nod = math.radians(rng.uniform(12, 28))
        if rng.random() < 0.4:
            arms[far] = arm(rng.uniform(12, 24), rng.uniform(78, 100), 7, rng.uniform(20, 40), 50)
    elif pose.kind == "call":
        arms[near] = arm(
            rng.uniform(20, 45), rng.uniform(126, 140), rng.uniform(18, 35), rng.normal(0, 8), 0
        )
    elif pose.kind == "hold":
        arms[near] = arm(
            rng.uniform(-5, 12), rng.uniform(60, 95), rng.normal(8, 3), rng.uniform(10, 45), 20
        )
    elif pose.kind == "hips":
        arms[near] = arm(
            rng.uniform(-25, -10), rng.uniform(70, 90), rng.uniform(32, 45), rng.uniform(50, 80), 0
        )
        if rng.random() < 0.35:
            arms[far] = arms[near]
    elif pose.kind == "carrying":
        arms[near] = arm(rng.normal(0, 3), rng.uniform(2, 10), rng.normal(7, 2), 3, 0)
        tilt += math.radians(-2.0 * pose.side)  # the body leans away from the load
    return Pose(**{**pose.__dict__, "arms": (arms[0], arms[1]), "nod": nod, "tilt": tilt})


def _about_x(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _about_z(angle: float) -> Matrix:
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


def _turning(start: Any, end: Any) -> Matrix:
    """The smallest rotation that turns one direction into another (not into its opposite)."""
    ax, ay, az = (start / math.sqrt(start @ start)).tolist()
    bx, by, bz = (end / math.sqrt(end @ end)).tolist()
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    f = 1 / (1 + max(ax * bx + ay * by + az * bz, -0.9999))
    return np.array(
        [
            [1 - f * (y * y + z * z), f * x * y - z, f * x * z + y],
            [f * x * y + z, 1 - f * (x * x + z * z), f * y * z - x],
            [f * x * z - y, f * y * z + x, 1 - f * (x * x + y * y)],
        ]
    )


def _down(forward: float, out: float, sign: int) -> Matrix:
    """The direction of a hanging limb swung forward (−y) and outwards."""
    side, drop = sign * math.sin(out), math.cos(out)
    return np.array([side, -drop * math.sin(forward), -drop * math.cos(forward)])


def solve(body: Body, heads: NDArray[Any], pose: Pose) -> Bones:
    """The bones of a person whose rest pose has `heads` (B×3, from `body.rest`) in a pose."""
    at = {name: heads[i] for i, name in enumerate(body.bones)}
    pelvis = _about_z(-0.8 * pose.twist) @ _about_y(-pose.tilt)
    chest = _about_z(pose.twist) @ _about_y(0.5 * pose.tilt) @ _about_x(pose.lean)
    middle = _about_z(0.1 * pose.twist) @ _about_y(-0.25 * pose.tilt) @ _about_x(0.5 * pose.lean)
    neck = _about_z(pose.twist + 0.4 * pose.look) @ _about_x(pose.lean + 0.4 * pose.nod)
    head = _about_z(pose.twist + pose.look) @ _about_x(0.5 * pose.lean + pose.nod)
    turn = dict(
        root=pelvis, pelvis=pelvis, spine05=pelvis, spine04=middle, neck01=neck, neck02=neck
    )
    turn |= dict(neck03=head, head=head)
    for sign, side, leg, arm in zip((1, -1), "LR", pose.legs, pose.arms, strict=True):
        for name, rotation in _leg(at, pelvis, leg, side, sign).items():
            turn[f"{name}.{side}"] = rotation
        for name, rotation in _arm(at, chest, arm, side, sign).items():
            turn[f"{name}.{side}"] = rotation
    rotations = np.stack([turn.get(b, turn.get(b.split(".")[0], chest)) for b in body.bones])
    parents = np.array(body.parents)
    offsets = np.einsum("bij,bj->bi", rotations[parents], heads - heads[parents])
    positions = np.empty_like(heads)
    positions[0] = heads[0]
    for bone, parent in enumerate(body.parents[1:], 1):
        positions[bone] = positions[parent] + offsets[bone]
    shift = positions - np.einsum("bij,bj->bi", rotations, heads)
    transforms = np.concatenate([rotations, shift[:, :, None]], 2).astype(np.float32)
    return Bones(rotations, positions, transforms)


def _leg(at: dict[str, Any], pelvis: Matrix, leg: Leg, side: str, sign: int) -> dict[str, Matrix]:
    hip, knee, ankle = (at[f"{name}.{side}"] for name in ("upperleg01", "lowerleg01", "foot"))
    thigh = _turning(knee - hip, _down(leg.flex, leg.out, sign))
    shin_now = thigh @ (ankle - knee)
    shin = _turning(shin_now, _down(leg.flex - leg.knee, leg.out, sign)) @ thigh
    foot = _about_z(sign * leg.turn) @ _about_x(-leg.sole)
    thigh, shin, foot = pelvis @ thigh, pelvis @ shin, foot
    return dict(upperleg01=thigh, upperleg02=thigh, lowerleg01=shin, lowerleg02=shin, foot=foot)


def _arm(at: dict[str, Any], chest: Matrix, arm: Arm, side: str, sign: int) -> dict[str, Matrix]:
    shoulder, elbow, wrist = (at[f"{n}.{side}"] for n in ("upperarm01", "lowerarm01", "wrist"))
    upper = _turning(elbow - shoulder, _down(arm.swing, arm.out, sign))
    target = _about_z(-sign * arm.inward) @ _down(arm.swing + arm.elbow, arm.out / 2, sign)
    lower = _turning(upper @ (wrist - elbow), target) @ upper
    upper, lower = chest @ upper, chest @ lower
    return dict(upperarm01=upper, upperarm02=upper, lowerarm01=lower, lowerarm02=lower, wrist=lower)
