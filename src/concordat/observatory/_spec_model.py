"""The index file as it is written: pydantic models, where data enters. `spec` turns them into frozen plain objects.

Each step's model has the fields of its options in `stages.options`, and the words of the file. Unknown keys are errors.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.\-]*$", max_length=80)]
Pair = Annotated[list[float], Field(min_length=2, max_length=2)]

NormaliseMethod = Literal[
    "goalposts", "minmax", "zscore", "rank", "borda", "prank", "dist2max", "dist2ref", "dist2targ", "scaled",
    "fracmax", "piecewise", "categorical", "robust",
]  # fmt: skip
ImputeMethod = Literal[
    "none", "mean", "median", "group_mean", "group_median", "row", "regression", "knn", "em", "latest", "constant",
    "linear", "log_linear", "diffusion",
]  # fmt: skip
AggregateMethod = Literal[
    "arithmetic", "geometric", "harmonic", "power", "median", "copeland", "owa", "mpi", "ampi", "mean_min", "wroclaw",
    "bod", "common_weights", "order_m", "none",
]  # fmt: skip


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class ErrorKeys(_Strict):
    """How wrong a figure may be: a standard deviation, a relative one, or the evidence interval (uniform)."""

    sd: Positive | None = None
    relative_sd: Positive | None = None
    interval: Literal["evidence"] | None = None

    @model_validator(mode="after")
    def _one(self) -> ErrorKeys:
        if sum(v is not None for v in (self.sd, self.relative_sd, self.interval)) != 1:
            raise ValueError("give one of sd, relative_sd, interval: evidence")
        return self


class IndicatorKeys(_Strict):
    """An indicator of the tree."""

    id: Name
    title: str = ""
    direction: Literal["up", "down"]
    weight: float = 1.0
    transform: Literal["none", "log", "log1p", "log10", "sqrt"] = "none"
    goalposts: Pair | None = None
    method: NormaliseMethod | None = None
    target: float | None = None
    reference: str | None = None
    points: list[Pair] = []
    categories: list[Pair] = []
    truncate: bool | None = None
    error: ErrorKeys | None = None
    unit: str = ""
    breakdown: str = ""
    bounds: list[float | None] | None = Field(None, min_length=2, max_length=2)
    source: str = ""
    rationale: str = ""


class PillarKeys(_Strict):
    """A parent: indicators, or parents again."""

    pillar: Name
    title: str = ""
    weight: float = 1.0
    rationale: str = ""
    indicators: list[IndicatorKeys] = []
    pillars: list[PillarKeys] = []

    @model_validator(mode="after")
    def _children(self) -> PillarKeys:
        if bool(self.indicators) == bool(self.pillars):
            both = "both indicators and pillars" if self.indicators else "neither indicators nor pillars"
            raise ValueError(f'"{self.pillar}" has {both}: give one list that is not empty')
        return self


class DenominatorKeys(_Strict):
    """What an indicator is divided by."""

    by: Name
    per: Positive = 1.0


class ImputeKeys(_Strict):
    """The step `impute`."""

    method: ImputeMethod = "none"
    within: Literal["pillar", "all"] = "pillar"
    group: Literal["", "region", "income"] = ""
    k: int = Field(5, ge=1)
    draws: int = Field(0, ge=0, le=1000)
    max_age: int | None = Field(default=None, ge=0)
    ridge: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> ImputeKeys:
        if self.draws and self.method != "em":
            raise ValueError("draws of multiple imputation need method: em")
        if self.method.startswith("group_") and not self.group:
            raise ValueError(f"method {self.method} needs group: region or income")
        return self


class ScreenKeys(_Strict):
    """The step `screen`."""

    min_share: Share | None = 2 / 3
    min_nonzero: Share | None = 0.05
    keep: list[str] = []
    drop: list[str] = []


class TreatKeys(_Strict):
    """The step `treat`."""

    rule: Literal["skew_kurtosis", "none"] = "skew_kurtosis"
    skew: Positive = 2.0
    kurtosis: Positive = 3.5
    winsorise_max: int = Field(5, ge=0)
    then: Literal["none", "log_ct", "log_ct_plus", "log_ct_orig", "log_gii", "box_cox"] = "log_ct"
    box_cox_lambda: float = 0.0
    combine: bool = False
    over: Literal["year", "all_years"] = "year"


class NormaliseKeys(_Strict):
    """The step `normalise`."""

    method: NormaliseMethod = "minmax"
    scale: Positive = 100.0
    lower: float = 0.0
    upper: float = 100.0
    mean: float = 0.0
    sd: Positive = 1.0
    scaled_from: Pair = [0.0, 1.0]
    ties: Literal["min", "max", "average"] = "min"
    cap: bool = False
    truncate: bool = True
    floor: float | None = None
    over: Literal["year", "all_years", "base_year", "given"] = "year"
    base_year: int | None = None

    @model_validator(mode="after")
    def _fits(self) -> NormaliseKeys:
        if (self.over == "base_year") != (self.base_year is not None):
            raise ValueError("over: base_year and base_year: YEAR go together")
        if not self.upper > self.lower:
            raise ValueError("upper must be above lower")
        return self


class WeightsKeys(_Strict):
    """The step `weights`."""

    method: Literal["given", "equal", "pca", "factor", "optimise", "entropy", "critic", "ahp", "ballots"] = "given"
    objective: Literal["balance", "infomax"] = "balance"
    target: dict[str, Positive] = {}
    allow_negative: bool = False
    matrices: dict[str, list[list[Positive]]] = {}
    file: str = ""
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> WeightsKeys:
        if (self.method == "ballots") != bool(self.file):
            raise ValueError("method: ballots and file: BALLOTS.csv go together")
        if (self.method == "ahp") != bool(self.matrices):
            raise ValueError("method: ahp and matrices go together")
        return self


class ShareKeys(_Strict):
    """Bounds on a child's share of the score, for benefit of the doubt."""

    at_least: Share = 0.0
    at_most: Share = 1.0


