"""People × conditions: what a verb of generation is, and the pictures that all verbs make.

A verb draws people with *conditions*: in clothes on another's structure, in poses, in views, as
cameras see them. It says what its conditions are (`Conditions`) and how a model draws one person
with one of them (`Verb.draw`). Tables, pairs and sequences then come from here, folders and data
sets from `folder` and `jobs`.

Images and pictures are uint8 N×H×W×3 arrays of the model's size, as files hold them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike.data.images import Pixels
from lookalike.generation.pictures import parts, to_input, to_pixels
from lookalike.methods.model import Model, evaluating
from lookalike.report import grid, headed_grid

Rows = NDArray[np.int64]


def one_to_one(n: int) -> Rows:
    """The n pairs of each with its own: n×2."""
    return np.stack([np.arange(n), np.arange(n)], 1)


@dataclass(frozen=True, eq=False)
class Conditions(ABC):
    """What people are drawn with, N of it. names: a path-like name of each, for files' names.

    captions: a text for the head of each one's column, or none at all.
    """

    names: Sequence[str]
    captions: Sequence[str] = ()
    noun: ClassVar[str]
    """What one is: "pose"."""
    images: ClassVar[bool] = False
    """Whether they are image files, as the people: named together with them, and costly to read."""

    def __len__(self) -> int:
        return len(self.names)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which of them anybody can be drawn with."""
        return np.ones(len(self), bool)

    @abstractmethod
    def values(self, model: Model, rows: Rows) -> NDArray[Any]:
        """What `Verb.draw` takes, of these rows: an array with as many."""

    def pictures(self, model: Model) -> Sequence[Pixels | None]:
        """What shows each at the head of its column; None where nothing does."""
        return [None] * len(self)

    def photographs(self, model: Model) -> Sequence[Pixels | None]:
        """A real image of each, where there is one beside its picture."""
        return [None] * len(self)

    def note(self, model: Model) -> Mapping[str, Any]:
        """What a folder should remember of them beside where they came from."""
        return {}


def require_pairs(images: Pixels, conditions: Conditions) -> None:
    """Raises ValueError unless there are as many images as conditions."""
    if len(images) != len(conditions):
        raise ValueError(f"{len(images)} images, but {len(conditions)} {conditions.noun}s")


class Verb:
    """A way of making pictures. A new one defines `draw`, or `crossed` if it makes several at once.

    of_people: whether it draws people who are there, or new ones from its conditions alone.
    """

    of_people: ClassVar[bool] = True

    def draw(self, model: Model, images: Tensor, values: NDArray[Any]) -> Tensor:
        """The pictures of B people, each with its own condition: B×3×H×W in [0, 1], as the images.

        values: what `Conditions.values` gave of B rows.
        """
        raise NotImplementedError(f"{type(self).__name__} draws no single pictures")

    def steps(self, model: Model, images: Tensor, values: NDArray[Any]) -> dict[str, Tensor]:
        """The pictures of `draw` after those on the way to them, by name."""
        return {"generated": self.draw(model, images, values)}

    @torch.no_grad()
    def pictures(
        self, model: Model, images: Pixels, values: NDArray[Any], pairs: Rows, batch: int
    ) -> Pixels:
        """The pictures of K pairs, `batch` at a time; row (i, j) of K×2: image i with value j."""
        pictures = []
        with evaluating(model):
            for part in parts(pairs, batch):
                x = to_input(model, images[part[:, 0]])
                pictures.append(to_pixels(self.draw(model, x, values[part[:, 1]])))
        return np.concatenate(pictures)

    @torch.no_grad()
    def pictures_by_step(
        self, model: Model, images: Pixels, values: NDArray[Any], batch: int
    ) -> dict[str, Pixels]:
        """The pictures of N people, person k with value k, and those on the way: name → N of them.

        The last entry is the result.
        """
        pictures: dict[str, list[Pixels]] = {}
        with evaluating(model):
            for rows in parts(np.arange(len(images)), batch):
                steps = self.steps(model, to_input(model, images[rows]), values[rows])
                for name, step in steps.items():
                    pictures.setdefault(name, []).append(to_pixels(step))
        return {name: np.concatenate(step) for name, step in pictures.items()}

    def crossed(self, model: Model, images: Pixels, conditions: Conditions, batch: int) -> Pixels:
        """Every person with every condition: n and m → n×m×H×W×3."""
        n, m = len(images), len(conditions)
        pairs = np.indices((n, m)).reshape(2, -1).T
        values = conditions.values(model, np.arange(m))
        pictures = self.pictures(model, images, values, pairs, batch)
        return pictures.reshape(n, m, *pictures.shape[1:])

    def grid(self, model: Model, images: Pixels, conditions: Conditions, batch: int) -> Image.Image:
        """The table of n people (left column) × m conditions (top row); n×m pictures.

        A condition is shown by its photograph, where there is one, or else by its picture. New
        people stand in a square.
        """
        cells = self.crossed(model, images, conditions, batch)
        if not self.of_people:
            return grid(parts(cells[0], ceil(sqrt(len(conditions)))))
        photographs, pictures = conditions.photographs(model), conditions.pictures(model)
        heads = [
            picture if photo is None else photo
            for photo, picture in zip(photographs, pictures, strict=True)
        ]
        labels = ["person", "", *(conditions.captions or [conditions.noun])]
        return headed_grid(list(images), heads, list(cells), column_labels=labels)

    def pairs(
        self, model: Model, images: Pixels, conditions: Conditions, batch: int
    ) -> Image.Image:
        """A row a pair: the person, the condition, what the model makes of them step by step, and
        the photograph, where there is one. Raises ValueError for unequal numbers of both."""
        require_pairs(images, conditions)
        values = conditions.values(model, np.arange(len(conditions)))
        columns: dict[str, Sequence[Pixels | None]] = {
            "person": list(images),
            conditions.noun: conditions.pictures(model),
        }
        for name, step in self.pictures_by_step(model, images, values, batch).items():
            columns[name] = list(step)
        columns["photograph"] = conditions.photographs(model)
        columns = {k: column for k, column in columns.items() if any(x is not None for x in column)}
        return grid(zip(*columns.values(), strict=True), column_labels=list(columns))

    def sequence(
        self, model: Model, images: Pixels, conditions: Conditions, batch: int
    ) -> tuple[Image.Image, list[Image.Image]]:
        """A strip of every person through all conditions, a row a person, and the same as frames.

        A frame shows its condition too, above the people, if all conditions have a picture.
        """
        cells = self.crossed(model, images, conditions, batch)
        heads = conditions.pictures(model)
        labels = ["", "", *conditions.captions] if conditions.captions else ()
        people = list(images) if self.of_people else [None]
        strip = headed_grid(people, heads, list(cells), column_labels=labels)
        film = cells.swapaxes(0, 1)
        if any(head is None for head in heads):
            return strip, [grid([row]) for row in film]
        return strip, [grid([[head, *row]]) for head, row in zip(heads, film, strict=True)]
