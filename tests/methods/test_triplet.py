"""The triplet baselines against their published recipes."""

import numpy as np
import pytest
import torch

from lookalike.data import People
from lookalike.data.batches import Crops
from lookalike.methods.ide import Identification, identification_stage
from lookalike.methods.triplet import Triplet


def test_trinet_has_the_published_size() -> None:
    model = Triplet.preset("paper").model(751)
    assert sum(p.numel() for p in model.parameters()) == 25_738_432  # "≈ 25.74 M"
    assert model.embed(torch.rand(1, 3, 256, 128)).shape == (1, 128)


def test_the_pooled_baseline_is_the_trunk_alone() -> None:
    model = Triplet.preset("pooled").model(751)
    assert sum(p.numel() for p in model.parameters()) == 23_508_032  # "23.51 M"


def test_recipes() -> None:
    trinet, pooled = Triplet.preset("paper"), Triplet.preset("pooled")
    assert (trinet.ids_per_batch, trinet.images_per_id, trinet.batch_size) == (18, 4, 72)
    assert (pooled.ids_per_batch, pooled.images_per_id, pooled.batch_size) == (32, 4, 128)
    assert (trinet.repeats, pooled.repeats) == ("even", "random")
    assert (trinet.margin, pooled.margin) == ("soft", 0.3)
    assert (trinet.lr_trunk, pooled.lr_trunk) == (3e-4, 2e-4)
    assert (trinet.weight_decay, pooled.weight_decay) == (0.0, 5e-4)
    assert (trinet.epoch, trinet.decay_from, trinet.epochs) == ("step", 15_000, 25_000)
    assert (pooled.epoch, pooled.decay_from, pooled.epochs) == ("identities", 150, 300)
    assert (trinet.resize, trinet.pad) == ((288, 144), 0)
    assert (pooled.resize, pooled.pad, pooled.flip_test) == ((0, 0), 0, False)
    for method in (trinet, pooled):
        assert (method.mining, method.distance, method.normalize_feature) == (
            "hard", "euclidean", False)  # fmt: skip
        assert (method.optimizer, method.decay, method.flip) == ("adam", "exponential", 0.5)


@pytest.mark.parametrize("preset", ["paper", "pooled"])
def test_a_step_moves_every_weight(preset: str) -> None:
    torch.manual_seed(0)
    method = Triplet.preset(preset, backbone="resnet10", weights="none", height=64, width=32,
                            resize=(0, 0), ids_per_batch=2, images_per_id=2)  # fmt: skip
    module = Identification(method, 4, 1)
    module.stage = "learn"
    before = {n: p.detach().clone() for n, p in module.named_parameters()}
    labels = torch.tensor([0, 0, 1, 1])
    images = torch.randint(0, 256, (4, 3, 64, 32), dtype=torch.uint8)
    images = images.contiguous(memory_format=torch.channels_last)
    module.train().iteration({"crops": Crops(images, labels, labels, labels)}, 0)
    assert list(module.losses) == ["triplet", *(
        f"triplet_{k}" for k in ("ap", "an", "active", "norm", "std"))]  # fmt: skip
    # In a soft margin every triplet has a gradient; a linear layer's bias has none before its norm.
    same = [n for n, p in module.named_parameters() if torch.equal(before[n], p)]
    assert not [n for n in same if n.endswith("weight")]


def test_trinet_repeats_the_images_of_small_identities_evenly() -> None:
    people = People([str(k) for k in range(9)], np.array([1, 1, *[2] * 7]), np.zeros(9))
    method = Triplet.preset("paper", ids_per_batch=2, images_per_id=4)
    stage = identification_stage(method, people, 0, "learn")
    assert stage.plan is not None
    for step in range(50):
        counts = np.bincount(stage.plan(step)["crops"], minlength=9)
        assert counts[:2].tolist() == [2, 2]
        assert counts[2:].max() == 1


def test_orthogonal_embedding() -> None:
    method = Triplet.preset("paper", backbone="resnet10", weights="none", stride_on="3x3")
    weight = method.model(3).head.out.weight  # type: ignore[union-attr]
    torch.testing.assert_close(weight @ weight.T, torch.eye(128), atol=1e-5, rtol=0)  # type: ignore[operator]


def test_trinet_ranks_by_euclidean_distance_of_the_feature_as_it_is() -> None:
    images = torch.rand(2, 3, 64, 32)
    sizes = {}
    for l2norm in (False, True):
        torch.manual_seed(0)
        method = Triplet(backbone="resnet10", weights="none", height=64, width=32, l2norm=l2norm)
        model = method.model(3)
        assert model.metric == ("cosine" if l2norm else "euclidean")
        sizes[l2norm] = model.embed(images).norm(dim=1)
    torch.testing.assert_close(sizes[True], torch.ones(2))
    assert not torch.allclose(sizes[False], torch.ones(2), atol=0.01)
