import base64
import io
import json
import re
import shlex
import zlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.page import Page
from helpers.runs import blank
from PIL import Image

from lookalike.errors import UserError
from lookalike.report import figures, grid, save_png, write_report
from lookalike.report.files import read_run
from lookalike.report.html import stage as stage_of
from lookalike.report.page import duration, number, percent
from lookalike.report.pictures import thumbnail

ODD = 'crop <b>&"quoted".jpg'


def step(stage: str, n: int, **losses: float) -> dict:
    return {
        "stage": stage,
        "step": n,
        "seconds": 0.5 * n,
        "step_seconds": 0.5,
        "lr": 0.01,
        "losses": losses,
        "weights": {"recon_s": 5.0, "adv": min(1.0, n / 100)},
    }


def nobody(rng: np.random.Generator) -> Image.Image:
    """A 128×64 picture of soft colours, which compresses as a photo does."""
    return Image.fromarray(rng.integers(0, 255, (8, 4, 3), np.uint8)).resize((64, 128))


@pytest.fixture
def run(tmp_path):
    """A run as the engine leaves it, with pictures of nobody."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "run"
    crops = []
    for i in range(12):
        name = ODD if i == 3 else f"{i:04d}_c1s1.jpg"
        crops.append(str(save_png(nobody(rng), tmp_path / "crops" / name)))
    for name in ("1-teacher", "2-joint"):
        (folder / "stages" / name).mkdir(parents=True)
    config = {
        "method": "dgnet",
        "preset": "quick",
        "data": "market1501:/data/<here>",
        "seed": 7,
        "precision": "32-true",
        "version": "0.1.0",
        "command": shlex.join(["lookalike", "train", "dgnet", "--out", "a & b"]),
        "started": "2026-01-02T03:04:05",
        "changed": ["joint.lr"],
        "settings": {"joint": {"lr": 0.0003, "steps": 100}, "width": 128},
        "run": {"workers": 2},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    lines = [step("teacher", n, id=5 / n) for n in range(1, 6)]
    lines += [step("joint", n, adv=1.0 + n, recon_s=float("nan")) for n in range(10, 1010, 10)]
    lines += [step("joint", 1000, adv=7.5, recon_s=0.5)]  # after a resume, the same step again
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    row = {"data": "market1501:/data", "protocol": "market1501", "metric": "cosine"}
    row |= {"queries": 1076, "gallery": 3218, "rank1": 0.9, "rank5": 0.95, "rank10": 0.99}
    rows = [
        row | {"features": f, "mAP": m, "mINP": 0.2} for f, m in (("f_a", 0.6123), ("f_b", 0.5))
    ]
    (folder / "evaluation.json").write_text(json.dumps({"rows": rows}))

    def crop(i, **more):
        return {"path": crops[i], "pid": i, "camid": i % 6, **more}

    results = [crop(i, distance=i / 8, right=i % 3 == 0) for i in range(1, 11)]
    lists = [
        {"kind": "random", "ap": 0.25, "query": crop(0), "results": results},
        {"kind": "worst", "ap": None, "query": crop(11), "results": results},
    ]
    (folder / "ranked.json").write_text(json.dumps({"features": "f_a", "lists": lists}))
    picture = grid([[nobody(rng) for _ in range(8)]])
    for stage, n in [("teacher", 5), *(("joint", 100 * n) for n in range(1, 11))]:
        save_png(picture, folder / "images" / f"{stage}-{n:07d}-swap.png")
    save_png(picture, folder / "images" / "final-swap.png")
    (folder / "images" / "final-swap.json").write_text(
        json.dumps({"title": "Swaps <all>", "caption": "Who wears what."})
    )
    save_png(picture, folder / "images" / "joint-0000100-pose_transfer.png")
    environment = {
        "hardware": "a laptop",
        "cpu": "some CPU",
        "threads": 2,
        "devices": "cpu",
        "torch": "2.5.0",
        "python": "3.11",
        "lookalike": "0.1.0",
        "parameters": {"total": 1234567},
        "stage_seconds": {"teacher": 3723.0},
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    return folder


@pytest.fixture
def drawn():
    """For a test that looks at curves; where none does, they aren't drawn."""


@pytest.fixture(autouse=True)
def curves(request, monkeypatch):
    if "drawn" not in request.fixturenames:
        monkeypatch.setattr(figures, "draw", blank)


def read(folder) -> tuple[str, Page]:
    html = write_report(folder).read_text(encoding="utf-8")
    return html, Page(html)


