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

TIMED = "scoring.py", "step_scores.py", "evaluation.py"  # files of `evaluation` with a stopwatch


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
    files = [SOURCE / "evaluation" / file for file in TIMED]
    parts = {part for f in files for part in re.findall(r'clock\("(\w+)"\)', f.read_text())}
    assert {"rank", "verifier"} < parts
    assert parts == {*re.findall(r"`(\w+)`", row.removeprefix("| `seconds`"))}


@pytest.mark.parametrize("name", METHODS)
def test_every_preset_and_the_control_are_documented(name):
    page = (ROOT / f"docs/methods/{name.rstrip('+')}.md").read_text()
    for preset in METHODS[name].presets:
        assert f"`{preset}`" in page
    for setting, value in (METHODS[name].control or {}).items():
        assert f"--{setting} {value if isinstance(value, str) else f'{value:g}'}" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_rank_20_stands_in_every_table_beside_rank_10(page):
    for line in page.read_text().splitlines():
        if re.match(r"(\||features ).*\brank-?10\b", line):
            assert re.search(r"rank-?1\b.*rank-?5\b.*rank-?10\b.*rank-?20\b", line), line


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


def prose(page):
    """The text of a page, without its line ends."""
    return " ".join((ROOT / page).read_text().split())


def crops(root, people, cameras, shots, first=0):
    """Empty image files in folders of people."""
    for person in range(first, first + people):
        (root / f"p{person:02d}").mkdir(parents=True)
        for camera in range(1, cameras + 1):
            for shot in range(shots):
                (root / f"p{person:02d}" / f"c{camera}_{shot}.jpg").touch()


def test_the_queries_that_are_drawn_are_those_that_the_page_counts(tmp_path):
    """docs/data.md: of the command that stands there."""
    from lookalike.data import load
    from lookalike.data.info import describe

    page = prose("docs/data.md")
    (options,) = set(re.findall(r"folder:crops(\?\S*queries_per_id\S*)'", page))
    assert (
        "30 people with four crops in each of two cameras, and ten more with one in each, give 60 "
        "queries and 180 gallery crops by that command, and 20 images that are left out."
    ) in page
    crops(tmp_path, 30, cameras=2, shots=4)
    crops(tmp_path, 10, cameras=2, shots=1, first=30)
    counts = describe(load(f"folder:{tmp_path}{options}"))
    sizes = [counts["splits"][split]["images"] for split in ("train", "query", "gallery")]
    assert sizes == [0, 60, 180]
    assert list(counts["passed_over"].values()) == [20]


def test_the_worlds_of_the_demo_have_the_queries_that_the_page_counts():
    """docs/demo.md: its plaza and its night, not rendered."""
    from lookalike.world.spec import WorldSpec
    from lookalike.world.writer.layout import crops, people_tested

    page = prose("docs/demo.md")
    for options in ({"people": 100, "images": 4, "test_fraction": 0.4},
                    {"people": 30, "images": 2, "test_fraction": 1}):  # fmt: skip
        spec = WorldSpec(**options)
        tested = people_tested(spec)
        splits = [c.split for p in tested for c in crops(spec, p, True)]
        queries = splits.count("query")
        gallery = len(splits) - queries
        assert f"{queries} of {queries} queries valid, {gallery} gallery crops" in page
    assert "render 100 people at a plaza, six cameras × 4 images, and 30 at night, × 2" in page


def test_the_sentence_of_a_caveat_is_the_one_that_the_page_shows():
    import numpy as np

    from lookalike.metrics import caveat

    page = (ROOT / "docs/evaluation.md").read_text()
    (sentence,) = re.findall(r"^# '(the gallery has .*)'$", page, re.M)
    count = int(re.search(r"[\d,]+", sentence)[0].replace(",", ""))
    one = np.ones(1, int)
    assert caveat("distractors-500k", one, np.append(np.zeros(count, int), 1), one) == sentence


def test_the_readme_and_the_results_have_the_same_numbers():
    """Rows of the README's table stand in docs/results.md as they are."""
    rows = [line for line in (ROOT / "README.md").read_text().splitlines()
            if re.match(r"\| [`–].*\| \d\d\.\d \|", line) and line.count("|") > 6]  # fmt: skip
    assert len(rows) >= 5
    results = (ROOT / "docs/results.md").read_text().splitlines()
    assert [row for row in rows if row not in results] == []


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
