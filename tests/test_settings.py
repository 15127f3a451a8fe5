"""What a field allows: every type and limit, and the sentence for what it doesn't."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, make_dataclass
from typing import Any, Literal

import pytest

from lookalike.errors import UserError
from lookalike.methods.dgnet import DGNet
from lookalike.methods.ide import IDE
from lookalike.settings import (
    allowed,
    check,
    choices_of,
    in_words,
    limits_in_words,
    schedule,
    setting,
    types_of,
)


@dataclass(frozen=True)
class Inner:
    rate: float = setting(0.5, above=0)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Settings:
    """A field of every kind."""

    name: str = "net"
    flag: bool = True
    count: int = 3
    share: float = 0.5
    word: Literal["cat", "add"] = "cat"
    outputs: Literal[1, 2] = 2
    margin: float | Literal["soft", "none"] = setting(0.3, least=0)
    pair: tuple[int, int] = setting((0, 0), least=0)
    many: tuple[float, ...] = schedule((1.0,), above=0)
    inner: Inner = field(default_factory=Inner)
    anything: Any = None

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    "values",
    [
        {"name": ""},
        {"flag": False},
        {"count": -1},
        {"share": 2},  # a whole number is a number too
        {"share": -7.5},
        {"word": "add"},
        {"outputs": 1},
        {"margin": "soft"},
        {"margin": 0},
        {"pair": (4, 0)},
        {"many": ()},
        {"many": (1, 2.5, 3e9)},
        {"inner": Inner(0.1)},
        {"anything": object()},
    ],
)
def test_what_is_allowed(values: dict[str, Any]) -> None:
    settings = Settings(**values)
    for name, value in values.items():
        assert getattr(settings, name) is value


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": 3}, "name is 3, but must be a text."),
        ({"name": None}, "name is None, but must be a text."),
        ({"flag": 1}, "flag is 1, but must be true or false."),
        ({"flag": "yes"}, "flag is 'yes', but must be true or false."),
        ({"count": 3.0}, "count is 3.0, but must be a whole number."),
        ({"count": True}, "count is True, but must be a whole number."),  # a bool is no number
        ({"count": "3"}, "count is '3', but must be a whole number."),
        ({"share": False}, "share is False, but must be a number."),
        ({"share": "half"}, "share is 'half', but must be a number."),
        ({"share": None}, "share is None, but must be a number."),
        ({"share": math.nan}, "share is nan, but must be a finite number."),
        ({"share": -math.inf}, "share is -inf, but must be a finite number."),
        ({"word": "cta"}, "Unknown word 'cta'; did you mean 'cat'? Known: add, cat."),
        ({"word": None}, "Unknown word 'None'. Known: add, cat."),
        ({"word": 3}, "word is 3, but must be one of cat, add."),
        ({"outputs": 3}, "outputs is 3, but must be one of 1, 2."),
        ({"outputs": 2.0}, "outputs is 2.0, but must be one of 1, 2."),
        ({"outputs": True}, "outputs is True, but must be one of 1, 2."),
        ({"margin": "sfot"}, "Unknown margin 'sfot'; did you mean 'soft'? Known: none, soft."),
        ({"margin": True}, "margin is True, but must be a number or one of soft, none."),
        ({"margin": -0.1}, "margin is -0.1, but must be 0 or more."),
        ({"margin": math.nan}, "margin is nan, but must be 0 or more."),
        ({"pair": (1, 2, 3)}, "pair is (1, 2, 3), but must be a list of 2 numbers, such as "
                              "[12, 12]."),
        ({"pair": [1, 2.5]}, "pair is (1, 2.5), but must be a list of 2 numbers, such as "
                             "[12, 12]."),
        ({"pair": (1, 2.5)}, "pair is (1, 2.5), but must be a list of 2 numbers, such as "
                             "[12, 12]."),
        ({"pair": 1}, "pair is 1, but must be a list of 2 numbers, such as [12, 12]."),
        ({"pair": (1, -2)}, "pair is (1, -2), but must be 0 or more."),
        ({"many": (1.0, "2")}, "many is (1.0, '2'), but must be a list of numbers, such as [12]."),
        ({"many": (1.0, 0.0)}, "many is (1.0, 0.0), but must be above 0."),
        ({"many": (math.inf,)}, "many is (inf,), but must be above 0."),
    ],
)  # fmt: skip
def test_what_is_not(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        Settings(**values)
    assert str(error.value) == sentence


def test_a_list_becomes_a_tuple() -> None:
    settings = Settings(pair=[1, 2], many=[0.5])  # type: ignore[arg-type]
    assert (settings.pair, settings.many) == ((1, 2), (0.5,))
    assert IDE.preset("paper", milestones=[20.0]).milestones == (20.0,)
    with pytest.raises(UserError, match=r"^many is \(0\.0,\), but must be above 0\.$"):
        Settings(many=[0.0])  # type: ignore[arg-type]


def test_nested_settings_are_checked_where_they_are_made() -> None:
    with pytest.raises(UserError, match=r"^rate is 0, but must be above 0\.$"):
        Inner(0)
    with pytest.raises(UserError, match=r"^inner is 3, but must be settings of Inner\.$"):
        Settings(inner=3)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^teacher is DGNet\(.*, but must be settings of IDE\.$"):
        DGNet(teacher=DGNet())  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"^lr_head is 0\.0, but must be above 0\.$"):
        DGNet(teacher=IDE(lr_head=0.0))


LIMITS: list[tuple[dict[str, Any], tuple[float, ...], tuple[float, ...], str]] = [
    ({"least": 40}, (40, 41, 1e9), (39, -40), "40 or more"),
    ({"most": 4}, (4, -9), (5, 4.5), "at most 4"),
    ({"least": 0, "most": 1}, (0, 0.5, 1), (-0.1, 1.1, 2.0), "from 0 to 1"),
    ({"above": 0}, (1e-30, 5), (0, -1), "above 0"),
    ({"below": 1}, (0.999, -3), (1, 1.5), "below 1"),
    ({"least": 0, "below": 1}, (0, 0.5), (-0.1, 1), "0 or more and below 1"),
    ({"above": 0, "most": 1}, (0.1, 1), (0, 1.1), "above 0 and at most 1"),
    ({"multiple": 4}, (0, 4, -8), (1, 62), "a multiple of 4"),
    ({"least": 40, "multiple": 4}, (40, 64), (20, 62), "40 or more and a multiple of 4"),
    ({}, (0, -3, 1e300), (), "a finite number"),
]  # fmt: skip


@pytest.mark.parametrize("make", [setting, schedule])
@pytest.mark.parametrize(("limits", "within", "beyond", "words"), LIMITS)
def test_limits(
    make: Callable[..., Any],
    limits: dict[str, Any],
    within: tuple[float, ...],
    beyond: tuple[float, ...],
    words: str,
) -> None:
    one = make_dataclass("One", [("x", float, make(4, **limits))])
    row = make_dataclass("Row", [("x", tuple[float, ...], make((), **limits))])
    for number in within:
        check(one(number))
        check(row((within[0], number)))
    for number in (*beyond, math.nan, math.inf):
        with pytest.raises(UserError) as error:
            check(one(number))
        assert str(error.value) == f"x is {number}, but must be {words}."
        with pytest.raises(UserError, match=r"^x is \(.*\), but must be "):
            check(row((within[0], number)))
    assert limits_in_words(limits) == words
    assert one.__dataclass_fields__["x"].metadata.get("schedule", False) == (make is schedule)


def test_types_in_words_and_their_choices() -> None:
    words = {name: in_words(hint) for name, hint in types_of(Settings).items()}
    assert words["word"] == "one of cat, add"
    assert words["margin"] == "a number or one of soft, none"
    assert in_words(Literal["only"]) == "only"
    assert choices_of(Literal["a", 2]) == ("a", 2)
    assert choices_of(float | Literal["soft"]) == ("soft",)
    assert choices_of(int) == choices_of(tuple[int, int]) == ()


def test_a_bool_is_no_number_and_a_number_no_bool() -> None:
    assert allowed(1, int)
    assert allowed(1, float)
    assert not allowed(True, int)
    assert not allowed(True, float)
    assert not allowed(1, bool)
    assert not allowed(True, Literal[1, 2])
    assert not allowed(1.0, Literal[1, 2])
    assert not allowed((True, 1), tuple[int, ...])
