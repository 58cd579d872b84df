"""The form of a result file: what it must hold before anything in it is believed.

Read strictly: unknown keys, other types and texts of another form are an `InputError` with the path. What the file says
may still be false; `result.verify` asks that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from concordat.council._body import Hash, Id, MemberId
from concordat.council.voting import Ballot, Sealed, Vote
from concordat.errors import InputError

SCHEMA = "concordat/result@1"
Moment = Annotated[int, Field(ge=0, le=253_402_300_799)]
Short = Annotated[str, Field(max_length=300)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Choice = Annotated[str, Field(max_length=64)]
Members = Annotated[list[MemberId], Field(max_length=500)]
Entries = Annotated[list[Hash], Field(max_length=1000)]


class Part(BaseModel):
    """A part of the file."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class BallotPart(Part):
    choice: Choice | Annotated[list[Choice], Field(max_length=200)]
    by: MemberId
    entry: Hash
    submitted: Moment
    superseded: Entries


class SealedPart(Part):
    commitment: Hash
    entry: Hash
    opened: Hash | Literal[""]
    submitted: Moment


class VotePart(Part):
    id: Id
    subject: Annotated[str, Field(min_length=1, max_length=80)]
    about: Literal["proposal", "amendment", "withdraw", "adopt", "report", "question"]
    title: Short
    method: Literal["vote", "consensus", "election"]
    rule: Name
    rule_version: Annotated[int, Field(ge=1)]
    rule_hash: Hash
    rule_entry: Hash
    text: Hash
    meeting: Annotated[str, Field(max_length=64)]
    entitled: Members
    weights: dict[Name, dict[MemberId, Annotated[int, Field(ge=0)]]]
    weight_entries: dict[Name, Hash]
    groups: dict[Name, Members]
    group_entries: dict[Name, Hash]
    present_at_opening: Members
    present: Members
    opening_entries: Entries
    present_entries: Entries
    candidates: Annotated[list[Name], Field(max_length=200)]
    opened: Moment
    closes: Moment
    objection_s: Moment
    reveal_until: Moment
    entry: Hash
    ballots: dict[MemberId, BallotPart]
    sealed: dict[MemberId, SealedPart]
    tie_broken: Literal["", "yes", "no"]
    outcome: Short
    result: dict[str, Any]


class EvidencePart(Part):
    as_: Annotated[str, Field(alias="as", max_length=20)]
    bundle: dict[str, Any]
    entry: Hash


class StatePart(Part):
    at: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]
    hash: Hash


class ResultFile(Part):
    """The whole file."""

    evidence: Annotated[list[EvidencePart], Field(min_length=1, max_length=20_000)]
    outcome: Short
    result: dict[str, Any]
    schema_: Annotated[Literal["concordat/result@1"], Field(alias="schema")]
    state: StatePart
    trust: Annotated[str, Field(min_length=1, max_length=64)]
    vote: VotePart


class Head(BaseModel):
    """What a result says that a count is given: the rest of it is counted again and compared."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)

    at_opening: Members
    at_vote: Members
    chair: MemberId


P = TypeVar("P", bound=BaseModel)


def read_part(model: type[P], raw: Any, where: str) -> P:
    """A part of a file, checked.

    Raises:
        InputError: the first thing that is not as it should be, with its path.
    """
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = "".join(f"[{p}]" if isinstance(p, int) else f".{str(p)[:60]}" for p in first["loc"])
        hint = "council result VOTE --out FILE writes one."
        what = f"not a result file ({SCHEMA}): ${path}: {first['msg']}."
        raise InputError(what, where=where, hint=hint, code="result") from None


def vote_from(raw: Mapping[str, Any] | VotePart, where: str) -> Vote:
    """A vote from a file's plain data, as far as a count needs it.

    Raises:
        InputError: keys are missing, unknown, or of another form.
    """
    part = raw if isinstance(raw, VotePart) else read_part(VotePart, dict(raw), where)
    plain = part.model_dump(exclude={"ballots", "sealed", "opening_entries", "present_entries"})
    tuples = ("entitled", "present_at_opening", "present", "candidates")
    lists: dict[str, Any] = {key: tuple(plain.pop(key)) for key in tuples}
    groups = {name: tuple(members) for name, members in plain.pop("groups").items()}
    ballots = {
        m: Ballot(b.choice, b.by, b.entry, b.submitted, tuple(b.superseded)) for m, b in sorted(part.ballots.items())
    }
    sealed = {m: Sealed(s.commitment, s.entry, s.opened, s.submitted) for m, s in part.sealed.items()}
    return Vote(status="counted", groups=groups, ballots=ballots, sealed=sealed, **lists, **plain)


def vote_of_row(row: Mapping[str, Any]) -> Vote:
    """A vote from its row in the state (`value_of`), as far as a count needs it."""
    kept = {key: row[key] for key in VotePart.model_fields if key in row} | {"opening_entries": []}
    return vote_from(kept, str(row["id"]))
