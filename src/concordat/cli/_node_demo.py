"""`concordat node demo`: a bloc of many members in one folder, exchanging files until all is final everywhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from concordat import clock
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


def run(root: Path, bloc: str, ids: Sequence[str], progress: Callable[[str], None]) -> dict[str, Any]:
    """Found, write one entry each, exchange folders until all is final; the figures.

    Raises:
        InputError: the folder is not empty.
    """
    from concordat.node.demo import Demo
    from concordat.node.sync import exchange

    progress(f"making keys for {len(ids)} members")
    with Demo.found(root, bloc, ids) as demo:
        nodes, folders = list(demo.nodes.values()), list(demo.folders.values())
        written = set()
        for node in nodes:
            entry, _ = node.write("Said", {"word": f"good morning from {node.identity.member}"}, "council")
            written.add(entry.id)
        demo.publish()

        def done() -> bool:
            return all(written <= {entry.id for _, _, entry in node.replica.events()} for node in nodes)

        progress("exchanging folders")
        rounds = exchange(nodes, folders, done)
        started = time.perf_counter()
        entry, _ = nodes[-1].write("Said", {"word": "one more"}, "council")
        written.add(entry.id)
        again = exchange(nodes, folders, done)
        seconds = time.perf_counter() - started
        replica = nodes[0].replica
        view, size = replica.final()
        point, _ = replica.history()[-1]
        return {
            "bloc": bloc,
            "members": list(ids),
            "entries": len(written),
            "final": {"view": view, "batch": point.batch, "size": size},
            "rounds": rounds,
            "event_to_final_rounds": again,
            "event_to_final_s": round(seconds, 3),
            "folders": [str(folder) for folder in demo.folders.values()],
        }


def to_stderr(text: str) -> None:
    """Progress, where a person sees it and a program doesn't."""
    print(f"concordat: {text} ...", file=sys.stderr)
