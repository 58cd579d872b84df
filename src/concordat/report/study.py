"""What is measured: the study behind a report, read strictly and written back in full.

A study names the bloc (or the countries) and the day, the release of evidence, the indicators and the rules of
counting. It is a reviewed YAML file; the one that `assess` writes beside the report has every default filled in and the
release it was built from, so that the same file gives the same bytes elsewhere. Its hash is printed on the report.

Keys that belong to one chapter are checked by that chapter's file in `report.chapters`; the others here.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from concordat import clock
from concordat.errors import InputError
from concordat.settings import Document, parse_yaml, unknown_key, validate

# The languages that the message catalogues are complete in; English first, from which the others are translated.
LANGUAGES = ("en", "zh", "ru", "pt", "ar", "hi", "fr", "es")
# Keys that `report.study` reads itself, and those that chapters own (`report.chapters`), in the order they are written.
CORE_KEYS = ("schema", "report", "bloc", "countries", "aliases", "compare_with")
CHAPTER_KEYS = (
    "indicators", "time", "aggregate", "index", "divide", "moved", "rules", "council", "exchange", "impact",
)  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=False, hide_input_in_errors=False)


class Vintage(_Strict):
    """One vintage of a release, so that another machine knows what it lacks."""

    dataset: str
    vintage: str
    logical_hash: str


class ReportKeys(_Strict):
    """The study's key `report`."""

    title: str = Field("", max_length=200)
    year: int | None = Field(None, ge=1900, le=2200)
    release: str = "auto"
    vintages: list[Vintage] = []
    languages: list[str] | None = None
    accept: list[Literal["share-alike", "internal"]] = []

    @field_validator("title")
    @classmethod
    def _printable(cls, value: str) -> str:
        if any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in value):
            raise ValueError("a title holds no control characters")
        return value

    @field_validator("languages")
    @classmethod
    def _complete(cls, value: list[str] | None) -> list[str] | None:
        if value is not None and (not value or any(language not in LANGUAGES for language in value)):
            raise ValueError(f"reports are complete in {', '.join(LANGUAGES)} only")
        if value is not None and len(set(value)) < len(value):
            raise ValueError("a language stands twice")
        return value


class BlocKeys(_Strict):
    """The study's key `bloc`."""

    id: str
    date: str = ""
    with_: list[Literal["invited"]] = Field(["invited"], alias="with")
    expand: bool = False


class CoreKeys(_Strict):
    """The keys of a study that no chapter owns."""

    schema_: str = Field("", alias="schema")
    report: ReportKeys = Field(default_factory=ReportKeys)
    bloc: BlocKeys | None = None
    countries: list[str] | None = None
    date: str = ""
    aliases: dict[str, str] = {}
    compare_with: list[Literal["WLD"]] = ["WLD"]


@dataclass(frozen=True, slots=True)
class Study:
    """A study with its defaults filled in.

    Attributes:
        bloc_id: the bloc, or "" for a list of countries.
        countries: the listed areas (ISO 3166-1 alpha-3), or () for a bloc.
        on: the day whose members count.
        not_after: the last year whose figures count is chosen by the evidence chapter; `year` is the report's.
        languages: those the report is written in; `language` is the one it is being written in, at first the first.
        expand: replace blocs that are members by their own members.
        document: the file as read, for the chapters' own keys.
        resolved: the chapters' keys with defaults, filled by `with_options`.
        written: the study as the file has it, where this one is its translation; both have the hash of that file.
        accept: terms of licences that are taken on (`share-alike`), or `internal` for a copy not to be published.
    """

    bloc_id: str
    countries: tuple[str, ...]
    on: date
    title: str
    year: int
    release: str
    vintages: tuple[Vintage, ...]
    language: str
    languages: tuple[str, ...]
    with_invited: bool
    expand: bool
    compare_with_world: bool
    aliases: Mapping[str, str]
    document: Document
    resolved: Mapping[str, Any] = field(default_factory=dict)
    accept: tuple[str, ...] = ()
    written: Study | None = None

    @property
    def folder_name(self) -> str:
        """The default name of the report's folder: `brics-2026`."""
        names = [self.bloc_id] if self.bloc_id else list(self.countries)
        stem = "-".join(names) if len(names) <= 5 else f"group-of-{len(names)}"
        return f"{stem.lower().replace('_', '-')}-{self.year}"

    def in_language(self, language: str) -> Study:
        """The same study, written in another of its languages; a title of the study's own stays as it is."""
        ours = self.title == _title(self.bloc_id, self.countries, self.year, self.language)
        title = _title(self.bloc_id, self.countries, self.year, language) if ours else self.title
        return replace(self, language=language, title=title, written=self.written or self)

    def as_data(self) -> dict[str, Any]:
        """The whole study as plain data, every default filled in."""
        report: dict[str, Any] = {"title": self.title, "year": self.year, "release": self.release}
        if self.vintages:
            report["vintages"] = [v.model_dump() for v in self.vintages]
        report["languages"] = list(self.languages)
        if self.accept:
            report["accept"] = list(self.accept)
        data: dict[str, Any] = {"schema": "concordat/study@1", "report": report}
        if self.bloc_id:
            invited = ["invited"] if self.with_invited else []
            bloc = {"id": self.bloc_id, "date": self.on.isoformat(), "with": invited}
            data["bloc"] = bloc | ({"expand": True} if self.expand else {})
        else:
            data["countries"] = list(self.countries)
            data["date"] = self.on.isoformat()
        if self.aliases:
            data["aliases"] = dict(sorted(self.aliases.items()))
        for key in CHAPTER_KEYS:
            if key in self.resolved:
                data[key] = self.resolved[key]
        data["compare_with"] = ["WLD"] if self.compare_with_world else []
        return data

    def as_yaml(self) -> bytes:
        """The file that is written beside the report; reading it gives the same study."""
        import yaml

        head = "# The study behind this report. Rebuild it with: concordat assess --study study.yaml\n"
        text = yaml.safe_dump(self.as_data(), sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)
        return (head + text).encode()

    @property
    def hash(self) -> str:
        """SHA-256 of the written file."""
        return hashlib.sha256((self.written or self).as_yaml()).hexdigest()


