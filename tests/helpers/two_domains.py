"""A method with everything that the spine offers, small enough to train in a second.

Two domains, pictures written between two stages, and rounds whose labels come from clustering. Run
as a script it trains in processes of its own, and dies where it is told to:

    python two_domains.py FOLDER OUT DEVICES RESUME POINT
"""

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

import lookalike as la
from lookalike import parallel
from lookalike.data.images import decode
from lookalike.data.people import Index
from lookalike.data.samplers import IdentityBalanced, Shuffled
from lookalike.methods.look import Look
from lookalike.methods.method import Method, Need
from lookalike.methods.model import Model
from lookalike.methods.optimizers import adam
from lookalike.methods.stage import Done, Given, Stage, StageModule, Terms, Write
from lookalike.metrics import pseudo_labels
from lookalike.training import RunSettings, run, write

SIZE = (16, 8)
STEPS, ROUND = 6, 3


@dataclass(frozen=True)
class TwoDomains(Method):
    """Recolours a source as its target looks, and learns on the result by clustering it."""

    name: ClassVar[str] = "two_domains"
    title: ClassVar[str] = "Two domains"
    needs: ClassVar[tuple[Need, ...]] = ("target",)
    labels: ClassVar[bool] = False

    def stages(self, given: Given) -> list[Stage | Write]:
        assert given.target is not None
        both = given.source + given.target
        sides = [Shuffled(rows, 4, given.seed + k) for k, rows in enumerate(both.parts)]
        fakes = given.source.files(given.folder / "recoloured")

        def draw(done: Done) -> Callable[[Index], Tensor]:
            return lambda rows: done["recolour"](images(given.source.paths[rows])).clamp(0, 1)

        return [
            Stage("recolour", both, STEPS, SIZE,
                  lambda k: {"source": sides[0].batch(k), "target": sides[1].batch(k)},
                  lambda done: Recolour()),
            Write("write", fakes, draw, batch_size=8),
            Stage("learn", fakes + given.target, STEPS, SIZE, None, lambda done: Learn(), ROUND),
        ]  # fmt: skip

    @classmethod
    def model_type(cls) -> type[Model]:
        return Tiny


def images(paths: Any) -> Tensor:
    """Files as B×3×H×W in [0, 1]."""
    return torch.from_numpy(np.stack([decode(p, *SIZE) for p in paths])).permute(0, 3, 1, 2) / 255


class Recolour(StageModule):
    """Moves the mean colour of one domain to the other's."""

    def __init__(self) -> None:
        super().__init__()
        self.trained = nn.Conv2d(3, 3, 1)

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        source, target = (batch[k].images.float() / 255 for k in ("source", "target"))
        terms = Terms()
        noise = torch.rand(4, 1, 1, 1)[parallel.my_rows(4)] / 10  # drawn for all processes
        means = [x.mean((2, 3)) for x in (self.trained(source + noise), target)]
        terms.add("colour", 1.0, (means[0] - means[1]).square().mean())
        self.descend(terms, *self.raw_optimizers())

    def learning_rate(self, step: int) -> float:
        return 1 - step / (2 * STEPS)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam((self.trained, 0.05))


class Learn(StageModule):
    """Learns the clusters of each round, and remembers every crop's feature."""

    def __init__(self) -> None:
        super().__init__()
        self.trained = Tiny(TwoDomains(), 0)
        self.memory: Tensor
        self.cluster: Tensor
        self.register_buffer("memory", None)  # made by the first renewal
        self.register_buffer("cluster", torch.zeros(0, dtype=torch.int64))

    @property
    def clusters(self) -> Tensor:
        return self.cluster

    def renew(self, look: Look) -> None:
        self.memory = look.over(self.trained.embed)
        noisy = F.normalize(self.memory + torch.randn_like(self.memory) / 1000)
        labels = pseudo_labels(noisy, eps=0.7, min_samples=2, k1=6, k2=2).labels
        self.cluster = torch.from_numpy(np.asarray(labels, np.int64))

    def plan(self, step: int) -> dict[str, Index]:
        return {"crops": IdentityBalanced(self.cluster.numpy(), 2, 2, self.seed).batch(step)}

    def iteration(self, batch: dict[str, Any], step: int) -> None:
        crops, terms = batch["crops"], Terms()
        x = self.trained.features(self.trained.preprocess(crops.images))
        centres = torch.stack([self.memory[self.cluster == c].mean(0) for c in self.cluster.unique()
                               if c >= 0])  # fmt: skip
        logits = x @ F.normalize(centres).T / 0.1
        terms.add("contrast", 1.0, F.cross_entropy(logits, self.cluster[crops.index]))
        self.descend(terms, *self.raw_optimizers())
        with torch.no_grad():
            rows = parallel.gather_rows(crops.index)
            self.memory[rows] = 0.5 * self.memory[rows] + 0.5 * parallel.gather_rows(x)

    def learning_rate(self, step: int) -> float:
        return 1.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return adam((self.trained, 0.01))


