"""The kernels against plain numpy."""

import subprocess
import sys

import numpy as np
import pytest
from literal import raster as literal_raster

from lookalike.world.bodies.body import body
from lookalike.world.raster import EMPTY, JOINT_DEPTH, joint_visible, normals, skin, zbuffer


def on_screen(vertices, height=256, width=128):
    """The body from the front, filling the picture; depth from a camera at 8 m."""
    scale = 0.47 * height
    x = width / 2 + scale * vertices[:, 0]
    y = height * 0.55 - scale * vertices[:, 2]
    return np.stack([x, y, 8 + vertices[:, 1]], 1).astype(np.float32)


def random_triangles(count, seed, height=60, width=40):
    rng = np.random.default_rng(seed)
    points = rng.uniform((-20, -20, -5), (width + 20, height + 20, 5), (count, 3))
    points[::7] = np.round(points[::7]) + 0.5  # corners on pixel centres
    points[::11, 0] *= 1e4  # far outside
    faces = rng.integers(0, count, (count, 3))  # some have a corner twice: no area
    return points.astype(np.float32), faces.astype(np.int32), height, width


def equal(buffers, literal):
    return all(np.array_equal(ours, theirs) for ours, theirs in zip(buffers, literal, strict=True))


def test_a_body_is_rasterized_as_by_the_literal_version():
    points = on_screen(body().canonical)
    ours = zbuffer(points, body().faces, 256, 128)
    assert 0.15 < (ours.face >= 0).mean() < 0.6
    assert equal(ours, literal_raster.zbuffer(points, body().faces, 256, 128))


@pytest.mark.parametrize("seed", range(3))
def test_any_triangles_are_rasterized_as_by_the_literal_version(seed):
    scene = random_triangles(200, seed)
    ours = zbuffer(*scene)
    assert len(np.unique(ours.face)) > 20
    assert equal(ours, literal_raster.zbuffer(*scene))


def test_weights_give_back_the_pixel_and_its_depth():
    points, faces, height, width = random_triangles(60, 5)
    depth, face, b1, b2 = zbuffer(points, faces, height, width)
    rows, columns = np.nonzero(face >= 0)
    w1, w2 = b1[rows, columns], b2[rows, columns]
    weights = np.stack([1 - w1 - w2, w1, w2], 1)
    small = np.abs(points[faces[face[rows, columns]]]).max((1, 2)) < 100  # float32 tells these well
    at = np.einsum("nk,nkc->nc", weights, points[faces[face[rows, columns]]])[small]
    expected = np.stack([columns + 0.5, rows + 0.5, depth[rows, columns]], 1)[small]
    assert small.sum() > 300
    np.testing.assert_allclose(at, expected, atol=2e-3)


def test_the_nearest_wins_and_of_equals_the_first():
    square = np.array([(0, 0, 2), (9, 0, 2), (0, 9, 2)], np.float32)
    points = np.concatenate([square, square, square - (0, 0, 1), square])
    faces = np.arange(12, dtype=np.int32).reshape(4, 3)
    assert set(np.unique(zbuffer(points, faces[[0, 1, 3]], 4, 4).face)) == {0}
    assert set(np.unique(zbuffer(points, faces, 4, 4).face)) == {2}


def test_triangles_that_share_an_edge_leave_no_gap():
    corners = np.array([(0, 0, 1), (8, 0, 1), (8, 8, 1), (0, 8, 1)], np.float32)
    face = zbuffer(corners, np.array([(0, 1, 2), (0, 2, 3)], np.int32), 8, 8).face
    assert (face >= 0).all()
    assert (face.diagonal() == 0).all()  # centres on the edge belong to the first


def test_nothing_to_draw_is_an_empty_picture():
    away = np.array([(50, 50, 1), (60, 50, 1), (50, 60, 1)], np.float32)
    for faces in (np.zeros((0, 3), np.int32), np.array([(0, 1, 2)], np.int32)):
        buffers = zbuffer(away, faces, 6, 5)
        assert (buffers.depth == EMPTY).all()
        assert (buffers.face == -1).all()
        assert buffers.b1.shape == buffers.b2.shape == (6, 5)


