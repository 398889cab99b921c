"""What goes in and out over HTTP, as Pydantic models; the OpenAPI page is made from these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    RootModel,
    StrictBool,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from monitor.domain import Kind, Level, State
from monitor.intake import (
    MAX_BATCH,
    MAX_TEXT,
    NOT_BLANK,
    BrandId,
    BrandName,
    BrandWord,
    Name,
    NativeId,
    OwnAspects,
    Word,
    Zone,
    parse_time,
)

_LATEST = 253_402_128_000  # 9999-12-30: every time zone is still within the calendar


_EPOCHS = (100_000_000, 99_999_999_999_999)  # seconds or milliseconds, 9 to 14 digits


def iso(at: int | None) -> str | None:
    """Write UTC seconds as ISO 8601.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    return None if at is None else f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _moment(value: object) -> int:
    refusal = PydanticCustomError("time", "时间须为 ISO 8601 或时间戳 / send ISO 8601 or an epoch")
    if isinstance(value, int | float) and not _EPOCHS[0] <= value <= _EPOCHS[1]:
        raise refusal
    try:
        at = parse_time(value)
    except (ValueError, TypeError, OverflowError):
        raise refusal from None
    return min(max(at, 0), _LATEST)


Moment = Annotated[
    int,
    BeforeValidator(_moment),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time"},
                {"type": "integer", "minimum": _EPOCHS[0], "maximum": _EPOCHS[1]},
            ]
        }
    ),
]
At = Annotated[
    int,
    PlainSerializer(iso, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
OptionalAt = Annotated[
    int | None,
    PlainSerializer(iso, return_type=str | None),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}),
]
Label = Literal["negative", "neutral", "positive"]
LABELS: dict[int, Label] = {-1: "negative", 0: "neutral", 1: "positive"}
LABEL_VALUES: dict[str, int] = {name: value for value, name in LABELS.items()}


class In(BaseModel):
    """What is sent to us: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Out(BaseModel):
    """What we answer."""

    model_config = ConfigDict(from_attributes=True)


class BrandChange(In):
    """The fields of a brand to change; the others stay."""

    name: BrandName | None = None
    aliases: Annotated[list[BrandWord], Field(max_length=200)] | None = None
    exclude: Annotated[list[BrandWord], Field(max_length=200)] | None = None
    competitors: Annotated[list[BrandId], Field(max_length=50)] | None = None
    timezone: Zone | None = None
    aspects: OwnAspects | None = None


class AspectWordsOut(Out):
    """A brand's own words for an aspect."""

    name: str
    words: list[str]


class BrandOut(Out):
    """A brand."""

    id: str
    name: str
    aliases: list[str]
    exclude: list[str]
    competitors: list[str]
    timezone: str
    aspects: list[AspectWordsOut]
    created_at: At
    updated_at: At

    @field_validator("aspects", mode="before")
    @classmethod
    def _listed(cls, aspects: Any) -> Any:
        if isinstance(aspects, Mapping):
            return [{"name": name, "words": list(words)} for name, words in aspects.items()]
        return aspects


class BrandList(Out):
    """Brands, by id."""

    items: list[BrandOut]


