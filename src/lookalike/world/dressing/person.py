"""A dressed person: built once, then posed as often as asked."""

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lookalike.world.bodies.body import Body
from lookalike.world.bodies.joints import moments, posed_joints
from lookalike.world.bodies.poses import Bones, Pose, solve
from lookalike.world.dressing import carried, hair, held, locks, skirt
from lookalike.world.dressing import displacement as dressing
from lookalike.world.dressing.outfit_paint import paint_of
from lookalike.world.dressing.palette import ACCESSORY, Paint
from lookalike.world.dressing.pieces import Piece, extended
from lookalike.world.dressing.surface import surface
from lookalike.world.raster import Floats, Ints, normals, skin
from lookalike.world.seeds import rng
from lookalike.world.wardrobe.clothes import Identity, Outfit

Array = NDArray[np.float64]

# canonical heights of landmarks, for `Person.own_height`
_HEIGHTS = (-0.818, -0.738, -0.286, 0.158, 0.415, 0.56, 0.754, 0.863, 1.02)
_BONES = ("foot.L", "lowerleg01.L", "upperleg01.L", "spine02", "spine01", "neck01", "head")


@dataclass(frozen=True, eq=False)
class Posed:
    """A person in a pose: N vertices, M faces. Metres, z up, feet on z = 0, facing −y.

    `attributes` N×6 are canonical x, y, z, arm, is_arm and part; `face_material` M is −1 where
    `paint` decides by them, else a material of `paint.albedo`, then in `face_colour` M×3 if it has
    no texture. `joints` 18×3 are OpenPose's, of the body under the clothes; `feet` 2×3 the middles
    of left and right foot.
    """

    vertices: Floats
    faces: Ints
    attributes: Floats
    face_material: Ints
    face_colour: Floats
    normals: Floats
    joints: Floats
    feet: Array
    paint: Paint


class Person:
    """An identity in an outfit. `posed` gives the geometry of any pose."""

    def __init__(self, body: Body, identity: Identity, outfit: Outfit) -> None:
        self.body, self.identity, self.outfit = body, identity, outfit
        self.paint = paint_of(identity, outfit)
        vertices, self.heads = body.rest(identity.phenotype)
        cloth = rng("cloth", identity.hair_seed, zlib.crc32(outfit.top_texture.tobytes()))
        shape, bent = dressing.dress(cloth, identity, outfit, self.paint, vertices, self.heads)
        self._height_pairs = _height_pairs(body, self.heads, shape)
        _add_hair(shape, self.paint, identity, outfit)
        pieces = locks.pieces(
            rng("hair", identity.hair_seed), body, identity, shape, self.own_height
        )
        pieces += carried.worn(cloth, body, outfit, shape, self.own_height)
        self._skirts = skirt.worn(cloth, outfit)
        self._bags = held.hand_bags(outfit)
        self._bend_rows = np.flatnonzero(np.abs(bent).sum(1) > 1e-5)
        self._bent = bent[self._bend_rows]
        self._bend_joint = _joint_of(self._bend_rows)
        self._assemble(shape, pieces)
        self._joint_moments = moments(vertices)

    def own_height(self, z: NDArray[np.floating] | float) -> Array:
        """This person's rest-pose height at a canonical one."""
        return np.asarray(np.interp(z, *self._height_pairs))

    def _assemble(self, shape: Floats, pieces: list[Piece]) -> None:
        """Puts surface, pieces, skirts and bags in one mesh: all that no pose changes."""
        mesh = surface()
        self._rest = np.concatenate([shape, *(p.vertices for p in pieces)])
        self._bones = np.concatenate([mesh.skin_bones, *(p.bones for p in pieces)])
        self._weights = np.concatenate([mesh.skin_weights, *(p.weights for p in pieces)])
        self._surface_count = len(shape)
        none = np.zeros(3, np.float32)
        parts = [(p.faces, p.material, p.colour, p.rest) for p in pieces]
        parts += [(s.faces, s.material, none, s.rest) for s in self._skirts]
        parts += [(b.faces, ACCESSORY, b.colour, b.vertices) for b in self._bags]
        tables = (
            mesh.faces,
            dressing.attributes(),
            np.full(len(mesh.faces), -1, np.int32),
            np.zeros((len(mesh.faces), 3), np.float32),
        )
        self._tables = extended(tables, parts)

    def posed(self, pose: Pose) -> Posed:
        """The person in a pose."""
        bones = solve(self.body, self.heads, pose)
        rest = self._rest.copy()
        rest[self._bend_rows] += self._bent * _bends(pose)[self._bend_joint, None]
        vertices = skin(rest, self._bones, self._weights, bones.transforms)
        body = vertices[: self._surface_count]
        floor = body[:, 2].min()
        more = [skirt.hang(s, body) for s in self._skirts]
        more += [bag.vertices + _grip(self.body, bones, bag.side) for bag in self._bags]
        tables = self._tables
        for thing in self._in_hand(pose, bones):
            more.append(thing.vertices + _grip(self.body, bones, thing.side))
            part = (thing.faces, ACCESSORY, thing.colour, thing.vertices)
            tables = extended(tables, [part])
        vertices = np.concatenate([vertices, *more]).astype(np.float32)
        vertices[:, 2] -= floor
        faces, attributes, materials, colours = tables
        joints = posed_joints(self._joint_moments, bones.transforms)
        joints[:, 2] -= floor
        return Posed(
            vertices,
            faces,
            attributes,
            materials,
            colours,
            normals(vertices, faces),
            joints.astype(np.float32),
            _feet(self.body, bones) - (0, 0, floor),
            self.paint,
        )

    def _in_hand(self, pose: Pose, bones: Bones) -> list[held.Held]:
        """What the pose's busy hand holds."""
        if pose.kind in ("phone", "call"):
            return [held.phone(pose.side)]
        if self.outfit.umbrella and pose.kind == "hold":
            head = bones.positions[self.body.bone("head")] - _grip(self.body, bones, pose.side)
            return [held.umbrella(self.outfit, head, pose.side)]
        return []


