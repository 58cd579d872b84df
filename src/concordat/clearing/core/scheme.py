"""Which rules are in force: currencies and their issuers, members, keys, corridors, validators, as one hashed document.

A scheme is a JSON document (docs/reference/clearing-core.md lists its keys; `clearing.scheme_file` reads it from YAML
with line numbers). Its hash, SHA-256 of the RFC 8785 bytes, stands in every block header. Everything that has an effect
in the core is checked here; parts for other rooms (`messages`, `rules`, `travel_rule`, `privacy`, `finality`) are kept,
hashed, and read by them. What the core carries but doesn't apply is said in `warnings`.

One file because each key of the document is read, checked and hashed in one place.

Times of day are UTC. A window that ends before it begins runs over midnight. A member's country is letters 5 and 6 of
its BIC (ISO 9362).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from concordat import canonical, world
from concordat.clearing.core.model import AMOUNT_MAX, BIC8, CORRIDORS_MAX
from concordat.errors import ConcordatError, InputError

SCHEMA = "concordat/scheme@1"
MODES = ("bypass", "strict_fifo")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
_HASH = re.compile(r"sha256:[0-9a-f]{64}")
_PUBLIC = re.compile(r"[0-9a-f]{64}")
_DIGITS = re.compile(r"[1-9][0-9]{0,17}")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_PURPOSE = re.compile(r"[A-Z0-9]{4}")
NO_LEI = "0" * 20

# The keys of each part: True where it must be given.
KEYS: dict[str, dict[str, bool]] = {
    "": {
        "schema": False, "scheme": True, "version": True, "decision": False, "in_force_from": False,
        "currencies": True, "members": True, "keys": True, "corridors": True, "validators": True, "finality": False,
        "lsm": False, "holds": False, "messages": False, "rules": False, "travel_rule": False, "privacy": False,
    },
    "currencies.*": {"issuer": True, "hours_utc": True, "lines": False, "day_close_utc": False},
    "members[]": {"bic8": True, "lei": True, "currencies": True, "supervisor": True},
    "corridors[]": {
        "id": True, "from": True, "to": True, "pairs": True, "hours_utc": True, "cap_minor": False,
        "cap_day_minor": False, "purposes": False, "fx_band_bp": False, "fee_bp": False,
    },
    "validators": {"members": True, "timeout_ms": False},
    "finality": {"moment": True, "clause": False},
    "lsm": {
        "mode": True, "every_s": False, "classes": False, "age_certificates": False, "haircut_bp": False,
        "rates": False,
    },
    "lsm.rates": {"name": True, "unit": True, "denominator": True, "numerators": True},
    "holds": {"max_hours": True, "on_expiry": False},
    "travel_rule": {"threshold": True},
    "privacy": {"recipients": True},
}  # fmt: skip

Path = tuple[str | int, ...]
Windows = tuple[tuple[int, int], ...]


class SchemeError(InputError):
    """A fault in a scheme: its path, so that a reader of files names the line; an unknown word, the known ones."""

    def __init__(
        self, path: Path, what: str, hint: str = "", code: str = "scheme", word: str = "", known: Iterable[str] = ()
    ) -> None:
        self.path = path
        self.word = word
        self.known = tuple(known)
        shown = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
        super().__init__(what, where=shown, hint=hint, code=code)


class Currency(NamedTuple):
    """A currency: who issues it, when it is open (minutes of the UTC day), when its day closes (text)."""

    code: str
    issuer: str
    windows: Windows
    day_close: str


class Corridor(NamedTuple):
    """A way from payers to payees: countries or members, currencies or pairs, windows, caps, purposes (empty: all)."""

    id: str
    payers: tuple[str, ...]
    payees: tuple[str, ...]
    pairs: tuple[str, ...]
    windows: Windows
    cap: Mapping[str, int]
    cap_day: Mapping[str, int]
    purposes: frozenset[str]

    def joins(self, payer: str, payee: str) -> bool:
        """Whether it leads from one member to the other."""
        return bool({payer, payer[4:6]} & set(self.payers)) and bool({payee, payee[4:6]} & set(self.payees))

    def takes(self, currency: str) -> bool:
        """Whether a payment in this currency may use it: the currency stands alone or in one of its pairs."""
        return any(currency in pair.split("/") for pair in self.pairs)

    def takes_pair(self, one: str, other: str) -> bool:
        """Whether a trade of this pair may use it, in either order."""
        return f"{one}/{other}" in self.pairs or f"{other}/{one}" in self.pairs


class Rates(NamedTuple):
    """What one minor unit of each currency is worth, in minor units of `unit`: its numerator over the denominator."""

    name: str
    unit: str
    denominator: int
    numerators: Mapping[str, int]


class SchemeMember(NamedTuple):
    """A member as the scheme names it."""

    bic8: str
    lei: str
    supervisor: str
    currencies: tuple[str, ...]


@dataclass(frozen=True)
class Scheme:
    """The rules in force. Made by `from_document`; never changed.

    Attributes:
        document: the JSON it was read from. hash: hexadecimal SHA-256 of its canonical bytes.
        decision: the council decision's hash; empty for a draft.
        members: by BIC, the issuers among them. keys: BIC -> public key, hexadecimal.
        mode: `bypass` or `strict_fifo`. age_certificates: after how many certificates a payment rises one class.
        rates: at which trades in a certificate are covered, with the haircut; None if the scheme states none.
    """

    document: Mapping[str, Any]
    hash: str
    name: str
    version: int
    decision: str
    currencies: Mapping[str, Currency]
    members: Mapping[str, SchemeMember]
    keys: Mapping[str, str]
    corridors: tuple[Corridor, ...]
    validators: tuple[str, ...]
    mode: str
    age_certificates: int
    haircut_bp: int
    rates: Rates | None
    hold_max_ms: int
    warnings: tuple[str, ...]
    _routes: dict[tuple[str, str, str], tuple[Corridor, ...]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def from_document(cls, document: Any) -> Scheme:
        """Read and check a scheme.

        Raises:
            SchemeError: an unknown or missing key, a value of another form, a currency without exactly one issuer, a
                member that is unknown, a weak key.
        """
        return _read(document)

    @property
    def draft(self) -> bool:
        """Whether no council decision puts it in force."""
        return not self.decision

    @property
    def quorum(self) -> int:
        """How many validators must agree: the smallest number above two thirds."""
        return 2 * len(self.validators) // 3 + 1

    def routes(self, payer: str, payee: str, currency: str) -> tuple[Corridor, ...]:
        """The corridors from one member to another for a payment in a currency, in the scheme's order."""
        key = (payer, payee, currency)
        found = self._routes.get(key)
        if found is None:
            found = tuple(c for c in self.corridors if c.takes(currency) and c.joins(payer, payee))
            self._routes[key] = found
        return found

    def pair_routes(self, one: str, other: str, sold: str, bought: str) -> tuple[Corridor, ...]:
        """The corridors for a trade between two members, in either direction."""
        key = (one, other, f"{sold}/{bought}")
        found = self._routes.get(key)
        if found is None:
            found = tuple(
                c for c in self.corridors if c.takes_pair(sold, bought) and (c.joins(one, other) or c.joins(other, one))
            )
            self._routes[key] = found
        return found

    def nearest_corridor(self, payer: str, payee: str, currency: str) -> str:
        """The id of the corridor that comes nearest to what was asked, empty if there is none at all."""
        scored = []
        for number, corridor in enumerate(self.corridors):
            from_here = bool({payer, payer[4:6]} & set(corridor.payers))
            to_there = bool({payee, payee[4:6]} & set(corridor.payees))
            scored.append((2 * from_here + 2 * to_there + corridor.takes(currency), -number, corridor.id))
        return max(scored)[2] if scored and max(scored)[0] else ""


