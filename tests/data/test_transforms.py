import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lookalike import UserError
from lookalike.data.transforms import (
    ERASINGS,
    PIXEL_NORMS,
    Augment,
    Moves,
    Normalize,
    PixelNorm,
    RandomErasing,
    denormalize,
    draw_flips,
    interleaved,
    mirrored,
)

RAW = PixelNorm((0, 0, 0), (1 / 255,) * 3)  # gives pixels 0 … 255


def crops(batch: int = 8, height: int = 24, width: int = 12, seed: int = 0) -> Tensor:
    pixels = np.random.default_rng(seed).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def test_normalize_is_the_formula_and_denormalize_its_inverse() -> None:
    images = crops()
    for name, norm in PIXEL_NORMS.items():
        out = Normalize(name)(images)
        assert out.is_contiguous(memory_format=torch.channels_last)
        for c in range(3):
            source = images[:, 2 - c if name == "caffe_bgr" else c].double() / 255
            expected = (source - norm.mean[c]) / norm.std[c]
            torch.testing.assert_close(out[:, c].double(), expected, rtol=1e-5, atol=2e-5)
        torch.testing.assert_close(Normalize(name)(images / 255), out, rtol=1e-5, atol=5e-5)
        torch.testing.assert_close(denormalize(out, name), images / 255, rtol=0, atol=1e-6)
    caffe = Normalize("caffe_bgr")(images)  # 0 … 255 minus (104, 117, 124)
    torch.testing.assert_close(caffe[:, 0], images[:, 2] - 104.0, rtol=0, atol=1e-4)
    torch.testing.assert_close(caffe[:, 2], images[:, 0] - 124.0, rtol=0, atol=1e-4)
    with pytest.raises(UserError, match="did you mean 'imagenet'"):
        Normalize("imagnet")


@pytest.mark.parametrize("name", list(PIXEL_NORMS))
def test_float64_keeps_all_its_digits(name: str) -> None:
    """Also once a model that holds the module was cast to double: its buffers were rounded."""
    norm, images = PIXEL_NORMS[name], crops().double() / 255
    source = images.flip(1) if norm.bgr else images
    mean, std = (torch.tensor(v, dtype=torch.float64).view(3, 1, 1) for v in (norm.mean, norm.std))
    for module in (Normalize(name), Normalize(name).double()):
        out = module(images)
        assert out.dtype == torch.float64
        torch.testing.assert_close(out, (source - mean) / std, rtol=1e-14, atol=1e-13)
        assert Normalize(name)(images.float()).dtype == torch.float32
        assert Normalize(name)(images.bfloat16()).dtype == torch.float32
    back = denormalize(out, name)
    assert back.dtype == torch.float64
    torch.testing.assert_close(back, images, rtol=0, atol=1e-15)
    assert denormalize(out.bfloat16(), name).dtype == torch.float32


def test_normalize_lets_gradients_through_and_adds_nothing_to_a_checkpoint() -> None:
    images = (crops() / 255).requires_grad_()
    module = Normalize("imagenet")
    module(images).sum().backward()
    assert images.grad is not None
    expected = (1 / torch.tensor(PIXEL_NORMS["imagenet"].std)).view(3, 1, 1).expand(8, 3, 24, 12)
    torch.testing.assert_close(images.grad, expected)
    assert not Augment(24, 12, erase=RandomErasing()).state_dict()


def literal_cut(images: Tensor, moves: Moves, pad: int, mode: str, size: tuple[int, int]) -> Tensor:
    """Flip, pad, crop, one image after another."""
    out = []
    for i, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        flipped = image[:, ::-1] if moves.flip[i] else image
        around = ((pad, pad), (pad, pad), (0, 0))
        padded = np.pad(flipped, around, mode="edge" if mode == "edge" else "constant")
        top, left, height, width = moves.box[i].tolist()
        assert (height, width) == size
        cut = padded[top : top + height, left : left + width]
        assert cut.shape[:2] == size
        out.append(cut)
    return torch.from_numpy(np.stack(out)).permute(0, 3, 1, 2)


@pytest.mark.parametrize("mode", ["edge", "zero"])
@pytest.mark.parametrize(
    ("pad", "size", "random_crop"),
    [(3, (24, 12), True), (0, (20, 9), True), (2, (25, 13), True), (1, (20, 9), False)],
)
@pytest.mark.parametrize("floats", [False, True])
def test_augment_is_flip_pad_crop(
    mode: str, pad: int, size: tuple[int, int], random_crop: bool, floats: bool
) -> None:
    torch.manual_seed(0)
    images = crops(64)
    augment = Augment(*size, pad=pad, pad_mode=mode, random_crop=random_crop, norm=RAW)
    moves = augment.draw(images)
    out = augment(images / 255 if floats else images, moves)
    assert out.dtype == torch.float32
    assert out.is_contiguous(memory_format=torch.channels_last)
    expected = literal_cut(images, moves, pad, mode, size)
    torch.testing.assert_close(out, expected.float(), rtol=0, atol=1e-4)


