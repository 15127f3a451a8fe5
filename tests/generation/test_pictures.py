import numpy as np
import pytest
from PIL import Image

from lookalike.errors import UserError
from lookalike.generation.pictures import evenly, save_picture


def test_evenly_takes_first_and_last_and_never_one_twice():
    assert evenly("abcdefg", 3) == ["a", "d", "g"]
    assert evenly("abc", 7) == ["a", "b", "c"]
    assert evenly("abc", 1) == ["a"]


def test_a_picture_is_saved_whole_or_not_at_all(tmp_path, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
    path = save_picture(images[0], tmp_path / "new" / "a.png")
    assert np.array_equal(np.asarray(Image.open(path)), images[0])
    assert Image.open(save_picture(images[0], tmp_path / "a.JPG")).format == "JPEG"

    def half(self, file, *_, **__):
        file.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", half)
    with pytest.raises(UserError, match="No space left"):
        save_picture(images[1], path)
    assert np.array_equal(np.asarray(Image.open(path)), images[0])
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]
    with pytest.raises(UserError, match="ends in"):
        save_picture(images[0], tmp_path / "a.gif")
