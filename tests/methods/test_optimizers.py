"""Parameter groups, and the optimizers of a stage by a factor a step."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lookalike.methods.optimizers import adam, groups, groups_by_name, sgd
from lookalike.methods.stage import StageModule, Terms, start_momentum


def layers(count: int) -> list[nn.Linear]:
    torch.manual_seed(0)
    return [nn.Linear(3, 2) for _ in range(count)]


def test_a_group_for_each_rate_of_what_can_be_trained() -> None:
    one, two, still, last = layers(4)
    one.bias.requires_grad_(False)
    still.requires_grad_(False)
    rates = groups((one, 0.1), ([two, still], 0.2), (still, 0.3), (iter((last,)), 0.4))
    assert [group["lr"] for group in rates] == [0.1, 0.2, 0.4]
    wanted = ([one.weight], [two.weight, two.bias], [last.weight, last.bias])
    for group, weights in zip(rates, wanted, strict=True):
        assert all(a is b for a, b in zip(group["params"], weights, strict=True))


def test_a_group_for_each_pair_of_rate_and_decay() -> None:
    net = nn.Sequential(*layers(3))
    net[1].weight.requires_grad_(False)

    def rates(name: str, p: nn.Parameter) -> tuple[float, float]:
        return (0.1 if name.startswith("0.") else 0.2), (5e-4 if p.dim() > 1 else 0.0)

    made = [
        (group["lr"], group["weight_decay"], [id(p) for p in group["params"]])
        for group in groups_by_name(net, rates)
    ]
    assert made == [
        (0.1, 5e-4, [id(net[0].weight)]),
        (0.1, 0.0, [id(net[0].bias)]),
        (0.2, 0.0, [id(net[1].bias), id(net[2].bias)]),
        (0.2, 5e-4, [id(net[2].weight)]),
    ]


def test_adam_is_that_of_the_gans() -> None:
    one, two = layers(2)
    default, other = adam((one, 0.1)), adam((one, 0.1), (two, 0.2), betas=(0.0, 0.999),
                                            weight_decay=5e-4)  # fmt: skip
    assert isinstance(default, torch.optim.Adam)
    assert [(g["betas"], g["weight_decay"], g["lr"]) for g in default.param_groups] == [
        ((0.5, 0.999), 0.0, 0.1)]  # fmt: skip
    assert [(g["betas"], g["weight_decay"], g["lr"]) for g in other.param_groups] == [
        ((0.0, 0.999), 5e-4, 0.1), ((0.0, 0.999), 5e-4, 0.2)]  # fmt: skip


def test_sgd_has_momentum() -> None:
    one, two = layers(2)
    default = sgd((one, 0.1))
    other = sgd((one, 0.1), (two, 0.2), nesterov=True, momentum=0.5, weight_decay=1e-4)
    names = ("momentum", "nesterov", "weight_decay", "lr")
    assert isinstance(default, torch.optim.SGD)
    values = [[tuple(g[n] for n in names) for g in o.param_groups] for o in (default, other)]
    assert values == [[(0.9, False, 0.0, 0.1)], [(0.5, True, 1e-4, 0.1), (0.5, True, 1e-4, 0.2)]]


def test_sgd_steps_as_the_formula() -> None:
    (layer,) = layers(1)
    optimizer = sgd((layer, 0.1), weight_decay=0.01)
    weight, momentum = layer.weight.detach().clone(), torch.zeros(2, 3)
    for step in range(3):
        layer.weight.grad, layer.bias.grad = torch.full((2, 3), 1.0 + step), torch.zeros(2)
        momentum = 0.9 * momentum + (1.0 + step) + 0.01 * weight
        weight = weight - 0.1 * momentum
        optimizer.step()
        torch.testing.assert_close(layer.weight.detach(), weight)


def test_a_parameter_that_meets_its_first_gradient_late_starts_from_no_momentum() -> None:
    one, two = layers(2)
    before = two.weight.detach().clone()
    optimizer = sgd(([one, two], 0.1))
    for step in range(3):
        for layer in (one, two) if step == 2 else (one,):
            layer.weight.grad = torch.ones(2, 3)
        start_momentum(optimizer)
        optimizer.step()
    torch.testing.assert_close(two.weight.detach(), before - 0.1)


class Descent(StageModule):
    """Two layers that go down together, each with a rate of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = layers(2)
        self.made = 0

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        terms = Terms(times=3)
        terms.add("sum", 0.5, self.one.weight.sum() + self.two.weight.sum())
        self.descend(terms, *self.raw_optimizers())

    def learning_rate(self, step: int) -> float:
        return 0.5**step

    def configure_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        self.made += 1
        return sgd((self.one, 0.1), (self.two, 0.2), momentum=0.0), adam((self.two, 0.4))


def test_every_group_remembers_its_rate() -> None:
    module = Descent()
    for step in (0, 3, 1):  # a run that resumes begins somewhere
        module.training_step({"step": step})
        rates = [[g["lr"] for g in o.param_groups] for o in module.raw_optimizers()]
        assert rates == [pytest.approx([0.1 * 0.5**step, 0.2 * 0.5**step]),
                         pytest.approx([0.4 * 0.5**step])]  # fmt: skip
        first = [[g["initial_lr"] for g in o.param_groups] for o in module.raw_optimizers()]
        assert first == [[0.1, 0.2], [0.4]]


def test_without_a_trainer_a_stage_has_its_own_optimizers() -> None:
    module = Descent()
    before = module.one.weight.detach().clone()
    module.training_step({"step": 0})
    module.training_step({"step": 1})
    assert module.made == 1  # with their momenta
    slope = 0.5 * 3
    torch.testing.assert_close(module.one.weight.detach(), before - 0.1 * slope * (1 + 0.5))
    assert module.step == 2
    assert set(module.losses) == {"sum"}


def test_terms_are_weighed_and_a_note_counts_nothing() -> None:
    terms, x = Terms(times=2), torch.tensor([3.0], requires_grad=True)
    terms.add("a", 0.5, x.sum())
    terms.add("b", 4.0, x.square().sum())
    terms.note("c", 1e6 * x.sum())
    assert {name: float(value.detach()) for name, value in terms.values.items()} == {
        "a": 6, "b": 18, "c": 3e6}  # fmt: skip
    assert float(terms.total().detach()) == 0.5 * 2 * 3 + 4 * 2 * 9
    terms.total().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    assert x.grad.tolist() == [0.5 * 2 + 4 * 2 * 2 * 3]
