"""The exchange as a node has it: entries of its member logs folded, what it offers, and the catalogue that it shows.

    state = exchange_of(node.replica)                # what all members' logs, as held here, come to
    entry = say(node, "DatasetWithdrawn", body)      # checked, then written into this member's log
    offered = offer(node, Offer.load(text), folder)  # files kept, document kept, then the entry
    catalog_of(node, state)                          # this member's offers, as catalogues show them

Documents lie in the store of blobs under their hash; the files of a dataset under theirs in the node's folder of files,
where backups find them. An entry is written last, so that it never names what is not there. What other members offer is
known by their entries alone; titles and terms are in their own catalogues.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from concordat.errors import InputError, RuleError, StateError
from concordat.exchange.catalogue.dsp_catalog import dsp_dataset
from concordat.exchange.catalogue.model import Catalog, Dataset, Service, dataset_uuid
from concordat.exchange.catalogue.offer import (
    HeldFile,
    Offer,
    dataset_of,
    document_bytes,
    offered_body,
    parse_document,
)
from concordat.exchange.events import SCOPE, check_said
from concordat.exchange.fold import Exchange, Fact, Logged, fold
from concordat.ledger.entry import Entry
from concordat.ledger.replica import Replica
from concordat.node.exchange_pages import check_fits
from concordat.node.hashed_files import HashedFiles
from concordat.node.home import Node

FILES = "files"  # in the node's folder, as for results of jobs: backups take what is there
DSP = "/dsp/2025-1"
FILE_BYTES_MAX = 4 * 2**30
HOST_MAX = 106  # characters of a host with its port in a membership


@dataclass(frozen=True, slots=True)
class Offered:
    """What an offer came to: the entry, the document that it names, and the bytes of its files together."""

    entry: Entry
    document: Mapping[str, Any]
    bytes: int


def logged_of(replica: Replica) -> list[Logged]:
    """The exchange's entries in all member logs held here, each with its submission time if a quorum saw it."""
    found = []
    for _, log in sorted(replica.shelf.logs.items()):
        for index, entry in enumerate(log.entries):
            if entry.scope == SCOPE:
                proof = log.proof_of(index)
                found.append(Logged(entry, proof[1] if proof else None))
    return found


def exchange_of(replica: Replica) -> Exchange:
    """The state of the exchange as a member's replica has it."""
    return fold(logged_of(replica))


def say(node: Node, kind: str, body: Mapping[str, Any], refs: Sequence[str] = ()) -> Entry:
    """Check an entry and write it into this member's log, signed by the node; durable when this returns.

    Raises:
        InputError: an unknown type, or a body of another form. RuleError: it is not for this member to say.
    """
    check_said(kind, body, node.identity.member)
    entry, _ = node.write(kind, body, SCOPE, refs=sorted(set(refs)))
    return entry


def files_of(home: Path) -> HashedFiles:
    """Where the files of datasets lie, by their SHA-256."""
    return HashedFiles(home / FILES)


# --- Offering -----------------------------------------------------------------------------------------------------


def prepare(node: Node, wanted: Offer, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Keep the files and the document of an offer: (document, body of the entry that offers it).

    Args:
        folder: that of the offer file; paths are relative to it.

    Raises:
        RuleError: another member's offer, or nothing new in it. InputError: a file that isn't there, or a dataset that
            is too large for a catalogue that others read.
    """
    member = node.identity.member
    if wanted.publisher != member:
        what = f"the offer's publisher is {wanted.publisher}, and this node is {member}'s."
        raise RuleError(what, where="publisher", hint="Offer what is yours.", code="publisher")
    held = [_keep(node.home, folder, part.path) for part in wanted.files]
    version, before = _version(node, wanted.id)
    document = wanted.document(held, version)
    if before is not None and {**before, "version": version} == document:
        hint = "Change the offer or a file, and it becomes the next version."
        raise RuleError(f"{wanted.id} v{version - 1} says the same.", where=wanted.id, hint=hint, code="unchanged")
    bloc, base = node.chain.last.bloc, base_of(node)
    dataset = dataset_of(document, bloc=bloc, base=base, service=service_of(bloc, member, base).id, entry="0" * 64)
    check_fits(dsp_dataset(dataset), where=wanted.id)
    body = offered_body(document, bloc)
    check_said("DatasetOffered", body, member)
    node.store.put_blob(body["document"]["hash"], None, document_bytes(document))
    return document, body


def check_size(wanted: Offer) -> None:
    """Look, without a node, whether an offer's dataset fits into a catalogue that others read.

    What only the node knows (addresses, hashes, sizes, the version) is taken as long as it can be, which makes up to a
    few hundred bytes, and a dozen for each file.

    Raises:
        InputError: it is too large, by how much.
    """
    held = [HeldFile(FILE_BYTES_MAX, "0" * 64) for _ in wanted.files]
    base = f"https://{'x' * HOST_MAX}"
    service = service_of("BLOC", wanted.publisher, base).id
    document = wanted.document(held, 10**9)
    dataset = dataset_of(document, bloc="BLOC", base=base, service=service, entry="0" * 64)
    check_fits(dsp_dataset(dataset), where=wanted.id)


def offer(node: Node, wanted: Offer, folder: Path) -> Offered:
    """Offer a dataset: keep its files and document, then write the entry.

    Raises:
        RuleError, InputError: as `prepare`.
    """
    document, body = prepare(node, wanted, folder)
    return Offered(say(node, "DatasetOffered", body), document, sum(f["bytes"] for f in document["files"]))


def _keep(home: Path, folder: Path, name: str) -> HeldFile:
    """A file of the offer, kept under its SHA-256; never one outside the offer's folder."""
    path = folder / name
    where = str(path)
    if not path.resolve().is_relative_to(folder.resolve()):
        hint = "Put it beside the offer file, or below."
        raise InputError("the file is outside the offer's folder.", where=where, hint=hint, code="outside")
    if not path.is_file():
        raise InputError("no such file.", where=where, code="unreadable")
    if path.stat().st_size > FILE_BYTES_MAX:
        raise InputError(f"over {FILE_BYTES_MAX:,} bytes.", where=where, hint="Split it.", code="too_large")
    try:
        size, digest = files_of(home).copy(path)
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=where, code="unreadable") from None
    return HeldFile(size, digest)


