"""What does an OAI-PMH repository say: its answers read, and its records as datasets. Nothing is ever sent to it here.

    repository = parse_identify(answer, address)             # how it writes days, whether it remembers deletions
    listing = parse_records(answer, "oai_dc", address)       # one page: records, failures, deletions, the next token

Two kinds of metadata are read: `oai_dc`, which every repository has, and DCAT in RDF/XML where one offers it under a
name of `DCAT_PREFIXES`. Unqualified Dublin Core says little, and nothing is guessed: a date does not say of what, so it
is kept and not mapped, as are type, format, source and coverage; `unmapped` names what a record keeps so. Creators and
contributors are mostly persons and are dropped before anything is kept.

A page that is an error of the protocol is a `SourceError`, but for `noRecordsMatch`, which is a page without records.
Every answer is read by `hardened`: UTF-8, no document type, bounded in bytes, depth and elements.

Source: The Open Archives Initiative Protocol for Metadata Harvesting 2.0 of 2002-06-14, sections 2.5 to 2.7, 3.2 to 3.6
and 4; its Guidelines for Harvester Implementers, section 3 (the next reading begins one step of the clock before the
first answer of this one); exchange.md 4.2. Not read: `about`, sets' descriptions, other formats.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from concordat.errors import InputError, SourceError
from concordat.exchange.catalogue import ckan
from concordat.exchange.catalogue._dcat_read import datasets_of
from concordat.exchange.catalogue.harvest import Record, record_of
from concordat.exchange.catalogue.model import Dataset, Failure, Text, is_iri, is_web_address
from concordat.exchange.catalogue.shacl import read_graph
from concordat.exchange.inclusion.hardened import Element, local, lxml, read_xml

NAMESPACE = "http://www.openarchives.org/OAI/2.0/"
OAI_DC = "{http://www.openarchives.org/OAI/2.0/oai_dc/}dc"
DC = "http://purl.org/dc/elements/1.1/"
DUBLIN_CORE = "oai_dc"
DCAT_PREFIXES = ("dcat_ap", "dcat-ap", "dcat")  # names are the repositories' own; what comes must be RDF/XML
DAY, SECOND = "YYYY-MM-DD", "YYYY-MM-DDThh:mm:ssZ"
FORMS = {DAY: "%Y-%m-%d", SECOND: "%Y-%m-%dT%H:%M:%SZ"}
PERSISTENT = "persistent"
YEAR_MIN = 1000  # before it a year has no four digits, and the days before year 1 have no name here
DROPPED = ("contributor", "creator")
TOKEN_MAX = 4_000  # characters: it travels in an address
SHOWN = 80
UNMAPPED = "unmapped"  # in a source record: the names of what is kept and not mapped

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF"
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository says of itself.

    Attributes:
        granularity: how it writes instants, `DAY` or `SECOND`. deletions: `no`, `transient` or `persistent`.
        earliest: no record is older. at: when it said so, by its own clock.
    """

    granularity: str
    deletions: str
    earliest: str
    at: str

    @property
    def remembers(self) -> bool:
        """Whether it promises to say of every record that it was deleted; else only a whole reading can tell."""
        return self.deletions == PERSISTENT


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of records.

    Attributes:
        records, failed: what could be read, and what could not. gone: keys that it says are deleted.
        token: for the next page; empty at the end. at: when the repository answered, by its own clock.
    """

    records: tuple[Record, ...]
    failed: tuple[Failure, ...]
    gone: tuple[str, ...]
    token: str
    at: str


def parse_identify(data: bytes, where: str) -> Repository:
    """The answer to `Identify`.

    Raises:
        SourceError: no answer of OAI-PMH 2.0, or one without what it must say.
    """
    found, at = _answer(data, "Identify", where)
    assert found is not None
    if (version := _said(found, "protocolVersion")) != "2.0":
        raise SourceError(f"it speaks OAI-PMH {version[:20] or 'of no version'}; 2.0 is read.", where=where, code="oai")
    granularity, deletions = _said(found, "granularity"), _said(found, "deletedRecord")
    if granularity not in FORMS:
        what = f'its granularity is "{granularity[:40]}"; the protocol knows {DAY} and {SECOND}.'
        raise SourceError(what, where=where, code="oai")
    if deletions not in ("no", "transient", PERSISTENT):
        what = f'its deletedRecord is "{deletions[:40]}"; the protocol knows no, transient and persistent.'
        raise SourceError(what, where=where, code="oai")
    return Repository(granularity, deletions, _said(found, "earliestDatestamp"), at)


def parse_formats(data: bytes, where: str) -> tuple[str, ...]:
    """The prefixes of an answer to `ListMetadataFormats`, in its order.

    Raises:
        SourceError: no answer of OAI-PMH 2.0.
    """
    found, _ = _answer(data, "ListMetadataFormats", where)
    assert found is not None
    prefixes = (_said(one, "metadataPrefix") for one in found.findall(_name("metadataFormat")))
    return tuple(prefix for prefix in prefixes if prefix)


def chosen_prefix(offered: Sequence[str], wanted: str, where: str) -> str:
    """The metadata that are read: those asked for, else DCAT if it is offered, else Dublin Core.

    Raises:
        SourceError: the repository has none that is read here. InputError: what was asked for is not read here.
    """
    known = (*DCAT_PREFIXES, DUBLIN_CORE)
    if wanted and wanted not in known:
        hint = f"One of {', '.join(known)}."
        raise InputError(f'metadata "{wanted[:40]}" are not read.', where="metadataPrefix", hint=hint, code="format")
    for prefix in (wanted,) if wanted else known:
        if prefix in offered:
            return prefix
    what = f"it offers {', '.join(sorted(offered))[:200] or 'no metadata'}, and not {wanted or DUBLIN_CORE}."
    raise SourceError(what, where=where, code="format")


def from_of(mark: str, repository: Repository) -> str:
    """Where a reading of what changed begins: one step of the repository's clock before an earlier one began.

    Empty, for everything, where its clock has gone back since: what changed meanwhile may bear any time.

    Args:
        mark: `responseDate` of the first answer of the earlier reading.

    >>> from_of("2026-03-01T00:00:00Z", Repository(DAY, "persistent", "1999-01-01", "2026-03-04T00:00:00Z"))
    '2026-02-28'
    """
    step = timedelta(days=1) if repository.granularity == DAY else timedelta(seconds=1)
    before = _instant(mark)
    if before > _instant(repository.at):
        return ""
    return (before - step).strftime(FORMS[repository.granularity])


def parse_records(data: bytes, prefix: str, where: str, *, further: bool = False) -> Listing:
    """One page of `ListRecords`.

    Args:
        further: it was asked for by a resumption token, which a list without a record never gave: then
            `noRecordsMatch` is a failure that leaves open what the rest of the list holds.

    Raises:
        SourceError: an error of the protocol (`token` for a resumption token that it doesn't know), or no answer of it.
        MethodError: DCAT is read by rdflib, and the extra [exchange] is not installed.
    """
    found, at = _answer(data, "ListRecords", where, empty="noRecordsMatch")
    if found is None:
        what = "it answers noRecordsMatch to its own resumption token: the rest of the list is not known."
        return Listing((), (Failure(where, what, named=False),) if further else (), (), "", at)
    rows = found.findall(_name("record"))
    token = found.find(_name("resumptionToken"))
    text = (token.text or "").strip() if token is not None else ""
    if len(text) > TOKEN_MAX:
        what = f"a resumption token of {len(text):,} characters; at most {TOKEN_MAX:,} are sent back."
        raise SourceError(what, where=where, code="token_length")
    if not rows and token is None:
        raise SourceError("a list without a record.", where=where, hint="Ask its publisher.", code="oai")
    records, failed, gone = [], [], []
    for number, row in enumerate(rows, 1):
        key, header = "", row.find(_name("header"))
        if header is not None:
            key = _said(header, "identifier")
        if header is None or not key:
            failed.append(Failure(f"record {number}", "the record has no identifier.", named=False))
        elif header.get("status") == "deleted":
            gone.append(key_of(key))
        else:
            try:
                records.append(_record(key, header, row.find(_name("metadata")), prefix))
            except InputError as error:
                failed.append(Failure(key_of(key), error.what))
    return Listing(tuple(records), tuple(failed), tuple(gone), text, at)


def key_of(identifier: str) -> str:
    """The lasting name of a record, made of its identifier at the repository.

    >>> key_of("oai:arXiv.org:cs/0112017"), key_of("no address")
    ('oai:arXiv.org:cs/0112017', 'urn:concordat:record:no%20address')
    """
    return identifier if is_iri(identifier) else ckan.id_of(identifier)


# --- Answers --------------------------------------------------------------------------------------------------------


def _answer(data: bytes, verb: str, where: str, *, empty: str = "") -> tuple[Element | None, str]:
    """(what was asked for, when it was answered); None for an error of the code `empty`."""
    try:
        root = read_xml(data, where)
    except InputError as error:
        raise _other(data, where, error.what.rstrip(".")) from None
    if root.tag != _name("OAI-PMH"):
        raise _other(data, where, f"the document is a {local(root.tag)[:40]}")
    at = _said(root, "responseDate")
    try:
        _instant(at)
    except ValueError:
        raise _other(data, where, f'its responseDate is "{at[:40]}", not {SECOND}') from None
    errors = [(one.get("code", ""), " ".join((one.text or "").split())) for one in root.findall(_name("error"))]
    if errors:
        if empty and any(code == empty for code, _ in errors):
            return None, at
        raise _error(*errors[0], where)
    found = root.find(_name(verb))
    if found is None:
        raise _other(data, where, f"it has no {verb}")
    return found, at


def _error(code: str, words: str, where: str) -> SourceError:
    ours = {"badResumptionToken": "token", "cannotDisseminateFormat": "format"}.get(code, "oai")
    hint = "The next run begins anew." if ours == "token" else ""
    return SourceError(f"it answers {code[:40]}: {words[:160] or 'no reason given'}", where=where, hint=hint, code=ours)


def _other(data: bytes, where: str, what: str) -> SourceError:
    head = " ".join(data[: 4 * SHOWN].decode("utf-8", "replace").split())[:SHOWN]
    hint = "The address is the base URL of the repository, without a verb: https://repository.example/oai"
    return SourceError(f"no answer of OAI-PMH 2.0: {what}. It begins: {head}", where=where, hint=hint, code="not_oai")


def _instant(text: str) -> datetime:
    """An instant of the protocol, in UTC.

    Raises:
        ValueError: another form, or a year before 1000: no clock of a repository shows one.
    """
    found = datetime.strptime(text, FORMS[SECOND]).replace(tzinfo=UTC)
    if found.year < YEAR_MIN:
        raise ValueError(text)
    return found


def _name(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _said(element: Element, name: str) -> str:
    found = element.find(_name(name))
    return " ".join((found.text or "").split()) if found is not None else ""


# --- Records ----------------------------------------------------------------------------------------------------------


def _record(key: str, header: Element, metadata: Element | None, prefix: str) -> Record:
    """One record that is not deleted.

    Raises:
        InputError: it holds no metadata, others than were asked for, or no title.
    """
    content = metadata[0] if metadata is not None and len(metadata) else None
    if content is None:
        raise InputError("the record has no metadata.", code="record")
    if prefix == DUBLIN_CORE:
        sets = sorted(" ".join((one.text or "").split()) for one in header.findall(_name("setSpec")))
        return record_of(_of_dublin_core(key, _said(header, "datestamp"), sets, content))
    return replace(record_of(_of_rdf(content)), key=key_of(key))


def _of_rdf(content: Element) -> Dataset:
    """The one dataset of a record in RDF/XML.

    Raises:
        InputError: not RDF, or not one dataset.
    """
    if content.tag != _RDF:
        raise InputError(f"its metadata are no RDF but {local(content.tag)[:40]}.", code="record")
    found = datasets_of(read_graph(lxml().tostring(content, encoding="utf-8"), "xml", "record"))
    if found.failed:
        raise InputError(found.failed[0].reason, code="record")
    if len(found.datasets) != 1:
        what = f"its metadata hold {len(found.datasets)} datasets, and a record is one."
        raise InputError(what, code="record")
    return found.datasets[0]


def _of_dublin_core(key: str, stamp: str, sets: list[str], content: Element) -> Dataset:
    """A record in unqualified Dublin Core, as far as its elements say what they mean."""
    if content.tag != OAI_DC:
        raise InputError(f"its metadata are no {DUBLIN_CORE} but {local(content.tag)[:40]}.", code="record")
    said = _elements(content)
    title, more_titles = _by_language(said.get("title", []))
    if not title:
        raise InputError("the record has no title.", code="record")
    description, more_words = _by_language(said.get("description", []))
    publishers = [text for _, text in said.get("publisher", [])]
    pages, licences, relations, themes = (
        [text for _, text in said.get(name, []) if is_web_address(text) and is_iri(text)]
        for name in ("identifier", "rights", "relation", "subject")
    )
    kept = {
        "coverage": said.get("coverage"), "date": said.get("date"), "description": more_words,
        "format": said.get("format"), "identifier": _but(said.get("identifier", []), pages[:1]),
        "publisher": _but(said.get("publisher", []), publishers[:1]),
        "relation": _but(said.get("relation", []), relations), "rights": _but(said.get("rights", []), licences[:1]),
        "source": said.get("source"), "title": more_titles, "type": said.get("type"),
    }  # fmt: skip
    record = {
        "dublin_core": {name: [list(pair) for pair in pairs] for name, pairs in said.items()}, "identifier": key,
        "metadata_modified": stamp, "sets": sets, UNMAPPED: sorted(name for name, pairs in kept.items() if pairs),
    }  # fmt: skip
    return Dataset(
        id=key_of(key), identifier=key, title=title, description=description, publisher=next(iter(publishers), ""),
        keywords=tuple(sorted({pair for pair in said.get("subject", []) if pair[1] not in themes})),
        themes=tuple(sorted(set(themes))),
        license=next(iter(licences), ""), modified=stamp,
        languages=tuple(sorted({text for _, text in said.get("language", [])})),
        landing_page=next(iter(pages), ""), relations=tuple((text, "") for text in sorted(set(relations))),
        source_record=record,
    )  # fmt: skip


def _elements(content: Element) -> dict[str, list[tuple[str, str]]]:
    """(language, text) of each element of Dublin Core by name, without persons and without what is empty."""
    found: dict[str, list[tuple[str, str]]] = {}
    for one in content:
        name, text = local(one.tag), " ".join("".join(one.itertext()).split())
        if one.tag == f"{{{DC}}}{name}" and name not in DROPPED and text:
            language = one.get(_LANG, "")
            found.setdefault(name, []).append((language if _LANGUAGE.fullmatch(language) else "", text))
    return dict(sorted(found.items()))


def _by_language(pairs: Sequence[tuple[str, str]]) -> tuple[Text, list[tuple[str, str]]]:
    """The first text of each language, and those beyond."""
    first: dict[str, str] = {}
    beyond = []
    for language, text in pairs:
        if first.setdefault(language, text) != text:
            beyond.append((language, text))
    return first, beyond


def _but(pairs: Sequence[tuple[str, str]], mapped: Sequence[str]) -> list[tuple[str, str]]:
    """Those whose text was not mapped."""
    return [pair for pair in pairs if pair[1] not in mapped]


def unmapped(record: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The names of what a source record keeps and no field of the model says."""
    return tuple((record or {}).get(UNMAPPED, ()))
