"""Which cases are one case under two ids, and which are only related?

Keys: folded names (of the title: NFKC, case folded, letters and digits only), host and path of the website, and
addresses of repositories (lower case, no scheme, no `.git`, no slash at the end). An empty key matches nothing.

    one case    a common name and one more common key, or descriptions with Jaccard >= 0.5 over word 3-grams;
                also: such descriptions and a common website or repository, whatever the names
    related     a common repository, website or name without that; a name that is the other's alias; such descriptions

Cases of two members stay two. An alias alone joins nothing: parts of one family carry its name as an alias and have its
website. A repository with two products (`cboard`, `cireha`) is told and not merged, and two products with one
boilerplate text are told and not merged either. Descriptions of fewer than eight words are too short to be compared. A
merged case has the ids of all its records; the records are kept, and `split` in the library undoes a merge for good.

Every pair with Jaccard >= 0.5 is found without comparing all pairs: two such sets share one of the first
n - ceil(n / 2) + 1 of their members in any common order, and the rarest come first here (S. Chaudhuri, V. Ganti and
R. Kaushik, A primitive operator for similarity joins, 2006: the prefix filter). Source: exchange.md, section 6.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil

from concordat.exchange.cases.case import Case

SIMILAR = 0.5
GRAM = 3
WORDS_MIN = 8
WHOLE = ("cost", "owner", "period", "reach")  # half of one and half of another would be a statement nobody made
ALIKE_MAX = 200  # cases that share one key: more of them share a boilerplate, not a product
_WORD = re.compile(r"\w+")
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Keys:
    """What a case is told apart by; sets without empty members."""

    names: frozenset[str]
    aliases: frozenset[str]
    websites: frozenset[str]
    repositories: frozenset[str]
    grams: frozenset[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Match:
    """Two cases that have something in common, and what: ids in order."""

    ids: Pair
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found.

    Attributes:
        groups: ids that are one case, each group sorted. merged: why, pair by pair. related: pairs that are not merged.
    """

    groups: tuple[tuple[str, ...], ...]
    merged: tuple[Match, ...]
    related: tuple[Match, ...]