def test_a_batch_that_is_not_channels_last_gives_the_same() -> None:
    images, augment = crops(), Augment(24, 12, pad=3, erase=RandomErasing())
    torch.manual_seed(1)
    expected = augment(images)
    torch.manual_seed(1)
    assert torch.equal(augment(images.contiguous()), expected)


def test_moves_are_uniform_and_independent() -> None:
    torch.manual_seed(0)
    moves = Augment(24, 12, pad=2, flip=0.3).draw(crops(1).expand(20000, -1, -1, -1))
    assert abs(moves.flip.float().mean() - 0.3) < 0.02
    places = torch.bincount(moves.box[:, 0] * 5 + moves.box[:, 1], minlength=25)
    assert places.shape == (25,)  # 0 … 4 both ways
    assert (places - 800).abs().max() < 5 * math.sqrt(800)
    assert abs(np.corrcoef(moves.flip, moves.box[:, 0])[0, 1]) < 0.03
    centre = Augment(20, 9, pad=1, random_crop=False).draw(crops())
    assert (centre.box == torch.tensor([3, 2, 20, 9])).all()


def test_the_same_moves_for_pictures_that_belong_together() -> None:
    augment, images = Augment(24, 12, pad=4, norm=RAW), crops()
    moves = augment.draw(images)
    expected = 255 - augment(images, moves)
    torch.testing.assert_close(augment(255 - images, moves), expected, rtol=0, atol=1e-4)
    torch.manual_seed(3)
    new = augment(images)
    torch.manual_seed(3)
    assert torch.equal(augment(images, augment.draw(images)), new)


def test_an_area_crop_is_pillows_bilinear_resize() -> None:
    torch.manual_seed(0)
    images = crops(32, 48, 24)
    augment = Augment(48, 24, pad=0, area=(0.3, 1.0), norm=RAW)
    moves = augment.draw(images)
    out = augment(images, moves)
    for i, (top, left, height, width) in enumerate(moves.box.tolist()):
        picture = Image.fromarray(images[i].permute(1, 2, 0).numpy())
        if moves.flip[i]:
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture = picture.crop((left, top, left + width, top + height))
        expected = np.array(picture.resize((24, 48), Image.Resampling.BILINEAR), dtype=np.float32)
        assert (
            np.abs(out[i].permute(1, 2, 0).numpy() - expected).max() < 1.01
        )  # pillow rounds twice


def test_area_boxes_keep_their_ranges_and_fall_back_to_the_whole() -> None:
    torch.manual_seed(0)
    images = crops(1, 256, 128).expand(4000, -1, -1, -1)
    box = Augment(256, 128, pad=0, area=(0.64, 1.0)).draw(images).box.double()
    top, left, height, width = box.T
    assert (top + height).max() == 256
    assert (left + width).max() == 128
    assert box[:, :2].min() == 0
    share = height * width / (256 * 128)
    assert 0.63 < share.min() < 0.66
    assert share.max() <= 1
    ratio = height / width
    whole = (box == torch.tensor([0, 0, 256, 128])).all(1)
    assert ratio.min() > 1.97
    assert ratio.max() < 3.03
    assert whole.double().mean() < 0.02
    square = Augment(256, 256, pad=0, area=(0.9, 1.0)).draw(crops(8, 256, 256)).box
    assert (square == torch.tensor([0, 0, 256, 256])).all()  # 2 to 3 times as high can't fit


def test_a_crop_that_does_not_fit_says_so() -> None:
    with pytest.raises(UserError, match="crop of 24×16 doesn't fit in images of 24×12 padded by 1"):
        Augment(24, 16, pad=1)(crops())


def literal_erase(images: Tensor, boxes: Tensor, fills: Tensor) -> Tensor:
    out = images.clone()
    for i, (top, left, height, width) in enumerate(boxes.tolist()):
        for y in range(top, top + height):
            for x in range(left, left + width):
                for c in range(3):
                    out[i, c, y, x] = fills[i, c]
    return out


@pytest.mark.parametrize("fill", [0.0, (0.485, 0.456, 0.406), "random"])
@pytest.mark.parametrize("sampling", ["uniform", "log"])
def test_erasing_fills_the_drawn_rectangles(sampling: str, fill: object) -> None:
    torch.manual_seed(0)
    images = Normalize()(crops(16))
    before = images.clone()
    erase = RandomErasing(p=0.7, sampling=sampling, fill=fill)
    out = erase(images)
    params = erase._params
    assert torch.equal(out, literal_erase(images, params["box"], params["fill"]))
    assert torch.equal(images, before)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert 0 < (params["box"][:, 2] == 0).sum() < 16
    assert torch.equal(erase(images, params=params), out)
    if fill != "random":
        assert torch.equal(params["fill"], torch.tensor(fill).expand(16, 3))
    else:
        assert len(params["fill"].unique()) == 48


