"""Every help text and every mistyped word: quick, narrow, and right."""

import dataclasses
import json
import re
import subprocess
import sys
from typing import Any, ClassVar

import pytest

from lookalike.cli import VERBS, catalogue, main, make_catalogue
from lookalike.cli.catalogue import Catalogue, method_named
from lookalike.cli.flags import in_short
from lookalike.methods import METHODS
from lookalike.methods.ide import IDE
from lookalike.training import RunSettings

WORLD, DATA = ("render", "show", "structures"), ("info", "check", "poses")
GENERATE = ("swap", "repose")
HELPS = [
    [],
    *([verb] for verb in VERBS),
    *(["world", verb] for verb in WORLD),
    *(["data", verb] for verb in DATA),
    *(["generate", "MODEL", verb] for verb in GENERATE),
    *(["train", name] for name in METHODS),
    *(["train", n, "--preset", p] for n in ("ide", "dgnet") for p in METHODS[n].presets),
]
MISTYPED = {
    "trian": "Unknown verb 'trian'; did you mean 'train'?",
    "train dgent": "Unknown method 'dgent'; did you mean 'dgnet'?",
    "train ide --preset qick": "Unknown preset of ide 'qick'; did you mean 'quick'?",
    "train ide --data folder:x --see 3": "'--see' is no setting of ide; did you mean --seed?",
    "train ide --data foldr:x": "Unknown benchmark 'foldr'; did you mean 'folder'?",
    "train ide --data folder:x --epoch step_": "--epoch should be one of images, identities, step,",
    "train dgnet --data folder:x --teacher.epoch s": "--teacher.epoch should be one of images, i",
    "train ide": "Say what to train on: --data NAME:PATH",
    "train ide --data": "--data needs a value.",
    "train ide --config /no.yaml": "There is no file '/no.yaml': give --config a YAML file.",
    "demo --poeple 40": "Unrecognized arguments: --poeple",
    "evaluate m --data folder:x --protocol al": "Unknown protocol 'al'; did you mean 'all'?",
    "evaluate m --data folder:x --metric cosin": "Unknown metric 'cosin'; did you mean 'cosine'?",
    "evaluate m --data foldr:x": "Unknown benchmark 'foldr'; did you mean 'folder'?",
    "quality made --ssim pg3": "Unknown SSIM 'pg3'; did you mean 'pg2'?",
    "calibrate m --data folder:x --metrik x": "Unrecognized arguments: --metrik",
    "embed m --data foldr:x --out f.npz": "Unknown benchmark 'foldr'; did you mean 'folder'?",
    "import dgnett x --out m.safetensors": "Unknown method with an importer 'dgnett'; did you me",
    "generate m swop": "Unknown verb of generate 'swop'; did you mean 'swap'?",
    "generate m swap --images a --out b.png --modus x": "Unrecognized arguments: --modus",
    "generate m repose --data wrld:x --out b.png": "Unknown benchmark 'wrld'; did you mean 'world'",
    "world shw": "Unknown verb of world 'shw'; did you mean 'show'?",
    "world show plazza --out a.png": "Unknown domain 'plazza'; did you mean 'plaza'?",
    "world render out --domain plazza": "Unknown domain 'plazza'; did you mean 'plaza'?",
    "data inof folder:x": "Unknown verb of data 'inof'; did you mean 'info'?",
    "data info foldr:x": "Unknown benchmark 'foldr'; did you mean 'folder'?",
    "methods --jsn": "Unrecognized arguments: --jsn",
}
# Processor time, which other work on the machine stretches much less than the clock's.
ALONE = """
import sys, time
from lookalike.cli import main
heavy = {"torch", "lightning", "numpy", "scipy", "PIL", "jsonargparse", "yaml", "anny", "warp"}
try:
    code = main(sys.argv[1:])
except SystemExit as stopped:
    code = stopped.code
imported = heavy & set(sys.modules)
if imported:
    sys.exit(f"imported {imported}")
if time.process_time() > 0.5:
    sys.exit(f"took {time.process_time()} s")
sys.exit(code)
"""


