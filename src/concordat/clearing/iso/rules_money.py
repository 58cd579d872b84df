"""Rules on money: B01 to B05 (currency, decimals, no metal, counts, sums), B13 charges, B14 exchange rate.

Sums are exact decimals: no float comes near an amount. Source of the currencies: ISO 4217 as `world` has it; the
funds and units of account among them are listed here, from the same list's names. What it does not do: fees of the
corridor and bands around a market rate, which the ledger and its supervisor know.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from typing import Any

from concordat.clearing.iso.findings import shown
from concordat.clearing.iso.rules import Look
from concordat.clearing.iso.tree import Group, at, local, many
from concordat.world.currencies import currencies

# ISO 4217: bonds, funds and indexed units that have minor units but are no money that a central bank issues.
FUNDS = frozenset({"BOV", "CHE", "CHW", "CLF", "COU", "MXV", "USN", "UYI", "UYW", "XAD"})
_DIGITS = 60  # 18 digits times 1,000 transactions, a rate of 11 digits and room: no sum or product is rounded
_PRICE, _PRICE_VALUE = "Pric", "Val"  # a price of one unit has up to 13 decimals by its definition


@cache
def minor_units() -> dict[str, int | None]:
    """ISO 4217 code to its decimals, None where it has none."""
    return {c.code: c.minor_units for c in currencies()}


@cache
def settled() -> dict[str, int]:
    """The same for codes in which a payment can settle: neither metal, fund nor test code."""
    return {c: n for c, n in minor_units().items() if n is not None and c not in FUNDS}


def currencies_and_decimals(look: Look) -> None:
    """B01, B02, B03 on every amount, B01 on every other currency code."""
    decimals = settled()
    for text, code, element in look.parts.amounts:
        places = decimals.get(code)
        if places is None:
            _no_money(look, code, element)
        elif "." in text and (have := len(text.strip().partition(".")[2])) > places and not _is_price(element):
            what = f"{shown(text.strip())} {code} has {have} decimal{'s' if have > 1 else ''}; {code} has {places}."
            look.say("B02", element, what, hint="Send the amount in whole minor units of its currency.")
    for code, element in look.parts.currencies:
        if code not in decimals and code not in minor_units():
            _no_money(look, code, element)


def _is_price(element: Any) -> bool:
    """`RltdPric/Prtry/Pric`, or `RltdPric/DealPric/Val/Amt`."""
    return local(element.tag) == _PRICE or local(element.getparent().tag) == _PRICE_VALUE


def _no_money(look: Look, code: str, element: Any) -> None:
    if code not in minor_units():
        look.say(
            "B01", element, f"{shown(code)} is not a current ISO 4217 currency.", hint="Send the code of today's money."
        )
        return
    kind = "a fund or unit of account" if code in FUNDS else "a metal, a test code or a unit without minor units"
    look.say("B03", element, f"{code} is {kind}, not money that can settle.", hint="Send an amount in a currency.")


def _sum(values: list[str]) -> Decimal:
    with localcontext() as exact:
        exact.prec = _DIGITS
        return sum((Decimal(v.strip()) for v in values), Decimal(0))


def transaction_count(look: Look) -> None:
    """B04 for the group, and for each payment block of a customer's initiation."""
    holder = look.body.get("CtrlData") if look.family == "camt.056" else look.group
    said = at(holder, "NbOfTxs")
    if said is not None and look.txs and int(said) != len(look.txs):
        place = "CtrlData/NbOfTxs" if look.family == "camt.056" else "GrpHdr/NbOfTxs"
        look.say("B04", place, _counted(said, len(look.txs)))
    if look.family == "pain.001":
        for number, block in enumerate(many(look.body.get("PmtInf")), 1):
            present = len(many(block.get("CdtTrfTxInf")))
            if "NbOfTxs" in block and int(block["NbOfTxs"]) != present:
                look.say("B04", f"PmtInf[{number}]/NbOfTxs", _counted(block["NbOfTxs"], present))


def _counted(said: str, present: int) -> str:
    return f"says {int(said):,} transactions; {present:,} {'is' if present == 1 else 'are'} present."


# Family: the amounts that settle, those that were instructed, and the total in the group header.
_AMOUNTS = {
    "pacs.008": ("IntrBkSttlmAmt", "InstdAmt", "TtlIntrBkSttlmAmt"),
    "pacs.009": ("IntrBkSttlmAmt", "InstdAmt", "TtlIntrBkSttlmAmt"),
    "pacs.004": ("RtrdIntrBkSttlmAmt", "RtrdInstdAmt", "TtlRtrdIntrBkSttlmAmt"),
    "camt.056": ("OrgnlIntrBkSttlmAmt", "OrgnlInstdAmt", ""),
}


def sums(look: Look) -> None:
    """B05: the control sum and the total."""
    if look.family == "pain.001":
        _initiation_sums(look)
        return
    settle, instruct, total = _AMOUNTS[look.family]
    if not look.txs:
        return
    holder = look.body.get("CtrlData") if look.family == "camt.056" else look.group
    control = at(holder, "CtrlSum")
    if control is not None:
        place = "CtrlData/CtrlSum" if look.family == "camt.056" else "GrpHdr/CtrlSum"
        _control_sum(look, place, control, [[tx.get(settle) for tx in look.txs], [tx.get(instruct) for tx in look.txs]])
    if total and (said := look.group.get(total)) is not None:
        _total(look, f"GrpHdr/{total}", said, [tx.get(settle) for tx in look.txs])


