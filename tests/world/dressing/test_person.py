"""A dressed person in a pose: every kind builds, stands on the ground, and is covered."""

import numpy as np
import pytest
from helpers.dressed import drawn, look, looks, person

from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import KINDS, sample_pose, solve
from lookalike.world.dressing.palette import ACCESSORY, BOTTOM, HAIR, OUTER, SKIN, TOP
from lookalike.world.dressing.person import Person
from lookalike.world.dressing.surface import surface
from lookalike.world.raster import skin
from lookalike.world.seeds import rng
from lookalike.world.wardrobe.clothes import (
    BOTTOM_KINDS,
    HAIR_STYLES,
    HAT_KINDS,
    OUTER_KINDS,
    TOP_KINDS,
)

COAT = dict(outer=True, outer_kind="coat", outer_hem=-0.2, outer_opening=0.06, outer_sleeve=0.95)
SKIRT = dict(bottom="skirt", leg_end=0.1, flare=0.1, pleats=8, pleat_depth=0.03)


def posed(someone, kind="walk", key=0):
    return someone.posed(sample_pose(rng("test person", key), kind))


def kinds():
    """One case for every kind of every thing."""
    for top in TOP_KINDS:
        sleeve = {"tank": -0.2, "long": 0.96, "hoodie": 0.97}.get(top, 0.3)
        yield f"top {top}", dict(top=top, sleeve=sleeve, placket=top in ("shirt", "polo"))
    for bottom in BOTTOM_KINDS:
        end = {"shorts": -0.25, "skirt": 0.1, "leggings": -0.6}.get(bottom, -0.735)
        skirt = SKIRT if bottom == "skirt" else {}
        yield f"bottom {bottom}", {
            **dict(bottom=bottom, leg_end=end, **{k: v for k, v in skirt.items() if k not in
                   ("bottom", "leg_end")}),
            "skirt_end": -0.2 if skirt else None,
        }  # fmt: skip
    for outer in OUTER_KINDS:
        yield f"outer {outer}", {**COAT, "outer_kind": outer, "outer_thick": 0.02}
    for hat in HAT_KINDS:
        yield f"hat {hat}", dict(hat=hat)
    for hair in HAIR_STYLES:
        end = {"bob": 0.76, "long": 0.55, "pony": 0.7}.get(hair, 0.8)
        yield f"hair {hair}", dict(identity=dict(hair=hair, hair_end=end))
    yield "dress", dict(**SKIRT, dress=True, skirt_end=-0.3, hem=0.28)
    yield "tights", dict(**{**SKIRT, "leg_end": -0.7}, skirt_end=-0.1,
                         under_colour=np.full(3, 0.2, np.float32))  # fmt: skip
    yield "bags", dict(backpack=1.0, shoulder_bag=1.0, handbag=1.0, carrier_bag=1.0)
    yield "scarf, mask, umbrella", dict(scarf=True, mask=True, umbrella=True)


@pytest.mark.parametrize(("name", "changes"), list(kinds()), ids=[n for n, _ in kinds()])
def test_every_kind_builds_and_stands_on_the_ground(name, changes):
    someone = person(**changes)
    for kind in ("walk", "hold"):
        result = posed(someone, kind)
        count = len(result.vertices)
        assert np.isfinite(result.vertices).all()
        assert result.vertices[: len(surface().canonical), 2].min() == 0
        assert result.attributes.shape == (count, 6)
        assert result.normals.shape == (count, 3)
        assert result.faces.min() >= 0
        assert result.faces.max() < count
        assert len(result.faces) == len(result.face_material) == len(result.face_colour)
        assert np.unique(result.faces).size > 0.99 * count
        assert np.abs(result.vertices[:, :2]).max() < 1.3


@pytest.mark.parametrize("kind", list(KINDS))
def test_joints_are_those_of_the_undressed_body(kind):
    someone = person(2)
    pose = sample_pose(rng("joints", kind), kind)
    result, whole = someone.posed(pose), body()
    vertices, heads = whole.rest(someone.identity.phenotype)
    bones = solve(whole, heads, pose)
    joints = whole.joints @ skin(vertices, whole.skin_bones, whole.skin_weights, bones.transforms)
    moved = result.joints - joints
    assert np.ptp(moved, axis=0).max() < 1e-5  # but for the height of the floor
    assert np.abs(moved[:, :2]).max() < 1e-5
    ankles = result.joints[[13, 10]]  # left, right
    assert np.abs(result.feet[:, :2] - ankles[:, :2]).max() < 0.16
    assert result.feet[:, 2].min() > -0.05


