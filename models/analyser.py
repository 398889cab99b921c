"""Texts in, readings out: what they say, of whom, how they feel and what they want."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from math import tanh
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models import language, lookalike
from models.aspects import AspectLexicon, assign
from models.clauses import Window, clauses_of, find_target, windows
from models.features import sized_grams
from models.intent import IntentLexicon
from models.irony import Irony
from models.keywords import telling
from models.lexicon import Batch
from models.opinionless import Opinionless
from models.phrases import IRONIC, UNVOICED, clause_odds, shipped, turned
from models.records import Judgement, TextReading
from models.risk import RiskLexicon
from models.second import SecondOpinion
from models.segment import Segmenter
from models.sentiment import Odds, Passage, Sentiment, blocks, judgements
from models.stage import StageLexicon
from models.stretches import stretch_odds
from models.targets import TargetScale
from models.traits import Traits
from models.weights import Weights

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.adapter import Adapter
    from models.features import Grams
    from models.phrases import Reading
    from models.records import Aspect, Cue, RiskHit, Span

    Aims = Mapping[str, Sequence[Span]]
    OwnAspects = Mapping[str, Mapping[str, Sequence[str]]]
    Adapters = Mapping[str, Adapter]
    LogOdds = NDArray[np.float64]

__all__ = ["Analyser", "find_target"]

_SURE = 0.7
"""Confidence from which a judgement overrules an emotion of the other side."""

_GRAVE = 0.8
"""Severity from which a reported danger is no praise."""

_SILENT = 0.9
"""Confidence in 'neutral' of a text that a shop filled in or that advertises."""


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

    def __init__(
        self,
        weights: Weights,
        segmenter: Segmenter,
        targets: TargetScale | None = None,
        aspects: AspectLexicon | None = None,
        second: SecondOpinion | None = None,
    ) -> None:
        self.segmenter = segmenter
        self._sentiment = Sentiment(weights, targets or TargetScale.blank(), segmenter, second)
        self._aspects = aspects or _lists().aspects
        self.version = self._sentiment.version

    @classmethod
    def load(cls, second: Path | None = None) -> Analyser:
        """Return an analyser with the weights and lexicons that come with the package.

        Parameters
        ----------
        second
            The folder of a second opinion on the texts that the weights are unsure about.

        Raises
        ------
        models.second.SecondOpinionMissingError
            When that was not built, or its libraries are not installed.
        """
        _lists()
        shipped()
        asked = SecondOpinion.load(second) if second else None
        return cls(Weights.load(), Segmenter(), TargetScale.load(), second=asked)

    def with_words(self, words: Sequence[str], aspects: OwnAspects | None = None) -> Analyser:
        """Return a new analyser that also keeps these brand words whole; it shares the weights.

        Parameters
        ----------
        aspects
            Brand → aspect → the brand's own words for it.
        """
        return Analyser(
            self._sentiment.weights,
            Segmenter([*self.segmenter.words, *words]),
            self._sentiment.targets,
            AspectLexicon(aspects) if aspects else self._aspects,
            self._sentiment.second,
        )

    def judge(
        self,
        texts: Sequence[str],
        *,
        platforms: Sequence[str] | None = None,
        binary: bool = False,
    ) -> list[Judgement]:
        """Return the sentiment of each text, nothing else; `binary` rules out the label 0."""
        judged: list[Judgement] = []
        for block in blocks(texts):
            said = self._said(lookalike.plain(Batch(block)), binary=binary)
            # Only what may change a label is looked for
            praise = said.odds.polarity > IRONIC if binary else np.ones(len(block), np.bool_)
            ironic = _where(praise, said.texts, _lists().irony.find_all)
            grave = _where(said.odds.faint, said.texts, _dangers)
            odds = said.odds.doubted(ironic, grave)
            documents = judgements(odds, _named(platforms, len(judged), len(block)))
            judged += documents if binary else _silenced(documents, *_silence(said.texts))
        return judged

    def read(
        self,
        texts: Sequence[str],
        targets: Sequence[Aims] | None = None,
        *,
        platforms: Sequence[str] | None = None,
        adapters: Sequence[Adapters] | None = None,
        topics: bool = False,
        cues: bool = False,
        keywords: bool = False,
    ) -> list[TextReading]:
        """Return one reading a text.

        Parameters
        ----------
        targets
            For each text, where each target stands in it. A target that stands nowhere gets the
            document's judgement.
        platforms
            Where each text comes from ('jd', 'weibo', …): shops hear more opinion, streams less.
        adapters
            For each text, what corrections taught about some of its targets.
        topics
            Whether the targets are brands: all of a text that names one alone is about it.
        cues, keywords
            Whether to name the words that moved each judgement, and those that set a text apart.

        Raises
        ------
        ValueError
            When the targets, platforms or adapters are not one a text.
        """
        beside = [given for given in (targets, platforms, adapters) if given is not None]
        if any(len(given) != len(texts) for given in beside):
            raise ValueError("targets, platforms and adapters must be one a text")
        readings: list[TextReading] = []
        for block in blocks(texts):
            start, end = len(readings), len(readings) + len(block)
            part = _Block(
                lookalike.plain(Batch(block)),
                [{}] * len(block) if targets is None else targets[start:end],
                _named(platforms, start, len(block)),
                [{}] * len(block) if adapters is None else adapters[start:end],
                topics,
            )
            readings += self._read(part, cues=cues, keywords=keywords)
        return readings

    def _said(self, texts: Batch, *, binary: bool = False, keywords: bool = False) -> _Said:
        """Return what texts say, before irony and dangers; their words where they are asked for."""
        cut = self.segmenter
        words, sizes = cut.flat(texts) if keywords else ([], cut.sizes(texts))
        found, phrases = sized_grams(texts, sizes), shipped().read(texts, questions=not binary)
        odds = self._sentiment.documents(texts, found, phrases, binary=binary)
        return _Said(texts, words, found, phrases, odds)

    def _read(self, block: _Block, *, cues: bool, keywords: bool) -> Iterator[TextReading]:
        texts, lists = block.texts, _lists()
        said = self._said(texts, keywords=keywords)
        irony, risks = lists.irony.find_all(texts), lists.risks.find_all(texts)
        grave = _grave(risks)
        said = replace(said, odds=said.odds.doubted(map(bool, irony), grave))
        unsupported, no_opinion = _silence(texts)
        intents = lists.intents.find_all(texts, no_opinion)
        judged = self._judged(block, said, cues=cues)
        settled = [
            _settled(*row)
            for row in zip(judged, unsupported, no_opinion, irony, grave, strict=True)
        ]
        documents, towards = zip(*settled, strict=True)
        columns = (
            documents,
            towards,
            risks,
            intents,
            self._sides(block, said.found, said.phrases, no_opinion),
            lists.traits.read(said.found, texts),
            lists.stages.find_all(texts, intents, [document.label for document in documents]),
            irony,
            no_opinion,
            unsupported,
            telling(said.words, said.found) if keywords else [()] * len(texts),
        )
        return (
            TextReading(
                document=document,
                targets=targets,
                risks=risks,
                intents=wants,
                aspects=aspects,
                emotion=_felt(emotion, document, silent or refused),
                stage=stage,
                irony=ironic,
                offensive=offensive,
                no_opinion=silent,
                unsupported=refused,
                keywords=telling_words,
            )
            for (
                document,
                targets,
                risks,
                wants,
                aspects,
                (emotion, offensive),
                stage,
                ironic,
                silent,
                refused,
                telling_words,
            ) in zip(*columns, strict=True)
        )

    def _judged(self, block: _Block, said: _Said, *, cues: bool) -> list[_Judged]:
        """Return the judgement of each text, and towards each of its targets."""
        about = _about(block)
        every, parts = self._towards(block, said, about) if about else (said.odds, {})
        platforms = [*block.platforms, *(block.platforms[passage.owner] for passage in about)]
        found = judgements(every, platforms)
        if cues:
            for i, judgement in enumerate(found):
                passage = about[i - len(block.texts)] if i >= len(block.texts) else None
                owner = i if passage is None else passage.owner
                told = self._cues(block, owner, passage, parts.get(i))
                found[i] = replace(judgement, cues=told)
        judged = [_Judged(document, {}) for document in found[: len(block.texts)]]
        for passage, judgement in zip(about, found[len(block.texts) :], strict=True):
            judged[passage.owner].towards[passage.target] = judgement
        return judged

    def _towards(
        self, block: _Block, said: _Said, about: Sequence[Passage]
    ) -> tuple[Odds, dict[int, LogOdds]]:
        """Return the log-odds of texts, then of targets, and how much the latter's stretches count.

        A target that stands nowhere has its text's.
        """
        owners = np.array([passage.owner for passage in about])
        every = said.odds.then(said.odds.take(owners))
        near = np.flatnonzero([bool(passage.windows) for passage in about])
        owned, passages = said.odds.take(owners[near]), [about[i] for i in near.tolist()]
        polarity, opinion, parts = self._sentiment.towards(passages, owned)
        # Irony blames what a text is about; among several targets it may spare one
        alone = np.array([_alone(block.aims[passage.owner]) for passage in passages], np.bool_)
        polarity, opinion = turned(polarity, opinion + UNVOICED * owned.plain, owned.ironic & alone)
        place = len(block.texts) + near
        every.polarity[place], every.opinion[place], every.mixed[place] = polarity, opinion, 0
        _adapt(every, about, block, said.found)
        return every, dict(zip(place.tolist(), parts, strict=True))

    def _cues(
        self, block: _Block, owner: int, passage: Passage | None, part: LogOdds | None
    ) -> tuple[Cue, ...]:
        text = block.texts[owner]
        hidden = list(chain.from_iterable(block.aims[owner].values()))
        if passage is None or passage.topic or part is None:
            near, share = [Window.whole(text)], [[1.0] * 3]
        else:
            near, share = list(passage.windows), part.tolist()
        return self._sentiment.cues(text, [window.spans for window in near], share, hidden)

    def _sides(
        self,
        block: _Block,
        found: Grams,
        phrases: Sequence[Reading],
        no_opinion: Sequence[str | None],
    ) -> list[tuple[Aspect, ...]]:
        """Return each text's aspects, judged by their clauses."""
        named = self._aspects.find_all(block.texts, [aim.keys() for aim in block.aims])
        if not named.clauses:
            return [()] * named.size
        owner, opens, closes = np.array(named.clauses).T
        base = np.array(block.texts.starts)[owner] - owner  # one mark joins two texts
        polarity, opinion = stretch_odds(
            self._sentiment.weights, found, base + opens, base + closes
        )
        settled = np.array(clause_odds(phrases, named.clauses))
        polarity, opinion = polarity + settled, opinion + np.abs(settled)
        return [
            () if silent else aspects
            for aspects, silent in zip(
                assign(named, polarity.tolist(), opinion.tolist()), no_opinion, strict=True
            )
        ]


