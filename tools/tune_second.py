"""Build the second opinion: tune multilingual-e5-small on the labelled texts, write it as ONNX.

`make second` tunes the upper three layers in one pass over a part of the texts and writes int8
weights: some twenty minutes on one core. `--held-out FOLDER` does so once without each family and
measures on it, with a second opinion and without. Needs requirements-extra.txt.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper, parser
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch.nn import functional

from models.analyser import Analyser
from models.corpus import FAMILY, read_all, without_leaks
from models.e5 import HEADS, LAYERS, LONGEST, SIZE, E5File, tokeniser
from models.evaluate import binary_figures
from models.features import grams
from models.second import BLEND, FOLDER, MODEL, TOKENISER, Blend, SecondOpinion
from models.segment import Segmenter
from models.train import balance, expressions, fit_polarity
from models.weights import Weights
from tools.distil_words import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.corpus import Row

    Figures = dict[str, Any]
    LogOdds = NDArray[np.float64]

_TUNED = 3
"""Upper layers that are tuned; the lower ones stay as they are."""

_MOST = 1000
"""Texts of each set and label to learn from, and a tenth of it to find the unsure ones by."""

_BATCH = 32
_RATE, _HEAD_RATE = 3e-4, 1e-2
_WARMUP = 60
_DROPPED = 0.1
_CERTAIN = 0.98
"""Probability of a label to aim at: stars and emoticons err."""

_HEAVIEST = 4.0
_THEIRS = 0.5
"""Found on families held out, where anything from 0.3 to 0.8 did as well. On the dev splits, whose
families both opinions know, the n-grams would seem to need no second one."""

_UNSURE = 0.15
"""Share of the dev texts that get a second opinion."""

_MEASURED = 1500
"""Texts of a set to measure on, the same that `models.evaluate` holds out."""

_ASIDE = frozenset({"absa_shampoo", "absa_mooc"})
"""Sets that do not count in the means: hardly a negative, and too few texts."""


def build(rows: Sequence[Row], weights: Weights, out: Path = FOLDER) -> Blend:
    """Write the tuned model, its tokeniser and its blend with `weights` into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    model = E5File.installed()
    kept = model.chinese
    pieces = tokeniser([model.pieces[i] for i in kept], model.scores[kept].tolist())
    pieces.save(str(out / TOKENISER))
    pieces.enable_truncation(LONGEST)
    encoder = Encoder(model, kept)
    learned = sample([row for row in without_leaks(list(rows)) if row.label], _MOST)
    tune(encoder, pieces, learned)
    export(encoder, out / MODEL)
    dev = sample([row for row in rows if row.split == "dev" and row.label], _MOST // 10)
    blend = Blend(threshold(dev, weights), _THEIRS)
    (out / BLEND).write_text(json.dumps(asdict(blend)), encoding="utf-8")
    return blend


def sample(rows: Sequence[Row], most: int) -> list[Row]:
    """Return at most so many rows of each set and label."""
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.source, row.label].append(row)
    rng = np.random.default_rng(0)
    return [
        group[i]
        for group in groups.values()
        for i in sorted(rng.permutation(len(group))[:most].tolist())
    ]


def tune(encoder: Encoder, pieces: Any, rows: Sequence[Row]) -> None:
    """Tune the encoder's upper layers, and give it a head, in one pass over the rows."""
    torch.manual_seed(0)
    p = encoder.parameters
    p["head_w"], p["head_b"] = torch.zeros(SIZE, 1), torch.zeros(1)
    upper = [v for k, v in p.items() if k.startswith(_UPPER)]
    head = [p["head_w"], p["head_b"]]
    for tensor in (*upper, *head):
        tensor.requires_grad_()
    optimiser = torch.optim.AdamW([{"params": upper}, {"params": head}])
    weight = np.minimum(balance([(row.family, row.label) for row in rows]), _HEAVIEST)
    batches = _batches([found.ids for found in pieces.encode_batch([row.text for row in rows])])
    for step, (members, tokens) in enumerate(batches):
        pace = min(1.0, (step + 1) / _WARMUP) * (1 - step / len(batches))
        for group, rate in zip(optimiser.param_groups, (_RATE, _HEAD_RATE), strict=True):
            group["lr"] = rate * pace
        with torch.no_grad():
            said = encoder.lower(tokens, LAYERS - _TUNED)
        mean = encoder.run(said, LAYERS - _TUNED, _DROPPED).mean(1)
        odds = (functional.dropout(mean, _DROPPED) @ p["head_w"] + p["head_b"])[:, 0]
        goal = torch.tensor([_CERTAIN if rows[i].label > 0 else 1 - _CERTAIN for i in members])
        share = torch.tensor(weight[members] / weight[members].sum(), dtype=torch.float32)
        loss = functional.binary_cross_entropy_with_logits(odds, goal, share, reduction="sum")
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([*upper, *head], 1.0)
        optimiser.step()


