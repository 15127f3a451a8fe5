"""Reader world: a rendered folder, and domains rendered on first use."""

import json
import re
import shutil
import sys

import numpy as np
import pytest

import lookalike as la
from lookalike.data import parse_data
from lookalike.data.check import check
from lookalike.data.info import describe
from lookalike.errors import UserError
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.annotations import truth_of
from lookalike.world.writer.render import RenderSummary

SPLITS = ("train", "query", "gallery")
READER = sys.modules["lookalike.data.readers.world"]  # its package has the function of that name


def rows(people):
    return list(zip(people.paths, people.pids, people.camids, strict=True))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "world"


@pytest.fixture
def drawn(cache, monkeypatch):
    """The reader with empty files instead of images; the list of the specs that it has rendered."""
    specs = []

    def draw(spec, folder):
        specs.append(spec)
        from lookalike.world.writer.layout import SPLITS, crops, people_tested

        for split in SPLITS:
            (folder / split).mkdir(parents=True)
        for person in range(spec.people):
            for crop in crops(spec, person, person in people_tested(spec)):
                (folder / crop.split / f"{crop.stem}.jpg").touch()
        (folder / "world.json").write_text(json.dumps({"spec": spec.as_dict()}))
        return RenderSummary(folder, 0, 0, 0)

    monkeypatch.setattr(READER, "render", draw)
    return specs


def test_a_rendered_folder_as_market1501_and_foreign_readers_see_it(rendered):
    bench = la.load("world", rendered)
    assert (bench.name, bench.root, bench.protocol) == ("world", rendered, "market1501")
    market = la.load("market1501", rendered)
    for split in SPLITS:
        assert rows(getattr(bench, split)) == rows(getattr(market, split))
    assert (len(bench.train), len(bench.query), len(bench.gallery)) == (12, 6, 6)
    assert (bench.train.num_pids, bench.query.num_pids, bench.train.num_cams) == (3, 3, 2)
    for path, pid, camid in rows(bench.gallery):
        foreign = re.search(r"([-\d]+)_c(\d)", path)
        assert (int(foreign[1]), int(foreign[2])) == (pid, camid + 1)
    assert all(path.exists() for k, path in bench.annotations.items() if k != "structure")
    truth = truth_of(bench.gallery.paths)
    assert np.array_equal(truth.pids, bench.gallery.pids)
    assert np.array_equal(truth.camids, bench.gallery.camids)
    assert str(bench) == f"world:{rendered}"
    assert rows(parse_data(str(bench)).query) == rows(bench.query)


def test_checks_find_nothing_to_complain_of(rendered):
    bench = la.load(f"world:{rendered}")
    assert {finding.severity for finding in check(bench)} <= {"note"}
    assert describe(bench)["splits"]["gallery"]["identities"] == 3


def test_a_domain_is_rendered_once(cache, monkeypatch, capsys, no_workers):
    text = "world:plaza?people=2&cameras=2&images=1"
    bench = la.load(text)
    assert str(bench) == text
    assert bench.root.parent == cache
    assert bench.root.name.startswith("plaza-2x2x1-seed0-site0-")
    assert capsys.readouterr().err.startswith("lookalike: rendering 4 images to ")
    assert set(bench.annotations) >= {"pose", "mask", "parts", "structure"}
    assert bench.annotations["pose"].read_text().count("\n") == 5
    assert truth_of(bench.train.paths).masks.any()

    def fail(*args):
        raise AssertionError("rendered again")

    monkeypatch.setattr(READER, "render", fail)
    again = la.load("world", "plaza", people=2, cameras="2", images=1)
    for split in SPLITS:
        assert rows(getattr(again, split)) == rows(getattr(bench, split))
    assert capsys.readouterr().err == ""


def test_options_make_the_spec(drawn):
    la.load("world:night?people=9&cameras=3&images=2&clothes=2&seed=5&site=4&siblings=0.5"
            "&test_fraction=0.3&height=64&width=32")  # fmt: skip
    (spec,) = drawn
    assert spec.domain.name == "night"
    assert spec == WorldSpec(spec.domain, 9, 3, 2, 2, 5, 4, 0.5, 0.3, 64, 32)
    la.load("world:night")
    assert drawn[1] == WorldSpec(spec.domain)


def test_different_worlds_have_different_folders(drawn, monkeypatch):
    folders = {la.load(f"world:plaza?people=4&siblings={s}").root for s in (0, 0.5)}
    monkeypatch.setattr(READER, "versions", lambda: {"numpy": "9"})
    folders.add(la.load("world:plaza?people=4&siblings=0").root)
    assert len(folders) == 3


