"""An identity's and an outfit's fields as the renderer's `Paint`."""

# Warp has no types.
# mypy: disable-error-code="no-untyped-call,attr-defined,valid-type,type-arg"

from functools import lru_cache

import numpy as np
import warp as wp

from lookalike.world.dressing.borders import HATS, NECKS
from lookalike.world.dressing.palette import Paint
from lookalike.world.raster import Floats
from lookalike.world.seeds import rng
from lookalike.world.wardrobe.clothes import Array, Identity, Outfit

_HAIR_KINDS = {"bald": 0, "buzz": 1, "fringe": 3}
_GLASSES = {"none": 0, "clear": 1, "dark": 2}
_COLLARS = {"shirt": 1, "polo": 1, "hoodie": 2}


@lru_cache(maxsize=1)
def _noise_tile() -> Floats:
    """64×64 smooth noise that repeats, mean 0 and standard deviation 1/2."""
    random = rng("paint noise")
    tile = np.zeros((64, 64))
    for cells, share in ((8, 1.0), (16, 0.7), (32, 0.5)):
        coarse = random.normal(size=(cells, cells))
        at = np.arange(64) * cells / 64
        near, part = at.astype(int), at % 1
        far = (near + 1) % cells
        part = part * part * (3 - 2 * part)
        rows = coarse[near] * (1 - part)[:, None] + coarse[far] * part[:, None]
        tile += share * (rows[:, near] * (1 - part) + rows[:, far] * part)
    return np.asarray(0.5 * (tile - tile.mean()) / tile.std(), np.float32)


def paint_of(identity: Identity, outfit: Outfit) -> Paint:
    """The numbers and textures by which `paint.albedo` colours this person."""
    p = Paint()
    p.noise = _array(_noise_tile())
    p.skin = wp.vec3(*identity.skin.tolist())
    p.hair = wp.vec3(*identity.hair_colour.tolist())
    p.hair_kind = _HAIR_KINDS.get(identity.hair, 2)
    p.hairline, p.parting = identity.hairline, identity.parting
    p.locks = identity.hair_seed % 997 / 97.0
    p.beard, p.brows = identity.beard, identity.brows
    p.glasses = _GLASSES[identity.glasses]
    p.hat, p.hat_colour = HATS[outfit.hat], wp.vec3(*outfit.hat_colour.tolist())
    p.mask, p.mask_colour = int(outfit.mask), wp.vec3(*outfit.mask_colour.tolist())
    _paint_top(p, outfit)
    _paint_bottom(p, outfit)
    _paint_outer(p, outfit)
    return p


def _array(values: Array) -> wp.array:
    return wp.array(np.ascontiguousarray(values, np.float32), device="cpu", copy=False)


def _paint_top(p: Paint, outfit: Outfit) -> None:
    p.sleeve, p.hem, p.neck = outfit.sleeve, outfit.hem, NECKS[outfit.neck]
    p.collar = _COLLARS.get(outfit.top, 0)
    p.placket = (0.5 if outfit.top == "polo" else outfit.hem) if outfit.placket else 9.0
    p.pocket = {"hoodie": 1, "shirt": 2}.get(outfit.top, 0)
    p.top = _array(outfit.top_texture)
    p.plain_sleeves = int(outfit.sleeve_colour is not None)
    if outfit.sleeve_colour is not None:
        p.sleeve_colour = wp.vec3(*outfit.sleeve_colour.tolist())
    p.trim = wp.vec3(*outfit.trim_colour.tolist())
    p.decal = _array(np.zeros((1, 1, 4), np.float32) if outfit.decal is None else outfit.decal)
    p.decal_half = 0.5 * outfit.decal_size
    p.decal_height, p.decal_x = outfit.decal_height, outfit.decal_x
    p.decal_front = int(outfit.decal is not None and outfit.decal_front)
    p.decal_back = int(outfit.decal is not None and outfit.decal_back)


def _paint_bottom(p: Paint, outfit: Outfit) -> None:
    p.bottom = _array(outfit.bottom_texture)
    p.leg_end, p.dress = outfit.leg_end, int(outfit.dress)
    p.under = int(outfit.under_colour is not None)
    if outfit.under_colour is not None:
        p.under_colour = wp.vec3(*outfit.under_colour.tolist())
    p.jeans, p.creased = int(outfit.bottom == "jeans"), int(outfit.bottom == "trousers")
    p.cuff = outfit.cuff
    p.belt, p.belt_colour = int(outfit.belt and outfit.hem > 0.28), wp.vec3(*outfit.belt_colour)
    p.shoe, p.sole = wp.vec3(*outfit.shoe_colour.tolist()), wp.vec3(*outfit.sole_colour.tolist())
    p.sock = wp.vec3(*outfit.sock_colour.tolist())
    p.shoe_top, p.sock_top, p.sandal = outfit.shoe_top, outfit.sock_top, int(outfit.sandal)


def _paint_outer(p: Paint, outfit: Outfit) -> None:
    p.outer, p.outer_hem, p.opening = int(outfit.outer), outfit.outer_hem, outfit.outer_opening
    p.outer_sleeve, p.quilted = outfit.outer_sleeve, int(outfit.outer_kind == "puffer")
    p.outer_texture = _array(outfit.outer_texture)
    p.straps, p.strap_colour = int(outfit.backpack > 0), wp.vec3(*outfit.backpack_colour.tolist())
    p.sling = float(outfit.side) if outfit.shoulder_bag > 0 else 0.0
    p.sling_colour = wp.vec3(*outfit.bag_colour.tolist())
