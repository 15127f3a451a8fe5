"""`lookalike world`: what it writes and says, and one sentence for every mistake."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from lookalike.cli import main

ONE = ["--people", "1", "--cameras", "1", "--images", "1", "--test-fraction", "0", "--workers", "1"]
RENDERED = ["--people", "6", "--cameras", "2", "--images", "2", "--clothes", "2"]  # the fixture's


def world(*words):
    return main(["world", *map(str, words)])


def test_render_then_structures(tmp_path, capsys, no_workers):
    out = tmp_path / "world"
    assert world("render", out, *ONE) == 0
    assert capsys.readouterr().out.startswith(f"1 image in {out}, 1 of them new (")
    (image,) = (out / "bounding_box_train").iterdir()
    assert world("structures", out, "--yaws", 4, "--workers", 1) == 0
    assert capsys.readouterr().out == f"4 new views in {out}/structure\n"
    for degrees in ("000", "090", "180", "270"):
        file = out / "structure" / "bounding_box_train" / degrees / f"{image.stem}.png"
        with Image.open(file) as view:
            assert (view.mode, view.size) == ("L", (64, 128))
    assert world("structures", out, "--yaws", 2) == 0
    assert capsys.readouterr().out == f"0 new views in {out}/structure\n"


def test_a_finished_world_says_so(rendered, capsys):
    assert world("render", rendered, *RENDERED) == 0
    assert capsys.readouterr().out == f"{rendered} is finished: 24 images, nothing to do\n"
    assert world("render", rendered, *RENDERED, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report.pop("seconds") < 60
    assert report == {"out": str(rendered), "images": 24, "made": 0, "missing": 0,
                      "finished": True}  # fmt: skip


def test_a_shard_says_what_is_left_to_others(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lookalike.workers.work", lambda *args: None)
    assert world("render", tmp_path / "world", *RENDERED, "--shard", "1/3") == 0
    said = capsys.readouterr().out
    assert said == f"0 of 24 images in {tmp_path}/world; 24 are for other shards\n"


def test_show_of_a_folder(rendered, tmp_path, capsys):
    sheet = tmp_path / "new" / "sheet.png"
    assert world("show", rendered, "--out", sheet, "--people", 2, "--poses", "--masks") == 0
    assert capsys.readouterr().out == f"{sheet}\n"
    with Image.open(sheet) as image:
        assert image.size == (64 * 2 + 2, 128 * 2 + 2)


def test_show_of_a_domain(tmp_path):
    sheet = tmp_path / "sheet.jpg"
    assert world("show", "night", "--out", sheet, "--people", 1, "--cameras", 1, "--scale", 2) == 0
    with Image.open(sheet) as image:
        assert (image.size, image.format) == ((128, 256), "JPEG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("shw", "Unknown verb of world 'shw'; did you mean 'show'?"),
        ("render", "The following arguments are required: OUT"),
        ("render OUT --domain plazza", "Unknown domain 'plazza'; did you mean 'plaza'?"),
        ("render OUT --people 0", "people is 0, but must be 1 or more."),
        ("render OUT --people many", "--people: invalid int value: 'many'"),
        ("render OUT --cameras 1", "a test fraction of 0"),
        ("render OUT --clothes 4", "can't show 4 sets of clothes"),
        ("render OUT --test-fraction 2", "test_fraction is 2.0, but must be from 0 to 1."),
        ("render OUT --workers 0", "'0' is not a whole number from 1 up"),
        ("render OUT --shard 2", "'2' isn't I/N, such as 1/4"),
        ("render OUT --shard 3/2", "There is no shard 3 of 2"),
        ("render OUT --peopel 4", "Unrecognized arguments: --peopel"),
        ("render /dev/null/world", "Can't write to '/dev/null/world'"),
        ("render RENDERED", "holds another world (people 6, not 200; cameras 2"),
        ("show plazza --out a.png", "Unknown domain 'plazza'; did you mean 'plaza'?"),
        ("show OUT/nowhere --out a.png", "is no rendered world"),
        ("show RENDERED --out a.gif", "--out is a .png or .jpg file"),
        ("show RENDERED --out a.png --seed 3", "is rendered already"),
        ("show RENDERED", "--out"),
        ("structures OUT", "No rendered world in"),
        ("structures RENDERED --yaws 361", "1 to 360"),
    ],
)
def test_a_mistake_gets_one_sentence(words, said, rendered, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = words.replace("OUT", str(tmp_path / "world")).replace("RENDERED", str(rendered))
    assert world(*words.split()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("lookalike: ")
    assert said in err
    assert not (tmp_path / "world").exists()


@pytest.mark.parametrize("words", [[], ["render"], ["show"], ["structures"]])
def test_help_is_quick(words):
    code = (
        f"import sys; from lookalike.cli import main\ntry: main(['world', *{words}, '--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'anny', 'warp', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
