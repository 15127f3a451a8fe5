"""How people walk, stand and hold things: poses drawn at random."""

import math
from dataclasses import replace

import numpy as np

from lookalike.errors import unknown
from lookalike.world.bodies.skeleton import Arm, Bones, Leg, Pose, solve

__all__ = ["KINDS", "Arm", "Bones", "Leg", "Pose", "sample_pose", "solve"]

# How often each is drawn.
KINDS = dict(walk=0.56, stand=0.13, phone=0.08, hold=0.10, call=0.03, hips=0.03, carrying=0.07)
_MAY_WALK = ("phone", "hold", "carrying", "call")

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
    moving = kind == "walk" or (kind in _MAY_WALK and rng.random() < 0.65)
    return _busy(rng, _walking(rng, kind, side) if moving else _standing(rng, kind, side))


def _degrees(rng: np.random.Generator, mean: float, sd: float) -> float:
    """A normal draw in degrees, as radians."""
    return math.radians(rng.normal(mean, sd))


def _walking(rng: np.random.Generator, kind: str, side: int) -> Pose:
    phase, stride = rng.random(), 0.25 + 0.95 * rng.beta(1.4, 1.3)
    width, turn = _degrees(rng, -3, 1.5), _degrees(rng, 6, 4)
    swing, bent, out = stride * rng.uniform(0.2, 1.0), rng.gamma(2, 12), rng.normal(16, 4.5)
    legs, arms = [], []
    for offset in (0.0, 0.5):
        now = (phase + offset) % 1
        hip, knee, ankle = (np.interp(100 * now, _GAIT[:, 0], _GAIT[:, i]) for i in (1, 2, 3))
        hip, knee, ankle = 4 + stride * (hip - 4), 3 + stride * knee, stride * ankle
        sole = math.radians(hip - knee + ankle)
        legs.append(Leg(math.radians(hip), math.radians(knee), sole, width, turn))
        forward = -swing * math.cos(2 * math.pi * now)  # against the leg
        arm = _loose_arm(rng, bent + 10 * max(0.0, forward), out)
        arms.append(replace(arm, swing=math.radians(16 * forward - 2)))
    return Pose(
        kind,
        (legs[0], legs[1]),
        (arms[0], arms[1]),
        side,
        support=int(phase >= 0.5),  # the foot that struck last
        planted=phase % 0.5 < 0.1,
        lean=_degrees(rng, 4, 3),
        tilt=math.radians(3 * stride * math.sin(2 * math.pi * phase)),
        twist=math.radians(6 * stride * math.cos(2 * math.pi * phase)),
        nod=_degrees(rng, 0, 8),
        look=_degrees(rng, 0, 16),
    )


def _standing(rng: np.random.Generator, kind: str, side: int) -> Pose:
    loaded, shift = int(rng.choice([-1, 1])), rng.random()  # shift: 0 on both legs, 1 on one
    width, bent, out = rng.normal(0, 1.8), rng.gamma(2, 12), rng.normal(16, 4.5)
    legs, arms = [], []
    for sign in (1, -1):
        free = shift if sign != loaded else 0.0
        held = shift if sign == loaded else 0.0
        knee = 2 + abs(rng.normal(0, 2)) + 22 * free
        legs.append(
            Leg(
                flex=_degrees(rng, 1 + (0.6 * knee + rng.uniform(-8, 12)) * free, 2),
                knee=math.radians(knee),
                sole=0.0,
                out=math.radians(width + 3.5 * free - 2.5 * held),
                turn=_degrees(rng, 8 + 14 * free, 5),
            )
        )
        arms.append(_loose_arm(rng, bent, out))
    return Pose(
        kind,
        (legs[0], legs[1]),
        (arms[0], arms[1]),
        side,
        support=int(loaded < 0),
        planted=True,
        lean=_degrees(rng, 2, 3),
        tilt=math.radians(5 * shift * loaded),
        twist=_degrees(rng, 0, 5),
        nod=_degrees(rng, 1, 9),
        look=_degrees(rng, 0, 24),
    )


def _loose_arm(rng: np.random.Generator, bent: float, out: float) -> Arm:
    """An arm with nothing to do: it hangs, or now and then is half raised."""
    raised = rng.random() < 0.15
    return Arm(
        swing=_degrees(rng, 3, 6),
        elbow=_degrees(rng, 70, 18)
        if raised
        else math.radians(min(bent, 100) + abs(rng.normal(0, 4))),
        out=_degrees(rng, out, 2.5),
        inward=_degrees(rng, 24, 12),
        roll=_degrees(rng, 12, 14),
    )


def _busy(rng: np.random.Generator, pose: Pose) -> Pose:
    """The pose with its hands at what its kind says."""
    arms, nod, tilt = list(pose.arms), pose.nod, pose.tilt
    near, far = (0, 1) if pose.side == 1 else (1, 0)

    def arm(swing: float, elbow: float, out: float, inward: float, roll: float) -> Arm:
        r = math.radians
        return Arm(r(swing), r(elbow), r(out), r(inward), r(roll))

    def reach(hand: int, goal: str, sd: float = 0.02, roll: float = 0.0) -> None:
        x, y, z = rng.normal(0, sd, 3).tolist()
        arms[hand] = replace(arms[hand], goal=goal, off=(x, y, z), roll=math.radians(roll))

    if pose.kind == "phone":
        reach(near, "phone", 0.04, roll=-50)
        nod = math.radians(rng.uniform(12, 28))
        if rng.random() < 0.4:
            arms[far] = arms[near]
    elif pose.kind == "call":
        reach(near, "ear")
    elif pose.kind == "hips":
        reach(near, "hip")
        if rng.random() < 0.35:
            reach(far, "hip")
    elif pose.kind == "hold":
        if rng.random() < 0.35:
            reach(near, "strap")
        else:  # something under the arm or before the body
            bent = rng.uniform(55, 100)
            arms[near] = arm(rng.uniform(-8, 15), bent, rng.normal(12, 4), rng.uniform(18, 58), 0)
            if rng.random() < 0.35:
                arms[far] = arm(rng.uniform(-5, 15), bent, 12, rng.uniform(30, 55), 0)
    elif pose.kind == "carrying":
        arms[near] = arm(rng.normal(0, 4), rng.uniform(2, 10), rng.normal(9, 2.5), 5, 10)
        tilt -= math.radians(2.5 * pose.side)  # the body leans away from the load
    return replace(pose, arms=(arms[0], arms[1]), nod=nod, tilt=tilt)
