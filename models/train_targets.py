"""Train the scale of judgements towards a target; scikit-learn is needed here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.clauses import find_target, windows
from models.corpus import Row, read_targets
from models.targets import ARTIFACT, TargetScale, framed
from models.train import _svm, balance, matrix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.segment import Segmenter

_COST = 0.5

_RAREST = 5.0
"""Most that a clause counts: the few complaints about shampoo would outweigh all else."""

_WORTH = 2.1
"""Log-odds that a unit of the machine's margin is worth, fitted on clauses it had not seen."""

_BIAS = 0.6
"""Log-odds of praise before a word is said: between even and the four in five of the sets."""


def train_targets(data: Path, segmenter: Segmenter, out: Path = ARTIFACT, seed: int = 0) -> None:
    """Write the scale learned from the judgements towards targets in a folder of labelled texts.

    Raises
    ------
    models.corpus.DataMissingError
        When the folder lacks them.
    """
    fit_targets(learnable(read_targets(data)), segmenter, seed).save(out)


def learnable(rows: Sequence[Row]) -> list[Row]:
    """Return the training rows whose text stands in no test split."""
    tests = {row.text for row in rows if row.split == "test"}
    return [row for row in rows if row.split == "train" and row.text not in tests]


def fit_targets(rows: Sequence[Row], segmenter: Segmenter, seed: int = 0) -> TargetScale:
    """Return the scale learned from rows with a target, sides and domains balanced."""
    clauses, kept = [], []
    for row in rows:
        here = windows(row.text, {row.target: find_target(row.text, row.target)})[row.target]
        said = framed(row.text, here[0]) if here and row.label else ""
        if said:
            clauses.append(Row(row.source, row.family, row.split, row.label, said))
            kept.append((row.family, row.label))
    if len({label for _, label in kept}) < 2:
        return TargetScale.blank()
    texts = matrix(clauses, segmenter)
    weight = np.minimum(balance(kept), _RAREST)
    labels = np.array([float(label) for _, label in kept])
    vector, _ = _svm(texts, labels, weight, _COST, seed)
    return TargetScale((_WORTH * vector).astype(np.float32), _BIAS)
