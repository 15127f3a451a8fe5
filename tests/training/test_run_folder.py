"""Files of a run appear complete or not at all."""

import errno
import io
import json
from pathlib import Path

import pytest
import torch

from lookalike.errors import UserError
from lookalike.training.run_folder import Metrics, load_checkpoint, save_checkpoint


def test_checkpoints_come_back_exactly(tmp_path: Path) -> None:
    state = {"step": 3, "module": {"w": torch.randn(3, dtype=torch.float64)}, "seconds": 0.1}
    save_checkpoint(tmp_path / "last.ckpt", state)
    found = load_checkpoint(tmp_path / "last.ckpt")
    assert found["step"] == 3
    assert torch.equal(found["module"]["w"], state["module"]["w"])


def test_a_full_disk_while_saving_keeps_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "last.ckpt"
    save_checkpoint(file, {"step": 1})

    def full(state: object, part: Path) -> None:
        part.write_bytes(b"half")
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 576 vs 534")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(UserError, match="is the disk full"):
        save_checkpoint(file, {"step": 2})
    assert load_checkpoint(file) == {"step": 1}
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
