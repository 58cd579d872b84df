"""`concordat ledger`: one entry: write it, show it in words, prove it to someone who has nothing but a hash."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Any

import typer

from concordat.cli import _ledger_sign
from concordat.cli._node_home import HOME, JSON, PASSPHRASE, open_node, print_json, read
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError

app = typer.Typer(
    help="Write, show and prove entries of the shared record.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def write(
    kind: str = typer.Argument(..., metavar="TYPE", help="What kind of entry, as Said."),
    body: str = typer.Argument(..., help="Its body as JSON, or @FILE."),
    scope: str = typer.Option("council", "--scope", help="council, exchange or clearing:<scheme>."),
    ref: list[str] = typer.Option([], "--ref", help="The id of an entry it depends on; may be repeated."),
    attach: Path = typer.Option(None, "--attach", help="Content to keep beside the log; the body names its hash."),
    public: bool = typer.Option(False, "--public", help="With --attach: content that anyone may see, hashed unsalted."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Write and sign an entry into this member's own log; it is durable when this returns."""
    content = _attachment(attach, public)
    payload = _body(body)
    with open_node(home, passphrase_file) as node:
        if content is not None:
            if "blob" in payload:
                what = "the body has a blob already."
                raise InputError(what, where="body", hint="Leave it out, or --attach.", code="blob")
            payload["blob"] = content[0]
            node.store.put_blob(content[0]["hash"], content[2], content[1])  # first: an entry never lacks its content
        entry, _ = node.write(kind, payload, scope, refs=sorted(ref))
        size = node.replica.own.size
        alone = len(node.chain.last.active) == 1
        if alone:
            node.tick()
    if json:
        print_json({"id": entry.id, "index": size - 1, "author": entry.author, "seq": entry.seq})
        return
    print(f"{entry.author} {entry.seq}: {entry.type}, id {entry.id}")
    if alone:
        print("One node: no witness.")


