"""The ledger's answers as ISO 20022 messages: pacs.002 statuses, camt.052, camt.053 and camt.054 statements.

Text is put together element by element in the order of the definition, so the same message gives the same bytes. What
is written is what the gate would accept: by default each message goes through a gate before it leaves, and `read`
gives back the value that was written. What it does not do: write payments; those are the members' own.

    read(write(message)) == message
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from xml.sax.saxutils import escape

from concordat.clearing.iso.gate import Gate
from concordat.clearing.iso.profile import NAMESPACE
from concordat.clearing.iso.types import Amount, Balance, Entry, Header, Message, Statement, Status
from concordat.errors import InputError

HEADER_VERSION = "head.001.001.02"


def write(message: Message, *, gate: Gate | None = None, checked: bool = True) -> bytes:
    """The message as UTF-8 XML; with a header, both in an `Envelope`.

    Args:
        gate: what judges the result; by default one without schemas and scheme. checked: whether to judge it at all.

    Raises:
        InputError, RuleError: a value that no such message may hold; the element is named.
        MethodError: `checked`, and lxml is not installed.
    """
    writer = _WRITERS.get(message.definition)
    if writer is None:
        hint = f"It writes: {', '.join(_WRITERS)}."
        raise InputError(f"nothing here writes {message.definition}.", hint=hint, code="unknown_message")
    document = f'<Document xmlns="{NAMESPACE}{message.definition}">{"".join(writer(message))}</Document>'
    if message.header is not None:
        document = f"<Envelope>{''.join(_header(message.header))}{document}</Envelope>"
    try:
        data = ('<?xml version="1.0" encoding="UTF-8"?>\n' + document + "\n").encode("utf-8")
    except UnicodeEncodeError:
        raise InputError("a text holds half a character (a lone surrogate).", code="encoding") from None
    if checked:
        (gate or Gate()).judge(data).admitted(message.definition)
    return data


def _leaf(name: str, text: str, attribute: str = "") -> str:
    """One element, or nothing where there is no text. A carriage return, written plainly, would come back as a feed."""
    return f"<{name}{attribute}>{escape(text, {chr(13): '&#13;'})}</{name}>" if text else ""


def _group(name: str, *inside: str) -> str:
    content = "".join(inside)
    return f"<{name}>{content}</{name}>" if content else ""


def _agent(name: str, bic: str) -> str:
    return _group(name, _group("FinInstnId", _leaf("BICFI", bic)))


def _amount(name: str, amount: Amount) -> str:
    value = abs(amount.value)
    return _leaf(name, f"{value:f}", f' Ccy="{escape(amount.currency, {chr(34): "&quot;"})}"')


def _header(header: Header) -> Iterator[str]:
    yield f'<AppHdr xmlns="{NAMESPACE}{HEADER_VERSION}">'
    yield _group("Fr", _agent("FIId", header.sender_bic))
    yield _group("To", _agent("FIId", header.receiver_bic))
    yield _leaf("BizMsgIdr", header.message_id) + _leaf("MsgDefIdr", header.definition)
    yield _leaf("BizSvc", header.service) + _leaf("CreDt", header.created) + _leaf("CpyDplct", header.copy)
    yield "</AppHdr>"


def _group_header(message: Message) -> str:
    return _group("GrpHdr", _leaf("MsgId", message.message_id), _leaf("CreDtTm", message.created))


def _statuses(message: Message) -> Iterator[str]:
    yield "<FIToFIPmtStsRpt>" + _group_header(message)
    for item in message.items:
        if not isinstance(item, Status):
            raise _wrong_item(message, item)
        reason = _group("Rsn", _leaf("Cd", item.reason))
        yield _group(
            "TxInfAndSts",
            _group(
                "OrgnlGrpInf",
                _leaf("OrgnlMsgId", item.original_message_id),
                _leaf("OrgnlMsgNmId", item.original_message),
            ),
            _leaf("OrgnlInstrId", item.instruction_id),
            _leaf("OrgnlEndToEndId", item.end_to_end_id),
            _leaf("OrgnlTxId", item.transaction_id),
            _leaf("OrgnlUETR", item.uetr),
            _leaf("TxSts", item.status),
            _group("StsRsnInf", reason, *(_leaf("AddtlInf", text) for text in item.texts)),
            _leaf("AccptncDtTm", item.accepted),
            _group("FctvIntrBkSttlmDt", _date_or_time(item.settlement_date)),
            _leaf("ClrSysRef", item.clearing_reference),
            _agent("InstgAgt", item.instructing_bic),
            _agent("InstdAgt", item.instructed_bic),
        )
    yield "</FIToFIPmtStsRpt>"


def _wrong_item(message: Message, item: object) -> InputError:
    return InputError(f"{type(item).__name__} has no place in {message.definition}.", code="invalid")


def _date_or_time(text: str) -> str:
    return _leaf("DtTm" if "T" in text else "Dt", text)


def _statements(root: str, block: str) -> Callable[[Message], Iterator[str]]:
    def lines(message: Message) -> Iterator[str]:
        yield f"<{root}>" + _group_header(message)
        for item in message.items:
            if not isinstance(item, Statement):
                raise _wrong_item(message, item)
            yield _group(block, *_statement(item))
        yield f"</{root}>"

    return lines


def _statement(item: Statement) -> Iterator[str]:
    yield _leaf("Id", item.id)
    yield _leaf("ElctrncSeqNb", "" if item.sequence is None else str(item.sequence))
    yield _leaf("CreDtTm", item.created)
    yield _group(
        "Acct",
        _group("Id", _group("Othr", _leaf("Id", item.account))),
        _leaf("Ccy", item.currency),
        _agent("Svcr", item.servicer_bic),
    )
    for balance in item.balances:
        yield _balance(balance)
    for entry in item.entries:
        yield _entry(entry)


def _side(value: Decimal) -> str:
    return _leaf("CdtDbtInd", "DBIT" if value < 0 else "CRDT")


def _balance(balance: Balance) -> str:
    return _group(
        "Bal",
        _group("Tp", _group("CdOrPrtry", _leaf("Cd", balance.kind))),
        _amount("Amt", balance.amount),
        _side(balance.amount.value),
        _group("Dt", _date_or_time(balance.date)),
    )


def _entry(entry: Entry) -> str:
    domain, family, sub_family = entry.transaction_code
    references = _group(
        "Refs",
        _leaf("InstrId", entry.instruction_id),
        _leaf("EndToEndId", entry.end_to_end_id),
        _leaf("UETR", entry.uetr),
    )
    return _group(
        "Ntry",
        _leaf("NtryRef", entry.reference),
        _amount("Amt", entry.amount),
        _leaf("CdtDbtInd", "CRDT" if entry.credit else "DBIT"),
        _leaf("RvslInd", "true" if entry.reversal else ""),
        _group("Sts", _leaf("Cd", entry.status)),
        _group("BookgDt", _date_or_time(entry.booked)),
        _group("ValDt", _date_or_time(entry.value_date)),
        _leaf("AcctSvcrRef", entry.servicer_reference),
        _group(
            "BkTxCd",
            _group("Domn", _leaf("Cd", domain), _group("Fmly", _leaf("Cd", family), _leaf("SubFmlyCd", sub_family))),
        ),
        _group("NtryDtls", _group("TxDtls", references)),
        _leaf("AddtlNtryInf", entry.text),
    )


_WRITERS: dict[str, Callable[[Message], Iterator[str]]] = {
    "pacs.002.001.10": _statuses,
    "pacs.002.001.12": _statuses,
    "camt.052.001.08": _statements("BkToCstmrAcctRpt", "Rpt"),
    "camt.053.001.08": _statements("BkToCstmrStmt", "Stmt"),
    "camt.054.001.08": _statements("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}
