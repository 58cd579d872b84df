"""What people can't do with a computer yet, member by member, beside the courses that teach it, in their languages.

The gap of a member and skill is 100 - the share of people who did that activity (SDG 4.4.1, `ict_skills_pct`), with the
year and the interval that `evidence` gives. Beside it stand the courses that teach one of the competences that the
activity shows, and how many are in a language of the member. That is no causal claim: a gap may be closed by school,
work or neighbours, and courses may change nothing.

Courses are files of schema `concordat/course@1`; `course_jsonld` prints one as a schema.org `Course`. Languages of a
country are its official ones, those of its regions and the de facto ones among them, as the Unicode CLDR has them.
Codes and the table between the frameworks are packaged in `_data/skills.yaml`, every part with its status: all of it is
unverified.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from concordat import world
from concordat.errors import InputError
from concordat.exchange.inclusion.aid import main_language
from concordat.settings import nearest, parse_yaml, validate

SDG, DIGCOMP = "sdg441", "digcomp"
FRAMEWORKS = ("digcomp", "ict-cft", "sdg441")
LEVELS = 8

Language = Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Texts = Annotated[dict[Language, Annotated[str, Field(min_length=1, max_length=1_000)]], Field(min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _FrameworkModel(_Model):
    id: str
    name: str
    status: Literal["verified", "unverified"]
    areas: dict[str, str] = {}
    codes: dict[str, str]


class _BetweenModel(_Model):
    status: Literal["verified", "unverified"]
    sdg441_to_digcomp: dict[str, list[str]]


class _SkillsModel(_Model):
    schema_: str = Field(alias="schema")
    frameworks: list[_FrameworkModel]
    between: _BetweenModel


class _CompetenceModel(_Model):
    framework: Literal["digcomp", "ict-cft", "sdg441"] = "digcomp"
    code: str
    level: Annotated[int, Field(ge=1, le=LEVELS)] | None = None


class _ProviderModel(_Model):
    name: Annotated[str, Field(min_length=1, max_length=300)]
    type: Literal["business", "government", "international", "ngo", "university"]


class _CourseModel(_Model):
    schema_: str = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]{0,127}$")]
    version: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    member: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,15}$")]
    title: Texts
    summary: Texts | None = None
    provider: _ProviderModel
    languages: Annotated[list[Language], Field(min_length=1)]
    url: Annotated[str, Field(pattern=r"^https://[!-~]{3,1900}$")]
    free: bool | None = None
    hours: Annotated[int, Field(ge=1, le=10_000)] | None = None
    competences: Annotated[list[_CompetenceModel], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class Framework:
    """A list of skills: code -> wording. `status` is `unverified` where the list was not held against its source."""

    id: str
    name: str
    status: str
    areas: Mapping[str, str]
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Competence:
    """A skill that a course teaches, by framework and code; level 1 to 8 or not stated."""

    framework: str
    code: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Course:
    """A course that a member shares. `None`: not stated."""

    key: str
    member: str
    version: int
    title: Mapping[str, str]
    summary: Mapping[str, str]
    provider: tuple[str, str]
    languages: tuple[str, ...]
    url: str
    free: bool | None
    hours: int | None
    competences: tuple[Competence, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """The share of a member's people who did an activity, in per cent, as `evidence` gives it."""

    member: str
    skill: str
    value: float
    lower: float | None
    upper: float | None
    year: int
    observation: str


@dataclass(frozen=True, slots=True)
class Gap:
    """One member and one skill.

    Attributes:
        gap: 100 - the share, in per cent; None without a figure. low, high: its interval, where the figure has one.
        courses: keys of courses that teach what the activity shows. own: those in a language of the member.
        languages: of all these courses, sorted.
    """

    member: str
    skill: str
    gap: float | None
    low: float | None
    high: float | None
    year: int | None
    observation: str
    courses: tuple[str, ...]
    own: tuple[str, ...]
    languages: tuple[str, ...]


@cache
def frameworks() -> dict[str, Framework]:
    """The packaged frameworks by id."""
    return {f.id: Framework(f.id, f.name, f.status, f.areas, f.codes) for f in _packaged().frameworks}


@cache
def _packaged() -> _SkillsModel:
    file = files("concordat.exchange") / "_data" / "skills.yaml"
    document = parse_yaml(file.read_bytes(), where="skills.yaml", schema="skills@1")
    return validate(document, _SkillsModel, packaged=True)


