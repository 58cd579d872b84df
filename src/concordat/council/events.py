"""The types of entry that the council knows, one JSON Schema each, and what time does to its objects.

Each type stands beside the handler that takes it; this module loads them all, once, and says which they are.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

from concordat.council._registry import KINDS
from concordat.council.state import Council, Passing
from concordat.ledger.fold import Event

MODULES = (
    "constitution", "agenda", "documents", "standings", "voting", "counting", "silences", "consultations",
    "commitments", "reviews", "cases",
)  # fmt: skip
PASSING: dict[str, Passing] = {}


@cache
def load_all() -> tuple[str, ...]:
    """Import every handler; the names of all types, sorted."""
    found = {name: importlib.import_module(f"concordat.council.{name}") for name in MODULES}
    PASSING.update(
        {
            "vote": found["counting"].pass_vote,
            "silence": found["silences"].pass_silence,
            "consultation": found["consultations"].pass_consultation,
            "dispute": found["cases"].pass_dispute,
        }
    )
    return tuple(sorted(KINDS))


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one type's body."""
    load_all()
    model = KINDS[name].body
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"concordat/council/{name}@1"}
    return {**head, **model.model_json_schema(), "title": name}


def note_refusal(council: Council, event: Event, reason: str) -> None:
    """A ballot that doesn't count is shown with its vote as well."""
    body = event.entry.body
    if event.entry.type in ("BallotCast", "BallotCommitted", "BallotRevealed") and isinstance(body.get("vote"), str):
        from concordat.council.voting import refuse_ballot

        refuse_ballot(council, body["vote"], event.entry.id, str(body.get("proxy_for") or event.entry.author), reason)
