"""Answers of OAI-PMH read: what a record becomes, what is kept and not mapped, and what is no answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("lxml", reason="needs the extra [exchange]")

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue.harvest import Page, Snapshot, Walk, harvest, record_of
from concordat.exchange.catalogue.model import Dataset, Failure
from concordat.exchange.catalogue.oai import (
    DAY,
    SECOND,
    Repository,
    chosen_prefix,
    from_of,
    parse_formats,
    parse_identify,
    parse_records,
    unmapped,
)
from oai_kit import dublin_core, wrapped

AT = "https://r.example/oai"


def row(metadata: str = "", name: str = "oai:r.example:1", status: str = "", stamp: str = "2026-01-02") -> str:
    said = f' status="{status}"' if status else ""
    header = f"<identifier>{name}</identifier><datestamp>{stamp}</datestamp><setSpec>open</setSpec>"
    inner = f"<metadata>{metadata}</metadata>" if metadata else ""
    return f"<record><header{said}>{header}</header>{inner}</record>"


def read(inner: str, prefix: str = "oai_dc"):  # type: ignore[no-untyped-def]
    return parse_records(wrapped(inner), prefix, AT)


FULL = dublin_core(
    ("title", "Rain by state", "en"), ("title", "Chuva por estado", "pt"), ("title", "Rain, again", "en"),
    ("creator", "Silva, Maria"), ("contributor", "Souza, Ana"), ("subject", "rain", "en"),
    ("subject", "https://x.example/theme/ENVI"), ("description", "Monthly."), ("publisher", "Institute of Rain"),
    ("date", "2024-05"), ("type", "Dataset"), ("format", "text/csv"), ("identifier", "https://r.example/item/1"),
    ("identifier", "doi:10.1/x"), ("source", "gauges"), ("language", "pt"), ("language", "en"),
    ("relation", "https://r.example/item/2"), ("relation", "part of a series"), ("coverage", "BRA"),
    ("rights", "https://creativecommons.org/licenses/by/4.0/"), ("rights", "Cite us"),
)  # fmt: skip


def test_dublin_core_is_mapped_where_it_says_what_it_means() -> None:
    (record,) = read(row(FULL)).records
    dataset = record.dataset
    assert record.key == dataset.id == dataset.identifier == "oai:r.example:1"
    assert dataset.title == {"en": "Rain by state", "pt": "Chuva por estado"}
    assert (dataset.description, dataset.publisher) == ({"": "Monthly."}, "Institute of Rain")
    assert (dataset.keywords, dataset.themes) == ((("en", "rain"),), ("https://x.example/theme/ENVI",))
    assert (dataset.landing_page, dataset.languages) == ("https://r.example/item/1", ("en", "pt"))
    assert dataset.license == "https://creativecommons.org/licenses/by/4.0/"
    assert dataset.relations == (("https://r.example/item/2", ""),)
    assert (dataset.modified, dataset.issued, dataset.access, dataset.spatial) == ("2026-01-02", "", "", ())


def test_what_has_no_place_is_kept_and_named_and_persons_are_dropped() -> None:
    (record,) = read(row(FULL)).records
    kept = record.dataset.source_record
    assert unmapped(kept) == (
        "coverage", "date", "format", "identifier", "relation", "rights", "source", "title", "type",
    )  # fmt: skip
    assert kept is not None
    assert kept["dublin_core"]["date"] == [["", "2024-05"]]
    assert kept["dublin_core"]["identifier"] == [["", "https://r.example/item/1"], ["", "doi:10.1/x"]]
    assert kept["sets"] == ["open"]
    assert "Silva" not in str(kept)
    assert "Souza" not in str(kept)
    assert unmapped(None) == ()


def test_a_new_stamp_alone_is_no_change_and_a_new_word_is_one() -> None:
    first, stamped = (read(row(FULL, stamp=day)).records[0] for day in ("2026-01-02", "2026-02-03"))
    assert stamped.hash == first.hash
    assert read(row(FULL.replace("Monthly.", "Daily."))).records[0].hash != first.hash
    assert read(row(FULL.replace("Silva, Maria", "Lima, Joana"))).records[0].hash == first.hash


def test_deleted_records_and_those_that_cannot_be_read() -> None:
    listing = read(
        row(name="oai:r.example:9", status="deleted")
        + row(dublin_core(("subject", "no title")), "oai:r.example:2")
        + row(name="oai:r.example:3")
        + row("<other/>", "oai:r.example:4")
        + "<record><header><datestamp>2026-01-02</datestamp></header></record>"
        + row(FULL)
    )
    assert listing.gone == ("oai:r.example:9",)
    assert [r.key for r in listing.records] == ["oai:r.example:1"]
    assert listing.failed == (
        Failure("oai:r.example:2", "the record has no title."),
        Failure("oai:r.example:3", "the record has no metadata."),
        Failure("oai:r.example:4", "its metadata are no oai_dc but other."),
        Failure("record 5", "the record has no identifier.", named=False),
    )


DCAT = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dcat="http://www.w3.org/ns/dcat#"
 xmlns:dct="http://purl.org/dc/terms/"><dcat:Dataset rdf:about="https://r.example/d/1"><dct:title>Rain</dct:title>
 <dcat:distribution><dcat:Distribution><dcat:accessURL rdf:resource="https://r.example/1.csv"/></dcat:Distribution>
 </dcat:distribution></dcat:Dataset>{more}</rdf:RDF>"""


