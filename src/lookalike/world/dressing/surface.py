"""The mesh that wears clothes: the body's, evened out to about the size of a fold.

The parametric body spends most of its vertices on fingers, toes and lips, which no crop shows, and
has one every 3 cm on the trunk, too few for cloth. Here hands, feet and head are merged on a grid
and every long edge is split once. All of it is linear: `matrix @ body_vertices` is this mesh.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from lookalike.world.bodies.body import FOOT, HAND, HEAD, LOWER_ARM, UPPER_ARM, Body, body
from lookalike.world.raster import Floats, Ints

_CELL = {HAND: 0.011, FOOT: 0.010, HEAD: 0.0065}  # metres of the grid on which a part is merged
_LONGEST = 0.021  # edges above this are split once


@dataclass(frozen=True, eq=False)
class Surface:
    """The dressed mesh's tables: N vertices, M faces. Fields as in `Body`; K ≤ 4 bones a vertex."""

    matrix: sp.csr_matrix
    """N×V: this mesh's vertices from the body's."""
    faces: Ints
    canonical: Floats
    arm: Floats
    is_arm: Floats
    part: Ints
    laplacian: sp.csr_matrix
    skin_bones: Ints
    skin_weights: Floats


@lru_cache(maxsize=1)
def surface() -> Surface:
    """The tables, made once from the body (a fifth of a second)."""
    whole = body()
    merge, faces = _merged(whole)
    nearest = np.asarray(merge.argmax(axis=1)).ravel()
    split, faces = _split(merge @ whole.canonical, whole.part[nearest], faces)
    matrix = sp.csr_matrix(split @ merge, dtype=np.float32)
    nearest = np.asarray(matrix.argmax(axis=1)).ravel()  # for what jumps between vertices
    part = whole.part[nearest]
    is_arm = np.isin(part, (UPPER_ARM, LOWER_ARM, HAND))
    on_arm = np.where(whole.is_arm > 0, whole.arm, 0)
    arm = matrix @ on_arm / np.maximum(matrix @ whole.is_arm, 1e-6)
    bones, weights = _four_bones(whole, matrix)
    return Surface(
        matrix=matrix,
        faces=faces,
        canonical=np.asarray(matrix @ whole.canonical, np.float32),
        arm=np.where(is_arm, arm, whole.arm[nearest]).astype(np.float32),
        is_arm=is_arm.astype(np.float32),
        part=part,
        laplacian=adjacency(faces, len(part)),
        skin_bones=bones,
        skin_weights=weights,
    )


def _merged(whole: Body) -> tuple[sp.csr_matrix, Ints]:
    """Fine parts' vertices in one grid cell become their mean: the matrix that does it, faces."""
    count = len(whole.canonical)
    cell = np.array([_CELL.get(part, 0.0) for part in range(10)])[whole.part]
    fine = cell > 0
    key = np.zeros((count, 4), np.int64)
    key[fine, 0] = whole.part[fine] + 1
    key[fine, 1:] = np.floor(whole.canonical[fine] / cell[fine, None])
    key[~fine, 1] = np.flatnonzero(~fine)  # a cell of its own
    cluster = np.unique(key, axis=0, return_inverse=True)[1].ravel()
    faces = cluster[_outside(whole)]
    faces = faces[(faces != np.roll(faces, 1, 1)).all(1)]
    faces = faces[np.sort(np.unique(np.sort(faces, 1), axis=0, return_index=True)[1])]
    used, faces = np.unique(faces, return_inverse=True)
    members = sp.csr_matrix((np.ones(count), (cluster, np.arange(count))))[used]
    mean = sp.diags(1 / np.asarray(members.sum(1)).ravel()) @ members
    return sp.csr_matrix(mean), faces.reshape(-1, 3).astype(np.int32)


def _outside(whole: Body) -> Ints:
    """The faces but for the mouth's inside, a piece of its own within the head."""
    corners, count = whole.faces, len(whole.canonical)
    links = sp.coo_matrix((np.ones(len(corners)), (corners[:, 0], corners[:, 1])), (count, count))
    piece = connected_components(links, directed=False)[1]
    hidden = np.zeros(count, bool)
    for label in np.unique(piece):
        z = whole.canonical[piece == label, 2]
        hidden[piece == label] = z.min() > 0.79 and z.max() < 0.86
    return corners[~hidden[corners[:, 0]]]


