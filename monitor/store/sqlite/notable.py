"""What the watch looks for in single mentions: many followers, new words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.store.sqlite.database import Database

WIDE = 100_000
"""Followers from which a mention stands in the index; a rule may ask for more, not for fewer."""


class Notable:
    """Negative mentions by who wrote them and what they say."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def influential(
        self, brand: str, start: int, end: int, followers: int, *, after: int
    ) -> list[tuple[int, int]]:
        """(published_at, followers) of a brand's negatives by authors with so many followers.

        Those in [start, end) that were first seen since `after`, oldest first; only what the
        reading is rather sure of.
        """
        with self._db.read() as db:
            rows = db.execute(
                "SELECT m.published_at, m.followers FROM mention m INDEXED BY mention_wide"
                " JOIN reading r ON r.brand_id = ? AND r.published_at = m.published_at"
                " AND r.mention_id = m.id"
                f" WHERE m.followers >= {WIDE} AND m.followers >= ? AND m.published_at >= ?"
                " AND m.published_at < ? AND m.first_seen_at >= ?"
                " AND coalesce(r.corrected_label, r.label) = -1"
                " AND (r.confidence >= 0.7 OR r.corrected_label IS NOT NULL)"
                " ORDER BY m.published_at",
                (brand, followers, start, end, after),
            ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def complaints(
        self, brand: str, start: int, end: int, limit: int
    ) -> list[tuple[int, bytes | None, str]]:
        """(published_at, author, title and text) of the newest negatives, one of each cluster."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT r.published_at, m.author, m.title || char(10) || m.text FROM reading r"
                " JOIN mention m ON m.id = r.mention_id WHERE r.brand_id = ?"
                " AND r.published_at >= ? AND r.published_at < ? AND r.copy_rank = 1"
                " AND coalesce(r.corrected_label, r.label) = -1"
                " ORDER BY r.published_at DESC LIMIT ?",
                (brand, start, end, limit),
            ).fetchall()
        return [tuple(row) for row in rows]