def is_open(windows: Windows, time_ms: int) -> bool:
    """Whether a moment lies in one of the windows (each from its first minute on, its last excluded)."""
    minute = time_ms // 60_000 % 1440
    return any(start <= minute < end for start, end in windows)


# --- Reading ----------------------------------------------------------------------------------------------------------


def _read(document: Any) -> Scheme:
    _check_keys(document)
    try:
        digest = canonical.digest(document)
    except ConcordatError as error:
        raise SchemeError((), f"has no canonical form: {error}") from None
    name = _text(document, ("scheme",), _NAME, "lower-case letters, digits and hyphens")
    version = document["version"]
    if type(version) is not int or version < 1:
        raise SchemeError(("version",), "the version is a whole number from 1 on.")
    decision = _text(document, ("decision",), _HASH, 'a hash "sha256:..."') if "decision" in document else ""
    if "in_force_from" in document:
        _text(document, ("in_force_from",), _TIME, "a time such as 2027-01-01T00:00:00Z")
    currencies = _currencies(document)
    members = _members(document, currencies)
    corridors = _corridors(document, currencies, members)
    validators = _bics(document, ("validators", "members"), members)
    lsm = document.get("lsm", {"mode": "bypass"})
    if lsm["mode"] not in MODES:
        raise SchemeError(("lsm", "mode"), f"the mode is one of {', '.join(MODES)}.")
    holds = document.get("holds", {"max_hours": 72})
    if holds.get("on_expiry", "reject") != "reject":
        raise SchemeError(("holds", "on_expiry"), "a hold that runs out rejects; nothing is released by silence.")
    found = Scheme(
        document=document,
        hash=digest,
        name=name,
        version=version,
        decision=decision,
        currencies=currencies,
        members=members,
        keys=_keys(document, members),
        corridors=corridors,
        validators=validators,
        mode=lsm["mode"],
        age_certificates=_whole(lsm, ("lsm",), "age_certificates", 20, 1, 10_000),
        haircut_bp=_whole(lsm, ("lsm",), "haircut_bp", 800, 0, 9_999),
        rates=_rates(document, currencies) if "rates" in lsm else None,
        hold_max_ms=_whole(holds, ("holds",), "max_hours", 72, 1, 24 * 31) * 3_600_000,
        warnings=_warnings(document, validators),
    )
    if _whole(lsm, ("lsm",), "classes", 3, 3, 3) != 3:
        raise SchemeError(("lsm", "classes"), "there are three classes.")
    return found


