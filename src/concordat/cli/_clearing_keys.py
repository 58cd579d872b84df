"""Where a ledger and its members' keys are, for the commands of `clearing`; `concordat clearing key`, `... sign`."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import ConcordatError, InputError, StateError, TrustError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.clearing.core.scheme import Scheme
    from concordat.clearing.core.signatures import Signed
    from concordat.ledger.keys import Ed25519Secret
    from concordat.node.clearing.durable import DurableHost
    from concordat.node.clearing.tables import Store

JSON = typer.Option(False, "--json", help="Print one JSON object.")
JSON_ANYWAY = typer.Option(False, "--json", help="What is printed is JSON in any case; with this, errors are as well.")
LEDGER = typer.Option(
    "", "--ledger", metavar="FILE", help="The ledger's database, or postgresql://...; default: in the data folder."
)
KEYS = typer.Option(..., "--keys", metavar="FOLDER", help="The folder with the members' key files.")
TIME = typer.Option("", "--time", metavar="UTC", help="The present moment for this run; default: the clock.")
SCHEME = typer.Option(..., "--scheme", metavar="YAML", help="The scheme file.")
HOUR_MS = 3_600_000
SQLITE = b"SQLite format 3\x00"
DAMAGED = "Nothing was changed. Restore a copy."


def register(app: typer.Typer) -> None:
    """Hang these commands into the group."""
    app.command("key")(key)
    app.command("sign")(sign)


def ledger_of(ledger: str) -> str:
    """The address that was named, or the default file."""
    return ledger or str(Settings.load().data_dir / "clearing" / "ledger.db")


def _check_ledger(where: str) -> None:
    """Whether a file is one of ours, looked at without a change: opened to write, a small one of another kind is lost.

    Raises:
        StateError: it is not. TrustError: it was one, and is damaged.
    """
    from concordat.node.clearing import is_postgres, open_store

    path = Path(where)
    if is_postgres(where) or not path.exists():
        return  # whoever opens it says what is missing
    if not path.is_file():
        raise StateError("is not a file.", where=where, hint="A ledger is one file.", code="no_ledger")
    hint = "Name the ledger with --ledger, or found one: concordat clearing init"
    if first_bytes(path) != SQLITE:
        if path.with_name(path.name + ".writer").exists():  # a writer was here once
            raise TrustError("the file is damaged at its beginning.", where=where, hint=DAMAGED, code="damaged")
        raise StateError("is no ledger.", where=where, hint=hint, code="no_ledger")
    store = open_store(where)
    try:
        tables = store.tables()
    except store.failures as error:
        raise store.explain(error) from None
    finally:
        store.close()
    missing = sorted({"account", "block", "item", "meta"} - tables)
    if len(missing) == 4:
        raise StateError("there is no ledger in this database.", where=where, hint=hint, code="no_ledger")
    if missing:
        what = f"the file is damaged: the table {missing[0]} is missing."
        raise TrustError(what, where=where, hint=DAMAGED, code="damaged")


def first_bytes(path: Path) -> bytes:
    """How a file begins, as far as SQLite's mark is long.

    Raises:
        StateError: it can't be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE))
    except OSError as error:
        raise StateError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None


def opened(ledger: str) -> DurableHost:
    """The ledger that was named or the default one, as its one writer.

    Raises:
        StateError, TrustError: no ledger, or one that is damaged or in use.
    """
    from concordat.node.clearing import open_host

    _check_ledger(ledger_of(ledger))
    return open_host(ledger_of(ledger))


@contextmanager
def reading(ledger: str) -> Iterator[Store]:
    """The ledger that was named or the default one, as it stands at this moment, beside whoever writes.

    Raises:
        StateError, TrustError: as `opened`.
    """
    from concordat.node.clearing import open_store
    from concordat.node.clearing.loading import driver

    where = ledger_of(ledger)
    _check_ledger(where)
    store = open_store(where)
    try:
        with driver(store), store.reading():
            yield store
    finally:
        store.close()