_UPPER = tuple(f"l{i}_" for i in range(LAYERS - _TUNED, LAYERS))


def _batches(tokens: Sequence[Sequence[int]]) -> list[tuple[list[int], NDArray[np.int64]]]:
    """Return batches of equally long texts, in random order."""
    rng = np.random.default_rng(0)
    lengths: dict[int, list[int]] = defaultdict(list)
    for i in rng.permutation(len(tokens)).tolist():
        lengths[len(tokens[i])].append(i)
    batches = [
        group[i : i + _BATCH]
        for _, group in sorted(lengths.items())
        for i in range(0, len(group), _BATCH)
    ]
    order = rng.permutation(len(batches)).tolist()
    return [(batches[k], np.array([tokens[i] for i in batches[k]])) for k in order]


_OPENING = f"""
<ir_version: 9, opset_import: ["" : 20]>
e5 (int64[texts, length] tokens) => (float[texts] odds)
<int64[4] split = {{0, 0, {HEADS}, {SIZE // HEADS}}}, int64[3] join = {{0, 0, {SIZE}}},
 int64[1] none = {{0}}, int64[1] last = {{1}}, float scale = {{{(SIZE // HEADS) ** -0.5}}}>
{{
  words = Gather (word, tokens)
  size = Shape <start = 1, end = 2> (tokens)
  places = Slice (place, none, size)
  both = Add (words, places)
  x0 = LayerNormalization <axis = -1, epsilon = 1e-12> (both, ln_w, ln_b)
"""

_LAYER = """
  {l}q0 = MatMul (x{i}, {l}q_w)
  {l}q1 = Add ({l}q0, {l}q_b)
  {l}q2 = Reshape ({l}q1, split)
  {l}q3 = Transpose <perm = [0, 2, 1, 3]> ({l}q2)
  {l}k0 = MatMul (x{i}, {l}k_w)
  {l}k1 = Add ({l}k0, {l}k_b)
  {l}k2 = Reshape ({l}k1, split)
  {l}k3 = Transpose <perm = [0, 2, 3, 1]> ({l}k2)
  {l}v0 = MatMul (x{i}, {l}v_w)
  {l}v1 = Add ({l}v0, {l}v_b)
  {l}v2 = Reshape ({l}v1, split)
  {l}v3 = Transpose <perm = [0, 2, 1, 3]> ({l}v2)
  {l}a0 = MatMul ({l}q3, {l}k3)
  {l}a1 = Mul ({l}a0, scale)
  {l}a2 = Softmax <axis = -1> ({l}a1)
  {l}a3 = MatMul ({l}a2, {l}v3)
  {l}a4 = Transpose <perm = [0, 2, 1, 3]> ({l}a3)
  {l}a5 = Reshape ({l}a4, join)
  {l}a6 = MatMul ({l}a5, {l}ao_w)
  {l}a7 = Add ({l}a6, {l}ao_b)
  {l}a8 = Add (x{i}, {l}a7)
  {l}y = LayerNormalization <axis = -1, epsilon = 1e-12> ({l}a8, {l}aln_w, {l}aln_b)
  {l}f0 = MatMul ({l}y, {l}fi_w)
  {l}f1 = Add ({l}f0, {l}fi_b)
  {l}f2 = Gelu ({l}f1)
  {l}f3 = MatMul ({l}f2, {l}fo_w)
  {l}f4 = Add ({l}f3, {l}fo_b)
  {l}f5 = Add ({l}y, {l}f4)
  x{next} = LayerNormalization <axis = -1, epsilon = 1e-12> ({l}f5, {l}oln_w, {l}oln_b)
"""

_CLOSING = f"""
  mean = ReduceMean <keepdims = 0> (x{LAYERS}, last)
  scored = MatMul (mean, head_w)
  shifted = Add (scored, head_b)
  odds = Squeeze (shifted, last)
}}
"""


def export(encoder: Encoder, path: Path) -> None:
    """Write the encoder and its head as an ONNX model with int8 weights."""
    layers = "".join(_LAYER.format(l=f"l{i}_", i=i, next=i + 1) for i in range(LAYERS))
    model = parser.parse_model(_OPENING + layers + _CLOSING)
    for name, tensor in encoder.parameters.items():
        array = tensor.detach().numpy()
        # PyTorch keeps a layer's matrix the other way round
        turned = array.T if name.startswith("l") and array.ndim == 2 else array
        model.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(turned), name))
    onnx.checker.check_model(model)
    whole = path.with_name("whole.onnx")
    onnx.save(model, whole)
    quantize_dynamic(whole, path, per_channel=True, weight_type=QuantType.QInt8)
    whole.unlink()


