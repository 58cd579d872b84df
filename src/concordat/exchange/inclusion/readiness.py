"""Is a good ready for a channel, and which rules are known to bind on the way to its buyer?

A channel (`_data/channels/*.yaml`, ours) lists the fields that it needs: ready, or what is missing, by row, with the
fix. For a destination the rulebook is asked which provisions bind origin and destination on a day, with depth, quoted
words and mark. What no text says is said to be not known: values below which no duty is due are national law, so they
come from a table of the user (`country,amount,currency,kind,source,seen_on`), or not at all. The answer is never
"allowed".

Source: exchange.md, section 9; the codes are those of the rulebook's taxonomy. It computes no duty and gives no advice.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from concordat import world
from concordat.errors import InputError
from concordat.exchange.inclusion.passport import COLUMNS, Good
from concordat.settings import nearest, parse_yaml, validate

if TYPE_CHECKING:
    from concordat.rulebook.binds import Binds, BindsRow
    from concordat.rulebook.store import RuleStore

PROVISIONS = (
    "EC-AUTH", "EC-ESUP", "EC-PAPL", "EC-ETRR", "EC-CONS", "EC-DUTY", "EC-INVO", "EC-TAXD", "EC-LOGI", "TF-EXPR",
    "TF-AUTO", "DF-PRIV", "DI-SMES",
)  # fmt: skip
DEMINIMIS_COLUMNS = ("country", "amount", "currency", "kind", "source", "seen_on")
NOT_KNOWN = "not known to us"


class _Need(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    field: str
    why: Annotated[str, Field(min_length=1, max_length=300)]


class _ChannelModel(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
    schema_: str = Field(alias="schema")
    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    name: str
    about: str
    source: str
    status: str
    needs: Annotated[list[_Need], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to sell: which fields it needs, and why. `status` is `unverified` where no source was seen."""

    id: str
    name: str
    about: str
    source: str
    status: str
    needs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Lack:
    """A field that a channel needs and a good doesn't have."""

    row: int
    field: str
    fix: str


@dataclass(frozen=True, slots=True)
class Ready:
    """How one good stands for one channel: ready when nothing is missing."""

    sku: str
    channel: str
    missing: tuple[Lack, ...]

    @property
    def words(self) -> str:
        """`ready`, or `2 missing`."""
        return f"{len(self.missing)} missing" if self.missing else "ready"


@dataclass(frozen=True, slots=True)
class DeMinimis:
    """A value below which a country waives something, as a user's table says it."""

    country: str
    amount: str
    currency: str
    kind: str
    source: str
    seen_on: str


@dataclass(frozen=True, slots=True)
class Destination:
    """What is known of the rules between the goods' origin and a destination on a day.

    Attributes:
        rules: rows of the rulebook for the provisions above. without: provisions of which no rule is known.
        uncoded: instruments in force between the two whose text is not loaded. de_minimis: the user's rows, or none.
    """

    origin: str
    destination: str
    on: date
    rules: tuple[BindsRow, ...]
    without: tuple[str, ...]
    uncoded: tuple[str, ...]
    de_minimis: tuple[DeMinimis, ...]


# --- Channels -------------------------------------------------------------------------------------------------------


def load_channel(text: str | bytes, *, where: str) -> Channel:
    """A channel from its file (`concordat/channel@1`).

    Raises:
        InputError: not of the form, or a field that a passport doesn't have (with the nearest).
    """
    document = parse_yaml(text, where=where, schema="channel@1")
    model = validate(document, _ChannelModel)
    for n, need in enumerate(model.needs):
        if need.field not in COLUMNS:
            close = nearest(need.field, COLUMNS)
            hint = f'Did you mean "{close[0]}"?' if close else f"Fields: {', '.join(COLUMNS)}."
            place = document.place("needs", n)
            raise InputError(f'"{need.field[:40]}" is not a field.', where=place, hint=hint, code="unknown_key")
    needs = {need.field: need.why for need in model.needs}
    return Channel(model.id, model.name, model.about, model.source, model.status, needs)


