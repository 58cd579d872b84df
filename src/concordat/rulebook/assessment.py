"""What does the annual assessment show of the rules between a bloc's members?

`assessment` reads the store once and returns plain, frozen values (section 11 of the specification): the matrix of
rules between members, the deepest obligation by topic and member, strongest and weakest links, gaps and candidates for
accession, what is signed or has lapsed, depth and fragmentation over the years, soft instruments that all share, and
how much of it rests on texts that were read. An empty cell says "no instrument known to us", never "no rule". Without
coded texts depth is None ("no text coded"), and the cells still hold instruments, topics, what is unknown, and marks.

    >>> from concordat.rulebook.catalogue import load_catalogue
    >>> from concordat.rulebook.store import RuleStore
    >>> with RuleStore.memory() as store:
    ...     store.put_catalogue(load_catalogue())
    ...     found = assessment(store, ["CHN", "IDN", "RUS"], date(2026, 11, 1), 1)
    >>> [(c.a, c.b, c.binding) for c in found.matrix][0]
    ('CHN', 'IDN', ('rcep', 'wct', 'wppt', 'wto-ita'))
    >>> found.metrics.depth.reason
    'no text coded'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from concordat.rulebook import _assessment_tables as tables
from concordat.rulebook._assessment_tables import (
    Candidate,
    Coverage,
    Outside,
    Pending,
    RuleCell,
    ToLoad,
    TopicCell,
)
from concordat.rulebook._regime_draws import DRAWS
from concordat.rulebook._regime_metrics import Metrics, metrics
from concordat.rulebook._regime_read import YES, Held, Regime, read
from concordat.rulebook.model import CommitmentDraft, Instrument
from concordat.rulebook.taxonomy import Taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

FIRST_YEAR = 1995


@dataclass(frozen=True, eq=False)
class RulebookSection:
    """The chapter on rules.

    Attributes:
        matrix: a cell for each pair of members, in order. topics: a cell for each topic and member.
        metrics: depth, fragmentation, distance, links, years, convergence.
        topics_without: topics that no instrument in force between any two members is about; topics_soft_only: those
            that only soft ones are about.
        outside: members outside instruments that half or more of the others joined. candidates: for accession.
        pending: signed, applied for, not in force, lapsed. shared_soft: soft instruments in force for all.
        to_load: instruments in force without a coded text. drafts: as handed in; `report` joins their state.
        instruments: all of them by id; names: their short names. soft: those that bind nobody by nature.
    """

    members: tuple[str, ...]
    on: date
    matrix: tuple[RuleCell, ...]
    topics: tuple[TopicCell, ...]
    metrics: Metrics
    topics_without: tuple[str, ...]
    topics_soft_only: tuple[str, ...]
    outside: tuple[Outside, ...]
    candidates: tuple[Candidate, ...]
    pending: tuple[Pending, ...]
    shared_soft: tuple[str, ...]
    coverage: Coverage
    to_load: tuple[ToLoad, ...]
    notes: tuple[str, ...]
    drafts: tuple[CommitmentDraft, ...]
    instruments: Mapping[str, Instrument]
    names: Mapping[str, str]
    soft: frozenset[str]

    def cell(self, a: str, b: str) -> RuleCell:
        """The cell of two members, in either order."""
        return next(c for c in self.matrix if {c.a, c.b} == {a, b})


def assessment(
    store: RuleStore | Held,
    members: Sequence[str],
    on: date,
    seed: int,
    *,
    first_year: int = FIRST_YEAR,
    draws: int = DRAWS,
    taxonomy: Taxonomy | None = None,
    weights: Mapping[str, float] | None = None,
    membership: Mapping[int, Iterable[str]] | None = None,
    drafts: Sequence[CommitmentDraft] = (),
    accuracy: str = "",
) -> RulebookSection:
    """The chapter on rules between members on a day.

    Args:
        store: a store, or the rows of one as plain values. seed: of the study. first_year: of the figures over time.
            weights: of members, for the weighted mean of depth. membership: who was a member each year. accuracy: of
            the coder, as measured, to stand beside its mode.

    Raises:
        InputError: fewer than two members, an unknown one, one without a weight.
    """
    regime = read(store, members, on, first_year=min(first_year, on.year), taxonomy=taxonomy)
    years = None if membership is None else {y: frozenset(some) for y, some in membership.items()}
    found = metrics(regime, seed, draws=draws, weights=weights, membership=years)
    force = regime.forces.between(len(regime.days) - 1)
    matrix = tables.matrix(regime, force, found.pair_depth)
    without, soft_only = tables.uncovered(regime, matrix)
    coverage = tables.coverage(regime, force, accuracy)
    to_load = tables.to_load(regime, force)
    return RulebookSection(
        members=regime.members,
        on=on,
        matrix=matrix,
        topics=tables.topic_cells(regime, force),
        metrics=found,
        topics_without=without,
        topics_soft_only=soft_only,
        outside=tables.outside(regime),
        candidates=tables.candidates(regime),
        pending=tables.pending(regime),
        shared_soft=_shared(regime),
        coverage=coverage,
        to_load=to_load,
        notes=_notes(matrix, coverage, to_load),
        drafts=tuple(drafts),
        instruments={i.id: i for i in regime.instruments},
        names={i.id: i.short_name for i in regime.instruments},
        soft=frozenset(i.id for k, i in enumerate(regime.instruments) if regime.soft[k]),
    )


def _shared(regime: Regime) -> tuple[str, ...]:
    """Soft instruments in force for every member."""
    state = regime.forces.state[-1]
    return tuple(i.id for k, i in enumerate(regime.instruments) if regime.soft[k] and (state[k] == YES).all())


def _notes(matrix: Sequence[RuleCell], coverage: Coverage, to_load: Sequence[ToLoad]) -> tuple[str, ...]:
    """What a reader must know before the figures."""
    found = []
    thin = sum(not c.binding for c in matrix)
    if thin:
        what = f"Of {len(matrix)} pairs, {thin} have no binding instrument known to us"
        why = (
            f"{coverage.incomplete} of the {coverage.instruments} instruments have a list of parties that is incomplete"
        )
        found.append(f"{what}. That is partly the catalogue's: {why}.")
    if to_load:
        first = ", ".join(t.instrument for t in to_load[:8])
        more = f" and {len(to_load) - 8} more" if len(to_load) > 8 else ""
        found.append(f"Instruments in force between members without a coded text: load and code {first}{more}.")
    if coverage.uncalibrated:
        what = f"{coverage.uncalibrated} codings have no probability (uncalibrated)"
        found.append(f"{what}: in the intervals they stand as they are.")
    return tuple(found)
