"""An index file without some of its indicators: the tree, and what steps and `vary` say of what is gone.

    content, parents = prune(content, {"basket"})

Weights of children that stay are kept as they are: they are normalised within each parent when the file is read. Of a
matrix of comparisons (AHP) the rows and columns of children that stay are kept, which is what the same answers would
have been without the question. Nothing is left out but what names something that is gone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

Content = Mapping[str, Any]


def prune(content: Content, indicators: Collection[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The file without some indicators, and the parents that went with their children (the tree may be empty)."""
    lost: list[str] = []
    tree = _tree(content["tree"], indicators, lost)
    gone = {*indicators, *lost}
    before = _children(content["tree"], str(content["index"]))
    steps = [kept for step in content["steps"] if (kept := _step(step, gone, before)) is not None]
    made = {**content, "tree": tree, "steps": steps}
    doubt = content.get("uncertainty")
    if doubt and "data.error" in doubt.get("vary", {}) and not any(_errors(tree)):
        vary = {path: line for path, line in doubt["vary"].items() if path != "data.error"}
        made["uncertainty"] = {**doubt, "vary": vary}
    return made, tuple(lost)


def _tree(pillars: Sequence[Content], indicators: Collection[str], lost: list[str]) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for pillar in pillars:
        inside = [i for i in pillar.get("indicators", ()) if i["id"] not in indicators]
        below = _tree(pillar.get("pillars", ()), indicators, lost)
        if inside or below:
            part = {"indicators": inside} if inside else {"pillars": below}
            kept.append({k: v for k, v in pillar.items() if k not in ("indicators", "pillars")} | part)
        else:
            lost.append(str(pillar["pillar"]))
    return kept


def _children(pillars: Sequence[Content], parent: str) -> dict[str, list[str]]:
    """The children of every parent, in the order of the file."""
    found = {parent: [str(p["pillar"]) for p in pillars]}
    for pillar in pillars:
        name = str(pillar["pillar"])
        if pillar.get("indicators"):
            found[name] = [str(i["id"]) for i in pillar["indicators"]]
        else:
            found |= _children(pillar.get("pillars", ()), name)
    return found


def _errors(pillars: Sequence[Content]) -> list[bool]:
    found = [bool(i.get("error")) for p in pillars for i in p.get("indicators", ())]
    return found + [e for p in pillars for e in _errors(p.get("pillars", ()))]


def _step(step: Content, gone: Collection[str], before: Mapping[str, list[str]]) -> dict[str, Any] | None:
    """A step without what it says of nodes that are gone; None when it says nothing else."""
    made = dict(step)
    if "denominate" in step:
        made["denominate"] = {k: v for k, v in (step["denominate"] or {}).items() if k not in gone}
        return made if made["denominate"] else None
    for stage, keys in (("weights", ("target",)), ("aggregate", ("nodes", "shares"))):
        told = dict(step.get(stage) or {})
        for key in keys:
            if key in told:
                told[key] = {k: v for k, v in told[key].items() if k not in gone}
        if "matrices" in told:
            told["matrices"] = {p: _rows(m, before[p], gone) for p, m in told["matrices"].items() if p not in gone}
            if not told["matrices"]:
                told = {k: v for k, v in told.items() if k not in ("method", "matrices")}
        if stage in step:
            made[stage] = told
    return made


def _rows(matrix: Sequence[Sequence[float]], children: Sequence[str], gone: Collection[str]) -> list[list[float]]:
    stay = [n for n, child in enumerate(children) if child not in gone]
    return [[matrix[a][b] for b in stay] for a in stay]
