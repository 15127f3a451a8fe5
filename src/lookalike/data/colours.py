"""Any picture as upright RGB of 8 bits, by its depth, its transparency and its EXIF orientation.

What can't be told from the file is refused with its reason: a picture that comes out white, black
or lying on its side would be trained on without a word.
"""

from __future__ import annotations

import os

import numpy as np
from PIL import Image, ImageColor

from lookalike.errors import UserError

ALPHA = "LOOKALIKE_ALPHA"  # the variable that says what stands behind transparent pixels
ORIENTATION = 0x0112  # the EXIF tag
# Where pillow keeps what may have the tag; it takes long to find that nothing has it
HEADERS = ("exif", "xmp", "XML:com.adobe.xmp", "Raw profile type exif")
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
BANDS = {"RGB": 3, "LA": 1}  # channels of colour, of modes that have several
CONVERT = "convert it to 8 bits a channel"


def rgb(image: Image.Image) -> Image.Image:
    """The picture in RGB of 8 bits, upright.

    Grey of 16 bits is divided by 257, floats from 0 to 1 are multiplied by 255. Transparent pixels
    stand before the colour that $LOOKALIKE_ALPHA names, white where it isn't set. Raises ValueError
    with the reason for numbers whose white nobody knows, and for transparency if the variable says
    "refuse".
    """
    turn = TURNS.get(orientation(image))
    check_depth(image)
    if image.mode == "F" or image.mode.startswith("I"):
        image = grey(image)
    elif image.has_transparency_data:
        image = opaque(image)
    if image.mode != "RGB":
        image = image.convert("RGB")
    image.load()  # here, where it isn't copied: the file is closed next
    return image if turn is None else image.transpose(turn)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8: 1, as it lies, where the file says nothing that can be read."""
    if image.format == "TIFF":  # pillow turns it itself
        return 1
    if not any(name in image.info for name in HEADERS):
        return 1
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # pillow raises whatever a broken header makes it; the pixels may be well
        return 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Height and width of the picture as `rgb` gives it."""
    sideways = 5 <= orientation(image) <= 8
    return (image.width, image.height) if sideways else (image.height, image.width)


def grey(image: Image.Image) -> Image.Image:
    """A picture of one channel of 16 or 32 bits or floats in grey of 8 bits. Raises ValueError."""
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if image.mode == "F":
        if not (low >= 0 and high <= 1):  # nor with NaN
            raise ValueError(
                f"its pixels are floats from {low:g} to {high:g}, of which only 0 to 1 have a "
                f"known white: {CONVERT}"
            )
        return Image.fromarray((values * 255 + 0.5).astype(np.uint8))
    if low < 0 or high > 65535:
        raise ValueError(f"its pixels go from {low} to {high}, but 16 bits end at 65535: {CONVERT}")
    if 0 < high < 4096:
        raise ValueError(
            f"its pixels have 16 bits, but the brightest is {high}: whether white is 4095, less or "
            f"65535 can't be told: {CONVERT}"
        )
    return Image.fromarray(((values.astype(np.int64) * 255 + 32767) // 65535).astype(np.uint8))


def check_depth(image: Image.Image) -> None:
    """Raises ValueError for a colour picture of 16 bits that has fewer, as `grey` does: of each
    channel pillow keeps the upper eight."""
    tiles, colours = getattr(image, "tile", ()), BANDS.get(image.mode[:3], 0)
    if not colours or not any(";16" in str(tile[3]) for tile in tiles):
        return
    bands = image.getextrema()[:colours]
    high = max(int(band[1]) for band in bands)  # type: ignore[index]
    if 0 < high < 16:
        raise ValueError(
            f"its channels have 16 bits, but the brightest is below {256 * (high + 1)}: whether "
            f"white is 4095, less or 65535 can't be told: {CONVERT}"
        )


def opaque(image: Image.Image) -> Image.Image:
    """A picture with transparency before the background's colour. Raises ValueError if refused."""
    image = image.convert("RGBA")
    if np.asarray(image)[..., 3].min() == 255:  # transparent nowhere
        return image
    colour = background()
    if colour == "refuse":
        raise ValueError(f"parts of it are transparent, which {ALPHA} refuses")
    return Image.alpha_composite(Image.new("RGBA", image.size, colour), image)


def background() -> str:
    """What $LOOKALIKE_ALPHA says: "refuse" or a colour. Raises UserError for anything else."""
    colour = os.environ.get(ALPHA) or "white"
    if colour != "refuse":
        try:
            ImageColor.getrgb(colour)
        except ValueError as error:
            raise UserError(
                f"{ALPHA} is '{colour}', but must be a colour, such as white or #808080, or refuse."
            ) from error
    return colour
