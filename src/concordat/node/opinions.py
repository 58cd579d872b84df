"""Citizens' opinions at the member that hosts them: one browser, one voice on a statement, the last one counts.

A browser has a random id in a cookie; here it is a pseudonym, HMAC-SHA256 of the id and the consultation under this
node's key, so that nobody can tell from two consultations, or from the log, that it was the same browser. An opinion
stands here until it goes into an entry `OpinionVoted`: 500 of one consultation, or all that are an hour old (council.md
9), or all at once in the last ten minutes before the closing, since what is witnessed after it is late. A batch is
fixed in one transaction, then written under an act of its own, so that after a crash it is written once.
Within a batch opinions are sorted by pseudonym: the order says nothing of when they came.

What this does not do: tell persons from browsers (the page says "one browser, not one person"), slow down addresses
(`limits`), judge statements. Times are passed in. Source: node-web.md 3.4.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from concordat.errors import ConcordatError, InputError
from concordat.node.acts import Acts, new_act
from concordat.node.own_log import Said
from concordat.node.people_store import PeopleStore
from concordat.node.secret import PeopleSecrets, Secret, token

BATCH_MAX = 500
BATCH_EVERY_S = 3_600
VISITOR_BITS = 256
VISITOR_AGE_S = 180 * 86_400
CHOICES = ("agree", "pass", "disagree")
OWNER = "host"  # of the acts that write batches
NO_EFFECT, REFUSED = "no_effect", "refused"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one browser thinks of one statement; `batch` is empty while it waits."""

    statement: int
    choice: str
    at: int
    batch: str


def new_visitor() -> Secret:
    """A fresh id for a browser's cookie."""
    return token(VISITOR_BITS)


