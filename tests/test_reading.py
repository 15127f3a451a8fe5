"""Files that anybody wrote are read without harm."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from lookalike.errors import UserError
from lookalike.reading import (
    DEEPEST,
    check_inflated,
    from_json,
    from_yaml,
    read_bytes,
    read_settings,
)


@pytest.mark.parametrize("name", ["note.json", "note.yaml"])
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", r" can't be read.*"),
        (b"[1]", r" can't be read"),
        (b'{"a": 1}', r" can't be read"),
        (b"{half", r" can't be read \(.*line 1.*\)"),
        (b'"a": [', r" can't be read \(.*line 1.*\)"),
        (b"\xff\xfe", r" can't be read \('utf-8' codec .*\)"),
        (None, r"' \(No such file or directory\)"),
    ],
)
def test_settings_that_cannot_be_read(
    tmp_path: Path, name: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}{why}: choose another --out\.$"):
        read_settings(tmp_path / name, "choose another --out", "b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", r"Expecting .*line 1"),
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000, "it is nested too deeply"),
        ("7" * 5000, "a number of thousands of digits"),
        (b"\xff", "can't decode"),
    ],
)
def test_json_that_cannot_be_read_has_one_kind_of_error(text: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        from_json(text)
    assert from_json(b'{"a": [1, null]}') == {"a": [1, None]}


@pytest.mark.parametrize(
    "text",
    [
        "{{{",
        "a: \0",
        "a: !!timestamp x",
        "a: !!bool x",
        "a: !!int ''",
        "a: " + "9" * 5000,
        "[" * 2000,
        "a: &a\n  x: *a",
        "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}]\n" for k in range(1, 60)),
        "!!python/object/apply:os.system ['false']",
    ],
)
def test_yaml_that_cannot_be_read_has_one_kind_of_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        from_yaml(text)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 400


def test_yaml_that_names_a_value_twice_is_read() -> None:
    assert from_yaml("a: &a [1, 2]\nb: *a") == {"a": [1, 2], "b": [1, 2]}
    nested = "[" * (DEEPEST - 2) + "]" * (DEEPEST - 2)
    assert from_yaml(nested) == json.loads(nested)


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", tmp_path, Path("/dev/zero")):
        with pytest.raises(UserError, match=r"Can't read .* \(it is no file\)"):
            read_bytes(place)
    with pytest.raises(UserError, match=r"gone' \(No such file"):
        read_bytes(tmp_path / "gone")
    with pytest.raises(UserError, match="null byte"):
        read_bytes("a\0")


def test_a_zip_of_hardly_anything_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.reading.LARGE", 1 << 20)
    for name, size in (("small.zip", 1 << 20), ("large.zip", (1 << 20) + 1)):
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zeros", bytes(size))
    check_inflated(tmp_path / "small.zip")
    with pytest.raises(ValueError, match="would unpack to gigabytes"):
        check_inflated(tmp_path / "large.zip")
