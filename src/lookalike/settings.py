"""Settings: dataclasses whose fields say what they allow, checked in one place."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Iterator
from functools import lru_cache
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lookalike.errors import UserError, short, unknown

LIMITS = {"least": "{} or more", "above": "above {}", "most": "at most {}", "below": "below {}"}


def setting(default: Any, **limits: Any) -> Any:
    """A field with that default and what its value, or each value of its tuple, may be.

    least, most: bounds that are allowed themselves. above, below: bounds that are not.
    multiple: of what it must be a multiple.
    """
    return dataclasses.field(default=default, metadata={"limits": limits})


def schedule(default: Any, **limits: Any) -> Any:
    """A `setting` that counts steps or epochs: `--schedule_scale` multiplies it."""
    return dataclasses.field(default=default, metadata={"limits": limits, "schedule": True})


def check(settings: Any) -> None:
    """Raises UserError for a value of a dataclass that its field's type or limits don't allow.

    A list where a tuple is asked for becomes one.
    """
    kind: Any = type(settings)
    hints = types_of(kind)
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        if isinstance(value, list):  # as YAML has it, and many a hand
            value = tuple(value)
            object.__setattr__(settings, field.name, value)
        if not allowed(value, hints[field.name]):
            choices = choices_of(hints[field.name])
            if choices and not isinstance(value, int | float):
                raise unknown(field.name, short(value), [str(choice) for choice in choices])
            words = in_words(hints[field.name])
            shown = repr(short(value)) if isinstance(value, str) else short(value)
            raise UserError(f"{field.name} is {shown}, but must be {words}.")
        limits = field.metadata.get("limits", {})
        for number in _numbers(value):
            # A whole number may be too large for a float.
            if not abs(number) <= sys.float_info.max or not _within(number, limits):
                words = limits_in_words(limits)
                raise UserError(f"{field.name} is {short(value)}, but must be {words}.")


@lru_cache(maxsize=64)  # reading annotations is slow
def types_of(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields by their names."""
    return get_type_hints(kind)


def choices_of(hint: Any) -> tuple[Any, ...]:
    """The words or numbers that a type lists, if it does."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return tuple(choice for part in get_args(hint) for choice in choices_of(part))
    return ()


def allowed(value: Any, hint: Any) -> bool:
    """Whether a value is of the type: text, bool, whole number, number, Literal, tuple, union.

    A whole number is a number too; a bool is neither. Whatever else the type is, isinstance says.
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return any(value == part and type(value) is type(part) for part in parts)
    if origin in (Union, UnionType):
        return any(allowed(value, part) for part in parts)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if parts[-1] is Ellipsis:
            return all(allowed(v, parts[0]) for v in value)
        return len(value) == len(parts) and all(map(allowed, value, parts))
    if hint in (int, float):
        numbers = (int,) if hint is int else (int, float)
        return isinstance(value, numbers) and not isinstance(value, bool)
    return hint is Any or isinstance(value, hint)


def in_words(hint: Any) -> str:
    """A type as somebody who writes no Python would say it."""
    parts = [part for part in get_args(hint) if part is not Ellipsis]
    if get_origin(hint) is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(map(str, parts))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(map(in_words, parts))
    if get_origin(hint) is tuple:
        count = "" if Ellipsis in get_args(hint) else f"{len(parts)} "
        return f"a list of {count}numbers, such as [{', '.join('12' for _ in parts)}]"
    words = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    return words.get(hint) or f"settings of {getattr(hint, '__name__', hint)}"


def limits_in_words(limits: dict[str, Any]) -> str:
    """What limits allow: "40 or more and a multiple of 4"."""
    if "least" in limits and "most" in limits:
        words = [f"from {limits['least']} to {limits['most']}"]
    else:
        words = [text.format(limits[name]) for name, text in LIMITS.items() if name in limits]
    if "multiple" in limits:
        words.append(f"a multiple of {limits['multiple']}")
    return " and ".join(words) or "a finite number"


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, tuple):
        for v in value:
            yield from _numbers(v)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


def _within(number: float, limits: dict[str, Any]) -> bool:
    return (
        number >= limits.get("least", -math.inf)
        and number <= limits.get("most", math.inf)
        and number > limits.get("above", -math.inf)
        and number < limits.get("below", math.inf)
        and ("multiple" not in limits or number % limits["multiple"] == 0)
    )
