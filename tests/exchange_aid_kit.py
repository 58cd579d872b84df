"""Random requests and offers of aid, the same for the same seed: for tests and for the benchmark of matching."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from concordat.exchange.inclusion.aid import KINDS, TIED, Kind, Offer, Request, Size, Window

DAY = date(2027, 1, 1)
SECTORS = ("111", "11110", "11130", "22010", "22030", "22040", "24030", "25010", "43030", "43082")
AID_TYPES = ("A01", "B03", "C01", "D01", "D02")
COUNTRIES = ("ARE", "BRA", "CHN", "EGY", "ETH", "IDN", "IND", "KEN", "RUS", "ZAF")
LANGUAGES = ("am", "ar", "en", "fr", "pt", "pt-BR", "zh")


def _window(g: random.Random) -> Window | None:
    if g.random() < 0.1:
        return None
    first = DAY + timedelta(g.randrange(600))
    return Window(first, first + timedelta(g.randrange(30, 700)))


def _size(g: random.Random, kind: Kind) -> Size | None:
    if g.random() < 0.1:
        return None
    if kind == "money":
        return Size(g.randrange(100_000, 10**8), g.choice(("USD", "USD", "EUR")))
    return Size(g.randrange(100, 100_000), "person_days")


def _some(g: random.Random, words: tuple[str, ...], least: int, most: int) -> tuple[str, ...]:
    return tuple(sorted(g.sample(words, g.randrange(least, most + 1))))


def requests(count: int, seed: int) -> list[Request]:
    """Requests; a tenth of the facts is missing."""
    g = random.Random(seed)
    made = []
    for n in range(count):
        kind, member = g.choice(KINDS), g.choice(COUNTRIES)
        made.append(
            Request(
                key=f"{member}/r-{n}",
                member=member,
                kind=kind,
                sha256=f"{n:064x}",
                title={"en": "Request"},
                sectors=_some(g, SECTORS, 0, 2),
                aid_type=g.choice((*AID_TYPES, "")),
                countries=_some(g, COUNTRIES, 1, 3),
                languages=_some(g, LANGUAGES, 0, 2),
                window=_window(g),
                size=_size(g, kind),
                accepts_tied=_some(g, TIED, 0, 3),
            )
        )
    return made


def offers(count: int, seed: int) -> list[Offer]:
    """Offers; a tenth of the facts is missing."""
    g = random.Random(seed + 1_000_000)
    made = []
    for n in range(count):
        kind, member = g.choice(KINDS), g.choice(COUNTRIES)
        made.append(
            Offer(
                key=f"{member}/o-{n}",
                member=member,
                kind=kind,
                sha256=f"{2**32 + n:064x}",
                title={"en": "Offer"},
                sectors=_some(g, SECTORS, 0, 4),
                aid_types=_some(g, AID_TYPES, 0, 3),
                countries=_some(g, COUNTRIES, 0, 3),
                regions=g.choice(((), (), ("Africa",), ("BRICS",), ("Southern Asia", "Western Asia"))),
                open=g.random() < 0.3,
                languages=_some(g, LANGUAGES, 0, 3),
                window=_window(g),
                size=_size(g, kind),
                tied=g.choice((*TIED, "")),
                capacity=g.randrange(1, 6),
                eligible=g.choice((None, ("all",), ("BRICS",), ("ETH", "KEN"))),
            )
        )
    return made


def ranked(side: list[Any], others: list[Any], seed: int, share: float = 0.3) -> list[Any]:
    """The same, with rankings of their own for a share of them; some accept nothing else."""
    from dataclasses import replace

    g = random.Random(seed)
    keys = [o.key for o in others]
    made = []
    for one in side:
        if g.random() < share and keys:
            some = tuple(g.sample(keys, g.randrange(1, min(6, len(keys)) + 1)))
            one = replace(one, ranking=some, only_ranked=g.random() < 0.3)
        made.append(one)
    return made
