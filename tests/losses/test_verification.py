"""The verification loss of FD-GAN's baseline against probabilities by hand."""

import math

import pytest
import torch

from lookalike.losses import verification
from lookalike.nets.fdgan import Verifier


def test_verification_with_one_and_two_logits() -> None:
    torch.manual_seed(0)
    logits = torch.randn(6, 2).double()
    same = torch.tensor([True, False, False, True, False, True])
    by_hand = 0.0
    for (different, alike), s in zip(logits.tolist(), same.tolist(), strict=True):
        p = math.exp(alike) / (math.exp(alike) + math.exp(different))
        by_hand -= math.log(p if s else 1 - p) / 6
    assert float(verification(logits, same)) == pytest.approx(by_hand, rel=1e-12)
    single = logits[:, 1:] - logits[:, :1]  # the sigmoid of the difference is the softmax
    assert float(verification(single, same)) == pytest.approx(by_hand, rel=1e-12)
    torch.testing.assert_close(Verifier.same(single), Verifier.same(logits))
