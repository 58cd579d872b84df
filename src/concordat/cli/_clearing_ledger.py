"""`concordat clearing scheme|init|node|verify|prove|check-proof`: run a ledger, audit it, prove one payment."""

from __future__ import annotations

import json as json_
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._clearing_keys import JSON, LEDGER, SCHEME, TIME, instructions, ledger_of, moment, read, scheme_of
from concordat.errors import ConcordatError, InputError

if TYPE_CHECKING:
    from concordat.clearing.core.receipts import Receipt
    from concordat.clearing.core.signatures import Signed
    from concordat.node.clearing.durable import DurableHost
    from concordat.node.clearing.tables import Store

scheme_app = typer.Typer(
    help="The scheme file: the rules that the central banks agreed on.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Hang these commands into the group."""
    app.add_typer(scheme_app, name="scheme")
    app.command("init")(init)
    app.command("node")(node)
    app.command("verify")(verify)
    app.command("prove")(prove)
    app.command("check-proof")(check_proof)


@scheme_app.command("check")
def check(file: Path = typer.Argument(..., metavar="YAML", help="The scheme file."), json: bool = JSON) -> None:
    """Read a scheme strictly: every fault with its line, and warnings that are printed in every report."""
    found = scheme_of(file)
    facts = {
        "scheme": found.name, "version": found.version, "sha256": found.hash, "draft": found.draft,
        "currencies": len(found.currencies), "members": len(found.members), "corridors": len(found.corridors),
        "validators": len(found.validators), "quorum": found.quorum, "warnings": list(found.warnings),
    }  # fmt: skip
    if json:
        print(json_.dumps(facts, ensure_ascii=False, indent=1))
        return
    standing = "a draft: no council decision is named" if found.draft else f"in force by {found.decision}"
    print(f"{found.name}, version {found.version}: {standing}")
    print(
        f"{facts['currencies']} currencies, {facts['members']} members, {facts['corridors']} corridors, "
        f"{facts['validators']} validators (quorum {found.quorum}), mode {found.mode}"
    )
    for warning in found.warnings:
        print(f"warning: {warning}")
    print(f"sha256:{found.hash}")


@scheme_app.command("hash")
def hash_(file: Path = typer.Argument(..., metavar="YAML", help="The scheme file."), json: bool = JSON) -> None:
    """The hash that stands in every block: SHA-256 of the canonical bytes."""
    found = scheme_of(file)
    print(json_.dumps({"sha256": found.hash}) if json else f"sha256:{found.hash}")


def init(
    scheme: Path = SCHEME,
    ledger: str = LEDGER,
    json: bool = JSON,
) -> None:
    """Found an empty ledger under a scheme."""
    from concordat.errors import StateError
    from concordat.node.clearing import is_postgres, open_host

    where, rules = ledger_of(ledger), scheme_of(scheme)
    if not is_postgres(where):
        if Path(where).exists():
            hint = "Choose another with --ledger; a ledger is never founded twice."
            raise StateError("there is a file already.", where=where, hint=hint, code="ledger_exists")
        Path(where).parent.mkdir(parents=True, exist_ok=True)
    open_host(where, rules).close()
    facts = {
        "ledger": where,
        "scheme": rules.name,
        "version": rules.version,
        "sha256": rules.hash,
        "draft": rules.draft,
    }
    if json:
        print(json_.dumps(facts, indent=1))
        return
    print(f"{where}: founded under {rules.name}, version {rules.version}{' (a draft)' if rules.draft else ''}")


# --- Running it -------------------------------------------------------------------------------------------------------


def node(
    files: list[Path] = typer.Argument(
        None,
        metavar="[FILE...]",
        help="Signed instructions as JSON lines, or folders of such files; default: standard input.",
    ),
    ledger: str = LEDGER,
    time: str = TIME,
    block: int = typer.Option(1_000, "--block", min=1, max=8_192, help="How many instructions a block takes at most."),
    json: bool = JSON,
) -> None:
    """Run the ledger: take signed instructions, make blocks, print what became of each.

    With --json every receipt is a line of its own as soon as its block is durable: a stream in, a stream out.
    """
    from concordat.node.clearing import open_host

    host = open_host(ledger_of(ledger))
    try:
        run = _Run(host, moment(time), block, json)
        for name, data in _sources(files or []):
            for signed in instructions(data, name, host.state.scheme.name):
                run.take(signed, name)
        run.make_block()
        if not json:
            run.report()
    finally:
        host.close()
    if run.refused_at_door:
        raise typer.Exit(run.refused_at_door[0].exit_code)


def _sources(files: list[Path]) -> Any:
    if not files:
        for line in sys.stdin.buffer:
            yield "standard input", line
        return
    for path in files:
        inside = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not inside:
            raise InputError("holds no file *.jsonl.", where=str(path), code="empty")
        for one in inside:
            yield str(one), read(one)


class _Run:
    """One run of a host: what came in, what came out."""

    def __init__(self, host: DurableHost, now: int, block: int, json: bool) -> None:
        self.host, self.now, self.block, self.json = host, now, block, json
        self.waiting = self.blocks = 0
        self.codes: Counter[tuple[str, str]] = Counter()
        self.refused_at_door: list[ConcordatError] = []

    def take(self, signed: Signed, name: str) -> None:
        """Submit one; a full block is made at once."""
        try:
            first = self.host.submit(signed)
        except ConcordatError as error:
            self.refused_at_door.append(error)
            said = signed.instruction
            self._say(
                {"uetr": said.uetr, "kind": said.kind, "member": said.member, "refused": error.code, "why": str(error)}
            )
            return
        if first is not None:
            self._tell(first)
            return
        self.waiting += 1
        if self.waiting >= self.block:
            self.make_block()

    def make_block(self) -> None:
        """A block of what waits, at the clock's time or just behind the last block."""
        if not self.waiting:
            return
        self.now = max(self.now, self.host.state.time_ms + 1)
        for receipt in self.host.step(self.now):
            self._tell(receipt)
        self.waiting, self.blocks = 0, self.blocks + 1

    def _tell(self, receipt: Receipt) -> None:
        self.codes[receipt.kind, receipt.code] += 1
        self._say(receipt.as_dict())

    def _say(self, facts: dict[str, Any]) -> None:
        if self.json:
            print(json_.dumps(facts, ensure_ascii=False, sort_keys=True), flush=True)

    def report(self) -> None:
        """How many of each, and where the ledger stands."""
        for (kind, code), count in sorted(self.codes.items()):
            print(f"{count:>7,} {kind} {code}")
        for error in self.refused_at_door:
            print(f"refused at the door: {error}")
        state = self.host.state
        print(f"height {state.height}, head sha256:{state.head}")


# --- Audit and proof --------------------------------------------------------------------------------------------------


def verify(
    ledger: str = typer.Argument(
        "", metavar="[FILE]", help="The ledger's database, or postgresql://...; default: in the data folder."
    ),
    invariants: bool = typer.Option(
        True, "--invariants/--no-invariants", help="Watch I1 to I12 in every block (slower)."
    ),
    json: bool = JSON,
) -> None:
    """Apply every block again from the first: chain, signatures, receipts, roots, invariants; nothing is changed."""
    from concordat.node import clearing

    def progress(height: int) -> None:
        if height % 1_000 == 0:
            print(f"block {height:,}", file=sys.stderr)

    found = clearing.verify(ledger_of(ledger), invariants=invariants, progress=progress)
    if json:
        print(json_.dumps(found.as_dict(), indent=1))
        return
    held = "Invariants I1-I12 hold. " if invariants else ""
    print(f"blocks {found.first:,}-{found.height:,}: chain, signatures, receipts, roots agree. {held}".rstrip())
    print(f"{found.instructions:,} instructions, {found.receipts:,} receipts, {found.accounts:,} accounts")
    print(f"head sha256:{found.head}")


def prove(
    uetr: str = typer.Argument(..., metavar="UETR", help="The payment's id."),
    member: str = typer.Option(
        "", "--member", metavar="BIC", help="The member that instructed it, where two used the id."
    ),
    ledger: str = LEDGER,
) -> None:
    """The proof of a payment's last receipt as JSON: receipt, path to the root, block header."""
    import re

    from concordat.clearing.core.model import UUID4
    from concordat.node.clearing import open_store

    if not re.fullmatch(UUID4, uetr):
        what = f'"{uetr[:40]}" is no id of a payment.'
        raise InputError(what, where="UETR", hint="It is a lower-case UUID of version 4.", code="bad_uetr")
    where = ledger_of(ledger)
    store = open_store(where)
    try:
        with store.reading():
            proof = _proof(store, uetr, member)
    finally:
        store.close()
    if proof is None:
        raise InputError(f"no receipt of {uetr} is kept here.", where=where, code="unknown_payment")
    print(json_.dumps(proof, ensure_ascii=False, indent=1, sort_keys=True))


def _proof(store: Store, uetr: str, member: str) -> dict[str, Any] | None:
    """The proof of an id's last receipt, read beside whoever writes; None if there is no such receipt."""
    from concordat.clearing.core import receipts
    from concordat.node.clearing.loading import block_at, first_scheme, read_block
    from concordat.node.clearing.places import Places

    name = first_scheme(store).name
    for height, index in reversed(Places(store).find(uetr)):
        block, leaves = read_block(block_at(store, height), name, store.where)
        facts = json_.loads(leaves[index])
        if facts["uetr"] == uetr and member in ("", facts["member"]):
            return receipts.prove(leaves, index, block.header.as_dict())
    return None


def check_proof(
    file: Path = typer.Argument(..., metavar="FILE", help="A proof; - for standard input."),
    block: str = typer.Option("", "--block", metavar="HASH", help="The hash of the block that you trust."),
    ledger: str = typer.Option("", "--ledger", metavar="FILE", help="Or your own ledger, which has that block."),
    json: bool = JSON,
) -> None:
    """Check a proof against a block that you trust: by its hash, or by your own ledger.

    Without either the proof is only checked in itself, and the hash is printed for you to compare.
    """
    from concordat import canonical
    from concordat.clearing.core import receipts

    try:
        proof = json_.loads(read(file))
        own = canonical.digest(dict(proof["header"]))
        height = int(proof["header"]["height"])
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "is not a proof.", where=str(file), hint="See: concordat clearing prove", code="proof"
        ) from None
    trusted = block.removeprefix("sha256:") or (_own_block(ledger, height) if ledger else "")
    receipt = receipts.check_proof(proof, trusted or own)
    if json:
        print(json_.dumps({**receipt.as_dict(), "trusted": bool(trusted)}, ensure_ascii=False, indent=1))
        return
    money = (
        f" {receipt.facts['payer']} -> {receipt.facts['payee']} {receipt.amount_minor}"
        if "payer" in receipt.facts
        else ""
    )
    print(f"{receipt.uetr}: {receipt.kind} {receipt.code}{money}, block {receipt.height}. {receipt.sentence}")
    if trusted:
        print(f"proved in block sha256:{trusted}")
    else:
        print(f"proved in block sha256:{own}, if you trust that hash: compare it, or give --block or --ledger")


def _own_block(ledger: str, height: int) -> str:
    from concordat.node.clearing import open_store

    store = open_store(ledger)
    try:
        row = next(store.rows("block", "WHERE height = ?", (height,), "hash"), None)
    finally:
        store.close()
    if row is None:
        raise InputError(f"your ledger has no block {height}.", where=ledger, code="no_block")
    return str(row[0])
