"""Crops of random areas, cut from the images at their own sizes."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike import UserError, parallel
from lookalike.data import People
from lookalike.data.area_crops import AreaCrops
from lookalike.data.batches import Steps
from lookalike.data.image_table import ImageTable
from lookalike.data.images import Resampling

AREA = (0.64, 1.0)
SIZES = [(128, 64), (128, 64), (90, 41), (40, 90), (300, 110)]  # one is too wide for any box


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Images whose red and green say where in the image a pixel is, and whose blue which it is."""
    files = []
    for k, (height, width) in enumerate(SIZES):
        y, x = np.mgrid[:height, :width]
        pixels = np.stack((y * 255 // height, x * 255 // width, np.full_like(y, 40 * k)), 2)
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{k}.png")
        files.append(str(tmp_path / f"{k}.png"))
    return files


@pytest.mark.parametrize("resampling", ["bilinear", "bicubic"])
@pytest.mark.parametrize("cache", ["auto", "none"])
def test_boxes_are_cut_from_the_file_and_resized_once(
    paths: list[str], cache: str, resampling: Resampling, monkeypatch: pytest.MonkeyPatch
) -> None:
    boxes: list[tuple[int, list[int], np.ndarray]] = []
    cut = AreaCrops._cut

    def watched(self: AreaCrops, image: int, box: list[int]) -> np.ndarray:
        boxes.append((image, box, cut(self, image, box)))  # type: ignore[arg-type]
        return boxes[-1][2]

    monkeypatch.setattr(AreaCrops, "_cut", watched)
    crops = AreaCrops(paths, 64, 32, AREA, 7, resampling, cache)  # type: ignore[arg-type]
    batch = crops(np.tile(np.arange(5), 40), "first", 3)
    assert batch.shape == (200, 3, 64, 32)
    assert batch.dtype == torch.uint8
    assert batch.is_contiguous(memory_format=torch.channels_last)
    mode = getattr(Image.Resampling, resampling.upper())
    assert {image.permute(1, 2, 0).numpy().tobytes() for image in batch} == {
        crop.tobytes() for *_, crop in boxes
    }
    seen = [(image, *box) for image, box, _ in boxes]  # in any order: threads cut them
    for (image, top, left, height, width), (*_, got) in zip(seen, boxes, strict=True):
        whole = Image.open(paths[image])
        part = whole.crop((left, top, left + width, top + height)).resize((32, 64), mode)
        assert np.array_equal(got, np.asarray(part))
    blues = batch.permute(0, 2, 3, 1)[..., 2].float().mean((1, 2))
    assert blues.tolist() == [40 * k for k in range(5)] * 40  # each in its place
    shares = []
    for image, top, left, height, width in seen:
        tall, wide = SIZES[image]
        assert 0 <= top <= tall - height
        assert 0 <= left <= wide - width
        if image == 3:
            assert (top, left, height, width) == (0, 0, 40, 90)
        elif (height, width) != (tall, wide):
            assert 1.9 < height / width < 3.1  # whole pixels
            shares.append(height * width / (tall * wide))
    assert 0.62 < min(shares) < 0.7
    assert 0.85 < max(shares) < 1.02


def test_they_are_a_function_of_seed_and_parts(paths: list[str]) -> None:
    crops, index = AreaCrops(paths, 64, 32, AREA, 7), np.array([0, 1, 0, 4])
    torch.manual_seed(5)
    first = crops(index, "first", 3)
    after = torch.rand(3)
    torch.manual_seed(5)
    assert torch.equal(torch.rand(3), after)  # the global generator is left alone
    assert torch.equal(AreaCrops(paths, 64, 32, AREA, 7)(index, "first", 3), first)
    assert not torch.equal(first[0], first[2])  # each time another box
    for other in (crops(index, "first", 4), crops(index, "second", 3),
                  AreaCrops(paths, 64, 32, AREA, 8)(index, "first", 3)):  # fmt: skip
        assert not torch.equal(other, first)


def test_processes_share_the_global_batch(
    paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    crops, index = AreaCrops(paths, 64, 32, AREA, 7), np.array([0, 1, 4, 2])
    whole = crops(index, "first", 0)
    monkeypatch.setattr(parallel, "my_rows", lambda total: slice(total // 2, total))
    assert torch.equal(crops(index, "first", 0), whole[2:])


def test_steps_give_them_instead_of_whole_images(paths: list[str]) -> None:
    people = People(paths, np.array([1, 1, 2, 2, 2]), np.zeros(5))
    table, crops = ImageTable(paths, 64, 32, "none"), AreaCrops(paths, 64, 32, AREA, 7)
    plan = {"first": np.array([0, 4]), "second": np.array([0, 3])}
    item = Steps(people, table, lambda _: plan, crops)[5]
    assert item["first"].labels.tolist() == [0, 1]
    for name, rows in plan.items():
        assert torch.equal(item[name].images, crops(rows, name, 5))
        assert item[name].joints is None


def test_a_broken_image_is_named(paths: list[str]) -> None:
    Path(paths[2]).write_bytes(Path(paths[2]).read_bytes()[:60])
    with pytest.raises(UserError, match=r"2\.png.*lookalike data check"):
        AreaCrops(paths, 64, 32, AREA, 7)
    Path(paths[2]).unlink()
    with pytest.raises(UserError, match=r"2\.png"):
        AreaCrops(paths, 64, 32, AREA, 7, cache="none")
