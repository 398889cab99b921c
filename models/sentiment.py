"""Log-odds of praise and of opinion, of whole texts and towards what stands in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from models.comparisons import PLAIN
from models.cues import strongest, word_cues
from models.doubt import both_ways, reasons
from models.features import lengths, sized_grams
from models.phrases import phrase_cues, settle, shipped, turned
from models.platforms import opinion_shifts
from models.records import Judgement
from models.targets import DOCUMENT, OPEN, SCALE, TOPIC, VERDICT, frame_sizes, framed, shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from models.clauses import Window
    from models.features import Grams, Ints
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

    def take(self, which: Ints) -> Odds:
        """Return those of some texts."""
        return Odds(*(column[which] for column in self._columns))

    def then(self, other: Odds) -> Odds:
        """Return these and those."""
        return Odds(*map(np.concatenate, zip(self._columns, other._columns, strict=True)))

    @property
    def faint(self) -> NDArray[np.bool_]:
        """Which texts a danger makes blame: praise only where the words praise strongly."""
        return (self.polarity > 0) & (self.polarity < _PRAISE)

    def doubted(self, ironic: Iterable[bool], grave: Iterable[bool]) -> Odds:
        """Return these where ironic texts, and faint praise of grave dangers, are turned round."""
        flags = np.array([*ironic], np.bool_) | (np.array([*grave], np.bool_) & self.faint)
        polarity, opinion = turned(self.polarity, self.opinion, flags)
        return Odds(polarity, opinion, self.mixed, flags, self.plain)

    @property
    def _columns(self) -> tuple[NDArray[Any], ...]:
        return self.polarity, self.opinion, self.mixed, self.ironic, self.plain


class Passage(NamedTuple):
    """What is said about a target of a text; without windows where it stands nowhere.

    `owner` is the number of the text. `topic` says that the whole text is about the target, as a
    post is about the one brand that it names.
    """

    owner: int
    text: str
    target: str
    windows: Sequence[Window]
    topic: bool


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
        *,
        binary: bool = False,
    ) -> Odds:
        """Return the log-odds of whole texts, before irony and dangers.

        Parameters
        ----------
        found, phrases
            Their n-grams, and what their phrases say.
        binary
            Whether to take it that every text voices an opinion.
        """
        mixed = both_ways(texts, found, self.weights.polarity)
        polarity = self.weights.praise(found)
        opinion = np.full(len(texts), np.inf) if binary else self.weights.voice(found, polarity)
        if self.second is not None:
            polarity = self.second.revise(texts, polarity)
        polarity, opinion, plain = settle(phrases, found, self.weights, polarity, opinion)
        return Odds(polarity, opinion, mixed, np.zeros(len(texts), np.bool_), plain)

    def towards(
        self, passages: Sequence[Passage], documents: Odds
    ) -> tuple[LogOdds, LogOdds, list[LogOdds]]:
        """Return log-odds of praise and of opinion towards targets, and each stretch's share.

        A target's log-odds are the mean of its windows'. The `documents` of the passages count
        too, the more so the less a window says by itself: e^-|log-odds|.

        Parameters
        ----------
        passages
            With at least one window each.
        """
        if not passages:
            return np.zeros(0), np.zeros(0), []
        found = [window for passage in passages for window in passage.windows]
        counts = lengths([passage.windows for passage in passages])
        owner = np.repeat(np.arange(len(passages)), counts)
        topic = np.array([passage.topic for passage in passages])[owner]
        plain = np.array([window.comparison is PLAIN for window in found])
        verdict = np.array([window.comparison.verdict for window in found])
        stretches, opinion, place = self._heard(passages)
        share = shares(stretches, found)
        said = share * stretches
        left = np.exp(-np.abs(said[:, :2].sum(axis=1)))
        weight = np.where(topic, TOPIC, DOCUMENT + OPEN * left)
        whole = SCALE * weight * (documents.polarity - self.weights.bias[0])[owner]
        odds = SCALE * (said.sum(axis=1) + VERDICT * verdict) + plain * (place + whole)
        heard = (opinion + np.log(np.maximum(np.abs(share), _TINY))).max(axis=1)
        overall = documents.opinion[owner] + np.log(np.minimum(1, weight))
        heard = np.where(topic, np.maximum(heard, overall), heard)
        voiced = np.where(verdict, _TOLD, heard)
        mean = np.bincount(owner, odds) / counts, np.bincount(owner, voiced) / counts
        share *= SCALE / counts[owner][:, None]
        ends = counts.cumsum().tolist()
        return *mean, [share[start:end] for start, end in pairwise([0, *ends])]

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

    def _heard(self, passages: Sequence[Passage]) -> tuple[LogOdds, LogOdds, LogOdds]:
        """Return the polarity without its bias, and the opinion, of each window's three stretches.

        The third are the log-odds that the target's place in its clause speaks for.
        """
        said = [p.text[a:b] for p in passages for w in p.windows for a, b in w.spans]
        frames = [framed(p.text, w) for p in passages for w in p.windows]
        parts, start = [], 0
        for block in blocks(said, 3):
            here = frames[start : start + len(block) // 3]
            parts.append(self._block_odds(block, here))
            start += len(here)
        polarity, opinion, place = (np.concatenate(column) for column in zip(*parts, strict=True))
        return (polarity - self.weights.bias[0]).reshape(-1, 3), opinion.reshape(-1, 3), place

    def _block_odds(
        self, stretches: Sequence[str], frames: Sequence[str]
    ) -> tuple[LogOdds, LogOdds, LogOdds]:
        sizes = self._segmenter.sizes(stretches)
        found = sized_grams(stretches, sizes)
        odds = self.weights.log_odds(found)
        polarity, opinion, _ = settle(shipped().read(stretches), found, self.weights, *odds)
        return polarity, opinion, self._place_odds(found, frames)

    def _place_odds(self, stretches: Grams, frames: Sequence[str]) -> LogOdds:
        cut = ["" if "[" in frame else frame for frame in frames]
        odds = self.targets.log_odds(sized_grams(cut, frame_sizes(stretches, cut)))
        # A sticker may reach over the target's place
        again = [i for i, frame in enumerate(frames) if "[" in frame]
        if again:
            cut = [frames[i] for i in again]
            odds[again] = self.targets.log_odds(sized_grams(cut, self._segmenter.sizes(cut)))
        return odds


def blocks(texts: Sequence[str], together: int = 1) -> Iterator[Sequence[str]]:
    """Yield the texts in order, a block's worth of characters at a time.

    So many that stand `together` are never parted.
    """
    sizes, start = np.concatenate([[0], lengths(texts).cumsum()]), 0
    while start < len(texts):
        full = int(sizes.searchsorted(sizes[start] + BLOCK))
        end = -(-full // together) * together
        yield texts[start:end]
        start = end


def judgements(odds: Odds, platforms: Sequence[str]) -> list[Judgement]:
    """Return judgements of three classes: P(opinion) · P(positive | opinion) and so on."""
    positive = _sigmoid(odds.polarity)
    voiced = _sigmoid(odds.opinion + opinion_shifts(platforms))
    chances = np.array([voiced * (1 - positive), 1 - voiced, voiced * positive])
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
