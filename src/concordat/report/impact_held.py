"""What a report keeps of impact's runs: one file of rows, each a number with its interval, and the runs whole.

`compute` runs the scenarios, divides their gains, computes the rungs of the ladder from the user's tables and solves
the plan. What comes out is `impact.json`: `results` holds the documents as `concordat scenario run --json` and the
others give them; `rows` the same numbers flat, by kind, as the report prints them, each with `value`, `lower`, `upper`.
Amounts are in US dollars. Building the report again from the same files gives the same file.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from concordat import canonical
from concordat.errors import ConcordatError, MethodError, TrustError

if TYPE_CHECKING:
    from concordat.impact.results import ScenarioResult
    from concordat.impact.scenario import Scenario
    from concordat.impact.sharing.menu import Menu
    from concordat.report.chapters.impact import Options

SCHEMA = "concordat/impact-results@1"
MILLION = 1e6
MEASURES = {"real_income_pct": 1.0, "real_income_usd": MILLION, "real_wage_pct": 1.0, "tariff_revenue_usd": MILLION}
MONEY = ("amount", "worth", "secondary", "net", "expenditure")  # of a run's document, in the base's unit
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Opened:
    """Files as the command line found them.

    Attributes:
        scenarios: (name, the scenario, the bytes of all files that it names, by the names it has for them).
        tables: by area, name -> bytes. plan: (name, bytes), or None.
    """

    scenarios: tuple[tuple[str, Scenario, Mapping[str, bytes]], ...] = ()
    tables: Mapping[str, Mapping[str, bytes]] | None = None
    plan: tuple[str, bytes] | None = None


@dataclass(frozen=True)
class Held:
    """The file of rows. `files`: name -> SHA-256 of all that was read."""

    document: Mapping[str, Any]
    files: Mapping[str, str]

    @cached_property
    def data(self) -> bytes:
        """As the report's folder has it."""
        return canonical.dumps(dict(self.document), floats=True) + b"\n"

    @cached_property
    def sha256(self) -> str:
        """Of `data`."""
        from concordat.evidence.provenance import text_hash

        return text_hash(self.data)

    def rows(self, kind: str) -> list[Row]:
        """The rows of a kind."""
        found: list[Row] = self.document["rows"].get(kind, [])
        return found


def compute(options: Options, opened: Opened, progress: Callable[[int, int, str], None] | None = None) -> Held:
    """Run all that the study asks for.

    A part that can't be computed is kept as its message; a scenario's fault stops nothing but its own part.

    Raises:
        TrustError: bytes are not what a scenario says they are.
    """
    rows: dict[str, list[Row]] = {}
    results: dict[str, list[Any]] = {"scenarios": [], "sharing": [], "ladders": [], "plans": []}
    faults: list[Row] = []
    for name, scenario, files in opened.scenarios:
        _attempt(faults, "scenario", name, lambda s=scenario, f=files: _scenario(s, f, rows, results, progress))  # type: ignore[misc]
        if scenario.sharing is not None:
            _attempt(faults, "sharing", name, lambda s=scenario, f=files: _sharing(s, f, rows, results))  # type: ignore[misc]
    for table in options.tables:
        given = (opened.tables or {}).get(table.area, {})
        _attempt(faults, "ladder", table.area, lambda t=table, g=given: _ladder(t, g, rows, results))  # type: ignore[misc]
    if opened.plan is not None:
        plan = opened.plan
        _attempt(faults, "plan", plan[0], lambda: _plan(plan, rows, results))
    if faults:
        rows["fault"] = faults
    document = {"schema": SCHEMA, "files": _hashes(opened), "results": results, "rows": dict(sorted(rows.items()))}
    return Held(_tidy(document), _hashes(opened))


def _attempt(faults: list[Row], part: str, name: str, work: Callable[[], None]) -> None:
    try:
        work()
    except TrustError:
        raise
    except ConcordatError as error:
        faults.append({"part": part, "name": name, "what": str(error), "hint": error.hint})


