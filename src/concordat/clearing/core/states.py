"""In which state may a payment, a reservation, a trade or an obligation be, and what may follow: one table.

`move` is the only place where a state changes; the manual (docs/reference/clearing-core.md) and the property tests read
the same table. A state from which nothing follows is final; `settled` absorbs.

    >>> move("payment", "queued", "settled")
    'settled'
    >>> move("payment", "settled", "queued")
    Traceback (most recent call last):
    ...
    AssertionError: a payment never goes from settled to queued
"""

from __future__ import annotations

MOVES: dict[str, dict[str, tuple[str, ...]]] = {
    "payment": {
        "received": ("held", "queued", "settled", "rejected", "expired"),
        "held": ("queued", "settled", "rejected", "expired"),
        "queued": ("held", "settled", "cancelled", "expired"),
        "settled": (),
        "rejected": (),
        "cancelled": (),
        "expired": (),
    },
    "reservation": {
        "reserved": ("posted", "voided", "expired"),
        "posted": (),
        "voided": (),
        "expired": (),
    },
    "trade": {
        "half": ("matched", "held", "cancelled", "expired"),
        "matched": ("held", "settled", "cancelled", "expired"),
        "held": ("half", "matched", "settled", "cancelled", "expired"),
        "settled": (),
        "cancelled": (),
        "expired": (),
    },
    "obligation": {
        "owed": ("owed", "cleared"),
        "cleared": (),
    },
}


def move(kind: str, before: str, after: str) -> str:
    """The state after, if the table allows it; anything else is a fault of the program."""
    assert after in MOVES[kind][before], f"a {kind} never goes from {before} to {after}"
    return after


def is_final(kind: str, state: str) -> bool:
    """Whether nothing follows this state."""
    return not MOVES[kind][state]