def paper_rectangles(count: int, size: tuple[int, int], settings: dict) -> np.ndarray:
    """Zhong et al., algorithm 1, image after image: top, left, height, width; zeros if not."""
    rng, (height, width) = np.random.default_rng(0), size
    out = np.zeros((count, 4))
    for i in range(count):
        if rng.uniform() > settings["p"]:
            continue
        for _ in range(settings.get("tries", 100)):
            area = rng.uniform(*settings["area"]) * height * width
            if settings.get("sampling") == "log":
                aspect = math.exp(rng.uniform(*np.log(settings["aspect"])))
            else:
                aspect = rng.uniform(*settings["aspect"])
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < height and w < width:
                out[i] = rng.integers(height - h + 1), rng.integers(width - w + 1), h, w
                break
    return out


@pytest.mark.parametrize(
    "settings",
    [
        ERASINGS["dgnet"],
        ERASINGS["hhl"],
        ERASINGS["fdgan"],
        {"p": 1.0, "area": (0.02, 0.4), "aspect": (0.3, 1 / 0.3), "sampling": "log"},
        {"p": 1.0, "area": (0.3, 0.9), "aspect": (0.3, 3.0), "tries": 2},  # often without a fit
    ],
)
def test_rectangles_are_distributed_as_in_the_paper(settings: dict) -> None:
    torch.manual_seed(0)
    count, size = 20000, (64, 32)
    ours = RandomErasing(**settings).generate_parameters((count, 3, *size))["box"].double().numpy()
    paper = paper_rectangles(count, size, settings)
    erased, expected = ours[:, 2] > 0, paper[:, 2] > 0
    assert abs(erased.mean() - expected.mean()) < 0.02
    ours, paper = ours[erased], paper[expected]
    assert (ours[:, 0] + ours[:, 2]).max() == 64  # up to the last row and column
    assert (ours[:, 1] + ours[:, 3]).max() == 32
    for column in range(4):
        for quantile in (0.02, 0.25, 0.5, 0.75, 0.98):
            got, want = (
                np.quantile(ours[:, column], quantile),
                np.quantile(paper[:, column], quantile),
            )
            assert abs(got - want) <= 1
    assert abs((ours[:, 2] * ours[:, 3]).mean() / (paper[:, 2] * paper[:, 3]).mean() - 1) < 0.02


def test_erasing_order_and_random_colours() -> None:
    images = crops(64)
    boxes = RandomErasing(p=1.0, area=(0.2, 0.2), fill=0.0)
    after = Augment(24, 12, flip=0, pad=0, erase=boxes)(images)
    assert (after == 0).all(1).any(2).any(1).all()  # 0 after normalising: the mean colour
    before = Augment(24, 12, flip=0, pad=0, erase=boxes, erase_first=True)(images)
    black = Normalize()(torch.zeros(1, 3, 1, 1))
    assert torch.isclose(before, black, atol=1e-6).all(1).any(2).any(1).all()
    colours = RandomErasing(p=1.0, fill="random")
    pictures = denormalize(Augment(24, 12, flip=0, pad=0, erase=colours, erase_first=True)(images))
    changed = (pictures - images / 255).abs().amax(1) > 1e-4
    assert changed.any(2).any(1).all()
    fill = colours._params["fill"]
    for i in range(64):
        assert torch.allclose(pictures[i][:, changed[i]], fill[i][:, None], atol=1e-5)


def test_draws_follow_torchs_seed_alone() -> None:
    images, augment = crops(), Augment(24, 12, erase=RandomErasing())
    torch.manual_seed(5)
    first = augment(images)
    second = augment(images)
    assert not torch.equal(first, second)
    np.random.seed(1)
    torch.manual_seed(5)
    assert torch.equal(augment(images), first)


def test_interleaved_rows() -> None:
    one, two = torch.arange(3.0), torch.arange(3.0) + 10
    assert interleaved(one, two).tolist() == [0, 10, 1, 11, 2, 12]
    pictures = torch.rand(2, 2, 3, 4, 5).to(torch.uint8)
    both = interleaved(pictures[0], pictures[1])
    assert both.is_contiguous(memory_format=torch.channels_last)
    assert both[3].equal(pictures[1, 1])


def test_flips_are_drawn_and_mirror_their_images_alone() -> None:
    torch.manual_seed(0)
    flip = draw_flips(4000, 0.3)
    assert flip.dtype == torch.bool
    assert float(flip.float().mean()) == pytest.approx(0.3, abs=0.02)
    assert not draw_flips(50, 0.0).any()
    assert draw_flips(50, 1.0).all()
    images = torch.rand(3, 2, 4, 5)
    turned = mirrored(images, torch.tensor([True, False, True]))
    assert turned[1].equal(images[1])
    assert turned[[0, 2]].equal(images[[0, 2]].flip(3))
