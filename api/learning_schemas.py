"""What goes in and out where people follow up and learn: checklists, reviews, actions."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from api.response_schemas import Cursor, Id, ShownLevel
from api.schemas import At, EventOut, In, MetricOut, Moment, OptionalAt, Out, PeriodQuery
from monitor.domain import Level, State
from monitor.feedback import Kind, Verdict
from monitor.intake import NOT_BLANK, BrandId, Name
from monitor.names import Language
from monitor.playbooks import CLASSES, Class
from monitor.review import When

Text = Annotated[str, Field(min_length=1, max_length=1000, pattern=NOT_BLANK)]


class WordsOut(Out):
    """A text in Chinese, and in English where there is one."""

    zh: str
    en: str


# -- playbooks -------------------------------------------------------------------------------------


class WordsIn(In):
    """A text in Chinese, and in English if you like."""

    zh: Annotated[str, Field(min_length=1, max_length=5000, pattern=NOT_BLANK)]
    en: Annotated[str, Field(max_length=5000)] = ""


PartId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Minutes = Annotated[StrictInt, Field(ge=1, le=100_000)]


class StepIn(In):
    """One thing to do; minutes by level, which fall as the level rises."""

    id: PartId
    owner: Annotated[str, Field(min_length=1, max_length=60, pattern=NOT_BLANK)]
    minutes: Annotated[dict[ShownLevel, Minutes], Field(min_length=1)]
    text: WordsIn


class TemplateIn(In):
    """A statement; fields in braces are filled in, what stands in 〔〕 is left to a person."""

    id: PartId
    name: WordsIn
    text: WordsIn


class PlaybookIn(In):
    """A playbook of your own; docs/response.md explains steps and statements."""

    name: WordsIn
    classes: Annotated[list[Class], Field(min_length=1, max_length=len(CLASSES))]
    brands: Annotated[list[BrandId], Field(max_length=200)] = Field(default_factory=list)
    steps: Annotated[list[StepIn], Field(max_length=60)] = Field(default_factory=list)
    statements: Annotated[list[TemplateIn], Field(max_length=20)] = Field(default_factory=list)
    enabled: StrictBool = True


class StepOut(Out):
    """One thing to do; minutes by level, from the opening of the level."""

    id: str
    owner: str
    minutes: dict[Level, int]
    text: WordsOut


class TemplateOut(Out):
    """A statement to start from; what stands in 〔〕 is left to a person."""

    id: str
    name: WordsOut
    text: WordsOut


class PlaybookOut(Out):
    """A playbook as it is in force; `shipped` where it is the one that came with the service."""

    id: str
    shipped: bool
    name: WordsOut
    classes: list[Class]
    brands: list[str]
    steps: list[StepOut]
    statements: list[TemplateOut]
    enabled: bool


class PlaybookList(Out):
    """The playbooks in force."""

    items: list[PlaybookOut]


# -- checklists ------------------------------------------------------------------------------------


class TaskIn(In):
    """A step of your own."""

    text: Annotated[str, Field(min_length=1, max_length=500, pattern=NOT_BLANK)]
    owner: Annotated[str, Field(min_length=1, max_length=60, pattern=NOT_BLANK)]
    due_at: Moment


class DoneIn(In):
    """A remark on how it was done."""

    note: Annotated[str, Field(max_length=500)] = ""


class SkipIn(In):
    """Why a step does not apply."""

    note: Annotated[str, Field(min_length=1, max_length=500, pattern=NOT_BLANK)]


class TaskOut(Out):
    """A step of a checklist."""

    id: str
    incident_id: str
    text: str
    english: str
    owner: str
    added_at: At
    due_at: At
    state: Literal["open", "done", "skipped"]
    done_at: OptionalAt
    done_by: str | None
    note: str


class TaskList(Out):
    """An incident's checklist, the first due first."""

    items: list[TaskOut]


# -- statements ------------------------------------------------------------------------------------


class DraftIn(In):
    """The template to start from, as the list of statements names it."""

    template: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}/[a-z0-9_-]{1,40}$")]
    language: Language = "zh"


class DraftText(In):
    """The text of a draft, as a person completed it."""

    text: Annotated[str, Field(min_length=1, max_length=10_000, pattern=NOT_BLANK)]


class DraftOut(Out):
    """A statement. It is published by nobody but people; once decided it does not change."""

    id: str
    incident_id: str
    template: str
    language: Language
    text: str
    state: Literal["draft", "approved", "rejected"]
    created_at: At
    created_by: str
    updated_at: At
    updated_by: str
    decided_at: OptionalAt
    decided_by: str | None
    note: str


class KeyedTemplate(Out):
    """A template that an incident may start from."""

    key: str
    name: WordsOut
    text: WordsOut


class StatementList(Out):
    """An incident's statements, oldest first, and the templates for more."""

    items: list[DraftOut]
    templates: list[KeyedTemplate]


# -- reviews ---------------------------------------------------------------------------------------


class ReplayIn(In):
    """When a rule would have fired first by a back-test; null for never."""

    rule: Name
    sensitivity: Name
    first_at: Moment | None


class ReviewIn(In):
    """What a back-test found; left out, what the former review held stays."""

    replays: Annotated[list[ReplayIn], Field(max_length=50)] | None = None


