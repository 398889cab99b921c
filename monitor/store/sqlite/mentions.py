"""Mentions in, mentions out: the batch writer's door, pages of mentions and search."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from monitor.domain import ENGAGEMENT_KEYS, Account, Engagement, Entry, Rejection
from monitor.errors import Conflict
from monitor.store.sqlite.ingest import BatchWriter, replay_answer, traits_of
from monitor.store.sqlite.search import brand_token, contains, expression, months_between
from monitor.store.views import MentionQuery, MentionView, cursor_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from monitor.store.sqlite.database import Database

_SURE = 0.8
IDEMPOTENCY_SECONDS = 86_400
_WORTHWHILE_MONTHS = 36
_MENTION_COLUMNS = """
m.id, m.platform, m.kind, m.native_id, m.title, m.text, m.quoted, m.url, m.region, m.published_at,
m.author, m.followers, m.verified, m.rating_value, m.rating_scale, m.risks, m.intent, m.aspects,
m.emotion, m.stage, m.irony, m.offensive, m.no_opinion, m.unsupported,
r.label, r.score, r.confidence, r.weight, r.via, r.corrected_label, r.review, o.version,
coalesce((SELECT size FROM cluster_brand c WHERE c.cluster_id = m.cluster_id
          AND c.brand_id = r.brand_id), 1) AS copies,
""" + ", ".join(f"m.{key}" for key in ENGAGEMENT_KEYS)
PAGE = f"""
SELECT {_MENTION_COLUMNS} FROM reading r JOIN mention m ON m.id = r.mention_id
JOIN model o ON o.id = r.model WHERE {{where}} ORDER BY {{order}} LIMIT ?
"""


class Mentions:
    """Stored mentions."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def write(
        self,
        entries: Sequence[Entry],
        now: int,
        *,
        rejected: Sequence[Rejection] = (),
        idempotency: tuple[str, bytes] | None = None,
    ) -> Account:
        """Store a batch in one transaction and give the account of it.

        Parameters
        ----------
        idempotency : (key, digest of the request), optional
            Where the key was used before with the same digest, nothing is written and the first
            account comes back; with another digest Conflict is raised.

        """
        with self._db.write() as db:
            if idempotency and (held := self._replay(db, idempotency)) is not None:
                return held
            account = BatchWriter(db, now).write(entries)
            account += Account(rejected=tuple(rejected))
            if idempotency:
                key, digest = idempotency
                answer = asdict(account)
                del answer["replayed"]
                db.execute(
                    "INSERT INTO idempotency VALUES (?, ?, ?, ?)",
                    (key, digest, json.dumps(answer, ensure_ascii=False), now),
                )
            return account

    def replay(self, idempotency: tuple[str, bytes]) -> Account | None:
        """The account kept for an Idempotency-Key; raises Conflict for another request's key."""
        with self._db.read() as db:
            return self._replay(db, idempotency)

    @staticmethod
    def _replay(db: sqlite3.Connection, idempotency: tuple[str, bytes]) -> Account | None:
        held = replay_answer(db, idempotency[0])
        if held is None:
            return None
        digest, answer = held
        if digest != idempotency[1]:
            raise Conflict(
                "该 Idempotency-Key 已用于另一个请求，请换一个 / "
                "this Idempotency-Key belongs to another request: use a new one"
            )
        values: dict[str, Any] = dict(answer)  # type: ignore[call-overload]
        values["rejected"] = tuple(Rejection(**r) for r in values["rejected"])
        return Account(**values, replayed=True)

    def forget_idempotency(self, now: int) -> None:
        """Drop the answers kept for Idempotency-Keys older than a day."""
        with self._db.write() as db:
            db.execute("DELETE FROM idempotency WHERE created_at < ?", (now - IDEMPOTENCY_SECONDS,))

    def page(self, query: MentionQuery) -> list[MentionView]:
        """One page of a brand's mentions, newest or heaviest first.

        With `query.text`, every word of it stands in each of them.
        """
        if query.text is None:
            with self._db.read() as db:
                return self._select(db, query, query.before, query.limit)
        match = expression(query.text)
        if match is None:
            return []
        return self._search(query, match)

    def _search(self, query: MentionQuery, match: str) -> list[MentionView]:
        # Character pairs may stand apart from each other: the text itself has the last word.
        match = f'{match} AND "{brand_token(query.brand)}"'
        months = months_between(query.start, query.end)
        if len(months) <= _WORTHWHILE_MONTHS:
            match += " AND ({})".format(" OR ".join(f'"{month}"' for month in months))
        found: list[MentionView] = []
        before, size = query.before, max(50, query.limit)
        with self._db.read() as db:
            while len(found) < query.limit:
                rows = self._select(db, query, before, size, match)
                found += [r for r in rows if contains(query.text or "", r.title, r.text)]
                if len(rows) < size:
                    break
                before = cursor_of(rows[-1], query.sort)
                # Each page looks the words up again: few large ones, not many small ones.
                size *= 4
        return found[: query.limit]

    @staticmethod
    def _select(
        db: sqlite3.Connection,
        query: MentionQuery,
        before: tuple[float, int] | None,
        limit: int,
        match: str | None = None,
    ) -> list[MentionView]:
        where = ["r.brand_id = ?", "r.published_at >= ?", "r.published_at < ?"]
        values: list[object] = [query.brand, query.start, query.end]
        if match is not None:
            where.append(
                "r.mention_id IN (SELECT rowid FROM mention_search WHERE mention_search MATCH ?)"
            )
            values.append(match)
        for column, wanted in (
            ("coalesce(r.corrected_label, r.label)", query.label),
            ("r.platform", query.platform),
            ("m.kind", query.kind),
        ):
            if wanted is not None:
                where.append(f"{column} = ?")
                values.append(wanted)
        order = "r.published_at" if query.sort == "new" else "r.weight"
        if before is not None:
            where.append(f"({order}, r.mention_id) < (?, ?)")
            values += before
        sql = PAGE.format(where=" AND ".join(where), order=f"{order} DESC, r.mention_id DESC")
        return [view_of(row) for row in db.execute(sql, (*values, limit)).fetchall()]

    def risky(
        self, brand: str, start: int, end: int, topics: Sequence[str], *, limit: int
    ) -> list[MentionView]:
        """A brand's mentions with one of these risk topics in [start, end), newest first."""
        with self._db.read() as db:
            sql = PAGE.format(
                where="r.brand_id = ? AND r.published_at >= ? AND r.published_at < ?"
                f" AND {_has_topic(topics)}",
                order="r.published_at DESC",
            )
            return [view_of(row) for row in db.execute(sql, (brand, start, end, limit)).fetchall()]

    def severe(
        self, brand: str, start: int, end: int, topics: Sequence[str], *, after: int
    ) -> list[int]:
        """When a brand's mentions with one of these topics were published.

        Those in [start, end) that were first seen since `after`, oldest first; praise is left out
        where the reading is sure of it, for a danger overlooked costs more than one looked at.
        """
        with self._db.read() as db:
            rows = db.execute(
                "SELECT r.published_at FROM reading r JOIN mention m ON m.id = r.mention_id"
                " WHERE r.brand_id = ? AND r.published_at >= ? AND r.published_at < ?"
                f" AND {_has_topic(topics)} AND coalesce(r.corrected_label,"
                f" CASE WHEN r.confidence < {_SURE} THEN 0 ELSE r.label END) <= 0"
                " AND m.first_seen_at >= ? ORDER BY r.published_at",
                (brand, start, end, after),
            ).fetchall()
        return [row[0] for row in rows]

    def count(self) -> int:
        """How many mentions are stored."""
        with self._db.read() as db:
            return int(db.execute("SELECT count(*) FROM mention").fetchone()[0])

    def unmatched(self) -> int:
        """How many mentions were about no brand when they arrived."""
        with self._db.read() as db:
            row = db.execute("SELECT value FROM sequence WHERE name = 'unmatched'").fetchone()
            return int(row[0])


