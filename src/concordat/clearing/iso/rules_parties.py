"""Rules on who: B07 header and agents, B08 countries, B16 and B17 addresses, B18 check digits, B24 identification.

Sources: ISO 9362 (a BIC of eight letters is the head office, branch XXX), ISO 3166-1 as `world` has it, ISO 13616
(IBAN) and ISO 17442 (LEI), both by ISO 7064 modulo 97-10. What it does not do: whether an account or an entity
exists, and the length of an IBAN country by country: its check digits already find a missing letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from concordat.clearing.iso.findings import shown
from concordat.clearing.iso.rules import Look, bic_of
from concordat.clearing.iso.tree import Group, at, many
from concordat.world.countries import countries as all_countries
from concordat.world.countries import country

_ADDRESS_LINES = ("StrtNm", "BldgNb", "BldgNm", "Flr", "PstBx", "Room", "PstCd", "Dept", "SubDept", "TwnLctnNm",
                  "DstrctNm", "CtrySubDvsn")  # fmt: skip


@cache
def country_codes() -> frozenset[str]:
    """ISO 3166-1 alpha-2, and XK."""
    return frozenset(c.iso2 for c in all_countries()) | {country("XKX").iso2}


def countries(look: Look) -> None:
    """B08."""
    known = country_codes()
    for code, element in look.parts.countries:
        if code not in known:
            look.say("B08", element, f"{shown(code)} is not an ISO 3166-1 country.", hint="Send its two-letter code.")


def header_agents(look: Look) -> None:
    """B07."""
    head = look.head
    if not head:
        return
    sender, receiver = _header_bic(head.get("Fr")), _header_bic(head.get("To"))
    copied = head.get("CpyDplct") in ("CODU", "COPY")
    if look.family in ("camt.056", "camt.029"):
        pairs = [("Assgnmt/Assgnr", at(look.group, "Assgnr", "Agt"), sender, "sender")]
        pairs.append(("Assgnmt/Assgne", at(look.group, "Assgne", "Agt"), receiver, "receiver"))
        _compare(look, pairs[: 1 if copied else 2])
        return
    for name, bic, role in (("InstgAgt", sender, "sender"), ("InstdAgt", "" if copied else receiver, "receiver")):
        if not bic:
            continue
        if name in look.group:
            _compare(look, [(f"GrpHdr/{name}", look.group[name], bic, role)])
        for index, tx in enumerate(look.txs):
            # The same agent for every payment is the rule; only another one is worth its path.
            if name in tx and (found := bic_of(tx[name])) and found != bic:
                _compare(look, [(f"{look.path(_BLOCK.get(look.family, 'Tx'), index)}/{name}", tx[name], bic, role)])


_BLOCK = {"pacs.008": "CdtTrfTxInf", "pacs.009": "CdtTrfTxInf", "pacs.004": "TxInf", "pacs.002": "TxInfAndSts"}


def _compare(look: Look, pairs: list[tuple[str, Any, str, str]]) -> None:
    for place, agent, bic, role in pairs:
        found = bic_of(agent)
        if bic and found and found != bic:
            hint = f"The {role} in the header must be this agent."
            look.say("B07", place, f"the header's {role} is {bic}, this agent is {found}.", hint=hint)


def _header_bic(party: Any) -> str:
    found = bic_of(at(party, "FIId"))
    if found:
        return found
    bic = at(party, "OrgId", "Id", "OrgId", "AnyBIC")
    if type(bic) is not str:
        return ""
    return bic if len(bic) == 11 else bic + "XXX"


def check_digits(look: Look) -> None:
    """B18."""
    for text, element in look.parts.ibans:
        if not remainder_is_one(text[4:] + text[:4]):
            look.say(
                "B18", element, f"the check digits of IBAN {shown(text)} are wrong.", hint="Ask for the number again."
            )
    for text, element in look.parts.leis:
        if not remainder_is_one(text):
            look.say(
                "B18", element, f"the check digits of LEI {shown(text)} are wrong.", hint="Look it up at gleif.org."
            )


def remainder_is_one(text: str) -> bool:
    """ISO 7064 modulo 97-10: letters become 10 to 35, and the whole number leaves 1 when divided by 97.

    The last two digits check the others; they are 98 less a remainder, so 02 to 98: 00, 01 and 99 are nobody's.

    >>> remainder_is_one("WEST12345698765432GB82")  # GB82 WEST 1234 5698 7654 32, turned: the example of ISO 13616
    True
    """
    if text[-2:] in ("00", "01", "99"):
        return False
    try:
        return int("".join(str(int(letter, 36)) for letter in text)) % 97 == 1
    except ValueError:
        return False


def _parties(look: Look) -> Iterator[tuple[str, Group]]:
    """Every group that has a postal address or is an agent, with its path."""
    waiting: list[tuple[str, Any]] = [(name, value) for name, value in look.body.items()]
    while waiting:
        place, value = waiting.pop()
        if type(value) is list:
            waiting += [(f"{place}[{n}]", item) for n, item in enumerate(value, 1)]
        elif type(value) is dict:
            if "PstlAdr" in value or "BICFI" in value:
                yield place, value
            waiting += [(f"{place}/{name}", inner) for name, inner in value.items()]


def addresses(look: Look) -> None:
    """B16."""
    for place, party in _parties(look):
        address = party.get("PstlAdr")
        if type(address) is not dict:
            continue
        structured = [name for name in _ADDRESS_LINES if name in address]
        lines = many(address.get("AdrLine"))
        # Town and country beside lines are the hybrid form that CBPR+ allows; other fields beside lines are not.
        if structured and lines:
            look.say("B16", f"{place}/PstlAdr", f"unstructured lines beside {structured[0]}.", firm=False)
        missing = [name for name in ("TwnNm", "Ctry") if name not in address]
        if missing:
            look.say("B16", f"{place}/PstlAdr", f"{' and '.join(missing)} missing.", firm=False)


def agent_by_bic(look: Look) -> None:
    """B17."""
    for place, party in _parties(look):
        beside = [name for name in ("Nm", "PstlAdr") if name in party]
        if "BICFI" in party and beside:
            look.say("B17", place, f"{' and '.join(beside)} beside the BIC.", firm=False)


def identified(look: Look) -> None:
    """B24 on customer payments."""
    for index, tx in enumerate(look.txs):
        place = look.path("CdtTrfTxInf", index)
        for name, account, agent in (("Dbtr", "DbtrAcct", "DbtrAgt"), ("Cdtr", "CdtrAcct", "CdtrAgt")):
            given = tx.get(name)
            party: Group = given if type(given) is dict else {}
            missing = [] if "Nm" in party else ["a name"]
            if account not in tx and "Id" not in party:
                missing.append("an account or an identifier")
            if "PstlAdr" not in party and "Id" not in party:
                missing.append("an address or an identifier")
            if missing:
                look.say("B24", f"{place}/{name}", f"lacks {', '.join(missing)}.", firm=False)
            bank = at(tx, agent, "FinInstnId")
            if type(bank) is not dict or not ({"BICFI", "ClrSysMmbId", "LEI"} & set(bank)):
                look.say("B24", f"{place}/{agent}", "lacks a BIC, a clearing member id or an LEI.", firm=False)
