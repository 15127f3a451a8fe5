"""Where the body is, drawn from its joints."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from lookalike.data.posemaps.maps import joints_inside
from lookalike.data.poses.poses import LIMBS
from lookalike.errors import UserError

# PG²'s mask closes the torso and the head: ears to neck, the hips, hips to shoulders, the ears.
MASK_LIMBS = (*LIMBS, (1, 16), (1, 17), (8, 11), (11, 5), (8, 2), (16, 17))


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
    closing by a square of `close` pixels (odd). A limb without both ends leaves no mark. In
    256×256 pictures, radius 8, close 9 and fill_holes give a body; PG²'s 4 and 5 a thick skeleton.
    Raises UserError for another radius or closing.
    """
    if radius < 1 or close < 1 or close % 2 == 0:
        raise UserError(
            f"A pose mask needs a radius of at least 1 pixel and an odd closing, "
            f"got {radius} and {close}."
        )
    x, y, known = joints_inside(joints, height, width)
    first, second = torch.tensor(MASK_LIMBS, device=x.device).T
    place = torch.stack((y, x), -1)
    start, way = place[:, first, None], (place[:, second] - place[:, first])[:, :, None]
    # k/S of the way for k = 0 … S; the rest of the longest possible limb's steps repeat the end.
    step = torch.arange(int(math.hypot(height, width) / radius) + 2, device=x.device)[:, None]
    steps = (way.norm(dim=-1, keepdim=True) / radius).floor().clamp(min=1)
    row, column = (start + way * torch.minimum(step, steps) / steps).long().unbind(-1)
    # Limbs that are not there mark one pixel after the last, so that no shape depends on the data.
    both = (known[:, first] & known[:, second])[:, :, None]
    index = torch.where(both, row * width + column, height * width).flatten(1)
    mask = torch.zeros(len(x), height * width + 1, dtype=torch.bool, device=x.device)
    mask = mask.scatter_(1, index, True)[:, :-1].reshape(-1, height, width)
    mask = _dilated_by_disc(mask, radius)
    mask = ~_dilated(~_dilated(mask, close // 2), close // 2)
    return (_filled(mask) if fill_holes else mask)[:, None].to(x)


def _shifted(mask: Tensor, by: int, dim: int) -> Tensor:
    """B×H×W bool moved by `by` pixels along a dimension; what comes in is False."""
    out = torch.zeros_like(mask)
    length = mask.shape[dim] - abs(by)
    if length > 0:
        out.narrow(dim, max(by, 0), length).copy_(mask.narrow(dim, max(-by, 0), length))
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
    turn, until nothing changes: exact, in as many rounds as the way in has corners. After each the
    host waits for the device.
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
