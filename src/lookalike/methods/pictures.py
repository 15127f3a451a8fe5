"""The pictures that a stage shows of how far it is."""

from typing import NamedTuple

from torch import Tensor


class SwapGrid(NamedTuple):
    """n appearances, m structures and n×m swaps, all in [0, 1]."""

    appearances: Tensor
    structures: Tensor
    cells: Tensor


class Columns(NamedTuple):
    """A row an example, a column a kind of image: as many B×3×H×W in [0, 1] as labels."""

    labels: tuple[str, ...]
    images: tuple[Tensor, ...]
