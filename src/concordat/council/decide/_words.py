"""How is a result said: the sentences of a tally, in the order in which a reader checks them.

Counts, quorum, the conditions that decided, the outcome. Of conditions joined by `any_of` that are met only the first
met one is said; the whole tree stands in the result's `nodes`. Fractions: members as a/b, weights as decimals with as
many digits as it takes to see on which side of the threshold they stand.

    >>> threshold_text(Fraction(11, 20), members=True), threshold_text(Fraction(11, 20), members=False)
    ('55/100', '0.55')
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

from concordat.council.decide.tree import COMPARISONS, Against, Join, Leaf, NobodyObjects

if TYPE_CHECKING:
    from concordat.council.decide.rules import Rule
    from concordat.council.decide.tally import QuorumVerdict
    from concordat.council.decide.verdicts import Verdict

MARKS = {True: "met", False: "not met", None: "empty base"}
_SAID = {
    "yes": "yes",
    "no": "no",
    "abstain": "abstain",
    "present_not_voting": "present, not voting",
    "not_participating": "not participating",
    "absent": "absent",
}
_CHOICES = {"yes": "", "no": " no", "abstain": " abstaining", "not_yes": " not yes", "not_no": " not no"}
_BASES = {"all": "", "present": " of present", "voting": ""}
_DECIMALS_MAX = 30


def sentences(
    rule: Rule,
    outcome: str,
    counts: Mapping[str, int],
    quorum: QuorumVerdict | None,
    verdicts: Sequence[Verdict],
    objecting: Collection[str],
    *,
    tie: bool,
    chair: str,
    said: str,
) -> tuple[str, ...]:
    """What a result says, sentence by sentence; the last one is the outcome in capitals."""
    lines = [", ".join(f"{n} {_SAID[choice]}" for choice, n in counts.items() if n or choice in ("yes", "no")) + "."]
    if quorum is not None:
        lines.append(_quorum(rule, quorum, lost=outcome == "adjourned"))
    if outcome == "adjourned":
        missing = f"Missing: {', '.join(quorum.missing)}." if quorum and quorum.missing else ""
        return (*lines, *([missing] if missing else []), "ADJOURNED")
    lines.extend(_leaf(verdict, objecting) for verdict in _deciding(verdicts))
    if tie:
        decides = {"yes": "decides yes", "no": "decides no", "": "has not decided"}[said]
        who = f"the chair{f' ({chair})' if chair else ''} {decides}" if rule.tie == "chair_decides" else "not adopted"
        lines.append(f"Tie: {who}.")
    return (*lines, {"tie_to_chair": "TIE, TO THE CHAIR"}.get(outcome, outcome.replace("_", " ").upper()))


def _quorum(rule: Rule, quorum: QuorumVerdict, *, lost: bool) -> str:
    measure = rule.quorum.measure if rule.quorum else "members"
    of = f" of {rule.quorum.of}" if rule.quorum and rule.quorum.of != "all" else ""
    end = ": lost." if lost else "."
    if measure == "members":
        return f"Quorum {quorum.numerator} of {quorum.denominator}{of}{end}"
    return f"Quorum {_said(measure)} {quorum.numerator:,} of {quorum.denominator:,}{of}{end}"


def _deciding(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """The leaves that a reader needs to see, in the order of the file."""
    by_path = {verdict.path: verdict for verdict in verdicts}

    def go(verdict: Verdict) -> Iterator[Verdict]:
        if not isinstance(verdict.node, Join):
            yield verdict
            return
        parts = [by_path[".".join((verdict.path, *map(str, steps)))] for steps, _ in verdict.node.steps()]
        if verdict.node.kind == "any_of" and verdict.met:
            parts = [next(part for part in parts if part.met)]
        for part in parts:
            yield from go(part)

    return go(verdicts[0])


def _leaf(verdict: Verdict, objecting: Collection[str]) -> str:
    node, met = verdict.node, MARKS[verdict.met]
    if isinstance(node, NobodyObjects):
        if verdict.met is None:
            return "Nobody is present: empty base."
        return "Nobody objects: met." if verdict.met else f"Objections by {', '.join(objecting)}: not met."
    if isinstance(node, Against):
        return f"{_said(node.group).capitalize()} against {verdict.numerator} >= {node.at_least}: {met}."
    assert isinstance(node, Leaf)
    of = _BASES.get(node.of, f" of {_said(node.of)}")
    head = f"{_said(node.measure).capitalize()}{_CHOICES[node.choice]}{of}"
    sign = COMPARISONS[node.comparison]
    members = node.measure == "members"
    numerator, denominator = verdict.numerator or 0, verdict.denominator or 0
    if not node.share:
        return f"{head} {numerator if members else f'{numerator:,}'} {sign} {_count(node.threshold, members)}: {met}."
    limit = threshold_text(node.threshold, members=members)
    if members or not denominator:
        return f"{head} {numerator}/{denominator} {sign} {limit}: {met}."
    return f"{head} {_decimal(Fraction(numerator, denominator), node.threshold)} {sign} {limit}: {met}."


def _said(name: str) -> str:
    return name.replace("_", " ")


def _count(threshold: Fraction, members: bool) -> str:
    return str(threshold.numerator) if members else f"{threshold.numerator:,}"


def threshold_text(threshold: Fraction, *, members: bool) -> str:
    """A threshold as people write it: 2/3, 55/100 or 0.55. The number alone decides, not its spelling."""
    if 100 % threshold.denominator == 0 and not members:
        whole, rest = divmod(threshold * 100, 100)
        return f"{whole}.{int(rest):02d}".rstrip("0").rstrip(".")
    if 100 % threshold.denominator == 0 and threshold.denominator > 10:
        return f"{threshold * 100}/100"
    return str(threshold)


def _decimal(found: Fraction, threshold: Fraction) -> str:
    """A share to two digits, or to as many as show on which side of the threshold it stands."""
    for digits in range(2, _DECIMALS_MAX):
        scale = 10**digits
        near = Fraction(round(found * scale), scale)
        side = (near > threshold) - (near < threshold)
        if side == (found > threshold) - (found < threshold):
            return f"{int(near)}.{int((near - int(near)) * scale):0{digits}d}"
    return str(found)