def _check_keys(document: Any) -> None:
    _keys_of(document, (), KEYS[""])
    if document.get("schema", SCHEMA) != SCHEMA:
        raise SchemeError(("schema",), f"the schema is {SCHEMA}.")
    for part in ("currencies", "keys"):
        _mapping(document[part], (part,))
    for code in document["currencies"]:
        _keys_of(document["currencies"][code], ("currencies", code), KEYS["currencies.*"])
    for part in ("members", "corridors"):
        if not isinstance(document[part], list):
            raise SchemeError((part,), "must be a list.")
        for number, one in enumerate(document[part]):
            _keys_of(one, (part, number), KEYS[f"{part}[]"])
    for part in ("validators", "finality", "lsm", "holds", "travel_rule", "privacy"):
        if part in document:
            _keys_of(document[part], (part,), KEYS[part])
    if "rates" in document.get("lsm", {}):
        _keys_of(document["lsm"]["rates"], ("lsm", "rates"), KEYS["lsm.rates"])


def _mapping(value: Any, path: Path) -> None:
    if not isinstance(value, dict) or not value:
        raise SchemeError(path, "must hold keys.")


def _keys_of(value: Any, path: Path, known: Mapping[str, bool]) -> None:
    _mapping(value, path)
    for key in value:
        if key not in known:
            raise SchemeError(
                (*path, key), f'"{key}" is not a key I know here.', code="unknown_key", word=str(key), known=known
            )
    for key, needed in known.items():
        if needed and key not in value:
            what = "the currency has no issuer." if key == "issuer" else f"{key} is missing."
            raise SchemeError(path, what, code="missing_key")


