"""Chinese word segmentation: rjieba does the work, jieba stands in where it has no wheel."""

from __future__ import annotations

import logging
import re
import tempfile
from typing import TYPE_CHECKING, Protocol

import numpy as np

from models.features import lengths
from models.lexicon import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
        if "[" not in text:
            return self._cut(text)
        return [
            word
            for i, piece in enumerate(_STICKER.split(text))
            for word in ([piece] if i % 2 else self._cut(piece))
        ]

    def cut_all(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the words of each text."""
        return [self.cut(text) for text in texts]

    def sizes(self, texts: Sequence[str]) -> Ints:
        """Return the length of each word of the texts put end to end: all are cut at once.

        Examples
        --------
        >>> Segmenter().sizes(["味道好[", "怒]", "好"]).tolist()
        [2, 1, 1, 1, 1, 1]
        """
        # No word or sticker reaches over a space, nor does one join what stands beside it
        found = lengths(self.cut(" ".join(texts)))
        spaces = np.cumsum(lengths(texts[:-1]) + 1)
        kept = np.ones(len(found), np.bool_)
        kept[np.searchsorted(np.cumsum(found), spaces)] = False
        return found[kept]


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
