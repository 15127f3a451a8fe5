"""Poses as pictures, a batch at a time on any device: heat-maps, discs, and the body's mask.

Everywhere `joints` are B×18×3: x and y in pixels of a height×width image, and above 0 if the joint
is known. A joint lies in column int(x), row int(y); one outside the image counts as missing.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from lookalike import parallel
from lookalike.data.poses.form import LIMBS, MIRROR
from lookalike.errors import UserError, unknown

PoseAug: TypeAlias = Literal["gauss_int_shared", "gauss_uniform_per_joint", "erase", "none"]

SIGMA = 5.0  # pixels in images of REFERENCE rows
REFERENCE = 256
# PG²'s mask closes the torso and the head: ears to neck, the hips, hips to shoulders, the ears.
MASK_LIMBS = (*LIMBS, (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17))


def gaussian_maps(joints: Tensor, height: int, width: int, sigma: float | Tensor = SIGMA) -> Tensor:
    """B×18×height×width in [0, 1]: a Gaussian around each joint, exactly 1 at its peak.

    It is a Gaussian filter's answer to one bright pixel, divided by its maximum (FD-GAN): cut off
    at int(4σ + 0.5) pixels both ways, and what crosses a border is mirrored back. A missing joint's
    map is 0. In the joints' dtype, float32 at least.
    sigma: in pixels, for all, per image (B) or per joint (B×18); on the CPU nothing waits for it.
    """
    x, y, known = _inside(joints, height, width)
    sigma = torch.as_tensor(sigma)
    reach = int(4 * float(sigma.max()) + 0.5) if sigma.numel() else 0
    sigma = sigma.to(x).reshape(sigma.shape + (1,) * (3 - sigma.ndim))
    rows = _profile(y.floor(), height, sigma, reach) * known[..., None]
    columns = _profile(x.floor(), width, sigma, reach)
    return rows[..., :, None] * columns[..., None, :]


def _profile(centre: Tensor, length: int, sigma: Tensor, reach: int) -> Tensor:
    """The truncated Gaussians along an axis, mirrored at both ends, of maximum 1: B×18×length."""
    place = torch.arange(length, device=centre.device, dtype=centre.dtype)
    centre, cut, scale = centre[..., None], (4 * sigma + 0.5).floor(), -0.5 / sigma**2

    def bell(source: Tensor) -> Tensor:
        distance = (place - source).abs_()
        return (distance.square() * scale).exp_().mul_(distance <= cut)

    profile = bell(centre)
    # In pairs of mirror images, so that the sum of a mirrored joint is the same to the last bit.
    for image in range(1, -(-reach // length) + 1):
        shift = 2 * length * (image // 2)
        if image % 2:
            pair = bell(-1 - centre - shift) + bell(2 * length - 1 - centre + shift)
        else:
            pair = bell(centre - shift) + bell(centre + shift)
        profile = profile + pair
    return profile / profile.amax(-1, keepdim=True)


def draw_sigmas(batch: int, mode: PoseAug) -> Tensor:
    """The σ of this process's `batch` images, in pixels of 256×128 images, on the CPU.

    "gauss_int_shared": 4, 5 or 6, one per image: B (FD-GAN's released code).
    "gauss_uniform_per_joint": in [4, 6], one per joint: B×18 (its paper). "erase", "none": 5, B.
    Drawn for the global batch from torch's global CPU generator. Raises UserError for another mode.
    """
    total = batch * parallel.world_size()
    mine = parallel.my_rows(total)
    if mode == "gauss_int_shared":
        return torch.randint(4, 7, (total,))[mine].float()
    if mode == "gauss_uniform_per_joint":
        return torch.empty(total, len(MIRROR)).uniform_(4, 6)[mine]
    if mode not in get_args(PoseAug):
        raise unknown("pose augmentation", mode, get_args(PoseAug))
    return torch.full((batch,), SIGMA)


def augmented_maps(
    joints: Tensor, height: int, width: int, mode: PoseAug, scale: float | None = None
) -> Tensor:
    """`gaussian_maps` with the σ of `draw_sigmas`; with "erase", one random joint's map is blank.

    scale: of σ; by default height / 256.
    """
    sigma = draw_sigmas(len(joints), mode) * (height / REFERENCE if scale is None else scale)
    if mode == "erase":
        total = len(joints) * parallel.world_size()
        erased = torch.randint(len(MIRROR), (total, 1))[parallel.my_rows(total)]
        joints = joints.clone()
        joints[..., 2].scatter_(1, erased.to(joints.device), 0)
    return gaussian_maps(joints, height, width, sigma)


def disc_maps(joints: Tensor, height: int, width: int, radius: int = 4) -> Tensor:
    """B×18×height×width of 0 and 1: 1 on every pixel at most `radius` away from the joint.

    A disc of radius 4 has 49 pixels; a missing joint's map is 0.
    """
    x, y, known = _inside(joints, height, width)
    step = torch.arange(-radius, radius + 1, device=x.device)
    dy, dx = (offset.flatten() for offset in torch.meshgrid(step, step, indexing="ij"))
    y, x = y.floor(), x.floor()
    row, column = y.long()[..., None] + dy, x.long()[..., None] + dx
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    inside &= dy**2 + dx**2 <= radius**2
    # Offsets that don't count write on the centre: no shape depends on the data.
    place = torch.where(inside, row * width + column, (y * width + x).long()[..., None])
    maps = x.new_zeros(*x.shape, height * width)
    maps.scatter_(2, place, known.to(x)[..., None].expand(place.shape))
    return maps.view(*x.shape, height, width)


def pose_mask(
    joints: Tensor,
    height: int,
    width: int,
    radius: int = 4,
    close: int = 5,
    fill_holes: bool = False,
) -> Tensor:
    """B×1×height×width of 0 and 1: where the body is, from the joints alone (PG², M_B).

    Discs at both ends of each limb and every `radius` pixels or a little more between them, then a
    closing by a square of `close` pixels (odd). A limb without both ends leaves no mark. For 256×256
    pictures radius 8, close 9 and fill_holes give a body where PG²'s 4 and 5 give a thick skeleton.
    """
    if radius < 1 or close < 1 or close % 2 == 0:
        raise UserError(
            f"A pose mask needs a radius of at least 1 pixel and an odd closing, "
            f"got {radius} and {close}."
        )
    x, y, known = _inside(joints, height, width)
    first, second = torch.tensor(MASK_LIMBS, device=x.device).T
    place = torch.stack((y, x), -1)
    start, way = place[:, first, None], (place[:, second] - place[:, first])[:, :, None]
    # k/S of the way for k = 0 … S; the rest of the longest possible limb's steps repeat the end.
    step = torch.arange(int(math.hypot(height, width) / radius) + 2, device=x.device)[:, None]
    steps = (way.norm(dim=-1, keepdim=True) / radius).floor().clamp(min=1)
    row, column = (start + way * torch.minimum(step, steps) / steps).long().unbind(-1)
    # Limbs that are not there mark one pixel after the last, so that no shape depends on the data.
    drawn = (known[:, first] & known[:, second])[:, :, None]
    index = torch.where(drawn, row * width + column, height * width).flatten(1)
    mask = torch.zeros(len(x), height * width + 1, dtype=torch.bool, device=x.device)
    mask = mask.scatter_(1, index, True)[:, :-1].reshape(-1, height, width)
    mask = _dilated_by_disc(mask, radius)
    mask = ~_dilated(~_dilated(mask, close // 2), close // 2)
    return (_filled(mask) if fill_holes else mask)[:, None].to(x)


def flip_joints(joints: Tensor, flip: Tensor, width: int, swap: bool = True) -> Tensor:
    """The joints in images of which those of `flip` (B bool) are mirrored left to right: B×18×3.

    Column c becomes column width − 1 − c, and left and right change their names. swap=False keeps
    the names (FD-GAN's released code). The maps of these joints are the mirrored maps exactly.
    """
    x, y, known = joints.unbind(-1)
    mirrored = torch.stack((torch.where(known > 0, width - 1 - x.floor(), x), y, known), -1)
    if swap:
        mirrored = mirrored[:, list(MIRROR)]
    return torch.where(flip.to(joints.device)[:, None, None], mirrored, joints)


def _inside(joints: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """x and y (0 where missing) and which are known and inside the image: B×18 each."""
    x, y, known = joints.to(torch.promote_types(joints.dtype, torch.float32)).unbind(-1)
    there = (known > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return torch.where(there, x, 0), torch.where(there, y, 0), there


def _shifted(mask: Tensor, by: int, dim: int) -> Tensor:
    """B×H×W bool moved by `by` pixels along a dimension; what comes in is False."""
    out = torch.zeros_like(mask)
    left = mask.shape[dim] - abs(by)
    if left > 0:
        out.narrow(dim, max(by, 0), left).copy_(mask.narrow(dim, max(-by, 0), left))
    return out


def _dilated(mask: Tensor, half: int) -> Tensor:
    """B×H×W bool: True within `half` pixels of a True one, in a square."""
    for dim in (1, 2):
        wide = mask.clone()
        for by in range(1, half + 1):
            wide |= _shifted(mask, by, dim)
            wide |= _shifted(mask, -by, dim)
        mask = wide
    return mask


def _dilated_by_disc(mask: Tensor, radius: int) -> Tensor:
    """B×H×W bool: True at most `radius` pixels, in a straight line, from a True one."""
    out, wide, half = torch.zeros_like(mask), mask.clone(), 0
    for dy in range(radius, -1, -1):  # the disc's rows, from its ends to its middle
        reach = math.isqrt(radius**2 - dy**2)
        while half < reach:
            half += 1
            wide |= _shifted(mask, half, 2)
            wide |= _shifted(mask, -half, 2)
        out |= _shifted(wide, dy, 1)
        out |= _shifted(wide, -dy, 1)
    return out


def _filled(mask: Tensor) -> Tensor:
    """B×H×W bool: what can't be reached from the border over False pixels, up, down or sideways.

    A flood from the border runs straight until a True pixel stops it, in all four directions in
    turn, until nothing changes: exact, in as many rounds as the way in has corners.
    """
    free = ~mask
    flood = torch.zeros_like(mask)
    flood[:, [0, -1]] = True
    flood[:, :, [0, -1]] = True
    flood &= free
    while True:
        before = flood
        for dim, direction in ((1, 1), (1, -1), (2, 1), (2, -1)):
            flood = _run(flood, free, dim, direction)
        if torch.equal(flood, before):
            return ~flood


def _run(flood: Tensor, free: Tensor, dim: int, direction: int) -> Tensor:
    """The flood after it ran along `dim`; in strides of 1, 2, 4 … pixels that are all free."""
    step = 1
    while step < flood.shape[dim]:
        flood = flood | free & _shifted(flood, step * direction, dim)
        free = free & _shifted(free, step * direction, dim)
        step *= 2
    return flood
