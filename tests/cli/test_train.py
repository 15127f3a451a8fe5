"""The flags of `lookalike train`."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lookalike.cli import flags, main
from lookalike.methods import METHODS, Method
from lookalike.settings import in_words
from lookalike.training import RunSettings

Capture = pytest.CaptureFixture[str]
EVERY_PRESET = [(name, preset) for name, m in METHODS.items() for preset in (None, *m.presets)]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the command would train with, in place of training."""
    call: dict[str, Any] = {}

    def record(method: Method, data: str, **others: Any) -> None:
        call.update(others, method=method, data=data)

    monkeypatch.setattr("lookalike.training.run.train_method", record)
    monkeypatch.setattr("lookalike.data.parse_data", lambda data: data)
    return call


def printed_config(argv: list[str], capsys: Capture) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*argv, "--print_config"])
    assert stopped.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(("name", "preset"), EVERY_PRESET)
def test_every_preset_prints_and_reads_its_configuration(
    name: str, preset: str | None, tmp_path: Path, called: dict[str, Any], capsys: Capture
) -> None:
    argv = ["train", name, "--data", "folder:x", *(["--preset", preset] if preset else [])]
    assert main(argv) == 0
    assert called["method"] == METHODS[name].preset(preset)
    assert called["preset"] == preset
    assert called["settings"] == RunSettings()
    first = dict(called)
    text = printed_config(argv, capsys)
    (tmp_path / "run.yaml").write_text(text)
    assert main(["train", name, "--config", str(tmp_path / "run.yaml")]) == 0
    assert called == first


