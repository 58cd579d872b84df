"""How the node asks its own engine for what ABCI doesn't carry: signed headers, and the way into the mempool.

CometBFT's JSON-RPC over HTTP (0.38, `rpc/openapi`): `commit` gives the header of a height with its signatures,
`broadcast_tx_sync` hands in one transaction and answers with the code of CheckTx. Nothing of an answer is believed:
what a header proves is checked by `node.abci_commit`. Bounds: 4 MiB, 10 s, no redirects, no proxy; plain HTTP to this
machine alone.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from typing import Any
from urllib.parse import urlsplit

from concordat.errors import InputError, RuleError, SourceError
from concordat.node.abci_commit import SignedHeader

ANSWER_BYTES_MAX = 4 * 2**20
TIMEOUT_S = 10.0
REFUSED = "engine_refused"  # the engine answers, and has no such height or takes no such entry


class EngineRpc:
    """The RPC of one engine.

    Args:
        url: as http://127.0.0.1:26657

    Raises:
        InputError: no such address. RuleError: plain HTTP to another machine.
    """

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            hint = "As http://127.0.0.1:26657"
            raise InputError(f'"{url[:80]}" is not an address.', where="--rpc", hint=hint, code="address")
        if parts.scheme == "http" and not _here(parts.hostname):
            what = f"refusing plain HTTP to {parts.hostname}."
            hint = "Ask the engine on this machine, or one behind https."
            raise RuleError(what, where="--rpc", hint=hint, code="plain_http")
        import httpx

        self._url = url
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def signed_header(self, height: int) -> SignedHeader:
        """The header of a height with its commit; unverified.

        Raises:
            SourceError: the engine doesn't answer, or has no such height. InputError: an answer of another form.
        """
        found = self._call("commit", {"height": str(height)})
        return SignedHeader.parse(found.get("signed_header"), f"signed header {height}")

    def broadcast(self, tx: bytes) -> tuple[int, str]:
        """Hand in a transaction: (code of CheckTx, its words). One that the engine knows already counts as accepted.

        Raises:
            SourceError: the engine doesn't answer, or refuses by itself (a full mempool).
        """
        try:
            found = self._call("broadcast_tx_sync", {"tx": base64.b64encode(tx).decode()})
        except SourceError as error:
            if "already exists in cache" in error.what:
                return 0, "known to the engine"
            raise
        code, words = found.get("code"), found.get("log")
        if type(code) is not int or code < 0:
            raise SourceError("an answer without a code.", where=self._url, code="engine_rpc")
        return code, str(words or "")[:500]

    def _call(self, method: str, params: dict[str, str]) -> dict[str, Any]:
        import httpx

        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        data = bytearray()
        try:
            with self._client.stream("POST", self._url, json=asked) as answer:
                for chunk in answer.iter_bytes():
                    data += chunk
                    if len(data) > ANSWER_BYTES_MAX:
                        what = f"over {ANSWER_BYTES_MAX:,} bytes."
                        raise SourceError(what, where=self._url, code="engine_rpc")
            raw = json.loads(data)
        except httpx.HTTPError as error:
            hint = "Is the engine running? Its RPC listens where config.toml says, under rpc.laddr."
            raise SourceError(f"no answer: {error}.", where=self._url, hint=hint, code="engine_rpc") from None
        except (ValueError, RecursionError):
            raise SourceError("the answer is not JSON.", where=self._url, code="engine_rpc") from None
        found = raw.get("result") if isinstance(raw, dict) else None
        if not isinstance(found, dict):
            fault = raw.get("error") if isinstance(raw, dict) else None
            stated = " ".join(str(fault.get(k, "")) for k in ("message", "data")) if isinstance(fault, dict) else ""
            raise SourceError(f"{method} was refused: {stated[:300]}", where=self._url, code=REFUSED)
        return found


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
