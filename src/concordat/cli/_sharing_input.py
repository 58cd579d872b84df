"""What `concordat sharing` is asked about: a scenario whose coalitions are solved, or a game from a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from concordat.cli import _scenario_files as shared
from concordat.errors import InputError

if TYPE_CHECKING:
    from concordat.impact.scenario import Scenario
    from concordat.impact.sharing.correction import Corrected
    from concordat.impact.sharing.draws import ShareBands
    from concordat.impact.sharing.equilibria import ScenarioGame
    from concordat.impact.sharing.facts import MemberFacts, Outside
    from concordat.impact.sharing.game import Game
    from concordat.impact.sharing.menu import Menu

KINDS = {"concordat/scenario@1": "scenario", "concordat/game@1": "game"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A game with all that is known of it.

    Attributes:
        rules: those the file names. solved: of a scenario; None for a game from a file.
    """

    id: str
    title: str
    source: str
    sha256: str
    game: Game
    facts: MemberFacts
    outside: Outside
    rules: tuple[str, ...]
    notes: tuple[str, ...]
    solved: ScenarioGame | None = None


def opened(file: Path, members: Path | None) -> Asked:
    """The game of a file, with what is known of its members.

    Raises:
        InputError, MethodError, TrustError: neither a scenario nor a game, or a fault of it.
    """
    from concordat.settings import parse_yaml

    data = shared.read(file)
    value = parse_yaml(data, where=str(file)).value
    schema = value.get("schema") if isinstance(value, dict) else None
    if schema not in KINDS:
        said = f'the schema is "{schema}"' if schema else "no schema is named"
        hint = f"Begin with one of: {', '.join(f'schema: {kind}' for kind in KINDS)}."
        raise InputError(f"{said}; this must be a scenario or a game.", where=str(file), hint=hint, code="schema")
    found = _scenario(file) if KINDS[schema] == "scenario" else _game(file, data)
    return found if members is None else replace(found, facts=_with(found, members))


def large(file: Path) -> tuple[Scenario, dict[str, bytes], int] | None:
    """A scenario with its files and the number of its members in the base, if the rules can't be computed for so many.

    Raises:
        InputError, MethodError, TrustError: a fault of it.
    """
    from concordat.impact.sharing.game import EXACT_MAX
    from concordat.impact.sharing.sampled import members_in_base
    from concordat.settings import parse_yaml

    value = parse_yaml(shared.read(file), where=str(file)).value
    if not isinstance(value, dict) or KINDS.get(str(value.get("schema"))) != "scenario":
        return None
    scenario, files = shared.opened(file)
    if len(scenario.members) <= EXACT_MAX:
        return None
    count = len(members_in_base(scenario, files))
    return (scenario, files, count) if count > EXACT_MAX else None


def _scenario(file: Path) -> Asked:
    from concordat.impact.sharing.equilibria import game_of_scenario

    scenario, files = shared.opened(file)
    solved = game_of_scenario(scenario, files)
    left_out = tuple(f"Left out of the game: {words}." for words in solved.left_out)
    return Asked(
        scenario.id,
        scenario.title,
        f"{scenario.base.file}, {scenario.base.year}, {scenario.closure}",
        scenario.sha256,
        solved.game,
        solved.facts,
        solved.outside,
        solved.rules,
        (*left_out, *solved.notes),
        solved,
    )


def _game(file: Path, data: bytes) -> Asked:
    from concordat.impact.sharing.facts import Outside
    from concordat.impact.sharing.game_file import parse_game

    read = parse_game(data, where=str(file))
    outside = Outside(read.game.outside, None, read.game.unit)
    notes = (read.note,) if read.note else ()
    return Asked(
        read.id, read.title, read.source, read.sha256, read.game, read.facts, outside, read.rules, notes
    )  # fmt: skip


