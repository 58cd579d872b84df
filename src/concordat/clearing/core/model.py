"""What the ledger holds (accounts, members, payments, reservations, trades, obligations, holds), and how it is written.

Amounts are integers in minor units. In canonical bytes every integer is a decimal string, since a JSON number is exact
only up to 2^53; `plain` and `restore` turn a record into that form and back, by the types of its fields. Records are
immutable and replaced as a whole; accounts alone change in place, as they are what every transfer touches.

    >>> record = Reservation("u", "AAAABRSP/BRL", "CCCCBRSP/BRL", 5, 1_000, 2_000, "")
    >>> restore(Reservation, plain(record)) == record
    True
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

DAY_MS = 86_400_000
AMOUNT_MAX = 10**18 - 1
CURRENCY_TOTAL_MAX = 9 * 10**18 - 1
LENT_MAX = CURRENCY_TOTAL_MAX // 2
INSTRUCTIONS_MAX = 8_192
BLOCK_BYTES_MAX = 4 * 1024 * 1024
INSTRUCTION_BYTES_MAX = 64 * 1024
# A batch or a certificate names thousands of payments, a scheme hundreds of members: they do not fit into 64 kB.
LARGE_BYTES_MAX = 1024 * 1024
BATCH_ROWS_MAX = 8_000
QUEUE_MAX = 1_000_000
CORRIDORS_MAX = 255
TAGS_MAX = 1_000
VALIDITY_MAX_MS = 35 * DAY_MS
ACCOUNT = re.compile(r"[A-Z]{6}[A-Z0-9]{2}/[A-Z]{3}(?:/[a-z0-9]{1,12})?")
BIC8 = re.compile(r"[A-Z]{6}[A-Z0-9]{2}")
UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def owner_of(account: str) -> str:
    """The BIC of the member that owns an account."""
    return account[:8]


def currency_of(account: str) -> str:
    """The currency of an account."""
    return account[9:12]


def issue_account(issuer: str, currency: str) -> str:
    """The one account without a floor: minus what was issued and not redeemed."""
    return f"{issuer}/{currency}/issue"


def is_issue(account: str) -> bool:
    """Whether an account is an issue account."""
    return account[12:] == "/issue"


def payment_key(uetr: str, member: str) -> str:
    """How a payment, reservation or obligation is named inside: its id and the member that instructed it."""
    return f"{uetr}/{member}"


class Account:
    """One account; what it has available is `balance + line - reserved`.

    Attributes:
        opening: balance at the last close of its currency. credits, debits: what came in and went out since, with
            `entries` movements. day: the UTC day of `day_in` and `day_out`, which limits per day read.
        mark: the block in which it was last written, so that its old values are kept once a block.
    """

    __slots__ = (
        "balance",
        "credits",
        "day",
        "day_in",
        "day_out",
        "debits",
        "entries",
        "frozen",
        "id",
        "line",
        "mark",
        "opening",
        "reserved",
    )

    def __init__(self, name: str, values: tuple[Any, ...] = (0, 0, 0, False, 0, 0, 0, 0, 0, 0, 0)) -> None:
        self.id = name
        self.mark = -1
        self.restore(values)

    def values(self) -> tuple[Any, ...]:
        """All that is kept, in a fixed order."""
        return (
            self.balance, self.reserved, self.line, self.frozen, self.opening, self.credits, self.debits, self.entries,
            self.day, self.day_in, self.day_out,
        )  # fmt: skip

    def restore(self, values: tuple[Any, ...]) -> None:
        """Set what `values` gave."""
        (
            self.balance, self.reserved, self.line, self.frozen, self.opening, self.credits, self.debits, self.entries,
            self.day, self.day_in, self.day_out,
        ) = values  # fmt: skip

    @property
    def available(self) -> int:
        """What may be spent, in minor units; negative only after a credit line was cut."""
        return int(self.balance + self.line - self.reserved)

    def canonical(self) -> bytes:
        """The canonical JSON of its values (written out, as every block writes many)."""
        return (
            b'{"balance":"%d","credits":"%d","day":"%d","day_in":"%d","day_out":"%d","debits":"%d","entries":"%d",'
            b'"frozen":%s,"line":"%d","opening":"%d","reserved":"%d"}'
        ) % (
            self.balance, self.credits, self.day, self.day_in, self.day_out, self.debits, self.entries,
            b"true" if self.frozen else b"false", self.line, self.opening, self.reserved,
        )  # fmt: skip


class Key(NamedTuple):
    """A member's public key (hexadecimal) and the heights from and until (exclusive) which it counts."""

    public: str
    since: int
    until: int | None


class Member(NamedTuple):
    """A member: who supervises it, which currencies it holds, its keys, and when it comes, is suspended, or goes."""

    bic8: str
    lei: str
    supervisor: str
    currencies: tuple[str, ...]
    keys: tuple[Key, ...]
    since: int = 0
    suspended: int | None = None
    leaves: int | None = None


class Money(NamedTuple):
    """One currency as a whole: issued and redeemed in all, certificates settled, the business date closed last."""

    issued: int = 0
    redeemed: int = 0
    certificates: int = 0
    closed: str = ""


