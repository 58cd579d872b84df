"""What `council power` and `council what-if` print: indices, coalitions, ballots that would have to change."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from concordat.cli._council_home import MARK, seat
from concordat.cli._node_home import home_of, read
from concordat.errors import InputError

SHOWN = 12

Question = tuple[Any, dict[str, dict[str, int]], tuple[str, ...], dict[str, tuple[str, ...]]]


def question(
    rule: str,
    weights: list[Path],
    members: str,
    home: Path | None,
    passphrase_file: Path | None,
    speaker: str,
    demo: Path,
) -> Question:
    """The rule, weights, members and groups that the options name; what is in force where they name nothing."""
    from concordat.cli._council_files import act_of
    from concordat.council.decide.rules import Rule, shipped, shipped_names

    council = None
    if speaker or (demo / MARK).is_file() or (home_of(home) / "identity.json").is_file():
        with seat(home, passphrase_file, speaker, demo, reads=True) as place:
            council = place.council
    path = Path(rule)
    held = council.find("rule", rule) if council else None
    if held is not None:
        found = Rule.load(held.text, where=rule)
    elif path.suffix in (".yaml", ".yml") or path.is_file():
        found = Rule.load(read(path), where=rule)
    elif rule in shipped_names():
        found = shipped(rule)
    else:
        from concordat.cli._council_words import unknown

        known = {*shipped_names(), *(r.id for r in council.all("rule"))} if council else shipped_names()
        raise unknown(rule, known, "a rule in force, a shipped one, or a file")
    tables = {w.id: dict(w.values) for w in council.all("weights")} if council else {}
    for file in weights:
        kind, body = act_of([file])
        if kind != "WeightsAdopted":
            raise InputError("is no table of weights.", where=str(file), hint="Keys: table, day, unit, source, values.")
        tables[body["table"]] = body["values"]
    entitled = tuple(sorted(m.strip() for m in members.split(",") if m.strip()))
    if not entitled and council is not None:
        entitled = council.members
    if not entitled and tables:
        entitled = tuple(sorted(set.intersection(*(set(t) for t in tables.values()))))
    if not entitled:
        raise InputError(
            "whose power?", hint="Name the members: --members A,B,C, or a table: --weights FILE", code="who"
        )
    groups = {g.id: g.members for g in council.all("group")} if council else {}
    return found, tables, entitled, groups


def power_lines(
    rule: Any, tables: dict[str, dict[str, int]], entitled: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]
) -> tuple[dict[str, Any], list[str]]:
    """The indices as facts and as a table."""
    from concordat.council._body import plural
    from concordat.council.decide.power import power

    found = power(rule, tables, entitled=entitled, groups=groups)
    order = sorted(found.members, key=lambda m: (-float(found.shapley[m]), m))
    lines = [f"{rule.name} {rule.version} ({rule.hash[:16]}), {plural(len(order), 'member')}, by {found.method}."]
    lines.append(f"{'member':8} {'Banzhaf':>9} {'share':>9} {'Shapley':>9} {'prevent':>9} {'initiate':>9}")
    for m in order:
        cells = (found.banzhaf, found.banzhaf_share, found.shapley, found.prevent, found.initiate)
        lines.append(f"{m:8} " + " ".join(f"{_decimal(c[m]):>9}" for c in cells))
    lines.append(f"Coleman's power of the council to act: {_decimal(found.act)}.")
    if not found.exact:
        lines.append(f"Computed with an error of at most {found.error:.1e}.")
    lines.append("All coalitions count alike, nobody abstains: real alliances are not in these figures.")
    return found.to_value(), lines


def _decimal(value: Fraction | float) -> str:
    return f"{float(value):.5f}"


def what_if_lines(
    rule: Any,
    tables: dict[str, dict[str, int]],
    entitled: tuple[str, ...],
    groups: Mapping[str, tuple[str, ...]],
    blocks: str,
    wins: str,
    ballots: Mapping[str, str],
) -> tuple[dict[str, Any], list[str]]:
    """Coalitions and ballots that would turn the outcome."""
    from concordat.council.decide.whatif import blocks_with, minimal_blocking, minimal_winning, votes_to_change

    facts: dict[str, Any] = {}
    lines: list[str] = []

    def told(name: str, found: Any, words: str) -> None:
        facts[name] = {"coalitions": [list(c) for c in found.coalitions], "complete": found.complete}
        more = len(found.coalitions) - SHOWN
        lines.append(f"{words}: {len(found.coalitions)}{'' if found.complete else ' or more'}.")
        lines.extend(f"  {' '.join(c)}" for c in found.coalitions[:SHOWN])
        if more > 0:
            lines.append(f"  and {more} others; all with --json")

    if blocks:
        _known(blocks, entitled, "--blocks-with")
        found = blocks_with(rule, tables, blocks, entitled=entitled, groups=groups)
        lines.append(f"{blocks} {'can block alone' if found.alone else 'can not block alone'}.")
        told("blocking", found.coalitions, f"Smallest blocking coalitions with {blocks}")
        facts |= {"alone": found.alone, "smallest_with": dict(found.smallest_with)}
    if wins:
        _known(wins, entitled, "--wins-with")
        told(
            "winning",
            minimal_winning(rule, tables, entitled=entitled, groups=groups, including=[wins]),
            f"Smallest coalitions that adopt with {wins}",
        )
    if ballots:
        from concordat.council.decide.tally import tally

        cast = {m: "no" if c == "object" else c for m, c in ballots.items()}
        result = tally(rule, cast, list(cast), tables, entitled=entitled, groups=groups)
        turn = votes_to_change(result, list(cast), tables, groups=groups)
        facts["votes"] = {"choice": turn.choice, "outcome": turn.outcome, "sets": [list(s) for s in turn.sets]}
        lines.append(
            f"{result.text}. To turn it, one of these would have to vote {turn.choice}: {len(turn.sets)} ways."
        )
        lines += [f"  {' '.join(s)}" for s in turn.sets[:SHOWN]]
    if not facts:
        told(
            "winning", minimal_winning(rule, tables, entitled=entitled, groups=groups), "Smallest coalitions that adopt"
        )
        told("blocking", minimal_blocking(rule, tables, entitled=entitled, groups=groups), "Smallest that block")
    return facts, lines


def _known(member: str, entitled: tuple[str, ...], where: str) -> None:
    if member not in entitled:
        from concordat.cli._council_words import unknown

        raise unknown(member, entitled, "one of the members asked about", where)
