"""What a person is and wears, as numbers: the fields that geometry and paint read.

Lengths are metres. Heights are canonical z (the mean body's, the same for everybody): crotch .06,
hip joint .158, waist .33, armpit .60, shoulder .65, neck base .75, chin .78, ear .872, crown 1.02;
knee −.286, ankle −.738, sole −.818. `arm` is 0 at the shoulder, .5 at the elbow, 1 at the wrist.
Colours are float32 (3,) display-ish albedo in [0, 1] (squared before lighting).

A texture is one 128×128×3 float32 tile of .9 m that repeats. Row i lies at v = .9·i/128 and column
j at u = .9·j/128, both modulo .9:

- torso, skirt and dress: u = .143·atan2(x, −(y+.03)), v = z: the tile closes at the back, and a
  waist-to-shoulder range is whole;
- legs: u = ±.25 + .085·(angle about the leg, 0 in front; + on the left), v = z;
- sleeves: u = .3 + .06·(angle about the arm), v = .68 − .55·arm.
"""

from __future__ import annotations

from dataclasses import dataclass

from numpy import float32
from numpy.typing import NDArray

Array = NDArray[float32]

HAIR_STYLES = ("short", "crop", "buzz", "bald", "fringe", "bob", "long", "pony", "bun")
TOP_KINDS = ("tee", "shirt", "polo", "tank", "long", "hoodie")
BOTTOM_KINDS = ("shorts", "trousers", "jeans", "skirt", "leggings")
OUTER_KINDS = ("jacket", "denim", "puffer", "cardigan", "coat")
HAT_KINDS = ("none", "cap", "brim", "beanie")


@dataclass(frozen=True, eq=False)
class Identity:
    """A person without clothes: what stays when the clothes change."""

    female: bool
    phenotype: dict[str, float]
    """The parametric body's gender, age, muscle, weight, proportions and height, each in [0, 1]."""
    skin: Array
    hair: str
    """One of HAIR_STYLES."""
    hair_colour: Array
    hair_volume: float
    """Metres that the hair stands off the crown (0: bald)."""
    hair_end: float
    """Canonical z where loose hair (bob, long) or a ponytail ends; others: the nape, .80."""
    hairline: float
    """Metres by which the hairline in front is higher (receding) or lower than usual."""
    parting: float
    """Canonical x of the parting, −.05 to .05."""
    hair_seed: int
    """Key of the locks' own noise."""
    beard: float
    """0 none, up to 1 a full beard in the hair's colour (less: stubble, moustache)."""
    brows: float
    """Strength of the dark marks at eyes and mouth, .3 to .8."""
    glasses: str
    """none, clear (a dark frame) or dark (sunglasses)."""


@dataclass(frozen=True, eq=False)
class Outfit:
    """One set of clothes, shoes and things of one person."""

    # The top, or the upper part of a dress.
    top: str
    """One of TOP_KINDS."""
    sleeve: float
    """`arm` where the sleeve ends; below 0: sleeveless."""
    hem: float
    """z of the top's lower edge (above .28: tucked in or cropped, the belt shows)."""
    neck: str
    """crew, v or scoop."""
    loose: float
    """0 tight to 1 wide."""
    placket: bool
    """A line of buttons in front: whole length on a shirt, to z .5 on a polo."""
    top_name: str
    """The ground colour's name."""
    top_colour: Array
    """The ground colour (for what isn't textured)."""
    trim_colour: Array
    """Collar, neck band and cuffs."""
    sleeve_colour: Array | None
    """Plain sleeves of another colour (raglan), else None: the top's texture."""
    top_pattern: str
    """Name of the texture's kind."""
    top_texture: Array
    decal: Array | None
    """A print: 48×48×4, row 0 at its top, column 0 at the person's right (smallest x in front)."""
    decal_size: float
    """Metres of the print's side."""
    decal_height: float
    """z of the print's middle."""
    decal_x: float
    """x of the print's middle in front (a badge sits beside the middle); 0 on the back."""
    decal_front: bool
    decal_back: bool

    # The bottom. A dress is a skirt that continues its top.
    bottom: str
    """One of BOTTOM_KINDS."""
    leg_end: float
    """z where the legs of shorts, trousers, jeans or leggings end (.1: a skirt and bare legs)."""
    leg_loose: float
    """0 narrow to 1 wide."""
    dress: bool
    """The skirt continues the top, in the top's texture (and `bottom` is skirt)."""
    skirt_end: float | None
    """z of the skirt's or dress's lower edge; None unless `bottom` is skirt."""
    under_colour: Array | None
    """Plain leggings or tights under a skirt, down to `leg_end`; None: bare legs."""
    flare: float
    """How far the skirt stands out, 0 to .4; `skirt.hang` turns it into a slope."""
    pleats: int
    """Folds around the skirt."""
    pleat_depth: float
    """Their depth at the lower edge, as a share of the radius, 0 to .1."""
    cuff: float
    """Metres of turned-up leg ends, 0: none; a lighter band."""
    belt: bool
    """A belt shows between z .30 and .325 where the top's hem is above."""
    belt_colour: Array
    bottom_name: str
    """The ground colour's name (a dress's is its top's)."""
    bottom_colour: Array
    bottom_pattern: str
    bottom_texture: Array

    # Worn open over the top; arms covered.
    outer: bool
    outer_kind: str
    """One of OUTER_KINDS (meaningless without `outer`)."""
    outer_hem: float
    """z of its lower edge (a coat's is below 0)."""
    outer_opening: float
    """Half the width of the gap in front at the waist; 0: closed. Narrows to .04 less at z .6."""
    outer_sleeve: float
    """`arm` where its sleeve ends (pushed up: .6)."""
    outer_thick: float
    """Metres that it stands off the top (.01 cardigan to .035 puffer)."""
    outer_name: str
    """Its colour's name."""
    outer_texture: Array

    # Feet.
    shoe_colour: Array
    sole_colour: Array
    sock_colour: Array
    shoe_top: float
    """z where the shoe ends: −.76 ballerina, −.735 shoe, up to −.45 boot."""
    sock_top: float
    """z where the sock ends; at or below shoe_top: none to see."""
    sandal: bool
    """Straps and a sole instead of the shoe's upper; no socks."""

    # Things. A size of 0: none; 1 is usual, .7 to 1.3.
    backpack: float
    shoulder_bag: float
    """With a strap across the body."""
    handbag: float
    """In the hand or at the elbow, with handles."""
    carrier_bag: float
    """A thin plastic or paper bag in the hand."""
    side: int
    """−1 or 1: the side (sign of x) on which bags hang."""
    backpack_colour: Array
    bag_colour: Array
    """Of shoulder bag and handbag."""
    carrier_colour: Array
    hat: str
    """One of HAT_KINDS."""
    hat_colour: Array
    scarf: bool
    scarf_colour: Array
    mask: bool
    """Over mouth and nose."""
    mask_colour: Array
    umbrella: bool
    """Open, above the head (for poses that hold a hand up)."""
    umbrella_colour: Array
