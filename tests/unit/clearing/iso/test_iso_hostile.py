"""Hostile and broken files: each is refused in the layer that it breaks, by name, and never quoted unescaped."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import body, header, put, xml
from concordat.clearing.iso import Gate
from concordat.clearing.iso.safety import (
    BYTES_MAX,
    CHILDREN_MAX,
    DEPTH_MAX,
    ELEMENTS_MAX,
    TEXT_MAX,
    TRANSACTIONS_MAX,
)

PAYMENT = "pacs.008.001.08"
GOOD = xml(PAYMENT)
TEXT = GOOD.decode().partition("?>\n")[2]
DOCTYPE = '<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
SUPPLEMENT = "<SplmtryData><Envlp>{}</Envlp></SplmtryData></FIToFICstmrCdtTrf>"


def supplemented(inside: str) -> bytes:
    """A payment with somebody's own data where the definition leaves room for it."""
    return GOOD.decode().replace("</FIToFICstmrCdtTrf>", SUPPLEMENT.format(inside)).encode()


def nested(depth: int) -> str:
    return '<o xmlns="urn:example:own">' * depth + "</o>" * depth


DECLARED = '<?xml version="1.0" encoding="{}"?>\n'
CASES: dict[str, tuple[bytes, str, str]] = {
    "doctype in front": (xml(PAYMENT, extra=DOCTYPE), "safety", "doctype"),
    "doctype without a subset": (xml(PAYMENT, extra="<!DOCTYPE Envelope>"), "safety", "doctype"),
    "external entity": (xml(PAYMENT, extra='<!DOCTYPE z [<!ENTITY x SYSTEM "file:///secret">]>'), "safety", "doctype"),
    "external subset": (xml(PAYMENT, extra='<!DOCTYPE z SYSTEM "http://example.org/z.dtd">'), "safety", "doctype"),
    "parameter entity": (xml(PAYMENT, extra='<!DOCTYPE z [<!ENTITY % p "x"> %p;]>'), "safety", "doctype"),
    "doctype in a comment": (xml(PAYMENT, extra="<!-- <!DOCTYPE z> -->"), "safety", "doctype"),
    "doctype in a value": (GOOD.replace(b"Invoice 17", b"<![CDATA[<!DOCTYPE z>]]>"), "safety", "doctype"),
    "doctype in lower case": (xml(PAYMENT, extra="<!doctype z>"), "safety", "doctype"),
    "doctype at the end": (GOOD + b"<!DOCTYPE z>", "safety", "doctype"),
    "exploding entities": (xml(PAYMENT, extra=DOCTYPE).replace(b"Invoice 17", b"&b;&b;&b;&b;&b;"), "safety", "doctype"),
    "entity declaration alone": (xml(PAYMENT, extra='<!ENTITY a "b">'), "safety", "declaration"),
    "attribute defaults": (xml(PAYMENT, extra="<!ATTLIST a b CDATA #IMPLIED>"), "safety", "declaration"),
    "entity that nobody declared": (GOOD.replace(b"Invoice 17", b"&secret;"), "parse", "not_well_formed"),
    "xinclude": (
        supplemented(
            '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/hostname" parse="text"/>'
        ),
        "safety",
        "xinclude",
    ),
    "utf-16 with a mark": (TEXT.encode("utf-16"), "bytes", "encoding"),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), "bytes", "encoding"),
    "utf-16 big-endian": (b"\xfe\xff" + TEXT.encode("utf-16-be"), "bytes", "encoding"),
    "utf-32": (TEXT.encode("utf-32"), "bytes", "encoding"),
    "utf-32 without a mark": (TEXT.encode("utf-32-be"), "bytes", "encoding"),
    "utf-7, marked": (b"+/v8-" + TEXT.encode("utf-7"), "bytes", "encoding"),
    "utf-7, declared": (xml(PAYMENT, declaration=DECLARED.format("UTF-7")), "bytes", "encoding"),
    "utf-16, declared": (xml(PAYMENT, declaration=DECLARED.format("UTF-16")), "bytes", "encoding"),
    "latin-1, declared": (xml(PAYMENT, declaration=DECLARED.format("ISO-8859-1")), "bytes", "encoding"),
    "ascii, declared": (xml(PAYMENT, declaration=DECLARED.format("US-ASCII")), "bytes", "encoding"),
    "ebcdic, declared": (xml(PAYMENT, declaration=DECLARED.format("IBM037")), "bytes", "encoding"),
    "ebcdic": (DECLARED.format("IBM037").encode("cp037") + TEXT.encode("cp037"), "bytes", "encoding"),
    "encoding in single quotes": (
        xml(PAYMENT, declaration="<?xml version='1.0' encoding='utf-16'?>\n"),
        "bytes",
        "encoding",
    ),
    "not utf-8": (GOOD.replace(b"Recife", b"Bel\xe9m"), "bytes", "encoding"),
    "overlong utf-8": (GOOD.replace(b"Recife", b"\xc0\xbc!DOCTYPE"), "bytes", "encoding"),
    "a surrogate": (GOOD.replace(b"Recife", b"\xed\xa0\x80"), "bytes", "encoding"),
    "xml 1.1": (xml(PAYMENT, declaration='<?xml version="1.1" encoding="UTF-8"?>\n'), "bytes", "version"),
    "a declaration without an end": (b"<?xml version='1.0' " + b"a" * 300 + TEXT.encode(), "bytes", "declaration"),
    "empty": (b"", "bytes", "empty"),
    "white space": (b" \n\t ", "bytes", "empty"),
    "no xml": (b"MT103 was here", "parse", "not_well_formed"),
    "white space before the declaration": (b"\n" + GOOD, "parse", "not_well_formed"),
    "two roots": (GOOD + b"<Envelope/>", "parse", "not_well_formed"),
    "cut off": (GOOD[:-60], "parse", "not_well_formed"),
    "a control character": (GOOD.replace(b"Recife", b"Re\x01cife"), "parse", "not_well_formed"),
    "a control character as a reference": (GOOD.replace(b"Recife", b"Re&#1;cife"), "parse", "not_well_formed"),
    "a prefix without a namespace": (GOOD.replace(b"<Purp>", b"<p:Purp>"), "parse", "not_well_formed"),
    "an attribute twice": (GOOD.replace(b'Ccy="BRL"', b'Ccy="BRL" Ccy="BRL"'), "parse", "not_well_formed"),
    "over a megabyte": (GOOD.replace(b"Invoice 17", b"x" * BYTES_MAX), "bytes", "too_large"),
    "nested too deep for us": (supplemented(nested(DEPTH_MAX)), "safety", "depth"),
    "nested too deep for the parser": (supplemented(nested(5_000)), "parse", "not_well_formed"),
    "too many elements": (supplemented('<o xmlns="urn:example:own"/>' + "<o/>" * ELEMENTS_MAX), "safety", "elements"),
    "a giant text": (GOOD.replace(b"Invoice 17", b"x" * (TEXT_MAX + 1)), "safety", "text"),
    "a giant text behind an element": (GOOD.replace(b"<Purp>", b"y" * (TEXT_MAX + 1) + b"<Purp>"), "safety", "text"),
    "a giant attribute": (GOOD.replace(b'Ccy="BRL"', b'Ccy="' + b"B" * (TEXT_MAX + 1) + b'"', 1), "safety", "text"),
    "too many siblings": (
        GOOD.replace(b"<Ustrd>Invoice 17</Ustrd>", b"<Ustrd></Ustrd>" * (CHILDREN_MAX + 1)),
        "safety",
        "children",
    ),
    "too many attributes": (
        GOOD.replace(b'Ccy="BRL"', b'Ccy="BRL" ' + b" ".join(b'a%d="1"' % n for n in range(9_000)), 1),
        "safety",
        "attributes",
    ),
    "too many namespaces": (
        GOOD.replace(b"<Envelope>", b"<Envelope " + b" ".join(b'xmlns:a%d="urn:x"' % n for n in range(65)) + b">"),
        "safety",
        "namespaces",
    ),
    "a wrapper nested too deep": (
        GOOD.replace(b"<Envelope>", b"<Envelope>" + b"<o>" * DEPTH_MAX + b"</o>" * DEPTH_MAX),
        "safety",
        "depth",
    ),
    "a second document deep in the wrapper": (
        TEXT.replace(
            "<Envelope>",
            "<Envelope>" + "<o>" * 6 + xml(PAYMENT, with_header=False, declaration="").decode() + "</o>" * 6,
        ).encode(),
        "safety",
        "documents",
    ),
    "a second header deep in the wrapper": (
        TEXT.replace("<Envelope>", "<Envelope>" + "<o>" * 6 + '<AppHdr xmlns="urn:x"/>' + "</o>" * 6).encode(),
        "safety",
        "headers",
    ),
    "a document wrapped too deep": (
        ("<o>" * 5 + xml(PAYMENT, with_header=False, declaration="").decode() + "</o>" * 5).encode(),
        "schema",
        "documents",
    ),
    "two documents": (
        TEXT.replace("</Envelope>", xml(PAYMENT, with_header=False, declaration="").decode() + "</Envelope>").encode(),
        "safety",
        "documents",
    ),
    "two headers": (
        TEXT.replace(
            "<Envelope>", '<Envelope><AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.02"/>'
        ).encode(),
        "safety",
        "headers",
    ),
    "no document": (b"<Envelope/>", "schema", "documents"),
    "a document without a namespace": (b"<Document><FIToFICstmrCdtTrf/></Document>", "schema", "unknown_version"),
    "a namespace of somebody": (b'<Document xmlns="urn:example"/>', "schema", "unknown_version"),
    "an unknown header version": (GOOD.replace(b"head.001.001.02", b"head.001.001.99"), "schema", "unknown_version"),
    "nothing inside": (b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08"/>', "schema", "element"),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_hostile_file_is_refused_in_the_layer_that_it_breaks(name: str) -> None:
    data, layer, code = CASES[name]
    verdict = Gate().judge(data)
    assert (verdict.layer, verdict.findings[0].code) == (layer, code), verdict.findings
    assert verdict.parts is None
    for finding in verdict.findings:
        assert all(" " <= letter <= "~" for letter in str(finding)), "only plain letters"
        assert "<" not in finding.what
        assert len(finding.what) < 900


def test_the_message_itself_is_accepted_in_all_its_forms() -> None:
    for form in (
        GOOD,
        b"\xef\xbb\xbf" + GOOD,  # the mark of UTF-8
        xml(PAYMENT, declaration=""),
        xml(PAYMENT, declaration="<?xml version='1.0' encoding='utf-8' standalone='yes'?>"),
        xml(PAYMENT, prefix="pacs"),
        xml(PAYMENT, with_header=False),
        xml(PAYMENT, wrapper='Request xmlns="SWIFTNetBusinessEnvelope"'),
        xml(PAYMENT, extra="<!-- a comment --><?a note?>"),
        GOOD.replace(b"Invoice 17", b"<![CDATA[Invoice 17]]>"),
        GOOD.replace(b"Invoice 17", b"Inv<!-- x -->oice 17"),
        GOOD.replace(b"><", b">\n\t  <"),
        # XML Schema drops white space around a date; libxml2's validator alone does not
        GOOD.replace(b"<IntrBkSttlmDt>2026-11-26<", b"<IntrBkSttlmDt>\r\n 2026-11-26\t<"),
        GOOD.replace(b"<CreDt>", b"<CreDt>\n").replace(b"</CreDtTm>", b" </CreDtTm>"),
        GOOD.replace(b"<Envelope>", b"<Envelope " + b" ".join(b'xmlns:a%d="urn:x"' % n for n in range(64)) + b">"),
        supplemented(nested(DEPTH_MAX - 6)),
    ):
        verdict = Gate().judge(form)
        assert not verdict.layer, verdict.findings
        assert verdict.admitted().items == Gate().judge(GOOD).admitted().items


def test_only_a_value_of_a_built_in_type_may_have_white_space_around_it() -> None:
    padded = GOOD.replace(b"<IntrBkSttlmDt>2026-11-26<", b"<IntrBkSttlmDt> 2026-11-26 <")
    for broken in (
        padded.replace(b"<NbOfTxs>1<", b"<NbOfTxs> 1 <"),
        padded.replace(b"<Ctry>IN<", b"<Ctry>IN <"),
        padded.replace(b"> 2026-11-26 <", b"> 2026-11-31 <"),
        padded.replace(b"> 2026-11-26 <", b">\xc2\xa02026-11-26<"),
    ):
        assert Gate().judge(broken).layer == "schema"


def test_a_schema_location_is_never_followed(tmp_path: Path) -> None:
    lax = tmp_path / "lax.xsd"
    lax.write_text('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Document"/></xs:schema>')
    hint = (
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        f'xsi:schemaLocation="urn:iso:std:iso:20022:tech:xsd:pacs.008.001.08 {lax.as_uri()} urn:x http://example.org/x.xsd"'
    )
    marked = GOOD.replace(b"<Document ", f"<Document {hint} ".encode())
    assert not Gate().judge(marked).layer  # the hint is no fault; the tests' guard would see a connection
    broken = marked.replace(b"<NbOfTxs>1</NbOfTxs>", b"")
    assert Gate().judge(broken).layer == "schema"  # and no schema of the sender's is believed


def test_too_many_transactions_are_refused_before_the_schema_sees_them() -> None:
    inside = body("pacs.009.001.08")
    put(inside, "GrpHdr/NbOfTxs", str(TRANSACTIONS_MAX + 1))
    small = {
        "PmtId": {"EndToEndId": "E"},
        "IntrBkSttlmAmt": ("1", "INR"),
        "Dbtr": {"FinInstnId": {}},
        "Cdtr": {"FinInstnId": {}},
    }
    inside["CdtTrfTxInf"] = [small] * (TRANSACTIONS_MAX + 1)
    verdict = Gate().judge(xml("pacs.009.001.08", inside))
    assert (verdict.layer, verdict.findings[0].code) == ("safety", "transactions")
    assert "1,001" in verdict.findings[0].what
    assert "1,000" in verdict.findings[0].what


def test_a_limit_is_printed_with_the_actual_size() -> None:
    for name, sizes in {"over a megabyte": ("1,048,576",), "a giant text": ("65,537", "65,536")}.items():
        said = Gate().judge(CASES[name][0]).findings[0].what
        assert all(size in said for size in sizes), said


def test_what_a_file_says_is_never_echoed_unescaped() -> None:
    evil = "<b>\x1b[31m&\"'\u202e\u0000"[:-1]
    inside = body(PAYMENT)
    put(inside, "GrpHdr/SttlmInf/SttlmMtd", "\u202e<script>&")
    verdict = Gate().judge(xml(PAYMENT, inside))
    assert "\\u202e\\x3cscript\\x3e\\x26" in verdict.findings[0].what
    encoded = xml(PAYMENT, declaration=f"<?xml version='1.0' encoding='{evil[:3]}'?>").replace(b"\x1b", b"")
    assert "<" not in str(Gate().judge(encoded).findings[0])


def test_findings_of_a_layer_are_all_told_up_to_fifty() -> None:
    inside = body("pacs.009.001.08")
    one = inside["CdtTrfTxInf"]
    inside["CdtTrfTxInf"] = [{**one, "IntrBkSttlmAmt": ("1.5", "ZZZ")} for _ in range(60)]
    put(inside, "GrpHdr/NbOfTxs", "60")
    verdict = Gate().judge(xml("pacs.009.001.08", inside))
    assert verdict.layer == "rules"
    # 60 unknown currencies and 59 ids that repeat the first
    assert (len(verdict.findings), verdict.more) == (50, 60 + 59 - 50)
    assert verdict.findings[0].path == "/Document/FICdtTrf/CdtTrfTxInf[1]/IntrBkSttlmAmt"


def test_schema_faults_beyond_fifty_are_counted() -> None:
    inside = body("pacs.009.001.08")
    one = inside["CdtTrfTxInf"]
    inside["CdtTrfTxInf"] = [{**one, "IntrBkSttlmAmt": ("x", "INR"), "IntrBkSttlmDt": "never"} for _ in range(40)]
    verdict = Gate().judge(xml("pacs.009.001.08", inside))
    assert (verdict.layer, len(verdict.findings), verdict.more) == ("schema", 50, 2 * 40 - 50)
    assert verdict.findings[1].path == "/Document/FICdtTrf/CdtTrfTxInf[1]/IntrBkSttlmDt"


def test_a_header_may_say_less_but_not_nonsense() -> None:
    assert Gate().judge(xml(PAYMENT, head=header(PAYMENT, CreDt="2026-11-26"))).layer == "schema"
    assert not Gate().judge(xml(PAYMENT, head=header(PAYMENT, Fr={"OrgId": {}}, To={"OrgId": {}}))).layer
