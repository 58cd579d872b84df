"""What is logged of an algorithm's record: id, version, hash and how far it is filled; never its contact.

Source: exchange.md, sections 3 and 7.
"""

from __future__ import annotations

from typing import Any

from concordat.errors import RuleError
from concordat.exchange.algorithms.completeness import STANDARDS as COUNTED
from concordat.exchange.algorithms.completeness import completeness
from concordat.exchange.algorithms.record import AlgorithmRecord
from concordat.ledger.entry import blob_reference

MEDIA_TYPE = "application/json"
STANDARDS = {"core": "core", "nl": "nl_1_0", "uk": "uk_atrs_2022"}


def record_document(record: AlgorithmRecord) -> bytes:
    """The bytes of the document that an entry names."""
    return record.text().encode()


def published_body(record: AlgorithmRecord, author: str) -> dict[str, Any]:
    """The body of the entry by which a member publishes a record of its register.

    Raises:
        RuleError: the record is another member's.
    """
    if record.member and record.member != author:
        hint = "A member publishes its own register."
        raise RuleError(f"{record.id} is {record.member}'s, not {author}'s.", where="member", hint=hint, code="author")
    return {
        "algorithm": record.id,
        "version": record.version,
        "document": blob_reference(record_document(record), MEDIA_TYPE, None),
        "standard": STANDARDS[record.source_standard],
        "filled": [
            {"standard": name, "filled": found.filled, "fields": found.fields}
            for name, found in ((name, completeness(record, name)) for name in COUNTED)
            if name in ("core", record.source_standard)  # fields of another form say nothing of how this one is filled
        ],
    }
