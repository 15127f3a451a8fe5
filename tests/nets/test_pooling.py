"""Pooling, against loops."""

import pytest
import torch

from lookalike.errors import UserError
from lookalike.nets import GeM, pooling


@pytest.mark.parametrize("p", [1.0, 3.0, 6.5])
def test_gem(p: float) -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 2)
    pool = GeM(p)
    expected = torch.empty(2, 3)
    for b in range(2):
        for c in range(3):
            values = [max(v, 1e-6) ** p for v in x[b, c].flatten().tolist()]
            expected[b, c] = (sum(values) / 8) ** (1 / p)
    torch.testing.assert_close(pool(x), expected, rtol=1e-5, atol=1e-6)


def test_gem_of_one_is_the_average_and_of_many_the_maximum() -> None:
    x = torch.rand(2, 3, 5, 4) + 0.1
    torch.testing.assert_close(GeM(1.0)(x), pooling("avg")(x))
    torch.testing.assert_close(GeM(300.0)(x.double()), x.double().amax((2, 3)), rtol=0.02, atol=0)


def test_its_exponent_learns_in_float32() -> None:
    pool = pooling("gem")
    assert sum(p.numel() for p in pool.parameters()) == 1
    y = pool((torch.rand(2, 3, 4, 2) * 4).bfloat16())
    assert y.dtype == torch.float32
    y.sum().backward()  # type: ignore[no-untyped-call]
    (p,) = pool.parameters()
    assert p.grad is not None
    assert p.grad.item() > 0  # a larger p is nearer to the maximum


def test_an_unknown_name() -> None:
    with pytest.raises(UserError, match="pooling"):
        pooling("max")  # type: ignore[arg-type]
