"""A node's logs as a folder that anyone can carry and audit: static tiles, notes, papers, and a verifier of its own.

The layout is docs/reference/ledger-format.md; only files that changed are written, each whole or not at all, the
manifest last. Any web server, USB stick or post office can carry the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from concordat import canonical
from concordat.errors import InputError, StateError
from concordat.ledger.membership import Membership, words_of
from concordat.ledger.note import Checkpoint, Note, Signature
from concordat.ledger.policy import member_policy
from concordat.ledger.replica import Replica
from concordat.ledger.tiles import WIDTH, MemoryTiles, tile_path, tiles_of

_README = """This folder is the public record of {bloc} as {member} holds it.

To audit it you need Python 3.11 or later and its package "cryptography", and nothing of Concordat:

    python verify.py .                       everything: whose keys count, logs, order, finality
    python verify.py . --entry ID            one entry
    python verify.py . --misconduct FILE     an accusation

What you must know from elsewhere, from someone you trust, is the hash of the record's beginning: SHA-256 of the
payload inside membership/1.json (not of the file, to which signatures may be added):

    {pinned}
    in eight words: {words}

Give it with --trust. Exit code 0: all good. 5: the first thing that is not, with file, place and entry.
The format is described in docs/reference/ledger-format.md of Concordat.
"""


def policy_text(version: Membership) -> str:
    """The bloc's policy file: a quorum of the active members' witnesses; `none` for a node by itself."""
    members = version.active
    quorum = version.quorum if len(members) > 1 else 0
    return str(member_policy([m.log[0] for m in members], [(m.id, m.witness) for m in members], quorum))


def folder_of(origin: str) -> str:
    """The folder of a log in an export."""
    return "logs/" + origin.replace(":", "_")


def export_files(replica: Replica) -> Iterator[tuple[str, bytes]]:
    """Every file of an export but the manifest, by path."""
    chain = replica.chain
    for version in chain.versions:
        yield f"membership/{version.version}.json", version.envelope.to_bytes()
    yield "policy.txt", policy_text(chain.last).encode()
    cosigned: dict[str, list[Signature]] = {}
    for text in replica.shelf.notes.values():
        note = Note.parse(text)
        cosigned.setdefault(note.text, []).extend(note.signatures)
    for origin, log in sorted(replica.shelf.logs.items()):
        if log.head is not None:
            size = Checkpoint.parse_text(log.head.text).size
            head = log.head.with_signatures(cosigned.get(log.head.text, ()))
            yield from _log_files(origin, log.entries.leaves[:size], str(head))
    for view, council in sorted(replica.councils.items()):
        if view in replica.heads:
            note = replica.heads[view]
            size = Checkpoint.parse_text(note.text).size
            opened = replica.open_council
            if opened is not None and opened.text == note.text:
                note = note.with_signatures(opened.signatures)
            note = note.with_signatures(cosigned.get(note.text, ()))
            yield from _log_files(council.origin, council.leaves[:size], str(note))
    for digest, text in sorted(replica.shelf.notes.items()):
        if _covers(replica, Note.parse(text)):
            yield f"notes/{digest}", text.encode()
    votes = {sha256(v.data).hexdigest(): v.data for by in replica.votes.values() for v in by.values()}
    for digest, data in sorted(votes.items()):
        yield f"votes/{digest}", data
    for digest, proof in sorted(replica.accusations.items()):
        yield f"misconduct/{digest}.json", proof.data()
    yield "verify.py", (files("concordat.ledger") / "offline_verify.py").read_bytes()
    words = words_of(chain.pinned)
    about = {"bloc": chain.last.bloc, "member": replica.me, "pinned": chain.pinned, "words": words}
    yield "README.txt", _README.format(**about).encode()


def _covers(replica: Replica, note: Note) -> bool:
    """Whether the note is a head of a log as it is held here; one that came before its entries proves nothing yet."""
    head = Checkpoint.parse_text(note.text)
    logs = {**replica.shelf.logs, **{council.origin: council for council in replica.councils.values()}}
    log = logs.get(head.origin)
    return log is not None and 0 < head.size <= log.size and log.tree.root(head.size) == head.root


def _log_files(origin: str, leaves: Sequence[bytes], head: str) -> Iterator[tuple[str, bytes]]:
    base = folder_of(origin)
    tiles = MemoryTiles(leaves)
    for tile in tiles_of(len(leaves)):
        yield f"{base}/{tile_path(tile.level, tile.index, tile.width)}", tiles.tile(tile.level, tile.index, tile.width)
        if tile.level == 0:
            data = tiles.bundle(tile.index, WIDTH)
            yield f"{base}/{tile_path('entries', tile.index, tile.width)}", data
    yield f"{base}/checkpoint", head.encode()


def export(replica: Replica, out: Path, home: Path | None = None) -> int:
    """Write an export; the number of files that changed. Files that are not of an export are never touched.

    Args:
        home: the node's own folder, which must not lie in the export, nor the export in it.

    Raises:
        StateError: a folder that holds something else, links, or can't be written.
    """
    wanted = dict(export_files(replica))
    wanted["manifest.json"] = canonical.dumps({path: sha256(data).hexdigest() for path, data in wanted.items()})
    if home is not None and _within(home, out):
        what = "the node's own folder and its export lie one in the other."
        raise StateError(what, where=str(out), hint="Export into another folder.", code="home")
    try:
        out.mkdir(parents=True, exist_ok=True)
        earlier = _earlier(out)
        changed = sum(_write(out, path, data) for path, data in wanted.items() if path != "manifest.json")
        for path in sorted(earlier - set(wanted)):
            (out / path).unlink(missing_ok=True)
            changed += 1
        changed += _write(out, "manifest.json", wanted["manifest.json"])
        for folder in sorted(
            {p for path in earlier - set(wanted) for p in (out / path).parents if out in p.parents}, reverse=True
        ):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        place = str(error.filename or out)
        raise StateError(f"can't be written: {error.strerror or error}.", where=place, code="not_written") from None
    return changed


def _within(home: Path, out: Path) -> bool:
    a, b = home.resolve(), out.resolve()
    return a == b or a in b.parents or b in a.parents


def _earlier(out: Path) -> set[str]:
    """The files of an earlier export in a folder, by its manifest; an empty folder has none.

    Raises:
        StateError: the folder holds anything else: it is somebody's, and stays as it is.
    """
    present = set()
    for place, below, names in os.walk(out):
        for name in (*below, *names):
            path = Path(place) / name
            if path.is_symlink():
                hint = "Choose an empty folder."
                raise StateError("there is a link in the folder.", where=str(path), hint=hint, code="link")
        present.update((Path(place) / name).relative_to(out).as_posix() for name in names)
    if not present:
        return set()
    hint = "Choose an empty folder, or one that holds an export."
    try:
        listed = canonical.loads((out / "manifest.json").read_bytes(), exact=True)
    except (OSError, InputError):
        listed = None
    ours = isinstance(listed, dict) and {"membership/1.json", "verify.py", "policy.txt"} <= set(listed)
    foreign = sorted(present - set(listed or ()) - {"manifest.json"} - {f"{p}.new" for p in listed or ()})
    if not ours or foreign:
        where = str(out / foreign[0]) if foreign else str(out)
        raise StateError("the folder holds something else.", where=where, hint=hint, code="not_empty")
    return present - {"manifest.json"}


def _write(out: Path, relative: str, data: bytes) -> bool:
    """Write a file if it differs; whole or not at all, and never through a link."""
    path = out / relative
    if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o644)
    with os.fdopen(handle, "wb") as file:  # a copy of what is durable in the store: not synced file by file
        file.write(data)
    temporary.replace(path)
    return True
