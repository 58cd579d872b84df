"""Get a dataset of another member: catalogue, agreement, body, checksum and proof, in one order to our running node.

`get` asks for the dataset under its terms, narrowed to what the person declares (purpose, place, onward sharing), waits
for the agreement, pulls each file while it is hashed, compares the hash with the catalogue *and* with the proven entry
that offered the dataset, verifies that entry's proof bundle without the network, logs `TransferCompleted` and tells the
provider. A file that differs is kept aside as `.rejected`, the transfer is terminated with code `checksum`, and nothing
is logged as completed. Source: exchange.md 5.4, 11.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from concordat import canonical, clock, world
from concordat.errors import ConcordatError, InputError, RuleError, SourceError, TrustError
from concordat.exchange.catalogue.dsp_catalog import parse_dsp_catalog
from concordat.exchange.catalogue.model import dataset_uuid
from concordat.exchange.dataspace import messages, negotiation
from concordat.exchange.dataspace.behaviours import Move, Next
from concordat.exchange.dataspace.deciding import context_of, decide
from concordat.exchange.dataspace.messages import PULL, Role
from concordat.exchange.dataspace.odrl import constraint
from concordat.exchange.dataspace.schemas import parse
from concordat.exchange.dataspace.terms import split_of, terms_words
from concordat.ledger.bundle import Bundle, Verdict
from concordat.ledger.entry import Entry
from concordat.node.dsp_client import flush_folder
from concordat.node.exchange_look import look
from concordat.node.exchange_machines import machine_of
from concordat.node.exchange_moves import reason_of
from concordat.node.exchange_service import ExchangeService
from concordat.node.exchange_store import Agreement, Process

RECEIVED = "exchange/received"
WAIT_S = 120.0
PROOF_WAIT_S = 20.0
PROOF_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Remote:
    """A dataset as another member's node shows it, with the entry that offered it, proven.

    Attributes:
        uuid. shown: as it came. offer: its first policy. files: SHA-256 -> bytes. entry: the proven `DatasetOffered`.
        verdict: what the proof says.
    """

    uuid: str
    shown: Mapping[str, Any]
    offer: Mapping[str, Any]
    files: Mapping[str, int]
    entry: Entry
    verdict: Verdict


async def get(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Get a dataset.

    Args:
        wanted: `member`, `dataset` (its id or urn:uuid), `purpose` and `residency` (lists), `onward`, `wait_s`.

    Raises:
        InputError: no such member or dataset. RuleError: no agreement, or its use is not permitted. TrustError: a hash
            or proof that disagrees. SourceError: the other node doesn't answer. StateError: it waits, or the disk
            refuses.
    """
    began = exchange.service.monotonic()
    member, wait = _peer(exchange, str(wanted["member"])), float(wanted.get("wait_s") or WAIT_S)
    remote = await _look_up(exchange, member, str(wanted["dataset"]))
    looked = exchange.service.monotonic()
    asked = narrowed(remote.offer, wanted)
    process = await _agree(exchange, member, remote, asked, wait)
    agreement = str(process.body["agreement"]["@id"])
    kept = await exchange.do(lambda: exchange.store.agreement(agreement))
    kept = kept_of(kept, process, member)
    agreed = exchange.service.monotonic()
    files, transfer = await _transfer(exchange, member, remote, agreement, wait)
    done = exchange.service.monotonic()
    split = split_of(kept.text)
    return {
        "agreement": agreement, "agreement_hash": kept.hash, "agreed_s": round(agreed - looked, 3),
        "bytes": sum(remote.files.values()), "catalogue_s": round(looked - began, 3),
        "dataset": remote.entry.body["dataset"],
        "enforced": list(split.enforced), "files": files, "member": member, "not_enforced": list(split.unknown),
        "offered": f"{remote.entry.author} {remote.entry.seq}", "pending": remote.verdict.pending,
        "promised": list(split.promised), "pulled_s": round(done - agreed, 3), "terms": terms_words(kept.text),
        "transfer": transfer, "version": remote.entry.body["version"], "witnesses": list(remote.verdict.witnesses),
    }  # fmt: skip


def _peer(exchange: ExchangeService, member: str) -> str:
    if member in exchange.engine.side.places:
        return member
    from concordat.settings import nearest

    known = sorted(exchange.engine.side.places)
    close = nearest(member, known)
    hint = f'Did you mean "{close[0]}"?' if close else f"Members: {', '.join(known) or 'none besides this one'}."
    raise InputError(f'"{member[:40]}" is no other active member.', where="member", hint=hint, code="unknown_member")


# --- Catalogue and proof ----------------------------------------------------------------------------------------------


async def _look_up(exchange: ExchangeService, member: str, name: str) -> Remote:
    uuid = name if name.startswith("urn:uuid:") else dataset_uuid(exchange.service.bloc, member, name)
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
    files = {part.sha256: part.bytes for part in dataset.distributions if part.sha256 and part.bytes is not None}
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


