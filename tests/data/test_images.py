"""Which files are images, what is in them, and one sentence for a broken one."""

import io
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data import images
from lookalike.data.images import (
    AGAIN,
    INSIDE,
    NO_IMAGE,
    Resampling,
    decode,
    decoded,
    folder_names,
    image_files,
    image_names,
    image_size,
    images_below,
    is_image,
    list_images,
    open_image,
    read_grey,
    read_image,
)
from lookalike.errors import UserError


def write(path: Path, mode: str = "RGB", size: tuple[int, int] = (6, 12)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*size[::-1], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def test_image_files_are_found_in_folders_in_order(tmp_path):
    for name in ("b/2.jpg", "b/10.PNG", "b/.hidden.jpg", "b/.git/x.jpg", "b/notes.txt", "a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "empty").mkdir()
    found = image_files([tmp_path / "b", str(tmp_path / "a.jpg")])
    assert [p.removeprefix(f"{tmp_path}/") for p in found] == ["b/10.PNG", "b/2.jpg", "a.jpg"]
    with pytest.raises(UserError, match="no images in the folder"):
        image_files([tmp_path / "empty"])
    with pytest.raises(UserError, match=r"no image or folder .*gone\.jpg"):
        image_files([tmp_path / "gone.jpg"])


def test_hidden_files_and_folders_are_no_images(tmp_path: Path) -> None:
    names = ["b.JPG", "a b/c.webp", "a/d.png", "._b.jpg", ".git/e.png", "a/.f/g.png", "h.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert [is_image(name) for name in names] == [True] * 3 + [False] * 4
    assert {p.as_posix() for p in images_below(tmp_path)} == {"b.JPG", "a b/c.webp", "a/d.png"}
    shown = [str(tmp_path / name) for name in ("a/d.png", "a b/c.webp", "b.JPG")]
    assert image_files([tmp_path]) == shown
    assert image_names(tmp_path) == ["b.JPG"]
    assert folder_names(tmp_path) == ["a", "a b", "folder.png"]


def test_linked_folders_are_read_once_and_circles_end(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    for file in (root / "a" / "1.jpg", other / "deep" / "2.jpg", root / "notes.txt"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    (root / "b").symlink_to(other)  # read where the link is
    (root / "a" / "up").symlink_to(root)  # a circle
    (root / "0").symlink_to(root / "a")  # the same folder as `a`, which isn't a link
    (root / "c.jpg").symlink_to(root / "a" / "1.jpg")
    images, passed = list_images(root)
    assert images == ["a/1.jpg", "b/deep/2.jpg", "c.jpg"]
    assert {reason: sorted(paths) for reason, paths in passed.items()} == {
        NO_IMAGE: [str(root / "notes.txt")],
        AGAIN: [str(root / "0"), str(root / "a" / "up")],
    }
    assert image_files([root]) == [str(root / image) for image in images]
    images, passed = list_images(root, deep=False)
    assert images == ["c.jpg"]
    assert passed[INSIDE] == [str(root / name) for name in ("0", "a", "b")]


def test_modes_and_sizes(tmp_path: Path) -> None:
    for mode in ("RGB", "L", "P", "RGBA"):
        path = write(tmp_path / f"{mode}.png", mode)
        with Image.open(path) as image:
            rgb, grey = image.convert("RGB"), image.convert("L")
        assert np.array_equal(read_image(path), rgb)
        assert np.array_equal(read_grey(path), grey)
        assert image_size(path) == (12, 6)
        assert np.array_equal(decode(str(path), 12, 6), rgb)
        assert decode(str(path), 24, 8).shape == (24, 8, 3)


@pytest.mark.parametrize("content", [b"", b"404 not found", "half", None])
def test_a_broken_image_is_one_sentence(tmp_path: Path, content: bytes | str | None) -> None:
    path = write(tmp_path / "bad.png", size=(200, 200))
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:9000] if isinstance(content, str) else content)
    ways = {
        "image": [read_image, lambda p: decode(str(p), 8, 4)],
        "mask": [lambda p: read_grey(p, "mask")],
    }
    if not isinstance(content, str):  # the header of a cut file is whole
        ways["image"] += [image_size]
    for kind, readers in ways.items():
        for read in readers:
            with pytest.raises(UserError, match=rf"^Can't read the {kind} .*bad\.png \(") as error:
                read(path)
            assert "\n" not in str(error.value)

    def load() -> None:
        with open_image(path, advice="; go on") as file:
            file.load()

    with pytest.raises(UserError, match=r"\); go on\.$"):
        load()


def test_an_image_is_read_from_memory_too(tmp_path: Path) -> None:
    path = write(tmp_path / "a.png")
    with open_image(io.BytesIO(path.read_bytes())) as image:
        assert image.size == (6, 12)


def test_images_are_decoded_ahead_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [str(write(tmp_path / f"{'x' * i}.png")) for i in range(1, 12)]
    want = [decode(path, 12, 6) for path in paths]
    begun: list[str] = []
    lock = threading.Lock()

    def noted(path: str, height: int, width: int, how: Resampling) -> np.ndarray:
        with lock:
            begun.append(path)
        return decode(path, height, width, how)

    monkeypatch.setattr(images, "decode", noted)
    rows = decoded(paths, (12, 6), ahead=2)
    assert np.array_equal(next(rows), want[0])
    assert len(begun) <= 4
    for row, image in zip(rows, want[1:], strict=True):
        assert np.array_equal(row, image)
    assert sorted(begun) == sorted(paths)


def test_broken_images_stop_decoding_or_are_listed(tmp_path: Path) -> None:
    paths = [str(write(tmp_path / f"{i}.png")) for i in range(5)]
    for row in (1, 4):
        os.truncate(paths[row], 20)
    with pytest.raises(UserError, match=r"1\.png"):
        list(decoded(paths, (12, 6), 2))
    broken: list[int] = []
    assert len(list(decoded(paths, (12, 6), 2, broken))) == 3
    assert broken == [1, 4]
