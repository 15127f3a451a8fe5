import numpy as np
import torch

from lookalike.metrics.images import l1, psnr


def test_l1_and_psnr_by_hand():
    x = torch.zeros(3, 3, 4, 5, dtype=torch.uint8)
    y = x.clone()
    y[1] = 10
    y[2, 0] = 255
    np.testing.assert_allclose(l1(x, y), [0, 10, 85])
    np.testing.assert_allclose(
        psnr(x, y), [10 * np.log10(255**2 * 12), 28.130803608679106, 10 * np.log10(3)]
    )
    np.testing.assert_array_equal(l1(x, y), l1(y, x))
