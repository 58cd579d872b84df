"""Every service that can be pulled has what pulling needs: an origin, a licence, series of the catalogue, a plan."""

from __future__ import annotations

import pytest

from concordat.errors import InputError, SourceError
from concordat.evidence.catalogue import load_catalogue
from concordat.evidence.citation import origin_of
from concordat.evidence.licences import licence
from concordat.evidence.sources._base import Query, Request
from concordat.evidence.sources._connectors import CONNECTORS, connector
from concordat.evidence.sources._urls import addresses_for

PUBLIC = [(0, 0, 0, "", ("93.184.216.34", 443))]


@pytest.mark.parametrize("name", CONNECTORS)
def test_a_connector_can_be_asked_what_it_has_and_what_it_would_ask(name: str) -> None:
    found = connector(name)
    assert licence(origin_of(found.DATASET).licence)
    series = found.discover()
    if not series:
        with pytest.raises(SourceError) as caught:
            found.plan(Query())
        assert caught.value.code == "no_code"
        return
    assert {s.indicator_id for s in series} <= load_catalogue().indicators.keys()
    requests = found.plan(Query(areas=("BRA", "IND"), years=(2020, 2023)))
    assert requests == found.plan(Query(areas=("BRA", "IND"), years=(2020, 2023))), "a plan is pure"
    assert requests
    for request in requests:
        assert isinstance(request, Request)
        assert request.label
        assert addresses_for(request.url, "", lambda *_, **__: PUBLIC) == ["93.184.216.34"]
    assert len({r.file_name for r in requests}) == len(requests), "locators tell the answers apart"


def test_an_unknown_service_gets_the_nearest_or_the_list() -> None:
    with pytest.raises(InputError, match='Did you mean "worldbank"'):
        connector("WorldBanc")
    with pytest.raises(InputError, match=r"Known: .*worldbank"):
        connector("?")
