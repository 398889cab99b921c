"""Responding and learning: playbooks, checklists, statements, reviews and actions."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

from monitor import playbooks, review
from monitor.domain import AlertEvent
from monitor.errors import UnknownThing
from monitor.feedback import Action, Subject
from monitor.playbooks import Task
from monitor.statements import Draft
from monitor.store.sqlite.alerts import EVENT_COLUMNS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from monitor.feedback import Kind
    from monitor.playbooks import Playbook
    from monitor.review import Review
    from monitor.store.sqlite.database import Database

_LOOKED_AT = 2000
_HAS_INCIDENT = "EXISTS (SELECT 1 FROM incident WHERE id = :incident_id)"
_TASK = tuple(f.name for f in fields(Task))
_DRAFT = tuple(f.name for f in fields(Draft))
_ACTION = tuple(f.name for f in fields(Action))
_ACTION_COLUMNS = tuple("brand_id" if name == "brand" else name for name in _ACTION)


class Playbooks:
    """The playbooks that users wrote; the shipped ones are no rows."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[Playbook]:
        """Every playbook stored, by id."""
        with self._db.read() as db:
            rows = db.execute("SELECT body FROM playbook ORDER BY id").fetchall()
        return [playbooks.read(json.loads(row[0])) for row in rows]

    def put(self, playbook: Playbook, now: int) -> None:
        """Put a playbook in the place of the one with its id."""
        body = json.dumps(playbooks.written(playbook), ensure_ascii=False)
        with self._db.write() as db:
            db.execute("INSERT OR REPLACE INTO playbook VALUES (?, ?, ?)", (playbook.id, body, now))

    def delete(self, playbook_id: str) -> None:
        """Delete a stored playbook, so that a shipped one of its id holds; raises UnknownThing."""
        with self._db.write() as db:
            if not db.execute("DELETE FROM playbook WHERE id = ?", (playbook_id,)).rowcount:
                raise UnknownThing(
                    f"没有自定义预案“{playbook_id}” / no such playbook of your own: {playbook_id}"
                )


class Tasks:
    """The checklists of incidents."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, tasks: Sequence[Task]) -> None:
        """Add the tasks that are missing; of those still open the earlier due time holds.

        Nothing is taken away, and what is done stays as it is. Joins a transaction under way.
        Tasks of an incident that is gone are not kept.
        """
        with self._db.joined() as db:
            db.executemany(
                f"INSERT INTO task ({', '.join(_TASK)}) SELECT {_named(_TASK)}"
                f" WHERE {_HAS_INCIDENT} ON CONFLICT (id) DO UPDATE"
                " SET due_at = min(due_at, excluded.due_at) WHERE state = 'open'",
                [asdict(task) for task in tasks],
            )

    def of(self, incident_id: str) -> list[Task]:
        """An incident's tasks, the first due first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM task WHERE incident_id = ? ORDER BY due_at, place, id",
                (incident_id,),
            ).fetchall()
        return [Task(**row) for row in rows]

    def behind(self, seen: tuple[int, str], now: int, limit: int) -> list[tuple[int, str]]:
        """(updated_at, id) of incidents under way that changed after `seen` and before `now`."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT updated_at, id FROM incident WHERE (updated_at, id) > (?, ?)"
                " AND updated_at < ? AND state IN ('firing', 'acknowledged', 'mitigating')"
                " ORDER BY updated_at, id LIMIT ?",
                (*seen, now, limit),
            ).fetchall()
        return [(row["updated_at"], row["id"]) for row in rows]

    def get(self, task_id: str) -> Task:
        """One task; raises UnknownThing."""
        with self._db.read() as db:
            return _task(db, task_id)

    def change(self, task_id: str, step: Callable[[Task], Task]) -> Task:
        """Put what `step` makes of a task in its place; raises UnknownThing, and what it raises."""
        with self._db.joined() as db:
            newer = step(_task(db, task_id))
            db.execute(_update("task", _TASK), asdict(newer))
            return newer


class Drafts:
    """Statements in the making, and what became of them."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, draft: Draft) -> None:
        """Add a draft; the same one again changes nothing. Raises UnknownThing for its incident."""
        with self._db.write() as db:
            _need_incident(db, draft.incident_id)
            db.execute(
                f"INSERT OR IGNORE INTO draft ({', '.join(_DRAFT)}) VALUES ({_named(_DRAFT)})",
                asdict(draft),
            )

    def of(self, incident_id: str) -> list[Draft]:
        """An incident's drafts, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM draft WHERE incident_id = ? ORDER BY created_at, id", (incident_id,)
            ).fetchall()
        return [Draft(**row) for row in rows]

    def get(self, draft_id: str) -> Draft:
        """One draft; raises UnknownThing."""
        with self._db.read() as db:
            return _draft(db, draft_id)

    def change(self, draft_id: str, step: Callable[[Draft], Draft]) -> Draft:
        """Put what `step` makes of a draft in its place; raises UnknownThing, and what it raises.

        The file itself refuses to change one that was approved or rejected. Joins a transaction
        under way.
        """
        with self._db.joined() as db:
            newer = step(_draft(db, draft_id))
            db.execute(_update("draft", _DRAFT), asdict(newer))
            return newer


class Reviews:
    """The records of incidents that are over."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(self, made: Review) -> None:
        """Put a review in the place of the former one of its incident; not where that is gone."""
        row = {
            "incident_id": made.incident_id,
            "made_at": made.made_at,
            "remake_at": review.remake_at(made),
            "body": json.dumps(review.document(made), ensure_ascii=False),
        }
        with self._db.write() as db:
            db.execute(
                f"INSERT OR REPLACE INTO review ({', '.join(row)}) SELECT {_named(row)}"
                f" WHERE {_HAS_INCIDENT}",
                row,
            )

    def get(self, incident_id: str) -> Review:
        """The review of an incident; raises UnknownThing where none was made."""
        with self._db.read() as db:
            row = db.execute(
                "SELECT body FROM review WHERE incident_id = ?", (incident_id,)
            ).fetchone()
        if row is None:
            raise UnknownThing(
                f"事件“{incident_id}”还没有复盘 / no review was made of {incident_id}"
            )
        return review.read(json.loads(row[0]))

    def timelines(self, incident_ids: Sequence[str]) -> dict[str, list[AlertEvent]]:
        """What happened to incidents, oldest first; those of which nothing is told left out."""
        found: dict[str, list[AlertEvent]] = {}
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT {', '.join(EVENT_COLUMNS)} FROM alert_event WHERE incident_id IN"
                " (SELECT value FROM json_each(?)) ORDER BY id",
                (json.dumps(list(incident_ids)),),
            ).fetchall()
        for row in rows:
            event = AlertEvent(*row)
            found.setdefault(event.incident_id, []).append(event)
        return found

    def due(self, now: int, limit: int = 100) -> list[str]:
        """The incidents whose review is missing or worth making anew, longest due first.

        Missing: of one that was resolved in the last 30 days and is no historical or merged one,
        nor one that faded before it fired.
        """
        with self._db.read() as db:
            rows = db.execute(_DUE, {"now": now, "limit": limit}).fetchall()
        return [row[0] for row in rows]


