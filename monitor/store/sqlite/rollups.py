"""Sums of any window from the rollups; nothing here reads mentions one by one."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from monitor.aggregate import LEVELS, SUMS, Sums, bucket_of, spans_of
from monitor.store.views import Cursor, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from monitor.store.sqlite.database import Database

_TOTALS = ", ".join(f"coalesce(sum({name}), 0)" for name in SUMS)


_PLATFORM_BINS = (
    "SELECT bucket, platform, volume, neg FROM rollup"
    " WHERE brand_id = ? AND level = ? AND bucket >= ? AND bucket < ?"
)
_ASPECT_BINS = (
    "SELECT bucket, value, sum(n), sum(n * (label = -1)) FROM facet WHERE brand_id = ?"
    " AND level = ? AND bucket >= ? AND bucket < ? AND facet = 'aspect' GROUP BY bucket, value"
)
_LARGEST_PARTS = """
WITH whole AS (
    SELECT brand_id, sum(volume) AS n FROM rollup
    WHERE level = :day AND bucket >= :since AND (:brand IS NULL OR brand_id = :brand)
    GROUP BY brand_id
), part AS (
    SELECT brand_id, 'platform' AS kind, platform AS value, sum(volume) AS n FROM rollup
    WHERE level = :day AND bucket >= :since AND (:brand IS NULL OR brand_id = :brand)
    GROUP BY brand_id, platform
    UNION ALL
    SELECT brand_id, 'aspect', value, sum(n) FROM facet
    WHERE level = :day AND bucket >= :since AND facet = 'aspect'
    AND (:brand IS NULL OR brand_id = :brand) GROUP BY brand_id, value
)
SELECT brand_id, kind, value FROM part JOIN whole USING (brand_id)
WHERE part.n >= :least AND part.n < 0.95 * whole.n
ORDER BY part.n DESC, brand_id, kind, value LIMIT :limit
"""


class Rollups:
    """Counts and sums of brands over time."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def by_platform(self, brand: str, start: int, end: int) -> dict[str, Sums]:
        """The sums of [start, end) for each platform, edges rounded out to 5 minutes."""
        result: dict[str, Sums] = {}
        with self._db.read() as db:
            for level, first, last in spans_of(start, end):
                for platform, *sums in db.execute(
                    f"SELECT platform, {_TOTALS} FROM rollup WHERE brand_id = ? AND level = ?"
                    " AND bucket >= ? AND bucket < ? GROUP BY platform",
                    (brand, level, first, last),
                ):
                    held = result.get(platform)
                    result[platform] = (
                        tuple(sums)
                        if held is None
                        else tuple(a + b for a, b in zip(held, sums, strict=True))
                    )
        return result

    def series(
        self, brand: str, start: int, end: int, level: int, platform: str | None = None
    ) -> list[tuple[int, Sums]]:
        """(bucket, sums) of the buckets of `level` seconds that begin in [start, end)."""
        where, values = "", [brand, level, bucket_of(start, level), end]
        if platform is not None:
            where, values = " AND platform = ?", [*values, platform]
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT bucket, {_TOTALS} FROM rollup WHERE brand_id = ? AND level = ?"
                f" AND bucket >= ? AND bucket < ?{where} GROUP BY bucket ORDER BY bucket",
                values,
            ).fetchall()
        return [(bucket, tuple(sums)) for bucket, *sums in rows]

    def bins(
        self, brands: Sequence[str], start: int, end: int
    ) -> dict[int, dict[str, tuple[int, int]]]:
        """(total, negative) by bucket and brand: the non-empty 5-minute buckets in [start, end)."""
        found: dict[int, dict[str, tuple[int, int]]] = {}
        with self._db.read() as db:
            for brand in brands:
                for bucket, total, negative in db.execute(
                    "SELECT bucket, sum(volume), sum(neg) FROM rollup WHERE brand_id = ?"
                    " AND level = ? AND bucket >= ? AND bucket < ? GROUP BY bucket",
                    (brand, LEVELS[0], start, end),
                ):
                    found.setdefault(bucket, {})[brand] = (int(total), int(negative))
        return found

    def part_bins(
        self, names: Sequence[str], start: int, end: int
    ) -> dict[int, dict[str, tuple[int, int]]]:
        """(total, negative) by bucket and part: the non-empty 5-minute buckets in [start, end)."""
        wanted = set(names)
        found: dict[int, dict[str, tuple[int, int]]] = {}
        with self._db.read() as db:
            for brand in dict.fromkeys(Part.of(name).brand for name in names):
                for query, kind in ((_PLATFORM_BINS, "platform"), (_ASPECT_BINS, "aspect")):
                    for bucket, value, total, negative in db.execute(
                        query, (brand, LEVELS[0], start, end)
                    ):
                        if (name := Part(brand, kind, value).name) in wanted:
                            found.setdefault(bucket, {})[name] = (int(total), int(negative))
        return found

    def largest_parts(
        self, since: int, *, least: int, limit: int, brand: str | None = None
    ) -> list[Part]:
        """Platforms and aspects of brands with `least` mentions since a day, largest first.

        A platform that is nearly all of its brand is left out: it would say the same twice.
        """
        day = LEVELS[-1]
        with self._db.read() as db:
            rows = db.execute(
                _LARGEST_PARTS,
                {"day": day, "since": since, "least": least, "limit": limit, "brand": brand},
            )
            return [Part(*row[:3]) for row in rows]

    def first_bin(self, brands: Sequence[str], since: int) -> int | None:
        """The earliest 5-minute bucket of any of these brands that is not before `since`."""
        with self._db.read() as db:
            firsts = [
                db.execute(
                    "SELECT min(bucket) FROM rollup WHERE brand_id = ? AND level = ?"
                    " AND bucket >= ?",
                    (brand, LEVELS[0], since),
                ).fetchone()[0]
                for brand in brands
            ]
        return min((first for first in firsts if first is not None), default=None)

    def facets(
        self, brand: str, start: int, end: int, names: Sequence[str], platform: str | None = None
    ) -> dict[tuple[str, str], int]:
        """How many mentions in [start, end) have each (facet, value), over all labels."""
        found = self.facet_labels(brand, start, end, names, platform)
        return {key: sum(by_label.values()) for key, by_label in found.items()}

    def facet_labels(
        self, brand: str, start: int, end: int, names: Sequence[str], platform: str | None = None
    ) -> dict[tuple[str, str], dict[int, int]]:
        """How many mentions in [start, end) have each (facet, value), by label."""
        where, extra = ("", []) if platform is None else (" AND platform = ?", [platform])
        result: dict[tuple[str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
        with self._db.read() as db:
            for level, first, last in spans_of(start, end):
                for facet, value, label, n in db.execute(
                    "SELECT facet, value, label, sum(n) FROM facet WHERE brand_id = ? AND level ="
                    f" ? AND bucket >= ? AND bucket < ? AND facet IN"
                    f" ({', '.join('?' * len(names))}){where} GROUP BY facet, value, label",
                    (brand, level, first, last, *names, *extra),
                ):
                    result[facet, value][label] += n
        return {key: dict(by_label) for key, by_label in result.items()}

    def unique_authors(
        self, brand: str, timezone: str, start: int, end: int, platform: str | None = None
    ) -> int:
        """Distinct pseudonymous authors in [start, end).

        Exact for whole local days. On a day that the window cuts, an author who wrote both before
        and after the cut, but not inside, is counted too.
        """
        zone = ZoneInfo(timezone)
        first = datetime.fromtimestamp(start, zone).toordinal()
        last = datetime.fromtimestamp(max(start, end - 1), zone).toordinal()
        where, extra = ("", []) if platform is None else (" AND platform = ?", [platform])
        with self._db.read() as db:
            row = db.execute(
                "SELECT count(*) FROM (SELECT DISTINCT platform, author FROM author_day WHERE"
                " brand_id = ? AND day BETWEEN ? AND ? AND last_at >= ? AND first_at < ?"
                f"{where})",
                (brand, first, last, start, end, *extra),
            ).fetchone()
        return int(row[0])

    def cursors(self) -> dict[str, Cursor]:
        """How far each brand was judged, and what changed since."""
        with self._db.read() as db:
            return {
                row["brand_id"]: Cursor(row["judged_to"], row["dirty_from"], row["generation"])
                for row in db.execute("SELECT * FROM detect_cursor")
            }

    def move_cursors(self, judged_to: int, generations: Mapping[str, int]) -> None:
        """Record how far brands were judged; what changed meanwhile stays marked."""
        with self._db.write() as db:
            db.executemany(
                "INSERT INTO detect_cursor (brand_id, judged_to, generation)"
                " SELECT id, ?, ? FROM brand WHERE id = ?"
                " ON CONFLICT DO UPDATE SET judged_to = excluded.judged_to, dirty_from ="
                " CASE WHEN generation = excluded.generation THEN NULL ELSE dirty_from END",
                [(judged_to, generation, brand) for brand, generation in generations.items()],
            )
