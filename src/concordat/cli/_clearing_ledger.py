"""`concordat clearing scheme|init|node|verify|prove|check-proof`: run a ledger, audit it, prove one payment."""

from __future__ import annotations

import json as json_
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.cli._clearing_keys import (
    JSON,
    JSON_ANYWAY,
    LEDGER,
    SCHEME,
    SQLITE,
    TIME,
    first_bytes,
    instructions,
    ledger_of,
    make_folder,
    moment,
    opened,
    printable,
    read,
    reading,
    scheme_of,
)
from concordat.errors import ConcordatError, InputError, StateError, TrustError

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
    from concordat.node.clearing import is_postgres, open_host

    where, rules = ledger_of(ledger), scheme_of(scheme)
    if not is_postgres(where):
        if not _is_free(Path(where)):
            hint = "Choose another with --ledger; a ledger is never founded twice."
            raise StateError("there is a file already.", where=where, hint=hint, code="ledger_exists")
        make_folder(Path(where).parent, "--ledger")
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


def _is_free(path: Path) -> bool:
    """Whether a ledger may be founded here: nothing is there, or what a founding that was cut off left."""
    from concordat.node.clearing import open_store

    if not path.exists():
        return True
    if not path.is_file():
        return False
    begins = first_bytes(path)
    if begins != SQLITE:
        return not begins
    try:
        open_store(path).close()
    except StateError as error:
        if error.code == "no_ledger":
            return True  # a database of another program is refused by the host
        raise
    return False


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
    host = opened(ledger)
    try:
        run = _Run(host, time, block, json)
        try:
            for name, first, data in _sources(files or []):
                for signed in instructions(data, name, host.state.scheme.name, first):
                    run.take(signed)
            run.make_blocks()
        finally:
            if not json:
                run.report()
    finally:
        host.close()
    if run.refused_at_door:
        raise typer.Exit(run.refused_at_door[0][1].exit_code)


def _sources(files: list[Path]) -> Iterator[tuple[str, int, bytes]]:
    """What is handed in: how it is called, the number of its first line, the bytes."""
    if not files:
        for number, line in enumerate(sys.stdin.buffer, start=1):
            yield "standard input", number, line
        return
    for path in files:
        inside = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not inside:
            raise InputError("holds no file *.jsonl.", where=str(path), code="empty")
        for one in inside:
            yield str(one), 1, read(one)


class _Run:
    """One run of a host: what came in, what came out."""

    def __init__(self, host: DurableHost, time: str, block: int, json: bool) -> None:
        self.host, self.time, self.block, self.json = host, time, block, json
        moment(time)  # a text that is no time is told before anything is read
        self.waiting: dict[bytes, Signed] = {}
        self.codes: Counter[tuple[str, str]] = Counter()
        self.refused_at_door: list[tuple[Signed, ConcordatError]] = []

    def take(self, signed: Signed) -> None:
        """Submit one; a full block is made at once."""
        try:
            first = self.host.submit(signed)
        except StateError:
            raise
        except ConcordatError as error:
            self._refuse(signed, error)
            return
        if first is not None:
            self._tell(first)
            return
        self.waiting[signed.digest] = signed
        if len(self.waiting) >= self.block:
            self.make_blocks()

    def _refuse(self, signed: Signed, error: ConcordatError) -> None:
        said = signed.instruction
        self.refused_at_door.append((signed, error))
        self._say(
            {"uetr": said.uetr, "kind": said.kind, "member": said.member, "refused": error.code, "why": str(error)}
        )

    def make_blocks(self) -> None:
        """Blocks of all that waits, at the time that it is, or just behind the last block.

        More than one if the bytes of a block don't suffice. What the host drops, since its key has run out, is told.
        """
        while self.waiting:
            block = self.host.propose(max(moment(self.time), self.host.state.time_ms + 1))
            if not block.instructions:
                error = TrustError("the key has run out since it was handed in.", where="signature", code="signature")
                for signed in self.waiting.values():
                    self._refuse(signed, error)
                self.waiting = {}
                return
            receipts = self.host.finalise(block)
            self.host.commit()
            for receipt in receipts:
                self._tell(receipt)
            for signed in block.instructions:
                self.waiting.pop(signed.digest, None)

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
        for signed, error in self.refused_at_door:
            said = signed.instruction
            print(f"refused at the door: {said.kind} {said.uetr} of {said.member}: {printable(str(error))}")
        if self.waiting:
            print(f"{len(self.waiting):,} were taken and are in no block: send them again")
        height, head = (self.host.last.height, self.host.last.hash) if self.host.last else (0, "0" * 64)
        print(f"height {height}, head sha256:{head}")


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

    done = [0]

    def progress(height: int) -> None:
        done[0] = height
        if height % 1_000 == 0:
            print(f"block {height:,}", file=sys.stderr)

    with reading(ledger):
        pass  # whether there is a ledger at all
    try:
        found = clearing.verify(ledger_of(ledger), invariants=invariants, progress=progress)
    except TrustError as error:
        hint = f"Nothing was changed. {_how_far(error, done[0])} Restore a copy, and verify that before it is used."
        raise TrustError(error.what, where=error.where, hint=hint, code=error.code) from None
    if json:
        print(json_.dumps(found.as_dict(), indent=1))
        return
    held = "Invariants I1-I12 hold." if invariants else "Invariants were not watched."
    if found.height < found.first:
        print("no block yet: the state is the one before the first. Nothing more to verify.")
    else:
        print(f"blocks {found.first:,}-{found.height:,}: chain, signatures, receipts, roots agree. {held}")
    if found.first > 1:
        print(f"begun from a snapshot behind block {found.first - 1:,}: compare its hash with another member's:")
        print(f"start sha256:{found.start}")
    print(f"{found.instructions:,} instructions, {found.receipts:,} receipts, {found.accounts:,} accounts")
    print(f"head sha256:{found.head}")


