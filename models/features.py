"""Texts to hashed n-grams, whole batches at a time.

Every feature is a stretch of text: one to three characters, a word, or two neighbouring words. A
stretch `[a, b)` of code points c has the polynomial hash Σ c_k · B^(k-a) mod 2^64, taken from one
running sum over the batch as (S_b - S_a) · B^-a (Karp and Rabin 1987, doi 10.1147/rd.312.0249),
then mixed so that all of its bits count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint64]
    Keys = NDArray[np.uint32]
    Floats = NDArray[np.float32]
    LogOdds = NDArray[np.float64]

BITS = 20
"""2 ** BITS buckets."""

_CHARACTERS = 3
_NOTHING = np.zeros(1)
_BASE = 0x9E3779B97F4A7C15  # odd, hence invertible modulo 2^64
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64


@dataclass(frozen=True)
class Grams:
    """The n-grams of a batch of texts; places are code points of the batch put end to end.

    Attributes
    ----------
    bounds
        Where each text starts, and where the last one ends.
    characters
        The keys of stretches of one, two and three characters: one row a size, one column a place
        where they start. A stretch that leaves its text is none; one character stands in for it.
    longer_start, longer_end, longer_key
        The longer n-grams: words, then pairs of words.
    word_start, word_size, word_key
        Every word, however long.
    word_bounds
        Which is the first word of each text; how many there are in all.
    """

    bounds: Ints
    characters: Keys
    longer_start: Ints
    longer_end: Ints
    longer_key: Keys
    word_start: Ints
    word_size: Ints
    word_key: Keys
    word_bounds: Ints

    @property
    def size(self) -> int:
        """The number of texts."""
        return len(self.bounds) - 1

    @cached_property
    def sets(self) -> tuple[Ints, Ints]:
        """Each text's distinct buckets in order, and where each text's start and the last's end."""
        # Keys of 32 bits sort in half the time
        wide = np.dtype(np.uint32 if self.size < 1 << (32 - BITS) else np.uint64)
        texts = np.arange(self.size + 1).astype(wide) << wide.type(BITS)
        owner = texts[:-1].repeat(self.bounds[1:] - self.bounds[:-1])
        characters, longer = (_bucket(key) for key in (self.characters, self.longer_key))
        keys = np.concatenate([(characters | owner).ravel(), longer | owner[self.longer_start]])
        keys.sort()
        once = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=once[1:])
        keys = keys[once]
        return (keys & wide.type((1 << BITS) - 1)).astype(np.int64), keys.searchsorted(texts)

    def sets_of(self, texts: Sequence[int]) -> tuple[Ints, Ints]:
        """Return the `sets` of some texts."""
        bucket, bounds = self.sets
        parts = [bucket[bounds[i] : bounds[i + 1]] for i in texts]
        return np.concatenate(parts), np.cumsum([0, *map(len, parts)])

    @property
    def distinct(self) -> tuple[Ints, Ints]:
        """Return (owner, bucket) of each n-gram once a text, ordered by text, then bucket."""
        bucket, bounds = self.sets
        return np.repeat(np.arange(self.size), np.diff(bounds)), bucket

    @cached_property
    def root(self) -> LogOdds:
        """√n of each text's n distinct n-grams, at least 1."""
        _, bounds = self.sets
        root: LogOdds = np.sqrt(np.maximum(1, bounds[1:] - bounds[:-1]))
        return root

    def mean(self, scale: Floats) -> LogOdds:
        """Return Σ `scale` / √n over each text's n distinct n-grams."""
        bucket, bounds = self.sets
        return sums(scale[bucket], bounds) / self.root

    def weighed(self, scale: Floats) -> tuple[Floats, Floats]:
        """Return what `characters`, each row with a 0 at its end, and longer n-grams weigh."""
        known = self._weighed.get(id(scale))
        if known is None:
            characters = np.zeros((len(self.characters), self.bounds[-1] + 1), np.float32)
            characters[:, :-1] = scale[_bucket(self.characters)]
            known = self._weighed[id(scale)] = characters, scale[_bucket(self.longer_key)]
        return known

    @cached_property
    def _weighed(self) -> dict[int, tuple[Floats, Floats]]:
        # Several steps ask about stretches of the same texts on the same scales
        return {}

    @cached_property
    def _inside(self) -> NDArray[np.bool_]:
        """Which of `characters` end inside their text."""
        ends = np.repeat(self.bounds[1:], np.diff(self.bounds))
        sizes = np.arange(1, len(self.characters) + 1)
        return np.arange(len(ends)) + sizes[:, None] <= ends

    @property
    def key(self) -> Keys:
        """The key of each n-gram."""
        return np.concatenate([self.characters[self._inside], self.longer_key])

    @property
    def bucket(self) -> Ints:
        """The bucket of each n-gram, in [0, 2 ** BITS)."""
        return _bucket(self.key).astype(np.int64)

    @property
    def start(self) -> Ints:
        """Where each n-gram starts."""
        return np.concatenate([np.nonzero(self._inside)[1], self.longer_start])

    @property
    def end(self) -> Ints:
        """Where each n-gram ends."""
        size, start = np.nonzero(self._inside)
        return np.concatenate([start + size + 1, self.longer_end])

    @property
    def owner(self) -> Ints:
        """The text each n-gram stands in."""
        return np.searchsorted(self.bounds, self.start, side="right") - 1

    @cached_property
    def words(self) -> Ints:
        """Which n-gram each word is."""
        order = np.cumsum(self._inside).reshape(self._inside.shape) - 1
        longer = self.word_size > _CHARACTERS
        which = np.empty(len(longer), np.int64)
        which[~longer] = order[self.word_size[~longer] - 1, self.word_start[~longer]]
        which[longer] = order.max(initial=-1) + 1 + np.arange(longer.sum())
        return which