def _hashes(opened: Opened) -> dict[str, str]:
    """Name -> SHA-256 of every file; those that a scenario names stand beside it."""
    found: dict[str, str] = {}
    for name, scenario, files in opened.scenarios:
        folder = name.rpartition("/")[0]
        for other, data in files.items():
            found[f"{folder}/{other}" if folder else other] = hashlib.sha256(data).hexdigest()
        found[name] = scenario.sha256
    for given in (opened.tables or {}).values():
        found |= {name: hashlib.sha256(data).hexdigest() for name, data in given.items()}
    if opened.plan is not None:
        found[opened.plan[0]] = hashlib.sha256(opened.plan[1]).hexdigest()
    return dict(sorted(found.items()))


def _tidy(value: Any) -> Any:
    """Plain JSON with floats of nine significant digits: the last bits of a processor's sums change no report."""
    from concordat.impact.results import rounded

    return rounded(value)


def _steady(value: Any, name: str = "") -> Any:
    """A run's document with its numbers as far as they are the same on every processor.

    A change is a small difference of large numbers: percentages keep seven decimals, money a thousand dollars, and what
    a certificate found to be nearly zero is told by its power of ten.
    """
    if name == "certificate" and "central" in value:
        return {k: _nearly(v) for k, v in value["central"].items() if k not in ("iterations", "method")}
    if isinstance(value, dict):
        inside = name if name.endswith(("_pct", "_usd")) else ""
        return {k: _steady(v, inside or k) for k, v in value.items()}
    if isinstance(value, list):
        return [_steady(v, name) for v in value]
    if isinstance(value, float):
        return round(value, 7 if name.endswith("_pct") else 3 if name.endswith("_usd") or name in MONEY else 5)
    return value


def _nearly(value: Any) -> Any:
    """A number below 1e-6 as the power of ten above it, at least 1e-11."""
    if isinstance(value, float) and 0 <= value < 1e-6:
        return 10.0 ** max(-11, math.ceil(math.log10(value))) if value else 1e-11
    return value


def _line(found: ScenarioResult) -> str:
    """The certificate in one line, with bounds in the place of what differs from processor to processor."""
    parts = found.certificate.line().split(", ")
    kept = [p for p in parts if not p.startswith(("residual ", "ACR gap "))]
    residual, gap = _nearly(found.certificate.residual_max), _nearly(found.certificate.acr_gap)
    told = [f"residual below {residual:.0e}", *([] if gap is None else [f"ACR gap below {gap:.0e}"])]
    return ", ".join([*told, *kept])


# --- Scenarios --------------------------------------------------------------------------------------------------------


def _scenario(
    scenario: Scenario,
    files: Mapping[str, bytes],
    rows: dict[str, list[Row]],
    results: dict[str, list[Any]],
    progress: Callable[[int, int, str], None] | None,
) -> None:
    from concordat.impact.run import run

    found = run(scenario, files, progress=progress)
    results["scenarios"].append(_steady(found.to_value()))
    rows.setdefault("scenario", []).append(_head(found))
    rows.setdefault("effect", []).extend(_effects(found))
    rows.setdefault("bloc", []).extend(_bloc(found))
    rows.setdefault("parameter", []).extend(_parameters(found))


def _head(found: ScenarioResult) -> Row:
    """One row a scenario: what it is, who loses outside, how it was solved."""
    from concordat.impact.certificate import Certificate

    certificate, others = found.certificate, found.outsiders()
    central = certificate.central
    starts = (central.starts, central.starts_agree) if isinstance(central, Certificate) else None
    one_sector = found.scenario.model == "one_sector"
    row: Row = {
        "scenario": found.scenario.id,
        "title": found.scenario.title,
        "unverified": found.unverified,
        "year": found.year,
        "source": found.source,
        "model": found.scenario.model,
        "closure": found.scenario.closure if one_sector else f"deficits {found.scenario.deficits}",
        "draws": found.count,
        "seed": found.scenario.seed,
        "members": list(found.members),
        "missing": list(found.missing),
        "notes": list(found.notes),
        "limits": list(found.limits),
        "stated": list(found.stated),
        "grades": list(found.grades),
        "starts": 0 if starts is None else starts[0],
        "starts_agree": None if starts is None else starts[1],
        "line": _line(found),
        "has_revenue": "tariff_revenue_usd" in found.central,
    }
    if others is not None:
        row |= {
            "outside": others.count,
            "losing": others.losing,
            "worst": others.worst,
            "worst_pct": round(others.worst_pct, 7),
            "net": round(others.net, 3) * MILLION,
        }
    return row


