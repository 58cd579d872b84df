"""What a side does of itself when it is its turn: the provider's rule, the consumer's reading, and scripts for tests.

The provider's rule of a dataset: `automatic` agrees when the terms are those of the catalogued offer or narrower and
the asker may use the data under them; else it sends the catalogued terms, once; else a person decides. `counter` does
not agree of itself: it sends the catalogued terms once. `manual` waits for a person.

A script (`concordat/behaviours@1`) names for a dataset what is sent in which state, in order; the conformance suite
plays the test kit's sequences with it, and a node reads it only on loopback with `exchange.conformance = true`. Source:
exchange.md 5.3, 5.7. Pure: who sends, stores and logs is the node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from concordat.errors import InputError
from concordat.exchange.dataspace.deciding import Decision, Verdict
from concordat.exchange.dataspace.narrowing import narrower
from concordat.exchange.dataspace.terms import same_terms
from concordat.settings import nearest, parse_yaml, unknown_key

OTHER_TERMS = "the provider answers with other terms than were asked for; a person accepts them, asks again or ends it."


class Rule(StrEnum):
    """How a dataset's requests are answered."""

    AUTOMATIC = "automatic"
    COUNTER = "counter"
    MANUAL = "manual"


class Move(StrEnum):
    """What a side does next; `WAIT` leaves it to a person or to the other side."""

    WAIT = "wait"
    OFFER = "offer"
    AGREE = "agree"
    FINALIZE = "finalize"
    REQUEST = "request"
    ACCEPT = "accept"
    VERIFY = "verify"
    START = "start"
    SUSPEND = "suspend"
    COMPLETE = "complete"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Next:
    """A move, and why.

    Attributes:
        terms: of an offer or request that a person makes, in place of what was sent last.
    """

    move: Move
    why: str = ""
    terms: Mapping[str, Any] | None = None


def provider_answer(
    rule: Rule,
    asked: Mapping[str, Any],
    catalogued: Mapping[str, Any],
    decision: Decision,
    *,
    on: date,
    countered: bool,
) -> Next:
    """What a provider does in REQUESTED.

    Args:
        asked: the offer in the request. catalogued: that of the catalogue. decision: of `decide` on `asked`, for the
            member that asks. on: today. countered: the catalogued terms were sent before in this negotiation.
    """
    if rule is Rule.MANUAL:
        return Next(Move.WAIT, "this dataset is negotiated by hand.")
    inside = same_terms(asked, catalogued) or narrower(asked, catalogued, on=on)
    if rule is Rule.AUTOMATIC and inside and decision.verdict is Verdict.PERMIT:
        return Next(Move.AGREE)
    why = decision.words if inside else "the terms asked for are not inside those of the catalogue."
    if decision.verdict is Verdict.DENY and inside:
        return Next(Move.TERMINATE, why)  # the catalogued terms would not help: they deny as well
    return Next(Move.WAIT, why) if countered else Next(Move.OFFER, why)


def consumer_reading(acceptable: Sequence[Mapping[str, Any]], offered: Mapping[str, Any]) -> Next:
    """What a consumer does in OFFERED: only terms that its person has seen are accepted; others wait for that person.

    Args:
        acceptable: the terms it asked for, and others that its person takes. offered: the provider's last offer.
    """
    if any(same_terms(offered, terms) for terms in acceptable):
        return Next(Move.ACCEPT)
    return Next(Move.WAIT, OTHER_TERMS)


# --- Scripts ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Script:
    """What is sent, in order: each step waits for its state.

    Attributes:
        steps: states and moves.
    """

    steps: tuple[tuple[str, Move], ...]

    def next(self, done: int, state: str) -> Move:
        """The move after so many, in a state; `WAIT` if the script is over or waits for another state."""
        if done >= len(self.steps) or self.steps[done][0] != state:
            return Move.WAIT
        return self.steps[done][1]


@dataclass(frozen=True, slots=True)
class Behaviours:
    """What a node does for the conformance suite.

    Attributes:
        scripts: dataset or agreement -> `negotiation` or `transfer` -> script. offers: dataset -> id of its offer.
    """

    scripts: Mapping[str, Mapping[str, Script]]
    offers: Mapping[str, str]


def read_behaviours(text: str | bytes, *, where: str = "behaviours.yaml") -> Behaviours:
    """The scripts of a file: `datasets` with `offer`, `negotiation`, `transfer`; `agreements` with `transfer`.

    Raises:
        InputError: another form, an unknown key or move.
    """
    document = parse_yaml(text, where=where, schema="behaviours@1")
    scripts: dict[str, dict[str, Script]] = {}
    offers: dict[str, str] = {}
    for part in document.value:
        if part not in ("schema", "datasets", "agreements"):
            raise unknown_key(part, ("schema", "datasets", "agreements"), where=document.place(part))
    for part in ("datasets", "agreements"):
        for name, said in (document.value.get(part) or {}).items():
            for key, value in said.items():
                place = document.place(part, name, key)
                if key == "offer" and part == "datasets":
                    offers[name] = str(value)
                elif key in ("negotiation", "transfer") and isinstance(value, list):
                    scripts.setdefault(name, {})[key] = Script(tuple(_step(step, place) for step in value))
                else:
                    raise unknown_key(key, ("offer", "negotiation", "transfer"), where=place)
    return Behaviours(scripts, offers)


def _step(step: Any, where: str) -> tuple[str, Move]:
    if not isinstance(step, Mapping) or len(step) != 1:
        raise InputError(
            "a step is one state and one move.", where=where, hint="Write {REQUESTED: offer}.", code="type"
        )
    ((state, move),) = step.items()
    if move not in list(Move):
        close = nearest(str(move), list(Move))
        hint = f'Did you mean "{close[0]}"?' if close else f"Moves: {', '.join(Move)}."
        raise InputError(f'"{move}" is not a move.', where=where, hint=hint, code="unknown")
    return str(state), Move(move)
