"""Is this export whole, true to its signatures, and in order: the program's own auditor of a folder.

It reads what `publish` wrote and asks everything that a replica asks, and more: no file is missing or left over, every
tile is the one that its entries make, every paper has the name of its hash. `ledger.offline_verify` is a second auditor
that shares no code with this one; a test holds the two to the same verdict on many random folders.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from concordat import canonical
from concordat.errors import InputError, TrustError
from concordat.ledger.council_log import Certificate, CouncilLog, Missing, Progress, submitted_under
from concordat.ledger.membership import Membership, MembershipChain, Point
from concordat.ledger.misconduct import Misconduct
from concordat.ledger.note import Checkpoint, Note
from concordat.ledger.shelf import Shelf
from concordat.ledger.tiles import WIDTH, MemoryTiles, tile_path, tiles_of
from concordat.ledger.views import ViewVote, begin_view
from concordat.node.publish import folder_of, policy_text
from concordat.node.sources import FILES_MAX, FolderSource

PLAIN = {"README.txt", "manifest.json", "policy.txt", "verify.py"}


@dataclass(frozen=True)
class Audited:
    """What an audit found good.

    Attributes:
        bloc, pinned: whose record, under which hash. sizes: entries of each log by origin.
        final: the view of the final head, and the last batch under it.
        accusations: proofs of misconduct in the folder, in words.
    """

    bloc: str
    pinned: str
    sizes: dict[str, int]
    final: Point | None
    accusations: tuple[str, ...]


def audit(folder: Path, pinned: str | None = None) -> Audited:
    """Audit an export.

    Args:
        folder: the export. pinned: the hash of membership version 1; without it, that of the folder itself.

    Raises:
        InputError, TrustError: the first thing that is not good, with its file.
    """
    return _Audit(folder, pinned).run()


@dataclass(frozen=True)
class Record:
    """An export that was found good, to be read on.

    Attributes:
        chain: membership. shelf: the members' logs. councils: the council logs by view. place: (view, size) of the
            final head; (0, 0) if nothing is final. audited: the verdict. certificates: by (view, size).
    """

    chain: MembershipChain
    shelf: Shelf
    councils: dict[int, CouncilLog]
    place: tuple[int, int]
    audited: Audited
    certificates: dict[tuple[int, int], Certificate] = field(default_factory=dict)


def open_export(folder: Path, pinned: str | None = None) -> Record:
    """Audit an export and keep it open, for whoever reads what was said.

    Raises:
        InputError, TrustError: as `audit`.
    """
    audit = _Audit(folder, pinned)
    verdict = audit.run()
    return Record(audit.chain, audit.shelf, audit.councils, audit.final_place(), verdict, audit.certificates)


class _Audit:
    def __init__(self, folder: Path, pinned: str | None) -> None:
        self.source = FolderSource(folder)
        self.present = _files(folder)
        self.used: set[str] = set()
        files = [self._read(f"membership/{n}.json") for n in range(1, self._count("membership/", ".json") + 1)]
        if not files:
            raise InputError("there is no membership file.", where=str(folder), code="export")
        trusted = pinned or Membership.parse(files[0], "membership/1.json").hash
        self.chain = MembershipChain.verify(files, trusted)
        self.shelf = Shelf(self.chain)
        self.councils: dict[int, CouncilLog] = {}
        self.certificates: dict[tuple[int, int], Certificate] = {}

    def run(self) -> Audited:
        """All steps, in the order in which they build on each other."""
        if self._read("policy.txt") != policy_text(self.chain.last).encode():
            raise TrustError("not the policy of the newest membership version.", where="policy.txt", code="policy")
        notes = self._notes()
        for origin in sorted(self.shelf.logs):
            self._member_log(origin)
        for text in notes.values():
            self._note(text)
        views = sorted(self._views())
        for view in views:
            self._council(view)
        for path, text in notes.items():
            self._covered(path, text)
        accusations = self._papers()
        self._manifest()
        stray = sorted(set(self.present) - self.used - PLAIN)
        if stray:
            raise TrustError("a file that no export has.", where=stray[0], code="export")
        sizes = {o: log.size for o, log in self.shelf.logs.items() if log.head is not None}
        sizes |= {log.origin: log.size for log in self.councils.values()}
        return Audited(self.chain.last.bloc, self.chain.pinned, sizes, self._final(), accusations)

    def _read(self, path: str) -> bytes:
        if path not in self.present:
            raise TrustError("the file is missing.", where=path, code="export")
        self.used.add(path)
        return self.source.read(path)

    def _count(self, start: str, end: str) -> int:
        return sum(path.startswith(start) and path.endswith(end) for path in self.present)

    # --- Logs ---------------------------------------------------------------------------------------------------------

    def _log(self, origin: str) -> tuple[list[bytes], Note] | None:
        """The entries and head of a log, its tiles compared; None if the folder has no such log."""
        base = folder_of(origin)
        if f"{base}/checkpoint" not in self.present:
            return None
        note = Note.parse(self._read(f"{base}/checkpoint"), f"{base}/checkpoint")
        head = Checkpoint.parse_text(note.text, f"{base}/checkpoint")
        if head.origin != origin or not head.size:
            what = f"the head is of {head.origin}, size {head.size}."
            raise TrustError(what, where=f"{base}/checkpoint", code="origin")
        leaves: list[bytes] = []
        for _, entries in self.source.entries(base, head.size):
            leaves += entries
        tiles = MemoryTiles(leaves)
        for tile in tiles_of(head.size):
            path = f"{base}/{tile_path(tile.level, tile.index, tile.width)}"
            if self._read(path) != tiles.tile(tile.level, tile.index, tile.width):
                raise TrustError("the tile is not that of the entries.", where=path, code="tile")
            if tile.level == 0:
                path = f"{base}/{tile_path('entries', tile.index, tile.width)}"
                if self._read(path) != tiles.bundle(tile.index, WIDTH):
                    raise TrustError("the bundle has bytes left over.", where=path, code="bundle")
        return leaves, note

    def _member_log(self, origin: str) -> None:
        found = self._log(origin)
        log = self.shelf.logs[origin]
        if found is None:
            return
        leaves, note = found
        for entry in log.read(0, leaves, self.chain):
            log.append(entry)
        where = f"{folder_of(origin)}/checkpoint"
        keys = [k for v in self.chain.versions for k in v.cosigner_keys("witness")]
        keys += [k for v in self.chain.versions for m in v.members if m.id == log.owner for k in m.log]
        signed = Checkpoint.parse(str(note), dict.fromkeys(keys), where)
        if log.tree.root() != signed.checkpoint.root:
            raise TrustError("the root is not that of the entries.", where=where, code="root")
        log.head = note

    def _notes(self) -> dict[str, str]:
        texts = {}
        for path in sorted(self.present):
            if path.startswith("notes/"):
                data = self._read(path)
                if sha256(data).hexdigest() != path.removeprefix("notes/"):
                    raise TrustError("the note has another hash than its name.", where=path, code="note")
                texts[path] = str(Note.parse(data, path))
                self.shelf.keep(texts[path])
        return texts

    def _note(self, text: str) -> None:
        """A note is a head of a log here, good in its signatures; certified council heads count for finality."""
        origin = text.partition("\n")[0]
        view = self._view_of(origin)
        if view:
            certificate = Certificate.of_note(text, self.chain.of_view(view), view)
            if certificate is not None:
                self.certificates[certificate.place] = certificate
            return
        log = self.shelf.logs.get(origin)
        if log is None:
            raise TrustError("a note of a log that no member has.", where=origin, code="note")
        _, head, time = submitted_under(text, self.chain, log.owner)
        log.submit(head.size, time, sha256(text.encode()).hexdigest())

    def _covered(self, path: str, text: str) -> None:
        head = Checkpoint.parse_text(Note.parse(text).text, path)
        view = self._view_of(head.origin)
        log = self.councils.get(view) if view else self.shelf.logs.get(head.origin)
        if log is None or not 0 < head.size <= log.size or log.tree.root(head.size) != head.root:
            raise TrustError("the note is no head of a log here.", where=path, code="note")

    def _view_of(self, origin: str) -> int:
        stem, _, view = origin.rpartition("/")
        known = stem == f"{self.chain.last.bloc}/council" and view.isascii() and view.isdecimal() and len(view) < 10
        return int(view) if known and str(int(view)) == view and view != "0" else 0

    def _views(self) -> set[int]:
        base = folder_of(f"{self.chain.last.bloc}/council/")
        found = {path.removeprefix(base).partition("/")[0] for path in self.present if path.startswith(base)}
        views = {self._view_of(f"{self.chain.last.bloc}/council/{name}") for name in found}
        if 0 in views:
            raise TrustError("a council log of no view.", where=base, code="export")
        return views

    def _council(self, view: int) -> None:
        version = self.chain.of_view(view)
        found = self._log(version.council_origin(view))
        if found is None:
            raise TrustError("the head is missing.", where=folder_of(version.council_origin(view)), code="export")
        leaves, note = found
        where = f"{folder_of(version.council_origin(view))}/checkpoint"
        signed = Checkpoint.parse(str(note), version.council_ring(view).keys, where)
        log = CouncilLog(view, version, Progress()) if view == 1 else self._started(view, leaves[0])
        for leaf in leaves[log.size :]:
            try:
                log.append(*log.check(leaf, self.chain, self.shelf))
            except Missing as missing:
                raise TrustError(f"it needs {missing}, which is not here.", where=where, code="missing") from None
            batch = log.batches[-1]
            if batch and batch.certificate:
                self._carried(batch.certificate, where)
        if log.tree.root() != signed.checkpoint.root:
            raise TrustError("the root is not that of the entries.", where=where, code="root")
        certificate = Certificate.of_note(str(note), version, view)
        if certificate is not None:
            self.certificates.setdefault(certificate.place, certificate)
        self.councils[view] = log

    def _carried(self, certificate: Certificate, where: str) -> None:
        """A certificate inside an entry names its whole note, which the folder holds."""
        whole = self.shelf.note(certificate.note)
        if whole is not None:
            note = Note.parse(whole)
            lines = {s.line() for s in note.signatures}
            head = Checkpoint(self.chain.last.council_origin(certificate.view), certificate.size, certificate.root)
            if note.text != head.text() or not lines >= set(certificate.cosignatures):
                raise TrustError("a certificate is no part of the note that it names.", where=where, code="certificate")
        self.certificates[certificate.place] = certificate

    def _started(self, view: int, leaf: bytes) -> CouncilLog:
        where = self.chain.last.council_origin(view)
        try:
            log, started = begin_view(view, leaf, self.chain, self.councils)
        except Missing:
            raise TrustError("the log of the cut is not here.", where=where, code="missing") from None
        if started.cut:
            self._carried(started.cut, where)
        return log

    def final_place(self) -> tuple[int, int]:
        """(view, size) of the highest final head: the one before a certified one; (0, 0) if there is none."""
        for view, size in sorted(self.certificates, reverse=True):
            log = self.councils.get(view)
            if size < 2 or log is None or log.size < size or log.tree.root(size) != self.certificates[view, size].root:
                continue
            return view, size - 1
        return 0, 0

    def _final(self) -> Point | None:
        """The view of the highest final head, and the last batch under it."""
        view, size = self.final_place()
        return Point(view, self.councils[view].progress_at(size).number) if view else None

    # --- Papers -------------------------------------------------------------------------------------------------------

    def _papers(self) -> tuple[str, ...]:
        found = []
        for path in sorted(self.present):
            if path.startswith("votes/"):
                data = self._named(path, path.removeprefix("votes/"))
                vote = ViewVote.parse(data, path)
                vote.verify(self.chain.of_view(vote.view))
            elif path.startswith("misconduct/"):
                data = self._named(path, path.removeprefix("misconduct/").removesuffix(".json"))
                found.append(Misconduct.parse(data, path).check(self.chain.pinned, self.chain).sentence())
        return tuple(found)

    def _named(self, path: str, digest: str) -> bytes:
        data = self._read(path)
        if sha256(data).hexdigest() != digest:
            raise TrustError("another hash than its name.", where=path, code="export")
        return data

    def _manifest(self) -> None:
        listed: Any = canonical.loads(self._read("manifest.json"), exact=True)
        found = {path: sha256(self.source.read(path)).hexdigest() for path in self.present if path != "manifest.json"}
        if listed != found:
            odd = sorted(set(listed if isinstance(listed, dict) else ()) ^ set(found)) or sorted(
                path for path in found if listed[path] != found[path]
            )
            raise TrustError("the manifest says otherwise.", where=odd[0] if odd else "manifest.json", code="manifest")


def _files(folder: Path) -> set[str]:
    """Every file below a folder; links are refused."""
    found: set[str] = set()
    for place, below, names in os.walk(folder):
        for name in (*below, *names):
            if (Path(place) / name).is_symlink():
                raise InputError("a symbolic link.", where=str(Path(place) / name), code="export")
        found.update((Path(place) / name).relative_to(folder).as_posix() for name in names)
        if len(found) > FILES_MAX:
            raise InputError(f"over {FILES_MAX:,} files.", where=str(folder), code="export")
    if not found:
        raise InputError("there is nothing in it.", where=str(folder), code="export")
    return found
