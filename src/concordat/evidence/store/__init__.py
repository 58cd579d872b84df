"""The store of evidence: one append-only data directory in which nothing changes silently.

    raw/ab/<sha256>.gz                        publishers' bodies, by hash          (`raw`)
    raw/retrievals.jsonl                      how each came to us                  (`raw`)
    obs/<source>/<dataset>/<vintage>.parquet  the rows of a vintage                (`tables`)
    catalog.sqlite                            vintages, licences, releases         (`catalog`, `releases`)

The main path:

    with open_store(settings.data_dir) as store:
        vintage = ensure_embedded(store, catalogue)            # concordat.evidence.embedded
        observations = store.observations(vintage)             # every hash checked
        release = store.make_release(None, [vintage], catalogue.hash, blocs_hash)
"""

from concordat.evidence.store._store import Store, open_store
from concordat.evidence.store.catalog import Vintage, VintageMeta
from concordat.evidence.store.raw import Retrieval
from concordat.evidence.store.releases import Release, ReleaseVintage

__all__ = ["Release", "ReleaseVintage", "Retrieval", "Store", "Vintage", "VintageMeta", "open_store"]
