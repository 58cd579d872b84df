"""How hard does a clause bind: not at all, softly, or as a duty?

The operative words of each sentence are found, language by language. A duty or a ban (*shall*, *may not*, *undertakes
to*) is hard unless it is weakened: by the verb that follows (*shall endeavour*, *shall cooperate*), or by a
reservation in its clause (*where appropriate*, *to the extent possible*). Words that only recognise, permit or hope
are soft. A point of a list is read with the words that introduce the list. The depth is 2 if the sentence that carries
the provision is hard; a hard sentence whose object is only a dialogue, a committee or an exchange of views counts as
1.

Flags are read likewise: exceptions, self-judging, transition, committee; whether disputes apply is a matter of the
chapter and is only read where the text says it.

It measures the strength of words, not compliance or effect, and knows no case law on what a word means.

    >>> depth_of("Each Party shall permit the transfer of data.", "en")
    2
    >>> depth_of("Each Party shall endeavour to permit the transfer of data.", "en")
    1
    >>> flags_of("Nothing in this Article shall prevent a measure that it considers necessary.", "en")
    {'exceptions': True, 'self_judging': True}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from concordat.rulebook._clean import sentences
from concordat.rulebook.coder import _depth_words as words
from concordat.rulebook.coder.tfidf import fold
from concordat.rulebook.model import SOFT

INDICATIVE = ("fr", "ru")  # their treaties lay down duties in the present tense
PLAIN = 2  # a sentence without any operative word states a rule: treaties in the indicative bind (in French, Russian)
VERB_REACH = {"zh": 14}  # characters behind an operative in which a weakening verb stands; others: 60
CLAUSE_END = re.compile(r"[;:；：。]|, (?:and|but) (?:shall|must)\b")

ASIDE = 160  # characters of words between commas that may stand before the verb of a duty
LOOK_BACK = 2000  # characters before and behind a duty that are read with it, so that time grows with the text alone


@dataclass(frozen=True, slots=True)
class Operatives:
    """How many hard, weakened and soft operative words a sentence has."""

    hard: int
    weak: int
    soft: int

    @property
    def depth(self) -> int:
        """2 with an unweakened duty, 1 with another operative word, else 0."""
        return 2 if self.hard else int(bool(self.weak or self.soft))


@cache
def _patterns(lang: str) -> words.Compiled:
    return words.compiled(lang)


def operatives(sentence: str, lang: str) -> Operatives:
    """The operative words of one sentence; of a language that we have no words for, none."""
    if lang not in words.LANGUAGES:
        return Operatives(0, 0, 0)
    own = _patterns(lang)
    text = fold(sentence)
    hard = weak = 0
    if _nothing(text, own):
        return Operatives(0, 0, 0)
    for match in own.hard.finditer(text):
        if own.idle and own.idle.match(text, match.start()):
            continue
        by_body = bool(own.body.search(text[max(0, match.start() - LOOK_BACK) : match.start()]))
        if (
            by_body
            or own.verb.match(match[0].split()[-1])
            or _told(text, match, own)
            or _weakened(text, match, own, lang)
        ):
            weak += 1
        else:
            hard += 1
    soft = len(own.soft.findall(text))
    if lang in INDICATIVE and not (hard or weak or soft):
        hard, weak = (0, 1) if own.reservation.search(text) or own.body.search(text[:60]) else (1, 0)
    return Operatives(hard, weak, soft)


def _nothing(text: str, own: words.Compiled) -> bool:
    """Whether a sentence asks for nothing: it defines, or says so before any duty."""
    said, duty = own.nothing.search(text), own.hard.search(text)
    return bool(said) and (duty is None or (said.start() if said else 0) <= duty.end())


def _told(text: str, match: re.Match[str], own: words.Compiled) -> bool:
    """Whether the duty only stands in what the parties recognise ("recognise that a supplier must be free to ...")."""
    start = _clause_start(text, match)
    said = own.told.search(text, start, match.start())
    return bool(said) and not own.anew.search(text, said.end() if said else 0, match.start())


def _behind_aside(text: str, at: int) -> str:
    """What follows words between commas ("shall, within the context of their commitment, seek to ...")."""
    if not text.startswith(",", at):
        return ""
    end = text.find(",", at + 1, at + ASIDE)
    return text[end + 1 : end + 61].lstrip() if end > 0 else ""


def _clause_start(text: str, match: re.Match[str]) -> int:
    """Where the clause of a duty begins, not further back than a sentence that anybody reads is long."""
    near = max(0, match.start() - LOOK_BACK)
    return max((m.end() for m in CLAUSE_END.finditer(text, near, match.start())), default=near)


def _weakened(text: str, match: re.Match[str], own: words.Compiled, lang: str) -> bool:
    """Whether the verb behind a duty, or a reservation in its clause, takes its force away."""
    reach = text[match.end() : match.end() + VERB_REACH.get(lang, 60)]
    if own.verb.match(reach.lstrip(" ,")) or own.verb.match(_behind_aside(text, match.end())):
        return True
    stop = CLAUSE_END.search(text, match.end(), match.end() + LOOK_BACK)
    start = _clause_start(text, match)
    clause = text[start : min(stop.start() if stop else len(text), match.end() + LOOK_BACK)]
    if own.ban and own.ban.search(match[0] + reach[:12]):
        return False  # a ban with a reservation is still a ban: the reservation is an exception to it
    return bool(own.reservation.search(clause)) or bool(own.talk.search(text[match.end() : match.end() + 130]))


def depth_of(text: str, lang: str, places: Sequence[int] | None = None) -> int:
    """Textual depth of a text: 0 (it is empty, defines, or says that nothing is required), 1 or 2.

    Args:
        places: which of its sentences carry the provision; all where None. Where these hold no operative word, the
            sentence before the first of them is read too.
    """
    pieces = [text[start:end] for start, end in sentences(text)]
    if not pieces:
        return 0
    chosen = sorted(set(range(len(pieces)) if places is None else places))
    found = max((operatives(_with_lead(pieces, at), lang).depth for at in chosen), default=0)
    if not found and chosen and chosen[0]:
        found = operatives(pieces[chosen[0] - 1], lang).depth
    if not found and lang in words.LANGUAGES and all(_nothing(fold(pieces[at]), _patterns(lang)) for at in chosen):
        return 0
    return found or PLAIN


def _with_lead(pieces: Sequence[str], at: int) -> str:
    """A sentence with the words that introduce its list, where it is a point of one."""
    if not words.POINT.match(pieces[at]):
        return pieces[at]
    for before in range(at - 1, max(at - 30, -1), -1):
        if pieces[before].rstrip().endswith((":", "：", "—", "–")):
            return f"{pieces[before].rstrip(' :：—–')} {words.POINT.sub('', pieces[at])}"
        if not words.POINT.match(pieces[before]):
            break
    return pieces[at]


def legal_depth(depth: int | None, binding: str) -> int | None:
    """The depth in law: a soft, voluntary or model instrument binds nobody, whatever its words."""
    return depth if depth is None or binding not in SOFT else min(depth, 1)


def flags_of(text: str, lang: str) -> dict[str, bool]:
    """The flags that a text states itself; one that isn't there is not known."""
    if lang not in words.LANGUAGES:
        return {}
    folded = fold(text)
    own = _patterns(lang)
    found = {name: True for name, pattern in own.flags.items() if pattern.search(folded)}
    if own.no_dispute.search(folded):
        found["dispute_settlement"] = False
    return dict(sorted(found.items()))
