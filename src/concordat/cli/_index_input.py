"""What the commands on indices and the divide share: reading files and figures, printing one answer in any form."""

from __future__ import annotations

import csv as csv_
import io
import json as json_
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.observatory.panel import Panel
    from concordat.observatory.result import IndexResult
    from concordat.observatory.spec import IndexSpec
    from concordat.observatory.uncertainty import UncertaintyResult


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(what, where=str(path), hint="Check the path.", code="unreadable") from None
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), code="not_utf8") from None


def spec(file: str, bloc: str = "", on: str = "") -> IndexSpec:
    """The file, or a named index, with other units where they are asked for."""
    from concordat.observatory.spec import IndexSpec

    path = Path(file)
    if not path.exists() and "/" not in file and not file.endswith((".yaml", ".yml")):
        from concordat.observatory.named import named

        spec = named(file)
    else:
        spec = IndexSpec.from_yaml(read(path), where=file, read=lambda name: read(path.parent / name))
    return with_units(spec, bloc, on) if bloc or on else spec


def with_units(spec: IndexSpec, bloc: str, on: str) -> IndexSpec:
    from dataclasses import replace

    from concordat import clock
    from concordat.observatory.spec import Units
    from concordat.world import bloc as bloc_of

    if not bloc and (spec.units is None or not spec.units.bloc):
        raise InputError("--on needs a bloc.", hint="Add --bloc.", code="who")
    named = bloc_of(bloc).id if bloc else spec.units.bloc  # type: ignore[union-attr]
    day = on or clock.today().isoformat()
    kept = spec.units or Units()
    return replace(spec, units=replace(kept, bloc=named, as_of=day, countries=()))


def result(
    spec: IndexSpec, release: str, data: Path | None, data_dir: str | None, leave_out: bool = False
) -> tuple[IndexResult, str]:
    """The index, run once, and what it was run on."""
    from concordat.observatory.run import run as compute

    panel, name = figures(spec, release, data, data_dir)
    if leave_out:
        spec, panel = thinned(spec, panel)
    return compute(spec, panel), name


def figures(spec: IndexSpec, release: str, data: Path | None, data_dir: str | None) -> tuple[Panel, str]:
    if data is None:
        return bound(spec, release, data_dir)
    if release:
        raise InputError("--data and --release can't go together.", hint="Give one.", code="data")
    from concordat.observatory.bind import from_table

    return from_table(spec, read(data), where=str(data)), str(data)


def thinned(spec: IndexSpec, panel: Panel) -> tuple[IndexSpec, Panel]:
    """The index and its figures without the indicators that fewer than half of the units have."""
    import numpy as np

    from concordat.observatory.panel import without

    counts = (~np.isnan(panel.values[-1])).sum(axis=0)
    lost = [i for i, n in zip(panel.indicators, counts, strict=True) if n < max(2, 0.5 * len(panel.units))]
    if not lost:
        return spec, panel
    kept, gone = spec.without(lost)
    if kept is None:
        hint = "Load a source; see: concordat evidence coverage"
        raise InputError("too few units have a figure of any indicator.", hint=hint, code="no_figures")
    whole = f"; whole: {', '.join(gone)}" if gone else ""
    print(f"concordat: left out, for want of figures: {', '.join(lost)}{whole}.", file=sys.stderr)
    return kept, without(panel, kept.tree.names[: kept.tree.n_indicators])


def bound(spec: IndexSpec, release: str, data_dir: str | None) -> tuple[Panel, str]:
    """The panel of a release: the one asked for, the file's, or the newest vintage of every dataset."""
    from concordat import clock
    from concordat.evidence.catalogue import load_catalogue
    from concordat.observatory.bind import bind, units_of

    units_of(spec)  # a mistyped bloc or country is told before anything is opened
    catalogue = load_catalogue()
    rows, name = observations(release or spec.data.release, data_dir)
    return bind(spec, rows, catalogue, not_after=clock.today().year), name


def observations(name: str, data_dir: str | None) -> tuple[list[Observation], str]:
    """All observations of a release, and its name; of the newest vintages for "auto"."""
    from concordat.cli import evidence as store_of

    with store_of._loaded(data_dir, None) as (store, newest):
        if name == "auto":
            vintages, told = newest, "newest: " + ", ".join(v.ref for v in newest)
        else:
            found = {(v.dataset_id, v.vintage_id) for v in store.release(name).vintages}
            vintages, told = [v for v in store.vintages() if (v.dataset_id, v.id) in found], name
        return [o for v in vintages for o in store.observations(v, every_row=False)], told


def uncertainty(result: IndexResult, runs: int) -> UncertaintyResult:
    from concordat.observatory.uncertainty import uncertainty as question

    return question(result, runs=runs or None)


def number(text: str | None, path: Path, line: int) -> float:
    """A number of a table; a short row has none."""
    try:
        return float(text or "")
    except ValueError:
        raise InputError(f'"{text or ""}" is not a number.', where=f"{path}, line {line}", code="number") from None