def _at(document: Any, path: Path) -> Any:
    for part in path:
        document = document[part]
    return document


def _text(document: Any, path: Path, pattern: re.Pattern[str], wanted: str) -> str:
    value = _at(document, path)
    if not isinstance(value, str):
        raise SchemeError(path, f"{value!r} was read as something else than text.", "Put quotes around it.", "quotes")
    if not pattern.fullmatch(value):
        raise SchemeError(path, f'"{value[:60]}" is not {wanted}.')
    return value


def _whole(part: Mapping[str, Any], path: Path, key: str, default: int, low: int, high: int) -> int:
    value = part.get(key, default)
    if type(value) is not int or not low <= value <= high:
        raise SchemeError((*path, key), f"{key} is a whole number from {low} to {high}.")
    return value


def _currencies(document: Any) -> dict[str, Currency]:
    found = {}
    for code in sorted(document["currencies"]):
        path: Path = ("currencies", code)
        try:
            known = world.currency(code)
        except InputError as error:
            raise SchemeError(path, error.what, error.hint, "unknown_currency") from None
        if known.minor_units is None:
            raise SchemeError(path, f"{code} is a metal, fund or test code without minor units; nobody settles in it.")
        if isinstance(document["currencies"][code]["issuer"], list):
            raise SchemeError((*path, "issuer"), "a currency has one issuer, not several.", code="two_issuers")
        issuer = _text(document, (*path, "issuer"), BIC8, "a BIC of eight letters")
        close = "24:00"
        if "day_close_utc" in document["currencies"][code]:
            close = _text(document, (*path, "day_close_utc"), _CLOCK, "a time of day such as 18:30")
        if document["currencies"][code].get("lines", "issuer") != "issuer":
            raise SchemeError((*path, "lines"), "credit lines are set by the issuer.")
        found[code] = Currency(code, issuer, _windows(document, (*path, "hours_utc")), close)
    return found


def _windows(document: Any, path: Path) -> Windows:
    value = _at(document, path)
    if not isinstance(value, str):
        raise SchemeError(path, f"{value!r} was read as something else than text.", "Put quotes around it.", "quotes")
    windows: list[tuple[int, int]] = []
    for part in value.split(","):
        found = _HOURS.fullmatch(part.strip())
        if not found:
            raise SchemeError(path, f'"{part.strip()[:40]}" is not a window such as 03:30-18:30.')
        start, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4]))
        if end > 1440 or start == end:
            raise SchemeError(path, f'"{part.strip()}" is not a window such as 00:00-24:00.')
        windows.extend([(start, end)] if start < end else [(start, 1440), (0, end)])
    return tuple(sorted(window for window in windows if window[0] < window[1]))


def _members(document: Any, currencies: Mapping[str, Currency]) -> dict[str, SchemeMember]:
    issuers = {c.issuer for c in currencies.values()}
    found = {}
    for number, row in enumerate(document["members"]):
        path: Path = ("members", number)
        bic8 = _text(document, (*path, "bic8"), BIC8, "a BIC of eight letters")
        if bic8 in found or bic8 in issuers:
            raise SchemeError((*path, "bic8"), f"{bic8} stands twice, or is an issuer already.")
        check_country(bic8, (*path, "bic8"))
        lei = _text(document, (*path, "lei"), re.compile(r"[0-9A-Z]{18}[0-9]{2}"), "an LEI of 20 characters")
        check_lei(lei, (*path, "lei"))
        supervisor = _text(document, (*path, "supervisor"), BIC8, "a BIC of eight letters")
        if supervisor not in issuers:
            raise SchemeError((*path, "supervisor"), f"{supervisor} issues no currency of this scheme.")
        held = row["currencies"]
        if not isinstance(held, list) or not held or len(set(map(str, held))) != len(held):
            raise SchemeError((*path, "currencies"), "a list of currencies, each once.")
        for code in held:
            if not isinstance(code, str) or code not in currencies:
                raise SchemeError((*path, "currencies"), f"{code!r} is not a currency of this scheme.")
        found[bic8] = SchemeMember(bic8, lei, supervisor, tuple(sorted(held)))
    for issuer in sorted(issuers):
        check_country(issuer, ("currencies",))
        found[issuer] = SchemeMember(issuer, NO_LEI, issuer, tuple(sorted(currencies)))
    return dict(sorted(found.items()))


