"""What a running node says of itself to its operator: one question to `ops_listen`, on this machine.

Raises a `StateError` that says how to start the node where nothing listens. Nothing of another machine is asked here;
members are asked by `outbound` alone.
"""

from __future__ import annotations

import http.client
import json
from typing import Any

from concordat.errors import StateError, TrustError

ANSWER_MAX = 4_000_000
TIMEOUT_S = 10


def ask(address: tuple[str, int], path: str) -> dict[str, Any]:
    """The answer to `/status` or `/ready`, as an object.

    Args:
        address: host and port of `ops_listen`.

    Raises:
        StateError: no node answers there. TrustError: something else does.
    """
    host, port = address
    where = f"{host}:{port}"
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        data = answer.read(ANSWER_MAX)
    except (OSError, http.client.HTTPException) as error:
        hint = "Start it: concordat node serve"
        raise StateError(f"no node answers here ({error}).", where=where, hint=hint, code="not_running") from None
    finally:
        connection.close()
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict) or answer.status not in (200, 503):
        raise TrustError("what answers here is no node of ours.", where=where, code="not_ours")
    return found
