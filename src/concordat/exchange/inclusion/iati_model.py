"""What is kept of an IATI activity as values, and in which order the elements stand: one table for reading and writing.

Each kind of element is a frozen class. A `Shape` says which attribute and which child goes to which field, and in which
sequence the schema wants all children. What has no field (extensions in other namespaces, elements we don't work with)
is carried in `rest`: attributes as pairs, elements as canonical XML, so that nothing is lost on the way through.
Numbers, percentages and dates stay the text that was written.

Source: IATI Standard 2.03, `iati-activities-schema.xsd` (a test holds these tables to it). Left out on purpose:
`contact-info`, which names persons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

LANG = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Rest:
    """What an element holds besides the fields: attributes by full name, sorted; child elements as canonical XML."""

    attributes: tuple[tuple[str, str], ...] = ()
    elements: tuple[str, ...] = ()


NOTHING = Rest()


@dataclass(frozen=True, slots=True)
class Words:
    """A `narrative`: a text in one language; empty `lang` means the activity's default language."""

    text: str = ""
    lang: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Name:
    """The identifier of an activity."""

    text: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Texts:
    """A title, description, comment or condition in several languages. `type` is a code, where there is one."""

    narratives: tuple[Words, ...] = ()
    type: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Code:
    """An element that is a code of some list: sector, country, region, marker, aid type, flow, finance, status.

    Attributes:
        percentage: a decimal as written, of the whole activity. significance: of a policy marker.
    """

    code: str = ""
    vocabulary: str = ""
    vocabulary_uri: str = ""
    percentage: str = ""
    significance: str = ""
    narratives: tuple[Words, ...] = ()
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Day:
    """A date, as written; `type` is its code (1 planned start, 2 actual start, 3 planned end, 4 actual end)."""

    iso_date: str = ""
    type: str = ""
    narratives: tuple[Words, ...] = ()
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Org:
    """An organisation and the part that it plays; `type` and `role` are IATI codes, `ref` its identifier."""

    ref: str = ""
    type: str = ""
    role: str = ""
    activity: str = ""
    channel: str = ""
    secondary: str = ""
    narratives: tuple[Words, ...] = ()
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Value:
    """An amount of money as written; an empty currency means the activity's default one."""

    amount: str = ""
    currency: str = ""
    value_date: str = ""
    rest: Rest = NOTHING

    @property
    def number(self) -> Decimal:
        """The amount, exactly."""
        return Decimal(self.amount.strip())


@dataclass(frozen=True, slots=True)
class Budget:
    """A budget, or a planned disbursement (which alone has organisations), for a period."""

    start: Day | None = None
    end: Day | None = None
    value: Value | None = None
    type: str = ""
    status: str = ""
    provider: Org | None = None
    receiver: Org | None = None
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Transaction:
    """Money committed, paid or received."""

    type: Code | None = None
    date: Day | None = None
    value: Value | None = None
    description: Texts | None = None
    provider: Org | None = None
    receiver: Org | None = None
    channel: Code | None = None
    sectors: tuple[Code, ...] = ()
    country: Code | None = None
    region: Code | None = None
    flow_type: Code | None = None
    finance_type: Code | None = None
    aid_types: tuple[Code, ...] = ()
    tied_status: Code | None = None
    ref: str = ""
    humanitarian: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Figure:
    """A baseline, target or actual value of an indicator."""

    value: str = ""
    year: str = ""
    iso_date: str = ""
    comment: Texts | None = None
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Period:
    """What was aimed at and reached in a period."""

    start: Day | None = None
    end: Day | None = None
    targets: tuple[Figure, ...] = ()
    actuals: tuple[Figure, ...] = ()
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Indicator:
    """What a result is measured by."""

    title: Texts | None = None
    description: Texts | None = None
    baselines: tuple[Figure, ...] = ()
    periods: tuple[Period, ...] = ()
    measure: str = ""
    ascending: str = ""
    aggregation: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Result:
    """An output, outcome or impact with its indicators."""

    title: Texts | None = None
    description: Texts | None = None
    indicators: tuple[Indicator, ...] = ()
    type: str = ""
    aggregation: str = ""
    rest: Rest = NOTHING


