"""Which sector of the OECD DAC list a label or code stands for.

Codes are three digits (a sector) or five (a purpose), as IATI publishes the list; a code that is not there is named
with its nearest, and kept. Labels of the Digital Public Goods registry get the code of our reviewed table
(`_data/dpg_sectors.yaml`); a label without one stays a label, since a guessed sector would be counted as a fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from concordat.exchange.inclusion.codelists import codes
from concordat.settings import nearest, parse_yaml

TABLE = Path(__file__).parent / "_data" / "dpg_sectors.yaml"


@cache
def dac_codes() -> dict[str, str]:
    """Every code, three digits or five, with its English name.

    >>> dac_codes()["22040"], dac_codes()["311"]
    ('Information and communication technology (ICT)', 'Agriculture')
    """
    return codes("SectorCategory") | codes("Sector")


@cache
def label_codes() -> dict[str, str]:
    """Labels of the registry that have a code: label -> code."""
    return dict(_table()["codes"])


@cache
def labels_without_code() -> frozenset[str]:
    """Labels of the registry that were looked at and have no code."""
    return frozenset(_table()["text"])


def unknown_dac(found: Iterable[str]) -> Iterator[str]:
    """A sentence for each code that the list does not hold, with the nearest.

    >>> list(unknown_dac(["22040", "22041"]))
    ['DAC code 22041 is not in the list. Did you mean 22040 (Information and communication technology (ICT))?']
    """
    known = dac_codes()
    for code in found:
        if code in known:
            continue
        close = nearest(code, known)
        hint = f" Did you mean {close[0]} ({known[close[0]]})?" if close else ""
        yield f"DAC code {code} is not in the list.{hint}"


@cache
def _table() -> dict[str, dict[str, str]]:
    return dict(parse_yaml(TABLE.read_bytes(), where=TABLE.name, schema="dpg-sectors@1").value)
