"""Learning from a brand's corrections: learn, try, and only then let it read.

Needs scikit-learn's scipy, so it runs in a process of its own: `python -m monitor retrain`.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

import models
from models.adapter import Adapter, labels_of, learn, log_odds_of, out_of_fold
from models.features import grams
from monitor.match import Matcher
from monitor.pipeline import aims_towards

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.adapter import LogOdds
    from models.analyser import Analyser
    from models.records import TextReading
    from models.segment import Segmenter
    from monitor.corrections import LabelledText
    from monitor.store import Store

LEAST = 50
"""Labelled texts under which nothing is learned."""
OTHERS = 5
"""Texts of a second label under which nothing goes live: one label alone only teaches a prior."""
NEW = 20
"""Newly labelled mentions that make it worth trying again."""
MOST = 4000
"""Labelled texts that are learned from, the newest."""
SURE = 0.10
"""An adapter is better if at most this share of the bootstrap says that it is not."""
SPARED = 0.03
"""Share of the guard set that may be lost net, under two standard errors of accuracy on it: a
shift that fits a brand turns a borderline few everywhere."""
GUARD = Path(models.__file__).with_name("guard.tsv")
"""Everyday sentences of all platforms and kinds of goods; the labels are balanced."""
SECONDS = 1800
"""How long a nightly run may take before it ends itself."""

_DRAWS = 4000
_FAIR = 0.5
"""A share read rightly that a fair sample of a brand's texts would not fall under."""
_HOUR, _DAY, _EAST = 3600, 86400, 8 * 3600

log = structlog.get_logger("tingfeng.retrain")


@dataclass(frozen=True, slots=True)
class Paired:
    """The same `n` texts judged twice: accuracy before and after, and how many changed sides.

    `low` to `high` hold the gain in accuracy with 80 %, by bootstrap: below `low` it is with 10 %.
    """

    n: int
    before: float
    after: float
    fixed: int
    broken: int
    low: float
    high: float