def check_country(bic8: str, path: Path) -> None:
    """Letters 5 and 6 of a BIC are a country of ISO 3166-1."""
    if not any(c.iso2 == bic8[4:6] for c in world.countries()):
        raise SchemeError(path, f"{bic8}: {bic8[4:6]} is not a country of ISO 3166-1.", code="unknown_country")


def check_lei(lei: str, path: Path) -> None:
    """ISO 17442: the 20 characters, letters as numbers from 10, leave 1 modulo 97 (ISO 7064). Twenty zeros: none."""
    if lei != NO_LEI and int("".join(str(int(c, 36)) for c in lei)) % 97 != 1:
        raise SchemeError(path, f"{lei} fails the check digits of ISO 17442.", code="lei")


def _keys(document: Any, members: Mapping[str, SchemeMember]) -> dict[str, str]:
    from concordat.ledger.keys import check_public

    found: dict[str, str] = {}
    for bic8 in sorted(document["keys"]):
        if bic8 not in members:
            raise SchemeError(("keys", bic8), f"{bic8} is not a member.", word=bic8, known=members)
        public = _text(document, ("keys", bic8), _PUBLIC, "an Ed25519 key, 64 hexadecimal digits")
        try:
            check_public(bytes.fromhex(public))
        except ConcordatError as error:
            raise SchemeError(("keys", bic8), error.what, error.hint, "weak_key") from None
        if public in found.values():
            raise SchemeError(("keys", bic8), "another member has the same key.", code="same_key")
        found[bic8] = public
    missing = sorted(set(members) - set(found))
    if missing:
        raise SchemeError(("keys",), f"{missing[0]} has no key.", code="missing_key")
    return found


def _corridors(
    document: Any, currencies: Mapping[str, Currency], members: Mapping[str, SchemeMember]
) -> tuple[Corridor, ...]:
    found: dict[str, Corridor] = {}
    used: dict[str, int] = dict.fromkeys(currencies, 0)
    for number, row in enumerate(document["corridors"]):
        path: Path = ("corridors", number)
        name = _text(document, (*path, "id"), _NAME, "lower-case letters, digits and hyphens")
        if name in found:
            raise SchemeError((*path, "id"), f'the corridor "{name}" stands twice.')
        pairs = _pairs(row["pairs"], (*path, "pairs"), currencies)
        for code in sorted({code for pair in pairs for code in pair.split("/")}):
            used[code] += 1
            if used[code] > CORRIDORS_MAX:
                raise SchemeError(path, f"more than {CORRIDORS_MAX} corridors for {code}.", code="full")
        purposes = row.get("purposes", [])
        if not isinstance(purposes, list) or not all(isinstance(p, str) and _PURPOSE.fullmatch(p) for p in purposes):
            raise SchemeError((*path, "purposes"), "a list of purpose codes of four letters.")
        for key in ("fx_band_bp", "fee_bp"):
            _whole(row, path, key, 0, 0, 10_000)
        found[name] = Corridor(
            name,
            _ends(row["from"], (*path, "from"), members),
            _ends(row["to"], (*path, "to"), members),
            pairs,
            _windows(document, (*path, "hours_utc")),
            _amounts(row.get("cap_minor", {}), (*path, "cap_minor"), currencies),
            _amounts(row.get("cap_day_minor", {}), (*path, "cap_day_minor"), currencies),
            frozenset(purposes),
        )
    return tuple(found.values())


