"""Light on surfaces, held to the formula written out in numpy, and the shadows."""

from dataclasses import replace

import numpy as np
import warp as wp

from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import sample_pose
from lookalike.world.dressing.person import Person
from lookalike.world.places.cameras import Camera, sample_camera
from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer import layer, light
from lookalike.world.renderer.placement import Place, View, view_from
from lookalike.world.wardrobe.people import person_of

SKIN = 1.0  # a material without sheen

wp.set_module_options({"enable_backward": False})


@wp.kernel
def _radiance(
    lamp: light.Light,
    points: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    colours: wp.array(dtype=wp.vec4),
    open: wp.array(dtype=float),
    out: wp.array(dtype=wp.vec3),
):
    i = wp.tid()
    out[i] = light.radiance(lamp, colours[i], points[i], normals[i], open[i])


def literal_radiance(camera: Camera, view: View, point, normal, colour, open) -> np.ndarray:
    """One surface point in the open, as the specification's formula says it."""
    z = min(max(point[2], 0), 1)
    sight = (point - view.eye) / np.linalg.norm(point - view.eye)
    rim = 1 - max(-normal @ sight, 0)
    hemisphere = 0.5 + 0.5 * normal[2]
    key = camera.key_strength * (0.5 + 0.5 * np.clip(normal @ view.key, -1, 1)) ** 2
    around = camera.ambient * open * (0.8 + 0.2 * z) * (1 - 0.28 * rim**2)
    ground = 0.2 * (1 - hemisphere) * (1 - 0.5 * z) * np.array([1, 0.95, 0.88])
    total = around * (np.array(camera.sky) * (0.22 + 0.42 * hemisphere + key) + ground)
    sun = camera.sun_strength * max(normal @ view.sun, 0)
    bounced = 0.10 * camera.sun_strength * view.sun[2] * (1 - hemisphere) * open
    total = total + (sun + bounced) * np.array([1, 0.96, 0.88])
    sheen = {2: 0.05, 5: 0.03, 6: 0.03}.get(int(colour[3]), 0) * camera.ambient
    return 1.12 * colour[:3] ** 2 * total + sheen * max(normal[2], 0) ** 3


