"""Schemathesis judges the node by its own description: every operation of /openapi.json, with good and bad data.

    cd tests && python -m schema_judge [--examples 5000] [--seed 1] [--only /place] [--add-to FILE] [--minutes 20]

For each operation examples are drawn from the document (positive and negative data, a fixed seed); half of the parts of
a path are ids that are here, so that more than "not found" is looked at. Held against the document: no status of 500 or
above but 503, every status and content type is a described one, JSON matches its schema, headers are there. Prints each
operation with the number of examples and the statuses seen; exit 1 if anything fails. Source: node-web.md 6.

What it does not do: follow links from answer to answer (the document has none), or judge whether a number is right.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from desk_kit import URL, founded, standing_clock
from standing_node import Standing

# What the packaged release and the standing node have: ids by the first word of the address, other parts by their name.
IDS: Mapping[str, tuple[str, ...]] = {
    "cite": ("internet_users_pct", "BRA"),
    "consult": ("c-2026-001", "c-2026-002"),
    "decision": ("v-2026-001",),
    "index": ("digital-readiness",),
    "indicator": ("internet_users_pct", "mobile_subscriptions_per_100"),
    "item": ("p-2026-001", "p-2026-002", "v-2026-001"),
}
PARTS: Mapping[str, tuple[str, ...]] = {
    "area": ("BRA", "IND", "ZAF"),
    "bloc": ("BRICS",),
    "key": ("1", "2", "0" * 64),
    "kind": ("notes", "votes", "states"),
    "name": ("BRA",),
    "origin": ("BRA", "council-1"),
    "path": ("0/000.p/9", "entries/000.p/9"),
    "view": ("1",),
}


def known(path: str, part: str, entries: tuple[str, ...]) -> tuple[str, ...]:
    """What stands for a part of a path, here; empty: nothing is known."""
    first = path.split("/")[1].partition(".")[0]
    if part == "id":
        return entries if first == "entry" else IDS.get(first, ())
    return PARTS.get(part, ())


@dataclass
class Judged:
    """What came of one operation: statuses by how often, and the first failure in words."""

    label: str
    statuses: Counter[int] = field(default_factory=Counter)
    failure: str = ""

    @property
    def examples(self) -> int:
        """How many examples were answered."""
        return sum(self.statuses.values())

    def line(self) -> str:
        """For a person."""
        seen = ", ".join(f"{status} x {n}" for status, n in sorted(self.statuses.items()))
        return f"{'FAILED' if self.failure else 'ok':6} {self.label}: {seen}" + (
            f"\n{self.failure}" if self.failure else ""
        )


def judge(node: Standing, examples: int, seed: int = 1, only: str = "", done: Container[str] = ()) -> Iterator[Judged]:
    """Each operation of the document in turn.

    Args:
        examples: an operation. only: operations whose path begins so. done: labels of those to leave out.
    """
    import schemathesis

    document = node.ask(("GET", "/openapi.json"))[0].json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=URL)
    entries = tuple(entry.id for entry in node.loop.run_until_complete(node.world.entries()))
    for result in schema.get_all_operations():
        operation = result.ok()
        if operation.path.startswith(only) and operation.label not in done:
            yield _judged(node, operation, examples, seed, entries)


def _judged(node: Standing, operation: Any, examples: int, seed: int, entries: tuple[str, ...]) -> Judged:
    from hypothesis import HealthCheck, Phase, given
    from hypothesis import seed as seeded
    from hypothesis import settings as bounded
    from hypothesis import strategies as st
    from schemathesis import GenerationMode

    found = Judged(operation.label)
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    if not any(True for _ in operation.iter_parameters()) and operation.method.upper() == "GET":
        modes = st.just(GenerationMode.POSITIVE)
    cases = modes.flatmap(lambda mode: operation.as_strategy(generation_mode=mode))

    @seeded(seed)
    @bounded(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,), derandomize=False,
    )  # fmt: skip
    @given(cases, st.booleans(), st.randoms(use_true_random=False))
    def one(case: Any, here: bool, draw: Any) -> None:
        if here and case.path_parameters:
            for name, ids in ((n, known(operation.path, n, entries)) for n in list(case.path_parameters)):
                case.path_parameters[name] = draw.choice(ids) if ids else case.path_parameters[name]
        answer = _asked(node, case)
        found.statuses[answer.status_code] += 1
        _check(case, answer)

    try:
        one()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        found.failure = _words(error)
    return found


def _asked(node: Standing, case: Any) -> Any:
    """Send a case as `requests` would put it on the wire."""
    import httpx
    import requests

    given = case.as_transport_kwargs(base_url=URL)
    wanted = {
        k: v
        for k, v in given.items()
        if k in ("method", "url", "headers", "params", "data", "json", "files", "cookies")
    }
    built = requests.Request(**wanted).prepare()
    body = built.body.encode() if isinstance(built.body, str) else built.body or b""
    sent = {k: v for k, v in built.headers.items() if k.lower() != "host"}
    raw = httpx.Request(built.method or "GET", URL + "/", headers=_latin(sent), content=body)
    raw.url = raw.url.copy_with(raw_path=built.path_url.encode("ascii", "replace"))
    (answer,) = node.ask(raw)
    return answer


def _latin(sent: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    """Headers as bytes; what a server would never be handed (a line end) is left out."""
    found = []
    for name, value in sent.items():
        data = value if isinstance(value, bytes) else str(value).encode("latin-1", "replace")
        found.append((str(name).encode("latin-1", "replace"), data.replace(b"\r", b" ").replace(b"\n", b" ")))
    return found


def _check(case: Any, answer: Any) -> None:
    """No fault of the program, and the answer is one that the document describes."""
    assert answer.status_code < 500 or answer.status_code == 503, f"{answer.status_code}: {answer.text[:300]}"
    if answer.status_code == 503:
        assert "went wrong" not in answer.text
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    case.validate_response(
        answer,
        checks=[
            status_code_conformance,
            content_type_conformance,
            response_headers_conformance,
            response_schema_conformance,
        ],
    )


def _words(error: BaseException) -> str:
    parts = [str(error)] + [str(one) for one in getattr(error, "exceptions", ())]
    return "\n".join(f"       {line}" for part in parts for line in part.splitlines()[:14] if line.strip())


class Kept:
    """What was judged so far, in one file, whole after each operation.

    Attributes:
        done: label -> what came of it. failed: how many of those of this run failed.

    Raises:
        SystemExit: the file is of another seed or number of examples.
    """

    def __init__(self, path: Path | None, examples: int, seed: int) -> None:
        self.path, self.failed = path, 0
        self.head = {"benchmark": "schemathesis", "examples": examples, "seed": seed}
        kept = json.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else self.head
        if any(kept[key] != value for key, value in self.head.items()):
            sys.exit(f"{path} holds {kept['examples']} examples an operation of seed {kept['seed']}.")
        self.done: dict[str, dict[str, Any]] = kept.get("operations", {})

    def add(self, judged: Judged) -> None:
        """One more; one that failed is kept as such, and judged again next time."""
        self.failed += bool(judged.failure)
        statuses = {str(status): n for status, n in sorted(judged.statuses.items())}
        self.done[judged.label] = {"answered": judged.examples, "statuses": statuses, "failure": judged.failure}
        if self.path is not None:
            temporary = self.path.with_suffix(".part")
            temporary.write_text(json.dumps(self.summary(), indent=1) + "\n", encoding="utf-8")
            temporary.replace(self.path)

    def summary(self) -> dict[str, Any]:
        """All that was judged."""
        now = datetime.now(UTC).date().isoformat()
        return {
            **self.head,
            "judged": len(self.done),
            "answered": sum(one["answered"] for one in self.done.values()),
            "failed": sorted(label for label, one in self.done.items() if one["failure"]),
            "date": now,
            "machine": platform.platform(),
            "python": platform.python_version(),
            "operations": dict(sorted(self.done.items())),
        }

    @property
    def good(self) -> set[str]:
        """Those that need not be judged again."""
        return {label for label, one in self.done.items() if not one["failure"]}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="operations whose path begins so")
    parser.add_argument(
        "--add-to", type=Path, default=None, help="a file that keeps each operation, for a few at a time"
    )
    parser.add_argument("--minutes", type=float, default=600.0, help="no operation begins later")
    given = parser.parse_args()
    from concordat.evidence import load_catalogue, open_store
    from concordat.evidence.embedded import ensure_embedded

    end, kept = time.monotonic() + 60 * given.minutes, Kept(given.add_to, given.examples, given.seed)
    with tempfile.TemporaryDirectory() as folder, standing_clock():
        evidence = Path(folder) / "evidence"
        evidence.mkdir()
        with open_store(evidence) as store:
            ensure_embedded(store, load_catalogue())
        node = Standing(founded(Path(folder)), evidence)
        try:
            for judged in judge(node, given.examples, given.seed, given.only, kept.good):
                print(judged.line(), flush=True)
                kept.add(judged)
                if time.monotonic() > end:
                    break
        finally:
            node.close()
    return 1 if kept.failed else 0


if __name__ == "__main__":
    sys.exit(main())
