"""Chinese word segmentation: rjieba does the work, jieba stands in where it has no wheel."""

from __future__ import annotations

import logging
import re
import tempfile
from itertools import compress, pairwise
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.features import lengths
from models.lexicon import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from models.features import Ints

    Cut = Callable[[str], list[str]]

# 表情 as the platforms write them: [怒] [允悲] [doge] [笑cry]
_STICKER = re.compile(r"(\[[^\[\]\s]{1,8}\])")


class _Dictionary(Protocol):
    def add_word(self, word: str, freq: int | None, tag: str | None) -> object: ...


class Segmenter:
    """Cuts text into words that join back to exactly that text; stickers like `[怒]` stay whole.

    So do the shipped words of net slang and word of mouth (`lexicons/words.toml`).
    Never changed once built, so that threads may share it: other words need another Segmenter.

    Parameters
    ----------
    words
        Brand and product names to keep in one piece.
    engine
        ``"rjieba"``, ``"jieba"``, or None for the first that is installed.

    Examples
    --------
    >>> Segmenter(["听风牌"]).cut("听风牌泰裤辣[允悲]")
    ['听风牌', '泰裤辣', '[允悲]']
    """

    def __init__(self, words: Iterable[str] = (), engine: str | None = None) -> None:
        self.words = tuple(dict.fromkeys(word for word in words if word.strip()))
        self._cut = _cutter((*load("words")["whole"]["words"], *self.words), engine)

    def cut(self, text: str) -> list[str]:
        """Return the words of one text, in order, white space and punctuation included."""
        return self.cut_all([text])[0] if "[" in text else self._cut(text)

    def cut_all(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each text."""
        words, _, spaces = self._cut_at_once(texts)
        bounds = pairwise([-1, *spaces.tolist(), len(words)])
        return [words[space + 1 : end] for space, end in bounds][: len(texts)]

    def flat(self, texts: Sequence[str]) -> tuple[list[str], Ints]:
        """Return the words of the texts put end to end, and the length of each."""
        words, found, spaces = self._cut_at_once(texts)
        kept = _others(spaces, found)
        return [*compress(words, kept.tolist())], found[kept]

    def sizes(self, texts: Sequence[str]) -> Ints:
        """Return the length of each word of the texts put end to end.

        Examples
        --------
        >>> Segmenter().sizes(["味道好[", "怒]", "好"]).tolist()
        [2, 1, 1, 1, 1, 1]
        """
        _, found, spaces = self._cut_at_once(texts)
        return found[_others(spaces, found)]

    def _cut_at_once(self, texts: Sequence[str]) -> tuple[list[str], Ints, Ints]:
        """Return the words of texts joined by spaces, their lengths, and which are these spaces."""
        # No word or sticker reaches over a space, nor does one join what stands beside it:
        # a space holds the place of each sticker, too, while the rest is cut
        rest, stickers = (pieces := _STICKER.split(" ".join(texts)))[::2], pieces[1::2]
        words = self._cut(" ".join(rest))
        found = lengths(words)
        if stickers:
            places = _spaces(rest, found)
            found[places] = lengths(stickers)
            for place, sticker in zip(places.tolist(), stickers, strict=True):
                words[place] = sticker
        return words, found, _spaces(texts, found)


def _spaces(texts: Sequence[str], sizes: Ints) -> Ints:
    """Return which words, of these sizes, are the spaces that join texts."""
    places: Ints = sizes.cumsum().searchsorted((lengths(texts[:-1]) + 1).cumsum())
    return places


def _others(places: Ints, sizes: Ints) -> NDArray[np.bool_]:
    kept = np.ones(len(sizes), np.bool_)
    kept[places] = False
    return kept


def _cutter(words: tuple[str, ...], engine: str | None) -> Cut:
    if engine == "jieba":
        return _jieba(words)
    try:
        return _rjieba(words)
    except ImportError:
        if engine:
            raise
        return _jieba(words)


def _rjieba(words: tuple[str, ...]) -> Cut:
    import rjieba  # noqa: PLC0415 - it may be absent, and jieba takes its place

    tokenizer = rjieba.Jieba()
    _add(tokenizer, words)
    cut: Cut = tokenizer.cut
    return cut


def _jieba(words: tuple[str, ...]) -> Cut:
    import jieba  # noqa: PLC0415 - 80 MB once its dictionary is loaded

    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    # jieba unmarshals its cache from the temporary folder everyone can write to, unless told
    with tempfile.TemporaryDirectory(prefix="tingfeng-jieba-") as private:
        tokenizer.tmp_dir = private
        tokenizer.initialize()
    _add(tokenizer, words)
    cut: Cut = tokenizer.lcut
    return cut


def _add(dictionary: _Dictionary, words: tuple[str, ...]) -> None:
    for word in words:
        dictionary.add_word(word, None, None)
