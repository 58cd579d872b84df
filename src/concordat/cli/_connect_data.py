"""What `concordat connect` reads: series of one figure for all areas, and whom a name means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from concordat.cli import _divide_files as files
from concordat.cli import _scenario_files as shared
from concordat.errors import InputError
from concordat.settings import nearest

DEFAULT = "internet_users_pct"
Series = dict[str, dict[int, float]]


@dataclass(frozen=True, slots=True)
class Found:
    """Series of one figure.

    Attributes:
        source: where they are from, in words. share: a percentage of a whole, None where nothing says so.
    """

    indicator: str
    series: Series
    source: str
    share: bool | None


def read(indicator: str, path: Path | None, release: str, data_dir: str | None) -> Found:
    """The series of a figure for every area that has one.

    Raises:
        InputError: an unknown figure or release, a table that can't be read.
    """
    return _from_file(indicator, path) if path is not None else _from_store(indicator or DEFAULT, release, data_dir)


def _from_file(indicator: str, path: Path) -> Found:
    import hashlib

    from concordat.evidence.catalogue import load_catalogue

    table = files.read_table(path)
    _refuse_words_for_gaps(table)
    names = sorted(set(table.columns.get("indicator", ())))
    chosen = indicator or (names[0] if len(names) == 1 else "")
    found = files.read_series(path, chosen if names else "").panel
    series = {
        unit: {int(y): v for y, v in zip(years, values, strict=True) if v == v}
        for unit, (years, values) in found.items()
    }
    digest = hashlib.sha256(shared.read(path)).hexdigest()
    record = load_catalogue().indicators.get(chosen)
    return Found(chosen or "value", series, f"{path}, sha256 {digest[:12]}", _share(record) if record else None)


def _refuse_words_for_gaps(table: files.Table) -> None:
    """A gap is an empty cell here: `nan` may as well be what a broken computation left."""
    for row, text in enumerate(table.columns.get("value", ())):
        if text.strip().lower() in files.BLANK - {""}:
            what = f'value: "{text.strip()}" is not a number.'
            raise InputError(what, where=table.place(row), hint="Leave gaps empty.", code="number")


def _share(record: object) -> bool:
    from concordat.observatory.divide import is_share

    return is_share(record)  # type: ignore[arg-type]


def _from_store(indicator: str, release: str, data_dir: str | None) -> Found:
    from concordat import clock
    from concordat.cli import _index_input as store
    from concordat.cli import evidence
    from concordat.evidence.catalogue import load_catalogue
    from concordat.evidence.resolve import yearly_series
    from concordat.world import area_type

    evidence._known_indicator(indicator)
    catalogue = load_catalogue()
    rows, told = store.observations(release, data_dir)
    found = yearly_series(rows, catalogue, {indicator}, not_after=clock.today().year)[indicator]
    series = {
        area: {year: float(o.value * 10.0**o.unit_mult) for year, o in by_year.items() if o.value is not None}
        for area, by_year in found.items()
        if area_type(area) == "country"
    }
    return Found(indicator, series, told, _share(catalogue.indicators[indicator]))


def whom(area: str, on: str, known: Mapping[str, object] | None = None) -> tuple[str, tuple[str, ...]]:
    """What a name means: its title, and the codes of the countries.

    Args:
        known: units of a table; one of these is taken as it stands.

    Raises:
        InputError: neither a unit, a bloc nor a country; a day for what is no bloc.
    """
    from concordat.world import area_name, bloc_ids, country, members

    if known is not None and area in known:
        return area, (area,)
    if area.upper() in bloc_ids():
        from concordat import clock

        day = on or clock.today().isoformat()
        codes = tuple(members(area.upper(), day, expand=True))
        return f"{area.upper()} on {day}: {len(codes)} members", codes
    if on:
        raise InputError("--on needs a bloc.", hint="Name a bloc, or leave it out.", code="who")
    try:
        code = country(area).iso3
    except InputError:
        close = nearest(area, known or ())
        if not close:
            raise
        raise InputError(
            f'the table has no "{area}".', hint=f'Did you mean "{close[0]}"?', code="unknown_unit"
        ) from None
    return f"{area_name(code)} ({code})", (code,)
