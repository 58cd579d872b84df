"""The reference page says of every rule what the rule says of itself."""

import re
from pathlib import Path

from concordat.impact.sharing import PROMISES, RULES
from concordat.impact.sharing.rules import CONVEX, HARMLESS, NOT_EMPTY
from concordat.impact.sharing.transfers import GOALS

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "sharing-rules.md").read_text(encoding="utf-8")
FLAT = " ".join(PAGE.split())
SHORT = {HARMLESS: "if joining never hurts", CONVEX: "convex games", NOT_EMPTY: "if the core is not empty"}


def test_every_rule_has_its_section_with_formula_source_and_when_it_pays_the_largest() -> None:
    sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE, re.M | re.S))
    assert list(sections) == list(RULES)
    for name, rule in RULES.items():
        text = " ".join(sections[name].split())
        assert f"`{rule.formula}`" in text
        assert rule.source in text
        assert rule.to_largest in text


def test_the_tables_of_promises_and_goals_are_those_of_the_program() -> None:
    for name, words in PROMISES.items():
        assert f"| {name.replace('_', ' ')} | {words} |" in PAGE
    for name, rule in RULES.items():
        cells = [SHORT.get(kept, kept) for kept in rule.keeps.values()]
        assert f"| `{name}` | {' | '.join(cells)} |" in PAGE
    for goal in GOALS:
        assert f"| `{goal}` |" in PAGE
    assert GOALS["pareto"] in FLAT
    assert GOALS["core"] in FLAT
