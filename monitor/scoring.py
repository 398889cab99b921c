"""Lines of texts in, lines of judgements out: what `python -m monitor score` does."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import pydantic_core

from monitor import normalise
from monitor.domain import Brand, Span
from monitor.match import Matcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from models.records import Judgement, TextReading

LABELS = {-1: "negative", 0: "neutral", 1: "positive"}


class Judge(Protocol):
    """What judges texts, with and without a target."""

    def judge(self, texts: Sequence[str], *, binary: bool = False) -> list[Judgement]:
        """Judge whole texts."""

    def read(
        self, texts: Sequence[str], targets: Sequence[Mapping[str, Sequence[Span]]] | None = None
    ) -> list[TextReading]:
        """Read texts towards targets."""


@dataclass(frozen=True, slots=True)
class _Asked:
    id: Any
    text: str
    target: str | None


def score_lines(
    judge: Judge, lines: Sequence[bytes], *, binary: bool, complain: Callable[[str], None]
) -> Iterator[dict[str, Any]]:
    """Judge JSONL lines `{"id", "text", "target"?}`.

    Yields `{"id", "label", "score", "confidence", "review"?}` in the order of the lines. A line
    that cannot be read is told to `complain` and answered with its id (None where it has none) and
    `error`.
    """
    asked = [_parse(line) for line in lines if line.strip()]
    good = [row for row in asked if isinstance(row, _Asked)]
    judged = iter(judge_texts(judge, [(row.text, row.target) for row in good], binary=binary))
    for row in asked:
        if isinstance(row, _Asked):
            found = next(judged)
            yield {
                "id": row.id,
                "label": LABELS[found.label],
                "score": round(found.score, 4),
                "confidence": round(found.confidence, 4),
                **({"review": found.review} if found.review else {}),
            }
        else:
            complain(row["error"])
            yield row


def judge_texts(
    judge: Judge, pairs: Sequence[tuple[str, str | None]], *, binary: bool = False
) -> list[Judgement]:
    """Judge (text, target or None) pairs as they come: cleaned, folded, then read."""
    plain = normalise.fold([normalise.clean(text) for text, _ in pairs])
    result: list[Judgement | None] = [None] * len(pairs)
    whole = [i for i, (_, target) in enumerate(pairs) if not target]
    aimed = [i for i, (_, target) in enumerate(pairs) if target]
    for i, found in zip(whole, judge.judge([plain[i] for i in whole], binary=binary), strict=True):
        result[i] = found
    if aimed:
        spans = [target_spans(plain[i], pairs[i][1] or "") for i in aimed]
        readings = judge.read([plain[i] for i in aimed], spans)
        for i, reading in zip(aimed, readings, strict=True):
            result[i] = in_two(reading.targets.get("target", reading.document), binary=binary)
    return [found for found in result if found is not None]


def target_spans(plain: str, target: str) -> dict[str, Sequence[Span]]:
    """Where a target stands in a folded text; empty where it does not."""
    word = normalise.fold([normalise.clean(target)])[0]
    return dict(Matcher([Brand("target", word)]).match([plain])[0]) if word else {}


def in_two(judgement: Judgement, *, binary: bool) -> Judgement:
    """Where no neutral is wanted, take the side that the score leans to.

    What was not judged, or voices no opinion, leans to none and stays neutral.
    """
    if not binary or judgement.label or not judgement.score:
        return judgement
    side = 1 if judgement.score >= 0 else -1
    sure = (1 + abs(judgement.score)) / 2
    return replace(judgement, label=side, confidence=sure)


def _parse(line: bytes) -> _Asked | dict[str, Any]:
    try:
        row = pydantic_core.from_json(line)
    except ValueError:
        try:
            # Lone surrogates, which cleaning removes, are no reason to lose a line.
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            return {"id": None, "error": f"不是合法的 JSON / invalid JSON: {error}"}
    if not isinstance(row, dict):
        return {"id": None, "error": "每行须为一个 JSON 对象 / each line must be a JSON object"}
    text, target = row.get("text"), row.get("target")
    if not isinstance(text, str) or not isinstance(target, str | None):
        return {
            "id": row.get("id"),
            "error": "text 须为字符串，target 可省略 / text must be a string, target may be absent",
        }
    return _Asked(row.get("id"), text, target)
