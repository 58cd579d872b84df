"""What the program brings along for a store of rules: the catalogue of instruments and the five source documents."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from concordat.rulebook.taxonomy import DATA

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

NAMES = ("instruments.yaml", "seeds.yaml")


def refresh(store: RuleStore) -> None:
    """Bring the packaged catalogue and documents into a store that has not these very files."""
    digest = hashlib.sha256(b"".join((DATA / name).read_bytes() for name in NAMES)).hexdigest()
    if store.fact("packaged") == digest:
        return
    from concordat.rulebook.catalogue import load_catalogue
    from concordat.rulebook.seeds import load_seeds

    store.put_catalogue(load_catalogue())
    for document in load_seeds().documents:
        store.put_instrument(document.instrument)
    store.put_fact("packaged", digest)
