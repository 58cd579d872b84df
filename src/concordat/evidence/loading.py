"""From bodies to a stored vintage: the one way by which every source but the embedded one enters the store.

Bodies are kept before they are parsed, so that a better parser can be replayed on them. The vintage's id is made of the
day from which the figures were known, of the bodies' hashes, and of the parser: the same bodies read by the same parser
are the same vintage, loading them twice changes nothing, and another edition of the same dataset stands beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from concordat.errors import ConcordatError, SourceError
from concordat.evidence.observation import Observation
from concordat.evidence.sources._base import Answer, Meta, Problem

if TYPE_CHECKING:
    from concordat.evidence.catalogue import Catalogue
    from concordat.evidence.citation import Origin
    from concordat.evidence.store import Retrieval, Store, Vintage

Parse = Callable[[bytes, Meta], Iterable[Observation | Problem]]
Derive = Callable[[list[Observation]], tuple[list[Observation], list[Problem]]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was stored.

    Attributes:
        new: whether the vintage was not there before.
    """

    vintage: Vintage
    problems: tuple[Problem, ...]
    new: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """How a vintage stands among those of its dataset, of which reports use the newest alone.

    Attributes:
        in_use: the one that reports use.
        before: the one that was in use before this one; None for the first, and where this one is not in use.
        dropped: how many figures of `before` this one does not have; they go out of use.
    """

    vintage: Vintage
    in_use: Vintage
    before: Vintage | None
    dropped: int

    def lines(self) -> Iterator[str]:
        """What a reader should know, if anything."""
        if self.in_use.id != self.vintage.id:
            later = "is of a later day" if self.in_use.known_from > self.vintage.known_from else "was stored later"
            yield f"Not in use: {self.in_use.ref} {later}, and reports use one vintage of a dataset alone."
            yield "  For figures beside those, give these an id of their own; to replace those, a later day."
        elif self.before is not None and self.dropped:
            what = "of its figures are not in this one and go out of use."
            yield f"In use instead of {self.before.ref}: {self.dropped:,} {what}"
            yield "  For figures beside those, give these a dataset.id of their own."


def beside(store: Store, vintage: Vintage) -> Beside:
    """How a stored vintage stands among the others of its dataset."""
    found = sorted(
        (v for v in store.vintages() if v.dataset_id == vintage.dataset_id),
        key=lambda v: (v.known_from, v.retrieved_at, v.id),
    )
    in_use = found[-1]
    before = found[-2] if in_use.id == vintage.id and len(found) > 1 else None
    dropped = 0
    if before is not None:
        kept = {o.key for o in store.observations(vintage, every_row=False)}
        rows = store.observations(before, every_row=False)
        dropped = sum(1 for o in rows if o.missing_reason is None and o.key not in kept)
    return Beside(vintage, in_use, before, dropped)


def require_past(published: date | None, today: date, where: str) -> None:
    """A dataset that is not published yet can't be used: it would outrank every edition until its day comes.

    Raises:
        SourceError: the day is after today.
    """
    if published is not None and published > today:
        raise SourceError(
            f"dataset.published says {published}, which is after today, {today}.",
            where=where,
            hint="Write the day on which the figures were published.",
            code="published_later",
        )


