"""`concordat evidence survey`: rates of a member's own household survey, computed where its data are."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from concordat.errors import InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.evidence._survey_model import Item
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.survey import Gap, Rate, Survey

_WORDS = {"small_cell": "withheld: too few to show", "complementary": "withheld: would give another away"}


def survey(
    spec: Path = typer.Argument(..., metavar="SPEC", help="A survey file (YAML); see: docs/how-to/publish-a-survey.md"),
    by: str = typer.Option("", "--by", help="Show these margins instead of the file's own: sex,loc,sex*loc"),
    store: bool = typer.Option(
        False, "--store", help="Store the rates as a vintage; the microdata stay where they are."
    ),
    json: bool = typer.Option(False, "--json", help="Print one JSON object."),
    data_dir: str | None = typer.Option(None, "--data-dir", help="Where evidence is kept; see: concordat settings"),
) -> None:
    """Compute weighted rates of a household survey; show and store only what may leave the node."""
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.store import open_store
    from concordat.evidence.survey import read_spec, store_survey, survey_rates

    if by and store:
        hint = "Write the margins into the survey file: what was withheld in one set another could give away."
        raise InputError("--by and --store can't go together.", hint=hint, code="margins")
    catalogue = load_catalogue()
    wanted = [margin.strip() for margin in by.split(",") if margin.strip()] if by else None
    found = survey_rates(read_spec(spec, catalogue), by=wanted, progress=_tell)
    stored = ""
    if store:
        settings = Settings.load({"data_dir": data_dir})
        with open_store(settings.data_dir, progress=_tell) as opened:
            stored = store_survey(opened, catalogue, found).vintage.ref
    if json:
        print(json_.dumps(found.as_dict() | {"vintage": stored or None}, ensure_ascii=False, sort_keys=True))
    else:
        print("\n".join(_lines(found, catalogue, stored)))


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _lines(found: Survey, catalogue: Catalogue, stored: str) -> Iterator[str]:
    spec = found.spec
    start, end = spec.period
    when = str(start.year) if spec.model.period is not None else f"{start.isoformat()} to {end.isoformat()}"
    yield f"{spec.model.dataset.title}: {spec.area} {when}, {found.rows:,} people in {found.file}."
    yield _design(found)
    for item in spec.model.items:
        yield ""
        yield from _item(found, item, catalogue)
    hidden = [rate for rate in found.rates if rate.withheld]
    if hidden:
        yield ""
        count = f"{len(hidden)} of {len(found.rates)} cells are withheld"
        yield f"{count}: a cell shows at least {spec.model.min_cell} people."
    for warning in found.warnings:
        yield f"Warning: {warning}"
    if stored:
        yield ""
        yield f"Stored as {stored}: rates only; {found.file} (SHA-256 {found.sha256[:12]}) stays where it is."


def _design(found: Survey) -> str:
    weights = f"design effect of the weights {found.effect:.3f}" if found.weighted else "everyone weighs the same"
    if found.degrees_of_freedom is None:
        return f"No design is stated: intervals rest on the weights alone ({weights})."
    units = f"{found.units:,} primary units in {found.strata:,} strata, {found.degrees_of_freedom:,} degrees of freedom"
    return f"Design: {units}; {weights}."


def _item(found: Survey, item: Item, catalogue: Catalogue) -> Iterator[str]:
    from concordat.cli._evidence_tables import columns

    rates = [rate for rate in found.rates if rate.item == item.id]
    yield f"{item.id}: {catalogue.indicators[item.indicator_id].name()} ({item.indicator_id}), percent"
    asked = any(rate.not_asked for rate in rates)
    head = ("people", ">n", ">n_eff", ">rate", ">interval 95 %", ">no answer", *((">not asked",) if asked else ()), "")
    yield from columns(head, [_row(rate, asked) for rate in rates])
    gaps = [gap for gap in found.gaps if gap.item == item.id]
    if gaps:
        labels = {rate.breakdown: rate.label for rate in rates}
        yield ""
        yield from columns(("difference", ">points", ">interval 95 %"), [_gap(gap, labels) for gap in gaps])


def _row(rate: Rate, asked: bool) -> tuple[str, ...]:
    name = rate.label
    if rate.withheld or rate.value is None or rate.lower is None or rate.upper is None:
        return (name, *[""] * (6 if asked else 5), _WORDS[rate.withheld])
    numbers = (
        f"{rate.n:,}",
        f"{rate.n_eff:,.0f}",
        f"{100 * rate.value:.2f}",
        f"{100 * rate.lower:.2f} to {100 * rate.upper:.2f}",
        f"{100 * (rate.missing or 0):.1f} %",
    )
    return (name, *numbers, *((f"{100 * (rate.not_asked or 0):.1f} %",) if asked else ()), "")


def _gap(gap: Gap, labels: Mapping[str, str]) -> tuple[str, ...]:
    ends = f"{100 * gap.lower:.2f} to {100 * gap.upper:.2f}"
    return (f"{labels[gap.first]} less {labels[gap.second]}", f"{100 * gap.value:.2f}", ends)
