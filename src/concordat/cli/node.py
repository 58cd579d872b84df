"""`concordat node`: one member's node: make it, run it (`serve`), exchange folders, verify, export.

Nothing here opens a connection but `serve`, and `sync --recover`. Members who are not online exchange the folders that
`export` writes, by any way they like; what is signed inside proves itself.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import typer

from concordat.cli import _node_abci, _node_account, _node_care, _node_move, _node_serve
from concordat.cli._node_home import (
    HOME,
    JSON,
    PASSPHRASE,
    database_of,
    home_of,
    open_node,
    passphrase_of,
    plain,
    print_json,
    read,
)
from concordat.cli._node_home import write as write_file
from concordat.errors import InputError, TrustError

app = typer.Typer(
    help="Run one member's node: keys, its log, folders to exchange.",
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
)


@app.command()
def init(
    bloc: str = typer.Option(..., "--bloc", help="The bloc's id, as BRICS."),
    member: str = typer.Option(..., "--member", help="The member's id, as BRA."),
    host: str = typer.Option(..., "--host", help="The name under which the node will be known, as node.example.br"),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Make a node: its keys, member.json for the others, and a membership of itself alone until the bloc founds one."""
    from concordat.ledger.keys import has_mldsa
    from concordat.ledger.membership import words_of
    from concordat.node.found import init as make
    from concordat.node.identity import Identity

    place = home_of(home)
    version = make(place, Identity(bloc, member, host), passphrase_of(passphrase_file), database_of())
    if json:
        print_json({"home": str(place), "hash": version.hash, "mldsa": has_mldsa(), "words": words_of(version.hash)})
        return
    print(f"Made keys in {place}: 3 root (move {place / 'roots'} offline), log, witness, mirror, node.")
    if not has_mldsa():
        print("This installation has no ML-DSA-44: classical signatures only.")
    print(f"Membership v1 of {member} alone (one node: no witness): hash {version.hash[:16]}...")
    print(f"Give {place / 'member.json'} to the other members of {bloc}; it holds public keys only.")


@app.command()
def found(
    out: Path = typer.Argument(..., help="The membership file to write."),
    members: list[Path] = typer.Argument(..., help="The member.json of every member."),
    merge_delay: int = typer.Option(24, "--merge-delay", help="Hours within which the chair must take an entry up."),
    json: bool = JSON,
) -> None:
    """Put members' public keys together into the first membership file, for all to sign."""
    from concordat import canonical
    from concordat.ledger.membership import quorum_of, words_of
    from concordat.node.found import found_payload, read_record

    records = [read_record(path) for path in members]
    blocs = sorted({bloc for bloc, _ in records})
    if len(blocs) != 1:
        raise InputError(f"the files are of {', '.join(blocs)}.", hint="Found one bloc at a time.", code="blocs")
    payload = canonical.dumps(found_payload(blocs[0], [record for _, record in records], merge_delay))
    if out.exists():
        raise InputError("the file exists.", where=str(out), hint="Choose another name.", code="exists")
    write_file(out, payload)
    digest, n = sha256(payload).hexdigest(), len(records)
    if json:
        facts = {"bloc": blocs[0], "members": n, "quorum": quorum_of(n), "words": words_of(digest)}
        print_json({"file": str(out), "hash": digest, **facts})
        return
    print(f"{out}: {blocs[0]}, {n} members, {quorum_of(n)} of them make a quorum. Nobody has signed it yet.")
    print(f"Hash {digest}; read aloud: {words_of(digest)}")
    print(f"Each member: concordat node sign {out}")


