"""Storing a batch: mentions, readings and rollup differences in one transaction.

Everything here runs inside one BEGIN IMMEDIATE: readers see all of a batch or nothing of it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar
from zoneinfo import ZoneInfo

from monitor.aggregate import SUMS, Deltas, Facts, contribution, engagement_of, subtract, weight
from monitor.dedupe import key64
from monitor.domain import (
    ENGAGEMENT_KEYS,
    Account,
    AspectNote,
    Attribution,
    Engagement,
    Entry,
    Reading,
    Traits,
)
from monitor.normalise import analysed, fold
from monitor.store.sqlite.search import tokens

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")
_CHUNK = 500
_COUNTERS = ", ".join(ENGAGEMENT_KEYS)
_INSERT_MENTION = f"""
INSERT INTO mention (
    id, platform, kind, native_id, key, parent_id, parent_key, root_id, root_key, author,
    followers, verified, title, text, quoted, url, region, published_at, first_seen_at, updated_at,
    {_COUNTERS}, rating_value, rating_scale, cluster_id, copy_rank, doc_label, doc_score,
    doc_confidence, model, risks, intent, aspects, emotion, stage, irony, offensive, no_opinion,
    unsupported
) VALUES ({", ".join("?" * 45)})
"""
_INSERT_READING = f"INSERT INTO reading VALUES ({', '.join('?' * 15)})"
_ADD_ROLLUP = f"""
INSERT INTO rollup VALUES ({", ".join("?" * (4 + len(SUMS)))})
ON CONFLICT DO UPDATE SET {", ".join(f"{name} = {name} + excluded.{name}" for name in SUMS)}
"""
_ADD_FACET = """
INSERT INTO facet VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n
"""
_MARK_DIRTY = """
INSERT INTO detect_cursor (brand_id, dirty_from, generation) VALUES (?, ?, 1)
ON CONFLICT DO UPDATE SET
    dirty_from = min(coalesce(dirty_from, excluded.dirty_from), excluded.dirty_from),
    generation = generation + 1
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """A mention as later attributions and counters need it."""

    id: int
    platform: str
    kind: str
    key: int
    published_at: int
    author: bytes | None
    followers: int | None
    plain: str
    cluster_id: int | None
    engagement: Engagement
    region: str | None
    rating: tuple[str, float] | None
    traits: Traits
    document: Reading


