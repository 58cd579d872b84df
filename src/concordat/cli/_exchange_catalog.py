"""`concordat exchange offer`, `withdraw`, `catalog`, `check`: what this member offers, what others do, and its form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON, PASSPHRASE, Seat, seat
from concordat.cli._node_home import plain, print_json, read
from concordat.errors import InputError

REASONS = ("error", "expired", "other", "rights", "superseded")
FORMS = ("json-ld", "turtle", "xml")


def offer(
    file: Path = typer.Argument(..., help="The offer (concordat/offer@1); its files lie beside it."),
    check: bool = typer.Option(False, "--check", help="Only check the file; nothing is kept or written."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Offer a dataset to others on terms that the file states: files are hashed and kept, and the offer is logged."""
    from concordat.exchange.catalogue.offer import Offer
    from concordat.exchange.dataspace.odrl import from_offer
    from concordat.exchange.dataspace.terms import terms_words

    wanted = Offer.load(read(file), where=str(file))
    terms = terms_words(from_offer(wanted.policy))
    if check:
        from concordat.node.exchange import check_size

        check_size(wanted)
        if json:
            print_json({"id": wanted.id, "terms": terms})
        else:
            print(f"{wanted.id}: the file is good. Terms: {terms}")
        return
    from concordat.node.exchange import prepare

    with seat(home, passphrase_file, speaker, demo) as place:
        document, body = prepare(place.node, wanted, file.parent)
        entry = place.say("DatasetOffered", body)
    size = sum(f["bytes"] for f in document["files"])
    if json:
        facts = {"bytes": size, "files": document["files"], "id": wanted.id, "terms": terms, "uuid": body["uuid"]}
        print_json({"author": entry.author, "entry": entry.id, "seq": entry.seq, "version": body["version"], **facts})
        return
    hashes = ", ".join(f"{f['sha256'][:4]}.." for f in document["files"][:3])
    more = ", ..." if len(document["files"]) > 3 else ""
    files = f"{len(document['files'])} file{'s' if len(document['files']) != 1 else ''}"
    print(
        f"Offered {wanted.id} v{body['version']}: {files}, {size:,} bytes, sha256 {hashes}{more}"
        f" Terms: {terms.rstrip('.')}. Logged as {entry.author} {entry.seq}."
    )


