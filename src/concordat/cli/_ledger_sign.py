"""`concordat ledger key` and `ledger sign`: a delegate's key on her own machine, and the draft that she signs with it.

No node and no network: the node's page gives the exact unsigned bytes as a file, the signed envelope is brought back.
"""

from __future__ import annotations

import json as json_text
from pathlib import Path

import typer

from concordat.cli._node_home import JSON, PASSPHRASE, passphrase_of, plain, print_json, read
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError


def register(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command()(key)
    app.command()(sign)


def key(
    file: Path = typer.Argument(..., help="The key file to write; the public key goes beside it, as FILE.pub."),
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Make a person's key on this machine; only its public half ever leaves it."""
    import base64

    from concordat.ledger.keys import entry_keyid
    from concordat.node.person_keys import make_key_file

    beside = file.with_name(file.name + ".pub")
    if beside.exists():
        raise InputError("the file exists.", where=str(beside), hint="Choose another name.", code="exists")
    public = make_key_file(file, passphrase_of(passphrase_file))
    write_file(beside, base64.b64encode(public) + b"\n")
    if json:
        print_json({"file": str(file), "keyid": entry_keyid(public), "public": base64.b64encode(public).decode()})
        return
    print(f"Made the key {entry_keyid(public)} in {file}. Keep it; give {beside} to your node's operator.")


def sign(
    draft: Path = typer.Argument(..., help="The draft that the node's page gave."),
    key_file: Path = typer.Option(..., "--key", help="Your key file."),
    out: Path = typer.Option(None, "--out", "-o", help="The envelope to write; default: DRAFT with .signed.json."),
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Sign a draft on your own machine: it is shown in words, and its exact bytes are signed."""
    from hashlib import sha256

    from concordat.ledger.keys import Ed25519Secret, entry_keyid
    from concordat.node.identity import read_seeds
    from concordat.node.person_keys import read_draft, sign_draft

    found = read_draft(read(draft), str(draft))
    secret = Ed25519Secret(read_seeds(key_file, passphrase_of(passphrase_file))["ed25519"])
    target = out or draft.with_name(draft.stem + ".signed.json")
    if target.exists():
        raise InputError("the file exists.", where=str(target), hint="Choose another name: --out", code="exists")
    write_file(target, sign_draft(found, secret))
    entry_id = sha256(found.payload).hexdigest()
    if json:
        print_json({"draft": found.fields, "file": str(target), "id": entry_id, "keyid": entry_keyid(secret.public)})
        return
    print(plain(found.sentence()))
    print(plain(json_text.dumps(found.fields["body"], ensure_ascii=False, sort_keys=True)))
    print(f"Signed by key {entry_keyid(secret.public)} as entry {entry_id}.")
    print(f"Bring {target} back to the page of your act. If it says that another entry came first, destroy this file.")
