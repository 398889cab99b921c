"""The records that travel between the steps. Frozen, plain, standard library only.

Times are whole UTC seconds since 1970 (`int`) throughout. Unknown is None, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Span = tuple[int, int]
Kind = Literal[
    "post", "comment", "repost", "review", "article", "video", "danmaku", "survey", "ticket"
]
KINDS: tuple[Kind, ...] = (
    "post",
    "comment",
    "repost",
    "review",
    "article",
    "video",
    "danmaku",
    "survey",
    "ticket",
)
ORIGINALS = frozenset({"post", "article", "review", "video"})
Via = Literal["sender", "text", "parent"]
Scale = Literal["stars5", "nps10", "csat5", "ces7"]
SCALES: dict[Scale, tuple[int, int]] = {
    "stars5": (1, 5),
    "nps10": (0, 10),
    "csat5": (1, 5),
    "ces7": (1, 7),
}
Level = Literal["none", "blue", "yellow", "orange", "red"]
LEVELS: tuple[Level, ...] = ("none", "blue", "yellow", "orange", "red")
State = Literal["pending", "firing", "acknowledged", "mitigating", "resolved", "dismissed"]
STATES: tuple[State, ...] = (
    "pending",
    "firing",
    "acknowledged",
    "mitigating",
    "resolved",
    "dismissed",
)
ENDED: frozenset[State] = frozenset({"resolved", "dismissed"})
Rule = Literal["spike", "share", "risk", "influencer", "topic", "no_data", "drill"]
RULES: tuple[Rule, ...] = ("spike", "share", "risk", "influencer", "topic", "no_data", "drill")


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand (or competitor) that mentions are matched to.

    `aliases` are the ways people write it; a text holding a word of `exclude` is not about it,
    except that an excluded phrase which contains an alias (小米粥) voids that occurrence only.
    `competitors` are brand ids; `aspects` are words of its own for aspects of its goods.
    """

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    competitors: tuple[str, ...] = ()
    timezone: str = "Asia/Shanghai"
    created_at: int = 0
    updated_at: int = 0
    aspects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Engagement:
    """The counters a platform shows beside a mention; None where it shows none."""

    likes: int | None = None
    comments: int | None = None
    reposts: int | None = None
    views: int | None = None
    favourites: int | None = None
    coins: int | None = None
    danmaku: int | None = None
    wow: int | None = None


ENGAGEMENT_KEYS = tuple(Engagement.__slots__)


@dataclass(frozen=True, slots=True)
class Mention:
    """One thing somebody said, cleaned and without personal data.

    `text` is what is stored and shown; `plain` is what is analysed: the title (unless the text
    repeats it) and the text, character for character as long as what they show, so that an offset
    into one is an offset into the other. `quoted` holds what a repost quotes from others.
    `author` is a keyed pseudonym (32 hex digits), `published_at` never changes after first sight.
    """

    platform: str
    kind: Kind
    native_id: str
    published_at: int
    text: str
    plain: str
    title: str = ""
    quoted: str = ""
    parent_id: str | None = None
    root_id: str | None = None
    brands: tuple[str, ...] = ()
    author: str | None = None
    followers: int | None = None
    verified: bool | None = None
    url: str | None = None
    region: str | None = None
    engagement: Engagement = field(default_factory=Engagement)
    rating_value: float | None = None
    rating_scale: Scale | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says about one brand: label -1, 0 or 1; score = P(pos) - P(neg).

    `review` says why a person should look at it, None where none need.
    """

    label: int
    score: float
    confidence: float
    model: str
    review: str | None = None


@dataclass(frozen=True, slots=True)
class AspectNote:
    """That a text praises (1), blames (-1) or names (0) an aspect.

    `brand` names the one whose own words found it; None where it holds for every brand.
    """

    name: str
    label: int
    brand: str | None = None


@dataclass(frozen=True, slots=True)
class Traits:
    """What a text says beside its sentiment; see `models.records.TextReading` for the values."""

    risks: tuple[str, ...] = ()
    intents: tuple[str, ...] = ()
    aspects: tuple[AspectNote, ...] = ()
    emotion: str | None = None
    stage: str | None = None
    irony: bool = False
    offensive: bool = False
    no_opinion: str | None = None
    unsupported: str | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """That a mention is about a brand, how we know, and what it says about it."""

    brand: str
    via: Via
    reading: Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """A mention with everything the store needs: identity, copies, attributions, traits.

    `document` is the reading that brands found through the parent get.
    """

    mention: Mention
    identity: bytes
    text_key: bytes | None
    attributions: tuple[Attribution, ...]
    document: Reading
    traits: Traits = Traits()


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not taken: where it stood, what is wrong, what to do."""

    index: int
    field: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class Account:
    """What became of a batch. accepted + updated + duplicate + erased + rejected = rows sent.

    `unmatched` counts those of the accepted that are about no brand. `erased` were refused because
    the person or the text was erased before. `replayed` marks the answer to a request that was
    answered before: nothing was stored for it.
    """

    accepted: int = 0
    updated: int = 0
    duplicate: int = 0
    unmatched: int = 0
    erased: int = 0
    rejected: tuple[Rejection, ...] = ()
    replayed: bool = field(default=False, compare=False)

    @property
    def rows(self) -> int:
        """How many rows were sent."""
        counted = self.accepted + self.updated + self.duplicate + self.erased
        return counted + len(self.rejected)

    def __add__(self, other: Account) -> Account:
        return Account(
            self.accepted + other.accepted,
            self.updated + other.updated,
            self.duplicate + other.duplicate,
            self.unmatched + other.unmatched,
            self.erased + other.erased,
            self.rejected + other.rejected,
        )


