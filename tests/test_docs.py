"""What the documentation says is so: commands, names, and what stands where in the house."""

import ast
import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

from lookalike.cli import MODULES, VERBS, main
from lookalike.data import READERS
from lookalike.methods import METHODS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lookalike"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
WIDTH = 100  # characters of a line of prose

# Who may import whom, as CONTRIBUTING says; `demo` and `cli` may import everybody.
FLOORS = {
    "metrics": "",
    "losses": "",
    "nets": "",
    "world": "",
    "data": "world",
    "methods": "metrics losses nets data",
    "importing": "nets methods",
    "report": "data",
    "generation": "data methods report",
    "evaluation": "metrics nets world data methods generation",
    "training": "data methods report generation evaluation",
}


def blocks(kind):
    """The code blocks of that kind, each with its page."""
    for page in PAGES:
        for block in re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.M | re.S):
            yield page, block


def commands():
    """Every line of a shell block that calls `lookalike`, without its comment."""
    for page, block in blocks("sh"):
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_benchmarks_have_their_flags(page):
    for script, rest in re.findall(r"(benchmarks/\w+\.py)([^`\n]*)", page.read_text()):
        code = (ROOT / script).read_text()
        for flag in re.findall(r"--[\w-]+", rest):
            assert f'"{flag}"' in code, f"{script} has no {flag}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_documented_names_exist(page):
    """Those of a Python block's imports, and whatever is named from `lookalike.` on."""
    for name in re.findall(r"(?:`|auto\w+:: )(lookalike(?:\.\w+)+)", page.read_text()):
        thing = import_module("lookalike")
        for part in name.split(".")[1:]:
            if not hasattr(thing, part):
                import_module(f"{thing.__name__}.{part}")
            thing = getattr(thing, part)
    for place, block in blocks("python"):
        for line in re.findall(r"^(?:from|import) lookalike.*", block, re.M):
            if place == page:
                exec(line)


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


def test_every_part_of_an_evaluation_that_is_timed_is_documented():
    (row,) = re.findall(r"^\| `seconds` \|.*", (ROOT / "docs/evaluation.md").read_text(), re.M)
    files = [SOURCE / "evaluation" / file for file in ("scoring.py", "evaluation.py")]
    parts = {part for f in files for part in re.findall(r'clock\("(\w+)"\)', f.read_text())}
    assert {"rank", "verifier"} < parts
    assert parts == {*re.findall(r"`(\w+)`", row.removeprefix("| `seconds`"))}


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_and_the_control_are_documented(name):
    page = (ROOT / f"docs/methods/{name.rstrip('+')}.md").read_text()
    for preset in METHODS[name].presets:
        assert f"`{preset}`" in page
    for setting, value in (METHODS[name].control or {}).items():
        assert f"--{setting} {value:g}" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_prose_is_at_most_100_columns_wide(page):
    prose = re.sub(r"^```.*?^```", lambda code: "\n" * code[0].count("\n"), page.read_text(),
                   flags=re.M | re.S)  # fmt: skip
    wide = [
        f"{page.name}:{number}"
        for number, line in enumerate(prose.splitlines(), 1)
        if len(line) > WIDTH and not line.startswith("|")  # a table's rows can't be broken
    ]
    assert not wide


@pytest.mark.parametrize("package", FLOORS)
def test_no_import_goes_up(package):
    allowed = {package, *FLOORS[package].split()}
    for file in (SOURCE / package).rglob("*.py"):
        used = {*re.findall(r"^\s*(?:from|import) lookalike\.(\w+)", file.read_text(), re.M)}
        rooms = {name for name in used if (SOURCE / name).is_dir()}
        assert rooms <= allowed, f"{file.relative_to(SOURCE)} imports {rooms - allowed}"


def test_every_package_says_what_is_in_it():
    """But for the systems and the verbs, which METHODS and VERBS list."""
    listed = {*METHODS, *VERBS, *MODULES.values()}
    for init in SOURCE.glob("*/**/__init__.py"):
        about = ast.get_docstring(ast.parse(init.read_text())) or ""
        modules = {file.stem for file in init.parent.glob("*.py")}
        modules |= {inner.parent.name for inner in init.parent.glob("*/__init__.py")}
        for name in modules - listed - {"__init__"}:
            assert f"`{name}`" in about, f"{init.relative_to(SOURCE)} doesn't mention {name}"