def retrain(
    store: Store,
    analyser: Analyser,
    brand: str,
    platform: str | None,
    now: int,
    *,
    dry_run: bool = False,
    guard: Sequence[tuple[int, str, str]] | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Learn from a brand's corrections and let the result read if it is better.

    It goes live if, on folds of the corrections it has not seen, its accuracy is higher with 90 %
    certainty, and if on the guard set it loses at most 3 % of the texts net. Either way the
    version is kept with its report, unless `dry_run`.

    Parameters
    ----------
    analyser
        Reads by the shipped weights alone.
    platform
        Learn from and for this platform only; None for all.
    guard
        (label, platform, text) triples in place of `models/guard.tsv`.

    Returns
    -------
    dict
        The report: `state` ('live', 'refused', or 'waiting' for more labels), `reasons`,
        `labels` and, where it was tried, `corrections` and `guard` (see `Paired`), `version`.

    Raises
    ------
    UnknownThing
        When there is no such brand.

    """
    store.brands.get(brand)
    matcher = Matcher(store.brands.all())
    reader = analyser.with_words(matcher.words)
    corrected = distinct(store.corrections.of_brand(brand, platform))[-MOST:]
    labelled, base = _heard(reader, matcher, brand, corrected)
    counts = {str(k): sum(row.label == k for row in labelled) for k in (-1, 0, 1)}
    report: dict[str, Any] = {
        "brand": brand,
        "platform": platform,
        "base": analyser.version,
        "labels": counts,
        "dry_run": dry_run,
    }
    if len(labelled) < LEAST:
        return report | {
            "state": "waiting",
            "reasons": [f"改判不足 {LEAST} 条 / under {LEAST} texts"],
        }
    adapter, tried = _tried(labelled, base, reader.segmenter, seed)
    guarded = _guarded(reader, adapter, read_guard() if guard is None else guard)
    live = store.adapters.live(analyser.version).get((brand, platform or ""))
    reasons = _objections(adapter, tried, guarded, counts, live)
    report |= {
        "state": "refused" if reasons else "live",
        "reasons": reasons,
        "version": adapter.version,
        "corrections": asdict(tried),
        "guard": asdict(guarded),
        "rule": {"gain_above_0_with": 1 - SURE, "guard_may_lose": SPARED},
    }
    if not dry_run:
        store.adapters.add(
            adapter,
            report,
            now,
            brand=brand,
            platform=platform or "",
            base=analyser.version,
            live=not reasons,
        )
    return report


def due(store: Store, base: str) -> list[str]:
    """Return the brands with enough new corrections, or an adapter of other weights than `base`."""
    return store.adapters.due(base, labels=LEAST, new=NEW)


def distinct(labelled: Sequence[LabelledText]) -> list[LabelledText]:
    """Return each text once, with its newest mention's label: copies would tell on their folds."""
    newest = {row.text: row for row in sorted(labelled, key=lambda row: row.mention_id)}
    rows = [row for text, row in newest.items() if text.strip()]
    return sorted(rows, key=lambda row: row.mention_id)


def read_guard(path: Path = GUARD) -> list[tuple[int, str, str]]:
    """Return the (label, platform, text) triples of the guard set."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [(int(row["label"]), row["platform"], row["text"]) for row in rows]


def paired(truth: Sequence[int], before: NDArray[Any], after: NDArray[Any]) -> Paired:
    """Compare two judgements of the same texts, none of them empty.

    A bootstrap over texts (Efron and Tibshirani 1993, ch. 13) draws how many are fixed and broken.

    Examples
    --------
    >>> same = paired([1, 0, -1], np.array([1, 0, 0]), np.array([1, 0, 0]))
    >>> same.fixed, same.broken, same.low, same.high
    (0, 0, 0.0, 0.0)
    """
    n = len(truth)
    was, is_ = before == np.array(truth), after == np.array(truth)
    fixed, broken = int((is_ & ~was).sum()), int((was & ~is_).sum())
    shares = [fixed / n, broken / n, (n - fixed - broken) / n]
    drawn = np.random.default_rng(0).multinomial(n, shares, _DRAWS)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, [SURE, 1 - SURE]).tolist()
    means = float(was.mean()), float(is_.mean())
    return Paired(n, *means, fixed=fixed, broken=broken, low=low, high=high)


def _heard(
    reader: Analyser, matcher: Matcher, brand: str, labelled: Sequence[LabelledText]
) -> tuple[list[LabelledText], LogOdds]:
    """Return the texts that are judged at all and their log-odds, as the pipeline reads them."""
    texts = [row.text for row in labelled]
    aims = aims_towards(brand, matcher, texts)
    platforms = [row.platform for row in labelled]
    readings = reader.read(texts, aims, platforms=platforms, topics=True)
    heard = [i for i, reading in enumerate(readings) if _is_judged(reading)]
    return [labelled[i] for i in heard], log_odds_of([readings[i].targets[brand] for i in heard])


def _is_judged(reading: TextReading) -> bool:
    # Of other texts no adapter changes the label
    return reading.unsupported is None and reading.no_opinion is None


def _tried(
    labelled: Sequence[LabelledText], base: LogOdds, segmenter: Segmenter, seed: int
) -> tuple[Adapter, Paired]:
    """Return what all labels teach, and how what a part of them teaches does on the rest."""
    texts = [row.text for row in labelled]
    labels = [row.label for row in labelled]
    adapter = learn(texts, labels, base, segmenter, seed)
    unseen = out_of_fold(texts, labels, base, segmenter, seed)
    return adapter, paired(labels, labels_of(*base), labels_of(*unseen))


def _guarded(reader: Analyser, adapter: Adapter, guard: Sequence[tuple[int, str, str]]) -> Paired:
    labels, platforms, texts = zip(*guard, strict=True)
    readings = reader.read(texts, platforms=platforms)
    base = log_odds_of([reading.document for reading in readings])
    found = grams(texts, reader.segmenter.cut_all(texts))
    before = np.array([reading.document.label for reading in readings])
    judged = np.array([_is_judged(reading) for reading in readings])
    after = np.where(judged, labels_of(*adapter.adjust(*base, found)), before)
    return paired(labels, before, after)


def _objections(
    adapter: Adapter,
    tried: Paired,
    guarded: Paired,
    counts: Mapping[str, int],
    live: Adapter | None,
) -> list[str]:
    """Return why an adapter may not read; empty where it may."""
    lost = guarded.broken - guarded.fixed
    checks = {
        "没有可学的：怎么改都不更好 / nothing to learn: no change fits better": adapter.version
        == Adapter().version,
        "在品牌自己的改判上不确定更好 / not surely better on its own corrections": tried.low <= 0,
        "日常语句判得更差 / worse on everyday sentences": lost > SPARED * guarded.n,
        "几乎只有一种标签，判对的和别的标签也请标一些 / hardly any label but one": sorted(
            counts.values()
        )[-2]
        < OTHERS,
        "与现用的版本相同 / the same as the version that reads": live is not None
        and live.version == adapter.version,
    }
    reasons = [reason for reason, holds in checks.items() if holds]
    if reasons and tried.before < _FAIR:
        reasons.append(
            "改判大多是纠错：判对的也请确认一些 / mostly mistakes were corrected: confirm what is"
            " read rightly too"
        )
    return reasons


def outcome(report: dict[str, Any]) -> str:
    """Say in one sentence what became of a report, Chinese first."""
    brand, labels = report["brand"], sum(report["labels"].values())
    if report["state"] == "waiting":
        return (
            f"{brand}：只有 {labels} 条改判，至少 {LEAST} 条才学习 / "
            f"{labels} corrected texts; {LEAST} are needed"
        )
    own, spared = report["corrections"], report["guard"]
    figures = (
        f"改判 {own['before']:.1%} → {own['after']:.1%}（{own['n']} 条），"
        f"日常语句 {spared['before']:.1%} → {spared['after']:.1%}（{spared['n']} 条）"
    )
    if report["state"] == "refused":
        return f"{brand}：新版本未采用，{figures}；{'；'.join(report['reasons'])}"
    if report["dry_run"]:
        return f"{brand}：新版本可以采用，试运行未保存，{figures} / good enough; a dry run"
    return f"{brand}：新版本已生效，{figures} / live; its history is being read again"


class Nightly:
    """Starts a retraining once a day at a quiet hour, in a process of its own.

    Parameters
    ----------
    base
        The version of the shipped weights.
    hour
        Of the day in UTC+8, 0 to 23.

    """

    def __init__(self, store: Store, base: str, hour: int) -> None:
        self._store = store
        self._base = base
        self._hour = hour
        self._day: int | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def step(self, now: int) -> None:
        """Start it if it is time and there is something to learn; never waits for its end."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            log.info("retrain_finished", status=self._process.returncode)
            self._process = None
        day, second = divmod(now + _EAST, _DAY)
        if second // _HOUR == self._hour and day != self._day:
            self._day = day
            if due(self._store, self._base):
                self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        log.info("retrain_started")
        return subprocess.Popen(
            [sys.executable, "-m", "monitor", "retrain", "--seconds", str(SECONDS)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
