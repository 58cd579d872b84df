"""The gate on anything: it never raises, never wavers, and what we write comes back as it was."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import MESSAGES, xml
from concordat.clearing.iso import Gate
from concordat.clearing.iso.findings import FINDINGS_MAX, LAYERS
from concordat.clearing.iso.gate import read
from concordat.clearing.iso.types import Amount, Balance, Entry, Header, Message, Statement, Status
from concordat.clearing.iso.write import write

GATE = Gate()

# XML 1.0 knows no control characters but tab and the ends of lines, no lone surrogates, and neither U+FFFE nor U+FFFF.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"], include_characters="\t\n\r", exclude_characters="\ufffe\uffff")


def text(most: int) -> st.SearchStrategy[str]:
    return st.text(LETTERS, min_size=1, max_size=most)


def maybe(found: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.just("") | found


CODES = {"BRL": 2, "JPY": 0, "KWD": 3, "INR": 2}
CODE4 = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=4)
BICS = st.from_regex(r"[A-Z]{4}(BR|RU|IN|CN|ZA)[A-Z0-9]{2}(XXX)?", fullmatch=True)
UETRS = st.uuids(version=4).map(str)
DAYS = st.dates().filter(lambda d: d.year >= 1000).map(str)
TIMES = st.datetimes().filter(lambda d: d.year >= 1000).map(lambda d: d.isoformat() + "Z")
CURRENCIES = st.sampled_from(sorted(CODES))


@st.composite
def amounts(draw: st.DrawFn, currency: str, *, signed: bool = False) -> Amount:
    minor = draw(st.integers(-(10**15) if signed else 0, 10**15))
    return Amount(Decimal(minor).scaleb(-CODES[currency]), currency)


@st.composite
def headers(draw: st.DrawFn, definition: str) -> Header:
    return Header(
        sender_bic=draw(BICS),
        receiver_bic=draw(BICS),
        message_id=draw(text(35)),
        definition=definition,
        created=draw(TIMES),
        service=draw(maybe(text(35))),
        copy=draw(maybe(st.sampled_from(["CODU", "COPY", "DUPL"]))),
    )


@st.composite
def statuses(draw: st.DrawFn, header: Header | None) -> Status:
    return Status(
        uetr=draw(maybe(UETRS)),
        status=draw(st.sampled_from(["ACSC", "PDNG", "RJCT", "ACSP"])),
        reason=draw(maybe(CODE4)),
        texts=tuple(draw(st.lists(text(105), max_size=3))),
        original_message_id=(original := draw(maybe(text(35)))),
        original_message=draw(text(35)) if original else "",
        instruction_id=draw(maybe(text(35))),
        end_to_end_id=draw(maybe(text(35))),
        transaction_id=draw(maybe(text(35))),
        accepted=draw(maybe(TIMES)),
        settlement_date=draw(maybe(DAYS)),
        clearing_reference=draw(maybe(text(35))),
        instructing_bic="" if header is None else header.sender_bic,
        instructed_bic="" if header is None else header.receiver_bic,
    )


@st.composite
def status_reports(draw: st.DrawFn) -> Message:
    definition = draw(st.sampled_from(["pacs.002.001.10", "pacs.002.001.12"]))
    header = draw(st.none() | headers(definition))
    items = tuple(draw(st.lists(statuses(header), min_size=1, max_size=3)))
    return Message(definition, draw(text(35)), draw(TIMES), items, header)


@st.composite
def entries(draw: st.DrawFn, currency: str) -> Entry:
    return Entry(
        reference=draw(maybe(text(35))),
        amount=draw(amounts(currency)),
        credit=draw(st.booleans()),
        booked=draw(maybe(DAYS)),
        value_date=draw(maybe(DAYS)),
        status=draw(st.sampled_from(["BOOK", "PDNG", "INFO"])),
        reversal=draw(st.booleans()),
        servicer_reference=draw(maybe(text(35))),
        transaction_code=(draw(CODE4), draw(CODE4), draw(CODE4)),
        uetr=draw(maybe(UETRS)),
        end_to_end_id=draw(maybe(text(35))),
        instruction_id=draw(maybe(text(35))),
        text=draw(maybe(text(100))),
    )


@st.composite
def statements(draw: st.DrawFn, definition: str) -> Statement:
    currency = draw(CURRENCIES)
    found = tuple(draw(st.lists(entries(currency), max_size=4)))
    balances: tuple[Balance, ...] = ()
    if definition == "camt.053.001.08":  # a statement that ties: rule B23 would refuse another
        opening = draw(amounts(currency, signed=True))
        booked = sum((e.amount.value if e.credit else -e.amount.value for e in found if e.status == "BOOK"), Decimal(0))
        closing = Amount(opening.value + booked, currency)
        day = draw(DAYS)
        balances = (Balance("OPBD", opening, day), Balance("CLBD", closing, day))
    elif definition == "camt.052.001.08":
        balances = (Balance("ITBD", draw(amounts(currency, signed=True)), draw(TIMES)),)
    return Statement(
        id=draw(text(35)),
        account=draw(text(34)),
        currency=currency,
        balances=balances,
        entries=found,
        sequence=draw(st.none() | st.integers(0, 10**17)),
        created=draw(maybe(TIMES)),
        servicer_bic=draw(maybe(BICS)),
    )


@st.composite
def statement_messages(draw: st.DrawFn) -> Message:
    definition = draw(st.sampled_from(["camt.052.001.08", "camt.053.001.08", "camt.054.001.08"]))
    items = tuple(draw(st.lists(statements(definition), min_size=1, max_size=2)))
    return Message(definition, draw(text(35)), draw(TIMES), items, draw(st.none() | headers(definition)))


@settings(max_examples=150)
@given(status_reports() | statement_messages())
def test_what_is_written_is_read_again(message: Message) -> None:
    data = write(message)
    assert read(data) == message
    assert write(read(data)) == data


# --- Anything at all ---

BASES = sorted(MESSAGES)
PIECES = st.sampled_from(
    [
        b"<",
        b">",
        b"</",
        b"/>",
        b"&",
        b"&#60;",
        b"]]>",
        b"<![CDATA[",
        b"<!--",
        b"-->",
        b"<?",
        b"?>",
        b'"',
        b"'",
        b"=",
        b"\x00",
        b"\xff",
        b"\xef\xbb\xbf",
        b"<!DOCTYPE",
        b"Ccy",
        b"xmlns",
        b"1e9",
        b"-",
        b".",
        b"\xe2\x80\xa8",
        b"Document",
        b"AppHdr",
        b"NbOfTxs",
    ]
)


def sound(data: bytes) -> None:
    verdict = GATE.judge(data)
    assert verdict.layer in ("", *LAYERS)
    assert bool(verdict.layer) == bool(verdict.findings)
    assert len(verdict.findings) <= FINDINGS_MAX
    again = Gate().judge(data)
    assert (verdict, verdict.findings) == (again, again.findings), "a gate remembers nothing"
    if b"<!DOCTYPE" in data:
        assert verdict.layer in ("bytes", "safety")
    if not verdict.layer:
        verdict.admitted()


@settings(max_examples=150)
@given(st.binary(max_size=300))
def test_random_bytes_are_refused_and_nothing_breaks(data: bytes) -> None:
    sound(data)
    assert GATE.judge(data).layer in ("bytes", "safety", "parse", "schema")


@settings(max_examples=150)
@given(st.sampled_from(BASES), st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=4))
def test_a_message_cut_and_patched_anywhere_is_judged_without_a_fault(
    version: str, patches: list[tuple[float, int, bytes]]
) -> None:
    data = xml(version)
    for place, cut, piece in patches:
        start = int(place * len(data))
        data = data[:start] + piece + data[start + cut :]
    sound(data)


@settings(max_examples=60)
@given(st.sampled_from(BASES), st.floats(0, 1), st.sampled_from([b"<!DOCTYPE a>", b"<!DOCTYPE", b"<!ENTITY a 'b'>"]))
def test_no_message_with_a_doctype_anywhere_gets_past_the_bytes(version: str, place: float, piece: bytes) -> None:
    data = xml(version)
    start = int(place * len(data))
    assert GATE.judge(data[:start] + piece + data[start:]).layer in ("bytes", "safety")
