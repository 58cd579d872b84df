"""Gaps in digital skills and the courses on an exchange's log, as a report keeps them, to be counted again.

A gap is 100 minus the share of people who did an activity, as a publisher gives it (SDG 4.4.1); a course is a case with
`competences`. Which activity shows which competence is a parameter of the record, so that it is computed again from
what the report says and not from a newer table. No causal claim. Source: exchange.md, sections 9 and 15.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from concordat.evidence.provenance import Parts, derivation
from concordat.exchange.record import exchange_of_rows, tidy

COURSES, GAP = "exchange.record_skills.courses@1", "exchange.record_skills.gap@1"


@derivation("exchange.record_skills.courses")
def courses(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Courses that stand: `courses`; `taught_arsp`, those that teach what an activity shows; `own_BRA`, those in a
    language of a member. Inputs: rows of cases. `languages`: member -> its languages; `shows`: activity -> the
    competences (`digcomp 1.1`) that teach it.
    """
    from concordat.exchange.inclusion.aid import main_language
    from concordat.exchange.measures import Window, standing

    exchange = exchange_of_rows(inputs)
    found = [fact.body for fact in standing(exchange, "case", Window()) if fact.body.competences]
    taught = [{f"{one.framework} {one.code}" for one in body.competences} for body in found]
    spoken = [{main_language(tag) for tag in body.languages} for body in found]
    parts: dict[str, Any] = {"value": None, "courses": len(found)}
    for skill, wanted in sorted(parameters["shows"].items()):
        parts[f"taught_{skill}"] = sum(bool(one & set(wanted)) for one in taught)
    for member, own in sorted(parameters["languages"].items()):
        parts[f"own_{member}"] = sum(bool(one & set(own)) for one in spoken)
    return parts


@derivation("exchange.record_skills.gap")
def gap(inputs: Sequence[Parts], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The largest gap of one member, in per cent, with `lower` and `upper` of its figure, its `year` and `skill`.

    Inputs: its chosen figures of the activities `skills`, in that order; of equal gaps the first.
    """

    def rest(one: Parts, part: str) -> float | None:
        return None if one[part] is None else tidy(100 - float(one[part]))

    gaps = [(rest(one, "value"), skill, one) for skill, one in zip(parameters["skills"], inputs, strict=True)]
    value, skill, one = max(gaps, key=lambda found: found[0] or 0.0)
    return {
        "value": value, "lower": rest(one, "upper"), "upper": rest(one, "lower"), "year": one["year"], "skill": skill,
    }  # fmt: skip
