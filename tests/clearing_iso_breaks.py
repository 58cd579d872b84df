"""Ways to break a message, and ways to write it otherwise: further messages of the kind of the shared samples.

Each break changes one thing in a parsed message and says in which layer it must be found. Which breaks there are
follows the shared samples, then what a bank's software gets wrong.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from clearing_iso_kit import MESSAGES, xml

BOMB = '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE z [<!ENTITY x SYSTEM "file:///nonexistent/secret">]>'


def rows(shared_data: Path) -> list[dict[str, str]]:
    """The published verdicts."""
    with (shared_data / "iso20022" / "expected.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Made:
    """One message, parsed, to be broken in one place."""

    def __init__(self, data: bytes) -> None:
        self.root = etree.fromstring(data)
        (self.document,) = self.root.iter("{*}Document")
        self.header = next(self.root.iter("{*}AppHdr"), None)

    def find(self, name: str, inside: Any = None) -> Any:
        return next((self.document if inside is None else inside).iter("{*}" + name), None)

    def amount(self) -> Any:
        return next((e for e in self.document.iter() if e.get("Ccy")), None)

    def bytes(self) -> bytes:
        found: bytes = etree.tostring(self.root, xml_declaration=True, encoding="UTF-8")
        return found


def _text(element: Any, text: str) -> bool:
    if element is None:
        return False
    element.text = text
    return True


def _currency(made: Made, value: str, code: str) -> bool:
    amount = made.amount()
    if amount is None:
        return False
    amount.set("Ccy", code)
    return _text(amount, value)


def _remove(element: Any) -> bool:
    if element is None:
        return False
    element.getparent().remove(element)
    return True


def _after(element: Any, name: str, text: str) -> bool:
    """An element put in behind another one, in the same namespace."""
    if element is None:
        return False
    new = etree.Element(etree.QName(etree.QName(element).namespace, name))
    new.text = text
    element.addnext(new)
    return True


def _version(made: Made, version: str) -> bool:
    old = etree.QName(made.document).namespace
    new = old[: old.rindex(".") + 1] + version
    for element in made.document.iter():
        element.tag = etree.QName(new, etree.QName(element).localname)
    etree.cleanup_namespaces(made.root)
    return True


def _header_version(made: Made) -> bool:
    if made.header is None:
        return False
    made.header.tag = made.header.tag.replace("head.001.001.02", "head.001.001.09")
    return True


def _sender(made: Made, value: str) -> bool:
    # Statements and orders name no instructing agent that a header could contradict.
    if made.header is None or (made.find("InstgAgt") is None and made.find("Assgnr") is None):
        return False
    return _text(made.find("BICFI", made.find("Fr", made.header)), value)


def _receiver(made: Made, value: str) -> bool:
    if made.header is None or (made.find("InstdAgt") is None and made.find("Assgne") is None):
        return False
    return _text(made.find("BICFI", made.find("To", made.header)), value)


def _swap(first: Any) -> bool:
    """The element and the one behind it change places."""
    second = None if first is None else first.getnext()
    if second is None:
        return False
    second.addnext(first)
    return True


def _double(element: Any) -> bool:
    if element is None:
        return False
    element.addnext(etree.fromstring(etree.tostring(element)))
    return True


def _group_id(made: Made) -> Any:
    found = made.find("MsgId")
    return found if found is not None else made.find("Id", made.find("Assgnmt"))


Break = Callable[[Made], bool]
BREAKS: dict[str, tuple[str, Break]] = {
    # The kinds of the shared samples.
    "missing_msgid": ("schema", lambda m: _remove(_group_id(m))),
    "bad_bic_pattern": ("schema", lambda m: _text(m.find("BICFI"), "abc12")),
    "amount_not_number": ("schema", lambda m: _text(m.amount(), "12,50")),
    "amount_negative": ("schema", lambda m: _text(m.amount(), "-10")),
    "currency_lowercase": ("schema", lambda m: m.amount() is not None and _currency(m, m.amount().text, "eur")),
    "uetr_uppercase_or_bad": (
        "schema",
        lambda m: _text(
            next((e for e in m.document.iter() if str(e.tag).endswith("UETR")), None),
            "A1B2C3D4-E5F6-1890-ABCD-EF1234567890",
        ),
    ),
    "date_impossible": (
        "schema",
        lambda m: _text(
            next((e for e in m.document.iter() if str(e.tag).endswith("}IntrBkSttlmDt")), None), "2026-02-30"
        ),
    ),
    "unknown_element": ("schema", lambda m: _after(_group_id(m), "Foo", "x")),
    "wrong_namespace_version": ("schema", lambda m: _version(m, "99")),
    "amount_decimals_exceed_currency": ("rules", lambda m: _currency(m, "1000.55", "JPY")),
    "currency_not_iso4217": ("rules", lambda m: _currency(m, "1000", "ZZZ")),
    "commodity_currency_XAU": ("rules", lambda m: _currency(m, "1000", "XAU")),
    "nboftxs_mismatch": ("rules", lambda m: _text(m.find("NbOfTxs"), "2")),
    "header_msgdef_mismatch": (
        "rules",
        lambda m: m.header is not None and _text(m.find("MsgDefIdr", m.header), "pacs.010.001.03"),
    ),
    "header_from_bic_mismatch": ("rules", lambda m: _sender(m, "ZZZZDE2X")),
    "unknown_country": ("rules", lambda m: _text(m.find("Ctry"), "QZ")),
    # Others that a bank's software makes.
    "header_to_bic_mismatch": ("rules", lambda m: _receiver(m, "ZZZZDE2X")),
    "three_decimals": ("rules", lambda m: _currency(m, "750000.123", "EUR")),
    "test_currency": ("rules", lambda m: _currency(m, "1", "XTS")),
    "country_uk": ("rules", lambda m: _text(m.find("Ctry"), "UK")),
    "message_id_too_long": ("schema", lambda m: _text(_group_id(m), "M" * 36)),
    "message_id_empty": ("schema", lambda m: _text(_group_id(m), "")),
    "currency_missing": ("schema", lambda m: m.amount() is not None and bool(m.amount().attrib.pop("Ccy", ""))),
    "currency_four_letters": ("schema", lambda m: m.amount() is not None and _currency(m, "1", "EURO")),
    "amount_too_many_digits": ("schema", lambda m: _text(m.amount(), "1234567890123456789")),
    "amount_six_decimals": ("schema", lambda m: _text(m.amount(), "1.123456")),
    "amount_exponent": ("schema", lambda m: _text(m.amount(), "1e3")),
    "amount_empty": ("schema", lambda m: _text(m.amount(), "")),
    "creation_time_is_a_date": ("schema", lambda m: _text(m.find("CreDtTm"), "2026-04-13")),
    "creation_time_25_hours": ("schema", lambda m: _text(m.find("CreDtTm"), "2026-04-13T25:00:00Z")),
    "order_of_the_group": ("schema", lambda m: _swap(_group_id(m)) if m.find("GrpHdr") is not None else False),
    "message_id_twice": ("schema", lambda m: _double(_group_id(m))),
    "country_three_letters": ("schema", lambda m: _text(m.find("Ctry"), "DEU")),
    "settlement_method": ("schema", lambda m: _text(m.find("SttlmMtd"), "INDX")),
    "charge_bearer": ("schema", lambda m: _text(m.find("ChrgBr"), "OUR")),
    "status_too_long": ("schema", lambda m: _text(m.find("TxSts"), "ACCEPTED")),
    "debit_or_credit": ("schema", lambda m: _text(m.find("CdtDbtInd"), "CREDIT")),
    "number_of_transactions_is_a_word": ("schema", lambda m: _text(m.find("NbOfTxs"), "one")),
    "end_to_end_id_missing": ("schema", lambda m: m.find("PmtId") is not None and _remove(m.find("EndToEndId"))),
    "creditor_missing": (
        "schema",
        lambda m: m.find("CdtTrfTxInf") is not None and m.find("PmtInf") is None and _remove(m.find("Cdtr")),
    ),
    "amount_missing": (
        "schema",
        lambda m: (
            m.find("IntrBkSttlmAmt") is not None and m.find("PmtId") is not None and _remove(m.find("IntrBkSttlmAmt"))
        ),
    ),
    "header_without_message_id": ("schema", lambda m: m.header is not None and _remove(m.find("BizMsgIdr", m.header))),
    "header_date": ("schema", lambda m: m.header is not None and _text(m.find("CreDt", m.header), "yesterday")),
    "header_version": ("schema", lambda m: _header_version(m)),
}


def broken(data: bytes) -> Iterator[tuple[str, str, bytes]]:
    """Kind, layer and bytes of every way to break a message that there is something to break for."""
    for kind, (layer, change) in BREAKS.items():
        made = Made(data)
        if change(made):
            yield kind, layer, made.bytes()
    text = data.decode().partition("?>")[2].lstrip()
    for name, doctype in (("bomb", BOMB), ("external", EXTERNAL), ("bare", "<!DOCTYPE Envelope>")):
        yield f"doctype_{name}", "safety", f'<?xml version="1.0"?>\n{doctype}\n{text}'.encode()
    yield "not_wellformed", "parse", data[: int(len(data) * 0.8)]
    yield "utf_16", "bytes", ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16")


def valid_forms(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The same message as others would write it."""
    yield "as it is", data
    made = Made(data)
    yield "indented", etree.tostring(made.root, pretty_print=True)
    spread = Made(data)
    for element in spread.root.iter():
        if len(element):
            element.text = "\n \t"
    yield "white space", spread.bytes()
    bare = etree.tostring(etree.fromstring(etree.tostring(made.document)))
    yield "document alone", bare
    parts = [p for p in (made.header, made.document) if p is not None]
    inside = b"".join(etree.tostring(p, with_tail=False) for p in parts)
    yield "another wrapper", b'<DataPDU xmlns="urn:swift:saa:xsd:saa.2.0"><Body>' + inside + b"</Body></DataPDU>"
    yield "commented", data.replace(b"?>", b"?><!-- a <comment> -->", 1)


def bases(shared_data: Path) -> dict[str, bytes]:
    """A made-up message of every version, and the valid shared samples."""
    found = {f"{version} made up": xml(version) for version in MESSAGES}
    for row in rows(shared_data):
        if row["verdict"] == "valid":
            found[row["file"]] = (shared_data / "iso20022" / row["file"]).read_bytes()
    return found
