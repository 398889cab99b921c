"""Figures of a brand over a window: rollups in, metrics out, for whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.stage import STAGES
from monitor import indices
from monitor.aggregate import LEVELS, SUMS, ZERO, Sums, bucket_of, total
from monitor.indices import Metric

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from monitor.domain import Brand
    from monitor.store import Store

FACETS = (
    *("aspect", "emotion", "intent", "risk", "stage", "region"),
    *("irony", "offensive", "no_opinion", "unsupported"),
)
_SIDES = {"positive": 1, "neutral": 0, "negative": -1}
_HEAT = SUMS.index("heat")
_AT = {name: i for i, name in enumerate(SUMS)}
_HEAT_HISTORY = 90 * 86400
_SPARK_POINTS = 48
_SPARK_READ = 20 * _SPARK_POINTS


@dataclass(frozen=True, slots=True)
class Card:
    """A brand at a glance."""

    indices: dict[str, Metric]
    sparkline: list[dict[str, Any]]


class Figures:
    """Reads figures from a store as of `now` (UTC seconds)."""

    def __init__(self, store: Store, now: int) -> None:
        self._store = store
        self._now = now

    def indices(
        self,
        brand: Brand,
        start: int,
        end: int,
        platform: str | None = None,
        visible: Container[str] | None = None,
    ) -> dict[str, Metric]:
        """Return every metric of [start, end).

        The share of voice is among the `visible` competitors (None: all). Alerts know no platform:
        with one, there is no 危机指数.
        """
        sums = self._sums(brand.id, start, end, platform)
        facets = self._facets(brand.id, start, end, platform)
        volume = sums[_AT["volume"]]
        voices = {
            b: self._volume(b, start, end, platform)
            for b in brand.competitors
            if visible is None or b in visible
        }
        recommend, dissuade = (facets.get(("intent", i), 0) for i in ("recommend", "dissuade"))
        authors = (
            self._store.rollups.unique_authors(brand.id, brand.timezone, start, end, platform)
            if start < end
            else 0
        )
        return {
            **indices.indices(sums),
            "unique_authors": Metric(authors, volume),
            "share_of_voice": self.voices({brand.id: volume, **voices})[brand.id],
            "recommendation_rate": indices.share(recommend, recommend + dissuade),
            **indices.answers(_ratings(facets)),
            "heat_index": self._heat(brand.id, end, platform),
            "crisis_index": (
                Metric(None, 0) if platform is not None else self._crisis(brand.id, start, end)
            ),
        }

    def card(self, brand: Brand, start: int, end: int) -> Card:
        """Return a brand's main indices and a sparkline of at most 48 points.

        The sparkline of a window of many years shows its newest 960 days.
        """
        step = _spark_step(start, end)
        first = max(start, end - _SPARK_READ * step)
        spark = _coarse(self.trend(brand.id, first, end, step))
        return Card(
            {
                **indices.indices(self._sums(brand.id, start, end, None)),
                "heat_index": self._heat(brand.id, end, None),
                "crisis_index": self._crisis(brand.id, start, end),
            },
            spark,
        )

    def platforms(self, brand: str, start: int, end: int) -> dict[str, dict[str, int]]:
        """Return counts by platform, the largest first."""
        found = {
            platform: {
                name: int(sums[_AT[column]])
                for name, column in (
                    ("volume", "volume"),
                    ("positive", "pos"),
                    ("neutral", "neu"),
                    ("negative", "neg"),
                )
            }
            for platform, sums in self._store.rollups.by_platform(brand, start, end).items()
        }
        return dict(sorted(found.items(), key=lambda item: (-item[1]["volume"], item[0])))

    def facets(
        self, brand: str, start: int, end: int, platform: str | None = None
    ) -> dict[str, list[dict[str, Any]]]:
        """Return each facet's values with their counts by label, the most frequent first."""
        found = self._store.rollups.facet_labels(brand, start, end, FACETS, platform)
        listed: dict[str, list[dict[str, Any]]] = {name: [] for name in FACETS}
        for (name, value), by_label in found.items():
            counts = {word: by_label.get(label, 0) for word, label in _SIDES.items()}
            listed[name].append({"value": value, "n": sum(by_label.values()), **counts})
        return {
            name: sorted(values, key=lambda v: (-v["n"], v["value"]))
            for name, values in listed.items()
        }

    def stages(
        self, brand: str, start: int, end: int, platform: str | None = None
    ) -> dict[str, int]:
        """Return mentions by the stage their writers are at as consumers, every stage named."""
        found = self._store.rollups.facets(brand, start, end, ["stage"], platform)
        return {stage: found.get(("stage", stage), 0) for stage in STAGES}

    def trend(
        self, brand: str, start: int, end: int, step: int, platform: str | None = None
    ) -> list[dict[str, Any]]:
        """Return one point for each step from that of `start` up to `end`."""
        held = dict(self._store.rollups.series(brand, start, end, step, platform))
        return [_point(t, held.get(t, ZERO)) for t in range(bucket_of(start, step), end, step)]

    @staticmethod
    def voices(volumes: Mapping[str, float]) -> dict[str, Metric]:
        """Return each brand's share of the volume of them all."""
        everyone = sum(volumes.values())
        return {b: indices.ratio(volume, everyone, everyone) for b, volume in volumes.items()}

    def _sums(self, brand: str, start: int, end: int, platform: str | None) -> Sums:
        held = self._store.rollups.by_platform(brand, start, end)
        return total(held.values()) if platform is None else held.get(platform, ZERO)

    def _volume(self, brand: str, start: int, end: int, platform: str | None) -> float:
        return self._sums(brand, start, end, platform)[_AT["volume"]]

    def _facets(
        self, brand: str, start: int, end: int, platform: str | None
    ) -> dict[tuple[str, str], int]:
        names = ["intent", "rating:nps10", "rating:csat5", "rating:ces7"]
        return self._store.rollups.facets(brand, start, end, names, platform)

    def _heat(self, brand: str, end: int, platform: str | None) -> Metric:
        last = bucket_of(min(end, self._now) - 1, 3600)
        rows = self._store.rollups.series(brand, last - _HEAT_HISTORY, last + 3600, 3600, platform)
        if not rows:
            return Metric(None, 0)
        held = {bucket: sums[_HEAT] for bucket, sums in rows}
        return indices.heat_index([held.get(t, 0.0) for t in range(rows[0][0], last + 3600, 3600)])

    def _crisis(self, brand: str, start: int, end: int) -> Metric:
        """The highest 危机指数 of the window's alerts; 0 without any.

        Exercises and false alarms are none.
        """
        alerts = [
            alert
            for alert in self._store.alerts.of_brand(brand, start)
            if start <= alert.last_bin
            and alert.onset < end
            and alert.rule != "drill"
            and alert.state != "dismissed"
        ]
        return Metric(max((a.crisis_index for a in alerts), default=0.0), len(alerts))


