"""Random numbers of a named use: one stream a name, so that a new parameter doesn't move the draws of the others."""

from __future__ import annotations

import hashlib

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The stream of NumPy's PCG64 that belongs to a use, seeded by the SHA-256 of seed and name.

    >>> bool(stream(1, "a").integers(100) == stream(1, "a").integers(100))
    True
    """
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "big")))
