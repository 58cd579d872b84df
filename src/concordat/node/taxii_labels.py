"""Under which label does each row of a node's incident collections lie, now that others came or went?

    labels = TaxiiLabels(db)      # the connection that changes, inside its transaction
    labels.grade({"campaign--..."})

A row keeps the label that its own markings give (`own`) and the strictest of that and of all that it refers to
(`label`). When ids come or go, both are computed anew for every row that they can reach, in whichever collection it
lies: `own` for the rows that are marked by one of them, `label` for those and for all that refer to them, however far.
What the same sender said of an id counts; of an id that it never sent, the strictest that anybody said. A marking is
what the same sender gave under its id; the markings of TLP itself mean the same whoever sends them, so that nothing is
computed anew when one of them comes. Rows are written only where something changed. Source: exchange.md, section 8.2.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from concordat.exchange.incidents.tlp import FIXED, Shared, Stix, Tlp, own_label, strictest

IDS_AT_ONCE = 500  # placeholders of one statement
Place = tuple[str, int]  # a collection, and a time of addition
Seen = tuple[str, str]  # an id, and the sender that refers to it
May = Callable[[str, Shared], bool]  # whether what lies in a collection counts
_Row = tuple[str, Tlp, Tlp]  # owner, own, label


def named(recipients: str) -> frozenset[str]:
    """The recipients of a row, from its column."""
    return frozenset(json.loads(recipients)) if recipients != "[]" else frozenset()


def parts(ids: Iterable[Any]) -> Iterator[tuple[list[Any], str]]:
    """Names or numbers, sorted, in lists that one statement takes, each with its placeholders."""
    listed = sorted(ids)
    for start in range(0, len(listed), IDS_AT_ONCE):
        part = listed[start : start + IDS_AT_ONCE]
        yield part, ", ".join("?" * len(part))


class TaxiiLabels:
    """The labels of one store.

    Args:
        db: the connection that changes; whoever calls holds its transaction.
    """

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def own(self, stix: Stix, owner: str) -> Tlp:
        """The label that the markings of an object give, as its sender explained them up to now."""
        return own_label(stix, lambda ref: self._marking(ref, owner))

    def grade(self, changed: Collection[str]) -> None:
        """Compute the labels of all rows that ids which came or went can reach."""
        marked = self._marked_by(changed)
        reached = self._rows_of(self._reached({*changed, *marked.values()}))
        for place in sorted(marked):
            owner, before, label = reached[place]
            own = self.own(json.loads(self._body(place)), owner)
            if own is not before:
                self._put("own", own, place)
                reached[place] = (owner, own, label)
        cache: dict[Seen, tuple[Tlp, list[Seen]]] = {}
        refs = self._refs_of(reached)
        for place, (owner, own, before) in reached.items():
            # The row itself has no name here, so that other rows of its id are looked at where something refers to it.
            seen = [(ref, owner) for ref in refs.get(place, ())]
            label, _ = strictest(("", ""), own, seen, lambda one: self._held(one, cache))
            if label is not before:
                self._put("label", label, place)

    def seen_labels(self, collection: str, added: Iterable[int], may: May) -> list[Tlp]:
        """What rows would be labelled if only the rows that `may` says were there."""
        cache: dict[Seen, tuple[Tlp, list[Seen]]] = {}
        times = list(added)
        rows, refs = {}, self._refs_of((collection, one) for one in times)
        for part, marks in parts(times):
            sql = f"SELECT added, own, owner FROM taxii_object WHERE collection = ? AND added IN ({marks})"
            rows.update({one: (Tlp(own), owner) for one, own, owner in self._db.execute(sql, (collection, *part))})
        found = []
        for one in times:
            own, owner = rows[one]
            seen = [(ref, owner) for ref in refs.get((collection, one), ())]
            found.append(strictest(("", ""), own, seen, lambda ref: self._held(ref, cache, may))[0])
        return found

    # --- What is reached ----------------------------------------------------------------------------------------------

    def _marked_by(self, changed: Collection[str]) -> dict[Place, str]:
        """The rows that are marked by one of some ids, which may mean something else now, and the id of each."""
        found: dict[Place, str] = {}
        for part, marks in parts(one for one in changed if one not in FIXED):
            sql = f"""SELECT r.collection, r.added, o.id FROM taxii_ref r JOIN taxii_object o
                      ON o.collection = r.collection AND o.added = r.added
                      WHERE r.target IN ({marks}) AND r.marks = 1"""
            found.update({(collection, added): name for collection, added, name in self._db.execute(sql, part)})
        return found

    def _reached(self, ids: Collection[str]) -> set[str]:
        """Some ids, and those of all that refer to any of them, however far."""
        found: set[str] = set()
        waiting = set(ids)
        while waiting:
            found |= waiting
            after: set[str] = set()
            for part, marks in parts(waiting):
                sql = f"""SELECT DISTINCT o.id FROM taxii_ref r JOIN taxii_object o
                          ON o.collection = r.collection AND o.added = r.added
                          WHERE r.target IN ({marks}) AND r.marks = 0"""
                after.update(name for (name,) in self._db.execute(sql, part))
            waiting = after - found
        return found

    def _rows_of(self, ids: Collection[str]) -> dict[Place, _Row]:
        """Owner and labels of all rows of some ids."""
        found: dict[Place, _Row] = {}
        for part, marks in parts(ids):
            sql = f"""SELECT collection, added, owner, own, label FROM taxii_object INDEXED BY taxii_object_id
                      WHERE id IN ({marks}) AND withdrawn = 0"""
            for collection, added, owner, own, label in self._db.execute(sql, part):
                found[collection, added] = (owner, Tlp(own), Tlp(label))
        return found

    def _refs_of(self, places: Iterable[Place]) -> dict[Place, list[str]]:
        """What each row refers to, its markings aside."""
        times: dict[str, list[int]] = {}
        for collection, added in places:
            times.setdefault(collection, []).append(added)
        found: dict[Place, list[str]] = {}
        for collection, listed in times.items():
            for part, marks in parts(listed):
                sql = f"""SELECT added, target FROM taxii_ref INDEXED BY taxii_ref_source
                          WHERE collection = ? AND added IN ({marks}) AND marks = 0"""
                for added, target in self._db.execute(sql, (collection, *part)):
                    found.setdefault((collection, added), []).append(target)
        return found

    # --- What is held -------------------------------------------------------------------------------------------------

    def _held(
        self, seen: Seen, cache: dict[Seen, tuple[Tlp, list[Seen]]], may: May | None = None
    ) -> tuple[Tlp, list[Seen]]:
        """Own label and references of an id as one sender sees it; AMBER and none of what nobody sent.

        The references of a row are seen by the sender of that row: it knew what it spoke of.
        """
        if seen not in cache:
            name, viewer = seen
            sql = """SELECT collection, added, own, owner, label, recipients FROM taxii_object
                     INDEXED BY taxii_object_id WHERE id = ? AND withdrawn = 0"""
            rows = self._db.execute(sql, (name,)).fetchall()
            if may is not None:
                rows = [row for row in rows if may(row[0], Shared(Tlp(row[4]), row[3], named(row[5])))]
            rows = [row for row in rows if row[3] == viewer] or rows
            refs = self._refs_of((row[0], row[1]) for row in rows)
            known: list[Seen] = [(ref, row[3]) for row in rows for ref in refs.get((row[0], row[1]), ())]
            cache[seen] = Tlp(max((row[2] for row in rows), default=int(Tlp.AMBER))), known
        return cache[seen]

    def _marking(self, ref: str, owner: str) -> Stix | None:
        sql = """SELECT body FROM taxii_object INDEXED BY taxii_object_id WHERE id = ? AND owner = ? AND withdrawn = 0
                 ORDER BY version_ns DESC, added DESC LIMIT 1"""
        found = self._db.execute(sql, (ref, owner)).fetchone()
        marking: Mapping[str, Any] | None = json.loads(found[0]) if found else None
        return marking

    def _body(self, place: Place) -> bytes:
        sql = "SELECT body FROM taxii_object WHERE collection = ? AND added = ?"
        return bytes(self._db.execute(sql, place).fetchone()[0])

    def _put(self, column: str, label: Tlp, place: Place) -> None:
        sql = f"UPDATE taxii_object SET {column} = ? WHERE collection = ? AND added = ?"
        self._db.execute(sql, (int(label), *place))
