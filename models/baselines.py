"""The judge everyone knows, to compare with or to choose instead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.records import Judgement, TextReading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.analyser import Aims, Analyser


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


class SnowNlpReader:
    """Reads as the analyser does, but lets snownlp judge the sentiment."""

    version = SnowNlpBaseline.version

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser
        self._baseline = SnowNlpBaseline()

    def with_words(self, words: Sequence[str]) -> SnowNlpReader:
        """Return a reader whose segmenter keeps these words whole."""
        return SnowNlpReader(self._analyser.with_words(words))

    def read(
        self, texts: Sequence[str], targets: Sequence[Aims] | None = None, *, cues: bool = False
    ) -> list[TextReading]:
        """Return one reading a text; every target gets the document's judgement, without cues."""
        aims: Sequence[Aims] = [{}] * len(texts) if targets is None else targets
        del cues
        return [
            replace(reading, document=judged, targets=dict.fromkeys(aim, judged))
            for reading, judged, aim in zip(
                self._analyser.read(texts), self._baseline.judge(texts), aims, strict=True
            )
        ]
