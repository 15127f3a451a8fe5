"""Networks that a file will fill."""

import torch
from torch import nn

from lookalike.nets import resnet
from lookalike.nets.unfilled import Unfilled


def test_nothing_is_drawn_and_all_else_is_as_ever() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with Unfilled():
        net = resnet(18)
        plain = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Conv2d(3, 2, 5))
    assert torch.equal(torch.get_rng_state(), before)
    usual = resnet(18)
    assert {k: v.shape for k, v in net.state_dict().items()} == {
        k: v.shape for k, v in usual.state_dict().items()
    }
    assert torch.equal(plain[1].weight, torch.ones(4))
    net.load_state_dict(usual.state_dict())
    x = torch.rand(1, 3, 64, 32)
    assert torch.equal(net.eval()(x), usual.eval()(x))


def test_networks_built_afterwards_are_drawn() -> None:
    with Unfilled():
        nn.Linear(3, 4)
    assert nn.Linear(300, 4).weight.std() > 0.01


def test_shapes_alone_are_drawn_no_more() -> None:
    with torch.device("meta"), Unfilled():
        net = resnet(50)
    assert all(p.is_meta for p in net.parameters())
