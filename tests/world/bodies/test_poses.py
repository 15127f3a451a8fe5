"""Poses and the bones they move."""

from dataclasses import replace

import numpy as np
import pytest

from lookalike.errors import UserError
from lookalike.world.bodies.body import FOOT, body
from lookalike.world.bodies.poses import KINDS, Pose, sample_pose, solve
from lookalike.world.raster import skin
from lookalike.world.seeds import rng

PEOPLE = (
    dict(gender=0.1, age=0.68, height=0.34, proportions=0.62),
    dict(gender=0.9, age=0.68, height=0.36, proportions=0.6, weight=0.8),
)


@pytest.fixture(scope="module")
def people():
    return [body().rest(phenotype) for phenotype in PEOPLE]


def poses(kind=None, count=25):
    return [sample_pose(rng("test poses", str(kind), k), kind) for k in range(count)]


def posed(person, pose):
    vertices, heads = person
    bones = solve(body(), heads, pose)
    return skin(vertices, body().skin_bones, body().skin_weights, bones.transforms), bones


def where(bones, name):
    return bones.positions[body().bone(name)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_pose_turns_bones_and_keeps_their_lengths(kind, people):
    for pose in poses(kind, 6):
        assert pose.kind == kind
        for _, heads in people:
            bones = solve(body(), heads, pose)
            eye = bones.rotations @ bones.rotations.transpose(0, 2, 1)
            np.testing.assert_allclose(eye, np.broadcast_to(np.eye(3), eye.shape), atol=1e-9)
            assert (np.linalg.det(bones.rotations) > 0).all()
            parents = body().parents[1:]
            for at in (heads, bones.positions):
                length = np.linalg.norm(at[1:] - at[parents], axis=1)
                if at is heads:
                    expected = length
            np.testing.assert_allclose(length, expected, atol=1e-9)


def test_transforms_bring_heads_to_their_positions(people):
    heads = people[0][1]
    bones = solve(body(), heads, poses("walk", 1)[0])
    moved = np.einsum("bij,bj->bi", bones.transforms[:, :, :3], heads) + bones.transforms[:, :, 3]
    np.testing.assert_allclose(moved, bones.positions, atol=1e-6)
    assert bones.transforms.dtype == np.float32


def test_the_same_generator_gives_the_same_pose():
    assert poses() == poses()
    assert len({pose.kind for pose in poses()}) > 2
    assert poses("walk")[0] != poses("walk")[1]


def test_kinds_come_as_often_as_said():
    assert sum(KINDS.values()) == pytest.approx(1)
    drawn = [sample_pose(rng("kinds", k)).kind for k in range(2000)]
    for kind, share in KINDS.items():
        assert drawn.count(kind) / 2000 == pytest.approx(share, abs=0.03), kind


def test_an_unknown_kind_is_named():
    with pytest.raises(UserError, match="Unknown pose 'wlak'; did you mean 'walk'"):
        sample_pose(rng("test"), "wlak")


def lowest(vertices):
    """The lowest point of the left and of the right foot over the ground."""
    foot, left = body().part == FOOT, body().canonical[:, 0] > 0
    heights = vertices[:, 2] - vertices[:, 2].min()
    return heights[foot & left].min(), heights[foot & ~left].min()


def test_who_stands_stands_on_both_feet(people):
    for k, pose in enumerate(poses("stand")):
        vertices, _ = posed(people[k % 2], pose)
        assert max(lowest(vertices)) < 0.01


def test_a_walker_never_hovers(people):
    """Both feet touch while the weight goes over; else the foot that carries is the lower one."""
    steps = poses("walk", 60)
    assert 5 < sum(pose.planted for pose in steps) < 25
    for k, pose in enumerate(steps):
        feet = lowest(posed(people[k % 2], pose)[0])
        assert feet[pose.support] < 0.012
        assert max(feet) < (0.02 if pose.planted else 0.25)


def test_a_step_brings_its_hip_forward_and_its_shoulder_back(people):
    for pose in (pose for pose in poses("walk", 60) if pose.planted):
        bones = solve(body(), people[0][1], pose)
        ahead, behind = ("L", "R") if pose.support == 0 else ("R", "L")
        for bone, sign in (("foot", 1), ("upperleg01", 1), ("upperarm01", -1)):
            step = (where(bones, f"{bone}.{behind}") - where(bones, f"{bone}.{ahead}"))[1]
            assert step * sign > 0, bone  # forward is −y


def test_strides_and_stances_vary(people):
    def apart(pose, axis):
        bones = solve(body(), people[0][1], pose)
        return abs(where(bones, "foot.L") - where(bones, "foot.R"))[axis]

    strides = [apart(pose, 1) for pose in poses("walk", 80)]
    assert np.percentile(strides, 10) < 0.15
    assert 0.45 < np.percentile(strides, 95) < 0.9
    assert np.median([apart(pose, 0) for pose in poses("walk", 80)]) < 0.2  # anny's own: .39
    knees = [abs(pose.legs[0].knee - pose.legs[1].knee) for pose in poses("stand", 60)]
    assert np.percentile(knees, 80) > np.radians(10)  # on one leg


@pytest.mark.parametrize(
    ("kind", "bone", "reach"), [("call", "head", 0.28), ("hips", "upperleg01", 0.25)]
)
def test_the_busy_hand_is_where_its_kind_says(kind, bone, reach, people):
    for k, pose in enumerate(poses(kind)):
        _, bones = posed(people[k % 2], pose)
        side = "L" if pose.side == 1 else "R"
        goal = bone if bone == "head" else f"{bone}.{side}"
        assert np.linalg.norm(where(bones, f"wrist.{side}") - where(bones, goal)) < reach


def test_a_phone_is_held_before_the_chest_and_a_load_hangs(people):
    for kind, above_hip, before_chest in (("phone", 0.15, 0.2), ("carrying", -0.3, -0.25)):
        for pose in poses(kind):
            bones = solve(body(), people[0][1], pose)
            wrist = where(bones, "wrist.L" if pose.side == 1 else "wrist.R")
            assert wrist[2] > where(bones, "root")[2] + above_hip
            assert where(bones, "spine01")[1] - wrist[1] > before_chest
            if kind == "carrying":
                assert wrist[2] < where(bones, "root")[2] + 0.05


def test_hands_do_both_sides():
    assert {pose.side for pose in poses("phone")} == {1, -1}


def test_a_mirrored_pose_is_its_mirror_image(people):
    heads = people[0][1]
    names = [b.replace(".L", ".?").replace(".R", ".L").replace(".?", ".R") for b in body().bones]
    twin = [body().bone(name) for name in names]
    heads = (heads + heads[twin] * (-1, 1, 1)) / 2  # anny's own is not quite symmetric
    for pose in poses(count=30):
        mirrored = replace(
            pose,
            legs=pose.legs[::-1],
            arms=pose.arms[::-1],
            side=-pose.side,
            support=1 - pose.support,
            tilt=-pose.tilt,
            twist=-pose.twist,
            look=-pose.look,
        )
        there = solve(body(), heads, mirrored).positions
        expected = solve(body(), heads, pose).positions[twin] * (-1, 1, 1)
        np.testing.assert_allclose(there, expected, atol=1e-9)


def test_forward_is_minus_y_and_left_is_plus_x(people):
    heads = people[0][1]
    still = sample_pose(rng("test"), "stand")
    arm = replace(still.arms[0], swing=0.0, elbow=0.0, out=0.0, inward=0.0, roll=0.0, goal="")
    leg = replace(still.legs[0], flex=0.0, knee=0.0, sole=0.0, out=0.0, turn=0.0)
    at_ease = Pose("stand", (leg, leg), (arm, arm), 1, 0, False)

    def moved(bone, **changes):
        changed = solve(body(), heads, replace(at_ease, **changes))
        return where(changed, bone) - where(solve(body(), heads, at_ease), bone)

    assert moved("wrist.L", arms=(replace(arm, swing=0.5), arm))[1] < -0.1
    assert moved("wrist.L", arms=(replace(arm, elbow=0.5), arm))[1] < -0.05
    assert moved("wrist.L", arms=(replace(arm, out=0.5), arm))[0] > 0.1
    assert moved("wrist.R", arms=(arm, replace(arm, out=0.5)))[0] < -0.1
    bent = replace(arm, elbow=1.2)
    inward = moved("wrist.L", arms=(replace(bent, inward=0.6), arm))
    assert inward[0] < moved("wrist.L", arms=(bent, arm))[0] - 0.05
    assert moved("foot.R", support=0, legs=(leg, replace(leg, flex=0.5)))[1] < -0.2
    assert moved("foot.R", support=0, legs=(leg, replace(leg, flex=0.5, knee=1.0)))[2] > 0.05
    assert moved("head", lean=0.3)[1] < -0.1
    assert moved("upperleg01.L", tilt=0.1)[2] > 0.005
    turned = solve(body(), heads, replace(at_ease, look=0.5)).rotations[body().bone("head")]
    assert (turned @ (0, -1, 0))[0] > 0.4
    nodding = solve(body(), heads, replace(at_ease, nod=0.5)).rotations[body().bone("head")]
    assert (nodding @ (0, -1, 0))[2] < -0.4


def test_arms_and_feet_are_as_far_apart_as_in_real_crops(people):
    """Medians of frontal OpenPose skeletons of real crops, in heights from neck to ankle (the
    boxes' widening taken out): elbows .40, wrists .36, ankles .13; a prototype walked too wide."""
    spread = {name: [] for name in ("lowerarm01", "wrist", "foot")}
    for k, pose in enumerate(poses(count=150)):
        bones = solve(body(), people[k % 2][1], pose)
        ankles = (where(bones, "foot.L") + where(bones, "foot.R")) / 2
        tall = where(bones, "neck01")[2] - ankles[2]
        for name, values in spread.items():
            values.append(abs(where(bones, f"{name}.L") - where(bones, f"{name}.R"))[0] / tall)
    assert np.median(spread["lowerarm01"]) == pytest.approx(0.40, abs=0.04)
    assert np.median(spread["wrist"]) == pytest.approx(0.36, abs=0.05)
    assert np.median(spread["foot"]) == pytest.approx(0.13, abs=0.04)
    low, high = np.percentile(spread["wrist"], (10, 90))
    assert high - low > 0.17  # some hold something before them, some let both hang
