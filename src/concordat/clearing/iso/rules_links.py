"""Rules on what belongs together: B06, B09 to B12, B15, B19 to B23.

The header and its document, a payment and its UETR, a date and the time it was sent, a payment and its corridor, an
answer and the payment it answers, a statement and its entries. Dates are compared without a clock: only with each
other. What it does not do: whether a payment settled; the ledger answers that.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, localcontext
from typing import Any

from concordat.clearing.iso.findings import shown
from concordat.clearing.iso.rules import Look, bic_of
from concordat.clearing.iso.rules_money import settled
from concordat.clearing.iso.tree import Group, at, many

DAYS_AHEAD = 10
METHODS = ("INDA", "INGA", "CLRG")
_UETR = re.compile(r"[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89ab][a-f0-9]{3}-[a-f0-9]{12}")
_YEAR = re.compile(r"(-?\d{4,})-\d\d-\d\d")
_OFFSET = re.compile(r"(Z|[+-]\d\d:\d\d)\s*$")
_OVER_EVERYWHERE = timedelta(days=1, hours=12)  # a day begins at UTC+14 and is over at UTC-12
_BEGINS_SOMEWHERE = timedelta(hours=14)


def header_definition(look: Look) -> None:
    """B06."""
    said = look.head.get("MsgDefIdr")
    if said is not None and said != look.parts.version:
        what = f"the header announces {shown(said)}, the document is {look.parts.version}."
        look.say("B06", "/AppHdr/MsgDefIdr", what, hint="Send the header that belongs to the document.")


def unique_ids(look: Look) -> None:
    """B09 on payments."""
    seen: dict[str, int] = {}
    for index, tx in enumerate(look.txs):
        uetr = at(tx, "PmtId", "UETR")
        place = f"{look.path('CdtTrfTxInf', index)}/PmtId/UETR"
        if uetr is None:
            look.say("B09", place, "missing.", hint="A version-4 UUID, kept by every bank on the way.")
        elif _UETR.fullmatch(uetr) is None:
            look.say("B09", place, f"{shown(uetr)} is not a version-4 UUID in lower case.")
        elif uetr in seen:
            look.say(
                "B09", place, f"{uetr} is the id of transaction {seen[uetr] + 1}, too.", hint="One payment, one UETR."
            )
        else:
            seen[uetr] = index


def message_id(look: Look) -> None:
    """B10."""
    said, own = look.head.get("BizMsgIdr"), look.group.get("MsgId") or look.group.get("Id")
    if said is not None and own is not None and said != own:
        look.say("B10", "/AppHdr/BizMsgIdr", f"{shown(said)} is not {shown(own)}, the document's own.", firm=False)


def settlement_date(look: Look) -> None:
    """B11 on payments and returns."""
    created = at(look.group, "CreDtTm")
    common = look.group.get("IntrBkSttlmDt")
    for index, tx in enumerate(look.txs):
        said = tx.get("IntrBkSttlmDt", common)
        if said is None or created is None or said == created[:10]:
            continue
        moment, day = _moment(created), _day(said)
        if moment is None or day is None:
            continue
        block = "TxInf" if look.family == "pacs.004" else "CdtTrfTxInf"
        place = f"{look.path(block, index)}/IntrBkSttlmDt" if "IntrBkSttlmDt" in tx else "GrpHdr/IntrBkSttlmDt"
        midnight = datetime.combine(day, time(), UTC)
        ahead = look.settings.get("B11")
        days = int(ahead.get("days_ahead", DAYS_AHEAD)) if isinstance(ahead, dict) else DAYS_AHEAD
        if midnight + _OVER_EVERYWHERE < moment:
            look.say("B11", place, f"{said} was over everywhere when the message was made, {shown(created)}.")
        elif midnight - _BEGINS_SOMEWHERE > moment + timedelta(days=days):
            look.say("B11", place, f"{said} is more than {days} days after {shown(created)}.", firm=False)


def _moment(text: str) -> datetime | None:
    """A time stamp in UTC; one without an offset is taken as UTC, which B11's slack covers; None: unknown to Python.

    XML's 24:00:00 is the next day's beginning. Of a year that the calendar here lacks, only the day counts.
    """
    text = text.strip()
    day = _day(text)
    if day is not None and not 2 < day.year < 9990:
        return datetime.combine(day, time(), UTC)
    try:
        found = datetime.fromisoformat(text.replace("T24:", "T00:"))
        found += timedelta(days=1) if "T24:" in text else timedelta()
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _day(text: str) -> date | None:
    """A day; one before the year 2 or after 9990 is the first or last of those, so that sums stay in the calendar."""
    match = _YEAR.match(text.strip())
    if match is None:
        return None
    if len(match[1]) > 4 or not 2 <= int(match[1]) <= 9990:
        return date(2, 1, 1) if match[1].startswith("-") or int(match[1]) < 2 else date(9990, 12, 31)
    try:
        return date.fromisoformat(match[0])
    except ValueError:
        return None


def time_stamps(look: Look) -> None:
    """B12."""
    for text, element in look.parts.times:
        if _OFFSET.search(text) is None:
            look.say("B12", element, f"{shown(text)} has no UTC offset.", firm=False)


def corridor(look: Look) -> None:
    """B15 and B19, with the corridors of a scheme."""
    if not look.rules.corridors:
        return
    setting = look.settings.get("B15")
    methods = tuple(setting.get("methods", METHODS)) if isinstance(setting, dict) else METHODS
    method = at(look.group, "SttlmInf", "SttlmMtd")
    if method is not None and method not in methods:
        look.say("B15", "GrpHdr/SttlmInf/SttlmMtd", f"{method}: the scheme settles by {', '.join(methods)}.")
    for index, tx in enumerate(look.txs):
        place = look.path("CdtTrfTxInf", index)
        payer = bic_of(tx.get("InstgAgt") or look.group.get("InstgAgt"))
        payee = bic_of(tx.get("InstdAgt") or look.group.get("InstdAgt"))
        code = (tx.get("IntrBkSttlmAmt") or ("", ""))[1]
        fitting = [
            c
            for c in look.rules.corridors
            if code in c.currencies and _within(payer, c.payer) and _within(payee, c.payee)
        ]
        if not fitting:
            ways = ", ".join(c.id for c in look.rules.corridors)
            what = (
                f"no corridor takes {shown(code)} from {payer or 'an agent without BIC'} to {payee or 'one without'}."
            )
            look.say("B15", place, what, hint=f"There are: {ways}.")
        elif all(c.purposes for c in fitting):
            _purpose(look, place, tx, sorted({p for c in fitting for p in c.purposes}))


def _within(bic: str, allowed: frozenset[str]) -> bool:
    return bic[4:6] in allowed or bic[:8] in allowed


def _purpose(look: Look, place: str, tx: Group, allowed: list[str]) -> None:
    purpose = at(tx, "Purp", "Cd")
    if purpose is None:
        look.say("B19", f"{place}/Purp/Cd", f"missing; the corridor allows {', '.join(allowed)}.")
    elif purpose not in allowed:
        look.say("B19", f"{place}/Purp/Cd", f"{shown(purpose)} is not for this corridor: {', '.join(allowed)}.")


def regulatory_reporting(look: Look) -> None:
    """B20, where the scheme names currencies."""
    setting = look.settings.get("B20")
    if not isinstance(setting, dict):
        return
    for index, tx in enumerate(look.txs):
        code = (tx.get("IntrBkSttlmAmt") or ("", ""))[1]
        if code in setting.get("currencies", ()) and "RgltryRptg" not in tx:
            place = f"{look.path('CdtTrfTxInf', index)}/RgltryRptg"
            look.say("B20", place, f"missing; the issuer of {code} requires it.")


def remittance(look: Look) -> None:
    """B21."""
    for index, tx in enumerate(look.txs):
        info = tx.get("RmtInf")
        if type(info) is not dict:
            continue
        lines = many(info.get("Ustrd"))
        place = f"{look.path('CdtTrfTxInf', index)}/RmtInf"
        if lines and "Strd" in info:
            look.say("B21", place, "structured and unstructured together.", firm=False)
        elif len(lines) > 1 or any(len(line) > 140 for line in lines):
            look.say("B21", place, f"{len(lines)} unstructured lines; one of at most 140 letters is kept.", firm=False)


def known_payment(look: Look) -> None:
    """B22, where the caller knows payments."""
    known = look.rules.known
    if known is None:
        return
    returned: dict[str, int] = {}
    for index, tx in enumerate(look.txs):
        uetr: str = tx.get("OrgnlUETR") or ""
        place = look.path({"pacs.004": "TxInf", "camt.056": "Undrlyg/TxInf"}.get(look.family, "TxInfAndSts"), index)
        payment = known(uetr) if uetr else None
        if payment is None:
            look.say("B22", f"{place}/OrgnlUETR", f"{shown(uetr or 'missing')}: no payment of that id is known here.")
            continue
        amount = tx.get("RtrdIntrBkSttlmAmt")
        if amount is None:
            continue
        if amount[1] != payment.currency:
            look.say(
                "B22", f"{place}/RtrdIntrBkSttlmAmt", f"{shown(amount[1])} back for a payment in {payment.currency}."
            )
            continue
        returned[uetr] = returned.get(uetr, payment.returned_minor) + _minor(amount)
        if returned[uetr] > payment.amount_minor:
            over = returned[uetr] - payment.amount_minor
            look.say("B22", f"{place}/RtrdIntrBkSttlmAmt", f"returns exceed the payment by {over} minor units.")


def _minor(amount: tuple[str, str]) -> int:
    return int(Decimal(amount[0].strip()).scaleb(settled().get(amount[1], 0)))


def statement(look: Look) -> None:
    """B23 on statements; a report within the day or a notification may list fewer entries than it sums up."""
    for index, account in enumerate(look.txs):
        pages = account.get("StmtPgntn")
        whole = pages is None or (
            (at(pages, "PgNb") or "").lstrip("0") == "1" and (at(pages, "LastPgInd") or "").strip() in ("true", "1")
        )
        entries = [e for e in many(account.get("Ntry")) if type(e) is dict]
        if not whole or at(account, "Acct") is None:
            continue
        place = look.path("Stmt", index)
        with localcontext() as exact:
            exact.prec = 60
            _ties(look, place, account, entries)
            if type(account.get("TxsSummry")) is dict:
                _summary(look, place, account["TxsSummry"], entries)


def _ties(look: Look, place: str, account: Group, entries: list[Group]) -> None:
    balances: dict[str, list[Any]] = {}
    for balance in many(account.get("Bal")):
        kind = at(balance, "Tp", "CdOrPrtry", "Cd")
        balances.setdefault(kind or "", []).append(balance)
    opening, closing = balances.get("OPBD") or balances.get("PRCD") or [], balances.get("CLBD") or []
    if len(opening) != 1 or len(closing) != 1:
        return  # none, or several days' or currencies' balances: nothing that one sum could tie
    codes = {at(item, "Amt")[1] for item in (*opening, *closing, *entries) if at(item, "Amt")}
    if len(codes) != 1:
        return
    booked = [e for e in entries if at(e, "Sts", "Cd") == "BOOK" or e.get("Sts") == "BOOK"]
    total = _signed(opening[0]) + sum((_signed(e) for e in booked), Decimal(0))
    if total != _signed(closing[0]):
        sums = f"opening + {len(booked)} booked entries = {total:f} {codes.pop()}"
        look.say("B23", f"{place}/Bal", f"{sums}; the closing balance is {_signed(closing[0]):f}.")


def _signed(item: Group) -> Decimal:
    value = Decimal(item["Amt"][0].strip())
    return value if item.get("CdtDbtInd") == "CRDT" else -value


def _summary(look: Look, place: str, summary: Group, entries: list[Group]) -> None:
    sides = {"TtlNtries": entries}
    sides["TtlCdtNtries"] = [e for e in entries if e.get("CdtDbtInd") == "CRDT"]
    sides["TtlDbtNtries"] = [e for e in entries if e.get("CdtDbtInd") == "DBIT"]
    for name, mine in sides.items():
        said = summary.get(name)
        if type(said) is not dict:
            continue
        if "NbOfNtries" in said and int(said["NbOfNtries"]) != len(mine):
            look.say(
                "B23",
                f"{place}/TxsSummry/{name}/NbOfNtries",
                f"says {shown(said['NbOfNtries'])}; {len(mine)} are present.",
            )
        total = sum((Decimal(e["Amt"][0].strip()) for e in mine), Decimal(0))
        if "Sum" in said and Decimal(said["Sum"].strip()) != total:
            look.say(
                "B23", f"{place}/TxsSummry/{name}/Sum", f"says {shown(said['Sum'])}; the entries sum to {total:f}."
            )
    _net(look, place, summary, entries)


def _net(look: Look, place: str, summary: Group, entries: list[Group]) -> None:
    said = at(summary, "TtlNtries", "TtlNetNtry")
    if type(said) is not dict:
        return
    value = Decimal(said["Amt"].strip())
    net = value if said["CdtDbtInd"] == "CRDT" else -value
    total = sum((_signed(e) for e in entries), Decimal(0))
    if net != total:
        what = f"says {net:f}; credits less debits are {total:f}."
        look.say("B23", f"{place}/TxsSummry/TtlNtries/TtlNetNtry", what)