def _pairs(value: Any, path: Path, currencies: Mapping[str, Currency]) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise SchemeError(path, "a list of currencies or pairs, such as [BRL, BRL/INR].")
    for pair in value:
        parts = pair.split("/") if isinstance(pair, str) else []
        if not 1 <= len(parts) <= 2 or len(set(parts)) != len(parts):
            raise SchemeError(path, f"{pair!r} is neither a currency nor a pair.")
        for code in parts:
            if code not in currencies:
                raise SchemeError(path, f'"{code}" is not a currency of this scheme.', word=str(code), known=currencies)
    return tuple(value)


def _ends(value: Any, path: Path, members: Mapping[str, SchemeMember]) -> tuple[str, ...]:
    ends = value if isinstance(value, list) else [value]
    countries = {bic8[4:6] for bic8 in members}
    for end in ends:
        if not isinstance(end, str) or (end not in members and end not in countries):
            raise SchemeError(
                path, f"{end!r} is neither a member nor the country of one.", known=[*members, *countries]
            )
    return tuple(ends)


def _amounts(value: Any, path: Path, currencies: Mapping[str, Currency]) -> dict[str, int]:
    if not isinstance(value, dict):
        raise SchemeError(path, "amounts by currency.")
    for code, amount in value.items():
        if code not in currencies:
            raise SchemeError(
                (*path, code), f'"{code}" is not a currency of this scheme.', word=str(code), known=currencies
            )
        if not isinstance(amount, str):
            raise SchemeError((*path, code), f"{amount!r} was read as a number.", "Put quotes around it.", "quotes")
        if not _DIGITS.fullmatch(amount) or int(amount) > AMOUNT_MAX:
            raise SchemeError((*path, code), "an amount in minor units, 1 to 10^18 - 1.")
    return {code: int(amount) for code, amount in value.items()}


def _rates(document: Any, currencies: Mapping[str, Currency]) -> Rates:
    path: Path = ("lsm", "rates")
    name = _text(document, (*path, "name"), _NAME, "lower-case letters, digits and hyphens")
    unit = _text(document, (*path, "unit"), re.compile(r"[A-Z]{3}"), "a currency of ISO 4217")
    try:
        world.currency(unit)
    except InputError as error:
        raise SchemeError((*path, "unit"), error.what, error.hint, "unknown_currency") from None
    denominator = int(_text(document, (*path, "denominator"), _DIGITS, "a whole number, 1 to 10^18 - 1"))
    numerators = _amounts(document["lsm"]["rates"]["numerators"], (*path, "numerators"), currencies)
    if not numerators:
        raise SchemeError((*path, "numerators"), "at least one rate.")
    return Rates(name, unit, denominator, dict(sorted(numerators.items())))


def _bics(document: Any, path: Path, members: Mapping[str, SchemeMember]) -> tuple[str, ...]:
    value = _at(document, path)
    if not isinstance(value, list) or not value or len(set(map(str, value))) != len(value):
        raise SchemeError(path, "a list of members, each once.")
    for bic8 in value:
        if not isinstance(bic8, str) or bic8 not in members:
            raise SchemeError(path, f"{bic8!r} is not a member.", word=str(bic8), known=members)
    return tuple(value)


def _warnings(document: Any, validators: Sequence[str]) -> tuple[str, ...]:
    found = []
    if "decision" not in document:
        found.append("This scheme is a draft: it names no decision of the council.")
    f = (len(validators) - 1) // 3
    countries = sorted({bic8[4:6] for bic8 in validators})
    for country in countries:
        count = sum(bic8[4:6] == country for bic8 in validators)
        if len(validators) > 1 and count > f:
            found.append(f"{count} of {len(validators)} validators are in {country}: they alone can stop the ledger.")
    lsm = document.get("lsm", {})
    if "haircut_bp" in lsm and "rates" not in lsm:
        found.append("haircut_bp is kept, but without lsm.rates no cover of trades is checked.")
    for row in document["corridors"]:
        for key, words in (("fee_bp", "charges no fee"), ("fx_band_bp", "applies no band")):
            if row.get(key):
                found.append(f"Corridor {row['id']}: {key} is kept, but this version {words}.")
    return tuple(found)
