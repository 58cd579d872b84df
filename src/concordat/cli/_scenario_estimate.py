"""`concordat scenario estimate`: gravity coefficients from a panel, as a table and as parameters for scenarios."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.estimation import Estimate

ENGINES = ("own", "pyfixest")
COVARIANCES = ("pair", "robust")
LISTED_MAX = 5


def estimate(
    panel: Path = typer.Argument(..., metavar="PANEL", help="Rows exporter,importer,year,trade,...; CSV, may be .gz"),
    formula: str = typer.Option("", "--formula", metavar="ID", help="One of: concordat scenario formulas"),
    years: str = typer.Option("", "--years", help="With commas, instead of the formula's own: 1998,2002,2006."),
    engine: str = typer.Option("own", "--engine", help="own, or pyfixest (extra [gravity]) to compare."),
    errors: str = typer.Option("pair", "--errors", help="Standard errors clustered by pair, or robust alone."),
    covers: str = typer.Option("", "--covers", help="What trade the panel is of, for the records: goods."),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    csv: bool = typer.Option(False, "--csv", help="Print a table as CSV."),
    out: Path | None = typer.Option(
        None, "--out", metavar="DIR", help="Write all forms and parameters.yaml to this new folder."
    ),
) -> None:
    """Estimate trade effects on a panel of your own, for use in scenarios."""
    from concordat.cli._scenario_files import answer, read
    from concordat.impact.estimation import FORMULAS
    from concordat.impact.estimation import estimate as compute
    from concordat.impact.estimation_panel import parse_trade_panel
    from concordat.impact.estimation_records import parameter_text

    if not formula:
        hint = f"Add --formula {', '.join(FORMULAS)}; see: concordat scenario formulas"
        raise InputError("which formula?", hint=hint, code="formula")
    _one_of(engine, ENGINES, "--engine")
    _one_of(errors, COVARIANCES, "--errors")
    found = compute(
        parse_trade_panel(read(panel), where=panel.name),
        formula,
        engine=engine,  # type: ignore[arg-type]
        covariance=errors,  # type: ignore[arg-type]
        years=_years(years),
    )
    records = parameter_text(found, covers=[w.strip() for w in covers.split(",") if w.strip()])
    answer(
        facts(found), lines(found), (HEAD, rows(found)), json=json, csv=csv, out=out, name="estimate",
        more={"parameters.yaml": records},
    )  # fmt: skip


def formulas(
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    csv: bool = typer.Option(False, "--csv", help="Print a table as CSV."),
    out: Path | None = typer.Option(None, "--out", metavar="DIR", help="Write all forms to this new folder."),
) -> None:
    """The specifications that can be estimated by name."""
    from concordat.cli._evidence_tables import columns
    from concordat.cli._scenario_files import answer
    from concordat.impact.estimation_formulas import FORMULAS

    found = [
        (f.id, f.text, f.years.replace("_", " "), "yes" if f.domestic else "no", f.source) for f in FORMULAS.values()
    ]
    head = ("id", "formula", "years", "at home", "source")
    every = [dict(zip(head, row, strict=True)) for row in found]
    answer({"formulas": every}, [*columns(head, found)], (head, found), json=json, csv=csv, out=out, name="formulas")


HEAD = ("coefficient", ">value", ">standard_error", ">lower_95", ">upper_95")


def rows(found: Estimate) -> list[tuple[Any, ...]]:
    """One row a coefficient, in full."""
    return [
        (name, float(value), float(error), float(low), float(high))
        for name, value, error, (low, high) in zip(
            found.formula.regressors, found.values, found.standard_errors, found.interval(), strict=True
        )
    ]


def facts(found: Estimate) -> dict[str, Any]:
    """All of it, for programs."""
    formula = found.formula
    return {
        "formula": {"id": formula.id, "text": formula.text, "source": formula.source},
        "coefficients": [dict(zip([h.removeprefix(">") for h in HEAD], row, strict=True)) for row in rows(found)],
        "covariance": found.covariance.tolist(),
        "covariance_of": found.covariance_of,
        "rows": found.rows,
        "clusters": found.clusters,
        "years": list(found.years),
        "dropped": [
            {"exporter": d.exporter, "importer": d.importer, "year": d.year, "line": d.line, "reason": d.reason}
            for d in found.dropped
        ],
        "fixed_effects_converged": found.converged,
        "engine": found.engine,
        "steps": found.steps,
        "versions": dict(found.versions),
        "data": {"source": found.source, "sha256": found.sha256, "economies": found.economies},
        "notes": list(found.notes),
    }


def lines(found: Estimate) -> list[str]:
    """The answer for people."""
    from concordat.cli._evidence_tables import columns

    formula = found.formula
    table = [
        (name, f"{value:.6f}", f"{error:.4f}", f"{low:.4f} to {high:.4f}")
        for name, value, error, low, high in rows(found)
    ]
    steps = f" in {found.steps} steps" if found.steps is not None else ""
    versions = ", ".join(f"{name} {number}" for name, number in found.versions.items())
    return [
        f"{formula.id}: {formula.title}",
        f"{formula.text}   PPML, {_spoken(found.years)}",
        "",
        *columns(("", ">coefficient", ">s.e.", ">95 % interval"), table),
        "",
        f"rows: {found.rows:,}{_left_out(found)}",
        f"standard errors: {found.covariance_of}",
        f"fixed effects converged: {'yes' if found.converged else 'no'}{steps}   {found.engine} estimator: {versions}",
        *(f"note: {note}" for note in found.notes),
        f"specification: {formula.source}",
        f"data: {found.source}, {found.economies} economies, SHA-256 {found.sha256}",
    ]


def _left_out(found: Estimate) -> str:
    """`; 84 left out: 84 in a group without any trade (MWI-MAC, ...)`."""
    if not found.dropped:
        return "; none left out"
    said = []
    for reason, count in found.dropped_by_reason.items():
        pairs = list(dict.fromkeys(f"{d.exporter}-{d.importer}" for d in found.dropped if d.reason == reason))
        more = ", ..." if len(pairs) > LISTED_MAX else ""
        said.append(f"{count:,} {reason} ({', '.join(pairs[:LISTED_MAX])}{more})")
    return f"; left out: {'; '.join(said)}"


def _spoken(years: Sequence[int]) -> str:
    if len(years) <= LISTED_MAX + 1:
        return ", ".join(map(str, years))
    return f"{years[0]}, {years[1]}, ..., {years[-1]}"


def _years(text: str) -> tuple[int, ...] | None:
    if not text:
        return None
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words):
        raise InputError(f'"{text}" are no years.', where="--years", hint="Write 1998,2002,2006.", code="year")
    return tuple(int(word) for word in words)


def _one_of(word: str, known: Sequence[str], option: str) -> None:
    if word not in known:
        raise InputError(f'"{word}" is none.', where=option, hint=f"Say {' or '.join(known)}.", code="option")
