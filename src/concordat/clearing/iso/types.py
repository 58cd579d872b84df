"""ISO 20022 messages as typed values: what the ledger needs of each, under the standard's own ideas.

Amounts are exact decimals with a currency here, at the edge; `minor` gives the ledger's integer. Times and dates stay
the text of the message, so that what is read can be written again; an absent text is empty, an absent amount None. A
message is a header, an id, a creation time, and its items: one class for each kind of message below. What is not
kept: what no rule of the ledger needs (addresses beyond town and country, structured remittance, card data); the
bytes of the message stay the record.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from concordat.clearing.iso.rules_money import settled
from concordat.errors import InputError

MINOR_BOUND = 10**18


@dataclass(frozen=True, slots=True)
class Amount:
    """Money as a message states it."""

    value: Decimal
    currency: str

    @property
    def minor(self) -> int:
        """The amount in minor units of its currency: 12.50 EUR is 1250.

        Raises:
            InputError: the currency does not settle, the amount has more decimals than it, or reaches 10^18.
        """
        places = settled().get(self.currency)
        if places is None:
            raise InputError(f"{self.currency} is not money that can settle.", code="unknown_currency")
        scaled = self.value.scaleb(places)
        if scaled != scaled.to_integral_value():
            raise InputError(f"{self.value:f} {self.currency} has more than {places} decimals.", code="decimals")
        if abs(scaled) >= MINOR_BOUND:
            raise InputError(f"{self.value:f} {self.currency} is beyond 10^18 minor units.", code="too_large")
        return int(scaled)


@dataclass(frozen=True, slots=True)
class Header:
    """The business application header. `copy`: CODU, COPY or DUPL."""

    sender_bic: str
    receiver_bic: str
    message_id: str
    definition: str
    created: str
    service: str = ""
    copy: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A debtor or creditor who is a customer."""

    name: str = ""
    town: str = ""
    country: str = ""
    identifier: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class CustomerPayment:
    """One customer credit transfer between banks (pacs.008)."""

    uetr: str
    end_to_end_id: str
    amount: Amount
    settlement_date: str
    instructing_bic: str
    instructed_bic: str
    debtor: Party
    debtor_agent_bic: str
    creditor: Party
    creditor_agent_bic: str
    instruction_id: str = ""
    transaction_id: str = ""
    settlement_method: str = ""
    instructed: Amount | None = None
    exchange_rate: Decimal | None = None
    charge_bearer: str = ""
    purpose: str = ""
    remittance: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BankPayment:
    """One credit transfer for the banks' own account (pacs.009). `cover`: it covers a customer's payment."""

    uetr: str
    end_to_end_id: str
    amount: Amount
    settlement_date: str
    instructing_bic: str
    instructed_bic: str
    debtor_bic: str
    creditor_bic: str
    instruction_id: str = ""
    transaction_id: str = ""
    settlement_method: str = ""
    purpose: str = ""
    cover: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """What became of one payment (pacs.002): ACSC settled, PDNG queued or held, RJCT with a reason."""

    uetr: str
    status: str
    reason: str = ""
    texts: tuple[str, ...] = ()
    original_message_id: str = ""
    original_message: str = ""
    instruction_id: str = ""
    end_to_end_id: str = ""
    transaction_id: str = ""
    accepted: str = ""
    settlement_date: str = ""
    clearing_reference: str = ""
    instructing_bic: str = ""
    instructed_bic: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    """Money of an earlier payment sent back (pacs.004); `uetr` is the original payment's."""

    uetr: str
    return_id: str
    amount: Amount
    settlement_date: str
    reason: str
    instructing_bic: str
    instructed_bic: str
    original_message_id: str = ""
    end_to_end_id: str = ""


@dataclass(frozen=True, slots=True)
class Recall:
    """A request to give back or not to execute a payment (camt.056)."""

    uetr: str
    case_id: str
    reason: str
    assigner_bic: str
    assignee_bic: str
    amount: Amount | None = None
    original_message_id: str = ""
    end_to_end_id: str = ""
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecallAnswer:
    """The answer to a recall (camt.029). `confirmation`: CNCL, RJCR, PDCR and the like, of the whole answer."""

    uetr: str
    case_id: str
    confirmation: str
    status: str
    reason: str
    assigner_bic: str
    assignee_bic: str
    texts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """One balance of a statement: OPBD, CLBD, ITBD and the like; negative when it is a debit balance."""

    kind: str
    amount: Amount
    date: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking. The amount is positive; `credit` says which side. `transaction_code`: domain, family, sub-family."""

    reference: str
    amount: Amount
    credit: bool
    booked: str
    value_date: str = ""
    status: str = "BOOK"
    reversal: bool = False
    servicer_reference: str = ""
    transaction_code: tuple[str, str, str] = ("PMNT", "RCDT", "XBCT")
    uetr: str = ""
    end_to_end_id: str = ""
    instruction_id: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """One account's statement (camt.053), report within the day (camt.052) or notification (camt.054)."""

    id: str
    account: str
    currency: str
    balances: tuple[Balance, ...] = ()
    entries: tuple[Entry, ...] = ()
    sequence: int | None = None
    created: str = ""
    servicer_bic: str = ""


Item: TypeAlias = CustomerPayment | BankPayment | Status | Return | Recall | RecallAnswer | Statement


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `definition`: as `pacs.008.001.08`. `items`: empty for camt.050 and pain.001, which have no type."""

    definition: str
    message_id: str
    created: str
    items: tuple[Item, ...] = ()
    header: Header | None = None
