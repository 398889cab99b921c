"""Train the shipped weights from labelled texts; scikit-learn is needed here and nowhere else.

Polarity is the mean of three linear models over the same n-grams, each divided by the spread of
its scores on the training texts: a naive-Bayes SVM (Wang and Manning 2012,
aclanthology.org/P12-2018) with classes balanced, one with families balanced as well, and a plain
linear SVM. Being linear, their mean is one vector. Opinion is one linear SVM. Logistic scales
(Platt 1999) on the dev splits make log-odds of both.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from models import features, lexicon
from models.corpus import Row, read_all, without_leaks
from models.keywords import BACKGROUND, save_background
from models.segment import Segmenter
from models.weights import ARTIFACT, Weights

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Linear = tuple[Floats, float]

OPINION_SETS = frozenset({"nlpcc13_weibo_emotion", "smp_virus"})
"""Where 'neutral' means that no opinion is voiced; elsewhere it means mixed or middling."""

_ELSEWHERE = 0.3
"""Weight in learning opinion of a group outside those sets: with 0 a third of the reviews were
called neutral, with 1 so were fewer of the neutral posts."""

_BATCH = 1000


def train(data: Path, out: Path = ARTIFACT, seed: int = 0) -> dict[str, Any]:
    """Train on the sets' train splits, calibrate on their dev splits, write the artifacts.

    The weights go to `out`, the keywords' background beside it.

    Returns
    -------
    dict
        How many texts were used, and the version of the weights written.

    Raises
    ------
    models.corpus.DataMissingError
        When the folder lacks a set.
    """
    rows = read_all(data)
    learned = without_leaks(rows)
    weights = fit(learned, [row for row in rows if row.split == "dev"], seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    weights.save(out)
    save_background([row.text for row in learned], Segmenter(), out.with_name(BACKGROUND.name))
    return {"texts": len(learned), "version": Weights.load(out).version}


def fit(rows: Sequence[Row], dev: Sequence[Row], seed: int = 0) -> Weights:
    """Return weights learned from `rows` and calibrated on `dev`."""
    segmenter = Segmenter()
    learned = [*rows, *expressions()]
    polarity = fit_polarity(learned, dev, segmenter, seed)
    opinion = _svm(matrix(learned, segmenter), _opinions(learned), _by_voice(learned), 0.2, seed)
    return _assembled(polarity, opinion, dev, segmenter)


def fit_polarity(
    rows: Sequence[Row], dev: Sequence[Row], segmenter: Segmenter, seed: int = 0
) -> Linear:
    """Return the vector and bias of positive against negative, in log-odds."""
    polar = [row for row in rows if row.label]
    soup = _soup(matrix(polar, segmenter), polar, seed)
    return _calibrated(soup, [row for row in dev if row.label], segmenter)


def expressions() -> list[Row]:
    """Return the shipped expressions as labelled texts of a family of their own."""
    return [
        Row("expressions", "expressions", "train", label, word)
        for name, label in (("positive", 1), ("neutral", 0), ("negative", -1))
        for word in lexicon.load("polar")[name]["words"]
    ]


def matrix(rows: Sequence[Row], segmenter: Segmenter) -> Any:
    """Return the rows' n-grams as a sparse matrix of unit rows."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - never in the service

    counts, buckets = [], []
    for i in range(0, len(rows), _BATCH):
        texts = [row.text for row in rows[i : i + _BATCH]]
        owner, bucket = features.grams(texts, segmenter.cut_all(texts)).distinct()
        counts.append(np.bincount(owner, minlength=len(texts)))
        buckets.append(bucket)
    count = np.concatenate(counts)
    values = np.repeat(1 / np.sqrt(np.maximum(1, count)), count).astype(np.float32)
    pointers = np.concatenate([[0], np.cumsum(count)])
    return csr_matrix((values, np.concatenate(buckets), pointers), (len(rows), 1 << features.BITS))


