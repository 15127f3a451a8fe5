"""People cut from the training set to choose settings on: the tested ones are ranked once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from lookalike.data.people import Benchmark
from lookalike.data.readers.common import queries_of
from lookalike.errors import UserError


def with_validation(bench: Benchmark, identities: int, seed: int = 0) -> Benchmark:
    """The benchmark whose query and gallery are people of its training set, who leave that.

    identities: how many, drawn with `seed`. Of each the first image in every camera asks for the
    others, as `queries_of` has it; the protocol is "market1501". The benchmark's own tested people
    are nowhere. Raises UserError for more people than there are, or where nobody is left to train
    on.
    """
    from lookalike.data.samplers import step_generator  # imports torch

    people = bench.train
    classes = people.classes
    if len(classes) < 2:
        raise UserError(
            f"The training set of {bench.name} has {len(classes)} people: option validation takes "
            "some of them to test on, and leaves others to train on."
        )
    if not 0 < identities < len(classes):
        raise UserError(
            f"Option validation should be from 1 to {len(classes) - 1}, not {identities}: the "
            f"training set of {bench.name} has {len(classes)} people."
        )
    persons = step_generator(seed, "validation").permutation(classes)[:identities]
    asks = np.zeros(len(people), bool)
    for pid in np.sort(persons):
        rows = np.flatnonzero(people.pids == pid)
        cameras: Sequence[Hashable] = people.camids[rows].tolist()
        asks[rows] = queries_of(cameras)
    held_out = np.isin(people.pids, persons)
    query, gallery = people[held_out & asks], people[held_out & ~asks]
    if people.num_cams == 1:  # nobody knows the cameras: no crop may be left out as the query's own
        gallery = replace(gallery, camids=gallery.camids + 1)
    if not len(query) or not len(gallery):
        raise UserError(
            f"The {identities} people of option validation have no two images each in different "
            "cameras: take more of them."
        )
    return replace(
        bench,
        train=people[~held_out],
        query=query,
        gallery=gallery,
        protocol="market1501",
        splits=(),
    )
