"""What is logged of a case: the body of `CasePublished`, with codes, hashes and dates only.

Nothing of the case's own words stands in the entry, since a word may name a person: the document beside the log holds
them. The organisation that owns the case is a hash of its folded name, so that cases of one owner can be counted.
Source: exchange.md, section 3.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, get_args

from concordat.errors import InputError, RuleError
from concordat.exchange._bodies import ReachBody
from concordat.exchange.cases.case import Case
from concordat.exchange.cases.duplicates import fold_name
from concordat.exchange.cases.standing import GRADES
from concordat.ledger.entry import blob_reference

MEDIA_TYPE = "application/json"
REACHED = get_args(ReachBody.model_fields["who"].annotation)
_GRADE = re.compile(r"([0-9]{1,2})=([0-4])")


def case_document(case: Case) -> bytes:
    """The bytes of the document that an entry names."""
    return case.text().encode()


def published_body(case: Case, author: str) -> dict[str, Any]:
    """The body of the entry by which a member publishes its case.

    Raises:
        RuleError: the case is another member's, or was imported from a registry.
    """
    if case.member != author:
        whose = f"{case.member}'s" if case.member else "from a registry"
        hint = "A member publishes its own cases: write one with member and owner."
        raise RuleError(f"{case.id} is {whose}, not {author}'s.", where="member", hint=hint, code="author")
    assert case.owner is not None  # a case with a member and no registry has one
    body: dict[str, Any] = {
        "case": case.id,
        "version": case.version,
        "kind": case.kind,
        "document": blob_reference(case_document(case), MEDIA_TYPE, None),
        "body": hashlib.sha256(fold_name(case.owner.name).encode()).hexdigest(),
        "sectors": sorted(set(case.facets.dac)),
        "sdgs": sorted(set(case.facets.sdgs)),
        "fintech_area": sorted(set(case.facets.fintech_area)),
        "languages": sorted(set(case.facets.taught_in)) or list(case.languages),
    }
    if case.facets.competences:
        taught = sorted({(one.framework, one.code) for one in case.facets.competences})
        body["competences"] = [{"framework": framework, "code": code} for framework, code in taught]
    if case.owner.type != "unknown":
        body["body_type"] = case.owner.type
    if case.reach is not None and case.reach.unit in REACHED and case.reach.value.isdecimal():
        body["reached"] = [{"who": case.reach.unit, "count": int(case.reach.value)}]
    return body


def grades_of(words: list[str]) -> list[dict[str, int]]:
    """Grades as a reviewer writes them, `0=2` for grade 2 of result 0.

    Raises:
        InputError: another form, or a result twice.

    >>> grades_of(["0=2", "1=4"])
    [{'result': 0, 'grade': 2}, {'result': 1, 'grade': 4}]
    """
    found: dict[int, int] = {}
    for word in words:
        match = _GRADE.fullmatch(word)
        if match is None or int(match.group(1)) in found:
            scale = "; ".join(f"{grade} {said}" for grade, said in enumerate(GRADES))
            hint = f"RESULT=GRADE, each result once, as 0=2. Grades: {scale}."
            raise InputError(f'"{word[:40]}" is no grade of a result.', where="--grade", hint=hint, code="grade")
        found[int(match.group(1))] = int(match.group(2))
    return [{"result": result, "grade": grade} for result, grade in sorted(found.items())]
