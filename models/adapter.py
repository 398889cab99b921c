"""What a brand's corrections teach: a small correction of both scales, on top of the weights.

Reading needs numpy alone; only `learn` and `out_of_fold` load scipy, and run in a process of
their own.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models import features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.features import Grams
    from models.records import Judgement
    from models.segment import Segmenter

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    LogOdds = tuple[Floats, Floats]

FOLDS = 5
_SLOPE, _SHIFT = 0.02, 0.1
"""Prior variances of the slope about 1 and of the shift about 0: a few labels move neither far."""

_SPREADS = (None, 0.0, 4.0, 32.0, 256.0)
"""Prior variances of the n-grams' weights to choose from; None changes nothing at all."""

_TINY = 2e-9

_MOST = 8192
"""N-grams kept on each scale, the heaviest: with all of them nothing is gained."""


@dataclass(frozen=True, slots=True)
class Scale:
    """slope · log-odds + shift + Σ weight / √n over a text's n distinct n-grams.

    `bucket` is in increasing order; an n-gram that is not in it weighs nothing.
    """

    slope: float = 1.0
    shift: float = 0.0
    bucket: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    weight: NDArray[np.float16] = field(default_factory=lambda: np.zeros(0, np.float16))

    def of(self, bucket: Ints) -> Floats:
        """Return what each n-gram weighs."""
        if not len(self.bucket):
            return np.zeros(len(bucket))
        place = np.minimum(np.searchsorted(self.bucket, bucket), len(self.bucket) - 1)
        return np.where(self.bucket[place] == bucket, self.weight[place].astype(float), 0.0)


