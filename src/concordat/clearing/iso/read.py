"""From an accepted message's dictionaries to typed values.

The schema and the rules have passed, so nothing here is checked twice; what only the ledger asks for is checked here:
an amount to settle is at least one minor unit and below 10^18. What it does not do: decide. `gate` does.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from concordat.clearing.iso.findings import Finding
from concordat.clearing.iso.rules import transactions
from concordat.clearing.iso.tree import Group, Parts, Refused, at, many
from concordat.clearing.iso.types import (
    Amount,
    Balance,
    BankPayment,
    CustomerPayment,
    Entry,
    Header,
    Item,
    Message,
    Party,
    Recall,
    RecallAnswer,
    Return,
    Statement,
    Status,
)  # fmt: skip
from concordat.errors import InputError

_SETTLES = {"pacs.008": "IntrBkSttlmAmt", "pacs.009": "IntrBkSttlmAmt", "pacs.004": "RtrdIntrBkSttlmAmt"}


def check_amounts(parts: Parts, txs: list[Group]) -> None:
    """The typed layer's own question: every amount that is to settle is a number of minor units that the ledger takes.

    Raises:
        Refused: it is zero, or 10^18 minor units or more.
    """
    name = _SETTLES.get(parts.version[:8])
    if name is None:
        return
    for index, tx in enumerate(txs, 1):
        amount = _money(tx[name])
        try:
            minor = amount.minor
        except InputError as error:
            raise Refused(
                Finding("typed", error.code, f"/Document/.../{name}", 0, f"payment {index}: {error.what}")
            ) from None
        if minor < 1:
            said = f"{amount.value:f} {amount.currency}"
            what = f"payment {index}: {said} is no amount to settle; one minor unit is the least."
            raise Refused(Finding("typed", "amount", f"/Document/.../{name}", 0, what))


def typed(parts: Parts) -> Message:
    """The message of a file that passed all layers."""
    family = parts.version[:8]
    (body,) = parts.body.values()
    group: Group = body.get("GrpHdr") or body.get("Assgnmt") or body.get("MsgHdr") or {}
    read = _READERS.get(family)
    items = tuple(read(tx, group, body) for tx in transactions(family, body)) if read is not None else ()
    message_id = _text(group, "MsgId") or _text(group, "Id")
    return Message(parts.version, message_id, _text(group, "CreDtTm"), items, _header(parts.head))


def _header(head: Group) -> Header | None:
    if not head:
        return None
    return Header(
        sender_bic=_agent(at(head, "Fr", "FIId")) or _text(head, "Fr", "OrgId", "Id", "OrgId", "AnyBIC"),
        receiver_bic=_agent(at(head, "To", "FIId")) or _text(head, "To", "OrgId", "Id", "OrgId", "AnyBIC"),
        message_id=_text(head, "BizMsgIdr"),
        definition=_text(head, "MsgDefIdr"),
        created=_text(head, "CreDt"),
        service=_text(head, "BizSvc"),
        copy=_text(head, "CpyDplct"),
    )


def _text(group: Any, *names: str) -> str:
    # Every payment comes through here some thirty times; the way is nearly always there.
    try:
        for name in names:
            group = group[name]
    except (KeyError, TypeError):
        return ""
    return group if type(group) is str else ""


def _agent(agent: Any) -> str:
    try:
        bic: str = agent["FinInstnId"]["BICFI"]
    except (KeyError, TypeError):
        return ""
    return bic


def _amount(pair: Any) -> Amount | None:
    return None if pair is None else Amount(Decimal(pair[0].strip()), pair[1])


def _money(pair: tuple[str, str]) -> Amount:
    return Amount(Decimal(pair[0].strip()), pair[1])


def _account(group: Any) -> str:
    return _text(group, "Id", "IBAN") or _text(group, "Id", "Othr", "Id")


def _party(tx: Group, name: str, account: str) -> Party:
    party = tx.get(name)
    address = at(party, "PstlAdr")
    organisation = at(party, "Id", "OrgId")
    others = many(at(organisation, "Othr")) or many(at(party, "Id", "PrvtId", "Othr"))
    identifier = (
        _text(organisation, "LEI") or _text(organisation, "AnyBIC") or (_text(others[0], "Id") if others else "")
    )
    return Party(
        _text(party, "Nm"), _text(address, "TwnNm"), _text(address, "Ctry"), identifier, _account(tx.get(account))
    )


def _customer(tx: Group, group: Group, _body: Group) -> CustomerPayment:
    rate = tx.get("XchgRate")
    return CustomerPayment(
        uetr=_text(tx, "PmtId", "UETR"),
        end_to_end_id=_text(tx, "PmtId", "EndToEndId"),
        amount=_money(tx["IntrBkSttlmAmt"]),
        settlement_date=(_text(tx, "IntrBkSttlmDt") or _text(group, "IntrBkSttlmDt")).strip(),
        instructing_bic=_agent(tx.get("InstgAgt")) or _agent(group.get("InstgAgt")),
        instructed_bic=_agent(tx.get("InstdAgt")) or _agent(group.get("InstdAgt")),
        debtor=_party(tx, "Dbtr", "DbtrAcct"),
        debtor_agent_bic=_agent(tx.get("DbtrAgt")),
        creditor=_party(tx, "Cdtr", "CdtrAcct"),
        creditor_agent_bic=_agent(tx.get("CdtrAgt")),
        instruction_id=_text(tx, "PmtId", "InstrId"),
        transaction_id=_text(tx, "PmtId", "TxId"),
        settlement_method=_text(group, "SttlmInf", "SttlmMtd"),
        instructed=_amount(tx.get("InstdAmt")),
        exchange_rate=None if rate is None else Decimal(rate.strip()),
        charge_bearer=_text(tx, "ChrgBr"),
        purpose=_text(tx, "Purp", "Cd"),
        remittance=tuple(many(at(tx, "RmtInf", "Ustrd"))),
    )


def _bank(tx: Group, group: Group, _body: Group) -> BankPayment:
    return BankPayment(
        uetr=_text(tx, "PmtId", "UETR"),
        end_to_end_id=_text(tx, "PmtId", "EndToEndId"),
        amount=_money(tx["IntrBkSttlmAmt"]),
        settlement_date=(_text(tx, "IntrBkSttlmDt") or _text(group, "IntrBkSttlmDt")).strip(),
        instructing_bic=_agent(tx.get("InstgAgt")) or _agent(group.get("InstgAgt")),
        instructed_bic=_agent(tx.get("InstdAgt")) or _agent(group.get("InstdAgt")),
        debtor_bic=_agent(tx.get("Dbtr")),
        creditor_bic=_agent(tx.get("Cdtr")),
        instruction_id=_text(tx, "PmtId", "InstrId"),
        transaction_id=_text(tx, "PmtId", "TxId"),
        settlement_method=_text(group, "SttlmInf", "SttlmMtd"),
        purpose=_text(tx, "Purp", "Cd"),
        cover="UndrlygCstmrCdtTrf" in tx,
    )


def _code(reason: Any) -> str:
    return _text(reason, "Rsn", "Cd") or _text(reason, "Rsn", "Prtry")


def _first(value: Any) -> Any:
    return next(iter(many(value)), None)


def _status(tx: Group, group: Group, _body: Group) -> Status:
    reason = _first(tx.get("StsRsnInf"))
    settled_on = tx.get("FctvIntrBkSttlmDt")
    return Status(
        uetr=_text(tx, "OrgnlUETR"),
        status=_text(tx, "TxSts"),
        reason=_code(reason),
        texts=tuple(many(at(reason, "AddtlInf"))),
        original_message_id=_text(tx, "OrgnlGrpInf", "OrgnlMsgId"),
        original_message=_text(tx, "OrgnlGrpInf", "OrgnlMsgNmId"),
        instruction_id=_text(tx, "OrgnlInstrId"),
        end_to_end_id=_text(tx, "OrgnlEndToEndId"),
        transaction_id=_text(tx, "OrgnlTxId"),
        accepted=_text(tx, "AccptncDtTm"),
        settlement_date=(_text(settled_on, "Dt") or _text(settled_on, "DtTm")).strip(),
        clearing_reference=_text(tx, "ClrSysRef"),
        instructing_bic=_agent(tx.get("InstgAgt")) or _agent(group.get("InstgAgt")),
        instructed_bic=_agent(tx.get("InstdAgt")) or _agent(group.get("InstdAgt")),
    )


def _return(tx: Group, group: Group, _body: Group) -> Return:
    return Return(
        uetr=_text(tx, "OrgnlUETR"),
        return_id=_text(tx, "RtrId"),
        amount=_money(tx["RtrdIntrBkSttlmAmt"]),
        settlement_date=(_text(tx, "IntrBkSttlmDt") or _text(group, "IntrBkSttlmDt")).strip(),
        reason=_code(_first(tx.get("RtrRsnInf"))),
        instructing_bic=_agent(tx.get("InstgAgt")) or _agent(group.get("InstgAgt")),
        instructed_bic=_agent(tx.get("InstdAgt")) or _agent(group.get("InstdAgt")),
        original_message_id=_text(tx, "OrgnlGrpInf", "OrgnlMsgId"),
        end_to_end_id=_text(tx, "OrgnlEndToEndId"),
    )


def _assigned(group: Group, name: str) -> str:
    return _agent(at(group, name, "Agt")) or _text(group, name, "Pty", "Id", "OrgId", "AnyBIC")


def _recall(tx: Group, group: Group, body: Group) -> Recall:
    reason = _first(tx.get("CxlRsnInf"))
    return Recall(
        uetr=_text(tx, "OrgnlUETR"),
        case_id=_text(tx, "Case", "Id") or _text(body, "Case", "Id"),
        reason=_code(reason),
        assigner_bic=_assigned(group, "Assgnr"),
        assignee_bic=_assigned(group, "Assgne"),
        amount=_amount(tx.get("OrgnlIntrBkSttlmAmt")),
        original_message_id=_text(tx, "OrgnlGrpInf", "OrgnlMsgId"),
        end_to_end_id=_text(tx, "OrgnlEndToEndId"),
        texts=tuple(many(at(reason, "AddtlInf"))),
    )


def _answer(tx: Group, group: Group, body: Group) -> RecallAnswer:
    reason = _first(tx.get("CxlStsRsnInf"))
    return RecallAnswer(
        uetr=_text(tx, "OrgnlUETR"),
        case_id=_text(tx, "RslvdCase", "Id") or _text(body, "RslvdCase", "Id"),
        confirmation=_text(body, "Sts", "Conf"),
        status=_text(tx, "TxCxlSts"),
        reason=_code(reason),
        assigner_bic=_assigned(group, "Assgnr"),
        assignee_bic=_assigned(group, "Assgne"),
        texts=tuple(many(at(reason, "AddtlInf"))),
    )


def _dated(group: Any) -> str:
    return (_text(group, "Dt") or _text(group, "DtTm")).strip()


def _statement(tx: Group, _group: Group, _body: Group) -> Statement:
    sequence = tx.get("ElctrncSeqNb")
    account = tx.get("Acct")
    return Statement(
        id=_text(tx, "Id"),
        account=_account(account),
        currency=_text(account, "Ccy"),
        balances=tuple(_balance(b) for b in many(tx.get("Bal"))),
        entries=tuple(_entry(e) for e in many(tx.get("Ntry"))),
        sequence=None if sequence is None else int(Decimal(sequence.strip())),
        created=_text(tx, "CreDtTm"),
        servicer_bic=_agent(at(account, "Svcr")),
    )


def _balance(group: Group) -> Balance:
    amount = _money(group["Amt"])
    signed = amount if group.get("CdtDbtInd") == "CRDT" else Amount(-amount.value, amount.currency)
    return Balance(
        _text(group, "Tp", "CdOrPrtry", "Cd") or _text(group, "Tp", "CdOrPrtry", "Prtry"),
        signed,
        _dated(group.get("Dt")),
    )


def _entry(group: Group) -> Entry:
    details = _first(at(_first(group.get("NtryDtls")), "TxDtls"))
    references = at(details, "Refs")
    domain = at(group, "BkTxCd", "Domn")
    code = (_text(domain, "Cd"), _text(domain, "Fmly", "Cd"), _text(domain, "Fmly", "SubFmlyCd"))
    return Entry(
        reference=_text(group, "NtryRef"),
        amount=_money(group["Amt"]),
        credit=group.get("CdtDbtInd") == "CRDT",
        booked=_dated(group.get("BookgDt")),
        value_date=_dated(group.get("ValDt")),
        status=_text(group, "Sts", "Cd") or _text(group, "Sts", "Prtry"),
        reversal=_text(group, "RvslInd").strip() in ("true", "1"),
        servicer_reference=_text(group, "AcctSvcrRef"),
        transaction_code=code,
        uetr=_text(references, "UETR"),
        end_to_end_id=_text(references, "EndToEndId"),
        instruction_id=_text(references, "InstrId"),
        text=_text(group, "AddtlNtryInf"),
    )


_READERS: dict[str, Callable[[Group, Group, Group], Item]] = {
    "pacs.008": _customer,
    "pacs.009": _bank,
    "pacs.002": _status,
    "pacs.004": _return,
    "camt.056": _recall,
    "camt.029": _answer,
    "camt.052": _statement,
    "camt.053": _statement,
    "camt.054": _statement,
}
