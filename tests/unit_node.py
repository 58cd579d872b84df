"""Nodes for tests: a bloc of some members, each in its own folder."""

from __future__ import annotations

from pathlib import Path

from concordat import canonical
from concordat.node.found import adopt, found_payload, init, read_record, read_root, sign_payload
from concordat.node.identity import Identity

IDS = ("BRA", "IND", "ZAF")


def found(root: Path, ids: tuple[str, ...] = IDS) -> list[Path]:
    """Homes of a bloc of some members."""
    homes = [root / member / "home" for member in ids]
    for member, home in zip(ids, homes, strict=True):
        init(home, Identity("BRICS", member, f"{member.lower()}.example"))
    payload = canonical.dumps(found_payload("BRICS", [read_record(home / "member.json")[1] for home in homes]))
    envelope = None
    for home in homes:
        envelope = sign_payload(payload, [read_root(p) for p in sorted((home / "roots").iterdir())[:2]], envelope)
    assert envelope is not None
    for home in homes:
        adopt(home, [envelope.to_bytes()])
    return homes
