"""Which codes of the DAC's lists there are, as the IATI Standard replicates them: sectors, aid types, policy markers.

Packaged from IATI-Codelists-NonEmbedded (CC BY 4.0, attribution in `_data/iati/NOTICE.md`). Withdrawn codes stay in the
lists, with their status, because old activities carry them.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parents[1] / "_data" / "iati"
LISTS = ("AidType", "PolicyMarker", "Sector", "SectorCategory")


@cache
def codes(name: str) -> dict[str, str]:
    """Code -> English name, of one list, sorted by code.

    >>> codes("Sector")["22040"]
    'Information and communication technology (ICT)'
    """
    assert name in LISTS, name
    text = (_DATA / f"codelist-{name}.csv").read_text(encoding="utf-8")
    return {row["code"]: row["name_en"] for row in sorted(csv.DictReader(text.splitlines()), key=lambda r: r["code"])}