def _with(found: Asked, path: Path) -> MemberFacts:
    """The facts of the file, with those of a table put in their place."""
    from concordat.impact.sharing.game_file import parse_members

    try:
        text = shared.read(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start} is not UTF-8.", where=str(path), code="not_utf8") from None
    more = parse_members(text, found.game.players, where=str(path))
    names = ("own_gains", "income", "population", "quintiles")
    own: dict[str, Any] = {name: getattr(more, name) for name in names if getattr(more, name) is not None}
    if "income" in own:
        own["income_means"] = f"income of {path.name}"
    return replace(found.facts, **own)


def menu(found: Asked, rules: Sequence[str]) -> Menu:
    """The menu of the rules asked for, else of those the file names, else of all."""
    from concordat.impact.sharing.menu import sharing_menu

    wanted = list(rules) or list(found.rules) or None
    return sharing_menu(found.game, rules=wanted, facts=found.facts, outside=found.outside)


def in_equilibrium(found: Asked, made: Menu, rule: str) -> Corrected:
    """The payments of a rule, corrected for what they do to prices.

    Raises:
        InputError: the game is not of a scenario, or the rule is not on the menu.
        MethodError: the rule could not be computed.
    """
    from concordat.errors import MethodError
    from concordat.impact.sharing.correction import transfers_in_equilibrium

    if found.solved is None:
        hint = "Prices move in a scenario only."
        raise InputError("--in-equilibrium needs a scenario, and this is a game.", hint=hint, code="in_equilibrium")
    if rule not in {share.rule.id for share in made.shares}:
        made = menu(found, [rule])
    share = made.share(rule)
    if share.value is None or found.solved.facts.own_gains is None:
        raise MethodError(f"{rule}: {share.reason}.", hint="Add --members.", code="facts_missing")
    return transfers_in_equilibrium(found.game, share.value, found.solved.facts.own_gains, found.solved.resolve)


@dataclass(frozen=True, slots=True)
class Spread:
    """Bands of the shares, or why there are none; dropped: draws without a result."""

    bands: tuple[ShareBands, ...]
    reason: str = ""
    dropped: tuple[int, ...] = ()


def spread(found: Asked, made: Menu) -> Spread:
    """Bands of the shares over the scenario's draws, where there are enough and not too many members."""
    from concordat.impact.monte_carlo import BAND_MIN
    from concordat.impact.sharing.draws import share_bands
    from concordat.impact.sharing.equilibria import DRAWN_MAX

    if found.solved is None:
        return Spread((), "the game's values are given without a spread")
    if found.game.n > DRAWN_MAX:
        return Spread((), f"{found.game.n} members, of at most {DRAWN_MAX}")
    if found.solved.draws < BAND_MIN:
        return Spread((), f"the scenario has {found.solved.draws} draws, and no band is told below {BAND_MIN}")
    drawn = found.solved.draw()
    if len(drawn.values) < BAND_MIN:
        return Spread((), f"only {len(drawn.values)} draws have a result", drawn.dropped)
    return Spread(share_bands(made, drawn), "", drawn.dropped)


def facts(found: Asked, made: Menu, corrected: Corrected | None, spread: Spread) -> dict[str, Any]:
    """All of it for a program."""
    solved = found.solved
    return {
        "id": found.id,
        "title": found.title,
        "source": found.source,
        "sha256": found.sha256,
        "menu": made.to_value(),
        "in_equilibrium": None if corrected is None else corrected.to_value(),
        "bands": [b.to_value() for b in spread.bands],
        "bands_reason": spread.reason,
        "draws_dropped": list(spread.dropped),
        "notes": list(found.notes),
        "grades": [] if solved is None else list(solved.grades),
        "residual_max": None if solved is None else solved.residual,
        "stamp": stamp(found) or None,
    }


def stamp(found: Asked) -> str:
    """UNVERIFIED, where a parameter of the game is."""
    return "UNVERIFIED" if found.solved is not None and found.solved.unverified else ""
