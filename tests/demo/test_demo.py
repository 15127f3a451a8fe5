"""The demo on a tiny world, with tiny networks: its parts, its report, and that it goes on."""

import html
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from lookalike.cli.flags import check_flags
from lookalike.cli.generate import VERBS
from lookalike.cli.settings_parser import parse_settings
from lookalike.data import load
from lookalike.demo import demo as demos
from lookalike.demo.colours import stripe_histogram
from lookalike.demo.demo import DemoSettings, colour_baseline, demo
from lookalike.demo.report import clearest
from lookalike.errors import UserError
from lookalike.methods import METHODS
from lookalike.stopping import Interrupted
from lookalike.training.run import train
from lookalike.world.writer.annotations import truth_of

TINY = {"height": 64, "width": 48, "pad": 2, "backbone": "resnet10"}
SMALL: dict[str, dict[str, Any]] = {
    "ide": {**TINY, "ids_per_batch": 2, "images_per_id": 2},
    "dgnet": {**TINY, "batch_size": 2, "structure_dim": 2, "mlp_dim": 8, "dis_dim": 2,
              "residual_blocks": 1},
}  # fmt: skip


def small_train(method: str, *args: Any, **changes: Any) -> Any:
    return train(method, *args, **changes, **SMALL[method])


@pytest.fixture(scope="module")
def tiny(market: Path) -> Iterator[DemoSettings]:
    """Two steps of tiny networks; both places are the rendered benchmark of 12 people."""

    class Tiny(DemoSettings):
        home = away = f"world:{market}"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demos, "train", small_train)
        yield Tiny(steps=2, seed=3)


