"""Every random thing in a world has a generator of its own, named by what it is for."""

from hashlib import blake2b

import numpy as np


def rng(tag: str, *key: int | str) -> np.random.Generator:
    """A generator that depends on the tag and the key alone, never on what was drawn before.

    So any worker may make any part of a world in any order and gets the same bytes. The name is
    hashed as text because numpy's own seeding pads with zeros: there (1,) and (1, 0) are one seed.
    """
    name = repr((tag, *(item if isinstance(item, str) else int(item) for item in key)))
    return np.random.default_rng(
        int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "big")
    )