@dataclass(frozen=True, slots=True)
class Activity:
    """One `iati-activity`. Attributes that are absent are empty text."""

    identifier: Name | None = None
    reporting_org: Org | None = None
    title: Texts | None = None
    descriptions: tuple[Texts, ...] = ()
    orgs: tuple[Org, ...] = ()
    status: Code | None = None
    dates: tuple[Day, ...] = ()
    countries: tuple[Code, ...] = ()
    regions: tuple[Code, ...] = ()
    sectors: tuple[Code, ...] = ()
    policy_markers: tuple[Code, ...] = ()
    flow_type: Code | None = None
    finance_type: Code | None = None
    aid_types: tuple[Code, ...] = ()
    tied_status: Code | None = None
    budgets: tuple[Budget, ...] = ()
    planned: tuple[Budget, ...] = ()
    transactions: tuple[Transaction, ...] = ()
    results: tuple[Result, ...] = ()
    lang: str = ""
    currency: str = ""
    updated: str = ""
    humanitarian: str = ""
    hierarchy: str = ""
    linked_data_uri: str = ""
    budget_not_provided: str = ""
    rest: Rest = NOTHING

    @property
    def id(self) -> str:
        """The activity's identifier."""
        return self.identifier.text.strip() if self.identifier else ""


@dataclass(frozen=True, slots=True)
class Activities:
    """One IATI file: its activities in order, and the attributes of the list."""

    activities: tuple[Activity, ...] = ()
    version: str = "2.03"
    generated: str = ""
    linked_data_default: str = ""
    rest: Rest = NOTHING


