"""Who a method plans with: the training people of all data as one table, and the target's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from lookalike.data import DISTRACTOR, Benchmark, People
from lookalike.errors import UserError
from lookalike.methods.method import Method
from lookalike.methods.stage import Given


def plan_people(
    method: Method, benches: Sequence[Benchmark], target: Benchmark | None, seed: int, folder: Path
) -> Given:
    """The people that a method plans with: those of all `benches` as one table, and the target's.

    Domains of one name that are different data get different names. Raises UserError where there
    is nobody to train on.
    """
    tables: list[People] = []
    names: dict[str, str] = {}  # domain → the data that has it
    for number, bench in enumerate([*benches, *([target] if target else [])], 1):
        people = bench.train
        if method.labels if number <= len(benches) else method.reads_target_labels:
            people = people[people.pids > DISTRACTOR]
        else:
            people = people.unlabelled()
        unused = number > len(benches) and method.labels and "target" not in method.needs
        if not len(people) and unused:  # tested on alone
            return Given(joined(tables), None, seed, folder)
        if not len(people) and len(bench.train):
            raise UserError(
                f"{method.name} learns from identities, and {bench} says of none of its "
                f"{len(bench.train):,} training images who it is: `lookalike methods` tells which "
                "methods read no identities."
            )
        if not len(people):
            raise UserError(f"{bench} has no training images.")
        for domain in people.domains:
            if names.setdefault(domain, str(bench)) != str(bench):
                fresh = (f"{domain}-{k}" for k in count(number))
                name = next(n for n in fresh if names.setdefault(n, str(bench)) == str(bench))
                people = people.named(name)
        tables.append(people)
    return Given(joined(tables[: len(benches)]), tables[-1] if target else None, seed, folder)


def joined(tables: Sequence[People]) -> People:
    """The sum of the tables."""
    total = tables[0]
    for people in tables[1:]:
        total = total + people
    return total


def true_identities(benches: Sequence[Benchmark]) -> dict[str, int]:
    """A number for the person in every training crop: for the log of methods that mustn't know."""
    persons: dict[tuple[int, int], int] = {}
    identities = {}
    for number, bench in enumerate(benches):
        for path, pid in zip(bench.train.paths, bench.train.pids.tolist(), strict=True):
            if pid > DISTRACTOR:
                identities[path] = persons.setdefault((number, pid), len(persons) + 1)
    return identities
