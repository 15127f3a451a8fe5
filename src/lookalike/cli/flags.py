"""The flags of `lookalike train`: their help, and the mistakes that need no torch to be found."""

from __future__ import annotations

from argparse import SUPPRESS
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

from lookalike.cli.catalogue import MethodEntry, Setting, catalogue, method_named
from lookalike.cli.parser import WIDTH, Parser, benchmark, folded
from lookalike.errors import UserError, short, unknown
from lookalike.reading import from_yaml, read_bytes

MISSING_DATA = "Say what to train on: --data NAME:PATH, such as market1501:/data/Market-1501."
# Flags that are no settings: name → metavar (none: a switch) and help.
COMMON = {
    "data": (
        "NAME:PATH",
        "What to train on, such as market1501:/data/Market-1501; given several times, on all.",
    ),
    "target": (
        "NAME:PATH",
        "A second domain: learned from without its identities, and tested on.",
    ),
    "preset": ("NAME", "Named settings: {presets}."),
    "start": (
        "MODEL",
        "A trained model, a run's folder or a file, whose trunk this one starts from.",
    ),
    "out": ("RUN", "The run folder. [runs/{method}]"),
    "resume": ("", "Go on with the run in --out."),
    "config": ("FILE", "A YAML file with settings, as --print_config writes it."),
}


def underscored(argument: str) -> str:
    """--schedule-scale → --schedule_scale: flags may be written either way."""
    if not argument.startswith("--"):
        return argument
    name, equals, value = argument.partition("=")
    return "--" + name[2:].replace("-", "_") + equals + value


def check_flags(name: str, arguments: Sequence[str]) -> str | None:
    """The preset, which must be known before the other flags: it gives their defaults.

    Prints the help and exits where it is asked for. Raises UserError for an unknown preset, flag or
    choice, for a flag without its value, and where nothing says what to train on.
    """
    method = method_named(name)
    config = configuration(value_of("--config", arguments))
    preset = value_of("--preset", arguments) or config.get("preset")
    if preset is not None and (not isinstance(preset, str) or preset not in method.presets):
        raise unknown(f"preset of {name}", short(preset), method.presets)
    values = vars(TrainParser(method, preset).parse_args(arguments))
    for key in config:
        if key not in values:
            raise unknown_flag(key, name)
    for key, setting in {**by_name(catalogue().run), **settings_by_key(method)}.items():
        value = values[key]
        if setting.choices and value is not None and value not in map(str, setting.choices):
            raise not_a_value(key, setting.words, value)
    if values["data"] is None and not config.get("data"):
        raise UserError(MISSING_DATA)
    return preset


def by_name(settings: Sequence[Setting]) -> dict[str, Setting]:
    return {setting.name: setting for setting in settings}


def settings_by_key(method: MethodEntry) -> dict[str, Setting]:
    """The method's settings; nested ones have keys such as "teacher.batch"."""
    settings = by_name(method.settings)
    for setting in method.settings:
        if setting.method:
            for key, nested in settings_by_key(method_named(setting.method)).items():
                settings[f"{setting.name}.{key}"] = nested
    return settings


def configuration(file: str | None) -> Mapping[str, Any]:
    """What the YAML file says; nothing where no file is given."""
    if file is None:
        return {}
    if not Path(file).is_file():
        raise UserError(f"There is no file '{file}': give --config a YAML file.")
    try:
        values = from_yaml(read_bytes(file).decode())
    except ValueError as error:
        raise UserError(f"{file} is not a YAML file ({error}).") from error
    return values if isinstance(values, dict) else {}


def values_of(flag: str, arguments: Sequence[str]) -> list[str]:
    """What follows every `flag`, as "--flag value" or "--flag=value"."""
    values = []
    for i, argument in enumerate(arguments):
        if argument.startswith(flag + "="):
            values.append(argument.partition("=")[2])
        elif argument == flag and i + 1 < len(arguments):
            values.append(arguments[i + 1])
    return values


def value_of(flag: str, arguments: Sequence[str]) -> str | None:
    """What follows the last `flag`."""
    values = values_of(flag, arguments)
    return values[-1] if values else None


