"""From a benchmark's name and folder to a `Benchmark`."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import unquote

from lookalike.data.people import Benchmark, unescaped
from lookalike.data.poses.scale import checked_pose_size, checked_threshold
from lookalike.data.readers import READERS
from lookalike.data.text import text_encoding
from lookalike.data.validation import with_validation
from lookalike.errors import UserError, unknown

POSES, VALIDATION, SEED = "poses", "validation", "seed"  # the options of every reader
ENCODING = "encoding"  # another one
TAKEN = {"pose_size": checked_pose_size, "pose_threshold": checked_threshold}  # how poses are
TEST = "test"  # the parameter of readers that can leave the tested people unread
BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def load(name: str, path: str | Path | None = None, /, **options: Any) -> Benchmark:
    """The benchmark `name` in the folder `path`, read with the reader's `options`.

    In one text: load("name:path?option=value&option=value"); a value's %26 stands for & and %25 for
    %, a path's %3F for ? and %25 for % (where 3F or 25 follows; & and spaces are themselves there),
    and `str(benchmark)` gives such a text back. An option may be a string, as on the command
    line: the reader's annotation says what it means. Every reader takes these options: poses, a
    file or folder of poses that `lookalike.data.poses.read_poses` reads, when a method asks for
    them; pose_size and pose_threshold, how to take them (`lookalike.data.poses.with_poses`);
    encoding, what lists that don't say it are written in, such as gbk;
    validation, so many training people to be queries and gallery instead of the tested ones,
    who aren't read, drawn with seed (which is also the reader's own, where it has one).
    Raises UserError on an unknown name or option, a bad value, a missing folder, and where
    there is no image at all; a split that lacks is a matter for who uses it.
    """
    if path is None:
        name, path, text_options = _parsed(name)
        options = {**text_options, **options}
    if name not in READERS:
        raise unknown("benchmark", name, READERS)
    poses, people = options.pop(POSES, None), options.pop(VALIDATION, None)
    encoding = options.pop(ENCODING, None)
    taken = {key: check(str(options.pop(key))) for key, check in TAKEN.items() if key in options}
    reader = READERS[name]
    validation: dict[str, int] = {}
    if people is not None:
        validation[VALIDATION] = _value(name, VALIDATION, people, int)
        seed = _value(name, SEED, options.get(SEED, 0), int)
        if SEED in options:
            validation[SEED] = seed
        if SEED not in inspect.signature(reader).parameters:
            options.pop(SEED, None)
    options = _typed(name, reader, options)
    with text_encoding(str(encoding or "")):
        bench = _read(name, path, options, not validation)
    if encoding is not None:
        taken[ENCODING] = str(encoding)
    if validation:
        bench = with_validation(bench, validation[VALIDATION], seed)
        bench = replace(bench, options={**bench.options, **validation})
    bench = bench if poses is None else _posed(bench, poses)
    return replace(bench, options={**bench.options, **taken})


def _read(name: str, path: str | Path, options: dict[str, Any], test: bool) -> Benchmark:
    """The benchmark that the reader `name` makes of `path`, where it can without those to test."""
    reader = READERS[name]
    extra = {TEST: test} if TEST in inspect.signature(reader).parameters else {}
    if get_type_hints(reader)[_place(reader)] is str:
        return replace(reader(str(path), **options, **extra), options=options)
    root = Path(path).expanduser().absolute()
    if not root.is_dir():
        raise UserError(f"No folder '{root}': give the folder in which {name} was unpacked.")
    bench = replace(reader(root, **options, **extra), root=root, options=options)
    if not any(map(len, (bench.train, bench.query, bench.gallery))):
        others = [f"{len(paths):,} {what}" for what, paths in bench.passed_over.items()]
        found = f": there are only {', '.join(others)}" if others else ""
        raise UserError(f"There are no images of {name} at '{root}'{found}.")
    return bench


def _posed(bench: Benchmark, poses: str | Path) -> Benchmark:
    """The benchmark that knows where its poses lie."""
    place = Path(poses).expanduser().absolute()
    if not str(poses) or not place.exists():
        raise UserError(f"No poses at '{place}': option poses should be a file or a folder.")
    return replace(
        bench,
        annotations={**bench.annotations, "pose": place},
        options={**bench.options, POSES: str(place)},
    )


def parse_data(data: str) -> Benchmark:
    """The benchmark that "name:path?option=value&option=value" names: `load` of that text."""
    return load(data)


def _parsed(data: str) -> tuple[str, str, dict[str, str]]:
    """Name, path and options in "name:path?option=value&option=value"."""
    name, colon, rest = data.partition(":")
    path, _, query = rest.partition("?")
    path = unescaped(path)
    if not colon or not path:
        raise UserError(
            f"'{data}' isn't name:path, such as market1501:/data/Market-1501; "
            f"names are {', '.join(READERS)}."
        )
    options = {}
    for part in filter(None, query.split("&")):
        key, equals, value = part.partition("=")
        if not equals:
            raise UserError(f"'{part}' in '{data}' isn't option=value; a ? in a path is %3F.")
        if key in options:
            raise UserError(f"Option {key} stands twice in '{data}': leave one.")
        options[key] = unquote(value)
    return name, path, options


def _place(reader: Callable[..., Benchmark]) -> str:
    """The name of the reader's first parameter: where to read."""
    return next(iter(inspect.signature(reader).parameters))


def _typed(
    name: str, reader: Callable[..., Benchmark], options: Mapping[str, Any]
) -> dict[str, Any]:
    """The options as the values that `reader`'s annotations ask for."""
    hints = get_type_hints(reader)
    others = (_place(reader), TEST)
    names = [key for key in inspect.signature(reader).parameters if key not in others]
    for key in options:
        if key not in names:
            raise unknown(f"option of {name}", key, [*names, POSES, *TAKEN, VALIDATION, ENCODING])
    return {key: _value(name, key, value, hints[key]) for key, value in options.items()}


def _value(name: str, key: str, value: Any, kind: Any) -> Any:
    if NoneType in get_args(kind):  # an option that may be left out
        (kind,) = set(get_args(kind)) - {NoneType}
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise unknown(f"{key} of {name}", str(value), get_args(kind))
        return value
    try:
        return BOOLS[str(value).lower()] if kind is bool else kind(value)
    except (KeyError, ValueError, TypeError):
        expected = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise UserError(f"Option {key} of {name} should be {expected}, not '{value}'.") from None
