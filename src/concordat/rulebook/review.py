"""What should a person look at first, and what does her word change?

The queue holds codings in the band of review, ordered by critical topic (data flows, source code, artificial
intelligence and cybersecurity first), then by entropy of the probability times the pairs of states that the
instrument binds, so that one decision changes most. An override is a new coding by a person that supersedes the old
one; nothing is deleted, and a provision that she rejected stays rejected. With it goes the payload
`rulebook.coding/v1`, plain data that `node` may sign and put on the ledger. A second coder decides on the same coding
or on the first one's: her word stands beside, and where they disagree the coding is disputed until they say the same.
Their agreement is told as Cohen's kappa (J. Cohen, A coefficient of agreement for nominal scales, Educational and
Psychological Measurement 20, 1960).

    >>> kappa(["A", "A", "B", "B"], ["A", "A", "B", "A"])
    0.5
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from concordat.errors import InputError, MethodError
from concordat.rulebook._decisions import latest, rejected, root, verdicts
from concordat.rulebook.model import OTHER, Coding
from concordat.rulebook.status import TAKING_PART
from concordat.rulebook.taxonomy import Taxonomy, load_taxonomy

if TYPE_CHECKING:
    from concordat.rulebook.store import RuleStore

CRITICAL = ("DF", "SC", "AI", "CY")


@dataclass(frozen=True, slots=True)
class Queued:
    """A coding to look at: its words, how many pairs of states it concerns, and what each coder in dispute said."""

    coding: Coding
    quote: str
    pairs: int
    said: tuple[Coding, ...] = ()


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
        every = store.standing_codings(unit=unit.id) if coding.state == "disputed" else ()
        found.append(Queued(coding, " ".join(quote.split()), pairs[unit.instrument], latest(every)))
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
        InputError: no such coding, an unknown provision, a depth that is none or that is missing, no name or no
            reason.
    """
    old = _one(store, coding)
    book = taxonomy or load_taxonomy()
    if provision != OTHER:
        _ = book[provision]
    if depth not in (None, 0, 1, 2):
        raise InputError(f"depth {depth} is none.", hint="0 not addressed, 1 soft, 2 binding.", code="depth")
    if not coder.strip() or not reason.strip():
        raise InputError("a decision needs a name and a reason.", hint="Give --coder and --reason.", code="reason")
    new_depth = _depth(old, provision, depth, book)
    unit = store.unit(old.unit)
    every = store.standing_codings(unit=unit.id)
    code = old.provision if provision == OTHER else provision
    own = [c for c in latest(every) if c.coder == coder]
    first = root(old, {c.id: c for c in every})
    salt = f"{unit.sha256}|{len(own)}"
    made = _made(old, code, new_depth, coder, on, reason, salt)
    made = replace(made, supersedes=_replaced(every, own, first, code, coder))
    both = [made]
    if code != old.provision and not any(c.provision == old.provision and rejected(c) for c in own):
        no = _made(old, old.provision, 0, coder, on, reason, salt)
        both.insert(0, replace(no, supersedes=_replaced(every, own, first, old.provision, coder, labels=False)))
    store.add_codings(both)
    payload = {
        "type": "rulebook.coding/v1",
        "unit": unit.id,
        "unit_sha256": unit.sha256,
        "provision": made.provision,
        "depth": made.depth,
        "flags": dict(sorted(made.flags.items())),
        "coder": coder,
        "reason": reason,
        "supersedes": made.supersedes,
        "coded_on": on,
    }
    if code != old.provision:
        payload["rejects"] = old.provision
    return made, payload


def _depth(old: Coding, provision: str, depth: int | None, book: Taxonomy) -> int | None:
    """The depth of a decision: as given, else as it was where there was one that can stand."""
    if provision == OTHER:
        return 0
    if book[provision].structural:
        if depth:
            what = f"{provision} has no depth: it is there or it is not."
            raise InputError(what, hint="Leave --depth out; 0: it is not there.", code="depth")
        return depth
    if depth is None and not old.depth:
        what = f"how deep {provision} is here can't be taken from the coding before ({old.provision} has none)."
        raise InputError(what, hint="Give --depth: 0 not addressed, 1 soft, 2 binding.", code="depth")
    return old.depth if depth is None else depth


def _made(old: Coding, provision: str, depth: int | None, coder: str, on: str, reason: str, salt: str) -> Coding:
    named = f"{salt}|{old.id}|{provision}|{depth}|{coder}|{on}|{reason}"
    return replace(
        old,
        id=hashlib.sha256(named.encode()).hexdigest()[:24],
        provision=provision,
        depth=depth,
        probability=None,
        method="human",
        model_version="",
        coder=coder,
        coded_on=on,
        reason=reason,
        state="auto",
        licence="",
    )


def _replaced(
    every: Sequence[Coding], own: Sequence[Coding], first: Coding, provision: str, coder: str, *, labels: bool = True
) -> str:
    """The coding that a decision supersedes: the coder's own earlier word, else what was decided on by a machine.

    Args:
        labels: whether her earlier word on the subject goes, too, where it was another provision.
    """
    earlier = verdicts(every).get((first.unit, first.provision), {}).get(coder, ()) if labels else ()
    mine = [c for c in earlier if c.provision != provision] or [c for c in own if c.provision == provision]
    if mine:
        return mine[-1].id
    return first.id if first.method != "human" else ""


def _one(store: RuleStore, coding: str) -> Coding:
    """A coding by the beginning of its id: of those that were superseded, too, on which a second coder may decide."""
    every = store.standing_codings() if coding else ()
    found = [c for c in every if c.id == coding] or [c for c in every if c.id.startswith(coding)]
    if len(found) != 1:
        what = f'"{coding}" is the beginning of {len(found)} codings.' if found else f'there is no coding "{coding}".'
        raise InputError(what, hint="See: concordat rulebook review", code="unknown_coding")
    return found[0]


# --- Agreement ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two coders, how many places both decided on, in how many they said the same, and kappa (None: not defined)."""

    a: str
    b: str
    n: int
    same: int
    kappa: float | None


def agreement(store: RuleStore, instrument: str = "") -> tuple[Agreement, ...]:
    """How far each two coders agree on what both decided on: provision and depth, `OTHER` where all was rejected.

    Raises:
        InputError: an unknown instrument.
    """
    if instrument:
        _ = store[instrument]
    labels: dict[str, dict[tuple[str, str], str]] = {}
    for place, by in verdicts(store.standing_codings(instrument)).items():
        for coder, some in by.items():
            words = sorted(f"{c.provision} {'' if c.depth is None else c.depth}".strip() for c in some)
            labels.setdefault(coder, {})[place] = ", ".join(words) or OTHER
    found = []
    for a, b in combinations(sorted(labels), 2):
        both = sorted(set(labels[a]) & set(labels[b]))
        if both:
            one, two = ([labels[who][place] for place in both] for who in (a, b))
            try:
                beyond: float | None = kappa(one, two)
            except MethodError:
                beyond = None
            found.append(Agreement(a, b, len(both), sum(x == y for x, y in zip(one, two, strict=True)), beyond))
    return tuple(found)


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