class AggregateKeys(_Strict):
    """The step `aggregate`."""

    default: AggregateMethod = "arithmetic"
    top: AggregateMethod | None = None
    nodes: dict[str, AggregateMethod] = {}
    min_share: Share = 0.5
    p: float = 1.0
    owa: Literal["", "at_least_j", "more_than_j", "weights"] = ""
    owa_j: int = Field(1, ge=1)
    owa_weights: list[float] = []
    sign: Literal[1, -1] = 1
    reference: str = "mean"
    alpha: float = 1.0
    beta: float = 0.0
    shares: dict[str, ShareKeys] = {}
    draws: int = Field(200, ge=1)
    m: int = Field(10, ge=1)
    seed: int = Field(0, ge=0)


STEP_MODELS: dict[str, type[BaseModel]] = {
    "impute": ImputeKeys,
    "screen": ScreenKeys,
    "treat": TreatKeys,
    "normalise": NormaliseKeys,
    "weights": WeightsKeys,
    "aggregate": AggregateKeys,
}


class StepKeys(_Strict):
    """One step: a single key, and a name where the same step is used twice."""

    name: str = ""
    denominate: dict[Name, DenominatorKeys] | None = None
    impute: ImputeKeys | None = None
    screen: ScreenKeys | None = None
    treat: TreatKeys | None = None
    normalise: NormaliseKeys | None = None
    weights: WeightsKeys | None = None
    aggregate: AggregateKeys | None = None

    @model_validator(mode="after")
    def _one(self) -> StepKeys:
        if len(self.stages()) != 1:
            raise ValueError(f"a step holds exactly one of denominate, {', '.join(STEP_MODELS)}")
        return self

    def stages(self) -> list[str]:
        """The keys given."""
        return [k for k in ("denominate", *STEP_MODELS) if getattr(self, k) is not None]


class UnitsKeys(_Strict):
    """Who is ranked: a bloc on a day, or a list."""

    bloc: str = ""
    as_of: str = ""
    countries: list[str] = []
    with_: list[Literal["invited"]] = Field([], alias="with")
    compare_with: list[str] = []

    @model_validator(mode="after")
    def _one(self) -> UnitsKeys:
        if bool(self.bloc) == bool(self.countries):
            raise ValueError("give one of bloc, countries")
        return self


class DataKeys(_Strict):
    """Which figures are used."""

    release: str = "auto"
    years: str | int = ""
    take: Literal["latest", "panel", "common"] = "latest"
    max_age: int | None = Field(default=None, ge=0)
    allow: list[str] = []

    @field_validator("years", mode="after")
    @classmethod
    def _range(cls, value: str | int) -> str:
        import re

        text = str(value)
        if text and not re.fullmatch(r"\d{4}(\.\.\d{4})?", text):
            raise ValueError("write years as 2024 or 2010..2025")
        return text


class UncertaintyKeys(_Strict):
    """What is varied, how often, from which seed."""

    runs: int = Field(16384, ge=2, le=4_194_304)
    seed: int = Field(0, ge=0)
    vary: dict[str, Any] = {}
    target: list[Literal["rank", "score", "mean_abs_rank_change", "top"]] = ["rank", "score", "mean_abs_rank_change"]
    on_error: Literal["stop", "drop"] = "stop"
    top: list[Annotated[int, Field(ge=1)]] = Field([3, 5, 10], min_length=1)


class IndexFile(_Strict):
    """A whole index file, `schema: concordat/index@1`."""

    schema_: str = Field(alias="schema")
    index: Name
    kind: Literal["index", "dashboard"] = "index"
    status: Literal["own", "verified", "calibrated", "unverified"] = "own"
    title: str = Field(min_length=1, max_length=200)
    edition: int | str = ""
    licence: str = ""
    sources: list[str] = []
    note: str = ""
    compat: Literal["", "coinr-1.1.14"] = ""
    units: UnitsKeys | None = None
    data: DataKeys = Field(default_factory=DataKeys)
    tree: list[PillarKeys] = Field(min_length=1)
    steps: list[StepKeys] = Field(min_length=1)
    uncertainty: UncertaintyKeys | None = None
    validators: list[Name] = []

    @model_validator(mode="after")
    def _honest(self) -> IndexFile:
        if self.status in ("unverified", "calibrated") and not self.title.endswith("-style"):
            raise ValueError(f'status {self.status}: the title must end in "-style", for it is not the official index')
        return self


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an index file, as shipped in `schema/index-1.json`."""
    schema = IndexFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "concordat/index@1", **schema}
