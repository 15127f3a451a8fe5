import numpy as np
import pytest
import torch

from lookalike.metrics.images import lpips


def test_equals_the_literal_version():
    random = torch.Generator().manual_seed(0)
    shapes = [(2, 3, 4, 5), (2, 6, 2, 2)]
    x, y = ([torch.rand(s, generator=random, dtype=torch.float64) for s in shapes] for _ in "xy")
    weights = [torch.rand(s[1], generator=random, dtype=torch.float64) for s in shapes]
    want = np.zeros(2)
    for a, b, w in zip(x, y, weights, strict=True):
        for i in range(2):
            cells = []
            for r in range(a.shape[2]):
                for c in range(a.shape[3]):
                    p, q = a[i, :, r, c].numpy(), b[i, :, r, c].numpy()
                    p, q = p / (np.sqrt((p**2).sum()) + 1e-10), q / (np.sqrt((q**2).sum()) + 1e-10)
                    cells.append((w.numpy() * (p - q) ** 2).sum())
            want[i] += np.mean(cells)
    np.testing.assert_allclose(lpips(x, y, weights), want, rtol=1e-12)
    assert (lpips(x, x, weights) == 0).all()
    with pytest.raises(ValueError, match="1 weights"):
        lpips(x, y, weights[:1])


def test_torchmetrics_has_the_same_normalisation():
    from torchmetrics.functional.image.lpips import _normalize_tensor

    x = torch.rand(2, 5, 3, 3, generator=torch.Generator().manual_seed(1))
    y = torch.zeros_like(x)
    y[:, 0] = 1
    unit = _normalize_tensor(x)
    want = (unit - y).square().sum(1).mean((1, 2))
    torch.testing.assert_close(lpips([x], [y], [torch.ones(5)]), want)
