"""For whom a shock is: ordered pairs of economies, exporter first, from the words of a scenario.

`members` are all ordered pairs of two members; a list is taken as it stands, in one direction unless it says both;
exporters and importers are multiplied out; a country's own shock is for its trade with its partners. Never i = i, but
for productivity, which works at home too. An economy without trade data is refused with the nearest code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from concordat.errors import InputError
from concordat.impact.scenario import Pair, Scenario, Shock, Who
from concordat.impact.trade_table import listed
from concordat.settings import nearest

Places = NDArray[np.intp]


def unknown_economy(code: str, known: Mapping[str, int], where: str) -> InputError:
    """The error for a country that has no trade data."""
    close = nearest(code, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"It has {listed(known)}."
    return InputError(f'"{code}" is not in the base\'s trade data.', where=where, hint=hint, code="economy")


def members_of(scenario: Scenario, place: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    missing = tuple(m for m in scenario.members if m not in place)
    if missing and scenario.missing_members == "refuse":
        error = unknown_economy(missing[0], place, scenario.document.place("base", "members"))
        error.hint += " Or say missing_members: report, and they stand in the result as not computed."
        raise error
    members = tuple(m for m in scenario.members if m in place)
    if not members:
        hint = "Choose a base that has trade data of some members."
        what = "no member has trade data in the base."
        raise InputError(what, where=scenario.document.place("base", "members"), hint=hint, code="members")
    return members, missing


def ordered_pairs(who: Who, members: Sequence[str], place: Mapping[str, int], where: str) -> tuple[Places, Places]:
    """Rows and columns of the pairs that a shock is for: exporter, importer, never i = i, in order.

    Raises:
        InputError: an economy without trade data, a pair twice, or no pair at all.
    """
    if isinstance(who.pairs, tuple):
        pairs = [*who.pairs, *([(b, a) for a, b in who.pairs] if who.both_ways else [])]
        if who.both_ways and any((b, a) in who.pairs for a, b in who.pairs):
            what = "a pair is listed in both directions, and both_ways adds the other already."
            raise InputError(what, where=where, hint="List it once, or say both_ways: false.", code="pairs")
    else:
        some = members if who.pairs == "members" else None
        sellers = some or _group(who.exporters, members, place)
        buyers = some or _group(who.importers, members, place)
        pairs = [(a, b) for a in sellers for b in buyers if a != b]
        if who.both_ways and who.pairs is None:
            pairs = list(dict.fromkeys([*pairs, *((b, a) for a, b in pairs)]))
    return _places(pairs, place, where)


def _group(group: str | tuple[str, ...] | None, members: Sequence[str], place: Mapping[str, int]) -> Sequence[str]:
    if isinstance(group, tuple):
        return group
    return members if group == "members" else list(place)


def _places(pairs: Sequence[Pair], place: Mapping[str, int], where: str) -> tuple[Places, Places]:
    for code in dict.fromkeys(c for pair in pairs for c in pair):
        if code not in place:
            raise unknown_economy(code, place, where)
    if len(set(pairs)) != len(pairs):
        raise InputError("a pair stands twice.", where=where, hint="Name each once.", code="pairs")
    if not pairs:
        what = "no pair of two economies with trade data."
        raise InputError(what, where=where, hint="An effect between members needs two of them.", code="pairs")
    found = np.array(sorted((place[a], place[b]) for a, b in pairs), dtype=np.intp)
    return found[:, 0], found[:, 1]


def country_pairs(
    shock: Shock, direction: str, members: Sequence[str], place: Mapping[str, int]
) -> tuple[Places, Places]:
    """The pairs of one country with its partners, in the direction that the parameter works on."""
    if shock.country not in place:
        raise unknown_economy(shock.country, place, shock.place)
    partners = [p for p in _group(shock.partners, members, place) if p != shock.country]
    forth = [(shock.country, p) for p in partners]
    back = [(p, shock.country) for p in partners]
    chosen = {"exports": forth, "imports": back}.get(direction, [*forth, *back])
    return _places(chosen, place, shock.place)


def home_and_abroad(shock: Shock, place: Mapping[str, int]) -> tuple[Places, Places]:
    """Everything that a country sells, at home too."""
    if shock.country not in place:
        raise unknown_economy(shock.country, place, shock.place)
    count = len(place)
    return np.full(count, place[shock.country], dtype=np.intp), np.arange(count, dtype=np.intp)


def transfers_of(scenario: Scenario, place: Mapping[str, int]) -> dict[str, float]:
    """What each economy receives (negative: gives), in the order of the codes."""
    amounts: dict[str, list[float]] = {}
    for transfer in scenario.transfers:
        for code, amount in ((transfer.sender, -transfer.amount), (transfer.receiver, transfer.amount)):
            if code not in place:
                raise unknown_economy(code, place, transfer.place)
            amounts.setdefault(code, []).append(amount)
    return {code: math.fsum(some) for code, some in sorted(amounts.items())}
