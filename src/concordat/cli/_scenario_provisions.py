"""`concordat scenario provisions`: what of the rules in force is quantified, in tables and in words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _rulebook_store as kept
from concordat.cli import _scenario_files as shared
from concordat.cli._evidence_tables import columns
from concordat.cli._rulebook_binds import DEPTH, NOT_ADVICE
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.provisions import ProvisionEffects

HEAD = (
    "a", "b", "level", "code", "name", "depth", "instruments", "status", "shock", "parameter", "multiplier", "quoted",
    "why",
)  # fmt: skip


def provisions(
    who: Sequence[str], on: str, base_year: int, *, json: bool, csv: bool, out: Path | None, data_dir: str | None
) -> None:
    """The answer for two parties, or for all pairs of a bloc."""
    from concordat.impact.provisions import dated_by, provision_effects
    from concordat.rulebook.pairs import pair_rules

    day = kept.day(on)
    name, members = _members(who, on)
    with kept.opened(data_dir) as store:
        types = {name: i.type for name, i in store.instruments().items()}
        bound = list(pair_rules(store, members, day, dated=dated_by(types)))
    found = provision_effects(bound, types, base_year=base_year or None)
    lines = [f"Quantified among provisions in force, {name}, on {day}", "", *_agreements(found), *_provisions(found)]
    lines += ["", *found.notes, NOT_ADVICE]
    facts = {"who": name, **found.to_value(), "note": NOT_ADVICE}
    shared.answer(facts, lines, (HEAD, _rows(found)), json=json, csv=csv, out=out, name="provisions")


def _members(who: Sequence[str], on: str) -> tuple[str, Sequence[str]]:
    """What to call them, and who they are."""
    from concordat.cli._rulebook_regime import members_of

    if len(who) == 2:
        return f"{who[0]} and {who[1]}", who
    if len(who) != 1:
        raise InputError("name two parties, or one bloc.", hint="scenario provisions BRICS", code="who")
    return members_of(who[0], "", kept.day(on))


def _agreements(found: ProvisionEffects) -> list[str]:
    from concordat.impact.provisions import REACHED

    if not found.agreements:
        return ["No trade agreement known to us is in force between them."]
    rows = []
    for a in found.agreements:
        effect = f"{a.shock} {a.parameter}{f' times {a.multiplier}' if a.chapter == REACHED else ''}"
        base = {True: "in the base already", False: "", None: ""}[a.in_base]
        chapter = f"{a.chapter} ({a.hard} of {found.threshold})" if a.chapter[:3] != "not" else a.chapter
        rows.append((f"{a.a}-{a.b}", ", ".join(a.instruments), a.since, effect, a.grade, chapter, base))
    head = ("pair", "agreements", "since", "effect of the agreement", "grade", "digital chapter", "")
    return [*columns(head, rows)]


def _provisions(found: ProvisionEffects) -> list[str]:
    """Provisions, those of several pairs together."""
    if not found.provisions:
        return ["", "No provision in force is coded here: load and code texts (concordat rulebook load, code)."]
    together: dict[tuple[str, int, str, str, str], int] = {}
    for p in found.provisions:
        key = (p.code, p.depth, p.name, p.status if not p.shock else f"{p.status}: {p.shock}", p.why)
        together[key] = together.get(key, 0) + 1
    rows = [
        (code, name, DEPTH[depth], str(count), status)
        for (code, depth, name, status, _), count in sorted(together.items())
    ]
    why = dict.fromkeys(f"{k[0]}, {DEPTH[k[1]]}: {k[4]}" for k in sorted(together) if k[0] in _mapped())
    return ["", *columns(("code", "provision", "depth", ">pairs", "effect"), rows), "", *why]


def _mapped() -> frozenset[str]:
    from concordat.impact.provision_map import load_map

    return frozenset(load_map().lines)


def _rows(found: ProvisionEffects) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (a.a, a.b, "agreement", "", "", "", " ".join(a.instruments), "quantified", a.shock, a.parameter, a.multiplier,
         "", f"digital chapter: {a.chapter}, {a.hard} of {found.threshold}")
        for a in found.agreements
    ]  # fmt: skip
    rows += [
        (p.a, p.b, "provision", p.code, p.name, DEPTH[p.depth], " ".join(p.instruments), p.status, p.shock, p.parameter,
         "", p.quote, p.why)
        for p in found.provisions
    ]  # fmt: skip
    return rows
