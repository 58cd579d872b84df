"""How names are compared, and how areas are called in the blocs' languages.

Comparison: Unicode compatibility form, zero-width and combining marks dropped, case folded, `&` read as "and", dots and
apostrophes dropped, all other punctuation read as a space, spaces collapsed. Two names are the same if these forms are
equal; nothing weaker ever matches. Suggestions for an unknown name use edit distance (at most 2, or 1 where the text
has no more than four letters; a swap of neighbours counts one: Damerau 1964) or the Jaro-Winkler similarity (at least
0.90: Winkler 1990).

Display names: English from our own tables; other languages from Unicode CLDR through babel, imported only then; names
of blocs from the table of blocs. Where a language has no name, the English one is printed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from concordat.errors import InputError

_DROPPED = re.compile(r"[.'’‘ʼ`´]")
_SEPARATORS = re.compile(r"[\W_]+")
SUGGESTIONS_MAX = 3
TEXT_MAX = 100  # longer texts are no country's name; they get no suggestions


def normalise(text: str) -> str:
    """The form in which two names are compared.

    >>> normalise("Côte d’Ivoire"), normalise("Trinidad & Tobago"), normalise("Korea,  Dem. People's Rep.")
    ('cote divoire', 'trinidad and tobago', 'korea dem peoples rep')
    """
    if not text.isascii():
        text = _plain(_plain(text).casefold())
    text = text.casefold().replace("&", " and ")
    return _SEPARATORS.sub(" ", _DROPPED.sub("", text)).strip()


def plain_code(text: str) -> str:
    """The form in which two codes are compared: compatibility form, lower case, nothing that can't be seen.

    Dots and accents stay: `n.a.` is not Namibia.

    >>> plain_code("\\ufeffBRA "), plain_code("n.a.")
    ('bra', 'n.a.')
    """
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    return text.strip().lower()


def _plain(text: str) -> str:
    """Compatibility form without combining marks (Mn, Me) and without zero-width and other format characters (Cf)."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Me", "Cf"))


def edit_distance(a: str, b: str, limit: int) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours between two texts; `limit + 1` stands for "more"."""
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            best = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                best = min(best, before[j - 2] + 1)
            row.append(best)
        if min(row) > limit:
            return limit + 1
        before, previous = previous, row
    return min(previous[-1], limit + 1)


def jaro_winkler(a: str, b: str) -> float:
    """Similarity of two short texts in [0, 1]; 1 = equal. J + l p (1 - J), common prefix l <= 4, p = 0.1.

    >>> round(jaro_winkler("martha", "marhta"), 4), round(jaro_winkler("dixon", "dicksonx"), 4)
    (0.9611, 0.8133)
    """
    if a == b:
        return 1.0
    window = max(max(len(a), len(b)) // 2 - 1, 0)
    taken = [False] * len(b)
    found_a: list[str] = []
    for i, x in enumerate(a):
        for j in range(max(0, i - window), min(len(b), i + window + 1)):
            if not taken[j] and b[j] == x:
                taken[j] = True
                found_a.append(x)
                break
    if not found_a:
        return 0.0
    found_b = [y for y, used in zip(b, taken, strict=True) if used]
    half_swaps = sum(x != y for x, y in zip(found_a, found_b, strict=True))
    m = len(found_a)
    jaro = (m / len(a) + m / len(b) + (m - half_swaps / 2) / m) / 3
    prefix = 0
    for x, y in zip(a[:4], b[:4], strict=False):
        if x != y:
            break
        prefix += 1
    return jaro + prefix * 0.1 * (1 - jaro)


def suggest(text: str, index: Mapping[str, str]) -> list[str]:
    """Up to three targets of an index whose keys are close to an unknown text, closest first; often none.

    A key that is the text itself (a bloc's former name, which is no id) is no guess: it stands alone.

    Args:
        text: what was written.
        index: normalised name -> what it stands for.
    """
    wanted = normalise(text)
    if not wanted or len(text) > TEXT_MAX:
        return []
    if wanted in index:
        return [index[wanted]]
    limit = 2 if len(wanted) > 4 else 1  # two edits of "n/a" reach USA
    best: dict[str, tuple[int, float]] = {}
    for key, target in index.items():
        distance = edit_distance(wanted, key, limit) if len(wanted) > 2 and len(key) > 2 else limit + 1
        similarity = jaro_winkler(wanted, key)
        if distance <= limit or similarity >= 0.90:
            rank = (distance, -similarity)
            best[target] = min(best.get(target, rank), rank)
    return sorted(best, key=lambda target: (best[target], target))[:SUGGESTIONS_MAX]


def any_of(words: list[str]) -> str:
    """`a`, `a or b`, `a, b or c`: how suggestions are listed."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


# --- Display names ------------------------------------------------------------------------------------------------

_PARTS = {"PSE.gz": "Gaza Strip", "PSE.we": "West Bank"}


def area_name(area_id: str, language: str = "en") -> str:
    """The name of an area (ISO3, bloc, XKX, WLD or a part) in a language, as it is printed.

    Raises:
        InputError: no area has that id, or CLDR does not know the language.
    """
    from concordat.world.blocs import bloc, bloc_ids
    from concordat.world.countries import by_iso3

    country = by_iso3().get(area_id)
    if language == "en" and country is not None:
        return country.short_name
    territories = {} if language == "en" else _territories(language)
    if country is not None:
        return territories.get(country.iso2, country.short_name)
    if area_id == "WLD":
        return territories.get("001", "World")
    if area_id in _PARTS:
        return _PARTS[area_id]
    if area_id in bloc_ids():
        names = bloc(area_id).names
        return names.get(language) or names.get(re.split("[-_]", language)[0]) or names["en"]
    raise InputError(
        f'"{area_id}" is not an area I know.', hint="Give an ISO3 code or a bloc's id.", code="unknown_area"
    )


@cache
def _territories(language: str) -> dict[str, str]:
    from babel import Locale, UnknownLocaleError

    try:
        locale = Locale.parse(language, sep="-" if "-" in language else "_")
    except (UnknownLocaleError, ValueError, TypeError):
        hint = "Use a tag such as en, zh, ru, pt, ar, hi, es, fr."
        raise InputError(f'"{language}" is not a language I know.', hint=hint, code="unknown_language") from None
    return {str(code): str(name) for code, name in locale.territories.items()}
