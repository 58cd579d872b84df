"""The keys of a procedure file, as `settings.validate` checks them: what may be written, not yet what it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, Field(max_length=2000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class CalendarKeys(_Strict):
    """Which days count, and where."""

    zone: str
    holidays: list[str] = Field([], max_length=2000)
    weekend: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = ["sat", "sun"]
    working: list[str] = Field([], max_length=2000)
    if_not_working_day: Literal["next", "same"] = "next"


class ElseKeys(_Strict):
    """Who appoints where the first way fails, from whom, and after what time."""

    by: str
    from_: Literal["roster", "anyone"] = Field("anyone", alias="from")
    after: str


class NeutralKeys(_Strict):
    """Who appoints the neutrals of a stage."""

    appoint: str
    from_: Literal["roster", "anyone"] = Field("anyone", alias="from")
    else_: ElseKeys | None = Field(None, alias="else")


class ExtensionKeys(_Strict):
    """Who may extend the stage's deadline, and how far."""

    by: str
    at_most: str | None = None
    in_all: str | None = None
    times: int | None = Field(None, ge=1, le=100)


class AlsoKeys(_Strict):
    """A date beside the stage's own deadline: it is told, and moves nothing."""

    what: Text
    by: str
    deadline: str


class MoveKeys(_Strict):
    """Where an event leads, who may make it, and when at the earliest."""

    to: str
    by: str | None = None
    not_before: str | None = None
    after: str | None = None


class StageKeys(_Strict):
    """One stage."""

    title: Text = ""
    mark: Literal["unverified"] | None = None
    note: Text = ""
    deadline: str | None = None
    urgent: str | None = None
    may_set: bool = False
    on_expiry: str | None = None
    extension: ExtensionKeys | None = None
    bench: Name | None = None
    neutral: NeutralKeys | None = None
    neutrals: int | None = Field(None, ge=1, le=25)
    complete: str | None = None
    decide: str | None = None
    expects: Name | None = None
    by: str | None = None
    then: str | None = None
    final: bool = False
    also: list[AlsoKeys] = Field([], max_length=20)
    events: dict[str, str | MoveKeys] = Field({}, max_length=50)


class ProcedureFile(_Strict):
    """The file."""

    schema_: Literal["concordat/procedure@1"] = Field(alias="schema")
    procedure: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")]
    version: int = Field(1, ge=1)
    title: Text = ""
    status: Literal["own", "verified", "unverified"] = "own"
    note: Text = ""
    sources: list[Text] = Field([], max_length=50)
    agreement: Literal["required", "none"] = "none"
    calendar: CalendarKeys
    parties: list[str] = ["complainant", "respondent"]
    roles: list[Name] = Field([], max_length=50)
    challenges: int = Field(2, ge=0, le=100)
    start: str | None = None
    stages: dict[Name, StageKeys] = Field(min_length=1, max_length=200)
    ends: dict[Name, Text] = Field({}, max_length=50)
