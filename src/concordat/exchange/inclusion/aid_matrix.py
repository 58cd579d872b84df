"""The points of all pairs of requests and offers at once, the same whole numbers as `aid.fit` gives pair by pair.

Rows are requests, columns are offers. Codes become 0/1 matrices whose product counts codes in common; the rest is
whole-number arithmetic. A test holds every cell to `aid.fit`, which is written without NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from concordat.exchange.inclusion.aid import (
    FILTERS,
    UNIT,
    WEIGHTS,
    Offer,
    Request,
    eligible,
    main_language,
    place_tenths,
)

Whole = NDArray[np.int64]


@dataclass(frozen=True)
class Points:
    """Of each pair: lowest and highest points in ten-thousandths, and which filter leaves it out.

    Attributes:
        low, high: [request, offer]. removed: 0 for an acceptable pair, else 1 + the filter's place in `FILTERS`.
    """

    low: Whole
    high: Whole
    removed: NDArray[np.int8]


def points(requests: Sequence[Request], offers: Sequence[Offer], on: date) -> Points:
    """Filters and points of all pairs; blocs have the members of the day `on`."""
    shape = (len(requests), len(offers))
    low, high = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for name, term, stated in (
        ("sector", _sector(requests, offers), _both([r.sectors for r in requests], [o.sectors for o in offers])),
        ("window", _window(requests, offers), _both([r.window for r in requests], [o.window for o in offers])),
        ("size", *_size(requests, offers)),
        ("aid_type", _aid_type(requests, offers), _both([r.aid_type for r in requests], [o.aid_types for o in offers])),
        (
            "place",
            _place(requests, offers, on),
            _both([r.countries for r in requests], [o.countries or o.regions or o.open for o in offers]),
        ),
        (
            "language",
            _language(requests, offers),
            _both([r.languages for r in requests], [o.languages for o in offers]),
        ),
    ):
        low += np.where(stated, term, 0)
        high += np.where(stated, term, WEIGHTS[name] * UNIT)
    return Points(low, high, _removed(requests, offers, on))


def _both(rows: Iterable[Any], columns: Iterable[Any]) -> NDArray[np.bool_]:
    """Whether both sides state a fact."""
    one, other = np.array([bool(r) for r in rows], bool), np.array([bool(c) for c in columns], bool)
    return np.asarray(one[:, None] & other[None, :], bool)


def _shared(rows: Sequence[Iterable[str]], columns: Sequence[Iterable[str]]) -> NDArray[np.bool_]:
    """Whether a row and a column have a word in common."""
    words = {word: n for n, word in enumerate(sorted({w for side in (rows, columns) for ws in side for w in ws}))}

    def matrix(side: Sequence[Iterable[str]]) -> NDArray[np.float32]:
        made = np.zeros((len(side), max(1, len(words))), np.float32)
        for n, some in enumerate(side):
            for word in some:
                made[n, words[word]] = 1
        return made

    # Whole numbers far below 2^24: their sums are exact in any order.
    return np.asarray(matrix(rows) @ matrix(columns).T > 0, bool)


def _rounded(numerator: Whole, denominator: Whole) -> Whole:
    whole, rest = np.divmod(numerator, denominator)
    up = (2 * rest > denominator) | ((2 * rest == denominator) & (whole % 2 == 1))
    return np.asarray(whole + up, np.int64)


def _sector(requests: Sequence[Request], offers: Sequence[Offer]) -> Whole:
    rows, columns = [r.sectors for r in requests], [o.sectors for o in offers]

    def cut(side: list[tuple[str, ...]], digits: int) -> list[list[str]]:
        return [[code[:digits] for code in some if digits < 5 or len(code) == 5] for some in side]

    tenths = np.zeros((len(rows), len(columns)), np.int64)
    for digits, tenth in ((2, 3), (3, 6), (5, 10)):
        tenths[_shared(cut(rows, digits), cut(columns, digits))] = tenth
    return tenths * (WEIGHTS["sector"] * UNIT // 10)


def _days(side: Sequence[Request] | Sequence[Offer]) -> tuple[Whole, Whole]:
    first = np.array([s.window.first.toordinal() if s.window else 1 for s in side], np.int64)
    last = np.array([s.window.last.toordinal() if s.window else 1 for s in side], np.int64)
    return first, last


def _common(requests: Sequence[Request], offers: Sequence[Offer]) -> tuple[Whole, Whole]:
    (first, last), (begins, ends) = _days(requests), _days(offers)
    common = np.minimum(last[:, None], ends[None, :]) - np.maximum(first[:, None], begins[None, :]) + 1
    return np.maximum(common, 0), last - first + 1


def _window(requests: Sequence[Request], offers: Sequence[Offer]) -> Whole:
    common, asked = _common(requests, offers)
    return _rounded(common * (WEIGHTS["window"] * UNIT), asked[:, None])


def _size(requests: Sequence[Request], offers: Sequence[Offer]) -> tuple[Whole, NDArray[np.bool_]]:
    units = {
        unit: n for n, unit in enumerate(sorted({s.size.unit for side in (requests, offers) for s in side if s.size}))
    }

    def read(side: Sequence[Request] | Sequence[Offer], absent: int) -> tuple[NDArray[np.float64], Whole]:
        counts = np.array([s.size.count if s.size else 1 for s in side], np.float64)
        return counts, np.array([units[s.size.unit] if s.size else absent for s in side], np.int64)

    (asked, unit), (offered, other) = read(requests, -1), read(offers, -2)
    small = np.minimum(asked[:, None], offered[None, :])
    large = np.maximum(asked[:, None], offered[None, :])
    term = np.rint(small / large * (WEIGHTS["size"] * UNIT)).astype(np.int64)
    return term, unit[:, None] == other[None, :]


def _aid_type(requests: Sequence[Request], offers: Sequence[Offer]) -> Whole:
    full = WEIGHTS["aid_type"] * UNIT
    rows, columns = [[r.aid_type] if r.aid_type else [] for r in requests], [o.aid_types for o in offers]
    letters = _shared([[t[0] for t in some] for some in rows], [[t[0] for t in some] for some in columns])
    return np.where(_shared(rows, columns), full, np.where(letters, full // 2, 0)).astype(np.int64)


def _place(requests: Sequence[Request], offers: Sequence[Offer], on: date) -> Whole:
    countries = sorted({c for r in requests for c in r.countries})
    number = {code: n for n, code in enumerate(countries)}
    tenths = np.array([[place_tenths(c, o, on) for o in offers] for c in countries], np.int64)
    tenths = tenths.reshape(len(countries), len(offers))
    asked = np.zeros((len(requests), len(countries)), np.int64)
    for n, request in enumerate(requests):
        for code in request.countries:
            asked[n, number[code]] = 1
    many = np.maximum(asked.sum(axis=1), 1)
    return _rounded((asked @ tenths) * (WEIGHTS["place"] * UNIT), 10 * many[:, None])


def _language(requests: Sequence[Request], offers: Sequence[Offer]) -> Whole:
    rows = [{main_language(t) for t in r.languages} for r in requests]
    columns = [{main_language(t) for t in o.languages} for o in offers]
    return np.where(_shared(rows, columns), WEIGHTS["language"] * UNIT, 0).astype(np.int64)


def _removed(requests: Sequence[Request], offers: Sequence[Offer], on: date) -> NDArray[np.int8]:
    found = np.zeros((len(requests), len(offers)), np.int8)

    def remove(name: str, which: NDArray[np.bool_]) -> None:
        found[which & (found == 0)] = 1 + FILTERS.index(name)

    remove("own", _same([r.member for r in requests], [o.member for o in offers]))
    remove("kind", ~_same([r.kind for r in requests], [o.kind for o in offers]))
    remove("eligible", ~_eligible(requests, offers, on))
    common, _ = _common(requests, offers)
    windows = _both([r.window for r in requests], [o.window for o in offers])
    remove("window", windows & (common == 0))
    tied = _shared([r.accepts_tied for r in requests], [[o.tied] for o in offers])
    remove("tied", _both([r.accepts_tied for r in requests], [o.tied for o in offers]) & ~tied)
    remove("ranking", _unranked(requests, offers, lambda side: side.only_ranked))
    return found


def _same(rows: list[str], columns: list[str]) -> NDArray[np.bool_]:
    number = {word: n for n, word in enumerate(sorted({*rows, *columns}))}
    one, other = np.array([number[r] for r in rows]), np.array([number[c] for c in columns])
    return np.asarray(one[:, None] == other[None, :])


def _eligible(requests: Sequence[Request], offers: Sequence[Offer], on: date) -> NDArray[np.bool_]:
    members = sorted({r.member for r in requests})
    number = {m: n for n, m in enumerate(members)}
    may = np.array(
        [[o.eligible is None or m in eligible(o.eligible, on) for o in offers] for m in members], bool
    ).reshape(len(members), len(offers))
    return np.asarray(may[np.array([number[r.member] for r in requests], np.int64)])


def _unranked(
    requests: Sequence[Request], offers: Sequence[Offer], picky: Callable[[Request | Offer], bool]
) -> NDArray[np.bool_]:
    found = np.zeros((len(requests), len(offers)), bool)
    row, column = {r.key: n for n, r in enumerate(requests)}, {o.key: n for n, o in enumerate(offers)}
    for n, request in enumerate(requests):
        if picky(request):
            ranked = [column[key] for key in request.ranking if key in column]
            found[n] |= ~np.isin(np.arange(len(offers)), ranked)
    for n, offer in enumerate(offers):
        if picky(offer):
            ranked = [row[key] for key in offer.ranking if key in row]
            found[:, n] |= ~np.isin(np.arange(len(requests)), ranked)
    return found
