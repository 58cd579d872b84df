"""The body of each of the 23 types of exchange entry; `events` says which they are.

An object is named by its author and its own id, so that two members may use the same id; what another member owns is
named by `owner` and id. Documents (offer, case, record, report, question) lie beside the log under `document`.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from concordat.exchange._body import (
    Blob,
    Body,
    Count,
    Day,
    FintechArea,
    Hash,
    Id,
    Instant,
    Issn,
    Label,
    Language,
    MediaType,
    MemberId,
    Sector,
    Some,
    StixId,
    Uuid,
    Version,
    Year,
)

CaseKind = Literal[
    "guidance", "policy_note", "practice", "regulatory", "research_output", "sandbox", "social_innovation"
]  # fmt: skip
OwnerType = Literal["academia", "civil_society", "company", "government", "international", "other"]
Few = Field(max_length=32)


# --- Data -----------------------------------------------------------------------------------------------------------


class FileBody(Body):
    """One file of a dataset. Its hash is unsalted: the catalogue publishes the same checksum, by which it is proven."""

    hash: Hash
    bytes: Count
    format: MediaType


class DatasetOfferedBody(Body):
    """Author: who offers. `policy` is the SHA-256 of the canonical ODRL offer; `uuid` its name in catalogues."""

    dataset: Id
    version: Version
    uuid: Uuid
    access: Literal["public", "restricted"]
    kind: Literal["data", "sandbox"] = "data"
    document: Blob
    policy: Hash
    files: Annotated[list[FileBody], Field(min_length=1, max_length=256)]
    fintech_area: Annotated[list[FintechArea], Few] = []


class DatasetWithdrawnBody(Body):
    dataset: Id
    version: Version
    reason: Literal["error", "expired", "other", "rights", "superseded"]


class _Agreement(Body):
    """`hash` is the SHA-256 of the canonical Agreement, of which both sides keep the text."""

    agreement: Uuid
    hash: Hash
    provider: MemberId
    consumer: MemberId


class AgreementReachedBody(_Agreement):
    """Author: the provider. `offered` is the entry that offered the dataset."""

    dataset: Id
    version: Version
    offered: Hash | None = None
    until: Day | None = None


class DutyBody(Body):
    """One promise of an agreement: its place among them from 1 on, what kind it is, and its day if it has one."""

    number: Annotated[int, Field(ge=1, le=64)]
    duty: Literal["attribute", "delete", "inform", "other"]
    due: Day | None = None


class AgreementConfirmedBody(_Agreement):
    """Author: the consumer. `duties` are its promises; without the key the entry says nothing of them."""

    duties: Annotated[list[DutyBody], Field(max_length=64)] | None = None


class AgreementEndedBody(_Agreement):
    """Author: either side."""

    reason: Literal["exhausted", "expired", "other", "terminated", "withdrawn"]


class TransferCompletedBody(_Agreement):
    """Author: either side, each for itself."""

    transfer: Uuid
    dataset: Id
    version: Version
    file: Hash
    bytes: Count


class DutyDoneBody(_Agreement):
    """Author: the consumer, who promised. `document` is the evidence, beside the log."""

    duty: Literal["attribute", "delete", "inform", "other"]
    number: Annotated[int, Field(ge=1, le=64)] = 1
    on: Day
    document: Blob | None = None


class HarvestFinishedBody(Body):
    """`source` is the member's own name of a catalogue; `changes` the SHA-256 of the canonical list of changes."""

    source: Id
    run: Version
    kind: Literal["ckan", "csv", "dcat", "dsp", "oai-pmh"]
    outcome: Literal["abandoned", "complete", "failed", "partial", "timed_out"]
    added: Count
    changed: Count
    removed: Count
    failed: Count
    changes: Hash
    started: Instant
    finished: Instant


# --- Cases, reports, algorithms ---------------------------------------------------------------------------------------


class ReachBody(Body):
    """How many people of one kind a course or a practice has reached."""

    who: Literal["artisans", "farmers", "households", "officials", "persons", "small_firms", "students", "teachers"]
    count: Count


