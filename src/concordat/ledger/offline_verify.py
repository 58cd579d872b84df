"""Is an exported ledger what its signatures say? Stand-alone: python verify.py EXPORT [--trust HASH] [--entry ID] ...

Follows docs/reference/ledger-format.md and shares no code with the rest of this folder: two programs that must agree.
Needs Python 3.11 and `cryptography`, nothing of ours, no network. Checks in order: membership from the hash you trust;
every log's head, entries, tiles; the council's views; votes; proofs of misconduct; the manifest. Prints a line a step,
or FAILED with file, byte and entry; exit 0, 5, or 2 for a wrong command. One file because every export holds a copy.
"""

# Packed by hand: who audits an export has fewer lines to read.
# fmt: off
from __future__ import annotations

import argparse
import json
import multiprocessing
import re
import unicodedata
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

NOTE_MAX, FILE_MAX, FILES_MAX = 1 << 20, 1 << 25, 2_000_000  # bytes of a note or vote, of any file; files
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # of a point of order 8; another is -Y8
SMALL_ORDER = (0, 1, P - 1, Y8, P - Y8)  # the y of all points whose order divides 8
SIGNED = r'\{"keyid":"([0-9a-f]{16})","sig":"([A-Za-z0-9+/]{86}==)"\}'
ENVELOPE = r'\{"payload":"([A-Za-z0-9+/]*=?=?)","payloadType":"%%s","signatures":\[(%s(?:,%s)*)\]\}'
ENVELOPE %= (SIGNED.replace("(", "(?:"),) * 2
HEAD = r"([^\s+]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)"
PROOF = r"c2sp\.org/tlog-proof@v1\n(?:extra \S+\n)?index (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n((?s:.+))"
# Forms: `name = pattern` is text (an integer if the pattern begins with #); `name : key>form ...` is an object with
# exactly these keys (any, if none is named). `?` after a form: or null; `*` and a number: a list of at most so many.
FORMS: dict[str, Any] = {}
for line in r"""
text = (?s).* ; id = [A-Z][A-Z0-9]{1,15} ; label = [a-z][a-z0-9-]{0,31} ; type = [A-Z][A-Za-z]{0,63} ; one = #1
hex = [0-9a-f]{64} ; hash = [A-Za-z0-9+/]{43}= ; status = active|suspended ; n = #\d+ ; n1 = #[1-9]\d* ; any :
scope = council|exchange|order|clearing:\S{1,99} ; may = council|exchange|order|clearing(:\S{1,99})?
host = [a-z0-9][a-z0-9.-]{0,99}(:[0-9]{1,5})?
time = \d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ
kind = same_size|inconsistent|author_fork|double_promise|merge_delay|rollback
point : batch>n view>n ; root : keys>hash*99 threshold>n1 ; ref : index>n leaf>hex origin>text proof>hex time>n
person : from>point key>hash label>label may>may*99 until>point? ; highest : root>hash size>n1 view>n1
member : host>host id>id log>text*2 mirror>text*2 persons>person*9999 root>root status>status witness>text*2
membership : bloc>id effective>point expires>time members>member*49 merge_delay_hours>n rota>id*999 threshold>n1 \
v>one version>n1 ; certificate : cosignatures>text*999 note>hex root>hash size>n1 view>n1
entry : author>id bloc>id body>any membership>n1 person>label prev>hex refs>hex*64 scope>scope seq>n1 ts>time \
type>type v>one ; Batch : certificate>certificate? cursors>any number>n1 refs>ref*128 view>n1
ViewStarted : cut>certificate? number>n view>n1 votes>text*999 ; author_fork : entries>text*2
view-vote : bloc>id highest>highest? member>id v>one view>n1 ; double_promise : key>text note>text vote>text
accusation : accused>id bloc>id evidence>any kind>kind membership>text*9999 v>one ; rollback : key>text notes>text*2
same_size : key>text notes>text*2 ; inconsistent : key>text notes>text*2 old_root>hash proof>hash*99
merge_delay : batch>text council_proof>text entry>text member_proof>text
""".replace("\\\n", "").strip().replace("\n", " ; ").split(" ; "):
    name, sign, form = f"{line} ".split(" ", 2)
    FORMS[name] = form.strip() if sign == "=" else dict(field.split(">") for field in form.split())

class Failed(Exception):  # noqa: N818
    """The export is not good: which file, what is wrong, and the byte and the entry of the log where known."""

    def __init__(self, file: str, what: str, offset: int | None = None, entry: int | None = None) -> None:
        super().__init__(file, what, offset, entry)
        self.file, self.what, self.offset, self.entry = file, what, offset, entry

    def __str__(self) -> str:
        places = (f", {name} {n}" for name, n in (("byte", self.offset), ("entry", self.entry)) if n is not None)
        return f"{self.file}{''.join(places)}: {self.what}"

def need(condition: object, what: str) -> None:
    """Refuse unless the condition holds; `at` fills in the file."""
    if not condition:
        raise Failed("", what)

@contextmanager
def at(file: str, offset: int | None = None, entry: int | None = None) -> Iterator[None]:
    """Whatever goes wrong inside is a failure of this file; of the innermost one, where files nest."""
    try:
        yield
    except Exception as error:
        if isinstance(error, Failed) and error.file:
            raise
        what = error.what if isinstance(error, Failed) else f"{type(error).__name__}, {error}"[:300]
        raise Failed(file, what, offset, entry) from None

