"""Train the scales of emotion and offence; scikit-learn is needed here and not in the service.

Each scale is the mean of a naive-Bayes SVM (Wang and Manning 2012, aclanthology.org/P12-2018) and
a linear SVM, one class against the rest, each divided by the spread of its scores. A multinomial
logistic regression over the emotions' scores on the dev splits makes them a softmax; being linear
in scores that are linear, it folds into the weights.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from models import features, lexicon
from models.corpus import FAMILY, read_rows, read_set
from models.segment import Segmenter
from models.train import balance
from models.traits import ARTIFACT, EMOTIONS, SHIFT, Scales, Traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Linear = tuple[Floats, float]

CLASSES = (*EMOTIONS, "none")

_EMOTION_SETS = ("nlpcc13_weibo_emotion", "smp_virus")
_OFFENCE_SET = "cold_offensive"
_EMOTION_OF = {
    "angry": "anger",
    "sad": "sadness",
    "happy": "joy",
    "happiness": "joy",
    "like": "joy",
    "neutral": "none",
}
"""What the sets call an emotion, where that is not its name here."""

_AS_ANGER = {"disgust": "anger"}
_INSULTS = {"1": "offensive", "0": "civil"}

_EVERYDAY = 20_000
"""Reviews, hardly any of them insulting, from which offence learns everyday complaint."""

_CAUTION = 0.1
"""Score, of a spread of 1, that an insult takes: fewer reviews are accused, for .01 less F1."""

_MILD = 2.0
_CIVIL = {_OFFENCE_SET: 1.0, "expressions": 5.0}
"""Weight of a text in learning offence: the sources here, all others mild."""

_NEVER = -30.0
"""Log-odds of a class that the dev rows lack."""

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and its class: an emotion or 'none'; 'offensive' or 'civil'."""

    source: str
    split: str
    label: str
    text: str


def train_traits(data: Path, out: Path = ARTIFACT, seed: int = 0) -> dict[str, Any]:
    """Train on the sets' train splits, calibrate on their dev splits, write the scales to `out`.

    Returns
    -------
    dict
        How many texts were learned from, and the figures of `evaluate_traits`.

    Raises
    ------
    models.corpus.DataMissingError
        When the folder lacks a set.
    """
    emotions, offence, reviews = read_emotions(data), read_offence(data), read_reviews(data)
    everyday = random.Random(seed).sample(of_split(reviews, "train"), _EVERYDAY)  # noqa: S311
    felt = [*without_leaks(emotions), *expressions()]
    # Cursing at things or at large is anger, not an insult
    civil = [replace(row, label="civil") for row in expressions()]
    insults = [*without_leaks(offence), *everyday, *civil]
    out.parent.mkdir(parents=True, exist_ok=True)
    fit(felt, of_split(emotions, "dev"), insults, seed).save(out)
    figures = evaluate_traits(Traits.load(out), [*emotions, *offence, *reviews])
    return {"texts": len(felt) + len(insults), **figures}


def fit(
    felt: Sequence[Labelled], dev: Sequence[Labelled], insults: Sequence[Labelled], seed: int = 0
) -> Scales:
    """Return scales whose emotions are learned from `felt` and calibrated on `dev`."""
    segmenter = Segmenter()
    weights, bias = fit_emotions(felt, dev, segmenter, seed)
    offensive = np.array([row.label == "offensive" for row in insults])
    weight = np.array([_CIVIL.get(row.source, _MILD) for row in insults])
    vector, shift = _soup(matrix(insults, segmenter), offensive, weight, seed)
    scales = np.ascontiguousarray(np.vstack([weights, vector]).T, np.float32)
    return Scales(scales, (*bias.tolist(), shift - _CAUTION))


def fit_emotions(
    rows: Sequence[Labelled], dev: Sequence[Labelled], segmenter: Segmenter, seed: int = 0
) -> tuple[Floats, Floats]:
    """Return a vector and a bias for each class, in log-odds of a softmax."""
    texts, balanced = matrix(rows, segmenter), balance([(row.source, row.label) for row in rows])
    labels = np.array([row.label for row in rows])
    soups = [_soup(texts, labels == name, balanced, seed) for name in CLASSES]
    weights, bias = np.stack([vector for vector, _ in soups]), np.array([b for _, b in soups])
    mixing, shift = _softmax(matrix(dev, segmenter) @ weights.T + bias, dev)
    return mixing @ weights, mixing @ bias + shift


