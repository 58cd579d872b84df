"""The packaged evidence, put into a store by a process of its own: for a server that has other things to do meanwhile.

It imports nothing before it is asked, so that naming it costs nothing where the process is started.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def fill(data_dir: Path, factbook: Path | None) -> None:
    """Fill the store, if it isn't filled. What goes wrong is for the one to tell who opens the store next: it tries
    the same again."""
    from concordat.errors import ConcordatError
    from concordat.evidence import load_catalogue, open_store
    from concordat.evidence.embedded import ensure_embedded

    with suppress(ConcordatError), open_store(data_dir) as store:
        ensure_embedded(store, load_catalogue(), factbook)
