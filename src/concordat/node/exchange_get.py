"""Get a dataset of another member: catalogue, agreement, body, checksum and proof, in one order to our running node.

`get` uses a final agreement that covers what the person declares (purpose, place, onward sharing) and still permits;
else it goes on with an open negotiation about the same, or begins one, and waits for the agreement. It pulls each file
while it is hashed, compares the hash with the catalogue *and* with the proven entry that offered the dataset, verifies
that entry's proof bundle without the network, logs `TransferCompleted` and tells the provider. A file that differs is
kept aside as `.rejected`, the transfer is terminated with code `checksum`, and nothing is logged as completed. Source:
exchange.md 5.4, 11.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from concordat import canonical, clock
from concordat.errors import ConcordatError, InputError, RuleError, SourceError, StateError, TrustError
from concordat.exchange.catalogue.dsp_catalog import LABEL, parse_dsp_catalog
from concordat.exchange.catalogue.model import dataset_uuid
from concordat.exchange.dataspace import messages
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.messages import PULL, PUSH
from concordat.exchange.dataspace.odrl import TLP
from concordat.exchange.dataspace.partners import not_taken
from concordat.exchange.dataspace.schemas import parse
from concordat.exchange.dataspace.terms import split_of, terms_words
from concordat.ledger.bundle import Bundle, Verdict
from concordat.ledger.entry import Entry
from concordat.node.dsp_client import copy_flushed, flush_folder, move_file
from concordat.node.exchange_agreements import said_of
from concordat.node.exchange_asking import begun, narrowed, running, standing
from concordat.node.exchange_entries import ENDED, transfer_body
from concordat.node.exchange_pushed import pushed
from concordat.node.exchange_receive import RECEIVED, Wanted
from concordat.node.exchange_service import ExchangeService
from concordat.node.exchange_store import Agreement, Process
from concordat.node.exchange_wording import reason_of

WAIT_S = 120.0
PROOF_WAIT_S = 20.0
PROOF_LOOK_S = 0.5
REFUSED = "refused"  # the code of a transfer that the provider did not open


@dataclass(frozen=True, slots=True)
class Remote:
    """A dataset as another member's node shows it, with the entry that offered it, proven.

    Attributes:
        uuid. shown: as it came. offer: its first policy. files: SHA-256, bytes and media type of each, two of the same
            bytes twice. entry: the proven `DatasetOffered`. verdict: what the proof says.
    """

    uuid: str
    shown: Mapping[str, Any]
    offer: Mapping[str, Any]
    files: tuple[tuple[str, int, str], ...]
    entry: Entry
    verdict: Verdict

    @property
    def about(self) -> dict[str, Any]:
        """What a negotiation and its agreement keep of it."""
        body, label = self.entry.body, self.shown.get(LABEL)
        known = {"dataset_id": body["dataset"], "version": body["version"], "offered": self.entry.id}
        return known | ({"label": label} if label in TLP else {})


async def get(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Get a dataset.

    Args:
        wanted: `member`, `dataset` (its id or urn:uuid), `purpose` and `residency` (lists), `onward`, `wait_s`; `push`:
            the provider sends the files to this node, instead of this node fetching them.

    Raises:
        InputError: no such member or dataset. RuleError: no agreement, or its use is not permitted. TrustError: a hash
            or proof that disagrees. SourceError: the other node doesn't answer. StateError: it waits, or the disk
            refuses.
    """
    member, wait = _peer(exchange, str(wanted["member"])), float(wanted.get("wait_s") or WAIT_S)
    uuid = _uuid(exchange, member, str(wanted["dataset"]))
    async with exchange.alone(member, uuid, wait):
        return await _got(exchange, member, uuid, wanted, wait)