def _effects(found: ScenarioResult) -> Iterator[Row]:
    """One row an economy and measure."""
    for code in (*found.by_gain(), *found.outsiders_codes):
        for measure, scale in MEASURES.items():
            if measure in found.central:
                row = {"scenario": found.scenario.id, "economy": code, "member": code in found.members}
                yield row | {"measure": measure} | _spread(*found.of(measure, code), scale)


def _bloc(found: ScenarioResult) -> Iterator[Row]:
    for name, (middle, spread) in found.bloc().items():
        scale = MILLION if name.endswith("_usd") else 1.0
        yield {"scenario": found.scenario.id, "measure": name} | _spread(middle, spread, scale)


def _spread(middle: float, quantiles: Any, scale: float) -> Row:
    """Median and 5 to 95 % with the Monte Carlo errors of the ends; the central value alone where there is no band."""
    digits = 7 if scale == 1 else 3
    middle = round(middle, digits)
    if quantiles is None or not quantiles.band:
        return {"value": middle * scale, "lower": None, "upper": None, "gaining": None}
    low, _, median, _, high = (round(v, digits) * scale for v in quantiles.values)
    errors = [round(e, digits) * abs(scale) for e in quantiles.errors]
    told = {"value": median, "lower": low, "upper": high, "gaining": 100 * quantiles.gaining}
    return told | {"error_lower": errors[0], "error": errors[2], "error_upper": errors[-1], "central": middle * scale}


def _parameters(found: ScenarioResult) -> Iterator[Row]:
    for p in found.parameters:
        source = "" if p.source is None else f"{p.source.id}, {p.source.where}"
        yield {
            "scenario": found.scenario.id,
            "id": p.id,
            "value": p.value,
            "spread": p.distribution.words() if p.distribution is not None else "",
            "unit": p.unit,
            "grade": p.grade,
            "mark": p.mark,
            "source": source,
        }


# --- Sharing ----------------------------------------------------------------------------------------------------------


def _sharing(
    scenario: Scenario, files: Mapping[str, bytes], rows: dict[str, list[Row]], results: dict[str, list[Any]]
) -> None:
    from concordat.impact.sharing import game_of_scenario, sharing_menu

    solved = game_of_scenario(scenario, files)
    menu = sharing_menu(solved.game, rules=list(solved.rules) or None, facts=solved.facts, outside=solved.outside)
    results["sharing"].append(_steady({"scenario": scenario.id, "menu": menu.to_value()}))
    rows.setdefault("share", []).extend(_shares(scenario.id, menu))
    rows.setdefault("rule", []).extend(_rules(scenario.id, menu))
    rows.setdefault("stabilising", []).extend(_stabilising(scenario.id, menu))


def _shares(scenario: str, menu: Menu) -> Iterator[Row]:
    """What each rule gives each member, and what it pays or receives for it (negative: pays)."""
    for share in menu.shares:
        if share.value is None:
            continue
        payments = [None] * menu.game.n if share.payments is None else _dollars(share.payments.tolist())
        for member, value, payment in zip(menu.game.players, _dollars(share.value.tolist()), payments, strict=True):
            yield {"scenario": scenario, "rule": share.rule.id, "member": member, "value": value, "payment": payment}


def _dollars(amounts: Sequence[float]) -> list[float]:
    """USD million as US dollars, in whole thousands."""
    return [round(amount, 3) * MILLION + 0.0 for amount in amounts]