def test_feet_are_left_and_right():
    result = posed(person(), "stand")
    assert result.feet[0, 0] > result.feet[1, 0]
    assert result.joints[5, 0] > result.joints[2, 0]  # left shoulder has the larger x


@pytest.mark.parametrize("yaw", [0.0, 1.6, 3.1, 4.7])
@pytest.mark.parametrize("kind", ["walk", "stand"])
def test_skirts_cover_the_legs(yaw, kind):
    someone = person(
        4, **SKIRT, skirt_end=-0.2, hem=0.2, under_colour=None,
        bottom_texture=np.full((128, 128, 3), 0.9, np.float32),
    )  # fmt: skip
    seen = look(posed(someone, kind, 3), yaw, height=256)
    rows = np.flatnonzero((seen.material == BOTTOM).any(1))
    assert len(rows) > 30
    drawn = rows[len(rows) // 4 : -8]  # between waist and edge: only cloth, but for hands before it
    legs = seen.material[drawn] == SKIN
    face = seen.face[drawn][legs]
    result = posed(someone, kind, 3)
    arms = result.attributes[result.faces[face[face >= 0]], 4].mean(1) > 0.5
    assert (~arms).sum() <= 2


def test_a_dress_is_of_one_cloth_and_a_coat_has_tails():
    dress = look(posed(person(**SKIRT, dress=True, skirt_end=-0.3, hem=0.28)))
    assert (dress.material == TOP).sum() > 300
    assert (dress.material == BOTTOM).sum() == 0
    coat, jacket = (
        look(posed(person(**{**COAT, "outer_hem": hem}, outer_thick=0.02), "stand"), np.pi)
        for hem in (-0.2, 0.1)
    )
    assert (coat.material == OUTER).sum() > 1.15 * (jacket.material == OUTER).sum()


def test_long_hair_falls_over_the_back():
    behind = [
        (look(posed(person(identity=dict(hair=hair, hair_end=0.5)), "stand"), np.pi).material
         == HAIR).sum()
        for hair in ("short", "long")
    ]  # fmt: skip
    assert behind[1] > 2 * behind[0]


def test_bags_hang_below_the_hand_in_every_pose():
    someone = person(handbag=1.0, side=1)
    bag = np.flatnonzero(someone.posed(sample_pose(rng("bag"))).face_material == ACCESSORY)
    for kind in KINDS:
        result = posed(someone, kind, 5)
        points = result.vertices[np.unique(result.faces[bag])]
        hand = result.joints[7]  # left wrist
        assert np.linalg.norm(points[:, :2].mean(0) - hand[:2]) < 0.2
        assert points[:, 2].max() < hand[2] + 0.12
        assert points[:, 2].mean() < hand[2]


def test_a_phone_is_in_the_hand_that_calls():
    someone = person()
    for key in range(3):
        pose = sample_pose(rng("call", key), "call")
        result = someone.posed(pose)
        phone = result.vertices[np.unique(result.faces[result.face_material == ACCESSORY])]
        wrist = result.joints[7 if pose.side > 0 else 4]
        assert np.linalg.norm(phone.mean(0) - wrist) < 0.2
        assert np.linalg.norm(phone.mean(0) - result.joints[0]) < 0.35  # near the face


def test_an_umbrella_is_over_the_head():
    result = posed(person(umbrella=True), "hold")
    canopy = result.vertices[np.unique(result.faces[result.face_material == ACCESSORY])]
    assert canopy[:, 2].max() > result.joints[0, 2] + 0.25


def test_the_same_person_is_built_alike_and_clothes_do_not_change_the_body():
    identity, outfit = drawn(5)
    pose = sample_pose(rng("same"), "walk")
    first, again = (Person(body(), identity, outfit).posed(pose) for _ in range(2))
    other = Person(body(), identity, drawn(6)[1]).posed(pose)
    assert first.vertices.tobytes() == again.vertices.tobytes()
    assert first.normals.tobytes() == again.normals.tobytes()
    heights = first.joints[:, 2] - other.joints[:, 2]
    assert np.ptp(heights) < 1e-5
    assert np.abs(first.joints[:, :2] - other.joints[:, :2]).max() < 1e-6


def test_drawn_people_are_of_human_size():
    heights = []
    for seed in range(8):
        someone = Person(body(), *looks(seed))
        heights.append(posed(someone, "stand").vertices[:, 2].max())
    assert min(heights) > 1.45
    assert max(heights) < 2.05
