"""What a running node says of itself to its operator, and orders to it: one question to `ops_listen`, on this machine.

Raises a `StateError` that says how to start the node where nothing listens. Nothing of another machine is asked here;
members are asked by `outbound` alone.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from concordat.errors import ConcordatError, InputError, MethodError, RuleError, SourceError, StateError, TrustError

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


def order(
    address: tuple[str, int], path: str, secret: str, wanted: Mapping[str, Any], timeout_s: float
) -> dict[str, Any]:
    """Give the running node an order of this machine's operator; what it answers.

    Args:
        address: host and port of `ops_listen`. secret: the file in the node's folder. wanted: the order, as JSON.

    Raises:
        StateError: no node answers there, or not in time. TrustError: something else does, or another node. Whatever
            the node raised, as it raised it.
    """
    host, port = address
    where = f"{host}:{port}"
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    headers = {"content-type": "application/json", "authorization": f"Bearer {secret}"}
    try:
        connection.request("POST", path, json.dumps(wanted).encode(), headers)
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
    if answer.status == 403:
        hint = "Name its folder: --home"
        raise TrustError("the node that answers here is not of this folder.", where=where, hint=hint, code="not_ours")
    if not isinstance(found, dict) or answer.status != 200:
        raise TrustError("what answers here is no node of ours, or too old a one.", where=where, code="not_ours")
    if isinstance(found.get("error"), dict):
        raise _raised(found["error"])
    return found


def _raised(facts: Mapping[str, Any]) -> ConcordatError:
    """The node's own error, of the branch that it had there."""
    kinds = {kind.__name__: kind for kind in (InputError, MethodError, RuleError, SourceError, StateError, TrustError)}
    by_code = {kind.exit_code: kind for kind in kinds.values()}
    kind = kinds.get(str(facts.get("error"))) or by_code.get(int(facts.get("exit_code", 7)), StateError)
    words = {key: str(facts.get(key, "")) for key in ("where", "hint", "code")}
    return kind(str(facts.get("what", "")), **words)
