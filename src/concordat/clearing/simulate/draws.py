"""Where made-up operations happen, and by which chance: a scheme with its members and keys, and draws from SHA-256.

Three currencies, five banks, corridors with hours, caps and purposes. A draw is the same on every machine and in
every Python: a counter is hashed with the seed.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Any

from concordat.clearing.core.scheme import Scheme
from concordat.clearing.scheme_file import new_document
from concordat.ledger.keys import Ed25519Secret

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = 1_800_000_000_000 // DAY * DAY  # a day in January 2027
ISSUERS = {"BRL": "AAAABRSP", "INR": "BBBBINBB", "ZAR": "EEEEZAJJ"}
BANKS = {
    "CCCCBRSP": ("AAAABRSP", ("BRL", "INR")),
    "DDDDBRSP": ("AAAABRSP", ("BRL", "INR", "ZAR")),
    "FFFFINBB": ("BBBBINBB", ("BRL", "INR")),
    "GGGGINBB": ("BBBBINBB", ("INR", "ZAR")),
    "HHHHZAJJ": ("EEEEZAJJ", ("BRL", "INR", "ZAR")),
}
RATES = {"BRL": "180", "INR": "20", "ZAR": "55"}  # what a minor unit is worth, in thousandths of a US cent
NEWCOMERS = ("IIIIBRSP", "JJJJINBB", "KKKKZAJJ")


@dataclass(frozen=True)
class World:
    """A scheme and everybody's secret keys."""

    scheme: Scheme
    secrets: Mapping[str, Ed25519Secret]


def secret_of(bic8: str, number: int = 0) -> Ed25519Secret:
    """The made-up key of a member; `number` counts its rotations."""
    return Ed25519Secret(sha256(f"made up: {bic8} {number}".encode()).digest())


@lru_cache(maxsize=8)
def world(mode: str = "bypass", rated: tuple[str, ...] = ()) -> World:
    """Three currencies, five banks, corridors of every sort; `rated`: currencies with a rate: trades need cover."""
    bics = (*ISSUERS.values(), *BANKS)
    everywhere = ["BR", "IN", "ZA"]
    corridors = [
        {"id": "home-br", "from": "BR", "to": "BR", "pairs": ["BRL"], "hours_utc": "00:00-24:00"},
        {"id": "goods", "from": "BR", "to": "IN", "pairs": ["BRL/INR"], "hours_utc": "03:30-18:30",
         "cap_minor": {"BRL": "900000"}, "purposes": ["GDDS", "SCVE"]},
        {"id": "wide", "from": everywhere, "to": everywhere, "pairs": ["BRL", "INR", "BRL/INR", "INR/ZAR"],
         "hours_utc": "22:00-20:00", "cap_day_minor": {"INR": "40000000"}},
        {"id": "rand", "from": ["HHHHZAJJ", "EEEEZAJJ", "DDDDBRSP"], "to": everywhere, "pairs": ["ZAR"],
         "hours_utc": "06:00-12:00, 13:00-18:00"},
    ]  # fmt: skip
    document = new_document(
        "made-up",
        ISSUERS,
        dict(BANKS),
        {bic8: secret_of(bic8).public.hex() for bic8 in bics},
        corridors=corridors,
        lsm={"mode": mode, "age_certificates": 2, **({"rates": _rates(rated)} if rated else {})},
        holds={"max_hours": 48},
    )
    document["currencies"]["ZAR"] = {"issuer": "EEEEZAJJ", "hours_utc": "05:00-19:00", "day_close_utc": "18:30"}
    return World(Scheme.from_document(document), {bic8: secret_of(bic8) for bic8 in (*bics, *NEWCOMERS)})


def _rates(codes: tuple[str, ...]) -> dict[str, Any]:
    numerators = {code: RATES[code] for code in codes}
    return {"name": "made-up", "unit": "USD", "denominator": "1000", "numerators": numerators}


@dataclass
class Draw:
    """Random numbers that are the same everywhere: SHA-256 of seed and a counter."""

    seed: str
    _counter: int = 0
    _bits: int = 0
    _left: int = 0

    def below(self, bound: int) -> int:
        """A whole number from 0 to bound - 1 (bound up to 2^40; the bias is below 2^-24)."""
        if self._left < 64:
            self._bits = int.from_bytes(sha256(f"{self.seed}/{self._counter}".encode()).digest(), "big")
            self._counter, self._left = self._counter + 1, 256
        self._left -= 64
        value = self._bits & (2**64 - 1)
        self._bits >>= 64
        return value % bound

    def chance(self, percent: int) -> bool:
        """True in so many cases of a hundred."""
        return self.below(100) < percent

    def pick(self, options: Sequence[Any]) -> Any:
        """One of them."""
        return options[self.below(len(options))]

    def uetr(self) -> str:
        """A UUID of version 4."""
        high, low = self.below(2**40) << 24 | self.below(2**24), self.below(2**40) << 24 | self.below(2**24)
        return str(uuid.UUID(int=high << 64 | low, version=4))
