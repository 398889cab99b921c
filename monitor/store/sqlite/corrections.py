"""What people said labels should be: written down, put in force, read back."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.aggregate import engagement_of
from monitor.corrections import (
    Benefit,
    Correction,
    LabelledText,
    Outcome,
    Stance,
    Statement,
    benefit,
    in_force,
    is_repeat,
)
from monitor.domain import ENGAGEMENT_KEYS, Engagement
from monitor.normalise import analysed, fold
from monitor.store.sqlite.ingest import select_in
from monitor.store.sqlite.mentions import PAGE, view_of
from monitor.store.sqlite.relabel import Change, Pair, readings_of, relabel

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from monitor.store.sqlite.database import Database
    from monitor.store.views import MentionView

RANKED = 5000
"""How many of the newest candidates the review queue chooses from."""
_HISTORY = 100
# SQLite takes the other columns from the row that holds the maximum.
_STANCES = """
SELECT mention_id, annotator, new_label AS label, note, max(id) AS id FROM correction
WHERE brand_id = ? {only} GROUP BY mention_id, annotator
"""
_LABELLED = f"""
SELECT s.mention_id, s.label, count(*) AS annotators, max(s.id), m.platform, m.title, m.text
FROM ({_STANCES.format(only="")}) s JOIN mention m ON m.id = s.mention_id
WHERE s.label IS NOT NULL AND (? IS NULL OR m.platform = ?)
GROUP BY s.mention_id ORDER BY s.mention_id
"""
_CANDIDATES = f"""
SELECT r.mention_id, r.confidence, r.review, m.platform,
    {", ".join(f"m.{key}" for key in ENGAGEMENT_KEYS)},
    coalesce((SELECT size FROM cluster_brand c WHERE c.cluster_id = m.cluster_id
              AND c.brand_id = r.brand_id), 1) AS copies
