"""Files appear complete or not at all."""

import errno
import json
import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest

from lookalike.errors import UserError
from lookalike.files import remove_stale, replacing, temporary, writable, write_json, write_yaml
from lookalike.reading import read_settings


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


def test_two_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    file = tmp_path / "file"
    both = threading.Barrier(2)

    def write(text: str) -> None:
        with replacing(file) as part:
            part.write_text(text)
            both.wait()  # both have written now, and neither has ended
            assert part.read_text() == text

    threads = [threading.Thread(target=write, args=(text,)) for text in ("one", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.read_text() in ("one", "other")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_what_a_killed_process_left_goes_after_an_hour(tmp_path: Path) -> None:
    old, new = tmp_path / "stages" / "a.1f2e3d4c.part", tmp_path / "b.1f2e3d4c.part"
    old.parent.mkdir()
    for file in (old, new, tmp_path / "c"):
        file.touch()
        if file != new:
            os.utime(file, (time.time() - 7200,) * 2)
    remove_stale(tmp_path)
    assert not old.exists()
    assert new.exists()
    new.unlink()
    assert (tmp_path / "c").exists()


def test_writable_makes_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writable(str(tmp_path / "a" / "b" / "c.png")).parent.is_dir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="is not writable"):
        writable(str(tmp_path / "c.png"))


def test_json_and_yaml_are_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"b": [1, 2]})
    write_yaml(tmp_path / "a.yaml", {"b": 1, "a": [1, 2]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"b": [1, 2]}
    assert (tmp_path / "a.yaml").read_text() == "b: 1\na:\n- 1\n- 2\n"
    assert read_settings(tmp_path / "a.json") == {"b": [1, 2]}
    assert read_settings(tmp_path / "a.yaml", "go", "a", "b") == {"b": 1, "a": [1, 2]}
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.json", "a.yaml"]


def test_names_of_temporary_files_never_meet(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(4) as pool:
        names = pool.map(temporary, [tmp_path / "file"] * 1000)
    assert len(set(names)) == 1000
