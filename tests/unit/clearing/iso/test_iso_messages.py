"""Typed messages: what is read of each kind, what the ledger's answers look like as messages, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest

pytest.importorskip("lxml.etree", reason="needs the extra [clearing] or [test]")

from clearing_iso_kit import DAY, MADE, RECEIVER, SENDER, UETR, body, put, xml
from concordat.clearing.core.codes import CODES
from concordat.clearing.iso import Gate
from concordat.clearing.iso.gate import read
from concordat.clearing.iso.reasons import status_of
from concordat.clearing.iso.types import (
    Amount,
    Balance,
    BankPayment,
    CustomerPayment,
    Entry,
    Header,
    Message,
    Party,
    Recall,
    RecallAnswer,
    Return,
    Statement,
    Status,
)
from concordat.clearing.iso.write import write
from concordat.errors import InputError, RuleError

HEADER = Header(SENDER, RECEIVER, "MSG-1", "", MADE)
BRL = Amount(Decimal("2500.75"), "BRL")


def header_of(version: str) -> Header:
    return Header(SENDER, RECEIVER, "MSG-1", version, MADE)


READ = {
    "pacs.008.001.08": CustomerPayment(
        uetr=UETR,
        end_to_end_id="E-1",
        amount=BRL,
        settlement_date=DAY,
        instructing_bic=SENDER,
        instructed_bic=RECEIVER,
        debtor=Party("Ana Paula Exemplo", "Recife", "BR", "", "000123"),
        debtor_agent_bic=SENDER,
        creditor=Party("Example Textiles", "Surat", "IN", "", "000456"),
        creditor_agent_bic=RECEIVER,
        instruction_id="I-1",
        settlement_method="INDA",
        instructed=BRL,
        charge_bearer="SHAR",
        purpose="GDDS",
        remittance=("Invoice 17",),
    ),
    "pacs.009.001.08": BankPayment(
        uetr=UETR,
        end_to_end_id="E-1",
        amount=Amount(Decimal(1_000_000), "INR"),
        settlement_date=DAY,
        instructing_bic=SENDER,
        instructed_bic=RECEIVER,
        debtor_bic=SENDER,
        creditor_bic=RECEIVER,
        instruction_id="I-1",
        settlement_method="INDA",
    ),
    "pacs.002.001.10": Status(
        uetr=UETR,
        status="RJCT",
        reason="AM04",
        original_message_id="MSG-0",
        original_message="pacs.008.001.08",
        instruction_id="I-0",
        end_to_end_id="E-0",
        instructing_bic=SENDER,
        instructed_bic=RECEIVER,
    ),
    "pacs.004.001.09": Return(
        uetr=UETR,
        return_id="R-1",
        amount=BRL,
        settlement_date=DAY,
        reason="AC04",
        instructing_bic=SENDER,
        instructed_bic=RECEIVER,
        original_message_id="MSG-0",
        end_to_end_id="E-0",
    ),
    "camt.056.001.08": Recall(
        uetr=UETR,
        case_id="K-1",
        reason="DUPL",
        assigner_bic=SENDER,
        assignee_bic=RECEIVER,
        amount=BRL,
        original_message_id="MSG-0",
        end_to_end_id="E-0",
        texts=("sent twice",),
    ),
    "camt.029.001.09": RecallAnswer(
        uetr=UETR,
        case_id="K-1",
        confirmation="RJCR",
        status="RJCR",
        reason="LEGL",
        assigner_bic=SENDER,
        assignee_bic=RECEIVER,
    ),
    "camt.053.001.08": Statement(
        id="S-1",
        account="CCCCBRSP/BRL",
        currency="BRL",
        sequence=7,
        balances=(
            Balance("OPBD", Amount(Decimal("100.00"), "BRL"), DAY),
            Balance("CLBD", Amount(Decimal("69.50"), "BRL"), DAY),
        ),
        entries=(
            Entry("N-1", Amount(Decimal("20.00"), "BRL"), True, DAY, uetr=UETR, end_to_end_id="E-1"),
            Entry("N-1", Amount(Decimal("50.50"), "BRL"), False, DAY, uetr=UETR, end_to_end_id="E-1"),
        ),
    ),
}
SAME = {
    "pacs.009.001.10": "pacs.009.001.08",
    "pacs.002.001.12": "pacs.002.001.10",
    "pacs.004.001.11": "pacs.004.001.09",
}


@pytest.mark.parametrize("version", [*READ, *SAME])
def test_a_message_is_read_into_its_type(version: str) -> None:
    message = read(xml(version))
    assert message == Message(version, "MSG-1", MADE, (READ[SAME.get(version, version)],), header_of(version))


@pytest.mark.parametrize("version", ["camt.050.001.07", "pain.001.001.09"])
def test_a_message_without_a_typed_form_is_checked_all_the_same(version: str) -> None:
    assert read(xml(version)) == Message(version, "MSG-1", MADE, (), header_of(version))


def test_amounts_become_minor_units_of_their_currency() -> None:
    cases = {
        ("12.50", "EUR"): 1250,
        ("1000", "JPY"): 1000,
        ("1.234", "KWD"): 1234,
        ("-10", "BRL"): -1000,
        ("+7.", "INR"): 700,
    }
    assert {case: Amount(Decimal(case[0]), case[1]).minor for case in cases} == cases
    for value, currency, code in (
        ("1.5", "JPY", "decimals"),
        ("1", "XAU", "unknown_currency"),
        ("1e16", "BRL", "too_large"),
    ):
        with pytest.raises(InputError) as caught:
            _ = Amount(Decimal(value), currency).minor
        assert caught.value.code == code


def test_details_of_a_customer_payment() -> None:
    inside = body("pacs.008.001.08")
    put(inside, "CdtTrfTxInf/DbtrAcct", {"Id": {"IBAN": "GB82WEST12345698765432"}})
    put(inside, "CdtTrfTxInf/Dbtr/Id", {"PrvtId": {"Othr": [{"Id": "12345"}, {"Id": "67"}]}})
    put(inside, "GrpHdr/IntrBkSttlmDt", None) if "IntrBkSttlmDt" in inside["GrpHdr"] else None
    (payment,) = read(xml("pacs.008.001.08", inside, with_header=False)).items
    assert isinstance(payment, CustomerPayment)
    assert (payment.debtor.account, payment.debtor.identifier) == ("GB82WEST12345698765432", "12345")


def test_a_refusal_is_raised_as_an_error_of_the_tree() -> None:
    inside = put(body("pacs.008.001.08"), "GrpHdr/NbOfTxs", "2")
    with pytest.raises(RuleError) as rule:
        Gate().judge(xml("pacs.008.001.08", inside)).admitted("payment.xml")
    assert str(rule.value).startswith(
        "payment.xml: refused at layer rules: B04, /Document/FIToFICstmrCdtTrf/GrpHdr/NbOfTxs: says 2"
    )
    assert (rule.value.exit_code, rule.value.code) == (6, "b04")
    with pytest.raises(InputError) as schema:
        read(xml("pacs.008.001.08", put(body("pacs.008.001.08"), "GrpHdr/MsgId", None)))
    assert (schema.value.exit_code, schema.value.code) == (2, "element")


# --- The ledger's answers ---


def test_every_code_of_the_ledger_has_a_status_and_a_rejection_has_a_reason() -> None:
    for code in CODES:
        status, reason, text = status_of(code)
        assert status in ("ACSC", "PDNG", "RJCT")
        assert bool(reason) >= (status == "RJCT"), code
        assert len(text) <= 105
    # The codes that the specification lists, with its ISO reasons.
    listed = {
        "insufficient_funds": "AM04",
        "id_reused": "AM05",
        "account_closed": "AC04",
        "account_frozen": "AC06",
        "over_limit": "AM02",
        "no_corridor": "AG01",
        "quota_full": "RR04",
        "cancelled_by_payer": "DS02",
        "bad_member": "RC01",
        "window_closed": "TM01",
    }
    assert {code: status_of(code)[:2] for code in listed} == {code: ("RJCT", reason) for code, reason in listed.items()}
    assert status_of("settled") == ("ACSC", "", "")
    assert status_of("queued")[0] == status_of("held")[0] == "PDNG"
    with pytest.raises(InputError, match="insufficient_funds"):
        status_of("insuficient_funds")


@pytest.mark.parametrize("code", ["settled", "queued", "held", "insufficient_funds", "cancelled_by_payer"])
def test_a_receipt_becomes_a_status_report(code: str) -> None:
    status, reason, text = status_of(code)
    item = Status(UETR, status, reason, (text,) if text else (), clearing_reference="h1042")
    message = Message("pacs.002.001.10", "ST-1", MADE, (item,), None)
    data = write(message)
    assert read(data) == message
    assert f"<TxSts>{status}</TxSts>".encode() in data


def test_the_bytes_of_a_statement_are_those_written_by_hand() -> None:
    entry = Entry("N-1", Amount(Decimal("20.00"), "BRL"), True, DAY, uetr=UETR)
    message = Message("camt.054.001.08", "M-1", MADE, (Statement("S-1", "CCCCBRSP/BRL", "BRL", (), (entry,)),))
    assert write(message).decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>M-1</MsgId><CreDtTm>{MADE}</CreDtTm></GrpHdr>"
        "<Ntfctn><Id>S-1</Id><Acct><Id><Othr><Id>CCCCBRSP/BRL</Id></Othr></Id><Ccy>BRL</Ccy></Acct>"
        '<Ntry><NtryRef>N-1</NtryRef><Amt Ccy="BRL">20.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>'
        f"<BookgDt><Dt>{DAY}</Dt></BookgDt>"
        "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>XBCT</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls><TxDtls><Refs><UETR>{UETR}</UETR></Refs></TxDtls></NtryDtls></Ntry></Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>\n"
    )


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (Message("pacs.008.001.08", "M", MADE), "nothing here writes pacs.008.001.08"),
        (
            Message("pacs.002.001.10", "M", MADE, (Statement("S", "A", "BRL"),)),
            "Statement has no place in pacs.002.001.10",
        ),
        (Message("camt.053.001.08", "M", MADE, (Status(UETR, "ACSC"),)), "Status has no place in camt.053.001.08"),
        (Message("pacs.002.001.10", "M" * 36, MADE, (Status(UETR, "ACSC"),)), "MsgId"),
        (Message("pacs.002.001.10", "M", "yesterday", (Status(UETR, "ACSC"),)), "CreDtTm"),
        (Message("pacs.002.001.10", "M", MADE, (Status("not-a-uuid", "ACSC"),)), "OrgnlUETR"),
        (Message("pacs.002.001.10", "M\x01", MADE, (Status(UETR, "ACSC"),)), "not well-formed"),
        (Message("pacs.002.001.10", "M\ud800", MADE, (Status(UETR, "ACSC"),)), "surrogate"),
        (
            Message("pacs.002.001.10", "<!DOCTYPE a>", MADE, (Status(UETR, "ACSC"),), header_of("pacs.002.001.12")),
            "B06",
        ),
    ],
)
def test_what_no_message_may_hold_is_not_written(message: Message, words: str) -> None:
    with pytest.raises((InputError, RuleError), match=words):
        write(message)


def test_a_statement_that_does_not_tie_is_not_written() -> None:
    opening, closing = Amount(Decimal("1.00"), "BRL"), Amount(Decimal("2.00"), "BRL")
    item = Statement("S-1", "A", "BRL", (Balance("OPBD", opening, DAY), Balance("CLBD", closing, DAY)))
    message = Message("camt.053.001.08", "M", MADE, (item,))
    with pytest.raises(RuleError, match="B23"):
        write(message)
    assert b"<Bal>" in write(message, checked=False)
