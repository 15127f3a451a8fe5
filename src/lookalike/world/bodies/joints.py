"""A posed person's joints without posing the body under the clothes.

A joint is a weighted sum of skinned vertices, so it is linear in each bone's transform: what a
joint needs of the rest pose is one 4-vector per bone.
"""

from functools import lru_cache

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from lookalike.world.bodies.body import body
from lookalike.world.raster import Floats

Array = NDArray[np.float64]


@lru_cache(maxsize=1)
def _by_bone() -> sp.csr_matrix:
    """18·B×V: how much a vertex moved by one bone counts in a joint."""
    whole = body()
    joints = whole.joints.tocoo()
    count = len(whole.bones)
    bones, weights = whole.skin_bones[joints.col], whole.skin_weights[joints.col]
    rows = joints.row[:, None] * count + bones
    columns = np.broadcast_to(joints.col[:, None], rows.shape)
    values = joints.data[:, None].astype(np.float64) * weights
    shape = (joints.shape[0] * count, joints.shape[1])
    return sp.coo_matrix((values.ravel(), (rows.ravel(), columns.ravel())), shape).tocsr()


def moments(vertices: Floats) -> Array:
    """What the joints need of an undressed rest pose (V×3): 18×B×4."""
    table = _by_bone()
    points = np.column_stack([vertices.astype(np.float64), np.ones(len(vertices))])
    return np.asarray(table @ points).reshape(18, -1, 4)


def posed_joints(rest: Array, transforms: Floats) -> Array:
    """The joints 18×3, metres, where the bones' transforms (B×3×4) bring them."""
    return np.asarray(np.einsum("jbc,bic->ji", rest, transforms.astype(np.float64)))
