"""How strongly do a provision's own terms show in a text?

Patterns are tried on each sentence of the folded text: a `must` that hits counts 2, an `any` 1, and a `not` that hits
takes away all hits of that provision in that sentence. A hit spans at most 200 characters. The score of a text is the
sum over its sentences, `lex = min(3, sum)`.

Thousands of patterns on each article would be slow, so each pattern is first asked for letters without which it can't
hit: its parse tree names them (`customs dut(y|ies)` needs "customs dut"). One pass finds which of all these letters
stand in the text, and only patterns whose need is met are tried: R. Cox, Regular Expression Matching with a Trigram
Index (2012), does the same for files. No hit is ever lost by it.

It knows nothing of treaties; patterns and their keys are handed in.

    >>> from types import SimpleNamespace
    >>> flows, borders, banks = (re.compile(p) for p in ("data flows?", "cross-border", "bank"))
    >>> terms = SimpleNamespace(must=(flows,), any=(borders,), veto=(banks,))
    >>> Lexicon({"A": terms}).score(("cross-border data flows are free.", "data flows of a bank are not."))
    {'A': 3}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from re import _constants as _op  # type: ignore[attr-defined]  # the only reader of patterns there is (3.11+)
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Protocol

WINDOW = 200
MUST, ANY = 2, 1
CAP = 3


class Terms(Protocol):
    """Patterns of one key for folded text: strong, weak, veto."""

    @property
    def must(self) -> tuple[re.Pattern[str], ...]: ...
    @property
    def any(self) -> tuple[re.Pattern[str], ...]: ...
    @property
    def veto(self) -> tuple[re.Pattern[str], ...]: ...


@dataclass(frozen=True, slots=True)
class Hit:
    """That a pattern of a key hits in a sentence.

    Attributes:
        sentence: its place among the sentences. weight: 2 for `must`, 1 for `any`. start, end: in the sentence.
        pattern: its number among all patterns of the lexicon.
    """

    sentence: int
    key: str
    weight: int
    start: int
    end: int
    pattern: int


@dataclass(frozen=True, slots=True)
class _Entry:
    key: str
    weight: int  # 0 for a veto
    pattern: re.Pattern[str]
    needs: tuple[int, ...]  # one of these literals must stand in the text; empty: always try


class Lexicon:
    """The patterns of one language, ready to be tried."""

    def __init__(self, terms: Mapping[str, Terms]) -> None:
        literals: dict[str, int] = {}
        self._entries: list[_Entry] = []
        for key, own in terms.items():
            for weight, patterns in ((MUST, own.must), (ANY, own.any), (0, own.veto)):
                for pattern in patterns:
                    need = sorted(needed(pattern.pattern))
                    numbers = tuple(literals.setdefault(literal, len(literals)) for literal in need)
                    self._entries.append(_Entry(key, weight, pattern, numbers))
        self._literals = tuple(literals)
        self._by_literal: list[list[int]] = [[] for _ in literals]
        self._always: list[int] = []
        for at, entry in enumerate(self._entries):
            for number in entry.needs:
                self._by_literal[number].append(at)
            if not entry.needs:
                self._always.append(at)
        self.keys = tuple(terms)

    def __len__(self) -> int:
        return len(self._entries)

    def hits(self, sentences: Sequence[str]) -> list[Hit]:
        """Each pattern's first hit in each folded sentence; what a veto takes away is left out."""
        whole = "\n".join(sentences)
        present = [number for number, literal in enumerate(self._literals) if literal in whole]
        tried = set(self._always)
        for number in present:
            tried.update(self._by_literal[number])
        order = sorted(tried)
        found: list[Hit] = []
        for place, sentence in enumerate(sentences):
            here = {number for number in present if self._literals[number] in sentence}
            found.extend(self._in_sentence(place, sentence, order, here))
        return found

    def _in_sentence(self, place: int, sentence: str, order: Iterable[int], here: set[int]) -> list[Hit]:
        hits: list[Hit] = []
        vetoes: list[_Entry] = []
        for at in order:
            entry = self._entries[at]
            if entry.needs and here.isdisjoint(entry.needs):
                continue
            if not entry.weight:
                vetoes.append(entry)
                continue
            match = next((m for m in entry.pattern.finditer(sentence) if m.end() - m.start() <= WINDOW), None)
            if match is not None:
                hits.append(Hit(place, entry.key, entry.weight, match.start(), match.end(), at))
        hit = {found.key for found in hits}
        gone = {entry.key for entry in vetoes if entry.key in hit and entry.pattern.search(sentence)}
        return [found for found in hits if found.key not in gone] if gone else hits

    def score(self, sentences: Sequence[str]) -> dict[str, int]:
        """min(3, sum of hits) of each key that has any."""
        return {key: min(CAP, total) for key, total in totals(self.hits(sentences)).items()}


