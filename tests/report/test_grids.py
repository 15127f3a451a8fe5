import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.report import grid, save_gif, save_png, swap_grid, to_picture


def plain(value: int, height: int = 8, width: int = 4) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_importing_the_report_loads_neither_torch_nor_matplotlib():
    code = (
        "import sys, lookalike.report; "
        "print([m for m in ('torch', 'matplotlib') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_to_picture_rounds_clips_and_turns_the_axes():
    x = torch.tensor([[[0.0, 0.5]], [[1.0, 1.5]], [[-1.0, 0.2]]])  # 3×1×2
    assert to_picture(x).tolist() == [[[0, 255, 0], [128, 255, 51]]]
    assert to_picture(x.bfloat16().requires_grad_())[0, 0].tolist() == [0, 255, 0]
    assert to_picture(np.full((1, 2, 2), 0.2)).tolist() == [[[51] * 3] * 2] * 2
    assert to_picture(Image.new("L", (3, 2), 7)).shape == (2, 3, 3)


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.uint8), np.zeros((2, 8, 4)), np.zeros((8, 4, 3))]
)
def test_to_picture_refuses_what_is_no_picture(bad):
    with pytest.raises(ValueError, match="A picture is"):
        to_picture(bad)


def test_grid_puts_every_pixel_where_it_belongs():
    rows = [[plain(10), plain(20, 6, 2)], [None, plain(30), plain(40)]]
    image = np.asarray(grid(rows, gap=3))
    want = np.full((3 + 8 + 3 + 8 + 3, 3 + 4 + 3 + 4 + 3 + 4 + 3, 3), 255, np.uint8)
    want[3:11, 3:7] = 10
    want[4:10, 11:13] = 20  # a smaller picture stands in the middle of its cell
    want[14:22, 10:14] = 30
    want[14:22, 17:21] = 40
    assert np.array_equal(image, want)


def test_grid_takes_batches_as_rows_and_makes_room_for_labels():
    batch = torch.rand(3, 3, 8, 4)
    bare = grid([batch, batch])
    labelled = grid([batch, batch], row_labels=["real", "made"], column_labels=["a", "b", "c"])
    assert labelled.height == bare.height + 16
    assert labelled.width > bare.width + 20
    inner = np.asarray(labelled)[-bare.height :, -bare.width :]
    assert np.array_equal(inner[4:-4, 4:-4], np.asarray(bare)[4:-4, 4:-4])
    with pytest.raises(ValueError, match="at least one picture"):
        grid([[None]])


def test_swap_grid_keeps_appearances_in_rows_and_structures_in_columns():
    looks, shapes = [plain(10, 64, 32), plain(20, 64, 32)], [plain(v, 64, 32) for v in (1, 2, 3)]
    cells = [[plain(100 + 10 * i + j, 64, 32) for j in range(3)] for i in range(2)]
    image = np.asarray(swap_grid(looks, shapes, cells, gap=4))
    lefts = [4 + 32 + 4 + 8 + 4 + 36 * j for j in range(3)]
    tops = [4 + 64 + 4 + 8 + 4 + 68 * i for i in range(2)]
    for j, left in enumerate(lefts):
        assert (image[4:68, left : left + 32] == j + 1).all()
        for i, top in enumerate(tops):
            assert (image[top : top + 64, left : left + 32] == 100 + 10 * i + j).all()
    for i, top in enumerate(tops):
        assert (image[top : top + 64, 4:36] == 10 * (i + 1)).all()
    corner = image[4:68, 4:36]
    assert (corner < 128).any(), "the corner says which is which"
    with pytest.raises(ValueError, match="2 appearances and 3 structures"):
        swap_grid(looks, shapes, cells[:1])


def test_files_come_back_as_written(tmp_path):
    frames = [plain(v) for v in (0, 100, 200)]
    image = grid([frames])
    path = save_png(image, tmp_path / "new" / "row.png")
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(image))
    with Image.open(save_gif(frames, tmp_path / "a.gif", fps=5, boomerang=True)) as gif:
        assert gif.n_frames == 4
        assert gif.info["duration"] == 200
        assert gif.info["loop"] == 0
    with pytest.raises(ValueError, match="at least one frame"):
        save_gif([], tmp_path / "b.gif")
