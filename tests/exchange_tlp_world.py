"""Random incidents under random labels, read by everybody: what each gets, judged by a second reading of the rules.

    python tests/exchange_tlp_world.py 1000000 [--write]     # the long form: that many reads, 0 leaks (row 8)

The judge shares no code with `exchange.incidents.tlp`: it spreads labels until nothing changes and knows who may have
what from a table of its own. A read leaks if it holds an object that the judge denies; it is short if one is missing.
An answer to who adds objects leaks if it is another than it would be with nothing there but what the sender may see.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from concordat.exchange.incidents.taxii import Collection
from concordat.exchange.incidents.tlp import Caller, Tlp
from taxii_kit import Desk, campaign, name, relationship

# The judge's own copy of which marking is how strict.
STRICT = {
    "613f2e26-407d-48c7-9eca-b8e91df99dc9": 0, "94868c89-83c2-464b-929b-a1a8aa3c8487": 0,
    "34098fce-860f-48ae-8e50-ebd3cc5e41da": 1, "bab4a63c-aed9-4cf5-a766-dfca5abac2bb": 1,
    "f88d31f6-486f-44da-b317-01333bde0b82": 2, "55d920b0-5e8b-4f79-9ee9-91f868d9b421": 2,
    "939a9414-2ddd-4d32-a0cd-375ea402b003": 3,
    "5e57c739-391a-4eb3-b6be-7d15ca92d5ed": 4, "e828b379-4e03-4974-9ac4-e53a884c97c1": 4,
}  # fmt: skip
IDS = 12  # few ids, so that references meet
CALLERS = [
    Caller(), Caller("USA", "x", "y"), Caller("BRA", "cert", "cert-br"), Caller("BRA", "ana"),
    Caller("IND", "cert", "cert-in"), Caller("IND", "ana"), Caller("ZAF", "cert"), Caller("ZAF", "soc", "bank"),
]  # fmt: skip
NAMED = ["BRA", "IND", "ZAF", "BRA/cert-br", "IND/cert-in", "ZAF/bank", "BRA:ana", "IND:ana", "ZAF:soc"]
NEEDS = {"IND": "protects the payment system", "ZAF": " "}


@dataclass
class Said:
    """An object as the world knows it: who sent it to whom, and where it lies."""

    stix: dict[str, Any]
    owner: Caller
    named: frozenset[str]
    collection: str
    gone: bool = False


@dataclass
class World:
    """What was said, and the desk that answers.

    Attributes:
        said: everything that was stored. reads, leaks, short: counted.
    """

    desk: Desk
    draw: random.Random
    collections: list[Collection] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    reads: int = 0
    leaks: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    _graded: dict[int, int] | None = None  # `labels` of all that was said, until something happens

    # --- What happens -------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Two collections that take anything, one that takes what members may see."""
        for topic, ceiling in (("a", Tlp.RED), ("b", Tlp.RED), ("c", Tlp.GREEN)):
            made = self.desk.store.make_collection("brics", topic, ceiling, topic, ["BRA", "IND", "ZAF"])
            for member, need in NEEDS.items():
                self.desk.store.subscribe(made.id, member, need)
        self.collections = list(self.desk.store.collections("brics"))

    def happen(self) -> None:
        """Somebody shares some objects, or takes one back."""
        try:
            self._happen()
        finally:
            self._graded = None

    def _happen(self) -> None:
        live = [s for s in self.said if not s.gone]
        if live and self.draw.random() < 0.1:
            one = self.draw.choice(live)
            path = f"brics/collections/{one.collection}/objects/{one.stix['id']}/"
            answer = self.desk.ask("DELETE", path, one.owner, match_version=one.stix["modified"])
            one.gone = answer.status == 200
            return
        owner = self.draw.choice([c for c in CALLERS if c.member in ("BRA", "IND", "ZAF")])
        named = frozenset(self.draw.sample(NAMED, self.draw.choice((0, 1, 2, 4))))
        where = self.draw.choice(self.collections)
        objects = [self.made() for _ in range(self.draw.randint(1, 4))]
        stored = {
            (s.stix["id"], s.stix["modified"], s.owner.id) for s in self.said if s.collection == where.id and not s.gone
        }
        wanted = self.answers(owner, where, named, objects)
        refused = self.desk.share(where, owner, set(named), *objects)
        self.leaks += [
            f"{owner.id} adds {one['id']}: {why or 'stored'}"
            for one, why, right in zip(objects, refused, wanted, strict=True) if bool(why) is not right
        ]  # fmt: skip
        for one, why in zip(objects, refused, strict=True):
            mine = self.desk.store.versions(where.id, [one["id"]])
            if why or not any(r.version == one["modified"] and r.owner == owner.id for r in mine):
                continue
            if (one["id"], one["modified"], owner.id) in stored:
                for s in self.said:  # shared again: more recipients, the same object
                    if not s.gone and (s.stix["id"], s.stix["modified"], s.owner, s.collection) == (
                        one["id"], one["modified"], owner, where.id
                    ):  # fmt: skip
                        s.named |= named if s.named else frozenset()  # who was for all stays for all
            else:
                stored.add((one["id"], one["modified"], owner.id))
                self.said.append(Said(one, owner, named, where.id))

    def made(self) -> dict[str, Any]:
        """One random object."""
        number, version = self.draw.randrange(IDS), self.draw.randrange(3)
        kind = self.draw.choice(("campaign", "campaign", "relationship", "report"))

        def some() -> str:
            kinds = ("campaign", "campaign", "relationship", "report")
            return name(self.draw.choice(kinds), self.draw.randrange(IDS))

        if kind == "campaign":
            one = campaign(number, version=version)
        elif kind == "relationship":
            one = {**relationship(number, some(), some()), "modified": f"2026-05-01T00:00:{version:02d}.000Z"}
        else:
            one = {**campaign(number, version=version), "type": "report", "id": name("report", number),
                   "published": "2026-05-01T00:00:00.000Z", "object_refs": [some() for _ in range(2)]}  # fmt: skip
        refs = [f"marking-definition--{m}" for m in self.draw.sample(sorted(STRICT), self.draw.choice((0, 1, 1, 2)))]
        if self.draw.random() < 0.05:
            refs.append(name("marking-definition", 1))
        if refs and self.draw.random() < 0.2:
            one["granular_markings"] = [{"marking_ref": refs.pop(), "selectors": ["name"]}]
        if refs:
            one["object_marking_refs"] = refs
        return one

    # --- The judge ----------------------------------------------------------------------------------------------------

    def answers(self, owner: Caller, where: Collection, named: frozenset[str], objects: list[Any]) -> list[bool]:
        """Which of some objects are refused, for all that their sender can know."""
        labels = self.labels()
        seen = [s for i, s in enumerate(self.said) if not s.gone and _may(labels[i], s, owner)]
        found: dict[int, bool] = {}
        fresh: dict[int, Said] = {}
        twins: set[tuple[str, str]] = set()
        for number, one in enumerate(objects):
            key = (one["id"], one["modified"])
            here = [s for s in seen if s.collection == where.id and s.stix["id"] == one["id"]]
            if key in twins or any(s.stix["modified"] == one["modified"] for s in here):
                found[number] = False
            elif any(s.owner.member != owner.member for s in here):
                found[number] = True
            else:
                twins.add(key)
                fresh[number] = Said(one, owner, named, where.id)
        after = [*[s for s in self.said if not s.gone], *fresh.values()]
        graded = self.labels(after)  # what was added can hide what its sender saw before
        left = [s for i, s in enumerate(after) if _may(graded[i], s, owner)]
        graded = {id(s): label for s, label in zip(left, self.labels(left).values(), strict=True)}
        for number, one in fresh.items():
            label = graded[id(one)]
            found[number] = label > int(where.ceiling) or (label >= 3 and not named)
        return [found[number] for number in range(len(objects))]

    def labels(self, said: list[Said] | None = None) -> dict[int, int]:
        """How strict each object is, by its place in `said`: spread along references until nothing changes."""
        if said is None:
            if self._graded is None:
                self._graded = self._spread(self.said)
            return self._graded
        return self._spread(said)

    @staticmethod
    def _spread(said: list[Said]) -> dict[int, int]:
        live = [(i, s) for i, s in enumerate(said) if not s.gone]
        found = {i: _marked(s.stix) for i, s in live}
        by_id: dict[str, list[tuple[int, Said]]] = {}
        for i, s in live:
            by_id.setdefault(s.stix["id"], []).append((i, s))
        changed = True
        while changed:
            changed = False
            for i, s in live:
                for ref in [s.stix.get("source_ref"), s.stix.get("target_ref"), *s.stix.get("object_refs", [])]:
                    if ref is None:
                        continue
                    # What the same sender said of it counts, else what anybody did; else nobody holds it.
                    held = by_id.get(ref, [])
                    mine = [j for j, t in held if t.owner.id == s.owner.id] or [j for j, _ in held]
                    label = max((found[j] for j in mine), default=2)
                    if label > found[i]:
                        found[i], changed = label, True
        return found

    def permitted(self, caller: Caller, where: str) -> set[tuple[str, str]]:
        """Id and version of all that a caller may have of a collection."""
        labels = self.labels()
        return {
            (s.stix["id"], s.stix["modified"])
            for i, s in enumerate(self.said)
            if not s.gone and s.collection == where and _may(labels[i], s, caller)
        }

    # --- Reads --------------------------------------------------------------------------------------------------------

    def read_all(self, caller: Caller, where: Collection) -> None:
        """Everything of a collection in pages of a random length: no leak, nothing missing, no short page."""
        right = self.permitted(caller, where.id)
        hidden = not caller.member or caller.member == "USA"
        limit, after, seen = self.draw.choice((1, 2, 3, 7, 100)), {}, set()
        for page in self._pages(where, caller, limit, after):
            seen |= self._judge(page, right, f"{caller.id} {where.topic}")
            if page.get("more") and len(page["objects"]) != limit:
                self.short.append(f"{caller.id}: a page of {len(page['objects'])} of {limit}, and more to come")
        if not hidden and seen != right:
            self.short.append(f"{caller.id} {where.topic}: missing {sorted(right - seen)[:3]}")

    def _pages(self, where: Collection, caller: Caller, limit: int, after: dict[str, str]) -> Iterator[dict[str, Any]]:
        while True:
            path = f"brics/collections/{where.id}/objects/"
            answer = self.desk.ask("GET", path, caller, limit=limit, match_version="all", **after)
            self.reads += 1
            page = json.loads(answer.body)
            yield page
            if not page.get("more"):
                return
            after = {"next": page["next"]}

    def read_some(self, caller: Caller, where: Collection) -> None:
        """One random question."""
        right = self.permitted(caller, where.id)
        one = name(self.draw.choice(("campaign", "relationship", "report")), self.draw.randrange(IDS))
        base = f"brics/collections/{where.id}"
        version = self.draw.choice(("last", "first", "all", "2026-05-01T00:00:01.000Z"))
        path, query = self.draw.choice((
            (f"{base}/objects/{one}/", {"match_version": version}), (f"{base}/objects/{one}/versions/", {}),
            (f"{base}/manifest/", {"match_version": version}), (f"{base}/objects/", {"match_version": version}),
            (f"{base}/objects/", {"match_type": "relationship,report", "match_version": version, "limit": 2}),
            (f"{base}/objects/", {"match_id": one, "match_version": version}),
        ))  # fmt: skip
        answer = self.desk.ask("GET", path, caller, **query)
        self.reads += 1
        page = json.loads(answer.body)
        self._judge(page, right, f"{caller.id} {path}")
        visible = {v for i, v in right if i == one}
        if f"objects/{one}/" in path and caller.member in NEEDS:
            known = answer.status == 200
            if known != bool(visible):
                self.leaks.append(f"{caller.id} {path}: status {answer.status}")
            if path.endswith("versions/") and set(page.get("versions", [])) != visible:
                self.leaks.append(f"{caller.id} {path}: versions")

    def _judge(self, page: dict[str, Any], right: set[tuple[str, str]], words: str) -> set[tuple[str, str]]:
        got = {(one["id"], str(one.get("modified") or one.get("version"))) for one in page.get("objects", [])}
        self.leaks += [f"{words}: {one}" for one in sorted(got - right)]
        return got