# --- The tables ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """How one kind of element is read and written.

    Attributes:
        make: its class. attributes: name in the file -> field. text: the field of the element's own text, if any.
        children: name in the file -> (field, shape, whether it may be repeated), in the schema's sequence; None for a
            child that is carried as it is.
        dropped: children that are not taken over at all.
    """

    make: type
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: Mapping[str, tuple[str, Shape, bool] | None] = field(default_factory=dict)
    text: str = ""
    dropped: tuple[str, ...] = ()


def _one(name: str, shape: Shape) -> tuple[str, Shape, bool]:
    return (name, shape, False)


def _many(name: str, shape: Shape) -> tuple[str, Shape, bool]:
    return (name, shape, True)


NARRATIVE = Shape(Words, {LANG: "lang"}, text="text")
_SAID: dict[str, tuple[str, Shape, bool] | None] = {"narrative": _many("narratives", NARRATIVE)}
TEXTS = Shape(Texts, {}, _SAID)
DESCRIPTION = Shape(Texts, {"type": "type"}, _SAID)
_CODE, _VOCABULARY = {"code": "code"}, {"vocabulary": "vocabulary"}
_URI, _SHARE = {"vocabulary-uri": "vocabulary_uri"}, {"percentage": "percentage"}
BARE = Shape(Code, _CODE)
AID_TYPE = Shape(Code, _CODE | _VOCABULARY)
COUNTRY = Shape(Code, _CODE | _SHARE, _SAID)
REGION = Shape(Code, _CODE | _VOCABULARY | _URI | _SHARE, _SAID)
SECTOR = Shape(Code, _VOCABULARY | _URI | _CODE | _SHARE, _SAID)
MARKER = Shape(Code, _VOCABULARY | _URI | _CODE | {"significance": "significance"}, _SAID)
WHEN = Shape(Day, {"iso-date": "iso_date"})
DATED = Shape(Day, {"type": "type", "iso-date": "iso_date"}, _SAID)
_ORG = {"ref": "ref", "type": "type"}
REPORTING = Shape(Org, _ORG | {"secondary-reporter": "secondary"}, _SAID)
TAKING_PART = Shape(Org, _ORG | {"role": "role", "activity-id": "activity", "crs-channel-code": "channel"}, _SAID)
PROVIDER = Shape(Org, _ORG | {"provider-activity-id": "activity"}, _SAID)
RECEIVER = Shape(Org, _ORG | {"receiver-activity-id": "activity"}, _SAID)
MONEY = Shape(Value, {"currency": "currency", "value-date": "value_date"}, text="amount")
_PERIOD: dict[str, tuple[str, Shape, bool] | None] = {
    "period-start": _one("start", WHEN),
    "period-end": _one("end", WHEN),
}
BUDGET = Shape(Budget, {"type": "type", "status": "status"}, {**_PERIOD, "value": _one("value", MONEY)})
PLANNED = Shape(
    Budget,
    {"type": "type"},
    {
        **_PERIOD,
        "value": _one("value", MONEY),
        "provider-org": _one("provider", PROVIDER),
        "receiver-org": _one("receiver", RECEIVER),
    },
)
TRANSACTION = Shape(
    Transaction,
    {"ref": "ref", "humanitarian": "humanitarian"},
    {
        "transaction-type": _one("type", BARE),
        "transaction-date": _one("date", WHEN),
        "value": _one("value", MONEY),
        "description": _one("description", TEXTS),
        "provider-org": _one("provider", PROVIDER),
        "receiver-org": _one("receiver", RECEIVER),
        "disbursement-channel": _one("channel", BARE),
        "sector": _many("sectors", Shape(Code, _VOCABULARY | _URI | _CODE, _SAID)),
        "recipient-country": _one("country", Shape(Code, _CODE, _SAID)),
        "recipient-region": _one("region", Shape(Code, _CODE | _VOCABULARY | _URI, _SAID)),
        "flow-type": _one("flow_type", BARE),
        "finance-type": _one("finance_type", BARE),
        "aid-type": _many("aid_types", AID_TYPE),
        "tied-status": _one("tied_status", BARE),
    },
)
AIM = Shape(
    Figure,
    {"value": "value"},
    {"location": None, "dimension": None, "comment": _one("comment", TEXTS), "document-link": None},
)
BASELINE = Shape(
    Figure,
    {"iso-date": "iso_date", "year": "year", "value": "value"},
    {"location": None, "dimension": None, "document-link": None, "comment": _one("comment", TEXTS)},
)
PERIOD = Shape(Period, {}, {**_PERIOD, "target": _many("targets", AIM), "actual": _many("actuals", AIM)})
INDICATOR = Shape(
    Indicator,
    {"measure": "measure", "ascending": "ascending", "aggregation-status": "aggregation"},
    {
        "title": _one("title", TEXTS),
        "description": _one("description", TEXTS),
        "document-link": None,
        "reference": None,
        "baseline": _many("baselines", BASELINE),
        "period": _many("periods", PERIOD),
    },
)
RESULT = Shape(
    Result,
    {"type": "type", "aggregation-status": "aggregation"},
    {
        "title": _one("title", TEXTS),
        "description": _one("description", TEXTS),
        "document-link": None,
        "reference": None,
        "indicator": _many("indicators", INDICATOR),
    },
)
ACTIVITY = Shape(
    Activity,
    {
        "last-updated-datetime": "updated",
        LANG: "lang",
        "default-currency": "currency",
        "humanitarian": "humanitarian",
        "hierarchy": "hierarchy",
        "linked-data-uri": "linked_data_uri",
        "budget-not-provided": "budget_not_provided",
    },
    {
        "iati-identifier": _one("identifier", Shape(Name, text="text")),
        "reporting-org": _one("reporting_org", REPORTING),
        "title": _one("title", TEXTS),
        "description": _many("descriptions", DESCRIPTION),
        "participating-org": _many("orgs", TAKING_PART),
        "other-identifier": None,
        "activity-status": _one("status", BARE),
        "activity-date": _many("dates", DATED),
        "activity-scope": None,
        "recipient-country": _many("countries", COUNTRY),
        "recipient-region": _many("regions", REGION),
        "location": None,
        "sector": _many("sectors", SECTOR),
        "tag": None,
        "country-budget-items": None,
        "humanitarian-scope": None,
        "policy-marker": _many("policy_markers", MARKER),
        "collaboration-type": None,
        "default-flow-type": _one("flow_type", BARE),
        "default-finance-type": _one("finance_type", BARE),
        "default-aid-type": _many("aid_types", AID_TYPE),
        "default-tied-status": _one("tied_status", BARE),
        "budget": _many("budgets", BUDGET),
        "planned-disbursement": _many("planned", PLANNED),
        "capital-spend": None,
        "transaction": _many("transactions", TRANSACTION),
        "document-link": None,
        "related-activity": None,
        "legacy-data": None,
        "conditions": None,
        "result": _many("results", RESULT),
        "crs-add": None,
        "fss": None,
    },
    dropped=("contact-info",),
)
ACTIVITIES = Shape(
    Activities,
    {"version": "version", "generated-datetime": "generated", "linked-data-default": "linked_data_default"},
    {"iati-activity": _many("activities", ACTIVITY)},
)


def plain(value: Any) -> Any:
    """A value of this module for JSON: only what is filled, names as in the classes."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        filled = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
        return {name: plain(item) for name, item in filled if item not in ("", (), None, NOTHING)}
    return value
