"""Which types of entry the council knows: the model of each body, and the function that takes it.

A handler is `handler(council, event, body)`: it checks everything first and only then changes the state, so that a
refusal leaves nothing half done. It refuses by raising; `fold` keeps the entry with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from concordat.council._body import Body
from concordat.council.state import Council
from concordat.errors import InputError
from concordat.ledger.fold import Event
from concordat.settings import nearest


@dataclass(frozen=True)
class Kind:
    """One type of entry.

    Attributes:
        name: the type. body: its model. take: the handler. observers: whether an observer may write it.
        suspended: whether a suspended member may.
    """

    name: str
    body: type[Body]
    take: Callable[[Council, Event, Any], None]
    observers: bool = False
    suspended: bool = False


KINDS: dict[str, Kind] = {}
Handler = Callable[[Council, Event, Any], None]


def model_of(name: str) -> type[Body]:
    """The model of a type's body.

    Raises:
        InputError: the council knows no such type; with the nearest one.
    """
    from concordat.council.events import load_all

    if name not in load_all():
        close = nearest(name, KINDS)
        hint = f'Did you mean "{close[0]}"?' if close else "See: concordat council events"
        raise InputError(f'"{name[:64]}" is not a type of entry of the council.', hint=hint, code="unknown_type")
    return KINDS[name].body


def event(
    name: str, body: type[Body], *, observers: bool = False, suspended: bool = False
) -> Callable[[Handler], Handler]:
    """Register the handler of a type."""

    def register(take: Handler) -> Handler:
        assert name not in KINDS
        KINDS[name] = Kind(name, body, take, observers, suspended)
        return take

    return register
