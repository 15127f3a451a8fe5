"""The mesh that wears clothes, held to the body's own."""

import itertools

import numpy as np
from scipy.spatial import cKDTree

from lookalike.world.bodies.body import HAND, HEAD, TORSO, body
from lookalike.world.dressing.surface import _cut, adjacency, surface


def areas(points, faces):
    edges = points[faces[:, 1:]] - points[faces[:, :1]]
    return np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1) / 2


def test_every_way_of_cutting_a_triangle_keeps_it_whole():
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    middles = (corners + np.roll(corners, -1, 0)) / 2  # of the edges 01, 12 and 20
    points = np.concatenate([corners, middles])
    for cut in itertools.product((False, True), repeat=3):
        middle = np.array([[3 + k if cut[k] else -1 for k in range(3)]])
        faces = _cut(np.array([[0, 1, 2]], np.int32), middle)
        assert len(faces) == 1 + sum(cut)
        edges = points[faces[:, 1:]] - points[faces[:, :1]]
        turned = np.cross(edges[:, 0], edges[:, 1])[:, 2]
        assert (turned > 0).all()
        assert np.isclose(turned.sum() / 2, 0.5)
        assert set(faces.ravel()) == {0, 1, 2} | {3 + k for k in range(3) if cut[k]}


def test_it_is_the_body_with_other_vertices():
    mesh, whole = surface(), body()
    assert np.allclose(mesh.matrix.sum(1), 1, atol=1e-5)
    assert np.allclose(mesh.matrix @ whole.canonical, mesh.canonical, atol=1e-6)
    away, _ = cKDTree(whole.canonical).query(mesh.canonical)
    assert away.max() < 0.035
    limbs = mesh.part[mesh.faces].max(1) < HAND
    own = whole.part[whole.faces].max(1) < HAND
    area = areas(mesh.canonical, mesh.faces[limbs]).sum()
    assert np.isclose(area, areas(whole.canonical, whole.faces[own]).sum(), rtol=0.02)


def test_vertices_are_where_cloth_folds():
    mesh, whole = surface(), body()
    assert (mesh.part == TORSO).sum() > 2 * (whole.part == TORSO).sum()
    assert (mesh.part == HAND).sum() < (whole.part == HAND).sum() / 3
    assert (mesh.part == HEAD).sum() < 0.6 * (whole.part == HEAD).sum()
    trunk = mesh.faces[(mesh.part[mesh.faces] == TORSO).all(1)]
    edges = mesh.canonical[trunk] - mesh.canonical[np.roll(trunk, 1, 1)]
    assert np.linalg.norm(edges, axis=2).max() < 0.04


def test_an_edge_has_two_sides_at_most():
    faces = surface().faces
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    _, used = np.unique(edges, axis=0, return_counts=True)  # as directed, so once each
    assert (used > 1).mean() < 0.005  # fingers and lips may have grown together


def test_skin_and_parts_are_the_body_s():
    mesh, whole = surface(), body()
    assert mesh.skin_weights.shape[1] == 4
    assert np.allclose(mesh.skin_weights.sum(1), 1, atol=1e-6)
    assert (np.diff(mesh.skin_weights, axis=1) <= 0).all()  # zeros last, as `skin` wants
    nearest = cKDTree(whole.canonical).query(mesh.canonical)[1]
    assert (whole.part[nearest] == mesh.part).mean() > 0.97
    on_arm = (mesh.is_arm > 0) & (whole.is_arm[nearest] > 0)
    assert np.abs(mesh.arm - whole.arm[nearest])[on_arm].max() < 0.06


def test_adjacency_averages_neighbours():
    mean = adjacency(np.array([[0, 1, 2], [0, 2, 3]], np.int32), 4).toarray()
    assert np.allclose(mean[1], [0.5, 0, 0.5, 0])
    assert np.allclose(mean[0], [0, 1 / 3, 1 / 3, 1 / 3])
