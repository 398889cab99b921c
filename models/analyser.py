"""Texts in, readings out: sentiment of the text and towards each target, dangers, intent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.clauses import Window, find_target, windows
from models.cues import strongest, word_cues
from models.features import grams, lengths
from models.intent import IntentLexicon
from models.records import Cue, Judgement, TextReading
from models.risk import RiskLexicon
from models.segment import Segmenter
from models.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from models.records import Span

    Aims = Mapping[str, Sequence[Span]]
    LogOdds = NDArray[np.float64]

__all__ = ["Analyser", "find_target"]

_BLOCK = 1 << 16
"""Characters read at once: enough to be fast, few enough to keep memory bounded."""

_BEFORE = 0.5
"""How much of what precedes a target in its clause counts, of what follows it."""

_TINY = 1e-9


class Analyser:
    """Reads texts with the shipped weights. Immutable, so that threads may share it.

    Texts come normalised (simplified script, no markup) and without lone surrogates.

    Attributes
    ----------
    version
        Names the weights: the kind, then eight digits of the file's SHA-256.

    Examples
    --------
    >>> [j.label for j in Analyser.load().judge(["味道很好，下次还来", "太差了，再也不来"])]
    [1, -1]
    """

    def __init__(self, weights: Weights, segmenter: Segmenter) -> None:
        self.version = weights.version
        self.segmenter = segmenter
        self._weights = weights
        self._risks = RiskLexicon()
        self._intents = IntentLexicon()

    @classmethod
    def load(cls) -> Analyser:
        """Return an analyser with the weights and lexicons that come with the package."""
        return cls(Weights.load(), Segmenter())

    def with_words(self, words: Sequence[str]) -> Analyser:
        """Return a new analyser that also keeps these brand words whole; it shares the weights."""
        return Analyser(self._weights, Segmenter([*self.segmenter.words, *words]))

    def judge(self, texts: Sequence[str], *, binary: bool = False) -> list[Judgement]:
        """Return the sentiment of each text; `binary` rules out the label 0."""
        return _judgements(*self._log_odds(texts), binary=binary)

    def read(
        self, texts: Sequence[str], targets: Sequence[Aims] | None = None, *, cues: bool = False
    ) -> list[TextReading]:
        """Return one reading a text.

        Parameters
        ----------
        targets
            For each text, where each target stands in it. A target that stands nowhere gets the
            document's judgement.
        cues
            Whether to name the words that moved each judgement.
        """
        aims: Sequence[Aims] = [{}] * len(texts) if targets is None else targets
        pairs = list(zip(texts, aims, strict=True))
        passages = [passage for text, aim in pairs for passage in _passages(text, aim)]
        judged = iter(self._judge_passages(passages, cues=cues))
        return [
            TextReading(
                document=next(judged),
                targets={target: next(judged) for target in aim},
                risks=self._risks.find(text),
                intent=self._intents.find(text),
            )
            for text, aim in pairs
        ]

    def _judge_passages(self, passages: Sequence[_Passage], *, cues: bool) -> list[Judgement]:
        """Return a judgement a passage: the mean of its windows' log-odds."""
        if not passages:
            return []
        counts = [len(passage.windows) for passage in passages]
        owner = np.repeat(np.arange(len(passages)), counts)
        spoken = [
            passage.text[start:end]
            for passage in passages
            for window in passage.windows
            for start, end in window.spans
        ]
        polarity, opinion = (odds.reshape(-1, 3) for odds in self._log_odds(spoken))
        share = _shares(polarity, lengths(spoken).reshape(-1, 3) > 0)
        voiced = (opinion + np.log(np.maximum(share, _TINY))).max(axis=1)
        share[[w.rival for p in passages for w in p.windows]] *= -1
        share /= np.repeat(counts, counts)[:, None]
        towards: LogOdds = np.bincount(owner, (share * polarity).sum(axis=1)).astype(float)
        judged = _judgements(towards, np.bincount(owner, voiced) / counts, binary=False)
        if not cues:
            return judged
        parts = np.split(share, np.cumsum(counts)[:-1])
        return [
            replace(judgement, cues=self._cues(passage, part.tolist()))
            for judgement, passage, part in zip(judged, passages, parts, strict=True)
        ]

    def _cues(self, passage: _Passage, shares: Sequence[Sequence[float]]) -> tuple[Cue, ...]:
        words = [
            word
            for window, row in zip(passage.windows, shares, strict=True)
            for span, share in zip(window.spans, row, strict=True)
            for word in word_cues(passage.text, span, share, self.segmenter, self._weights)
        ]
        return strongest(words, passage.text, passage.hidden)

    def _log_odds(self, texts: Sequence[str]) -> tuple[LogOdds, LogOdds]:
        parts = [
            self._weights.log_odds(grams(block, self.segmenter.cut_all(block)))
            for block in _blocks(texts)
        ]
        polarity, opinion = np.concatenate([np.zeros((2, 0)), *parts], axis=1)
        return polarity, opinion


@dataclass(frozen=True, slots=True)
class _Passage:
    """What one judgement is about; cues never name what is `hidden`."""

    text: str
    windows: Sequence[Window]
    hidden: Sequence[Span]


def _passages(text: str, aim: Mapping[str, Sequence[Span]]) -> list[_Passage]:
    """Return the whole text, then each target's windows, or the whole text again without any."""
    whole = [Window.whole(text)]
    hidden = [span for spans in aim.values() for span in spans]
    about = [whole, *(windows(text, spans) or whole for spans in aim.values())]
    return [_Passage(text, part, hidden) for part in about]


def _shares(polarity: LogOdds, spoken: NDArray[np.bool_]) -> LogOdds:
    """Return how much each window's stretches count: before, after, and the clause that follows.

    The next clause counts as far as the target's own leaves the matter open, e^-|log-odds|.
    """
    share = np.tile([_BEFORE, 1.0, 0.0], (len(polarity), 1))
    share[:, 0] *= spoken[:, 0]
    own: LogOdds = (share * polarity).sum(axis=1)
    share[:, 2] = np.exp(-np.abs(own)) * spoken[:, 2]
    return share


def _blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for i, text in enumerate(texts):
        size += len(text)
        if size >= _BLOCK:
            yield texts[start : i + 1]
            start, size = i + 1, 0
    if start < len(texts):
        yield texts[start:]


def _judgements(polarity: LogOdds, opinion: LogOdds, *, binary: bool) -> list[Judgement]:
    """Return judgements of three classes: P(opinion) · P(positive | opinion) and so on."""
    positive = _sigmoid(polarity)
    voiced = np.ones_like(positive) if binary else _sigmoid(opinion)
    chances = np.stack([voiced * (1 - positive), 1 - voiced, voiced * positive])
    labels = chances.argmax(axis=0) - 1
    columns = (labels, chances[2] - chances[0], chances.max(axis=0))
    return [Judgement(*row) for row in zip(*(c.tolist() for c in columns), strict=True)]


def _sigmoid(log_odds: LogOdds) -> LogOdds:
    # By the hyperbolic tangent no log-odds, however large, overflow
    return 0.5 + 0.5 * np.tanh(log_odds / 2)
