"""AdaBN: the statistics that features are normalised by, against those of the images themselves."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from lookalike.data import load
from lookalike.errors import UserError
from lookalike.evaluation import adapt_statistics
from lookalike.evaluation.features import extract, image_batches
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.methods.pg2 import PG2
from lookalike.methods.siamese import Siamese
from lookalike.nets.batchnorm import BatchNorm2d

TRUNK = dict(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=32)


@pytest.fixture(scope="module")
def paths(market):
    bench = load("market1501", market)
    return [*bench.query.paths, *bench.gallery.paths][:31]


def ide(**changes):
    torch.manual_seed(0)
    model = IDE(**TRUNK | {"head": "bnneck", "feature": "bottleneck"} | changes).model(5)
    for layer in norms(model).values():  # as after a training
        nn.init.uniform_(layer.running_mean, -1, 1)
        nn.init.uniform_(layer.running_var, 0.5, 2)
        layer.num_batches_tracked.fill_(7)
    return model


def norms(model):
    return {
        k: m for k, m in model.named_modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)
    }


def torchs_own(model, batches):
    """The statistics that plain torch layers, in training mode, average over these batches."""
    other = copy.deepcopy(model).eval()
    for name, layer in norms(other).items():
        kind = nn.BatchNorm2d if isinstance(layer, BatchNorm2d) else nn.BatchNorm1d
        plain = kind(layer.num_features, eps=layer.eps, momentum=None)
        plain.weight, plain.bias = layer.weight, layer.bias
        parent, _, child = name.rpartition(".")
        setattr(other.get_submodule(parent), child, plain)
    with torch.no_grad():
        for images in batches:
            other.features(other.preprocess(images))
    return norms(other)


@pytest.mark.parametrize(("batch", "sizes"), [(64, [31]), (12, [11, 10, 10]), (1, [3, *[2] * 14])])
def test_statistics_are_the_averages_of_one_pass(paths, batch, sizes):
    model = ide()
    adapted = adapt_statistics(model, paths, batch)
    images = image_batches(model, paths, sizes, 64, "")
    want = torchs_own(model, images)
    for name, layer in norms(adapted).items():
        torch.testing.assert_close(layer.running_mean, want[name].running_mean)
        torch.testing.assert_close(layer.running_var, want[name].running_var)
        assert layer.num_batches_tracked == 7


@pytest.mark.parametrize("flip_test", [False, True])
def test_the_first_layer_knows_mean_and_variance_of_all_images(paths, flip_test):
    model = ide(flip_test=flip_test)
    inputs = []
    first = next(iter(norms(model).values()))
    hook = first.register_forward_hook(lambda _, x, __: inputs.append(x[0]))
    extract(model, paths)
    hook.remove()
    x = torch.cat(inputs).transpose(0, 1).flatten(1).double()
    layer = next(iter(norms(adapt_statistics(model, paths)).values()))
    torch.testing.assert_close(layer.running_mean.double(), x.mean(1), rtol=0, atol=1e-5)
    # A batch's variance is the unbiased one; of both views it is a mean of two.
    torch.testing.assert_close(layer.running_var.double(), x.var(1), rtol=1e-3, atol=1e-6)


def test_the_model_and_its_weights_stay_as_they_were(paths):
    model = ide()
    before = copy.deepcopy(model.state_dict())
    first, second = (adapt_statistics(model.train(), paths, 10) for _ in range(2))
    assert model.training
    assert not first.training
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
        same = torch.equal(value, first.state_dict()[key])
        assert same == ("running_" not in key), key
        assert torch.equal(first.state_dict()[key], second.state_dict()[key])
    assert not torch.equal(extract(first, paths), extract(model, paths))
    assert {k: m.mode for k, m in norms(first).items()} == {
        k: m.mode for k, m in norms(model).items()
    }


def test_layers_that_features_dont_pass_keep_their_statistics(paths):
    model = ide(feature="pool")
    adapted = norms(adapt_statistics(model, paths))
    kept = [
        k for k, m in norms(model).items() if torch.equal(m.running_mean, adapted[k].running_mean)
    ]
    assert kept == [k for k in norms(model) if k.startswith("head.")]


@pytest.mark.parametrize("bn_mode", ["train", "eval_stats", "frozen"])
def test_every_mode_of_training_can_be_adapted(paths, bn_mode):
    model = ide(bn_mode=bn_mode)
    for layer in norms(model).values():
        layer.group = 4  # ghost batch norm, whose groups needn't divide these batches
    want = norms(adapt_statistics(ide(), paths, 10))
    got = norms(adapt_statistics(model, paths, 10))
    for name, layer in got.items():
        torch.testing.assert_close(layer.running_mean, want[name].running_mean)
        assert (layer.mode, layer.group) == (norms(model)[name].mode, 4)


@pytest.mark.parametrize(
    "method",
    [
        Siamese(**TRUNK),
        DGNet(backbone="resnet10", weights="none", stride_on="3x3", height=64, width=48,
              structure_dim=2, mlp_dim=8),
    ],
    ids=lambda method: method.name,
)  # fmt: skip
def test_other_methods_can_be_adapted_too(paths, method):
    torch.manual_seed(0)
    model = method.model(5)
    adapted = adapt_statistics(model, paths, 16)
    assert torch.isfinite(extract(adapted, paths)).all()
    moved = [k for k, m in norms(adapted).items() if m.running_mean.any()]
    assert moved
    assert all(k.split(".")[0] in model.features_of for k in moved)


def test_what_cannot_be_adapted_is_one_sentence(paths, tmp_path):
    with pytest.raises(UserError, match="need two images"):
        adapt_statistics(ide(), paths[:1])
    assert np.isfinite(extract(adapt_statistics(ide(), paths[:2]), paths[:2]).numpy()).all()
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    with pytest.raises(UserError, match=r"bad\.jpg"):
        adapt_statistics(ide(), [*paths, str(bad)])
    torch.manual_seed(0)
    draws = PG2(height=64, width=32, channels=4).model(5)
    with pytest.raises(UserError, match="makes pictures of people; it has no features"):
        adapt_statistics(draws, paths)
    plain = ide()
    plain.features = lambda x: x.flatten(1)
    with pytest.raises(UserError, match="come through no batch normalisation"):
        adapt_statistics(plain, paths)