def fit(value: Any, form: str, where: str) -> None:
    """Refuse a value that hasn't the form."""
    name, many, limit = form.partition("*")
    rule = FORMS[name.removesuffix("?")]
    if many:
        need(type(value) is list and len(value) <= int(limit), f"{where} is not a list of at most {limit}")
        for item in value:
            fit(item, name, where)
    elif value is None and name.endswith("?"):
        return
    elif type(rule) is dict:
        need(type(value) is dict and (not rule or value.keys() == rule.keys()), f"{where} has missing or other keys")
        for key in rule:
            fit(value[key], rule[key], f"{where} {key}")
    else:
        right = type(value) is (int if rule[0] == "#" else str)
        need(right and re.fullmatch(rule.removeprefix("#"), str(value)), f"{where} is malformed")

def load(raw: bytes, form: str) -> Any:
    """The value of JSON in canonical form (RFC 8785; no floats, integers within 2^53 - 1, NFC, at most 32 levels)."""
    text = raw.decode()
    bare = re.sub(r'"[^"\\]*(?:\\.[^"\\]*)*"', "", text)
    levels = accumulate((c in "[{") - (c in "]}") for c in bare if c in "[]{}")
    need(max(levels, default=0) <= 32, "more than 32 levels of JSON")
    wrong = re.search(r"\.|\d[eE]|\d{17}", bare) or any(int(n) >= 2**53 for n in re.findall(r"\d{16}", bare))
    need(not wrong, "a number with a fraction, or an integer beyond 2^53 - 1")
    need(text.isascii() or unicodedata.is_normalized("NFC", re.sub(r"\\.", " ", text)), "text that is not NFC")
    value = json.loads(text, object_pairs_hook=lambda x: dict(sorted(x, key=lambda pair: pair[0].encode("utf-16-be"))))
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    need(written.encode() == raw, "JSON that is not in canonical form: keys unsorted or twice, spaces, other escapes")
    fit(value, form, form)
    return value

def unbase64(text: str) -> bytes:
    data = b64decode(text, validate=True)
    need(b64encode(data).decode() == text, "base64 with stray bits")
    return data

# --- Keys, envelopes, notes, trees ---

class Key(NamedTuple):
    """A verifier key: kind 1 signs entries and heads of logs, 4 (Ed25519) and 6 (ML-DSA-44) cosign."""

    kind: int
    public: bytes
    name: str

    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def short(self) -> str:
        return sha256(bytes([self.kind]) + self.public).hexdigest()[:16]

    @staticmethod
    def parse(text: str) -> Key:
        name, number, rest = text.split("+", 2)
        key = Key(unbase64(rest)[0], unbase64(rest)[1:], name)
        need(re.fullmatch(r"[^\s+]+", name) and number == key.id().hex(), f"{text[:80]} has a wrong name or id")
        need(len(key.public) == {1: 32, 4: 32, 6: 1312}.get(key.kind), f"{text[:80]} is of unknown type or length")
        return key

def good_point(raw: bytes) -> bool:
    """Whether a compressed point is canonical and not of small order; that it is on the curve the library checks."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    return len(raw) == 32 and y < P and y not in SMALL_ORDER

@lru_cache(maxsize=10_000)
def library_key(kind: int, raw: bytes) -> Any:
    """The library's key; None for ML-DSA-44 (kind 6) where the library has none."""
    need(kind == 6 or good_point(raw), "an Ed25519 key that is not canonical, or of small order")
    try:
        module = import_module(f"cryptography.hazmat.primitives.asymmetric.{'mldsa' if kind == 6 else 'ed25519'}")
    except ImportError:
        return need(kind == 6, "the package cryptography is missing")
    return getattr(module, "MLDSA44PublicKey" if kind == 6 else "Ed25519PublicKey").from_public_bytes(raw)

def check_signature(key: Key, message: bytes, signature: bytes) -> None:
    """Refuse a signature that is not the key's by the strict rules."""
    public, scalar = library_key(key.kind, key.public), int.from_bytes(signature[32:], "little")
    try:
        need(key.kind == 6 or (len(signature) == 64 and good_point(signature[:32]) and scalar < ORDER), "not strict")
        public is None or public.verify(signature, message)
    except Exception:
        raise Failed("", f"the signature of {key.name} fails") from None

def envelope(raw: bytes, form: str, keys: Callable[[Any], Iterable[Key]]) -> tuple[bytes, Any, set[str]]:
    """Payload, its value and the ids of who signed; `keys` tells who may, and each signature must be good."""
    kind = f"application/vnd.concordat.{form}+json; v=1"
    found = re.fullmatch(ENVELOPE % re.escape(kind), raw.decode())
    if not found:
        raise Failed("", f"no canonical envelope of type {kind}")
    payload, signatures = unbase64(found[1]), re.findall(SIGNED, found[2])
    value, message = load(payload, form), b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    known = {key.short(): key for key in keys(value)}
    for name, text in signatures:
        need(name in known, f"signed by {name}, which is no key for this")
        check_signature(known.pop(name), message, unbase64(text))  # nobody signs twice
    return payload, value, {name for name, _ in signatures}

class Note(NamedTuple):
    """A signed head; of each signature line the name, the key id, and the rest."""

    text: str
    origin: str
    size: int
    root: bytes
    lines: dict[str, tuple[str, bytes, bytes]]

    @staticmethod
    def parse(raw: bytes) -> Note:
        text, _, tail = raw.decode().rpartition("\n\n")
        found = re.fullmatch(HEAD, text)
        signatures = re.findall(r"(— ([^\s+]+) ([A-Za-z0-9+/]+=?=?))\n", tail)
        lines = {line: (name, unbase64(rest)[:4], unbase64(rest)[4:]) for line, name, rest in signatures}
        if not found or not lines or "".join(f"{line}\n" for line in lines) != tail:
            raise Failed("", "no signed head: origin, size, root, an empty line, signature lines, each once")
        return Note(text + "\n", found[1], int(found[2]), unbase64(found[3]), lines)

    def time(self, key: Key, signature: bytes) -> int:
        """The time of a line of this note, verified; 0 in a log's own."""
        stamp, message = signature[: 8 if key.kind != 1 else 0], self.text.encode()
        name, origin, time = key.name.encode(), self.origin.encode(), int.from_bytes(stamp, "big")
        if key.kind == 4:
            message = b"cosignature/v1\ntime %d\n%s" % (time, message)
        elif key.kind == 6:
            message = b"subtree/v1\n\0%c%s%s%c%s" % (len(name), name, stamp, len(origin), origin)
            message += bytes(8) + self.size.to_bytes(8, "big") + self.root
        check_signature(key, message, signature[len(stamp) :])
        return time