async def _got(
    exchange: ExchangeService, member: str, uuid: str, wanted: Mapping[str, Any], wait: float
) -> dict[str, Any]:
    clock_s = exchange.service.monotonic
    began = clock_s()
    remote = await _look_up(exchange, member, uuid, str(wanted["dataset"]))
    push = bool(wanted.get("push"))
    if push:
        _require_push(remote, member)
    looked = clock_s()
    asked = narrowed(remote.offer, wanted)
    kept = await _standing(exchange, member, remote, asked)
    again = kept is not None
    if kept is None:
        kept = await _agree(exchange, member, remote, asked, wait)
    agreed = clock_s()
    try:
        files, transfer = await _transfer(exchange, member, remote, kept.id, wait, push)
    except RuleError as error:
        if not again or error.code != REFUSED:
            raise
        # The provider counts the uses and has the word: what it gives no more under this agreement is agreed anew.
        again, kept = False, await _agree(exchange, member, remote, asked, wait)
        agreed = clock_s()
        files, transfer = await _transfer(exchange, member, remote, kept.id, wait, push)
    done = clock_s()
    split = split_of(kept.text)
    return {
        "agreement": kept.id, "agreement_hash": kept.hash, "agreed_at": str(kept.text["timestamp"]),
        "agreed_s": round(agreed - looked, 3), "again": again,
        "bytes": sum(size for _, size, _ in remote.files), "catalogue_s": round(looked - began, 3),
        "dataset": remote.entry.body["dataset"],
        "enforced": list(split.enforced), "files": files, "member": member, "not_enforced": list(split.unknown),
        "offered": f"{remote.entry.author} {remote.entry.seq}", "pending": remote.verdict.pending,
        "promised": list(split.promised), "pulled_s": round(done - agreed, 3), "pushed": push,
        "terms": terms_words(kept.text),
        "transfer": transfer, "version": remote.entry.body["version"], "witnesses": list(remote.verdict.witnesses),
    }  # fmt: skip


def _peer(exchange: ExchangeService, member: str) -> str:
    if member in exchange.engine.side.outside:
        raise not_taken(member)
    if member in exchange.engine.side.places:
        return member
    from concordat.settings import nearest

    known = sorted(exchange.engine.side.places)
    close = nearest(member, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(known) or 'none besides this one'}."
    raise InputError(f'"{member[:40]}" is no other active member.', where="member", hint=hint, code="unknown_member")


# --- Catalogue and proof ----------------------------------------------------------------------------------------------


def _uuid(exchange: ExchangeService, member: str, name: str) -> str:
    return name if name.startswith("urn:uuid:") else dataset_uuid(exchange.service.bloc, member, name)


async def _look_up(exchange: ExchangeService, member: str, uuid: str, name: str) -> Remote:
    url = f"{exchange.engine.side.places[member]}{messages.PATH}/catalog/datasets/{uuid}"
    reply = await exchange.client.send(member, "GET", url)
    if reply.status == 404:
        hint = f"See what it offers you: concordat exchange catalog {member}"
        raise InputError(
            f'{member} offers this node no "{name[:80]}".', where=member, hint=hint, code="unknown_dataset"
        )
    if reply.status != 200:
        raise SourceError(f"{member} answers {reply.status}: {reason_of(reply.body)}", where=url, code="catalogue")
    shown = parse(reply.body, "Dataset", where=f"{member}, dataset")
    if shown["@id"] != uuid:
        raise TrustError(f"asked for {uuid}, got {shown['@id']}.", where=member, code="dataset")
    (dataset,) = parse_dsp_catalog({"dataset": [shown]}).datasets
    files = tuple(
        sorted((p.sha256, p.bytes, p.media_type) for p in dataset.distributions if p.sha256 and p.bytes is not None)
    )
    if not files:
        raise TrustError("the catalogue names no checksum.", where=member, code="checksum")
    entry, verdict = await _proven(exchange, member, str(dataset.proof))
    offer = dict(shown["hasPolicy"][0])
    _same_as_logged(entry, member, uuid, offer, files)
    return Remote(uuid, shown, offer, files, entry, verdict)


async def _proven(exchange: ExchangeService, member: str, url: str) -> tuple[Entry, Verdict]:
    """The entry that offered the dataset, verified without the network; witnesses are waited for, a while."""
    place = exchange.engine.side.places[member]
    if not url.startswith(f"{place}/"):
        raise TrustError(f"the proof is not on {member}'s node.", where=url[:120], code="proof")
    pinned = exchange.service.chain.pinned
    end = exchange.service.monotonic() + PROOF_WAIT_S
    while True:
        reply = await exchange.client.send(member, "GET", url)
        late = exchange.service.monotonic() > end
        if reply.status == 200:
            bundle = Bundle.parse(reply.body, f"{member}, proof")
            verdict = await exchange.do(lambda found=bundle: found.verify(pinned))  # type: ignore[misc]
            if not verdict.pending or late:
                return verdict.entry, verdict
        elif late:
            words = reply.body[:200].decode("utf-8", "replace").strip()
            raise TrustError(f"{member} shows no proof ({reply.status}): {words}", where=url, code="proof")
        await asyncio.sleep(PROOF_LOOK_S)