@pytest.fixture(scope="module")
def first(tiny: DemoSettings, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a finished demo, and what it said."""
    out, said = tmp_path_factory.mktemp("demo") / "new" / "my demo", StringIO()
    with redirect_stderr(said):
        assert demo(out, tiny) == out / "report.html"
    return out, said.getvalue()


@pytest.fixture(scope="module")
def shown(first: tuple[Path, str]) -> Path:
    """The folder of a finished demo. Not to be changed."""
    return first[0]


def test_it_trains_both_methods_the_baseline_teaching(shown: Path) -> None:
    configs = {name: yaml.safe_load((shown / name / "config.yaml").read_text())
               for name in ("ide", "dgnet")}  # fmt: skip
    assert {c["preset"] for c in configs.values()} == {"demo"}
    assert configs["dgnet"]["settings"]["teacher_model"] == str(shown / "ide")
    assert [p.name for p in (shown / "dgnet/stages").iterdir()] == ["1-joint"]


def test_the_report_holds_everything_itself(shown: Path) -> None:
    page = (shown / "report.html").read_text()
    assert f"lookalike calibrate '{shown}/ide' --data" in html.unescape(page)
    assert f"lookalike generate '{shown}/dgnet' swap --images" in html.unescape(page)
    rows = json.loads((shown / "dgnet/evaluation.json").read_text())["rows"]
    for name in ("colour histogram", "ide", *(f"dgnet {row['features']}" for row in rows)):
        assert f'<td class="nowrap">{name}</td>' in page
    assert f"{100 * rows[0]['mAP']:.1f}" in page
    for part in ("people", "pictures", "ranked", "training", "next"):
        assert f'<h2 id="{part}">' in page
    assert not re.search(r'src="(?!data:)', page)
    for name in ("home", "known", "away", "swap", "morph"):
        assert (shown / f"images/{name}.png").is_file()
    assert "no readable image" not in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_swap_grid_shows_every_pair(shown: Path) -> None:
    with Image.open(shown / "images/swap.png") as image:
        people, gap = 4, 4  # as many as are tested, and between pictures
        columns = (people + 1) * (2 * 48 + gap)
        assert image.width == columns + 2 * gap + gap + gap


def test_a_finished_demo_is_resumed_without_training_again(
    shown: Path, tiny: DemoSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    before = [(shown / name / "metrics.jsonl").read_bytes() for name in ("ide", "dgnet")]
    demo(shown, tiny, resume=True)
    assert [(shown / n / "metrics.jsonl").read_bytes() for n in ("ide", "dgnet")] == before
    out, err = capsys.readouterr()
    assert out.endswith(f"report  {shown / 'report.html'}\n")
    assert "colour histogram" in out
    for part in range(1, 6):
        assert f"[{part}/5] " in err


def test_the_commands_that_it_says_do_the_same(first: tuple[Path, str], tiny: DemoSettings) -> None:
    out, said = first
    lines = [shlex.split(line) for line in said.splitlines() if line.startswith("      lookalike ")]
    info, *trained, night, again, painted = lines
    assert info == ["lookalike", "data", "info", tiny.home]
    for (_, verb, name, *flags), method in zip(trained, ("ide", "dgnet"), strict=True):
        assert (verb, name) == ("train", method)
        config = yaml.safe_load((out / method / "config.yaml").read_text())
        settings, run, values = parse_settings(METHODS[name], check_flags(name, flags), flags)
        teacher = {"teacher_model": str(out / "ide")} if method == "dgnet" else {}
        assert settings == METHODS[name].preset("demo", **teacher)
        assert config["settings"].items() >= teacher.items()
        assert (run.seed, run.steps) == (config["seed"], tiny.steps) == (3, 2)
        assert config["run"] == {key: getattr(run, key) for key in config["run"]}
        assert (values.preset, values.data) == (config["preset"], config["data"])
        assert values.out == str(out / method)
    for words, method in ((night, "ide"), (again, "dgnet")):
        assert words == ["lookalike", "evaluate", str(out / method), "--data", tiny.away]
    _, verb, model, kind, *flags = painted
    assert (verb, model, kind) == ("generate", str(out / "dgnet"), "swap")
    assert VERBS[kind].parser().parse_args(flags).images == [str(load(tiny.home).root / "query")]


def test_an_interrupted_demo_goes_on(
    tiny: DemoSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: Path
) -> None:
    def stopped(method: str, *args: Any, **changes: Any) -> Any:
        if method == "dgnet":
            raise Interrupted
        return small_train(method, *args, **changes)

    monkeypatch.setattr(demos, "train", stopped)
    with pytest.raises(Interrupted):
        demo(tmp_path, tiny)
    monkeypatch.setattr(demos, "train", small_train)
    assert demo(tmp_path, tiny, resume=True).is_file()
    ends = [(out / "ide/model.safetensors").read_bytes() for out in (tmp_path, shown)]
    assert ends[0][-4096:] == ends[1][-4096:]  # the weights; in front stands where they come from


def test_a_folder_in_use(shown: Path, tiny: DemoSettings, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"already holds a demo; add --resume"):
        demo(shown, tiny)
    with pytest.raises(UserError, match=r"\(steps: 2 → 0; seed: 3 → 4\)"):
        demo(shown, DemoSettings(seed=4), resume=True)
    with pytest.raises(UserError, match="There is no demo to resume"):
        demo(tmp_path / "none", tiny, resume=True)
    assert not (tmp_path / "none").exists()
    (tmp_path / "demo.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"demo\.yaml can't be read"):
        demo(tmp_path, tiny, resume=True)
    (tmp_path / "demo.yaml").rename(tmp_path / "other.txt")
    with pytest.raises(UserError, match="holds other files"):
        demo(tmp_path, tiny)
    with pytest.raises(UserError, match="Could not write"):
        demo("/proc/no/demo", tiny)


@pytest.mark.parametrize(
    ("name", "value"), [("people", 29), ("images", 1), ("steps", -1), ("seed", -1)]
)
def test_too_little_to_learn_from(name: str, value: int) -> None:
    with pytest.raises(UserError, match=f"^{name} is {value}, but must be .* or more"):
        DemoSettings(**{name: value})


def test_the_benchmarks_are_worlds() -> None:
    settings = DemoSettings(people=40, images=3, seed=5)
    assert settings.home == "world:plaza?people=40&images=3&test_fraction=0.4&seed=5"
    assert settings.away.startswith("world:night?")
    assert "seed=5" in settings.away


def test_a_histogram_counts_the_colours_of_each_stripe() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 128, 64, 3), dtype=np.uint8)
    found = stripe_histogram(images)
    for image, row in zip(images, found, strict=True):
        counts = np.zeros((8, 4, 4, 4))
        for y in range(128):
            for x in range(12, 52):
                r, g, b = image[y, x] // 64
                counts[y // 16, r, g, b] += 1
        np.testing.assert_allclose(row, np.sqrt(counts).ravel())


def test_the_histogram_ranks_above_chance(market: Path) -> None:
    (row,) = colour_baseline(load("world", market)).rows
    assert row["features"] == "colour histogram"
    assert row["queries"] == 12
    assert row["rank1"] > 0.25  # one of four


def test_the_clearest_image_of_each_person(market: Path) -> None:
    gallery = load("world", market).gallery
    paths = clearest(gallery, 3)
    pids = [int(Path(path).name[:4]) for path in paths]
    assert len(set(pids)) == 3
    assert (pids[0], pids[-1]) == (gallery.pids.min(), gallery.pids.max())
    for path, pid in zip(paths, pids, strict=True):
        hidden = truth_of(gallery[gallery.pids == pid].paths).occluded
        assert truth_of([path]).occluded[0] == hidden.min()
