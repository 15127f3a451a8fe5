"""Pictures of any depth, transparency and orientation come out as they are, or are refused."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from lookalike.data import images
from lookalike.data.colours import ALPHA, TURNS, background
from lookalike.data.image_table import ImageTable
from lookalike.data.images import IMAGE_SUFFIXES, decode, image_size, read_grey, read_image
from lookalike.errors import UserError

BROKEN = b"Exif\0\0II*\0\xff\xff\xff\xffnonsense"
GREY = np.random.default_rng(0).integers(0, 256, (12, 6), np.uint8)


def saved(pixels: np.ndarray, path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return decode(str(path), 12, 6)


def png16(path: Path, values: np.ndarray, colour: int) -> Path:
    """A PNG of 16 bits of several channels, which pillow doesn't write. values: H×W×C uint16."""
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, colour, 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks))  # fmt: skip
    return path


@pytest.mark.parametrize("colour", [2, 4, 6])  # RGB, LA, RGBA
def test_deep_colour_is_scaled_or_refused_as_grey_is(tmp_path: Path, colour: int) -> None:
    colours = 1 if colour == 4 else 3
    values = np.random.default_rng(1).integers(0, 256, (12, 6, colours), np.uint16)
    alpha = np.full((12, 6, int(colour > 3)), 255, np.uint16)
    whole = png16(tmp_path / "16.png", np.concatenate([values, alpha], 2) * 257, colour)
    assert np.array_equal(pixels(whole), np.broadcast_to(values, (12, 6, 3)))
    twelve = png16(tmp_path / "12.png", np.concatenate([values, alpha], 2) * 16, colour)
    with pytest.raises(UserError, match=r"channels have 16 bits, but the brightest is below 4096"):
        decode(str(twelve), 12, 6)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("16.png", GREY.astype(np.uint16) * 257),
        ("16.tif", GREY.astype(np.uint16) * 257),
        ("32.tif", GREY.astype(np.int32) * 257),
        ("float.tif", GREY.astype(np.float32) / 255),
        ("8.png", GREY),
    ],
)
def test_deep_grey_is_scaled_by_its_depth(tmp_path: Path, name: str, values: np.ndarray) -> None:
    path = saved(values, tmp_path / name)
    assert np.array_equal(pixels(path), np.stack([GREY] * 3, 2))
    assert np.array_equal(read_image(path), pixels(path))
    assert np.array_equal(read_grey(path), GREY)


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        (
            "12.png",
            (GREY / 255 * 4095).astype(np.uint16),
            r"have 16 bits, but the brightest is \d+",
        ),
        ("32.tif", GREY.astype(np.int32) * 2**20, r"go from \d+ to \d+, but 16 bits end"),
        ("less.tif", GREY.astype(np.int32) - 300, r"go from -\d+ to -\d+, but 16 bits"),
        ("255.tif", GREY.astype(np.float32), r"floats from \d+ to \d+, of which only 0 to 1"),
        ("nan.tif", np.where(GREY > 9, GREY / 255, np.nan).astype(np.float32), "floats from nan"),
    ],
)
def test_pixels_whose_white_nobody_knows_are_refused(
    tmp_path: Path, name: str, values: np.ndarray, reason: str
) -> None:
    path = saved(values, tmp_path / name)
    for read in (pixels, read_image, read_grey):
        with pytest.raises(UserError, match=rf"{name} \(its pixels .*{reason}.*convert it to 8"):
            read(path)


def test_black_of_any_depth_is_black(tmp_path: Path) -> None:
    assert pixels(saved(np.zeros((12, 6), np.uint16), tmp_path / "a.png")).max() == 0


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("orientation", [1, *TURNS, 9])
def test_photos_stand_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    tag = Image.Exif()
    tag[0x0112] = orientation
    path = tmp_path / f"a{suffix}"
    rgb = np.random.default_rng(1).integers(0, 256, (9, 14, 3), np.uint8)
    Image.fromarray(rgb).save(path, exif=tag)
    with Image.open(path) as file:
        file.load()
        want = np.asarray(ImageOps.exif_transpose(file))
    assert np.array_equal(read_image(path), want)
    assert image_size(path) == want.shape[:2]
    assert np.array_equal(decode(str(path), *want.shape[:2]), want)