@cache
def channels() -> dict[str, Channel]:
    """The packaged channels by id."""
    folder = files("concordat.exchange") / "_data" / "channels"
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name)
    loaded = [load_channel(f.read_bytes(), where=f.name) for f in found]
    return {channel.id: channel for channel in loaded}


def channel(name: str) -> Channel:
    """A packaged channel.

    Raises:
        InputError: there is none of that id; with the nearest.
    """
    if name not in channels():
        close = nearest(name, channels())
        hint = f'Did you mean "{close[0]}"?' if close else f"Channels: {', '.join(channels())}."
        raise InputError(f'"{name[:40]}" is not a channel.', hint=hint, code="unknown_channel")
    return channels()[name]


def readiness(good: Good, way: Channel) -> Ready:
    """What a good lacks for a channel."""
    missing = [Lack(good.row, field, why) for field, why in way.needs.items() if not _has(good, field)]
    return Ready(good.sku, way.id, tuple(missing))


def _has(good: Good, field: str) -> bool:
    values: dict[str, object] = {"name": good.names, "lang": good.names, "description": good.descriptions}
    values |= {"craft": good.craft, **{c: (good.craft or {}).get(c) for c in ("maker", "place", "technique")}}
    value = values[field] if field in values else getattr(good, field)
    return value not in (None, "", (), {})


# --- Destinations ----------------------------------------------------------------------------------------------------


def destination(
    store: RuleStore, origin: str, to: str, *, on: date, de_minimis: Sequence[DeMinimis] = ()
) -> Destination:
    """The rules known between two countries on a day.

    Raises:
        InputError: an unknown country, or origin and destination are the same.
    """
    from concordat.rulebook.binds import binds

    found: Binds = binds(store, origin, to, on=on)
    rules = tuple(r for r in found.rows if r.provision in PROVISIONS)
    topics = {code.partition("-")[0] for code in PROVISIONS}
    uncoded = {u.instrument for u in found.uncoded if not u.topics or topics & set(u.topics)}
    return Destination(
        origin=origin,
        destination=to,
        on=on,
        rules=tuple(sorted(rules, key=lambda r: (PROVISIONS.index(r.provision), -r.depth, r.instrument, r.unit))),
        without=tuple(code for code in PROVISIONS if all(r.provision != code for r in rules)),
        uncoded=tuple(sorted(uncoded)),
        de_minimis=tuple(d for d in de_minimis if d.country == to),
    )


def read_deminimis(data: bytes, *, where: str) -> tuple[DeMinimis, ...]:
    """The user's table of values below which something is waived.

    Raises:
        InputError: other columns, an unknown country or currency, an amount or day that is none.
    """
    try:
        reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
        rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"not CSV in UTF-8: {error}.", where=where, code="not_csv") from None
    if tuple(reader.fieldnames or ()) != DEMINIMIS_COLUMNS:
        hint = f"Columns: {','.join(DEMINIMIS_COLUMNS)}"
        raise InputError("has other columns.", where=f"{where}, row 1", hint=hint, code="unknown_key")
    return tuple(_deminimis(row, f"{where}, row {n}") for n, row in enumerate(rows, 2))


def _deminimis(row: Mapping[str, str], where: str) -> DeMinimis:
    if any(row.get(c) is None or not str(row[c]).strip() for c in DEMINIMIS_COLUMNS) or None in row:
        raise InputError("needs all six cells.", where=where, hint="Say where you saw it, and when.", code="missing")
    country = world.country(row["country"], where=where).iso3
    world.currency(row["currency"], where=where)
    amount = row["amount"]
    if not amount.replace(".", "", 1).isdigit() or not amount.isascii():
        raise InputError(f'"{amount[:20]}" is not an amount.', where=where, hint="As 150.00", code="number")
    try:
        date.fromisoformat(row["seen_on"])
    except ValueError:
        raise InputError(f'"{row["seen_on"][:20]}" is not a day.', where=where, hint="As 2026-11-26") from None
    return DeMinimis(country, amount, row["currency"], row["kind"], row["source"], row["seen_on"])