def balance(groups: Sequence[Hashable]) -> Floats:
    """Return weights of mean 1 under which every group counts the same.

    Examples
    --------
    >>> balance(["a", "a", "a", "b"]).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    size = Counter(groups)
    return np.array([len(groups) / len(size) / size[group] for group in groups])


def _soup(texts: Any, rows: Sequence[Row], seed: int) -> Linear:
    labels = _signs(rows)
    by_class, by_family = balance(labels.tolist()), _by_family(rows)
    parts = [
        _nbsvm(texts, labels, by_class, 0.5, seed),
        _nbsvm(texts, labels, by_family, 0.1, seed),
        _svm(texts, labels, by_class, 1.0, seed),
    ]
    spreads = [np.std(texts @ vector + bias) for vector, bias in parts]
    vectors = [vector / spread for (vector, _), spread in zip(parts, spreads, strict=True)]
    biases = [bias / spread for (_, bias), spread in zip(parts, spreads, strict=True)]
    return np.sum(vectors, axis=0), float(np.sum(biases))


def _nbsvm(texts: Any, labels: Floats, weight: Floats, cost: float, seed: int) -> Linear:
    from scipy.sparse import diags  # noqa: PLC0415

    present = texts.sign()
    positive = 1 + present.T @ (weight * (labels > 0))
    negative = 1 + present.T @ (weight * (labels < 0))
    ratio = np.log(positive / positive.sum()) - np.log(negative / negative.sum())
    vector, bias = _svm((texts @ diags(ratio)).tocsr(), labels, weight, cost, seed)
    return vector * ratio, bias


def _svm(texts: Any, labels: Floats, weight: Floats, cost: float, seed: int) -> Linear:
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    model = LinearSVC(C=cost, tol=1e-2, max_iter=1000, random_state=seed)
    model.fit(texts, labels, sample_weight=weight)
    return model.coef_[0], float(model.intercept_[0])


def _calibrated(linear: Linear, dev: Sequence[Row], segmenter: Segmenter) -> Linear:
    """Return the model scaled so that its scores are log-odds on `dev`, families balanced."""
    vector, bias = linear
    scores = matrix(dev, segmenter) @ vector + bias
    (scale,), shift = _logistic(scores[:, None], _signs(dev), _by_family(dev))
    return scale * vector, scale * bias + shift


def _assembled(
    polarity: Linear, opinion: Linear, dev: Sequence[Row], segmenter: Segmenter
) -> Weights:
    """Return both scales, opinion calibrated together with the polarity's strength."""
    texts = matrix(dev, segmenter)
    strength = np.abs(texts @ polarity[0] + polarity[1])
    scores = np.column_stack([texts @ opinion[0] + opinion[1], strength])
    (scale, part), shift = _logistic(scores, _opinions(dev), _by_voice(dev))
    return Weights(
        polarity=polarity[0].astype(np.float32),
        opinion=(scale * opinion[0]).astype(np.float32),
        bias=(polarity[1], scale * opinion[1] + shift),
        strength=part,
    )


def _logistic(scores: Floats, labels: Floats, weight: Floats) -> tuple[list[float], float]:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    model = LogisticRegression(C=1e6).fit(scores, labels, sample_weight=weight)
    return model.coef_[0].tolist(), float(model.intercept_[0])


def _signs(rows: Sequence[Row]) -> Floats:
    return np.array([1.0 if row.label > 0 else -1.0 for row in rows])


def _opinions(rows: Sequence[Row]) -> Floats:
    return np.array([1.0 if row.label else -1.0 for row in rows])


def _by_family(rows: Sequence[Row]) -> Floats:
    return balance([(row.family, row.label) for row in rows])


def _by_voice(rows: Sequence[Row]) -> Floats:
    """Return weights under which opinion and none balance where both are labelled for it."""
    inside = np.array([row.source in OPINION_SETS for row in rows])
    groups = [
        (row.source if known or not row.label else row.family, row.label != 0)
        for row, known in zip(rows, inside, strict=True)
    ]
    return balance(groups) * np.where(inside, 1.0, _ELSEWHERE)
