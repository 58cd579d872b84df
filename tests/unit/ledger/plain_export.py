"""A small builder of exports, written from docs/reference/ledger-format.md alone: standard library and `cryptography`.

It shares nothing with the package or with the verifier, so that a mistake in one is not repeated here. The same seed
gives the same bytes, but for ML-DSA-44 signatures, which are random (`mldsa=True`, slow).

    bloc = Bloc(seed=1, members=4)
    bloc.write("BRA", 5)                 # five entries of scope council
    bloc.open_view(1)                    # the chair's log
    bloc.batch()                         # a batch with all that isn't taken up
    files = bloc.export()                # {path: bytes}
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

NAMES = ("BRA", "CHN", "IND", "RUS", "ZAF", "EGY", "ETH", "IRN", "ARE", "IDN")
START = 1_767_225_600  # seconds; the first cosignature of a world
ZEROS = "0" * 64


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def canonical(value: Any) -> bytes:
    """Canonical JSON of what this builder writes: keys are ASCII, so the order of code points is that of UTF-16."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


# --- Keys, envelopes, notes ---


@dataclass
class Signer:
    """A private key with its type byte and, for notes, its name."""

    kind: int
    key: Any
    name: str = ""

    @property
    def public(self) -> bytes:
        return self.key.public_key().public_bytes_raw()

    def keyid(self) -> str:
        return sha(bytes([self.kind]) + self.public).hex()[:16]

    def note_id(self, name: str | None = None) -> bytes:
        return sha((name or self.name).encode() + b"\n" + bytes([self.kind]) + self.public)[:4]

    def vkey(self, name: str | None = None) -> str:
        shown = name or self.name
        return f"{shown}+{self.note_id(shown).hex()}+{b64(bytes([self.kind]) + self.public)}"

    def line(self, text: str, time: int, name: str | None = None) -> str:
        """The signature line of a note's text."""
        shown = name or self.name
        stamp = time.to_bytes(8, "big")
        if self.kind == 1:
            signature = self.key.sign(text.encode())
        elif self.kind == 4:
            signature = stamp + self.key.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        else:
            origin, size, root = text.splitlines()
            message = b"subtree/v1\n\0" + bytes([len(shown)]) + shown.encode() + stamp
            message += bytes([len(origin)]) + origin.encode() + bytes(8)
            message += int(size).to_bytes(8, "big") + base64.b64decode(root)
            signature = stamp + self.key.sign(message)
        return f"— {shown} {b64(self.note_id(shown) + signature)}\n"


def envelope(payload: bytes, what: str, signers: Iterable[Signer]) -> bytes:
    kind = f"application/vnd.concordat.{what}+json; v=1"
    message = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signatures = [{"keyid": s.keyid(), "sig": b64(s.key.sign(message))} for s in signers]
    return canonical({"payload": b64(payload), "payloadType": kind, "signatures": signatures})


def head_text(origin: str, size: int, root: bytes) -> str:
    return f"{origin}\n{size}\n{b64(root)}\n"


# --- Trees ---


