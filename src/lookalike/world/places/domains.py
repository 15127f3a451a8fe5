"""The kinds of place: every range that a camera, its frame and its shots are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lookalike.settings import check

Range = tuple[float, float]
Weights = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Domain:
    """A family of cameras, light and backgrounds; a range is uniform unless it says otherwise."""

    name: str
    """Part of every key, so that two domains share nothing."""

    # The camera.
    cameras: int = 6
    """Cameras that share out each range between them (more cameras may be asked for)."""
    height: Range = (2.6, 4.2)
    """Of the camera above the ground, metres."""
    pitch: Range = (9.0, 17.0)
    """Downwards, degrees."""
    roll: Range = (-1.5, 1.5)
    """Clockwise, degrees."""
    focal: Range = (1000.0, 1500.0)
    """Of the 1280×720 frame, pixels."""
    distance: Range = (6.5, 17.0)
    """From the camera to people along the ground, metres, uniform in the logarithm."""
    low_resolution_share: float = 0.25
    """Share of cameras with fewer pixels than the frame."""
    low_resolution: Range = (0.55, 0.8)
    """Those cameras' pixels a frame pixel."""

    # Light.
    sun: Range = (0.0, 0.45)
    """Strength of the sun (indoors and at night: of the lamp), beside albedo² of 1."""
    sun_elevation: Range = (35.0, 70.0)
    """Degrees."""
    sky: tuple[float, float, float] = (0.92, 0.97, 1.05)
    """Colour of the light from everywhere, red green blue."""
    sky_sd: float = 0.015
    """Standard deviation of its logarithm."""
    ambient: Range = (0.56, 0.68)
    """Strength of that light."""
    key: Range = (0.5, 1.1)
    """Strength of the sky's brighter side, beside the sky."""
    key_azimuth: Range = (-149.0, -29.0)
    """Of that side, degrees; −90 is behind the camera."""
    pools: Range = (0.0, 0.0)
    """How much of the light comes in pools below lamps."""
    shadows: Range = (0.0, 0.5)
    """Share of the ground in the shadow of buildings and trees."""

    # The picture.
    exposure_target: float = 0.185
    """Linear median that automatic exposure brings the lower 3/4 of the frame to."""
    gain: Range = (0.70, 1.38)
    """A camera's own factor on that."""
    white_balance: float = 0.10
    """Standard deviation of a camera's log factors of red, green, blue."""
    saturation: Range = (0.56, 0.86)
    """Beside 1."""
    contrast: Range = (1.05, 1.32)
    """About the middle grey, beside 1."""
    black: Range = (2.0, 14.0)
    """Level of black, of 255."""
    noise: Range = (1.5, 4.0)
    """Standard deviation, of 255."""
    blur: Range = (0.35, 0.75)
    """Standard deviation of the Gaussian, pixels of the crop."""
    sharpen: Range = (-0.2, 0.4)
    """Strength; below .2 none."""
    jpeg: tuple[int, int] = (78, 95)
    """Quality, drawn for each crop; the upper end is left out."""

    # What stands there.
    grounds: Weights = (("pavers", 2.0), ("slabs", 1.0))
    """Kind of ground and its weight."""
    walls: Weights = (("panels", 1.0),)
    """Kind of the building or the hedge behind, and its weight."""
    wall: Range = (11.0, 26.0)
    """From the camera to what stands behind everybody, metres along the ground; a near one keeps
    people nearer (`Camera.distance`)."""
    behind_walls: str = "trees"
    """What is seen above: trees, sky, night or ceiling."""
    clutter: Weights = ()
    """Kind of object and how many of it a frame has on average."""
    strangers: float = 6.0
    """Small far people that a frame has on average."""
    occluder_share: float = 0.35
    """Share of cameras with something between them and the people."""
    occluders: Weights = (("rail", 0.4), ("bike", 0.3), ("planter", 0.15), ("bin", 0.15))
    """Its kind and weight."""

    # Each shot: the person.
    yaw_uniform: float = 0.4
    """Share of people who look anywhere; the others to the camera, a side or away."""
    yaw_sides: tuple[float, float, float, float] = (0.3, 0.2, 0.3, 0.2)
    """Of the others: share at yaw 0, 90, 180, −90 degrees."""
    yaw_sd: float = 20.0
    """Their deviation from that, degrees."""
    poses: Weights = (
        ("walk", 0.62),
        ("stand", 0.13),
        ("phone", 0.08),
        ("hold", 0.06),
        ("call", 0.03),
        ("hips", 0.03),
        ("carrying", 0.05),
    )
    """Kind of pose and its share."""

    # Each shot: the box of the detector.
    box_height: tuple[float, float] = (0.985, 0.055)
    """Height of the box beside the person's: least, and sd of the half-normal on top."""
    box_width: tuple[float, float] = (-0.25, 0.08)
    """Logarithm of the width beside half the height: mean, sd (boxes are stretched to ½)."""
    box_y: tuple[float, float] = (0.018, 0.022)
    """Shift downwards, of the box's height: mean, sd."""
    box_x: float = 0.03
    """Shift sideways, of the box's height: sd."""
    shifted_share: float = 0.05
    """Share of boxes that cut the head or the feet."""
    shifted: Range = (0.06, 0.16)
    """Their shift up or down, of the height."""
    zoomed_share: float = 0.04
    """Share of boxes that are too small."""
    zoomed: float = 0.8
    """Their size beside the person's."""

    # Each shot: other people, and what hides the person.
    behind: float = 0.8
    """Mean of the Poisson number of people behind."""
    behind_gap: Range = (0.6, 6.0)
    """Farther away than the person by, metres."""
    front_share: float = 0.10
    """Share of shots with somebody in front."""
    front_distance: Range = (0.72, 0.93)
    """Distance of those beside the person's."""
    least_visible: float = 0.5
    """Of the person's pixels; below it the shot is drawn again."""

    # Each shot: the picture.
    exposure_sd: float = 0.16
    """Of the logarithm of the gain."""
    white_balance_sd: float = 0.02
    """Of the logarithm of red, green, blue."""
    saturation_sd: float = 0.08
    """Of the logarithm."""
    motion_share: float = 0.25
    """Share of crops with motion blur."""
    motion: tuple[int, int] = (2, 3)
    """Its length, pixels of the crop, both ends drawn."""


