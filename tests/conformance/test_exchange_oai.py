"""The responses that the protocol's own text shows, rewritten from its facts, and what we read in them.

Source: OAI-PMH 2.0 of 2002-06-14, the examples of sections 3.2, 4.1, 4.2, 4.4 and 4.5: identifiers, datestamps, sets,
statuses, token attributes and error codes as there (status of single values: unverified against the page); the
surrounding words are ours.
"""

from __future__ import annotations

import pytest

pytest.importorskip("lxml", reason="needs the extra [exchange]")

from concordat.errors import SourceError
from concordat.exchange.catalogue.oai import parse_formats, parse_identify, parse_records
from oai_kit import dublin_core, wrapped

WHERE = "http://an.oa.org/OAI-script"


def test_section_4_1_one_record_in_dublin_core() -> None:
    title = "Using Structural Metadata to Localize Experience of Digital Content"
    metadata = dublin_core(
        ("title", title), ("creator", "Dushay, Naomi"), ("subject", "Digital Libraries"),
        ("description", "Comment: 23 pages including 2 appendices, 8 figures"), ("date", "2001-12-14"),
    )  # fmt: skip
    header = (
        "<header><identifier>oai:arXiv.org:cs/0112017</identifier><datestamp>2001-12-14</datestamp>"
        "<setSpec>cs</setSpec><setSpec>math</setSpec></header>"
    )
    listing = parse_records(wrapped(f"<record>{header}<metadata>{metadata}</metadata></record>"), "oai_dc", WHERE)
    (record,) = listing.records
    assert (record.key, record.dataset.title) == ("oai:arXiv.org:cs/0112017", {"": title})
    assert record.dataset.keywords == (("", "Digital Libraries"),)
    assert record.dataset.source_record is not None
    assert record.dataset.source_record["sets"] == ["cs", "math"]


def test_section_4_2_a_repository_that_stamps_by_the_second_and_forgets_deletions_in_time() -> None:
    said = (
        "<repositoryName>Library of Congress Open Archive Initiative Repository 1</repositoryName>"
        "<baseURL>http://memory.loc.gov/cgi-bin/oai</baseURL><protocolVersion>2.0</protocolVersion>"
        "<adminEmail>somebody@loc.gov</adminEmail><earliestDatestamp>1990-02-01T12:00:00Z</earliestDatestamp>"
        "<deletedRecord>transient</deletedRecord><granularity>YYYY-MM-DDThh:mm:ssZ</granularity>"
        "<compression>deflate</compression>"
    )
    found = parse_identify(wrapped(said, "2002-02-08T12:00:01Z", "Identify"), WHERE)
    assert (found.deletions, found.remembers) == ("transient", False)
    assert (found.granularity, found.earliest) == ("YYYY-MM-DDThh:mm:ssZ", "1990-02-01T12:00:00Z")


def test_section_4_4_formats_in_their_order() -> None:
    rows = "".join(
        f"<metadataFormat><metadataPrefix>{prefix}</metadataPrefix><schema>http://{prefix}.xsd</schema>"
        f"<metadataNamespace>http://{prefix}/</metadataNamespace></metadataFormat>"
        for prefix in ("olac", "perseus", "oai_dc")
    )
    assert parse_formats(wrapped(rows, verb="ListMetadataFormats"), WHERE) == ("olac", "perseus", "oai_dc")


def test_section_4_5_a_list_with_a_deleted_record_and_an_incomplete_one() -> None:
    kept = (
        "<record><header><identifier>oai:arXiv.org:hep-th/9901001</identifier><datestamp>1999-12-25</datestamp>"
        f"<setSpec>physics:hep</setSpec></header><metadata>{dublin_core(('title', 'Investigations'))}</metadata>"
        "<about><rights>as the source says</rights></about></record>"
    )
    gone = (
        '<record><header status="deleted"><identifier>oai:arXiv.org:hep-th/9901007</identifier>'
        "<datestamp>1999-12-21</datestamp></header></record>"
    )
    token = '<resumptionToken expirationDate="2002-06-01T23:20:00Z" completeListSize="6" cursor="0">xxx45abttyz'
    listing = parse_records(wrapped(f"{kept}{gone}{token}</resumptionToken>"), "oai_dc", WHERE)
    assert [record.key for record in listing.records] == ["oai:arXiv.org:hep-th/9901001"]
    assert (listing.gone, listing.token) == (("oai:arXiv.org:hep-th/9901007",), "xxx45abttyz")
    last = parse_records(
        wrapped(f'{kept}<resumptionToken completeListSize="6" cursor="4"></resumptionToken>'), "oai_dc", WHERE
    )
    assert last.token == ""


@pytest.mark.parametrize("code", ["badArgument", "badResumptionToken", "badVerb", "cannotDisseminateFormat",
                                  "noSetHierarchy"])  # fmt: skip
def test_section_3_6_every_error_of_a_list_stops_the_reading(code: str) -> None:
    with pytest.raises(SourceError, match=code):
        parse_records(wrapped(f'<error code="{code}">as it says</error>'), "oai_dc", WHERE)


def test_section_3_6_no_match_is_an_empty_list_and_no_error() -> None:
    listing = parse_records(wrapped('<error code="noRecordsMatch">none</error>'), "oai_dc", WHERE)
    assert (listing.records, listing.failed, listing.gone, listing.token) == ((), (), (), "")
