"""Every rule B01 to B24 on messages that keep it and messages that break it, one change each."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import RECEIVER, SENDER, UETR, UETR_2, agent, balance, body, entry, header, put, xml
from concordat.clearing.iso import RULES, Corridor, Gate, KnownPayment, RuleSet, Verdict, rule_settings
from concordat.clearing.iso.rules_parties import remainder_is_one
from concordat.errors import InputError

P8, P9, P2, P4 = "pacs.008.001.08", "pacs.009.001.08", "pacs.002.001.10", "pacs.004.001.09"
C53, C56, C29, PAIN = "camt.053.001.08", "camt.056.001.08", "camt.029.001.09", "pain.001.001.09"
TX = "CdtTrfTxInf"
Changes = dict[str, Any]

ALL_ON = RuleSet(settings=dict.fromkeys(RULES, True))
# What a change adds stands at the end of its group; the order of the definition is restored from these lists.
ORDER = {
    "GrpHdr": [
        "MsgId",
        "CreDtTm",
        "NbOfTxs",
        "CtrlSum",
        "TtlIntrBkSttlmAmt",
        "TtlRtrdIntrBkSttlmAmt",
        "IntrBkSttlmDt",
        "SttlmInf",
        "InitgPty",
        "InstgAgt",
        "InstdAgt",
    ],
    "CdtTrfTxInf": [
        "PmtId",
        "IntrBkSttlmAmt",
        "IntrBkSttlmDt",
        "InstdAmt",
        "XchgRate",
        "Amt",
        "ChrgBr",
        "ChrgsInf",
        "InstgAgt",
        "InstdAgt",
        "Dbtr",
        "DbtrAcct",
        "DbtrAgt",
        "CdtrAgt",
        "Cdtr",
        "CdtrAcct",
        "Purp",
        "RgltryRptg",
        "RmtInf",
    ],
    "TxInf": [
        "CxlId",
        "RtrId",
        "OrgnlGrpInf",
        "OrgnlEndToEndId",
        "OrgnlUETR",
        "OrgnlIntrBkSttlmAmt",
        "RtrdIntrBkSttlmAmt",
        "IntrBkSttlmDt",
        "RtrdInstdAmt",
        "XchgRate",
        "ChrgBr",
        "InstgAgt",
        "InstdAgt",
        "RtrRsnInf",
        "CxlRsnInf",
    ],
    "CtrlData": ["NbOfTxs", "CtrlSum"],
    "PmtInf": ["PmtInfId", "PmtMtd", "NbOfTxs", "CtrlSum", "ReqdExctnDt", "Dbtr", "DbtrAcct", "DbtrAgt", "CdtTrfTxInf"],
    "Stmt": ["Id", "StmtPgntn", "ElctrncSeqNb", "Acct", "Bal", "TxsSummry", "Ntry"],
    "PstlAdr": ["StrtNm", "TwnNm", "Ctry", "AdrLine"],
    "Dbtr": ["Nm", "PstlAdr", "Id", "CtryOfRes"],
    "Cdtr": ["Nm", "PstlAdr", "Id", "CtryOfRes"],
}


def changed(version: str, changes: Changes) -> bytes:
    """A message with some elements set (None: taken out); `head/...` is the header."""
    inside, head = body(version), header(version)
    for path, value in changes.items():
        where, path = (head, path.removeprefix("head/")) if path.startswith("head/") else (inside, path)
        put(where, path, value)
    return xml(version, _ordered(inside), head)


def _ordered(group: Any, name: str = "") -> Any:
    if isinstance(group, list):
        return [_ordered(item, name) for item in group]
    if not isinstance(group, dict):
        return group
    known = ORDER.get(name, [])
    names = sorted(group, key=lambda n: known.index(n)) if known and set(group) <= set(known) else list(group)
    return {n: _ordered(group[n], n) for n in names}


def judged(version: str, changes: Changes, rules: RuleSet | None = None) -> Verdict:
    verdict = (Gate(notes=True) if rules is None else Gate((), rules, notes=True)).judge(changed(version, changes))
    assert verdict.layer in ("", "rules"), verdict.findings
    return verdict


def payment(**changes: Any) -> Changes:
    return {f"{TX}/{name.replace('__', '/')}": value for name, value in changes.items()}


def two(version: str, first: Changes, second: Changes, block: str = TX) -> list[Any]:
    one = body(version)[block]
    return [_ordered({**one, **first}, block), _ordered({**one, **second}, block)]


SECOND = {"PmtId": {"EndToEndId": "E-2", "UETR": UETR_2}}
USD = ("1000.00", "USD")
LEI = "5493001KJTIIGC8Y1R12"
ADDRESS = {"TwnNm": "Recife", "Ctry": "BR"}


def priced(price: str) -> list[Any]:
    """The entries of the statement, the first with the price at which a unit was dealt."""
    first, second = body(C53)["Stmt"]["Ntry"]
    deal = {"Tp": {"Yldd": "true"}, "Val": {"Amt": (price, "BRL")}}
    details = {**first["NtryDtls"]["TxDtls"], "RltdPric": {"DealPric": deal}}
    return [{**first, "NtryDtls": {"TxDtls": details}}, second]


# Rule, what is tried, version, changes. First those that refuse without any scheme.
BREAKS: list[tuple[str, str, str, Changes]] = [
    ("B01", "a code of nobody", P8, payment(IntrBkSttlmAmt=("10.00", "ZZZ"), InstdAmt=("10.00", "ZZZ"))),
    ("B01", "a withdrawn currency", P8, payment(InstdAmt=("10.00", "DEM"), XchgRate="2")),
    ("B01", "the account's currency", C53, {"Stmt/Acct/Ccy": "ABC"}),
    ("B01", "an entry's currency", C53, {"Stmt/Ntry": [{**entry("1", "CRDT"), "Amt": ("1", "ABC")}]}),
    ("B02", "cents of a currency without", P8, payment(IntrBkSttlmAmt=("1000.55", "JPY"), InstdAmt=("1000.55", "JPY"))),
    ("B02", "three decimals", P8, payment(IntrBkSttlmAmt=("2500.751", "BRL"), InstdAmt=("2500.751", "BRL"))),
    ("B02", "zeros count", P9, payment(IntrBkSttlmAmt=("10.000", "INR"))),
    ("B02", "four of three", P9, payment(IntrBkSttlmAmt=("1.2345", "KWD"))),
    ("B02", "on a return", P4, {"TxInf/RtrdIntrBkSttlmAmt": ("10.5", "CLP")}),
    ("B02", "on a balance", C53, {"Stmt/Bal": [balance("OPBD", "100.000"), balance("CLBD", "69.50")]}),
    ("B03", "gold", P8, payment(IntrBkSttlmAmt=("750000", "XAU"), InstdAmt=("750000", "XAU"))),
    ("B03", "the test code", P9, payment(IntrBkSttlmAmt=("1", "XTS"))),
    ("B03", "no currency", P9, payment(IntrBkSttlmAmt=("1", "XXX"))),
    ("B03", "special drawing rights", P9, payment(IntrBkSttlmAmt=("1", "XDR"))),
    ("B03", "a fund", P9, payment(IntrBkSttlmAmt=("1", "CLF"))),
    ("B03", "the Arab accounting dinar", P9, payment(IntrBkSttlmAmt=("1", "XAD"))),
    ("B04", "two of one", P8, {"GrpHdr/NbOfTxs": "2"}),
    ("B04", "none of one", P9, {"GrpHdr/NbOfTxs": "0"}),
    ("B04", "of returns", P4, {"GrpHdr/NbOfTxs": "3"}),
    ("B04", "of recalls", C56, {"CtrlData/NbOfTxs": "2"}),
    ("B04", "of an initiation", PAIN, {"GrpHdr/NbOfTxs": "2"}),
    ("B04", "of its block", PAIN, {"PmtInf/NbOfTxs": "2"}),
    ("B05", "the control sum", P8, {"GrpHdr/CtrlSum": "2500.74"}),
    ("B05", "by a hair", P9, {"GrpHdr/CtrlSum": "1000000.00000000001"}),
    ("B05", "the total", P8, {"GrpHdr/TtlIntrBkSttlmAmt": ("2500.76", "BRL")}),
    ("B05", "the total's currency", P8, {"GrpHdr/TtlIntrBkSttlmAmt": ("2500.75", "INR")}),
    ("B05", "the total of returns", P4, {"GrpHdr/TtlRtrdIntrBkSttlmAmt": ("1", "BRL")}),
    ("B05", "of recalls", C56, {"CtrlData/CtrlSum": "1"}),
    ("B05", "of an initiation", PAIN, {"GrpHdr/CtrlSum": "21"}),
    ("B05", "of its block", PAIN, {"PmtInf/CtrlSum": "21"}),
    ("B06", "another message", P8, {"head/MsgDefIdr": "pacs.010.001.03"}),
    ("B06", "another version", P2, {"head/MsgDefIdr": "pacs.002.001.12"}),
    ("B07", "another sender", P8, {"head/Fr": {"FIId": agent("ZZZZBRSP")}}),
    ("B07", "another branch", P8, {"head/Fr": {"FIId": agent("CCCCBRSP001")}}),
    ("B07", "another receiver", P9, {"head/To": {"FIId": agent("ZZZZINBB")}}),
    ("B07", "of a status", P2, {"head/Fr": {"FIId": agent("ZZZZBRSP")}}),
    ("B07", "of a return", P4, {"head/To": {"FIId": agent("ZZZZBRSP")}}),
    ("B07", "the group's agent", P8, {"GrpHdr/InstgAgt": agent("ZZZZBRSP")}),
    ("B07", "of a recall", C56, {"head/Fr": {"FIId": agent("ZZZZBRSP")}}),
    ("B07", "of an answer", C29, {"head/To": {"FIId": agent("ZZZZBRSP")}}),
    ("B07", "an organisation's BIC", P8, {"head/Fr": {"OrgId": {"Id": {"OrgId": {"AnyBIC": "ZZZZBRSP"}}}}}),
    ("B08", "a debtor's", P8, payment(Dbtr__PstlAdr__Ctry="QZ")),
    ("B08", "a name that banks use", P8, payment(Cdtr__PstlAdr__Ctry="UK")),
    ("B08", "of residence", P8, payment(Dbtr__CtryOfRes="XX")),
    ("B09", "none", P8, payment(PmtId={"EndToEndId": "E-1"})),
    ("B09", "none between banks", P9, payment(PmtId={"EndToEndId": "E-1"})),
    ("B09", "one of two", P9, {TX: two(P9, {}, {}), "GrpHdr/NbOfTxs": "2"}),
    ("B11", "the day before", P8, payment(IntrBkSttlmDt="2026-11-24")),
    ("B11", "a year before", P9, payment(IntrBkSttlmDt="2025-11-26")),
    ("B11", "of a return", P4, {"TxInf/IntrBkSttlmDt": "2026-11-20"}),
    ("B11", "the group's", P8, {"GrpHdr/IntrBkSttlmDt": "2026-01-01", **payment(IntrBkSttlmDt=None)}),
    ("B11", "before the calendar", P8, payment(IntrBkSttlmDt="0001-11-26")),
    ("B11", "before the common era", P8, payment(IntrBkSttlmDt="-2026-11-26")),
    ("B11", "made in a year of five digits", P8, {"GrpHdr/CreDtTm": "12026-11-26T09:30:00Z"}),
    (
        "B11",
        "made at midnight as 24:00",
        P8,
        {"GrpHdr/CreDtTm": "2026-11-26T24:00:00Z", **payment(IntrBkSttlmDt="2026-11-25")},
    ),
    ("B13", "less than instructed", P8, payment(ChrgBr="DEBT", IntrBkSttlmAmt=("2499.75", "BRL"))),
    (
        "B13",
        "more than charges",
        P8,
        payment(
            ChrgBr="DEBT", IntrBkSttlmAmt=("2502.75", "BRL"), ChrgsInf={"Amt": ("1.00", "BRL"), "Agt": agent(SENDER)}
        ),
    ),
    ("B14", "no rate", P8, payment(InstdAmt=USD)),
    ("B14", "no rate on a return", P4, {"TxInf/RtrdInstdAmt": USD}),
    ("B18", "an IBAN", P8, payment(DbtrAcct={"Id": {"IBAN": "GB83WEST12345698765432"}})),
    ("B18", "turned letters", P8, payment(CdtrAcct={"Id": {"IBAN": "DE89370400440532103000"}})),
    ("B18", "an LEI", P8, payment(Dbtr__Id={"OrgId": {"LEI": "5493001KJTIIGC8Y1R13"}})),
    ("B23", "a cent", C53, {"Stmt/Bal": [balance("OPBD", "100.00"), balance("CLBD", "69.51")]}),
    (
        "B23",
        "a debit balance as a credit",
        C53,
        {"Stmt/Bal": [balance("OPBD", "100.00"), balance("CLBD", "69.50", "DBIT")]},
    ),
    ("B23", "an entry too few", C53, {"Stmt/Ntry": [entry("20.00", "CRDT")]}),
    ("B23", "a count", C53, {"Stmt/TxsSummry": {"TtlNtries": {"NbOfNtries": "3"}}}),
    ("B23", "a net", C53, {"Stmt/TxsSummry": {"TtlNtries": {"TtlNetNtry": {"Amt": "30.50", "CdtDbtInd": "CRDT"}}}}),
    (
        "B23",
        "its one page has leading zeros",
        C53,
        {
            "Stmt/StmtPgntn": {"PgNb": "00001", "LastPgInd": "true"},
            "Stmt/Bal": [balance("OPBD", "100.00"), balance("CLBD", "69.51")],
        },
    ),
    ("B23", "a sum of credits", C53, {"Stmt/TxsSummry": {"TtlCdtNtries": {"Sum": "21"}}}),
]

KEEPS: list[tuple[str, str, str, Changes]] = [
    ("B01", "the rouble's code", P9, payment(IntrBkSttlmAmt=("10", "RUB"))),
    ("B02", "none needed", P8, payment(IntrBkSttlmAmt=("1000", "JPY"), InstdAmt=("1000", "JPY"))),
    ("B02", "three of three", P9, payment(IntrBkSttlmAmt=("1.234", "KWD"))),
    ("B02", "white space around", P9, payment(IntrBkSttlmAmt=(" 10.50\n", "INR"))),
    ("B02", "the price of a unit", C53, {"Stmt/Ntry": priced("12.3456789")}),
    ("B04", "leading zeros", P8, {"GrpHdr/NbOfTxs": "001"}),
    ("B04", "two of two", P9, {TX: two(P9, {}, SECOND), "GrpHdr/NbOfTxs": "2"}),
    ("B05", "the same number", P8, {"GrpHdr/CtrlSum": "2500.750", "GrpHdr/TtlIntrBkSttlmAmt": ("2500.75", "BRL")}),
    (
        "B05",
        "the sum of instructed amounts",
        P8,
        {"GrpHdr/CtrlSum": "1000", **payment(InstdAmt=USD, XchgRate="2.50075")},
    ),
    (
        "B05",
        "a sum over currencies",
        P9,
        {
            "GrpHdr/NbOfTxs": "2",
            "GrpHdr/CtrlSum": "1000001.5",
            TX: two(P9, {}, {**SECOND, "IntrBkSttlmAmt": ("1.5", "BRL")}),
        },
    ),
    ("B05", "of an initiation", PAIN, {"GrpHdr/CtrlSum": "20", "PmtInf/CtrlSum": "20.0"}),
    ("B07", "a head office in full", P8, {"head/Fr": {"FIId": agent("CCCCBRSPXXX")}}),
    ("B07", "a header without a BIC", P8, {"head/Fr": {"FIId": {"FinInstnId": {"ClrSysMmbId": {"MmbId": "1"}}}}}),
    ("B07", "a copy to somebody else", P8, {"head/To": {"FIId": agent("ZZZZBRSP")}, "head/CpyDplct": "COPY"}),
    ("B07", "an agent without a BIC", P8, payment(InstgAgt={"FinInstnId": {"Nm": "A bank"}})),
    ("B08", "Kosovo", P8, payment(Dbtr__PstlAdr__Ctry="XK")),
    ("B09", "two ids", P9, {TX: two(P9, {}, SECOND), "GrpHdr/NbOfTxs": "2"}),
    ("B11", "yesterday, still today on Baker Island", P8, payment(IntrBkSttlmDt="2026-11-25")),
    ("B11", "tomorrow", P8, payment(IntrBkSttlmDt="2026-11-27")),
    ("B11", "with a zone", P8, payment(IntrBkSttlmDt="2026-11-26Z")),
    ("B11", "none", P8, payment(IntrBkSttlmDt=None)),
    ("B11", "midnight as 24:00", P8, {"GrpHdr/CreDtTm": "2026-11-25T24:00:00Z"}),
    ("B13", "the same", P8, payment(ChrgBr="DEBT")),
    (
        "B13",
        "charges on top",
        P8,
        payment(
            ChrgBr="DEBT", IntrBkSttlmAmt=("2501.75", "BRL"), ChrgsInf={"Amt": ("1.00", "BRL"), "Agt": agent(SENDER)}
        ),
    ),
    (
        "B13",
        "charges in another currency",
        P8,
        payment(
            ChrgBr="DEBT", IntrBkSttlmAmt=("2501.75", "BRL"), ChrgsInf={"Amt": ("1.00", "USD"), "Agt": agent(SENDER)}
        ),
    ),
    ("B13", "nothing instructed", P8, payment(ChrgBr="DEBT", InstdAmt=None)),
    ("B14", "a rate", P8, payment(InstdAmt=USD, XchgRate="2.50075")),
    ("B14", "nothing instructed", P8, payment(InstdAmt=None)),
    ("B18", "the example of ISO 13616", P8, payment(DbtrAcct={"Id": {"IBAN": "GB82WEST12345698765432"}})),
    ("B18", "small letters", P8, payment(DbtrAcct={"Id": {"IBAN": "GB82west12345698765432"}})),
    ("B18", "an LEI", P8, payment(Dbtr__Id={"OrgId": {"LEI": LEI}})),
    (
        "B23",
        "pending entries don't count",
        C53,
        {"Stmt/Ntry": [entry("20.00", "CRDT"), entry("50.50", "DBIT"), entry("7", "CRDT", "PDNG")]},
    ),
    ("B23", "the first of two pages", C53, {"Stmt/StmtPgntn": {"PgNb": "1", "LastPgInd": "false"}, "Stmt/Ntry": []}),
    ("B23", "no opening balance", C53, {"Stmt/Bal": [balance("CLBD", "1.00")]}),
    (
        "B23",
        "yesterday's closing balance opens",
        C53,
        {"Stmt/Bal": [balance("PRCD", "100.00"), balance("CLBD", "69.50")]},
    ),
    ("B23", "overdrawn", C53, {"Stmt/Bal": [balance("OPBD", "10", "DBIT"), balance("CLBD", "40.50", "DBIT")]}),
    (
        "B23",
        "a summary",
        C53,
        {
            "Stmt/TxsSummry": {
                "TtlNtries": {
                    "NbOfNtries": "2",
                    "Sum": "70.50",
                    "TtlNetNtry": {"Amt": "30.5", "CdtDbtInd": "DBIT"},
                },
                "TtlCdtNtries": {"NbOfNtries": "1", "Sum": "20"},
                "TtlDbtNtries": {"NbOfNtries": "1", "Sum": "50.5"},
            }
        },
    ),
]


@pytest.mark.parametrize(("rule", "what", "version", "changes"), BREAKS, ids=lambda v: v if isinstance(v, str) else "")
def test_a_broken_rule_refuses_by_number(rule: str, what: str, version: str, changes: Changes) -> None:
    verdict = judged(version, changes)
    assert verdict.layer == "rules"
    assert rule in {f.code for f in verdict.findings}, verdict.findings
    assert all(f.path.startswith(("/Document/", "/AppHdr/")) for f in verdict.findings)


@pytest.mark.parametrize(("rule", "what", "version", "changes"), KEEPS, ids=lambda v: v if isinstance(v, str) else "")
def test_what_keeps_the_rules_is_accepted(rule: str, what: str, version: str, changes: Changes) -> None:
    verdict = judged(version, changes)
    assert not verdict.layer, verdict.findings


# Rules that note, and refuse where a scheme turns them on.
SOFT: list[tuple[str, str, str, Changes, Changes]] = [
    ("B10", "message ids", P8, {"head/BizMsgIdr": "OTHER"}, {}),
    ("B10", "of a recall", C56, {"head/BizMsgIdr": "OTHER"}, {}),
    ("B11", "two weeks ahead", P8, payment(IntrBkSttlmDt="2026-12-10"), payment(IntrBkSttlmDt="2026-12-06")),
    (
        "B12",
        "the creation time",
        P8,
        {"GrpHdr/CreDtTm": "2026-11-26T09:30:00"},
        {"GrpHdr/CreDtTm": "2026-11-26T09:30:00.123Z"},
    ),
    (
        "B13",
        "CRED without charges",
        P8,
        payment(ChrgBr="CRED"),
        payment(
            ChrgBr="CRED", IntrBkSttlmAmt=("2499.75", "BRL"), ChrgsInf={"Amt": ("1.00", "BRL"), "Agt": agent(SENDER)}
        ),
    ),
    (
        "B13",
        "CRED that doesn't add up",
        P8,
        payment(ChrgBr="CRED", ChrgsInf={"Amt": ("1.00", "BRL"), "Agt": agent(SENDER)}),
        {},
    ),
    ("B14", "a rate for nothing", P8, payment(XchgRate="1.0"), {}),
    (
        "B14",
        "a rate that explains nothing",
        P8,
        payment(InstdAmt=USD, XchgRate="2.6"),
        payment(InstdAmt=USD, XchgRate="2.50075"),
    ),
    (
        "B14",
        "the other direction",
        P8,
        payment(InstdAmt=USD, XchgRate="0.39"),
        payment(InstdAmt=USD, XchgRate="0.39988"),
    ),
    ("B16", "no town", P8, payment(Dbtr__PstlAdr={"Ctry": "BR"}), payment(Dbtr__PstlAdr=ADDRESS)),
    ("B16", "lines alone", P8, payment(Cdtr__PstlAdr={"AdrLine": "Long Street, Surat"}), {}),
    (
        "B16",
        "lines beside a street",
        P8,
        payment(Cdtr__PstlAdr={"StrtNm": "Long Street", **ADDRESS, "AdrLine": "x"}),
        payment(Cdtr__PstlAdr={**ADDRESS, "AdrLine": "Long Street"}),
    ),
    ("B17", "a name beside the BIC", P8, payment(DbtrAgt={"FinInstnId": {"BICFI": SENDER, "Nm": "A bank"}}), {}),
    ("B21", "two lines", P8, payment(RmtInf={"Ustrd": ["a", "b"]}), payment(RmtInf={"Ustrd": "a" * 140})),
    (
        "B21",
        "both kinds",
        P8,
        payment(RmtInf={"Ustrd": "a", "Strd": {"AddtlRmtInf": "b"}}),
        payment(RmtInf={"Strd": {"AddtlRmtInf": "b"}}),
    ),
    ("B24", "no name", P8, payment(Dbtr__Nm=None), {}),
    (
        "B24",
        "no account",
        P8,
        payment(DbtrAcct=None),
        {**payment(DbtrAcct=None), **payment(Dbtr__Id={"OrgId": {"LEI": LEI}})},
    ),
    ("B24", "no address", P8, payment(Cdtr__PstlAdr=None), {}),
    (
        "B24",
        "an agent without an id",
        P8,
        payment(CdtrAgt={"FinInstnId": {"Nm": "A bank"}}),
        payment(CdtrAgt={"FinInstnId": {"LEI": LEI}}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "what", "version", "broken", "kept"), SOFT, ids=lambda v: v if isinstance(v, str) else ""
)
def test_a_rule_of_schemes_notes_alone_and_refuses_by_scheme(
    rule: str, what: str, version: str, broken: Changes, kept: Changes
) -> None:
    alone = judged(version, broken)
    assert not alone.layer, alone.findings
    assert {note.code for note in alone.notes} == {rule}
    on = RuleSet(settings={rule: True})
    by_scheme = judged(version, broken, on)
    assert by_scheme.layer == "rules"
    assert {f.code for f in by_scheme.findings} == {rule}
    assert not judged(version, kept, on).layer
    assert rule not in {note.code for note in judged(version, kept).notes}
    silenced = judged(version, broken, RuleSet(settings={rule: False}))
    assert rule not in {f.code for f in (*silenced.findings, *silenced.notes)}


def test_a_scheme_sets_how_far_ahead_a_date_may_be() -> None:
    two_weeks = payment(IntrBkSttlmDt="2026-12-10")
    assert not judged(P8, two_weeks, RuleSet(settings={"B11": {"days_ahead": 14}})).layer
    assert judged(P8, two_weeks, RuleSet(settings={"B11": {"days_ahead": 3}})).layer == "rules"


CORRIDORS = (
    Corridor("br-in", frozenset({"BR"}), frozenset({RECEIVER}), frozenset({"BRL", "INR"}), frozenset({"GDDS", "SCVE"})),
)
BRAZIL_TO_INDIA = RuleSet(corridors=CORRIDORS)


@pytest.mark.parametrize(
    ("rule", "version", "changes"),
    [
        ("B15", P8, {"GrpHdr/SttlmInf/SttlmMtd": "COVE"}),
        ("B15", P8, payment(IntrBkSttlmAmt=("1.00", "ZAR"), InstdAmt=("1.00", "ZAR"))),
        ("B15", P9, {**payment(InstdAgt=agent("EEEEZAJJ")), "head/To": {"FIId": agent("EEEEZAJJ")}}),
        ("B19", P8, payment(Purp={"Cd": "CASH"})),
        ("B19", P8, payment(Purp=None)),
    ],
)
def test_corridors_of_a_scheme_refuse_what_fits_none(rule: str, version: str, changes: Changes) -> None:
    assert not judged(P8, {}, BRAZIL_TO_INDIA).layer
    verdict = judged(version, changes, BRAZIL_TO_INDIA)
    assert rule in {f.code for f in verdict.findings}
    assert rule not in {f.code for f in judged(version, changes).findings}, "silent without a scheme"


def test_an_issuer_may_require_regulatory_reporting() -> None:
    required = RuleSet(settings={"B20": {"currencies": ["BRL"]}})
    assert {f.code for f in judged(P8, {}, required).findings} == {"B20"}
    reported = payment(RgltryRptg={"Dtls": {"Cd": "12345"}})
    assert not judged(P8, reported, required).layer
    assert not judged(P8, {}, RuleSet(settings={"B20": {"currencies": ["INR"]}})).layer


def known(uetr: str) -> KnownPayment | None:
    return KnownPayment(amount_minor=250_075, currency="BRL", returned_minor=75) if uetr == UETR else None


@pytest.mark.parametrize(
    ("version", "changes", "refused"),
    [
        (P2, {}, False),
        (P2, {"TxInfAndSts/OrgnlUETR": UETR_2}, True),
        (P2, {"TxInfAndSts/OrgnlUETR": None}, True),
        (P4, {"TxInf/RtrdIntrBkSttlmAmt": ("2500.00", "BRL")}, False),
        (P4, {"TxInf/RtrdIntrBkSttlmAmt": ("2500.01", "BRL")}, True),
        (P4, {"TxInf/RtrdIntrBkSttlmAmt": ("1.00", "INR")}, True),
        (C56, {}, False),
        (C56, {"Undrlyg/TxInf/OrgnlUETR": UETR_2}, True),
        (C29, {"CxlDtls/TxInfAndSts/OrgnlUETR": UETR_2}, True),
    ],
)
def test_an_answer_names_a_payment_that_we_know(version: str, changes: Changes, refused: bool) -> None:
    verdict = judged(version, changes, RuleSet(known=known))
    assert {f.code for f in verdict.findings} == ({"B22"} if refused else set()), verdict.findings
    assert not judged(version, changes).layer, "without the ledger at hand the rule is silent"


def test_returns_in_one_file_are_added_up() -> None:
    back = {"RtrdIntrBkSttlmAmt": ("1250.01", "BRL")}
    changes = {"TxInf": two(P4, back, back, "TxInf"), "GrpHdr/NbOfTxs": "2"}
    verdict = judged(P4, changes, RuleSet(known=known))
    assert [f.code for f in verdict.findings] == ["B22"]
    assert "2 minor units" in verdict.findings[0].what


def test_rules_see_values_not_prefixes_or_white_space() -> None:
    spoilt = xml(P8, put(body(P8), "GrpHdr/NbOfTxs", "2"), prefix="x").replace(b"><", b">\n\n\t<")
    assert [f.code for f in Gate().judge(spoilt).findings] == ["B04"]


def test_foreign_data_in_a_message_is_not_read_by_rules() -> None:
    own = '<o:Ctry xmlns:o="urn:o">QZ</o:Ctry>'
    data = xml(P8).replace(
        b"</FIToFICstmrCdtTrf>", f"<SplmtryData><Envlp>{own}</Envlp></SplmtryData></FIToFICstmrCdtTrf>".encode()
    )
    assert not Gate().judge(data).layer


def test_a_zero_payment_is_refused_by_the_typed_layer() -> None:
    for version, path in ((P8, f"{TX}/IntrBkSttlmAmt"), (P9, f"{TX}/IntrBkSttlmAmt"), (P4, "TxInf/RtrdIntrBkSttlmAmt")):
        changes: Changes = {path: ("0", "BRL")}
        if version == P8:
            changes |= payment(InstdAmt=None)
        verdict = Gate().judge(changed(version, changes))
        assert (verdict.layer, verdict.findings[0].code) == ("typed", "amount")
    beyond = Gate().judge(changed(P9, payment(IntrBkSttlmAmt=("123456789012345678", "JPY"))))
    assert not beyond.layer
    too_large = Gate().judge(changed(P9, payment(IntrBkSttlmAmt=("10000000000000000", "BRL"))))  # 10^18 minor units
    assert (too_large.layer, too_large.findings[0].code) == ("typed", "too_large")


def test_numbers_stand_for_ever() -> None:
    """The titles by number; a change here is a change of the standard."""
    assert [f"{r.number} {r.title} {r.standing}" for r in RULES.values()] == [
        "B01 active currency always",
        "B02 decimals always",
        "B03 no metal, test or fund code always",
        "B04 number of transactions always",
        "B05 sums always",
        "B06 header names the document always",
        "B07 header names the agents always",
        "B08 country always",
        "B09 UETR always",
        "B10 message id scheme",
        "B11 settlement date always",
        "B12 time stamps scheme",
        "B13 charges always",
        "B14 exchange rate always",
        "B15 settlement method and corridor context",
        "B16 structured address scheme",
        "B17 agent by BIC alone scheme",
        "B18 check digits always",
        "B19 purpose context",
        "B20 regulatory reporting context",
        "B21 remittance scheme",
        "B22 known payment context",
        "B23 statement always",
        "B24 parties identified scheme",
    ]


def test_every_rule_has_a_case_that_keeps_it_and_one_that_breaks_it() -> None:
    broken = {rule for rule, *_ in BREAKS} | {rule for rule, *_ in SOFT} | {"B15", "B19", "B20", "B22"}
    kept = {rule for rule, *_ in KEEPS} | {rule for rule, *_ in SOFT} | {"B03", "B06", "B15", "B19", "B20", "B22"}
    assert broken == kept == set(RULES)
    verdict = judged(P8, payment(IntrBkSttlmAmt=("9.00", "CNY"), InstdAmt=("9.00", "CNY")), ALL_ON)
    assert not verdict.layer  # B03, B06 and the others of schemes, kept, with every rule turned on
    assert not verdict.notes


def test_settings_of_rules_name_what_is_unknown() -> None:
    assert rule_settings({"B16": "on", "B10": False, "B11": {"days_ahead": 5}}) == {
        "B16": True,
        "B10": False,
        "B11": {"days_ahead": 5},
    }
    for written, words in (
        ({"B61": "on"}, "B61"),
        ({"B11": {"day_ahead": 5}}, "days_ahead"),
        ({"B16": "yes"}, "on"),
        ({"B11": {"days_ahead": "five"}}, "a whole number up to 3,650"),
        ({"B11": {"days_ahead": 10**12}}, "a whole number up to 3,650"),
        ({"B15": {"methods": "INDA"}}, "a list of texts"),
        ({"B20": {"currencies": 5}}, "a list of texts"),
    ):
        with pytest.raises(InputError, match=words):
            rule_settings(written)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        # ISO 13616's example, and published ones of Germany, France, Brazil and Saint Lucia, as registered with SWIFT.
        ("GB82WEST12345698765432", True),
        ("DE89370400440532013000", True),
        ("FR1420041010050500013M02606", True),
        ("BR1800360305000010009795493C1", True),
        ("LC55HEMM000100010012001200023015", True),
        ("DE98370400440532013000", False),
        ("GB82WEST12345698765423", False),
        # Remainder 1, but with check digits that the procedure never gives.
        ("GB00WEST00000000047", False),
        ("GB01WEST00000000029", False),
        ("GB99WEST00000000011", False),
    ],
)
def test_published_ibans_pass_their_check_digits(text: str, good: bool) -> None:
    assert remainder_is_one(text[4:] + text[:4]) is good