def domain_from(values: dict[str, Any]) -> Domain:
    """The domain from `dataclasses.asdict` of one, also after JSON made its tuples lists.

    Raises TypeError for a name that no domain has, or none, and UserError for a value that can't
    be.
    """
    if not isinstance(values, dict):
        raise TypeError(f"a {type(values).__name__} is no domain")
    domain = Domain(**{name: _tuples(value) for name, value in values.items()})
    check(domain)
    return domain


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list | tuple) else value


DOMAINS = {
    domain.name: domain
    for domain in (
        Domain(
            name="plaza",
            walls=(("shops", 2.0), ("panels", 1.0), ("glass", 1.0), ("hedge", 1.0), ("fence", 0.5)),
            clutter=(
                ("bikes", 2.2),
                ("scooter", 1.0),
                ("rider", 1.2),
                ("stall", 0.8),
                ("pole", 1.5),
                ("tree", 2.0),
                ("planter", 1.0),
                ("bin", 1.0),
                ("sign", 1.5),
                ("bench", 0.7),
                ("car", 0.4),
                ("rail", 0.5),
            ),
            strangers=9.0,
        ),
        Domain(
            name="campus",
            height=(3.0, 6.0),
            pitch=(12.0, 28.0),
            focal=(900.0, 1500.0),
            distance=(7.0, 20.0),
            sun=(0.5, 1.3),
            sun_elevation=(25.0, 60.0),
            sky=(0.88, 0.97, 1.12),
            ambient=(0.40, 0.50),
            shadows=(0.1, 0.6),
            exposure_target=0.235,
            gain=(0.80, 1.26),
            white_balance=0.09,
            saturation=(0.98, 1.34),
            noise=(1.0, 3.0),
            blur=(0.3, 0.8),
            jpeg=(70, 92),
            grounds=(("slabs", 1.0), ("asphalt", 1.0), ("grass", 1.0)),
            wall=(15.0, 29.0),
            walls=(("hedge", 2.0), ("brick", 1.5), ("fence", 0.7)),
            clutter=(
                ("bikes", 1.2),
                ("pole", 1.0),
                ("tree", 4.0),
                ("bench", 1.2),
                ("bin", 0.6),
                ("sign", 0.8),
                ("car", 0.9),
                ("rail", 0.6),
                ("bush", 2.0),
                ("rider", 1.0),
            ),
            strangers=5.0,
        ),
        Domain(
            name="mall",
            height=(2.4, 3.6),
            pitch=(10.0, 25.0),
            focal=(800.0, 1200.0),
            distance=(4.0, 12.0),
            sun=(0.0, 0.2),
            sun_elevation=(60.0, 85.0),
            sky=(1.06, 1.0, 0.88),
            ambient=(0.68, 0.82),
            pools=(0.1, 0.5),
            shadows=(0.0, 0.0),
            exposure_target=0.175,
            gain=(0.78, 1.24),
            white_balance=0.07,
            saturation=(0.65, 0.95),
            noise=(2.0, 6.0),
            blur=(0.4, 1.0),
            jpeg=(60, 90),
            grounds=(("tiles", 1.0),),
            wall=(9.0, 21.0),
            walls=(("shops", 3.0), ("glass", 1.0), ("panels", 0.7)),
            behind_walls="ceiling",
            clutter=(
                ("planter", 2.0),
                ("sign", 3.5),
                ("stall", 2.5),
                ("bench", 2.0),
                ("bin", 1.5),
                ("pillar", 2.0),
                ("rail", 1.2),
                ("boxes", 1.0),
            ),
            strangers=14.0,
            occluders=(("rail", 0.4), ("planter", 0.3), ("bin", 0.3)),
        ),
        Domain(
            name="night",
            height=(3.0, 5.5),
            pitch=(12.0, 26.0),
            focal=(900.0, 1400.0),
            distance=(6.0, 16.0),
            sun=(0.5, 1.1),
            sun_elevation=(45.0, 80.0),
            sky=(1.12, 0.98, 0.74),
            ambient=(0.25, 0.31),
            pools=(0.5, 0.9),
            shadows=(0.0, 0.0),
            exposure_target=0.065,
            gain=(0.75, 1.34),
            white_balance=0.10,
            saturation=(0.45, 0.75),
            noise=(5.0, 12.0),
            blur=(0.5, 1.3),
            jpeg=(55, 85),
            grounds=(("asphalt", 1.0), ("pavers", 1.0), ("slabs", 1.0)),
            wall=(10.0, 25.0),
            walls=(("brick", 1.0), ("shops", 1.0), ("glass", 1.0), ("panels", 1.0)),
            behind_walls="night",
            clutter=(
                ("bikes", 1.0),
                ("car", 1.4),
                ("pole", 1.5),
                ("tree", 1.0),
                ("bin", 1.0),
                ("sign", 1.5),
                ("bench", 0.5),
                ("rail", 0.7),
            ),
            strangers=4.0,
        ),
    )
}
"""By name."""
