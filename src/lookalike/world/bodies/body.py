"""The parametric body (anny): its tables once, and the rest shape of any phenotype."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from lookalike.world.bodies.hands import relaxed
from lookalike.world.raster import Floats, Ints  # silences Warp before anny starts it

TORSO, HIP, THIGH, SHIN, FOOT, UPPER_ARM, LOWER_ARM, HAND, NECK, HEAD = range(10)
_PART_OF_BONE = {
    "root": HIP,
    "pelvis": HIP,
    "spine05": HIP,
    "upperleg": THIGH,
    "lowerleg": SHIN,
    "foot": FOOT,
    "upperarm": UPPER_ARM,
    "lowerarm": LOWER_ARM,
    "wrist": HAND,
    "neck": NECK,
    "head": HEAD,
}
# Bones too small to move on their own at this size: they follow their parent.
_COLLAPSED = ("finger", "metacarpal", "toe", "eye")
MEAN = dict(gender=0.5, age=0.6667, muscle=0.5, weight=0.5, height=0.5, proportions=0.5)


@dataclass(frozen=True, eq=False)
class Body:
    """What all people share: V vertices, F triangles, B bones. Metres; z up, facing −y, left = +x.

    `canonical` V×3 are the mean body's vertices: where a point lies on anybody. `arm` V is 0 at the
    shoulder, .5 elbow, 1 wrist, −1 off arms and torso; `is_arm` V is 1 on the arms; `part` V is
    TORSO … HEAD.
    `laplacian` V×V averages a vertex's neighbours. A vertex hangs on `skin_bones` V×K by
    `skin_weights` V×K (rows sum to 1, zeros last). Bones come parents first, the root's being −1.
    `joints` 18×V gives OpenPose's joints from undressed vertices by one product.
    """

    faces: Ints
    canonical: Floats
    arm: Floats
    is_arm: Floats
    part: Ints
    laplacian: sp.csr_matrix
    bones: list[str]
    parents: list[int]
    skin_bones: Ints
    skin_weights: Floats
    mean_heads: NDArray[np.float64]
    joints: sp.csr_matrix
    anny: "_Anny"

    def bone(self, name: str) -> int:
        """The place of a bone, such as 'wrist.L', in `bones`."""
        return self.bones.index(name)

    def rest(self, phenotype: Mapping[str, float]) -> tuple[Floats, NDArray[np.float64]]:
        """The rest shape of a phenotype (anny's sliders in 0–1): vertices V×3, bone heads B×3."""
        return self.anny.rest(phenotype)


@dataclass(frozen=True, eq=False)
class _Anny:
    """anny's own model and tables, with all of its bones; `kept` are those that stay ours."""

    model: Any
    labels: list[str]
    parents: list[int]
    kept: list[int]
    skin: tuple[Ints, Floats]

    def rest(self, phenotype: Mapping[str, float]) -> tuple[Floats, NDArray[np.float64]]:
        import torch

        with _one_thread(), torch.no_grad():
            sliders = {name: torch.tensor([float(value)]) for name, value in phenotype.items()}
            out = self.model(pose_parameters=None, phenotype_kwargs=sliders)
        heads = out["rest_bone_heads"][0].numpy().astype(np.float64)
        vertices = out["rest_vertices"][0].numpy()
        vertices = relaxed(vertices, heads, self.labels, self.parents, self.skin)
        return vertices, heads[self.kept]


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """One thread of torch: sums in one order, and worker processes that do not fight."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _model() -> Any:
    """anny's model. Its first ever takes a minute, and fills the cache that the next ones read."""
    import anny
    from anny.paths import get_anny_cache_path
    from safetensors import SafetensorError

    cache = get_anny_cache_path()
    if not cache.is_dir():
        print(f"lookalike: the body model prepares its tables in {cache}, once; "
              "this takes a minute.", file=sys.stderr)  # fmt: skip
    try:
        return anny.Anny()
    except SafetensorError:  # killed while it filled the cache, which it then can't read
        for table in cache.glob("v*/*.safetensors"):  # anny's alone: the user chose the folder
            table.unlink()
        return anny.Anny()


@lru_cache(maxsize=1)
def body() -> Body:
    """The shared tables, made on the first call (about a second once anny's own cache exists)."""
    import anny
    import torch

    with _one_thread():
        model = _model().to(dtype=torch.float32)
        faces = model.get_triangular_faces().numpy().astype(np.int32)
        regressor = anny.KeypointsRegressor.coco(model)
    labels, all_parents = list(model.bone_labels), [int(p) for p in model.bone_parents]
    owner = [_owner(bone, labels, all_parents) for bone in range(len(labels))]
    kept = sorted(set(owner))
    place = {bone: i for i, bone in enumerate(kept)}
    bones = [labels[bone] for bone in kept]
    indices, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    skin_bones, skin_weights = _heaviest(np.array([place[o] for o in owner])[indices], weights)
    whole = _Anny(model, labels, all_parents, kept, _heaviest(indices, weights))
    canonical, heads = whole.rest(MEAN)
    part = np.array([_part(bone) for bone in bones], np.int32)[skin_bones[:, 0]]
    return Body(
        faces=faces,
        canonical=canonical,
        arm=_arm_coordinate(canonical, part, bones, heads),
        is_arm=np.isin(part, (UPPER_ARM, LOWER_ARM, HAND)).astype(np.float32),
        part=part,
        laplacian=_laplacian(faces, len(canonical)),
        bones=bones,
        parents=[-1 if all_parents[b] < 0 else place[owner[all_parents[b]]] for b in kept],
        skin_bones=skin_bones,
        skin_weights=skin_weights,
        mean_heads=heads,
        joints=_openpose(regressor.labels, regressor.regression_weights.numpy(), canonical),
        anny=whole,
    )


def _owner(bone: int, labels: list[str], parents: list[int]) -> int:
    while labels[bone].startswith(_COLLAPSED):
        bone = parents[bone]
    return bone


def _part(bone: str) -> int:
    """The body part that moves with a bone; the rest of the spine and the shoulders are torso."""
    names = (name for name in _PART_OF_BONE if bone.startswith(name))
    return next((_PART_OF_BONE[name] for name in names), TORSO)


def _heaviest(bones: NDArray[Any], weights: NDArray[Any]) -> tuple[Ints, Floats]:
    """Bones V×8 and weights V×8, the heaviest first, from V×K with bones named more than once."""
    dense = np.zeros((len(weights), bones.max() + 1), np.float64)
    np.add.at(dense, (np.arange(len(weights))[:, None], bones), weights)
    order = np.argsort(-dense, axis=1, kind="stable")[:, :8]  # a ninth weighs next to nothing
    heaviest = np.take_along_axis(dense, order, 1)
    heaviest /= heaviest.sum(1, keepdims=True)
    return order.astype(np.int32), heaviest.astype(np.float32)


def _arm_coordinate(
    canonical: Floats, part: Ints, bones: list[str], heads: NDArray[np.float64]
) -> Floats:
    """How far along the arm a point lies: 0 shoulder, .5 elbow, 1 wrist; −1 off arms and torso.

    The torso has it too, by where it projects onto the upper arm: a sleeve begins there.
    """
    arm = np.full(len(canonical), -1.0, np.float32)
    for side, sign in (("L", 1), ("R", -1)):
        shoulder, elbow, wrist = (
            heads[bones.index(f"{name}.{side}")] for name in ("upperarm01", "lowerarm01", "wrist")
        )
        upper = _along(canonical, shoulder, elbow).clip(-1, 1.1) / 2
        lower = 0.5 + _along(canonical, elbow, wrist).clip(-0.2, 2) / 2
        near = np.isin(part, (TORSO, UPPER_ARM, LOWER_ARM, HAND)) & (canonical[:, 0] * sign > 0)
        arm[near] = np.where(np.isin(part, (LOWER_ARM, HAND)), lower, upper)[near]
    return arm


def _along(points: Floats, start: NDArray[Any], end: NDArray[Any]) -> Any:
    """Where the points project onto the line from start (0) to end (1)."""
    line = end - start
    return ((points - start) * line).sum(1) / (line * line).sum()


def _laplacian(faces: Ints, count: int) -> sp.csr_matrix:
    rows = faces.ravel()
    columns = np.roll(faces, 1, axis=1).ravel()
    joined = sp.coo_matrix((np.ones(len(rows), np.float32), (rows, columns)), (count, count))
    neighbours = (joined + joined.T).tocsr()
    neighbours.data[:] = 1
    degree = np.maximum(np.asarray(neighbours.sum(1)).ravel(), 1)
    return (sp.diags(1 / degree) @ neighbours).tocsr().astype(np.float32)


_LIMBS = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")


def _openpose(labels: list[str], regressor: NDArray[Any], canonical: Floats) -> sp.csr_matrix:
    """OpenPose's 18 joints from anny's regressor of COCO's, moved to where OpenPose puts them.

    On real crops OpenPose's shoulders are 2 cm higher, its hips 3 cm lower and 1.15 times as wide,
    and its knees 2 cm lower. The shifts go along the spine (mid-hip to neck) and the shin, as
    fractions of their lengths on the mean body: so the whole stays one matrix.
    """
    coco = dict(zip(labels, regressor.astype(np.float64), strict=True))
    middle = {
        name: (coco[f"left_{name}"] + coco[f"right_{name}"]) / 2 for name in ("shoulder", "hip")
    }
    spine = middle["shoulder"] - middle["hip"]
    spine /= np.linalg.norm(spine @ canonical)  # now a regressor of one metre up the spine
    for side in ("left", "right"):
        coco[f"{side}_shoulder"] += 0.02 * spine
        wide = 1.15 * (coco[f"{side}_hip"] - middle["hip"])
        coco[f"{side}_hip"] = middle["hip"] + wide - 0.03 * spine
        coco[f"{side}_knee"] += 0.05 * (coco[f"{side}_ankle"] - coco[f"{side}_knee"])
    rows = [coco["nose"], middle["shoulder"] + 0.02 * spine]
    rows += [
        coco[f"{side}_{joint}"] for limb in _LIMBS for side in ("right", "left") for joint in limb
    ]
    rows += [coco[f"{side}_{name}"] for name in ("eye", "ear") for side in ("right", "left")]
    return sp.csr_matrix(np.stack(rows))
