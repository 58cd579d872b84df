"""Where a ledger and its members' keys are, for the commands of `clearing`; `concordat clearing key`, `... sign`."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from concordat.errors import InputError
from concordat.settings import Settings

if TYPE_CHECKING:
    from concordat.clearing.core.scheme import Scheme
    from concordat.clearing.core.signatures import Signed
    from concordat.ledger.keys import Ed25519Secret

JSON = typer.Option(False, "--json", help="Print one JSON object.")
LEDGER = typer.Option(
    "", "--ledger", metavar="FILE", help="The ledger's database, or postgresql://...; default: in the data folder."
)
KEYS = typer.Option(..., "--keys", metavar="FOLDER", help="The folder with the members' key files.")
TIME = typer.Option("", "--time", metavar="UTC", help="The present moment for this run; default: the clock.")
SCHEME = typer.Option(..., "--scheme", metavar="YAML", help="The scheme file.")
HOUR_MS = 3_600_000


def register(app: typer.Typer) -> None:
    """Hang these commands into the group."""
    app.command("key")(key)
    app.command("sign")(sign)


def ledger_of(ledger: str) -> str:
    """The address that was named, or the default file."""
    return ledger or str(Settings.load().data_dir / "clearing" / "ledger.db")


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
    from concordat.ledger.keys import Ed25519Secret

    if not folder.is_dir():
        hint = f"Make keys: concordat clearing key CCCCBRSP --keys {folder}"
        raise InputError("there is no such folder.", where=str(folder), hint=hint, code="unreadable")
    found = {}
    for path in sorted(folder.glob("*.json")):
        try:
            raw = json_.loads(read(path))
            found[str(raw["bic8"])] = Ed25519Secret(bytes.fromhex(raw["seed"]))
        except (ValueError, KeyError, TypeError):
            raise InputError("is not a key file.", where=str(path), code="bad_key") from None
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

    publics = {}
    for bic8 in members:
        if not re.fullmatch(BIC8, bic8):
            raise InputError(f'"{bic8[:20]}" is not a BIC of eight letters.', hint="Such as CCCCBRSP.", code="bad_bic")
        path = keys / f"{bic8}.json"
        if path.exists():
            raise InputError(
                "there is a key already.", where=str(path), hint="Keys are not replaced.", code="key_exists"
            )
        seed = sha256(f"made up: {bic8} 0".encode()).digest() if made_up else secrets.token_bytes(32)
        write_private(path, json_.dumps({"bic8": bic8, "seed": seed.hex()}).encode() + b"\n")
        publics[bic8] = Ed25519Secret(seed).public.hex()
    if json:
        print(json_.dumps(publics, indent=1))
        return
    for bic8, public in publics.items():
        print(f'  {bic8}: "{public}"')


# --- Instructions ----------------------------------------------------------------------------------------------------


def instructions(data: bytes, where: str, scheme: str) -> Iterator[Signed]:
    """The signed instructions of JSON lines.

    Raises:
        InputError: a line that is none, with its number.
    """
    from concordat.clearing.core.signatures import Signed

    for number, line in enumerate(data.splitlines(), start=1):
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
) -> None:
    """Sign instructions with the members' keys: one envelope a line, for `clearing node`.

    Where `uetr`, `valid_from` or `valid_until` are left out, they are filled in: a new id, now, and now plus `--hours`.
    """
    rules, secrets, now = scheme_of(scheme), keys_of(keys), moment(time)
    for number, line in enumerate(read(file).splitlines(), start=1):
        if line.strip():
            print(_signed(line, f"{file}, line {number}", rules, secrets, now, hours).data.decode())


def _signed(
    line: bytes, where: str, rules: Scheme, secrets: Mapping[str, Ed25519Secret], now: int, hours: int
) -> Signed:
    import uuid

    from concordat import canonical
    from concordat.clearing.core import signatures

    try:
        facts: dict[str, Any] = json_.loads(line)
        member = str(facts["member"])
    except (ValueError, KeyError, TypeError):
        hint = 'One JSON object a line, with "kind" and "member".'
        raise InputError("is not an instruction.", where=where, hint=hint, code="not_an_instruction") from None
    facts.setdefault("uetr", str(uuid.uuid4()))
    facts.setdefault("valid_from", now)
    facts.setdefault("valid_until", now + hours * HOUR_MS)
    others = [facts.get("creditor", "")] if facts.get("kind") == "owe" else []
    others += list(rules.validators) if facts.get("kind") == "scheme_change" else []
    missing = [bic8 for bic8 in (member, *others[:1]) if bic8 and bic8 not in secrets]
    if missing:
        raise InputError(f"there is no key of {missing[0]}.", where=where, code="no_key")
    signers = dict.fromkeys([member, *(bic8 for bic8 in others if bic8 in secrets)])
    try:
        return signatures.sign(canonical.dumps(facts), [secrets[bic8] for bic8 in signers], rules.name)
    except InputError as error:
        raise InputError(error.what, where=f"{where}, {error.where}", hint=error.hint, code=error.code) from None