@dataclass(frozen=True, slots=True)
class _Block:
    """Texts that are read together, and what is known about each."""

    texts: Batch
    aims: Sequence[Aims]
    platforms: Sequence[str]
    adapters: Sequence[Adapters]
    topics: bool


@dataclass(frozen=True, slots=True)
class _Said:
    """What the judgements of a block's texts are made of."""

    texts: Batch
    words: Sequence[str]
    found: Grams
    phrases: Sequence[Reading]
    odds: Odds


class _Judged(NamedTuple):
    document: Judgement
    towards: dict[str, Judgement]


@dataclass(frozen=True, slots=True)
class _Lists:
    """The readers that no brand changes."""

    risks: RiskLexicon
    intents: IntentLexicon
    aspects: AspectLexicon
    stages: StageLexicon
    irony: Irony
    opinionless: Opinionless
    traits: Traits


@cache
def _lists() -> _Lists:
    return _Lists(
        RiskLexicon(),
        IntentLexicon(),
        AspectLexicon(),
        StageLexicon(),
        Irony(),
        Opinionless(),
        Traits.load(),
    )


def _named(platforms: Sequence[str] | None, start: int, size: int) -> Sequence[str]:
    return [""] * size if platforms is None else platforms[start : start + size]


def _alone(aim: Aims) -> bool:
    """Tell whether one target alone stands in the text; others its sender named."""
    return sum(map(bool, aim.values())) == 1