class TrainParser(Parser):
    """Every flag of `lookalike train METHOD`; values stay texts. Its help shows the preset's."""

    def __init__(self, method: MethodEntry, preset: str | None) -> None:
        of = f"--preset {preset}" if preset else "no --preset"
        super().__init__(
            f"train {method.name}",
            folded(
                f"{method.title}. In brackets is what counts without the flag, with {of}, and "
                "what else it may be; a list is written [1,2]."
            ),
            usage="--data NAME:PATH [--SETTING VALUE …]",
        )
        self.method = method.name
        words = {"presets": ", ".join(method.presets), "method": method.name}
        for name, (value, text) in COMMON.items():
            kind: dict[str, Any] = {"metavar": value} if value else {"action": "store_true"}
            if value == "NAME:PATH":
                kind["type"] = benchmark
            if name == "data":
                kind["action"] = "append"
            self.add_argument(f"--{name}", help=text.format(**words), **kind)
        self.add_argument(
            "--print_config",
            nargs="?",
            const="",
            metavar="WHAT",
            help="Print all settings as YAML, and train nothing.",
        )
        run = self.add_argument_group("the run")
        group = self.add_argument_group("the method", folded(method.about))
        defaults = method.defaults(preset)
        for setting in catalogue().run:
            add_flag(run, setting, setting.default)
        for setting in method.settings:
            add_flag(group, setting, defaults[setting.name])

    def error(self, message: str) -> NoReturn:
        raise UserError(sentence(message, self.method))


def add_flag(group: Any, setting: Setting, default: Any) -> None:
    """The flag of a setting; of nested settings all flags, and one line about them."""
    facts = [fact for fact in (in_short(default), setting.limits) if fact]
    text, bracket = setting.help.replace("%", "%%"), "; ".join(facts).replace("%", "%%")
    if setting.method:
        group.add_argument(f"--{setting.name}", help=SUPPRESS)
        for key in settings_by_key(method_named(setting.method)):
            group.add_argument(f"--{setting.name}.{key}", help=SUPPRESS)
        text += f" As in `lookalike train {setting.method} --help`."
        flag, metavar = f"--{setting.name}.SETTING", setting.metavar
    else:
        flag, metavar = f"--{setting.name}", setting.metavar
        if len(f"  {flag} {metavar}") > WIDTH - 2:  # too long for a line: the text has them
            text, metavar = f"{text} One of {', '.join(map(str, setting.choices))}.", "NAME"
    group.add_argument(flag, metavar=metavar, help=f"{text} [{bracket}]" if bracket else text)


def in_short(value: Any) -> str:
    """A default as a flag has it; nothing for no text; of nested settings those that differ."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {in_short(v)}" for name, v in value.items())
    if isinstance(value, list):
        return ",".join(map(in_short, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def sentence(message: str, method: str) -> str:
    """What argparse or jsonargparse complains of, as one sentence that says what to do."""
    message = " ".join(message.split())
    if "nrecognized arguments: " in message:
        return str(unknown_flag(message.partition("nrecognized arguments: ")[2].split()[0], method))
    if message.endswith(": expected one argument"):
        return f"{message.split(':')[0].removeprefix('argument ')} needs a value."
    return message.rstrip(".") + "."


def unknown_flag(flag: str, method: str) -> UserError:
    """The `UserError` for a flag that isn't known: suggests the nearest one."""
    name = flag.lstrip("-").partition("=")[0]
    names = [s.name for s in (*method_named(method).settings, *catalogue().run)]
    names += COMMON
    near = get_close_matches(name, names, n=1, cutoff=0.7)
    near = near or [key for key in names if name and key.startswith(name)]
    hint = f"did you mean --{near[0]}? " if near else ""
    return UserError(
        f"'{flag}' is no setting of {method}; {hint}`lookalike train {method} --help` lists them."
    )


def not_a_value(name: str, words: str, value: str) -> UserError:
    """The `UserError` for a value of another type than the setting's."""
    return UserError(f"--{name} should be {words}, not '{value}'.")


def words_of(method: str, key: str) -> str:
    """The type of a setting in words; one that isn't known is a text."""
    settings = {**by_name(catalogue().run), **settings_by_key(method_named(method))}
    return settings[key].words if key in settings else "a text"
