"""Files appear complete or not at all; a folder is claimed once, for one thing."""

import errno
import json
import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from lookalike.errors import UserError
from lookalike.files import (
    claim,
    differences,
    held,
    read_settings,
    remove_stale,
    replacing,
    require_free,
    writable,
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
    assert read_settings(tmp_path / "a.json") == {"b": [1, 2]}
    assert read_settings(tmp_path / "a.yaml", "go", "a", "b") == {"b": 1, "a": [1, 2]}
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["a.json", "a.yaml"]


@pytest.mark.parametrize("name", ["note.json", "note.yaml"])
@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{half", b'"a": [', b"\xff\xfe", b'{"a": 1}', None]
)
def test_settings_that_cannot_be_read(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} can't be read: choose another --out\.$"):
        read_settings(tmp_path / name, "choose another --out", "b")


@pytest.mark.parametrize("note", ["note.json", "note.yaml", "inside/note.json"])
def test_a_folder_is_claimed_for_one_thing(tmp_path: Path, note: str) -> None:
    out = tmp_path / "new" / "out"
    claim(out, note, {"a": 1, "b": (2, 3)})
    assert read_settings(out / note) == {"a": 1, "b": [2, 3]}
    (out / "picture.png").touch()
    stamp = (out / note).stat().st_mtime_ns
    claim(out, note, {"a": 1, "b": (2, 3)})
    claim(out, note, {"a": 5, "b": (2, 3)}, changes=lambda old, new: differences(old, old))
    assert (out / note).stat().st_mtime_ns == stamp
    sentence = f"{out} holds pictures made of something else (a: 1 → 2); choose another --out."
    with pytest.raises(UserError) as error:
        claim(out, note, {"a": 2, "b": [2, 3]}, other="holds pictures made of something else")
    assert str(error.value) == sentence
    (out / note).write_text("{half")
    with pytest.raises(UserError, match="can't be read"):
        claim(out, note, {"a": 1})


def test_a_folder_is_gone_on_with_only_if_asked(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UserError, match=r"no run to resume in .*out; leave out --resume to start"):
        claim(out, "run.yaml", {"a": 1}, "run", resume=True)
    assert not out.exists()
    claim(out, "run.yaml", {"a": 1}, "run", resume=False)
    with pytest.raises(UserError, match=r"out already holds a run; add --resume to go on, or choo"):
        claim(out, "run.yaml", {"a": 1}, "run", resume=False)
    claim(out, "run.yaml", {"a": 1}, "run", resume=True)
    with pytest.raises(UserError, match=r"with other settings \(a: 1 → 2\); resume it with"):
        claim(out, "run.yaml", {"a": 2}, "run", resume=True)
    many, others = ({str(i): i + k for i in range(9)} for k in (0, 1))
    claim(tmp_path / "many", "run.yaml", many, "run")
    with pytest.raises(UserError, match=r"5: 5 → 6; …\); choose another"):
        claim(tmp_path / "many", "run.yaml", others, "run")


def test_a_folder_is_held_by_one(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    script = (
        "import sys; from pathlib import Path; from lookalike.files import held\n"
        "with held(Path(sys.argv[1]), 'run'): print('mine')"
    )

    def other() -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-c", script, str(folder)]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60)

    with held(folder, "run"):
        assert folder.is_dir()
        assert f"Another process is at work on the run in {folder}: wait" in other().stderr
    assert other().stdout == "mine\n"
    with held(folder, "run"):
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    assert other().stdout == "mine\n"  # though a child lives on
    child.kill()
    child.join()
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="Can't make the folder"), held(tmp_path / "file/x", "run"):
        pass
    with held(tmp_path / "nothing", "run", resume=True):
        assert not (tmp_path / "nothing").exists()


def test_other_peoples_folders_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    for place in (tmp_path, tmp_path / "thesis.tex"):
        with pytest.raises(UserError, match=r"holds other files; choose another --out\.$"):
            claim(place, "note.json", {})
        with pytest.raises(UserError, match=r"holds other files; choose another --save\.$"):
            require_free(place, "choose another --save")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    claim(tmp_path, "mine/note.json", {}, ours=("thesis.tex",))
    assert (tmp_path / "mine" / "note.json").exists()
    require_free(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    require_free(tmp_path / "empty")