class CompetenceBody(Body):
    """A skill that a course teaches, by its code in a framework."""

    framework: Literal["digcomp", "ict-cft", "sdg441"]
    code: Annotated[str, Field(pattern=r"^([1-5]\.[1-9]|k[acd]\.[1-6]|[a-z]{2,8})$")]


class CasePublishedBody(Body):
    """`body` is the SHA-256 of the folded name of the organisation that owns the case: a body, never a person.

    With `competences` the case is a course, and `languages` are those it is taught in.
    """

    case: Id
    version: Version
    kind: CaseKind
    document: Blob
    body: Hash | None = None
    body_type: OwnerType | None = None
    sectors: Annotated[list[Sector], Few] = []
    sdgs: Annotated[list[Annotated[int, Field(ge=1, le=17)]], Few] = []
    fintech_area: Annotated[list[FintechArea], Few] = []
    languages: Annotated[list[Language], Few] = []
    reached: Annotated[list[ReachBody], Few] = []
    competences: Annotated[list[CompetenceBody], Field(max_length=100)] = []


class GradeBody(Body):
    """The grade of one result of a case, by its place (from 0 on); 0 to 4 as exchange.md, section 6."""

    result: Annotated[int, Field(ge=0, le=99)]
    grade: Annotated[int, Field(ge=0, le=4)]


class CaseReviewedBody(Body):
    """Author: a member other than the owner."""

    owner: MemberId
    case: Id
    version: Version
    grades: Annotated[list[GradeBody], Field(min_length=1, max_length=100)]
    document: Blob | None = None


class CaseReusedBody(Body):
    """Author: the member that reuses it, another than the owner."""

    owner: MemberId
    case: Id
    version: Version | None = None
    since: Day
    document: Blob | None = None


class ReportPublishedBody(Body):
    """`study` or `code` says from what, `data` from which data; `reproducible` only if a command rebuilt the bytes."""

    series: Id
    number: Id | Annotated[int, Field(ge=1, le=100_000)]
    version: Version = 1
    year: Year
    kind: Literal["guidance", "national_report", "policy_note", "research_output", "series_report"]
    document: Blob
    issn: Issn | None = None
    data: Annotated[list[Hash], Field(max_length=64)] = []
    code: Hash | None = None
    study: Hash | None = None
    reproducible: Literal["no", "not_tried", "yes"] = "not_tried"
    jointly: Some = []


class FilledBody(Body):
    """How many fields of a standard a record fills, of how many; as its member counted."""

    standard: Literal["core", "nl", "uk"]
    filled: Count
    fields: Annotated[int, Field(ge=1, le=10_000)]

    @model_validator(mode="after")
    def _at_most_all(self) -> Self:
        if self.filled > self.fields:
            raise ValueError(f"{self.filled} of {self.fields} fields are filled")
        return self


class AlgorithmPublishedBody(Body):
    """`filled` counts for each standard once; without it the entry says nothing of completeness."""

    algorithm: Id
    version: Version
    document: Blob
    standard: Literal["annex_viii", "china_filing", "core", "cyclonedx_1_6", "nl_1_0", "spdx_3", "uk_atrs_2022"] = (
        "core"
    )
    status: Literal["development", "out_of_use", "use"] | None = None
    filled: Annotated[list[FilledBody], Field(max_length=8)] = []

    @model_validator(mode="after")
    def _each_standard_once(self) -> Self:
        if len({one.standard for one in self.filled}) < len(self.filled):
            raise ValueError("filled counts for each standard once")
        return self


class AlgorithmRetiredBody(Body):
    algorithm: Id
    version: Version
    on: Day


# --- Incidents --------------------------------------------------------------------------------------------------------


