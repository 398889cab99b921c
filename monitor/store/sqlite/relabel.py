"""Changing what a stored mention is held to say; every sum moves along.

The one place that does, whether people correct a label or a newer model reads history again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from monitor.aggregate import Deltas, Facts, contribution, subtract
from monitor.store.sqlite.ingest import (
    Stored,
    facets_of,
    facts_of,
    flush,
    loaded,
    select_in,
    weight_of,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Sequence

    from monitor.domain import Reading

Pair = tuple[str, int]
_PLACE = "WHERE brand_id = ? AND published_at = ? AND mention_id = ?"
_READ_AGAIN = f"""
UPDATE reading SET label = ?, score = ?, confidence = ?, review = ?,
    model = (SELECT id FROM model WHERE version = ?)
{_PLACE}
"""


class Keep(Enum):
    """Says that a correction stays as it is, where None would lift it."""

    KEEP = "keep"


KEEP: Final = Keep.KEEP


@dataclass(frozen=True, slots=True)
class Change:
    """What is to change about one brand's reading of a mention.

    `reading` is what the model reads now, None where it was not asked; `corrected` is the label
    people set, None where they set none any more. The corrected label is the one in force.
    """

    brand: str
    mention_id: int
    reading: Reading | None = None
    corrected: int | Literal[Keep.KEEP] | None = KEEP


def relabel(db: sqlite3.Connection, changes: Sequence[Change], now: int) -> int:
    """Change stored readings within the caller's transaction, and keep every sum true.

    Readings that are not there (any more) are passed over; of two changes to one reading the later
    has the last word.

    Returns
    -------
    int
        How many readings are not what they were.

    """
    wanted = {(change.brand, change.mention_id) for change in changes}
    before = readings_of(db, wanted)
    for change in changes:
        held = before.get((change.brand, change.mention_id))
        if held is not None:
            _write(db, change, (change.brand, held["published_at"], change.mention_id))
    after = readings_of(db, before)
    changed = [pair for pair in before if tuple(before[pair]) != tuple(after[pair])]
    records = _mentions(db, {mention_id for _, mention_id in changed})
    deltas = Deltas()
    for pair in changed:
        _move(db, deltas, records[pair[1]], before[pair], after[pair])
    flush(db, deltas)
    db.executemany("UPDATE mention SET updated_at = ? WHERE id = ?", [(now, i) for i in records])
    return len(changed)


def readings_of(db: sqlite3.Connection, pairs: Collection[Pair]) -> dict[Pair, sqlite3.Row]:
    """The stored readings of these (brand, mention id), as far as they are there."""
    ids = {mention_id for _, mention_id in pairs}
    rows = select_in(db, "SELECT * FROM reading WHERE mention_id IN ({})", ids)
    found = {(row["brand_id"], row["mention_id"]): row for row in rows}
    return {pair: found[pair] for pair in pairs if pair in found}


def _mentions(db: sqlite3.Connection, ids: Collection[int]) -> dict[int, Stored]:
    rows = select_in(
        db,
        "SELECT m.*, o.version FROM mention m JOIN model o ON o.id = m.model WHERE m.id IN ({})",
        ids,
    )
    return {row["id"]: loaded(row) for row in rows}


def _write(db: sqlite3.Connection, change: Change, place: tuple[str, int, int]) -> None:
    new = change.reading
    if new is not None:
        db.execute("INSERT OR IGNORE INTO model (version) VALUES (?)", (new.model,))
        values = (new.label, new.score, new.confidence, new.review, new.model)
        db.execute(_READ_AGAIN, (*values, *place))
    if change.corrected is not KEEP:
        db.execute(f"UPDATE reading SET corrected_label = ? {_PLACE}", (change.corrected, *place))


def _move(
    db: sqlite3.Connection,
    deltas: Deltas,
    record: Stored,
    before: sqlite3.Row,
    after: sqlite3.Row,
) -> None:
    """Take what a reading added to the sums away and add what it adds now."""
    old, new = (facts_of(row, record.kind, record.engagement) for row in (before, after))
    brand, at = before["brand_id"], before["published_at"]
    difference = subtract(contribution(new), contribution(old))
    # What leaves every sum as it is must not have the brand judged again.
    if any(difference):
        deltas.add(brand, record.platform, at, difference)
    if old.label != new.label:
        _move_facets(deltas, record, brand, old, new)
    db.execute(f"UPDATE reading SET weight = ? {_PLACE}", (weight_of(new), brand, at, record.id))


def _move_facets(deltas: Deltas, record: Stored, brand: str, old: Facts, new: Facts) -> None:
    for name, value, own in facets_of(record, brand, new.copy_rank):
        if own is None:
            for label, n in ((old.label, -1), (new.label, 1)):
                deltas.facet(brand, record.platform, record.published_at, name, value, label, n)
