"""What changed between two versions of a record, how one part changed over time, and who else uses its supplier?

Differences stand part by part: added, changed, removed; of a changed text also word by word (Ratcliff and Obershelp's
matching, as `difflib` computes it, on words and the spaces between them). An empty value is no value.

Suppliers are candidates, never facts: the same identifier, or the same folded name without its legal form ("Acme B.V.",
"ACME"). Two suppliers of one name exist. Source: exchange.md, section 7.

    >>> from concordat.exchange.algorithms.record import AlgorithmRecord
    >>> one, two = (AlgorithmRecord.from_nl({"name": n}, id="br-014") for n in ("Route planner", "Road planner"))
    >>> diff(one, two)[0].text
    'name.name changed: [-Route-] {+Road+} planner'
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from concordat.exchange.algorithms.crosswalk import crosswalk
from concordat.exchange.algorithms.record import AlgorithmRecord, Value, as_text

WORDS_MAX = 20_000
# Legal forms of companies, left out when names of suppliers are compared.
_FORMS = frozenset(
    {
        "ab", "ag", "bv", "co", "company", "corp", "corporation", "gmbh", "inc", "kk", "limited", "llc", "llp", "ltd",
        "ltda", "nv", "oy", "plc", "pte", "pty", "pvt", "sa", "sarl", "sas", "spa", "srl",
    }
)  # fmt: skip
_PIECES = re.compile(r"\s+|[^\s]+")


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs, and how; `words` is the difference word by word, `[-out-] {+in+}`."""

    key: str
    how: Literal["added", "changed", "removed"]
    before: Value | None
    after: Value | None
    words: str

    @property
    def text(self) -> str:
        """The change on one line."""
        return f"{self.key} {self.how}: {self.words}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may have the same supplier, and by what it was found."""

    record: str
    supplier: str
    by: Literal["identifier", "name"]


def diff(before: AlgorithmRecord, after: AlgorithmRecord) -> tuple[Change, ...]:
    """The parts that differ, in the order of the crosswalk; none if the two say the same."""
    found = []
    for part in crosswalk().parts:
        old, new = (_said(record.values.get(part.key)) for record in (before, after))
        if old == new:
            continue
        how: Literal["added", "changed", "removed"] = (
            "added" if old is None else "removed" if new is None else "changed"
        )
        words = word_diff(as_text(old or ""), as_text(new or ""))
        found.append(Change(part.key, how, old, new, words))
    return tuple(found)


def _said(value: Value | None) -> Value | None:
    return None if value is None or not as_text(value).strip() else value


def word_diff(before: str, after: str) -> str:
    """Two texts as one: `[-what went-] {+what came+}`, and what stayed as it is.

    >>> word_diff("checked by an officer", "checked by two officers")
    'checked by [-an-] {+two+} [-officer-] {+officers+}'
    """
    old, new = (_PIECES.findall(text)[:WORDS_MAX] for text in (before, after))
    out = []
    for tag, i, j, k, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, came = "".join(old[i:j]), "".join(new[k:n])
        if tag == "equal":
            out.append(gone)
        else:
            out.append(" ".join([*([f"[-{gone}-]"] if gone else []), *([f"{{+{came}+}}"] if came else [])]))
    return "".join(out)


def history(versions: Iterable[AlgorithmRecord], key: str) -> tuple[tuple[int, Value | None], ...]:
    """How one part changed: the versions that said something new, and what; None: nothing.

    Raises:
        InputError: no such part; with the nearest one.
    """
    crosswalk().part(key)
    found: list[tuple[int, Value | None]] = []
    for record in sorted(versions, key=lambda r: r.version):
        value = _said(record.values.get(key))
        if not found or found[-1][1] != value:
            found.append((record.version, value))
    return tuple(found)


def fold_supplier(name: str) -> str:
    """A supplier's name without case, accents, punctuation and legal form.

    >>> fold_supplier("Acme, B.V."), fold_supplier("ACME"), fold_supplier("Société Générale S.A.")
    ('acme', 'acme', 'societe generale')
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)).casefold()
    words = re.findall(r"\w+", re.sub(r"[.'’]", "", plain))
    kept = [word for word in words if word not in _FORMS]
    return " ".join(kept or words)


def same_supplier(record: AlgorithmRecord, others: Sequence[AlgorithmRecord]) -> tuple[Candidate, ...]:
    """Records that may have a supplier of this one: candidates, by identifier first, then by name."""
    names = set(_names(record))
    numbers = set(_numbers(record))
    found = []
    for other in others:
        if other.id == record.id:
            continue
        shown = as_text(other.values.get("provider.name", ""))
        if numbers & set(_numbers(other)):
            found.append(Candidate(other.id, shown, "identifier"))
        elif names & set(_names(other)):
            found.append(Candidate(other.id, shown, "name"))
    return tuple(sorted(found, key=lambda c: (c.by, c.record)))


def _items(value: Value | None) -> Iterator[str]:
    for item in [value] if isinstance(value, str) else value or []:
        yield from re.split(r"\s*[;\n]\s*", str(item))


def _names(record: AlgorithmRecord) -> Iterator[str]:
    return filter(None, map(fold_supplier, _items(record.values.get("provider.name"))))


def _numbers(record: AlgorithmRecord) -> Iterator[str]:
    items = _items(record.values.get("provider.identifier"))
    return filter(None, (re.sub(r"\W", "", item).casefold() for item in items))
