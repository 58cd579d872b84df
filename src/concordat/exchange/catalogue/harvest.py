"""What did another catalogue add, change or remove since we read it last: a pure function over pages.

    changes = harvest(previous, pages, now)          # all at once
    walk = Walk(previous)                            # or page by page, as `node.harvester` does
    walk.take(page)                                  # what that page adds or changes, and the next token
    walk.finish(accept_removals=False)               # what is gone, or why that is not believed

A record is known by its source and identifier, and changed when the SHA-256 of its canonical form changed; keys that
change by themselves (the time of the last touch, counts of views) are no part of that form. What is missing is removed
only after every page was read, and if more than max(10, 20 %) would go, the removals wait for a person's word. A source
that gives the same token twice, or more than 10,000 pages, never ends, and is told so.

States of a run: running -> complete | partial (all read, some records failed) | failed | timed_out | abandoned; every
state but the first is an end. Source: exchange.md 4.2; resumption tokens after OAI-PMH 2.0 section 3.5.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from concordat import canonical
from concordat.errors import SourceError
from concordat.exchange.catalogue.dsp_catalog import LABEL
from concordat.exchange.catalogue.model import Dataset, Failure, to_value

PAGES_MAX = 10_000
REPEATS_MAX = 10  # pages in a row without a record that is new: parts of one record may lie on several
REMOVALS_FEW = 10
REMOVALS_SHARE = 5  # one in five
ENDS = ("abandoned", "complete", "failed", "partial", "timed_out")
BESIDE = frozenset((LABEL, "offer"))  # what sources keep beside the model, where they don't keep the record whole
VOLATILE = frozenset(
    ("metadata_modified", "num_resources", "num_tags", "recent_views", "total_views", "tracking_summary", "view_count")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Record:
    """One dataset as a source gave it.

    Attributes:
        key: its identifier at the source. hash: of its canonical form without volatile keys. dataset: what it says.
    """

    key: str
    hash: str
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a source.

    Attributes:
        records: what it holds. failed: what could not be read. token: where the next page begins; empty at the end.
        gone: keys of records that the source says were deleted. since: it gives only what changed since an earlier
            reading: what it doesn't name is not gone. mark: where a later such reading may begin, if this one comes to
            its end whole; empty for sources that give everything each time.
    """

    records: tuple[Record, ...]
    failed: tuple[Failure, ...] = ()
    token: str = ""
    gone: tuple[str, ...] = ()
    since: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is held of a source: identifier -> hash. `token` is where an unfinished run stopped; empty otherwise."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    token: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a run came to.

    Attributes:
        added, changed: records. removed: identifiers. failed: records that could not be read. token: where to go on.
        waiting: identifiers that are gone at the source and wait for `accept_removals`.
    """

    added: tuple[Record, ...] = ()
    changed: tuple[Record, ...] = ()
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    token: str = ""
    waiting: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`complete`, or `partial` if some records failed."""
        return "partial" if self.failed else "complete"

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical list of changes."""
        return changes_hash(
            [(r.key, r.hash) for r in self.added], [(r.key, r.hash) for r in self.changed], self.removed
        )


def changes_hash(added: Iterable[tuple[str, str]], changed: Iterable[tuple[str, str]], removed: Iterable[str]) -> str:
    """SHA-256 of the canonical list of changes: (identifier, hash) of what came, identifiers of what went."""
    value = {
        "added": [list(pair) for pair in sorted(added)], "changed": [list(pair) for pair in sorted(changed)],
        "removed": sorted(removed),
    }  # fmt: skip
    return canonical.digest(value, floats=True)


def record_of(dataset: Dataset) -> Record:
    """A dataset as a record; its name at the source is the key."""
    raw = dataset.source_record
    if raw is None:
        form = to_value(dataset)
    elif raw.keys() <= BESIDE:
        form = {"dataset": to_value(dataset), "beside": to_value(raw)}
    else:
        form = _stable(raw)
    return Record(dataset.id, canonical.digest(form, floats=True), dataset)


def _stable(value: Any) -> Any:
    """Without the keys that change by themselves."""
    if isinstance(value, Mapping):
        return {str(k): _stable(v) for k, v in value.items() if k not in VOLATILE}
    return [_stable(one) for one in value] if isinstance(value, (list, tuple)) else value


class Walk:
    """A run, page by page; it holds identifiers and hashes only.

    Args:
        previous: what is held of the source. seen: identifiers that earlier pages of this run gave, when it goes on.
        tokens: tokens of those pages. unnamed: whether one of them held a record without an id. failed: identifiers
            of records on them that could not be read. gone: keys that one of them said were deleted.
    """

    def __init__(
        self, previous: Snapshot, seen: Iterable[str] = (), tokens: Iterable[str] = (), unnamed: bool = False,
        failed: Iterable[str] = (), gone: Iterable[str] = (),
    ) -> None:  # fmt: skip
        self._previous = previous
        self._gone = set(gone)
        self._seen = set(seen) - self._gone
        self._failed = set(failed) - self._gone
        self._since = False
        self._tokens = set(tokens)
        self._pages = len(self._tokens)
        self._unnamed = unnamed
        self._repeats = 0
        self._contents: set[frozenset[tuple[str, str]]] = set()

    def take(self, page: Page) -> Changes:
        """What a page adds or changes; a record that came already in this run counts once.

        One that could not be read on an earlier page, and can on this, is taken.

        Raises:
            SourceError: the source repeats a token, or there are more than 10,000 pages.
        """
        self._pages += 1
        if page.token and (page.token in self._tokens or self._pages >= PAGES_MAX):
            raise endless(self._pages)
        if page.token:
            self._tokens.add(page.token)
        old = bool(page.records) and all(record.key in self._seen for record in page.records)
        self._repeats = self._repeats + 1 if old else 0
        content = frozenset((record.key, record.hash) for record in page.records)
        if page.token and ((old and content in self._contents) or self._repeats >= REPEATS_MAX):
            raise endless(self._pages)  # the same page under another token
        self._contents.add(content)
        self._since = self._since or page.since
        self._gone |= set(page.gone)
        self._seen -= self._gone
        self._failed -= self._gone
        added, changed = [], []
        for record in page.records:
            if record.key in self._seen:
                continue
            self._seen.add(record.key)
            self._gone.discard(record.key)  # it is there again
            known = self._previous.hashes.get(record.key)
            if known is None:
                added.append(record)
            elif known != record.hash:
                changed.append(record)
        self._failed |= {failure.key for failure in page.failed}
        self._unnamed = self._unnamed or any(not failure.named for failure in page.failed)
        return Changes(tuple(added), tuple(changed), (), page.failed, page.token)

    def finish(self, accept_removals: bool = False) -> Changes:
        """What is gone, after every page was read.

        A record without an id may be any of those that are missing: then all of them wait for a person. Where only
        changes were read, what is gone is what the source said is deleted.
        """
        held = self._seen | self._failed  # what can't be read today is not gone
        missing = self._gone if self._since else self._previous.hashes.keys() - held
        gone = tuple(sorted(missing & self._previous.hashes.keys()))
        unsure = self._unnamed and not self._since
        if not accept_removals and (unsure or too_many(len(gone), len(self._previous.hashes))):
            return Changes(waiting=gone)
        return Changes(removed=gone)


def too_many(gone: int, held: int) -> bool:
    """Whether so many removals wait for a person: more than 10, and more than a fifth of what is held."""
    return gone > REMOVALS_FEW and gone * REMOVALS_SHARE > held


def endless(pages: int) -> SourceError:
    """The error for a source that never ends."""
    hint = "Its publisher must mend that; nothing was removed."
    return SourceError(f"endless paging: page {pages:,} leads on to one read before.", hint=hint, code="endless")


def harvest(previous: Snapshot, pages: Iterable[Page], now: int, *, accept_removals: bool = False) -> Changes:
    """What a source added, changed and removed.

    Args:
        previous: what is held. pages: every page from the beginning. now: seconds since 1970, for nothing but the rule
            that a pure function is given its time. accept_removals: removals of any number are believed.

    Raises:
        SourceError: the paging never ends.
    """
    assert now >= 0
    walk = Walk(previous)
    whole = Changes()
    for page in pages:
        part = walk.take(page)
        read = {record.key for record in page.records}
        failed = (*(f for f in whole.failed if not f.named or f.key not in read), *part.failed)
        whole = Changes(whole.added + part.added, whole.changed + part.changed, (), failed, part.token)
    if whole.token:  # the pages stopped before the end: nothing is known of what is missing
        return whole
    end = walk.finish(accept_removals)
    return replace(whole, removed=end.removed, waiting=end.waiting)
