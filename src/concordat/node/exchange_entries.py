"""What this side's log says of agreements and transfers, and what it expects the other side's to say.

A negotiation's message stands on an entry: the consumer's verification on `AgreementConfirmed`, the provider's final
event on `AgreementReached`. `agreement_body` makes the body of either from what both sides hold, so that the one who
signs and the one who checks come to the same body, field by field. `Clerk` signs, and afterwards logs the end: the
files that went over, or that an agreement ended which this side had signed. It looks for that signature in the log
itself, so that a crash just after signing loses no end. Source: exchange.md 3, 5.3, 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from concordat.exchange.dataspace import negotiation, transfer
from concordat.exchange.dataspace.behaviours import Move
from concordat.exchange.dataspace.messages import Role
from concordat.exchange.dataspace.terms import agreement_hash, duties_of, last_day, until_of
from concordat.node.exchange_machines import Machine, pids
from concordat.node.exchange_parts import Book, Offers
from concordat.node.exchange_store import Agreement, ExchangeStore, Process

REACHED, CONFIRMED, ENDED, DONE = "AgreementReached", "AgreementConfirmed", "AgreementEnded", "DutyDone"
STANDS_ON = {Move.FINALIZE: REACHED, Move.VERIFY: CONFIRMED}
DUTIES = ("attribute", "delete", "inform")
UNREACHABLE = "unreachable"  # the code of a process that ended since its last message got no answer
UNSURE = "unsure"  # in a process: its end is unknown, since the last word may have arrived without an answer


def parties_of(agreement: Mapping[str, Any]) -> dict[str, Any]:
    """What every entry about an agreement names: its id, hash and parties."""
    return {
        "agreement": agreement["@id"], "hash": agreement_hash(agreement), "provider": agreement["assigner"],
        "consumer": agreement["assignee"],
    }  # fmt: skip


def duty_word(action: str) -> str:
    """An action as an entry names it."""
    return action if action in DUTIES else "other"


def agreement_body(kind: str, agreement: Mapping[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The body of `AgreementReached` or `AgreementConfirmed`.

    Args:
        facts: of the process: dataset, version and the entry that offered it, as far as this side knows them.
    """
    body = parties_of(agreement)
    if kind == CONFIRMED:
        rows = duties_of(agreement)
        body["duties"] = [
            {"duty": duty_word(row.action), "number": row.number} | ({"due": row.due.isoformat()} if row.due else {})
            for row in rows
        ]
        return body
    names = {"dataset": "dataset_id", "version": "version", "offered": "offered"}
    body |= {name: facts[key] for name, key in names.items() if facts.get(key)}
    until = until_of(agreement)
    return body | ({"until": last_day(until)} if until else {})


class Clerk:
    """Who writes our log.

    Args:
        store, offers, book: of the engine. signs: whether anything is logged at all (not in the conformance suite).
    """

    def __init__(self, store: ExchangeStore, offers: Offers, book: Book, *, signs: bool) -> None:
        self.store, self.offers, self.book, self.signs = store, offers, book, signs

    def stands_on(self, move: Move, process: Process, machine: Machine) -> str | None:
        """Sign the entry that a move stands on, or find it; None where it stands on none. Its envelope in base64."""
        if move not in STANDS_ON or not self.signs:
            return None
        assert isinstance(machine, negotiation.Negotiation)
        assert machine.agreement is not None
        envelope = self._said(STANDS_ON[move], agreement_body(STANDS_ON[move], machine.agreement, process.facts))
        process.facts["entry"] = envelope
        return envelope

    def record_end(self, process: Process, machine: Machine) -> None:
        """What a final state leaves in our log: a completed transfer, or an agreement that ended before it began.

        Where the end is unsure nothing is said yet: the other side may hold the agreement as final.
        """
        if not self.signs or process.facts.get("recorded") or process.facts.get(UNSURE):
            return
        if isinstance(machine, transfer.Transfer) and machine.state is transfer.State.COMPLETED:
            agreement = self.store.agreement(machine.agreement)
            if agreement is not None and process.role == Role.PROVIDER:
                self.record_transfer(process, agreement)
        elif isinstance(machine, negotiation.Negotiation) and machine.agreement:
            ended = machine.state is negotiation.State.TERMINATED
            if ended and self._signed(process, machine.agreement):
                self._said(ENDED, parties_of(machine.agreement) | {"reason": "terminated"})
        with self.store.commit():
            current = self.store.process(process.pid)
            if current is not None:
                current.facts["recorded"] = True
                self.store.put(current, current.changed)

    def _said(self, kind: str, body: Mapping[str, Any]) -> str:
        """Sign an entry, or find it, once all that it rests on is on the disk."""
        self.store.settle()
        return self.book.said(kind, body)

    def _signed(self, process: Process, agreement: Mapping[str, Any]) -> bool:
        kind = REACHED if process.role == Role.PROVIDER else CONFIRMED
        return self.book.has(kind, str(agreement["@id"]), agreement_hash(agreement))

    def record_transfer(self, process: Process, agreement: Agreement) -> None:
        """Log the files that went over, each once: the provider those that left whole."""
        offered = self.offers.get(agreement.dataset, int(agreement.facts.get("version", 0)))
        whole = {file for (pid, file), count in self.store.uses(agreement.id).items() if pid == process.pid and count}
        for file in offered.files if offered else ():
            if file.sha256 in whole:
                self._said("TransferCompleted", transfer_body(process, agreement, file.sha256, file.bytes))


def transfer_body(process: Process, agreement: Agreement, digest: str, size: int) -> dict[str, Any]:
    """The body of `TransferCompleted` for one file."""
    return parties_of(agreement.text) | {
        "transfer": pids(process)[0], "dataset": agreement.facts["dataset_id"],
        "version": agreement.facts["version"], "file": digest, "bytes": size,
    }  # fmt: skip
