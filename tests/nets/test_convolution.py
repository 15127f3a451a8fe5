"""The convolution beside torch's, in double precision: as near as oneDNN's own bfloat16 is."""

import pytest
import torch
from torch import nn

from lookalike.nets.convolution import Conv2d

SHAPES = {  # channels in and out, size, stride, padding, map
    "1x1": (32, 48, 1, 1, 0, (8, 4)),
    "1x1 strided": (32, 48, 1, 2, 0, (7, 5)),
    "3x3": (256, 256, 3, 1, 1, (8, 4)),
    "3x3 strided": (256, 264, 3, 2, 1, (7, 5)),
    "3x3 padded unevenly": (256, 256, 3, (2, 1), (0, 2), (8, 4)),
    "5x3": (256, 256, (5, 3), 1, (2, 1), (6, 4)),
    "narrow 3x3": (16, 24, 3, 1, 1, (8, 4)),
}


def pair(inside: int, outside: int, *rest: object) -> tuple[Conv2d, nn.Conv2d]:
    ours = Conv2d(inside, outside, *rest, bias=False)  # type: ignore[arg-type]
    torchs = nn.Conv2d(inside, outside, *rest, bias=False)  # type: ignore[arg-type]
    torchs.load_state_dict(ours.state_dict())
    return ours.to(memory_format=torch.channels_last), torchs


def results(
    conv: nn.Conv2d, x: torch.Tensor, grad: torch.Tensor | None, bfloat16: bool
) -> list[torch.Tensor]:
    x = x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        y = conv(x)
    if grad is None:
        return [y]
    y.backward(grad.to(y.dtype))
    assert x.grad is not None
    assert conv.weight.grad is not None
    return [y.detach(), x.grad, conv.weight.grad]


@pytest.mark.parametrize("layers", [torch.channels_last, torch.contiguous_format])
@pytest.mark.parametrize("name", SHAPES)
def test_the_values_and_gradients_of_torch(name: str, layers: torch.memory_format) -> None:
    torch.manual_seed(0)
    *sizes, (height, width) = SHAPES[name]
    ours, torchs = pair(*sizes)  # type: ignore[arg-type]
    x = torch.randn(4, ours.in_channels, height, width).bfloat16().float()
    x = x.contiguous(memory_format=layers)
    grad = torch.randn_like(torchs(x).detach()).bfloat16().float()
    with torch.no_grad():
        for conv in (ours, torchs):
            conv.weight.copy_(conv.weight.bfloat16())
    exact = results(torchs.double(), x.double(), grad.double(), False)
    for mine, right in zip(results(ours, x, grad, True), exact, strict=True):
        assert mine.shape == right.shape
        error = (mine.double() - right).norm() / right.norm()
        assert error < 0.004  # eight bits of mantissa; a term left out costs 0.1 and more
    with torch.no_grad():
        (mine,) = results(ours, x, None, True)
    assert (mine.double() - exact[0]).norm() / exact[0].norm() < 0.004


def test_the_other_ways_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def torchs(self: nn.Conv2d, x: torch.Tensor) -> torch.Tensor:
        raise AssertionError("torch's convolution")

    monkeypatch.setattr(nn.Conv2d, "forward", torchs)
    for name in ("1x1", "1x1 strided", "3x3", "3x3 strided"):
        *sizes, (height, width) = SHAPES[name]
        conv = Conv2d(*sizes, bias=False)  # type: ignore[arg-type]
        with torch.autocast("cpu", torch.bfloat16):
            conv(torch.randn(2, conv.in_channels, height, width)).sum().backward()


@pytest.mark.parametrize(
    "options", [{"groups": 2}, {"dilation": 2}, {"bias": True}, {"padding": "same"}]
)
def test_torchs_own_for_what_is_rarer(options: dict[str, object]) -> None:
    settings = {"bias": False, **options}
    ours = Conv2d(256, 256, 3, **settings)  # type: ignore[arg-type]
    theirs = nn.Conv2d(256, 256, 3, **settings)  # type: ignore[arg-type]
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 256, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)


def test_torchs_own_in_fp32() -> None:
    for name in SHAPES:
        *sizes, (height, width) = SHAPES[name]
        ours, theirs = pair(*sizes)  # type: ignore[arg-type]
        x, grad = torch.randn(2, ours.in_channels, height, width), None
        torch.testing.assert_close(
            results(ours, x, grad, False), results(theirs, x, grad, False), rtol=1e-5, atol=1e-5
        )
