"""The numbered business rules B01 to B24: what each says, and the run of all of them over one message.

A rule's number and meaning never change; a rule that is given up keeps its number, unused. Each has one of three
standings. `always`: it refuses. `scheme`: it depends on what the members agreed, so without a scheme that turns it on
it only makes a note. `context`: it needs something that the file does not hold (corridors, the payments we know) and
is silent without it. A scheme sets a rule `on`, `off`, or on with parameters (`B11: {days_ahead: 10}`). Three rules
have two halves, one of each standing; their texts say so.

The rules run on values, after the schema has accepted the file, so prefixes and white space don't matter. Sources:
the cross-element rules of the ISO 20022 message definition reports, ISO 4217, 3166-1, 9362, 13616 and 17442, and the
usage that correspondent banks agreed (CBPR+), which is marked where it is meant; docs/reference/iso20022-rules.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from concordat.clearing.iso.findings import FINDINGS_MAX, Finding
from concordat.clearing.iso.tree import Element, Group, Parts, many, path_of
from concordat.errors import InputError
from concordat.settings import unknown_key

ALWAYS, SCHEME, CONTEXT = "always", "scheme", "context"
KEPT_MAX = 2 * FINDINGS_MAX
DAYS_AHEAD_MAX = 3_650


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `parameters`: what a scheme may set. `why`: what goes wrong without it."""

    number: str
    title: str
    standing: str
    text: str
    why: str
    parameters: tuple[str, ...] = ()


