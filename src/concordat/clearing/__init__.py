"""Who owes whom, what can settle now, and why this did or did not: the clearing room of central banks and their banks.

A deterministic ledger, exact liquidity saving whose results anyone can check, and ISO 20022 in and out. The room opens
no file, socket or database (hosts do, in `node.clearing`) and asks no clock.

    scheme = parse_scheme(text, where="scheme.yaml")          # the rules that the central banks agreed on
    host = MemoryHost(scheme)
    host.submit(sign(payload, [secret], scheme.name))         # one signed instruction
    receipts = host.step(time_ms)                             # a block: what became of each, and why
    check_proof(host.prove(uetr), block_hash)                 # one payment, proved to whoever trusts the block
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concordat.clearing.core.apply import Block, apply
    from concordat.clearing.core.invariants import Watch, check_invariants
    from concordat.clearing.core.receipts import Receipt, check_proof
    from concordat.clearing.core.replay import replay
    from concordat.clearing.core.scheme import Scheme
    from concordat.clearing.core.signatures import Signed, sign
    from concordat.clearing.core.state import State
    from concordat.clearing.host import Host, MemoryHost
    from concordat.clearing.netting.circulation import Cleared, clear_divisible
    from concordat.clearing.netting.pvp import Selected, select_trades
    from concordat.clearing.netting.queue_release import Released, release_queue
    from concordat.clearing.scheme_file import parse_scheme
    from concordat.clearing.verifiers import PooledVerifier

__all__ = [
    "Block",
    "Cleared",
    "Host",
    "MemoryHost",
    "PooledVerifier",
    "Receipt",
    "Released",
    "Scheme",
    "Selected",
    "Signed",
    "State",
    "Watch",
    "apply",
    "check_invariants",
    "check_proof",
    "clear_divisible",
    "parse_scheme",
    "release_queue",
    "replay",
    "select_trades",
    "sign",
]

_HOMES = {
    **dict.fromkeys(("Block", "apply"), "core.apply"),
    **dict.fromkeys(("Watch", "check_invariants"), "core.invariants"),
    **dict.fromkeys(("Receipt", "check_proof"), "core.receipts"),
    "replay": "core.replay",
    "Scheme": "core.scheme",
    **dict.fromkeys(("Signed", "sign"), "core.signatures"),
    "State": "core.state",
    **dict.fromkeys(("Host", "MemoryHost"), "host"),
    **dict.fromkeys(("Cleared", "clear_divisible"), "netting.circulation"),
    **dict.fromkeys(("Released", "release_queue"), "netting.queue_release"),
    **dict.fromkeys(("Selected", "select_trades"), "netting.pvp"),
    "parse_scheme": "scheme_file",
    "PooledVerifier": "verifiers",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: a command that needs one part doesn't pay for the others."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
