"""Which sentences of a communique promise something? Candidates for a person to confirm, one by one.

A commitment is discrete, specific, public, collective and about the future. What can be seen from the words alone:

- `high`: the text binds itself ("we will", "commit to", "agree to", "shall", "pledge to", "undertake to");
- `low`: it leans that way ("support", "aim to", "encourage", "seek to", "call on", "endeavour to");
- `none`: it welcomes, recalls or reaffirms what is there already: proposed as *not* a commitment.

A sentence that says two things is split at "and" before another verb ("will expand access and support skills"), so that
each part can be kept or broken by itself. Each candidate has its place in the text. Patterns are ours, for English;
sentences without any of the verbs are left out.

What it doesn't do: it decides nothing. Read the text as well; a promise in other words is missed.

    >>> for found in sentences("We welcome the report. We will expand access and support digital skills."):
    ...     print(found.strength, found.proposed, "|", found.text)
    none False | We welcome the report.
    high True | We will expand access
    low True | support digital skills.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from concordat.errors import InputError

CHARACTERS_MAX = 5_000_000

_HIGH = (
    r"will|shall|commit(?:s|ted|ting)?(?: ourselves| themselves)? to|are committed to|agree(?:s|d)?(?: on| to| that)"
    r"|have agreed|pledge(?:s|d)?(?: to)?|undertake(?:s)? to|resolve(?:s|d)? to|decide(?:s|d)?(?: on| to)|determined to"
    r"|launch(?:es|ed)?|establish(?:es)?"
)
_LOW = (
    r"support(?:s)?|aim(?:s)?(?: to| at)?|encourage(?:s)?|seek(?:s)? to|strive(?:s)? (?:to|for)|endeavou?r(?:s)? to"
    r"|call(?:s)? (?:on|upon|for)|urge(?:s)?|invite(?:s)?|promote(?:s)?|intend(?:s)? to|work(?:s)? towards?"
    r"|look(?:s)? forward to|explore(?:s)?|consider(?:s)?|advocate(?:s)?|recommend(?:s)?|implore(?:s)?|should|must"
)
_NOT = (
    r"welcome(?:s|d)?|reaffirm(?:s|ed)?|recall(?:s|ed)?|reiterate(?:s|d)?|acknowledge(?:s|d)?|recogni[sz]e(?:s|d)?"
    r"|note(?:s|d)?(?: with)?|take(?:s)? note|appreciate(?:s|d)?|commend(?:s|ed)?|applaud(?:s|ed)?|express(?:es|ed)?"
    r"|congratulate(?:s|d)?|thank(?:s|ed)?|stress(?:es|ed)?|highlight(?:s|ed)?|underline(?:s|d)?|emphasi[sz]e(?:s|d)?|affirm(?:s|ed)?"
)
# Verbs that a promise goes on with after "and"; a noun after "and" ("skills and access") does not split.
_FURTHER = (
    r"accelerate|advance|assist|boost|bridge|build|close|complete|conduct|continue|cooperate|create|deepen|deliver"
    r"|develop|double|enable|enhance|ensure|expand|facilitate|finance|foster|fund|halve|implement|improve|increase"
    r"|introduce|invest|join|lower|maintain|make|mobili[sz]e|monitor|open|prepare|protect|provide|publish|raise|reduce"
    r"|report|review|safeguard|set up|share|strengthen|take|train|work"
)
_VERB = re.compile(rf"\b(?:(?P<none>{_NOT})|(?P<high>{_HIGH})|(?P<low>{_LOW}))\b", re.IGNORECASE)
_SPLIT = re.compile(
    rf"(?:,|;)?\s+(?:and|as well as)\s+"
    rf"(?=(?:we |also |to |further |they |members )*(?:{_NOT}|{_HIGH}|{_LOW}|{_FURTHER})\b)",
    re.IGNORECASE,
)
# Abbreviations, initials and decimals don't end a sentence; a heading or an item of a list ends at its empty line.
_END = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]*[A-Z0-9])|\n\s*\n|(?<=;)\s*\n|\n\s*(?=[-•*] )")
_SHORT = re.compile(r"(?:\b(?:[A-Z]|No|Nos|Art|para|Mr|Mrs|Ms|Dr|St|vs|cf|e\.g|i\.e|etc|approx|U\.S|U\.N))\.$")
_LABEL = re.compile(r"^\s*(?:[-•*]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part of a text that may promise something.

    Attributes:
        strength: `high`, `low`, or `none` (a welcome, a recollection).
        verb: the words that say so.
        start, end: its place in the text.
        proposed: whether it is proposed as a commitment; a person confirms or refuses each.
        part: which part of its sentence, from 1.
    """

    text: str
    strength: str
    verb: str
    start: int
    end: int
    proposed: bool
    part: int = 1


def sentences(text: str) -> tuple[Candidate, ...]:
    """The parts of a text with one of the verbs, in the order of the text.

    A part without a verb of its own ("will expand access and share data": the second) takes the strength of the part
    before it.

    Raises:
        InputError: over five million characters.
    """
    if len(text) > CHARACTERS_MAX:
        hint = "Hand in the document in parts."
        raise InputError(f"a text of {len(text):,} characters.", hint=hint, code="too_large")
    found: list[Candidate] = []
    for start, end in _sentences(text):
        strength = verb = ""
        for number, (low, high) in enumerate(_parts(text, start, end), 1):
            match = _VERB.search(text, low, high)
            if match is not None:
                strength, verb = str(match.lastgroup), match.group()
            if strength:
                words = " ".join(text[low:high].split())
                found.append(Candidate(words, strength, verb.lower(), low, high, strength != "none", number))
    return tuple(found)


def _sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of each sentence, without the blanks around it and the mark of a list before it."""
    cuts = [0]
    for match in _END.finditer(text):
        if not _SHORT.search(text[max(cuts[-1], match.start() - 8) : match.start()]):
            cuts.append(match.end())
    cuts.append(len(text))
    found = []
    for start, end in pairwise(cuts):
        label = _LABEL.match(text[start:end])
        start += label.end() if label else 0
        found.append(_trimmed(text, start, end))
    return [(start, end) for start, end in found if start < end]


def _parts(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """A sentence, split at "and" before a verb; where nothing was promised before it, it stays whole."""
    cuts = [(start, start)]
    for match in _SPLIT.finditer(text, start, end):
        if _VERB.search(text, start, match.start()):
            cuts.append((match.start(), match.end()))
    bounds = [(after, before) for (_, after), (before, _) in zip(cuts, [*cuts[1:], (end, end)], strict=True)]
    return [_trimmed(text, low, high) for low, high in bounds]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    part = text[start:end]
    return start + len(part) - len(part.lstrip()), end - (len(part) - len(part.rstrip()))
