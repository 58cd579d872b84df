"""The release that a report is compared with: which one it is, and its evidence read from the store.

Without a word in the study it is the newest *named* release made before the one used that holds other data; a store
that nobody named a release in compares with none. The earlier figures are chosen by today's catalogue and rules, from
the earlier vintages, as of the earlier release's year: so what differs is what is known, not how it is counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError
from concordat.evidence.provenance import Book
from concordat.evidence.store.releases import missing_vintages
from concordat.report.chapters.moved import AUTO, Options
from concordat.report.inputs import who_is_in
from concordat.report.permitted import permitted
from concordat.report.study import Study
from concordat.report.study import Vintage as Named

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.observation import Observation
    from concordat.evidence.resolve import Chosen
    from concordat.evidence.store import Release, Store, Vintage
    from concordat.report.chapters.evidence import Options as EvidenceOptions


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was known at an earlier release.

    Attributes:
        on: its day.
        vintages: what it consists of.
        members: the bloc's members on that day; empty where the bloc had none.
        not_after: the last year whose figures counted then.
        observations, chosen: as `Inputs` has them of the report's own release.
    """

    name: str
    on: date
    vintages: tuple[Vintage, ...]
    members: tuple[str, ...]
    not_after: int
    observations: tuple[Observation, ...]
    chosen: Mapping[tuple[str, str, str], Chosen]

    def options(self) -> Options:
        """The study's key that names exactly this."""
        named = (Named(dataset=v.dataset_id, vintage=v.id, logical_hash=v.logical_hash) for v in self.vintages)
        return Options(self.name, self.on, tuple(named))


def read_earlier(
    study: Study,
    options: Options,
    evidence: EvidenceOptions,
    release: Release,
    store: Store,
    catalogue: Catalogue,
    known: Mapping[tuple[str, str], Sequence[Observation]],
) -> Earlier | None:
    """The evidence of the release to compare with; None where there is none.

    Args:
        release: the one the report is built from.
        known: rows that are read already, by dataset and vintage.

    Raises:
        StateError: the release, or a vintage of it, is not in this store.
        TrustError: it is not what was stored.
    """
    from concordat.evidence.resolve import resolve

    found = _find(options, release, store)
    if found is None:
        return None
    name, on, vintages = found
    rows: list[Observation] = []
    for v in vintages:
        rows += known.get((v.dataset_id, v.id)) or store.observations(v)
    rows, _ = permitted(rows, vintages, study.accept)
    not_after = min(evidence.not_after, on.year)
    members = _members(study, on)
    areas = members or _members(study, study.on)
    mode: Any = evidence.mode
    chosen = resolve(rows, catalogue, not_after=not_after, mode=mode, areas=areas)
    return Earlier(name, on, tuple(vintages), members, not_after, tuple(rows), chosen)


def _find(options: Options, release: Release, store: Store) -> tuple[str, date, list[Vintage]] | None:
    if options.since is None:
        return None
    if options.vintages:
        assert options.on is not None
        return options.since, options.on, _named(store, options)
    if options.since == AUTO:
        newest = default_release(release, store.releases())
    else:
        newest = store.release(options.since)
    if newest is None:
        return None
    wanted = {(v.dataset_id, v.vintage_id) for v in newest.vintages}
    return (
        newest.name,
        options.on or newest.made_at.date(),
        [v for v in store.vintages() if (v.dataset_id, v.id) in wanted],
    )


def default_release(used: Release, releases: Sequence[Release]) -> Release | None:
    """The newest named release made before the one used, with other data than it.

    Args:
        releases: of the store, oldest first.
    """
    earlier = [
        r
        for r in releases
        if not r.name.startswith("auto-") and r.made_at <= used.made_at and r.vintages != used.vintages
    ]
    return earlier[-1] if earlier else None


def _named(store: Store, options: Options) -> list[Vintage]:
    """The vintages that a study lists, wherever the store has them.

    Raises:
        StateError: naming those that it lacks.
    """
    here = {(v.dataset_id, v.id, v.logical_hash): v for v in store.vintages()}
    wanted = sorted((v.dataset, v.vintage, v.logical_hash) for v in options.vintages)
    lacking = [f"{dataset}/{vintage} (rows {rows[:12]})" for dataset, vintage, rows in wanted
               if (dataset, vintage, rows) not in here]  # fmt: skip
    if lacking:
        assert options.since is not None
        raise missing_vintages(store, options.since, lacking)
    return [here[key] for key in wanted]


def _members(study: Study, on: date) -> tuple[str, ...]:
    try:
        return who_is_in(replace(study, on=on), Book()).members
    except InputError:  # the bloc did not exist yet
        return ()