def alone(words: list[str]) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, which complains if it is slow or imports too much."""
    command = [sys.executable, "-c", ALONE, *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_help_is_quick_and_narrow(words: list[str]) -> None:
    done = alone([*words, "--help"])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(" ".join(["usage: lookalike", *words[:1]]))
    assert max(map(len, lines)) <= 80
    assert len(lines) < 200
    assert "(type:" not in done.stdout


def test_help_is_narrow_on_a_wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert max(map(len, alone(["train", "dgnet", "--help"]).stdout.splitlines())) <= 80


@pytest.mark.parametrize("line", MISTYPED)
def test_a_mistyped_word_is_answered_at_once(line: str) -> None:
    done = alone(line.split())
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith(f"lookalike: {MISTYPED[line]}")
    assert done.stderr.count("\n") == 1


def test_the_packaged_catalogue_is_what_the_code_says() -> None:
    values = make_catalogue.catalogue_values()
    assert json.loads(catalogue.FILE.read_text()) == values, "run `make catalogue`"
    assert catalogue.FILE.read_text() == make_catalogue.as_text(values) + "\n"


def test_every_setting_has_a_line_of_help_with_its_default() -> None:
    for name, kind in METHODS.items():
        done = alone(["train", name, "--help"])
        shown = "".join(done.stdout.split())  # lines break at spaces and behind hyphens
        for setting in (*method_named(name).settings, *catalogue.catalogue().run):
            nested = f"As in `lookalike train {setting.method} --help`." if setting.method else ""
            facts = "; ".join(filter(None, (in_short(setting.default), setting.limits)))
            line = f"--{setting.name}{'.SETTING' if nested else ''}{setting.metavar}{setting.help}"
            line += nested + (f"[{facts}]" if facts else "")
            assert "".join(line.split()) in shown
        fields = {f.name for f in (*dataclasses.fields(kind), *dataclasses.fields(RunSettings))}
        assert fields == {
            s.name for s in (*method_named(name).settings, *catalogue.catalogue().run)
        }


def test_a_preset_changes_the_defaults_that_are_shown() -> None:
    for preset, length in ((), "100000"), (("--preset", "quick"), "1000"):
        shown = " ".join(alone(["train", "dgnet", *preset, "--help"]).stdout.split())
        assert re.search(rf"Length of the joint stage, steps. \[{length}[];]", shown)
        assert f"with {' '.join(preset) or 'no --preset'}, and" in shown
    nested = re.search(r"--teacher.SETTING VALUE (.*?) --teacher_model", shown)
    assert nested is not None
    assert "As in `lookalike train ide --help`. [height 128, width 64, " in nested[1]


def test_presets_in_the_catalogue_are_the_methods() -> None:
    for name, kind in METHODS.items():
        for preset in (None, *kind.presets):
            values = json.loads(json.dumps(dataclasses.asdict(kind.preset(preset))))
            defaults = method_named(name).defaults(preset)
            for key, value in values.items():
                if isinstance(value, dict):
                    value = {k: v for k, v in value.items() if v != nested_default(kind, key)[k]}
                assert defaults[key] == value, (name, preset, key)


def nested_default(kind: type, key: str) -> dict[str, object]:
    """The default values of the settings that stand in `key`."""
    values = dataclasses.asdict(type(getattr(kind(), key))())
    return dict(json.loads(json.dumps(values)))


def test_a_method_that_was_added_at_run_time_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    @dataclasses.dataclass(frozen=True)
    class Mine(IDE):
        """Settings of mine; the defaults are new. Nobody published them."""

        name = "mine"
        presets: ClassVar[Any] = {"tiny": {"zeal": 0.25}}

        zeal: float = 0.5
        """How eager it is."""

    monkeypatch.setitem(METHODS, "mine", Mine)
    method = method_named("mine")
    assert method.about == "Settings of mine; the defaults are new."
    zeal = method.settings[-1]
    assert (zeal.name, zeal.help, zeal.words) == ("zeal", "How eager it is.", "a number")
    assert method.defaults("tiny")["zeal"] == 0.25


def test_methods_are_listed(capsys: pytest.CaptureFixture[str]) -> None:

    assert main(["methods"]) == 0
    text = capsys.readouterr().out
    assert main(["methods", "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(METHODS)
    for name, kind in METHODS.items():
        assert f"{name:<9}{kind.title}\n" in text
        assert f"presets: {', '.join(kind.presets)} " in " ".join(f"{text} ".split()) + " "
        assert rows[name]["title"] == kind.title
        assert rows[name]["presets"] == list(kind.presets)
        assert rows[name]["needs"] == list(kind.needs)
        assert rows[name]["control"] == kind.control
        assert rows[name]["ablations"] == kind.ablations
    assert rows["dgnet"]["generates"] == ["swap"]
    assert rows["ide"]["generates"] == []
    assert (rows["pg2"]["embeds"], rows["ide"]["embeds"]) == (False, True)
    assert "         needs: pose\n" in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_method_that_reads_no_identities_says_so() -> None:
    from lookalike.cli.methods import as_dict, as_text

    ide = method_named("ide")
    blind = dataclasses.replace(ide, labels=False)
    assert "identities" not in as_text(ide)
    assert as_text(blind).endswith("\n         reads no identities")
    assert as_dict(blind)["labels"] is False


def test_lists_in_the_catalogue() -> None:
    lists = catalogue.catalogue()
    assert isinstance(lists, Catalogue)
    assert "market1501" in lists.benchmarks
    assert "dgnet" in lists.importers
    assert lists.numbers["picture_pairs"] == 12_800
