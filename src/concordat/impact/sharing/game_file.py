"""A game as it is written: `schema: concordat/game@1`, a table of what coalitions are worth, in a reviewed file.

A coalition is written by its members with a plus between them, in any order. What is not listed is refused by name,
unless `missing` says what it is worth. What else is known of the players may stand in the same file (`members`), or in
a table of its own (`parse_members`: player, own_gain, income, population, q1 to q5). JSON Schema:
`schema/game-1.json`.

    >>> found = parse_game('''
    ... schema: concordat/game@1
    ... game: two-villages
    ... title: A bridge between two villages
    ... unit: EUR thousand
    ... source: an example
    ... players: [EAST, WEST]
    ... values: {EAST: 30, EAST+WEST: 40}
    ... missing: zero
    ... ''')
    >>> found.game.worth("WEST", "EAST"), found.game.singles.tolist(), found.title
    (40.0, [30.0, 0.0], 'A bridge between two villages')
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from concordat.errors import InputError
from concordat.impact.parameter_file import Strict, Text
from concordat.impact.sharing.facts import MemberFacts
from concordat.impact.sharing.game import EXACT_MAX, Game, check_players
from concordat.impact.sharing.rules import rules_named
from concordat.settings import Document, nearest, parse_yaml, validate

Array = NDArray[np.float64]
Player = Annotated[str, Field(pattern=r"^[^\s+](?:[^+]*[^\s+])?$", max_length=60)]
JOINED = "+"
QUINTILES = ("q1", "q2", "q3", "q4", "q5")
COLUMNS = ("player", "own_gain", "income", "population", *QUINTILES)


class MemberKeys(Strict):
    """What is known of a player beside the game; shares of income of its fifths, the poorest first."""

    own_gain: float | None = None
    income: Annotated[float, Field(gt=0)] | None = None
    population: Annotated[float, Field(gt=0)] | None = None
    quintiles: Annotated[list[float], Field(min_length=5, max_length=5)] | None = None


class GameKeys(Strict):
    """A whole game."""

    schema_: Literal["concordat/game@1"] = Field(alias="schema")
    game: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
    title: Annotated[str, Field(min_length=1, max_length=200)]
    unit: Text
    source: Text
    note: str = ""
    players: Annotated[list[Player], Field(min_length=1, max_length=EXACT_MAX)]
    values: dict[str, float]
    missing: Literal["refuse", "zero", "sum_of_singles"] = "refuse"
    outside: str = ""
    members: dict[str, MemberKeys] = Field(default_factory=dict)
    income_means: str = "income"
    rules: list[Text] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class GameFile:
    """A game file that was read and checked.

    Attributes:
        rules: ids asked for in the file, in its order; none means all. sha256: of the file's bytes.
    """

    id: str
    title: str
    source: str
    note: str
    game: Game
    facts: MemberFacts
    rules: tuple[str, ...]
    sha256: str


def parse_game(text: str | bytes, *, where: str = "game.yaml") -> GameFile:
    """Read a game.

    Raises:
        InputError: an unknown key or player (the nearest is named), a coalition twice or missing, facts of only some
            of the players or that don't fit; with its line.
    """
    document = parse_yaml(text, where=where, schema="game@1")
    file = validate(document, GameKeys)
    data = text.encode("utf-8") if isinstance(text, str) else text
    with _At(document.place("players")):
        check_players(file.players)
    worth: dict[tuple[str, ...], float] = {}
    seen: dict[frozenset[str], str] = {}
    for name, value in file.values.items():
        place = document.place("values", name)
        members = _coalition(name, file.players, place)
        if frozenset(members) in seen:
            what = f"{name} and {seen[frozenset(members)]} are the same coalition."
            raise InputError(what, where=place, hint="Keep one.", code="coalition_twice")
        seen[frozenset(members)] = name
        worth[members] = value
    with _At(document.place("values")):
        game = Game.of(file.players, worth, missing=file.missing, unit=file.unit, outside=file.outside)
    with _At(document.place("rules")):
        rules = tuple(rule.id for rule in rules_named(file.rules))
    return GameFile(
        file.game, file.title, file.source, file.note, game, _facts(file, game, document), rules,
        hashlib.sha256(data).hexdigest(),
    )  # fmt: skip


class _At:
    """An error without a place gets this one."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if isinstance(error, InputError) and not error.where:
            error.where = self.place