def sums(values: NDArray[Any], bounds: Ints) -> LogOdds:
    """Return the sum of the values from each bound to the next; 0 where there are none.

    Examples
    --------
    >>> sums(np.array([1.0, 2.0, 4.0]), np.array([0, 2, 2, 3])).tolist()
    [3.0, 0.0, 4.0]
    """
    total: LogOdds = np.add.reduceat(np.concatenate((values, _NOTHING)), bounds[:-1])
    total[bounds[1:] == bounds[:-1]] = 0
    return total


def grams(texts: Sequence[str], words: Sequence[Sequence[str]]) -> Grams:
    """Return the n-grams of a batch; `words` are each text's words, which join to that text."""
    return sized_grams(texts, lengths([*chain.from_iterable(words)]))


def word_keys(words: Sequence[str]) -> Keys:
    """Return the key of each word: those that `grams` gives the same words in a text.

    Examples
    --------
    >>> word_keys(["A4", "a5"]).tolist() == grams(["a0"], [["a0"]]).key[-1:].tolist() * 2
    True
    """
    ends = np.cumsum(lengths(words))
    return _Hashes(_fold("".join(words))).between(ends - lengths(words), ends)


def lengths(strings: Sequence[Sized]) -> Ints:
    """Return the length of each string in code points, or of whatever else has one."""
    return np.fromiter(map(len, strings), np.int64, len(strings))


def sized_grams(texts: Sequence[str], sizes: Ints) -> Grams:
    """Return the n-grams of a batch; `sizes` are the lengths of its words, end to end."""
    close = sizes.cumsum()
    word = close - sizes
    bounds = np.zeros(len(texts) + 1, np.int64)
    lengths(texts).cumsum(out=bounds[1:])
    hashes = _Hashes(_fold("".join(texts)))
    # Up to three characters a word is a character n-gram already, and would count once anyway
    longer = (sizes > _CHARACTERS).nonzero()[0]
    word_bounds = word.searchsorted(bounds)
    within = np.ones(len(word) + 1, np.bool_)
    within[word_bounds] = False  # a text's last word and the next one's first are no pair
    first, last = word[:-1], close[1:]
    pair = ((last - first > _CHARACTERS) & within[1:-1]).nonzero()[0]
    start, end = np.concatenate([word, first[pair]]), np.concatenate([close, last[pair]])
    key = hashes.between(start, end)
    kept = np.concatenate([longer, np.arange(len(word), len(key))])
    return Grams(
        bounds,
        hashes.of_sizes(_CHARACTERS, bounds[1:]),
        start[kept],
        end[kept],
        key[kept],
        word,
        sizes,
        key[: len(word)],
        word_bounds,
    )


def _fold(text: str) -> Hashes:
    """Return the code points, ASCII letters in lower case and digits as one."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    codes[(codes >= ord("A")) & (codes <= ord("Z"))] += np.uint64(32)
    codes[(codes >= ord("0")) & (codes <= ord("9"))] = ord("0")
    return codes


class _Hashes:
    """The hashes of a batch's stretches."""

    def __init__(self, codes: Hashes) -> None:
        powers, self._inverse = _powers(len(codes))
        self._running = np.zeros(len(codes) + 1, np.uint64)
        (codes * powers).cumsum(out=self._running[1:])

    def of_sizes(self, most: int, ends: Ints) -> Keys:
        """Return the keys of stretches of 1 to `most` characters; see `Grams.characters`."""
        count = len(self._inverse)
        sums = np.zeros((min(most, count), count), np.uint64)
        for n, row in enumerate(sums, 1):
            np.subtract(self._running[n:], self._running[:-n], out=row[: count - n + 1])
        sums *= self._inverse
        keys = _mixed(sums)
        for n in range(1, len(keys)):
            keys[n:, ends - n] = keys[0, ends - n]
        return keys

    def between(self, starts: Ints, ends: Ints) -> Keys:
        """Return the key of each stretch."""
        sums = self._running[ends] - self._running[starts]
        return _mixed(sums * self._inverse[starts])


def _bucket(key: Keys) -> Keys:
    return key >> np.uint32(32 - BITS)


def _mixed(hashes: Hashes) -> Keys:
    hashes ^= hashes >> np.uint64(31)
    hashes *= _MIX
    return (hashes >> np.uint64(32)).astype(np.uint32)


def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Return the first powers of the base and of its inverse."""
    powers, inverse = _table(1 << max(12, (count - 1).bit_length()))
    return powers[:count], inverse[:count]


@lru_cache(maxsize=8)
def _table(count: int) -> Hashes:
    powers = np.empty((2, count), np.uint64)
    powers.T[:] = _BASE, _INVERSE
    powers[:, 0] = 1
    table: Hashes = np.cumprod(powers, axis=1, dtype=np.uint64)
    return table
