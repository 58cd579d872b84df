"""A made-up room for a file of obligations: its members under invented BICs, one central bank for each currency.

What a file names `P00017` becomes `AAARBRXX`; what is a BIC already keeps its name. Everybody may pay everybody at all
hours, limits are none, and each account is funded with what the file of balances says, issued by its central bank. So
a file can be settled, or a day simulated, by the very core that a real ledger runs.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from concordat import world
from concordat.clearing.core.model import BIC8
from concordat.clearing.core.scheme import Scheme
from concordat.clearing.host import MemoryHost
from concordat.clearing.scheme_file import new_document
from concordat.clearing.settlement import Desk, row_uetr
from concordat.errors import InputError
from concordat.ledger.keys import Ed25519Secret

if TYPE_CHECKING:
    from concordat.clearing.settlement import Row

MEMBERS_MAX = 26**4
_CENTRAL = re.compile(r"[A-Z]{3}ABR00").fullmatch


def invented_bics(names: Sequence[str]) -> dict[str, str]:
    """A BIC for each name; names that are BICs keep theirs.

    A name that only looks like one (letters 5 and 6 are no country), or that a made-up central bank has, gets another.

    Raises:
        InputError: more names than there are letters for.
    """
    if len(names) > MEMBERS_MAX:
        raise InputError(f"{len(names):,} members; a made-up room has at most {MEMBERS_MAX:,}.", code="too_many")
    letters = string.ascii_uppercase
    countries = {country.iso2 for country in world.countries()}
    taken = {name for name in names if re.fullmatch(BIC8, name) and name[4:6] in countries and not _CENTRAL(name)}
    found: dict[str, str] = {name: name for name in taken}
    number = 0
    for name in sorted(set(names) - taken):
        while True:
            digits = (letters[number // 26**place % 26] for place in (3, 2, 1, 0))
            bic8, number = "".join(digits) + "BRXX", number + 1
            if bic8 not in taken:
                break
        found[name] = bic8
    return found


def central_bank(code: str) -> str:
    """The invented central bank of a currency."""
    return f"{code}ABR00"


def made_up_scheme(members: Mapping[str, Sequence[str]], secrets: Mapping[str, Ed25519Secret], **parts: Any) -> Scheme:
    """A scheme for members (BIC -> currencies), with an invented central bank for every currency."""
    codes = sorted({code for held in members.values() for code in held})
    banks = {bic8: (central_bank(held[0]), tuple(held)) for bic8, held in ((b, sorted(h)) for b, h in members.items())}
    issuers = {code: central_bank(code) for code in codes}
    keys = {bic8: secrets[bic8].public.hex() for bic8 in (*issuers.values(), *members)}
    return Scheme.from_document(new_document("made-up-room", issuers, banks, keys, **parts))


def secrets_of(bics: Sequence[str]) -> dict[str, Ed25519Secret]:
    """Made-up keys that anybody can compute."""
    return {bic8: Ed25519Secret(sha256(f"made up: {bic8} 0".encode()).digest()) for bic8 in bics}


def made_up_room(rows: Sequence[Row], opening: Mapping[tuple[str, str], int], now: int) -> tuple[Desk, list[Row]]:
    """A funded ledger in memory for a file's rows, and the rows under the invented names.

    Args:
        rows: the debts. opening: (member, currency) -> minor units. now: ms.

    Raises:
        InputError: no debts, or too many members.
    """
    if not rows:
        raise InputError("there are no debts to settle.", hint="Rows that are held don't count.", code="empty")
    names = sorted({name for row in rows for name in (row.payer, row.payee)})
    bics = invented_bics(names)
    held: dict[str, set[str]] = {bics[name]: set() for name in names}
    for row in rows:
        held[bics[row.payer]].add(row.currency)
        held[bics[row.payee]].add(row.currency)
    codes = sorted({row.currency for row in rows})
    secrets = secrets_of([*map(central_bank, codes), *held])
    scheme = made_up_scheme({bic8: sorted(currencies) for bic8, currencies in held.items()}, secrets)
    desk = Desk(MemoryHost(scheme), secrets, now)
    funds = {
        (bics[m], code): a for (m, code), a in sorted(opening.items()) if m in bics and a and code in held[bics[m]]
    }
    fund(desk, funds)
    return desk, [replace(row, payer=bics[row.payer], payee=bics[row.payee]) for row in rows]


def fund(desk: Desk, opening: Mapping[tuple[str, str], int]) -> None:
    """Issue what is needed and pay it out, two blocks."""
    name = desk.state.scheme.name
    codes = sorted({code for _, code in opening})
    issued, paid = [], []
    for code in codes:
        bank = central_bank(code)
        total = sum(amount for (_, one), amount in opening.items() if one == code)
        uetr = row_uetr(name, (code, total), "issue")
        issued.append(desk.signed("issue", bank, {"uetr": uetr, "currency": code, "amount_minor": str(total)}))
    for (bic8, code), amount in sorted(opening.items()):
        bank = central_bank(code)
        facts = {"uetr": row_uetr(name, (bic8, code, amount), "fund"), "payer": f"{bank}/{code}"}
        facts |= {"payee": f"{bic8}/{code}", "amount_minor": str(amount)}
        paid.append(desk.signed("transfer", bank, facts))
    for step in (issued, paid):
        if step:
            desk.send(step)