def _same_as_logged(entry: Entry, member: str, uuid: str, offer: Mapping[str, Any], files: Mapping[str, int]) -> None:
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
        ("files", sorted(files.items()), sorted((f["hash"], f["bytes"]) for f in body.get("files", ()))),
    ):
        if shown != logged:
            said = f"the {what} in {member}'s catalogue ({str(shown)[:90]}) is not the logged one ({str(logged)[:90]})."
            raise TrustError(said, where=f"{entry.author} {entry.seq}", code=what)


# --- Agreement --------------------------------------------------------------------------------------------------------


def narrowed(offer: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The offer as it is asked for: each permission bounded by what the person declares.

    Where nothing is said of onward sharing, the offer's own word stays, and without one `none` is declared.

    Raises:
        InputError: a word that the profile doesn't know.
    """
    said = []
    purposes, places = list(wanted.get("purpose") or ()), list(wanted.get("residency") or ())
    if purposes:
        said.append(constraint("purpose", "isAnyOf", sorted(set(purposes)), where="--purpose"))
    if places:
        codes = sorted({world.country(place, where="--residency").iso3 for place in places})
        said.append(constraint("residency", "isAnyOf", codes, where="--residency"))
    onward = wanted.get("onward")
    default = constraint("onward", "eq", str(onward or "none"), where="--onward")
    names = {part["leftOperand"] for part in said} | ({default["leftOperand"]} if onward else set())
    made = []
    for rule in offer.get("permission", ()):
        kept = [part for part in rule.get("constraint", ()) if part.get("leftOperand") not in names]
        silent = all(part.get("leftOperand") != default["leftOperand"] for part in kept)
        made.append({**rule, "constraint": [*kept, *said, *([default] if silent else [])]})
    return {**offer, "permission": made}


async def _agree(
    exchange: ExchangeService, member: str, remote: Remote, asked: Mapping[str, Any], wait: float
) -> Process:
    body = remote.entry.body
    facts = {"dataset_id": body["dataset"], "version": body["version"], "offered": remote.entry.id}
    offer = {**asked, "target": remote.uuid}
    pid = await exchange.now(lambda at: exchange.mover.ask(member, offer, at, facts=facts))
    process = await exchange.until(pid, ("FINALIZED",), wait)
    if process.state != "FINALIZED":
        code = process.body.get("code") or process.facts.get("code", "")
        what = f"no agreement with {member} ({code}): {process.flag or 'the other side ended it'}."
        hint = f"Its terms: {terms_words(remote.offer)}. Asked for: {terms_words(asked)}."
        raise RuleError(what, where=str(body["dataset"]), hint=hint, code=code or "no_agreement")
    return process


def kept_of(kept: Agreement | None, process: Process, member: str) -> Agreement:
    """The agreement as it is kept, if it is the one of this negotiation, with this member.

    Raises:
        TrustError: it isn't.
    """
    if kept is None or kept.pid != process.pid or kept.peer != member:
        raise TrustError("the agreement's id is that of another one.", where=member, code="same_agreement")
    return kept


# --- Transfer ---------------------------------------------------------------------------------------------------------


async def _transfer(
    exchange: ExchangeService, member: str, remote: Remote, agreement: str, wait: float
) -> tuple[list[dict[str, Any]], str]:
    pid = await exchange.now(lambda at: exchange.mover.request_transfer(member, agreement, PULL, at))
    process = await exchange.until(pid, ("STARTED",), wait)
    if process.state != "STARTED":
        what = f"{member} did not start the transfer: {process.flag or process.body.get('code') or 'no reason given'}."
        raise RuleError(what, where=agreement, code="not_started")
    try:
        files = await _pulled(exchange, member, remote, process, agreement)
    except ConcordatError as error:
        await _stop(exchange, pid, error)
        raise
    await exchange.do(lambda: _logged(exchange, pid, agreement, files))
    await exchange.now(lambda at: exchange.mover.move(pid, Next(Move.COMPLETE), at))
    await exchange.until(pid, ("COMPLETED",), wait)
    return files, pid


async def _pulled(
    exchange: ExchangeService, member: str, remote: Remote, process: Process, agreement: str
) -> list[dict[str, Any]]:
    address = process.body["address"]
    endpoint, bearer = str(address["endpoint"]), messages.token_of(address)
    if bearer is None or not endpoint.startswith(f"{exchange.engine.side.places[member]}/"):
        raise TrustError(f"the data are not on {member}'s node.", where=endpoint[:120], code="endpoint")
    folder = Path(exchange.service.node.home) / RECEIVED / agreement.rpartition(":")[2]
    found = []
    for number, (digest, size) in enumerate(sorted(remote.files.items()), 1):
        name = f"{_safe(str(remote.entry.body['dataset']))}-{number}{_suffix(remote.shown, digest)}"
        part = folder / f"{name}.part"
        pulled = await exchange.client.pull(f"{endpoint}?file={digest}", bearer, part, size)
        if pulled.sha256 != digest or pulled.bytes != size:
            part.replace(folder / f"{name}.rejected")
            what = f"the body has SHA-256 {pulled.sha256} ({pulled.bytes:,} bytes), the log says {digest} ({size:,})."
            hint = f"It is kept aside: {folder / name}.rejected"
            raise TrustError(what, where=name, hint=hint, code="checksum")
        part.replace(folder / name)
        found.append({"bytes": size, "path": str(folder / name), "sha256": digest})
    for place in (folder, folder.parent, folder.parent.parent):  # each may be new
        await exchange.do(partial(flush_folder, place))
    return found


def _logged(exchange: ExchangeService, pid: str, agreement: str, files: list[dict[str, Any]]) -> None:
    process, kept = exchange.store.process(pid), exchange.store.agreement(agreement)
    assert process is not None
    assert kept is not None
    for file in files:
        body = exchange.mover.transfer_body(process, kept, file["sha256"], file["bytes"])
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


def _suffix(shown: Mapping[str, Any], digest: str) -> str:
    """The ending of a file's name, by its media type as the catalogue has it."""
    import mimetypes

    from concordat.exchange.catalogue.dsp_catalog import CHECKSUM

    kinds = {str(p.get("dcat:mediaType")) for p in shown["distribution"] if p.get(CHECKSUM) == digest}
    known = {"text/csv": ".csv", "application/json": ".json", "application/parquet": ".parquet"}
    return next((known.get(kind) or mimetypes.guess_extension(kind) or "" for kind in sorted(kinds)), "")


# --- What else the operator asks ----------------------------------------------------------------------------------


async def agreements(exchange: ExchangeService, _: Mapping[str, Any]) -> dict[str, Any]:
    """Every agreement and open process of this node, with duties and what keeps what."""

    def look() -> dict[str, Any]:
        rows = []
        for agreement in exchange.store.agreements():
            split = split_of(agreement.text)
            duties = [
                {"number": number, "what": words, "due": due, "done": done}
                for _, number, _, due, words, done in exchange.store.duties(agreement.id)
            ]
            rows.append({
                "id": agreement.id, "hash": agreement.hash, "role": agreement.role, "with": agreement.peer,
                "dataset": agreement.facts.get("dataset_id", agreement.dataset), "final": agreement.final,
                "terms": terms_words(agreement.text), "enforced": list(split.enforced),
                "promised": list(split.promised), "not_enforced": list(split.unknown),
                "uses": exchange.engine.uses(agreement.id) if agreement.role == "provider" else None,
                "duties": duties,
            })  # fmt: skip
        now = clock.now()
        waiting = [
            open_row(p, exchange.engine.side.member, now)
            for p in exchange.store.processes()
            if p.state not in ("FINALIZED", "COMPLETED") and (p.flag or p.state != "TERMINATED")
        ]
        return {"agreements": rows, "processes": waiting}

    return await exchange.do(look)


def open_row(process: Process, me: str, now: datetime) -> dict[str, Any]:
    """A process as it is listed; a negotiation with what is asked for, and what `decide` says of its terms now."""
    row: dict[str, Any] = {
        "pid": process.pid, "kind": process.kind, "role": process.role, "with": process.peer, "state": process.state,
        "flag": process.flag,
    }  # fmt: skip
    machine = machine_of(process)
    if isinstance(machine, negotiation.Negotiation):
        consumer = machine.consumer or (me if process.role == Role.CONSUMER else process.peer)
        decision = decide(machine.offer, context_of(machine.offer, consumer, now, 0))
        row |= {
            "dataset": process.facts.get("dataset_id") or process.facts.get("dataset", ""),
            "decision": decision.words, "terms": terms_words(machine.offer), "version": process.facts.get("version"),
        }  # fmt: skip
    return row


async def decide_by_hand(exchange: ExchangeService, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A person's answer to a negotiation that waits: `agree`, `offer` the catalogued terms, `accept` or `terminate`.

    Raises:
        InputError: no such process. RuleError: the protocol doesn't allow it now.
    """
    pid, move = str(wanted["pid"]), Move(str(wanted["move"]))
    process = await exchange.do(lambda: exchange.store.process(pid))
    if process is None:
        raise InputError("no process of that name here.", where=pid[:80], code="unknown_process")
    why = str(wanted.get("why") or "")
    moved = await exchange.now(lambda at: exchange.mover.move(pid, Next(move, why), at))
    return {"moved": moved, "pid": pid}


Order = Callable[[ExchangeService, Mapping[str, Any]], Awaitable[dict[str, Any]]]
ORDERS: Mapping[str, Order] = {"agreements": agreements, "answer": decide_by_hand, "catalog": look, "get": get}