def _same_as_logged(
    entry: Entry, member: str, uuid: str, offer: Mapping[str, Any], files: Sequence[tuple[str, int, str]]
) -> None:
    """The catalogue says what the proven entry says: dataset, terms and files.

    Raises:
        TrustError: which of them differs, with both values.
    """
    body = entry.body
    terms = canonical.digest({key: value for key, value in offer.items() if key not in ("@id", "target")}, floats=True)
    for what, shown, logged in (
        ("author", member, entry.author),
        ("type", "DatasetOffered", entry.type),
        ("dataset", uuid, body.get("uuid")),
        ("terms", terms, body.get("policy")),
        ("files", [(f, size) for f, size, _ in files], sorted((f["hash"], f["bytes"]) for f in body.get("files", ()))),
    ):
        if shown != logged:
            said = f"the {what} in {member}'s catalogue ({str(shown)[:90]}) is not the logged one ({str(logged)[:90]})."
            raise TrustError(said, where=f"{entry.author} {entry.seq}", code=what)


# --- Agreement --------------------------------------------------------------------------------------------------------


async def _standing(
    exchange: ExchangeService, member: str, remote: Remote, asked: Mapping[str, Any]
) -> Agreement | None:
    """A final agreement with that member about this version that covers the request and permits now."""
    now = clock.now()
    found = await exchange.do(lambda: standing(exchange.store, member, remote.about, asked, now))
    if found is None:
        return None
    sides = (member, exchange.engine.side.member)
    said = await exchange.service.read(lambda node: said_of(node.replica, sides))
    ended = [kept for kept, entries in said.items() if any(e.type == ENDED and e.author in sides for e in entries)]
    return await exchange.do(lambda: standing(exchange.store, member, remote.about, asked, now, ended))


async def _agree(
    exchange: ExchangeService, member: str, remote: Remote, asked: Mapping[str, Any], wait: float
) -> Agreement:
    """A final agreement, by a negotiation that was begun about the same, or a new one."""
    open_ = await exchange.do(lambda: begun(exchange.store, member, remote.about, asked))
    if open_ is not None:
        pid = open_.pid
    else:
        offer = {**asked, "target": remote.uuid}
        pid = await exchange.now(lambda at: exchange.mover.ask(member, offer, at, facts=remote.about))
    process = await exchange.until(pid, ("FINALIZED",), wait)
    name = str(remote.entry.body["dataset"])
    if process.state == "OFFERED":
        theirs = process.body["offer"]
        what = f"{member} answers with other terms: {terms_words(theirs)}. Asked for: {terms_words(asked)}."
        hint = f"concordat exchange answer {pid} accept, request (with what you declare) or terminate; then get again."
        raise RuleError(what, where=name, hint=hint, code="other_terms")
    if process.state != "FINALIZED":
        code = process.body.get("code") or process.facts.get("code", "")
        what = f"no agreement with {member} ({code}): {process.flag or 'the other side ended it'}."
        hint = f"Its terms: {terms_words(remote.offer)}. Asked for: {terms_words(asked)}."
        raise RuleError(what, where=name, hint=hint, code=code or "no_agreement")
    agreement = str(process.body["agreement"]["@id"])
    return kept_of(await exchange.do(lambda: exchange.store.agreement(agreement)), process, member)


def kept_of(kept: Agreement | None, process: Process, member: str) -> Agreement:
    """The agreement as it is kept, if it is the one of this negotiation, with this member.

    Raises:
        TrustError: it isn't.
    """
    if kept is None or kept.pid != process.pid or kept.peer != member:
        raise TrustError("the agreement's id is that of another one.", where=member, code="same_agreement")
    return kept


# --- Transfer ---------------------------------------------------------------------------------------------------------


def _require_push(remote: Remote, member: str) -> None:
    """The catalogue says that the data may be pushed.

    Raises:
        RuleError: it doesn't.
    """
    if all(part.get("format") != PUSH for part in remote.shown.get("distribution", ())):
        what = f"{member} does not offer to push this dataset ({PUSH})."
        raise RuleError(what, where=remote.uuid, hint="Get it without --push.", code="format")


async def _transfer(
    exchange: ExchangeService, member: str, remote: Remote, agreement: str, wait: float, push: bool = False
) -> tuple[list[dict[str, Any]], str]:
    """The files, by a transfer of ours that is open under the agreement, as a wait was too short, or a new one."""
    if push:
        given = [
            Wanted(digest, size, name) for (digest, size, _), name in zip(remote.files, _names(remote), strict=True)
        ]
        return await pushed(exchange, member, agreement, given, wait)
    open_ = await exchange.do(lambda: running(exchange.store, member, agreement))
    if open_ is not None:
        pid = open_.pid
    else:
        pid = await exchange.now(lambda at: exchange.mover.request_transfer(member, agreement, PULL, at))
    process = await exchange.until(pid, ("STARTED",), wait)
    if process.state != "STARTED":
        what = f"{member} did not start the transfer: {process.flag or process.body.get('code') or 'no reason given'}."
        raise RuleError(what, where=agreement, code=str(process.facts.get("code") or "not_started"))
    try:
        files = await _pulled(exchange, member, remote, process, agreement)
    except ConcordatError as error:
        await _stop(exchange, pid, error)
        raise
    await exchange.do(lambda: _logged(exchange, pid, agreement, files))
    await exchange.now(lambda at: exchange.mover.move(pid, Next(Move.COMPLETE), at))
    here = f"The files are here, checked: {Path(files[0]['path']).parent}. That they came is told again to {member}."
    await exchange.until(pid, ("COMPLETED",), wait, here)
    return files, pid


