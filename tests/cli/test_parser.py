import argparse

import pytest

from lookalike.cli import main
from lookalike.cli.parser import Parser, fraction, level, positive, rate, seed


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["data", "info"], "The following arguments are required: DATA; `lookalike data info --he"),
        (["data", "inf", "x:y"], "Unknown verb of data 'inf'; did you mean 'info'?"),
        (["methods", "--jso"], "Unrecognized arguments: --jso; `lookalike methods --help`"),
    ],
)
def test_usage_mistakes_are_one_sentence_and_code_2(capsys, words, sentence):
    assert main(words) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith(f"lookalike: {sentence}")
    assert shown.err.count("\n") == 1
    assert not shown.out


def test_usage_follows_the_verb(capsys):
    with pytest.raises(SystemExit):
        Parser("verb", "Does it.", usage="THIS").parse_args(["--help"])
    assert capsys.readouterr().out.startswith("usage: lookalike verb THIS\n")


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "many", ""])
def test_positive_refuses_the_rest(text):
    assert positive("12") == 12
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a whole number"):
        positive(text)


@pytest.mark.parametrize("text", ["-1", "1.5", "many", ""])
def test_a_seed_is_0_or_more(text):
    assert (seed("0"), seed("12")) == (0, 12)
    with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not a whole number from 0"):
        seed(text)


@pytest.mark.parametrize(
    "words",
    [
        "generate MODEL swap --images A --out x.png",
        "generate MODEL repose --data world:/x --out x.png",
        "quality PLACE",
        "demo",
        "world render OUT",
        "world show plaza --out x.png",
    ],
)
def test_every_verb_refuses_a_negative_seed(words, capsys):
    assert main([*words.split(), "--seed", "-1"]) == 2
    shown = capsys.readouterr().err
    assert "--seed: '-1' is not a whole number from 0 up" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        (fraction, ["0", "0.5", "1"], ["-0.1", "1.1", "nan", "x", ""]),
        (rate, ["0", "1e-3"], ["-0.1", "1", "nan", "x", ""]),
        (level, ["0.95", "1e-3"], ["0", "1", "nan", "x", ""]),
    ],
)
def test_numbers_have_their_range(kind, inside, outside):
    for text in inside:
        assert kind(text) == float(text)
    for text in outside:
        with pytest.raises(argparse.ArgumentTypeError, match=f"'{text}' is not "):
            kind(text)