def _split(points: NDArray[np.float64], part: Ints, faces: Ints) -> tuple[sp.csr_matrix, Ints]:
    """One new vertex on every long edge: the matrix from old to new vertices, the new faces.

    On trunk and limbs by Loop's rule (ends 3/8, the two wings 1/8, old vertices eased to the mean
    of their neighbours), so that they stay round; halfway elsewhere, where features count.
    """
    count = len(points)
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    opposite = np.concatenate([faces[:, 2], faces[:, 0], faces[:, 1]])
    edge, of_face = np.unique(edges, axis=0, return_inverse=True)
    of_face = of_face.ravel()
    long = np.linalg.norm(points[edge[:, 0]] - points[edge[:, 1]], axis=1) > _LONGEST
    place = np.where(long, count - 1 + np.cumsum(long), -1)

    smooth = ~np.isin(part, (HAND, FOOT, HEAD))
    rows = np.arange(len(edge))
    ends = sp.csr_matrix((np.ones(edge.size), (np.repeat(rows, 2), edge.ravel())))
    wings = sp.csr_matrix((np.ones(len(edges)), (of_face, opposite)), (len(edge), count))
    loop = smooth[edge].all(1) & (np.asarray(wings.sum(1)).ravel() == 2)
    odd = sp.diags(np.where(loop, 3 / 8, 1 / 2)) @ ends + sp.diags(loop / 8) @ wings
    even = sp.identity(count) + sp.diags(smooth * 3 / 8) @ (
        adjacency(faces, count) - sp.identity(count)
    )
    matrix = sp.vstack([even, sp.csr_matrix(odd)[long]])
    middle = place[of_face].reshape(3, -1).T  # new vertices on each face's edges 01, 12 and 20
    return sp.csr_matrix(matrix), _cut(faces, middle)


def _cut(faces: Ints, middle: Ints) -> Ints:
    """The faces cut at the new vertices on their edges (−1: none) into one to four."""
    new = (middle >= 0).sum(1)
    # turn every face so that its uncut edge (of two cut ones), or its cut edge, is the first
    turn = np.where(new == 2, (middle < 0).argmax(1), (middle >= 0).argmax(1))
    order = (turn[:, None] + np.arange(3)) % 3
    a, b, c = np.take_along_axis(faces, order, 1).T
    ab, bc, ca = np.take_along_axis(middle, order, 1).T
    one, two, three = new == 1, new == 2, new == 3
    pieces = [
        (new == 0, (a, b, c)),
        (one, (a, ab, c)),
        (one, (ab, b, c)),
        (two, (c, ca, bc)),
        (two, (a, b, bc)),
        (two, (a, bc, ca)),
        (three, (a, ab, ca)),
        (three, (ab, b, bc)),
        (three, (bc, c, ca)),
        (three, (ab, bc, ca)),
    ]
    cut = [np.column_stack([corner[which] for corner in corners]) for which, corners in pieces]
    return np.concatenate(cut).astype(np.int32)


def adjacency(faces: Ints, count: int) -> sp.csr_matrix:
    """count×count float32: a row averages a vertex's neighbours."""
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    links = sp.coo_matrix((np.ones(len(pairs)), pairs.T), (count, count)).tocsr()
    links.data[:] = 1
    mean = sp.diags(1 / np.maximum(np.asarray(links.sum(1)).ravel(), 1)) @ links
    return sp.csr_matrix(mean, dtype=np.float32)


def _four_bones(whole: Body, matrix: sp.csr_matrix) -> tuple[Ints, Floats]:
    """The four strongest bones of each vertex and their weights, which sum to 1."""
    count, width = whole.skin_weights.shape
    rows = np.repeat(np.arange(count), width)
    flat = (whole.skin_weights.ravel(), (rows, whole.skin_bones.ravel()))
    dense = (matrix @ sp.csr_matrix(flat, (count, len(whole.bones)))).toarray()
    bones = np.argsort(-dense, axis=1, kind="stable")[:, :4]
    weights = np.take_along_axis(dense, bones, 1)
    weights[weights < 0.01] = 0
    weights /= weights.sum(1, keepdims=True)
    return bones.astype(np.int32), weights.astype(np.float32)
