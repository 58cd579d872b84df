"""Which reports has a series, which numbers are missing, and was a report rebuilt to the same bytes?

A report is described by a file of schema `concordat/report@1`: series (a slug, and an ISSN if it has one), year,
number, kind, its files with their SHA-256, the hashes of the data it rests on, and the hash of its code or its study.
There is no key to say that it can be reproduced: that is `yes` only once `assess`, or the command that the file names,
was run again and every file came out with the same bytes (`rebuilt`); one that differs is a `TrustError` that names it.
Who ran the command is not proved by that: the entry carries the member's word, with its signature.

The check digit of an ISSN is that of ISO 3297 (weights 8 to 2, modulo 11, X for ten). Source: exchange.md, section 6.

    >>> issn_is_right("2049-3630"), issn_is_right("2049-3631")
    (True, False)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from concordat.errors import TrustError
from concordat.exchange.cases import _parts as parts
from concordat.ledger.entry import blob_reference
from concordat.settings import parse_yaml, validate

if TYPE_CHECKING:
    from concordat.exchange.fold import Exchange

MEDIA_TYPE = "application/json"
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Reproducible = Literal["no", "not_tried", "yes"]


class ReportFile(parts.Part):
    """One file of a report; its hash is computed where the file lies beside the description."""

    path: Annotated[str, Field(min_length=1, max_length=300)]
    sha256: Sha256 | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if path.startswith(("/", "\\")) or ".." in path.replace("\\", "/").split("/") or ":" in path:
            raise ValueError("a path stays inside the report's folder")
        return path


class Report(parts.Part):
    """One report of a series."""

    schema_: Literal["concordat/report@1"] = Field("concordat/report@1", alias="schema")
    series: parts.Id
    year: parts.Year
    number: Annotated[int, Field(ge=1, le=100_000)]
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    kind: Literal["guidance", "national_report", "policy_note", "research_output", "series_report"]
    title: Annotated[dict[parts.Language, parts.Line], Field(min_length=1, max_length=40)]
    files: Annotated[tuple[ReportFile, ...], Field(min_length=1, max_length=1000)]
    issn: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{3}[0-9X]$")] | None = None
    data: Annotated[tuple[Sha256, ...], Field(max_length=64)] = ()
    code: Sha256 | None = None
    study: Sha256 | None = None
    command: Annotated[str, Field(max_length=500)] = ""
    jointly: Annotated[tuple[parts.Iso3, ...], Field(max_length=64)] = ()

    @model_validator(mode="after")
    def _whole(self) -> Report:
        if self.issn is not None and not issn_is_right(self.issn):
            raise ValueError(f"the check digit of the ISSN {self.issn} is wrong")
        paths = [file.path for file in self.files]
        if len(set(paths)) != len(paths):
            raise ValueError("a file stands twice")
        return self

    @classmethod
    def load(cls, text: str | bytes, *, where: str = "report.yaml") -> Report:
        """A report from its file.

        Raises:
            InputError: not YAML, or a key or value that can't be, with its line and the nearest known key.
        """
        return validate(parse_yaml(text, where=where, schema="report@1"), cls)

    def with_hashes(self, found: Mapping[str, str]) -> Report:
        """The report with the hashes of its files.

        Raises:
            TrustError: a file has another hash than the report states, or is not there.
        """
        same_bytes(self, found)
        files = tuple(ReportFile(path=file.path, sha256=found[file.path]) for file in self.files)
        return self.model_copy(update={"files": files})

    def document(self) -> bytes:
        """The bytes of the document that an entry names: the description with the hash of every file."""
        value = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"schema_"})
        return json.dumps({"schema": "concordat/report@1", **value}, ensure_ascii=False, sort_keys=True).encode()


def issn_is_right(issn: str) -> bool:
    """Whether the check digit of an ISSN fits: 8 a + 7 b + ... + 2 g + check is a multiple of 11."""
    digits = [10 if c == "X" else int(c) for c in issn.replace("-", "")]
    return sum(weight * digit for weight, digit in zip(range(8, 0, -1), digits, strict=True)) % 11 == 0


def same_bytes(report: Report, found: Mapping[str, str]) -> None:
    """Checks the hashes of files against those that the report states; a file without one is only looked for.

    Raises:
        TrustError: the files that differ or are not there, by name.
    """
    missing = [file.path for file in report.files if file.path not in found]
    other = [file.path for file in report.files if file.sha256 and found.get(file.path, file.sha256) != file.sha256]
    if missing or other:
        said = [f"{path} is not there" for path in missing] + [f"{path} has other bytes" for path in other]
        more = f" and {len(said) - 3} more" if len(said) > 3 else ""
        what = f"{'; '.join(said[:3])}{more}."
        raise TrustError(what, where=report.series, hint="The report is not what it says.", code="bytes")


def rebuilt(report: Report, again: Mapping[str, str]) -> Reproducible:
    """`yes` if every file of the report, made again, has the bytes that the report states.

    Raises:
        TrustError: a file differs, is not there, or has no hash to be compared with.
    """
    bare = [file.path for file in report.files if file.sha256 is None]
    if bare:
        hint = "Give the folder of the report first."
        raise TrustError(f"{bare[0]} has no hash.", where=report.series, hint=hint, code="bytes")
    same_bytes(report, again)
    return "yes"


def file_hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of files by path."""
    return {path: hashlib.sha256(data).hexdigest() for path, data in sorted(files.items())}