class IncidentSharedBody(Body):
    """Author: who shares. The body itself is never on the log: `document` names it, salted.

    AMBER and AMBER+STRICT name the recipients; RED holds nothing but the salted hash of their list.
    """

    incident: StixId
    version: Version
    label: Label
    document: Blob
    recipients: Some = []
    recipients_hash: Hash | None = None
    collection: Id | None = None
    stage: Id | None = None
    timeline: Id = "default"
    became_aware: Instant | None = None
    severity: Annotated[int, Field(ge=1, le=5)] | None = None
    sectors: Annotated[list[Sector], Few] = []
    cross_border: bool | None = None

    @model_validator(mode="after")
    def _fits_its_label(self) -> Self:
        if self.label == "RED" and (self.recipients or self.recipients_hash is None or not self.document.salted):
            raise ValueError("RED holds recipients_hash and a salted document, and names no recipients")
        if self.label in ("AMBER", "AMBER+STRICT") and not self.recipients:
            raise ValueError(f"{self.label} names its recipients")
        if self.label != "RED" and self.recipients_hash is not None:
            raise ValueError("recipients_hash is for RED")
        return self


class IncidentStageBody(Body):
    """A stage of the timeline was met by this entry, or is waived with a reason."""

    incident: StixId
    stage: Id
    became_aware: Instant | None = None
    document: Blob | None = None
    waived: Literal["below_threshold", "by_authority", "not_applicable", "superseded"] | None = None


class IncidentClosedBody(Body):
    incident: StixId
    outcome: Literal["false_alarm", "merged", "other", "resolved"]
    merged_into: StixId | None = None
    services_down_hours: Count | None = None


# --- Questions ----------------------------------------------------------------------------------------------------


class QuestionAskedBody(Body):
    """To named members, or to a group of the membership."""

    question: Id
    to: Some = []
    group: Literal["bloc", "supervision"] | None = None
    area: FintechArea | None = None
    due: Day
    label: Label
    document: Blob

    @model_validator(mode="after")
    def _is_put_to_somebody(self) -> Self:
        if bool(self.to) == (self.group is not None):
            raise ValueError("a question is put to members (to) or to a group, one of the two")
        return self


class AnswerGivenBody(Body):
    """An answer, or a refusal with its reason; `asker` and `question` name what is answered."""

    asker: MemberId
    question: Id
    label: Label | None = None
    document: Blob | None = None
    declined: Literal["confidential", "no_information", "no_mandate", "other", "resources"] | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.document is None) == (self.declined is None):
            raise ValueError("an answer has a document, or says why it is declined")
        return self


# --- Aid ----------------------------------------------------------------------------------------------------------


class _Aid(Body):
    version: Version = 1
    document: Blob
    kind: Literal["money", "people", "software"]
    sectors: Annotated[list[Sector], Few] = []
    begins: Day | None = None
    ends: Day | None = None


class AidRequestedBody(_Aid):
    request: Id


class AidOfferedBody(_Aid):
    offer: Id
    capacity: Annotated[int, Field(ge=1, le=10_000)] = 1


class LeftBody(Body):
    """How many requests got nothing for one reason: a filter that left most offers out, or `taken`."""

    reason: Literal["eligible", "kind", "own", "ranking", "taken", "tied", "window"]
    requests: Annotated[int, Field(ge=1, le=10_000_000)]


class MatchComputedBody(Body):
    """`inputs` is the SHA-256 of the canonical list of the hashes of requests and offers; `result` of the pairs.

    `left` counts the requests without a pair by the commonest reason of each; without it the entry says nothing of why.
    """

    match: Id
    inputs: Hash
    requests: Count
    offers: Count
    result: Hash
    pairs: Count
    left: Annotated[list[LeftBody], Field(max_length=8)] = []
    document: Blob | None = None

    @model_validator(mode="after")
    def _counts_add_up(self) -> Self:
        if self.pairs > self.requests:
            raise ValueError(f"{self.pairs} pairs of {self.requests} requests")
        if len({one.reason for one in self.left}) < len(self.left):
            raise ValueError("left has each reason once")
        if self.left and sum(one.requests for one in self.left) != self.requests - self.pairs:
            raise ValueError(f"left counts {self.requests - self.pairs} requests, those without a pair")
        return self


class MatchAcceptedBody(Body):
    """Author: either side of one pair; it binds once both have signed. `computed` is the entry of the match."""

    computed: Hash
    requester: MemberId
    request: Id
    offerer: MemberId
    offer: Id
