"""A model in use: what images it takes, and what it offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from lookalike.errors import UserError
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.methods.method import Method
from lookalike.methods.model import Model, evaluating
from lookalike.methods.pg2 import PG2
from lookalike.methods.siamese import Siamese

TRUNK: dict[str, Any] = {"backbone": "resnet10", "weights": "none", "stride_on": "3x3"}
SMALL: dict[str, Any] = {**TRUNK, "height": 64, "width": 32}
MODELS: dict[str, Callable[[], Method]] = {
    "ide": lambda: IDE(**SMALL),
    "siamese": lambda: Siamese(**SMALL),
    "dgnet": lambda: DGNet(**TRUNK, height=64, width=48, structure_dim=2, mlp_dim=4),
}


def pixels(height: int, width: int, count: int = 2) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model() -> Model:
    torch.manual_seed(0)
    return IDE(**SMALL).model(3).eval()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("size", [(64, 32), (80, 50), (31, 200)])
def test_tensors_arrays_and_pil_images_give_equal_features(
    name: str, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    model, arrays = MODELS[name]().model(3), pixels(*size)
    floats = torch.from_numpy(arrays).permute(0, 3, 1, 2).float() / 255
    wanted = model.embed(floats)
    assert wanted.shape[0] == 2
    assert not torch.allclose(wanted[0], wanted[1])
    pictures = [Image.fromarray(image) for image in arrays]
    assert model.embed(arrays).equal(wanted)
    assert model.embed((floats * 255).round().to(torch.uint8)).equal(wanted)
    assert model.embed(pictures).equal(wanted)
    # A batch's row is the single image's
    torch.testing.assert_close(model.embed(pictures[1]), wanted[1:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(model.embed(floats[:1]), wanted[:1], rtol=1e-4, atol=1e-5)


def test_pil_images_may_differ_in_size_and_mode(model: Model) -> None:
    sizes = [(64, 32), (80, 50), (31, 200)]
    pictures = [Image.fromarray(pixels(*size, count=1)[0]) for size in sizes]
    pictures += [pictures[0].convert("L"), pictures[0].convert("RGBA")]
    together = model.embed(pictures)
    for row, picture in zip(together, pictures, strict=True):
        torch.testing.assert_close(row[None], model.embed(picture), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(together[4], together[0])


def test_the_input_is_resized_and_normalised(model: Model) -> None:
    images = torch.rand(2, 3, 90, 50)
    resized = F.interpolate(images, (64, 32), mode="bicubic", antialias=True).clamp(0, 1)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    wanted = (resized - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    torch.testing.assert_close(model.preprocess(images), wanted, rtol=1e-5, atol=1e-5)
    assert model.double().preprocess(images).dtype == torch.float64
    assert model.embed(images).dtype == torch.float64
    assert model.float().embed(images.double()).dtype == torch.float32


@pytest.mark.parametrize(
    ("images", "sentence"),
    [
        (torch.rand(3, 64, 32), r"images must be B×3×h×w, got \(3, 64, 32\)"),
        (torch.rand(2, 64, 32, 3), r"images must be B×3×h×w, got \(2, 64, 32, 3\)"),
        (torch.rand(2, 1, 64, 32), "images must be B×3×h×w"),
        (torch.rand(2, 3, 64, 32) * 255, r"must be in \[0, 1\], but reach from 0.* to 25\d"),
        (torch.rand(2, 3, 64, 32) - 0.5, r"must be in \[0, 1\], but reach from -0.5 to 0.5"),
        (torch.full((1, 3, 64, 32), float("nan")), r"must be in \[0, 1\], but reach from nan"),
        (pixels(64, 32)[0], r"arrays must be B×h×w×3 uint8, not \(64, 32, 3\) uint8"),
        (pixels(64, 32).transpose(0, 3, 1, 2), "arrays must be B×h×w×3 uint8"),
        (pixels(64, 32) / 255, r"arrays must be B×h×w×3 uint8, not .* float64"),
    ],
)
def test_other_shapes_ranges_and_types_are_refused(
    model: Model, images: Any, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        model.embed(images)


@pytest.mark.parametrize("images", [None, "person.jpg", 3, [], ["person.jpg"], [None]])
def test_what_is_no_image_is_refused(model: Model, images: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="image"):
        model.embed(images)


def test_a_rounding_beyond_the_range_is_no_mistake(model: Model) -> None:
    images = torch.rand(1, 3, 64, 32)
    images[0, 0, 0, :2] = torch.tensor([-1e-6, 1 + 1e-6])
    assert model.embed(images).isfinite().all()


def test_embedding_leaves_the_mode_as_it_was_and_takes_no_gradient() -> None:
    model = IDE(**SMALL).model(3).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    features = model.embed(torch.rand(2, 3, 64, 32))
    assert model.training
    assert not features.requires_grad
    assert all(v.equal(before[k]) for k, v in model.state_dict().items())  # no statistics moved
    layer = nn.Dropout().eval()
    with evaluating(layer):
        assert not layer.training
    assert not layer.training


# ---- what it offers --------------------------------------------------------------------


class Net(Model):
    """Three parts: two verbs, and features of one of them."""

    verbs = {"swap": ("left", "right"), "sample": ("right",)}  # noqa: RUF012
    features_of = ("left", "trunk")

    def __init__(self) -> None:
        super().__init__(IDE(**SMALL), 3, 64, 32, "imagenet")
        self.left, self.right, self.trunk = nn.Linear(1, 1), nn.Linear(1, 1), nn.Linear(1, 1)

    def features(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


@pytest.mark.parametrize(
    ("without", "generates", "embeds"),
    [
        ((), ("swap", "sample"), True),
        (("left",), ("sample",), False),
        (("right",), (), True),
        (("trunk",), ("swap", "sample"), False),
        (("left", "right", "trunk"), (), False),
    ],
)
def test_it_offers_what_its_parts_allow(
    without: tuple[str, ...], generates: tuple[str, ...], embeds: bool
) -> None:
    model = Net()
    for part in without:
        model.leave_out(part)
        assert not hasattr(model, part)
    assert (model.generates, model.embeds) == (generates, embeds)
    for part in ("left", "right", "trunk"):
        if part in without:
            with pytest.raises(UserError) as error:
                model.require(part, "dancing")
            assert str(error.value) == (
                f"This model has no {part}, which dancing needs: import that file too."
            )
        else:
            model.require(part, "dancing")
    images = torch.rand(1, 3, 64, 32)
    if embeds:
        assert model.embed(images).shape == (1, 3)
    elif "right" not in without or len(without) == 1:
        with pytest.raises(UserError, match="which embedding needs"):
            model.embed(images)


def test_what_recognises_nobody_says_so() -> None:
    model = PG2(height=32, width=16, channels=2).model(3)
    assert not model.embeds
    assert model.generates == ("repose",)
    with pytest.raises(UserError, match=r"A model of pg2 makes pictures .* no features to compare"):
        model.embed(torch.rand(1, 3, 32, 16))


def test_dgnets_parts_are_offered_one_by_one() -> None:
    images = torch.rand(1, 3, 64, 48)
    without_generator, without_encoder = (MODELS["dgnet"]().model(3) for _ in range(2))
    without_generator.leave_out("generator")
    assert (without_generator.generates, without_generator.embeds) == ((), True)
    without_encoder.leave_out("appearance")
    assert (without_encoder.generates, without_encoder.embeds) == ((), False)
    for model in (without_generator, without_encoder):
        for verb, count in (("swap", 2), ("swap_grid", 2), ("interpolate", 3)):
            with pytest.raises(UserError, match=r"which generating needs"):
                getattr(model, verb)(*[images] * count)
    with pytest.raises(UserError, match="no appearance, which embedding needs"):
        without_encoder.embed(images)


def test_swaps_take_every_kind_of_image_and_as_many_on_both_sides() -> None:
    torch.manual_seed(0)
    model: Any = MODELS["dgnet"]().model(3)
    arrays = pixels(64, 48, 3)
    floats = torch.from_numpy(arrays).permute(0, 3, 1, 2).float() / 255
    wanted = model.swap(floats, floats.flip(0))
    pictures = [Image.fromarray(image) for image in arrays]
    assert model.swap(arrays, pictures[::-1]).equal(wanted)
    assert model.swap(appearance=floats, structure=arrays[::-1]).equal(wanted)
    with pytest.raises(ValueError, match="3 appearances, but 2 structures"):
        model.swap(arrays, arrays[:2])
