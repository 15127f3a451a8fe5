"""Colours of clothes: where garments end, and that no pose moves a print."""

import numpy as np
import pytest
from helpers.dressed import look, looks, person, project

from lookalike.world.bodies.poses import KINDS, sample_pose
from lookalike.world.dressing.outfit_paint import paint_of
from lookalike.world.dressing.paint import colours
from lookalike.world.dressing.palette import BOTTOM, HAIR, OUTER, SHOE, SKIN, SOCK, TOP
from lookalike.world.dressing.surface import surface
from lookalike.world.seeds import rng

FLAT = np.full((128, 128, 3), 0.5, np.float32)


def at(points, changes=None, identity=None):
    """Colours and materials of surface points (x, y, z, arm, is_arm, part)."""
    paint = paint_of(*looks(identity=identity, **(changes or {})))
    points = np.asarray(points, np.float32)
    nothing = np.zeros((len(points), 3), np.float32)
    return colours(paint, points, np.full(len(points), -1, np.int32), nothing)


def trunk(x, z, y=-0.14):
    return (x, y, z, -1, 0, 0)


def arm(along):
    return (0.3, -0.03, 0.5, along, 1, 5 if along < 0.5 else 6)


def leg(z, y=-0.06):
    return (0.15, y, z, -1, 0, 2 if z > -0.286 else 4 if z < -0.74 else 3)


@pytest.mark.parametrize(
    ("changes", "inside", "outside", "material", "beyond"),
    [
        (dict(sleeve=0.3), arm(0.295), arm(0.305), TOP, SKIN),
        (dict(top="long", sleeve=0.96), arm(0.955), arm(0.965), TOP, SKIN),
        (dict(hem=0.12), trunk(0, 0.125), trunk(0, 0.115), TOP, BOTTOM),
        (dict(bottom="shorts", leg_end=-0.2), leg(-0.195), leg(-0.205), BOTTOM, SKIN),
        (dict(leg_end=-0.6, sock_top=-0.65), leg(-0.655), leg(-0.645), SOCK, SKIN),
        (dict(leg_end=-0.6, shoe_top=-0.735), leg(-0.74), leg(-0.73), SHOE, SKIN),
        (dict(leg_end=-0.3, shoe_top=-0.45), leg(-0.46), leg(-0.44), SHOE, SKIN),
        (dict(outer=True, outer_kind="jacket", outer_hem=0.1, outer_opening=0.07,
              outer_sleeve=0.6), arm(0.595), arm(0.605), OUTER, SKIN),
        (dict(outer=True, outer_kind="jacket", outer_hem=0.1, outer_opening=0.07,
              outer_sleeve=0.9), trunk(0.075, 0.33), trunk(0.065, 0.33), OUTER, TOP),
        (dict(neck="crew"), trunk(0, 0.66, -0.1), trunk(0, 0.70, -0.1), TOP, SKIN),
        (dict(neck="v"), trunk(0.04, 0.64, -0.1), trunk(0, 0.64, -0.1), TOP, SKIN),
        (dict(neck="scoop"), trunk(0, 0.60, -0.1), trunk(0, 0.65, -0.1), TOP, SKIN),
        (dict(top="tank", sleeve=-0.2), trunk(0.08, 0.6), trunk(0.15, 0.6), TOP, SKIN),
    ],
)  # fmt: skip
def test_garments_end_where_the_outfit_says(changes, inside, outside, material, beyond):
    _, materials = at([inside, outside], changes)
    assert materials.tolist() == [material, beyond]


def test_head_is_hair_above_the_hairline_and_skin_below():
    crown, brow, nape = (0, -0.05, 1.0, -1, 0, 9), (0, -0.155, 0.92, -1, 0, 9), (0, 0.04, 0.85)
    points = [crown, brow, (*nape, -1, 0, 9)]
    assert at(points)[1].tolist() == [HAIR, SKIN, HAIR]
    assert at(points, identity=dict(hair="bald"))[1].tolist() == [SKIN, SKIN, SKIN]


def test_eyes_and_mouth_are_darker_than_the_cheek_beside_them():
    eye, cheek, mouth = (0.032, -0.14, 0.905), (0.05, -0.13, 0.865), (0, -0.16, 0.829)
    face = at([(*p, -1, 0, 9) for p in (eye, cheek, mouth)])[0].mean(1)
    assert face[0] < 0.8 * face[1]
    assert face[2] < 0.9 * face[1]


