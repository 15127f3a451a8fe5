"""What is known of pairs: lists that are read, and what is told of those that aren't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lookalike.data.links import read_links
from lookalike.data.people import UNKNOWN, People
from lookalike.errors import UserError

NAMES = ["x/a.jpg", "x/b.jpg", "y/a.jpg", "y/c.jpg", "Zoë, 2.jpg"]


def people() -> People:
    paths = [f"/data/crops/{name}" for name in NAMES]
    return People(paths, np.full(5, UNKNOWN), np.arange(5))


def refusal(tmp_path: Path, text: str | bytes) -> str:
    """What is said of a file of that content, without its folder; one sentence."""
    file = tmp_path / "links.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(UserError) as error:
        read_links(file, people())
    said = str(error.value).replace(f"{tmp_path}/", "")
    assert said.endswith(".")
    assert "\n" not in said
    return said


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_pairs_of_names_and_of_ends_of_paths(tmp_path: Path, encoding: str, mark: str) -> None:
    rows = [
        ["A", " b", "Same "],
        ["x/a.jpg", "b.jpg", "1"],
        ['"Zoë, 2.jpg"', "crops/y/a.jpg", "0"],
        ["/data/crops/y/c.jpg", "y/a.jpg", " 1"],
        ["b.jpg", "x/a.jpg", "1"],  # the first one again
        ["c.jpg", "x/b.jpg", "0"],
    ]
    file = tmp_path / "links.csv"
    file.write_text("\r\n".join(mark.join(row) for row in rows) + "\r\n\r\n", encoding)
    must, cannot = read_links(file, people())
    assert must.dtype == cannot.dtype == np.int64
    assert must.tolist() == [[0, 1], [2, 3]]
    assert cannot.tolist() == [[2, 4], [1, 3]]


def test_one_answer_alone(tmp_path: Path) -> None:
    file = tmp_path / "links.csv"
    file.write_text("a,b,same\nb.jpg,c.jpg,0\n")
    must, cannot = read_links(file, people())
    assert must.shape == (0, 2)
    assert cannot.tolist() == [[1, 3]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "The first line of links.csv must be a,b,same."),
        ("b.jpg,c.jpg,1\n", "The first line of links.csv must be a,b,same."),
        ("a,b,same,who\nb.jpg,c.jpg,1,me\n", "The first line of links.csv must be a,b,same."),
        ("a,b,same\n", "links.csv holds no pair."),
        (
            "a,b,same\nb.jpg,c.jpg,1,me\n",
            "links.csv, line 2: a pair is two files and 1 or 0, three cells, not 4.",
        ),
        (
            "a,b,same\n\nb.jpg,c.jpg\n",
            "links.csv, line 3: a pair is two files and 1 or 0, three cells, not 2.",
        ),
        (
            "a,b,same\nb.jpg,c.jpg,1\nb.jpg,x/a.jpg,yes\n",
            "links.csv, line 3: same is 1 for one person or 0 for two, not 'yes'.",
        ),
        ("a,b,same\nb.jpg,d.jpg,1\n", "links.csv, line 2: no image is called 'd.jpg'."),
        ("a,b,same\nb.jpg,,1\n", "links.csv, line 2: no image is called ''."),
        ("a,b,same\nb.jpg,a.jpg,1\n", "links.csv, line 2: 2 images are called 'a.jpg'."),
        ("a,b,same\nz/b.jpg,c.jpg,1\n", "links.csv, line 2: no image is called 'z/b.jpg'."),
        ("a,b,same\nb.jpg,x/b.jpg,1\n", "links.csv, line 2: 'b.jpg' is paired with itself."),
        (
            "a,b,same\nb.jpg,c.jpg,1\nx/a.jpg,b.jpg,0\nc.jpg,b.jpg,0\n",
            "links.csv, line 4: line 2 says the opposite of this pair.",
        ),
        (
            "a,b,same\nb.jpg,c.jpg,1\nx/a.jpg,c.jpg,0\nx/a.jpg,b.jpg,1\n",
            "links.csv, line 3: these are said to be two persons, but pairs of one person join "
            "them: leave one of these out.",
        ),
    ],
)
def test_what_is_no_list_of_links_is_told_with_its_line(
    tmp_path: Path, text: str, says: str
) -> None:
    assert refusal(tmp_path, text) == says


def test_another_encoding_is_told(tmp_path: Path) -> None:
    text = "a,b,same\nb.jpg,c.jpg,1\nb.jpg,Zoë.jpg,0\n".encode("cp1252")
    assert "isn't UTF-8 in line 3" in refusal(tmp_path, text)
    assert "CSV" in refusal(tmp_path, 'a,b,same\n"b.jpg,c.jpg,1\n' + "x" * 200_000)
    with pytest.raises(UserError, match="No such file"):
        read_links(tmp_path / "gone.csv", people())
