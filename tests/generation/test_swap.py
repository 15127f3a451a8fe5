import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.generation.pictures import read_images, to_input, to_pixels
from lookalike.generation.swap import Interpolation, Structures, Swap, between
from lookalike.generation.verb import Verb
from lookalike.report import grid, swap_grid


@pytest.fixture(scope="module")
def images(model, files):
    return read_images(model, files)


def literal(model, appearance, structure):
    """One picture at a time, in the model's own words."""
    picture = model.swap(to_input(model, appearance[None]), to_input(model, structure[None]))
    return to_pixels(picture)[0]


def assert_same(a, b):
    """Equal but for the last digit of a rounded pixel."""
    assert np.abs(np.asarray(a, int) - np.asarray(b, int)).max() <= 1


def test_images_are_read_in_order_at_the_models_size(images, files):
    assert images.shape == (5, 64, 48, 3)
    want = Image.open(files[3]).convert("RGB").resize((48, 64), Image.Resampling.BICUBIC)
    assert np.array_equal(images[3], np.asarray(want))


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_swap_gives_the_first_ones_appearance_to_the_seconds_structure(model, images, batch):
    pairs = np.array([[0, 1], [1, 0], [4, 2], [2, 2]])
    made = Swap().pictures(model, images, images, pairs, batch)
    assert_same(made, Verb.pictures(Swap(), model, images, images, pairs, batch))  # one by one
    for picture, (i, j) in zip(made, pairs, strict=True):
        assert_same(picture, literal(model, images[i], images[j]))
    assert np.abs(made[0].astype(int) - made[1]).max() > 20


def test_swap_runs_in_eval_mode_and_leaves_the_model_as_it_was(images, tiny_dgnet):
    model = tiny_dgnet()
    want = Swap().pictures(model, images, images, np.array([[0, 1]]), 2)
    model.train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert np.array_equal(Swap().pictures(model, images, images, np.array([[0, 1]]), 2), want)
    assert model.training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())


def test_the_table_has_a_row_an_appearance_and_a_column_a_structure(model, files, images):
    looks, shapes = images[:2], images[2:]
    cells = [[literal(model, a, s) for s in shapes] for a in looks]
    made = Swap().grid(model, looks, Structures(files[2:]), 4)
    assert_same(made, swap_grid(looks, shapes, cells))
    cells = [[literal(model, a, s) for s in looks] for a in looks]
    made = Swap().grid(model, looks, Structures(files[:2]), 4)
    assert_same(made, swap_grid(looks, looks, cells))


def test_every_image_of_a_table_is_encoded_once_for_each_part(model, files, images, monkeypatch):
    encoded = {"appearance_code": 0, "structure_code": 0}

    def counted(name):
        real = getattr(model, name)

        def count(x):
            encoded[name] += len(x)
            return real(x)

        return count

    for name in encoded:
        monkeypatch.setattr(model, name, counted(name))
    Swap().crossed(model, images, Structures(files[:3]), 4)
    assert encoded == {"appearance_code": 5, "structure_code": 3}


def test_pairs_are_swapped_both_ways(model, files, images):
    first, second = images[:2], images[2:4]
    a = [literal(model, x, y) for x, y in zip(first, second, strict=True)]
    b = [literal(model, y, x) for x, y in zip(first, second, strict=True)]
    made = np.asarray(Swap().pairs(model, first, Structures(files[2:4]), 8))
    bare = np.asarray(grid([first, second, [np.full((4, 4, 3), 255, np.uint8)], a, b]))
    assert_same(made[:, -bare.shape[1] + 4 :], bare[:, 4:])
    with pytest.raises(ValueError, match="2 images, but 3 structures"):
        Swap().pairs(model, first, Structures(files[2:]), 8)


@pytest.mark.parametrize("code", ["appearance", "structure"])
def test_interpolation_goes_from_end_to_end_in_linear_steps(model, files, images, code):
    ends, held = images[:2], images[2:]
    steps = between(files[:2], 5)
    strip, frames = Interpolation(code).sequence(model, held, steps, batch=6)
    assert len(frames) == 5
    with torch.no_grad():
        inputs = [to_input(model, end[None]) for end in ends]
        codes = [(model.appearance_code(x), model.structure_code(x)) for x in inputs]
        x = to_input(model, held)
        fixed = model.appearance_code(x), model.structure_code(x)
        for k, frame in enumerate(frames):
            f, s = (torch.lerp(a, b, k / 4) for a, b in zip(*codes, strict=True))
            many = len(held)
            made = (
                model.render(f.expand(many, -1), fixed[1])
                if code == "appearance"
                else model.render(fixed[0], s.expand(many, -1, -1, -1))
            )
            assert_same(frame, grid([to_pixels(made)]))
    pixels = np.asarray(strip)
    across, down = 48 + 4, 64 + 4
    left = pixels.shape[1] - 4 * across  # of t = 0.25
    last = pixels.shape[0] - down  # the last row
    film = np.asarray(frames[1])
    assert np.array_equal(pixels[last : last + 64, left : left + 48], film[4:-4, -across:-4])
    assert np.array_equal(pixels[20 : 20 + 64, left - across : left - 4], ends[0])
    assert np.array_equal(pixels[20 : 20 + 64, -across:-4], ends[1])
