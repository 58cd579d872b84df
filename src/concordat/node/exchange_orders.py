"""The orders that the command line gives to the exchange of a running node, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from concordat.node.exchange_agreements import agreements, answer, duty
from concordat.node.exchange_get import get
from concordat.node.exchange_look import look
from concordat.node.exchange_service import ExchangeService
from concordat.node.incident_fetch import fetch
from concordat.node.question_texts import read_text

Order = Callable[[ExchangeService, Mapping[str, Any]], Awaitable[dict[str, Any]]]
ORDERS: Mapping[str, Order] = {
    "agreements": agreements, "answer": answer, "catalog": look, "duty": duty, "get": get,
    "incidents": fetch, "question": read_text,
}  # fmt: skip
