"""MiniLM's vectors of our own clauses, computed once and shipped: without them the first coding takes a minute longer.

The file holds a row for each clause that MiniLM reads, in half precision, by the SHA-256 of its text, and names the
weights that made it (all-MiniLM-L6-v2, Apache-2.0). With other weights it is not used. `benchmarks/clause_vectors.py`
writes it; a test computes rows again.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from concordat.rulebook.taxonomy import DATA

FILE = "clause_vectors.npz"


@cache
def clause_vectors(model_sha256: str) -> dict[tuple[str, str], bytes]:
    """Vectors by (hash of the text, hash of the weights); none where the weights are others."""
    path = DATA / FILE
    if not path.is_file():
        return {}
    with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
        if str(found["model"]) != model_sha256:
            return {}
        keys = [bytes(row).hex() for row in found["texts"]]
        rows = found["rows"].astype("<f4")
    return {(key, model_sha256): row.tobytes() for key, row in zip(keys, rows, strict=True)}