def _rules(scenario: str, menu: Menu) -> Iterator[Row]:
    for share in menu.shares:
        excess = share.excess
        yield {
            "scenario": scenario,
            "rule": share.rule.id,
            "title": share.rule.title,
            "keeps": [p for p, kept in share.rule.keeps.items() if kept == "yes"],
            "conditions": {p: kept for p, kept in share.rule.keeps.items() if kept not in ("yes", "no")},
            "to_largest": share.rule.to_largest,
            "source": share.rule.source,
            "reason": share.reason,
            "max_excess": None if excess is None else _dollars([excess.value])[0],
            "blocked_by": None if excess is None or excess.in_core else list(excess.coalition),
            "in_core": None if excess is None else excess.in_core,
        }


def _stabilising(scenario: str, menu: Menu) -> Iterator[Row]:
    """One row for each goal and its smallest transfers; the members that pay and receive in a row each."""
    for number, found in enumerate(menu.stabilising):
        yield {
            "scenario": scenario,
            "number": number,
            "goals": list(found.goals),
            "feasible": found.feasible,
            "value": None if found.moved is None else _dollars([found.moved])[0],
            "paid": {} if found.transfers is None else _paid(menu.game.players, found.transfers.tolist()),
            "blocking": [list(b.coalition) for b in found.blocking],
        }


def _paid(players: Sequence[str], transfers: Sequence[float]) -> dict[str, float]:
    """Who receives what (below zero: pays), those who do neither left out."""
    return {p: t for p, t in zip(players, _dollars(transfers), strict=True) if t}


# --- The ladder and the plan ------------------------------------------------------------------------------------------


def _ladder(table: Any, given: Mapping[str, bytes], rows: dict[str, list[Row]], results: dict[str, list[Any]]) -> None:
    from concordat.impact.accounts import digital_ladder, read_inputs

    inputs = read_inputs(given, area=table.area, year=table.year)
    rungs = digital_ladder(
        table.area, year=None, table=inputs.table, digital_set=table.digital_set, imports=table.imports, ict=inputs.ict,
        growth=inputs.growth, shares=inputs.shares, services=inputs.services,
    )  # fmt: skip
    results["ladders"].append({"area": table.area, "rungs": [r.to_value() for r in rungs]})
    for rung in rungs:
        if rung.error is not None:
            raise MethodError(rung.error.what, where=rung.error.where, hint=rung.error.hint, code=rung.error.code)
        for figure in rung.figures:
            if figure.status == "computed":
                rows.setdefault("ladder", []).append(_rung_row(table.area, rung.id, figure.to_value()))


def _rung_row(area: str, rung: str, figure: Mapping[str, Any]) -> Row:
    names = ("label", "year", "percent", "of", "amount", "amount_unit", "mark", "source", "sha256", "notes", "kept")
    row: Row = {"area": area, "rung": rung, **{name: figure[name] for name in names}}
    for name, part in figure["parts"].items():
        row[name] = part["percent"]
    return row


def _plan(plan: tuple[str, bytes], rows: dict[str, list[Row]], results: dict[str, list[Any]]) -> None:
    from concordat.impact.connectivity import allocate, parse_plan

    found = allocate(parse_plan(plan[1], where=plan[0]))
    document = found.to_value() | {"duality_gap": _nearly(found.duality_gap)}
    results["plans"].append(document)
    head, areas = plan_rows(document)
    rows.setdefault("plan", []).append(head)
    rows.setdefault("allocation", []).extend(areas)


def plan_rows(found: Mapping[str, Any]) -> tuple[Row, Sequence[Row]]:
    """The allocation's own document as one row of the plan and one for each area; money in US dollars, shares in %."""
    head = {k: v for k, v in found.items() if not isinstance(v, (list, tuple, dict))}
    head |= {"budget": found["budget"] * MILLION, "spent": found["spent"] * MILLION}
    head |= {"notes": list(found["notes"]), "unverified": list(found["unverified"])}
    head["binding"] = [b["name"] for b in found["binding"]]
    areas = [
        {**a, "money": a["money"] * MILLION, "in_top": None if a["in_top"] is None else 100 * a["in_top"]}
        for a in found["areas"]
    ]
    return head, areas
