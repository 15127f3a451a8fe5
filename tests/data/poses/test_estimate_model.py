"""The pose model's file: given, named by the environment, or downloaded once."""

import hashlib
import http.server
import threading
from functools import partial

import pytest

from lookalike.data.poses.estimate import landmarker
from lookalike.data.poses.estimate.landmarker import model_file, require_mediapipe
from lookalike.errors import UserError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LOOKALIKE_POSE_MODEL", raising=False)
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def server(tmp_path):
    """The address of a folder with `full.task`; it forgets the file when asked to by its caller."""
    place = tmp_path / "public"
    place.mkdir()
    (place / "full.task").write_bytes(b"a model")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=place)) as s:
        threading.Thread(target=s.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{s.server_port}/full.task", place / "full.task"
        s.shutdown()


def test_a_url_is_downloaded_once(server):
    url, there = server
    file = model_file(url)
    assert file.read_bytes() == b"a model"
    there.unlink()
    assert model_file(url) == file
    assert [f.name for f in file.parent.iterdir()] == [file.name]  # nothing half-written beside it


def test_the_public_file_must_be_what_it_was(server, monkeypatch):
    url, there = server
    monkeypatch.setattr(landmarker, "URL", url)
    with pytest.raises(UserError, match="isn't MediaPipe's pose model: give --model FILE"):
        model_file()
    monkeypatch.setattr(landmarker, "SHA256", hashlib.sha256(there.read_bytes()).hexdigest())
    assert model_file().name == "full.task"


def test_offline_the_sentence_says_what_to_do(server):
    url = server[0].replace("full", "lite")
    with pytest.raises(UserError, match=r"Could not download .*404.*give --model FILE, or put"):
        model_file(url)
    with pytest.raises(UserError, match=r"Could not download http://127\.0\.0\.1:9/"):
        model_file("http://127.0.0.1:9/full.task")


def test_a_file_is_taken_as_it_is(tmp_path, monkeypatch):
    file = tmp_path / "my.task"
    with pytest.raises(UserError, match="There is no pose model"):
        model_file(str(file))
    file.touch()
    assert model_file(str(file)) == file
    monkeypatch.setenv("LOOKALIKE_POSE_MODEL", str(file))
    assert model_file() == file


def test_without_the_package_the_sentence_names_the_extra(monkeypatch):
    monkeypatch.setattr(landmarker, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"`pip install lookalike\[pose\]`"):
        require_mediapipe()