def load(
    store: Store,
    catalogue: Catalogue,
    origin: Origin,
    answers: Sequence[Answer],
    parse: Parse,
    *,
    parser_version: str,
    published: date | None = None,
    version: str = "",
    skip_bad: bool = False,
    derive: Derive | None = None,
    notes: Mapping[str, Any] | None = None,
    on_bad: Callable[[Sequence[Problem]], ConcordatError] | None = None,
) -> Loaded:
    """Keep the bodies, parse them, and store one vintage.

    Args:
        origin: who made the dataset; its licence is stored with the vintage.
        parse: yields rows and problems of one body.
        published: the source's own date; without it the figures are known from the day they were retrieved.
        version: the edition as cited; by default the day it is known from.
        skip_bad: store the good rows although some are bad; else a problem of severity `error` refuses all.
        derive: makes further rows out of all that were parsed, such as a country out of its parts.
        notes: more that is kept with the vintage's origin, such as how its bytes are read.
        on_bad: makes the error for bad rows, where the one of this module would not say enough.

    Raises:
        SourceError: no figure at all, or (unless `skip_bad`) some row is bad.
        StateError: the store can't be written.
    """
    from concordat.evidence.licences import licence
    from concordat.evidence.quality import quarantines
    from concordat.evidence.store import VintageMeta
    from concordat.world import bloc_ids, table_hash

    assert answers, "nothing to load"
    record = licence(origin.licence, where=origin.dataset_id)
    retrieved_at = max(answer.retrieved_at for answer in answers)
    require_past(published, retrieved_at.date(), origin.dataset_id)
    hashes = keep(store, origin.source_id, answers, parser_version)
    known_from = published or retrieved_at.date()
    vintage_id = vintage_id_of(known_from, hashes, parser_version)
    observations: list[Observation] = []
    problems: list[Problem] = []
    for answer, sha256 in zip(answers, hashes, strict=True):
        meta = Meta(
            origin.source_id, origin.dataset_id, vintage_id, known_from, retrieved_at, sha256, answer.name,
            parser_version,
        )  # fmt: skip
        for one in parse(answer.body, meta):
            (problems if isinstance(one, Problem) else observations).append(one)  # type: ignore[arg-type]
    if derive is not None:
        made, more = derive(observations)
        observations += made
        problems += more
    bad = [p for p in problems if p.severity == "error"]
    if bad and not skip_bad and on_bad is not None:
        raise on_bad(bad)
    if bad and not observations and on_bad is not None:
        raise on_bad(bad)
    _check_usable(origin, observations, problems, skip_bad)
    new = store.catalog.vintage(origin.dataset_id, vintage_id) is None
    store.catalog.describe_blocs(table_hash("blocs.yaml"), bloc_ids())
    store.catalog.describe(catalogue.hash, [(i.id, i.unit, i.topic) for i in catalogue.indicators.values()])
    said = {
        **asdict(origin),
        **(notes or {}),
        "version": version or known_from.isoformat(),
        "sha256": _joint_hash(hashes),
    }
    stored = VintageMeta(
        id=vintage_id,
        dataset_id=origin.dataset_id,
        source_id=origin.source_id,
        published=published,
        known_from=known_from,
        retrieved_at=retrieved_at,
        parser_version=parser_version,
        raw=tuple(hashes),
        origin=said,
        licence=record.as_dict(),
    )
    aside = {(o, f.rule): f.text for f in quarantines(observations, catalogue) for o in f.observations}
    listed = [(obs_id, rule, why) for (obs_id, rule), why in sorted(aside.items())]
    return Loaded(store.write_vintage(stored, observations, problems, listed), tuple(problems), new)


def keep(store: Store, source_id: str, answers: Sequence[Answer], parser_version: str) -> list[str]:
    """Keep bodies and how they came, before anything is parsed; what is kept already is not written again.

    Returns:
        The hash of each body, in order.

    Raises:
        StateError: the store can't be written.
    """
    hashes = store.raw.put_many(answer.body for answer in answers)
    retrievals = _retrievals(answers, hashes, f"{source_id}@{parser_version}")
    new = {r.line(): r for r in retrievals if r.as_dict() not in store.catalog.retrievals(r.sha256)}
    if new:
        store.record_retrievals(list(new.values()))
    return hashes


def vintage_id_of(known_from: date, hashes: Iterable[str], parser_version: str) -> str:
    """`2026-05-02-1f3a9c0d-p1`: the day, 8 digits of the bodies' joint hash, the parser."""
    return f"{known_from.isoformat()}-{_joint_hash(hashes)[:8]}-p{parser_version}"


def _joint_hash(hashes: Iterable[str]) -> str:
    """The hash of one body, or of the sorted list of several."""
    listed = sorted(hashes)
    return listed[0] if len(listed) == 1 else hashlib.sha256("\n".join(listed).encode()).hexdigest()


def _retrievals(answers: Sequence[Answer], hashes: Sequence[str], connector: str) -> Iterator[Retrieval]:
    from concordat.evidence.store import Retrieval

    for answer, sha256 in zip(answers, hashes, strict=True):
        yield Retrieval(
            sha256=sha256,
            method=answer.method,
            url=answer.url,
            retrieved_at=answer.retrieved_at,
            connector=connector,
            status=answer.status,
            headers=dict(answer.headers),
            etag=answer.etag,
            last_updated=answer.last_updated,
        )


def _check_usable(
    origin: Origin, observations: Sequence[Observation], problems: Sequence[Problem], skip_bad: bool
) -> None:
    bad = [p for p in problems if p.severity == "error"]
    if bad and not skip_bad:
        first = bad[0]
        raise SourceError(
            f"{len(bad)} rows can't be used; nothing was stored. The first: {first.text}",
            where=first.where,
            hint="Correct them, or store the others with --skip-bad.",
            code="bad_rows",
        )
    if not observations:
        hint = "Check the code, the countries and the years that were asked for."
        raise SourceError("no figure at all.", where=origin.dataset_id, hint=hint, code="empty_answer")