def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()

def root_of(levels: list[bytes], first: int, last: int) -> bytes:
    """Hash of the leaves from first to before last (RFC 6962), from the hashes on every level of tiles."""
    for level, hashes in enumerate(levels):
        if last - first == 256**level:
            return hashes[(first >> 8 * level) * 32 :][:32]
    middle = first + (1 << (last - first - 1).bit_length() - 1)
    return node(root_of(levels, first, middle), root_of(levels, middle, last)) if last else sha256(b"").digest()

def follow(first: int, last: int, old: bytes, new: bytes, path: list[str]) -> tuple[bytes, bytes]:
    """Roots to which a proof leads (RFC 9162, 2.1.3.2 and 2.1.4.2): of the left part, and of the whole."""
    for step in map(unbase64, path):
        need(last, "a proof that is too long")
        old, new = (node(step, old), node(step, new)) if first & 1 or first == last else (old, node(new, step))
        while first == last and first and not first & 1:
            first, last = first >> 1, last >> 1
        first, last = first >> 1, last >> 1
    need(last == 0, "a proof that is too short")
    return old, new

# --- Membership ---

class Version:
    """One version of the membership: who is a member, by which keys, and how many make a quorum."""

    def __init__(self, raw: bytes, before: Version | None) -> None:
        def root_keys(p: Any) -> list[Key]:
            older = before.p["members"] if before else []
            return [Key(1, unbase64(k), "a root") for m in [*p["members"], *older] for k in m["root"]["keys"]]

        payload, p, signed = envelope(raw, "membership", root_keys)
        self.pin = sha256(payload).hexdigest()
        self.p, self.start, members = p, (p["effective"]["view"], p["effective"]["batch"]), p["members"]
        self.active = [m["id"] for m in members if m["status"] == "active"]
        self.quorum = len(self.active) - (len(self.active) - 1) // 3
        self.keys: dict[Key, tuple[str, str]] = {}  # to member and role
        self.people: list[tuple[str, Any, Key]] = []
        for m in members:
            for role, kind, title in (("log", 1, "member"), ("witness", 4, "witness"), ("mirror", 4, "mirror")):
                keys, name = [Key.parse(text) for text in m[role]], f"{m['host']}/{p['bloc']}/{title}"
                shape = [(key.kind, key.name) for key in keys]
                need(shape in ([(kind, name)], [(kind, name), (6, name)]), f"{m['id']} has no {role} keys {name}")
                self.keys |= dict.fromkeys(keys, (m["id"], role))
            name = f"{m['host']}/{p['bloc']}/member"
            self.people += [(m["id"], person, Key(1, unbase64(person["key"]), name)) for person in m["persons"]]
            need(m["root"]["threshold"] <= len(m["root"]["keys"]), f"{m['id']}'s threshold can't be met")
        roots = [Key(1, unbase64(k), "a root") for m in members for k in m["root"]["keys"]]
        keys = [*self.keys, *(key for _, _, key in self.people), *roots]
        good = {key.public for key in keys if library_key(key.kind, key.public) or True}
        need(len(good) == len(keys), "a public key stands twice")
        ids, hosts = [m["id"] for m in members], {m["host"] for m in members}
        need(ids == sorted(set(ids)) and len(hosts) == len(ids), "members unsorted or twice")
        need(self.active and sorted(p["rota"]) == self.active, "the rota is not each active member once")
        fixed = ("id", "host", "status", "log", "witness", "mirror")
        self.fixed = [p["rota"], *([m[k] for k in fixed] for m in members)]
        last, same = (before.start, before.fixed == self.fixed) if before else ((0, 1), False)
        need(self.start > last and (same or (self.start[0] > last[0] and not self.start[1])), "takes effect too early")
        homes = {m["id"]: m["host"] for m in older["members"]} if (older := before.p if before else None) else {}
        need(all(homes.get(m["id"], m["host"]) == m["host"] for m in members), "a member changes its host")
        wanted = (before.p["version"] + 1, before.p["bloc"], self.start) if before else (1, p["bloc"], (1, 0))
        need((p["version"], p["bloc"], self.start) == wanted, "of another number or bloc")
        for q in (before.p, p) if before else (p,):
            votes = [m["id"] for m in q["members"] if m["status"] == "active" and m["root"]["threshold"] <= len(
                signed & {Key(1, unbase64(k), "").short() for k in m["root"]["keys"]})]
            need(len(votes) >= q["threshold"], f"votes of {votes} alone, of {q['threshold']}")

