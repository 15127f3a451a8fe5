"""Light on a person and on the ground around: the kernel that colours every sample.

The terms and their strengths are hand-made, not measured: a sky that is brighter on one side (the
wrapped key makes people look solid under clouds), a sun with a shadow map, light thrown back by the
ground, and ambient occlusion from the depth of the picture itself.
"""

# ruff: noqa: UP018  (Warp wants `float(0.0)` for what changes in a loop)
# mypy: disable-error-code="no-untyped-call,no-untyped-def,misc,attr-defined,valid-type"

import warp as wp

from lookalike.world import raster  # noqa: F401  (silences Warp)
from lookalike.world.dressing.paint import Paint, albedo

wp.set_module_options({"enable_backward": False})


@wp.struct
class Light:
    sun: wp.vec3
    sun_strength: float
    key: wp.vec3
    key_strength: float
    sky: wp.vec3
    ambient: float
    eye: wp.vec3
    # The shadow map: texel = point·across, point·along + shadow_offset; depth = −point·sun.
    shadow: wp.array2d(dtype=float)
    across: wp.vec3
    along: wp.vec3
    shadow_offset: wp.vec2


@wp.func
def sunlit(light: Light, point: wp.vec3, spread: float):
    """Share of the sun that reaches a point: four texels around it are asked."""
    size = light.shadow.shape[0]
    if size == 1:
        return 1.0
    u = wp.dot(point, light.across) + light.shadow_offset[0]
    v = wp.dot(point, light.along) + light.shadow_offset[1]
    depth = -wp.dot(point, light.sun) - 0.035  # nearer than that: the surface itself
    share = float(0.0)
    for tap in range(4):
        du = spread * float(tap % 2)
        dv = spread * float(tap // 2)
        column = int(wp.floor(u + du - 0.5 * spread))
        row = int(wp.floor(v + dv - 0.5 * spread))
        if column < 0 or row < 0 or column >= size or row >= size:
            share += 0.25
        else:
            share += wp.where(light.shadow[row, column] > depth, 0.25, 0.0)
    return share


@wp.func
def radiance(light: Light, colour: wp.vec4, point: wp.vec3, normal: wp.vec3, open: float):
    """Linear light from a surface; `colour` holds albedo and material, `open` is 1 − occlusion."""
    height = wp.clamp(point[2], 0.0, 1.0)
    up = 0.5 + 0.5 * normal[2]
    side = 0.5 + 0.5 * wp.clamp(wp.dot(normal, light.key), -1.0, 1.0)
    facing = wp.max(-wp.dot(normal, wp.normalize(point - light.eye)), 0.0)
    rim = 1.0 - facing
    sky = light.sky * (0.22 + 0.42 * up + light.key_strength * side * side)
    ground = wp.vec3(1.0, 0.95, 0.88) * (0.2 * (1.0 - up) * (1.0 - 0.5 * height))
    around = light.ambient * open * (0.8 + 0.2 * height) * (1.0 - 0.28 * rim * rim)
    sun = light.sun_strength * wp.max(wp.dot(normal, light.sun), 0.0)
    if sun > 0.0:
        sun *= sunlit(light, point, 1.8)
    # Where the sun is strong, the ground that it lights fills the shadows from below.
    fill = 0.10 * light.sun_strength * wp.max(light.sun[2], 0.0) * (1.0 - up) * open
    warm = wp.vec3(1.0, 0.96, 0.88)
    total = (sky + ground) * around + warm * (sun + fill)
    sheen = float(0.0)
    material = int(colour[3])
    if material == 2:
        sheen = 0.05
    elif material == 5 or material == 6:
        sheen = 0.03
    shine = sheen * light.ambient * normal[2] * normal[2] * wp.max(normal[2], 0.0)
    linear = wp.vec3()
    for c in range(3):
        a = wp.clamp(colour[c], 0.0, 1.1)
        linear[c] = 1.12 * a * a * total[c] + shine
    return linear


@wp.kernel
def shade(
    paint: Paint,
    light: Light,
    vertices: wp.array(dtype=wp.vec3),
    normals: wp.array(dtype=wp.vec3),
    attributes: wp.array2d(dtype=float),
    faces: wp.array(dtype=wp.vec3i),
    face_material: wp.array(dtype=wp.int32),
    face_colour: wp.array(dtype=wp.vec3),
    face: wp.array2d(dtype=wp.int32),
    b1: wp.array2d(dtype=float),
    b2: wp.array2d(dtype=float),
    depth: wp.array2d(dtype=float),
    back: float,
    near: wp.array2d(dtype=float),
    far: wp.array2d(dtype=float),
    samples: int,
    rgba: wp.array2d(dtype=wp.vec4),
    materials: wp.array2d(dtype=wp.uint8),
    parts: wp.array2d(dtype=wp.uint8),
):
    row, column = wp.tid()
    total = wp.vec4()
    for sample in range(samples * samples):
        y = row * samples + sample // samples
        x = column * samples + sample % samples
        f = face[y, x]
        if f < 0:
            continue
        corner = faces[f]
        w1 = b1[y, x]
        w2 = b2[y, x]
        w0 = 1.0 - w1 - w2
        i = corner[0]
        j = corner[1]
        k = corner[2]
        point = w0 * vertices[i] + w1 * vertices[j] + w2 * vertices[k]
        normal = wp.normalize(w0 * normals[i] + w1 * normals[j] + w2 * normals[k])
        # Sheets of hair and skirts have one side only; smooth outlines of the body don't flip.
        if face_material[f] >= 0 and wp.dot(normal, point - light.eye) > 0.0:
            normal = -normal
        rest = wp.vec3(
            w0 * attributes[i, 0] + w1 * attributes[j, 0] + w2 * attributes[k, 0],
            w0 * attributes[i, 1] + w1 * attributes[j, 1] + w2 * attributes[k, 1],
            w0 * attributes[i, 2] + w1 * attributes[j, 2] + w2 * attributes[k, 2],
        )
        arm = w0 * attributes[i, 3] + w1 * attributes[j, 3] + w2 * attributes[k, 3]
        is_arm = w0 * attributes[i, 4] + w1 * attributes[j, 4] + w2 * attributes[k, 4]
        part = w0 * attributes[i, 5] + w1 * attributes[j, 5] + w2 * attributes[k, 5]
        colour = albedo(paint, rest, arm, is_arm, part, face_material[f], face_colour[f])
        d = wp.min(depth[y, x], back)
        hidden = 4.5 * wp.clamp(d - near[row, column], 0.0, 0.12)
        hidden += 2.0 * wp.clamp(d - far[row, column], 0.0, 0.2)
        light_here = radiance(light, colour, point, normal, wp.clamp(1.0 - hidden, 0.22, 1.0))
        if total[3] == 0.0:  # a pixel's labels are those of its first sample that hits
            materials[row, column] = wp.uint8(int(colour[3]))
            nearest = i
            if w1 > w0 and w1 >= w2:
                nearest = j
            elif w2 > w0:
                nearest = k
            if face_material[f] != 6:  # a thing isn't a part of the body
                parts[row, column] = wp.uint8(int(attributes[nearest, 5] + 1.5))
        total += wp.vec4(light_here[0], light_here[1], light_here[2], 1.0)
    rgba[row, column] = total / float(samples * samples)


@wp.func
def contact(point: wp.vec3, foot: wp.vec3):
    dx = point[0] - foot[0]
    dy = point[1] - foot[1]
    lifted = wp.exp(-wp.max(foot[2] - 0.09, 0.0) / 0.08)
    return 1.0 - 0.55 * lifted * wp.exp(-(dx * dx + dy * dy) / 0.022)


@wp.kernel
def ground(
    picture: wp.array3d(dtype=wp.uint8),
    light: Light,
    right: wp.vec3,
    down: wp.vec3,
    forward: wp.vec3,
    corner: wp.vec2,
    step: wp.vec2,
    left_foot: wp.vec3,
    right_foot: wp.vec3,
    away: wp.vec3,
    wall: float,
    out: wp.array2d(dtype=wp.vec3),
):
    row, column = wp.tid()
    share = float(1.0)
    u = corner[0] + (float(column) + 0.5) * step[0]
    v = corner[1] + (float(row) + 0.5) * step[1]
    ray = right * u + down * v + forward
    if ray[2] < -0.02:
        point = light.eye - ray * (light.eye[2] / ray[2])
        if wp.dot(point, away) < wall:
            body = point[0] * point[0] + point[1] * point[1]
            if body < 1.5:
                share = contact(point, left_foot) * contact(point, right_foot)
                share *= 1.0 - 0.30 * wp.exp(-body / 0.16)
            if body < 25.0 and light.shadow.shape[0] > 1:
                sun = light.sun_strength * light.sun[2]
                dark = 1.0 - 0.5 * (sunlit(light, point, 1.8) + sunlit(light, point, 3.6))
                share *= 1.0 - 0.9 * sun / (sun + light.ambient) * dark
    linear = wp.vec3()
    for c in range(3):
        root = float(picture[row, column, c]) / 255.0
        linear[c] = root * root * share
    out[row, column] = linear
