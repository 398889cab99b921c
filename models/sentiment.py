"""Log-odds of praise and of opinion, of whole texts and towards what stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from models.comparisons import PLAIN
from models.cues import strongest, word_cues
from models.doubt import both_ways, reasons
from models.features import sized_grams
from models.phrases import phrase_cues, settle, shipped, turned
from models.platforms import opinion_shifts
from models.records import Judgement
from models.targets import DOCUMENT, OPEN, SCALE, TOPIC, VERDICT, framed, shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from models.clauses import Window
    from models.features import Grams
    from models.phrases import Reading
    from models.records import Cue, Span
    from models.second import SecondOpinion
    from models.segment import Segmenter
    from models.targets import TargetScale
    from models.weights import Weights

    LogOdds = NDArray[np.float64]

BLOCK = 1 << 16
"""Characters read at once: enough to be fast, few enough to keep memory bounded."""

_TINY = 1e-9

_PRAISE = 2.0
"""Log-odds under which a text that reports a danger is no praise."""

_TOLD = 3.0
"""Log-odds of opinion in a comparison that takes sides."""


@dataclass(frozen=True, slots=True)
class Odds:
    """Log-odds of praise and of opinion, and how strongly each text speaks both ways, from 0.

    `ironic` are the texts that mean the opposite of praise, `plain` those that take no side.
    """

    polarity: LogOdds
    opinion: LogOdds
    mixed: LogOdds
    ironic: NDArray[np.bool_]
    plain: NDArray[np.bool_]

    def take(self, which: Sequence[int]) -> Odds:
        """Return those of some texts."""
        chosen = list(which)
        return Odds(*(column[chosen] for column in self._columns))

    def then(self, other: Odds) -> Odds:
        """Return these and those."""
        return Odds(*map(np.concatenate, zip(self._columns, other._columns, strict=True)))

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.polarity, self.opinion, self.mixed, self.ironic, self.plain


class Passage(NamedTuple):
    """What is said about one target of a text: at least one window.

    `topic` says that the whole text is about it, as a post is about the one brand that it names.
    """

    text: str
    windows: Sequence[Window]
    topic: bool = False


class Sentiment:
    """Both scales and their words. Immutable, so that threads may share it."""

    def __init__(
        self,
        weights: Weights,
        targets: TargetScale,
        segmenter: Segmenter,
        second: SecondOpinion | None = None,
    ) -> None:
        self.weights = weights
        self.targets = targets
        self.second = second
        self._segmenter = segmenter

    @property
    def version(self) -> str:
        """The name of the weights, and of the second opinion where there is one."""
        return self.weights.version + (f"-{self.second.version}" if self.second else "")

    def documents(
        self,
        texts: Sequence[str],
        found: Grams,
        phrases: Sequence[Reading],
        ironic: Sequence[bool],
        grave: Sequence[bool],
    ) -> Odds:
        """Return the log-odds of whole texts.

        Parameters
        ----------
        found, phrases
            Their n-grams, and what their phrases say.
        ironic, grave
            Which texts mean the opposite of praise, and which report a grave danger: those are
            praise only where the words praise strongly.
        """
        mixed = both_ways(texts, found, self.weights.polarity)
        polarity, opinion = self.weights.log_odds(found)
        if self.second is not None:
            polarity = self.second.revise(texts, polarity)
        polarity, opinion, plain = settle(phrases, texts, found, self.weights, polarity, opinion)
        flags = np.array(ironic, bool) | (
            np.array(grave, bool) & (polarity > 0) & (polarity < _PRAISE)
        )
        return Odds(*turned(polarity, opinion, flags), mixed, flags, plain)

    def towards(
        self, passages: Sequence[Passage], documents: Odds
    ) -> tuple[LogOdds, LogOdds, list[LogOdds]]:
        """Return log-odds of praise and of opinion towards targets, and each stretch's share.

        A target's log-odds are the mean of its windows'. The `documents` of the passages count
        too, the more so the less a window says by itself: e^-|log-odds|.
        """
        if not passages:
            return np.zeros(0), np.zeros(0), []
        found = [window for passage in passages for window in passage.windows]
        counts = [len(passage.windows) for passage in passages]
        owner = np.repeat(np.arange(len(passages)), counts)
        said = [p.text[a:b] for p in passages for w in p.windows for a, b in w.spans]
        polarity, opinion = self._log_odds([*said, ""])
        stretches = polarity[:-1].reshape(-1, 3) - polarity[-1]
        share = shares(stretches, found)
        plain = np.array([window.comparison is PLAIN for window in found])
        verdict = np.array([window.comparison.verdict for window in found])
        frames = [framed(p.text, w) for p in passages for w in p.windows]
        odds = SCALE * ((share * stretches).sum(axis=1) + VERDICT * verdict)
        topic = np.array([passage.topic for passage in passages])[owner]
        left = np.exp(-np.abs((share[:, :2] * stretches[:, :2]).sum(axis=1)))
        weight = np.where(topic, TOPIC, DOCUMENT + OPEN * left)
        whole = SCALE * weight * (documents.polarity - polarity[-1])[owner]
        odds += plain * (self._frame_odds(frames) + whole)
        heard = (opinion[:-1].reshape(-1, 3) + np.log(np.maximum(np.abs(share), _TINY))).max(axis=1)
        overall = documents.opinion[owner] + np.log(np.minimum(1, weight))
        heard = np.where(topic, np.maximum(heard, overall), heard)
        voiced = np.where(verdict, _TOLD, heard)
        mean = np.bincount(owner, odds) / counts, np.bincount(owner, voiced) / counts
        share *= SCALE / np.repeat(counts, counts)[:, None]
        ends = zip(counts, accumulate(counts), strict=True)
        return *mean, [share[end - count : end] for count, end in ends]

    def cues(
        self,
        text: str,
        spans: Sequence[Sequence[Span]],
        parts: Sequence[Sequence[float]],
        hidden: Sequence[Span],
    ) -> tuple[Cue, ...]:
        """Return the words that moved a judgement: of stretches, each with its share of it.

        Words that touch what is `hidden` are never named.
        """
        phrases = [
            cue
            for stretches, row in zip(spans, parts, strict=True)
            for (start, end), share in zip(stretches, row, strict=True)
            for cue in phrase_cues(text[start:end], start, share)
        ]
        words = [
            word
            for stretches, row in zip(spans, parts, strict=True)
            for span, share in zip(stretches, row, strict=True)
            for word in word_cues(text, span, share, self._segmenter, self.weights)
            if not any(word.start < cue.end and cue.start < word.end for cue in phrases)
        ]
        return strongest([*phrases, *words], text, hidden)

    def _log_odds(self, texts: Sequence[str]) -> tuple[LogOdds, LogOdds]:
        parts = [self._block_odds(block) for block in blocks(texts)]
        polarity, opinion = np.concatenate([np.zeros((2, 0)), *parts], axis=1)
        return polarity, opinion

    def _block_odds(self, texts: Sequence[str]) -> tuple[LogOdds, LogOdds]:
        found = self._grams(texts)
        odds = self.weights.log_odds(found)
        return settle(shipped().read(texts), texts, found, self.weights, *odds)[:2]

    def _frame_odds(self, frames: Sequence[str]) -> LogOdds:
        """Return the log-odds that the targets' places in their clauses speak for."""
        return np.concatenate(
            [self.targets.log_odds(self._grams(block)) for block in blocks(frames)]
        )

    def _grams(self, texts: Sequence[str]) -> Grams:
        return sized_grams(texts, self._segmenter.sizes(texts))


def blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the texts in order, a block's worth of characters at a time."""
    start = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= BLOCK:
            yield texts[start : i + 1]
            start, size = i + 1, 0
    if start < len(texts):
        yield texts[start:]


def judgements(odds: Odds, platforms: Sequence[str], *, binary: bool = False) -> list[Judgement]:
    """Return judgements of three classes: P(opinion) · P(positive | opinion) and so on."""
    positive = _sigmoid(odds.polarity)
    voiced = np.ones_like(positive)
    if not binary:
        voiced = _sigmoid(odds.opinion + opinion_shifts(platforms))
    chances = np.stack([voiced * (1 - positive), 1 - voiced, voiced * positive])
    confidence = chances.max(axis=0)
    labels, scores = chances.argmax(axis=0) - 1, chances[2] - chances[0]
    doubts = reasons(confidence, odds.mixed)
    columns = (labels.tolist(), scores.tolist(), confidence.tolist(), doubts)
    return [
        Judgement(label, score, sure, review=review)
        for label, score, sure, review in zip(*columns, strict=True)
    ]


def _sigmoid(log_odds: LogOdds) -> LogOdds:
    # By the hyperbolic tangent no log-odds, however large, overflow
    return 0.5 + 0.5 * np.tanh(log_odds / 2)
