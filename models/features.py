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
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence, Sized

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint64]
    Keys = NDArray[np.uint32]

BITS = 20
"""2 ** BITS buckets."""

_CHARACTERS = 3
_BASE = 0x9E3779B97F4A7C15  # odd, hence invertible modulo 2^64
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64


@dataclass(frozen=True)
class Grams:
    """The n-grams of a batch of `size` texts, one array element each.

    `owner` is the text an n-gram stands in, `key` its hash, `start` and `end` are code points of
    the whole batch put end to end. `words` are the positions of those n-grams that are words.
    """

    size: int
    owner: Ints
    key: Keys
    start: Ints
    end: Ints
    words: Ints

    @cached_property
    def bucket(self) -> Ints:
        """The bucket of each n-gram, in [0, 2 ** BITS)."""
        return (self.key >> np.uint32(32 - BITS)).astype(np.int64)

    @cached_property
    def distinct(self) -> tuple[Ints, Ints]:
        """Return (owner, bucket) of each n-gram once a text, ordered by text, then bucket."""
        keys = (self.owner << BITS) | self.bucket
        if self.size <= 1 << (32 - BITS):
            keys = keys.astype(np.uint32)  # which sort in half the time
        keys.sort()
        once = np.ones(len(keys), np.bool_)
        np.not_equal(keys[1:], keys[:-1], out=once[1:])
        keys = keys[once].astype(np.int64)
        return keys >> BITS, keys & ((1 << BITS) - 1)


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
    close = np.cumsum(sizes)
    word = close - sizes
    owner = np.repeat(np.arange(len(texts)), lengths(texts))
    hashes = _Hashes(_fold("".join(texts)))
    starts, ends, keys = [], [], []
    whole = np.zeros(len(word), np.int64)
    count = 0
    for n in range(1, min(len(owner), _CHARACTERS) + 1):
        inside = owner[n - 1 :] == owner[: len(owner) - n + 1]
        starts.append(np.flatnonzero(inside))
        ends.append(starts[-1] + n)
        keys.append(hashes.of_size(n)[inside])
        spelled = np.flatnonzero(sizes == n)
        whole[spelled] = count - 1 + np.cumsum(inside)[word[spelled]]
        count += len(starts[-1])
    # Up to three characters a word is a character n-gram already, and would count once anyway
    longer = np.flatnonzero(sizes > _CHARACTERS)
    whole[longer] = count + np.arange(len(longer))
    first, last = word[:-1], close[1:]
    pair = np.flatnonzero((last - first > _CHARACTERS) & (owner[first] == owner[last - 1]))
    start = np.concatenate([word[longer], first[pair]])
    end = np.concatenate([close[longer], last[pair]])
    key = np.concatenate([*keys, hashes.between(start, end)])
    start, end = np.concatenate([*starts, start]), np.concatenate([*ends, end])
    return Grams(len(texts), owner[start], key, start, end, whole)


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
        np.cumsum(codes * powers, out=self._running[1:])

    def of_size(self, n: int) -> Keys:
        """Return the keys of all stretches of n characters."""
        sums = self._running[n:] - self._running[:-n]
        return _mixed(sums * self._inverse[: len(sums)])

    def between(self, starts: Ints, ends: Ints) -> Keys:
        """Return the key of each stretch."""
        sums = self._running[ends] - self._running[starts]
        return _mixed(sums * self._inverse[starts])


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