def tree(leaves: list[bytes]) -> bytes:
    """Root of leaf hashes, by the definition of RFC 6962."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\x01" + tree(leaves[:split]) + tree(leaves[split:]))


def inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    if len(leaves) <= 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*inclusion(leaves[:split], index), tree(leaves[split:])]
    return [*inclusion(leaves[split:], index - split), tree(leaves[:split])]


def consistency(leaves: list[bytes], size: int, whole: bool = True) -> list[bytes]:
    if size == len(leaves):
        return [] if whole else [tree(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if size <= split:
        return [*consistency(leaves[:split], size, whole), tree(leaves[split:])]
    return [*consistency(leaves[split:], size - split, False), tree(leaves[:split])]


def tile_name(number: int) -> str:
    text = str(number)
    text = text.zfill((len(text) + 2) // 3 * 3)
    groups = [text[i : i + 3] for i in range(0, len(text), 3)]
    return "/".join(["x" + g for g in groups[:-1]] + groups[-1:])


def tiles(leaves: list[bytes]) -> dict[str, bytes]:
    """`tile/entries/...` and `tile/<L>/...` of a log of these entries."""
    found: dict[str, bytes] = {}
    for start in range(0, len(leaves), 256):
        part = leaves[start : start + 256]
        name = f"tile/entries/{tile_name(start // 256)}" + (f".p/{len(part)}" if len(part) < 256 else "")
        found[name] = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in part)
    hashes, level = [sha(b"\0" + leaf) for leaf in leaves], 0
    while hashes:
        for start in range(0, len(hashes), 256):
            part = hashes[start : start + 256]
            name = f"tile/{level}/{tile_name(start // 256)}" + (f".p/{len(part)}" if len(part) < 256 else "")
            found[name] = b"".join(part)
        hashes = [tree(hashes[i : i + 256]) for i in range(0, len(hashes) - 255, 256)]
        level += 1
    return found


@dataclass
class Log:
    """Entries of one log, and what is needed to go on writing."""

    origin: str
    leaves: list[bytes] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    scopes: list[str] = field(default_factory=list)

    @property
    def hashes(self) -> list[bytes]:
        return [sha(b"\0" + leaf) for leaf in self.leaves]

    @property
    def folder(self) -> str:
        return "logs/" + self.origin.replace(":", "_")


# --- A bloc ---


class Bloc:
    """Members with keys, their logs, the council's logs; everything can be spoiled by a test before `export`."""

    def __init__(self, seed: int = 1, members: int = 4, mldsa: bool = False, name: str = "BRICS") -> None:
        self.seed, self.bloc, self.clock = seed, name, START
        self.ids = sorted(NAMES[:members])
        self.hosts = {m: f"node.example.{m.lower()}" for m in self.ids}
        self.signers: dict[tuple[str, str], Signer] = {}
        self.mldsa = mldsa
        for member in self.ids:
            for k in range(2):
                self.make_key(member, f"root{k}", 1)
            for label in ("node", "del-01"):
                self.make_key(member, label, 1)
            for role, kind in (("log", 1), ("witness", 4), ("mirror", 4)):
                self.make_node_keys(member, role, kind)
        self.versions: list[bytes] = []
        self.payloads: list[dict[str, Any]] = []
        self.logs = {m: Log(self.origin(m)) for m in self.ids}
        self.views: dict[int, Log] = {}
        self.view = 0
        self.notes: dict[str, bytes] = {}
        self.votes: list[bytes] = []
        self.misconduct: list[bytes] = []
        self.states: dict[tuple[int, int], tuple[int, dict[str, int]]] = {}  # by view and size
        self.state: tuple[int, dict[str, int]] = (0, {})
        self.agree()

    def make_key(self, member: str, role: str, kind: int, name: str = "", salt: str = "") -> Signer:
        raw = sha(f"{self.seed}/{member}/{role}/{kind}/{salt}".encode())
        if kind == 6:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

            key: Any = MLDSA44PrivateKey.from_seed_bytes(raw)
        else:
            key = Ed25519PrivateKey.from_private_bytes(raw)
        self.signers[member, role if kind != 6 else f"{role}6"] = made = Signer(kind, key, name)
        return made

    def make_node_keys(self, member: str, role: str, kind: int, salt: str = "") -> None:
        name = f"{self.hosts[member]}/{self.bloc}/{'member' if role == 'log' else role}"
        self.make_key(member, role, kind, name, salt)
        if self.mldsa:
            self.make_key(member, role, 6, name, salt)

    def origin(self, member: str) -> str:
        return f"{self.hosts[member]}/{self.bloc}/member"

    @property
    def quorum(self) -> int:
        return len(self.rota) - (len(self.rota) - 1) // 3

    @property
    def rota(self) -> list[str]:
        return self.payloads[-1]["rota"]

    def chair(self, view: int) -> str:
        return self.rota[(view - 1) % len(self.rota)]

    # --- Membership ---

    def member(self, m: str, **changes: Any) -> dict[str, Any]:
        def vkeys(role: str) -> list[str]:
            return [self.signers[m, r].vkey() for r in (role, f"{role}6") if (m, r) in self.signers]

        def person(label: str, may: list[str]) -> dict[str, Any]:
            key = b64(self.signers[m, label].public)
            return {"from": {"batch": 0, "view": 1}, "key": key, "label": label, "may": may, "until": None}

        roots = [b64(self.signers[m, f"root{k}"].public) for k in range(2)]
        return {
            "host": self.hosts[m],
            "id": m,
            "log": vkeys("log"),
            "mirror": vkeys("mirror"),
            "persons": [person("del-01", ["council", "exchange"]), person("node", ["council", "exchange", "order"])],
            "root": {"keys": roots, "threshold": 2},
            "status": "active",
            "witness": vkeys("witness"),
        } | changes

    def agree(
        self,
        at: tuple[int, int] = (1, 0),
        change: Callable[[dict[str, Any]], None] | None = None,
        voters: Iterable[str] | None = None,
    ) -> None:
        """Add a version of the membership, signed by the voters' roots."""
        payload = {
            "bloc": self.bloc,
            "effective": {"batch": at[1], "view": at[0]},
            "expires": "2030-12-31T00:00:00Z",
            "members": [self.member(m) for m in self.ids],
            "merge_delay_hours": 24,
            "rota": list(self.ids),
            "threshold": len(self.ids) - (len(self.ids) - 1) // 3,
            "v": 1,
            "version": len(self.versions) + 1,
        }
        if change:
            change(payload)
        roots = [self.signers[m, f"root{k}"] for m in (voters or self.ids) for k in range(2)]
        self.payloads.append(payload)
        self.versions.append(envelope(canonical(payload), "membership", roots))

    # --- Entries and heads ---

    def tick(self, seconds: int = 1) -> int:
        self.clock += seconds
        return self.clock

    def entry(self, log: Log, who: str, label: str, scope_: str, type_: str, body_: Any, **changes: Any) -> bytes:
        signer = changes.pop("signer", None) or self.signers[who, label]
        payload = {
            "author": who,
            "bloc": self.bloc,
            "body": body_,
            "membership": len(self.versions),
            "person": label,
            "prev": log.ids[-1] if log.ids else ZEROS,
            "refs": [],
            "scope": scope_,
            "seq": len(log.ids) + 1,
            "ts": "2026-05-04T13:20:11Z",
            "type": type_,
            "v": 1,
        } | changes
        return envelope(canonical(payload), "entry", [signer])

    def append(self, log: Log, leaf: bytes) -> str:
        payload = base64.b64decode(json.loads(leaf)["payload"])
        log.leaves.append(leaf)
        log.ids.append(sha(payload).hex())
        log.scopes.append(json.loads(payload)["scope"])
        return log.ids[-1]

    def write(self, member: str, count: int = 1, scope: str = "council", **changes: Any) -> None:
        log = self.logs[member]
        for _ in range(count):
            body = changes.get("body", {"choice": "yes", "n": len(log.ids)})
            more = {k: v for k, v in changes.items() if k != "body"}
            self.append(log, self.entry(log, member, "del-01", scope, "BallotCast", body, **more))

    def lines(self, text: str, roles: Iterable[tuple[str, str]], time: int | None = None) -> str:
        found = ""
        for member, role in roles:
            for name in (role, f"{role}6"):
                if (member, name) in self.signers:
                    found += self.signers[member, name].line(text, time or self.tick())
        return found

    def head(self, log: Log, owner: str, role: str, by: Iterable[str], size: int | None = None) -> bytes:
        """A head of a log as a note: the owner's own lines, and cosignatures in a role."""
        hashes = log.hashes if size is None else log.hashes[:size]
        text = head_text(log.origin, len(hashes), tree(hashes))
        own = ""
        for name in ("log", "log6"):
            if (owner, name) in self.signers:
                own += self.signers[owner, name].line(text, self.tick(), log.origin)
        return (text + "\n" + own + self.lines(text, [(m, role) for m in by])).encode()

    def keep(self, note: bytes) -> str:
        name = sha(note).hex()
        self.notes[name] = note
        return name

    # --- Council ---

    def open_view(self, view: int, cut: tuple[int, int] | None = None, voters: Iterable[str] | None = None) -> None:
        """Start a view; after the first with votes that all name the certificate of the cut (view, size)."""
        self.views[view] = Log(f"{self.bloc}/council/{view}")
        self.view = view
        if view == 1:
            self.state = (0, {})
            return
        self.state = self.states[cut] if cut else (0, {})
        self.order("ViewStarted", self.started_body(view, cut, voters))

    def started_body(
        self, view: int, cut: tuple[int, int] | None, voters: Iterable[str] | None = None
    ) -> dict[str, Any]:
        certificate = self.certificate(*cut) if cut else None
        highest = {k: certificate[k] for k in ("root", "size", "view")} if certificate else None
        votes = [self.vote(m, view, highest) for m in voters or self.rota[: self.quorum]]
        self.votes += votes
        return {
            "cut": certificate,
            "number": self.state[0],
            "view": view,
            "votes": [b64(v) for v in sorted_votes(votes)],
        }

    def vote(self, member: str, view: int, highest: Any) -> bytes:
        payload = {"bloc": self.bloc, "highest": highest, "member": member, "v": 1, "view": view}
        return envelope(canonical(payload), "view-vote", [self.signers[member, "mirror"]])

    def certificate(self, view: int, size: int, by: Iterable[str] | None = None) -> dict[str, Any]:
        log, mirrors = self.views[view], list(by or self.rota[: self.quorum])
        note = self.head(log, self.chair(view), "mirror", mirrors, size)
        text, _, lines = note.decode().rpartition("\n\n")
        ids = {self.signers[m, "mirror"].note_id(): m for m in mirrors}
        chosen = [x for x in lines.splitlines() if base64.b64decode(x.split(" ")[2])[:4] in ids]
        root = text.splitlines()[2]
        return {"cosignatures": chosen, "note": self.keep(note), "root": root, "size": size, "view": view}

    def batch_body(self, limit: int = 128, members: Iterable[str] | None = None) -> dict[str, Any]:
        number, cursors = self.state
        refs: list[dict[str, Any]] = []
        changed: dict[str, int] = {}
        for member in members or self.ids:
            log = self.logs[member]
            old = cursors.get(log.origin, 0)
            wanted = [i for i in range(old, len(log.leaves)) if log.scopes[i] == "council"][: limit - len(refs)]
            if not wanted:
                continue
            note = self.head(log, member, "witness", self.rota[: self.quorum])
            ids = {self.signers[m, "witness"].note_id() for m in self.rota}
            raw = [base64.b64decode(x.split(" ")[2]) for x in note.decode().splitlines() if x.startswith("— ")]
            times = sorted(int.from_bytes(x[4:12], "big") for x in raw if x[:4] in ids)
            for i in wanted:
                ref = {"index": i, "leaf": log.hashes[i].hex(), "origin": log.origin, "proof": self.keep(note)}
                refs.append(ref | {"time": times[(len(times) - 1) // 2]})
            changed[log.origin] = wanted[-1] + 1
        size = len(self.views[self.view].leaves)
        certificate = self.certificate(self.view, size) if size else None
        return {
            "certificate": certificate,
            "cursors": {**cursors, **changed},
            "number": number + 1,
            "refs": refs,
            "view": self.view,
        }

    def batch(self, limit: int = 128, members: Iterable[str] | None = None) -> None:
        body = self.batch_body(limit, members)
        self.order("Batch", body)

    def order(self, type_: str, body: dict[str, Any], **changes: Any) -> None:
        """Write an entry of the council log of this view, by its chair's node."""
        log = self.views[self.view]
        self.append(log, self.entry(log, self.chair(self.view), "node", "order", type_, body, **changes))
        self.state = (body["number"], {**self.state[1], **body.get("cursors", {})})
        self.states[self.view, len(log.leaves)] = self.state

    # --- Export ---

    def export(self, witnesses: int | None = None, mirrors: int | None = None) -> dict[str, bytes]:
        """All files by path; `witnesses` and `mirrors` cosign the heads (a quorum if not said)."""
        files: dict[str, bytes] = {f"membership/{n}.json": raw for n, raw in enumerate(self.versions, 1)}
        first = self.rota[: self.quorum if witnesses is None else witnesses]
        for member, log in self.logs.items():
            if log.leaves:
                files[f"{log.folder}/checkpoint"] = self.head(log, member, "witness", first)
                files |= {f"{log.folder}/{path}": data for path, data in tiles(log.leaves).items()}
        for view, log in self.views.items():
            by = self.rota[: self.quorum if mirrors is None else mirrors]
            files[f"{log.folder}/checkpoint"] = self.head(log, self.chair(view), "mirror", by)
            files |= {f"{log.folder}/{path}": data for path, data in tiles(log.leaves).items()}
        files |= {f"notes/{name}": note for name, note in self.notes.items()}
        files |= {f"votes/{sha(vote).hex()}": vote for vote in self.votes}
        files |= {f"misconduct/{sha(proof).hex()}.json": proof for proof in self.misconduct}
        policy = [f"log {self.signers[m, 'log'].vkey()}" for m in self.ids]
        policy += [f"witness {m} {self.signers[m, 'witness'].vkey()}" for m in self.ids]
        quorum = "quorum all" if len(self.ids) > 1 else "quorum none"
        policy += [f"group all {self.quorum} {' '.join(self.ids)}", quorum, ""]
        files |= {"policy.txt": "\n".join(policy).encode(), "README.txt": b"python verify.py .\n"}
        files["verify.py"] = b"# a copy of the verifier stands here\n"
        return with_manifest(files)

    def accuse(self, kind: str, accused: str, evidence: dict[str, Any], **changes: Any) -> bytes:
        proof = {"accused": accused, "bloc": self.bloc, "evidence": evidence, "kind": kind}
        proof |= {"membership": [b64(raw) for raw in self.versions], "v": 1} | changes
        return canonical(proof)


def sorted_votes(votes: list[bytes]) -> list[bytes]:
    return sorted(votes, key=lambda v: json.loads(base64.b64decode(json.loads(v)["payload"]))["member"])


def with_manifest(files: dict[str, bytes]) -> dict[str, bytes]:
    """The files with a manifest that fits them."""
    listed = {path: sha(data).hex() for path, data in files.items() if path != "manifest.json"}
    return {path: data for path, data in files.items() if path in listed} | {"manifest.json": canonical(listed)}


def put(files: dict[str, bytes], folder: Path) -> Path:
    """Write an export to disk."""
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder
