"""Is an exported ledger what its signatures say? Stand-alone: python verify.py EXPORT [--trust HASH] [--entry ID] ...

Copied into every export; needs Python 3.11 and `cryptography`, nothing of ours and no network. It follows
docs/reference/ledger-format.md and shares no code with the rest of this folder: two programs that must agree. In order:
membership from the hash you trust; every log's head, entries, tiles; the council's views; votes; proofs of misconduct;
the manifest. A line a step, or FAILED with file, byte and entry. Exit 0, 5, or 2 for a wrong command.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import re
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, NamedTuple

NOTE_MAX, FILE_MAX, FILES_MAX = 1 << 20, 1 << 26, 2_000_000  # bytes of a note or vote, of any file; files
P, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
Y8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826  # of a point of order 8; another is -Y8
SMALL_ORDER = (0, 1, P - 1, Y8, P - Y8)  # the y of all points whose order divides 8
SIGNATURE = rb'\{"keyid":"([0-9a-f]{16})","sig":"([A-Za-z0-9+/]{86}==)"\}'
ENVELOPE = rb'\{"payload":"([A-Za-z0-9+/]*=?=?)","payloadType":"(%%s)","signatures":\[(%s(?:,%s)*)\]\}'
ENVELOPE %= (SIGNATURE.replace(b"(", b"(?:"),) * 2
PROOF = r"c2sp\.org/tlog-proof@v1\n(?:extra [^\n]*\n)?index (0|[1-9]\d{0,15})\n((?:[A-Za-z0-9+/]{43}=\n)*)\n((?s:.+))"
# Forms of values. `name = pattern` is text; `name: key>form ...` an object with exactly these keys; `n` an integer, `n1`
# one from 1 on, `one` 1, `any` an object. After a form, `?` means "or null", `*` and a number a list of at most so many.
FORMS: dict[str, Any] = {}
for line in r"""
text = (?s).* ; id = [A-Z][A-Z0-9]{1,15} ; label = [a-z][a-z0-9-]{0,31} ; type = [A-Z][A-Za-z]{0,63} ; hex = [0-9a-f]{64}
scope = council|exchange|order|clearing:\S{1,99} ; hash = [A-Za-z0-9+/]{43}= ; status = active|suspended
time = \d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ
host = [A-Za-z0-9][A-Za-z0-9.-]{0,200}(:[0-9]{1,5})? ; point : batch>n view>n ; root : keys>hash*99 threshold>n1
person : from>point key>hash label>label may>scope*99 until>point?
member : host>host id>id log>text*2 mirror>text*2 persons>person*9999 root>root status>status witness>text*2
membership : bloc>id effective>point expires>time members>member*999 merge_delay_hours>n rota>id*999 threshold>n1 v>one \
version>n1
entry : author>id bloc>id body>any membership>n1 person>label prev>hex refs>hex*64 scope>scope seq>n1 ts>time type>type \
v>one
certificate : cosignatures>text*999 note>hex root>hash size>n1 view>n1 ; highest : root>hash size>n1 view>n1
ref : index>n leaf>hex origin>text proof>hex time>n
Batch : certificate>certificate? cursors>any number>n1 refs>ref*128 view>n1
ViewStarted : cut>certificate? number>n view>n1 votes>text*999
view-vote : bloc>id highest>highest? member>id v>one view>n1
accusation : accused>id bloc>id evidence>any kind>kind membership>text*9999 v>one
kind = same_size|inconsistent|author_fork|double_promise|merge_delay|rollback
same_size : key>text notes>text*2 ; inconsistent : key>text notes>text*2 old_root>hash proof>hash*99
rollback : key>text notes>text*2 ; author_fork : entries>text*2 ; double_promise : key>text note>text vote>text
merge_delay : batch>text council_proof>text entry>text member_proof>text
""".replace("\\\n", "").replace("\n", " ; ").split(" ; ")[1:-1]:  # fmt: skip
    name, sign, form = line.split(None, 2)
    FORMS[name] = re.compile(form) if sign == "=" else dict(field.split(">") for field in form.split())


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
    if many:
        need(type(value) is list and len(value) <= int(limit), f"{where} is not a list of at most {limit}")
        for item in value:
            fit(item, name, where)
    elif form.endswith("?"):
        value is None or fit(value, form[:-1], where)
    elif form in ("n", "n1", "one"):
        need(
            type(value) is int and value >= len(form[1:2]) and (form != "one" or value == 1),
            f"{where} is no such number",
        )
    elif isinstance(FORMS.get(form), re.Pattern):
        need(type(value) is str and FORMS[form].fullmatch(value), f"{where} is malformed")
    else:
        need(type(value) is dict and (form == "any" or value.keys() == FORMS[form].keys()), f"{where} has other keys")
        for key in FORMS.get(form, ()):
            fit(value[key], FORMS[form][key], f"{where}.{key}")


def in_order(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    need(all(a < b for a, b in pairwise(k.encode("utf-16-be") for k, _ in pairs)), "keys stand twice or not in order")
    return dict(pairs)


def load(raw: bytes, form: str) -> Any:
    """The value of JSON in canonical form (RFC 8785; no floats, integers within 2^53 - 1, NFC, at most 32 levels)."""
    text = raw.decode()
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    levels = accumulate((c in "[{") - (c in "]}") for c in bare if c in "[]{}")
    need(max(levels, default=0) <= 32, "more than 32 levels of JSON")
    need(not re.search(r"\.|\d[eE]|\d{17}", bare), "a number with a fraction or too many digits")
    need(all(int(n) < 2**53 for n in re.findall(r"\d{16}", bare)), "an integer beyond 2^53 - 1")
    need(text.isascii() or unicodedata.is_normalized("NFC", re.sub(r"\\.", " ", text)), "text that is not NFC")
    value = json.loads(text, object_pairs_hook=in_order)
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    need(written.encode() == raw, "JSON that is not in canonical form")
    fit(value, form, form)
    return value


def unbase64(text: str | bytes) -> bytes:
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data) == (text.encode() if isinstance(text, str) else text), "base64 with stray bits")
    return data


def envelope(raw: bytes, form: str) -> tuple[bytes, Any, bytes, dict[str, bytes]]:
    """Payload, its value, signed bytes, and signatures by key id, of a canonical DSSE envelope."""
    kind = b"application/vnd.concordat.%s+json; v=1" % form.encode()
    found = re.fullmatch(ENVELOPE % re.escape(kind), raw)
    if not found:
        raise Failed("", f"no canonical envelope of type {kind.decode()}")
    payload, pairs = unbase64(found[1]), re.findall(SIGNATURE, found[3])
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    signatures = {name.decode(): unbase64(text) for name, text in pairs}
    need(len(signatures) == len(pairs), "two signatures of one key")
    return payload, load(payload, form), message, signatures


@lru_cache(maxsize=10_000)
def library_key(kind: int, raw: bytes) -> Any:
    """The library's key: Ed25519, or ML-DSA-44 (kind 6); None where the library has no ML-DSA."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    if kind != 6:
        need(good_point(raw), "an Ed25519 key that is not canonical, or of small order")
        return ed25519.Ed25519PublicKey.from_public_bytes(raw)
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa
    except ImportError:
        return None
    return mldsa.MLDSA44PublicKey.from_public_bytes(raw)


def good_point(raw: bytes) -> bool:
    """Whether a compressed point is canonical and not of small order; that it is on the curve the library checks."""
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    return len(raw) == 32 and y < P and y not in SMALL_ORDER


def check_signature(kind: int, public: bytes, message: bytes, signature: bytes, who: str) -> None:
    """Refuse a signature that is not the key's by the strict rules; ML-DSA-44 goes unchecked without the library."""
    key, scalar = library_key(kind, public), int.from_bytes(signature[32:], "little")
    strict = kind == 6 or (len(signature) == 64 and good_point(signature[:32]) and scalar < ORDER)
    try:
        need(strict, "")
        key is None or key.verify(signature, message)
    except Exception:
        raise Failed("", f"the signature of {who} fails") from None


class Key(NamedTuple):
    """A verifier key: kind 1 signs a log's heads (and entries), 4 (Ed25519) and 6 (ML-DSA-44) cosign."""

    kind: int
    public: bytes
    name: str

    @staticmethod
    def parse(text: str) -> Key:
        name, number, rest = text.split("+", 2)
        key = Key(unbase64(rest)[0], unbase64(rest)[1:], name)
        need(re.fullmatch(r"[^\s+]+", name) and number == key.id.hex(), "a verifier key with a wrong name or id")
        need(len(key.public) == {1: 32, 4: 32, 6: 1312}.get(key.kind), "a verifier key of unknown type or length")
        return key

    @property
    def id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    @property
    def short(self) -> str:
        """The key id in envelopes."""
        return sha256(bytes([self.kind]) + self.public).hexdigest()[:16]


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
        found = re.fullmatch(r"([^\s+]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)", text)
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
        check_signature(key.kind, key.public, message, signature[len(stamp) :], key.name)
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


