"""Methods and their settings, as the catalogue says them: read from the code itself."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from itertools import pairwise
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from lookalike.methods import Method
from lookalike.settings import in_words, limits_in_words, types_of


def method_values(kind: type[Method]) -> dict[str, Any]:
    """What the catalogue says of a method."""
    plain = kind()
    values: dict[str, Any] = {"name": kind.name, "title": kind.title, "about": first_sentence(kind)}
    values["presets"] = {name: differences(plain, kind.preset(name)) for name in kind.presets}
    values["settings"] = setting_values(kind)
    model = kind.model_type()
    values["generates"], values["embeds"] = list(model.verbs), bool(model.features_of)
    values["needs"], values["labels"] = list(kind.needs), kind.labels
    values["ablations"], values["control"] = kind.ablations, kind.control
    return values


def setting_values(kind: Any) -> list[dict[str, Any]]:
    """What the catalogue says of the fields of a settings dataclass, in their order."""
    hints, docs, plain = types_of(kind), docstrings(kind), kind()
    settings = []
    for field in dataclasses.fields(kind):
        hint, default = hints[field.name], getattr(plain, field.name)
        setting: dict[str, Any] = {"name": field.name, "help": docs[field.name]}
        if isinstance(default, Method):
            setting |= {
                "words": "settings",
                "metavar": "VALUE",
                "method": type(default).name,
                "default": differences(type(default)(), default),
            }
        else:
            setting |= {"words": in_words(hint), "metavar": metavar(hint), "default": default}
        if get_origin(hint) is Literal:
            setting["choices"] = list(get_args(hint))
        if field.metadata.get("limits"):
            setting["limits"] = limits_in_words(field.metadata["limits"])
        settings.append(setting)
    return settings


def differences(old: Any, new: Any) -> dict[str, Any]:
    """The settings of `new` that aren't those of `old`; nested ones against their own defaults."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(new):
        was, value = getattr(old, field.name), getattr(new, field.name)
        if was != value:
            nested = isinstance(value, Method)
            changes[field.name] = differences(type(value)(), value) if nested else value
    return changes


def docstrings(kind: type[Any]) -> Mapping[str, str]:
    """The text below each field, in one line; a field without one has that of its base class."""
    docs: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if not dataclasses.is_dataclass(base):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for line, below in pairwise(tree.body):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(below, ast.Expr)
                and isinstance(below.value, ast.Constant)
            ):
                docs[line.target.id] = " ".join(str(below.value.value).split())
    return docs


def first_sentence(kind: type[Any]) -> str:
    """The docstring's first sentence."""
    text = " ".join((kind.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + "."


def metavar(hint: Any) -> str:
    """A type as a flag's value in a usage."""
    parts = [a for a in get_args(hint) if a is not Ellipsis]
    if get_origin(hint) is Literal:
        return f"{{{','.join(map(str, parts))}}}"
    if get_origin(hint) in (Union, UnionType):
        return "|".join(metavar(part).strip("{}").replace(",", "|") for part in parts)
    if get_origin(hint) is tuple:
        dots = ["…"] if Ellipsis in get_args(hint) else []
        return f"[{','.join([*map(metavar, parts), *dots])}]"
    return {int: "N", float: "X", bool: "{true,false}"}.get(hint, "TEXT")