_DUE = """
SELECT id FROM (
    SELECT incident_id AS id, remake_at AS at FROM review WHERE remake_at <= :now
    UNION ALL
    SELECT id, resolved_at FROM incident i WHERE state = 'resolved' AND NOT historical
    AND merged_into IS NULL AND resolved_at > :now - 30 * 86400
    AND NOT EXISTS (SELECT 1 FROM review WHERE incident_id = i.id)
    AND NOT EXISTS (SELECT 1 FROM alert_event WHERE incident_id = i.id AND action = 'faded')
) ORDER BY at, id LIMIT :limit
"""


class Actions:
    """What somebody will do about what customers say."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, action: Action) -> None:
        """Add an action; the same one again changes nothing. Raises UnknownThing for its brand."""
        with self._db.write() as db:
            if not db.execute("SELECT 1 FROM brand WHERE id = ?", (action.brand,)).fetchone():
                raise UnknownThing(f"没有品牌“{action.brand}” / no such brand: {action.brand}")
            if action.incident_id is not None:
                _need_incident(db, action.incident_id)
            db.execute(
                f"INSERT OR IGNORE INTO action ({', '.join(_ACTION_COLUMNS)})"
                f" VALUES ({_named(_ACTION)})",
                _action_row(action),
            )

    def get(self, action_id: str) -> Action:
        """One action; raises UnknownThing."""
        with self._db.read() as db:
            return _action_of(db, action_id)

    def change(self, action_id: str, step: Callable[[Action], Action]) -> Action:
        """Put what `step` makes of an action in its place; raises UnknownThing."""
        with self._db.write() as db:
            newer = step(_action_of(db, action_id))
            names = ", ".join(_ACTION_COLUMNS)
            db.execute(
                f"UPDATE action SET ({names}) = ({_named(_ACTION)}) WHERE id = :id",
                _action_row(newer),
            )
            return newer

    def of_incident(self, incident_id: str) -> list[Action]:
        """The actions that an incident led to, oldest first."""
        with self._db.read() as db:
            rows = db.execute(
                "SELECT * FROM action WHERE incident_id = ? ORDER BY created_at, id",
                (incident_id,),
            ).fetchall()
        return [_action(row) for row in rows]

    def page(
        self,
        brand: str,
        *,
        is_open: bool | None = None,
        before: tuple[int, str] | None = None,
        limit: int = 20,
    ) -> list[Action]:
        """A brand's actions, newest first, after the cursor `before` = (created_at, id)."""
        where, values = "brand_id = ?", [brand]
        if is_open is not None:
            where += f" AND done_at IS {'' if is_open else 'NOT '}NULL"
        if before is not None:
            where += " AND (created_at, id) < (?, ?)"
            values += before  # type: ignore[arg-type]
        with self._db.read() as db:
            rows = db.execute(
                f"SELECT * FROM action WHERE {where} ORDER BY created_at DESC, id DESC LIMIT ?",
                (*values, limit),
            ).fetchall()
        return [_action(row) for row in rows]


