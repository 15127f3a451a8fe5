"""A folder is for one thing, and held by one process."""

import errno
import fcntl
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lookalike.errors import UserError
from lookalike.folders import claim, differences, held, require_free
from lookalike.reading import (
    read_settings,
)


def test_differences_name_nested_settings() -> None:
    old = {"seed": 0, "settings": {"batch": 8, "teacher": {"lr": 1}}, "gone": 1}
    new = {"seed": 0, "settings": {"batch": 16, "teacher": {"lr": 2}}, "come": 2}
    assert differences(old, new) == [
        "settings.batch: 8 → 16", "settings.teacher.lr: 1 → 2", "gone: 1 → None", "come: None → 2",
    ]  # fmt: skip


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
        "import sys; from pathlib import Path; from lookalike.folders import held\n"
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


def test_a_lock_that_was_let_go_of_meanwhile_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, calls = fcntl.flock, []

    def late(place: int, how: int) -> None:
        if not calls:  # between our open and our lock, the one before ends
            (tmp_path / ".lock").unlink()
        calls.append(place)
        flock(place, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with held(tmp_path, "run"):
        assert len(calls) == 2
        with pytest.raises(UserError, match="Another process"), held(tmp_path, "run"):
            pass
    assert not list(tmp_path.iterdir())


def test_a_folder_on_a_file_system_without_locks_is_not_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    with held(tmp_path, "run"), held(tmp_path, "run"):
        pass


def test_a_folder_that_cannot_be_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", denied)
    sentence = r"Can't write to the folder .* \(Read-only file system\); choose another --out\."
    with pytest.raises(UserError, match=sentence), held(tmp_path, "run"):
        pass


def test_a_folder_that_cannot_be_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    for check in (require_free, lambda folder: claim(folder, "note.json", {})):
        with pytest.raises(
            UserError, match=r"Can't read the folder .* \(Permission denied\); choo"
        ):
            check(tmp_path)


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


def test_differences_of_what_is_no_settings() -> None:
    assert differences([1], {"a": 1}, name="spec") == ["spec: [1] → {'a': 1}"]
    assert differences({"a": {"b": 1}}, {"a": 3}) == ["a: {'b': 1} → 3"]
    (text,) = differences({"a": "x" * 10**6}, {"a": 1})
    assert len(text) < 400
