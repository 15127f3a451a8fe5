"""What happens around the steps: finite losses and weights, bfloat16 copies, progress."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lookalike.cli import main
from lookalike.data import People
from lookalike.errors import UserError
from lookalike.methods.stage import NonFinite, Stage, StageModule, Terms, start_momentum
from lookalike.training import RunSettings
from lookalike.training.callback import clock, wrapped
from lookalike.training.fit import fit_stage

Tiny = Callable[..., list[str]]


class Toy(StageModule):
    """One linear layer whose first output falls; `terms` may be anything."""

    def __init__(self, terms: Callable[[Tensor, int], dict[str, Tensor]] | None = None) -> None:
        super().__init__()
        self.trained = nn.Linear(4, 2)
        self.terms = terms or (lambda y, step: {"out": y[:, 0].mean()})
        self.seen: list[tuple[Tensor, Tensor]] = []

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        x = torch.ones(3, 4)
        for _ in range(2):  # twice: the second forward must see the first update
            y = self.trained(x)
            with torch.no_grad(), torch.autocast("cpu", enabled=False):
                weight, bias = (p.detach().bfloat16() for p in self.trained.parameters())
                self.seen.append((y.detach(), nn.functional.linear(x.bfloat16(), weight, bias)))
            terms = Terms()
            for name, value in self.terms(y.float(), step).items():
                terms.add(name, 1.0, value)
            self.descend(terms, *self.raw_optimizers())

    def learning_rate(self, step: int) -> float:
        return 1.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.trained.parameters(), lr=0.5)


def fit(toy: Toy, market: Path, run: Path, steps: int = 2, **settings: Any) -> nn.Module:
    paths = sorted((market / "query").glob("*.jpg"))
    people = People([str(p) for p in paths], np.arange(1, 13), np.zeros(12))
    stage = Stage("toy", people, steps, (8, 4), lambda _: {"crops": np.arange(2)}, lambda _: toy)
    chosen = RunSettings(accelerator="cpu", log_every=1, checkpoint_every=1, **settings)
    run.mkdir(exist_ok=True)
    return fit_stage(stage, 1, {}, run, chosen, resume=False)[0]


def test_updates_inside_a_bfloat16_step_are_seen_by_its_next_forward(
    market: Path, tmp_path: Path
) -> None:
    toy = Toy()
    fit(toy, market, tmp_path, precision="bf16")
    assert all(y.dtype == torch.bfloat16 for y, _ in toy.seen)
    for y, expected in toy.seen:
        torch.testing.assert_close(y, expected)
    # With autocast's weight cache, which Lightning turns off, a second forward repeats the first.
    assert not torch.equal(toy.seen[0][0], toy.seen[1][0])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_loss_stops_before_weights_and_checkpoint_change(
    market: Path, tmp_path: Path, bad: float
) -> None:
    def terms(y: Tensor, step: int) -> dict[str, Tensor]:
        return {"good": y.mean(), "evil": y.abs().mean() * (bad if step == 1 else 1.0)}

    toy = Toy(terms)
    with pytest.raises(NonFinite, match=f"'evil' of stage 'toy' is {bad} at step 1"):
        fit(toy, market, tmp_path, precision="fp32")
    saved = torch.load(tmp_path / "stages/1-toy/last.ckpt", weights_only=True)
    assert saved["step"] == 1
    for name, value in toy.state_dict().items():
        assert torch.equal(value, saved["module"][name])


def test_a_weight_that_breaks_in_the_last_update_is_not_saved(market: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def terms(y: Tensor, step: int) -> dict[str, Tensor]:
        calls.append(step)
        if calls == [0, 0, 1, 1]:  # the last one: sqrt(0) is finite, its slope is not
            return {"root": (y[0, 0] - y[0, 0].detach()).abs().sqrt()}
        return {"root": y.mean()}

    with pytest.raises(UserError, match=r"Weight 'trained\.weight' of stage 'toy' is not finite"):
        fit(Toy(terms), market, tmp_path, precision="fp32")
    saved = torch.load(tmp_path / "stages/1-toy/last.ckpt", weights_only=True)
    assert saved["step"] == 1
    assert all(value.isfinite().all() for value in saved["module"].values())


def test_a_parameter_may_begin_to_learn_late() -> None:
    def trained(fused: bool) -> list[Tensor]:
        torch.manual_seed(0)
        early, late = nn.Linear(3, 2), nn.Linear(3, 2)
        parameters = [*early.parameters(), *late.parameters()]
        sgd = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01,
                              fused=fused)  # fmt: skip
        for step in range(4):
            sgd.zero_grad()
            y = early(torch.randn(5, 3)).square().mean()
            if step >= 2:
                y = y + late(torch.randn(5, 3)).square().mean()
            y.backward()  # type: ignore[no-untyped-call]
            if fused:
                start_momentum(sgd)
            sgd.step()
        return parameters

    for ours, plain in zip(trained(True), trained(False), strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_learning_rate_without_measure(
    tiny: Tiny, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tiny("ide", tmp_path, "--lr_head 1e30 --checkpoint_every 1")) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert re.match(r"lookalike: Loss term 'ce' of stage 'learn' is (nan|inf) at step \d", error)


def test_a_full_disk_at_a_checkpoint(
    market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, calls = torch.save, []

    def full(state: dict[str, Any], part: Path) -> None:
        calls.append(state["step"])
        if len(calls) == 2:
            part.write_bytes(b"half")
            raise RuntimeError("unexpected pos 576 vs 534")
        save(state, part)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match=r"Could not write .*last\.ckpt \(is the disk full\?\)"):
        fit(Toy(), market, tmp_path, precision="fp32")
    assert torch.load(tmp_path / "stages/1-toy/last.ckpt", weights_only=True)["step"] == 1
    assert [p.name for p in (tmp_path / "stages/1-toy").iterdir()] == ["last.ckpt"]


def test_progress_names_every_term_within_80_columns(
    tiny: Tiny, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    flags = "--steps 2 --ids_per_batch 4 --images_per_id 2 --head bnneck --triplet_weight 1"
    assert main(tiny("ide", tmp_path, flags)) == 0
    out, err = capfd.readouterr()
    assert all(len(line) <= 80 for line in err.splitlines())
    assert re.findall(r"^learn \d/2  \d\.\d\d s/step  0:00:\d\d left$", err, re.M)
    terms = "ce", "triplet", "triplet_ap", "triplet_an", "triplet_active", "triplet_norm"
    for term in (*terms, "triplet_std"):
        assert len(re.findall(rf"  {term} \S", err)) == 2
    assert "\r" not in err
    assert "\x1b" not in err
    assert "arning" not in err
    assert out.count("\n") == 5  # two lines of the table, the protocol, the model, the report


def test_clock_and_wrapping() -> None:
    assert clock(3725.9) == "1:02:05"
    terms = [f"term{k} 0.1234" for k in range(12)]
    lines = wrapped(terms)
    assert all(len(line) <= 80 for line in lines)
    assert " ".join(lines).split() == " ".join(terms).split()
    assert len(lines[0]) + len(terms[0]) + 2 > 80
