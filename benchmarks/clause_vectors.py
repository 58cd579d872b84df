"""Writes MiniLM's vectors of our own clauses into the package: `python benchmarks/clause_vectors.py`.

Run it after a change of the clauses or of the definitions. The archive is written without times, so that the same
clauses give the same bytes.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from concordat.rulebook.coder import minilm
from concordat.rulebook.coder._coder import own_examples
from concordat.rulebook.coder.packaged import FILE


def main() -> None:
    """Compute and write."""
    model = minilm.load()
    texts = sorted((e.text for e in own_examples() if e.text.lang == "en"), key=lambda t: t.sha256)
    rows = model.embed([t.text for t in texts]).astype("<f2")  # half the size; angles stay to a millionth
    parts = {
        "model": np.array(model.sha256),
        "texts": np.array([list(bytes.fromhex(t.sha256)) for t in texts], dtype=np.uint8),
        "rows": rows,
    }
    place = Path(__file__).parents[1] / "src" / "concordat" / "rulebook" / "data" / FILE
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, part, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue())
    print(f"{place.name}: {len(texts)} clauses, {place.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