def _has_topic(topics: Sequence[str]) -> str:
    # Topics are our own names, joined by commas in the column.
    likes = (f"',' || r.risks || ',' LIKE '%,{topic},%'" for topic in topics)
    return f"r.risks IS NOT NULL AND ({' OR '.join(likes)})"


def view_of(row: sqlite3.Row) -> MentionView:
    """Return what a row of `PAGE` says."""
    corrected = row["corrected_label"]
    return MentionView(
        id=row["id"],
        platform=row["platform"],
        kind=row["kind"],
        native_id=row["native_id"],
        title=row["title"],
        text=row["text"],
        quoted=row["quoted"],
        url=row["url"],
        region=row["region"],
        published_at=row["published_at"],
        author=row["author"].hex() if row["author"] else None,
        followers=row["followers"],
        verified=None if row["verified"] is None else bool(row["verified"]),
        engagement=Engagement(*(row[key] for key in ENGAGEMENT_KEYS)),
        rating=(row["rating_value"], row["rating_scale"]) if row["rating_scale"] else None,
        copies=row["copies"],
        traits=traits_of(row),
        label=row["label"] if corrected is None else corrected,
        score=row["score"],
        confidence=row["confidence"],
        weight=row["weight"],
        via=row["via"],
        model=row["version"],
        corrected=corrected is not None,
        review=None if corrected is not None else row["review"],
    )
