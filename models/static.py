"""What single words say, from vectors that a language model gave them.

The n-grams know only what the labelled texts hold; a word's vector knows which other words mean
much the same. A small network turns each vector into two numbers, how much the word counts and
which way it points, and a text's score is the weighted mean over its words: attention pooling,
started at smooth inverse frequency (Arora, Liang and Ma 2017, openreview.net/forum?id=SyK00v5xx).
Both numbers hang on the word alone, so they are shipped and the vectors and the network are not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.features import sums, word_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.features import Grams, Ints, Keys

    Floats = NDArray[np.float32]
    LogOdds = NDArray[np.float64]

VECTORS = Path(__file__).with_name("artifacts") / "words.npz"

_SLACK = 1e-3
"""Added to the sum of a text's weights, so that a text of rare-worded noise says little."""

_RARE = 1e-3
"""Frequency at which a word's first weight is one half: that paper's a."""

_STEP = np.float32(0.2)

_HIDDEN = 16
_ROUNDS = 40
"""Steps of the optimiser: with twice as many, other families' texts are read worse."""

_DECAY = 1e-4


@dataclass(frozen=True)
class WordScale:
    """Two numbers a word: its weight, and its weight times its log-odds of positive.

    A text's log-odds are Σ value / (Σ weight + 0.001) over its words that are in the dictionary.
    """

    keys: Keys
    """Sorted, of `models.features.word_keys`."""
    weight: Floats
    value: Floats

    @classmethod
    def blank(cls) -> WordScale:
        """Return a scale that knows no word."""
        return cls(np.zeros(0, np.uint32), np.zeros(0, np.float32), np.zeros(0, np.float32))

    def times(self, factor: float) -> WordScale:
        """Return a scale whose log-odds are `factor` times these."""
        return replace(self, value=np.float32(factor) * self.value)

    def shares(self, grams: Grams) -> LogOdds:
        """Return what each word, in the order of `grams.words`, adds to its text's log-odds."""
        weight, value = self._known(grams.word_key)
        mass = sums(weight, grams.word_bounds) + _SLACK
        shares: LogOdds = value / np.repeat(mass, np.diff(grams.word_bounds))
        return shares

    def log_odds(self, grams: Grams) -> LogOdds:
        """Return each text's log-odds of positive against negative."""
        weight, value = self._known(grams.word_key)
        return sums(value, grams.word_bounds) / (sums(weight, grams.word_bounds) + _SLACK)

    def _known(self, key: Keys) -> tuple[Floats, Floats]:
        """Return the weight and value of words, 0 of unknown ones."""
        if not len(self.keys):
            return np.zeros(len(key), np.float32), np.zeros(len(key), np.float32)
        place = self._places.find(key)
        known = self.keys[place] == key
        return known * self.weight[place], known * self.value[place]

    @cached_property
    def _places(self) -> _Places:
        return _Places(self.keys)


class _Places:
    """Finds keys in a sorted array: hashes lie evenly, so nearly where their first bits say."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._shift = np.uint32(32 - min(20, len(keys).bit_length() + 1))
        starts = np.arange(1 << (32 - self._shift), dtype=np.uint32) << self._shift
        self._first = np.searchsorted(keys, starts).astype(np.int64)
        self._steps = np.bincount(keys >> self._shift).max(initial=1)

    def find(self, key: Keys) -> Ints:
        """Return where each key stands, or some other place where it stands nowhere."""
        last = len(self._keys) - 1
        place: Ints = np.minimum(self._first[key >> self._shift], last)
        for _ in range(self._steps - 1):
            place += self._keys[place] < key
            np.minimum(place, last, out=place)
        return place


@dataclass(frozen=True, slots=True)
class WordVectors:
    """A vector a word, sorted by key; `tools/distil_words.py` makes them."""

    keys: Keys
    vectors: Floats

    @classmethod
    def of(cls, words: Sequence[str], vectors: Floats) -> WordVectors:
        """Return the vectors by key; of words that differ in case or digits only, the first's."""
        keys, first = np.unique(word_keys(words), return_index=True)
        return cls(keys, vectors[first])

    @classmethod
    def load(cls, path: Path = VECTORS) -> WordVectors:
        """Return the vectors of a file; without the file none, and training does without."""
        if not path.exists():
            return cls(np.zeros(0, np.uint32), np.zeros((0, 1), np.float32))
        with np.load(path, allow_pickle=False) as arrays:
            return cls(arrays["keys"], _STEP * arrays["steps"].T.astype(np.float32))

    def save(self, path: Path) -> None:
        """Write the vectors in steps of a fifth of their mean spread, one byte each."""
        steps = np.clip(np.round(self.vectors.T / _STEP), -127, 127).astype(np.int8)
        np.savez_compressed(path, keys=self.keys, steps=steps)


