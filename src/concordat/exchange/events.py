"""The types of entry that the exchange knows: what body each has, what object it speaks of, who may say it.

    schema("DatasetOffered")                         # the JSON Schema that stands in schemas/DatasetOffered.json
    check_said("DatasetWithdrawn", body, "BRA")      # the body, checked before anybody signs it

An entry is of scope `exchange`, on its author's member log, signed by a key that may sign for `exchange`. Whether the
author is the right one can be told from the entry alone (a provider says that an agreement was reached, a reviewer is
another member than the owner), so that the order in which entries come in never matters. Source: exchange.md,
section 3.

    >>> sorted(KINDS)[:3]
    ['AgreementConfirmed', 'AgreementEnded', 'AgreementReached']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from concordat.errors import InputError, RuleError
from concordat.exchange._body import Body, read_body
from concordat.settings import nearest

SCOPE = "exchange"


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of entry.

    Attributes:
        name: the type. thing: what it speaks of (`dataset`, `case`, ...). key: the fields that name
            the object, behind the member that owns it. owner: the field that names that member; empty: the author.
        says: what the entry says of it: `published` (a version of its document), or a word of its own.
        wrong: why an author may not say it, given the body; empty if he may.
    """

    name: str
    thing: str
    key: tuple[str, ...]
    says: str
    owner: str = ""
    wrong: Callable[[str, Any], str] = lambda _author, _body: ""

    @property
    def body(self) -> type[Body]:
        """The model of its body; loaded when the first body is read."""
        from concordat.exchange import _bodies

        model: type[Body] = getattr(_bodies, f"{self.name}Body")
        return model


def _by(field: str) -> Callable[[str, Any], str]:
    """Only the member that a field names may say it."""

    def wrong(author: str, body: Any) -> str:
        return "" if getattr(body, field) == author else f"it is for the {field} ({getattr(body, field)}) to say."

    return wrong


def _by_a_side(author: str, body: Any) -> str:
    sides = (body.provider, body.consumer)
    return "" if author in sides else f"it is for {sides[0]} or {sides[1]} to say."


def _by_a_pair(author: str, body: Any) -> str:
    sides = (body.requester, body.offerer)
    return "" if author in sides else f"it is for {sides[0]} or {sides[1]} to say."


def _by_another(author: str, body: Any) -> str:
    return f"{author} owns the case: another member says it." if body.owner == author else ""


def _by_one_asked(author: str, body: Any) -> str:
    return f"{author} asked the question itself." if body.asker == author else ""


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("DatasetOffered", "dataset", ("dataset",), "published"),
        Kind("DatasetWithdrawn", "dataset", ("dataset",), "withdrawn"),
        Kind("AgreementReached", "agreement", ("agreement",), "reached", "provider",
             _by("provider")),
        Kind("AgreementConfirmed", "agreement", ("agreement",), "confirmed", "provider",
             _by("consumer")),
        Kind("AgreementEnded", "agreement", ("agreement",), "ended", "provider",
             _by_a_side),
        Kind("TransferCompleted", "agreement", ("agreement",), "transferred", "provider",
             _by_a_side),
        Kind("DutyDone", "agreement", ("agreement",), "duty", "provider", _by("consumer")),
        Kind("HarvestFinished", "harvest", ("source", "run"), "finished"),
        Kind("CasePublished", "case", ("case",), "published"),
        Kind("CaseReviewed", "case", ("case",), "reviewed", "owner", _by_another),
        Kind("CaseReused", "case", ("case",), "reused", "owner", _by_another),
        Kind("ReportPublished", "report", ("series", "year", "number"), "published"),
        Kind("AlgorithmPublished", "algorithm", ("algorithm",), "published"),
        Kind("AlgorithmRetired", "algorithm", ("algorithm",), "retired"),
        Kind("IncidentShared", "incident", ("incident",), "published"),
        Kind("IncidentStage", "incident", ("incident",), "stage"),
        Kind("IncidentClosed", "incident", ("incident",), "closed"),
        Kind("QuestionAsked", "question", ("question",), "published"),
        Kind("AnswerGiven", "question", ("question",), "answered", "asker", _by_one_asked),
        Kind("AidRequested", "aid_request", ("request",), "published"),
        Kind("AidOffered", "aid_offer", ("offer",), "published"),
        Kind("MatchComputed", "match", ("match",), "computed"),
        Kind("MatchAccepted", "pair", ("request", "offerer", "offer"), "accepted",
             "requester", _by_a_pair),
    )
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """The type of that name.

    Raises:
        InputError: the exchange knows no such type; with the nearest one.
    """
    if name not in KINDS:
        close = nearest(name, KINDS)
        hint = f'Did you mean "{close[0]}"?' if close else "See: docs/reference/exchange-entries.md"
        raise InputError(f'"{name[:64]}" is not a type of entry of the exchange.', hint=hint, code="unknown_type")
    return KINDS[name]


def check_said(name: str, body: Mapping[str, Any], author: str) -> Body:
    """The body of an entry before it is signed, or as it came in.

    Raises:
        InputError: an unknown type, or a body of another form. RuleError: it is not for this member to say.
    """
    kind = kind_of(name)
    read = read_body(kind.body, dict(body), name)
    why = kind.wrong(author, read)
    if why:
        raise RuleError(why, where=name, code="author")
    return read


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one type's body."""
    model = kind_of(name).body
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"concordat/exchange/{name}@1"}
    return {**head, **model.model_json_schema(), "title": name}
