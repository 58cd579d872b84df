"""A scenario as plain frozen values: what `scenario.parse_scenario` makes of its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from concordat.settings import Document

Pair = tuple[str, str]
OUTPUTS = ("real_income_pct", "real_income_usd", "real_wage_pct", "tariff_revenue_usd", "trade")
ALWAYS = OUTPUTS[:4]  # told together in every result, whatever `outputs` lists besides


@dataclass(frozen=True, slots=True)
class Term:
    """A term of fitted flows: `parameter` times a column of the panel, or its logarithm."""

    column: str
    parameter: str
    log: bool


@dataclass(frozen=True, slots=True)
class Base:
    """The world before the shock.

    Attributes:
        panel: file of trade flows (one sector). table: file of an input-output table (several). sha256: of its bytes,
            "" where the scenario does not fix them. output: file of gross output, if the panel has no home deliveries.
        flows: `observed` or `fitted`; terms: of the fit. unit: of a panel. missing: what a pair without a row means.
        covers: what kind of trade it is, if the scenario says. tariffs: file of tariffs beside a table, which has none.
        merge_sectors, merge_economies, drop, final_demand: what is done to a table (`sectors_readers`).
    """

    panel: str
    table: str
    sha256: str
    year: int
    flows: str
    terms: tuple[Term, ...]
    output: str
    unit: str
    missing: str
    covers: tuple[str, ...]
    aliases: Mapping[str, str]
    tariffs: str
    merge_sectors: Mapping[str, tuple[str, ...]]
    merge_economies: Mapping[str, tuple[str, ...]]
    drop: tuple[Pair, ...]
    final_demand: str

    @property
    def file(self) -> str:
        """The one file that the base is read from."""
        return self.panel or self.table


@dataclass(frozen=True, slots=True)
class Who:
    """Which ordered pairs a shock is for: a list, or exporters times importers; never i = i."""

    pairs: str | tuple[Pair, ...] | None
    exporters: str | tuple[str, ...] | None
    importers: str | tuple[str, ...] | None
    both_ways: bool


@dataclass(frozen=True, slots=True)
class Shock:
    """One change; which fields it has follows from `kind`.

    Attributes:
        place: file and line. start, end: of a measure that moves (an index, connectivity), or the end of a tariff.
        sectors: names in a table, or ("all",); empty where the file says none.
        percent: a change that the scenario states itself, with its reason; alone, or driver of an elasticity.
    """

    kind: str
    place: str
    who: Who | None = None
    country: str = ""
    partners: str | tuple[str, ...] = "all"
    sectors: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None
    percent: float | None = None
    reason: str = ""
    parameter: str = ""
    multiplier: str = ""
    amount: float | None = None
    scope: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """Money from one economy to another, in USD million, measured in the world's output."""

    sender: str
    receiver: str
    amount: float
    place: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """The game whose gains are to be divided, the rules asked for, and what outsiders are assumed to do."""

    game: str
    rules: tuple[str, ...]
    outsiders: str


@dataclass(frozen=True, slots=True)
class Scenario:
    """A checked scenario file.

    Attributes:
        members: economies of the bloc; bloc, as_of: where they were named as one. elasticity: a parameter's id, or
            `elasticity_value` with its reason; by_sector: others of single sectors.
        parameter_files: of the user's own. starts: further starts of the central run's solver.
        sha256: of the file's bytes.
    """

    id: str
    title: str
    note: str
    base: Base
    members: tuple[str, ...]
    bloc: str
    as_of: str
    model: str
    closure: str
    deficits: str
    numeraire: str
    elasticity: str
    elasticity_value: float | None
    elasticity_reason: str
    by_sector: Mapping[str, str]
    parameter_files: tuple[str, ...]
    shocks: tuple[Shock, ...]
    transfers: tuple[Transfer, ...]
    quote: tuple[str, ...]
    sharing: Sharing | None
    outputs: tuple[str, ...]
    draws: int
    seed: int
    starts: int
    on_failure: str
    missing_members: str
    allow_unverified: bool
    sha256: str
    where: str
    document: Document

    def files_of(self) -> tuple[str, ...]:
        """The files whose bytes a run needs, as the scenario names them."""
        named = (self.base.file, self.base.output, self.base.tariffs, *self.parameter_files)
        return tuple(f for f in named if f)