def _marked(stix: dict[str, Any]) -> int:
    refs = [*stix.get("object_marking_refs", []), *(g["marking_ref"] for g in stix.get("granular_markings", []))]
    return max((STRICT.get(ref.removeprefix("marking-definition--"), 4) for ref in refs), default=2)


def _may(label: int, said: Said, caller: Caller) -> bool:
    if label == 0:
        return True
    if caller.member not in ("BRA", "IND", "ZAF"):
        return False
    if caller.id == said.owner.id or label == 1:
        return True
    whole, person = caller.member, f"{caller.member}:{caller.label}"
    office = f"{caller.member}/{caller.organisation}" if caller.organisation else "-"
    if label == 2:
        return caller.member == "IND" and (not said.named or any(n in (whole, person, office) for n in said.named))
    return (office if label == 3 else person) in said.named


def play(seed: int, reads: int, folder: Path) -> World:
    """One world: things happen and are read in turn, until so many reads were made."""
    world = World(Desk(folder), random.Random(seed))
    world.begin()
    while world.reads < reads:
        for _ in range(5):
            world.happen()
            world.desk.now += 1_000_000
        for _ in range(4):
            world.read_all(world.draw.choice(CALLERS), world.draw.choice(world.collections))
        for _ in range(20):
            world.read_some(world.draw.choice(CALLERS), world.draw.choice(world.collections))
        if len(world.said) > 150:
            break
    world.desk.store.close()
    return world