@dataclass(frozen=True, slots=True)
class Alert:
    """One finding of one rule, about a brand or about one platform or aspect of it.

    `factors` are the parts of the 危机指数 in [0, 1]; `evidence` holds mention ids and figures;
    `summary` is one sentence per language. `onset` is the beginning of its first 5-minute bin,
    `last_bin` the end of its latest. `historical` marks one found in back-filled data: recorded,
    never delivered. Its state, assignee and clock are those of its incident until it ends.
    """

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
    window: int
    onset: int
    last_bin: int
    fired_at: int
    updated_at: int
    due_at: int
    factors: dict[str, float]
    summary: dict[str, str]
    evidence: dict[str, object]
    historical: bool = False
    assignee: str | None = None
    acknowledged_at: int | None = None
    resolved_at: int | None = None
    platform: str | None = None
    aspect: str | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """What people work on: the alerts of one brand and topic, from first sign to review.

    `level` is where it stands, `peak` the highest since it began, reopened or relapsed; `lead` is
    the alert that speaks for it. `raised_at` is when its level last rose or it last began,
    `due_at` when the response clock runs out, `tier` how often it has run out unanswered.
    `recovered_at` is when the numbers were back to their habit; `next_at` when somebody may have
    to be told something again, None for never.
    """

    id: str
    brand: str
    topic: str
    state: State
    level: Level
    peak: Level
    crisis_index: float
    lead: str
    onset: int
    last_bin: int
    opened_at: int
    raised_at: int
    updated_at: int
    due_at: int
    historical: bool = False
    drill: bool = False
    assignee: str | None = None
    acknowledged_at: int | None = None
    mitigating_at: int | None = None
    recovered_at: int | None = None
    resolved_at: int | None = None
    reason: str | None = None
    merged_into: str | None = None
    tier: int = 0
    next_at: int | None = None


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One line of a timeline: of an incident, and of the alert that it concerns."""

    alert_id: str
    at: int
    actor: str
    action: str
    note: str = ""
    incident_id: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a channel was last told of an incident: the state and level it heard, and when.

    `alerts` is how many the incident then had; `times` counts the messages.
    """

    incident_id: str
    channel_id: str
    state: State
    level: Level
    tier: int
    alerts: int
    recovered_at: int | None
    at: int
    times: int


@dataclass(frozen=True, slots=True)
class Silence:
    """That people do not want to hear of some alerts for a time, and why.

    `matchers` maps a field (`routing.FIELDS`) to the values it may have; all given must match. With
    `incident_id` it holds for that incident alone.
    """

    id: str
    matchers: Mapping[str, tuple[str, ...]]
    starts_at: int
    ends_at: int
    created_by: str
    reason: str
    incident_id: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alerts are sent: a robot, a mailbox, a webhook; `config` holds address and secret."""

    id: str
    kind: str
    name: str
    config: dict[str, str]
    brands: tuple[str, ...] = ()
    min_level: Level = "blue"
    language: str = "zh"
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message to one channel: the outbox's row. The same id goes out on every repeat."""

    id: str
    channel_id: str
    alert_id: str | None
    event: str
    payload: dict[str, object]
    state: Literal["pending", "sent", "dead"]
    attempts: int
    next_at: int
    created_at: int
    sent_at: int | None = None
    last_error: str | None = None
    incident_id: str | None = None
