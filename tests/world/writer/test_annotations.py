"""The truth of a rendered world that somebody damaged: one sentence, whatever it is."""

import io
from pathlib import Path

import numpy as np
import pytest
from hostile import whole
from hostile.damage import written

from lookalike.errors import UserError
from lookalike.world.writer.annotations import spec_of, truth_of

TRUTH = "truth/query.npz"


@pytest.fixture
def world(tmp_path: Path) -> Path:
    for name, content in whole.world().items():
        written(tmp_path, name, content)
    return tmp_path


def columns() -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(whole.world()[TRUTH])) as arrays:
        return dict(arrays)


def test_what_is_whole_is_read(world: Path) -> None:
    truth = truth_of((world / "query").iterdir())
    assert truth.masks.shape == (1, 16, 16)
    assert truth.masks.all()
    assert truth.pids.tolist() == [2]


@pytest.mark.parametrize("content", [b"", b"PK\3\4", whole.world()[TRUTH][:500], b"\x93NUMPY"])
def test_damage_is_one_sentence(world: Path, content: bytes) -> None:
    written(world, TRUTH, content)
    with pytest.raises(UserError, match=r"query\.npz' can't be read"):
        truth_of((world / "query").iterdir())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("boxes", None),
        ("boxes", np.ones((2, 4))),
        ("masks", np.ones((1, 32))),
        ("masks", np.ones((1, 31), np.uint8)),
        ("yaws", np.array(["x"])),
        ("name", np.array([1])),
        ("size", np.array([0, 16])),
        ("more", np.ones(1)),
    ],
)
def test_what_no_world_has_is_refused(world: Path, name: str, value: np.ndarray | None) -> None:
    others = {**columns(), name: value} if value is not None else columns()
    if value is None:
        del others[name]
    written(world, TRUTH, whole.npz(**others))
    with pytest.raises(UserError, match=r"query\.npz' can't be read"):
        truth_of((world / "query").iterdir())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"spec": {"domain": "plaza"}}', "another version of lookalike"),
        ('{"spec": {"domain": {"name": "x"}, "people": 1e3}}', "people is 1000.0, but must be"),
        ("[" * 100_000, r"can't be read \(it is nested too deeply\): render the world again"),
    ],
)
def test_a_world_that_nobody_rendered_is_refused(world: Path, text: str, says: str) -> None:
    (world / "world.json").write_text(text)
    with pytest.raises(UserError, match=says):
        spec_of(world)
