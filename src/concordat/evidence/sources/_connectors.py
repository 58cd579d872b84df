"""Which services can be pulled, by the name a person types: one line each."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.evidence.sources._base import Connector

# name -> module, or module:object where one module serves several services. See `_base.Connector`.
CONNECTORS: dict[str, str] = {
    "bis": "concordat.evidence.sources.sdmx_csv:bis",
    "ecb": "concordat.evidence.sources.sdmx_csv:ecb",
    "eurostat": "concordat.evidence.sources.sdmx_csv:eurostat",
    "ilo": "concordat.evidence.sources.sdmx_csv:ilo",
    "imf": "concordat.evidence.sources.sdmx_csv:imf",
    "itu": "concordat.evidence.sources.itu",
    "oecd": "concordat.evidence.sources.sdmx_csv:oecd",
    "unicef": "concordat.evidence.sources.sdmx_csv:unicef",
    "un_sdg": "concordat.evidence.sources.un_sdg",
    "worldbank": "concordat.evidence.sources.worldbank",
}


def connector(name: str) -> Connector:
    """The connector of that name.

    Raises:
        InputError: there is none; the message suggests the nearest.
    """
    from concordat.settings import nearest

    place = CONNECTORS.get(name)
    if place is None:
        close = nearest(name, CONNECTORS)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(sorted(CONNECTORS))}."
        raise InputError(f'"{name}" is not a source that can be pulled.', hint=hint, code="unknown_source")
    module, _, attribute = place.partition(":")
    found = importlib.import_module(module)
    return cast("Connector", getattr(found, attribute) if attribute else found)