def evaluate_traits(traits: Traits, rows: Sequence[Labelled]) -> dict[str, Any]:
    """Return figures of emotion and offence on the test splits, and how many reviews are accused.

    A set without disgust counts it as anger, in what is said as well.
    """
    segmenter = Segmenter()
    figures: dict[str, Any] = {"emotion": {}, "offence": {}, "accused": {}}
    for name, part in _by_source(of_split(rows, "test")).items():
        read = [said for texts in _batches(part) for said in _read(traits, texts, segmenter)]
        if name in _EMOTION_SETS:
            figures["emotion"][name] = _emotion_figures(part, [emotion for emotion, _ in read])
        elif name == _OFFENCE_SET:
            figures["offence"][name] = _offence_figures(part, [insults for _, insults in read])
        else:
            figures["accused"][name] = round(sum(insults for _, insults in read) / len(part), 4)
    return figures


def read_emotions(data: Path) -> list[Labelled]:
    """Return the posts labelled with an emotion."""
    return [
        Labelled(name, row["split"], _EMOTION_OF.get(row["emotion"], row["emotion"]), row["text"])
        for name in _EMOTION_SETS
        for row in read_rows(data, name)
    ]


def read_offence(data: Path) -> list[Labelled]:
    """Return COLD's comments (Deng et al. 2022, aclanthology.org/2022.emnlp-main.796)."""
    return [
        Labelled(_OFFENCE_SET, row["split"], _INSULTS[row["label"]], row["text"])
        for row in read_rows(data, _OFFENCE_SET)
    ]


def read_reviews(data: Path) -> list[Labelled]:
    """Return the reviews of goods and services, all taken for civil."""
    return [
        Labelled(name, row.split, "civil", row.text)
        for name, family in FAMILY.items()
        if family not in {"social", "finance"}
        for row in read_set(data, name)
    ]


def expressions() -> list[Labelled]:
    """Return the shipped expressions as labelled texts of a source of their own."""
    tables = lexicon.load("emotion")
    words = {name: tables[name]["words"] for name in CLASSES}
    words["none"] = [*words["none"], *lexicon.load("polar")["neutral"]["words"]]
    return [
        Labelled("expressions", "train", name, word) for name in CLASSES for word in words[name]
    ]


def of_split(rows: Sequence[Labelled], split: str) -> list[Labelled]:
    """Return the rows of one split."""
    return [row for row in rows if row.split == split]


def without_leaks(rows: Sequence[Labelled]) -> list[Labelled]:
    """Return the training rows whose text stands in no dev or test split, each once."""
    held_out = {row.text for row in rows if row.split != "train"}
    kept = {row.text: row for row in of_split(rows, "train") if row.text not in held_out}
    return list(kept.values())