def published_body(report: Report, reproducible: Reproducible = "not_tried") -> dict[str, Any]:
    """The body of `ReportPublished`."""
    body: dict[str, Any] = {
        "series": report.series,
        "number": report.number,
        "version": report.version,
        "year": report.year,
        "kind": report.kind,
        "document": blob_reference(report.document(), MEDIA_TYPE, None),
        "data": list(report.data),
        "reproducible": reproducible,
        "jointly": list(report.jointly),
    }
    optional = {"issn": report.issn, "code": report.code, "study": report.study}
    return body | {name: value for name, value in optional.items() if value is not None}


# --- Series ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """What is logged of a member's series.

    Attributes:
        member, series: whose it is, and its slug. numbers: (year, number), sorted. missing: numbers between the first
            and the last of a year, or of the whole series where numbers run on, that nobody published. reproducible:
            how many of the newest versions were rebuilt to the same bytes. entries: ids of the entries behind that.
    """

    member: str
    series: str
    numbers: tuple[tuple[int, int], ...]
    missing: tuple[int, ...]
    reproducible: int
    entries: tuple[str, ...]


def series_of(exchange: Exchange) -> tuple[Series, ...]:
    """Every series that entries name, by member and slug; reports whose number is a word are left out of the count."""
    found: dict[tuple[str, str], list[Any]] = {}
    for key in exchange.keys("report"):
        newest = exchange.newest("report", key)
        found.setdefault((newest.author, newest.body.series), []).append(newest)
    return tuple(_series(member, name, facts) for (member, name), facts in sorted(found.items()))


def _series(member: str, name: str, facts: Sequence[Any]) -> Series:
    numbers = sorted((f.body.year, f.body.number) for f in facts if isinstance(f.body.number, int))
    rebuilt_ = sum(f.body.reproducible == "yes" for f in facts)
    return Series(
        member, name, tuple(numbers), missing_numbers(numbers), rebuilt_, tuple(sorted(f.entry for f in facts))
    )


def missing_numbers(numbers: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Numbers between the first and the last that are not there.

    Where a number comes again in another year, numbers begin anew each year, and each year is looked at by itself.

    >>> missing_numbers([(2024, 1), (2025, 2), (2026, 4)]), missing_numbers([(2024, 1), (2024, 3), (2025, 1)])
    ((3,), (2,))
    """
    pairs = sorted(set(numbers))
    plain = [number for _, number in pairs]
    if len(set(plain)) == len(plain):
        return _gaps(plain)
    years = sorted({year for year, _ in pairs})
    return tuple(gap for year in years for gap in _gaps([n for y, n in pairs if y == year]))


def _gaps(numbers: Sequence[int]) -> tuple[int, ...]:
    there = set(numbers)
    if not there or max(there) - min(there) > 10_000:
        return ()
    return tuple(n for n in range(min(there), max(there)) if n not in there)