class Limit(NamedTuple):
    """A limit of one account: the owner's own figure and the issuer's cap (None: none); the tighter one counts."""

    kind: str
    payee: str
    own: int | None
    cap: int | None

    @property
    def figure(self) -> int:
        """The tighter figure."""
        return min(figure for figure in (self.own, self.cap) if figure is not None)

    @property
    def setter(self) -> str:
        """Who set the tighter figure: `owner` or `issuer`."""
        return "owner" if self.own is not None and self.own == self.figure else "issuer"


class Limits(NamedTuple):
    """All limits of one account, sorted by kind and payee."""

    limits: tuple[Limit, ...]


class Flow(NamedTuple):
    """What one account paid another in net on one UTC day; kept where a bilateral limit is set."""

    day: int
    net: int


class Used(NamedTuple):
    """A counter of one UTC day: of a corridor's cap."""

    day: int
    amount: int


class Quota(NamedTuple):
    """What may be paid for one purpose on a UTC day in one currency, and what was."""

    limit: int
    day: int
    used: int


class Band(NamedTuple):
    """The issuer's band for the rate of a pair, as two fractions; kept, and not yet applied to trades."""

    low: tuple[int, ...]
    high: tuple[int, ...]


class Payment(NamedTuple):
    """A payment that is held or waits.

    Attributes:
        state: `held` or `queued`. seq: its place among all that ever waited. certificates: how many of its currency had
            been settled when it came, from which its age counts. until: its last moment, ms.
    """

    uetr: str
    member: str
    payer: str
    payee: str
    amount: int
    priority: int
    if_short: str
    purpose: str
    obligation: str
    until: int
    state: str
    seq: int
    certificates: int

    @property
    def key(self) -> str:
        """Its id and the member that instructed it."""
        return f"{self.uetr}/{self.member}"


class Closed(NamedTuple):
    """How a payment ended that had waited; kept as long as its id."""

    state: str
    payer: str
    payee: str
    amount: int


class Returned(NamedTuple):
    """What of a settled payment was paid back so far."""

    amount: int


class Reservation(NamedTuple):
    """Money set aside: how much, from when and until when (ms), for what purpose."""

    uetr: str
    payer: str
    payee: str
    amount: int
    since: int
    until: int
    purpose: str


class Leg(NamedTuple):
    """One leg of a trade: an account pays another."""

    payer: str
    payee: str
    amount: int


class Trade(NamedTuple):
    """A trade: two legs under one id, the sides that were given (member, last moment), and its state."""

    trade_id: str
    legs: tuple[Leg, ...]
    sides: tuple[str, ...]
    uetrs: tuple[str, ...]
    until: int
    state: str
    seq: int

    @property
    def key(self) -> str:
        """Its id and both parties, so that nobody can take another's id."""
        return trade_key(self.trade_id, self.legs)


def trade_key(trade_id: str, legs: tuple[Leg, ...]) -> str:
    """The id of a trade and both parties, in order."""
    return "/".join((trade_id, *sorted(owner_of(leg.payer) for leg in legs)))


class Obligation(NamedTuple):
    """A divisible debt: what was owed first, what is left, and the date it is due."""

    uetr: str
    debtor: str
    creditor: str
    currency: str
    amount: int
    left: int
    due: str


class Hold(NamedTuple):
    """Who holds a payment or a trade, why (class and hash of its list only), and until when."""

    by: str
    reason_class: str
    list_hash: str
    until: int


class Holds(NamedTuple):
    """All holds on one payment or trade, sorted by who placed them."""

    holds: tuple[Hold, ...]


class Recall(NamedTuple):
    """A request to get a settled payment back, and the answer so far (empty: none)."""

    reason: str
    answer: str


class Text(NamedTuple):
    """One word of the state itself: the scheme's hash, a running hash of ids."""

    text: str


class Waiting(NamedTuple):
    """A scheme that takes force later: its canonical text, and the height."""

    height: int
    document: str


@lru_cache(maxsize=64)
def _fields(kind: type) -> tuple[tuple[str, Any], ...]:
    hints = get_type_hints(kind)
    return tuple((name, hints[name]) for name in kind._fields)  # type: ignore[attr-defined]


def plain(value: Any) -> Any:
    """A record as JSON: integers as decimal strings, tuples as arrays."""
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return str(value)
    if hasattr(value, "_fields"):
        return {name: plain(part) for name, part in zip(value._fields, value, strict=True)}
    return [plain(part) for part in value]


def restore(kind: Any, value: Any) -> Any:
    """The record that `plain` wrote.

    Raises:
        KeyError, ValueError, TypeError: not what `plain` writes.
    """
    if kind is int:
        return int(value)
    if kind is str or kind is bool:
        if not isinstance(value, kind):
            raise TypeError(f"{value!r} is not of type {kind.__name__}")
        return value
    if get_origin(kind) is tuple:
        return tuple(restore(get_args(kind)[0], part) for part in value)
    if type(None) in get_args(kind):
        return None if value is None else restore(get_args(kind)[0], value)
    fields = _fields(kind)
    if set(value) != {name for name, _ in fields}:
        raise KeyError("other fields than the record has")
    return kind(*(restore(hint, value[name]) for name, hint in fields))
