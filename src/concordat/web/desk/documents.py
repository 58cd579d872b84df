"""Documents that an act names by their hash: taken with a form, kept under their SHA-256, given out as attachments.

Where a field of an entry is a hash (a claim, a response, the terms of a settlement, a report), the form also takes the
document itself: at most 8 MB, its hash goes into the field, the bytes into the node's folder of hashed files, which
backups copy. They are given to people who are logged in at this node and to nobody else; the record holds the hash
alone. Where the node has a scanner, it looks at each document before it is kept (`node.scanner`). Which kind it is is
told by its first bytes, never by its name; a browser is told to save it and not to guess.

What this does not do: salt and confidential blobs (ledger.md 4), which need a field of another form.
Source: node-web.md 4.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from concordat.errors import InputError
from concordat.node.hashed_files import HashedFiles
from concordat.node.job_runner import FILES
from concordat.node.scanner import scan
from concordat.web.bodies import BLOB_MAX
from concordat.web.desk.asked import Answer, At, Download
from concordat.web.desk.questions import asks_of
from concordat.web.forms import Field

if TYPE_CHECKING:
    from concordat.web.desk.questions import Ask

HASH = "^[0-9a-f]{64}$"
ENDING = ".file"
# Every field of an entry that is one hash of something one may attach; a test holds it to the council's models.
NAMES = ("act", "claim", "release", "report", "response", "terms")
UPLOADS = {name + ENDING: BLOB_MAX for name in NAMES if name != "act"}  # bytes
_KINDS = (
    (b"%PDF-", "application/pdf", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"PK\x03\x04", "application/zip", "zip"),
)


def takes(ask: Ask) -> bool:
    """Whether the form of a field takes the document itself."""
    return ask.kind == "line" and ask.pattern == HASH and ask.name + ENDING in UPLOADS


def field_for(at: At, ask: Ask) -> Field:
    """The field for the document."""
    return Field(
        ask.name + ENDING, at.t("desk.document", name=at.t(f"ask.{ask.name}")), "file", (), at.t("help.document")
    )


def kept(at: At, kind: str) -> dict[str, tuple[str, ...]]:
    """The documents that came with a form, kept: field -> hash.

    Raises:
        StateError: the disk refuses, or the scanner doesn't answer. InputError: a document that the form has no place
            for, or that is known to do harm.
    """
    known = {ask.name + ENDING: ask.name for ask in asks_of(kind) if takes(ask)}
    found: dict[str, tuple[str, ...]] = {}
    for name, data in at.sent.files.items():
        if name not in known:
            raise InputError("this form takes no such document.", where=name, code="form")
        if data:
            scan(at.service.settings.scanner, data)
            found[known[name]] = (_files(at).put(data),)
    return found


def is_here(at: At, digest: str) -> bool:
    """Whether this node has the document of a hash."""
    return _files(at).has(digest)


def get_file(at: At) -> Answer:
    """A document, as an attachment.

    Raises:
        InputError: not a hash, or nothing of it is here.
    """
    digest = at.parts["hash"]
    files = _files(at)
    if len(digest) != 64 or not files.has(digest):
        raise InputError("there is no such document here.", where="address", code="unknown_id")
    data = files.get(digest)
    content_type, ending = kind_of(data)
    return Download(f"{digest[:16]}.{ending}", data, content_type)


def kind_of(data: bytes) -> tuple[str, str]:
    """(media type, ending of a name) by the first bytes; plain text where all of it is UTF-8 without controls.

    >>> kind_of(b"%PDF-1.7"), kind_of("é\\n".encode()), kind_of(b"\\x00")
    (('application/pdf', 'pdf'), ('text/plain; charset=utf-8', 'txt'), ('application/octet-stream', 'bin'))
    """
    for start, content_type, ending in _KINDS:
        if data.startswith(start):
            return content_type, ending
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream", "bin"
    plain = all(c.isprintable() or c in "\n\r\t" for c in text)
    return ("text/plain; charset=utf-8", "txt") if plain else ("application/octet-stream", "bin")


def _files(at: At) -> HashedFiles:
    return HashedFiles(at.service.node.home / FILES)