def matrix(rows: Sequence[Labelled], segmenter: Segmenter) -> Any:
    """Return the rows' n-grams as a sparse matrix of unit rows, in the buckets of `Scales`."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - never in the service

    parts = [_grams(part, segmenter).distinct for part in _batches(rows)]
    sizes = [np.bincount(owner, minlength=_BATCH) for owner, _ in parts]
    count = np.concatenate(sizes)[: len(rows)]
    values = np.repeat(1 / np.sqrt(np.maximum(1, count)), count)
    columns = np.concatenate([bucket for _, bucket in parts]) >> SHIFT
    pointers = np.concatenate([[0], np.cumsum(count)])
    return csr_matrix((values, columns, pointers), (len(rows), 1 << (features.BITS - SHIFT)))


def _soup(texts: Any, positive: NDArray[np.bool_], weight: Floats, seed: int) -> Linear:
    """Return the mean of both models, each with scores of spread 1 on `texts`."""
    parts = [_nbsvm(texts, positive, weight, seed), _svm(texts, positive, weight, 1.0, seed)]
    spreads = [2 * np.std(texts @ vector + bias) for vector, bias in parts]
    vector = np.sum([v / spread for (v, _), spread in zip(parts, spreads, strict=True)], axis=0)
    return vector, sum(b / spread for (_, b), spread in zip(parts, spreads, strict=True))


def _nbsvm(texts: Any, positive: NDArray[np.bool_], weight: Floats, seed: int) -> Linear:
    from scipy.sparse import diags  # noqa: PLC0415

    present = texts.sign()
    inside = 1 + present.T @ (weight * positive)
    outside = 1 + present.T @ (weight * ~positive)
    ratio = np.log(inside / inside.sum()) - np.log(outside / outside.sum())
    vector, bias = _svm((texts @ diags(ratio)).tocsr(), positive, weight, 0.5, seed)
    return vector * ratio, bias


def _svm(texts: Any, positive: NDArray[np.bool_], weight: Floats, cost: float, seed: int) -> Linear:
    from sklearn.svm import LinearSVC  # noqa: PLC0415

    model = LinearSVC(C=cost, tol=1e-2, max_iter=1000, random_state=seed)
    model.fit(texts, positive, sample_weight=weight)
    return model.coef_[0], float(model.intercept_[0])


def _softmax(scores: Floats, rows: Sequence[Labelled]) -> tuple[Floats, Floats]:
    """Return the matrix and the bias that make log-odds of the classes' scores.

    Sets and classes count by the root of their weight: half-way between how often a class is felt
    in the sets and all the same, since nobody knows how often in yours.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    weight = np.sqrt(balance([(row.source, row.label) for row in rows]))
    model = LogisticRegression(max_iter=500)
    model.fit(scores, [CLASSES.index(row.label) for row in rows], sample_weight=weight)
    mixing, shift = np.zeros((len(CLASSES), len(CLASSES))), np.full(len(CLASSES), _NEVER)
    mixing[model.classes_], shift[model.classes_] = model.coef_, model.intercept_
    return mixing, shift


def _read(
    traits: Traits, rows: Sequence[Labelled], segmenter: Segmenter
) -> list[tuple[str | None, bool]]:
    return traits.read(_grams(rows, segmenter), [row.text for row in rows])


def _grams(rows: Sequence[Labelled], segmenter: Segmenter) -> features.Grams:
    texts = [row.text for row in rows]
    return features.grams(texts, segmenter.cut_all(texts))


def _emotion_figures(rows: Sequence[Labelled], said: Sequence[str | None]) -> dict[str, float]:
    from sklearn.metrics import f1_score  # noqa: PLC0415

    truth = np.array([row.label for row in rows])
    classes = sorted(set(truth))
    merged = {"surprise": "none", None: "none"} | ({} if "disgust" in classes else _AS_ANGER)
    told = np.array([merged.get(emotion, emotion) for emotion in said])
    named = told != "none"
    figures = {
        "macro_f1": f1_score(truth, told, labels=classes, average="macro"),
        "accuracy": np.mean(truth == told),
        "precision_named": np.mean(truth[named] == told[named]),
        "named": np.mean(named),
    }
    return {"n": len(rows)} | {name: round(float(value), 4) for name, value in figures.items()}


def _offence_figures(rows: Sequence[Labelled], said: Sequence[bool]) -> dict[str, float]:
    from sklearn.metrics import f1_score, precision_score, recall_score  # noqa: PLC0415

    truth, told = np.array([row.label == "offensive" for row in rows]), np.array(said)
    figures = {
        "accuracy": np.mean(truth == told),
        "macro_f1": f1_score(truth, told, average="macro"),
        "f1": f1_score(truth, told),
        "precision": precision_score(truth, told),
        "recall": recall_score(truth, told),
    }
    return {"n": len(rows)} | {name: round(float(value), 4) for name, value in figures.items()}


def _by_source(rows: Sequence[Labelled]) -> dict[str, list[Labelled]]:
    grouped: dict[str, list[Labelled]] = defaultdict(list)
    for row in rows:
        grouped[row.source].append(row)
    return dict(grouped)


def _batches(rows: Sequence[Labelled]) -> Iterator[Sequence[Labelled]]:
    for i in range(0, len(rows), _BATCH):
        yield rows[i : i + _BATCH]
