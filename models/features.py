"""Texts to hashed n-grams, whole batches at a time.

Every feature is a stretch of text: one to three characters, a word, or two neighbouring words. A
stretch `[a, b)` of code points c has the polynomial hash Σ c_k · B^(k-a) mod 2^64, taken from one
running sum over the batch as (S_b - S_a) · B^-a (Karp and Rabin 1987, doi 10.1147/rd.312.0249),
then mixed so that all of its bits count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

BITS = 20
"""2 ** BITS buckets."""

_CHARACTERS = 3
_BASE = 0x9E3779B97F4A7C15  # odd, hence invertible modulo 2^64
_INVERSE = pow(_BASE, -1, 1 << 64)
_MIX = np.uint64(0xBF58476D1CE4E5B9)  # of splitmix64


@dataclass(frozen=True, slots=True)
class Grams:
    """The n-grams of a batch of `size` texts, one array element each.

    `owner` is the text an n-gram stands in, `bucket` is in [0, 2 ** BITS), `start` and `end` are
    code points of the whole batch put end to end.
    """

    size: int
    owner: Ints
    bucket: Ints
    start: Ints
    end: Ints

    def distinct(self) -> tuple[Ints, Ints]:
        """Return (owner, bucket) of each n-gram once a text, ordered by text, then bucket."""
        keys = np.sort((self.owner << BITS) | self.bucket)
        keys = keys[np.flatnonzero(np.diff(keys, prepend=-1))]
        return keys >> BITS, keys & ((1 << BITS) - 1)


def grams(texts: Sequence[str], words: Sequence[Sequence[str]]) -> Grams:
    """Return the n-grams of a batch; `words` are each text's words, which join to that text."""
    owner = np.repeat(np.arange(len(texts)), lengths(texts))
    starts, ends = _stretches(len(owner), lengths([word for cut in words for word in cut]))
    inside = owner[starts] == owner[ends - 1]
    starts, ends = starts[inside], ends[inside]
    buckets = _buckets(_fold("".join(texts)), starts, ends)
    return Grams(len(texts), owner[starts], buckets, starts, ends)


def lengths(strings: Sequence[str]) -> Ints:
    """Return the length of each string in code points."""
    return np.fromiter(map(len, strings), np.int64, len(strings))


def _stretches(size: int, word_lengths: Ints) -> tuple[Ints, Ints]:
    position = np.arange(size)
    word_end = np.cumsum(word_lengths)
    word = word_end - word_lengths
    characters = [(position[: size - n], position[n:] + 1) for n in range(min(size, _CHARACTERS))]
    words = [_longer(word, word_end), _longer(word[:-1], word_end[1:])]
    starts, ends = zip(*characters, *words, strict=True)
    return np.concatenate(starts), np.concatenate(ends)


def _longer(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    # Up to three characters a word is a character n-gram already, and would count once anyway
    longer = ends - starts > _CHARACTERS
    return starts[longer], ends[longer]


def _fold(text: str) -> Hashes:
    """Return the code points, ASCII letters in lower case and digits as one."""
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32).astype(np.uint64)
    codes[(codes >= ord("A")) & (codes <= ord("Z"))] += np.uint64(32)
    codes[(codes >= ord("0")) & (codes <= ord("9"))] = ord("0")
    return codes


def _buckets(codes: Hashes, starts: Ints, ends: Ints) -> Ints:
    running = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes * _powers(_BASE, len(codes)), out=running[1:])
    hashes = (running[ends] - running[starts]) * _powers(_INVERSE, len(codes))[starts]
    hashes ^= hashes >> np.uint64(31)
    hashes *= _MIX
    return (hashes >> np.uint64(64 - BITS)).astype(np.int64)


def _powers(base: int, count: int) -> Hashes:
    powers = np.full(count, base, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
