"""`concordat exchange incident collection`, `subscribe`, `account`: who may read what over TAXII; the node may run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from concordat.cli._exchange_home import AS, DEMO, HOME, JSON
from concordat.cli._node_home import database_of, home_of, plain, print_json
from concordat.errors import InputError


@contextmanager
def _opened(home: Path | None, speaker: str, demo: Path) -> Iterator[tuple[Any, Any]]:
    """The store of a node's collections, and the node read from outside: the one that runs goes on."""
    from concordat.cli._council_home import MARK
    from concordat.node.onlooker import Onlooker
    from concordat.node.taxii_routes import open_taxii

    if home is None and speaker and (demo / MARK).is_file():
        place, database = demo / speaker / "home", "sqlite"
        if not place.is_dir():
            raise InputError(f"{speaker} is not in this demo.", where="--as", code="unknown_member")
    else:
        place, database = home_of(home), database_of()
    with Onlooker(place, database) as node:
        store = open_taxii(place)
        try:
            yield store, node
        finally:
            store.close()


def collection(
    topic: str = typer.Argument("", help="The topic of a collection to make, as indicators; without: list them."),
    ceiling: str = typer.Option("AMBER", "--ceiling", help="The strictest label that it takes."),
    title: str = typer.Option("", "--title", help="Its title; default: topic and label."),
    writer: list[str] = typer.Option([], "--writer", help="A member that may add; repeatable. Default: this one."),
    home: Path = HOME,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """List this node's TAXII collections, or make one of a topic and label."""
    from concordat.exchange.incidents.tlp import Tlp

    with _opened(home, speaker, demo) as (store, node):
        if topic:
            label = Tlp.read(ceiling, "--ceiling")
            writers = writer or [node.identity.member]
            for member in writers:
                node.chain.last.member(member)
            bloc = node.chain.last.bloc
            store.make_collection(
                bloc.lower(), topic, label, title or f"{topic.capitalize()}, TLP:{label.text}", writers
            )
        found = store.collections()
    if json:
        rows = [{"ceiling": c.ceiling.text, "id": c.id, "subscribers": dict(c.subscribers), "title": c.title,
                 "topic": c.topic, "writers": sorted(c.writers)} for c in found]  # fmt: skip
        print_json({"collections": rows})
        return
    for one in found:
        needs = ", ".join(f"{m} ({need})" for m, need in sorted(one.subscribers.items())) or "nobody"
        print(f"{one.id}  {plain(one.topic)} up to TLP:{one.ceiling.text}, written by {', '.join(sorted(one.writers))}")
        print(plain(f"  subscribed: {needs}"))
    if not found:
        print("No collections yet.")


def subscribe(
    collection: str = typer.Argument(..., help="The collection's id, as in: concordat exchange incident collection"),
    member: str = typer.Argument(..., help="The member that subscribes, as IND."),
    need: str = typer.Option("", "--need", help="Why it needs what is AMBER there; without: the subscription ends."),
    home: Path = HOME,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Note that a member needs what a collection holds, in its words: AMBER goes to nobody without a stated need."""
    with _opened(home, speaker, demo) as (store, node):
        node.chain.last.member(member)
        store.subscribe(collection, member, need)
    if json:
        print_json({"collection": collection, "member": member, "need": need})
    else:
        print(plain(f"{member} is subscribed: {need}" if need.strip() else f"{member} is not subscribed any more."))


def account(
    name: str = typer.Argument("", help="MEMBER/LABEL of a caller, as IND/cert; without: list them."),
    organisation: str = typer.Option("", "--organisation", help="Its organisation, as recipients name it: cert-in."),
    end: bool = typer.Option(False, "--end", help="End the password."),
    home: Path = HOME,
    speaker: str = AS,
    demo: Path = DEMO,
    json: bool = JSON,
) -> None:
    """Make a TAXII password for a member's label, shown once; end one, or list them."""
    from concordat.node.taxii_routes import make_account

    with _opened(home, speaker, demo) as (store, node):
        if not name:
            rows = store.accounts()
            if json:
                keys = ("name", "member", "label", "organisation", "active")
                print_json({"accounts": [dict(zip(keys, row, strict=True)) for row in rows]})
                return
            for row in rows:
                print(f"{row[0]}" + (f" of {row[3]}" if row[3] else "") + ("" if row[4] else ", ended"))
            if not rows:
                print("No accounts yet.")
            return
        member, _, label = name.partition("/")
        if end:
            if not store.end_account(name):
                raise InputError(f'"{name[:60]}" has no password.', where="account", code="unknown_id")
            print_json({"ended": name}) if json else print(f"{name}: the password has ended.")
            return
        known = frozenset(m.id for m in node.chain.last.active)
        password = make_account(store, member, label, organisation, known)
    if json:
        print_json({"name": name, "organisation": organisation, "password": password})
    else:
        print(f"User {name}, password (shown once): {password}")
