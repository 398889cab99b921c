"""Train the shipped weights from labelled texts; scikit-learn is needed here and nowhere else.

Polarity is the mean of three linear models over the same n-grams, each divided by the spread of
its scores on the training texts: a naive-Bayes SVM (Wang and Manning 2012,
aclanthology.org/P12-2018) with classes balanced, one with families balanced as well, and a plain
linear SVM. Being linear, their mean is one vector. A part of what single words say, from their
vectors, is added (`models.static`). Opinion is one linear SVM. Logistic scales (Platt 1999) on the
dev splits make log-odds of both.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models import features, lexicon
from models.corpus import Row, read_all, without_leaks
from models.keywords import BACKGROUND, save_background
from models.segment import Segmenter
from models.static import WordScale, WordVectors, count_words, fit_words
from models.weights import ARTIFACT, Weights

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from models.features import Grams

    Floats = NDArray[np.float64]
    Linear = tuple[Floats, float]

OPINION_SETS = frozenset({"nlpcc13_weibo_emotion", "smp_virus"})
"""Where 'neutral' means that no opinion is voiced; elsewhere it means mixed or middling."""

_ELSEWHERE = 0.1
"""Weight in learning opinion of a group outside those sets, where nearly all is opinion: what
reviews are like tells little of what posts without an opinion are like."""

_REVIEWS = 0.3
"""The same in calibrating it, which keeps reviews from being called neutral."""

_SILENT = OPINION_SETS | {"expressions"}
"""Whose neutral texts voice no opinion."""

_WORDS = 0.25
"""How much single words count beside the three n-gram models' mean, all at equal spread."""

_CAUTION = 0.15
"""Log-odds by which polarity leans to blame: on families never seen, recall of blame was .03 below
its precision, and a missed complaint costs more than one looked at in vain."""

_BATCH = 1000
_TINY = 1e-9


def train(data: Path, out: Path = ARTIFACT, seed: int = 0) -> dict[str, Any]:
    """Train on the sets' train splits, calibrate on their dev splits, write the artifacts.

    The weights go to `out`; the scales of targets, emotion and offence and the keywords' background
    beside it.

    Returns
    -------
    dict
        How many texts were used, and the version of the weights written.

    Raises
    ------
    models.corpus.DataMissingError
        When the folder lacks a set.
    """
    from models import targets, traits  # noqa: PLC0415 - their training builds on this module
    from models.train_targets import train_targets  # noqa: PLC0415
    from models.train_traits import train_traits  # noqa: PLC0415

    rows, segmenter = read_all(data), Segmenter()
    learned = without_leaks(rows)
    weights = fit(learned, [row for row in rows if row.split == "dev"], seed)
    out.parent.mkdir(parents=True, exist_ok=True)
    weights.save(out)
    train_targets(data, segmenter, out.with_name(targets.ARTIFACT.name), seed)
    train_traits(data, out.with_name(traits.ARTIFACT.name), seed)
    save_background([row.text for row in learned], segmenter, out.with_name(BACKGROUND.name))
    return {"texts": len(learned), "version": Weights.load(out).version}


def fit(rows: Sequence[Row], dev: Sequence[Row], seed: int = 0) -> Weights:
    """Return weights learned from `rows` and calibrated on `dev`."""
    segmenter = Segmenter()
    learned = [*rows, *expressions()]
    polarity = fit_polarity(learned, dev, segmenter, seed)
    heard = _heard(learned)
    weight = _by_voice(heard, _ELSEWHERE)
    opinion = _svm(matrix(heard, segmenter), _opinions(heard), weight, 0.2, seed)
    return _assembled(polarity, opinion, dev, segmenter)