def fold_name(text: str) -> str:
    """Letters and digits of a name, so that spelling doesn't tell it apart.

    >>> fold_name("Open Hospital"), fold_name("ＯＰＥＮ-hospital")
    ('openhospital', 'openhospital')
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def fold_address(url: str) -> str:
    """Host and path of an address, without what may differ for one place.

    >>> fold_address("https://www.Open-Hospital.org/?lang=en"), fold_address("https://github.com/A/b.git/")
    ('open-hospital.org', 'github.com/a/b')
    """
    bare = re.sub(r"^[a-z+]+://(?:[^/@]*@)?(?:www\.)?", "", url.strip().lower())
    return re.split(r"[?#]", bare, maxsplit=1)[0].rstrip("/").removesuffix(".git").rstrip("/")


def keys_of(case: Case) -> Keys:
    """What a case is told apart by."""
    origin = case.origin
    websites = origin.websites if origin else []
    repositories = [
        *(origin.repositories if origin else []),
        *([case.reuse.repository] if case.reuse.repository else []),
    ]
    return Keys(
        frozenset(filter(None, map(fold_name, case.title.values()))),
        frozenset(filter(None, map(fold_name, case.aliases))),
        frozenset(filter(None, map(fold_address, websites))),
        frozenset(filter(None, map(fold_address, repositories))),
        _grams(case.words("intervention") or case.words("summary")),
    )


def _grams(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    if len(words) < WORDS_MIN:
        return frozenset()
    return frozenset(tuple(words[i : i + GRAM]) for i in range(len(words) - GRAM + 1))


def jaccard(one: Collection[object], other: Collection[object]) -> float:
    """Members in common by members of either; 0 for empty sets.

    >>> jaccard({1, 2, 3}, {2, 3, 4})
    0.5
    """
    common = len(set(one) & set(other))
    return common / (len(one) + len(other) - common) if common else 0.0


def duplicates(cases: Sequence[Case], *, apart: Iterable[Iterable[str]] = ()) -> Duplicates:
    """Which of the cases are one, and which are related.

    Args:
        cases: with different ids.
        apart: ids that somebody has split: cases of one such set are never joined again.
    """
    keys = {case.id: keys_of(case) for case in cases}
    owners = {case.id: case.member for case in cases}
    split = {pair for ids in apart for pair in combinations(sorted(set(ids)), 2)}
    merged: list[Match] = []
    related: list[Match] = []
    for pair in sorted(_candidates(keys)):
        same, reasons = _judge(keys[pair[0]], keys[pair[1]])
        theirs = {owners[key] for key in pair} - {None}  # two members' own cases stay two: each answers for its own
        if reasons:
            (merged if same and pair not in split and len(theirs) < 2 else related).append(Match(pair, reasons))
    return Duplicates(_groups(merged, split), tuple(merged), tuple(related))


def _judge(one: Keys, other: Keys) -> tuple[bool, tuple[str, ...]]:
    """Whether two are one case, and what they have in common."""
    name = bool(one.names & other.names)
    website = bool(one.websites & other.websites)
    repository = bool(one.repositories & other.repositories)
    similarity = jaccard(one.grams, other.grams)
    alike = similarity >= SIMILAR
    reasons = [word for word, found in (("name", name), ("website", website), ("repository", repository)) if found]
    if not name and (one.names & other.aliases or one.aliases & other.names):
        reasons.append("alias")
    if alike:
        reasons.append(f"description ({similarity:.2f})")
    same = (name and (website or repository or alike)) or (alike and (website or repository))
    return same, tuple(reasons)


def _candidates(keys: Mapping[str, Keys]) -> set[Pair]:
    """Pairs that share a key, or whose descriptions may be alike."""
    shelves: dict[object, list[str]] = {}
    for key, found in sorted(keys.items()):
        for kind in ("names", "websites", "repositories"):
            for value in getattr(found, kind):
                shelves.setdefault((kind, value), []).append(key)
        for value in found.aliases:
            shelves.setdefault(("names", value), []).append(key)
    for gram, ids in _prefixes(keys):
        shelves.setdefault(gram, []).append(ids)
    return {pair for ids in shelves.values() if len(ids) <= ALIKE_MAX for pair in combinations(sorted(set(ids)), 2)}


def _prefixes(keys: Mapping[str, Keys]) -> Iterator[tuple[tuple[str, ...], str]]:
    """The rarest 3-grams of each description, of which similar ones share at least one."""
    often = Counter(gram for found in keys.values() for gram in found.grams)
    for key, found in sorted(keys.items()):
        ordered = sorted(found.grams, key=lambda gram: (often[gram], gram))
        for gram in ordered[: len(ordered) - ceil(SIMILAR * len(ordered)) + 1]:
            if often[gram] > 1:
                yield gram, key


def _groups(merged: Iterable[Match], split: Collection[Pair]) -> tuple[tuple[str, ...], ...]:
    """Pairs joined to groups; a pair that would bring two together that were split stays out."""
    home: dict[str, set[str]] = {}
    for match in merged:
        one, other = (home.setdefault(key, {key}) for key in match.ids)
        joined = one | other
        if one is other or any(pair in split for pair in combinations(sorted(joined), 2)):
            continue
        for key in joined:
            home[key] = joined
    groups = {tuple(sorted(group)) for group in home.values() if len(group) > 1}
    return tuple(sorted(groups))


def merge(cases: Sequence[Case]) -> Case:
    """Several records of one case as one case with all their ids.

    The record of the registry's later stage leads, then the one that says more, then the smaller id: its texts, figures
    and period stand; lists are joined; what it doesn't say is taken from the others.
    """
    ordered = sorted(cases, key=lambda case: (_stage(case), -len(case.text()), case.id))
    lead, rest = ordered[0], ordered[1:]
    value = lead.to_value()
    for case in rest:
        value = _joined(value, case.to_value())
    names = [name for case in rest for name in (*case.title.values(), *case.aliases)]
    shown = {*lead.title.values()}
    value["aliases"] = list(dict.fromkeys(name for name in (*lead.aliases, *names) if name not in shown))
    ids = sorted({key for case in cases for key in (case.id, *(case.origin.ids if case.origin else ()))} - {lead.id})
    origin = value.setdefault("origin", {"registry": "merged"})
    origin["ids"] = ids
    return Case.from_value(value)


def _stage(case: Case) -> int:
    return 0 if case.origin is None or case.origin.stage == "DPG" else 1


def _joined(lead: dict[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """Dictionaries key by key, lists one after the other without repeats; elsewhere the lead's value stands."""
    found = dict(lead)
    for key, value in other.items():
        mine = found.get(key)
        if key not in found or mine is None:
            found[key] = value
        elif key in WHOLE:
            continue
        elif isinstance(mine, dict) and isinstance(value, dict):
            found[key] = _joined(mine, value)
        elif isinstance(mine, list) and isinstance(value, list):
            found[key] = [*mine, *(item for item in value if item not in mine)]
    return found