class Complaints:
    """Which mentions complain of what."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def about(
        self, brand: str, start: int, end: int, each: int = 5
    ) -> dict[tuple[Kind, str], list[int]]:
        """Ids of mentions in [start, end) by (kind, name) of what they complain of.

        First copies among the 2 000 newest, the weightiest first, at most `each` for a name.
        """
        found: dict[tuple[Kind, str], list[int]] = defaultdict(list)
        with self._db.read() as db:
            rows = db.execute(_COMPLAINTS, (brand, start, end, _LOOKED_AT)).fetchall()
        for row in sorted(rows, key=lambda r: (-r["weight"], -r["mention_id"])):
            for key in _complaints(row, brand):
                if len(found[key]) < each:
                    found[key].append(row["mention_id"])
        return dict(found)


_COMPLAINTS = """
SELECT r.mention_id, r.weight, m.aspects, m.intent FROM reading r
JOIN mention m ON m.id = r.mention_id
WHERE r.brand_id = ? AND r.published_at >= ? AND r.published_at < ? AND r.copy_rank = 1
AND (m.aspects IS NOT NULL OR m.intent IS NOT NULL)
ORDER BY r.published_at DESC, r.mention_id DESC LIMIT ?
"""


def _complaints(row: sqlite3.Row, brand: str) -> list[tuple[Kind, str]]:
    # What a brand's own words found comes after the shipped finds, and takes their place.
    sides = {
        name: label
        for name, label, *own in json.loads(row["aspects"] or "[]")
        if not own or own[0] == brand
    }
    blamed: list[tuple[Kind, str]] = [("aspect", name) for name, side in sides.items() if side < 0]
    intents = (row["intent"] or "").split(",")
    return [*blamed, *(("request", intent) for intent in intents if intent)]


# -- rows ------------------------------------------------------------------------------------------


def _named(columns: Sequence[str] | dict[str, object]) -> str:
    return ", ".join(f":{column}" for column in columns)


def _update(table: str, columns: Sequence[str]) -> str:
    return f"UPDATE {table} SET ({', '.join(columns)}) = ({_named(columns)}) WHERE id = :id"


def _need_incident(db: sqlite3.Connection, incident_id: str) -> None:
    if not db.execute("SELECT 1 FROM incident WHERE id = ?", (incident_id,)).fetchone():
        raise UnknownThing(f"没有事件“{incident_id}” / no such incident: {incident_id}")


def _task(db: sqlite3.Connection, task_id: str) -> Task:
    row = db.execute("SELECT * FROM task WHERE id = ?", (task_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有任务“{task_id}” / no such task: {task_id}")
    return Task(**row)


def _draft(db: sqlite3.Connection, draft_id: str) -> Draft:
    row = db.execute("SELECT * FROM draft WHERE id = ?", (draft_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有声明草稿“{draft_id}” / no such draft: {draft_id}")
    return Draft(**row)


def _action_of(db: sqlite3.Connection, action_id: str) -> Action:
    row = db.execute("SELECT * FROM action WHERE id = ?", (action_id,)).fetchone()
    if row is None:
        raise UnknownThing(f"没有行动“{action_id}” / no such action: {action_id}")
    return _action(row)


def _action_row(action: Action) -> dict[str, object]:
    return asdict(action) | {
        "insight": json.dumps(asdict(action.insight), ensure_ascii=False),
        "told_to": json.dumps(action.told_to, ensure_ascii=False),
    }


def _action(row: sqlite3.Row) -> Action:
    values = {name: row[column] for name, column in zip(_ACTION, _ACTION_COLUMNS, strict=True)}
    insight = Subject(**json.loads(row["insight"]))
    values["insight"] = replace(insight, mentions=tuple(insight.mentions))
    return Action(**values | {"told_to": tuple(json.loads(row["told_to"]))})
