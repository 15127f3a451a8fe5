import argparse
import os

import pytest

from lookalike.cli import main
from lookalike.cli.parser import Parser, positive, writable
from lookalike.errors import UserError


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["data"], "The following arguments are required: verb, DATA; `lookalike data --help`"),
        (["data", "inf", "x:y"], "Argument verb: invalid choice: 'inf'"),
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


def test_writable_makes_the_folder(tmp_path, monkeypatch):
    assert writable(str(tmp_path / "a" / "b" / "c.png")).parent.is_dir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(UserError, match="is not writable"):
        writable(str(tmp_path / "c.png"))