class Chain:
    """All versions of the membership, each voted for by the one before; what their keys may say."""

    def __init__(self, raws: Iterable[tuple[str, bytes]]) -> None:
        self.versions: list[Version] = []
        for file, raw in raws:
            with at(file):
                self.versions.append(Version(raw, self.versions[-1] if self.versions else None))
        self.bloc: str = self.versions[0].p["bloc"]
        self.keys = {(k.name, k.id()): k for v in self.versions for k in v.keys}
        self.people: dict[Any, list[tuple[Any, Key]]] = {}  # by version, member and label
        for v in self.versions:
            for member, person, key in v.people:
                self.people.setdefault((v.p["version"], member, person["label"]), []).append((person["may"], key))

    def of(self, view: int) -> Version:
        """The version in force in a view."""
        return [v for v in self.versions if v.start <= (view, 0)][-1]

    def view(self, origin: str) -> int:
        """The view of a council log; 0 of other logs."""
        found = re.fullmatch(f"{self.bloc}/council/([1-9][0-9]{{0,14}})", origin)
        return int(found[1]) if found else 0

    def writers(self, origin: str) -> dict[Key, str]:
        """Who signs a log by which keys: its member, in any version, or the chair under the name of the origin."""
        view = self.view(origin)
        if not view:
            return {k: m for v in self.versions for k, (m, role) in v.keys.items() if k.name == origin}
        rota = self.of(view).p["rota"]
        owner = (rota[(view - 1) % len(rota)], "log")
        return {Key(k.kind, k.public, origin): owner[0] for k, who in self.of(view).keys.items() if who == owner}

    def signers(self, note: Note) -> dict[Key, int]:
        """Time by known key of a head that its log signed; a line of a known key that fails refuses it."""
        own = self.writers(note.origin)
        known = self.keys | {(k.name, k.id()): k for k in own}
        lines = [(known[name, ident], rest) for name, ident, rest in note.lines.values() if (name, ident) in known]
        times = {key: note.time(key, rest) for key, rest in lines}
        need(len(times) == len(lines), "two lines of one key")
        need(any(k.kind == 1 and k in own for k in times), f"not signed by a key of the log {note.origin}")
        return times

    def times(self, keys: dict[Key, int], role: str, version: Version) -> dict[str, int]:
        """Times of the version's active members who cosigned by Ed25519 in a role."""
        found = {version.keys.get(key, ("", "")): time for key, time in keys.items() if key.kind == 4}
        return {member: time for (member, title), time in found.items() if title == role and member in version.active}

    def certificate(self, c: Any) -> tuple[Note, int]:
        """The head that a certificate's cosignatures are for, and their time."""
        lines = "".join(f"{line}\n" for line in c["cosignatures"])
        note = Note.parse(f"{self.bloc}/council/{c['view']}\n{c['size']}\n{c['root']}\n\n{lines}".encode())
        version, keys = self.of(c["view"]), [(self.keys[line[:2]], line[2]) for line in note.lines.values()]
        times = self.times({key: note.time(key, rest) for key, rest in keys}, "mirror", version)
        need(len(times) == len(c["cosignatures"]), "a cosignature by no mirror of the view, or two by one")
        need(len(times) >= version.quorum, f"{len(times)} cosignatures of {version.quorum}")
        return note, median(times)

    def vote(self, raw: bytes, versions: list[Version]) -> Any:
        _, p, signed = envelope(raw, "view-vote", lambda p: [
            k for v in versions for k, who in v.keys.items() if k.kind == 4 and who == (p["member"], "mirror")])
        need(len(signed) == 1 and p["bloc"] == self.bloc, "two signatures, or another bloc")
        need(p["view"] > (p["highest"] or {"view": 1})["view"], "the highest certificate is not of an older view")
        return p