class Tiny(Model):
    """A feature of eight numbers."""

    features_of = ("net",)

    def __init__(self, method: Method, classes: int) -> None:
        super().__init__(method, classes, *SIZE, "half")
        self.net = nn.Conv2d(3, 8, 3, 2)

    def features(self, x: Tensor) -> Tensor:
        return F.normalize(self.net(x).flatten(2).mean(2))


def make_domains(folder: Path) -> None:
    """Two benchmarks of twelve plain, noisy crops of four people, the second one darker."""
    rng = np.random.default_rng(0)
    for domain, light in (("bright", 1.0), ("dark", 0.4)):
        for split, first in (("bounding_box_train", 1), ("query", 11), ("bounding_box_test", 11)):
            place = folder / domain / split
            place.mkdir(parents=True)
            for person in range(4):
                colour = np.array([40 + 50 * person, 200 - 40 * person, 90]) * light
                for camera in range(3):
                    noise = rng.normal(0, 6, (*SIZE, 3))
                    pixels = (colour + noise).clip(0, 255).astype(np.uint8)
                    name = f"{first + person:04d}_c{camera + 1}s1_{camera:06d}_00.png"
                    if split != "query" or camera == 0:
                        Image.fromarray(pixels).save(place / name)


class Killed(BaseException):
    """As sudden as a signal: nothing catches it."""


def die() -> None:
    """How a point of the grid ends this process: by a signal, or by an exception in tests."""
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, end: Callable[[], None] = die) -> Callable[[], None]:
    """Lets this process end at a point: STAGE:STEP before that step, renew:STEP inside the renewal
    before that step, write:N after N pictures, before:write and after:write between two stages.
    Gives what disarms.
    """
    kind, _, number = point.partition(":")
    step, renew = StageModule.training_step, Learn.renew
    save, write_pictures = write.save_picture, run.write_pictures
    written = 0

    def stepping(self: StageModule, batch: dict[str, Any], index: int = 0) -> None:
        if kind == self.stage and batch["step"] == int(number):
            end()
        step(self, batch, index)

    def renewing(self: Learn, look: Look) -> None:
        renew(self, look)  # as late as can be: all of it is done, and lost
        if kind == "renew" and self.step == int(number):
            end()

    def saving(picture: Any, path: Path) -> Path:
        nonlocal written
        if kind == "write" and written == int(number):
            end()
        written += 1
        return save(picture, path)

    def disarm() -> None:
        StageModule.training_step, Learn.renew = step, renew  # type: ignore[method-assign]
        write.save_picture, run.write_pictures = save, write_pictures

    def writing(*args: Any) -> int:
        if point == "before:write":
            end()
        count = write_pictures(*args)
        if point == "after:write":
            end()
        return count

    StageModule.training_step = stepping  # type: ignore[method-assign]
    Learn.renew = renewing  # type: ignore[method-assign]
    write.save_picture, run.write_pictures = saving, writing
    return disarm


def train(folder: Path, out: Path, **changes: Any) -> run.Run:
    """The run in `out`, of which every other step is saved. changes: keywords of `la.train`."""
    benches = [la.load(f"market1501:{folder / name}") for name in ("bright", "dark")]
    return train_on(*benches, out, **changes)


def train_on(source: la.Benchmark, target: la.Benchmark, out: Path, **changes: Any) -> run.Run:
    """The same on any two benchmarks."""
    settings = RunSettings(accelerator="cpu", precision="fp32", seed=3, layout="channels_last",
                           log_every=1, checkpoint_every=2)  # fmt: skip
    return la.train(TwoDomains(), source, target=target, out=out, settings=settings, **changes)


if __name__ == "__main__":
    folder, out, devices, resume, point = sys.argv[1:]
    if point and parallel.rank() == 0 and int(os.environ.get("LOCAL_RANK", 0)) == 0:
        arm(point)
    train(Path(folder), Path(out), devices=int(devices), resume=resume == "resume")
    if int(os.environ.get("LOCAL_RANK", 0)):
        os._exit(0)