def count_words(grams: Grams, keys: Keys) -> Any:
    """Return how often each text of a batch holds each word of `keys`, as a sparse matrix."""
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - never in the service

    key = grams.word_key
    owner = np.repeat(np.arange(grams.size), np.diff(grams.word_bounds))
    place = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    known = keys[place] == key
    entries = (np.ones(known.sum(), np.float32), (owner[known], place[known]))
    return csr_matrix(entries, (grams.size, len(keys)))


def fit_words(counts: Any, labels: LogOdds, balance: LogOdds, words: WordVectors) -> WordScale:
    """Return the scale learned from texts of known sign, without its bias.

    Parameters
    ----------
    counts
        How often each text holds each word of `words`.
    labels, balance
        1 or -1, and the weight, of each text.
    """
    from scipy.optimize import minimize  # noqa: PLC0415

    total = np.asarray(counts.sum(axis=0)).ravel()
    prior = np.log(_RARE / (_RARE + total / total.sum())).astype(np.float32)
    seen = np.flatnonzero(total)
    network = _Network(words.vectors.shape[1])
    texts = counts[:, seen].tocsr()
    loss = _Loss(network, texts, labels, balance, words.vectors[seen], prior[seen])
    found = minimize(
        loss, network.start(), jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}
    )
    _, odds, attention = network.read(found.x, words.vectors)
    weight = np.exp(prior + attention)
    return WordScale(words.keys, weight, weight * odds)


@dataclass(frozen=True, slots=True)
class _Network:
    """One hidden layer, two outputs: log-odds and attention."""

    size: int

    def start(self) -> LogOdds:
        rng = np.random.default_rng(0)
        into = rng.normal(0, self.size**-0.5, self.size * _HIDDEN)
        out = rng.normal(0, _HIDDEN**-0.5, _HIDDEN)
        return np.concatenate([into, np.zeros(_HIDDEN), out, np.zeros(_HIDDEN), [0.0]])

    def parts(self, flat: LogOdds) -> list[Floats]:
        cuts = np.cumsum([self.size * _HIDDEN, _HIDDEN, _HIDDEN, _HIDDEN])
        into, *rest = (part.astype(np.float32) for part in np.split(flat, cuts))
        return [into.reshape(self.size, _HIDDEN), *rest]

    def read(self, flat: LogOdds, vectors: Floats) -> tuple[Floats, Floats, Floats]:
        into, shift, odds, attention, _ = self.parts(flat)
        hidden = np.tanh(vectors @ into + shift)
        return hidden, hidden @ odds, hidden @ attention


@dataclass(frozen=True, slots=True)
class _Loss:
    """The logistic loss over the texts, and its gradient."""

    network: _Network
    texts: Any
    labels: LogOdds
    balance: LogOdds
    vectors: Floats
    prior: Floats

    def __call__(self, flat: LogOdds) -> tuple[float, LogOdds]:
        _, _, odds, attention, bias = self.network.parts(flat)
        hidden, said, heeded = self.network.read(flat, self.vectors)
        weight = np.exp(self.prior + heeded)
        mass = self.texts @ weight + np.float32(_SLACK)
        mean = (self.texts @ (weight * said)) / mass
        margin = self.labels * (mean + bias)
        share = self.balance / self.balance.sum()
        loss = share @ np.logaddexp(0, -margin) + _DECAY / 2 * (flat @ flat)
        pull = (-share * self.labels / (1 + np.exp(margin))).astype(np.float32)
        to_value = self.texts.T @ (pull / mass)
        to_weight = weight * (said * to_value - self.texts.T @ (pull * mean / mass))
        to_said = weight * to_value
        back = (np.outer(to_said, odds) + np.outer(to_weight, attention)) * (1 - hidden**2)
        gradient = [
            (self.vectors.T @ back).ravel(),
            back.sum(axis=0),
            hidden.T @ to_said,
            hidden.T @ to_weight,
            [pull.sum()],
        ]
        return float(loss), np.concatenate(gradient) + _DECAY * flat