def test_flags_override_the_configuration_which_overrides_the_preset(
    tmp_path: Path, called: dict[str, Any]
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: folder:x\npreset: strong\nbatch_size: 24\nflip: 0.25\nseed: 7\n")
    assert main(["train", "ide", "--config", str(file), "--flip", "0.75"]) == 0
    strong = METHODS["ide"].preset("strong")
    assert called["preset"] == "strong"
    assert called["method"] == dataclasses.replace(strong, flip=0.75)  # type: ignore[call-arg]
    assert called["settings"].seed == 7


def test_flags_override_the_configuration_wherever_it_stands(
    tmp_path: Path, called: dict[str, Any]
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("data: folder:x\nseed: 7\nout: runs/file\nflip: 0.25\nbatch_size: 24\n")
    words = ["--data", "folder:y", "--seed=3", "--out", "runs/flags", "--flip", "0.75"]
    for config in (["--config", str(file)], [f"--config={file}"]):
        for place in (0, 2, 3, 5, 7):
            assert main(["train", "ide", *words[:place], *config, *words[place:]]) == 0
            assert (called["data"], called["settings"].seed) == (["folder:y"], 3)
            assert (called["out"], called["method"].flip) == ("runs/flags", 0.75)
            assert called["method"].batch_size == 24
    other = tmp_path / "other.yaml"
    other.write_text("data: folder:x\nseed: 9\nflip: 0.5\n")  # the last file counts
    both = ["--config", str(file), "--seed", "3", "--config", str(other)]
    assert main(["train", "ide", *both]) == 0
    assert (called["settings"].seed, called["method"].flip) == (3, 0.5)
    assert called["method"].batch_size == 24


def test_several_data_and_a_target(tmp_path: Path, called: dict[str, Any], capsys: Capture) -> None:
    argv = ["train", "ide", "--data", "folder:x?a=1", "--data=world:y", "--target", "folder:z"]
    assert main(argv) == 0
    assert called["data"] == ["folder:x?a=1", "world:y"]
    assert called["target"] == "folder:z"
    first = dict(called)
    (tmp_path / "run.yaml").write_text(printed_config(argv, capsys))
    config = ["train", "ide", "--config", str(tmp_path / "run.yaml")]
    assert main(config) == 0
    assert called == first
    assert main([*config, "--data", "folder:w"]) == 0
    assert called["data"] == ["folder:w"]
    assert main(["train", "ide", "--data", "folder:x"]) == 0
    assert (called["data"], called["target"]) == (["folder:x"], None)


def test_a_model_to_start_from(tmp_path: Path, called: dict[str, Any], capsys: Capture) -> None:
    argv = ["train", "ide", "--data", "folder:x", "--start", "runs/world"]
    assert main(argv) == 0
    assert called["start"] == "runs/world"
    (tmp_path / "run.yaml").write_text(printed_config(argv, capsys))
    config = ["train", "ide", "--config", str(tmp_path / "run.yaml")]
    assert main(config) == 0
    assert called["start"] == "runs/world"
    assert main([*config, "--start=runs/other"]) == 0
    assert called["start"] == "runs/other"
    assert main(["train", "ide", "--data", "folder:x"]) == 0
    assert called["start"] is None
    assert main(["train", "ide", "--data", "folder:x", "--strat", "x"]) == 2
    assert "did you mean --start?" in capsys.readouterr().err


def test_dashes_and_underscores(called: dict[str, Any]) -> None:
    common = ["train", "dgnet", "--data", "folder:x"]
    for flag in ("--schedule-scale", "--schedule_scale"):
        for argument in ([flag, "0.5"], [f"{flag}=0.5"]):
            assert main([*common, *argument]) == 0
            assert called["settings"].schedule_scale == 0.5
    assert main([*common, "--teacher.lr-trunk", "0.5", "--out", "a-b_c"]) == 0
    assert called["method"].teacher.lr_trunk == 0.5  # type: ignore[union-attr]
    assert called["out"] == "a-b_c"  # values stay as they are


def test_lists_and_unions(called: dict[str, Any]) -> None:
    argv = ["train", "ide", "--data", "folder:x", "--milestones", "[3, 5]", "--margin", "soft"]
    assert main([*argv, "--resize", "[72,36]"]) == 0
    method = called["method"]
    assert (method.milestones, method.margin, method.resize) == ((3, 5), "soft", (72, 36))
    assert main([*argv, "--margin", "0.2"]) == 0
    assert called["method"].margin == 0.2


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["idee"], "Unknown method 'idee'; did you mean 'ide'?"),
        (["ide"], "Say what to train on: --data NAME:PATH, such as"),
        (["ide", "--preset", "qick"], "Unknown preset of ide 'qick'; did you mean 'quick'?"),
        (
            ["ide", "--bach_size", "3"],
            "'--bach_size' is no setting of ide; did you mean --batch_size?",
        ),
        (["ide", "--batch", "3"], "'--batch' is no setting of ide; did you mean --batch_size?"),
        (["ide", "--frobnicate=3"], "'--frobnicate=3' is no setting of ide; `lookalike train ide"),
        (["ide", "stray"], "'stray' is no setting of ide; `lookalike train ide --help`"),
        (["ide", "--batch_size", "many"], "--batch_size should be a whole number, not 'many'."),
        (["ide", "--batch_size", "1.5"], "--batch_size should be a whole number, not '1.5'."),
        (["ide", "--lr_head", "fast"], "--lr_head should be a number, not 'fast'."),
        (["ide", "--flip_test", "perhaps"], "--flip_test should be true or false, not 'perhaps'."),
        (["ide", "--head", "bnnek"], "--head should be one of linear, bneck512, bneck512_lrelu,"),
        (["ide", "--margin", "hard"], "--margin should be a number or one of soft, none, not"),
        (["ide", "--resize", "3"], "--resize should be a list of 2 numbers, such as [12, 12], not"),
        (
            ["ide", "--milestones", "[1, x]"],
            "--milestones should be a list of numbers, such as [12], not",
        ),
        (["ide", "--last_stride", "3"], "--last_stride should be one of 1, 2, not '3'."),
        (["dgnet", "--teacher.head", "x"], "--teacher.head should be one of linear, bneck512,"),
        (["dgnet", "--teacher.lr_head", "-1"], "teacher: lr_head is -1.0, but must be above 0."),
        (["ide", "--seed", "x"], "--seed should be a whole number, not 'x'."),
        (["ide", "--batch_size"], "--batch_size needs a value."),
        (["ide", "--config", "/no.yaml"], "There is no file '/no.yaml': give --config a YAML"),
        (["ide", "--devices", "0"], "devices is 0, but must be 1 or more."),
    ],
)
def test_mistakes_are_one_sentence(
    argv: list[str], sentence: str, called: dict[str, Any], capsys: Capture
) -> None:
    data = ["--data", "folder:x"] if len(argv) > 1 else []
    assert main(["train", argv[0], *data, *argv[1:]]) == 2
    assert not called
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"lookalike: {sentence}")
    assert err.endswith((".\n", "?\n"))