def _control_sum(look: Look, place: str, said: str, columns: list[list[Any]]) -> None:
    """A column that is given for every transaction must sum to it, whatever the currencies (ISO's definition)."""
    whole = [_sum([pair[0] for pair in column]) for column in columns if None not in column]
    if whole and Decimal(said.strip()) not in whole:
        look.say("B05", place, f"{shown(said.strip())} is not the sum of the transactions, {whole[0]:f}.")


def _total(look: Look, place: str, said: tuple[str, str], column: list[Any]) -> None:
    pairs = [pair for pair in column if pair is not None]
    if len(pairs) != len(column):
        return
    if any(code != said[1] for _, code in pairs):
        look.say("B05", place, f"a total in {said[1]} over transactions in another currency.")
    elif Decimal(said[0].strip()) != (whole := _sum([text for text, _ in pairs])):
        look.say("B05", place, f"{shown(said[0].strip())} is not the sum of the transactions, {whole:f}.")


def _initiation_sums(look: Look) -> None:
    blocks = many(look.body.get("PmtInf"))
    for place, holder, inside in [
        ("GrpHdr/CtrlSum", look.group, blocks),
        *((f"PmtInf[{n}]/CtrlSum", block, [block]) for n, block in enumerate(blocks, 1)),
    ]:
        if (said := at(holder, "CtrlSum")) is not None:
            txs = [tx for block in inside for tx in many(block.get("CdtTrfTxInf"))]
            _control_sum(
                look, place, said, [[at(tx, "Amt", "InstdAmt") or at(tx, "Amt", "EqvtAmt", "Amt") for tx in txs]]
            )


def charges(look: Look) -> None:
    """B13 on customer payments: who bears the charges, and what that makes of the amount."""
    for index, tx in enumerate(look.txs):
        bearer, instructed, settle = tx.get("ChrgBr"), tx.get("InstdAmt"), tx.get("IntrBkSttlmAmt")
        taken = [at(c, "Amt") for c in many(tx["ChrgsInf"])] if "ChrgsInf" in tx else []
        place = look.path("CdtTrfTxInf", index)
        if bearer == "CRED" and not taken:
            look.say("B13", f"{place}/ChrgBr", "CRED, and no charges are named (ChrgsInf).", firm=False)
        if instructed is None or settle is None or instructed[1] != settle[1] or (instructed == settle and not taken):
            continue
        if any(charge is None or charge[1] != settle[1] for charge in taken):
            continue  # charges in a third currency explain the amounts in no way that can be recomputed
        gap = _sum([settle[0]]) - _sum([instructed[0]])
        fees = _sum([charge[0] for charge in taken])
        if bearer == "DEBT" and gap not in (0, fees):
            look.say("B13", f"{place}/ChrgBr", f"DEBT, but settled differs from instructed by {gap:f} {settle[1]}.")
        elif bearer == "CRED" and taken and gap != -fees:
            look.say(
                "B13", f"{place}/ChrgBr", f"settled - instructed is {gap:f} {settle[1]}, charges {fees:f}.", firm=False
            )


def exchange_rate(look: Look) -> None:
    """B14: a rate where and only where currencies differ, and one that explains the amounts."""
    settle_name, instructed_name, _ = _AMOUNTS[look.family]
    for index, tx in enumerate(look.txs):
        rate, instructed, settle = tx.get("XchgRate"), tx.get(instructed_name), tx[settle_name]
        converted = instructed is not None and instructed[1] != settle[1]
        if rate is None and not converted:
            continue
        place = f"{look.path('CdtTrfTxInf' if look.family != 'pacs.004' else 'TxInf', index)}/XchgRate"
        if instructed is None or not converted:
            look.say("B14", place, "a rate, and nothing was converted.", firm=False)
        elif rate is None:
            look.say("B14", place, f"{instructed[1]} was instructed, {settle[1]} settles, and no rate is given.")
        elif {settle[1], instructed[1]} <= set(settled()) and not _explained(rate, instructed, settle, tx):
            pair = f"{instructed[0]} {instructed[1]} to {settle[0]} {settle[1]}"
            look.say("B14", place, f"{shown(rate)} explains {pair} in neither direction.", firm=False)


def _explained(rate: str, instructed: tuple[str, str], settle: tuple[str, str], tx: Group) -> bool:
    """|x * r - y| <= x * (half a unit of the rate's last digit) + half a minor unit of y, for x, y in either order."""
    if many(tx.get("ChrgsInf")):
        return True  # charges were taken before or after the conversion: nothing here says which
    with localcontext() as exact:
        exact.prec = _DIGITS
        value = Decimal(rate.strip())
        half = Decimal(5).scaleb(-len(rate.strip().partition(".")[2]) - 1)
        for (x, _), (y, code) in ((instructed, settle), (settle, instructed)):
            minor = Decimal(5).scaleb(-settled()[code] - 1)
            if abs(Decimal(x.strip()) * value - Decimal(y.strip())) <= Decimal(x.strip()) * half + minor:
                return True
    return False
