"""Tests that leave something behind fail, and no others."""

import re
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

LEAKS = """
import subprocess, tempfile, threading

def test_thread():
    threading.Thread(target=threading.left.go.wait).start()

def test_process():
    threading.left.children.append(subprocess.Popen(["cat"], stdin=subprocess.PIPE))

def test_not_waited_for():
    threading.left.children.append(subprocess.Popen(["true"]))

def test_temporary_file():
    tempfile.mkstemp()

def test_half_a_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "model.safetensors.12.part").touch()
"""
CLEAN = """
import subprocess, tempfile, threading, time
import pytest

@pytest.fixture(scope="module")
def kept():
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as process:
        yield process

def test_a_fixture_of_the_module_may_stay(kept):
    assert kept.poll() is None

def test_a_thread_that_is_ending():
    threading.Thread(target=time.sleep, args=(0.1,)).start()

def test_files_in_the_tests_own_folder(tmp_path):
    (tmp_path / "whole").touch()

def test_removed_again():
    with tempfile.TemporaryDirectory():
        subprocess.run(["true"])
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setattr("helpers.leaks.PATIENCE", 0.3)
    pytester.makeconftest("from helpers.leaks import nothing_left, system_temp")
    return pytester


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """What the inner tests leave behind, so that these tests don't."""
    left = SimpleNamespace(go=threading.Event(), children=[])
    monkeypatch.setattr(threading, "left", left, raising=False)
    yield left
    left.go.set()
    for child in left.children:
        child.kill()
        child.communicate()


def test_whatever_is_left_is_named(inner: pytest.Pytester, shared: SimpleNamespace) -> None:
    inner.makepyfile(test_it=LEAKS)
    result = inner.runpytest_inprocess()
    result.assert_outcomes(passed=5, errors=5)
    said = result.stdout.str()
    for name, left in [
        ("thread", "thread <Thread("),
        ("process", "process "),
        ("not_waited_for", "process "),
        ("temporary_file", "file "),
        ("half_a_file", "file "),
    ]:
        heading = rf"_+ ERROR at teardown of test_{name} _+"
        assert re.search(rf"{heading}\nThe test left behind: {re.escape(left)}", said), name
    assert re.search(r"process \d+ cat", said)
    assert re.search(r"file .*model\.safetensors\.12\.part", said)


def test_what_is_tidy_passes(inner: pytest.Pytester) -> None:
    inner.makepyfile(test_clean=CLEAN)
    inner.runpytest_inprocess().assert_outcomes(passed=4)