class PeriodQuery(In):
    """A half-open window [start, end) on publication time; the last 7 days by default."""

    start: Moment | None = None
    end: Moment | None = None

    def window(self, now: int) -> tuple[int, int]:
        """Return start and end in UTC seconds.

        The default end is the next whole 5 minutes: answers must not differ every second.
        """
        end = -(-now // 300) * 300 if self.end is None else self.end
        return (end - 7 * 86400 if self.start is None else self.start), end


class WindowQuery(PeriodQuery):
    """A window, and optionally one platform."""

    platform: Annotated[str, Field(max_length=32)] | None = None


class MetricOut(Out):
    """A figure, its sample size, and its 95 % interval where it estimates something."""

    value: float | None
    n: float
    low: float | None
    high: float | None


class PlatformSplit(Out):
    """Mentions of one platform."""

    volume: int
    positive: int
    neutral: int
    negative: int


class IndicesOut(Out):
    """Every index of a brand over a window; docs/metrics.md has the formulas."""

    brand: str
    start: At
    end: At
    platform: str | None
    indices: dict[str, MetricOut]
    platforms: dict[str, PlatformSplit]
    stage_counts: dict[str, int]


class FacetOut(Out):
    """How many mentions have one value of a facet, by label.

    The label of an aspect is the aspect's own, of everything else the mention's.
    """

    value: str
    n: int
    positive: int
    neutral: int
    negative: int


class FacetsOut(Out):
    """What a brand's mentions are about, each facet's most frequent values first."""

    brand: str
    start: At
    end: At
    platform: str | None
    facets: dict[str, list[FacetOut]]


Step = Literal["5m", "1h", "1d"]
STEPS: dict[Step, int] = {"5m": 300, "1h": 3600, "1d": 86400}


class TrendQuery(WindowQuery):
    """A window and the length of its steps (days are UTC days); coarsened beyond 3 000 points."""

    step: Step = "1h"


class TrendPoint(Out):
    """One step of a trend."""

    t: At
    volume: int
    positive: int
    neutral: int
    negative: int
    negative_share: float | None
    wom_index: float | None
    engagement: float


class TrendOut(Out):
    """A brand over time; steps without mentions stand with zeros."""

    brand: str
    step: Step
    points: list[TrendPoint]


class MentionsQuery(WindowQuery):
    """Filters, order and page of a brand's mentions."""

    label: Label | None = None
    kind: Annotated[str, Field(max_length=32)] | None = None
    q: Annotated[str, Field(max_length=200, description="搜索词，空格表示“且”")] | None = None
    sort: Literal["new", "weight"] = "new"
    cursor: (
        Annotated[
            str,
            Field(pattern=r"^[0-9]{1,12}(\.[0-9]{1,20})?(e-[0-9]{1,3})?_[0-9]{1,18}$"),
        ]
        | None
    ) = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class FieldCue(Out):
    """Words that decided; offsets count code points of the named field."""

    field: Literal["title", "text"]
    start: int
    end: int
    text: str
    weight: float


class ReadingOut(Out):
    """What a mention says about the brand."""

    label: Label
    score: float
    confidence: float
    via: str
    model: str
    corrected: bool
    review: str | None
    cues: list[FieldCue]


class AspectOut(Out):
    """An aspect that a text speaks of, and how."""

    name: str
    label: Label


class TraitsOut(Out):
    """What a text says beside its sentiment; docs/readings.md names the values."""

    risks: list[str]
    intents: list[str]
    aspects: list[AspectOut]
    emotion: str | None
    stage: str | None
    irony: bool
    offensive: bool
    no_opinion: str | None
    unsupported: str | None


class RatingOut(Out):
    """A real answer to a scale."""

    value: float
    scale: str


class MentionOut(TraitsOut):
    """A stored mention with its reading for one brand; the author is a pseudonym."""

    id: str
    platform: str
    kind: str
    native_id: str
    title: str
    text: str
    quoted: str
    url: str | None
    region: str | None
    published_at: At
    author: str | None
    followers: int | None
    verified: bool | None
    engagement: dict[str, int | None]
    rating: RatingOut | None
    copies: int
    reading: ReadingOut


class MentionPage(Out):
    """A page of mentions; `next` is the cursor of the following one."""

    items: list[MentionOut]
    next: str | None


class CompareQuery(WindowQuery):
    """Brands to compare, over one window."""

    brands: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,63}(,[a-z0-9][a-z0-9_-]{0,63}){0,19}$",
            description="品牌编号，逗号分隔 / brand ids, comma-separated",
        ),
    ]


class ComparedBrand(Out):
    """One of the brands compared."""

    brand: str
    name: str
    indices: dict[str, MetricOut]
    share_of_voice: MetricOut


class CompareOut(Out):
    """Brands side by side."""

    start: At
    end: At
    brands: list[ComparedBrand]


class SparkPoint(Out):
    """One point of a sparkline."""

    t: At
    volume: int
    negative: int


class BrandCard(Out):
    """A brand at a glance."""

    id: str
    name: str
    indices: dict[str, MetricOut]
    open_alerts: int
    level: Level
    sparkline: list[SparkPoint]


class OverviewOut(Out):
    """Every brand at a glance."""

    start: At
    end: At
    brands: list[BrandCard]


class AlertsQuery(In):
    """Filters and page of alerts, newest first; `lead`: those that speak for their incident."""

    brand: BrandId | None = None
    state: Literal[State, "open"] | None = None
    level: Literal["blue", "yellow", "orange", "red"] | None = None
    historical: bool | None = None
    lead: bool | None = None
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,12}_[0-9a-z_]{1,40}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class EventOut(Out):
    """A line of an alert's timeline."""

    at: At
    actor: str
    action: str
    note: str


class DeliveryOut(Out):
    """A message about an alert and whether it arrived."""

    id: str
    channel: str
    channel_name: str
    event: str
    state: Literal["pending", "sent", "dead"]
    attempts: int
    last_error: str | None
    sent_at: OptionalAt


