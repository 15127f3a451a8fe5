import numpy as np
import pytest
import torch

from lookalike.metrics.images import inception_score


def literal(logits, splits):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    scores = []
    for i in range(splits):
        part = p[i * len(p) // splits : (i + 1) * len(p) // splits]
        kl = [
            sum(q * (np.log(q) - np.log(m)) for q, m in zip(row, part.mean(0), strict=True))
            for row in part
        ]
        scores.append(np.exp(np.mean(kl)))
    return np.mean(scores), np.std(scores)


@pytest.mark.parametrize(("count", "splits"), [(40, 10), (47, 10), (12, 1)])
def test_equals_the_literal_version(count, splits):
    logits = 3 * np.random.default_rng(0).normal(size=(count, 9))
    found = inception_score(torch.from_numpy(logits), splits)
    assert found == pytest.approx(literal(logits, splits), abs=1e-9)


def test_clear_and_various_pictures_score_the_number_of_classes():
    clear = 1e4 * torch.eye(5).repeat(20, 1)
    assert inception_score(clear) == (pytest.approx(5), pytest.approx(0, abs=1e-9))
    assert inception_score(torch.zeros(100, 5))[0] == pytest.approx(1)
    assert inception_score(clear[:1].repeat(100, 1))[0] == pytest.approx(1)
    with pytest.raises(ValueError, match="10 splits"):
        inception_score(clear[:9])