def _version(node: Node, dataset: str) -> tuple[int, dict[str, Any] | None]:
    """The next version of a dataset of ours, and the document of the last one."""
    state = exchange_of(node.replica)
    key = (node.identity.member, dataset)
    last = max((f.version for f in state.of("dataset", key, "published")), default=0)
    if not last:
        return 1, None
    if any(f.version >= last for f in state.of("dataset", key, "withdrawn")):
        return last + 1, None  # the same may be offered again
    return last + 1, document_of(node, state.newest("dataset", key))


def document_of(node: Node, fact: Fact) -> dict[str, Any]:
    """The document that an offer of ours names.

    Raises:
        StateError: it was erased, or never was here.
    """
    found = node.store.blob(fact.document)
    if found is None:
        what = f"the document of {fact.key[1]} v{fact.version} is not here."
        raise StateError(what, where=fact.document[:16], hint="Take it from a backup.", code="no_document")
    if hashlib.sha256(found[1]).hexdigest() != fact.document:
        raise StateError("the document is damaged.", where=fact.document[:16], code="damaged")
    return parse_document(found[1], fact.key[1])


# --- Catalogue ----------------------------------------------------------------------------------------------------


def is_gone(newest: int, withdrawn: Iterable[int]) -> bool:
    """Whether a dataset is off the shelf: its newest version was withdrawn; an older one does not come back."""
    return any(version >= newest for version in withdrawn)


def on_offer(state: Exchange, member: str, *, public: bool = False) -> list[Fact]:
    """The newest version of each dataset that a member offers and has not withdrawn, by id.

    Args:
        public: only those that anyone may have.
    """
    found = []
    for key in state.keys("dataset"):
        if key[0] != member or not state.of("dataset", key, "published"):
            continue
        newest = state.newest("dataset", key)
        gone = is_gone(newest.version, (f.version for f in state.of("dataset", key, "withdrawn")))
        if not gone and not (public and newest.body.access != "public"):
            found.append(newest)
    return found


def base_of(node: Node) -> str:
    """The address of this member's node, as the membership has it."""
    return f"https://{node.chain.last_with(node.identity.member).member(node.identity.member).host}"


def service_of(bloc: str, member: str, base: str) -> Service:
    """The service through which a member's datasets are had."""
    name = dataset_uuid(bloc, member, "dsp")
    return Service(name, base + DSP, {"en": f"Dataspace Protocol 2025-1 of {member}"})


def catalog_of(node: Node, state: Exchange, *, base: str = "", public: bool = False) -> Catalog:
    """What this member offers, newest versions, as catalogues show it.

    Args:
        state: of `exchange_of`. base: the node's address; default: that of the membership. public: leave out what is
            restricted.

    Raises:
        StateError: a document is missing.
    """
    member, bloc = node.identity.member, node.chain.last.bloc
    base = base or base_of(node)
    service = service_of(bloc, member, base)
    datasets: list[Dataset] = []
    for fact in on_offer(state, member, public=public):
        document = document_of(node, fact)
        datasets.append(dataset_of(document, bloc=bloc, base=base, service=service.id, entry=fact.entry))
    return Catalog(
        id=f"{base}/catalog", title={"en": f"Data offered by {member} in {bloc}"},
        description={"en": f"What {member} offers to others, each on its own terms."}, publisher=member,
        datasets=tuple(datasets), services=(service,), participant=member,
    )  # fmt: skip
