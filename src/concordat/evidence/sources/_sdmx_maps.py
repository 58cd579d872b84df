"""Our maps of SDMX services, and reading a person's own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from concordat.errors import InputError
from concordat.evidence.sources._sdmx_model import SdmxFile
from concordat.settings import parse_yaml, validate

AGENCIES = ("bis", "ecb", "eurostat", "ilo", "imf", "oecd", "unicef")


@cache
def agency_map(agency: str) -> SdmxFile:
    """The packaged map of one agency."""
    assert agency in AGENCIES, agency
    return read_map(files("concordat.evidence").joinpath(f"_data/sdmx/{agency}.yaml").read_bytes(), f"{agency}.yaml")


def read_map(body: bytes, where: str) -> SdmxFile:
    """A map from the bytes of its file.

    Raises:
        InputError: it breaks the schema, or names an indicator or breakdown that the catalogue does not have.
    """
    from concordat.evidence.catalogue import load_catalogue

    document = parse_yaml(body, where=where, schema="sdmx@1")
    found = validate(document, SdmxFile)
    catalogue = load_catalogue()
    for i, flow in enumerate(found.flows):
        for j, series in enumerate(flow.series):
            place = document.place("flows", i, "series", j, "indicator")
            indicator = catalogue.get(series.indicator, where=place)
            for name in series.breakdown:
                if name not in indicator.breakdowns:
                    known = ", ".join(indicator.breakdowns) or "none"
                    what = f'{indicator.id} has no breakdown "{name}".'
                    raise InputError(what, where=place, hint=f"It has: {known}.", code="unknown_breakdown")
    return found