def tell(line: str) -> None:
    """A line of progress."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(wanted: int, *, write: bool = False) -> int:
    """Many worlds; how many leaks there were."""
    started = time.monotonic()
    reads = leaks = short = seed = 0
    while reads < wanted:
        folder = Path(tempfile.mkdtemp())
        world = play(seed, wanted - reads, folder)
        shutil.rmtree(folder)
        reads, leaks, short, seed = reads + world.reads, leaks + len(world.leaks), short + len(world.short), seed + 1
        if world.leaks or world.short:
            tell(f"world {seed - 1}: {'; '.join((world.leaks + world.short)[:5])}")
        if seed % 20 == 0:
            tell(f"{reads:,} reads, {leaks} leaks, {short} short")
    tell(f"{reads:,} reads in {seed} worlds: {leaks} leaks, {short} short")
    if write:
        from clearing_results import store

        found = {"reads": reads, "worlds": seed, "leaks": leaks, "short": short}
        seconds = {"seconds": round(time.monotonic() - started, 1), "processor_s": round(time.process_time(), 1)}
        store("exchange-tlp-world", {**found, **seconds, "date": datetime.now(UTC).date().isoformat()})
    return leaks + short


if __name__ == "__main__":
    WORDS = [word for word in sys.argv[1:] if word != "--write"]
    sys.exit(1 if main(int(WORDS[0]) if WORDS else 100_000, write="--write" in sys.argv) else 0)