@pytest.mark.parametrize("text", ["batch_size: 8\nfoo: 3\n", "foo: 3\n"])
def test_a_configuration_with_an_unknown_setting(
    text: str, tmp_path: Path, called: dict[str, Any], capsys: Capture
) -> None:
    (tmp_path / "run.yaml").write_text(text)
    assert main(["train", "ide", "--config", str(tmp_path / "run.yaml")]) == 2
    assert "'foo' is no setting of ide" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"a: [1\n", b"\xff\xfe\x00"])
def test_a_configuration_that_is_no_yaml(
    content: bytes, tmp_path: Path, called: dict[str, Any], capsys: Capture
) -> None:
    (tmp_path / "run.yaml").write_bytes(content)
    assert main(["train", "ide", "--config", str(tmp_path / "run.yaml")]) == 2
    assert "run.yaml is not a YAML file (" in capsys.readouterr().err


@pytest.mark.parametrize("name", METHODS)
def test_help_describes_every_setting(name: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["train", name, "--help"])
    assert stopped.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in (*dataclasses.fields(METHODS[name]), *dataclasses.fields(RunSettings)):
        assert f"--{field.name}" in text
    height = {"dgnet": "Height of crops and pictures, pixels", "pg2": "Height of the pictures",
              "siamese": "Height of crops and pictures, pixels",
              "fdgan": "Height of crops and pictures, pixels"}  # fmt: skip
    assert height.get(name, "Height of the network's input, pixels") in text
    assert "Factor on every length, milestone and ramp" in text


def test_usage(capsys: Capture) -> None:
    for argv in ([], ["--help"], ["-h"]):
        assert main(["train", *argv]) == 0
        out = capsys.readouterr().out
        assert all(name in out for name in METHODS)
        assert all(len(line) <= 80 for line in out.splitlines())


def test_types_in_words() -> None:
    assert in_words(tuple[float, float, float]).startswith("a list of 3 numbers")
    assert in_words(str) == "a text"
    assert flags.words_of("dgnet", "teacher.batch_size") == "a whole number"


def test_the_real_thing(tiny: Callable[..., list[str]], tmp_path: Path, capsys: Capture) -> None:
    text = printed_config(tiny("ide", tmp_path / "run", "--steps 1"), capsys)
    (tmp_path / "run.yaml").write_text(text)
    assert main(["train", "ide", "--config", str(tmp_path / "run.yaml")]) == 0
    config = yaml.safe_load((tmp_path / "run/config.yaml").read_text())
    assert config["run"]["steps"] == 1


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("preset: [quick]", "Unknown preset of ide"),
        (f"lr_trunk: {10**400}", "A setting has too many digits"),
        ("seed: !!timestamp x", "is not a YAML file"),
        ("seed: &a [*a]", "is not a YAML file (it is nested too deeply)"),
    ],
)
def test_a_configuration_that_nobody_wrote_is_one_sentence(
    tmp_path: Path, called: dict[str, Any], capsys: Capture, text: str, says: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(f"data: folder:x\n{text}\n")
    assert main(["train", "ide", "--config", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert not called
