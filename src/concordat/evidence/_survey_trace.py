"""What a trace can show of a survey's figure: its microdata stay at the member's node, so no text of theirs.

The place is `survey item online of people.csv`; the bytes are named by their SHA-256 and are not in the store, by
design. Because a lost body must never pass for one that was never here, the vintage itself says so (`kept`, under its
seal) and names the file's hash; anything else raises. What can be shown and checked is the rule by which the figure was
made: the item's entry in the survey file, which is kept as the vintage's body.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from concordat import canonical
from concordat.errors import ConcordatError, TrustError

if TYPE_CHECKING:
    from concordat.evidence.observation import Observation
    from concordat.evidence.store import Store

KEPT_AT_NODE = "at the member's node"
_PLACE = re.compile(r"survey item ([A-Za-z0-9_]+) of (.+)", re.DOTALL)


def survey_locator(item: str, file: str) -> str:
    """The place of a survey's figure: the item, and the file that stays at the node."""
    return f"survey item {item} of {file}"


def is_at_node(observation: Observation) -> bool:
    """Whether the row says that its bytes stay at a member's node."""
    return _PLACE.fullmatch(observation.raw_locator) is not None


def item_text(observation: Observation, store: Store) -> str:
    """The item's entry in the kept survey file, as canonical JSON.

    Raises:
        TrustError: the vintage does not say that its microdata stay at the node, or names another file; the survey
            file was changed, or has no such item.
    """
    from concordat.settings import parse_yaml

    where = f"{observation.dataset_id}/{observation.vintage_id}"
    match = _PLACE.fullmatch(observation.raw_locator)
    assert match is not None, "asked only of survey rows"
    vintage = store.catalog.vintage(observation.dataset_id, observation.vintage_id)
    said = vintage.origin if vintage is not None else {}
    if vintage is None or said.get("kept") != KEPT_AT_NODE or said.get("sha256") != observation.raw_sha256:
        what = f"the row {observation.obs_id} says its bytes stay at a node; its vintage says nothing of the kind."
        hint = "The report or the store was changed; restore it from a copy."
        raise TrustError(what, where=where, hint=hint, code="survey")
    body = store.raw.get(vintage.raw[0])
    try:
        items = parse_yaml(body, where="the survey file").value["items"]
        found = next(item for item in items if item["id"] == match[1])
        return canonical.dumps(found, floats=True).decode()
    except (ConcordatError, StopIteration, LookupError, TypeError):
        what = f'the kept survey file has no item "{match[1]}".'
        raise TrustError(what, where=where, hint="Restore the store from a copy.", code="survey") from None