def read_study(
    text: str | bytes, *, where: str = "study.yaml", languages: Sequence[str] = (), language: str = "en"
) -> Study:
    """Read a study file.

    Args:
        languages: take these instead of what the file says.
        language: the one to take where neither says any.

    Raises:
        InputError: unknown key, wrong value, unknown country; with file, line and the nearest known key.
    """
    document = parse_yaml(text, where=where, schema="study@1")
    known = (*CORE_KEYS, "date", *CHAPTER_KEYS)
    for key in document.value:
        if key not in known:
            raise unknown_key(key, known, where=document.place(key))
    core_data = {k: v for k, v in document.value.items() if k in (*CORE_KEYS, "date")}
    core = validate(Document(core_data, where, document.lines), CoreKeys)
    return _study(core, document, languages or core.report.languages or (language,))


def study_for_bloc(bloc_id: str, *, on: str = "", languages: Sequence[str] = ("en",)) -> Study:
    """The default study of a bloc on a day (today when not given)."""
    return _from_data({"bloc": {"id": bloc_id} | ({"date": on} if on else {})}, languages)


def study_for_countries(countries: Sequence[str], *, on: str = "", languages: Sequence[str] = ("en",)) -> Study:
    """The default study of a list of countries, given by code or name."""
    return _from_data({"countries": list(countries)} | ({"date": on} if on else {}), languages)


def check_languages(languages: Sequence[str], *, where: str = "") -> tuple[str, ...]:
    """The languages of a report, as given by option or setting.

    Raises:
        InputError: one that reports are not written in, or one given twice.
    """
    for language in languages:
        if language not in LANGUAGES:
            hint = f"Give one or more of: {', '.join(LANGUAGES)}."
            raise InputError(f'reports are not written in "{language}".', where=where, hint=hint, code="language")
    if len(set(languages)) < len(languages):
        raise InputError("a language stands twice.", where=where, hint="Name each once.", code="language")
    return tuple(languages)


def _from_data(data: dict[str, Any], languages: Sequence[str]) -> Study:
    document = Document({"schema": "concordat/study@1", **data}, "command line", {})
    return _study(validate(document, CoreKeys), document, languages)


def _study(core: CoreKeys, document: Document, languages: Sequence[str]) -> Study:
    from concordat.world import bloc

    if (core.bloc is None) == (core.countries is None):
        both = "names a bloc and countries" if core.bloc else "names neither a bloc nor countries"
        raise InputError(f"the study {both}.", where=document.where, hint="Give one of: bloc, countries.", code="who")
    if core.bloc is not None and core.date:
        raise InputError(
            "a bloc's day stands under bloc.", where=document.place("date"), hint="Move it there.", code="date"
        )
    day_text = core.bloc.date if core.bloc else core.date
    on = _day(day_text, document.place(*(("bloc", "date") if core.bloc else ("date",)))) if day_text else clock.today()
    bloc_id = bloc(core.bloc.id).id if core.bloc else ""
    countries = _countries(core, document)
    year = core.report.year or on.year
    return Study(
        bloc_id=bloc_id,
        countries=countries,
        on=on,
        title=core.report.title or _title(bloc_id, countries, year, languages[0]),
        year=year,
        release=core.report.release,
        vintages=tuple(core.report.vintages),
        language=languages[0],
        languages=tuple(languages),
        with_invited="invited" in core.bloc.with_ if core.bloc else False,
        expand=core.bloc.expand if core.bloc else False,
        compare_with_world="WLD" in core.compare_with,
        aliases=core.aliases,
        document=document,
        accept=tuple(dict.fromkeys(core.report.accept)),
    )


def _day(text: str, where: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f'"{text}" is not a day.', where=where, hint="Write it as 2026-11-22.", code="bad_date"
        ) from None


def _countries(core: CoreKeys, document: Document) -> tuple[str, ...]:
    from concordat.world import country

    found: list[str] = []
    for i, text in enumerate(core.countries or ()):
        where = document.place("countries", i)
        area = country(core.aliases.get(text, text), where=where).iso3
        if area in found:
            hint = "Name it once." if len(core.countries or ()) < 60 else f'Remove the second "{text}".'
            raise InputError(f'"{text}" ({area}) stands twice.', where=where, hint=hint, code="duplicate")
        found.append(area)
    if core.countries is not None and not found:
        raise InputError(
            "the list of countries is empty.", where=document.place("countries"), hint="Name one.", code="empty"
        )
    return tuple(sorted(found))


def bloc_label(bloc_id: str, language: str) -> str:
    """How sentences call a bloc: its id in English (`BRICS`), its name where the language has one (`金砖国家`)."""
    from concordat.world import bloc

    return bloc_id if language == "en" else bloc(bloc_id).names.get(language, bloc_id)


def _title(bloc_id: str, countries: tuple[str, ...], year: int, language: str) -> str:
    """The report's default title; a study may say another."""
    from concordat.report.messages import Messages
    from concordat.world import area_name

    words = Messages(language)
    if bloc_id:
        who = bloc_label(bloc_id, language)
    elif len(countries) <= 4:
        who = words.listed_and(area_name(area, language) for area in countries)
    else:
        who = words.plain("report.title_countries", count=len(countries))
    return words.plain("report.title", who=who, year=str(year))
