"""Back-tests of the stored past: reads the store, leaves it as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitor import backtest
from monitor.aggregate import BIN, bucket_of
from monitor.track import HISTORY, walk
from monitor.watch import LEAST_OF_PART, MOST_PARTS, stricter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from monitor.backtest import Backtest
    from monitor.detect import Policy
    from monitor.store import Store


def back_test(
    store: Store, brand_id: str, start: int, end: int, policies: Mapping[str, Policy], now: int
) -> dict[str, Backtest]:
    """Replay a brand's history of [start, end) through policies, as far as it is known.

    Each starts up to four weeks earlier, from where it learns: as in the watch, when the brand was
    set up or first spoken of. Raises UnknownThing.
    """
    brand = store.brands.get(brand_id)
    start, end = bucket_of(start, BIN), bucket_of(min(end, now), BIN)
    known = store.rollups.first_bin([brand_id], start - HISTORY)
    if known is None:
        known = end
    first = max(min(bucket_of(brand.created_at, BIN), known), max(known, start) - HISTORY)
    start = min(max(start, known), end)
    parts = [
        part.name
        for part in store.rollups.largest_parts(
            first, least=LEAST_OF_PART, limit=MOST_PARTS, brand=brand_id
        )
    ]
    cases = store.incidents.between([brand_id], start - HISTORY, end + HISTORY)
    born = dict.fromkeys(parts, brand.created_at)
    results: dict[str, Backtest] = {}
    for name, policy in policies.items():
        bins = {
            "brand": walk(store.rollups.bins, {brand_id: brand.created_at}, first, end),
            "parts": walk(store.rollups.part_bins, born, first, end),
        }
        strictness = {"brand": policy, "parts": stricter(policy)}
        found = backtest.replay(strictness, bins, start)
        results[name] = backtest.judge(policy, found, cases, start, end)
    return results
