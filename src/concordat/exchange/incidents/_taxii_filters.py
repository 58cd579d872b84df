"""Which objects of a collection a caller sees under a request's filters: label first, then everything else.

Hidden rows are left out before versions are compared, pages cut, counts made: `last` is the last version that this
caller may have, a page is full of what it may have, and nothing tells how much lay between. Filters as TAXII 2.1
section 3.4 names them; an unknown `match[...]` is refused rather than ignored, since the answer would hold more than
was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from concordat.errors import InputError
from concordat.exchange.incidents._taxii_model import Collection, Row, Site, Store, nanoseconds
from concordat.exchange.incidents.tlp import Caller, Shared, may_send

LIMIT, LIMIT_MAX = 100, 1_000
LIST_MAX = 200  # values of one filter
_MATCHES = ("id", "type", "version", "spec_version")


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request asks for. after: microseconds, exclusive. versions: `first`, `last`, `all` or nanoseconds."""

    after: int = -1
    limit: int = LIMIT
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str | int] = frozenset({"last"})
    nothing: bool = False


def read_filters(query: tuple[tuple[str, str], ...], allowed: tuple[str, ...] = _MATCHES) -> Filters:
    """The filters of a request.

    Raises:
        InputError: a value that can't be, a filter twice, or one that this address doesn't have.
    """
    said: dict[str, str] = {}
    for key, value in query:
        if key in said:
            raise InputError(
                "the filter stands twice.", where=key[:40], hint="Join the values by commas.", code="query"
            )
        if key.startswith("match[") and (not key.endswith("]") or key[6:-1] not in allowed):
            known = ", ".join(f"match[{name}]" for name in allowed)
            raise InputError("not a filter here.", where=key[:40], hint=f"Known: {known}.", code="query")
        said[key] = value
    after = nanoseconds(said["added_after"], "added_after") // 1000 if "added_after" in said else -1
    if "next" in said:
        after = max(after, _whole(said["next"], "next"))
    limit = _whole(said["limit"], "limit") if "limit" in said else LIMIT
    if limit < 1:
        raise InputError("a page has at least one object.", where="limit", code="query")
    specs = _listed(said, "spec_version")
    return Filters(
        after, min(limit, LIMIT_MAX), frozenset(_listed(said, "id")), frozenset(_listed(said, "type")),
        _versions(_listed(said, "version")), bool(specs) and "2.1" not in specs,
    )  # fmt: skip


def _whole(text: str, name: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InputError(f'"{text[:40]}" can\'t be.', where=name, hint="Write a whole number.", code="query")
    return int(text)


def _listed(said: dict[str, str], name: str) -> list[str]:
    text = said.get(f"match[{name}]")
    if text is None:
        return []
    values = [value.strip() for value in text.split(",")]
    if len(values) > LIST_MAX or not all(values):
        raise InputError(f"at most {LIST_MAX} values, none of them empty.", where=f"match[{name}]", code="query")
    return values


def _versions(values: list[str]) -> frozenset[str | int]:
    if not values:
        return frozenset({"last"})
    if "all" in values and len(values) > 1:
        raise InputError("all stands alone.", where="match[version]", code="query")
    words = ("first", "last", "all")
    return frozenset(v if v in words else nanoseconds(v, "match[version]") for v in values)


def visible(store: Store, collection: Collection, site: Site, caller: Caller, asked: Filters) -> Iterator[Row]:
    """The rows that a caller sees, by time of addition."""
    if asked.nothing:
        return
    policy, after = site.policy(collection), asked.after
    step = asked.limit + 1

    def may(shared: Shared) -> bool:
        return may_send(shared, caller, policy)

    while True:
        rows = store.page(collection.id, after, asked.ids, asked.types, step, may)
        seen = [row for row in rows if may(row.shared)]  # asked of every row as well, whatever the store does
        wanted = _wanted(store, collection, site, caller, asked, {row.id for row in seen})
        for row in seen:
            if wanted is None or row.added in wanted:
                yield row
        if len(rows) < step:
            return
        after = rows[-1].added


def _wanted(
    store: Store, collection: Collection, site: Site, caller: Caller, asked: Filters, ids: set[str]
) -> set[int] | None:
    """The times of addition of the versions asked for, among those that the caller sees; None: all of them."""
    if "all" in asked.versions or not ids:
        return None
    policy = site.policy(collection)
    by_id: dict[str, list[Row]] = {}
    for row in store.versions(collection.id, ids):
        if may_send(row.shared, caller, policy):
            by_id.setdefault(row.id, []).append(row)
    found: set[int] = set()
    for rows in by_id.values():
        rows.sort(key=lambda row: (row.version_ns, row.added))
        if "first" in asked.versions:
            found.add(rows[0].added)
        if "last" in asked.versions:
            found.add(rows[-1].added)
        found |= {row.added for row in rows if row.version_ns in asked.versions}
    return found