class WindowOut(Out):
    """A stretch of time that is compared; `complete` once it has passed as a whole."""

    name: When
    start: At
    end: At
    complete: bool


class StretchOut(Out):
    """A window with its metrics."""

    window: WindowOut
    metrics: dict[str, MetricOut]


class MarksOut(Out):
    """When things first happened to an incident; null for what did not, or is not known."""

    opened_at: At
    acknowledged_at: OptionalAt
    mitigating_at: OptionalAt
    recovered_at: OptionalAt
    resolved_at: OptionalAt
    in_time: bool | None


class SpansOut(Out):
    """How long things took, in seconds."""

    detect: int | None
    acknowledge: int | None
    respond: int | None
    resolve: int | None
    recover: int | None


class PeakOut(Out):
    """The worst of it."""

    level: Level
    crisis_index: float
    negatives: int | None
    hour: OptionalAt


class CheckedOut(Out):
    """A step of the checklist; `late` is by how many seconds, 0 for in time."""

    text: str
    english: str
    owner: str
    state: Literal["open", "done", "skipped"]
    due_at: At
    done_at: OptionalAt
    done_by: str | None
    late: int | None
    note: str


class ReplayOut(Out):
    """When a rule would have fired first; `gain` is by how many seconds earlier."""

    rule: str
    sensitivity: str
    first_at: OptionalAt
    gain: int | None


class InsightOfAction(Out):
    """What an action is about, with the complaints that led to it."""

    kind: Kind
    name: str
    start: At
    end: At
    complaints: int
    mentions: list[int]


class ActionOut(Out):
    """What somebody will do about what customers say."""

    id: str
    brand: str
    incident_id: str | None
    insight: InsightOfAction
    text: str
    owner: str
    due_at: At
    created_at: At
    created_by: str
    done_at: OptionalAt
    done_by: str | None
    told_to: list[str]


class RecordOut(Out):
    """The record of an incident; docs/response.md defines every figure."""

    incident_id: str
    brand: str
    brand_name: str
    timezone: str
    state: State
    drill: bool
    reason: str | None
    assignee: str | None
    rules: list[str]
    about: list[str]
    summary: dict[str, str]
    made_at: At
    final: bool
    first_at: OptionalAt
    onset: At
    marks: MarksOut
    spans: SpansOut
    peak: PeakOut
    asked: dict[str, int] | None
    stretches: list[StretchOut]
    steps: list[CheckedOut]
    statements: list[DraftOut]
    actions: list[ActionOut]
    replays: list[ReplayOut]
    earliest: ReplayOut | None
    timeline: list[EventOut]


class StatisticsQuery(In):
    """Incidents opened in [start, end), the last 90 days by default, of one brand or of all."""

    brand: BrandId | None = None
    start: Moment | None = None
    end: Moment | None = None


class TimesOut(Out):
    """The median, mean and 90th percentile of n spans, in seconds."""

    n: int
    median: float | None
    mean: float | None
    p90: float | None


class StatisticsOut(Out):
    """Figures of many incidents; exercises, historical and merged ones are left out."""

    start: At
    end: At
    n: int
    open: int
    by_level: dict[str, int]
    by_rule: dict[str, int]
    detect: TimesOut
    acknowledge: TimesOut
    respond: TimesOut
    resolve: TimesOut
    recover: TimesOut
    in_clock: MetricOut
    false_alarms: dict[str, MetricOut]


# -- insights and actions --------------------------------------------------------------------------


class InsightOut(Out):
    """What people say about an aspect, or ask for; changes are against as long a window before."""

    kind: Kind
    name: str
    n: int
    complaints: int
    negative_share: MetricOut
    complaint_share: MetricOut
    change: MetricOut
    negative_change: MetricOut
    trend: Verdict
    mentions: list[int]


class InsightList(Out):
    """What a window says of a brand, most complaints first."""

    brand: str
    start: At
    end: At
    items: list[InsightOut]


class InsightIn(PeriodQuery):
    """The insight that an action is about, and the window that shows it."""

    kind: Kind
    name: Name


class ActionIn(In):
    """What somebody will do about an insight, by when."""

    insight: InsightIn
    text: Text
    owner: Annotated[str, Field(min_length=1, max_length=60, pattern=NOT_BLANK)]
    due_at: Moment
    incident: Id | None = None


Told = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=100, pattern=NOT_BLANK)]],
    Field(max_length=50),
]


class FinishIn(In):
    """Who was told that an action is done."""

    told_to: Told = Field(default_factory=list)


class InformIn(In):
    """Who else was told."""

    told_to: Annotated[Told, Field(min_length=1)]


class ActionsQuery(In):
    """Filters and page of actions, newest first."""

    open: bool | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class ActionPage(Out):
    """A page of actions."""

    items: list[ActionOut]
    next: str | None


class OutcomeQuery(In):
    """How many days to compare before and after."""

    days: Annotated[int, Field(ge=1, le=90)] = 14


class OutcomeOut(Out):
    """Whether complaints fell after an action, with the interval; `unclear`: 不足以判断."""

    verdict: Verdict
    before: MetricOut
    after: MetricOut
    change: MetricOut
    windows: list[WindowSpan]
    complete: bool
    summary: dict[str, str]


class WindowSpan(Out):
    """A window [start, end)."""

    start: At
    end: At
