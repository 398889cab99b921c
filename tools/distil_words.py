"""Write the word vectors that training reads, from multilingual-e5-small.

`python -m tools.distil_words ../shared/data` runs each frequent word through the model once: six
minutes on one core, and only when the dictionary is to change. Needs requirements-extra.txt.
"""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from models.corpus import read_all, without_leaks
from models.e5 import EPSILON, HEADS, INNER, LAYERS, SIZE, E5File, by_length, tokeniser
from models.segment import Segmenter
from models.static import VECTORS, WordVectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from models.corpus import Row

    Floats = NDArray[np.float32]
    Parameters = dict[str, Any]

_COMMON = 40_000
"""So many of jieba's most frequent words get a vector, whether the texts hold them or not."""

_LEAST = 3
"""A word that the texts hold less often, and that is not among those, gets none."""

_KEPT = 192
"""Dimensions kept of the model's 384."""


def word_vectors(rows: Iterable[Row], out: Path = VECTORS) -> int:
    """Write a vector for each frequent word of the texts and of jieba; return how many."""
    segmenter = Segmenter()
    words = vocabulary(Counter(word for row in rows for word in segmenter.cut(row.text)))
    model = E5File.installed()
    pieces = tokeniser(model.pieces, model.scores.tolist())
    tokens = [found.ids for found in pieces.encode_batch(words)]
    vectors = by_length(tokens, Encoder(model).mean)
    WordVectors.of(words, principal(vectors, _KEPT)).save(out)
    return len(words)


def vocabulary(said: Counter[str]) -> list[str]:
    """Return the words that get a vector, the most frequent first."""
    listed = Counter(_jieba_words())
    common = {word for word, _ in listed.most_common(_COMMON)}
    often = {word for word, count in said.items() if count >= _LEAST and word.strip()}
    return sorted(common | often, key=lambda word: (-said[word], -listed[word], word))


def principal(vectors: Floats, kept: int) -> Floats:
    """Return the vectors' first principal components, of mean spread 1."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    turned = centred @ axes[:, ::-1][:, :kept]
    return (turned / turned.std(axis=0).mean()).astype(np.float32)


def _jieba_words() -> dict[str, int]:
    spec = importlib.util.find_spec("jieba")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("jieba")
    lines = Path(spec.origin).with_name("dict.txt").read_text(encoding="utf-8").splitlines()
    return {word: int(count) for word, count, *_ in map(str.split, lines)}


class Encoder:
    """The model in PyTorch, its vocabulary cut to `kept` pieces if given."""

    def __init__(self, model: E5File, kept: Sequence[int] | None = None) -> None:
        word = model.tensor("emb.word", -1, SIZE)
        self.parameters = {
            "word": torch.from_numpy(word if kept is None else word[list(kept)]),
            "place": torch.from_numpy(
                model.tensor("emb.pos", 512, SIZE) + model.tensor("emb.type", 2, SIZE)[0]
            ),
            "ln_w": torch.from_numpy(model.tensor("emb.ln.w", SIZE)),
            "ln_b": torch.from_numpy(model.tensor("emb.ln.b", SIZE)),
        } | {
            f"l{i}_{name.replace('.', '_')}": torch.from_numpy(model.tensor(f"l{i}.{name}", *shape))
            for i in range(LAYERS)
            for name, shape in _SHAPES.items()
        }

    def mean(self, tokens: NDArray[np.int64]) -> Floats:
        """Return each text's mean over the last layer's tokens."""
        with torch.no_grad():
            return self.run(self.lower(tokens, 0), 0).mean(1).numpy()

    def lower(self, tokens: NDArray[np.int64], layers: int) -> Any:
        """Return what the first so many layers make of equally long texts."""
        p = self.parameters
        said = p["word"][torch.from_numpy(tokens)] + p["place"][: tokens.shape[1]]
        said = functional.layer_norm(said, (SIZE,), p["ln_w"], p["ln_b"], EPSILON)
        for i in range(layers):
            said = _layer(p, i, said, 0.0)
        return said

    def run(self, said: Any, first: int, dropped: float = 0.0) -> Any:
        """Return what the layers from `first` on make of it."""
        for i in range(first, LAYERS):
            said = _layer(self.parameters, i, said, dropped)
        return said


_SHAPES: Mapping[str, tuple[int, ...]] = {
    **{f"{name}.w": (SIZE, SIZE) for name in ("q", "k", "v", "ao")},
    "fi.w": (INNER, SIZE),
    "fo.w": (SIZE, INNER),
    "fi.b": (INNER,),
    **{f"{name}.b": (SIZE,) for name in ("q", "k", "v", "ao", "fo", "aln", "oln")},
    "aln.w": (SIZE,),
    "oln.w": (SIZE,),
}


def _layer(parameters: Parameters, i: int, said: Any, dropped: float) -> Any:
    def linear(name: str, x: Any) -> Any:
        return functional.linear(x, parameters[f"l{i}_{name}_w"], parameters[f"l{i}_{name}_b"])

    def added(name: str, x: Any, more: Any) -> Any:
        weight, bias = parameters[f"l{i}_{name}_w"], parameters[f"l{i}_{name}_b"]
        more = functional.dropout(more, dropped)
        return functional.layer_norm(x + more, (SIZE,), weight, bias, EPSILON)

    texts, length, _ = said.shape
    query, key, value = (
        linear(name, said).view(texts, length, HEADS, SIZE // HEADS).transpose(1, 2)
        for name in ("q", "k", "v")
    )
    heard = functional.scaled_dot_product_attention(query, key, value)
    said = added("aln", said, linear("ao", heard.transpose(1, 2).reshape(texts, length, SIZE)))
    return added("oln", said, linear("fo", functional.gelu(linear("fi", said))))


if __name__ == "__main__":
    torch.set_num_threads(1)
    word_vectors(without_leaks(read_all(Path(sys.argv[1]))))