def test_float64_and_strided_input_is_the_same_as_float32():
    points, faces, height, width = random_triangles(50, 2)
    wide = np.zeros((50, 6))
    wide[:, ::2] = points
    ours = zbuffer(wide[:, ::2], faces.astype(np.int64), height, width)
    assert equal(ours, zbuffer(points, faces, height, width))


def test_normals_are_the_mean_of_their_faces_by_area():
    vertices, faces = body().canonical, body().faces
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    literal = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(literal, faces[:, i], np.cross(b - a, c - a))
    length = np.linalg.norm(literal, axis=1, keepdims=True)
    sure = length[:, 0] > 1e-7
    ours = normals(vertices, faces)
    np.testing.assert_allclose(ours[sure], (literal / length)[sure], atol=2e-4)
    front = (np.abs(vertices[:, 0]) < 0.05) & (np.abs(vertices[:, 2] - 0.3) < 0.05)
    belly = front & (vertices[:, 1] < vertices[front, 1].mean())
    assert (ours[belly, 1] < -0.7).all()  # outwards: the person looks to −y


def test_a_vertex_of_no_face_has_no_normal():
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (5, 5, 5)], np.float32)
    ours = normals(vertices, np.array([(0, 1, 2)], np.int32))
    np.testing.assert_array_equal(ours, [(0, 0, 1)] * 3 + [(0, 0, 0)])


def test_skinning_is_the_weighted_mean_of_the_bones_motions():
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(50, 3)).astype(np.float32)
    transforms = rng.normal(size=(6, 3, 4)).astype(np.float32)
    bones = rng.integers(0, 6, (50, 4)).astype(np.int32)
    weights = rng.dirichlet(np.ones(4), 50).astype(np.float32)
    weights[:20, 2:] = 0
    homogeneous = np.concatenate([vertices, np.ones((50, 1))], 1)
    literal = np.einsum("vk,vkij,vj->vi", weights, transforms[bones], homogeneous)
    np.testing.assert_allclose(skin(vertices, bones, weights, transforms), literal, atol=1e-5)


def test_a_joint_is_visible_unless_something_lies_before_it():
    depth = np.full((20, 10), EMPTY, np.float32)
    depth[:, 5:] = 4.0
    points = np.zeros((18, 3))
    points[:, 1] = 3.5
    points[:, 0] = 2  # nothing there
    points[:, 2] = 9
    assert joint_visible(points, depth).all()
    points[:, 0], points[:, 2] = 7, 4 + JOINT_DEPTH - 0.001  # under its own skin
    assert joint_visible(points, depth).all()
    points[:, 2] = 4 + JOINT_DEPTH + 0.001  # under somebody else's
    assert not joint_visible(points, depth).any()


def test_a_joint_outside_the_picture_is_not_visible():
    points = np.tile(np.array([3.0, 3.0, 0.0]), (18, 1))
    points[0, 0], points[1, 0], points[2, 1], points[3, 1] = -0.01, 10.0, -0.01, 20.0
    points[4, :2] = 9.99, 19.99
    visible = joint_visible(points, np.ones((20, 10), np.float32))
    assert visible.tolist() == [False] * 4 + [True] * 14


DIGEST = """
import hashlib, numpy as np
from lookalike.world.bodies.body import body
from lookalike.world.bodies.poses import sample_pose, solve
from lookalike.world.raster import normals, skin, zbuffer
from lookalike.world.seeds import rng
b = body()
vertices, heads = b.rest(dict(gender=0.2, height=0.3, weight=0.7))
bones = solve(b, heads, sample_pose(rng("pose", 3)))
posed = skin(vertices, b.skin_bones, b.skin_weights, bones.transforms)
points = posed * np.float32(100) + np.float32(90)
parts = (posed, normals(posed, b.faces), *zbuffer(points[:, [0, 2, 1]], b.faces, 200, 200))
digest = hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
"""


def test_another_process_gets_the_same_bytes_and_prints_nothing():
    code = DIGEST + "import sys; sys.stdout.write(digest)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here: dict[str, str] = {}
    exec(DIGEST, here)  # the same lines, so that they can't drift apart
    assert done.stdout == here["digest"]
    assert done.stderr == ""
