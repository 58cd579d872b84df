"""Which written procedure does a dispute follow: stages, deadlines, who may do what, read from a file and checked.

A procedure is a stage machine as data (docs/reference/dispute-procedures.md lists every key). The loader refuses what
could leave a case without a way: a stage that nothing reaches, a deadline without `on_expiry`, stages that expire in a
circle, names that are neither stages nor ends, an unknown key, actor, event or zone (with the nearest one). The hash is
that of the file's canonical form, so layout and remarks do not count; every case carries it.

Shipped: `council-default` and `odr` (numbers are ours), `expedited` (UNCITRAL Expedited Arbitration Rules 2021),
`dsu` (WTO Dispute Settlement Understanding, mostly from general knowledge: unverified), `icdpaso` (numbers are
placeholders for the parties' own). They are aids and no legal advice: check the current text.

    >>> dsu = Procedure.shipped("dsu")
    >>> dsu.status, str(dsu.stage("consultations").deadline), dsu.stage("consultations").on_expiry
    ('unverified', '60d from DisputeFiled', 'panel_request')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.council.disputes._procedure_build import Names, calendar_of, check_circles, check_reachable, stage_of
from concordat.council.disputes._procedure_keys import ProcedureFile
from concordat.council.disputes._procedure_model import ACTORS, ENDS, Stage
from concordat.council.disputes.calendars import Calendar
from concordat.errors import InputError
from concordat.settings import Document, nearest, parse_yaml, validate

FOLDER = Path(__file__).parent / "procedures"
SHIPPED = ("council-default", "dsu", "expedited", "icdpaso", "odr")


@dataclass(frozen=True)
class Procedure:
    """A checked procedure; `document` is the file with its first stage said, `hash` that of its canonical bytes."""

    name: str
    version: int
    title: str
    status: str
    note: str
    agreement: bool
    calendar: Calendar
    roles: tuple[str, ...]
    challenges: int
    start: str
    stages: tuple[Stage, ...]
    ends: Mapping[str, str]
    document: Mapping[str, Any]
    hash: str

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "procedure.yaml") -> Procedure:
        """The procedure from its file.

        Raises:
            InputError: not such a file, or one of the faults the module docstring names; with line and nearest name.
        """
        return _build(parse_yaml(text, where=where, schema="procedure@1"))

    @classmethod
    def shipped(cls, name: str) -> Procedure:
        """One of the packaged procedures.

        Raises:
            InputError: no such procedure.
        """
        if name not in SHIPPED:
            close = nearest(str(name), SHIPPED)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(SHIPPED)}."
            raise InputError(f'"{str(name)[:40]}" is not a procedure I ship.', hint=hint, code="unknown_procedure")
        return _shipped(name)

    @classmethod
    def from_value(cls, value: Mapping[str, Any], *, where: str = "procedure") -> Procedure:
        """The procedure from what `document` holds."""
        return _build(Document(dict(value), where, {}))

    def stage(self, name: str) -> Stage:
        """A stage by its name.

        Raises:
            InputError: no such stage.
        """
        found = self.by_name.get(name)
        if found is None:
            close = nearest(name, self.by_name)
            hint = f'Did you mean "{close[0]}"?' if close else f"Known: {', '.join(self.by_name)}."
            raise InputError(f'"{name}" is not a stage of {self.name}.', hint=hint, code="unknown_stage")
        return found

    @cached_property
    def by_name(self) -> dict[str, Stage]:
        """Stages by name."""
        return {s.name: s for s in self.stages}

    def __hash__(self) -> int:
        return hash(self.hash)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Procedure) and self.hash == other.hash

    def adapted(
        self, *, calendar: Mapping[str, Any] | None = None, deadlines: Mapping[str, str] | None = None
    ) -> Procedure:
        """The same procedure with the parties' own calendar or numbers; another file, so another hash.

        Args:
            calendar: keys of `calendar` to replace.
            deadlines: stage to the text of its deadline (`45d`, `3mo from NeutralAppointed#1`).
        """
        document = dict(self.document)
        document["calendar"] = {**document["calendar"], **(calendar or {})}
        document["stages"] = {name: dict(keys) for name, keys in document["stages"].items()}
        for name, text in (deadlines or {}).items():
            document["stages"][self.stage(name).name]["deadline"] = text
        return Procedure.from_value(document, where=f"{self.name}, adapted")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the file."""
    schema = ProcedureFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/procedure@1", **schema}


@cache
def _shipped(name: str) -> Procedure:
    file = FOLDER / f"{name}.yaml"
    return Procedure.load(file.read_bytes(), where=f"concordat/council/disputes/procedures/{name}.yaml")


def _build(document: Document) -> Procedure:
    keys = validate(document, ProcedureFile)
    names = Names(document, keys)
    if keys.parties != ["complainant", "respondent"]:
        hint = "Write parties: [complainant, respondent]."
        raise InputError("a procedure has two parties.", where=document.place("parties"), hint=hint, code="parties")
    for end in (e for e in keys.ends if e in keys.stages):
        raise InputError(f'"{end}" is a stage and an end.', where=document.place("ends", end), hint="Rename one.")
    for role in (r for r in keys.roles if r in ACTORS):
        raise InputError(f'"{role}" needs no declaration.', where=document.place("roles"), hint="Leave it out.")
    stages = tuple(stage_of(names, name, stage) for name, stage in keys.stages.items())
    start = names.known(keys.start or stages[0].name, tuple(keys.stages), "a stage", "start")
    # Canonical bytes sort their keys, so the first stage must be said, or two files with one hash could differ.
    written = {**document.value, "start": start}
    check_reachable(names, stages, start)
    check_circles(names, stages)
    return Procedure(
        name=keys.procedure,
        version=keys.version,
        title=keys.title,
        status=keys.status,
        note=keys.note,
        agreement=keys.agreement == "required",
        calendar=calendar_of(names, keys.calendar),
        roles=tuple(keys.roles),
        challenges=keys.challenges,
        start=start,
        stages=stages,
        ends={**ENDS, **keys.ends},
        document=written,
        hash=canonical.digest(written),
    )