def make_folder(folder: Path, option: str) -> None:
    """A folder for what is written.

    Raises:
        InputError: it can't be one. StateError: the system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError("is not a folder.", where=str(folder), hint=f"See {option}.", code="not_a_folder") from None
    except OSError as error:
        hint = f"Choose another place with {option}."
        raise StateError(f"can't be made: {error.strerror}.", where=str(folder), hint=hint, code="os_error") from None


def printable(text: str) -> str:
    """Text of a stranger's file or name, fit for a terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def text_of(path: Path) -> str:
    """The text of a file, `-` for standard input.

    Raises:
        InputError: it can't be read, or is not UTF-8.
    """
    try:
        return read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), code="not_utf8") from None


def read(path: Path) -> bytes:
    """The bytes of a file, `-` for standard input.

    Raises:
        InputError: it can't be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"can't be read: {error.strerror}.", where=str(path), code="unreadable") from None


def scheme_of(path: Path) -> Scheme:
    """The scheme of a file."""
    from concordat.clearing.scheme_file import parse_scheme

    return parse_scheme(read(path), where=str(path))


def moment(text: str) -> int:
    """A moment in ms: the text, or now.

    Raises:
        InputError: not a date or a UTC time.
    """
    from concordat import clock

    if not text:
        return int(clock.now().timestamp() * 1000)
    with clock.fixed(text) as when:
        return int(when.timestamp() * 1000)


def keys_of(folder: Path) -> dict[str, Ed25519Secret]:
    """The keys of a folder, by BIC.

    Raises:
        InputError: no such folder, or a file that is no key.
    """
    import re

    from concordat import canonical
    from concordat.clearing.core.model import BIC8
    from concordat.ledger.keys import Ed25519Secret

    if not folder.is_dir():
        hint = f"Make keys: concordat clearing key CCCCBRSP --keys {folder}"
        raise InputError("there is no such folder.", where=str(folder), hint=hint, code="unreadable")
    found: dict[str, Ed25519Secret] = {}
    for path in sorted(folder.glob("*.json")):
        data = read(path)
        try:
            raw = canonical.loads(data)
            bic8, secret = re.fullmatch(BIC8, raw["bic8"]), Ed25519Secret(bytes.fromhex(raw["seed"]))
        except (ConcordatError, ValueError, LookupError, TypeError):
            bic8 = None
        if bic8 is None:
            raise InputError("is not a key file.", where=str(path), code="bad_key")
        if bic8[0] in found:
            raise InputError(f"is a second key of {bic8[0]}.", where=str(path), hint="Keep one.", code="bad_key")
        found[bic8[0]] = secret
    return found


def key(
    members: list[str] = typer.Argument(..., metavar="BIC...", help="The members' BICs of eight letters."),
    keys: Path = typer.Option(..., "--keys", metavar="FOLDER", help="Where the key files go, one a member."),
    made_up: bool = typer.Option(
        False, "--made-up", help="Keys that anybody can compute from the BIC: for examples, never for money."
    ),
    json: bool = JSON,
) -> None:
    """Make the signing key of a member; what is printed goes into the scheme file under `keys`."""
    import re
    import secrets
    from hashlib import sha256

    from concordat.clearing.core.model import BIC8
    from concordat.ledger.keys import Ed25519Secret
    from concordat.node.identity import write_private

    wanted = dict.fromkeys(members)
    for bic8 in wanted:  # all are looked at before the first is made
        if not re.fullmatch(BIC8, bic8):
            what = f'"{bic8[:20]}" is not a BIC of eight letters.'
            raise InputError(what, hint="Such as CCCCBRSP.", code="bad_bic")
        path = keys / f"{bic8}.json"
        if path.exists():
            raise InputError(
                "there is a key already.", where=str(path), hint="Keys are not replaced.", code="key_exists"
            )
    make_folder(keys, "--keys")
    publics = {}
    for bic8 in wanted:
        seed = sha256(f"made up: {bic8} 0".encode()).digest() if made_up else secrets.token_bytes(32)
        write_private(keys / f"{bic8}.json", json_.dumps({"bic8": bic8, "seed": seed.hex()}).encode() + b"\n")
        publics[bic8] = Ed25519Secret(seed).public.hex()
    if json:
        print(json_.dumps(publics, indent=1))
        return
    for bic8, public in publics.items():
        print(f'  {bic8}: "{public}"')


# --- Instructions ----------------------------------------------------------------------------------------------------


def instructions(data: bytes, where: str, scheme: str, first: int = 1) -> Iterator[Signed]:
    """The signed instructions of JSON lines; `first` is the number of the first of them.

    Raises:
        InputError: a line that is none, with its number.
    """
    from concordat.clearing.core.signatures import Signed

    for number, line in enumerate(data.split(b"\n"), start=first):
        if line.strip():
            try:
                yield Signed.read(line.strip(), scheme)
            except InputError as error:
                place = f"{where}, line {number}" + (f", {error.where}" if error.where else "")
                raise InputError(error.what, where=place, hint=error.hint, code=error.code) from None


def sign(
    file: Path = typer.Argument(..., metavar="FILE", help="Instructions as JSON lines; - for standard input."),
    scheme: Path = SCHEME,
    keys: Path = KEYS,
    hours: int = typer.Option(24, "--hours", min=1, max=840, help="How long they are valid where they don't say."),
    time: str = TIME,
    json: bool = JSON_ANYWAY,  # noqa: ARG001 - read by the program's own entry, for errors
) -> None:
    """Sign instructions with the members' keys: one envelope a line, for `clearing node`; all of them, or none.

    Where `uetr`, `valid_from` or `valid_until` are left out, they are filled in: a new id, now, and now plus `--hours`.
    """
    rules, secrets, now = scheme_of(scheme), keys_of(keys), moment(time)
    lines = enumerate(read(file).split(b"\n"), start=1)
    signed = [_signed(line, f"{file}, line {n}", rules, secrets, now, hours) for n, line in lines if line.strip()]
    for one in signed:
        print(one.data.decode())


def _signed(
    line: bytes, where: str, rules: Scheme, secrets: Mapping[str, Ed25519Secret], now: int, hours: int
) -> Signed:
    import uuid

    from concordat import canonical
    from concordat.clearing.core import signatures

    try:
        facts: Any = canonical.loads(line)
    except InputError as error:
        if error.code in ("not_json", "not_utf8", "depth"):
            facts = None
        else:
            raise InputError(error.what, where=f"{where}, {error.where}", hint=error.hint, code=error.code) from None
    member = facts.get("member") if isinstance(facts, dict) else None
    if not isinstance(member, str):
        hint = 'One JSON object a line, with "kind" and "member".'
        raise InputError("is not an instruction.", where=where, hint=hint, code="not_an_instruction")
    facts.setdefault("uetr", str(uuid.uuid4()))
    facts.setdefault("valid_from", now)
    facts.setdefault("valid_until", now + hours * HOUR_MS)
    others = [str(facts.get("creditor", ""))] if facts.get("kind") == "owe" else []
    others += list(rules.validators) if facts.get("kind") == "scheme_change" else []
    missing = [bic8 for bic8 in (member, *others[:1]) if bic8 and bic8 not in secrets]
    if missing:
        hint = "Its key is in no file of the folder; whoever has it signs."
        raise InputError(f"there is no key of {missing[0][:40]}.", where=where, hint=hint, code="no_key")
    signers = dict.fromkeys([member, *(bic8 for bic8 in others if bic8 in secrets)])
    try:
        return signatures.sign(canonical.dumps(facts), [secrets[bic8] for bic8 in signers], rules.name)
    except InputError as error:
        raise InputError(error.what, where=f"{where}, {error.where}", hint=error.hint, code=error.code) from None