def test_radiance_is_the_formula() -> None:
    random = np.random.default_rng(0)
    camera = sample_camera(DOMAINS["campus"], 0, 0, 1)
    view = view_from(camera, Place(1.0, 9.0, 2.0))
    nothing = np.full((3, 3), 50, np.float32)  # a mesh that shades nobody
    lamp = layer.light_on(camera, view, nothing, np.array([[0, 1, 2]], np.int32), (1.0, 1.0))
    count = 200
    points = random.uniform((-0.4, -0.4, 0), (0.4, 0.4, 1.8), (count, 3)).astype(np.float32)
    normals = random.normal(size=(count, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    colours = random.uniform(0, 1, (count, 4)).astype(np.float32)
    colours[:, 3] = random.integers(1, 9, count)
    open = random.uniform(0.3, 1, count).astype(np.float32)
    out = np.empty((count, 3), np.float32)
    wp.launch(_radiance, count, inputs=[lamp, points, normals, colours, open, out], device="cpu")
    expected = [
        literal_radiance(camera, view, *row)
        for row in zip(points, normals, colours, open, strict=True)
    ]
    np.testing.assert_allclose(out, expected, rtol=2e-4, atol=1e-5)


def overhead_sheet(height: float) -> tuple[np.ndarray, np.ndarray]:
    """A square of 40 cm, level, above the person's spot."""
    corners = np.array([(-1, -1, 0), (1, -1, 0), (1, 1, 0), (-1, 1, 0)], np.float32) * 0.2
    corners[:, 2] = height
    return corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_the_sun_throws_a_shadow_along_its_rays() -> None:
    camera = replace(
        sample_camera(DOMAINS["campus"], 0, 0, 1), sun=(0.6, 0.0, 0.8), sun_strength=1.0
    )
    view = view_from(camera, Place(0.0, 9.0, 0.0))
    lamp = layer.light_on(camera, view, *overhead_sheet(1.0), (1.0, 1.0))
    below = np.array([(-0.75, 0, 0), (0, 0, 0), (0.75, 0, 0), (0, 0, 1.2)], np.float32)
    up = np.tile(np.float32([0, 0, 1]), (4, 1))
    white = np.tile(np.float32([0.7, 0.7, 0.7, SKIN]), (4, 1))
    out = np.empty((4, 3), np.float32)
    inputs = [lamp, below, up, white, np.ones(4, np.float32), out]
    wp.launch(_radiance, 4, inputs=inputs, device="cpu")
    shade, *open_air = out[:, 0]
    # The sun stands over +x, so the shadow falls to −x, three quarters of the sheet's height away.
    assert shade < 0.6 * min(open_air)


def test_no_sun_no_shadow_and_shares_dim_it() -> None:
    camera = sample_camera(DOMAINS["campus"], 0, 0, 1)
    view = view_from(camera, Place(0.0, 9.0, 0.0))
    mesh = overhead_sheet(1.0)
    assert layer.light_on(camera, view, *mesh, (1.0, 1.0)).shadow.shape == (160, 160)
    shaded = layer.light_on(camera, view, *mesh, (0.5, 0.0))
    assert shaded.shadow.shape == (1, 1)
    assert shaded.sun_strength == 0
    np.testing.assert_allclose(shaded.ambient, camera.ambient / 2, rtol=1e-6)


def test_contact_and_shadow_darken_the_ground_and_nothing_else() -> None:
    camera = replace(
        sample_camera(DOMAINS["plaza"], 0, 0, 0), roll=0.0, sun_strength=1.0, sun=(0.6, 0.0, 0.8)
    )
    place = Place(0.0, 9.0, 1.0)
    view = view_from(camera, place)
    box = (440.0, 100.0, 400.0, 600.0)
    lamp = layer.light_on(camera, view, *overhead_sheet(1.0), (1.0, 1.0))
    feet = np.array([(0.1, 0, 0.05), (-0.1, 0, 0.05)], np.float32)
    grey = np.full((60, 40, 3), 128, np.uint8)
    out = layer.on_ground(grey, lamp, view, box, feet)[..., 0]
    plain = np.float32((128 / 255) ** 2)
    spot = layer.perspective(np.zeros((1, 3), np.float32), view)[0]
    row, column = int((spot[1] - 100) / 10), int((spot[0] - 440) / 10)
    assert out[row, column] < 0.5 * plain
    assert out.max() <= plain * 1.0001
    np.testing.assert_allclose(out[: row - 20], plain, rtol=1e-5)
    sheet = view.rotation @ (np.float32([-0.75, 0, 0]) @ turned(place) - view.eye)
    shadow = int((640 + camera.focal * sheet[0] / sheet[2] - 440) / 10)
    assert shadow < column - 3
    assert out[row, shadow] < 0.75 * plain
    assert out[row, 2 * column - shadow] > 0.95 * plain


def turned(place: Place) -> np.ndarray:
    """World vectors (as rows, on the left) to the person's axes."""
    cos, sin = np.cos(place.yaw), np.sin(place.yaw)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], np.float32)


def test_what_lies_deeper_than_its_surroundings_is_darker() -> None:
    """A flat wall with a hole: the hole's floor gets less light, the rest as much as without."""
    camera = replace(sample_camera(DOMAINS["plaza"], 0, 0, 0), sun_strength=0.0, roll=0.0)
    view = view_from(camera, Place(0.0, 9.0, 0.0))
    person = Person(body(), *person_of(0, "plaza", 0, 0, 0, 0.0))
    posed = person.posed(sample_pose(np.random.default_rng(0), "stand"))
    lamp = layer.light_on(camera, view, posed.vertices, posed.faces, (1.0, 1.0))
    depth, nothing = np.full((256, 128), 9.0, np.float32), np.zeros((256, 128), np.float32)
    wall = layer.Buffers(depth, np.zeros((256, 128), np.int32), nothing, nothing)
    hole = depth.copy()
    hole[100:108, 60:68] = 9.1
    flat, dug = (layer.render(posed, lamp, b, 2).rgba for b in (wall, wall._replace(depth=hole)))
    assert (dug[51:53, 31:33, :3] < 0.85 * flat[51:53, 31:33, :3]).all()
    np.testing.assert_array_equal(dug[90:], flat[90:])
    assert (flat[..., 3] == 1).all()
