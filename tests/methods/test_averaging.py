"""The average of a network's weights against a loop over numbers."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lookalike.methods.averaging import average_into, average_of


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


def trained(net: nn.Module) -> None:
    """Moves every weight and every statistic."""
    net.train()(torch.randn(2, 3, 4, 4))
    with torch.no_grad():
        for p in net.parameters():
            p += torch.randn(p.shape)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_it_is_the_literal_average_of_weights_and_statistics(decay: float) -> None:
    net = network()
    average = average_of(net)
    literal = {name: value.tolist() for name, value in net.state_dict().items()}

    def mix(old: object, new: object, d: float) -> object:
        if isinstance(old, list):
            assert isinstance(new, list)
            return [mix(a, b, d) for a, b in zip(old, new, strict=True)]
        assert isinstance(old, float)
        assert isinstance(new, float)
        return d * old + (1 - d) * new

    for step in range(30):
        trained(net)
        average_into(average, net, decay, step)
        for name, value in net.state_dict().items():
            if name.endswith("num_batches_tracked"):
                literal[name] = value.tolist()
            else:
                d = min(decay, (1 + step) / (10 + step))
                literal[name] = mix(literal[name], value.tolist(), d)
    for name, value in average.state_dict().items():
        torch.testing.assert_close(
            value.double(), torch.tensor(literal[name], dtype=torch.double), rtol=1e-5, atol=1e-5
        )
    assert average.get_buffer("1.num_batches_tracked").item() == 30


def test_the_first_steps_count_little() -> None:
    """At step t the average keeps (1 + t) / (10 + t) of itself, until that is `decay`."""
    net, zeros = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    nn.init.zeros_(zeros.weight)
    for step, kept in ((0, 0.1), (8, 0.5), (80, 0.9), (89, 90 / 99), (100, 0.91), (9999, 0.91)):
        nn.init.ones_(net.weight)
        average_into(net, zeros, 0.91, step)
        assert net.weight.item() == pytest.approx(kept)


def test_a_weight_that_stays_is_its_own_average_to_the_bit() -> None:
    net = network()
    average = average_of(net)
    for step in range(50):
        average_into(average, net, 0.9, step)
    assert all(
        torch.equal(a, w)
        for a, w in zip(average.state_dict().values(), net.state_dict().values(), strict=True)
    )


def test_a_copy_asks_for_no_gradients_and_leaves_the_network_alone() -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())
    state = torch.get_rng_state()
    average = average_of(net)
    assert torch.equal(torch.get_rng_state(), state)  # nothing is drawn
    assert not any(p.requires_grad for p in average.parameters())
    assert all(p.requires_grad for p in net.parameters())
    for p in average.parameters():
        nn.init.ones_(p)
    average_into(average, net, 0.9, 3)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_networks_of_other_parts_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="zip"):
        average_into(average_of(nn.Linear(2, 2, bias=False)), nn.Linear(2, 2), 0.9, 0)