class AlertOut(Out):
    """A crisis alert: one finding; its state, assignee and clock are those of its incident."""

    id: str
    incident_id: str
    brand: str
    rule: str
    state: State
    level: Level
    severity: str
    crisis_index: float
    score: float
    expected: float
    seen: int
    window_minutes: int
    onset: At
    last_bin: At
    fired_at: At
    updated_at: At
    due_at: At
    factors: dict[str, float]
    summary: dict[str, str]
    evidence: dict[str, Any]
    historical: bool
    assignee: str | None
    acknowledged_at: OptionalAt
    resolved_at: OptionalAt
    platform: str | None
    aspect: str | None
    topic: str


class AlertDetail(AlertOut):
    """A crisis alert with the timeline and messages of its incident."""

    timeline: list[EventOut]
    deliveries: list[DeliveryOut]


class AlertPage(Out):
    """A page of alerts."""

    items: list[AlertOut]
    next: str | None


Note = Annotated[str, Field(max_length=2000)]


class NoteIn(In):
    """A remark beside an action."""

    note: Note = ""


class RemarkIn(In):
    """A remark."""

    note: Annotated[str, Field(min_length=1, max_length=2000, pattern=NOT_BLANK)]


class AssignIn(In):
    """Whom an alert is given to."""

    assignee: Name


class SentimentIn(In):
    """Texts to be read, and optionally the brand or thing asked about, as it stands in them."""

    texts: Annotated[
        list[Annotated[str, Field(max_length=MAX_TEXT)]], Field(min_length=1, max_length=500)
    ]
    target: Word | None = None
    platform: Annotated[str, Field(max_length=32)] | None = None
    binary: StrictBool = False


class TextCue(Out):
    """Words that decided; offsets count code points of the text as returned."""

    start: int
    end: int
    text: str
    weight: float


class SentimentReading(TraitsOut):
    """The reading of one text; `text` is the text as it was read, which cues refer to."""

    text: str
    label: Label
    score: float
    confidence: float
    review: str | None
    cues: list[TextCue]
    keywords: list[str]


class SentimentOut(Out):
    """Readings in the order of the texts."""

    model: str
    readings: list[SentimentReading]


class RejectionOut(Out):
    """A row that was not taken."""

    index: int
    field: str
    reason: str
    advice: str


class AccountOut(Out):
    """What became of a batch; the first five and the rejected add up to the rows sent."""

    accepted: int
    updated: int
    duplicate: int
    erased: int
    unmatched: int
    rejected: list[RejectionOut]


Annotator = Annotated[str, Field(description="密钥编号 / id of the key")]
MentionId = Annotated[NativeId, Field(pattern=r"^[0-9]{1,18}$")]


class CorrectionIn(In):
    """What the label should be towards a brand; null takes back what this key said before."""

    brand: BrandId
    label: Label | None
    note: Note = ""


class CorrectionRow(In):
    """A correction of many: the mention by its `id`, else by platform, kind and native id."""

    id: MentionId | None = None
    platform: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    kind: Kind = "post"
    native_id: NativeId | None = None
    label: Label | None
    note: Note = ""

    @model_validator(mode="after")
    def _names_a_mention(self) -> CorrectionRow:
        if self.id is None and (self.platform is None or self.native_id is None):
            raise PydanticCustomError(
                "unnamed", "须有 id，或 platform 与 native_id / send id, or platform and native_id"
            )
        return self


class CorrectionRows(RootModel[Any]):
    """Corrections, checked one by one."""

    root: (
        Annotated[list[CorrectionRow | Any], Field(min_length=1, max_length=MAX_BATCH)]
        | CorrectionRow
        | dict[str, Any]
    )


class CorrectionOut(Out):
    """Who said what and when; `old_label` was in force until then, null took a label back."""

    id: str
    mention: str
    annotator: Annotator
    annotator_name: str
    at: At
    old_label: Label
    new_label: Label | None
    note: str


class CorrectedOut(Out):
    """What became of a correction: the reading now in force, and its history, newest first.

    `unchanged`: this key had said so before, without or with the same note.
    """

    mention: str
    brand: str
    outcome: Literal["applied", "unchanged"]
    reading: ReadingOut
    history: list[CorrectionOut]


class CorrectionAccountOut(Out):
    """What became of corrections; the three add up to the rows sent.

    The first row has index 0; in a table that is the first row under the header.
    """

    applied: int
    unchanged: int
    rejected: list[RejectionOut]