def follow(first: int, last: int, old: bytes, new: bytes, path: list[bytes]) -> tuple[bytes, bytes]:
    """Roots to which a proof leads (RFC 9162, 2.1.3.2 and 2.1.4.2): of the left part, and of the whole."""
    for step in path:
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
        _, p, message, signatures = envelope(raw, "membership")
        self.p, self.start = p, (p["effective"]["view"], p["effective"]["batch"])
        self.active = [m["id"] for m in p["members"] if m["status"] == "active"]
        self.quorum = len(self.active) - (len(self.active) - 1) // 3
        self.keys: dict[Key, tuple[str, str]] = {}  # to member and role
        self.people: dict[tuple[str, str, str], Any] = {}  # by member, label, key id
        self.roots = {m["id"]: [Key(1, unbase64(k), "") for k in m["root"]["keys"]] for m in p["members"]}
        for m in p["members"]:
            for role, kind, title in (("log", 1, "member"), ("witness", 4, "witness"), ("mirror", 4, "mirror")):
                keys = [Key.parse(text) for text in m[role]]
                need(
                    [k.kind for k in keys] in ([kind], [kind, 6]), f"{m['id']}'s keys of the {role} are of other types"
                )
                need(
                    {k.name for k in keys} == {f"{m['host']}/{p['bloc']}/{title}"}, f"{m['id']}'s keys have other names"
                )
                self.keys |= dict.fromkeys(keys, (m["id"], role))
            for person in m["persons"]:
                key = Key(1, unbase64(person["key"]), f"{m['host']}/{p['bloc']}/member")
                self.people[m["id"], person["label"], key.short] = person | {"key": key}
            need(1 <= m["root"]["threshold"] <= len(self.roots[m["id"]]), f"{m['id']}'s root threshold can't be met")
        roots = [key for keys in self.roots.values() for key in keys]
        keys = [*self.keys, *roots, *(x["key"] for x in self.people.values())]
        count = len(self.keys) + len(roots) + sum(len(m["persons"]) for m in p["members"])
        need(
            len({k.public for k in keys if library_key(k.kind, k.public) or True}) == count, "a public key stands twice"
        )
        ids, first = [m["id"] for m in p["members"]], before or self
        need(
            ids == sorted(set(ids)) and len({m["host"] for m in p["members"]}) == len(ids), "members twice, or unsorted"
        )
        need(sorted(p["rota"]) == self.active and self.active, "the rota is not each active member once")
        self.fixed = [
            p["rota"],
            *([m[k] for k in ("id", "host", "status", "log", "witness", "mirror")] for m in p["members"]),
        ]
        if before is None:
            need((p["version"], self.start) == (1, (1, 0)), "not version 1 from view 1, batch 0")
        else:
            need((p["version"], p["bloc"]) == (before.p["version"] + 1, before.p["bloc"]), "another bloc or number")
            late = self.start[0] > before.start[0] and self.start[1] == 0
            need(self.start > before.start and (late or self.fixed == before.fixed), "takes effect too early")
        known = {k.short: k for v in (first, self) for keys in v.roots.values() for k in keys}
        for name, signature in signatures.items():
            need(name in known, f"signed by {name}, which is no root key")
            check_signature(1, known[name].public, message, signature, f"root key {name}")
        for v in (first, self):
            limits = {m["id"]: m["root"]["threshold"] for m in v.p["members"]}
            votes = sum(sum(k.short in signatures for k in v.roots[m]) >= limits[m] for m in v.active)
            need(
                votes >= v.p["threshold"], f"{votes} of {v.p['threshold']} votes that version {v.p['version']} asks for"
            )


class Chain:
    """All versions of the membership, each voted for by the one before."""

    def __init__(self, raws: Iterable[tuple[str, bytes]]) -> None:
        self.versions: list[Version] = []
        for file, raw in raws:
            with at(file):
                self.versions.append(Version(raw, self.versions[-1] if self.versions else None))
        self.bloc = self.versions[0].p["bloc"]
        self.known = {(k.name, k.id): k for v in self.versions for k in v.keys}
        self.people = {(v.p["version"], *who): p for v in self.versions for who, p in v.people.items()}

    def of(self, view: int, batch: int = 0) -> Version:
        """The version in force at a point."""
        return [v for v in self.versions if v.start <= (view, batch)][-1]

    def writers(self, origin: str) -> dict[Key, str]:
        """The keys that sign a log: of the member in any version, or of the chair under the name of the origin."""
        found = re.fullmatch(f"{self.bloc}/council/([1-9][0-9]{{0,14}})", origin)
        if not found:
            return {k: m for v in self.versions for k, (m, role) in v.keys.items() if k.name == origin}
        version = self.of(int(found[1]))
        chair = version.p["rota"][(int(found[1]) - 1) % len(version.p["rota"])]
        return {Key(k.kind, k.public, origin): chair for k, who in version.keys.items() if who == (chair, "log")}

    def signers(self, note: Note) -> dict[Key, int]:
        """Time by known key; every line of a known key must verify, and the log itself must have signed."""
        own = self.writers(note.origin)
        known = self.known | {(k.name, k.id): k for k in own}
        lines = [(known[name, ident], rest) for name, ident, rest in note.lines.values() if (name, ident) in known]
        times = {key: note.time(key, rest) for key, rest in lines}
        need(len(times) == len(lines), "two lines of one key")
        return times

    def head(self, note: Note, role: str, version: Version, lines: Iterable[str] | None = None) -> dict[str, int]:
        """Times of the version's active members who cosigned a head in this role (by Ed25519); its log signed it."""
        times, own = self.signers(note), self.writers(note.origin)
        need(any(k.kind == 1 and k in own for k in times), "not signed by a key of its log")
        chosen = {note.lines[line][:2] for line in lines} if lines is not None else None
        found = {k: time for k, time in times.items() if chosen is None or (k.name, k.id) in chosen}
        members = {
            version.keys[k][0]: t for k, t in found.items() if k.kind == 4 and version.keys.get(k, ("", ""))[1] == role
        }
        return {m: time for m, time in members.items() if m in version.active}