class BatchWriter:
    """Writes one batch within one transaction, then is thrown away."""

    def __init__(self, connection: sqlite3.Connection, now: int) -> None:
        self._db = connection
        # The brands as they are now: some may have come or gone since the batch was read.
        self._zones = {
            brand: ZoneInfo(zone)
            for brand, zone in connection.execute("SELECT id, timezone FROM brand")
        }
        self._now = now
        self._deltas = Deltas()
        self._models: dict[str, int] = {}

    def write(self, entries: Sequence[Entry]) -> Account:
        """Store what is new, update what is known, and keep every sum true."""
        entries, repeated = _merge_repeats(entries)
        known = self._known([entry.identity for entry in entries])
        erased = sum(1 for entry in entries if known.get(entry.identity, 0) is None)
        new = [entry for entry in entries if entry.identity not in known]
        old = [
            (entry, mention_id)
            for entry in entries
            if (mention_id := known.get(entry.identity)) is not None
        ]
        unmatched = self._insert(new)
        updated = len(self._update_counters(old) | self._add_brands(old))
        flush(self._db, self._deltas)
        repeats_updated = sum(repeated.values())
        return Account(
            accepted=len(new),
            updated=updated + repeats_updated,
            duplicate=len(old) - updated + len(repeated) - repeats_updated,
            unmatched=unmatched,
            erased=erased,
        )

    # -- identity and copies ---------------------------------------------------------------

    def _known(self, hashes: Sequence[bytes]) -> dict[bytes, int | None]:
        found = {
            row[0]: row[1]
            for row in select_in(
                self._db, "SELECT hash, mention_id FROM identity WHERE hash IN ({})", hashes
            )
        }
        for row in select_in(self._db, "SELECT hash FROM tombstone WHERE hash IN ({})", hashes):
            found[row[0]] = None
        return found

    def _reserve(self, n: int) -> int:
        row = self._db.execute(
            "UPDATE sequence SET value = value + ? WHERE name = 'mention' RETURNING value", (n,)
        ).fetchone()
        return int(row[0]) - n + 1

    def _copies(self, entries: Sequence[Entry], first: int) -> list[tuple[int | None, int]]:
        """For each entry its cluster's id and its rank in it.

        Entries are numbered from `first`; a new cluster has the number of its first mention.
        """
        keys = {entry.text_key for entry in entries if entry.text_key is not None}
        held = {
            row["text_key"]: (row["id"], row["size"], row["first_at"], row["last_at"])
            for row in select_in(
                self._db,
                "SELECT id, text_key, size, first_at, last_at FROM cluster WHERE text_key IN ({})",
                keys,
            )
        }
        result: list[tuple[int | None, int]] = []
        for i, entry in enumerate(entries, first):
            if entry.text_key is None:
                result.append((None, 1))
                continue
            at = entry.mention.published_at
            cluster, size, begun, ended = held.get(entry.text_key, (i, 0, at, at))
            held[entry.text_key] = (cluster, size + 1, min(begun, at), max(ended, at))
            result.append((cluster, size + 1))
        self._db.executemany(
            "INSERT INTO cluster (id, text_key, size, first_at, last_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET size = excluded.size, first_at = excluded.first_at,"
            " last_at = excluded.last_at",
            [(cluster, key, *facts) for key, (cluster, *facts) in held.items()],
        )
        return result

    # -- new mentions ----------------------------------------------------------------------

    def _insert(self, entries: Sequence[Entry]) -> int:
        """Insert new mentions and everything that follows; returns how many matched no brand."""
        if not entries:
            return 0
        first = self._reserve(len(entries))
        stored: list[Stored] = []
        rows = []
        for i, (entry, (cluster_id, rank)) in enumerate(
            zip(entries, self._copies(entries, first), strict=True), first
        ):
            record = _stored(entry, i, cluster_id)
            stored.append(record)
            rows.append(self._mention_row(entry, record, rank))
        self._db.executemany(_INSERT_MENTION, rows)
        self._db.executemany(
            "INSERT INTO identity VALUES (?, ?, ?)",
            [
                (entry.identity, record.id, record.published_at // 86400)
                for entry, record in zip(entries, stored, strict=True)
            ],
        )
        wanted = [
            (record, attribution)
            for entry, record in zip(entries, stored, strict=True)
            for attribution in entry.attributions
            if attribution.brand in self._zones
        ]
        inherited = self._inherit(stored, wanted)
        self._attribute(wanted + inherited)
        matched = {record.id for record, _ in wanted + inherited}
        self._index(stored, wanted + inherited)
        unmatched = sum(1 for record in stored if record.id not in matched)
        self._db.execute(
            "UPDATE sequence SET value = value + ? WHERE name = 'unmatched'", (unmatched,)
        )
        return unmatched

    def _mention_row(self, entry: Entry, record: Stored, rank: int) -> tuple[object, ...]:
        m = entry.mention
        return (
            record.id,
            m.platform,
            m.kind,
            m.native_id,
            record.key,
            m.parent_id,
            key64(m.platform, m.parent_id) if m.parent_id else None,
            m.root_id,
            key64(m.platform, m.root_id) if m.root_id else None,
            record.author,
            m.followers,
            m.verified,
            m.title,
            m.text,
            m.quoted,
            m.url,
            m.region,
            m.published_at,
            self._now,
            self._now,
            *(getattr(m.engagement, key) for key in ENGAGEMENT_KEYS),
            m.rating_value,
            m.rating_scale,
            record.cluster_id,
            rank,
            entry.document.label,
            entry.document.score,
            entry.document.confidence,
            self._model(entry.document.model),
            *traits_row(entry.traits),
        )

    def _model(self, version: str) -> int:
        if version not in self._models:
            self._db.execute("INSERT OR IGNORE INTO model (version) VALUES (?)", (version,))
            row = self._db.execute("SELECT id FROM model WHERE version = ?", (version,)).fetchone()
            self._models[version] = int(row[0])
        return self._models[version]

    # -- attribution through parents ---------------------------------------------------------

    def _inherit(
        self,
        stored: Sequence[Stored],
        wanted: Sequence[tuple[Stored, Attribution]],
        held: Mapping[int, set[str]] | None = None,
    ) -> list[tuple[Stored, Attribution]]:
        """Find what is about a brand because its parent or root is, in either order of arrival.

        `held` are the brands that mentions stored earlier are about already.
        """
        brands: dict[int, set[str]] = defaultdict(set)
        brands.update({mention_id: set(names) for mention_id, names in (held or {}).items()})
        for record, attribution in wanted:
            brands[record.id].add(attribution.brand)
        by_id = {record.id: record for record in stored}
        found = []
        for child_id, brand in self._brands_of_parents(list(by_id)):
            if brand not in brands[child_id]:
                brands[child_id].add(brand)
                found.append((by_id[child_id], brand))
        frontier = [record for record in stored if brands[record.id]]
        while frontier:
            given = self._hand_down(frontier, brands, by_id)
            found += given
            frontier = list({record.id: record for record, _ in given}.values())
        return [(r, Attribution(brand, "parent", r.document)) for r, brand in found]

    def _hand_down(
        self,
        parents: Sequence[Stored],
        brands: dict[int, set[str]],
        by_id: dict[int, Stored],
    ) -> list[tuple[Stored, str]]:
        """Give the brands of mentions to those that answer them; returns what was new."""
        of_key: dict[int, set[str]] = defaultdict(set)
        for record in parents:
            of_key[record.key] |= brands[record.id]
        given = []
        for child, keys in self._children(list(of_key), by_id):
            if child.id not in brands:
                brands[child.id] = self._brands_of(child.id)
            inherited = set().union(*(of_key[key] for key in keys))
            for brand in sorted(inherited - brands[child.id]):
                brands[child.id].add(brand)
                given.append((child, brand))
        return given

    def _brands_of_parents(self, ids: Sequence[int]) -> Iterator[tuple[int, str]]:
        # Cross joins fix the order of the tables: from the child to its parent, by index.
        for column in ("parent_key", "root_key"):
            for row in select_in(
                self._db,
                f"SELECT DISTINCT c.id, r.brand_id FROM mention c CROSS JOIN mention p ON p.key ="
                f" c.{column} AND p.platform = c.platform CROSS JOIN reading r ON r.mention_id ="
                f" p.id WHERE c.{column} IS NOT NULL AND p.id <> c.id AND c.id IN ({{}})",
                ids,
            ):
                yield int(row[0]), str(row[1])

    def _children(
        self, keys: Sequence[int], by_id: dict[int, Stored]
    ) -> list[tuple[Stored, set[int]]]:
        """The stored mentions whose parent or root has one of these keys, with those keys."""
        parents: dict[int, set[int]] = defaultdict(set)
        for column in ("parent_key", "root_key"):
            for row in select_in(
                self._db, f"SELECT id, {column} FROM mention WHERE {column} IN ({{}})", keys
            ):
                parents[int(row[0])].add(int(row[1]))
        for record in self._load([i for i in parents if i not in by_id]):
            by_id[record.id] = record
        return [(by_id[i], keys) for i, keys in parents.items()]

    def _brands_of(self, mention_id: int) -> set[str]:
        rows = self._db.execute("SELECT brand_id FROM reading WHERE mention_id = ?", (mention_id,))
        return {row[0] for row in rows}

    def _load(self, ids: Sequence[int]) -> list[Stored]:
        rows = select_in(
            self._db,
            "SELECT m.*, o.version FROM mention m JOIN model o ON o.id = m.model"
            " WHERE m.id IN ({})",
            ids,
        )
        return [loaded(row) for row in rows]

    # -- readings, sums and facets -----------------------------------------------------------

    def _attribute(self, pairs: Sequence[tuple[Stored, Attribution]]) -> None:
        ranks = self._brand_ranks(pairs)
        reach = self._new_followers(pairs)
        rows = []
        for (record, attribution), rank, followers in zip(pairs, ranks, reach, strict=True):
            reading = attribution.reading
            facts = Facts(
                record.platform,
                record.kind,
                reading.label,
                reading.confidence,
                rank,
                record.engagement,
                followers,
            )
            self._deltas.add(
                attribution.brand, record.platform, record.published_at, contribution(facts)
            )
            self._count_facets(attribution.brand, record, reading.label, rank)
            rows.append(
                (
                    attribution.brand,
                    record.published_at,
                    record.id,
                    record.platform,
                    reading.label,
                    reading.score,
                    reading.confidence,
                    weight_of(facts),
                    attribution.via,
                    self._model(reading.model),
                    rank,
                    followers,
                    ",".join(record.traits.risks) or None,
                    None,
                    reading.review,
                )
            )
        self._db.executemany(_INSERT_READING, rows)

    def _brand_ranks(self, pairs: Sequence[tuple[Stored, Attribution]]) -> list[int]:
        clusters = {record.cluster_id for record, _ in pairs if record.cluster_id is not None}
        sizes = {
            (row["cluster_id"], row["brand_id"]): row["size"]
            for row in select_in(
                self._db,
                "SELECT cluster_id, brand_id, size FROM cluster_brand WHERE cluster_id IN ({})",
                clusters,
            )
        }
        ranks: list[int] = []
        touched: dict[tuple[int, str], int] = {}
        for record, attribution in pairs:
            if record.cluster_id is None:
                ranks.append(1)
                continue
            key = (record.cluster_id, attribution.brand)
            sizes[key] = sizes.get(key, 0) + 1
            ranks.append(sizes[key])
            touched[key] = min(record.published_at, touched.get(key, record.published_at))
        self._db.executemany(
            "INSERT INTO cluster_brand VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " size = excluded.size, first_at = min(first_at, excluded.first_at)",
            [(*key, sizes[key], first) for key, first in touched.items()],
        )
        return ranks

    def _new_followers(self, pairs: Sequence[tuple[Stored, Attribution]]) -> list[int]:
        """Followers that count towards 曝光量: an author once per brand, platform and local day."""
        keys = [
            (a.brand, self._day(a.brand, r.published_at), r.platform, r.author) for r, a in pairs
        ]
        wanted = {key for key in keys if key[3] is not None}
        held = self._author_days(wanted)
        result = []
        for key, (record, _) in zip(keys, pairs, strict=True):
            if key not in wanted:
                result.append(0)
                continue
            at = record.published_at
            counted, begun, ended = held.get(key, (None, at, at))
            result.append(record.followers or 0 if counted is None else 0)
            followers = record.followers if counted is None else counted
            held[key] = (followers, min(begun, at), max(ended, at))
        self._db.executemany(
            "INSERT OR REPLACE INTO author_day VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(*key, *facts) for key, facts in held.items()],
        )
        return result

    def _author_days(
        self, keys: Collection[tuple[object, ...]]
    ) -> dict[tuple[object, ...], tuple[int | None, int, int]]:
        found = {}
        for part in _parts(list(keys), _CHUNK // 4):
            marks = ", ".join(["(?, ?, ?, ?)"] * len(part))
            for row in self._db.execute(
                "SELECT * FROM author_day WHERE (brand_id, day, platform, author) IN"
                f" (VALUES {marks})",
                [value for key in part for value in key],
            ):
                found[tuple(row)[:4]] = (row["followers"], row["first_at"], row["last_at"])
        return found

    def _day(self, brand: str, at: int) -> int:
        return datetime.fromtimestamp(at, self._zones[brand]).toordinal()

    def _count_facets(self, brand: str, record: Stored, label: int, rank: int) -> None:
        for name, value, own in facets_of(record, brand, rank):
            self._deltas.facet(
                brand,
                record.platform,
                record.published_at,
                name,
                value,
                label if own is None else own,
            )

    def _index(self, stored: Sequence[Stored], pairs: Sequence[tuple[Stored, Attribution]]) -> None:
        """Write search rows; a mention stored earlier that gains a brand is indexed anew."""
        brands: dict[int, set[str]] = {record.id: set() for record in stored}
        for record, attribution in pairs:
            brands.setdefault(record.id, set()).add(attribution.brand)
        new_ids = {record.id for record in stored}
        records = {record.id: record for record in stored} | {r.id: r for r, _ in pairs}
        rows = []
        for mention_id, gained in brands.items():
            record = records[mention_id]
            held = set() if mention_id in new_ids else self._brands_of(mention_id)
            if held:
                before = tokens(record.plain, held - gained, record.published_at)
                self._db.execute(
                    "INSERT INTO mention_search (mention_search, rowid, tokens)"
                    " VALUES ('delete', ?, ?)",
                    (mention_id, before),
                )
            words = tokens(record.plain, held | gained, record.published_at)
            rows.append((mention_id, words))
        self._db.executemany("INSERT INTO mention_search (rowid, tokens) VALUES (?, ?)", rows)

    # -- counters of known mentions ------------------------------------------------------------

    def _add_brands(self, pairs: Sequence[tuple[Entry, int]]) -> set[int]:
        """Give known mentions the brands they are now found to be about; returns which gained.

        So a brand or an alias that was set up late is made good by sending the mentions again.
        """
        held: dict[int, set[str]] = {mention_id: set() for _, mention_id in pairs}
        for mention_id, brand in select_in(
            self._db, "SELECT mention_id, brand_id FROM reading WHERE mention_id IN ({})", held
        ):
            held[mention_id].add(brand)
        lacking = [
            (entry, mention_id)
            for entry, mention_id in pairs
            if {a.brand for a in entry.attributions} - held[mention_id]
        ]
        if not lacking:
            return set()
        records = {record.id: record for record in self._load([i for _, i in lacking])}
        wanted = [
            (records[i], attribution)
            for entry, i in lacking
            for attribution in _gained(entry, held[i], records[i].plain, records[i].document)
            if attribution.brand in self._zones
        ]
        wanted += self._inherit(list(records.values()), wanted, held)
        self._attribute(wanted)
        self._index([], wanted)
        return {record.id for record, _ in wanted if record.id in records}

    def _update_counters(self, pairs: Sequence[tuple[Entry, int]]) -> set[int]:
        """Take over newer counters; returns the ids of the mentions that changed."""
        held = {record.id: record for record in self._load([i for _, i in pairs])}
        changed: list[tuple[Stored, Engagement]] = []
        for entry, mention_id in pairs:
            record = held[mention_id]
            newer = merge_counters(record.engagement, entry.mention.engagement)
            if newer != record.engagement:
                changed.append((record, newer))
        for record, newer in changed:
            self._move_sums(record, newer)
        self._db.executemany(
            f"UPDATE mention SET {', '.join(f'{key} = ?' for key in ENGAGEMENT_KEYS)},"
            " updated_at = ? WHERE id = ?",
            [
                (*(getattr(newer, key) for key in ENGAGEMENT_KEYS), self._now, record.id)
                for record, newer in changed
            ],
        )
        return {record.id for record, _ in changed}

    def _move_sums(self, record: Stored, newer: Engagement) -> None:
        for row in self._db.execute(
            "SELECT * FROM reading WHERE mention_id = ?", (record.id,)
        ).fetchall():
            before = facts_of(row, record.kind, record.engagement)
            after = replace(before, engagement=newer)
            difference = subtract(contribution(after), contribution(before))
            self._deltas.add(row["brand_id"], record.platform, record.published_at, difference)
            self._db.execute(
                "UPDATE reading SET weight = ? WHERE brand_id = ? AND published_at = ?"
                " AND mention_id = ?",
                (weight_of(after), row["brand_id"], record.published_at, record.id),
            )


def flush(connection: sqlite3.Connection, deltas: Deltas) -> None:
    """Write the gathered differences, and mark from where brands are to be judged again."""
    connection.executemany(_ADD_ROLLUP, deltas.rollups())
    connection.executemany(_ADD_FACET, deltas.facets())
    connection.executemany(_MARK_DIRTY, deltas.earliest().items())


def merge_counters(older: Engagement, newer: Engagement) -> Engagement:
    """The newer counters, and the older ones where the newer are unknown."""
    return Engagement(
        *(
            getattr(older, f.name) if getattr(newer, f.name) is None else getattr(newer, f.name)
            for f in fields(Engagement)
        )
    )


def facts_of(row: sqlite3.Row, kind: str, engagement: Engagement) -> Facts:
    """What a stored reading contributes; a corrected label is certain."""
    corrected = row["corrected_label"]
    return Facts(
        row["platform"],
        kind,
        row["label"] if corrected is None else corrected,
        row["confidence"] if corrected is None else 1.0,
        row["copy_rank"],
        engagement,
        row["new_followers"],
    )


def weight_of(facts: Facts) -> float:
    """Return the weight of a reading in the 口碑指数."""
    return weight(
        facts.confidence, facts.copy_rank, engagement_of(facts.platform, facts.engagement)
    )


def facets_of(record: Stored, brand: str, rank: int) -> Iterator[tuple[str, str, int | None]]:
    """Yield what a mention counts under: facet, value, and its own label where it has one."""
    yield from ((name, value, None) for name, value in told(record.traits, rank))
    # What a brand's own words found comes after the shipped words' finds, and takes their place
    sides = {a.name: a.label for a in record.traits.aspects if a.brand in (None, brand)}
    yield from (("aspect", name, side) for name, side in sides.items())
    if record.region:
        yield "region", record.region, None
    if record.rating:
        yield f"rating:{record.rating[0]}", f"{record.rating[1]:g}", None


def told(traits: Traits, rank: int) -> Iterator[tuple[str, str]]:
    """Yield the facets and values that go with the label of the mention."""
    for topic in traits.risks:
        yield "risk", topic
        if rank == 1:
            yield "risk_text", topic
    yield from (("intent", intent) for intent in traits.intents)
    for name in ("emotion", "stage", "no_opinion", "unsupported"):
        value = getattr(traits, name)
        if value is not None:
            yield name, value
    for name in ("irony", "offensive"):
        if getattr(traits, name):
            yield name, "yes"


def _merge_repeats(entries: Sequence[Entry]) -> tuple[list[Entry], dict[int, bool]]:
    """Fold repeats within a batch into their first; tells for each whether it changed counters."""
    first: dict[bytes, Entry] = {}
    repeated: dict[int, bool] = {}
    for i, entry in enumerate(entries):
        held = first.get(entry.identity)
        if held is None:
            first[entry.identity] = entry
            continue
        newer = merge_counters(held.mention.engagement, entry.mention.engagement)
        more = _gained(
            entry, {a.brand for a in held.attributions}, held.mention.plain, held.document
        )
        repeated[i] = newer != held.mention.engagement or bool(more)
        first[entry.identity] = replace(
            held,
            mention=replace(held.mention, engagement=newer),
            attributions=(*held.attributions, *more),
        )
    return list(first.values()), repeated


def _gained(
    entry: Entry, held: Collection[str], plain: str, document: Reading
) -> list[Attribution]:
    """What a repeat adds to the brands held: those its sender names, and those of the same text.

    The first text stays: what a later one names counts only where the sender says so.
    """
    same = entry.mention.plain == plain
    return [
        attribution if same else replace(attribution, reading=document)
        for attribution in entry.attributions
        if attribution.brand not in held and (same or attribution.via == "sender")
    ]


def _stored(entry: Entry, mention_id: int, cluster_id: int | None) -> Stored:
    m = entry.mention
    return Stored(
        id=mention_id,
        platform=m.platform,
        kind=m.kind,
        key=key64(m.platform, m.native_id),
        published_at=m.published_at,
        author=bytes.fromhex(m.author) if m.author else None,
        followers=m.followers,
        plain=m.plain,
        cluster_id=cluster_id,
        engagement=m.engagement,
        region=m.region,
        rating=(m.rating_scale, m.rating_value)
        if m.rating_scale is not None and m.rating_value is not None
        else None,
        traits=entry.traits,
        document=entry.document,
    )


def loaded(row: sqlite3.Row) -> Stored:
    """Return a mention from its row, the version of its model beside it."""
    return Stored(
        id=row["id"],
        platform=row["platform"],
        kind=row["kind"],
        key=row["key"],
        published_at=row["published_at"],
        author=row["author"],
        followers=row["followers"],
        plain=fold([analysed(row["title"], row["text"])])[0],
        cluster_id=row["cluster_id"],
        engagement=Engagement(*(row[key] for key in ENGAGEMENT_KEYS)),
        region=row["region"],
        rating=(row["rating_scale"], row["rating_value"]) if row["rating_scale"] else None,
        traits=traits_of(row),
        document=Reading(row["doc_label"], row["doc_score"], row["doc_confidence"], row["version"]),
    )


def traits_row(traits: Traits) -> tuple[object, ...]:
    """Return the columns risks … unsupported of a mention."""
    aspects = [[a.name, a.label, *([a.brand] if a.brand else [])] for a in traits.aspects]
    return (
        ",".join(traits.risks) or None,
        ",".join(traits.intents) or None,
        json.dumps(aspects, ensure_ascii=False, separators=(",", ":")) if aspects else None,
        traits.emotion,
        traits.stage,
        traits.irony or None,
        traits.offensive or None,
        traits.no_opinion,
        traits.unsupported,
    )


def traits_of(row: sqlite3.Row) -> Traits:
    """Return what the columns of a mention say."""
    return Traits(
        risks=tuple(row["risks"].split(",")) if row["risks"] else (),
        intents=tuple(row["intent"].split(",")) if row["intent"] else (),
        aspects=tuple(AspectNote(*a) for a in json.loads(row["aspects"] or "[]")),
        emotion=row["emotion"],
        stage=row["stage"],
        irony=bool(row["irony"]),
        offensive=bool(row["offensive"]),
        no_opinion=row["no_opinion"],
        unsupported=row["unsupported"],
    )


def select_in(
    connection: sqlite3.Connection, sql: str, values: Iterable[object]
) -> Iterator[sqlite3.Row]:
    """Run `SELECT … IN ({})` over any number of values, a chunk at a time."""
    for part in _parts(list(values), _CHUNK):
        yield from connection.execute(sql.format(",".join("?" * len(part))), part).fetchall()


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    return (items[i : i + size] for i in range(0, len(items), size))


def replay_answer(connection: sqlite3.Connection, key: str) -> tuple[bytes, object] | None:
    """The digest and answer kept for an Idempotency-Key, or None."""
    row = connection.execute(
        "SELECT digest, answer FROM idempotency WHERE key = ?", (key,)
    ).fetchone()
    return (row[0], json.loads(row[1])) if row else None
