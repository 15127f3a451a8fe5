"""Rendered people: a folder that holds a world, or domains that are rendered on first use."""

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from lookalike.data.people import Benchmark, People
from lookalike.data.readers.common import Passed, pass_over
from lookalike.data.readers.market import EXAMPLE, read_splits
from lookalike.errors import UserError, unknown
from lookalike.files import cache
from lookalike.world.places.domains import DOMAINS
from lookalike.world.spec import WorldSpec
from lookalike.world.writer.annotations import spec_of
from lookalike.world.writer.begin import versions
from lookalike.world.writer.layout import ANNOTATIONS, WORLD, check_testable
from lookalike.world.writer.render import render

# What of a world's specification the options set
WORLD_OPTIONS = (
    "people", "cameras", "images", "clothes", "seed", "site", "siblings", "test_fraction", "height",
    "width",
)  # fmt: skip


def world(
    place: str,
    *,
    people: int | None = None,
    cameras: int | None = None,
    images: int | None = None,
    clothes: int | None = None,
    seed: int | None = None,
    site: int | None = None,
    sites: int | None = None,
    siblings: float | None = None,
    test_fraction: float | None = None,
    height: int | None = None,
    width: int | None = None,
    test: bool = True,
) -> Benchmark:
    """People rendered by `lookalike world render`, all of whom are known: `place` is their folder.

    Or `place` is a domain (plaza, campus, mall, night), or several as plaza+campus: each is then
    rendered, when it is asked for the first time, to $LOOKALIKE_CACHE/world or
    ~/.cache/lookalike/world. The options are those of the command, and sites: so many places of
    each domain, from site on. The people are divided evenly among the places; persons and cameras
    are numbered on from place to place, so that no two share a number.
    """
    values = dict(locals())
    options = {k: values[k] for k in WORLD_OPTIONS if values[k] is not None}
    names = place.split("+")
    if all(name in DOMAINS for name in names):
        specs = _specs(names, options, 1 if sites is None else sites)
        root = cache("world")
        folders = [_rendered(spec, root) for spec in specs]
    else:
        folders = [_folder(place, [*options, *(["sites"] if sites is not None else [])])]
        specs, root, place = [spec_of(folders[0])], folders[0], ""
    bench = _joined(folders, specs, test)
    if place:
        _check(bench, specs[0], place, test)
    elif not any(map(len, (bench.train, bench.query, bench.gallery))):
        raise UserError(f"There are no images of the world at '{root}': render it anew.")
    root = folders[0] if len(folders) == 1 else root
    # Of several worlds: the folder that has them all; `truth_of` finds each image's own.
    notes = {kind: root / name if len(folders) == 1 else root for kind, name in ANNOTATIONS.items()}
    return replace(bench, root=root, source=place, annotations=notes)


def _specs(names: Sequence[str], options: dict[str, Any], sites: int) -> list[WorldSpec]:
    """A world for each domain and site."""
    if len(set(names)) < len(names):
        raise UserError(f"'{'+'.join(names)}' names a domain twice: option sites gives more of it.")
    people = options.get("people", WorldSpec().people)
    count = len(names) * sites
    if sites < 1:
        raise UserError(f"A world needs 1 or more sites, not {sites}.")
    if 0 < people < count:
        raise UserError(f"{people} people are too few for {count} places: at least one in each.")
    first = options.get("site", 0)
    places = [(DOMAINS[name], first + i) for name in names for i in range(sites)]
    shares = [people // count + (i < people % count) for i in range(count)]
    return [
        WorldSpec(**{**options, "domain": domain, "site": site, "people": share})
        for (domain, site), share in zip(places, shares, strict=True)
    ]


def _rendered(spec: WorldSpec, root: Path) -> Path:
    """The world's folder in the cache, rendered now if it isn't yet."""
    key = json.dumps([spec.as_dict(), versions()], sort_keys=True)
    size = f"{spec.people}x{spec.cameras}x{spec.images}"
    digest = sha256(key.encode()).hexdigest()[:12]
    folder = root / f"{spec.domain.name}-{size}-seed{spec.seed}-site{spec.site}-{digest}"
    if not (folder / WORLD).exists():
        check_testable(spec)  # before work is announced
        images = spec.people * spec.cameras * spec.images
        print(f"lookalike: rendering {images:,} images to {folder}, once.", file=sys.stderr)
        render(spec, folder)
    return folder


def _folder(place: str, options: Sequence[str]) -> Path:
    folder = Path(place).expanduser().absolute()
    if (folder / WORLD).exists():
        if options:
            raise UserError(f"'{folder}' is rendered already, so {options[0]} can't be set.")
        return folder
    if folder.exists() or len(Path(place).parts) > 1:
        raise UserError(
            f"No rendered world at '{folder}': it has no {WORLD}; `lookalike world render` makes "
            "one, or finishes it."
        )
    strangers = [name for name in place.split("+") if name not in DOMAINS]
    raise unknown("domain", strangers[0], DOMAINS)


def _joined(folders: Sequence[Path], specs: Sequence[WorldSpec], test: bool) -> Benchmark:
    """One benchmark of the worlds, each numbered on from the one before."""
    benches = []
    names: dict[int, str] = {}
    passed: Passed = {}
    persons = cameras = 0
    for folder, spec in zip(folders, specs, strict=True):
        bench = read_splits("world", folder, EXAMPLE, test)
        pass_over(passed, bench.passed_over)
        benches.append(
            [
                People(split.paths, split.pids + persons, split.camids + cameras)
                for split in (bench.train, bench.query, bench.gallery)
            ]
        )
        if persons:
            label = f"{spec.domain.name} {spec.site}"
            names |= {persons + i: f"{label}: {i:04d}" for i in range(1, spec.people + 1)}
        persons, cameras = persons + spec.people, cameras + spec.cameras
    domain = "+".join(dict.fromkeys(spec.domain.name for spec in specs))
    train, query, gallery = (
        People(
            [path for split in splits for path in split.paths],
            np.concatenate([split.pids for split in splits]),
            np.concatenate([split.camids for split in splits]),
            domain,
        )
        for splits in zip(*benches, strict=True)
    )
    return Benchmark(
        "world", folders[0], train, query, gallery, pid_names=names, passed_over=passed
    )


def _check(bench: Benchmark, spec: WorldSpec, place: str, test: bool) -> None:
    """Raises UserError for a drawn split without images, unless the test fraction asked for it."""
    splits = ["train"] if spec.test_fraction < 1 else []
    splits += ["query", "gallery"] if spec.test_fraction > 0 and test else []
    for split in splits:
        if not len(getattr(bench, split)):
            raise UserError(
                f"The {split} split of world:{place} has no images: render more people, or a test "
                "fraction of 0 or 1."
            )