def median(times: Iterable[int]) -> int:
    ordered = sorted(times)
    return ordered[(len(ordered) - 1) // 2]


# --- Entries and logs ---


class Entry(NamedTuple):
    leaf: bytes
    id: str
    p: dict[str, Any]
    key: Key


def read_entry(raw: bytes, people: dict[Any, Any], bloc: str) -> Entry:
    """An entry on its own: form, limits, and a signature by a key that its membership version lists."""
    payload, p, message, signatures = envelope(raw, "entry")
    need(len(raw) <= 65_535 and len(payload) <= 48_000 and len(signatures) == 1, "too long, or not signed once")
    ((name, signature),) = signatures.items()
    person = people.get((p["membership"], p["author"], p["person"], name))
    need(person, f"membership {p['membership']} lists no key {name} of {p['author']} {p['person']}")
    need(p["scope"] in person["may"], f"{p['author']} {p['person']} may not write in scope {p['scope']}")
    need(p["bloc"] == bloc and p["refs"] == sorted(set(p["refs"])), "of another bloc, or refs unsorted or twice")
    check_signature(1, person["key"].public, message, signature, f"{p['author']} {p['person']}")
    return Entry(sha256(b"\0" + raw).digest(), sha256(payload).hexdigest(), p, person["key"])


def read_file(root: Path, path: str) -> bytes:
    return (root / path).read_bytes()


def read_bundle(job: tuple[Path, str, int, int, dict[Any, Any], str]) -> tuple[bytes, str, list[Entry]]:
    """The entries of a bundle, each checked on its own, and the file's hash; runs in any process."""
    root, path, first, width, people, bloc = job
    data, place, entries = read_file(root, path), 0, []
    for index in range(first, first + width):
        with at(path, place, index):
            raw = data[place + 2 : place + 2 + int.from_bytes(data[place : place + 2], "big")]
            need(
                place + 2 + len(raw) <= len(data) and len(raw) == int.from_bytes(data[place : place + 2], "big"),
                "cut short",
            )
            entries.append(read_entry(raw, people, bloc))
            place += 2 + len(raw)
    with at(path, place, first + width - 1):
        need(place == len(data), "bytes after the last entry")
    return sha256(data).digest(), entries


def tile_path(folder: str, level: str, number: int, width: int) -> str:
    digits = f"{number:03d}".zfill(-(-len(f"{number:03d}") // 3) * 3)
    groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
    name = "/".join([*("x" + group for group in groups[:-1]), groups[-1]])
    return f"{folder}/tile/{level}/{name}" + (f".p/{width}" if width < 256 else "")


class Log(NamedTuple):
    folder: str
    note: Note
    levels: list[bytes]
    entries: dict[int, Entry]  # of scope council or order


class Export:
    """A folder, read once and checked step by step."""

    def __init__(self, root: Path, trust: str | None, processes: int) -> None:
        self.root, self.trust, self.processes = root, trust, processes
        self.files, self.hashes = list_files(root), {}
        self.logs: dict[str, Log] = {}
        self.places: dict[str, tuple[str, int]] = {}
        self.refs: set[str] = set()
        self.lines: list[str] = []

    def read(self, path: str, most: int = NOTE_MAX) -> bytes:
        self.expect(path, most)
        data = read_file(self.root, path)
        self.hashes[path] = sha256(data).hexdigest()
        return data

    def expect(self, path: str, most: int) -> None:
        if path not in self.files or self.files[path] > most:
            raise Failed(path, f"more than {most} bytes" if path in self.files else "missing")

    def membership(self) -> None:
        paths = [f"membership/{n}.json" for n in range(1, len(self.files) + 1)]
        count = max(1, sum(path in self.files for path in paths))
        self.chain = Chain((path, self.read(path, FILE_MAX)) for path in paths[:count])
        self.pin = self.hashes[paths[0]]
        with at(paths[0]):
            need(self.trust in (None, self.pin), f"its hash is {self.pin}, not the one you trust")
        words = "as you trust" if self.trust else "compare this hash with one you got another way"
        self.lines.append(f"membership: {count} versions of {self.chain.bloc}, pinned {self.pin} ({words})")
        with at("policy.txt"):
            words = self.read("policy.txt").decode().split()
            keys = {(k.kind in (1,), k.public) for k in self.chain.versions[-1].keys}
            need("quorum" in words, "no quorum")
            for word in words:
                if word.count("+") >= 2:
                    need(
                        Key.parse(word).public in {k for _, k in keys},
                        f"{word[:80]} is no key of the newest membership",
                    )

    def log(self, origin: str, folder: str) -> None:
        """Head, entries, tiles of one log."""
        path = f"{folder}/checkpoint"
        view = self.view_of(origin)
        with at(path):
            note = Note.parse(self.read(path))
            need(note.origin == origin, f"the origin is {note.origin}, not {origin}")
            version = self.chain.of(view or self.last_view)
            signed = self.chain.head(note, "mirror" if view else "witness", version)
        jobs, size = [], note.size
        for n in range(-(-size // 256)):
            bundle = tile_path(folder, "entries", n, min(256, size - 256 * n))
            self.expect(bundle, 1 << 24)
            jobs.append((self.root, bundle, 256 * n, min(256, size - 256 * n), self.chain.people, self.chain.bloc))
        leaves, kept, previous = [], {}, "0" * 64
        for job, (digest, entries) in zip(jobs, self.run(read_bundle, jobs), strict=True):
            self.hashes[job[1]] = digest.hex()
            for index, entry in enumerate(entries, job[2]):
                p = entry.p
                with at(job[1], None, index):
                    need(p["seq"] == index + 1 and p["prev"] == previous, f"seq {p['seq']} or prev does not follow")
                    if view:
                        chair = next(iter(self.chain.writers(origin).values()))
                        need(
                            (p["author"], p["person"], p["scope"]) == (chair, "node", "order"),
                            "not of the chair's node",
                        )
                        need(p["membership"] == version.p["version"], "not under the membership of the view")
                        kind = "ViewStarted" if view > 1 and not index else "Batch"
                        need(p["type"] == kind, f"not of type {kind}")
                        fit(p["body"], kind, "body")
                    else:
                        need(entry.key.name == origin and p["scope"] != "order", "not of this log's member, or order")
                leaves.append(entry.leaf)
                previous = entry.id
                self.places[entry.id] = (origin, index)
                self.refs.update(p["refs"])
                if p["scope"] in ("council", "order"):
                    kept[index] = entry
        levels = [b"".join(leaves)]
        while len(levels[-1]) >= 8192:
            full = range(0, len(levels[-1]) // 8192 * 256, 256)
            levels.append(b"".join(root_of(levels[-1:], i, i + 256) for i in full))
        good = root_of(levels, 0, size) == note.root
        for level, hashes in enumerate(levels if size else []):
            for n in range(-(-len(hashes) // 8192)):
                wanted = hashes[8192 * n : 8192 * (n + 1)]
                path = tile_path(folder, str(level), n, len(wanted) // 32)
                found = self.read(path, 8192)
                if found != wanted:
                    byte = next((i for i, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b), len(found))
                    if level or good or len(found) != len(wanted):
                        raise Failed(path, f"hash {byte // 32} is not that of what stands below", byte)
                    raise Failed(jobs[n][1], "not the entry whose hash the tiles hold", None, 256 * n + byte // 32)
        with at(f"{folder}/checkpoint"):
            need(good, "the root is not that of the entries")
        self.logs[origin] = Log(folder, note, levels, kept)
        missing = ", ".join(m for m in version.active if m not in signed)
        state = f"{len(signed)} of {len(version.active)}"
        if len(signed) < version.quorum:
            state = f"pending: {len(signed)} of {version.quorum}; missing {missing}"
        self.lines.append(f"log {origin}: {size} entries, head good, {'mirrors' if view else 'witnesses'} {state}")

    def view_of(self, origin: str) -> int:
        found = re.fullmatch(f"{self.chain.bloc}/council/([0-9]+)", origin)
        return int(found[1]) if found else 0

    def run(self, work: Any, jobs: list[Any]) -> Iterator[Any]:
        if self.processes < 2 or len(jobs) < 2:
            yield from map(work, jobs)
            return
        with multiprocessing.Pool(self.processes) as pool:
            yield from pool.imap(work, jobs)

    def note(self, name: str) -> Note:
        path = f"notes/{name}"
        with at(path):
            raw = self.read(path)
            need(self.hashes[path] == name, "its hash is not its name")
            note = Note.parse(raw)
            self.chain.signers(note)
        return note

    def certificate(self, c: Any, view: int, size: int) -> None:
        """Refuse a certificate that isn't q mirrors' for this size of the view's log."""
        origin, version = f"{self.chain.bloc}/council/{view}", self.chain.of(view)
        need((c["view"], c["size"]) == (view, size), f"the certificate is not of view {view}, size {size}")
        need(origin in self.logs and size <= self.logs[origin].note.size, f"view {view} has no {size} entries here")
        note = self.note(c["note"])
        need((note.origin, note.size, note.root) == (origin, size, unbase64(c["root"])), "note and certificate differ")
        need(root_of(self.logs[origin].levels, 0, size) == note.root, "the certificate's root is not the log's")
        need(set(c["cosignatures"]) <= note.lines.keys(), "a cosignature that is not in the note")
        members = self.chain.head(note, "mirror", version, c["cosignatures"])
        need(len(members) == len(c["cosignatures"]), "a cosignature by no mirror of the view, or two by one")
        need(len(members) >= version.quorum, f"{len(members)} cosignatures of {version.quorum}")

    def batch(self, view: int, index: int, body: Any, state: tuple[int, dict[str, int]]) -> tuple[int, dict[str, int]]:
        """Check a batch against the state before it: number of the last batch and cursors; the state after it."""
        number, cursors, version = state[0] + 1, state[1], self.chain.of(view)
        need((body["view"], body["number"]) == (view, number), f"not batch {number} of view {view}")
        if index:
            need(body["certificate"], "no certificate")
            self.certificate(body["certificate"], view, index)
        need(index or body["certificate"] is None, "a certificate of nothing")
        taken: dict[str, list[int]] = {origin: [] for origin in body["cursors"]}
        for ref in body["refs"]:
            origin, at_index = ref["origin"], ref["index"]
            need(origin in taken, f"refs of {origin} without a cursor")
            note = self.note(ref["proof"])
            times = self.chain.head(note, "witness", version)
            need(note.origin == origin and note.size > at_index, "the proof is of another log, or too small")
            need(len(times) >= version.quorum, f"the proof has {len(times)} witnesses of {version.quorum}")
            need(median(times.values()) == ref["time"], "the time is not the median of the proof")
            log = self.logs.get(origin)
            need(log and note.size <= log.note.size, f"the log {origin} is not here, or shorter than the proof")
            need(log and root_of(log.levels, 0, note.size) == note.root, "the proof is of another history of the log")
            need(log and log.levels[0][32 * at_index :][:32].hex() == ref["leaf"], "the leaf is not the log's")
            taken[origin].append(at_index)
            self.taken[origin, at_index] = (view, index, number)
        for origin, cursor in body["cursors"].items():
            need(any(k.name == origin for k in version.keys) and origin in self.logs, f"no log {origin}")
            log, old = self.logs[origin], cursors.get(origin, 0)
            need(
                type(cursor) is int and old < cursor <= log.note.size,
                f"the cursor of {origin} goes from {old} to {cursor}",
            )
            wanted = [i for i in range(old, cursor) if i in log.entries]
            need(taken[origin] == wanted, f"refs of {origin} are {taken[origin]}, its entries {wanted}"[:200])
        return number, {**cursors, **body["cursors"]}

    def started(self, view: int, body: Any) -> tuple[int, dict[str, int]]:
        """Check the entry that starts a view: its votes, and the cut on which history goes on."""
        cut, first = body["cut"], body["cut"]["view"] if body["cut"] else 1
        need(body["view"] == view and first < view, "of another view, or cut at a later one")
        versions = {self.chain.of(v).p["version"]: self.chain.of(v) for v in range(first, view + 1)}
        votes = [self.vote(unbase64(text), list(versions.values())) for text in body["votes"]]
        members = [vote["member"] for vote in votes]
        need(members == sorted(set(members)), "votes twice, or not in order of members")
        need(all(vote["view"] == view for vote in votes), "a vote for another view")
        for version in versions.values():
            count = sum(m in version.active for m in members)
            need(count >= version.quorum, f"{count} votes of {version.quorum} of membership {version.p['version']}")
        claims = [vote["highest"] for vote in votes if vote["highest"]]
        top = max(((c["view"], c["size"]) for c in claims), default=None)
        highest = [c for c in claims if (c["view"], c["size"]) == top]
        need(cut or not claims, "no cut, though a vote names a certificate")
        need(not cut or highest, "a cut that no vote names")
        need(all({k: cut[k] for k in claim} == claim for claim in highest), "the cut is not the highest of the votes")
        if cut:
            self.certificate(cut, cut["view"], cut["size"])
            self.final[first] = max(self.final.get(first, 0), cut["size"] - 1)
        state = self.states[cut["view"]][cut["size"]] if cut else (0, {})
        need(body["number"] == state[0], f"batch {body['number']} at the cut, where {state[0]} is")
        self.cuts[view] = (cut["view"], cut["size"]) if cut else (0, 0)
        return state

    def vote(self, raw: bytes, versions: list[Version]) -> Any:
        _, p, message, signatures = envelope(raw, "view-vote")
        mirrors = {
            k.short: k for v in versions for k, who in v.keys.items() if k.kind == 4 and who == (p["member"], "mirror")
        }
        need(len(signatures) == 1 and signatures.keys() <= mirrors.keys(), f"no mirror key of {p['member']}")
        for name, signature in signatures.items():
            check_signature(4, mirrors[name].public, message, signature, mirrors[name].name)
        need(
            p["bloc"] == self.chain.bloc and p["view"] > (p["highest"] or {"view": 1})["view"],
            "of another bloc or view",
        )
        return p

    def council(self) -> None:
        """All council logs in order of views: batches, cuts, finality."""
        self.taken: dict[tuple[str, int], tuple[int, int, int]] = {}
        self.states: dict[int, list[tuple[int, dict[str, int]]]] = {}
        self.cuts: dict[int, tuple[int, int]] = {}
        final = self.final = {}
        for view in self.views:
            origin = f"{self.chain.bloc}/council/{view}"
            log, states = self.logs[origin], self.states.setdefault(view, [(0, {})])
            for index, entry in log.entries.items():
                with at(
                    tile_path(log.folder, "entries", index // 256, min(256, log.note.size - index // 256 * 256)),
                    None,
                    index,
                ):
                    if index or view == 1:
                        states.append(self.batch(view, index, entry.p["body"], states[-1]))
                    else:
                        states.append(self.started(view, entry.p["body"]))
                        for older, size in self.final.items():
                            need(self.cuts[view] >= (older, size), f"the cut leaves out what was final in view {older}")
            mirrors = self.chain.head(log.note, "mirror", self.chain.of(view))
            agreed = log.note.size if len(mirrors) >= self.chain.of(view).quorum else log.note.size - 1
            if agreed > 0:
                final[view] = agreed - 1
        reached = [v for v in self.views if v in final]
        done = f"view {reached[-1]} batch {self.states[reached[-1]][final[reached[-1]]][0]}" if reached else "nothing"
        last = self.states[self.views[-1]][-1][0]
        self.lines.append(f"council: {len(self.views)} views, {last} batches, final to {done}")

    def rest(self, entry: str | None, misconduct: Path | None) -> None:
        """Votes, proofs of misconduct, refs, one entry, and the manifest last."""
        names = [path for path in sorted(self.files) if path.startswith("votes/")]
        for path in names:
            with at(path):
                need(f"votes/{sha256(self.read(path)).hexdigest()}" == path, "its hash is not its name")
                self.vote(self.read(path), self.chain.versions)
        if names:
            self.lines.append(f"votes: {len(names)} good")
        for path in [path for path in sorted(self.files) if path.startswith("misconduct/")]:
            with at(path):
                raw = self.read(path, FILE_MAX)
                need(f"misconduct/{sha256(raw).hexdigest()}.json" == path, "its hash is not its name")
                self.lines.append(f"misconduct: {path} holds: {accuse(raw, self.chain, self.pin)}")
        if misconduct:
            with at(str(misconduct)):
                need(misconduct.stat().st_size <= FILE_MAX, "too large")
                self.lines.append(
                    f"misconduct: {misconduct} holds: {accuse(misconduct.read_bytes(), self.chain, self.pin)}"
                )
        absent = sorted(self.refs - self.places.keys())
        if absent:
            self.lines.append(f"refs: {len(absent)} to entries that are not in this export, the first {absent[0]}")
        if entry:
            need(entry in self.places, f"no entry {entry} in this export")
            origin, index = self.places[entry]
            view, at_index, number = self.taken.get((origin, index), (0, 0, 0))
            state = "" if not view else f", taken up by view {view} batch {number}"
            self.lines.append(f"entry {entry}: {origin}, index {index}{state}")
        for path in ("README.txt", "verify.py"):
            self.read(path, FILE_MAX)
        raw = self.read("manifest.json", FILE_MAX)
        for path in sorted(self.files):
            need(path in self.hashes, "") if path in self.hashes else self.stray(path)
        with at("manifest.json"):
            manifest = load(raw, "any")
            del self.hashes["manifest.json"]
            need(manifest.keys() == self.hashes.keys(), "it names other files than there are")
        for path, digest in self.hashes.items():
            if manifest[path] != digest:
                loose = path.endswith(("checkpoint", ".txt", "verify.py"))
                raise Failed(path if loose else "manifest.json", f"manifest.json has another hash of {path}")
        self.lines.append(f"manifest: {len(manifest)} files, all as listed")

    def stray(self, path: str) -> None:
        raise Failed(path, "no part of an export")


# --- Proofs of misconduct ---


def accuse(raw: bytes, trusted: Chain, pin: str) -> str:
    """Check a proof of misconduct; who did what."""
    m = load(raw, "accusation")
    own = [unbase64(text) for text in m["membership"]]
    need(own and sha256(own[0]).hexdigest() == pin, "its membership is not the one you trust")
    chain, e, kind = Chain((f"membership {n}", x) for n, x in enumerate(own, 1)), m["evidence"], m["kind"]
    need(all(a.p == b.p for a, b in zip(chain.versions, trusted.versions, strict=False)), "its membership is another")
    need(m["bloc"] == chain.bloc, "of another bloc")
    fit(e, kind, "evidence")
    if "notes" in e or "note" in e:
        key, notes = Key.parse(e["key"]), [Note.parse(text.encode()) for text in e.get("notes", [e.get("note")])]
        times = [chain.signers(note) for note in notes]
        need(all(key in t for t in times), "not signed by the key")
        owners = {v.keys[key][0] for v in chain.versions if key in v.keys} | {
            chain.writers(notes[0].origin).get(key, "")
        }
        need(m["accused"] in owners, "the key is not the accused's")
        a, b = notes[0], notes[-1]
        need(a.origin == b.origin and len(notes) == (1 if "note" in e else 2), "of two logs, or not two notes")
    if kind == "same_size":
        need(a.size == b.size and a.root != b.root, "not two roots of one size")
    elif kind == "inconsistent":
        old, path = unbase64(e["old_root"]), [unbase64(step) for step in e["proof"]]
        need(0 < a.size < b.size and old != a.root, "not a smaller head with another root")
        first, last = a.size - 1, b.size - 1
        start = path.pop(0) if a.size & first else old
        while first & 1:
            first, last = first >> 1, last >> 1
        need(follow(first, last, start, start, path) == (old, b.root), "the proof does not lead there")
    elif kind == "rollback":
        need(
            key.kind in (4, 6) and b.size < a.size and times[1][key] > times[0][key], "no smaller head at a later time"
        )
    elif kind == "double_promise":
        _, vote, message, signatures = envelope(unbase64(e["vote"]), "view-vote")
        mirrors = {
            k.short: k
            for v in chain.versions
            for k, w in v.keys.items()
            if k.kind == 4 and w == (vote["member"], "mirror")
        }
        need(
            len(signatures) == 1 and signatures.keys() <= mirrors.keys() and vote["member"] == m["accused"],
            "not its vote",
        )
        for name, signature in signatures.items():
            check_signature(4, mirrors[name].public, message, signature, mirrors[name].name)
        found = re.fullmatch(f"{chain.bloc}/council/([1-9][0-9]{{0,14}})", a.origin)
        need(
            found and any(v.keys.get(key) == (m["accused"], "mirror") for v in chain.versions),
            "not a mirror's, of a view",
        )
        view, top = int(found[1]) if found else 0, vote["highest"] or {"view": 0, "size": 0}
        need(
            vote["view"] > view and a.size >= 2 and (view, a.size - 1) > (top["view"], top["size"]), "no broken promise"
        )
    elif kind == "author_fork":
        x, y = (read_entry(unbase64(text), chain.people, chain.bloc) for text in e["entries"])
        places = [
            (z.p["author"], z.p["seq"], z.p["body"].get("view") if z.p["scope"] == "order" else z.key.name)
            for z in (x, y)
        ]
        need(places[0] == places[1] and x.id != y.id and x.p["author"] == m["accused"], "not two entries in one place")
        need(
            type(places[0][2]) in (int, str) and (x.p["scope"] == "order") == (y.p["scope"] == "order"),
            "of no one chain",
        )
    else:
        entry, batch = (read_entry(unbase64(e[name]), chain.people, chain.bloc) for name in ("entry", "batch"))
        fit(batch.p["body"], "Batch", "body")
        c = batch.p["body"]["certificate"]
        version = chain.of(batch.p["body"]["view"])
        heads = []
        for item, text, origin in (
            (entry, e["member_proof"], entry.key.name),
            (batch, e["council_proof"], f"{chain.bloc}/council/{batch.p['body']['view']}"),
        ):
            found = re.fullmatch(PROOF, text)
            need(found, "no tlog-proof")
            note, index = Note.parse(found[3].encode()), int(found[1])
            path = [unbase64(step) for step in found[2].split()]
            need(note.origin == origin and index < note.size and item.p["seq"] == index + 1, "of another log or index")
            need(
                follow(index, note.size - 1, item.leaf, item.leaf, path)[1] == note.root,
                "the proof does not lead there",
            )
            heads.append((note, index))
        (note, index), (head, at_index) = heads
        times = chain.head(note, "witness", version)
        chain.head(head, "mirror", version)
        need(c and (c["view"], c["size"]) == (batch.p["body"]["view"], at_index), "no certificate of its place")
        lines = "".join(f"{line}\n" for line in c["cosignatures"])
        covered = Note.parse(f"{head.origin}\n{c['size']}\n{c['root']}\n\n{lines}".encode())
        cosigned = [
            (k, t)
            for k, t in chain.signers(covered).items()
            if k.kind == 4 and version.keys.get(k, ("", ""))[1] == "mirror"
        ]
        need(
            len({version.keys[k][0] for k, _ in cosigned} & set(version.active)) >= version.quorum,
            "certificate without quorum",
        )
        need(len(times) >= version.quorum and entry.p["scope"] == "council", "the entry's head has no quorum")
        late = median([t for _, t in cosigned]) - median(times.values()) > version.p["merge_delay_hours"] * 3600
        cursor = batch.p["body"]["cursors"].get(note.origin)
        need(late and type(cursor) is int and cursor <= index, "not late, or the cursor is past it")
        need(m["accused"] == batch.p["author"] == next(iter(chain.writers(head.origin).values())), "not the chair")
    return f"{m['accused']}, {kind}"


def list_files(root: Path) -> dict[str, int]:
    """Sizes of all files by path; links, other kinds of files and empty folders are refused."""
    found, waiting = {}, [root]
    need(root.is_dir(), f"{root} is no folder")
    while waiting:
        folder = waiting.pop()
        items = sorted(folder.iterdir())
        for item in items:
            with at(item.relative_to(root).as_posix()):
                need(not item.is_symlink() and (item.is_file() or item.is_dir()), "neither file nor folder")
                need(len(found) < FILES_MAX, "more files than an export may have")
                if item.is_dir():
                    waiting.append(item)
                else:
                    found[item.relative_to(root).as_posix()] = item.stat().st_size
        with at(folder.relative_to(root).as_posix()):
            need(items, "an empty folder")
    return found


def verify_export(
    path: str, trust: str | None = None, entry: str | None = None, misconduct: str | None = None, processes: int = 1
) -> list[str]:
    """The lines that tell what was found good.

    Raises:
        Failed: At the first thing that is not.
    """
    with at(str(path)):
        export = Export(Path(path), trust, processes)
        export.membership()
        names = {
            k.name.replace(":", "_"): k.name
            for k, (_, role) in ((k, w) for v in export.chain.versions for k, w in v.keys.items())
            if role == "log"
        }
        heads = [file[5:-11] for file in sorted(export.files) if re.fullmatch("logs/.+/checkpoint", file)]
        council = f"{export.chain.bloc}/council/"
        export.views = sorted(int(h[len(council) :]) for h in heads if re.fullmatch(council + "[1-9][0-9]{0,14}", h))
        export.last_view = export.views[-1] if export.views else 1
        for head in [h for h in heads if h in names] + [f"{council}{view}" for view in export.views]:
            export.log(names.get(head, head), f"logs/{head}")
        need(export.logs, "no log")
        if export.views:
            export.council()
        export.rest(entry, Path(misconduct) if misconduct else None)
    return export.lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Checks an export of the ledger, without network or trust.")
    parser.add_argument("export")
    parser.add_argument("--trust", metavar="HASH", help="hash of membership/1.json that you got another way")
    parser.add_argument("--entry", metavar="ID", help="also tell where this entry stands")
    parser.add_argument("--misconduct", metavar="FILE", help="also check this proof of misconduct")
    parser.add_argument("--processes", metavar="N", type=int, default=1, help="processes that verify entries")
    given = parser.parse_args()
    try:
        print("\n".join(verify_export(given.export, given.trust, given.entry, given.misconduct, given.processes)))
    except Failed as failed:
        print(f"FAILED {failed}".encode("ascii", "backslashreplace").decode())
        return 5
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
