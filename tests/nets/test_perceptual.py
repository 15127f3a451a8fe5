"""LPIPS's networks: public names and counts, the layers looked at, and files that don't fit."""

import pytest
import torch

from lookalike.errors import UserError
from lookalike.nets.perceptual import Perceptual, perceptual

# Of the convolutions of torchvision's AlexNet and VGG-16.
COUNTS = {"alex": 2_469_696, "vgg": 14_714_688}


@pytest.fixture(scope="module")
def trunks(tmp_path_factory):
    """Random weights under torchvision's names, with a classifier, as its files have them."""
    files = {}
    for kind in COUNTS:
        torch.manual_seed(0)
        state = {k: v for k, v in Perceptual(kind).state_dict().items() if k[0] == "f"}
        files[kind] = tmp_path_factory.mktemp("trunks") / f"{kind}.pth"
        torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, files[kind])
    return files


@pytest.mark.parametrize("kind", COUNTS)
def test_counts_names_and_maps(kind, trunks):
    net = perceptual(trunks[kind])
    features = [p.numel() for k, p in net.named_parameters() if k.startswith("features.")]
    assert sum(features) == COUNTS[kind]
    weights = [k for k in net.state_dict() if k.startswith("lin")]
    assert weights == [f"lin{k}.model.1.weight" for k in range(5)]
    maps = net(torch.zeros(2, 3, 64, 64))
    assert [m.shape[1] for m in maps] == [w.numel() for w in net.weights]
    sizes = {"alex": [15, 7, 3, 3, 3], "vgg": [64, 32, 16, 8, 4]}[kind]
    assert [m.shape[2] for m in maps] == sizes
    assert all((m >= 0).all() for m in maps)  # after the ReLU
    assert all((w >= 0).all() for w in net.weights)  # the released ones, not random ones
    assert sum(float(w.sum()) for w in net.weights) > 1


def test_the_input_is_scaled_as_released(trunks):
    net = perceptual(trunks["alex"])
    seen = []
    net.features[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net(torch.ones(1, 3, 64, 64))
    want = [(1 + 0.030) / 0.458, (1 + 0.088) / 0.448, (1 + 0.188) / 0.450]
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx(want)


def test_files_that_dont_fit(trunks, tmp_path):
    with pytest.raises(UserError, match="no LPIPS weights file"):
        perceptual(tmp_path / "none.pth")
    torch.save({"features.0.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match="neither torchvision's AlexNet nor its VGG-16"):
        perceptual(tmp_path / "other.pth")
    linear = {f"lin{k}.model.1.weight": torch.zeros(1, 64, 1, 1) for k in range(5)}
    torch.save(linear, tmp_path / "linear.pth")
    with pytest.raises(UserError, match=r"'lin1.model.1.weight' of shape \(1, 64, 1, 1\)"):
        perceptual(trunks["alex"], tmp_path / "linear.pth")
