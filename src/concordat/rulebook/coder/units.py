"""Which units of a text are decided on as a whole, and which chapter does each stand in?

An article is; so is an annex or a paragraph that stands where an article would. Depth is bounded, so that a text whose
units name each other as parents ends too.
"""

from __future__ import annotations

from collections.abc import Mapping

from concordat.rulebook.model import Unit

DEPTH_MAX = 12
PARAGRAPH_WORDS_MIN = 8


def decided(unit: Unit, by_id: Mapping[str, Unit]) -> bool:
    """Whether a unit is coded as a whole: an article, or what stands in its place at the top of a text."""
    if unit.kind not in ("article", "annex", "paragraph") or not unit.text.strip():
        return False
    above = by_id.get(unit.parent)
    return above is None or above.kind in ("chapter", "annex")


def root_of(unit: Unit, by_id: Mapping[str, Unit]) -> str:
    """The article that a paragraph or point is part of."""
    for _ in range(DEPTH_MAX):
        above = by_id.get(unit.parent)
        if above is None or above.kind in ("chapter", "annex"):
            break
        unit = above
    return unit.id


def chapter_of(unit: Unit, by_id: Mapping[str, Unit]) -> str | None:
    """The outermost chapter that an article stands in; its own sections inherit it."""
    found = None
    for _ in range(DEPTH_MAX):
        above = by_id.get(unit.parent)
        if above is None:
            break
        if above.kind in ("chapter", "annex"):
            found = above.id
        unit = above
    return found


def long_enough(unit: Unit) -> bool:
    """Whether a paragraph has words enough to be coded by itself."""
    if unit.lang == "zh":
        return len(unit.text) >= 2 * PARAGRAPH_WORDS_MIN
    return len(unit.text.split()) >= PARAGRAPH_WORDS_MIN
