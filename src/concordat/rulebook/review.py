"""What should a person look at first, and what does her word change?

The queue holds codings in the band of review, ordered by critical topic (data flows, source code, artificial
intelligence and cybersecurity first), then by entropy of the probability times the pairs of states that the
instrument binds, so that one decision changes most. An override is a new coding by a person that supersedes the old
one; nothing is deleted. With it goes the payload `rulebook.coding/v1`, plain data that `node` may sign and put on the
ledger. Two coders who disagree are both kept; their agreement is told as Cohen's kappa (J. Cohen, A coefficient of
agreement for nominal scales, Educational and Psychological Measurement 20, 1960).

    >>> kappa(["A", "A", "B", "B"], ["A", "A", "B", "A"])
    0.5
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, MethodError
from concordat.rulebook.model import OTHER, Coding
from concordat.rulebook.status import TAKING_PART
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

CRITICAL = ("DF", "SC", "AI", "CY")


@dataclass(frozen=True, slots=True)
class Queued:
    """A coding to look at: its words, and how many pairs of states it concerns."""

    coding: Coding
    quote: str
    pairs: int


def queue(store: RuleStore, instrument: str = "", *, taxonomy: Taxonomy | None = None) -> tuple[Queued, ...]:
    """Codings that wait for a person, the most useful decision first.

    Raises:
        InputError: an unknown instrument.
    """
    book = taxonomy or load_taxonomy()
    if instrument:
        _ = store[instrument]
    waiting = [c for c in store.codings(instrument) if c.state in ("review", "disputed")]
    pairs: dict[str, int] = {}
    found = []
    for coding in waiting:
        unit = store.unit(coding.unit)
        if unit.instrument not in pairs:
            parties = len({p.party for p in store.of(unit.instrument) if p.role in TAKING_PART})
            pairs[unit.instrument] = parties * (parties - 1) // 2
        quote = unit.text[slice(*coding.span)] if coding.span is not None else unit.text[:200]
        found.append(Queued(coding, " ".join(quote.split()), pairs[unit.instrument]))
    return tuple(sorted(found, key=lambda q: _order(q, book)))


def _order(queued: Queued, book: Taxonomy) -> tuple[bool, float, str, str]:
    coding = queued.coding
    provision = book.provisions.get(coding.provision)
    critical = provision is not None and provision.topic in CRITICAL
    return (not critical, -entropy(coding.probability) * max(queued.pairs, 1), coding.unit, coding.provision)


def entropy(p: float | None) -> float:
    """Of a yes or no with probability p, in bits; 1 where p is not known."""
    if p is None:
        return 1.0
    return -sum(q * math.log2(q) for q in (p, 1.0 - p) if q > 0)


def override(
    store: RuleStore, coding: str, *, provision: str, depth: int | None, coder: str, reason: str, on: str,
    taxonomy: Taxonomy | None = None,
) -> tuple[Coding, dict[str, Any]]:  # fmt: skip
    """A person's word on a coding, kept in the store, and the payload that may be signed.

    Args:
        coding: its id, or a beginning of it that no other has.
        provision: what the unit holds; `OTHER`: nothing digital. depth: 0 to 2, None as it was.

    Raises:
        InputError: no such coding, an unknown provision, a depth that is none, no name or no reason.
    """
    old = _one(store, coding)
    book = taxonomy or load_taxonomy()
    if provision != OTHER:
        _ = book[provision]
    if depth not in (None, 0, 1, 2):
        raise InputError(f"depth {depth} is none.", hint="0 not addressed, 1 soft, 2 binding.", code="depth")
    if not coder.strip() or not reason.strip():
        raise InputError("a decision needs a name and a reason.", hint="Give --coder and --reason.", code="reason")
    unit = store.unit(old.unit)
    new_depth = 0 if provision == OTHER else old.depth if depth is None else depth
    name = hashlib.sha256(f"{unit.sha256}|{old.id}|{provision}|{new_depth}|{coder}|{on}|{reason}".encode()).hexdigest()[
        :24
    ]
    made = replace(
        old,
        id=name,
        provision=old.provision if provision == OTHER else provision,
        depth=new_depth,
        probability=None,
        method="human",
        model_version="",
        coder=coder,
        coded_on=on,
        reason=reason,
        supersedes=old.id,
        state="auto",
        licence="",
    )
    store.add_codings([made])
    payload = {
        "type": "rulebook.coding/v1",
        "unit": unit.id,
        "unit_sha256": unit.sha256,
        "provision": made.provision,
        "depth": made.depth,
        "flags": dict(sorted(made.flags.items())),
        "coder": coder,
        "reason": reason,
        "supersedes": old.id,
        "coded_on": on,
    }
    return made, payload


def _one(store: RuleStore, coding: str) -> Coding:
    found = [c for c in store.codings() if c.id.startswith(coding)] if coding else []
    if len(found) != 1:
        what = f'"{coding}" is the beginning of {len(found)} codings.' if found else f'there is no coding "{coding}".'
        raise InputError(what, hint="See: concordat rulebook review", code="unknown_coding")
    return found[0]


def kappa(first: Sequence[str], second: Sequence[str]) -> float:
    """Cohen's kappa of two coders on the same units.

    Raises:
        MethodError: no unit, or both always said the same one thing: chance agreement is then complete.
    """
    assert len(first) == len(second), "both coded the same units"
    n = len(first)
    agreed = sum(a == b for a, b in zip(first, second, strict=True)) / n if n else 0.0
    one, two = Counter(first), Counter(second)
    chance = math.fsum(one[c] * two[c] for c in sorted(one)) / (n * n) if n else 1.0
    if chance == 1.0:
        what = "kappa is not defined: no units, or one code alone."
        raise MethodError(what, hint="Code more units.", code="kappa")
    return (agreed - chance) / (1.0 - chance)
