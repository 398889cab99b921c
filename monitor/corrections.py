"""What people say a label should be, which of it is in force, and what they should look at next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Outcome = Literal["applied", "unchanged", "missing"]
"""What became of a statement; `missing`: there is no such mention, or it is not about the brand."""

FLAGGED = 0.5
"""A reading that asks for a second look counts as at least this uncertain."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says a label should be; None takes back what they said before."""

    brand: str
    mention_id: int
    label: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Correction:
    """A line of the record: who said what and when; `old_label` was in force until then."""

    id: int
    brand: str
    mention_id: int
    annotator: str
    at: int
    old_label: int
    new_label: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Stance:
    """What one annotator says now."""

    label: int | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class LabelledText:
    """A text as it is analysed, the label in force, and how many people set one."""

    mention_id: int
    platform: str
    text: str
    label: int
    annotators: int


@dataclass(frozen=True, slots=True)
class Benefit:
    """How much the indices gain where a person looks at a reading.

    `uncertainty` is P(label is wrong), `influence` ln(e + 互动量), `frequency` 1 + ln(copies): the
    last two are the weight that the text and its copies have in the 口碑指数.
    """

    uncertainty: float
    influence: float
    frequency: float

    @property
    def total(self) -> float:
        """The product of the three.

        >>> benefit(0.75, None, 1).total, benefit(0.75, None, 1, "irony").total
        (0.25, 0.5)
        """
        return self.uncertainty * self.influence * self.frequency


def benefit(
    confidence: float, engagement: int | None, copies: int, review: str | None = None
) -> Benefit:
    """What a look at a reading is worth; `review` is why the reading itself asks for one."""
    uncertainty = 1 - confidence
    return Benefit(
        max(uncertainty, FLAGGED) if review else uncertainty,
        math.log(math.e + (engagement or 0)),
        1 + math.log(copies),
    )


def in_force(stances: Mapping[str, Stance]) -> int | None:
    """Return the newest label nobody took back; `stances` by annotator, the newest last.

    >>> in_force({"a": Stance(1), "b": Stance(-1), "c": Stance(None)})
    -1
    """
    labels = [stance.label for stance in stances.values() if stance.label is not None]
    return labels[-1] if labels else None


def is_repeat(held: Stance | None, new: Stance) -> bool:
    """Whether an annotator says again what they said, neither label nor remark being new.

    >>> is_repeat(None, Stance(None)), is_repeat(Stance(1, "why"), Stance(1))
    (True, True)
    >>> is_repeat(Stance(1, "why"), Stance(1, "and because"))
    False
    """
    if held is None or held.label is None:
        return new.label is None
    return new.label == held.label and new.note in ("", held.note)