def withdraw(
    dataset: str = typer.Argument(..., help="The id of a dataset that this member offers."),
    reason: str = typer.Option("other", "--reason", help="error, expired, rights, superseded or other."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Withdraw a dataset from this member's catalogue; agreements that exist stay as they are."""
    if reason not in REASONS:
        raise InputError(f'"{reason[:40]}" is not a reason.', where="--reason", hint=f"One of {', '.join(REASONS)}.")
    with seat(home, passphrase_file, speaker, demo) as place:
        newest = place.exchange.newest("dataset", (place.member, dataset))
        entry = place.say("DatasetWithdrawn", {"dataset": dataset, "reason": reason, "version": newest.version})
    if json:
        print_json({"entry": entry.id, "id": dataset, "version": newest.version})
    else:
        print(f"Withdrawn {dataset} v{newest.version} ({reason}). Logged as {entry.author} {entry.seq}.")


def catalog(
    member: str = typer.Argument("", help="Whose catalogue; default: this member's own."),
    public: bool = typer.Option(False, "--public", help="Only what anyone may have, as strangers see it."),
    ttl: bool = typer.Option(False, "--ttl", help="Print DCAT-AP in Turtle."),
    xml: bool = typer.Option(False, "--xml", help="Print DCAT-AP in RDF/XML."),
    dsp: bool = typer.Option(False, "--dsp", help="Print the Dataspace Protocol's Catalog message."),
    ckan: bool = typer.Option(False, "--ckan", help="Print as CKAN's package_search would."),
    csv: bool = typer.Option(False, "--csv", help="Print a table, one row a distribution."),
    out: Path = typer.Option(None, "--out", "-o", help="Write into this file instead."),
    ask: bool = typer.Option(False, "--ask", help="Ask the member's own node, through this one, which must run."),
    home: Path = HOME,
    passphrase_file: Path = PASSPHRASE,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = typer.Option(False, "--json", help="Print DCAT-AP in JSON-LD."),
) -> None:
    """Show what a member offers: a list, or the whole catalogue in one of the forms that others read."""
    form = [name for name, on in _forms(json, ttl, xml, dsp, ckan, csv) if on]
    if len(form) > 1:
        raise InputError(f"--{form[0]} and --{form[1]} can't go together.", hint="One form at a time.", code="form")
    if ask:
        _ask(member, home, speaker, json)
        return
    with seat(home, passphrase_file, speaker, demo, reads=True) as place:
        whose = member or place.member
        if not form and out is None:
            _list(place, whose, public)
            return
        data = _printed(_whole(place, whose, public), form[0] if form else "json")
    if out is not None:
        from concordat.cli._node_home import write

        write(out, data)
        print(f"{out}: {len(data):,} bytes.")
        return
    print(data.decode(), end="" if data.endswith(b"\n") else "\n")


def _forms(json: bool, ttl: bool, xml: bool, dsp: bool, ckan: bool, csv: bool) -> list[tuple[str, bool]]:
    return [("json", json), ("ttl", ttl), ("xml", xml), ("dsp", dsp), ("ckan", ckan), ("csv", csv)]


def _whole(place: Seat, member: str, public: bool) -> Any:
    """A member's whole catalogue: this node's own, or that of another node of the demo.

    Raises:
        InputError: another member's, which its own node gives.
    """
    from concordat.exchange.catalogue.model import check_profile
    from concordat.node.exchange import catalog_of

    if member == place.member:
        node = place.node
    elif place.demo is not None and member in place.demo.nodes:
        node = place.demo.nodes[member]
    else:
        place.node.chain.last_with(member)
        hint = f"Ask its node: concordat exchange catalog {member} --ask; without a form the log is listed."
        raise InputError(
            f"titles and terms are in {member}'s own catalogue.", where=member, hint=hint, code="elsewhere"
        )
    return check_profile(catalog_of(node, place.exchange, public=public))


def _printed(whole: Any, form: str) -> bytes:
    """The catalogue in one form."""
    import json as json_text

    from concordat.exchange.catalogue import ckan, dcat, dsp_catalog, table

    match form:
        case "ttl":
            return dcat.catalog_turtle(whole)
        case "xml":
            return dcat.catalog_xml(whole)
        case "dsp":
            return json_text.dumps(dsp_catalog.dsp_catalog(whole), ensure_ascii=False, sort_keys=True).encode()
        case "ckan":
            return ckan.print_ckan(whole.datasets)
        case "csv":
            return table.print_csv(whole.datasets)
    return dcat.catalog_jsonld(whole)


def _ask(member: str, home: Path | None, speaker: str, json: bool) -> None:
    """The catalogue of another member, asked of its node by our running one."""
    from concordat.cli._exchange_get import SPARE_S, _order

    found = _order("catalog", {"member": member}, speaker, home, "", 2 * SPARE_S)
    if json:
        print_json(found)
        return
    for row in found["datasets"]:
        files = f"{row['files']} file{'s' if row['files'] != 1 else ''}, {row['bytes']:,} bytes"
        print(plain(f'{row["id"]} v{row["version"]}  {row["access"]:10}  {files}  "{row["title"][:60]}"'))
        print(plain(f"  {row['terms']}"))
    if not found["datasets"]:
        print(f"{member} offers this member nothing.")
    for name, reason in found["refused"]:
        print(f"Warning: {plain(name)} is left out: {plain(reason)}")
    if more := found["refused_count"] - len(found["refused"]):
        print(f"... and {more:,} more are left out.")


def _list(place: Seat, member: str, public: bool) -> None:
    """What a member's log says that it offers; titles where the documents are here."""
    from concordat.node.exchange import document_of, on_offer

    place.node.chain.last_with(member)
    found = on_offer(place.exchange, member, public=public)
    node = place.node if member == place.member else place.demo.nodes.get(member) if place.demo else None
    for fact in found:
        body = fact.body
        size, files = sum(f.bytes for f in body.files), len(body.files)
        words = ""
        if node is not None:
            title = document_of(node, fact)["title"]
            words = f'  "{plain(title.get("en") or title[min(title)])[:60]}"'
        files_text = f"{files} file{'s' if files != 1 else ''}, {size:,} bytes"
        print(f"{fact.key[1]} v{fact.version}  {body.access:10}  {files_text}  {member} {fact.seq}{words}")
    if not found:
        print(f"{member} offers nothing{' to everyone' if public else ''}, as far as its log is known here.")


def check(
    file: Path = typer.Argument(..., help="A catalogue in JSON-LD, Turtle or RDF/XML."),
    form: str = typer.Option("", "--form", help="json-ld, turtle or xml; default: told by the file."),
    json: bool = JSON,
) -> None:
    """Check a catalogue against the DCAT-AP 3.0.1 shapes (form, not truth), and name every violation."""
    if form and form not in FORMS:
        raise InputError(f'"{form[:20]}" is not a form.', where="--form", hint=f"One of {', '.join(FORMS)}.")
    from concordat.exchange.catalogue.shacl import check_dcat

    found = check_dcat(read(file), form, str(file))
    if json:
        rows = [{name: getattr(v, name) for name in ("expected", "focus", "how", "path", "value")} for v in found]
        print_json({"conforms": not found, "profile": "DCAT-AP 3.0.1", "violations": rows})
        raise typer.Exit(InputError.exit_code if found else 0)
    for violation in found:
        print(plain(str(violation)))
    if found:
        places = f"{len(found)} place{'s' if len(found) != 1 else ''}"
        raise InputError(f"it doesn't conform to DCAT-AP 3.0.1 in {places}.", where=str(file), code="shacl")
    print(f"{file}: conforms to DCAT-AP 3.0.1.")
