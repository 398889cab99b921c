"""A second opinion from a language model, on the texts where the shipped weights are unsure.

Optional: the model is built with `make second`, not shipped, and needs requirements-extra.txt.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.e5 import LONGEST, by_length

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    LogOdds = NDArray[np.float64]

FOLDER = Path("build") / "second"
MODEL, TOKENISER, BLEND = "model.onnx", "tokenizer.json", "blend.json"


class SecondOpinionMissingError(RuntimeError):
    """The libraries or the model's files are not there; the message says what to run."""


@dataclass(frozen=True, slots=True)
class Blend:
    """When it is asked, and how much it counts.

    A text whose log-odds p are nearer to 0 than `unsure` gets p + theirs · q, q being the model's.
    """

    unsure: float
    theirs: float


class SecondOpinion:
    """The tuned model, read by ONNX Runtime on one thread. Threads may share it.

    Attributes
    ----------
    version
        Eight digits of the SHA-256 of the model and its blend.
    """

    def __init__(self, session: Any, pieces: Any, blend: Blend, version: str) -> None:
        self.version = version
        self._session = session
        self._pieces = pieces
        self._blend = blend

    @classmethod
    def load(cls, path: Path = FOLDER) -> SecondOpinion:
        """Return the second opinion built in a folder.

        Raises
        ------
        SecondOpinionMissingError
            When a library or a file is missing.
        """
        try:
            from onnxruntime import InferenceSession, SessionOptions  # noqa: PLC0415 - an extra
            from tokenizers import Tokenizer  # noqa: PLC0415
        except ImportError as error:
            raise SecondOpinionMissingError(
                "第二意见需要可选组件：pip install -r requirements-extra.txt · "
                "The second opinion needs its extra: pip install -r requirements-extra.txt"
            ) from error
        missing = [name for name in (MODEL, TOKENISER, BLEND) if not (path / name).is_file()]
        if missing:
            raise SecondOpinionMissingError(
                f"第二意见尚未生成（缺少 {'、'.join(missing)}）：请先运行 make second · "
                f"The second opinion is not built ({', '.join(missing)} missing): run make second"
            )
        options = SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = InferenceSession(path / MODEL, options, providers=["CPUExecutionProvider"])
        pieces = Tokenizer.from_file(str(path / TOKENISER))
        pieces.enable_truncation(LONGEST)
        blend = Blend(**json.loads((path / BLEND).read_text(encoding="utf-8")))
        contents = (path / MODEL).read_bytes() + (path / BLEND).read_bytes()
        return cls(session, pieces, blend, hashlib.sha256(contents).hexdigest()[:8])

    def log_odds(self, texts: Sequence[str]) -> LogOdds:
        """Return the model's own log-odds of positive against negative."""
        tokens = [found.ids for found in self._pieces.encode_batch(list(texts))]
        odds = by_length(tokens, lambda batch: self._session.run(None, {"tokens": batch})[0])
        return odds.astype(np.float64)

    def revise(self, texts: Sequence[str], polarity: LogOdds) -> LogOdds:
        """Return the log-odds, those of unsure texts blended with the model's."""
        unsure = np.flatnonzero(np.abs(polarity) < self._blend.unsure)
        revised = polarity.copy()
        revised[unsure] += self._blend.theirs * self.log_odds([texts[i] for i in unsure.tolist()])
        return revised
