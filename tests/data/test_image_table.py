import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike import UserError
from lookalike.data import image_table as module
from lookalike.data import images as decoding
from lookalike.data.image_table import ImageTable


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))


def write_crops(folder: Path, count: int = 7) -> list[str]:
    rng, paths = np.random.default_rng(0), []
    folder.mkdir(exist_ok=True)
    for i in range(count):
        height, width = (32, 16) if i % 2 else (48, 20)
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        path = folder / f"{i}.{'jpg' if i % 3 else 'png'}"
        Image.fromarray(pixels).save(path)
        paths.append(str(path))
    Image.open(paths[0]).convert("P").save(paths[0])  # a palette
    Image.open(paths[1]).convert("L").save(paths[1])  # grey
    return paths


def literal(path: str, height: int, width: int, how: str = "bicubic") -> np.ndarray:
    mode = Image.Resampling[how.upper()]
    return np.array(Image.open(path).convert("RGB").resize((width, height), mode))


@pytest.mark.parametrize("cache", ["auto", "memory", "disk", "none"])
def test_every_cache_gives_pillows_pixels(tmp_path: Path, cache: module.Cache) -> None:
    paths = write_crops(tmp_path / "crops")
    table = ImageTable(paths, 32, 16, cache=cache)
    assert len(table) == 7
    batch = table[np.array([5, 0, 0, 6])]
    assert batch.shape == (4, 3, 32, 16)
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)
    for row, i in zip(batch, (5, 0, 0, 6), strict=True):
        assert np.array_equal(row.permute(1, 2, 0).numpy(), literal(paths[i], 32, 16))
    bilinear = ImageTable(paths, 32, 16, cache=cache, resampling="bilinear")[[6]][0]
    expected = literal(paths[6], 32, 16, "bilinear")
    assert np.array_equal(bilinear.permute(1, 2, 0).numpy(), expected)
    batch.zero_()  # a caller may write in its batch
    assert table[[5]].any()
    assert table[[]].shape == (0, 3, 32, 16)


def test_an_image_of_the_right_size_is_untouched(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (32, 16, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    table = ImageTable([str(tmp_path / "a.png")], 32, 16)
    assert np.array_equal(table[[0]][0].permute(1, 2, 0).numpy(), pixels)


def test_the_file_is_reused_until_an_image_or_the_size_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_crops(tmp_path / "crops")
    first = ImageTable(paths, 32, 16, cache="disk")
    decoded: list[str] = []
    monkeypatch.setattr(decoding, "decode", lambda p, *size: decoded.append(p) or literal(p, *size))
    again = ImageTable(paths, 32, 16, cache="disk")
    assert not decoded
    assert torch.equal(first[range(7)], again[range(7)])
    os.utime(paths[3], ns=(1, 1))
    ImageTable(paths, 32, 16, cache="disk")
    assert sorted(decoded) == sorted(paths)
    ImageTable(paths, 16, 16, cache="disk")
    assert len(decoded) == 14
    assert len(list((tmp_path / "cache/images").iterdir())) == 3


def test_auto_goes_to_disk_when_the_pixels_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_crops(tmp_path / "crops")
    monkeypatch.setattr(module, "MEMORY_LIMIT", 7 * 32 * 16 * 3 + 1)
    ImageTable(paths, 32, 16)
    assert not (tmp_path / "cache/images").exists()
    monkeypatch.setattr(module, "MEMORY_LIMIT", 7 * 32 * 16 * 3)
    ImageTable(paths, 32, 16)
    assert len(list((tmp_path / "cache/images").iterdir())) == 1


def test_a_pickled_table_maps_its_file_again(tmp_path: Path) -> None:
    table = ImageTable(write_crops(tmp_path / "crops", 60), 32, 16, cache="disk")
    sent = pickle.dumps(table)
    assert len(sent) < 60 * 32 * 16 * 3 / 4
    assert torch.equal(pickle.loads(sent)[[3, 59]], table[[3, 59]])


@pytest.mark.parametrize("damage", ["truncated", "text", "empty", "missing", "png"])
@pytest.mark.parametrize("cache", ["memory", "disk", "none"])
def test_an_unreadable_image_is_named(tmp_path: Path, cache: module.Cache, damage: str) -> None:
    paths = write_crops(tmp_path / "crops")
    bad = Path(paths[0 if damage == "png" else 5])
    whole = bad.read_bytes()
    match damage:
        case "truncated" | "png":
            bad.write_bytes(whole[: len(whole) * 2 // 3])
        case "text":
            bad.write_text("404 not found")
        case "empty":
            bad.write_bytes(b"")
        case "missing":
            bad.unlink()
    with pytest.raises(UserError, match="lookalike data check") as caught:
        ImageTable(paths, 32, 16, cache=cache)[range(7)]
    assert str(bad) in str(caught.value)
    assert not list((tmp_path / "cache/images").glob("*"))


def test_a_full_disk_says_so_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write_crops(tmp_path / "crops")

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array_header_1_0", full)
    with pytest.raises(UserError, match=r"No space left on device.*LOOKALIKE_CACHE"):
        ImageTable(paths, 32, 16, cache="disk")
    assert not list((tmp_path / "cache/images").iterdir())


def test_a_folder_that_cannot_be_made_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match=r"file/cache/images .*make it writable"):
        ImageTable(write_crops(tmp_path / "crops"), 32, 16, cache="disk")


HALF = """
import sys, time
from lookalike.data import image_table, images
whole = images.decode
def slow(path, *size):
    if path == sys.argv[-1]:
        print("half", flush=True)
        time.sleep(60)
    return whole(path, *size)
images.decode, image_table.AHEAD = slow, 1
image_table.ImageTable(sys.argv[1:], 32, 16, cache="disk")
"""


def test_a_killed_process_leaves_nothing_half_valid(tmp_path: Path) -> None:
    paths = write_crops(tmp_path / "crops")
    process = subprocess.Popen([sys.executable, "-c", HALF, *paths], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"half\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    (part,) = (tmp_path / "cache/images").iterdir()
    assert part.suffix == ".part"
    table = ImageTable(paths, 32, 16, cache="disk")
    assert torch.equal(table[range(7)], ImageTable(paths, 32, 16, cache="memory")[range(7)])
    assert part.exists()  # it could be another process at work …
    os.utime(part, (time.time() - 7200,) * 2)
    ImageTable(paths, 16, 16, cache="disk")
    assert not part.exists()  # … but not two hours later


def test_a_long_decoding_shows_progress_on_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (path,) = write_crops(tmp_path / "crops", 2)[1:]
    ImageTable([path] * 2001, 4, 2)
    assert not capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    ImageTable([path] * 2001, 4, 2)
    captured = capsys.readouterr()
    assert "2001/2001" in captured.err
    assert not captured.out
    ImageTable([path] * 2000, 4, 2)
    ImageTable([path] * 2001, 4, 2, progress=False)
    assert not capsys.readouterr().err