def test_dcat_is_read_where_it_is_offered() -> None:
    pytest.importorskip("rdflib", reason="needs the extra [exchange]")
    second = '<dcat:Dataset rdf:about="https://r.example/d/2"><dct:title>Bees</dct:title></dcat:Dataset>'
    listing = read(
        row(DCAT.format(more="")) + row(DCAT.format(more=second), "oai:r.example:2") + row(FULL, "oai:r.example:3"),
        "dcat_ap",
    )
    (record,) = listing.records
    assert (record.key, record.dataset.id) == ("oai:r.example:1", "https://r.example/d/1")
    assert [part.access_url for part in record.dataset.distributions] == ["https://r.example/1.csv"]
    assert [f.reason for f in listing.failed] == [
        "its metadata hold 2 datasets, and a record is one.", "its metadata are no RDF but dc.",
    ]  # fmt: skip


def test_tokens_and_lists_without_records() -> None:
    token = '<resumptionToken expirationDate="2026-01-03T00:00:00Z" cursor="0"> 0/200/abc </resumptionToken>'
    listing = read(row(FULL) + token)
    assert (listing.token, listing.at) == ("0/200/abc", "2002-06-01T19:20:30Z")
    assert read(row(FULL) + "<resumptionToken/>").token == ""
    empty = read('<error code="noRecordsMatch"/>')
    assert (empty.records, empty.token, empty.at) == ((), "", "2002-06-01T19:20:30Z")
    with pytest.raises(SourceError, match="4,001 characters"):
        read(row(FULL) + f"<resumptionToken>{'x' * 4001}</resumptionToken>")
    with pytest.raises(SourceError, match="a list without a record"):
        read("")


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ('<error code="badResumptionToken">gone</error>', "token", "badResumptionToken: gone.*begins anew"),
        ('<error code="cannotDisseminateFormat"/>', "format", "cannotDisseminateFormat: no reason given"),
        ('<error code="badArgument">from</error><error code="badVerb"/>', "oai", "badArgument: from"),
    ],
    ids=["token", "format", "argument"],
)
def test_errors_of_the_protocol_have_names(said: str, code: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        read(said)
    assert caught.value.code == code


BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><OAI-PMH>&b;</OAI-PMH>'
OUTSIDE = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><OAI-PMH>&e;</OAI-PMH>'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html><title>Portal</title></html>", "the document is a html.*It begins: <html>"),
        (b"busy", "not well-formed XML"),
        (b"", "the file is empty"),
        (BOMB, "XML refused: DOCTYPE"),
        (OUTSIDE, "XML refused: DOCTYPE"),
        ("<OAI-PMH/>".encode("utf-16"), "not UTF-8"),
        (b"<a>" * 70 + b"</a>" * 70, "nested deeper than 64"),
        (wrapped("").replace(b"2002-06-01T19:20:30Z", b"yesterday"), "its responseDate is .yesterday."),
        (wrapped("", verb="ListSets"), "it has no ListRecords"),
        (wrapped("").replace(b"www.openarchives.org/OAI/2.0", b"www.openarchives.org/OAI/1.1"), "the document is a"),
    ],
    ids=["html", "text", "empty", "entities", "outside", "utf-16", "deep", "date", "verb", "version"],
)
def test_what_is_no_answer_is_told_with_its_beginning(data: bytes, words: str) -> None:
    with pytest.raises(SourceError, match=words) as caught:
        parse_records(data, "oai_dc", AT)
    assert caught.value.code == "not_oai"
    assert AT in str(caught.value)


IDENTITY = (
    "<protocolVersion>2.0</protocolVersion><earliestDatestamp>1990-02-01T12:00:00Z</earliestDatestamp>"
    f"<deletedRecord>transient</deletedRecord><granularity>{SECOND}</granularity>"
)


def test_a_repository_says_who_it_is() -> None:
    found = parse_identify(wrapped(IDENTITY, verb="Identify"), AT)
    assert found == Repository(SECOND, "transient", "1990-02-01T12:00:00Z", "2002-06-01T19:20:30Z")
    assert not found.remembers
    assert replace(found, deletions="persistent").remembers
    for old, new, words in (
        ("2.0", "1.1", "speaks OAI-PMH 1.1"), (SECOND, "YYYY", 'granularity is "YYYY"'),
        ("transient", "maybe", 'deletedRecord is "maybe"'),
    ):  # fmt: skip
        with pytest.raises(SourceError, match=words):
            parse_identify(wrapped(IDENTITY.replace(f">{old}<", f">{new}<"), verb="Identify"), AT)


