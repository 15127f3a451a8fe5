"""Files of a run appear complete or not at all."""

import errno
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lookalike.errors import UserError
from lookalike.training.run_folder import (
    Metrics,
    load_checkpoint,
    restore_optimizers,
    save_checkpoint,
)

STATE = {"step": 3, "seconds": 0.1, "module": {}, "optimizers": []}


def test_checkpoints_come_back_exactly(tmp_path: Path) -> None:
    state = {**STATE, "module": {"w": torch.randn(3, dtype=torch.float64)}}
    save_checkpoint(tmp_path / "last.ckpt", state)
    found = load_checkpoint(tmp_path / "last.ckpt")
    assert found["step"] == 3
    assert torch.equal(found["module"]["w"], state["module"]["w"])


def test_a_full_disk_while_saving_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.ckpt"
    save_checkpoint(file, STATE)

    def full(state: object, part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match="is the disk full"):
        save_checkpoint(file, {"step": 2})
    assert load_checkpoint(file) == STATE
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


@pytest.mark.parametrize(
    "content", [b"", b"not a checkpoint", b"broken", b"\x80\x02}q\x00.", "cut"]
)
def test_a_broken_checkpoint_is_one_sentence(tmp_path: Path, content: bytes | str) -> None:
    file = tmp_path / "last.ckpt"
    save_checkpoint(file, {"w": torch.zeros(1000)})
    file.write_bytes(file.read_bytes()[:1500] if isinstance(content, str) else content)
    with pytest.raises(UserError, match=r"last\.ckpt can't be read: delete it") as error:
        load_checkpoint(file)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        {"step": 1}, [1, 2], torch.zeros(2), {**STATE, "module": [1]}, {"state_dict": {}},
        {**STATE, "step": -1}, {**STATE, "seconds": float("nan")}, {**STATE, "seconds": -1.0},
    ],
)  # fmt: skip
def test_a_foreign_checkpoint_is_one_sentence(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "last.ckpt")
    with pytest.raises(UserError, match=r"last\.ckpt is no checkpoint of a run: go away\.$"):
        load_checkpoint(tmp_path / "last.ckpt", "go away")


def trained() -> tuple[torch.nn.Linear, torch.optim.Optimizer]:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    layer(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return layer, optimizer


def test_optimizers_go_on_where_they_were(tmp_path: Path) -> None:
    (_, one), (layer, two) = trained(), trained()
    state = one.state_dict()
    state["state"][0]["momentum_buffer"].fill_(7)
    restore_optimizers([two], [state], tmp_path)
    assert (two.state[layer.weight]["momentum_buffer"] == 7).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state["state"].pop(0),  # a version that has another order of parameters
        lambda state: state["state"][0].update(momentum_buffer=torch.zeros(2)),
        lambda state: state["param_groups"].clear(),
        lambda state: state.clear(),
    ],
)
def test_optimizers_of_another_network(tmp_path: Path, damage: Callable[[Any], object]) -> None:
    (_, one), (_, two) = trained(), trained()
    state = one.state_dict()
    damage(state)
    if state.get("state") and 0 not in state["state"]:  # the bias's buffer for the weight
        state["state"][0] = state["state"].pop(1)
    with pytest.raises(UserError, match="has another method's optimisers: delete it, and --resume"):
        restore_optimizers([two], [state], tmp_path / "last.ckpt")


def test_lines_of_others_in_the_metrics(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    good = '{"stage": "a", "step": 1}\n'
    file.write_bytes(good.encode() + b'[1]\nnull\n{"step": "x", "stage": "b"}\n\xff\n')
    Metrics(file, "b", 1).file.close()
    assert file.read_text() == good


def test_metrics_drop_later_and_half_lines_of_the_resumed_stage(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    lines = [{"stage": "a", "step": k} for k in (1, 2)] + [
        {"stage": "b", "step": k} for k in (1, 2)
    ]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"stage": "b", "st')
    metrics = Metrics(file, "b", 1)
    metrics.write({"step": 2, "loss": 0.5})
    found = [json.loads(line) for line in file.read_text().splitlines()]
    assert found == [*lines[:3], {"stage": "b", "step": 2, "loss": 0.5}]


class FullDisk(io.StringIO):
    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_metrics_on_a_full_disk(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl", "a", 0)
    metrics.file.close()
    metrics.file = FullDisk()  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"Could not write .*metrics\.jsonl .*No space left"):
        metrics.write({"step": 1})


def test_a_checkpoint_that_unpacks_to_gigabytes_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.reading.LARGE", 1 << 20)
    save_checkpoint(tmp_path / "whole.ckpt", {**STATE, "module": {"w": torch.zeros(1 << 20)}})
    with (
        zipfile.ZipFile(tmp_path / "whole.ckpt") as old,
        zipfile.ZipFile(tmp_path / "last.ckpt", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    assert load_checkpoint(tmp_path / "whole.ckpt")["module"]["w"].shape == (1 << 20,)
    with pytest.raises(UserError, match=r"last\.ckpt can't be read"):
        load_checkpoint(tmp_path / "last.ckpt")


def test_a_deep_line_in_the_metrics_is_another_half_line(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("[" * 100_000)
    Metrics(tmp_path / "metrics.jsonl", "a", 1).file.close()
    assert (tmp_path / "metrics.jsonl").read_text() == ""
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match=r"Can't read .*folder"):
        Metrics(tmp_path / "folder", "a", 1)
