"""Statistics, updates and gradients of every BN mode; batch statistics without a trace."""

import copy
import hashlib

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from lookalike.errors import UserError
from lookalike.nets import (
    BatchNorm1d,
    BatchNorm2d,
    BottleneckHead,
    Dropout,
    batch_statistics,
    resnet,
    set_bn_group,
    set_bn_mode,
)


def fingerprint(module: nn.Module, *names: str) -> str:
    digest = hashlib.sha256()
    for key, value in module.state_dict().items():
        if key.split(".")[-1] in names:
            digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def bn_affine(module: nn.Module) -> str:
    layers = nn.ModuleList(m for m in module.modules() if isinstance(m, BatchNorm2d))
    return fingerprint(layers, "weight", "bias")


class Net(nn.Module):
    """IDE+ in small: a trunk, average pooling and a bottleneck head."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = resnet(18)
        self.head = BottleneckHead(512, 16, 5, "lrelu", gamma_std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x).mean((2, 3)))


def train_three_steps(net: nn.Module) -> None:
    optimizer = torch.optim.SGD(
        [p for p in net.parameters() if p.requires_grad], 0.01, weight_decay=5e-4
    )
    for _ in range(3):
        net.train()  # what every trainer does, again and again
        loss = nn.functional.cross_entropy(net(torch.randn(4, 3, 64, 32)), torch.arange(4))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("mode", ["train", "eval_stats", "frozen"])
def test_what_three_steps_change_in_each_mode(mode: str) -> None:
    torch.manual_seed(0)
    net = Net()
    set_bn_mode(net.trunk, mode)  # type: ignore[arg-type]
    stats = ("running_mean", "running_var", "num_batches_tracked")
    trunk, head = fingerprint(net.trunk, *stats), fingerprint(net.head.bn, *stats)
    affine, convs = bn_affine(net.trunk), net.trunk.conv1.weight.clone()
    train_three_steps(net)
    assert (fingerprint(net.trunk, *stats) != trunk) == (mode == "train")
    assert (bn_affine(net.trunk) != affine) == (mode != "frozen")
    assert fingerprint(net.head.bn, *stats) != head  # the bottleneck's BN is in train mode
    assert not torch.equal(net.trunk.conv1.weight, convs)


def test_leaving_frozen_trains_the_affine_again() -> None:
    net = resnet(18)
    set_bn_mode(net, "frozen")
    assert not net.bn1.weight.requires_grad
    set_bn_mode(net, "eval_stats")
    assert net.bn1.weight.requires_grad
    assert net.bn1.bias.requires_grad


def test_a_gradient_taken_by_hand_survives_modes_other_than_frozen() -> None:
    layer = BatchNorm1d(3)
    layer.bias.requires_grad_(False)  # as in BNNeck
    set_bn_mode(layer, "eval_stats")
    set_bn_mode(layer, "train")
    assert not layer.bias.requires_grad


@pytest.mark.parametrize("make", [BatchNorm1d, BatchNorm2d])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_train_and_eval_are_those_of_torch(make: type, momentum: float | None) -> None:
    torch.manual_seed(0)
    ours = make(6, momentum=momentum)
    peer = make.__mro__[2](6, momentum=momentum)
    assert type(peer).__module__ == "torch.nn.modules.batchnorm"
    for _ in range(3):
        x = torch.randn(4, 6, 5, 3)[..., :: 1 if make is BatchNorm2d else 3]
        x = x if make is BatchNorm2d else x[..., 0]
        assert torch.equal(ours(x), peer(x))
    ours.eval(), peer.eval()
    assert torch.equal(ours(x), peer(x))
    assert ours.state_dict().keys() == peer.state_dict().keys()
    for key, value in peer.state_dict().items():
        assert torch.equal(ours.state_dict()[key], value), key


def test_eval_stats_is_the_literal_formula() -> None:
    layer = BatchNorm2d(2).double()
    layer.running_mean.copy_(torch.tensor([1.0, -2.0]))
    layer.running_var.copy_(torch.tensor([4.0, 0.25]))
    set_bn_mode(layer, "eval_stats")
    x = torch.randn(3, 2, 4, 4, dtype=torch.float64)
    for c, (mean, var) in enumerate([(1.0, 4.0), (-2.0, 0.25)]):
        torch.testing.assert_close(layer(x)[:, c], (x[:, c] - mean) / (var + 1e-5) ** 0.5)


@pytest.mark.parametrize("mode", ["train", "eval_stats", "frozen"])
@pytest.mark.parametrize("training", [True, False])
def test_batch_statistics_leave_no_trace(mode: str, training: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), BatchNorm2d(4), nn.Flatten(), BatchNorm1d(4 * 36))
    net.train(training)
    set_bn_mode(net, mode)  # type: ignore[arg-type]
    before = copy.deepcopy(net.state_dict())
    x = torch.randn(5, 3, 8, 8)
    plain = net(x) if not (training and mode == "train") else None
    with batch_statistics(net):
        with batch_statistics(net[1]):
            net(x)
        y = net(x)  # the inner one's end is not the outer one's
    hidden = net[0](x)
    mean, var = hidden.mean((0, 2, 3), keepdim=True), hidden.var((0, 2, 3), False, keepdim=True)
    hidden = ((hidden - mean) / (var + 1e-5).sqrt()).flatten(1)
    literal = (hidden - hidden.mean(0)) / (hidden.var(0, False) + 1e-5).sqrt()
    torch.testing.assert_close(y, literal, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(net.state_dict()[k], v) for k, v in before.items())
    if plain is not None:
        assert torch.equal(net(x), plain)  # back to what it was


def test_batch_statistics_end_with_an_error_too() -> None:
    layer = BatchNorm2d(2)
    with pytest.raises(ValueError, match="4D"), batch_statistics(layer):
        layer(torch.zeros(3, 2))
    layer(torch.randn(4, 2, 3, 3))
    assert layer.num_batches_tracked == 1


def test_batch_statistics_in_a_functional_call_reach_only_the_input() -> None:
    net = resnet(18).eval()
    state = {k: v.detach() for k, v in net.state_dict(keep_vars=True).items()}
    before = {k: v.clone() for k, v in state.items()}
    x = torch.randn(2, 3, 64, 32, requires_grad=True)
    with batch_statistics(net):
        functional_call(net, state, (x,)).square().mean().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(state[k], v) for k, v in before.items())


def test_foreign_layers_and_unknown_modes_are_refused() -> None:
    with pytest.raises(UserError, match=r"Unknown bn_mode 'eval'.*did you mean"):
        set_bn_mode(BatchNorm2d(2), "eval")  # type: ignore[arg-type]
    foreign = nn.Sequential(nn.BatchNorm2d(2))
    with pytest.raises(TypeError, match="'0' is a BatchNorm2d of torch"):
        set_bn_mode(foreign, "frozen")
    with pytest.raises(TypeError, match="no modes"), batch_statistics(foreign):
        pass


def test_one_value_a_channel_is_an_error() -> None:
    with pytest.raises(ValueError, match="more than 1 value"):
        BatchNorm1d(3)(torch.zeros(1, 3))


def test_dropout() -> None:
    x = torch.ones(200, 50, dtype=torch.float64)
    layer = Dropout(0.75)
    torch.manual_seed(0)
    y = layer(x)
    torch.manual_seed(0)
    assert torch.equal(layer(x), y)
    assert set(y.unique().tolist()) == {0.0, 4.0}
    assert abs(y.mean().item() - 1) < 0.05
    assert layer.eval()(x) is x
    assert Dropout(0)(x) is x
    with pytest.raises(ValueError, match="0 <= p < 1"):
        Dropout(1.0)


def test_groups_of_a_batch_have_their_own_statistics() -> None:
    torch.manual_seed(0)
    x = torch.randn(12, 3, 4, 2) * torch.arange(1, 13)[:, None, None, None]
    ghost, plain = BatchNorm2d(3), nn.BatchNorm2d(3)
    ghost.weight.data.uniform_(0.5, 2)
    plain.load_state_dict(ghost.state_dict())
    set_bn_group(ghost, 4)
    parts, means, variances = [], [], []
    for part in x.split(4):
        plain.reset_running_stats()
        plain.momentum = 1.0
        parts.append(plain(part))
        means.append(plain.running_mean.clone())
        variances.append(plain.running_var.clone())
    torch.testing.assert_close(ghost(x), torch.cat(parts))
    expected = 0.1 * torch.stack(means).mean(0), 0.9 + 0.1 * torch.stack(variances).mean(0)
    torch.testing.assert_close((ghost.running_mean, ghost.running_var), expected)
    assert ghost.num_batches_tracked == 1
    whole, other = BatchNorm2d(3), BatchNorm2d(3)
    set_bn_group(whole, 12)  # as many as there are: plain batch norm
    assert torch.equal(whole(x), other(x))


def test_a_group_that_does_not_divide_the_batch() -> None:
    ghost = BatchNorm1d(3)
    set_bn_group(ghost, 5)
    with pytest.raises(UserError, match="groups of 5 images can't share the 12 images"):
        ghost(torch.randn(12, 3))
    ghost.eval()
    assert ghost(torch.randn(12, 3)).shape == (12, 3)
