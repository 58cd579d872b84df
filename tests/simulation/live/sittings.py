"""What came of many live seeds that are run a few at a time: one file, whole after each seed."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COUNTED = ("acknowledged", "final", "lost_with_their_disk", "processor_s")
NOT_KEPT = ("seed", "story", "phases")


class Sittings:
    """What was run so far of many seeds that are run a few at a time, in one file, whole after each seed.

    Attributes:
        seeds: seed -> what came of it.
        held: the sittings; each names its first seed, how many, its seconds, day, program and machine.

    Raises:
        SystemExit: the file is of another number of members.
    """

    def __init__(self, path: Path, members: int) -> None:
        self.path, self.members = path, members
        kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if kept and kept["members"] != members:
            sys.exit(f"{path} holds seeds of {kept['members']} members; these would be of {members}.")
        self.seeds: dict[int, dict[str, Any]] = {int(seed): result for seed, result in kept.get("results", {}).items()}
        self.held: list[dict[str, Any]] = kept.get("sittings", [])
        self._sitting: dict[str, Any] = {}

    @property
    def next(self) -> int:
        """The first seed from 0 on that was not run."""
        return next(seed for seed in range(len(self.seeds) + 1) if seed not in self.seeds)

    def left(self, first: int, count: int) -> list[int]:
        """The seeds of a range that were not run."""
        return [seed for seed in range(first, first + count) if seed not in self.seeds]

    def add(self, result: dict[str, Any]) -> None:
        """Keep what came of a seed."""
        if not self._sitting:
            now = datetime.now(UTC).date().isoformat()
            self._sitting = {"first": result["seed"], "seeds": 0, "seconds": 0.0, "date": now, **where()}
            self.held.append(self._sitting)
        self._sitting["seeds"] += 1
        self._sitting["seconds"] = round(self._sitting["seconds"] + result["seconds"], 1)
        self.seeds[result["seed"]] = {key: value for key, value in result.items() if key not in NOT_KEPT}
        temporary = self.path.with_suffix(".part")
        temporary.write_text(json.dumps(self.summary(), indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.path)

    def summary(self) -> dict[str, Any]:
        """All sittings together."""
        done = sorted(self.seeds)
        return {
            "benchmark": "live",
            "members": self.members,
            "seeds": len(done),
            "broken": [seed for seed in done if self.seeds[seed]["broken"]],
            "seconds": round(sum(self.seeds[seed]["seconds"] for seed in done)),
            **{key: round(sum(self.seeds[seed].get(key, 0) for seed in done)) for key in COUNTED},
            "sittings": self.held,
            "results": {str(seed): self.seeds[seed] for seed in done},
        }


def where() -> dict[str, Any]:
    """On what seeds are run."""
    from concordat import __version__

    return {"program": __version__, "machine": platform.platform(), "python": platform.python_version()}
