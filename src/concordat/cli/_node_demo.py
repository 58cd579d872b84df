"""`concordat node demo`: a bloc of many members in one folder, exchanging files until all is final everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from concordat import canonical, clock
from concordat.errors import InputError

MEMBERS_MAX = 30


def member_ids(bloc: str, n: int) -> list[str]:
    """The first n members of a bloc, by their codes.

    Raises:
        InputError: no such bloc, or fewer members.
    """
    from concordat.world import members

    found = sorted(members(bloc, on=clock.today()))
    if not 1 <= n <= min(len(found), MEMBERS_MAX):
        what = f"{bloc} has {len(found)} members; a demo has 1 to {min(len(found), MEMBERS_MAX)}."
        raise InputError(what, hint="Choose fewer, or another --bloc.", code="demo_size")
    return found[:n]


def found_bloc(root: Path, bloc: str, ids: Sequence[str]) -> list[Any]:
    """Make the nodes and their common membership; the nodes, opened."""
    from concordat.node.found import adopt, found_payload, init, read_record, read_root, sign_payload
    from concordat.node.home import Node
    from concordat.node.identity import Identity

    homes = [root / member / "home" for member in ids]
    for member, home in zip(ids, homes, strict=True):
        init(home, Identity(bloc, member, f"{member.lower()}.example"))
    payload = canonical.dumps(found_payload(bloc, [read_record(home / "member.json")[1] for home in homes]))
    envelope = None
    for home in homes:
        roots = [read_root(path) for path in sorted((home / "roots").glob("root-*.json"))[:2]]
        envelope = sign_payload(payload, roots, envelope)
    assert envelope is not None
    for home in homes:
        adopt(home, [envelope.to_bytes()])
    return [Node(home) for home in homes]


def run(root: Path, bloc: str, ids: Sequence[str], progress: Callable[[str], None]) -> dict[str, Any]:
    """Found, write one entry each, exchange folders until all is final; the figures.

    Raises:
        InputError: the folder is not empty.
    """
    from concordat.node.publish import export
    from concordat.node.sync import exchange

    if root.exists() and any(root.iterdir()):
        raise InputError("the folder is not empty.", where=str(root), hint="Choose a new one.", code="not_empty")
    progress(f"making keys for {len(ids)} members")
    nodes = found_bloc(root, bloc, ids)
    folders = [root / member / "public" for member in ids]
    try:
        written = set()
        for node in nodes:
            entry, _ = node.write("Said", {"word": f"good morning from {node.identity.member}"}, "council")
            written.add(entry.id)
        for node, folder in zip(nodes, folders, strict=True):
            export(node.replica, folder)

        def done() -> bool:
            return all(written <= {entry.id for _, _, entry in node.replica.events()} for node in nodes)

        progress("exchanging folders")
        rounds = exchange(nodes, folders, done)
        started = time.perf_counter()
        entry, _ = nodes[-1].write("Said", {"word": "one more"}, "council")
        written.add(entry.id)
        again = exchange(nodes, folders, done)
        seconds = time.perf_counter() - started
        view, size = nodes[0].replica.final()
        point, _ = nodes[0].replica.history()[-1]
        (root / "demo.json").write_bytes(canonical.dumps({"bloc": bloc, "members": list(ids)}))
        return {
            "bloc": bloc,
            "members": list(ids),
            "entries": len(written),
            "final": {"view": view, "batch": point.batch, "size": size},
            "rounds": rounds,
            "event_to_final_rounds": again,
            "event_to_final_s": round(seconds, 3),
            "folders": [str(folder) for folder in folders],
        }
    finally:
        for node in nodes:
            node.close()


def to_stderr(text: str) -> None:
    """Progress, where a person sees it and a program doesn't."""
    print(f"concordat: {text} ...", file=sys.stderr)
