"""What a sentence quotes, and that every terminal shows it as one line."""

import pytest

from lookalike.errors import QUOTED, UserError, printable, short, unknown


def test_a_sentence_is_one_line_of_what_can_be_printed() -> None:
    error = UserError("No 'a\n\x1b[31m\u202eb\udcff.jpg' of Zoë, 店员.")
    assert str(error) == r"No 'a\n\x1b[31m\u202eb\udcff.jpg' of Zoë, 店员."
    assert printable("a\tb.jpg") == r"a\tb.jpg"


def test_quotes_are_short() -> None:
    assert short("a line") == "a line"
    assert short("x" * QUOTED) == "x" * QUOTED
    assert short("x" * 10**6) == "x" * QUOTED + "…"
    assert [short(v) for v in (3, 0.05, None, [1, "a"], {"a": (1, 2)})] == [
        "3", "0.05", "None", "[1, 'a']", "{'a': (1, 2)}"
    ]  # fmt: skip
    assert len(str(unknown("method", "x" * 10**6, ["ide", "pg2"]))) < 200


def test_what_holds_itself_or_doubles_is_quoted_soon() -> None:
    value: list[object] = []
    value.append(value)
    for _ in range(60):
        value = [value, value]
    assert len(short(value)) <= QUOTED + 1


@pytest.mark.parametrize("most", [1, 300])
def test_the_length_of_a_quote(most: int) -> None:
    assert len(short([["x" * 999] * 999] * 999, most)) == most + 1