def links(result: IndexResult, rows: Iterable[Observation]) -> dict[str, Any]:
    """Figures of GDP per head and of the validators that the file states, for the units of an index `[unit]`."""
    import numpy as np

    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.resolve import resolve

    wanted = {"gdp_ppp_per_person_intl_2021", *result.spec.validators}
    some = [o for o in rows if o.indicator_id in wanted and o.area in set(result.units)]
    chosen = resolve(some, load_catalogue(), not_after=result.panel.years[-1])
    found: dict[str, Any] = {}
    for name in sorted(wanted):
        figures = [chosen.get((name, unit, "")) for unit in result.units]
        if any(f is not None and f.value is not None for f in figures):
            found[name] = np.array([np.nan if f is None or f.value is None else f.value for f in figures])
    return found


def licences(result: IndexResult, rows: Iterable[Observation], data_dir: str | None) -> dict[str, str]:
    """The licence of each indicator's figures; of several the one that permits least."""
    from concordat.cli import evidence as store_of
    from concordat.evidence.licences import PERMITS, licence

    used = {str(i) for i in result.panel.ids[-1].ravel()}
    datasets: dict[str, set[str]] = {}
    for o in rows:
        if o.obs_id in used:
            datasets.setdefault(o.indicator_id, set()).add(o.dataset_id)
    with store_of._loaded(data_dir, None) as (store, _):
        of_dataset = {v.dataset_id: str(v.licence["id"]) for v in store.vintages()}

    def permits(one: str) -> int:
        row = licence(one)
        return sum(bool(getattr(row, flag)) for flag in PERMITS)

    return {name: min(sorted({of_dataset[d] for d in found}), key=permits) for name, found in sorted(datasets.items())}


# --- Printing -----------------------------------------------------------------------------------------------------


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    from concordat.cli._evidence_tables import columns

    return columns(tuple(head), [tuple(r) for r in rows])


def out(
    facts: Mapping[str, Any],
    lines: Iterable[str],
    *,
    json: bool = False,
    csv: bool = False,
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None,
    out: Path | None = None,
) -> None:
    """One answer, in the form that was asked for, to the screen or a file."""
    if json and csv:
        raise InputError("--json and --csv can't go together.", hint="Give one.", code="format")
    if json:
        text = json_.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
    elif csv and table is not None:
        from concordat.evidence.csv_text import guarded

        buffer = io.StringIO()
        writer = csv_.writer(buffer, lineterminator="\n")
        writer.writerow([name.removeprefix(">") for name in table[0]])
        plain = [name.startswith(">") for name in table[0]]  # columns of numbers: "-0.25" is no formula
        for row in table[1]:
            writer.writerow(
                [c if number or _harmless(str(c)) else guarded(str(c)) for c, number in zip(row, plain, strict=True)]
            )
        text = buffer.getvalue()
    else:
        text = "\n".join(lines) + "\n"
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        what = f"can't be written: {error.strerror}."
        raise InputError(what, where=str(out), hint="Choose another place.", code="unwritable") from None
    print(f"Wrote {out}.", file=sys.stderr)


def _harmless(cell: str) -> bool:
    """A number ("-0.25" is no formula), or text that has its apostrophe already."""
    try:
        float(cell)
    except ValueError:
        return cell.startswith("'")
    return True


def text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def right(keys: Iterable[str]) -> list[str]:
    words = ("unit", "indicator", "observation", "reason")
    return [k if k in words else f">{k}" for k in keys]


def head(result: IndexResult, release: str) -> list[str]:
    import numpy as np

    spec, year = result.spec, result.panel.years[-1]
    units = int((~np.isnan(result.scores)).sum())
    about = [f"{units} units", f"{spec.tree.n_indicators} indicators", f"imputed {100 * result.imputed_share:.0f} %"]
    of = f", {year}" if year else ""  # a table of one's own may have no years
    title = f"{spec.title} ({spec.id}, spec {spec.hash[:8]}, inputs {result.inputs_hash[:8]}){of}"
    return [title, f"{release}; {'; '.join(about)}"]


def imputation(found: IndexResult | UncertaintyResult, order: list[int]) -> Iterator[str]:
    """Scores pooled over draws of multiple imputation, where there are any."""
    pooled = found.imputation
    if pooled is None:
        return
    yield from ("", pooled.words())
    if pooled.pooled is not None:
        yield from columns(("unit", ">mean", ">within", ">between", ">total"), list(pooled.rows(order)))


def traced(result: IndexResult, release: str) -> dict[str, str]:
    """What a program needs to trace a result: hash of the file, of all that went in, and where figures are from."""
    return {"spec_sha256": result.spec.hash, "inputs_sha256": result.inputs_hash, "release": release}


def warn(result: IndexResult) -> None:
    for note in result.notes:
        if note.warning:
            place = ", ".join(w for w in (note.indicator, note.unit, note.slice) if w)
            print(f"concordat: {note.stage}: {place + ': ' if place else ''}{note.text.rstrip('.')}.", file=sys.stderr)
