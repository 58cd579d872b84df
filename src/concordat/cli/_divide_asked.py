"""What was asked of `concordat divide`: options read together, and those that mean nothing here refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.cli._divide_store import Figures, Whom


def whom(bloc: str, countries: str, on: str, invited: bool, data_dir: str | None) -> Whom:
    """Whose figures.

    Raises:
        InputError: a bloc and countries at once.
    """
    from concordat.cli._divide_store import Whom

    if bloc and countries:
        raise InputError("--bloc and --countries can't go together.", hint="Name one of them.", code="who")
    if invited and not bloc:
        raise InputError("--with-invited needs a bloc.", hint="Add --bloc.", code="who")
    return Whom(bloc, countries, on, invited, data_dir)


def refuse(given: Mapping[str, object], why: str) -> None:
    """An option that has no meaning here is an error, not silence."""
    for name, value in given.items():
        if value:
            raise InputError(f"{'' if name == 'indicator' else '--'}{name.replace('_', '-')} {why}", code="option")


def bounds(text: str) -> tuple[float, float] | None:
    """`0,100` as two numbers in order.

    Raises:
        InputError: it is not.
    """
    if not text:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise InputError(f'--bounds "{text}" is not two numbers in order.', hint="Write 0,100.", code="bounds")
    return low, high


def splittable(names: list[str]) -> tuple[str, ...]:
    """The measures to split; all that can be when none is named.

    Raises:
        InputError: one that can't.
    """
    from concordat.observatory.divide.table import DECOMPOSED
    from concordat.settings import nearest

    for name in names:
        if name not in DECOMPOSED:
            close = nearest(name, DECOMPOSED)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(DECOMPOSED)}."
            raise InputError(f"{name} can't be split by groups.", hint=hint, code="unknown_measure")
    return tuple(names) or DECOMPOSED


def asked(indicator: str, data: Path | None) -> dict[str, Any]:
    """Which figure, and from where."""
    return {"indicator": indicator or None, "data": None if data is None else str(data)}


def figures(found: Figures) -> dict[str, Any]:
    """What measures of the store rest on."""
    return {
        "indicator": found.indicator.id,
        "unit": found.indicator.unit,
        "weight": found.weight or None,
        "areas": dict(zip(found.units, found.years, strict=True)),
        "without": dict(found.without),
    }
