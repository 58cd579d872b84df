"""A member's register of algorithms as one file of JSON lines: every version of every record.

The first line names the form, `{"schema":"concordat/algorithm-register@1"}`; then a line for each version, by id and
version. A record that says something else than before gets the next version of its id, and the old one stays: that is
its history. Who reads and writes the file is the caller.

    >>> AlgorithmRegister.parse(b"").to_bytes()
    b'{"schema":"concordat/algorithm-register@1"}\\n'
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from concordat import canonical
from concordat.errors import InputError, StateError
from concordat.exchange.algorithms.record import AlgorithmRecord
from concordat.settings import nearest

SCHEMA = "concordat/algorithm-register@1"


@dataclass(frozen=True, slots=True)
class AlgorithmRegister:
    """The versions of each record, oldest first."""

    records: Mapping[str, tuple[AlgorithmRecord, ...]] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes, *, where: str = "algorithms.jsonl") -> AlgorithmRegister:
        """The register in a file; an empty file is an empty register.

        Raises:
            StateError: a line is not what this program writes, with its number.
        """
        records: dict[str, list[AlgorithmRecord]] = {}
        for number, line in enumerate(data.split(b"\n"), start=1):
            if not line.strip():
                continue
            place = f"{where}, line {number}"
            try:
                value = json.loads(line)
                if number == 1:
                    if value != {"schema": SCHEMA}:
                        raise ValueError(f"the first line must be {SCHEMA}")
                    continue
                record = AlgorithmRecord.from_value(value, place)
            except (ValueError, TypeError, InputError) as error:
                what = f"not a line of a register: {str(error)[:120]}."
                raise StateError(what, where=place, hint="Take a copy back, or import again.", code="damaged") from None
            records.setdefault(record.id, []).append(record)
        return cls({key: tuple(sorted(found, key=lambda r: r.version)) for key, found in sorted(records.items())})

    def to_bytes(self) -> bytes:
        """The register as its file."""
        values = (record.to_value() for key in sorted(self.records) for record in self.records[key])
        return b"".join(canonical.dumps(value, floats=True) + b"\n" for value in ({"schema": SCHEMA}, *values))

    @property
    def newest(self) -> dict[str, AlgorithmRecord]:
        """The newest version of each record, by id."""
        return {key: found[-1] for key, found in sorted(self.records.items())}

    def versions(self, key: str) -> tuple[AlgorithmRecord, ...]:
        """All versions of a record.

        Raises:
            InputError: no such record; the nearest is suggested.
        """
        if key not in self.records:
            close = nearest(key, self.records)
            hint = f'Did you mean "{close[0]}"?' if close else f"{len(self.records)} are known."
            raise InputError(f'"{key[:80]}" is not in this register.', hint=hint, code="unknown_algorithm")
        return self.records[key]

    def version(self, key: str, number: int = 0) -> AlgorithmRecord:
        """One version of a record; 0: the newest.

        Raises:
            InputError: no such record, or no such version of it.
        """
        found = self.versions(key)
        if not number:
            return found[-1]
        for record in found:
            if record.version == number:
                return record
        known = ", ".join(str(record.version) for record in found)
        raise InputError(f"{key} has no version {number}.", hint=f"Versions: {known}.", code="unknown_version")

    def add(self, records: Iterable[AlgorithmRecord]) -> tuple[AlgorithmRegister, dict[str, str]]:
        """With more records; by id, what became of each: `new`, `changed` or `same`."""
        found = dict(self.records)
        said = {}
        for record in records:
            before = found.get(record.id, ())
            if before and _says(before[-1]) == _says(record):
                said[record.id] = "same"
                continue
            said[record.id] = "changed" if before else "new"
            number = before[-1].version + 1 if before else 1
            found[record.id] = (*before, replace(record, version=number))
        return AlgorithmRegister(dict(sorted(found.items()))), said


def _says(record: AlgorithmRecord) -> dict[str, object]:
    return {key: value for key, value in record.to_value().items() if key != "version"}
