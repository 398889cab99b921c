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

    `confidence` is the calibrated probability, in [0, 1], that the label is right. `review` says
    why a person should look at it, None where none need: 'unsure', 'mixed' (strong words both
    ways), 'irony', 'risk' (praise beside a grave danger), 'unsupported' (not a language we read).
    """

    label: int
    score: float
    confidence: float
    cues: tuple[Cue, ...] = ()
    review: str | None = None


@dataclass(frozen=True, slots=True)
class RiskHit:
    """A phrase that reports a danger of one topic; `severity` in (0, 1] is the topic's weight."""

    topic: str
    severity: float
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Aspect:
    """What a text says about one side of its subject ('quality', 'price', …), and where.

    `brand` names the brand whose own word list found it, None for the shipped lists.
    """

    name: str
    label: int
    score: float
    spans: tuple[Span, ...]
    brand: str | None = None


@dataclass(frozen=True, slots=True)
class TextReading:
    """Everything read from one text.

    Attributes
    ----------
    intents
        What it is written for, the foremost first: 'complaint', 'refund', 'help', 'recommend',
        'dissuade', 'chat', 'ad'.
    emotion
        'anger', 'disgust', 'sadness', 'fear', 'joy', 'surprise' or None.
    stage
        Where its writer stands as a consumer: 'discovery', 'awareness', 'consideration',
        'choice', 'purchase', 'satisfaction', 'loyalty', 'advocacy', 'churn' or None.
    irony
        Phrases that hint at irony.
    offensive
        Whether it insults people.
    no_opinion
        Why it voices none: 'promotion', or 'default' for what a shop fills in by itself.
    unsupported
        Why it was not judged: 'empty', or 'language'.
    keywords
        The words that set it apart, the most telling first; empty unless asked for.
    """

    document: Judgement
    targets: dict[str, Judgement]
    risks: tuple[RiskHit, ...] = ()
    intents: tuple[str, ...] = ()
    aspects: tuple[Aspect, ...] = ()
    emotion: str | None = None
    stage: str | None = None
    irony: tuple[Span, ...] = ()
    offensive: bool = False
    no_opinion: str | None = None
    unsupported: str | None = None
    keywords: tuple[str, ...] = ()
