"""The keys that a scenario file may hold, as models: where data enters, strictly (`schema: concordat/scenario@1`).

Every kind of shock has its own model, so that a key that belongs to another kind is refused with the nearest one of its
own. What the keys mean: `scenario`. JSON Schema: `schema/scenario-1.json`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from concordat.impact.parameter_file import Id, Text

Code = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{2}$")]  # a table may call the rest of the world RoW
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.\-]*$", max_length=80)]
Percent = Annotated[float, Field(gt=-100, le=1000)]
Pairs = Literal["members"] | list[list[Code]]
Group = Literal["members", "all"] | list[Code]
Sectors = Text | list[Text]
DRAWS_MAX = 100_000
OF_PANEL = ("flows", "fit", "output", "unit", "missing", "aliases")
OF_TABLE = ("tariffs", "merge_sectors", "merge_economies", "drop", "final_demand")


class Strict(BaseModel):
    """A model that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class BlocKeys(Strict):
    """The members of a bloc on a day."""

    bloc: Text
    as_of: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class TermKeys(Strict):
    """One term of fitted flows: a column of the panel, its coefficient, and whether its logarithm enters."""

    column: Text
    parameter: Id
    log: bool = False


class BaseKeys(Strict):
    """The world before the shock."""

    panel: Text | None = None
    table: Text | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    year: int = Field(ge=1900, le=2100)
    flows: Literal["observed", "fitted"] = "observed"
    fit: list[TermKeys] = []
    members: list[Code] | BlocKeys
    output: Text | None = None
    unit: Text = "USD million"
    missing: Literal["refuse", "zero"] = "refuse"
    covers: list[Text] = []
    aliases: dict[str, Code] = {}
    tariffs: Text | None = None
    merge_sectors: dict[str, list[Text]] = {}
    merge_economies: dict[str, list[Text]] = {}
    drop: list[list[Text]] = []
    final_demand: Literal["refuse", "clip_and_rebalance"] = "refuse"

    @model_validator(mode="after")
    def _one(self) -> BaseKeys:
        if (self.panel is None) == (self.table is None):
            raise ValueError("give either panel (trade flows) or table (input-output, for multi_sector)")
        foreign = OF_PANEL if self.panel is None else OF_TABLE
        wrong = next((name for name in foreign if name in self.model_fields_set), None)
        if wrong is not None:
            raise ValueError(f"{wrong} belongs to a {'panel' if self.panel is None else 'table'}")
        if any(len(cell) != 2 for cell in self.drop):
            raise ValueError("drop names cells: [economy, industry]")
        if bool(self.fit) != (self.flows == "fitted"):
            raise ValueError(
                "flows: fitted needs fit (the terms of the gravity equation), and only fitted flows have it"
            )
        return self


class ElasticityKeys(Strict):
    """The trade elasticity: a parameter, or a value with the reason for it; by sector in the multi-sector model."""

    parameter: Id | None = None
    value: Annotated[float, Field(ge=0.25, le=100)] | None = None  # as `monte_carlo.THETA_MIN`, `THETA_MAX`
    reason: str = ""
    by_sector: dict[str, Id] = {}

    @model_validator(mode="after")
    def _one(self) -> ElasticityKeys:
        if (self.parameter is None) == (self.value is None):
            raise ValueError("give either parameter, or value with a reason")
        if self.value is not None and not self.reason:
            raise ValueError("a value without a distribution needs a reason")
        return self


class TransferKeys(Strict):
    """Money from one economy to another."""

    sender: Code = Field(alias="from")
    receiver: Code = Field(alias="to")
    amount: float = Field(gt=0)
    unit: Literal["USD_million"]
    numeraire: Literal["world_gdp"] = "world_gdp"


class SharingKeys(Strict):
    """The game whose gains `concordat sharing` divides."""

    game: Literal["cost_cut_among_members"] = "cost_cut_among_members"
    rules: list[Text] = Field(min_length=1)
    outsiders: Literal["stay_at_baseline"] = "stay_at_baseline"


class ScenarioFile(Strict):
    """A whole scenario; its shocks are checked one by one, each by its own model."""

    schema_: Literal["concordat/scenario@1"] = Field(alias="schema")
    scenario: Name
    title: Annotated[str, Field(min_length=1, max_length=200)]
    note: str = ""
    base: BaseKeys
    model: Literal["one_sector", "multi_sector"] = "one_sector"
    closure: Literal["multiplicative", "additive", "balanced"] = "multiplicative"
    deficits: Literal["kept", "zero_first"] = "kept"
    numeraire: Annotated[str, Field(pattern=r"^(world_gdp|(price|wage):[A-Z]{3})$")] = "world_gdp"
    elasticity: ElasticityKeys
    parameters: list[Text] = []
    shocks: list[dict[str, Any]] = []
    transfers: list[TransferKeys] = []
    quote: list[Id] = []
    sharing: SharingKeys | None = None
    outputs: list[Literal["real_income_pct", "real_income_usd", "real_wage_pct", "tariff_revenue_usd", "trade"]] = []
    draws: int = Field(1000, ge=0, le=DRAWS_MAX)
    seed: int = Field(ge=0, le=2**53 - 1)
    starts: int = Field(5, ge=0, le=100)
    on_failure: Literal["stop", "drop"] = "stop"
    missing_members: Literal["refuse", "report"] = "refuse"
    allow_unverified: bool = False

    @model_validator(mode="after")
    def _something(self) -> ScenarioFile:
        if not self.shocks and not self.transfers:
            raise ValueError("nothing happens: give shocks or transfers")
        return self