def _about(block: _Block) -> list[Passage]:
    """Return what is said about every target of every text, in order."""
    aimed = [i for i, aim in enumerate(block.aims) if aim]
    if not aimed:
        return []
    texts = [block.texts[i] for i in aimed]
    return [
        Passage(i, text, target, found, block.topics and _alone(block.aims[i]))
        for i, text, here in zip(aimed, texts, clauses_of(texts), strict=True)
        for target, found in windows(text, block.aims[i], here).items()
    ]


def _adapt(odds: Odds, about: Sequence[Passage], block: _Block, found: Grams) -> None:
    """Correct the targets' log-odds by what was learned about them, in place."""
    taught: dict[str, tuple[Adapter, list[int]]] = {}
    for i, passage in enumerate(about):
        adapter = block.adapters[passage.owner].get(passage.target)
        if adapter is not None:
            taught.setdefault(adapter.version, (adapter, []))[1].append(i)
    for adapter, passages in taught.values():
        place = [len(block.texts) + i for i in passages]
        odds.polarity[place], odds.opinion[place] = adapter.adjust(
            odds.polarity[place], odds.opinion[place], found, [about[i].owner for i in passages]
        )


def _where(
    asked: NDArray[np.bool_], texts: Sequence[str], find: Callable[[Batch], Sequence[object]]
) -> list[bool]:
    """Return in which of the texts that are asked about something is found."""
    found, which = [False] * len(texts), asked.nonzero()[0].tolist()
    if not which:
        return found
    for i, here in zip(which, find(Batch([texts[i] for i in which])), strict=True):
        found[i] = bool(here)
    return found