def totals(hits: Iterable[Hit]) -> dict[str, int]:
    """The sum of hits of each key, not capped."""
    sums: dict[str, int] = {}
    for hit in hits:
        sums[hit.key] = sums.get(hit.key, 0) + hit.weight
    return sums


# --- The letters that a pattern needs -----------------------------------------------------------------------------

_CHOICES_MAX = 24


def needed(pattern: str) -> frozenset[str]:
    """Literals one of which stands in every text that the pattern hits; empty if none can be named.

    >>> sorted(needed(r"customs dut(y|ies)")), sorted(needed(r"(spam|junk) mail.{0,9}")), sorted(needed(r"\\d+"))
    (['customs duties', 'customs duty'], ['junk mail', 'spam mail'], [])
    """
    exact, best = _walk(list(_parser.parse(pattern)))
    options = [some for some in (exact, best) if some and "" not in some]
    chosen = max(options, key=_worth, default=frozenset())
    return chosen if all(len(literal) > 1 or ord(literal) > 0x2E80 for literal in chosen) else frozenset()


def _worth(literals: frozenset[str] | None) -> tuple[int, int]:
    return (min((min(len(literal), 8) for literal in literals), default=0), -len(literals)) if literals else (0, 0)


def _walk(items: list[Any]) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    """(all strings the items can be, or None; the best set of which one must occur, or None)."""
    exact: frozenset[str] | None = frozenset(("",))
    run: frozenset[str] = frozenset(("",))
    best: frozenset[str] | None = None
    for op, value in items:
        own, inner = _one(op, value)
        if own is not None and len(run) * len(own) <= _CHOICES_MAX:
            run = frozenset(a + b for a in run for b in own)
        else:
            exact = None
            best = _better(best, run)
            run = own if own is not None and len(own) <= _CHOICES_MAX else frozenset(("",))
            best = _better(best, inner)
    if exact is not None:
        return run, _better(best, run)
    return None, _better(best, run)


def _better(one: frozenset[str] | None, two: frozenset[str] | None) -> frozenset[str] | None:
    usable = [some for some in (one, two) if some and "" not in some]
    return max(usable, key=_worth, default=None)


def _one(op: Any, value: Any) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    if op is _op.LITERAL:
        return frozenset((chr(value),)), None
    if op is _op.AT:
        return frozenset(("",)), None  # an edge takes no letter
    if op is _op.IN:
        signs = [v for o, v in value if o is _op.LITERAL]
        plain = len(signs) == len(value) and len(signs) <= 4
        return (frozenset(map(chr, signs)) if plain else None), None
    if op is _op.SUBPATTERN:
        return _walk(list(value[3]))
    if op is _op.BRANCH:
        return _branch([_walk(list(branch)) for branch in value[1]])
    if op in (_op.MAX_REPEAT, _op.MIN_REPEAT):
        low, high, inside = value
        exact, best = _walk(list(inside))
        if low == 0:
            return (exact | {""} if high == 1 and exact is not None else None), None
        return (exact if low == high == 1 else None), _better(best, exact)
    if op is _op.ASSERT_NOT or op is _op.ASSERT:
        return frozenset(("",)), None
    return None, None


def _branch(
    branches: list[tuple[frozenset[str] | None, frozenset[str] | None]],
) -> tuple[frozenset[str] | None, frozenset[str] | None]:
    exact: frozenset[str] | None = frozenset()
    best: frozenset[str] | None = frozenset()
    for own, inner in branches:
        exact = None if exact is None or own is None else exact | own
        need = _better(inner, own)
        best = None if best is None or need is None else best | need
    return exact, best
