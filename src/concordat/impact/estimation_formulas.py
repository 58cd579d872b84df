"""The gravity specifications that can be estimated by name: each a published one, with its sample and its errors.

    >>> sorted(FORMULAS)
    ['border_cross_section', 'international_gravity', 'rta_all_years', 'rta_every_fourth_year']
    >>> FORMULAS["rta_all_years"].text
    'trade ~ rta | exporter_year + importer_year + pair'

Source: Yotov, Piermartini, Monteiro and Larch 2016, "An Advanced Guide to Trade Policy Analysis" (UNCTAD and WTO), and
the logs of its programs. Years follow from the panel's latest one, so that a newer panel needs no other formula.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from concordat.errors import InputError
from concordat.settings import nearest

Factor = Literal["clusters", "clusters_and_parameters"]
Years = Literal["latest", "every_fourth", "all"]
EVERY = 4
_YEARLY = ("exporter_year", "importer_year")


@dataclass(frozen=True, slots=True)
class Formula:
    """A specification.

    Attributes:
        regressors: columns of the panel; `log_dist` is the logarithm of one, `border` is 1 between countries.
        effects: sets of fixed effects: `exporter`, `importer`, these by year, `pair` (both directions one).
        years: the `latest` one, `every_fourth` back from it, or `all`. domestic: whether deliveries at home count.
        factor: of the clustered covariance, as in the source. source: where it was published.
    """

    id: str
    title: str
    regressors: tuple[str, ...]
    effects: tuple[str, ...]
    years: Years
    domestic: bool
    factor: Factor
    source: str

    @property
    def three_way(self) -> bool:
        """Whether pair effects stand beside those of exporters and importers."""
        return "pair" in self.effects

    @property
    def text(self) -> str:
        """The specification in one line."""
        return f"trade ~ {' + '.join(self.regressors)} | {' + '.join(self.effects)}"

    def of_years(self, held: tuple[int, ...]) -> tuple[int, ...]:
        """The years of a panel that it takes."""
        last = held[-1]
        step = {"latest": last - held[0] + 1, "every_fourth": EVERY, "all": 1}[self.years]
        return tuple(y for y in held if (last - y) % step == 0)


FORMULAS: Mapping[str, Formula] = {
    f.id: f
    for f in (
        Formula(
            "border_cross_section", "Distance, contiguity and the border, latest year",
            ("log_dist", "cntg", "border"), ("exporter", "importer"), "latest", True, "clusters",
            "Yotov et al. 2016, chapter 2, application 1",
        ),
        Formula(
            "rta_every_fourth_year", "Trade agreements, every fourth year",
            ("rta",), (*_YEARLY, "pair"), "every_fourth", True, "clusters_and_parameters",
            "Yotov et al. 2016, chapter 2, application 2",
        ),
        Formula(
            "rta_all_years", "Trade agreements, all years",
            ("rta",), (*_YEARLY, "pair"), "all", True, "clusters_and_parameters",
            "as rta_every_fourth_year, with consecutive years",
        ),
        Formula(
            "international_gravity", "Distance, contiguity, language and colony between countries",
            ("log_dist", "cntg", "lang", "clny"), _YEARLY, "every_fourth", False, "clusters",
            "Yotov et al. 2016, chapter 1, application 1",
        ),
    )
}  # fmt: skip


def formula_named(name: str) -> Formula:
    """The specification of that id.

    Raises:
        InputError: there is none; the nearest is named.
    """
    if name not in FORMULAS:
        close = nearest(name, FORMULAS)
        hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(FORMULAS)}."
        raise InputError(f'"{name}" is not a formula I know.', hint=hint, code="formula")
    return FORMULAS[name]
