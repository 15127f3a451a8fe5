"""How fast one core renders people, and what the time goes into.

    python benchmarks/world.py [--people 60] [--domain plaza]

Crops of 128×64 with four samples a pixel and everything known of them, written as `lookalike world
render` writes them; a person is built once for 6 cameras × 3 crops. What a place needs once (frames
and strangers) is shared out over a world of 200 people. Then structure renders of 256×128. Seconds
are the process's own, so that other work on the machine does little to them. Exits with 1 below
60 images/s or 100 views/s, or above 1 GiB.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy: a worker has one thread

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
from people_features import peak_gib, print_machine, verdict

from lookalike.world.bodies.poses import sample_pose
from lookalike.world.dressing.person import Person
from lookalike.world.places.domains import DOMAINS
from lookalike.world.renderer import shots
from lookalike.world.renderer.crowd import SPRITES
from lookalike.world.renderer.shots import Site
from lookalike.world.renderer.structure import structure
from lookalike.world.seeds import rng
from lookalike.world.spec import WorldSpec
from lookalike.world.writer import worker
from lookalike.world.writer.layout import PROGRESS, SPLITS, crops, people_tested

IMAGE_BAR, VIEW_BAR, MEMORY_BAR = 1000 / 60, 10.0, 1.0  # ms, ms, GiB
PEOPLE = 200  # of the world over which a place's own cost is shared out
PERSON, POSE, RASTER, SHADE = "identity and outfit", "pose", "rasterise", "shade, shadow map"
PLACE, SENSOR, TRUTH = "background, crowd, box", "sensor, JPEG", "truth, files"
SECTIONS: dict[str, list[tuple[Any, str]]] = {
    PERSON: [(Site, "_make_person")],
    POSE: [(shots, "sample_pose"), (Person, "posed")],
    RASTER: [(shots.layers, "perspective"), (shots.layers, "cover")],
    SHADE: [(shots.layers, "light_on"), (shots.layers, "render")],
    PLACE: [(Site, "_scene")],
    SENSOR: [(shots, "expose"), (shots, "jpeg")],
    TRUTH: [(worker, "render_person")],
}


class Sections:
    """Seconds by section, each without the sections inside it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._open: list[str] = []
        self._since = 0.0
        for name, places in SECTIONS.items():
            for owner, attribute in places:
                setattr(owner, attribute, self._timed(name, getattr(owner, attribute)))

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            self._book()
            self._open.append(name)
            try:
                return function(*arguments, **options)
            finally:
                self._book()
                self._open.pop()

        return run

    def _book(self) -> None:
        """What passed since the last change belongs to the innermost open section."""
        now = process_time()
        if self._open:
            self.seconds[self._open[-1]] += now - self._since
        self._since = now


def folders(out: Path) -> None:
    for folder in (PROGRESS, *SPLITS, *(f"parts/{split}" for split in SPLITS)):
        (out / folder).mkdir(parents=True)


def prepare(site: Site) -> float:
    """Seconds for the frames and strangers of all cameras."""
    start = process_time()
    for camera in range(site.spec.cameras):
        site.frame(camera)
        for number in range(SPRITES):
            site.sprite(camera, number)
    return process_time() - start


def render(site: Site, out: Path) -> float:
    """Seconds to write all people's crops."""
    test, start = people_tested(site.spec), process_time()
    for person in range(site.spec.people):
        worker.render_person(site, crops(site.spec, person, person in test), out)
    return process_time() - start


def views(site: Site, people: int = 8, yaws: int = 8) -> float:
    """Seconds of a structure render of 256×128, several to a pose; posing isn't in it."""
    posed = [site.person(i, 0).posed(sample_pose(rng("views", i))) for i in range(people)]
    start = process_time()
    for person in posed:
        for yaw in np.linspace(0, 2 * np.pi, yaws, endpoint=False):
            structure(person, yaw)
    return (process_time() - start) / (people * yaws)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the rendering of people on one core.")
    parser.add_argument("--people", type=int, default=60, help="how many to render")
    parser.add_argument("--domain", choices=DOMAINS, default="plaza")
    arguments = parser.parse_args()
    domain = DOMAINS[arguments.domain]
    with tempfile.TemporaryDirectory() as folder:
        folders(Path(folder))
        warm = Site(WorldSpec(domain, people=2, seed=1))
        render(warm, Path(folder))  # kernels are compiled, or loaded, and tables made
        views(warm, 1, 1)
        del warm  # a worker has one site
        sections = Sections()  # before the site, which keeps its own methods
        site = Site(WorldSpec(domain, people=arguments.people))
        once = prepare(site)
        sections.seconds.clear()
        total = render(site, Path(folder))
        spent = sections.seconds.copy()
    crop = total / (site.spec.people * site.spec.cameras * site.spec.images)
    whole = crop + once / (PEOPLE * site.spec.cameras * site.spec.images)
    view = views(site)
    print_machine(f"{site.spec.people} people of {domain.name}, 18 crops each")
    print(f"{'ms of a crop':28}{1e3 * crop:8.2f}")
    for name in SECTIONS:
        print(f"  {name:26}{1e3 * crop * spent[name] / total:8.2f}")
    print(
        f"once for a place: {once:.1f} s; so in a world of {PEOPLE} people {1 / whole:.0f} ", end=""
    )
    print(f"images/s; structures {1 / view:.0f} views/s")
    return verdict(
        {
            f"ms an image, of {PEOPLE} people": (1e3 * whole, IMAGE_BAR),
            "ms a structure": (1e3 * view, VIEW_BAR),
            "peak GiB": (peak_gib(), MEMORY_BAR),
        }
    )


if __name__ == "__main__":
    sys.exit(main())