def median(times: dict[str, int]) -> int:
    return sorted(times.values())[(len(times) - 1) // 2]

# --- Entries and logs ---

def read_entry(raw: bytes, people: Any, bloc: str) -> tuple[bytes, str, Any]:
    """Leaf hash, id and payload of an entry that is good by itself, signed by a key that its membership lists."""
    def keys(p: Any) -> list[Key]:
        known = people.get((p["membership"], p["author"], p["person"]), [])
        return [key for may, key in known if {p["scope"], p["scope"].partition(":")[0]} & set(may)]

    payload, p, signed = envelope(raw, "entry", keys)
    need(len(raw) <= 65_535 and len(payload) <= 48_000 and len(signed) == 1, "too long, or signed twice")
    need(p["bloc"] == bloc and p["refs"] == sorted(set(p["refs"])), "of another bloc, or refs unsorted or twice")
    p["body"] = p["body"] if p["scope"] == "order" else None  # of others nothing more is asked
    p["origin"] = people[p["membership"], p["author"], p["person"]][0][1].name
    return sha256(b"\0" + raw).digest(), sha256(payload).hexdigest(), p

def read_file(root: Path, path: str) -> bytes:
    return (root / path).read_bytes()

def read_bundle(job: tuple[Path, str, int, int, Any, str]) -> tuple[str, list[tuple[bytes, str, Any]]]:
    """The file's hash, and its entries, each good by itself; runs in any process."""
    root, path, first, width, people, bloc = job
    data, place, entries = read_file(root, path), 0, []
    for index in range(first, first + width):
        with at(path, place, index):
            size = int.from_bytes(data[place : place + 2], "big")
            left = len(data) - place - 2 - size
            need(left == 0 if index == first + width - 1 else left > 0, "the bundle ends too early or too late")
            entries.append(read_entry(data[place + 2 : place + 2 + size], people, bloc))
            place += 2 + size
    return sha256(data).hexdigest(), entries

def tile_path(folder: str, level: str, number: int, width: int) -> str:
    groups = re.findall("...", str(number).zfill(-(-len(str(number)) // 3) * 3))
    name = "/x".join(["", *groups[:-1]])[1:]
    return f"{folder}/tile/{level}/{name}{'/' if name else ''}{groups[-1]}" + (f".p/{width}" if width < 256 else "")

class Log(NamedTuple):
    folder: str
    note: Note
    levels: list[bytes]
    kept: dict[int, Any]  # entries of scope council or order

class Export:
    """A folder whose files are read once, and checked step by step."""

    def __init__(self, root: Path, trust: str | None, processes: int) -> None:
        self.root, self.processes, self.files = root, processes, list_files(root)
        self.hashes: dict[str, str] = {}
        self.note = lru_cache(maxsize=64)(self.read_note)  # the refs of a batch share theirs
        self.logs: dict[str, Log] = {}
        self.places: dict[str, tuple[str, int]] = {}
        self.refs: set[str] = set()
        self.lacking: set[str] = set()  # whole notes of certificates
        self.taken: dict[tuple[str, int], tuple[int, int]] = {}  # to view and batch
        self.states: dict[int, list[tuple[int, dict[str, int]]]] = {}  # by view and size: last batch, cursors
        self.final: dict[int, int] = {}  # size by view
        self.cuts: dict[int, tuple[int, int]] = {}  # view and size by view
        count = next(n for n in range(1, len(self.files) + 2) if f"membership/{n + 1}.json" not in self.files)
        paths = [f"membership/{n}.json" for n in range(1, count + 1)]
        self.chain = Chain((path, self.read(path, FILE_MAX)) for path in paths)
        self.pin, bloc = self.chain.versions[0].pin, self.chain.bloc
        with at("membership/1.json"):
            need(trust in (None, self.pin), f"its hash is {self.pin}, not the one you trust")
        how = "as you trust" if trust else "compare this hash with one that you got another way"
        self.lines = [f"membership: {count} versions of {bloc}, pinned {self.pin} ({how})"]
        with at("policy.txt"):
            words, keys = self.read("policy.txt").decode().split(), {k.public for k in self.chain.versions[-1].keys}
            alone = len(self.chain.versions[-1].active) == 1
            need("quorum" in words and ("none" in words) == alone, "no quorum")
            need(all(Key.parse(word).public in keys for word in words if word.count("+") > 1), "a key of no member")

    def read(self, path: str, most: int = NOTE_MAX) -> bytes:
        self.expect(path, most)
        data = read_file(self.root, path)
        self.hashes[path] = sha256(data).hexdigest()
        return data

    def expect(self, path: str, most: int) -> None:
        if self.files.get(path, most + 1) > most:
            raise Failed(path, f"larger than {most} bytes" if path in self.files else "missing")

    def bundles(self, jobs: list[Any]) -> Iterator[Any]:
        if self.processes < 2 or len(jobs) < 2:
            yield from map(read_bundle, jobs)
        else:
            with multiprocessing.Pool(min(self.processes, len(jobs), 64)) as pool:
                yield from pool.imap(read_bundle, jobs)

    def log(self, origin: str, folder: str, version: Version) -> None:
        """Check head, entries and tiles of one log."""
        path, view, own = f"{folder}/checkpoint", self.chain.view(origin), self.chain.writers(origin)
        with at(path):
            note = Note.parse(self.read(path))
            need(note.origin == origin, f"the origin is {note.origin}, not {origin}")
            signed = self.chain.times(self.chain.signers(note), "mirror" if view else "witness", version)
        jobs, kept, leaves, previous = [], {}, bytearray(), "0" * 64
        for first in range(0, note.size, 256):
            bundle = tile_path(folder, "entries", first // 256, min(256, note.size - first))
            jobs.append((self.root, bundle, first, min(256, note.size - first), self.chain.people, self.chain.bloc))
            self.expect(bundle, FILE_MAX)
        for job, (digest, entries) in zip(jobs, self.bundles(jobs), strict=True):
            self.hashes[job[1]] = digest
            for index, (leaf, name, p) in enumerate(entries, job[2]):
                with at(job[1], None, index):
                    need(p["seq"] == index + 1 and p["prev"] == previous, "seq or prev does not follow")
                    if view:
                        kind, chair = "ViewStarted" if view > 1 and not index else "Batch", next(iter(own.values()))
                        wanted = (chair, "node", "order", version.p["version"], kind)
                        said = (p["author"], p["person"], p["scope"], p["membership"], p["type"])
                        need(said == wanted, f"{said} instead of {wanted}")
                        fit(p["body"], kind, "body")
                    need(view or (p["origin"] == origin and p["scope"] != "order"), f"of {p['origin']}, {p['scope']}")
                previous, self.places[name] = name, (origin, index)
                leaves += leaf
                self.refs.update(p["refs"])
                kept.update({index: p} if p["scope"] in ("council", "order") else {})
        levels = [bytes(leaves)]
        while len(levels[-1]) >= 8192:
            full = range(0, len(levels[-1]) // 8192 * 256, 256)
            levels.append(b"".join(root_of(levels[-1:], i, i + 256) for i in full))
        good = root_of(levels, 0, note.size) == note.root
        for level, start in ((n, i) for n, hashes in enumerate(levels) for i in range(0, len(hashes), 8192)):
            right = levels[level][start : start + 8192]
            tile = tile_path(folder, str(level), start // 8192, len(right) // 32)
            found = self.read(tile, 8192)
            if found != right:
                byte = next((i for i, (a, b) in enumerate(zip(found, right, strict=False)) if a != b), len(right))
                if level or good or len(found) != len(right):
                    raise Failed(tile, f"hash {byte // 32} is not that of what stands below", byte)
                raise Failed(jobs[start // 8192][1], "not the entry of the tiles' hash", None, (start + byte) // 32)
        with at(path):
            need(good, "the root is not that of the entries")
        self.logs[origin], lacking = Log(folder, note, levels, kept), [m for m in version.active if m not in signed]
        state = f"{'mirrors' if view else 'witnesses'} {len(signed)} of {len(version.active)}"
        if len(signed) < version.quorum:
            state = f"pending: {len(signed)} of {version.quorum}; missing {', '.join(lacking)}"
        self.lines.append(f"log {origin}: {note.size} entries, head good, {state}")

    def read_note(self, name: str) -> tuple[Note, dict[Key, int]]:
        with at(f"notes/{name}"):
            note = Note.parse(self.read(f"notes/{name}"))
            need(self.hashes[f"notes/{name}"] == name, "its hash is not its name")
            return note, self.chain.signers(note)

    def certificate(self, c: Any, view: int, size: int) -> None:
        """Check a certificate for this size of the view's log, and its whole note."""
        log, (note, _) = self.logs.get(f"{self.chain.bloc}/council/{view}"), self.chain.certificate(c)
        right = (c["view"], c["size"]) == (view, size) and log and size <= log.note.size
        need(right, f"the certificate is not of view {view}, size {size}")
        need(log and root_of(log.levels, 0, size) == note.root, "the certificate's root is not the log's")
        if f"notes/{c['note']}" not in self.files:  # its holder has seen the certificate alone
            self.lacking.add(c["note"])
            return
        whole, _ = self.note(c["note"])
        need(whole.text == note.text and note.lines.keys() <= whole.lines.keys(), "not part of the note it names")

    def batch(self, view: int, index: int, body: Any, state: tuple[int, dict[str, int]]) -> tuple[int, dict[str, int]]:
        """Check a batch against the state before it; the state after it."""
        number, cursors, version = state[0] + 1, state[1], self.chain.of(view)
        need((body["view"], body["number"]) == (view, number), f"not batch {number} of view {view}")
        need((body["certificate"] is None) == (index == 0), "a certificate of nothing, or none")
        if index:
            self.certificate(body["certificate"], view, index)
        taken: dict[str, list[int]] = {origin: [] for origin in body["cursors"]}
        for ref in body["refs"]:
            origin, i, log = ref["origin"], ref["index"], self.logs.get(ref["origin"])
            note, signers = self.note(ref["proof"])
            times = self.chain.times(signers, "witness", version)
            if not log or origin not in taken or note.origin != origin or not i < note.size <= log.note.size:
                raise Failed("", f"{origin} has no cursor, isn't here, is shorter than the proof, or another")
            need(len(times) >= version.quorum, f"the proof has {len(times)} witnesses of {version.quorum}")
            need(any(k in version.keys and k.name == origin for k in signers), "the log's key is not of this view")
            need(median(times) == ref["time"], "the time is not the median of the proof")
            need(root_of(log.levels, 0, note.size) == note.root, "the proof is of another history of the log")
            need(log.levels[0][32 * i :][:32].hex() == ref["leaf"], "the leaf is not the log's")
            taken[origin].append(i)
            self.taken[origin, i] = (view, number)
        need(cursors.keys() <= body["cursors"].keys(), "a cursor was left out")
        for origin, cursor in body["cursors"].items():
            old, names = cursors.get(origin, 0), {k.name for k in version.keys if k.kind == 1}
            most = self.logs[origin].note.size if origin in names and origin in self.logs else old
            right = type(cursor) is int and max(old, 1) <= cursor <= most
            need(right, f"the cursor of {origin} goes from {old} to {cursor}, {most} at most")
            wanted = [i for i in range(old, cursor) if i in self.logs[origin].kept]
            need(taken[origin] == wanted, f"refs of {origin} are {taken[origin]}, its entries {wanted}"[:300])
        return number, body["cursors"]

    def started(self, view: int, body: Any) -> tuple[int, dict[str, int]]:
        """Check the entry that starts a view: its votes, and the cut from which history goes on; the state there."""
        cut = body["cut"]
        first, size = (cut["view"], cut["size"]) if cut else (0, 0)
        need(body["view"] == view > first, "of another view, or cut at a later one")
        versions = [v for v in self.chain.versions if self.chain.of(max(first, 1)).start <= v.start <= (view, 0)]
        votes = [self.chain.vote(unbase64(text), versions) for text in body["votes"]]
        members, claims = [vote["member"] for vote in votes], [vote["highest"] for vote in votes if vote["highest"]]
        right = members == sorted(set(members)) and {vote["view"] for vote in votes} == {view}
        need(right, "votes twice, unsorted, or for another view")
        for version in versions:
            count = sum(m in version.active for m in members)
            need(count >= version.quorum, f"{count} votes of the {version.quorum} of membership {version.p['version']}")
        top = max(((c["view"], c["size"]) for c in claims), default=(0, 0))
        same = {(c["view"], c["size"], c["root"]) for c in claims if (c["view"], c["size"]) == top}
        right = same == ({(first, size, cut["root"])} if cut else set())
        need(right, "the cut is not the highest certificate that the votes name")
        if cut:
            self.certificate(cut, first, size)
            self.final[first] = max(self.final.get(first, 0), size - 1)
        state = self.states[first][size] if cut else (0, {})
        need(body["number"] == state[0], f"batch {body['number']} at the cut, where {state[0]} is")
        self.cuts[view], self.taken = (first, size), {k: v for k, v in self.taken.items() if v[1] <= state[0]}
        return state

    def council(self, views: list[int]) -> None:
        """Check the council's logs in order of views, then what is final: no cut may leave that out."""
        for view in views:
            log = self.logs[f"{self.chain.bloc}/council/{view}"]
            states = self.states[view] = [(0, {})]
            for i, p in log.kept.items():
                with at(self.bundle(log, i), None, i):
                    body, last = p["body"], states[-1]
                    states.append(self.batch(view, i, body, last) if i or view == 1 else self.started(view, body))
            self.final[view] = max(self.final.get(view, 0), log.note.size - 2)  # its last entry carries a certificate
            self.agree(log.note, self.chain.signers(log.note))

    def agree(self, note: Note, signers: dict[Key, int]) -> None:
        """Note a head as agreed if it is one of the council with enough mirrors: all but its last entry is final."""
        view = self.chain.view(note.origin)
        if view and len(self.chain.times(signers, "mirror", self.chain.of(view))) >= self.chain.of(view).quorum:
            self.final[view] = max(self.final.get(view, 0), note.size - 1)

    def finality(self, views: list[int]) -> None:
        """Take in notes that no entry names, such as of a certificate that none carries yet; check the cuts."""
        for path in sorted(self.files):
            if path.startswith("notes/") and path not in self.hashes:
                with at(path):
                    note, signers = self.note(path.removeprefix("notes/"))
                    log = self.logs.get(note.origin)
                    right = log and note.size <= log.note.size and root_of(log.levels, 0, note.size) == note.root
                    need(right, "no head of a log here, and named by no entry")
                    self.agree(note, signers)
        for view, cut in self.cuts.items():
            late = [v for v, n in self.final.items() if v < view and n and cut < (v, n)]
            with at(self.bundle(self.logs[f"{self.chain.bloc}/council/{view}"], 0), None, 0):
                need(not late, f"the cut leaves out what was final in view {late}")
        if views:
            reached = max((v for v, size in self.final.items() if size), default=0)
            state = f"view {reached} batch {self.states[reached][self.final[reached]][0]}" if reached else "nothing"
            self.lines.append(f"council: {len(views)} views, {self.states[views[-1]][-1][0]} batches, final to {state}")

    def bundle(self, log: Log, index: int) -> str:
        first = index // 256 * 256
        return tile_path(log.folder, "entries", first // 256, min(256, log.note.size - first))

    def rest(self, entry: str | None, misconduct: Path | None) -> None:
        """Votes, proofs of misconduct, refs, one entry; the manifest last."""
        for path in sorted(self.files):
            with at(path):
                folder, _, name = path.partition("/")
                if folder in ("votes", "misconduct"):
                    raw = self.read(path, FILE_MAX)
                    need(name.removesuffix(".json") == self.hashes[path], "its hash is not its name")
                if folder == "votes":
                    p = self.chain.vote(raw, self.chain.versions)
                    self.lines.append(f"vote: {p['member']} for view {p['view']}")
                elif folder == "misconduct":
                    self.lines.append(f"misconduct: {name} holds: {accuse(raw, self.chain, self.pin)}")
        if misconduct:
            with at(str(misconduct)):
                need(misconduct.stat().st_size <= FILE_MAX, "too large")
                held = accuse(misconduct.read_bytes(), self.chain, self.pin)
                self.lines.append(f"misconduct: {misconduct} holds: {held}")
        absent = sorted(self.refs - self.places.keys())
        if self.lacking:
            self.lines.append(f"notes: {len(self.lacking)} certificates without their whole note: Ed25519 alone")
        if absent:
            self.lines.append(f"refs: {len(absent)} to entries that are not in this export, the first {absent[0]}")
        if entry:
            place = self.places.get(entry, ("", 0))
            need(place[0], f"no entry {entry} here")
            taken = "view {} batch {}".format(*self.taken[place]) if place in self.taken else "no batch"
            self.lines.append(f"entry {entry}: {place[0]}, index {place[1]}, in {taken}")
        for path in ("README.txt", "verify.py", "manifest.json"):
            raw = self.read(path, FILE_MAX)
        for path in self.files:
            with at(path):
                need(path in self.hashes, "no part of an export")
        with at("manifest.json"):
            manifest = load(raw, "any")
            need(manifest.keys() | {"manifest.json"} == self.hashes.keys(), "it names other files than there are")
        for path, digest in manifest.items():
            with at(path if path.endswith(("checkpoint", ".txt", "verify.py")) else "manifest.json"):
                need(digest == self.hashes[path], f"the hash of {path} is not that in manifest.json")
        self.lines.append(f"manifest: {len(manifest)} files, all as listed")

def accuse(raw: bytes, trusted: Chain, pin: str) -> str:
    """Check a proof of misconduct; who did what."""
    m = load(raw, "accusation")
    e, kind, accused, own = m["evidence"], m["kind"], m["accused"], [unbase64(text) for text in m["membership"]]
    need(own, "it brings no membership")
    chain = Chain((f"membership {n}", x) for n, x in enumerate(own, 1))
    need(chain.versions[0].pin == pin, "its membership is not the one you trust")
    need(all(a.p == b.p for a, b in zip(chain.versions, trusted.versions, strict=False)), "its membership is another")
    need(m["bloc"] == chain.bloc, "of another bloc")
    fit(e, kind, "evidence")
    if "key" in e:
        key, notes = Key.parse(e["key"]), [Note.parse(text.encode()) for text in e.get("notes", [e.get("note")])]
        times, (a, b) = [chain.signers(note) for note in notes], (notes[0], notes[-1])
        need(library_key(key.kind, key.public), "ML-DSA-44 can't be checked here")
        owners = {v.keys[key][0] for v in chain.versions if key in v.keys} | {chain.writers(a.origin).get(key, "")}
        right = all(key in signed for signed in times) and accused in owners and a.origin == b.origin
        need(right, "not heads of one log, signed by a key of the accused")
    if kind == "same_size":
        need(a.size == b.size and a.root != b.root, "not two roots of one size")
    elif kind == "inconsistent":
        old, path, first, last = e["old_root"], e["proof"], a.size - 1, b.size - 1
        need(0 < a.size < b.size and unbase64(old) != a.root, "not a smaller head with another root")
        start, *path = [old, *path] if not a.size & first else path
        while first & 1:
            first, last = first >> 1, last >> 1
        ends = follow(first, last, unbase64(start), unbase64(start), path)
        need(ends == (unbase64(old), b.root), "the proof leads elsewhere")
    elif kind == "rollback":
        right = key.kind in (4, 6) and b.size < a.size and times[-1][key] > times[0][key]
        need(right, "no smaller head at a later time")
    elif kind == "double_promise":
        vote, view = chain.vote(unbase64(e["vote"]), chain.versions), chain.view(a.origin)
        top = (vote["highest"]["view"], vote["highest"]["size"]) if vote["highest"] else (0, 0)
        right = any(v.keys.get(key) == (vote["member"], "mirror") for v in chain.versions)
        need(right and vote["member"] == accused, "vote and head are not of one mirror")
        need(vote["view"] > view > 0 and a.size > 1 and (view, a.size - 1) > top, "the promise was kept")
    elif kind == "author_fork":
        (_, x, p), (_, y, q) = (read_entry(unbase64(text), chain.people, chain.bloc) for text in e["entries"])
        chains = [r["body"]["view"] if r["scope"] == "order" else r["origin"] for r in (p, q)]
        need(type(chains[0]) is type(chains[1]) and chains[0] == chains[1], "of two logs")
        need((p["seq"], p["author"]) == (q["seq"], q["author"]), "not two entries in one place")
        need(x != y and p["author"] == accused, "one entry, or not of the accused")
    else:
        pair = [read_entry(unbase64(e[name]), chain.people, chain.bloc) for name in ("entry", "batch")]
        p, q, heads = pair[0][2], pair[1][2], []
        fit(q["body"], "Batch", "body")
        version, council = chain.of(q["body"]["view"]), f"{chain.bloc}/council/{q['body']['view']}"
        proofs, origins = (e["member_proof"], e["council_proof"]), (p["origin"], council)
        for (leaf, _, r), proof, origin in zip(pair, proofs, origins, strict=True):
            _, index, path, head, _ = re.split(PROOF, proof)
            note = Note.parse(head.encode())
            need((note.origin, int(index) + 1) == (origin, r["seq"]) and r["seq"] <= note.size, "of another place")
            end = follow(int(index), note.size - 1, leaf, leaf, path.split())[1]
            need(end == note.root, "a proof leads elsewhere")
            heads.append(chain.signers(note))
        c = q["body"]["certificate"]
        witnesses, (covered, later) = chain.times(heads[0], "witness", version), chain.certificate(c)
        need(len(witnesses) >= version.quorum and p["scope"] == "council", "the entry has no quorum, or another scope")
        right = (covered.origin, covered.size, q["type"]) == (council, q["seq"] - 1, "Batch")
        need(right, "the certificate is not of the batch")
        need(median(witnesses) + 3600 * version.p["merge_delay_hours"] < later, "not late")
        cursor = q["body"]["cursors"].get(p["origin"], 0)
        need(type(cursor) is int and cursor < p["seq"], "the batch does not say that the entry was left out")
        need(accused == q["author"] and accused in chain.writers(council).values(), "not the chair")
    return f"{accused}, {kind}"

def list_files(root: Path) -> dict[str, int]:
    """Sizes of all files by path; links, other kinds of files and empty folders are refused."""
    found: dict[str, int] = {}
    waiting = [root]
    for folder in waiting:
        with at(folder.relative_to(root).as_posix()):
            need(any(folder.iterdir()), "an empty folder")
        for item in sorted(folder.iterdir()):
            with at(item.relative_to(root).as_posix()):
                need(not item.is_symlink() and (item.is_file() or item.is_dir()), "neither file nor folder")
                need(len(found) < FILES_MAX, "more files than an export may have")
                if item.is_dir():
                    waiting.append(item)
                else:
                    found[item.relative_to(root).as_posix()] = item.stat().st_size
    return found

def verify_export(path: str, trust: str | None = None, entry: str | None = None, misconduct: str | None = None,
                  processes: int = 1) -> list[str]:
    """What was found good, a line a step; raises `Failed` at the first thing that is not."""
    with at(path):
        export = Export(Path(path), trust, processes)
        chain, council = export.chain, f"{export.chain.bloc}/council/"
        origins = {key.name.replace(":", "_"): key.name for key in chain.keys.values() if key.kind == 1}
        heads = [file[5:-11] for file in sorted(export.files) if re.fullmatch("logs/.+/checkpoint", file)]
        views = sorted(chain.view(head) for head in heads if chain.view(head))
        for head in [head for head in heads if head in origins] + [f"{council}{view}" for view in views]:
            export.log(origins.get(head, head), f"logs/{head}", chain.of(chain.view(head) or max(views, default=1)))
        export.council(views)
        export.finality(views)
        export.rest(entry, Path(misconduct) if misconduct else None)
        if any(key.kind == 6 and library_key(6, key.public) is None for key in chain.keys.values()):
            export.lines.append("ML-DSA-44: its signatures are unchecked, for this package cryptography has none")
    return export.lines

def hex_hash(text: str) -> str:
    return text if re.fullmatch("[0-9a-f]{64}", text) else str(int("no hash"))

def main() -> int:
    parser = argparse.ArgumentParser(description="Checks an export of the ledger, without network.")
    parser.add_argument("export")
    parser.add_argument("--trust", metavar="HASH", type=hex_hash, help="of membership version 1, got another way")
    parser.add_argument("--entry", metavar="ID", type=hex_hash, help="tell where this entry stands")
    parser.add_argument("--misconduct", metavar="FILE", help="check this proof of misconduct, too")
    parser.add_argument("--processes", metavar="N", type=int, default=1, help="that verify entries")
    given = parser.parse_args()
    try:
        lines, code = verify_export(given.export, given.trust, given.entry, given.misconduct, given.processes), 0
    except Failed as failed:
        lines, code = [f"FAILED {failed}"], 5
    print("\n".join(lines).encode("ascii", "backslashreplace").decode())
    return code

if __name__ == "__main__":
    raise SystemExit(main())