def test_a_broken_exif_header_leaves_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    rgb = np.random.default_rng(1).integers(0, 256, (12, 6, 3), np.uint8)
    Image.fromarray(rgb).save(path, exif=BROKEN)
    assert np.array_equal(pixels(path), rgb)


def transparent(mode: str) -> Image.Image:
    """Left half red, or grey, right half transparent green, or another grey."""
    rgba = np.zeros((12, 6, 4), np.uint8)
    rgba[:, :3], rgba[:, 3:] = (200, 0, 0, 255), (0, 200, 0, 0)
    image = Image.fromarray(rgba)
    if mode == "P":
        image = Image.fromarray(rgba[..., :3]).convert("P", palette=Image.Palette.ADAPTIVE)
        image.info["transparency"] = image.getpixel((5, 0))
    elif mode == "RGB":
        image = image.convert("RGB")
        image.info["transparency"] = (0, 200, 0)
    return image if mode in ("P", "RGB") else image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "RGB"])
@pytest.mark.parametrize(("colour", "want"), [("", 255), ("black", 0), ("#808080", 128)])
def test_transparent_pixels_stand_before_a_colour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, colour: str, want: int
) -> None:
    monkeypatch.setenv(ALPHA, colour)
    image = transparent(mode)
    path = tmp_path / "a.png"
    image.save(path, **({"transparency": t} if (t := image.info.get("transparency")) else {}))
    shown = pixels(path)
    assert (shown[:, 3:] == want).all()
    assert np.array_equal(shown[:, :3], np.asarray(image.convert("RGB"))[:, :3])
    monkeypatch.setenv(ALPHA, "refuse")
    with pytest.raises(
        UserError, match=r"a\.png \(parts of it are transparent, which LOOKALIKE_AL"
    ):
        pixels(path)


def test_an_opaque_alpha_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = np.random.default_rng(1).integers(0, 256, (12, 6, 4), np.uint8)
    rgba[..., 3] = 255
    monkeypatch.setenv(ALPHA, "refuse")
    assert np.array_equal(pixels(saved(rgba, tmp_path / "a.png")), rgba[..., :3])


def test_the_background_is_a_colour_and_part_of_what_is_cached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "a.png"
    transparent("RGBA").save(path)
    for colour, want in (("white", 255), ("black", 0)):
        monkeypatch.setenv(ALPHA, colour)
        assert int(ImageTable([str(path)], 12, 6, "disk")[[0]][0, 0, 0, 5]) == want
    monkeypatch.setenv(ALPHA, "whit")
    with pytest.raises(UserError, match=r"LOOKALIKE_ALPHA is 'whit', but must be a colour, such"):
        background()
    with pytest.raises(UserError, match=r"^LOOKALIKE_ALPHA is 'whit'"):
        pixels(path)


def test_pillow_warns_nobody(tmp_path: Path) -> None:
    saved(GREY, tmp_path / "large.png")
    Image.fromarray(GREY).save(tmp_path / "exif.png", exif=BROKEN)
    code = (
        "import sys; from lookalike.data.images import Image, decode; "
        "Image.MAX_IMAGE_PIXELS = 71; [decode(path, 12, 6) for path in sys.argv[1:]]"
    )
    argv = [sys.executable, "-c", code, *map(str, tmp_path.iterdir())]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_pillows_limit_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(GREY, tmp_path / "a.png")
    monkeypatch.setattr(images.Image, "MAX_IMAGE_PIXELS", GREY.size // 2 - 1)
    with pytest.raises(UserError, match=r"a\.png \(Image size \(72 pixels\) exceeds limit of 70"):
        pixels(path)


@pytest.mark.parametrize("suffix", IMAGE_SUFFIXES)
def test_pillow_reads_every_suffix(tmp_path: Path, suffix: str) -> None:
    assert suffix in Image.registered_extensions()
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(np.stack([GREY] * 3, 2))
    if suffix == ".pfm":
        image = Image.fromarray(GREY.astype(np.float32) / 255)
    kinds = {".apng": "PNG", ".pbm": "PPM", ".jfif": "JPEG"}
    try:
        image.save(path, kinds.get(suffix))
    except (KeyError, OSError) as error:
        pytest.skip(f"this pillow doesn't write it: {error}")
    assert pixels(path).shape == (12, 6, 3)