class Opinions:
    """The hosted opinions of a node.

    Args:
        store: where they wait. secrets: the key of the pseudonyms. acts: what writes the batches.
    """

    def __init__(self, store: PeopleStore, secrets: PeopleSecrets, acts: Acts) -> None:
        self._store, self._secrets, self._acts = store, secrets, acts

    def pseudonym(self, visitor: str, consultation: str) -> str:
        """The 32 hexadecimal digits under which a browser speaks in a consultation.

        Raises:
            InputError: no id of a browser.
        """
        if not 32 <= len(visitor) <= 200:
            raise InputError("no id of a browser.", where="cookie", hint="Open the page again.", code="visitor")
        return self._secrets.keyed("visitor", f"{consultation} {visitor}")[:32]

    def owner(self, visitor: str) -> str:
        """As whom a browser owns its acts."""
        return f"visitor:{self.pseudonym(visitor, '')}"

    def vote(self, visitor: str, consultation: str, statement: int, choice: str, now: int) -> Opinion:
        """Keep an opinion; it takes the place of the browser's earlier one on the statement.

        Raises:
            InputError: no such choice or statement.
        """
        if choice not in CHOICES:
            raise InputError(f'"{choice[:20]}" is no opinion.', where="choice", hint="agree, pass or disagree.")
        if not 1 <= statement <= 10_000:
            raise InputError("there is no such statement.", where="statement", code="unknown_id")
        voter = self.pseudonym(visitor, consultation)
        with self._store.commit():
            before = self.of(visitor, consultation).get(statement)
            if before is not None and before.choice == choice:
                return before  # sent twice
            self._store.run(
                "INSERT INTO opinion VALUES (?, ?, ?, ?, ?, '') ON CONFLICT (consultation, voter, statement)"
                " DO UPDATE SET choice = excluded.choice, at = excluded.at, batch = ''",
                consultation, voter, statement, choice, now,
            )  # fmt: skip
        return Opinion(statement, choice, now, "")

    def of(self, visitor: str, consultation: str) -> dict[int, Opinion]:
        """What a browser has said in a consultation, by statement."""
        rows = self._store.rows(
            "SELECT statement, choice, at, batch FROM opinion WHERE consultation = ? AND voter = ? ORDER BY statement",
            consultation, self.pseudonym(visitor, consultation),
        )  # fmt: skip
        return {row[0]: Opinion(*row) for row in rows}

    def waiting(self) -> dict[str, tuple[int, int]]:
        """Consultation -> (opinions that wait, when the oldest came)."""
        rows = self._store.rows(
            "SELECT consultation, count(*), min(at) FROM opinion WHERE batch = '' GROUP BY consultation"
            " ORDER BY consultation"
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def flush(self, now: int, *, all_now: bool = False, closing: Collection[str] = ()) -> list[str]:
        """Write what is due: 500 of a consultation, or what is an hour old; the ids of the entries.

        Args:
            all_now: whatever waits. closing: consultations that are about to close: what is witnessed after the
                closing is late, so theirs is written at once, also while somebody signs the next number away.

        Raises:
            ConcordatError: a batch could not be written; the others are. It is tried again next time, unless its
                consultation is over: then it stays here as refused, and its browsers are told.
        """
        waiting = self.waiting()
        hurry = any(consultation in closing for consultation in waiting)
        if not (all_now or hurry or self._acts.quiet(now)):
            return []
        for consultation, (count, oldest) in waiting.items():
            at_once = all_now or consultation in closing
            while count >= BATCH_MAX or (count and (at_once or now - oldest >= BATCH_EVERY_S)):
                count -= self._gather(consultation, now)
        return self._write(now)

    def _gather(self, consultation: str, now: int) -> int:
        """Fix the next batch of a consultation; how many opinions it holds."""
        with self._store.commit():
            rows = self._store.rows(
                "SELECT voter, statement, choice FROM opinion WHERE consultation = ? AND batch = ''"
                " ORDER BY at, voter, statement LIMIT ?",
                consultation, BATCH_MAX,
            )  # fmt: skip
            batch = new_act()
            body: dict[str, Any] = {"consultation": consultation, "opinions": sorted(list(row) for row in rows)}
            self._store.run(
                "INSERT INTO opinion_batch VALUES (?, ?, ?, ?, '')", batch, consultation, json.dumps(body), now
            )  # fmt: skip
            for voter, statement, _ in rows:
                self._store.run(
                    "UPDATE opinion SET batch = ? WHERE consultation = ? AND voter = ? AND statement = ?",
                    batch, consultation, voter, statement,
                )  # fmt: skip
        return len(rows)

    def _write(self, now: int) -> list[str]:
        """Write every batch that has no entry yet, oldest first."""
        written: list[str] = []
        rows = self._store.rows("SELECT batch, body FROM opinion_batch WHERE entry = '' ORDER BY made, batch")
        fault: ConcordatError | None = None
        for batch, body in rows:
            said = Said("OpinionVoted", json.loads(body))
            try:
                receipt = self._acts.submit(batch, OWNER, said, {}, now, person="node", key=None)
            except ConcordatError as error:  # one must not hold up the others
                if error.code == NO_EFFECT:  # the consultation closed meanwhile: it will not open again
                    self._store.run("UPDATE opinion_batch SET entry = ? WHERE batch = ?", REFUSED, batch)
                fault = fault or error
                continue
            self._store.run("UPDATE opinion_batch SET entry = ?, body = '' WHERE batch = ?", receipt.entry, batch)
            written.append(receipt.entry)
        if fault is not None:
            raise fault
        return written

    def entry_of(self, opinion: Opinion) -> str:
        """The entry that an opinion went into; empty while it waits, `refused` if the consultation was over."""
        row = self._store.one("SELECT entry FROM opinion_batch WHERE batch = ?", opinion.batch)
        return str(row[0]) if row else ""

    def forget(self, consultation: str) -> int:
        """Erase the opinions of a consultation that is over and whose batches are written; how many."""
        with self._store.commit():
            return self._store.run(
                "DELETE FROM opinion WHERE consultation = ? AND batch IN"
                " (SELECT batch FROM opinion_batch WHERE entry <> '')",
                consultation,
            )