def _spark_step(start: int, end: int) -> int:
    return next((s for s in LEVELS if (end - start) / s <= _SPARK_READ), LEVELS[-1])


def _coarse(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add neighbours up until at most `_SPARK_POINTS` are left; the newest group is whole."""
    size = -(-len(points) // _SPARK_POINTS) or 1
    offset = len(points) % size
    groups = [points[max(0, i) : i + size] for i in range(offset - size, len(points), size)]
    return [
        {
            "t": group[0]["t"],
            "volume": sum(point["volume"] for point in group),
            "negative": sum(point["negative"] for point in group),
        }
        for group in groups
        if len(group) == size
    ]


def _ratings(facets: Mapping[tuple[str, str], int]) -> dict[tuple[str, float], int]:
    return {
        (name.removeprefix("rating:"), float(value)): n
        for (name, value), n in facets.items()
        if name.startswith("rating:")
    }


def _point(t: int, sums: Sums) -> dict[str, Any]:
    metrics = indices.share(
        sums[_AT["neg"]], sums[_AT["pos"]] + sums[_AT["neg"]] + sums[_AT["neu"]]
    )
    return {
        "t": t,
        "volume": int(sums[_AT["volume"]]),
        "positive": int(sums[_AT["pos"]]),
        "neutral": int(sums[_AT["neu"]]),
        "negative": int(sums[_AT["neg"]]),
        "negative_share": metrics.value,
        "wom_index": indices.wom_mean(
            *(sums[_AT[k]] for k in ("w_pos", "w_neg", "v_pos", "v_neg"))
        ),
        "engagement": sums[_AT["engagement"]],
    }