def test_no_hat_no_mask_no_straps_unless_worn():
    points = [(0, -0.1, 0.99, -1, 0, 9), (0, -0.16, 0.83, -1, 0, 9), trunk(0.095, 0.5)]
    bare = at(points)[1].tolist()
    worn = at(points, dict(hat="beanie", mask=True, backpack=1.0))[1].tolist()
    assert bare == [HAIR, SKIN, TOP]
    assert worn == [6, 6, 6]


def letter():
    """A print, white, with ink only in the quarter at the person's right and at its top."""
    decal = np.zeros((48, 48, 4), np.float32)
    decal[..., 3] = 1
    decal[..., :3] = 1
    decal[:24, :24, :3] = (1, 0, 0)
    return decal


def test_print_is_read_from_the_right_side_on_chest_and_back():
    changes = dict(
        top_texture=FLAT, decal=letter(), decal_size=0.2, decal_height=0.5, decal_x=0.0,
        decal_front=True, decal_back=True,
    )  # fmt: skip
    chest = [trunk(-0.05, 0.55), trunk(0.05, 0.55), trunk(-0.05, 0.45), trunk(-0.11, 0.55)]
    back = [trunk(0.05, 0.55, 0.05), trunk(-0.05, 0.55, 0.05)]
    rgb, _ = at(chest + back, changes)
    ink, paper, ground = (1, 0, 0), (1, 1, 1), (0.5, 0.5, 0.5)
    assert np.allclose(rgb, [ink, paper, paper, ground, ink, paper])


def test_texture_closes_behind_and_repeats_every_ninety_centimetres():
    texture = np.tile(np.arange(128, dtype=np.float32)[:, None, None] / 128, (1, 128, 3))
    texture[..., 1] = np.arange(128) / 128
    behind = [trunk(x, 0.4, 0.1) for x in (-1e-6, 1e-6)]
    in_front = [trunk(0, z) for z in (0.2, 0.4)]
    rgb, _ = at(behind + in_front, dict(top_texture=texture))
    assert abs(rgb[0, 1] - rgb[1, 1]) * 128 <= 1  # the next column
    assert np.allclose(rgb[:, 0], [56 / 128, 56 / 128, 28 / 128, 56 / 128])


def test_no_pose_changes_the_colour_of_a_point():
    somebody = person(3, decal=letter(), decal_front=True, backpack=1.0)
    random = np.random.default_rng(0)
    two = [somebody.posed(sample_pose(rng("albedo", kind), kind)) for kind in ("walk", "hips")]
    faces = random.integers(0, len(two[0].faces), 3000)
    weights = random.dirichlet(np.ones(3), 3000).astype(np.float32)
    seen = []
    for posed in two:
        points = (posed.attributes[posed.faces[faces]] * weights[..., None]).sum(1)
        seen.append(
            colours(posed.paint, points, posed.face_material[faces], posed.face_colour[faces])
        )
    assert np.abs(two[0].vertices - two[1].vertices).max() > 0.1  # they do move
    assert np.array_equal(seen[0][0], seen[1][0])
    assert np.array_equal(seen[0][1], seen[1][1])
    assert seen[0][0].std() > 0.05


@pytest.mark.parametrize("kind", ["walk", "stand", "call", "carrying"])
def test_a_print_stays_on_its_spot_of_the_chest(kind):
    dot = np.zeros((48, 48, 4), np.float32)
    dot[..., 0] = dot[..., 3] = 1
    somebody = person(
        1, top_texture=np.ones((128, 128, 3), np.float32), decal=dot, decal_size=0.08,
        decal_height=0.5, decal_x=0.03, decal_front=True, decal_back=False,
    )  # fmt: skip
    mesh = surface()
    front = (mesh.canonical[:, 1] < -0.1) & (mesh.is_arm == 0)
    off = np.hypot(mesh.canonical[:, 0] - 0.03, mesh.canonical[:, 2] - 0.5)
    nearest = np.argsort(np.where(front, off, 9))[:3]
    for turn in (-0.4, 0.0, 0.4):
        posed = somebody.posed(sample_pose(rng("print", kind, turn > 0), kind))
        seen = look(posed, turn)
        red = (seen.colour[..., 0] > 0.6) & (seen.colour[..., 1] < 0.2) & (seen.material == TOP)
        if red.sum() < 12:  # an arm is in front
            continue
        rows, columns = np.nonzero(red)
        share = 1 / (off[nearest] + 1e-3)
        spot = project((posed.vertices[nearest] * share[:, None]).sum(0, keepdims=True)
                       / share.sum(), turn)[0]  # fmt: skip
        assert abs(columns.mean() + 0.5 - spot[0]) < 1
        assert abs(rows.mean() + 0.5 - spot[1]) < 1


def test_every_kind_of_pose_is_tried_above():
    assert {"walk", "stand", "call", "carrying"} <= set(KINDS)
