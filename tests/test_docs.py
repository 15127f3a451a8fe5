"""What the documentation tells people to type is understood by the command."""

import re
import shlex
from pathlib import Path

import pytest

from lookalike.cli import VERBS, main
from lookalike.data import READERS
from lookalike.methods import METHODS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def commands():
    """Every line of a shell block that calls `lookalike`, without its comment."""
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```", page.read_text(), re.M | re.S):
            for line in block.splitlines():
                words = shlex.split(line, comments=True)
                if words and words[0].endswith("lookalike"):
                    yield pytest.param(words[1:], id=f"{page.stem}: {' '.join(words[1:])[:60]}")


def help_of(words, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--help"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("words", list(commands()))
def test_documented_commands_are_understood(words, capsys):
    verb, rest = words[0], words[1:]
    assert verb in VERBS
    for word in rest:
        if re.fullmatch(r"[a-z0-9]+:[\w/]+.*", word):
            assert word.partition(":")[0] in READERS
    if "--help" in rest:
        return
    named = {"train": rest[:1], "generate": ["MODEL", *rest[1:2]], "world": rest[:1],
             "data": rest[:1]}.get(verb, [])  # fmt: skip
    shown = help_of([verb, *named], capsys)
    for flag, value in zip(rest, [*rest, ""][1:], strict=True):
        if flag.startswith("--"):
            assert re.search(rf"{flag}\b", shown), f"lookalike {verb} has no {flag}"
        if flag == "--preset":
            assert value in METHODS[rest[0]].presets
        if flag in ("--mode", "--protocol"):
            assert re.search(rf"\b{value}\b", shown)


def test_every_method_reader_and_protocol_is_documented():
    from lookalike.metrics import PROTOCOLS

    readme = (ROOT / "README.md").read_text()
    data, evaluation = ((ROOT / f"docs/{page}.md").read_text() for page in ("data", "evaluation"))
    for name in METHODS:
        assert f"| `{name}` |" in readme
    for name in READERS:
        assert f"| `{name}` |" in data
    for name in PROTOCOLS:
        assert f"| `{name}` |" in evaluation


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_is_documented(name):
    page = (ROOT / f"docs/methods/{name.rstrip('+')}.md").read_text()
    for preset in METHODS[name].presets:
        assert f"`{preset}`" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
