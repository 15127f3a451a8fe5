"""Who a method plans with: domains of several data, and the target."""

import dataclasses
from pathlib import Path

import pytest

import lookalike as la
from lookalike.methods.cc import ClusterContrast
from lookalike.methods.ide import IDE
from lookalike.training.given import plan_people


def test_crops_of_people_nobody_knows_teach_only_who_reads_no_identities(tmp_path: Path) -> None:
    for name in ("c1_0.jpg", "c2_0.jpg"):
        (tmp_path / name).touch()
    bench = la.load(f"folder:{tmp_path}?person=none")
    with pytest.raises(la.UserError, match=r"ide learns from .* none of its 2 training images who"):
        plan_people(IDE(), [bench], None, 0, Path())
    assert len(plan_people(ClusterContrast(), [bench], None, 0, Path()).learner) == 2


def test_a_source_that_is_the_target_too_keeps_its_identities(market: Path) -> None:
    bench = la.load("market1501", str(market))
    given = plan_people(IDE(), [bench], bench, 0, Path())
    assert given.source.num_pids == 8
    assert given.target is not None
    assert given.target.num_pids == 0
    assert set(given.source.domain) == set(given.target.domain)


def test_domains_of_one_name_stay_apart(market: Path) -> None:
    bench = la.load("market1501", str(market))
    benches = [
        dataclasses.replace(bench, root=Path(root), train=bench.train.named(Path(root).name))
        for root in ("/x/crops", "/y/crops", "/z/crops-2", "/x/crops")
    ]
    people = plan_people(IDE(), benches, None, 0, Path()).source
    assert people.domains == ("crops", "crops-2", "crops-2-3")
    assert people.num_pids == 3 * 8
    assert [len(part) for part in people.parts] == [72] * 4
