"""What a scenario would do, without solving it: its base, pairs, parameters, and what its outputs will be stamped with.

`checked` goes as far as `run.run` goes before the first equation is solved, so a file that passes here is refused later
only by the solver itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from concordat.impact.limits import notes_of
from concordat.impact.monte_carlo import central, checked_theta, draw
from concordat.impact.parameters import Parameter
from concordat.impact.run import base_of, used_of
from concordat.impact.run_inputs import book_of, in_dollars, quoted_of
from concordat.impact.scenario import Scenario
from concordat.impact.shock_sizes import Effect
from concordat.impact.shocks import Plan, plan


@dataclass(frozen=True, slots=True)
class CheckedShock:
    """One line of the check: a shock, the elasticity, or a transfer.

    Attributes:
        pairs: how many ordered pairs it is for; 0 where it is for none. parameter: its id, or "stated".
    """

    kind: str
    pairs: int
    parameter: str
    value: float | None
    spread: str
    grade: str
    mark: str
    place: str


@dataclass(frozen=True, slots=True)
class Checked:
    """A scenario that can be run.

    Attributes:
        rule: the closure, or what happens to deficits. economies: of the base.
        shocks: the elasticity first, then shocks in the order of the file, then transfers.
    """

    scenario: str
    sha256: str
    base_sha256: str
    economies: int
    members: tuple[str, ...]
    missing: tuple[str, ...]
    rule: str
    shocks: tuple[CheckedShock, ...]
    grades: tuple[str, ...]
    unverified: bool
    notes: tuple[str, ...]

    def to_value(self) -> dict[str, Any]:
        """Plain values."""
        from dataclasses import asdict

        found = asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in found.items()}


def checked(scenario: Scenario, files: Mapping[str, bytes]) -> Checked:
    """Check a scenario.

    Raises:
        InputError, MethodError, TrustError: as `run.run`.
    """
    book = book_of(scenario, files)
    quoted_of(scenario, book)
    if scenario.model == "multi_sector":
        from concordat.impact.run_sectors import checked_sectors

        return checked_sectors(scenario, files, book)
    table = base_of(scenario, files, book)
    in_dollars(scenario, table.unit)
    made = plan(scenario, table.economies, book)
    used = used_of(scenario, made, book)
    draws = draw(made.parameters, book, scenario.draws, scenario.seed)
    checked_theta(draws, made.theta)
    for effect in made.effects:
        effect.log_factor(draws, draws[made.theta.id])
    made.factors(central(made.parameters))
    return Checked(
        scenario=scenario.id,
        sha256=scenario.sha256,
        base_sha256=table.sha256,
        economies=len(table.economies),
        members=made.members,
        missing=made.missing,
        rule=scenario.closure,
        shocks=(line("elasticity", 0, made.theta, made.theta.place), *_effects(made), *transfer_lines(scenario)),
        grades=tuple(sorted({p.grade for p in used} | ({"D"} if made.stated else set()))),
        unverified=any(p.unverified for p in used),
        notes=notes_of(scenario, table, made, files),
    )


def _effects(made: Plan) -> list[CheckedShock]:
    found = []
    for effect in made.effects:
        found += effect_lines(effect)
    found += [CheckedShock("investment", 0, "beside", s.amount, "", "", "", s.place) for s in made.investments]
    return found


def effect_lines(effect: Effect) -> list[CheckedShock]:
    """A shock, and its multiplier on a line of its own."""
    shock = effect.shock
    if effect.parameter is None:
        stated = CheckedShock(
            shock.kind, effect.pairs, "stated", shock.percent, "percent, no spread", "D", "stated", shock.place
        )
        return [stated]
    found = [line(shock.kind, effect.pairs, effect.parameter, shock.place)]
    if effect.multiplier is not None:
        found.append(line("  multiplier", 0, effect.multiplier, shock.place))
    return found


def line(kind: str, pairs: int, parameter: Parameter, place: str) -> CheckedShock:
    """A line for a parameter."""
    spread = parameter.distribution.words() if parameter.distribution else ""
    return CheckedShock(kind, pairs, parameter.id, parameter.value, spread, parameter.grade, parameter.mark, place)


def transfer_lines(scenario: Scenario) -> list[CheckedShock]:
    """A line for each transfer."""
    return [
        CheckedShock(
            f"transfer {t.sender} to {t.receiver}", 0, "stated", t.amount, "USD million", "", "stated", t.place
        )
        for t in scenario.transfers
    ]
