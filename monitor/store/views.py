"""What stores hand back: a mention with its reading for one brand, and how to ask for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from monitor.domain import Engagement, Traits


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a brand was judged (a bin's end), and the earliest bucket that changed since.

    `generation` grows with every change, so that one that came meanwhile is not overlooked.
    """

    judged_to: int | None = None
    dirty_from: int | None = None
    generation: int = 0

    @property
    def since(self) -> int:
        """Bins that ended after this are to be judged (again)."""
        return min((t for t in (self.judged_to, self.dirty_from) if t is not None), default=0)

    def is_due(self, last: int) -> bool:
        """Whether anything up to the bin that ends at `last` is to be judged."""
        behind = self.judged_to is None or self.judged_to < last
        return behind or self.dirty_from is not None


class Part(NamedTuple):
    """A platform or an aspect of a brand, whose mentions are counted apart.

    >>> Part.of(Part("mo-yu", "platform", "weibo").name).value
    'weibo'
    """

    brand: str
    kind: str
    value: str

    @property
    def name(self) -> str:
        """The part as one string."""
        return "\n".join(self)

    @classmethod
    def of(cls, name: str) -> Part:
        """Read a part's name."""
        return cls(*name.split("\n", 2))


@dataclass(frozen=True, slots=True)
class MentionQuery:
    """What to look for: one brand, [start, end), and filters that are None where not wanted.

    `before` is the cursor: (published_at or weight, mention id) of the last one seen.
    """

    brand: str
    start: int
    end: int
    label: int | None = None
    platform: str | None = None
    kind: str | None = None
    text: str | None = None
    sort: str = "new"
    before: tuple[float, int] | None = None
    limit: int = 20


@dataclass(frozen=True, slots=True)
class MentionView:
    """A stored mention with its reading for one brand, as it is read back."""

    id: int
    platform: str
    kind: str
    native_id: str
    title: str
    text: str
    quoted: str
    url: str | None
    region: str | None
    published_at: int
    author: str | None
    followers: int | None
    verified: bool | None
    engagement: Engagement
    rating: tuple[float, str] | None
    copies: int
    traits: Traits
    label: int
    score: float
    confidence: float
    weight: float
    via: str
    model: str
    corrected: bool
    review: str | None


@dataclass(frozen=True, slots=True)
class Sample:
    """Mentions, heaviest first, and of how many they were taken.

    `drawn` holds the ids of those that were drawn evenly, not for their weight: what they say is
    what all say. None where nothing was left out.
    """

    mentions: tuple[MentionView, ...] = ()
    of: int = 0
    drawn: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Cluster:
    """Equal texts about a brand: how often in a window, and the first of them, however early.

    `authors` counts the distinct ones known among the `seen` mentions of the window.
    """

    seen: int
    authors: int
    first: MentionView


def cursor_of(view: MentionView, sort: str) -> tuple[float, int]:
    """Return the cursor behind a mention."""
    return (view.published_at if sort == "new" else view.weight, view.id)
