"""Entries of the exchange for tests: what a member says, in a line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from concordat.exchange.fold import Logged
from council_kit import entry


def digest(word: str) -> str:
    """A hash that a word stands for."""
    return hashlib.sha256(word.encode()).hexdigest()


def blob(word: str, *, salted: bool = False) -> dict[str, Any]:
    """A document beside the log."""
    return {"hash": digest(word), "media_type": "application/json", "salted": salted, "size": len(word)}


def uuid(number: int) -> str:
    """A name as catalogues give it."""
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def at(text: str) -> int:
    """An instant in UTC as seconds since 1970: `at("2026-05-01T10:00")`."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def said(
    author: str, kind: str, seq: int, body: Mapping[str, Any], submitted: str | None = "2026-05-01T10:00"
) -> Logged:
    """An entry of scope `exchange` with an id of its own and no signature."""
    made = replace(entry(author, kind, dict(body), seq), scope="exchange")
    return Logged(made, None if submitted is None else at(submitted))


def a_case(author: str, seq: int, name: str = "", *, submitted: str | None = "2026-05-01T10:00", **more: Any) -> Logged:
    """A case that a member publishes."""
    name = name or f"case-{author.lower()}-{seq}"
    body = {"case": name, "version": 1, "kind": "practice", "document": blob(name), **more}
    return said(author, "CasePublished", seq, body, submitted)


def a_dataset(author: str, seq: int, name: str = "", **more: Any) -> Logged:
    """A dataset that a member offers."""
    name = name or f"data-{seq}"
    file = {"hash": digest(name), "bytes": 10, "format": "text/csv"}
    body = {"dataset": name, "version": 1, "uuid": uuid(seq), "access": "restricted", "document": blob(name)}
    return said(author, "DatasetOffered", seq, {**body, "policy": digest("p"), "files": [file], **more})


def a_report(author: str, seq: int, kind: str, **more: Any) -> Logged:
    """A report that a member publishes."""
    body = {"series": "notes", "number": seq, "year": 2026, "kind": kind, "document": blob(f"{author}{seq}"), **more}
    return said(author, "ReportPublished", seq, body)


def an_incident(author: str, seq: int, number: int = 1, label: str = "GREEN", **more: Any) -> Logged:
    """An incident that a member shares."""
    name = f"incident--00000000-0000-4000-8000-{number:012d}"
    body = {"incident": name, "version": 1, "label": label, "document": blob(name, salted=True), **more}
    return said(author, "IncidentShared", seq, body)
