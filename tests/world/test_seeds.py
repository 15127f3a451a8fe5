"""Every draw has its own generator."""

import subprocess
import sys

import numpy as np

from lookalike.world.seeds import rng


def first(*key):
    return int(rng(*key).integers(2**62))


def test_the_same_name_draws_the_same():
    assert first("shot", 0, "plaza", 3) == first("shot", 0, "plaza", 3)
    assert first("shot", 7) == first("shot", np.int64(7))


def test_every_item_of_the_key_counts():
    # (1,) and (1, 0) are one seed to numpy itself, and so are 2**32 and (0, 1)
    keys = [(), (0,), (0, 0), (1,), (1, 0), (0, 1), (2**32,), (-1,), ("1",), ("1", 0), ("10",)]
    keys += [("plaza", 1), ("mall", 1), ("plaza", 2), ("plaza1",)]
    draws = {first(tag, *key) for tag in ("shot", "person") for key in keys}
    assert len(draws) == 2 * len(keys)


def test_another_process_draws_the_same():
    # Python's own hash() of strings differs between processes: it must not be in here
    code = "from lookalike.world.seeds import rng; print(rng('a', 'b', 5).integers(2**62))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == first("a", "b", 5)