def _height_pairs(body: Body, heads: Array, shape: Floats) -> tuple[Array, Array]:
    own = [heads[body.bone(name)][2] for name in _BONES]
    return np.array(_HEIGHTS), np.array([shape[:, 2].min(), *own, shape[:, 2].max()])


def _add_hair(shape: Floats, paint: Paint, identity: Identity, outfit: Outfit) -> None:
    """Raises the scalp, outwards from a point inside the head (its normals point all ways)."""
    high = hair.heights(paint, identity, outfit.hat != "none")
    rows = np.flatnonzero(high)
    if len(rows):
        shape[rows] += normals(shape, surface().faces)[rows] * high[rows, None]


def _joint_of(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which of left and right elbow, left and right knee folds each vertex."""
    mesh = surface()
    return np.asarray(2 * (mesh.is_arm[rows] == 0) + (mesh.canonical[rows, 0] < 0), np.int64)


def _bends(pose: Pose) -> Floats:
    """How far left and right elbow, left and right knee are bent: 0 straight to 1 at 90°."""
    angles = [*(arm.elbow for arm in pose.arms), *(leg.knee for leg in pose.legs)]
    return np.clip(np.array(angles) / (np.pi / 2), 0, 1.3).astype(np.float32)


def _grip(body: Body, bones: Bones, side: int) -> Floats:
    """Where a hand holds: between wrist and finger tips."""
    name = "L" if side > 0 else "R"
    wrist = bones.positions[body.bone(f"wrist.{name}")]
    elbow = bones.positions[body.bone(f"lowerarm01.{name}")]
    along = (wrist - elbow) / np.linalg.norm(wrist - elbow)
    return np.asarray(wrist + 0.08 * along, np.float32)


def _feet(body: Body, bones: Bones) -> Array:
    """The middles of the left and right foot."""
    rows = [body.bone("foot.L"), body.bone("foot.R")]
    ahead = bones.rotations[rows] @ np.array([0, -0.06, -0.05])
    return np.asarray(bones.positions[rows] + ahead)
