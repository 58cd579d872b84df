"""Akoma Ntoso as this program writes it (`export.to_akn`): read back, it gives the same units with the same addresses.

Such a file says so in its identification (`source="#concordat"`). A unit's address stands in `wId`, the identifier
that it had in the file it was first read from in `GUID`; each line of its text is a `p`. Numbered paragraphs are not
written twice: where a unit has some (`class="split"`), they are found in its text again, as they were at first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concordat.rulebook.readers._units import Builder

SPLIT = "split"
KINDS = {"chapter": "chapter", "article": "article"}


class Element(Protocol):
    """What is asked of an element."""

    tag: str
    attributes: Mapping[str, str]
    start: int
    end: int
    children: list[Element | str]

    @property
    def nodes(self) -> Sequence[Element]:
        """The elements in it."""


def is_own(meta: Element | None) -> bool:
    """Whether the file's identification says that this program wrote it."""
    return meta is not None and any(
        node.tag == "identification" and node.attributes.get("source") == "#concordat" for node in meta.nodes
    )


def read(build: Builder, holder: Element, parent: str = "") -> None:
    """The units of an element's children, in their order."""
    for node in holder.nodes:
        key = node.attributes.get("wId", "")
        if not key:
            continue
        kind = KINDS.get(node.tag) or node.attributes.get("name", "paragraph")
        number, heading = _said(node, "num"), _said(node, "heading")
        lines = [_plain(p) for part in node.nodes if part.tag in ("content", "intro") for p in part.nodes]
        told = (number, heading, "\n".join(lines))
        at, alternative = (node.start, node.end), node.attributes.get("GUID", "")
        if node.attributes.get("class") == SPLIT:
            name = build.article(*told, key=key, kind=kind, parent=parent, span=at, alternative=alternative)
        else:
            full = f"{build.instrument}/{key}"
            name = build.add(full, kind, *told, parent=parent, span=at, alternative=alternative)
        read(build, node, name)


def _said(node: Element, tag: str) -> str:
    return next((_plain(child) for child in node.nodes if child.tag == tag), "")


def _plain(node: Element) -> str:
    return "".join(child for child in node.children if isinstance(child, str))