@app.command()
def show(
    entry: str = typer.Argument("", help="The beginning of an entry's id; without it the newest entries are listed."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Show one entry in words: who signed it, where it stands, whether it is final; or list the newest."""
    from concordat.ledger.bundle import bundle_of

    with open_node(home, passphrase_file) as node:
        if not entry:
            _list(node.replica, json)
            return
        verdict = bundle_of(node.replica, entry).verify(node.chain.pinned)
    _tell(verdict, json)


@app.command()
def prove(
    entry: str = typer.Argument(..., help="The beginning of an entry's id."),
    out: Path = typer.Option(..., "--out", "-o", help="The bundle to write."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Write the whole proof of one entry into a file that needs no node and no network."""
    from concordat.ledger.bundle import bundle_of

    with open_node(home, passphrase_file) as node:
        bundle = bundle_of(node.replica, entry)
        verdict = bundle.verify(node.chain.pinned)
        pinned = node.chain.pinned
    data = bundle.data()
    write_file(out, data)
    if json:
        print_json({"bytes": len(data), "file": str(out), "final": verdict.final, "trust": pinned})
        return
    print(f"{out}: {len(data):,} bytes. {verdict.sentence()}")
    print(f"Whoever trusts membership {pinned[:16]}... can check it: concordat ledger verify {out} --trust {pinned}")


@app.command()
def verify(
    file: Path = typer.Argument(..., help="A proof bundle, or a proof of misconduct."),
    trust: str = typer.Option(..., "--trust", help="The hash of membership version 1, or its file."),
    json: bool = JSON,
) -> None:
    """Verify a bundle or a proof of misconduct with nothing but a hash: no node, no network."""
    from concordat.ledger.bundle import Bundle
    from concordat.ledger.misconduct import Misconduct

    data = read(file)
    pinned = _pinned(trust)
    if b'"kind":' in data[:8_000_000] and b'"accused":' in data[:100]:
        proof = Misconduct.parse(data, str(file)).check(pinned)
        if json:
            print_json({"accused": proof.accused, "kind": proof.kind, "what": proof.sentence()})
        else:
            print(f"It holds: {proof.sentence()}")
        return
    _tell(Bundle.parse(data, str(file)).verify(pinned), json)


@app.command()
def audit(
    folder: Path = typer.Argument(..., help="An export."),
    trust: str = typer.Option("", "--trust", help="The hash of membership version 1, or its file; default: as found."),
    json: bool = JSON,
) -> None:
    """Audit an export: membership, logs, order, finality, papers, and that no file is missing or left over."""
    from concordat.node.audit import audit as check

    found = check(folder, _pinned(trust) if trust else None)
    if json:
        point = {"batch": found.final.batch, "view": found.final.view} if found.final else None
        facts = {"accusations": list(found.accusations), "bloc": found.bloc, "final": point, "trust": found.pinned}
        print_json({**facts, "sizes": found.sizes})
        return
    for origin, size in sorted(found.sizes.items()):
        print(f"{origin}: {size:,} entries, good")
    final = f"final to council/{found.final.view} batch {found.final.batch}" if found.final else "nothing is final"
    print(f"{found.bloc}, membership {found.pinned[:16]}...: {final}.")
    for what in found.accusations:
        print(f"PROOF OF MISCONDUCT: {what}")


_ledger_sign.register(app)


def _tell(verdict: Any, json: bool) -> None:
    e = verdict.entry
    if json:
        point = {"batch": verdict.point.batch, "view": verdict.point.view} if verdict.point else None
        print_json(
            {
                "author": e.author, "body": e.body, "final": verdict.final, "id": e.id, "index": verdict.index,
                "mirrors": list(verdict.mirrors), "origin": verdict.origin, "pending": verdict.pending,
                "person": e.person, "point": point, "scope": e.scope, "seq": e.seq, "submitted": verdict.submitted,
                "type": e.type, "witnesses": list(verdict.witnesses),
            }
        )  # fmt: skip
        return
    print(verdict.sentence())
    print(f"id {e.id}")
    print(f"body {json_text.dumps(e.body, ensure_ascii=False, sort_keys=True)}")
    print(f"witnesses {', '.join(verdict.witnesses) or 'none'}; mirrors {', '.join(verdict.mirrors) or 'none'}")


def _list(replica: Any, json: bool) -> None:
    final = {entry.id for _, _, entry in replica.events()}
    refused = {entry.id: why for _, entry, why in replica.refused()}
    rows = [e for _, log in sorted(replica.shelf.logs.items()) for e in log.entries[-20:]]
    if json:
        facts = [
            {"author": e.author, "id": e.id, "seq": e.seq, "standing": _standing(e.id, final, refused), "type": e.type}
            for e in rows
        ]
        print_json({"entries": facts})
        return
    for e in rows:
        print(f"{e.author} {e.seq:>5}  {e.type:20} {e.scope:10} {_standing(e.id, final, refused):9} {e.id[:16]}")
    if not rows:
        print("No entries yet.")


def _standing(entry_id: str, final: set[str], refused: dict[str, str]) -> str:
    if entry_id in refused:
        return "refused"
    return "final" if entry_id in final else "not final"


def _body(text: str) -> dict[str, Any]:
    from concordat import canonical

    data = read(Path(text[1:])) if text.startswith("@") else text.encode("utf-8", "surrogateescape")
    value = canonical.loads(data)
    if not isinstance(value, dict):
        raise InputError("the body must be an object.", where="body", hint='As {"word": "good morning"}', code="body")
    return value


def _attachment(path: Path | None, public: bool) -> tuple[dict[str, Any], bytes, bytes | None] | None:
    if path is None:
        return None
    import mimetypes
    import secrets

    from concordat.ledger.entry import blob_reference

    content = read(path)
    salt = None if public else secrets.token_bytes(32)
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return blob_reference(content, kind, salt), content, salt


def _pinned(text: str) -> str:
    """A hash, or that of a membership file."""
    from concordat.ledger.membership import Membership

    if len(text) == 64 and all(c in "0123456789abcdef" for c in text):
        return text
    return Membership.parse(read(Path(text)), text).hash
