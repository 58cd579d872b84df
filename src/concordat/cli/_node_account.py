"""`concordat node account` and `node audit`: who works at this node, and whether its record of that is whole.

These commands open the store of people alone, so they run beside a running server. A link is shown once and stored
nowhere; what it opens is in `node.accounts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from concordat.cli._node_home import HOME, JSON, database_of, home_of, plain, print_json, read
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError

LOGIN = typer.Argument(..., help="The login.")
ROLE = typer.Option([], "--role", help="A role: expert, delegate, chair, secretary, supervisor, operator; repeatable.")
accounts = typer.Typer(
    help="Add, list and lock the accounts of this node's people.", rich_markup_mode=None, no_args_is_help=True
)
audits = typer.Typer(
    help="Check the record of what people and operators did.", rich_markup_mode=None, no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the two groups."""
    app.add_typer(accounts, name="account")
    app.add_typer(audits, name="audit")


@contextmanager
def _people(home: Path | None, *, create: bool = False) -> Iterator[tuple[Any, int]]:
    """(the people of the node, the present second)."""
    from concordat import clock
    from concordat.node.people import People

    people = People.open(home_of(home), create=create, database=database_of())
    try:
        yield people, int(clock.now().timestamp())
    finally:
        people.close()


@accounts.command()
def add(
    login: str = LOGIN,
    name: str = typer.Option(..., "--name", help="The person's name; it stays on this machine."),
    role: list[str] = ROLE,
    key_label: str = typer.Option("", "--key-label", help="The label of her person key, as del-04."),
    key_file: Path = typer.Option(None, "--key", help="Her public key, if she signs on her own machine (FILE.pub)."),
    member: str = typer.Option("", "--member", help="Whose person, if not this node's member's."),
    certificate: Path = typer.Option(None, "--certificate", help="A client certificate (PEM) instead of a code."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Add an account; its one-time link is shown once."""
    fingerprint = _fingerprint(certificate) if certificate else ""
    public = _public_key(key_file) if key_file else None
    with _people(home, create=True) as (people, now):
        with people.store.commit():
            account, link = people.accounts.add(
                login, name, role, now, member=member, key_label=key_label, certificate=fingerprint
            )
            if public is not None:
                people.keys.enrol(account.id, public, now)
        request = _request(people, account.id, home, None) if public is not None else None
    facts = {"id": account.id, "link": _link(home, link.value), "login": login, "roles": list(account.roles)}
    if json:
        print_json({**facts, "request": str(request) if request else None})
        return
    print(f"One-time link, 48 h: {facts['link']}")
    if request:
        print(f"Key request for the root signers: {request}")
    elif key_label:
        print(f"Once she has made her key there: concordat node account request {login}")


@accounts.command(name="list")
def list_accounts(home: Path = HOME, json: bool = JSON) -> None:
    """List the accounts of this node."""
    with _people(home) as (people, now):
        found = [
            (a, len(people.accounts.sessions.of(a.id, now)), people.keys.is_held(a.id)) for a in people.accounts.all()
        ]
    rows = [
        {
            "id": a.id, "key": _key_words(a, held), "locked": a.locked_until > now, "login": a.login,
            "member": a.member, "name": a.name, "open": a.open, "roles": list(a.roles), "sessions": sessions,
        }
        for a, sessions, held in found
    ]  # fmt: skip
    if json:
        print_json({"accounts": rows})
        return
    for row in rows:
        state = "locked" if row["locked"] else "open" if row["open"] else "link not used"
        print(
            f"{row['login']:16} {row['member']:6} {','.join(row['roles']):24} {state:14} {row['key']:30} {row['name']}"
        )
    if not rows:
        print("No accounts yet.")


@accounts.command()
def role(login: str = LOGIN, role: list[str] = ROLE, home: Path = HOME, json: bool = JSON) -> None:
    """Give an account other roles; its sessions end."""
    from concordat.node.authorise import needs_second_factor

    with _people(home) as (people, now):
        account, gone = people.accounts.set_roles(login, role, now)
    closed = needs_second_factor(account.roles) and account.totp_sealed is None and not account.certificate
    if json:
        print_json({"login": login, "needs_link": closed, "passkeys_removed": gone, "roles": list(account.roles)})
        return
    print(f"{login} is {', '.join(account.roles)}. Sessions ended.")
    if gone:
        print(f"Passkeys removed: {gone}. They were made with a password alone, and these roles ask for more.")
    if closed:
        print(f"These roles need a code, and none is set up: concordat node account reset {login}")


@accounts.command()
def reset(login: str = LOGIN, home: Path = HOME, json: bool = JSON) -> None:
    """Give a new one-time link: password, code and sessions of before end at once; the signing key stays."""
    with _people(home) as (people, now):
        account, link = people.accounts.reset(login, now)
    if json:
        print_json({"id": account.id, "link": _link(home, link.value), "login": login})
        return
    print(f"One-time link, 48 h: {_link(home, link.value)}")


@accounts.command()
def lock(
    login: str = LOGIN,
    until: str = typer.Option("", "--until", help="The day on which it opens again; default: when you say so."),
    undo: bool = typer.Option(False, "--undo", help="Open the account again now."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Lock an account, and end its sessions."""
    from concordat.node.accounts import FOR_GOOD

    if until and undo:
        raise InputError("give --until or --undo.", where="account lock", code="option")
    with _people(home) as (people, now):
        moment = 0 if undo else _seconds(until, now) if until else FOR_GOOD
        account = people.accounts.lock(login, moment, now)
    if json:
        print_json({"locked": account.locked_until > now, "login": login, "until": until or None})
        return
    words = f"locked until {until}" if until else "locked" if account.locked_until > now else "open again"
    print(f"{login} is {words}.")


@accounts.command()
def request(
    login: str = LOGIN,
    out: Path = typer.Option(None, "--out", "-o", help="The file to write; default: person-request-LABEL.json."),
    may: list[str] = typer.Option(["council", "exchange"], "--may", help="What the key may sign for; repeatable."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Write the request that asks the root signers to certify a person's key."""
    with _people(home) as (people, now):
        account = people.accounts.by_login(login)
        file = _request(people, account.id, home, out, may)
        people.audit.append("request_exported", account.id, now, label=account.key_label)
    if json:
        print_json({"file": str(file), "login": login})
        return
    print(f"Key request for the root signers: {file}")
    print(f"They put it into the membership: concordat node renew FILE --person {file}")


@audits.command()
def verify(home: Path = HOME, json: bool = JSON) -> None:
    """Check the chain of rows, and that it is the one whose hashes this node signed into its log."""
    from concordat.node.onlooker import Onlooker
    from concordat.node.people import signed_heads

    with Onlooker(home_of(home), database_of()) as node:
        heads = list(signed_heads(node))
    with _people(home) as (people, _):
        last = people.audit.verify(heads)
    signed = max((head.count for head in heads), default=0)
    if json:
        print_json({"hash": last.hash, "heads": len(heads), "rows": last.count, "signed": signed})
        return
    agree = f"{len(heads):,} signed heads agree, the last over {signed:,} rows" if heads else "no head is signed yet"
    print(f"{last.count:,} rows good, hash {last.hash[:16]}...; {agree}.")


# --- Parts ------------------------------------------------------------------------------------------------------------


def read_requests(files: Sequence[Path], bloc: str) -> list[tuple[str, dict[str, Any]]]:
    """(member, person) of each request, for `node renew`."""
    from concordat.node.person_keys import read_request

    found = []
    for path in files:
        of, member, person = read_request(read(path), str(path))
        if of != bloc:
            raise InputError(f"the request is of {of}, this node of {bloc}.", where=str(path), code="bloc")
        found.append((member, person))
    return found


def ended_persons(texts: Sequence[str]) -> list[tuple[str, str]]:
    """(member, label) of each `BRA:del-04`."""
    found = []
    for text in texts:
        member, colon, label = text.partition(":")
        if not colon or not label:
            raise InputError(f'"{text[:40]}" is not MEMBER:LABEL.', where="--end-person", hint="As BRA:del-04")
        found.append((member, label))
    return found


def _request(people: Any, account_id: str, home: Path | None, out: Path | None, may: Sequence[str] = ()) -> Path:
    from concordat.node.identity import read_identity
    from concordat.node.person_keys import MAY, person_request

    account, identity = people.accounts.account(account_id), read_identity(home_of(home))
    if account.key_public is None:
        hint = "She makes it at her account page, or gives its public half: node account add --key"
        raise InputError(f"{account.login} has no key yet.", hint=hint, code="no_key")
    file = out or Path(f"person-request-{account.key_label}.json")
    data = person_request(identity.bloc, account.member, account.key_label, account.key_public, may or MAY)
    write_file(file, data)
    return file


def _link(home: Path | None, token: str) -> str:
    from concordat.node.identity import read_identity
    from concordat.node.settings import NodeSettings

    base = NodeSettings.load().public_url or f"https://{read_identity(home_of(home)).host}"
    return f"{base.rstrip('/')}/welcome/{token}"


def _key_words(account: Any, held: bool) -> str:
    if account.key_public is None:
        return f"{account.key_label}: no key yet" if account.key_label else "no key"
    return f"{account.key_label}: {'held here' if held else 'signs away'}"


def _public_key(path: Path) -> bytes:
    from concordat.ledger.entry import plain_base64
    from concordat.ledger.keys import check_public

    text = read(path).decode("ascii", "replace").strip()
    public = plain_base64(text, str(path), "key")
    check_public(public, str(path))
    return public


def _fingerprint(path: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        return x509.load_pem_x509_certificate(read(path)).fingerprint(SHA256()).hex()
    except ValueError as error:
        what = f"not a certificate in PEM: {plain(str(error))[:80]}."
        raise InputError(what, where=str(path), code="certificate") from None


def _seconds(day: str, now: int) -> int:
    try:
        moment = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())
    except (ValueError, OverflowError):
        raise InputError(f'"{day[:40]}" is not a day.', where="--until", hint="As 2027-12-31", code="day") from None
    if moment <= now:
        raise InputError(f"{day} is over.", where="--until", hint="Give a day to come.", code="day")
    return moment
