"""Weighing a signal: what the store knows around it, and what that makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor.alerts import Assessment
from monitor.evidence import assess
from monitor.evidence.distinctive import vocabulary
from monitor.gather import BASELINE, PAST, gather
from monitor.sentences import sentence

if TYPE_CHECKING:
    from monitor.detect import Signal
    from monitor.domain import Brand
    from monitor.evidence.distinctive import Cut, Vocabulary
    from monitor.store import Store

_DAY = 86_400
_MOST_KEPT = 2_000


class Weigher:
    """Weighs signals of brands; what a brand's month says is read once a day.

    Parameters
    ----------
    store : Store
    cut : callable
        Cuts texts into words.

    """

    def __init__(self, store: Store, cut: Cut) -> None:
        self._store = store
        self._cut = cut
        self._usual: dict[str, tuple[int, Vocabulary]] = {}

    def weigh(self, brand: Brand, signal: Signal) -> Assessment:
        """Return the factors of the 危机指数, one sentence and the evidence.

        Silence is no crisis: it has no factors, and the evidence says what was usual.
        """
        if signal.rule == "no_data":
            evidence = {
                "platforms": {signal.platform: 0},
                "usual": round(signal.expected, 1),
                "silent_since": signal.bin_end - signal.window,
            }
            return Assessment({}, sentence(brand.name, signal, evidence), evidence)
        until = signal.bin_end - max(signal.window, 1)
        found = gather(self._store, brand, signal, self._cut, self.usual(brand.id, until))
        return assess(brand.name, signal, found)

    def usual(self, brand: str, until: int) -> Vocabulary:
        """Return what a brand's negatives said in the month before a day."""
        day = until // _DAY
        held = self._usual.get(brand)
        if held is None or held[0] != day:
            begin = day * _DAY
            texts = self._store.mentions.usual_texts(brand, begin - PAST, begin, limit=BASELINE)
            if len(self._usual) >= _MOST_KEPT:
                self._usual.clear()
            held = self._usual[brand] = (day, vocabulary(texts, self._cut))
        return held[1]
