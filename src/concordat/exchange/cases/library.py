"""A member's library of cases as one file of JSON lines: every version of every record, and which records are one case.

The first line names the form, `{"schema":"concordat/case-library@1"}`; then a line for each version of a record, by id
and version, `{"case":{...}}`; a line for each merge, `{"same":["dpg-a","dpg-b"],"why":[...]}`; and a line for what a
person split, `{"apart":["dpg-a","dpg-b"]}`, which no later import joins again. Records are never changed or dropped by
a merge: `cases` shows them joined, `records` shows each. The same records in any order give the same bytes. Who reads
and writes the file is the caller.

    >>> library = Library.parse(b"")
    >>> len(library.records), library.to_bytes()
    (0, b'{"schema":"concordat/case-library@1"}\\n')
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from concordat import canonical
from concordat.errors import InputError, StateError
from concordat.exchange.cases.case import Case
from concordat.exchange.cases.duplicates import Duplicates, Match, duplicates, merge
from concordat.settings import nearest

SCHEMA = "concordat/case-library@1"
BYTES_MAX = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Same:
    """Records that are one case, and what they had in common."""

    ids: tuple[str, ...]
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Added:
    """What adding did: ids of new records, of those that got another version, of those that were there already."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """The records by id, oldest version first; which are one case; which were split."""

    records: Mapping[str, tuple[Case, ...]] = field(default_factory=dict)
    joined: tuple[Same, ...] = ()
    apart: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def parse(cls, data: bytes, *, where: str = "cases.jsonl") -> Library:
        """The library in a file; an empty file is an empty library.

        Raises:
            StateError: a line is not what this program writes, with its number.
        """
        records: dict[str, list[Case]] = {}
        joined, apart = [], []
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                if number == 1 or "schema" in value:
                    _check_form(value, where)
                elif "case" in value:
                    case = Case.from_value(value["case"])
                    records.setdefault(case.id, []).append(case)
                elif "same" in value:
                    joined.append(Same(tuple(value["same"]), tuple(value["why"])))
                else:
                    apart.append(tuple(value["apart"]))
            except (ValueError, KeyError, TypeError, ValidationError) as error:
                what = f"not a line of a library: {str(error)[:120]}."
                place = f"{where}, line {number}"
                raise StateError(what, where=place, hint="Take a copy back, or import again.", code="damaged") from None
        ordered = {key: tuple(sorted(found, key=lambda c: c.version)) for key, found in sorted(records.items())}
        return cls(ordered, tuple(joined), tuple(apart))

    def to_bytes(self) -> bytes:
        """The library as its file."""
        values: list[dict[str, object]] = [{"schema": SCHEMA}]
        values += [{"case": case.to_value()} for key in sorted(self.records) for case in self.records[key]]
        joined = sorted(self.joined, key=lambda one: one.ids)
        values += [{"same": list(one.ids), "why": list(one.why)} for one in joined]
        values += [{"apart": list(ids)} for ids in sorted(self.apart)]
        return b"".join(canonical.dumps(value, floats=True) + b"\n" for value in values)

    @property
    def newest(self) -> dict[str, Case]:
        """The newest version of each record, by id."""
        return {key: found[-1] for key, found in sorted(self.records.items())}

    @property
    def cases(self) -> dict[str, Case]:
        """The cases: records that are one case joined, under the id of the record that leads."""
        newest = self.newest
        members = {key for one in self.joined for key in one.ids}
        found = {key: case for key, case in newest.items() if key not in members}
        for one in self.joined:
            case = merge([newest[key] for key in one.ids])
            found[case.id] = case
        return dict(sorted(found.items()))

    def case(self, key: str) -> Case:
        """A case by its id, or by the id of a record that it stands for.

        Raises:
            InputError: no such case; the nearest is suggested.
        """
        cases = self.cases
        for case in cases.values():
            if key == case.id or (key in self.records and key in case.ids):
                return case
        raise self._unknown(key)

    def add(self, cases: Sequence[Case]) -> tuple[Library, Added]:
        """With more records. A record that says something else than before gets the next version of its id.

        Raises:
            InputError: a file gives a version that is there already and says something else.
        """
        records = dict(self.records)
        new, changed, same = [], [], []
        for case in cases:
            before = records.get(case.id, ())
            if not before:
                new.append(case.id)
                records[case.id] = (case,)
                continue
            known = next((c for c in reversed(before) if _said(c) == _said(case)), None)
            if known is not None and (case.origin is not None or known.version == case.version):
                same.append(case.id)
                continue
            records[case.id] = tuple(sorted((*before, _next(before, case)), key=lambda c: c.version))
            changed.append(case.id)
        return replace(self, records=dict(sorted(records.items()))), Added(tuple(new), tuple(changed), tuple(same))

    def found_duplicates(self) -> Duplicates:
        """Which of the records are one case, and which are related; what was split stays apart."""
        return duplicates(list(self.newest.values()), apart=self.apart)

    def join_duplicates(self) -> tuple[Library, Duplicates]:
        """With the records joined that are one case."""
        found = self.found_duplicates()
        joined = tuple(Same(ids, _why(ids, found.merged)) for ids in found.groups)
        return replace(self, joined=joined), found

    def split(self, ids: Sequence[str]) -> Library:
        """With these records apart, now and after every later import.

        Raises:
            InputError: fewer than two, or an unknown one, or they are not one case.
        """
        wanted = tuple(sorted(set(ids)))
        for key in wanted:
            if key not in self.records:
                raise self._unknown(key)
        if len(wanted) < 2 or not any(set(wanted) <= set(one.ids) for one in self.joined):
            hint = "Name two or more records of one case. See: concordat exchange case duplicates"
            raise InputError(f"{' and '.join(wanted)} are not joined.", hint=hint, code="not_joined")
        return replace(self, apart=tuple(sorted({*self.apart, wanted}))).join_duplicates()[0]

    def _unknown(self, key: str) -> InputError:
        close = nearest(key, self.records)
        hint = f'Did you mean "{close[0]}"?' if close else "See: concordat exchange case search"
        return InputError(f'"{key[:80]}" is not a case of this library.', hint=hint, code="unknown_case")


def _check_form(value: object, where: str) -> None:
    if value != {"schema": SCHEMA}:
        hint = "It was written by another version of this program, or is another file."
        raise StateError(f'the first line is not {{"schema":"{SCHEMA}"}}.', where=where, hint=hint, code="form")


def _said(case: Case) -> dict[str, object]:
    """What a record says, without its version."""
    return {key: value for key, value in case.to_value().items() if key != "version"}


def _next(before: Sequence[Case], case: Case) -> Case:
    """The record as the next version of its id; a member's own file says its version itself."""
    if case.origin is not None:
        return case.model_copy(update={"version": before[-1].version + 1})
    if any(known.version == case.version for known in before):
        hint = f"Write version: {before[-1].version + 1}."
        what = f"version {case.version} of {case.id} is in the library and says something else."
        raise InputError(what, hint=hint, code="version")
    return case


def _why(ids: Sequence[str], merged: Iterable[Match]) -> tuple[str, ...]:
    """What the records of a group have in common, pair by pair."""
    return tuple(f"{a} = {b}: {', '.join(m.reasons)}" for m in merged for a, b in [m.ids] if {a, b} <= set(ids))