def test_domains_and_sites_are_numbered_on(drawn, cache):
    bench = la.load("world", "plaza+mall", people=22, cameras=2, sites=2)
    places = [(spec.domain.name, spec.site, spec.people) for spec in drawn]
    assert places == [("plaza", 0, 6), ("plaza", 1, 6), ("mall", 0, 5), ("mall", 1, 5)]
    assert bench.root == cache
    classes = np.concatenate([bench.train.classes, bench.query.classes])
    assert sorted(classes.tolist()) == list(range(1, 23))
    assert set(bench.gallery.camids) == set(range(8))
    first = {0: (0, 0), 1: (6, 2), 2: (12, 4), 3: (17, 6)}  # persons and cameras before
    names = [path.parent for path in sorted(cache.glob("*/world.json"))]
    order = sorted(names, key=lambda p: [*map(p.name.startswith, ("mall",)), "site1" in p.name])
    for split in SPLITS:
        for path, pid, camid in rows(getattr(bench, split)):
            place = next(i for i, folder in enumerate(order) if path.startswith(str(folder)))
            own = re.search(r"(\d+)_c(\d)", path.rpartition("/")[2])
            persons, cameras = first[place]
            assert (pid, camid) == (int(own[1]) + persons, int(own[2]) - 1 + cameras)
    assert bench.pid_names[7] == "plaza 1: 0001"
    assert bench.pid_names[22] == "mall 1: 0005"
    assert 6 not in bench.pid_names
    again = parse_data(str(bench))
    assert str(bench) == "world:plaza+mall?people=22&cameras=2&sites=2"
    assert rows(again.gallery) == rows(bench.gallery)


@pytest.mark.parametrize(("fraction", "empty"), [("0", ["query", "gallery"]), ("1", ["train"])])
def test_nobody_to_test_or_to_train_on_if_asked(drawn, fraction, empty):
    bench = la.load(f"world:plaza?people=4&test_fraction={fraction}")
    assert [split for split in SPLITS if not len(getattr(bench, split))] == empty
    assert len(la.load(f"world:{bench.root}").train) == len(bench.train)


def test_a_folder_named_like_a_domain(rendered, tmp_path, monkeypatch):
    shutil.copytree(rendered, tmp_path / "plaza")
    monkeypatch.chdir(tmp_path)
    assert la.load("world:./plaza").root == tmp_path / "plaza"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("world:plazza", "Unknown domain 'plazza'; did you mean 'plaza'"),
        ("world:plaza+mal", "Unknown domain 'mal'; did you mean 'mall'"),
        ("world:plaza+plaza", "names a domain twice"),
        ("world:plaza?people=0", "people is 0, but must be 1 or more"),
        ("world:plaza?people=1", "The query split of world:plaza has no images"),
        ("world:plaza?people=some", "Option people of world should be a whole number"),
        ("world:plaza?siblings=some", "Option siblings of world should be a number"),
        ("world:plaza?peopel=3", "Unknown option of world 'peopel'; did you mean 'people'"),
        ("world:plaza?place=3", "Unknown option of world 'place'"),
        ("world:plaza?sites=0", "1 or more sites, not 0"),
        ("world:plaza+mall?people=3&sites=2", "3 people are too few for 4 places"),
        ("world:plaza?cameras=1", "2 or more"),
        ("world:{rendered}?people=6", "is rendered already, so people can't be set"),
        ("world:{rendered}?sites=1", "is rendered already, so sites can't be set"),
        ("world:{rendered}/query", "No rendered world at"),
        ("world:nowhere/world", "No rendered world at"),
        ("world:", "isn't name:path"),
        ("world", "isn't name:path"),
    ],
)
def test_user_errors(drawn, rendered, text, said):
    with pytest.raises(UserError, match=said):
        la.load(text.format(rendered=rendered))


def test_unfinished_world_is_no_benchmark(rendered, tmp_path):
    copy = shutil.copytree(rendered, tmp_path / "copy")
    (copy / "world.json").unlink()
    with pytest.raises(UserError, match=r"No rendered world .*finishes it"):
        la.load("world", copy)


def test_a_worlds_splits_that_are_there_are_read(rendered, tmp_path):
    """As of other readers: what uses a split says so where it lacks."""
    world = tmp_path / "world"
    shutil.copytree(rendered, world)
    whole = la.load("world", world)
    folders = {"train": "bounding_box_train", "query": "query", "gallery": "bounding_box_test"}
    for split, folder in folders.items():
        (world / folder).rename(tmp_path / folder)
        bench = la.load("world", world)
        sizes = {name: len(getattr(bench, name)) for name in folders}
        assert sizes == {**{name: len(getattr(whole, name)) for name in folders}, split: 0}
        (tmp_path / folder).rename(world / folder)
    for folder in folders.values():
        shutil.rmtree(world / folder)
    (world / "query").mkdir()
    with pytest.raises(UserError, match="There are no images of the world at"):
        la.load("world", world)
