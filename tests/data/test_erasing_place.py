"""FD-GAN's erasing: where the rectangle lies, and how much of the image it covers."""

from __future__ import annotations

import pytest
import torch

from lookalike.data.erasing import ERASINGS, RandomErasing

SHAPE = (4000, 3, 256, 128)


def boxes(name: str) -> torch.Tensor:
    torch.manual_seed(0)
    return RandomErasing(**ERASINGS[name]).generate_parameters(SHAPE)["box"]


@pytest.mark.parametrize(("name", "covered"), [("fdgan", 0.108), ("fdgan_released", 0.096)])
def test_how_often_and_how_much(name: str, covered: float) -> None:
    top, left, tall, wide = boxes(name).T
    erased = tall > 0
    assert float(erased.float().mean()) == pytest.approx(0.75, abs=0.02)
    rows = (top + tall).clamp(max=256) - top.clamp(max=256)
    columns = (left + wide).clamp(max=128) - left.clamp(max=128)
    share = (rows * columns)[erased] / (256 * 128)
    assert float(share.mean()) == pytest.approx(covered, abs=0.0025)


def test_the_released_place_is_the_rectangles_own_size() -> None:
    top, left, tall, wide = boxes("fdgan_released").T
    erased = tall > 0
    assert top[erased].equal(tall[erased])
    assert left[erased].equal(wide[erased])
    top, _, tall, _ = boxes("fdgan").T
    assert (top[tall > 0] < 5).any()  # the mended one reaches the border
    assert float((top == tall).float().mean()) < 0.05


def test_a_rectangle_that_crosses_the_border_is_cut_off() -> None:
    erase = RandomErasing(1.0, area=(0.5, 0.5), aspect=(1, 1), fill=1.0, place="own_size")
    erased = erase(torch.zeros(1, 3, 10, 10))[0, 0]
    assert erased.nonzero().tolist() == [[y, x] for y in range(7, 10) for x in range(7, 10)]
