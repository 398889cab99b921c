"""What goes in and out where people respond: incidents, silences, routing, messages."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from api.schemas import (
    AlertOut,
    At,
    DeliveryOut,
    EventOut,
    In,
    Moment,
    Note,
    OptionalAt,
    Out,
)
from monitor.domain import Level, State
from monitor.intake import NOT_BLANK, BrandId, Name

Cursor = Annotated[str, Field(pattern=r"^[0-9]{1,12}_[0-9a-z_]{1,40}$")]
Id = Annotated[str, Field(pattern=r"^[0-9a-z_]{1,40}$")]
Reason = Annotated[str, Field(min_length=1, max_length=2000, pattern=NOT_BLANK)]
ShownLevel = Literal["blue", "yellow", "orange", "red"]


class IncidentsQuery(In):
    """Filters and page of incidents, newest first."""

    brand: BrandId | None = None
    state: Literal[State, "open"] | None = None
    level: ShownLevel | None = None
    drill: bool | None = None
    historical: bool | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class IncidentOut(Out):
    """What people work on: the alerts of one brand and topic.

    `level` is where it stands now, `peak` the highest since it was last opened.
    """

    id: str
    brand: str
    topic: str
    state: State
    level: Level
    peak: Level
    crisis_index: float
    lead: str
    onset: At
    last_bin: At
    opened_at: At
    raised_at: At
    updated_at: At
    due_at: At
    historical: bool
    drill: bool
    assignee: str | None
    acknowledged_at: OptionalAt
    mitigating_at: OptionalAt
    recovered_at: OptionalAt
    resolved_at: OptionalAt
    reason: str | None
    merged_into: str | None
    tier: int


class IncidentPage(Out):
    """A page of incidents."""

    items: list[IncidentOut]
    next: str | None


class ToldOut(Out):
    """What a channel was last told."""

    channel: str
    channel_name: str
    state: State
    level: Level
    at: At
    times: int


class IncidentDetail(IncidentOut):
    """An incident with its alerts, its timeline and who was told what."""

    alerts: list[AlertOut]
    timeline: list[EventOut]
    deliveries: list[DeliveryOut]
    told: list[ToldOut]


class ReasonIn(In):
    """Why an incident was no crisis; feeds back-testing."""

    reason: Reason


class MergeIn(In):
    """The incident whose alerts are to be moved here."""

    incident: Id


class Matchers(In):
    """What must match: of each field named, one of its values."""

    brand: Annotated[list[BrandId], Field(min_length=1, max_length=100)] | None = None
    level: Annotated[list[ShownLevel], Field(min_length=1, max_length=4)] | None = None
    min_level: Annotated[list[ShownLevel], Field(min_length=1, max_length=1)] | None = None
    rule: Annotated[list[Name], Field(min_length=1, max_length=20)] | None = None
    platform: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None
    aspect: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None
    topic: Annotated[list[Name], Field(min_length=1, max_length=50)] | None = None


class SilenceIn(In):
    """Alerts of which nobody wants to hear for a time; with `incident`, those of this one."""

    matchers: Matchers = Field(default_factory=Matchers)
    incident: Id | None = None
    starts_at: Moment | None = None
    ends_at: Moment
    reason: Reason


class SilenceOut(Out):
    """A silence."""

    id: str
    matchers: dict[str, list[str]]
    incident: str | None
    starts_at: At
    ends_at: At
    created_by: str
    reason: str
    active: bool


class SilenceList(Out):
    """The latest silences, those that end last first."""

    items: list[SilenceOut]


class RoutingIn(In):
    """The routing tree; docs/alerting.md explains it."""

    root: dict[str, Any] = Field(default_factory=dict)
    windows: dict[str, dict[str, Any]] = Field(default_factory=dict)


class RoutingOut(Out):
    """The routing tree, as it is in force."""

    root: dict[str, Any]
    windows: dict[str, dict[str, Any]]


class PreviewIn(In):
    """An incident that might be, to see who would hear of it."""

    brand: BrandId
    level: ShownLevel
    rule: Name = "spike"
    platform: Name | None = None
    aspect: Name | None = None
    topic: Annotated[str, Field(max_length=80)] = ""
    at: Moment | None = None


class HeardOut(Out):
    """A channel that would hear, and of what kind its route is."""

    channel: str
    quiet: bool
    tier: int


class PreviewOut(Out):
    """Who would hear of it, at once and each time that the response clock runs out."""

    channels: list[HeardOut]


class DeliveriesQuery(In):
    """Filters and page of messages, newest first."""

    state: Literal["pending", "sent", "dead"] | None = None
    channel: Annotated[str, Field(max_length=64)] | None = None
    cursor: Cursor | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 20


class MessageOut(DeliveryOut):
    """A message, and what it is about."""

    incident_id: str | None
    alert_id: str | None
    created_at: At
    next_at: At


class DeliveryPage(Out):
    """A page of messages."""

    items: list[MessageOut]
    next: str | None


class DrillIn(In):
    """An exercise: a marked incident through the real routes."""

    brand: BrandId
    level: ShownLevel = "orange"
    note: Note = ""


class DrillMessageOut(Out):
    """A message of an exercise, and after how many seconds it was taken; null if it was not."""

    channel: str
    event: str
    state: Literal["pending", "sent", "dead"]
    seconds: int | None


class DrillOut(Out):
    """How an exercise went: seconds from its opening, null for what nobody did."""

    incident: str
    state: State
    seconds: dict[str, int | None]
    messages: list[DrillMessageOut]
    timeline: list[EventOut]