async def _pulled(
    exchange: ExchangeService, member: str, remote: Remote, process: Process, agreement: str
) -> list[dict[str, Any]]:
    address = process.body["address"]
    endpoint, bearer = str(address["endpoint"]), messages.token_of(address)
    if bearer is None or not endpoint.startswith(f"{exchange.engine.side.places[member]}/"):
        raise TrustError(f"the data are not on {member}'s node.", where=endpoint[:120], code="endpoint")
    folder = Path(exchange.service.node.home) / RECEIVED / agreement.rpartition(":")[2]
    found: list[dict[str, Any]] = []
    await exchange.do(partial(_sweep, folder))
    here: dict[str, Path] = {}  # two files of the same bytes are pulled once: a use is counted once
    for (digest, size, _), name in zip(remote.files, _names(remote), strict=True):
        target = folder / name
        if digest in here:
            await exchange.do(partial(copy_flushed, here[digest], target))
        else:
            part = target.with_name(f"{target.name}.{process.pid.rpartition(':')[2]}.part")
            await _pulled_one(exchange, f"{endpoint}?file={digest}", bearer, (part, target), (digest, size))
        here[digest] = target
        found.append({"bytes": size, "path": str(target), "sha256": digest})
    for place in (folder, folder.parent, folder.parent.parent):  # each may be new
        await exchange.do(partial(flush_folder, place))
    return found


def _names(remote: Remote) -> list[str]:
    """The files' names here, in order."""
    dataset = _safe(str(remote.entry.body["dataset"]))
    return [f"{dataset}-{number}{_suffix(media)}" for number, (_, _, media) in enumerate(remote.files, 1)]


def _sweep(folder: Path) -> None:
    """What a transfer left half written when the node stopped goes: nobody else gets this dataset now."""
    try:
        for part in folder.glob("*.part"):
            part.unlink()
    except OSError as error:
        raise StateError(f"not removed: {error.strerror}.", where=str(folder), code="full") from None


async def _pulled_one(
    exchange: ExchangeService, url: str, bearer: str, places: tuple[Path, Path], wanted: tuple[str, int]
) -> None:
    """One body to its place, or aside if it is another one.

    Args:
        places: while it comes, in a file of this transfer's own, and then.

    Raises:
        TrustError: both hashes. StateError: the disk refuses.
    """
    (part, target), (digest, size) = places, wanted
    pulled = await exchange.client.pull(url, bearer, part, size)
    if pulled.sha256 != digest or pulled.bytes != size:
        await exchange.do(partial(move_file, part, target.with_name(f"{target.name}.rejected")))
        what = f"the body has SHA-256 {pulled.sha256} ({pulled.bytes:,} bytes), the log says {digest} ({size:,})."
        raise TrustError(what, where=target.name, hint=f"It is kept aside: {target}.rejected", code="checksum")
    await exchange.do(partial(move_file, part, target))


def _logged(exchange: ExchangeService, pid: str, agreement: str, files: list[dict[str, Any]]) -> None:
    process, kept = exchange.store.process(pid), exchange.store.agreement(agreement)
    assert process is not None
    assert kept is not None
    for file in files:
        body = transfer_body(process, kept, file["sha256"], file["bytes"])
        exchange.book.said("TransferCompleted", body)


async def _stop(exchange: ExchangeService, pid: str, error: ConcordatError) -> None:
    """Tell the provider that the transfer ends, and why."""

    def stop(at: Any) -> None:
        with exchange.store.commit():
            process = exchange.store.process(pid)
            if process is not None:
                process.facts["code"] = error.code or "failed"
                exchange.store.put(process, int(clock.now().timestamp()))
        exchange.mover.move(pid, Next(Move.TERMINATE, error.what[:300]), at)

    await exchange.now(stop)


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[:80] or "data"


def _suffix(media: str) -> str:
    """The ending of a file's name, by its media type as the catalogue has it."""
    import mimetypes

    known = {"text/csv": ".csv", "application/json": ".json", "application/parquet": ".parquet"}
    return known.get(media) or mimetypes.guess_extension(media) or ""