class CorrectionsQuery(In):
    """A page of corrections, newest first."""

    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,12}_[0-9]{1,18}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class CorrectedText(CorrectionOut):
    """A correction with the beginning of its text, null once that is erased."""

    text: str | None


class CorrectionPage(Out):
    """A page of corrections; `next` is the cursor of the following one."""

    items: list[CorrectedText]
    next: str | None


class ReviewQuery(PeriodQuery):
    """A window of up to 92 days; the last 30 days by default."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20

    def window(self, now: int) -> tuple[int, int]:
        """Return start and end in UTC seconds."""
        start, end = super().window(now)
        if self.start is None:
            start = end - 30 * 86400
        return max(start, end - 92 * 86400), end


class BenefitOut(Out):
    """Why a mention should be looked at: `total` is the product of the factors.

    `uncertainty` is the chance that the label is wrong, `influence` ln(e + engagement), `frequency`
    1 + ln(copies).
    """

    uncertainty: float
    influence: float
    frequency: float
    total: float


class ReviewItem(Out):
    """A mention to look at, and why."""

    mention: MentionOut
    benefit: BenefitOut


class ReviewOut(Out):
    """What to look at next, the most useful first.

    First copies nobody has labelled yet. At most the 5 000 newest of the window are ranked;
    `complete` is false where there are more.
    """

    brand: str
    start: At
    end: At
    ranked: int
    complete: bool
    items: list[ReviewItem]


class AgreementOut(Out):
    """How far annotators agree, over the mentions that two or more of them labelled.

    `alpha` is Krippendorff's for ordered labels (1: all agree, 0: no more than by chance),
    `agreement` the share of equal pairs of labels; n counts mentions.
    """

    brand: str
    annotators: int
    alpha: MetricOut
    agreement: MetricOut


ChannelKind = Literal[
    "webhook", "wecom", "dingtalk", "feishu", "slack", "alertmanager", "email", "apprise"
]


class ChannelIn(In):
    """Where alerts are sent. What `config` holds for each kind: docs/notifications.md.

    `apprise` is best effort（尽力而为）: what the services behind it did is not known for sure.
    """

    id: BrandId
    kind: ChannelKind
    name: Name
    config: Annotated[dict[str, Annotated[str, Field(max_length=2048)]], Field(max_length=10)]
    brands: Annotated[list[BrandId], Field(max_length=200)] = []
    min_level: Literal["blue", "yellow", "orange", "red"] = "blue"
    language: Literal["zh", "en"] = "zh"
    enabled: StrictBool = True


class ChannelChange(In):
    """The fields of a channel to change; the others stay."""

    name: Name | None = None
    config: (
        Annotated[dict[str, Annotated[str, Field(max_length=2048)]], Field(max_length=10)] | None
    ) = None
    brands: Annotated[list[BrandId], Field(max_length=200)] | None = None
    min_level: Literal["blue", "yellow", "orange", "red"] | None = None
    language: Literal["zh", "en"] | None = None
    enabled: StrictBool | None = None


class ChannelOut(Out):
    """A channel without its secrets: of its config only the names of what is set."""

    id: str
    kind: str
    name: str
    configured: list[str]
    brands: list[str]
    min_level: Level
    language: str
    enabled: bool


class ChannelList(Out):
    """Channels, by id."""

    items: list[ChannelOut]


class TestSendOut(Out):
    """Whether a test message arrived, and if not, why."""

    sent: bool
    error: str | None


class KeyIn(In):
    """A new key."""

    name: Name
    scopes: Annotated[
        list[Literal["ingest", "read", "manage", "admin"]], Field(min_length=1, max_length=4)
    ]
    brands: Annotated[list[BrandId], Field(max_length=1000)] | None = None
    expires_at: Moment | None = None


class KeyOut(Out):
    """A key without its secret."""

    id: str
    name: str
    scopes: list[str]
    brands: list[str] | None
    created_at: At
    expires_at: OptionalAt
    revoked_at: OptionalAt


class NewKeyOut(KeyOut):
    """A new key with its secret, which is shown this once."""

    key: str


class KeyList(Out):
    """Keys, newest first."""

    items: list[KeyOut]


class SessionIn(In):
    """A key to log in with."""

    key: Annotated[str, Field(min_length=1, max_length=256)]


class MeOut(Out):
    """The key this request came with."""

    name: str
    scopes: list[str]
    brands: list[str] | None


class StatusOut(Out):
    """Whether the service is there and able to work."""

    status: Literal["ok"]


class Problem(Out):
    """An error (RFC 9457); `code` is stable, `detail` says what to do."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    field: str | None = None