def _coalition(name: str, players: Sequence[str], place: str) -> tuple[str, ...]:
    members = tuple(part.strip() for part in name.split(JOINED))
    for member in members:
        if member not in players:
            raise _no_player(member, players, place)
    if len(set(members)) != len(members):
        what = f"a player stands twice in {name}."
        raise InputError(what, where=place, hint="Name each once.", code="player_twice")
    return members


def _no_player(name: str, players: Sequence[str], place: str) -> InputError:
    close = nearest(name, players)
    hint = f'Did you mean "{close[0]}"?' if close else f"The players are {', '.join(players)}."
    return InputError(f'"{name}" is no player.', where=place, hint=hint, code="player")


def _facts(file: GameKeys, game: Game, document: Document) -> MemberFacts:
    """Facts of all the players, or of none: half of them is refused, since it could only mislead."""
    for name in file.members:
        if name not in file.players:
            raise _no_player(name, file.players, document.place("members", name))
    found: dict[str, Array | None] = {}
    for key, field in (
        ("own_gain", "own_gains"),
        ("income", "income"),
        ("population", "population"),
        ("quintiles", "quintiles"),
    ):
        given = {p: getattr(file.members[p], key) for p in file.members if getattr(file.members[p], key) is not None}
        lacking = [p for p in file.players if p not in given]
        if given and lacking:
            what = f"{key} of {', '.join(lacking)} is missing, and others have it."
            hint = "Give it for all players, or for none."
            raise InputError(what, where=document.place("members"), hint=hint, code="facts")
        found[field] = np.array([given[p] for p in file.players]) if given else None
    with _At(document.place("members")):
        return MemberFacts(**found, income_means=file.income_means).checked(game)


def parse_members(text: str, players: Sequence[str], *, where: str = "members.csv") -> MemberFacts:
    """What is known of the players, from a CSV table with a line of names: `player` (or `iso3`) and any of `own_gain`,
    `income`, `population`, `q1` to `q5`. Rows of others are left out.

    Raises:
        InputError: an unknown column, a player without a row or with two, a number that is none; with its line.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = [(name or "").strip() for name in reader.fieldnames or []]
    known = [*COLUMNS, "iso3"]
    for name in names:
        if name not in known:
            from concordat.settings import unknown_key

            raise unknown_key(name, known, where=f"{where}, line 1")
    key = "player" if "player" in names else "iso3"
    wanted = [name for name in names if name not in ("player", "iso3")]
    rows: dict[str, dict[str, float]] = {}
    for row in reader:
        place = f"{where}, line {reader.line_num}"
        cells = {(name or "").strip(): (cell or "").strip() for name, cell in row.items() if isinstance(cell, str)}
        player = cells.get(key, "")
        if player not in players:
            continue
        if player in rows:
            raise InputError(f"{player} stands twice.", where=place, hint="Keep one row.", code="duplicate")
        rows[player] = {name: _number(cells.get(name, ""), name, place) for name in wanted}
    lacking = [p for p in players if p not in rows]
    if lacking:
        what = f"no row for {', '.join(lacking)}."
        raise InputError(what, where=where, hint=f"Add one, with its name in the column {key}.", code="facts")
    columns = {name: np.array([rows[p][name] for p in players]) for name in wanted}
    some = [name for name in QUINTILES if name in columns]
    if some and len(some) != len(QUINTILES):
        hint = "Give q1 to q5, or none of them."
        raise InputError(f"only {', '.join(some)}.", where=f"{where}, line 1", hint=hint, code="quintiles")
    fifths = np.stack([columns[name] for name in QUINTILES], axis=1) if some else None
    if fifths is not None and (np.abs(fifths.sum(axis=1) - 100) < 0.5).all():
        fifths = fifths / 100  # published shares are in percent
    with _At(where):
        return MemberFacts(columns.get("own_gain"), columns.get("income"), columns.get("population"), fifths)


def _number(text: str, name: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        hint = "Write decimals with a point." if "," in text else "Every player needs one, or leave the column out."
        raise InputError(f'{name}: "{text}" is not a number.', where=place, hint=hint, code="number") from None
    if not np.isfinite(value):
        raise InputError(f"{name}: {text} is not finite.", where=place, hint="Correct it.", code="number")
    return value


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a game, as shipped in `schema/game-1.json`."""
    schema = GameKeys.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/game@1", **schema}