def test_the_format_is_the_one_asked_for_or_the_best_that_is_offered() -> None:
    rows = "".join(f"<metadataFormat><metadataPrefix>{p}</metadataPrefix></metadataFormat>" for p in ("oai_dc", "marc"))
    offered = parse_formats(wrapped(rows, verb="ListMetadataFormats"), AT)
    assert offered == ("oai_dc", "marc")
    assert chosen_prefix(offered, "", AT) == "oai_dc"
    assert chosen_prefix((*offered, "dcat"), "", AT) == "dcat"
    assert chosen_prefix((*offered, "dcat"), "oai_dc", AT) == "oai_dc"
    with pytest.raises(InputError, match=r'"marc" are not read.*One of dcat_ap'):
        chosen_prefix(offered, "marc", AT)
    with pytest.raises(SourceError, match="it offers marc, and not oai_dc"):
        chosen_prefix(("marc",), "", AT)


@pytest.mark.parametrize(
    ("granularity", "earliest", "start"),
    [
        (SECOND, "1990-02-01T12:00:00Z", "2026-02-28T23:59:59Z"),
        (DAY, "1990-02-01", "2026-02-28"),
        (DAY, "2026-03-01", "2026-02-28"),
        (DAY, "not a day!", "2026-02-28"),
    ],
    ids=["second", "day", "whatever it calls its first", "nonsense"],
)
def test_a_later_reading_begins_one_step_before_the_earlier_one(granularity: str, earliest: str, start: str) -> None:
    """Guidelines for harvesters, section 3: successive readings overlap by one step of the repository's clock."""
    repository = Repository(granularity, "persistent", earliest, "2026-03-02T00:00:00Z")
    assert from_of("2026-03-01T00:00:00Z", repository) == start


def test_a_clock_that_went_back_leaves_no_place_to_begin_at() -> None:
    """What changed since may bear a time before that of the earlier reading: it is never asked for from there."""
    repository = Repository(SECOND, "persistent", "1999-01-01", "2026-03-01T00:00:00Z")
    assert from_of("2036-03-01T00:00:00Z", repository) == ""
    assert from_of("2026-03-01T00:00:00Z", repository) == "2026-02-28T23:59:59Z"


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00Z", "0999-12-31T23:59:59Z"])
def test_a_time_from_which_no_day_can_be_asked_for_is_no_answer(at: str) -> None:
    with pytest.raises(SourceError, match="its responseDate is"):
        parse_records(wrapped(row(FULL), at), "oai_dc", AT)


def test_a_list_that_breaks_off_without_a_record_leaves_its_rest_open() -> None:
    """Section 3.6: noRecordsMatch answers a request's arguments, and a token has none."""
    said = wrapped('<error code="noRecordsMatch"/>')
    assert parse_records(said, "oai_dc", AT).failed == ()
    (failure,) = parse_records(said, "oai_dc", AT, further=True).failed
    assert (failure.key, failure.named) == (AT, False)


# --- Changes alone ------------------------------------------------------------------------------------------------


def _dataset(name: str, said: str = "x") -> Dataset:
    return Dataset(f"urn:x:{name}", {"": said})


def _held(*names: str) -> Snapshot:
    return Snapshot({record_of(_dataset(n)).key: record_of(_dataset(n)).hash for n in names})


def test_of_a_reading_of_changes_only_what_is_said_to_be_deleted_is_gone() -> None:
    pages = [
        Page((record_of(_dataset("a", "new")),), token="1", gone=("urn:x:b", "urn:x:never-held"), since=True),
        Page((record_of(_dataset("d")),), since=True),
    ]
    changes = harvest(_held("a", "b", "c"), pages, 0)
    assert ([r.key for r in changes.added], [r.key for r in changes.changed]) == (["urn:x:d"], ["urn:x:a"])
    assert changes.removed == ("urn:x:b",)


def test_what_is_there_again_is_not_gone_and_what_goes_later_is() -> None:
    back = [Page((), token="1", gone=("urn:x:a",), since=True), Page((record_of(_dataset("a")),), since=True)]
    assert harvest(_held("a"), back, 0).removed == ()
    for since in (False, True):
        away = [Page((record_of(_dataset("a")),), token="1", since=since), Page((), gone=("urn:x:a",), since=since)]
        assert harvest(_held("a"), away, 0).removed == ("urn:x:a",)


def test_deletions_beyond_the_limit_wait_for_a_person_as_well() -> None:
    names = [f"{n:02}" for n in range(40)]
    page = Page((), gone=tuple(f"urn:x:{n}" for n in names[:20]), since=True)
    assert len(harvest(_held(*names), [page], 0).waiting) == 20
    unnamed = Page((), (Failure("record 1", "no identifier", named=False),), since=True)
    assert harvest(_held("a"), [unnamed], 0).waiting == ()  # what has no name is no deletion


def test_a_walk_goes_on_with_what_was_said_to_be_gone() -> None:
    walk = Walk(_held("a", "b"), ["urn:x:a", "urn:x:b"], gone=["urn:x:a"])
    walk.take(Page(()))
    assert walk.finish().removed == ("urn:x:a",)
