"""What this side asks another member for, and what it has or has begun with that member already.

A request is the offer narrowed to what a person declares (purpose, place, onward sharing). Before a new negotiation
begins, `standing` looks for a final agreement with the same provider about the same version of the dataset that covers
the request and whose terms permit now; `begun` for a negotiation about the same request that is still open, such as one
that waits for a person. Source: exchange.md 5.3, 5.6, 11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from concordat import world
from concordat.exchange.dataspace.deciding import Verdict, context_of, decide
from concordat.exchange.dataspace.messages import PULL, Role
from concordat.exchange.dataspace.narrowing import narrower
from concordat.exchange.dataspace.odrl import constraint
from concordat.exchange.dataspace.terms import same_terms
from concordat.node.exchange_store import Agreement, ExchangeStore, Process


def narrowed(offer: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The offer as it is asked for: each permission bounded by what the person declares.

    Where nothing is said of onward sharing, the offer's own word stays, and without one `none` is declared.

    Args:
        wanted: `purpose` and `residency` (lists), `onward`.

    Raises:
        InputError: a word that the profile doesn't know.
    """
    said = []
    purposes, places = list(wanted.get("purpose") or ()), list(wanted.get("residency") or ())
    if purposes:
        said.append(constraint("purpose", "isAnyOf", sorted(set(purposes)), where="--purpose"))
    if places:
        codes = sorted({world.country(place, where="--residency").iso3 for place in places})
        said.append(constraint("residency", "isAnyOf", codes, where="--residency"))
    onward = wanted.get("onward")
    default = constraint("onward", "eq", str(onward or "none"), where="--onward")
    names = {part["leftOperand"] for part in said} | ({default["leftOperand"]} if onward else set())
    made = []
    for rule in offer.get("permission", ()):
        kept = [part for part in rule.get("constraint", ()) if part.get("leftOperand") not in names]
        silent = all(part.get("leftOperand") != default["leftOperand"] for part in kept)
        made.append({**rule, "constraint": [*kept, *said, *([default] if silent else [])]})
    return {**offer, "permission": made}


def standing(
    store: ExchangeStore, provider: str, about: Mapping[str, Any], asked: Mapping[str, Any], now: datetime,
    ended: Iterable[str] = (),
) -> Agreement | None:  # fmt: skip
    """The newest final agreement under which what is asked for can be had now; None if there is none.

    Args:
        about: `dataset_id`, `version` and `offered` of the dataset as its provider offers it now. asked: the request.
        ended: ids of agreements that a side's log says have ended.
    """
    over = set(ended)
    found = [
        kept
        for kept in store.agreements()
        if kept.role == Role.CONSUMER and kept.peer == provider and kept.final and kept.id not in over
        and all(kept.facts.get(key) == about[key] for key in ("dataset_id", "version", "offered"))
        and _covers(store, kept, asked, now) and _permits(store, kept, now)
    ]  # fmt: skip
    return max(found, key=lambda kept: (str(kept.text.get("timestamp")), kept.id), default=None)


def _covers(store: ExchangeStore, kept: Agreement, asked: Mapping[str, Any], now: datetime) -> bool:
    """Whether an agreement gives what is asked for: its terms are as wide, or this very request came to it."""
    if same_terms(asked, kept.text) or narrower(asked, kept.text, on=now.astimezone(UTC).date()):
        return True
    process = store.process(kept.pid)
    return process is not None and _asked_so(process, asked)


def _permits(store: ExchangeStore, kept: Agreement, now: datetime) -> bool:
    """Whether the terms don't deny the use now, as far as this side can tell: the provider counts, and has the word."""
    uses = sum(p.facts.get("agreement") == kept.id and p.state == "COMPLETED" for p in store.processes("transfer"))
    context = context_of(kept.text, str(kept.text.get("assignee", "")), now, uses, kept.facts.get("label"))
    return decide(kept.text, context).verdict is not Verdict.DENY


def begun(store: ExchangeStore, provider: str, about: Mapping[str, Any], asked: Mapping[str, Any]) -> Process | None:
    """The newest open negotiation of ours about the same request; None if there is none."""
    found = [
        process
        for process in store.processes("negotiation", open_only=True)
        if process.role == Role.CONSUMER and process.peer == provider and _asked_so(process, asked)
        and all(process.facts.get(key) == about[key] for key in ("dataset_id", "version", "offered"))
    ]  # fmt: skip
    return max(found, key=lambda process: (process.changed, process.pid), default=None)


def running(store: ExchangeStore, provider: str, agreement: str, format_: str = PULL) -> Process | None:
    """The newest transfer of ours of a format under an agreement that is asked for or runs; None if there is none.

    One with a message of ours on the way besides its request is left alone: it ends, or rests by a person's word. So is
    one whose request was answered by what can't be read.
    """
    found = [
        process
        for process in store.processes("transfer", open_only=True)
        if process.role == Role.CONSUMER and process.peer == provider and process.facts.get("agreement") == agreement
        and (store.intended(process.pid) is not None) == (process.state == "")
        and process.facts.get("format", PULL) == format_
    ]  # fmt: skip
    return max(found, key=lambda process: (process.changed, process.pid), default=None)


def _asked_so(process: Process, asked: Mapping[str, Any]) -> bool:
    """Whether a process came of this request: the last one counts, since what was asked for before it was given up."""
    return any(same_terms(one, asked) for one in process.facts.get("asked", ())[-1:])
