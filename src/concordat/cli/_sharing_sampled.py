"""`concordat sharing` for a scenario of more than 16 members: the Shapley value from a sample, in any form."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _scenario_files as shared
from concordat.cli._evidence_tables import columns
from concordat.errors import MethodError

if TYPE_CHECKING:
    from concordat.impact.scenario import Scenario
    from concordat.impact.sharing.rules import Rule
    from concordat.impact.sharing.sampled import SampledGame

NO_BANDS = "the Shapley value is sampled, at the central values of the parameters"


def answer(
    scenario: Scenario,
    files: dict[str, bytes],
    count: int,
    *,
    rules: Sequence[str],
    members: Path | None,
    in_equilibrium: str,
    json: bool,
    csv: bool,
    out: Path | None,
) -> None:
    """Sample and print.

    Raises:
        MethodError: the Shapley value is not among the rules asked for, or an option that needs the whole game.
    """
    from concordat.impact.sharing.rules import rules_named
    from concordat.impact.sharing.sampled import sampled_of_scenario

    named = list(rules) or list(scenario.sharing.rules if scenario.sharing else ())
    wanted = rules_named(named or None)
    for option, given in (("--members", members is not None), ("--in-equilibrium", bool(in_equilibrium))):
        if given:
            what = f"{option} needs the worth of every coalition, and {count} members have 2^{count}."
            hint = f"Leave {option} out, or name at most 16 members."
            raise MethodError(what, where=scenario.where, hint=hint, code="too_many_players")
    if "shapley" not in {rule.id for rule in wanted}:
        what = f"{', '.join(rule.id for rule in wanted)}: {reason(count)}."
        hint = "Ask for --rule shapley, which is sampled, or name at most 16 members."
        raise MethodError(what, where=scenario.where, hint=hint, code="too_many_players")
    found = sampled_of_scenario(scenario, files)
    facts = _facts(scenario, found, wanted)
    shared.answer(
        facts, list(_lines(scenario, found, wanted)), _rows(found, wanted), json=json, csv=csv, out=out, name="sharing"
    )


def reason(count: int) -> str:
    """Why a rule has no result."""
    return f"not computed: {count} players, of at most 16"


def _stamp(found: SampledGame) -> str:
    return "UNVERIFIED" if found.unverified else ""


def _source(scenario: Scenario) -> str:
    return f"{scenario.base.file}, {scenario.base.year}, {scenario.closure}"


def _notes(found: SampledGame) -> tuple[str, ...]:
    return (*(f"Left out of the game: {words}." for words in found.left_out), *found.notes)


def _facts(scenario: Scenario, found: SampledGame, wanted: Sequence[Rule]) -> dict[str, Any]:
    why = reason(len(found.shapley.players))
    return {
        "id": scenario.id,
        "title": scenario.title,
        "source": _source(scenario),
        "sha256": scenario.sha256,
        "sampled": found.to_value(),
        "not_computed": {rule.id: why for rule in wanted if rule.id != "shapley"},
        "bands": [],
        "bands_reason": NO_BANDS,
        "notes": list(_notes(found)),
        "grades": list(found.grades),
        "residual_max": found.residual,
        "stamp": _stamp(found) or None,
    }


def _lines(scenario: Scenario, found: SampledGame, wanted: Sequence[Rule]) -> Iterator[str]:
    from concordat.cli._sharing_tables import amount

    made, marked = found.shapley, _stamp(found)
    yield f"{scenario.id}: {scenario.title}{f'   {marked}' if marked else ''}"
    yield f"{len(made.players)} members: together {amount(made.total)} {found.unit}. Source: {_source(scenario)}."
    yield found.outside.words()
    yield ""
    numbers = (made.value, made.se, found.own_gains, found.payments)
    rows = [(p, *(amount(float(a[i])) for a in numbers)) for i, p in enumerate(made.players)]
    head = ("shapley, sampled", ">share", ">standard error", ">own gain", ">received (paid: below 0)")
    yield from columns(head, rows)
    orders = 2 * len(made.players) * made.circles
    yield (
        f"From {orders:,} orders of joining in {made.circles} independent circles, seed {made.seed}; the standard "
        "error is that of the sample alone."
    )
    yield ""
    yield from (f"{rule.id}: {reason(len(made.players))}." for rule in wanted if rule.id != "shapley")
    yield f"Core and smallest transfers: {reason(len(made.players))}."
    yield f"Bands of the shares: not computed: {NO_BANDS}."
    yield (
        f"{made.valued:,} coalitions, worst residual {found.residual:.1g}; grades {', '.join(found.grades)}"
        f"{f': {marked}' if marked else ''}."
    )
    if notes := _notes(found):
        yield from ("", *notes)


def _rows(found: SampledGame, wanted: Sequence[Rule]) -> tuple[Sequence[str], list[tuple[Any, ...]]]:
    """As the table of smaller games."""
    from concordat.cli._sharing_tables import HEAD

    made, marked, rows = found.shapley, _stamp(found), []
    for rule in wanted:
        for i, player in enumerate(made.players):
            cells: dict[str, Any] = {"rule": rule.id, "player": player, "mark": marked}
            if rule.id == "shapley":
                cells |= {">value": float(made.value[i]), ">payment": float(found.payments[i])}
                cells[">standard_error"] = float(made.se[i])
            else:
                cells["reason"] = reason(len(made.players))
            rows.append(tuple(cells.get(name) for name in HEAD))
    return HEAD, rows
