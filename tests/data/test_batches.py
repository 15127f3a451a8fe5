from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike import parallel
from lookalike.data.batches import Crops, Steps, step_loader
from lookalike.data.image_table import ImageTable
from lookalike.data.people import People
from lookalike.data.poses import Poses
from lookalike.data.samplers import IdentityBalanced, Partners, step_seed
from lookalike.data.transforms import Augment, RandomErasing


@pytest.fixture
def steps(tmp_path: Path) -> Steps:
    rng, paths = np.random.default_rng(0), []
    for i in range(24):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(rng.integers(0, 256, (16, 8, 3), dtype=np.uint8)).save(paths[-1])
    people = People(paths, np.repeat([7, 2, 9, 4, -1, 11], 4), np.tile([0, 1, 2, 3], 6))
    labels = people.labels()
    sampler, partners = IdentityBalanced(labels, 2, 4, seed=0), Partners(labels, seed=0)

    def plan(step: int) -> dict[str, np.ndarray]:
        anchor = sampler.batch(step)
        return {"anchor": anchor, "partner": partners.draw(anchor, step)}

    return Steps(people, ImageTable(paths, 16, 8), plan)


def equal(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(
        a == b if name == "step" else all(map(torch.equal, a[:4], b[:4]))
        for (name, a), b in zip(one.items(), other.values(), strict=True)
    )


def test_an_item_is_the_crops_of_its_step(steps: Steps) -> None:
    item = steps[5]
    assert list(item) == ["step", "anchor", "partner"]
    assert item["step"] == 5
    anchor: Crops = item["anchor"]
    assert anchor.images.shape == (8, 3, 16, 8)
    assert anchor.images.dtype == torch.uint8
    index = anchor.index.numpy()
    assert np.array_equal(index, steps.plan(5)["anchor"])
    assert np.array_equal(anchor.labels.numpy(), np.repeat([2, 0, 3, 1, -1, 4], 4)[index])
    assert np.array_equal(anchor.camids.numpy(), index % 4)
    assert torch.equal(anchor.images, steps.table[index])
    assert torch.equal(item["partner"].labels, anchor.labels)
    assert not (item["partner"].index == anchor.index).any()


def test_crops_bring_their_joints(steps: Steps) -> None:
    assert steps[0]["anchor"].joints is None
    table, people = steps.table, People(steps.table.paths, [1] * 24, [0] * 24)
    joints = np.random.default_rng(0).uniform(0, 8, (24, 18, 3)).astype(np.float32)
    posed = replace(people, poses=Poses(joints, np.tile([32, 8], (24, 1))))
    crops: Crops = Steps(posed, table, lambda k: {"x": np.array([5, 3])})[0]["x"]
    assert crops.joints is not None
    assert np.allclose(crops.joints, joints[[5, 3]] * [1, 0.5, 1])  # 32×8 files, 16×8 crops


@pytest.mark.parametrize("workers", [0, 2])
def test_going_on_inside_an_epoch_gives_the_same_steps(steps: Steps, workers: int) -> None:
    whole = list(step_loader(steps, 0, 9))
    rest = step_loader(steps, 5, 9, workers)
    assert len(rest) == 4
    for _ in range(2):  # a loader may be iterated again
        for one, other in zip(rest, whole[5:], strict=True):
            assert equal(one, other)
            assert isinstance(one["anchor"], Crops)
            assert one["anchor"].images.is_contiguous(memory_format=torch.channels_last)
    assert not equal(whole[0], {**whole[1], "step": 0})


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize("area", [None, (0.5, 1.0)])
def test_the_processes_rows_together_are_the_batch(
    steps: Steps,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    area: tuple[float, float] | None,
) -> None:
    """Augmentation included: the numbers do not depend on how many processes there are."""
    erase = RandomErasing(p=0.7, fill="random")
    augment = Augment(12, 6, pad=2, area=area, aspect=(1.5, 2.5), erase=erase)

    def run() -> tuple[dict, torch.Tensor, torch.Tensor]:
        item = steps[3]
        torch.manual_seed(step_seed(0, "joint", 3))
        anchor = augment(item["anchor"].images)
        return item, anchor, augment(item["partner"].images)

    whole = run()
    parts = []
    monkeypatch.setattr(parallel, "world_size", lambda: processes)
    for rank in range(processes):
        monkeypatch.setattr(parallel, "rank", lambda rank=rank: rank)
        parts.append(run())
    for name in ("anchor", "partner"):
        for column in range(4):
            together = torch.cat([item[name][column] for item, _, _ in parts])
            assert torch.equal(together, whole[0][name][column])
    for which in (1, 2):
        assert torch.equal(torch.cat([part[which] for part in parts]), whole[which])


def test_a_table_of_other_people_is_refused(steps: Steps) -> None:
    with pytest.raises(ValueError, match="2 people, but 24 images"):
        Steps(People(["a", "b"], [1, 2], [0, 0]), steps.table, steps.plan)
