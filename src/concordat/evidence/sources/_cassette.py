"""Records of what services answered, and answering from a record without any network.

A cassette is a folder: `0001.json`, `0002.json`, ... say what was asked and how it was answered; `bodies/<sha256>`
holds each body. A request is found again by its method, its normalised address (sorted query, no secrets), the content
types it accepts, and the hash of what it sent. There are three ways to pull: live, recording (live, and kept here), and
replaying (from here alone). A body whose hash differs is a `TrustError`; what was never recorded is never guessed.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from concordat.errors import InputError, SourceError, StateError, TrustError
from concordat.evidence.sources._base import Answer, Request, Transport
from concordat.evidence.sources._urls import normal_url

SCHEMA = "concordat/cassette@1"
ENTRIES_MAX = 9999
Key = tuple[str, str, str, str]

_ENTRY = re.compile(r"[0-9]{4}\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TEXTS = ("method", "url", "accept", "request_body_sha256", "retrieved_at", "body_sha256")


def key_of(request: Request) -> Key:
    """What makes two requests the same."""
    sent = hashlib.sha256(request.body).hexdigest() if request.body else ""
    return (request.method, normal_url(request.url), ", ".join(request.accept), sent)


class Recorder:
    """Sends by another transport and keeps each answer; a request asked again replaces its own record."""

    def __init__(self, inner: Transport, folder: Path) -> None:
        self._inner = inner
        self._folder = folder
        _make(folder / "bodies")
        self._names = {key: name for key, (name, _) in read_entries(folder).items()}

    def send(self, request: Request) -> Answer:
        """The answer, kept.

        Raises:
            SourceError: as the transport that sends.
            StateError: the folder can't be written.
        """
        answer = self._inner.send(request)
        sha256 = hashlib.sha256(answer.body).hexdigest()
        key = key_of(request)
        entry = {
            "schema": SCHEMA,
            **dict(zip(("method", "url", "accept", "request_body_sha256"), key, strict=True)),
            "status": answer.status,
            "headers": dict(answer.headers),
            "retrieved_at": answer.retrieved_at.isoformat(),
            "body_sha256": sha256,
        }
        name = self._names.get(key) or self._next()
        _write(self._folder / "bodies" / sha256, answer.body)
        _write(self._folder / name, json.dumps(entry, ensure_ascii=False, indent=1).encode() + b"\n")
        self._names[key] = name
        return answer

    def _next(self) -> str:
        number = max((int(name[:4]) for name in self._names.values()), default=0) + 1
        if number > ENTRIES_MAX:
            raise StateError(f"holds {ENTRIES_MAX:,} answers already.", where=str(self._folder), hint="Begin another.")
        return f"{number:04}.json"


class Player:
    """Answers from a record alone; nothing here can open a connection."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._entries = read_entries(folder)
        if not self._entries:
            what = "holds no recorded answer."
            raise InputError(what, where=str(folder), hint="Make one with --record.", code="no_cassette")

    def send(self, request: Request) -> Answer:
        """The recorded answer, with the time at which it was given.

        Raises:
            SourceError: it was never recorded; the nearest recorded address is named.
            TrustError: its body is missing or is not what was recorded.
        """
        key = key_of(request)
        if key not in self._entries:
            raise self._unknown(key)
        name, entry = self._entries[key]
        path = self._folder / "bodies" / entry["body_sha256"]
        headers = {str(k).lower(): str(v) for k, v in entry["headers"].items()}
        return Answer(
            body=_body(path, entry["body_sha256"]),
            name=request.file_name,
            url=entry["url"],
            retrieved_at=_moment(entry["retrieved_at"], self._folder / name),
            method=request.method,
            status=entry["status"],
            headers=tuple(headers.items()),
            etag=headers.get("etag", ""),
            last_updated=headers.get("last-modified", ""),
        )

    def _unknown(self, key: Key) -> SourceError:
        method, url, accept, _ = key
        urls = sorted({k[1] for k in self._entries})
        nearest = difflib.get_close_matches(url, urls, n=1, cutoff=0.0)[0]
        what = f"no answer to {method} {url} is recorded here."
        if nearest == url:
            asked = sorted({f"{k[0]} for {k[2]}" for k in self._entries if k[1] == url})
            hint = f"This address is recorded as {'; '.join(asked)}; asked was {method} for {accept}."
        else:
            hint = f"The nearest is {nearest}. Ask for what was recorded, or record again with --record."
        return SourceError(what, where=str(self._folder), hint=hint, code="not_recorded")


def read_entries(folder: Path) -> dict[Key, tuple[str, dict[str, Any]]]:
    """The file name and content of each record by what was asked; of two records of one request, the last.

    Raises:
        InputError: no such folder, or a file in it is not a record.
    """
    try:
        names = sorted(p.name for p in folder.iterdir() if _ENTRY.fullmatch(p.name))
    except OSError as error:
        what = f"can't be read: {error.strerror}."
        raise InputError(
            what, where=str(folder), hint="Name a folder made with --record.", code="no_cassette"
        ) from None
    found: dict[Key, tuple[str, dict[str, Any]]] = {}
    for name in names:
        entry = _entry(folder / name)
        key = (entry["method"], normal_url(entry["url"]), entry["accept"], entry["request_body_sha256"])
        found[key] = (name, entry)
    return found


def _entry(path: Path) -> dict[str, Any]:
    hint = "Take it away, or record again with --record."
    try:
        entry = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not JSON: {error}.", where=str(path), hint=hint, code="cassette") from None
    if not isinstance(entry, dict) or entry.get("schema") != SCHEMA:
        raise InputError(f"is not a record of schema {SCHEMA}.", where=str(path), hint=hint, code="cassette")
    wrong = [k for k in _TEXTS if not isinstance(entry.get(k), str)]
    wrong += [] if isinstance(entry.get("headers"), Mapping) else ["headers"]
    wrong += [] if isinstance(entry.get("status"), int) else ["status"]
    if not wrong and not _SHA256.fullmatch(entry["body_sha256"]):
        wrong = ["body_sha256"]
    if wrong:
        what = f"lacks what a record must say: {', '.join(wrong)}."
        raise InputError(what, where=str(path), hint=hint, code="cassette")
    return entry


def _body(path: Path, expected: str) -> bytes:
    hint = "Restore the file, or record again with --record."
    try:
        body = path.read_bytes()
    except OSError as error:
        what = f"a recorded body can't be read: {error.strerror}; expected SHA-256 {expected}."
        raise TrustError(what, where=str(path), hint=hint, code="cassette_body") from None
    found = hashlib.sha256(body).hexdigest()
    if found != expected:
        what = f"a recorded body is not what it was: expected SHA-256 {expected}, found {found}."
        raise TrustError(what, where=str(path), hint=hint, code="cassette_body")
    return body


def _moment(text: str, path: Path) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InputError(f'retrieved_at "{text}" is no time with a zone.', where=str(path), code="cassette")
    return moment


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_written(folder, error) from None


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: what is interrupted leaves no half record."""
    temporary = path.with_name(path.name + ".part")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise _not_written(path, error) from None
    finally:
        temporary.unlink(missing_ok=True)


def _not_written(path: Path, error: OSError) -> StateError:
    what = f"can't be written: {error.strerror or error}."
    return StateError(what, where=str(path), hint="Choose another folder for --record.", code="record")