def _dangers(texts: Sequence[str]) -> list[bool]:
    return _grave(_lists().risks.find_all(texts))


def _grave(risks: Sequence[Sequence[RiskHit]]) -> list[bool]:
    """Return which texts report a grave danger."""
    return [any(hit.severity >= _GRAVE for hit in hits) for hits in risks]


def _silence(texts: Sequence[str]) -> tuple[list[str | None], list[str | None]]:
    """Return why each text is not judged, and why each voices no opinion."""
    return language.unsupported(texts), _lists().opinionless.find_all(texts)


def _silenced(
    judged: Sequence[Judgement],
    unsupported: Sequence[str | None],
    no_opinion: Sequence[str | None],
) -> list[Judgement]:
    return [
        judgement if refused is None and silent is None else _quiet(refused)
        for judgement, refused, silent in zip(judged, unsupported, no_opinion, strict=True)
    ]


def _quiet(refused: str | None) -> Judgement:
    """Return the judgement of a text without an opinion, or of one that we cannot read."""
    if refused is None:
        return Judgement(0, 0.0, _SILENT)
    return Judgement(0, 0.0, 0.0, review="unsupported" if refused == "language" else None)


def _settled(
    judged: _Judged,
    refused: str | None,
    silent: str | None,
    irony: Sequence[Span],
    grave: bool,
) -> tuple[Judgement, dict[str, Judgement]]:
    """Return a text's judgements: none without an opinion, in doubt where ironic or dangerous."""
    if refused is not None or silent is not None:
        quiet = _quiet(refused)
        return quiet, dict.fromkeys(judged.towards, quiet)
    if not irony and not grave:
        return judged.document, judged.towards
    doubted = _doubted if irony else _alarming
    return doubted(judged.document), {
        target: doubted(judgement) for target, judgement in judged.towards.items()
    }


def _alarming(judgement: Judgement) -> Judgement:
    return replace(judgement, review="risk") if judgement.label > 0 else judgement


def _felt(emotion: str | None, document: Judgement, silent: str | None) -> str | None:
    """Return the emotion, None where the text says nothing or is surely of the other mind."""
    if silent or emotion is None:
        return None
    contrary = document.label < 0 if emotion == "joy" else document.label > 0
    sure = document.confidence >= _SURE and emotion != "surprise"
    return None if contrary and sure else emotion


def _doubted(judgement: Judgement) -> Judgement:
    # What was turned round is no surer than this; sure blame needs no second look
    turned_round = judgement.score >= tanh(IRONIC / 2)
    return replace(judgement, review="irony") if turned_round else judgement