def between() -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The status of the table between SDG 4.4.1 and DigComp, and the table: activity -> competences."""
    table = _packaged().between
    return table.status, {code: tuple(some) for code, some in table.sdg441_to_digcomp.items()}


def load_course(text: str | bytes, *, where: str) -> Course:
    """A course from its file.

    Raises:
        InputError: not of the form, an unknown country, or a code that its framework doesn't have (with the nearest).
    """
    document = parse_yaml(text, where=where, schema="course@1")
    model = validate(document, _CourseModel)
    world.country(model.member, scheme="iso3", where=document.place("member"))
    for n, one in enumerate(model.competences):
        known = frameworks()[one.framework].codes
        if one.code not in known:
            close = nearest(one.code, known, 2)
            hint = f"Near: {', '.join(f'{c} ({known[c]})' for c in close)}." if close else f"See: {', '.join(known)}."
            what = f'"{one.code[:40]}" is not a code of {one.framework}.'
            raise InputError(what, where=document.place("competences", n), hint=hint, code="unknown_code")
    return Course(
        key=f"{model.member}/{model.id}",
        member=model.member,
        version=model.version,
        title=dict(model.title),
        summary=dict(model.summary or {}),
        provider=(model.provider.name, model.provider.type),
        languages=tuple(model.languages),
        url=model.url,
        free=model.free,
        hours=model.hours,
        competences=tuple(Competence(c.framework, c.code, c.level) for c in model.competences),
    )


@cache
def languages_of(member: str) -> tuple[str, ...]:
    """The official languages of a country and its regions by the Unicode CLDR, sorted; empty where it lists none."""
    from babel.languages import get_official_languages

    iso2 = world.country(member, scheme="iso3").iso2
    found = get_official_languages(iso2, regional=True, de_facto=True)
    return tuple(sorted({main_language(tag.replace("_", "-")) for tag in found}))


def teaches(course: Course, skill: str) -> bool:
    """Whether a course teaches what an activity of SDG 4.4.1 shows: the activity itself, or its DigComp competences."""
    wanted = set(between()[1].get(skill, ()))
    return any(
        (c.framework == SDG and c.code == skill) or (c.framework == DIGCOMP and c.code in wanted)
        for c in course.competences
    )


def gaps(members: Sequence[str], figures: Sequence[Figure], courses: Sequence[Course]) -> tuple[Gap, ...]:
    """For each member and activity the gap, beside the courses; members and skills sorted.

    Raises:
        InputError: two figures of one member and activity.
    """
    by_place: dict[tuple[str, str], Figure] = {}
    for figure in figures:
        place = (figure.member, figure.skill)
        if place in by_place:
            raise InputError(f"two figures of {figure.member} for {figure.skill}.", hint="Choose one.", code="twice")
        by_place[place] = figure
    taught = {skill: [c for c in courses if teaches(c, skill)] for skill in frameworks()[SDG].codes}
    made = []
    for member in sorted(set(members)):
        own = set(languages_of(member))
        for skill in sorted(taught):
            made.append(_gap(member, skill, by_place.get((member, skill)), taught[skill], own))
    return tuple(made)


def _gap(member: str, skill: str, figure: Figure | None, taught: Sequence[Course], own: set[str]) -> Gap:
    ours = [c for c in taught if own & {main_language(tag) for tag in c.languages}]
    languages = {main_language(tag) for c in taught for tag in c.languages}
    return Gap(
        member=member,
        skill=skill,
        gap=None if figure is None else 100.0 - figure.value,
        low=None if figure is None or figure.upper is None else 100.0 - figure.upper,
        high=None if figure is None or figure.lower is None else 100.0 - figure.lower,
        year=None if figure is None else figure.year,
        observation="" if figure is None else figure.observation,
        courses=tuple(sorted(c.key for c in taught)),
        own=tuple(sorted(c.key for c in ours)),
        languages=tuple(sorted(languages)),
    )


def headlines(found: Sequence[Gap]) -> tuple[str, ...]:
    """Members for whom no course at all is in a language of theirs, in words; empty where every member has one."""
    by_member: dict[str, set[str]] = {}
    for gap in found:
        by_member.setdefault(gap.member, set()).update(gap.own)
    return tuple(
        f"No course in any language of {member} ({', '.join(languages_of(member)) or 'none known to us'})."
        for member, own in sorted(by_member.items())
        if not own
    )


def course_jsonld(course: Course) -> dict[str, Any]:
    """The course as a schema.org `Course`, JSON-LD; what is taught are `DefinedTerm`s of their framework."""

    def said(texts: Mapping[str, str]) -> list[dict[str, str]]:
        return [{"@language": language, "@value": text} for language, text in texts.items()]

    def term(one: Competence) -> dict[str, Any]:
        framework = frameworks()[one.framework]
        made: dict[str, Any] = {
            "@type": "DefinedTerm",
            "inDefinedTermSet": framework.name,
            "name": framework.codes[one.code],
            "termCode": one.code,
        }
        return made

    name, kind = course.provider
    made: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Course",
        "identifier": course.key,
        "inLanguage": list(course.languages),
        "name": said(course.title),
        "provider": {"@type": "GovernmentOrganization" if kind == "government" else "Organization", "name": name},
        "teaches": [term(c) for c in course.competences],
        "url": course.url,
    }
    if course.summary:
        made["description"] = said(course.summary)
    if course.free is not None:
        made["isAccessibleForFree"] = course.free
    if course.hours is not None:
        made["timeRequired"] = f"PT{course.hours}H"
    return made