RULES: dict[str, Rule] = {
    rule.number: rule
    for rule in (
        Rule(
            "B01",
            "active currency",
            ALWAYS,
            "Every currency code, of an amount or an account, is in ISO 4217's current list.",
            "A withdrawn or invented code has no issuer who could settle it.",
        ),
        Rule(
            "B02",
            "decimals",
            ALWAYS,
            "An amount is written with no more decimals than its currency has in ISO 4217, zeros included.",
            "JPY 1000.55 can't be paid; rounding it would invent or lose money.",
        ),
        Rule(
            "B03",
            "no metal, test or fund code",
            ALWAYS,
            "No amount is in a precious metal, a unit without minor units, a fund or a test code (XAU, XDR, CLF, "
            "XTS, XXX).",
            "These are no money of a central bank; the ledger can't hold them.",
        ),
        Rule(
            "B04",
            "number of transactions",
            ALWAYS,
            "NbOfTxs equals the transactions present. A group return or group recall without transactions is not "
            "counted.",
            "A lost or added transaction is found before it is paid.",
        ),
        Rule(
            "B05",
            "sums",
            ALWAYS,
            "CtrlSum is the exact decimal sum of the settlement amounts, or of the instructed amounts where all "
            "are given; TtlIntrBkSttlmAmt (returns: TtlRtrdIntrBkSttlmAmt) is their exact sum, in their one "
            "currency.",
            "As B04, for amounts.",
        ),
        Rule(
            "B06",
            "header names the document",
            ALWAYS,
            "MsgDefIdr of the header is the version in the document's namespace.",
            "The receiver routes by the header and reads the document.",
        ),
        Rule(
            "B07",
            "header names the agents",
            ALWAYS,
            "The header's sender is the instructing agent and its receiver the instructed agent (of a recall: "
            "assigner and assignee), where both have a BIC; a BIC of 8 letters means the head office (XXX). A "
            "copy may go elsewhere.",
            "A message in another bank's name.",
        ),
        Rule(
            "B08",
            "country",
            ALWAYS,
            "Every country code is in ISO 3166-1 (and XK, user-assigned, which banks use for Kosovo).",
            "Corridors, screening and reporting go by country.",
        ),
        Rule(
            "B09",
            "UETR",
            ALWAYS,
            "Every payment has a UETR, a version-4 UUID in lower case, and no two in the file share one.",
            "It is the ledger's key: one id, one effect.",
        ),
        Rule(
            "B10",
            "message id",
            SCHEME,
            "BizMsgIdr of the header equals MsgId of the document (of a recall: the assignment's Id).",
            "CBPR+ usage, unverified; other networks number header and document apart.",
        ),
        Rule(
            "B11",
            "settlement date",
            ALWAYS,
            "Refuses: a settlement date that was over everywhere on earth when the message was made. Notes, or "
            "refuses by scheme: one more than 10 days ahead.",
            "Money can't settle in the past, and a date far ahead is most often a slip.",
            ("days_ahead",),
        ),
        Rule(
            "B12",
            "time stamps",
            SCHEME,
            "Every time stamp of this message carries a UTC offset or Z.",
            "Without it the order of two events in two zones is a guess.",
        ),
        Rule(
            "B13",
            "charges",
            ALWAYS,
            "Refuses: DEBT in one currency, where settled is neither instructed nor instructed + charges. Notes, "
            "or refuses by scheme: CRED that names no charges, or where settled is not instructed - charges.",
            "The payer or the payee would bear a charge that the other agreed to.",
        ),
        Rule(
            "B14",
            "exchange rate",
            ALWAYS,
            "Refuses: instructed and settled currency differ, and there is no rate. Notes, or refuses by scheme: "
            "a rate where nothing was converted, or one that explains the amounts in neither direction, within "
            "half a unit of its last digit and half a minor unit.",
            "A conversion that nobody can recompute.",
        ),
        Rule(
            "B15",
            "settlement method and corridor",
            CONTEXT,
            "The settlement method is one that the scheme allows (INDA, INGA, CLRG), and a corridor of the scheme "
            "joins the two agents' countries in the settlement currency.",
            "Nowhere to book it.",
            ("methods",),
        ),
        Rule(
            "B16",
            "structured address",
            SCHEME,
            "An address has country and town, and no unstructured lines beside structured ones.",
            "Screening on a town's name needs to know that it is a town.",
        ),
        Rule(
            "B17",
            "agent by BIC alone",
            SCHEME,
            "An agent with a BIC has no name and no address beside it.",
            "Two sources that may differ. CBPR+ usage, unverified.",
        ),
        Rule(
            "B18",
            "check digits",
            ALWAYS,
            "IBAN (ISO 13616) and LEI (ISO 17442) pass their check digits: remainder 1 modulo 97.",
            "One mistyped letter is found before the money goes.",
        ),
        Rule(
            "B19",
            "purpose",
            CONTEXT,
            "The payment has a purpose code, one that the corridor allows.",
            "What the corridor was opened for.",
        ),
        Rule(
            "B20",
            "regulatory reporting",
            CONTEXT,
            "RgltryRptg is present where the issuer of the currency requires it.",
            "The issuer's own rule.",
            ("currencies",),
        ),
        Rule(
            "B21",
            "remittance",
            SCHEME,
            "Remittance information is structured, or one unstructured line of at most 140 letters, not both.",
            "CBPR+ usage; longer texts are cut by someone on the way.",
        ),
        Rule(
            "B22",
            "known payment",
            CONTEXT,
            "A status, return, recall or answer names a payment that we know; returns together are at most the "
            "original.",
            "An answer to nothing, or money returned twice.",
        ),
        Rule(
            "B23",
            "statement",
            ALWAYS,
            "Of a statement that is complete on one page: opening balance + booked entries = closing balance, and "
            "the summary's counts and sums are those of the entries.",
            "A statement that does not tie hides an entry.",
        ),
        Rule(
            "B24",
            "parties identified",
            SCHEME,
            "Debtor and creditor have a name and an account or an identifier, and their agents a BIC, a clearing "
            "member id or an LEI; each of the two has an address or an identifier.",
            "Travel Rule minimum (FATF recommendation 16).",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Corridor:
    """Where a scheme lets money go: countries (or BIC8s) of payer and payee, currencies, purposes (empty: any)."""

    id: str
    payer: frozenset[str]
    payee: frozenset[str]
    currencies: frozenset[str]
    purposes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """What the ledger knows of a payment by its UETR; amounts in minor units."""

    amount_minor: int
    currency: str
    returned_minor: int = 0


Known = Callable[[str], KnownPayment | None]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Which rules refuse, with what parameters, on what context.

    Attributes:
        settings: number to True, False or parameters, as a scheme's `rules` says.
        corridors: of the scheme; empty means that no scheme was given. known: finds a payment by UETR, or None.
        messages: versions that the scheme allows, as `pacs.008.001.08`; empty: all.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    corridors: Sequence[Corridor] = ()
    known: Known | None = None
    messages: frozenset[str] = frozenset()


def rule_settings(written: Mapping[str, Any], *, where: str = "") -> dict[str, Any]:
    """A scheme's `rules` key, checked: `B16: on`, `B10: off`, `B11: {days_ahead: 10}`.

    Raises:
        InputError: an unknown rule or parameter, or another value; the nearest is named.
    """
    found: dict[str, Any] = {}
    for number, said in written.items():
        if number not in RULES:
            raise unknown_key(str(number), RULES, where=where)
        if isinstance(said, Mapping):
            for name, value in said.items():
                if name not in RULES[number].parameters:
                    raise unknown_key(str(name), RULES[number].parameters, where=where)
                _check_parameter(number, name, value, where)
            found[number] = dict(said)
        elif said in (True, "on", False, "off"):
            found[number] = said in (True, "on")
        else:
            hint = 'Write "on", "off", or its parameters.'
            raise InputError(f"{number} is {said!r}.", where=where, hint=hint, code="invalid")
    return found


def _check_parameter(number: str, name: str, value: Any, where: str) -> None:
    if name == "days_ahead":
        fits, form = type(value) is int and 0 <= value <= DAYS_AHEAD_MAX, f"a whole number up to {DAYS_AHEAD_MAX:,}"
    else:
        fits, form = isinstance(value, list) and all(isinstance(text, str) for text in value), "a list of texts"
    if not fits:
        raise InputError(f"{number}: {name} is not {form}.", where=where, code="invalid")


class Look:
    """One message under the rules: its parts by name, and what the rules found so far."""

    __slots__ = ("base", "body", "family", "findings", "group", "head", "more", "notes", "parts", "rules", "settings",
                 "txs")  # fmt: skip

    def __init__(self, parts: Parts, txs: list[Group], rules: RuleSet) -> None:
        self.parts = parts
        self.rules = rules
        self.settings = rules.settings
        self.family = parts.version[:8]
        (root, body), *_ = parts.body.items()
        self.base = f"/Document/{root}"
        self.body: Group = body if type(body) is dict else {}
        self.head = parts.head
        self.group: Group = self.body.get("GrpHdr") or self.body.get("Assgnmt") or {}
        self.txs = txs
        self.findings: list[Finding] = []
        self.notes: list[Finding] = []
        self.more = 0  # refusals beyond those that are kept

    def say(self, number: str, place: str | Element, what: str, *, hint: str = "", firm: bool = True) -> None:
        """A rule is broken. `firm`: it refuses unless the scheme turns it off; else only if the scheme turns it on."""
        setting = self.settings.get(number)
        if setting is False:
            return
        refuses = firm or setting is not None
        kept = self.findings if refuses else self.notes
        if len(kept) >= KEPT_MAX:  # a path among many thousand twins takes long; nobody reads the hundredth
            self.more += refuses
            return
        line = 0
        if not isinstance(place, str):
            line, place = place.sourceline or 0, path_of(place)
        elif not place.startswith("/"):
            place = f"{self.base}/{place}"
        kept.append(Finding("rules", number, place, line, what, hint))

    def path(self, name: str, index: int) -> str:
        """The path of a repeated element, numbered from 1 where there are several."""
        return f"{name}[{index + 1}]" if len(self.txs) > 1 else name


_TX = {
    "pacs.008": ("CdtTrfTxInf",),
    "pacs.009": ("CdtTrfTxInf",),
    "pacs.004": ("TxInf",),
    "pacs.002": ("TxInfAndSts",),
    "camt.056": ("Undrlyg", "TxInf"),
    "camt.029": ("CxlDtls", "TxInfAndSts"),
    "camt.052": ("Rpt",),
    "camt.053": ("Stmt",),
    "camt.054": ("Ntfctn",),
    "pain.001": ("PmtInf", "CdtTrfTxInf"),
    "camt.050": ("LqdtyCdtTrf",),
}


def payments(parts: Parts) -> list[Group]:
    """What `transactions` finds in a file that no schema has seen yet: nothing, if it is of an unknown kind."""
    family = parts.version[:8]
    body = next(iter(parts.body.values()), None)
    return transactions(family, body) if type(body) is dict and family in _TX else []


def transactions(family: str, body: Group) -> list[Group]:
    """The payments, statuses, returns or statements of a document, in its order."""
    found: list[Any] = [body]
    for name in _TX[family]:
        found = [tx for group in found if type(group) is dict for tx in many(group.get(name))]
    return [tx for tx in found if type(tx) is dict]


Check = Callable[[Look], None]


@cache
def checks(family: str, soft: bool) -> tuple[Check, ...]:
    """The rules' functions for one kind of message; without `soft`, those that can refuse without a scheme."""
    from concordat.clearing.iso import rules_links as links
    from concordat.clearing.iso import rules_money as money
    from concordat.clearing.iso import rules_parties as parties

    payments, returns, statements = ("pacs.008", "pacs.009"), ("pacs.004",), ("camt.053",)
    answers = ("pacs.002", "pacs.004", "camt.056", "camt.029")
    counted = (*payments, *returns, "camt.056", "pain.001")
    every = tuple(_TX)
    table: tuple[tuple[Check, tuple[str, ...], bool], ...] = (
        (money.currencies_and_decimals, every, False),
        (money.transaction_count, counted, False),
        (money.sums, counted, False),
        (links.header_definition, every, False),
        (parties.header_agents, every, False),
        (parties.countries, every, False),
        (links.unique_ids, payments, False),
        (links.message_id, every, True),
        (links.settlement_date, (*payments, *returns), False),
        (links.time_stamps, every, True),
        (money.charges, ("pacs.008",), False),
        (money.exchange_rate, (*payments, *returns), False),
        (links.corridor, payments, True),
        (parties.addresses, every, True),
        (parties.agent_by_bic, every, True),
        (parties.check_digits, every, False),
        (links.regulatory_reporting, ("pacs.008",), True),
        (links.remittance, payments, True),
        (links.known_payment, answers, False),
        (links.statement, statements, False),
        (parties.identified, ("pacs.008",), True),
    )
    return tuple(check for check, families, needs in table if family in families and (soft or not needs))


def run(parts: Parts, txs: list[Group], rules: RuleSet, *, notes: bool) -> tuple[list[Finding], int, list[Finding]]:
    """What the rules refuse, how many refusals more were not kept, and what they only note; by number."""
    look = Look(parts, txs, rules)
    # With a scheme even the soft rules may refuse; without one they cost time only if somebody wants the notes.
    for check in checks(look.family, notes or bool(rules.settings) or bool(rules.corridors)):
        check(look)
    look.findings.sort(key=_number)
    look.notes.sort(key=_number)
    return look.findings, look.more, look.notes


def _number(finding: Finding) -> str:
    return finding.code


def bic_of(agent: Any) -> str:
    """The BIC of an agent's or a header party's element, with XXX for a head office; empty where it has none."""
    try:
        bic: str = agent["FinInstnId"]["BICFI"]
    except (KeyError, TypeError):  # no agent, or one without a BIC
        return ""
    return bic if len(bic) == 11 else bic + "XXX"