def fit_polarity(
    rows: Sequence[Row], dev: Sequence[Row], segmenter: Segmenter, seed: int = 0
) -> Weights:
    """Return weights of positive against negative, in log-odds, that hear opinion in every text."""
    polar = [row for row in rows if row.label]
    vector, bias = _soup(matrix(polar, segmenter), polar, seed)
    weights = Weights(
        polarity=vector.astype(np.float32),
        opinion=np.zeros(vector.shape, np.float32),
        bias=(bias, 0.0),
        strength=0.0,
        words=_words(polar, segmenter),
    )
    return _calibrated(weights, [row for row in dev if row.label], segmenter)


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
    for grams in _batches(rows, segmenter):
        owner, bucket = grams.distinct
        counts.append(np.bincount(owner, minlength=grams.size))
        buckets.append(bucket)
    count = np.concatenate(counts)
    values = np.repeat(1 / np.sqrt(np.maximum(1, count)), count).astype(np.float32)
    pointers = np.concatenate([[0], np.cumsum(count)])
    return csr_matrix((values, np.concatenate(buckets), pointers), (len(rows), 1 << features.BITS))


def _batches(rows: Sequence[Row], segmenter: Segmenter) -> Iterator[Grams]:
    for i in range(0, len(rows), _BATCH):
        texts = [row.text for row in rows[i : i + _BATCH]]
        yield features.grams(texts, segmenter.cut_all(texts))


def balance(groups: Sequence[Hashable]) -> Floats:
    """Return weights of mean 1 under which every group counts the same.

    Examples
    --------
    >>> balance(["a", "a", "a", "b"]).round(2).tolist()
    [0.67, 0.67, 0.67, 2.0]
    """
    size = Counter(groups)
    return np.array([len(groups) / len(size) / size[group] for group in groups])


def _words(rows: Sequence[Row], segmenter: Segmenter) -> WordScale:
    """Return what single words say, its spread `_WORDS` of the three n-gram models' sum."""
    from scipy.sparse import vstack  # noqa: PLC0415

    vectors = WordVectors.load()
    if not len(vectors.keys):
        return WordScale.blank()
    counts = vstack([count_words(part, vectors.keys) for part in _batches(rows, segmenter)])
    words = fit_words(counts.tocsr(), _signs(rows), _by_family(rows), vectors)
    said = np.concatenate([words.log_odds(part) for part in _batches(rows, segmenter)])
    return words.times(3 * _WORDS / max(float(said.std()), _TINY))


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


def _calibrated(weights: Weights, dev: Sequence[Row], segmenter: Segmenter) -> Weights:
    """Return the weights scaled so that they give log-odds on `dev`, families balanced."""
    scores = _polarity(weights, dev, segmenter)
    (scale,), shift = _logistic(scores[:, None], _signs(dev), _by_family(dev))
    return replace(
        weights,
        polarity=np.float32(scale) * weights.polarity,
        bias=(scale * weights.bias[0] + shift - _CAUTION, weights.bias[1]),
        words=weights.words.times(scale),
    )


def _assembled(
    weights: Weights, opinion: Linear, dev: Sequence[Row], segmenter: Segmenter
) -> Weights:
    """Return both scales, opinion calibrated together with the polarity's strength."""
    heard = _heard(dev)
    strength = np.abs(_polarity(weights, heard, segmenter))
    scores = np.column_stack([matrix(heard, segmenter) @ opinion[0] + opinion[1], strength])
    (scale, part), shift = _logistic(scores, _opinions(heard), _by_voice(heard, _REVIEWS))
    return replace(
        weights,
        opinion=(scale * opinion[0]).astype(np.float32),
        bias=(weights.bias[0], scale * opinion[1] + shift),
        strength=part,
    )


def _polarity(weights: Weights, rows: Sequence[Row], segmenter: Segmenter) -> Floats:
    return np.concatenate([weights.log_odds(part)[0] for part in _batches(rows, segmenter)])


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


def _heard(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that tell opinion from none; elsewhere 'neutral' is a middling opinion."""
    return [row for row in rows if row.label or row.source in _SILENT]


def _by_voice(rows: Sequence[Row], elsewhere: float) -> Floats:
    """Return weights under which opinion and none balance where both are labelled for it."""
    inside = np.array([row.source in OPINION_SETS for row in rows])
    groups = [
        (row.source if known or not row.label else row.family, row.label != 0)
        for row, known in zip(rows, inside, strict=True)
    ]
    return balance(groups) * np.where(inside, 1.0, elsewhere)
