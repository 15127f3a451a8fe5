"""A new verb gives `draw` and its conditions: everything else is there."""

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.generation.folder import write_folder
from lookalike.generation.jobs import combinations
from lookalike.generation.pictures import nobody, read_images
from lookalike.generation.verb import Conditions, Verb
from lookalike.methods.pg2 import PG2
from lookalike.report import grid

BLANK = np.full((8, 8, 3), 255, np.uint8)


class Views(Conditions):
    noun = "view"

    def values(self, model, rows):
        return np.array([float(self.names[row]) for row in rows])


class Darken(Verb):
    """Stands for `rotate`: a view has a caption and no picture."""

    def draw(self, model, images, values):
        assert not model.training
        assert not torch.is_grad_enabled()
        return images * torch.from_numpy(values).float()[:, None, None, None]


class Plain(Verb):
    """Stands for `sample`: pictures of no one who is there."""

    of_people = False

    def draw(self, model, images, values):
        return torch.ones_like(images) * torch.from_numpy(values).float()[:, None, None, None]


@pytest.fixture(scope="module")
def pg2():
    return PG2(height=64, width=32, channels=2).model(0).train()


@pytest.fixture(scope="module")
def images(pg2, files):
    return read_images(pg2, files[:2])


def views():
    return Views(["0.2", "0.4", "1"], captions=["20°", "40°", "100°"])


def darkened(image, value):
    return np.rint(image.astype(np.float32) / 255 * np.float32(value) * 255).astype(np.uint8)


def test_a_table_has_captions_where_there_are_no_pictures(pg2, images):
    rows = [[image, BLANK, *(darkened(image, v) for v in (0.2, 0.4, 1))] for image in images]
    wanted = grid(rows, column_labels=["person", "", "20°", "40°", "100°"])
    assert np.array_equal(np.asarray(Darken().grid(pg2, images, views(), 4)), np.asarray(wanted))
    assert pg2.training


def test_pairs_leave_out_a_column_without_pictures(pg2, images):
    made = [darkened(image, v) for image, v in zip(images, (0.2, 0.4), strict=True)]
    wanted = grid(zip(images, made, strict=True), column_labels=["person", "generated"])
    pairs = Darken().pairs(pg2, images, Views(["0.2", "0.4"]), 1)
    assert np.array_equal(np.asarray(pairs), np.asarray(wanted))
    with pytest.raises(ValueError, match="2 images, but 3 views"):
        Darken().pairs(pg2, images, views(), 1)


def test_a_film_of_conditions_without_pictures_shows_the_people_alone(pg2, images):
    strip, frames = Darken().sequence(pg2, images, views(), 4)
    rows = [[image, BLANK, *(darkened(image, v) for v in (0.2, 0.4, 1))] for image in images]
    wanted = grid(rows, column_labels=["", "", "20°", "40°", "100°"])
    assert np.array_equal(np.asarray(strip), np.asarray(wanted))
    frame = grid([[darkened(image, 0.4) for image in images]])
    assert len(frames) == 3
    assert np.array_equal(np.asarray(frames[1]), np.asarray(frame))


def test_a_folder_names_people_and_conditions(pg2, files, images, tmp_path):
    people, out = files[:2], tmp_path / "out"
    jobs = combinations(people, views(), ".png")
    assert write_folder(Darken(), pg2, people, views(), jobs, out, {}, batch=4) == 6
    stem = people[1].rsplit("/", 1)[1].removesuffix(".jpg")
    with Image.open(out / f"{stem}_in_0.4.png") as picture:
        assert np.array_equal(np.asarray(picture), darkened(images[1], 0.4))


def test_a_verb_of_people_never_draws_from_no_one(pg2, tmp_path):
    jobs = combinations([], views(), ".png")
    with pytest.raises(IndexError):
        write_folder(Darken(), pg2, [], views(), jobs, tmp_path / "out", {}, batch=2)


def test_new_people_stand_in_a_square_and_are_filed_by_their_conditions(pg2, tmp_path):
    seeds, cells = Views(["0.2", "0.4", "0.6"]), [np.full((64, 32, 3), v) for v in (51, 102, 153)]
    wanted = grid([[*np.uint8(cells[:2])], [np.uint8(cells[2])]])
    made = Plain().grid(pg2, nobody(pg2), seeds, 2)
    assert np.array_equal(np.asarray(made), np.asarray(wanted))
    jobs, out = combinations([], seeds, ".png"), tmp_path / "out"
    assert write_folder(Plain(), pg2, [], seeds, jobs, out, {}, batch=2) == 3
    with Image.open(out / "0.4.png") as picture:
        assert np.array_equal(np.asarray(picture), cells[1])