@dataclass(frozen=True, slots=True)
class Adapter:
    """Corrects the log-odds of polarity and of opinion; one that says nothing changes nothing.

    `version` is eight hexadecimal digits of the SHA-256 of its bytes.

    Examples
    --------
    >>> from models.features import grams
    >>> colder = Adapter(polarity=Scale(shift=-1.0))
    >>> polarity, opinion = colder.adjust(np.array([0.5]), np.array([2.0]), grams(["好"], [["好"]]))
    >>> polarity.tolist(), opinion.tolist()
    ([-0.5], [2.0])
    >>> Adapter.from_bytes(colder.to_bytes()).version == colder.version
    True
    """

    polarity: Scale = field(default_factory=Scale)
    opinion: Scale = field(default_factory=Scale)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.to_bytes()).hexdigest()[:8]
        object.__setattr__(self, "version", digest)

    def adjust(
        self,
        polarity: Floats,
        opinion: Floats,
        grams: Grams,
        texts: Sequence[int] | None = None,
    ) -> LogOdds:
        """Return both log-odds corrected, for a batch and its n-grams, or for some of its texts."""
        bucket, bounds = grams.sets if texts is None else grams.sets_of(texts)
        root = np.sqrt(np.maximum(1, np.diff(bounds)))
        moved = [
            scale.slope * odds + scale.shift + features.sums(scale.of(bucket), bounds) / root
            for scale, odds in ((self.polarity, polarity), (self.opinion, opinion))
        ]
        return moved[0], moved[1]

    def to_bytes(self) -> bytes:
        """Return it as the bytes of an npz file; equal adapters give equal bytes."""
        file = io.BytesIO()
        arrays: dict[str, Any] = {}
        for name, scale in (("polarity", self.polarity), ("opinion", self.opinion)):
            arrays[f"{name}_line"] = np.array([scale.slope, scale.shift])
            arrays[f"{name}_bucket"] = scale.bucket
            arrays[f"{name}_weight"] = scale.weight
        np.savez_compressed(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Adapter:
        """Return the adapter of such a file; raises ValueError where it is none."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(*(_scale_of(arrays, name) for name in ("polarity", "opinion")))


def labels_of(polarity: Floats, opinion: Floats) -> Ints:
    """Return the likeliest of the labels -1, 0 and 1, given both log-odds.

    Examples
    --------
    >>> labels_of(np.array([-2.0, 2.0, 2.0]), np.array([3.0, 3.0, -3.0])).tolist()
    [-1, 1, 0]
    """
    positive, voiced = _chance(polarity), _chance(opinion)
    chances = np.stack([voiced * (1 - positive), 1 - voiced, voiced * positive])
    labels: Ints = chances.argmax(axis=0) - 1
    return labels


def log_odds_of(judgements: Sequence[Judgement]) -> LogOdds:
    """Return the (polarity, opinion) that judgements were made from, within ±20.

    Examples
    --------
    >>> from models.records import Judgement
    >>> polarity, opinion = log_odds_of([Judgement(1, 0.8 * 0.6, 0.8 * 0.8)])
    >>> labels_of(polarity, opinion).tolist(), round(float(np.tanh(polarity[0] / 2)), 6)
    ([1], 0.6)
    """
    label, score, confidence = (
        np.array([(j.label, j.score, j.confidence) for j in judgements], float).reshape(-1, 3).T
    )
    voiced = np.where(label == 0, 1 - confidence, 2 * confidence - np.abs(score))
    lean = score / np.maximum(voiced, _TINY)
    return _log_odds((1 + lean) / 2), _log_odds(voiced)


def learn(
    texts: Sequence[str],
    labels: Sequence[int],
    base: LogOdds,
    segmenter: Segmenter,
    seed: int = 0,
) -> Adapter:
    """Return what labelled texts teach beyond the log-odds that they have already.

    Both scales are logistic regressions that start from the given log-odds and are held to them
    by a Gaussian prior; n-grams are scaled by how they part the classes (Wang and Manning 2012,
    aclanthology.org/P12-2018). How far the n-grams may move is chosen by cross-validated
    log-loss, and 'not at all' is one of the choices.

    Parameters
    ----------
    labels
        -1, 0 or 1 for each text. Polarity learns from those that are not 0.
    base
        The texts' (polarity, opinion) under the shipped weights.
    """
    return _learned(_matrix(texts, segmenter), np.array(labels), base, seed)


def out_of_fold(
    texts: Sequence[str],
    labels: Sequence[int],
    base: LogOdds,
    segmenter: Segmenter,
    seed: int = 0,
) -> LogOdds:
    """Return each text's log-odds under an adapter that was learned without it.

    Texts must differ from one another, or a copy would tell on its fold.
    """
    found, truth = _matrix(texts, segmenter), np.array(labels)
    polarity, opinion = (odds.copy() for odds in base)
    for test in _folds(len(texts), seed):
        rest = ~test
        adapter = _learned(found[rest], truth[rest], (base[0][rest], base[1][rest]), seed)
        unseen = [text for text, held in zip(texts, test.tolist(), strict=True) if held]
        grams = features.grams(unseen, segmenter.cut_all(unseen))
        polarity[test], opinion[test] = adapter.adjust(base[0][test], base[1][test], grams)
    return polarity, opinion


def _scale_of(arrays: Any, name: str) -> Scale:
    slope, shift = arrays[f"{name}_line"].tolist()
    return Scale(slope, shift, arrays[f"{name}_bucket"], arrays[f"{name}_weight"])


def _log_odds(chance: Floats) -> Floats:
    inside = np.clip(chance, _TINY, 1 - _TINY)
    odds: Floats = np.log(inside) - np.log1p(-inside)
    return odds


def _chance(log_odds: Floats) -> Floats:
    return 0.5 + 0.5 * np.tanh(log_odds / 2)


def _matrix(texts: Sequence[str], segmenter: Segmenter) -> Any:
    from models.corpus import Row  # noqa: PLC0415 - never in the service
    from models.train import matrix  # noqa: PLC0415

    return matrix([Row("", "", "train", 0, text) for text in texts], segmenter)


def _folds(size: int, seed: int) -> list[NDArray[np.bool_]]:
    fold = np.random.default_rng(seed).permutation(size) % FOLDS
    return [fold == k for k in range(FOLDS)]


def _learned(found: Any, labels: Ints, base: LogOdds, seed: int) -> Adapter:
    # What one text alone says may be a name or a slip of the pen
    bucket = np.flatnonzero(found.getnnz(axis=0) > 1)
    shared = found[:, bucket].astype(float)
    voiced = np.flatnonzero(labels)
    return Adapter(
        _best(shared[voiced], base[0][voiced], labels[voiced] > 0, seed).sparse(bucket),
        _best(shared, base[1], labels != 0, seed).sparse(bucket),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A scale while it is learned, with a weight for every n-gram."""

    slope: float
    shift: float
    weight: Floats

    def loss(self, found: Any, base: Floats, truth: NDArray[np.bool_]) -> float:
        odds = self.slope * base + self.shift + found @ self.weight
        return float(np.logaddexp(0, np.where(truth, -odds, odds)).sum())

    def sparse(self, bucket: Ints) -> Scale:
        half = self.weight.astype(np.float16)
        kept = np.sort(np.argsort(-np.abs(half), kind="stable")[:_MOST])
        kept = kept[half[kept] != 0]
        return Scale(self.slope, self.shift, bucket[kept].astype(np.int32), half[kept])


def _best(found: Any, base: Floats, truth: NDArray[np.bool_], seed: int) -> _Line:
    """Return the line with the spread that does best on folds it has not seen."""
    folds = _folds(len(base), seed)
    losses = [
        sum(
            _fitted(found[~test], base[~test], truth[~test], spread).loss(
                found[test], base[test], truth[test]
            )
            for test in folds
        )
        for spread in _SPREADS
    ]
    return _fitted(found, base, truth, _SPREADS[int(np.argmin(losses))])


def _fitted(found: Any, base: Floats, truth: NDArray[np.bool_], spread: float | None) -> _Line:
    """Return the likeliest line, given the prior; `spread` 0 leaves the n-grams alone."""
    from scipy.optimize import minimize  # noqa: PLC0415

    weight = np.zeros(found.shape[1])
    if spread is None or not len(base):
        return _Line(1.0, 0.0, weight)
    known = np.flatnonzero(found.getnnz(axis=0) > 1) if spread else np.zeros(0, np.int64)
    present = found[:, known]
    reach = np.sqrt(spread) * _parting(present, truth)
    stretch = np.concatenate([[np.sqrt(_SLOPE), np.sqrt(_SHIFT)], reach])

    def cost(point: Floats) -> tuple[float, Floats]:
        slope, shift, *_ = move = stretch * point
        odds = base + slope * base + shift + present @ move[2:]
        gap = _chance(odds) - truth
        ascent = np.concatenate([[gap @ base, gap.sum()], present.T @ gap])
        loss = np.logaddexp(0, odds) - truth * odds
        return float(loss.sum() + point @ point / 2), stretch * ascent + point

    still = np.zeros(len(stretch))
    best = minimize(cost, still, jac=True, method="L-BFGS-B", options={"ftol": 1e-6}).x
    slope, shift, *_ = move = stretch * best
    weight[known] = move[2:]
    return _Line(1 + float(slope), float(shift), weight)


def _parting(present: Any, truth: NDArray[np.bool_]) -> Floats:
    """Return the size of each n-gram's naive-Bayes log-ratio between the classes."""
    seen = present.sign()
    yes, no = 1 + seen.T @ truth.astype(float), 1 + seen.T @ (~truth).astype(float)
    ratio: Floats = np.abs(np.log(yes / yes.sum()) - np.log(no / no.sum()))
    return ratio
