"""The tables, as migrations. A migration that has shipped is never edited: add the next one.

Times are UTC seconds. Tables without rowid are clustered by the key that their readers walk along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlite_utils.migrations import Migrations

from monitor.aggregate import SUMS

if TYPE_CHECKING:
    from sqlite_utils import Database

migrations = Migrations("tingfeng")

_TABLES = f"""
CREATE TABLE brand (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    aliases TEXT NOT NULL,
    exclude TEXT NOT NULL,
    competitors TEXT NOT NULL,
    timezone TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- (platform, kind, native id) as a hash; mention_id is NULL once the mention is erased.
CREATE TABLE identity (
    hash BLOB PRIMARY KEY,
    mention_id INTEGER,
    day INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE tombstone (hash BLOB PRIMARY KEY, erased_at INTEGER NOT NULL) WITHOUT ROWID;

-- key, parent_key and root_key are 64-bit hashes of (platform, native id): they join comments to
-- their post whatever the kind, in whichever order the two arrive.
CREATE TABLE mention (
    id INTEGER PRIMARY KEY,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL,
    native_id TEXT NOT NULL,
    key INTEGER NOT NULL,
    parent_id TEXT,
    parent_key INTEGER,
    root_id TEXT,
    root_key INTEGER,
    author BLOB,
    followers INTEGER,
    verified INTEGER,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    quoted TEXT NOT NULL,
    url TEXT,
    region TEXT,
    published_at INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    likes INTEGER, comments INTEGER, reposts INTEGER, views INTEGER,
    favourites INTEGER, coins INTEGER, danmaku INTEGER, wow INTEGER,
    rating_value REAL,
    rating_scale TEXT,
    cluster_id INTEGER,
    copy_rank INTEGER NOT NULL,
    doc_label INTEGER NOT NULL,
    doc_score REAL NOT NULL,
    doc_confidence REAL NOT NULL,
    model INTEGER NOT NULL,
    risks TEXT,
    intent TEXT
);
CREATE INDEX mention_key ON mention (key);
CREATE INDEX mention_parent ON mention (parent_key) WHERE parent_key IS NOT NULL;
CREATE INDEX mention_root ON mention (root_key) WHERE root_key IS NOT NULL;
CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO sequence VALUES ('mention', 0), ('unmatched', 0);
CREATE TABLE model (id INTEGER PRIMARY KEY, version TEXT NOT NULL UNIQUE);

-- Equal texts. A merge never re-ranks.
CREATE TABLE cluster (
    id INTEGER PRIMARY KEY,
    text_key BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
);
CREATE TABLE cluster_brand (
    cluster_id INTEGER NOT NULL,
    brand_id TEXT NOT NULL,
    size INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    PRIMARY KEY (cluster_id, brand_id)
) WITHOUT ROWID;

CREATE TABLE reading (
    brand_id TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    mention_id INTEGER NOT NULL,
    platform TEXT NOT NULL,
    label INTEGER NOT NULL,
    score REAL NOT NULL,
    confidence REAL NOT NULL,
    weight REAL NOT NULL,
    via TEXT NOT NULL,
    model INTEGER NOT NULL,
    copy_rank INTEGER NOT NULL,
    new_followers INTEGER NOT NULL,
    risks TEXT,
    corrected_label INTEGER,
    PRIMARY KEY (brand_id, published_at, mention_id)
) WITHOUT ROWID;
CREATE INDEX reading_mention ON reading (mention_id);
CREATE INDEX reading_risk ON reading (brand_id, published_at) WHERE risks IS NOT NULL;

CREATE TABLE rollup (
    brand_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    platform TEXT NOT NULL,
    {", ".join(f"{name} REAL NOT NULL" for name in SUMS)},
    PRIMARY KEY (brand_id, level, bucket, platform)
) WITHOUT ROWID;
CREATE TABLE facet (
    brand_id TEXT NOT NULL,
    level INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    platform TEXT NOT NULL,
    facet TEXT NOT NULL,
    value TEXT NOT NULL,
    label INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (brand_id, level, bucket, platform, facet, value, label)
) WITHOUT ROWID;
-- day counts local days of the brand's time zone (proleptic ordinal).
CREATE TABLE author_day (
    brand_id TEXT NOT NULL,
    day INTEGER NOT NULL,
    platform TEXT NOT NULL,
    author BLOB NOT NULL,
    followers INTEGER,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (brand_id, day, platform, author)
) WITHOUT ROWID;

CREATE TABLE alert (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    brand_id TEXT NOT NULL,
    platform TEXT,
    rule TEXT NOT NULL,
    state TEXT NOT NULL,
    level TEXT NOT NULL,
    severity TEXT NOT NULL,
    crisis_index REAL NOT NULL,
    score REAL NOT NULL,
    expected REAL NOT NULL,
    seen INTEGER NOT NULL,
    window INTEGER NOT NULL,
    onset INTEGER NOT NULL,
    last_bin INTEGER NOT NULL,
    fired_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    factors TEXT NOT NULL,
    summary TEXT NOT NULL,
    evidence TEXT NOT NULL,
    historical INTEGER NOT NULL,
    assignee TEXT,
    acknowledged_at INTEGER,
    resolved_at INTEGER
) WITHOUT ROWID;
CREATE INDEX alert_brand ON alert (brand_id, fired_at);
CREATE INDEX alert_time ON alert (fired_at);
CREATE TABLE alert_event (
    id INTEGER PRIMARY KEY,
    alert_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    note TEXT NOT NULL
);
CREATE INDEX alert_event_alert ON alert_event (alert_id, id);
CREATE TABLE silence (
    id TEXT PRIMARY KEY,
    matchers TEXT NOT NULL,
    starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE channel (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    config TEXT NOT NULL,
    brands TEXT NOT NULL,
    min_level TEXT NOT NULL,
    language TEXT NOT NULL,
    enabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
-- The outbox: written in the transaction of the alert it tells of.
CREATE TABLE delivery (
    id TEXT PRIMARY KEY,
    channel_id TEXT NOT NULL,
    alert_id TEXT,
    event TEXT NOT NULL,
    payload TEXT NOT NULL,
    urgency INTEGER NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    lease_owner TEXT,
    lease_until INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    sent_at INTEGER,
    last_error TEXT
) WITHOUT ROWID;
CREATE INDEX delivery_due ON delivery (next_at) WHERE state = 'pending';
CREATE INDEX delivery_alert ON delivery (alert_id);

CREATE TABLE source (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    config TEXT NOT NULL,
    checkpoint TEXT,
    last_success_at INTEGER,
    last_error TEXT,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE api_key (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    brands TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) WITHOUT ROWID;
CREATE TABLE idempotency (
    key TEXT PRIMARY KEY,
    digest BLOB NOT NULL,
    answer TEXT NOT NULL,
    created_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE TABLE lease (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL
) WITHOUT ROWID;
-- How far a brand was judged, and the earliest bucket that changed since.
CREATE TABLE detect_cursor (
    brand_id TEXT PRIMARY KEY,
    judged_to INTEGER,
    dirty_from INTEGER,
    generation INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""

# Character pairs are the tokens, so neither positions nor columns are needed.
_SEARCH = """
CREATE VIRTUAL TABLE mention_search USING fts5 (
    tokens, content = '', detail = 'none', columnsize = 0, tokenize = 'unicode61'
);
"""


@migrations()
def first_tables(db: Database) -> None:
    """Create every table of the first version."""
    _run(db, _TABLES + _SEARCH)


_READINGS = """
ALTER TABLE mention ADD COLUMN aspects TEXT;
ALTER TABLE mention ADD COLUMN emotion TEXT;
ALTER TABLE mention ADD COLUMN stage TEXT;
ALTER TABLE mention ADD COLUMN irony INTEGER;
ALTER TABLE mention ADD COLUMN offensive INTEGER;
ALTER TABLE mention ADD COLUMN no_opinion TEXT;
ALTER TABLE mention ADD COLUMN unsupported TEXT;
ALTER TABLE reading ADD COLUMN review TEXT;
ALTER TABLE brand ADD COLUMN aspects TEXT NOT NULL DEFAULT '{}';

-- Who said what a label should be; never changed. A new_label of NULL withdraws the annotator's.
CREATE TABLE correction (
    id INTEGER PRIMARY KEY,
    brand_id TEXT NOT NULL,
    mention_id INTEGER NOT NULL,
    annotator TEXT NOT NULL,
    at INTEGER NOT NULL,
    old_label INTEGER NOT NULL,
    new_label INTEGER,
    note TEXT NOT NULL
);
CREATE INDEX correction_mention ON correction (brand_id, mention_id, id);
CREATE INDEX correction_time ON correction (brand_id, at);
-- What was learned from a brand's corrections, on top of the shipped weights of version base.
-- platform is '' for all. state: live, retired (was live) or refused (was no better).
CREATE TABLE adapter (
    id TEXT PRIMARY KEY,
    brand_id TEXT NOT NULL,
    platform TEXT NOT NULL,
    base TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    live_since INTEGER,
    report TEXT NOT NULL,
    arrays BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX adapter_brand ON adapter (brand_id, platform, created_at);
-- Brands whose history is being read again, and the last (published_at, mention id) that was.
CREATE TABLE reread (
    brand_id TEXT PRIMARY KEY,
    requested_at INTEGER NOT NULL,
    after_at INTEGER NOT NULL,
    after_id INTEGER NOT NULL
) WITHOUT ROWID;
"""


@migrations()
def second_readings(db: Database) -> None:
    """Keep everything that is read from a text, and what people correct in it."""
    _run(db, _READINGS)


_INCIDENTS = """
CREATE TABLE incident (
    id TEXT PRIMARY KEY,
    brand_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    state TEXT NOT NULL,
    level TEXT NOT NULL,
    peak TEXT NOT NULL,
    crisis_index REAL NOT NULL,
    lead TEXT NOT NULL,
    onset INTEGER NOT NULL,
    last_bin INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    raised_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    historical INTEGER NOT NULL,
    drill INTEGER NOT NULL,
    assignee TEXT,
    acknowledged_at INTEGER,
    mitigating_at INTEGER,
    recovered_at INTEGER,
    resolved_at INTEGER,
    reason TEXT,
    merged_into TEXT,
    tier INTEGER NOT NULL,
    next_at INTEGER
) WITHOUT ROWID;
CREATE INDEX incident_brand ON incident (brand_id, opened_at);
CREATE INDEX incident_time ON incident (opened_at);
CREATE INDEX incident_due ON incident (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX incident_changed ON incident (updated_at);
-- What a channel was last told of an incident: what is differs from it is told next.
CREATE TABLE told (
    incident_id TEXT NOT NULL,
    channel_id TEXT NOT NULL,
    state TEXT NOT NULL,
    level TEXT NOT NULL,
    tier INTEGER NOT NULL,
    alerts INTEGER NOT NULL,
    recovered_at INTEGER,
    at INTEGER NOT NULL,
    times INTEGER NOT NULL,
    PRIMARY KEY (incident_id, channel_id)
) WITHOUT ROWID;
ALTER TABLE silence ADD COLUMN incident_id TEXT;
ALTER TABLE alert ADD COLUMN aspect TEXT;
ALTER TABLE alert ADD COLUMN topic TEXT NOT NULL DEFAULT '';
CREATE INDEX alert_incident ON alert (incident_id);
ALTER TABLE alert_event ADD COLUMN incident_id TEXT NOT NULL DEFAULT '';
ALTER TABLE delivery ADD COLUMN incident_id TEXT;
UPDATE alert_event SET incident_id =
    coalesce((SELECT incident_id FROM alert WHERE alert.id = alert_event.alert_id), '');
UPDATE delivery SET incident_id =
    (SELECT incident_id FROM alert WHERE alert.id = delivery.alert_id);
CREATE INDEX alert_event_incident ON alert_event (incident_id, id);
CREATE INDEX delivery_incident ON delivery (incident_id);
-- Alerts of the first version become incidents, each led by its gravest; whoever was sent a
-- message was told.
INSERT INTO incident SELECT
    incident_id, brand_id, '', state, level, level, crisis_index, id, first_onset, latest_bin,
    first_fired, fired_at, updated_at, due_at, historical, 0, assignee, acknowledged_at, NULL,
    NULL, resolved_at, NULL, NULL, 0, CASE WHEN state = 'resolved' THEN NULL ELSE 0 END
FROM (
    SELECT *, row_number() OVER (
        PARTITION BY incident_id ORDER BY state = 'resolved', crisis_index DESC, id
    ) AS place,
    min(onset) OVER (PARTITION BY incident_id) AS first_onset,
    max(last_bin) OVER (PARTITION BY incident_id) AS latest_bin,
    min(fired_at) OVER (PARTITION BY incident_id) AS first_fired
    FROM alert
) WHERE place = 1;
INSERT INTO told SELECT
    d.incident_id, d.channel_id, i.state, i.level, 0, 1, NULL, max(d.created_at), count(*)
FROM delivery d JOIN incident i ON i.id = d.incident_id GROUP BY d.incident_id, d.channel_id;
CREATE INDEX mention_wide ON mention (published_at) WHERE followers >= 100000;
-- Links in messages are good for one use.
CREATE TABLE spent_link (
    hash BLOB PRIMARY KEY, spent_at INTEGER NOT NULL
) WITHOUT ROWID;
-- Whole documents that people edit: the routing tree, the sensitivity of detection.
CREATE TABLE document (
    name TEXT PRIMARY KEY, body TEXT NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Responding and learning: checklists, drafts that a person approves, reviews, actions.
CREATE TABLE playbook (
    id TEXT PRIMARY KEY, body TEXT NOT NULL, updated_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE task (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    place INTEGER NOT NULL,
    text TEXT NOT NULL,
    english TEXT NOT NULL,
    owner TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    done_at INTEGER,
    done_by TEXT,
    note TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX task_incident ON task (incident_id, due_at);
CREATE TABLE draft (
    id TEXT PRIMARY KEY,
    incident_id TEXT NOT NULL,
    template TEXT NOT NULL,
    language TEXT NOT NULL,
    text TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    updated_at INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    decided_at INTEGER,
    decided_by TEXT,
    note TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX draft_incident ON draft (incident_id, created_at);
CREATE TRIGGER draft_is_final BEFORE UPDATE ON draft WHEN old.state <> 'draft'
BEGIN SELECT raise(ABORT, 'a decided statement does not change'); END;
CREATE TABLE review (
    incident_id TEXT PRIMARY KEY,
    made_at INTEGER NOT NULL,
    remake_at INTEGER,
    body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX review_remake ON review (remake_at) WHERE remake_at IS NOT NULL;
CREATE TABLE action (
    id TEXT PRIMARY KEY,
    brand_id TEXT NOT NULL,
    incident_id TEXT,
    insight TEXT NOT NULL,
    text TEXT NOT NULL,
    owner TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    done_at INTEGER,
    done_by TEXT,
    told_to TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX action_incident ON action (incident_id) WHERE incident_id IS NOT NULL;
CREATE INDEX action_brand ON action (brand_id, created_at);
"""


@migrations()
def third_incidents(db: Database) -> None:
    """Gather alerts into incidents, remember what was told to whom, respond and learn."""
    _run(db, _INCIDENTS)


def _run(db: Database, script: str) -> None:
    for statement in script.split(";\n"):
        if statement.strip():
            db.execute(statement)
