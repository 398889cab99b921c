"""What a reading is made of: frozen records, counted in code points of the text given."""

from __future__ import annotations

from dataclasses import dataclass

Span = tuple[int, int]
"""Half-open `[start, end)` in code points of the text given."""


@dataclass(frozen=True, slots=True)
class Cue:
    """A stretch of text that moved the judgement; `weight` > 0 speaks for positive."""

    start: int
    end: int
    text: str
    weight: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sentiment: `label` -1, 0 or 1; `score` = P(positive) - P(negative), in [-1, 1].

    `confidence` is the calibrated probability, in [0, 1], that the label is right.
    """

    label: int
    score: float
    confidence: float
    cues: tuple[Cue, ...] = ()


@dataclass(frozen=True, slots=True)
class RiskHit:
    """A phrase that reports a danger of one topic; `severity` in (0, 1] is the topic's weight."""

    topic: str
    severity: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TextReading:
    """Everything read from one text; `intent` is 'recommend', 'dissuade' or None."""

    document: Judgement
    targets: dict[str, Judgement]
    risks: tuple[RiskHit, ...]
    intent: str | None
