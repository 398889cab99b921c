"""Mentions in, mentions out: the batch writer's door, pages of mentions and search."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from monitor.domain import ENGAGEMENT_KEYS, Account, Engagement, Entry, Rejection
from monitor.errors import Conflict
from monitor.normalise import analysed, fold
from monitor.store.sqlite.ingest import BatchWriter, replay_answer, select_in, traits_of
from monitor.store.sqlite.search import brand_token, contains, expression, months_between
from monitor.store.views import Cluster, MentionQuery, MentionView, Sample, cursor_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from monitor.store.sqlite.database import Database

_SURE = 0.8
_DAY = 86_400
_EPOCH = 719_163  # proleptic ordinal of 1970-01-01
_MOST = 20_000  # mentions of a window that are looked through one by one, the newest
IDEMPOTENCY_SECONDS = 86_400
_WORTHWHILE_MONTHS = 36
_MENTION_COLUMNS = """
r.brand_id, m.id, m.platform, m.kind, m.native_id, m.title, m.text, m.quoted, m.url, m.region,
m.published_at, m.author, m.followers, m.verified, m.rating_value, m.rating_scale, m.risks,
m.intent, m.aspects, m.emotion, m.stage, m.irony, m.offensive, m.no_opinion, m.unsupported,
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

    # -- what evidence is made of ------------------------------------------------------------------

    def sample(
        self,
        brand: str,
        start: int,
        end: int,
        *,
        negative: bool = True,
        platform: str | None = None,
        aspect: str | None = None,
        limit: int = 500,
    ) -> Sample:
        """A brand's negatives (or all others) in [start, end).

        Where there are more than `limit`, half of it are the heaviest and half are drawn evenly.
        With `aspect`, those that blame it.
        """
        where, values = [_WITHIN, f"{_LABEL} {'<' if negative else '>='} 0"], [brand, start, end]
        join = ""
        if platform is not None:
            where.append("r.platform = ?")
            values.append(platform)
        if aspect is not None:
            join = "JOIN mention m ON m.id = r.mention_id"
            where.append("(instr(m.aspects, ?) OR instr(m.aspects, ?))")
            values += (_noted(aspect, -1), _noted(aspect, -1, brand))
        rows = f"FROM reading r {join} WHERE {' AND '.join(where)}"
        with self._db.read() as db:

            def ids(order: str, most: int) -> list[int]:
                sql = f"SELECT r.mention_id {rows} ORDER BY {order}, r.mention_id DESC LIMIT ?"
                return [row[0] for row in db.execute(sql, (*values, most))]

            of = int(db.execute(f"SELECT count(*) {rows}", values).fetchone()[0])
            if of <= limit:
                return Sample(tuple(_views(db, brand, ids(_HEAVIEST, limit))), of)
            drawn = ids(_EVENLY, limit // 2)
            found = _views(db, brand, dict.fromkeys([*ids(_HEAVIEST, limit // 2), *drawn]))
        found.sort(key=lambda view: (-view.weight, -view.id))
        return Sample(tuple(found), of, frozenset(drawn))

    def dangers(
        self,
        brand: str,
        start: int,
        end: int,
        topics: Sequence[str],
        *,
        after: int = 0,
        limit: int = 500,
    ) -> list[MentionView]:
        """A brand's mentions with one of these topics in [start, end), newest first.

        Those that were first seen since `after`; praise is left out where the reading is sure of
        it, for a danger overlooked costs more than one looked at.
        """
        with self._db.read() as db:
            rows = db.execute(
                "SELECT r.mention_id FROM reading r JOIN mention m ON m.id = r.mention_id"
                f" WHERE {_WITHIN} AND {_has_topic(topics)} AND {_NO_SURE_PRAISE}"
                " AND m.first_seen_at >= ? ORDER BY r.published_at DESC, r.mention_id DESC LIMIT ?",
                (brand, start, end, after, limit),
            ).fetchall()
            return _views(db, brand, [row[0] for row in rows])

    def first_negatives(self, brand: str, start: int, end: int) -> list[MentionView]:
        """The earliest negative of each platform in [start, end), earliest first."""
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT r.mention_id, min(r.published_at) AS at FROM reading r WHERE {_WITHIN}"
                f" AND {_LABEL} < 0 GROUP BY r.platform ORDER BY at, r.platform",
                (brand, start, end),
            ).fetchall()
            return _views(db, brand, [row[0] for row in rows])

    def repeated(self, brand: str, start: int, end: int, *, limit: int = 3) -> list[Cluster]:
        """The texts of the negatives in [start, end) that weigh most, all copies together."""
        with self._db.read() as db:
            rows = db.execute(_REPEATED, (brand, start, end, limit)).fetchall()
            firsts = [
                db.execute(_EARLIEST, (brand, row["first_at"], row["cluster_id"])).fetchone() or row
                for row in rows
            ]
            views = _views(db, brand, [first["mention_id"] for first in firsts])
        return [
            Cluster(row["seen"], row["authors"], view)
            for row, view in zip(rows, views, strict=True)
        ]

    def usual_texts(self, brand: str, start: int, end: int, *, limit: int = 2000) -> list[str]:
        """Texts of a brand's negatives in [start, end): the newest of each day, days alike."""
        days = max(1, -(-(end - start) // _DAY))
        texts = []
        with self._db.read() as db:
            for opens in range(start, end, _DAY):
                texts += db.execute(
                    "SELECT m.title, m.text FROM reading r JOIN mention m ON m.id = r.mention_id"
                    f" WHERE {_WITHIN} AND {_LABEL} < 0 ORDER BY r.published_at DESC LIMIT ?",
                    (brand, opens, min(opens + _DAY, end), max(1, limit // days)),
                ).fetchall()
        return fold([analysed(title, text) for title, text in texts])

    def known_authors(
        self, brand: str, authors: Collection[tuple[str, str]], start: int, end: int
    ) -> frozenset[tuple[str, str]]:
        """Those of these (platform, author) who spoke of the brand in [start, end)."""
        if not authors:
            return frozenset()
        # Days are local: one more on either side holds for every time zone.
        days = list(range(start // _DAY + _EPOCH - 1, end // _DAY + _EPOCH + 2))
        sql = _KNOWN.format(", ".join(["(?, ?)"] * len(authors)))
        who = [value for platform, author in authors for value in (platform, bytes.fromhex(author))]
        with self._db.read() as db:
            rows = db.execute(sql, (*who, json.dumps(days), brand, end, start)).fetchall()
        return frozenset((platform, author.hex()) for platform, author in rows)

    def count(self) -> int:
        """How many mentions are stored."""
        with self._db.read() as db:
            return int(db.execute("SELECT count(*) FROM mention").fetchone()[0])

    def unmatched(self) -> int:
        """How many mentions were about no brand when they arrived."""
        with self._db.read() as db:
            row = db.execute("SELECT value FROM sequence WHERE name = 'unmatched'").fetchone()
            return int(row[0])


# -- what evidence is made of ---------------------------------------------------------------------

_LABEL = "coalesce(r.corrected_label, r.label)"
_WITHIN = "r.brand_id = ? AND r.published_at >= ? AND r.published_at < ?"
# Praise that the reading is sure of is left out: a danger overlooked costs more than one looked at.
_NO_SURE_PRAISE = (
    f"coalesce(r.corrected_label, CASE WHEN r.confidence < {_SURE} THEN 0 ELSE r.label END) <= 0"
)
_HEAVIEST = "r.weight DESC"
# Ids are given in order: multiplied so (Knuth 1973, 6.4), they lie scattered evenly.
_EVENLY = "(r.mention_id * 2654435761) & 4294967295"
_REPEATED = f"""
SELECT m.cluster_id, count(*) AS seen, count(DISTINCT m.author) AS authors,
       min(w.published_at), w.mention_id, c.first_at
FROM (SELECT r.* FROM reading r WHERE {_WITHIN} AND {_LABEL} < 0
      ORDER BY r.published_at DESC LIMIT {_MOST}) w
JOIN mention m ON m.id = w.mention_id
JOIN cluster_brand c ON c.cluster_id = m.cluster_id AND c.brand_id = w.brand_id
GROUP BY m.cluster_id ORDER BY sum(w.weight) DESC, seen DESC, m.cluster_id LIMIT ?
"""
_EARLIEST = """
SELECT r.mention_id FROM reading r JOIN mention m ON m.id = r.mention_id
WHERE r.brand_id = ? AND r.published_at = ? AND m.cluster_id = ? ORDER BY r.mention_id LIMIT 1
"""
# Cross joins fix the order of the tables: a look by key for each author and day.
_KNOWN = """
WITH who (platform, author) AS (VALUES {})
SELECT w.platform, w.author FROM who w WHERE EXISTS (
    SELECT 1 FROM json_each(?) d CROSS JOIN author_day a WHERE a.brand_id = ? AND a.day = d.value
    AND a.platform = w.platform AND a.author = w.author AND a.first_at < ? AND a.last_at >= ?)
"""


def _has_topic(topics: Sequence[str]) -> str:
    # Topics are our own names, joined by commas in the column.
    likes = (f"',' || r.risks || ',' LIKE '%,{topic},%'" for topic in topics)
    return f"r.risks IS NOT NULL AND ({' OR '.join(likes)})"


def _noted(*note: object) -> str:
    """Return how an aspect's note is stored; see `traits_row`."""
    return json.dumps(note, ensure_ascii=False, separators=(",", ":"))


def _views(db: sqlite3.Connection, brand: str, ids: Collection[int]) -> list[MentionView]:
    """Return mentions with their reading for a brand, in the order of their ids given."""
    sql = (
        f"SELECT {_MENTION_COLUMNS} FROM reading r JOIN mention m ON m.id = r.mention_id"
        " JOIN model o ON o.id = r.model WHERE r.mention_id IN ({})"
    )
    found = {row["id"]: row for row in select_in(db, sql, ids) if row["brand_id"] == brand}
    return [view_of(found[mention_id]) for mention_id in ids]


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
