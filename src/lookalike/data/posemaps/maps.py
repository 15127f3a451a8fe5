"""Heat-maps and discs of joints, and joints in a mirror."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor

from lookalike import parallel
from lookalike.data.poses.poses import JOINTS, MIRROR
from lookalike.errors import unknown

PoseAug: TypeAlias = Literal["gauss_int_shared", "gauss_uniform_per_joint", "erase", "none"]

SIGMA = 5.0  # pixels in images of REFERENCE rows
REFERENCE = 256


def gaussian_maps(joints: Tensor, height: int, width: int, sigma: float | Tensor = SIGMA) -> Tensor:
    """B×18×height×width in [0, 1]: a Gaussian around each joint, exactly 1 at its peak.

    It is a Gaussian filter's answer to one bright pixel, divided by its maximum (FD-GAN): cut off
    at int(4σ + 0.5) pixels both ways, and what crosses a border is mirrored back. A missing joint's
    map is 0. In the joints' dtype, float32 at least, and channels_last.
    sigma: above 0, in pixels, for all, per image (B) or per joint (B×18); best on the CPU, because
    its maximum is asked for.
    """
    x, y, known = joints_inside(joints, height, width)
    sigma = sigma if isinstance(sigma, Tensor) else torch.tensor(sigma, dtype=torch.float64)
    reach = int(4 * float(sigma.max()) + 0.5) if sigma.numel() else 0
    sigma = sigma.to(x).reshape(sigma.shape + (1,) * (3 - sigma.ndim))
    rows = _profile(y.floor(), height, sigma, reach) * known[..., None]
    columns = _profile(x.floor(), width, sigma, reach)
    rows, columns = (a.transpose(1, 2).contiguous() for a in (rows, columns))
    return (rows[:, :, None] * columns[:, None]).permute(0, 3, 1, 2)


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
    "gauss_uniform_per_joint": in [4, 6], one per joint: B×18 (its paper, by a note). "erase",
    "none": 5, B.
    Drawn for the global batch from torch's global CPU generator. Raises UserError for another mode.
    """
    total = batch * parallel.world_size()
    rows = parallel.my_rows(total)
    if mode == "gauss_int_shared":
        return torch.randint(4, 7, (total,))[rows].float()
    if mode == "gauss_uniform_per_joint":
        return torch.empty(total, len(JOINTS)).uniform_(4, 6)[rows]
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
        joint = torch.randint(len(JOINTS), (total, 1))[parallel.my_rows(total)]
        joints = joints.clone()
        joints[..., 2].scatter_(1, joint.to(joints.device), 0)
    return gaussian_maps(joints, height, width, sigma)


def disc_maps(joints: Tensor, height: int, width: int, radius: int = 4) -> Tensor:
    """B×18×height×width of 0 and 1: 1 on every pixel at most `radius` away from the joint.

    A disc of radius 4 has 49 pixels; a missing joint's map is 0. Channels_last.
    """
    x, y, known = joints_inside(joints, height, width)
    step = torch.arange(-radius, radius + 1, device=x.device)
    dy, dx = (offset.flatten() for offset in torch.meshgrid(step, step, indexing="ij"))
    y, x = y.floor(), x.floor()
    row, column = y.long()[..., None] + dy, x.long()[..., None] + dx
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    inside &= dy**2 + dx**2 <= radius**2
    # Offsets that don't count write on the centre: no shape depends on the data.
    place = torch.where(inside, row * width + column, (y * width + x).long()[..., None])
    place = place.transpose(1, 2)
    maps = x.new_zeros(len(x), height * width, x.shape[1])
    maps.scatter_(1, place, known.to(x)[:, None].expand(place.shape))
    return maps.view(-1, height, width, x.shape[1]).permute(0, 3, 1, 2)


def flip_joints(joints: Tensor, flip: Tensor, width: int, swap: bool = True) -> Tensor:
    """The joints in images of which those of `flip` (B bool) are mirrored left to right: B×18×3.

    Column c becomes column width − 1 − c, and left and right change their names. swap=False keeps
    the names (FD-GAN's released code). The maps of these joints are the mirrored maps exactly.
    """
    x, y, known = joints.unbind(-1)
    mirror = torch.stack((torch.where(known > 0, width - 1 - x.floor(), x), y, known), -1)
    if swap:
        mirror = mirror[:, list(MIRROR)]
    return torch.where(flip.to(joints.device)[:, None, None], mirror, joints)


def joints_inside(joints: Tensor, height: int, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """x and y (0 where missing) and which are known and inside the image: B×18 each."""
    x, y, known = joints.to(torch.promote_types(joints.dtype, torch.float32)).unbind(-1)
    inside = (known > 0) & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return torch.where(inside, x, 0), torch.where(inside, y, 0), inside
