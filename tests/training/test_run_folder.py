"""Files of a run appear complete or not at all."""

import errno
import io
import json
from pathlib import Path

import pytest
import torch

from lookalike.errors import UserError
from lookalike.files import replacing
from lookalike.training.run_folder import (
    Metrics,
    differences,
    load_checkpoint,
    save_checkpoint,
    write_json,
    write_yaml,
)


def test_replacing_keeps_what_was_there_when_the_disk_is_full(tmp_path: Path) -> None:
    file = tmp_path / "new" / "file.txt"
    with replacing(file) as part:
        part.write_text("old")
    with pytest.raises(UserError, match=r"Could not write .*file\.txt .*No space left.*is kept"):
        write_and_fail(file)
    assert file.read_text() == "old"
    assert [p.name for p in file.parent.iterdir()] == ["file.txt"]


def write_and_fail(file: Path) -> None:
    with replacing(file) as part:
        part.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_replacing_leaves_nothing_behind_when_interrupted(tmp_path: Path) -> None:
    def interrupted() -> None:
        with replacing(tmp_path / "file") as part:
            part.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x02}q\x00.", "cut"])
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


def test_differences_name_nested_settings() -> None:
    old = {"seed": 0, "settings": {"batch": 8, "teacher": {"lr": 1}}, "gone": 1}
    new = {"seed": 0, "settings": {"batch": 16, "teacher": {"lr": 2}}, "come": 2}
    assert differences(old, new) == [
        "settings.batch: 8 → 16", "settings.teacher.lr: 1 → 2", "gone: 1 → None", "come: None → 2",
    ]  # fmt: skip


def test_json_and_yaml_are_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2]})
    write_yaml(tmp_path / "a.yaml", {"b": 1, "a": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2]}
    assert (tmp_path / "a.yaml").read_text() == "b: 1\na:\n- 1\n- 2\n"