def _how_far(error: TrustError, height: int) -> str:
    """How much of a damaged ledger still holds."""
    if height:
        return f"Blocks up to {height:,} hold."
    if "state at height" in error.where and error.code != "missing_block":
        return "It is in the state that is kept beside the blocks; they had not been looked at yet."
    return "No block had been looked at before."


def prove(
    uetr: str = typer.Argument(..., metavar="UETR", help="The payment's id."),
    member: str = typer.Option(
        "", "--member", metavar="BIC", help="The member that instructed it, where two used the id."
    ),
    ledger: str = LEDGER,
    json: bool = JSON_ANYWAY,  # noqa: ARG001 - read by the program's own entry, for errors
) -> None:
    """The proof of a payment's last receipt as JSON: receipt, path to the root, block header."""
    import re

    from concordat.clearing.core.model import UUID4

    if not re.fullmatch(UUID4, uetr):
        what = f'"{uetr[:40]}" is no id of a payment.'
        raise InputError(what, where="UETR", hint="It is a lower-case UUID of version 4.", code="bad_uetr")
    with reading(ledger) as store:
        proof = _proof(store, uetr, member)
    if proof is None:
        of = f" of {printable(member)}" if member else ""
        what = f"no receipt of {uetr}{of} is kept here."
        raise InputError(what, where=ledger_of(ledger), code="unknown_payment")
    print(json_.dumps(proof, ensure_ascii=False, indent=1, sort_keys=True))


def _proof(store: Store, uetr: str, member: str) -> dict[str, Any] | None:
    """The proof of an id's last receipt, read beside whoever writes; None if there is no such receipt."""
    from concordat.clearing.core import receipts
    from concordat.node.clearing.loading import block_at, first_scheme, read_block
    from concordat.node.clearing.places import Places

    name = first_scheme(store).name
    read = 0
    for height, index in sorted(Places(store).find(uetr), reverse=True):  # ids that begin alike lie in one block
        if height != read:
            block, leaves = read_block(block_at(store, height), name, store.where)
            read = height
        facts = json_.loads(leaves[index])
        if facts["uetr"] == uetr and member in ("", facts["member"]):
            return receipts.prove(leaves, index, block.header.as_dict())
    return None


def check_proof(
    file: Path = typer.Argument(..., metavar="FILE", help="A proof; - for standard input."),
    block: str | None = typer.Option(None, "--block", metavar="HASH", help="The hash of the block that you trust."),
    ledger: str | None = typer.Option(
        None, "--ledger", metavar="FILE", help="Or your own ledger, which has that block."
    ),
    json: bool = JSON,
) -> None:
    """Check a proof against a block that you trust: by its hash, or by your own ledger, or both.

    Without either the proof is only checked in itself, and the hash is printed for you to compare.
    """
    from concordat import canonical
    from concordat.clearing.core import receipts
    from concordat.clearing.core.codes import CODES

    trusted = [_hash(block)] if block is not None else []
    data = read(file)
    try:
        proof = canonical.loads(data)
        own = canonical.digest(dict(proof["header"]))
        height = int(proof["header"]["height"])
    except (ConcordatError, ValueError, LookupError, TypeError):
        hint = "See: concordat clearing prove"
        raise InputError("is not a proof.", where=str(file), hint=hint, code="proof") from None
    if ledger is not None:
        trusted.append(_own_block(ledger, height))
    for digest in trusted or [own]:
        receipt = receipts.check_proof(proof, digest)
    facts = receipt.facts
    texts = ("uetr", "kind", "member", *(("payer", "payee", "amount_minor") if "payer" in facts else ()))
    if not all(isinstance(facts.get(name), str) for name in texts) or receipt.code not in CODES:
        hint = "It says nothing that this program knows; whoever made it may have another one."
        raise InputError("is no proof of a receipt of ours.", where=str(file), hint=hint, code="proof")
    if json:
        print(json_.dumps({**receipt.as_dict(), "trusted": bool(trusted)}, ensure_ascii=False, indent=1))
        return
    money = f" {facts['payer']} -> {facts['payee']} {facts['amount_minor']}" if "payer" in facts else ""
    said = f"{receipt.uetr}: {receipt.kind} {receipt.code}{money}, block {receipt.height}. {receipt.sentence}"
    print(printable(said))
    if trusted:
        print(f"proved in block sha256:{own}")
    else:
        print(f"proved in block sha256:{own}, if you trust that hash: compare it, or give --block or --ledger")


def _hash(text: str) -> str:
    """The hash of a block as somebody writes it; an empty one is none, so that an unset variable proves nothing.

    Raises:
        InputError: not a hash.
    """
    import re

    found = text.removeprefix("sha256:")
    if not re.fullmatch("[0-9a-f]{64}", found):
        hint = "Write sha256: and 64 hexadecimal digits."
        raise InputError(f'"{text[:40]}" is not the hash of a block.', where="--block", hint=hint, code="bad_hash")
    return found


def _own_block(ledger: str, height: int) -> str:
    with reading(ledger) as store:
        row = next(store.rows("block", "WHERE height = ?", (height,), "hash"), None)
    if row is None:
        raise InputError(f"your ledger has no block {height}.", where=ledger_of(ledger), code="no_block")
    return str(row[0])