def test_the_report_shows_the_whole_run(run, drawn):
    path = write_report(run)
    assert path == run / "report.html"
    assert not list(run.glob("*.partial"))
    _, page = read(run)
    for words in (
        "dgnet on market1501:/data/<here>",
        "61.2",
        "protocol market1501",
        "1,076",
        "lookalike train dgnet --out 'a & b'",
        "a laptop",
        "1,234,567",
        "1 h 02 min",  # of the teacher, from environment.json
        "8 min 20 s",  # of the joint stage, from its last step
        "no end on record",
        "Who wears what.",
        "Swaps <all>",
        "Pose transfer",
        "joint, step 1,000",
        "Queries drawn at random",
        "Queries it does worst on",
        "recon_s",
        "weight 5",
        "weight of adv",
        "99 values not finite",
        "last 7.5",
        "learning rate",
        "seconds per step",
    ):
        assert words in page.text, words
    assert "Not everything is here" not in page.text
    # id, ramped weight, lr, time; adv, recon_s, ramped weight, lr, time
    assert len(page.all("svg")) == 9


def test_the_report_needs_nothing_from_outside(run, drawn):
    html, page = read(run)
    own = re.sub(r"base64,[^\"]*", "", html)
    assert not re.search(r"https?:|file:|//\w|url\((?!#)|@import", own)
    assert not page.all("script")
    assert not page.all("link")
    assert all(a["src"].startswith("data:image/jpeg;base64,") for a in page.all("img"))
    assert all(a["href"].startswith("#") for a in page.all("a"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"][1:] for a in page.all("a")} <= set(ids)
    assert len(html) < 600_000


def test_right_and_wrong_are_framed_and_odd_names_escaped(run):
    html, page = read(run)
    assert len(page.all("figure", "right")) == 2 * 3
    assert len(page.all("figure", "wrong")) == 2 * 7
    assert len(page.all("figure", "query")) == 2
    assert "3 of 10 right" in page.text.replace("\n", " ")
    assert "crop <b>" not in html
    assert any(a.get("title", "").endswith(ODD) for a in page.all("img"))
    assert ODD in page.text
    assert "0.375" in page.text
    image = next(a for a in page.all("img") if a.get("title", "").endswith(ODD))["src"]
    data = base64.b64decode(image.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (64, 128)


def test_the_final_picture_comes_first_and_earlier_ones_newest_first(run):
    html, page = read(run)
    names = [a["title"] for a in page.all("img") if "swap" in a.get("title", "")]
    assert names[:2] == ["final-swap.png", "joint-0001000-swap.png"]
    assert names[-1] == "teacher-0000005-swap.png"
    assert len(names) == 1 + 8
    assert "Earlier in training (8 of 11" in page.text
    assert html.index("final-swap.png") < html.index("joint-0001000-swap.png")


def test_changed_settings_are_marked(run):
    _, page = read(run)
    assert len(page.all("div", "changed")) == 1
    assert re.search(r"joint\.lr\s*0\.0003", page.text)
    assert "3 settings, 1 changed" in page.text


def test_a_steps_losses_and_the_clusters_of_the_round_that_begins_are_both_shown(run):
    lines = [
        {"stage": "learn", "step": 0, "clusters": {"clusters": 3, "purity": 0.5}},
        step("learn", 5, adv=3.0),
        step("learn", 10, adv=2.0),
        {"stage": "learn", "step": 10, "clusters": {"clusters": 4, "purity": 0.75}},
    ]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    charts = {chart["title"]: chart["last"] for chart in stage_of(read_run(run), "learn")["curves"]}
    assert charts["adv"] == 2.0
    assert (charts["clusters"], charts["purity"]) == (4, 0.75)
    assert charts["seconds per step"] == 0.5
    assert len(read_run(run).steps["learn"]) == 3
    read(run)


def test_the_heading_names_all_data_and_the_target(run):
    config = yaml.safe_load((run / "config.yaml").read_text())
    config |= {"data": ["market1501:/a", "dukemtmc:/b"], "target": "msmt17:/c"}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    html, page = read(run)
    title = "dgnet on market1501:/a + dukemtmc:/b → msmt17:/c"
    assert f"<title>{title}" in html
    assert title in page.text


def test_a_run_that_had_hardly_begun_says_what_is_missing(tmp_path):
    _, page = read(tmp_path)
    for words in (
        "config.yaml is missing: the settings and the command are unknown.",
        "metrics.jsonl is missing: no training step was logged.",
        "evaluation.json is missing: this run has not been evaluated.",
        "ranked.json is missing",
        "environment.json is missing",
        "no picture in images/",
        "No stage was started.",
        "The command is unknown.",
    ):
        assert words in page.text, words
    assert tmp_path.name in page.text


@pytest.mark.parametrize(
    "name", ["config.yaml", "metrics.jsonl", "evaluation.json", "ranked.json", "environment.json"]
)
def test_each_file_may_be_missing_alone(run, name):
    (run / name).unlink()
    _, page = read(run)
    assert f"{name} is missing" in page.text
    assert page.text.count("is missing") == 1


def test_half_written_files_are_named_and_left_out(run):
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"stage": "joint", "st')
    (run / "evaluation.json").write_text('{"rows": [')
    (run / "ranked.json").write_text("[]")
    (run / "config.yaml").write_text("method: [dgnet")
    picture = run / "images" / "final-swap.png"
    picture.write_bytes(picture.read_bytes()[:500])
    _, page = read(run)
    assert "1 line of metrics.jsonl cannot be read" in page.text
    assert "evaluation.json cannot be read" in page.text
    assert "config.yaml cannot be read" in page.text
    assert "ranked.json holds no mapping" in page.text
    assert "images/final-swap.png is no readable image." in page.text
    assert len(page.all("svg")) == 9


def test_a_crop_that_is_gone_leaves_its_name(run, tmp_path):
    (tmp_path / "crops" / ODD).unlink()
    _, page = read(run)
    gone = page.all("div", "absent")
    assert len(gone) == 2
    assert all(a["title"].endswith(ODD) for a in gone)


def test_every_kind_of_broken_picture_counts_as_unreadable(tmp_path):
    noise = np.random.default_rng(0).random((3, 200, 200))  # enough for a second IDAT chunk
    good = save_png(noise, tmp_path / "a.png")
    data = good.read_bytes()
    chunk = data.rindex(b"IDAT")
    assert chunk > data.index(b"IDAT")
    assert thumbnail(good, (9, 9)) is not None
    broken = tmp_path / "b.png"
    size = data.index(b"IHDR") + 4
    header = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + data[size + 8 : size + 13]
    huge = data[: size - 4] + header + zlib.crc32(header).to_bytes(4, "big") + data[size + 17 :]
    for bad in (b"", b"text", data[:40], data[:chunk] + b"\x1e" + data[chunk + 1 :], huge):
        broken.write_bytes(bad)
        assert thumbnail(broken, (9, 9)) is None
    assert thumbnail(tmp_path / "none.png", (9, 9)) is None
    assert thumbnail(tmp_path, (9, 9)) is None


def test_a_name_that_is_no_utf8_does_not_stop_the_report(run):
    ranked = json.loads((run / "ranked.json").read_text())
    ranked["lists"][0]["results"][0]["path"] = "crops/\udcff.jpg"
    (run / "ranked.json").write_text(json.dumps(ranked))
    html, page = read(run)
    assert 'title="crops/&#56575;.jpg">no readable image<' in html
    assert len(page.all("div", "absent")) == 1  # all other crops are there


def test_no_such_run_is_the_users_mistake(tmp_path):
    with pytest.raises(UserError, match="No run at"):
        write_report(tmp_path / "nothing")


def test_numbers_are_written_for_people():
    assert [percent(v) for v in (0.6123, 1, None)] == ["61.2", "100.0", "–"]
    assert [number(v) for v in (0.012345, 5e-8, 12345.6, float("nan"), None)] == [
        "0.0123",
        "5e-8",
        "12,346",
        "NaN",
        "–",
    ]
    times = (0.412, 12.3, 59.7, 200, 3599.6, 3723, 90000, None)
    assert [duration(t) for t in times] == [
        "0.41 s",
        "12 s",
        "1 min 00 s",
        "3 min 20 s",
        "1 h 00 min",
        "1 h 02 min",
        "25 h 00 min",
        "–",
    ]


def test_a_baseline_has_no_pictures_to_miss(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("method: ide\ngenerates: []\n")
    page = write_report(tmp_path).read_text()
    assert "picture" not in page.partition("</style>")[2].lower()
    (tmp_path / "config.yaml").write_text("method: dgnet\ngenerates: [swap]\n")
    assert "no picture in images/" in write_report(tmp_path).read_text().lower()