# --- Shocks -----------------------------------------------------------------------------------------------------------


class _WhoKeys(Strict):
    """Which ordered pairs: exporter first."""

    pairs: Pairs | None = None
    exporters: Group | None = None
    importers: Group | None = None
    both_ways: bool | None = None
    note: str = ""

    @model_validator(mode="after")
    def _who(self) -> _WhoKeys:
        if (self.pairs is None) == (self.exporters is None and self.importers is None):
            raise ValueError("say for whom: either pairs, or exporters and importers (one of them at least)")
        if isinstance(self.pairs, list):
            wrong = next((p for p in self.pairs if len(p) != 2 or p[0] == p[1]), None)
            if not self.pairs or wrong is not None:
                raise ValueError("pairs are [exporter, importer], two different economies each")
        return self


class RtaSwitchKeys(_WhoKeys):
    """An agreement between two comes into force: an effect on flows (or a cost change, if the parameter is one)."""

    kind: Literal["rta_switch"]
    parameter: Id
    multiplier: Id | None = None
    sector: Sectors | None = None


class CostChangeKeys(_WhoKeys):
    """Trade cost changes: by a percentage with a reason, by a parameter, or by an elasticity times a percentage."""

    kind: Literal["cost_change"]
    sector: Sectors | None = None
    percent: Percent | None = None
    parameter: Id | None = None
    reason: str = ""


class TariffKeys(_WhoKeys):
    """Tariffs are set to a rate, in percent."""

    kind: Literal["tariff"]
    sector: Sectors | None = None
    to: float = Field(ge=0, le=1000)


class DstriChangeKeys(Strict):
    """The index of restrictions on digital services moves."""

    kind: Literal["dstri_change"]
    country: Code
    start: float = Field(alias="from", ge=0, le=1)
    end: float = Field(alias="to", ge=0, le=1)
    parameter: Id
    partners: Group = "all"
    sector: Sectors | None = None
    note: str = ""


class ConnectivityKeys(Strict):
    """A measure of connectivity, in percent (0 to 100), moves, of a country or of pairs."""

    kind: Literal["connectivity"]
    country: Code | None = None
    pairs: Pairs | None = None
    start: float = Field(alias="from", ge=0, le=100)
    end: float = Field(alias="to", ge=0, le=100)
    parameter: Id
    multiplier: Id | None = None
    partners: Group = "all"
    sector: Sectors | None = None
    note: str = ""

    @model_validator(mode="after")
    def _who(self) -> ConnectivityKeys:
        if (self.country is None) == (self.pairs is None):
            raise ValueError("give either country or pairs")
        return self


class TransferShockKeys(TransferKeys):
    """As under `transfers`."""

    kind: Literal["transfer"]
    note: str = ""


class ProductivityKeys(Strict):
    """A country makes more from the same: its unit cost falls, at home and abroad."""

    kind: Literal["productivity"]
    country: Code
    sector: Sectors | None = None
    percent: Percent | None = None
    parameter: Id | None = None
    reason: str = ""
    note: str = ""


class DemandKeys(Strict):
    """Final demand rises."""

    kind: Literal["demand"]
    country: Code
    sector: Text
    amount: float
    note: str = ""


class InvestmentKeys(Strict):
    """Money spent on connecting people: the cost beside a `connectivity` shock of the same country."""

    kind: Literal["investment"]
    country: Code
    scope: Literal["coverage", "affordable", "meaningful"]
    budget: float = Field(gt=0)
    note: str = ""


SHOCKS: dict[str, type[Strict]] = {
    "rta_switch": RtaSwitchKeys,
    "cost_change": CostChangeKeys,
    "dstri_change": DstriChangeKeys,
    "connectivity": ConnectivityKeys,
    "tariff": TariffKeys,
    "transfer": TransferShockKeys,
    "productivity": ProductivityKeys,
    "demand": DemandKeys,
    "investment": InvestmentKeys,
}


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a scenario, as shipped in `schema/scenario-1.json`; each shock is one of the nine kinds."""
    schema = ScenarioFile.model_json_schema(by_alias=True)
    defs = schema.setdefault("$defs", {})
    for model in SHOCKS.values():
        made = model.model_json_schema(by_alias=True)
        defs.update(made.pop("$defs", {}))
        defs[model.__name__] = made
    schema["properties"]["shocks"]["items"] = {"oneOf": [{"$ref": f"#/$defs/{m.__name__}"} for m in SHOCKS.values()]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/scenario@1", **schema}