@app.command()
def sign(
    file: Path = typer.Argument(..., help="The membership file, unsigned or signed by others."),
    out: Path = typer.Option(None, "--out", help="Where the signed file goes; default: the same file."),
    roots: list[Path] = typer.Option([], "--root", help="A root key file; default: two of those in the node's folder."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Sign a membership file with root keys: this member's vote for it."""
    from concordat.ledger.membership import Membership, words_of
    from concordat.node.found import check_own_keys, sign_payload
    from concordat.node.identity import read_root

    data, where = read(file), str(file)
    before = Membership.parse(data, where).envelope if b'"payloadType"' in data[:4_000_000] else None
    passphrase = passphrase_of(passphrase_file)
    paths = list(roots) or sorted((home_of(home) / "roots").glob("root-*.json"))[:2]
    if not paths:
        raise InputError("no root key here.", hint="Bring them: --root FILE --root FILE", code="no_root")
    keys = [read_root(p, passphrase) for p in paths]
    envelope = sign_payload(before.payload if before else data, keys, before)
    version = Membership.parse(envelope.to_bytes(), where)
    if (home_of(home) / "identity.json").exists() and not roots:
        check_own_keys(home_of(home), version)
    known = {root for m in version.members for root in m.roots}
    if not {key.public for key in keys} <= known | _roots_before(home, passphrase_file):
        hint = "Sign with the root keys of a member that the file names."
        raise TrustError("this root key is not in the file.", where=where, hint=hint, code="stray")
    target = out or file
    write_file(target, envelope.to_bytes())
    if json:
        facts = {"signatures": len(envelope.signatures), "version": version.version, "words": words_of(version.hash)}
        print_json({"file": str(target), "hash": version.hash, **facts})
        return
    print(f"{target}: version {version.version} of {version.bloc}, {len(envelope.signatures)} signatures.")
    print(f"Hash {version.hash}; read aloud: {words_of(version.hash)}")


@app.command()
def adopt(
    files: list[Path] = typer.Argument(..., help="Signed membership files; copies of one version are put together."),
    home: Path = HOME,
    json: bool = JSON,
) -> None:
    """Take signed membership files: the first version is pinned by its hash, later ones continue the chain."""
    from concordat.ledger.membership import Membership, words_of
    from concordat.node.found import adopt as take
    from concordat.node.found import merged

    copies: dict[int, list[tuple[bytes, str]]] = {}
    for path in files:
        data = read(path)
        copies.setdefault(Membership.parse(data, str(path)).version, []).append((data, str(path)))
    envelopes = [merged([d for d, _ in found], [p for _, p in found]) for _, found in sorted(copies.items())]
    version = take(home_of(home), [envelope.to_bytes() for envelope in envelopes], database_of())
    if json:
        facts = {"members": len(version.active), "quorum": version.quorum, "words": words_of(version.hash)}
        print_json({"hash": version.hash, "version": version.version, **facts})
        return
    members = f"{len(version.active)} members, quorum {version.quorum}"
    print(f"Membership version {version.version} of {version.bloc}: {members}.")
    print(f"Hash {version.hash}; compare aloud: {words_of(version.hash)}")


@app.command()
def renew(
    out: Path = typer.Argument(..., help="The membership file to write."),
    members: list[Path] = typer.Option([], "--member", help="A member.json to add, or to put in place of an old one."),
    remove: list[str] = typer.Option([], "--remove", help="The id of a member that leaves."),
    expires: str = typer.Option("", "--expires", help="The day on which it expires; default: in 400 days."),
    person: list[Path] = typer.Option([], "--person", help="A person-request.json: a key that begins to count."),
    end_person: list[str] = typer.Option([], "--end-person", help="MEMBER:LABEL of a person's key that ends."),
    view: int = typer.Option(0, "--view", help="The view from which it counts; default: the next one."),
    batch: int = typer.Option(0, "--batch", help="The batch of that view; only where nobody who counts changes."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Write the next version of the membership file, unsigned: members, keys of nodes and persons, expiry."""
    from concordat import canonical
    from concordat.cli._node_account import ended_persons, read_requests
    from concordat.ledger.membership import words_of
    from concordat.node.found import default_expiry, read_record, renewed_payload

    records = [read_record(path)[1] for path in members]
    with open_node(home, passphrase_file) as node:
        last, now = node.chain.last, node.replica.view
        council = node.replica.councils.get(now)
        number = council.progress_at(council.size).number if council and council.size else 0
    if not view and not batch and not (records or remove) and (person or end_person):
        view, batch = now, number + 1  # nobody who counts changes: no new view is needed
    day = _day(expires) if expires else default_expiry()
    begun, ended = read_requests(person, last.bloc), ended_persons(end_person)
    payload = canonical.dumps(renewed_payload(last, records, remove, day, (view or now + 1, batch), begun, ended))
    if out.exists():
        raise InputError("the file exists.", where=str(out), hint="Choose another name.", code="exists")
    write_file(out, payload)
    digest = sha256(payload).hexdigest()
    if json:
        print_json({"file": str(out), "hash": digest, "version": last.version + 1, "words": words_of(digest)})
        return
    point = f"view {view or now + 1}, batch {batch}"
    print(f"{out}: version {last.version + 1} of {last.bloc}, from {point} on. Nobody has signed it yet.")
    print(f"It needs the votes of {last.threshold} members of version {last.version}, and of its own: node sign {out}")


@app.command()
def sync(
    folders: list[Path] = typer.Option([], "--from", help="The folder of another member; may be repeated."),
    recover: bool = typer.Option(False, "--recover", help="Fetch what is missing of the own log, then sign again."),
    ask: Path = typer.Option(None, "--ask", help="With --recover: write this node's question to the others there."),
    answers: list[Path] = typer.Option([], "--answer", help="With --recover: a member's answer; may be repeated."),
    to: Path = typer.Option(None, "--to", help="Write this node's own folder there afterwards."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Take what other members' folders say, cosign what is good, keep proofs of what is not."""
    from concordat.node.publish import export
    from concordat.node.sync import sync as take

    if recover and to is not None:
        what = "a node that recovers writes no folder."
        raise InputError(what, where="--to", hint="Leave it out; sync again afterwards.", code="folder")
    if (ask is not None or answers) and not recover:
        what = "only a node that recovers asks the others."
        raise InputError(what, where="--ask, --answer", hint="Add --recover.", code="recover")
    if recover:
        _node_serve.recover(home, passphrase_file, folders, answers, ask, json=json)
        return
    if not folders:
        what = "no folder to take from."
        raise InputError(what, hint="Name one: --from FOLDER; or fetch what is missing: --recover", code="folder")
    if to is not None and any(to.resolve() == folder.resolve() for folder in folders):
        what = "that is another member's folder."
        raise InputError(what, where="--to", hint="Give this node a folder of its own.", code="folder")
    with open_node(home, passphrase_file) as node:
        taken = take(node, folders)
        if to is not None:
            export(node.replica, to, home_of(home))
        final = _final(node.replica)
    if json:
        sizes = {name: {"before": a, "after": b} for name, a, b in taken.sizes}
        accusations = [{"file": file, "what": what} for what, file in taken.accusations]
        said = {"behind": list(taken.behind), "final": final, "refused": list(taken.problems), "sizes": sizes}
        print_json({"accusations": accusations, **said})
    else:
        changed = [f"{name} {a:,} -> {b:,}" + (f" (+{b - a})" if b > a else "") for name, a, b in taken.sizes]
        print("   ".join(changed))
        print(f"final to {final}" if final else "nothing is final yet")
        for what in taken.behind:
            print(plain(what))
        for what in taken.problems:
            print(f"refused: {plain(what)}")
        for what, file in taken.accusations:
            print(f"PROOF OF MISCONDUCT: {what} See {file} in this node's export.")
    if taken.accusations:
        raise TrustError("a folder holds a lie; the proof is kept.", hint="Show it to the others.", code="misconduct")
    if taken.unreadable == len(folders):
        raise InputError("no folder could be read.", hint="See above.", code="folder")
    if taken.problems:
        raise TrustError(
            f"{len(taken.problems)} things were refused; what is good was taken.", hint="See above.", code="refused"
        )


@app.command()
def export(
    out: Path = typer.Argument(..., help="The folder to write: empty, or an earlier export."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    json: bool = JSON,
) -> None:
    """Write the public record as this node holds it: static files with a verifier of their own."""
    from concordat.node.publish import export as write

    with open_node(home, passphrase_file) as node:
        changed = write(node.replica, out, home_of(home))
        pinned = node.chain.pinned
    if json:
        print_json({"changed": changed, "folder": str(out), "trust": pinned})
        return
    print(f"{out}: {changed} files changed. Anyone can audit it: python {out / 'verify.py'} {out}")


@app.command()
def verify(home: Path = HOME, passphrase_file: Path = PASSPHRASE, json: bool = JSON) -> None:
    """Verify everything on this disk again, from bytes to finality."""
    from concordat.node.whole_disk import verify_disk

    with open_node(home, passphrase_file) as node:
        lines = verify_disk(node)
        final = _final(node.replica)
        entries = sum(log.size for log in node.replica.shelf.logs.values())
    if json:
        print_json({"entries": entries, "final": final, "logs": lines})
        return
    words = f"final to {final}" if final else "nothing final"
    print(f"All {len(lines)} logs good: {entries:,} entries, {words}.")


@app.command()
def doctor(home: Path = HOME, passphrase_file: Path = PASSPHRASE, json: bool = JSON) -> None:
    """Look at clock, disk, keys, expiry, backups, drills, and what the keys remember; exit 7 if something is bad."""
    from concordat import clock
    from concordat.errors import StateError
    from concordat.node.doctor import facts_of, findings
    from concordat.node.settings import NodeSettings

    settings = NodeSettings.load()
    facts = facts_of(
        home_of(home),
        now=clock.now(),
        passphrase=passphrase_of(passphrase_file),
        reserve_mb=settings.disk_reserve_mb,
        backup_dir=settings.backup_dir,
        tls_cert=settings.tls_cert,
        ops=settings.ops_address,
        database=settings.database,
        settings=settings,
    )
    found = findings(facts)
    if json:
        print_json({"findings": [{"grade": f.grade, "subject": f.subject, "what": f.what} for f in found]})
    else:
        width = max(len(f.subject) for f in found)
        for f in found:
            print(f"{f.grade:8} {f.subject:{width}} {plain(f.what)}")
    bad = [f.what for f in found if f.grade == "bad"]
    if bad:
        raise StateError(f"{len(bad)} of {len(found)} findings are bad.", hint=bad[0], code="doctor")


@app.command()
def demo(
    n: int = typer.Argument(..., help="How many members."),
    folder: Path = typer.Argument(..., help="A new folder for all of them."),
    bloc: str = typer.Option("BRICS", "--bloc", help="Whose members."),
    json: bool = JSON,
) -> None:
    """Run a bloc of N members in one folder: each its own node, exchanging files until all is final."""
    from concordat.cli._node_demo import member_ids, run, to_stderr

    facts = run(folder, bloc, member_ids(bloc, n), to_stderr)
    if json:
        print_json(facts)
        return
    final = facts["final"]
    print(f"{len(facts['members'])} members of {bloc} in {folder}: {', '.join(facts['members'])}.")
    print(f"{facts['entries']} entries, final to council/{final['view']} batch {final['batch']} at every member.")
    rounds, seconds = facts["event_to_final_rounds"], facts["event_to_final_s"]
    print(f"One more entry was final everywhere after {rounds} rounds of exchange, {seconds} s.")
    print(f"Audit one: python {facts['folders'][0]}/verify.py {facts['folders'][0]}")


_node_abci.register(app)
_node_care.register(app)
_node_account.register(app)
_node_move.register(app)
_node_serve.register(app)


def _day(text: str) -> str:
    """A day as the membership file writes its expiry."""
    from datetime import date

    try:
        return f"{date.fromisoformat(text).isoformat()}T00:00:00Z"
    except ValueError:
        raise InputError(f'"{text[:40]}" is not a day.', where="--expires", hint="As 2027-12-31", code="day") from None


def _roots_before(home: Path | None, passphrase_file: Path | None) -> set[bytes]:
    """The root keys of the newest version that this node has: who leaves signs the version that leaves it out."""
    from concordat.errors import ConcordatError

    try:
        with open_node(home, passphrase_file) as node:
            return {root for m in node.chain.last.members for root in m.roots}
    except ConcordatError:
        return set()


def _final(replica: Any) -> str:
    """`council/3 batch 120`, or empty."""
    history = replica.history()
    return f"council/{history[-1][0].view} batch {history[-1][0].batch}" if history else ""