FROM (
    SELECT brand_id, mention_id, confidence, review FROM reading
    WHERE brand_id = ? AND published_at >= ? AND published_at < ?
        AND copy_rank = 1 AND corrected_label IS NULL
    ORDER BY published_at DESC, mention_id DESC LIMIT ?
) r JOIN mention m ON m.id = r.mention_id
"""


@dataclass(frozen=True, slots=True)
class Queue:
    """What to look at next, the most useful first; `ranked` of the newest were looked through.

    `complete` is False where the window holds more than those.
    """

    items: list[tuple[MentionView, Benefit]]
    ranked: int
    complete: bool


class Corrections:
    """Corrections of labels, every one of them kept."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, statements: Sequence[Statement], annotator: str, now: int) -> list[Outcome]:
        """Write down what an annotator says and put it in force; all of it or, on an error, none.

        Of a mention with several annotators the newest label that was not taken back is in force;
        without one, the model's is.

        Returns
        -------
        list of Outcome
            One for each statement. `unchanged`: the annotator had said so before.

        """
        with self._db.write() as db:
            pairs = {(s.brand, s.mention_id) for s in statements}
            readings = readings_of(db, pairs)
            stances = {pair: _stances(db, pair) for pair in readings}
            outcomes: list[Outcome] = []
            changed: dict[Pair, None] = {}
            for statement in statements:
                pair = (statement.brand, statement.mention_id)
                if pair not in readings:
                    outcomes.append("missing")
                elif is_repeat(stances[pair].get(annotator), _stance(statement)):
                    outcomes.append("unchanged")
                else:
                    outcomes.append("applied")
                    changed[pair] = None
                    held = in_force(stances[pair])
                    old = readings[pair]["label"] if held is None else held
                    _write_down(db, statement, annotator, now, old)
                    stances[pair].pop(annotator, None)
                    stances[pair][annotator] = _stance(statement)
            changes = [Change(*pair, corrected=in_force(stances[pair])) for pair in changed]
            relabel(db, changes, now)
            return outcomes

    def history(self, brand: str, mention_id: int) -> list[Correction]:
        """The corrections of a mention, newest first, the last 100."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM correction WHERE brand_id = ? AND mention_id = ?"
                " ORDER BY id DESC LIMIT ?",
                (brand, mention_id, _HISTORY),
            )
            return [_correction(row) for row in rows]

    def page(
        self, brand: str, *, before: tuple[int, int] | None, limit: int
    ) -> list[tuple[Correction, str | None]]:
        """A brand's corrections, newest first, each with its text, None once that is erased.

        `before` is the cursor: time and id of the last one seen.
        """
        where, values = "", []
        if before is not None:
            where, values = "AND (c.at, c.id) < (?, ?)", [*before]
        with self._db.read() as db:
            rows = db.execute(
                "SELECT c.*, m.text FROM correction c LEFT JOIN mention m ON m.id = c.mention_id"
                f" WHERE c.brand_id = ? {where} ORDER BY c.at DESC, c.id DESC LIMIT ?",
                (brand, *values, limit),
            )
            return [(_correction(row), row["text"]) for row in rows]

    def of_brand(self, brand: str, platform: str | None = None) -> list[LabelledText]:
        """Every text of a brand that people labelled, with the label in force, by mention id."""
        with self._db.read() as db:
            rows = db.execute(_LABELLED, (brand, platform, platform)).fetchall()
        texts = fold([analysed(row["title"], row["text"]) for row in rows])
        return [
            LabelledText(row["mention_id"], row["platform"], text, row["label"], row["annotators"])
            for row, text in zip(rows, texts, strict=True)
        ]

    def labels(self, brand: str) -> dict[int, dict[str, int]]:
        """The labels people stand by: for each mention id, by annotator."""
        found: dict[int, dict[str, int]] = {}
        with self._db.read() as db:
            for row in db.execute(_STANCES.format(only=""), (brand,)):
                if row["label"] is not None:
                    found.setdefault(row["mention_id"], {})[row["annotator"]] = row["label"]
        return found

    def queue(self, brand: str, start: int, end: int, limit: int) -> Queue:
        """What people should look at next of a brand's mentions in [start, end).

        First copies that nobody has labelled, by how much a look is worth; only the `RANKED`
        newest of them are ranked.
        """
        with self._db.read() as db:
            rows = db.execute(_CANDIDATES, (brand, start, end, RANKED + 1)).fetchall()
            ranked = [(_benefit(row), row["mention_id"]) for row in rows[:RANKED]]
            best = heapq.nlargest(limit, ranked, key=lambda item: (item[0].total, item[1]))
            views = {view.id: view for view in _views(db, brand, [i for _, i in best])}
        return Queue(
            [(views[mention_id], worth) for worth, mention_id in best],
            len(ranked),
            complete=len(rows) <= RANKED,
        )

    def mention(self, brand: str, mention_id: int) -> MentionView | None:
        """A mention with its reading for a brand; None where it is not about it, or not there."""
        with self._db.read() as db:
            return next(iter(_views(db, brand, [mention_id])), None)

    def find(self, identities: Collection[bytes]) -> dict[bytes, int]:
        """The ids of the mentions with these identities, as far as they are there."""
        sql = "SELECT hash, mention_id FROM identity WHERE mention_id IS NOT NULL AND hash IN ({})"
        with self._db.read() as db:
            return {row["hash"]: row["mention_id"] for row in select_in(db, sql, identities)}


def _stances(db: sqlite3.Connection, pair: Pair) -> dict[str, Stance]:
    """What each annotator says now about a mention, the newest last."""
    sql = _STANCES.format(only="AND mention_id = ?") + " ORDER BY id"
    return {row["annotator"]: Stance(row["label"], row["note"]) for row in db.execute(sql, pair)}


def _stance(statement: Statement) -> Stance:
    return Stance(statement.label, statement.note)


def _write_down(
    db: sqlite3.Connection, statement: Statement, annotator: str, now: int, old: int
) -> None:
    s = statement
    db.execute(
        "INSERT INTO correction (brand_id, mention_id, annotator, at, old_label, new_label, note)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (s.brand, s.mention_id, annotator, now, old, s.label, s.note),
    )


def _benefit(row: sqlite3.Row) -> Benefit:
    counters = Engagement(*(row[key] for key in ENGAGEMENT_KEYS))
    engaged = engagement_of(row["platform"], counters)
    return benefit(row["confidence"], engaged, row["copies"], row["review"])


def _views(db: sqlite3.Connection, brand: str, ids: Sequence[int]) -> list[MentionView]:
    where = f"r.mention_id IN ({', '.join('?' * len(ids))}) AND r.brand_id = ?"
    sql = PAGE.format(where=where, order="r.published_at DESC")
    return [view_of(row) for row in db.execute(sql, (*ids, brand, len(ids)))]


def _correction(row: sqlite3.Row) -> Correction:
    return Correction(
        row["id"],
        row["brand_id"],
        row["mention_id"],
        row["annotator"],
        row["at"],
        row["old_label"],
        row["new_label"],
        row["note"],
    )