def threshold(rows: Sequence[Row], weights: Weights) -> float:
    """Return the log-odds that `_UNSURE` of the rows stay under, sets and labels balanced."""
    return float(np.quantile(_strength(rows, weights), _UNSURE))


def _strength(rows: Sequence[Row], weights: Weights) -> LogOdds:
    texts = [row.text for row in rows]
    polarity = weights.log_odds(grams(texts, Segmenter().cut_all(texts)))[0]
    return np.abs(polarity)


def held_out(rows: Sequence[Row], out: Path, families: Sequence[str]) -> Figures:
    """Return figures of each family's sets where neither opinion has seen a text of the family.

    What is built without a family stays in `out`, its figures too: they are not measured again.
    """
    tests = unseen(rows)
    for family in families:
        path = out / family / "figures.json"
        if not path.exists():
            known = [row for row in rows if row.family != family]
            figures = measure(known, tests[family], path.parent)
            path.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    paths = sorted(out.glob("*/figures.json"))
    sets = {
        name: figures
        for path in paths
        for name, figures in json.loads(path.read_text(encoding="utf-8")).items()
    }
    return {"sets": sets, "means": means(sets)}


def unseen(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Return the texts of each family and set to measure on: those that `models.evaluate` draws."""
    rng = random.Random(0)
    texts: dict[str, dict[str, list[Row]]] = {}
    for family in sorted(set(FAMILY.values()), key=lambda name: (name == "course", name)):
        texts[family] = {}
        for source in (name for name, owner in FAMILY.items() if owner == family):
            part = [row for row in rows if row.source == source and row.label]
            tests = [row for row in part if row.split == "test"] or part
            texts[family][source] = rng.sample(tests, min(_MEASURED, len(tests)))
    return texts


def measure(known: Sequence[Row], tests: dict[str, list[Row]], out: Path) -> Figures:
    """Return each set's figures alone and with a second opinion, all learned from `known`.

    `asked` is the share of the set's texts that get it.
    """
    segmenter = Segmenter()
    dev = [row for row in known if row.split == "dev"]
    weights = fit_polarity([*without_leaks(list(known)), *expressions()], dev, segmenter)
    blend = build(known, weights, out)
    judges = {
        "alone": Analyser(weights, segmenter),
        "second": Analyser(weights, segmenter, second=SecondOpinion.load(out)),
    }
    return {
        name: {
            "asked": round(float(np.mean(_strength(part, weights) < blend.unsure)), 4),
            **{who: _figures(judge, part) for who, judge in judges.items()},
        }
        for name, part in tests.items()
    }


def _figures(judge: Analyser, rows: Sequence[Row]) -> dict[str, float]:
    judgements = judge.judge([row.text for row in rows], binary=True)
    return binary_figures([row.label for row in rows], judgements)


def means(sets: Figures) -> Figures:
    """Return the mean figures of each family's sets and of all, as `models.evaluate` counts them.

    Examples
    --------
    >>> figures = {"asked": 0.5, "alone": {"n": 9, "auc": 0.8}, "second": {"n": 9, "auc": 0.9}}
    >>> means({"waimai": figures})["mean"]
    {'sets': 1, 'asked': 0.5, 'alone': {'auc': 0.8}, 'second': {'auc': 0.9}}
    """
    groups: dict[str, list[Figures]] = defaultdict(list)
    for name, figures in sets.items():
        if name not in _ASIDE:
            groups[FAMILY[name]].append(figures)
            groups["mean"].append(figures)
    return {
        family: {
            "sets": len(part),
            "asked": round(fmean(figures["asked"] for figures in part), 4),
            **{who: _mean([figures[who] for figures in part]) for who in ("alone", "second")},
        }
        for family, part in groups.items()
    }


def _mean(figures: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: round(fmean(f[key] for f in figures), 4) for key in figures[0] if key != "n"}


def main() -> None:
    """Build the second opinion, or measure it with families held out."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="the folder of labelled texts")
    parser.add_argument("--held-out", type=Path, metavar="FOLDER", help="measure; two hours")
    parser.add_argument(
        "--family", nargs="+", choices=sorted(set(FAMILY.values())), help="measure these alone"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = read_all(given.data)
    if given.held_out:
        families = given.family or sorted(set(FAMILY.values()))
        print(json.dumps(held_out(rows, given.held_out, families), indent=1))
    else:
        build(rows, Weights.load())


if __name__ == "__main__":
    main()
