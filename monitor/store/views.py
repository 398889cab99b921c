"""What stores hand back: a mention with its reading for one brand, and how to ask for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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


def cursor_of(view: MentionView, sort: str) -> tuple[float, int]:
    """Return the cursor behind a mention."""
    return (view.published_at if sort == "new" else view.weight, view.id)
