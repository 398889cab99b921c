"""Counting a database anew, row by row, by the definitions and not by the service's code."""

from __future__ import annotations

import json
import math
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from datetime import datetime
from zoneinfo import ZoneInfo

LEVELS = (300, 3600, 86400)
INTERACTIONS = {
    **dict.fromkeys(("weibo", "douyin", "kuaishou"), "comments likes reposts"),
    "xhs": "comments likes favourites reposts",
    "bilibili": "danmaku comments likes coins favourites reposts",
    "wechat": "likes wow comments reposts",
    "zhihu": "likes comments favourites",
}


def rows_of(path, sql, *values):
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(sql, values).fetchall()


def readings(path):
    """Readings with the label that counts: what people set is certain."""
    return rows_of(
        path,
        "SELECT r.brand_id, coalesce(r.corrected_label, r.label) AS label,"
        " CASE WHEN r.corrected_label IS NULL THEN r.confidence ELSE 1.0 END AS confidence,"
        " r.copy_rank AS rank, r.new_followers, r.weight, r.mention_id, m.*"
        " FROM reading r JOIN mention m ON m.id = r.mention_id",
    )


def engagement(row):
    keys = INTERACTIONS.get(row["platform"], "likes comments reposts").split()
    known = [row[key] for key in keys if row[key] is not None]
    return sum(known) if known else None


def weight(row):
    copies = 1 if row["rank"] == 1 else math.log(row["rank"] / (row["rank"] - 1))
    return row["confidence"] * copies * math.log(math.e + (engagement(row) or 0))


def shares(row):
    """What one reading adds to each sum, by name."""
    e, w, views, reposts = engagement(row), weight(row), row["views"], row["reposts"]
    original = row["kind"] in ("post", "article", "review", "video")
    added = Counter(
        volume=1,
        unique_texts=row["rank"] == 1,
        heat=math.log(math.e + (e or 0)),
        originals=original,
        reach_estimated=row["new_followers"],
    )
    if row["label"] > 0:
        added += Counter(pos=1, w_pos=w, v_pos=w * w)
    elif row["label"] < 0:
        added += Counter(neg=1, w_neg=w, v_neg=w * w)
    else:
        added += Counter(neu=1)
    if e is not None:
        added += Counter(engagement=e, engagement_n=1)
    if views is not None:
        added += Counter(views=views, views_n=1)
    if e is not None and views is not None:
        added += Counter(engagement_viewed=e, engagement_views=views, engagement_viewed_n=1)
    if original and reposts is not None:
        added += Counter(reposts=reposts, reposts_n=1)
        if views is not None:
            added += Counter(reposts_viewed=reposts, reposts_views=views, reposts_viewed_n=1)
    return added


def facets_of(row):
    """What a reading counts under: facet, value and label."""
    label = row["label"]
    for topic in row["risks"].split(",") if row["risks"] else ():
        yield "risk", topic, label
        if row["rank"] == 1:
            yield "risk_text", topic, label
    for intent in row["intent"].split(",") if row["intent"] else ():
        yield "intent", intent, label
    aspects = json.loads(row["aspects"] or "[]")
    own = {name: side for name, side, *brand in aspects if brand == [row["brand_id"]]}
    common = {name: side for name, side, *brand in aspects if not brand}
    for name in own.keys() | common.keys():
        yield "aspect", name, own.get(name, common.get(name))
    for name in ("region", "emotion", "stage", "no_opinion", "unsupported"):
        if row[name]:
            yield name, row[name], label
    for name in ("irony", "offensive"):
        if row[name]:
            yield name, "yes", label
    if row["rating_scale"]:
        yield f"rating:{row['rating_scale']}", f"{row['rating_value']:g}", label


def recounted(path):
    """(rollups, facets) as the rows say they should be."""
    rollups, facets = defaultdict(Counter), Counter()
    for row in readings(path):
        for level in LEVELS:
            bucket = row["published_at"] // level * level
            rollups[row["brand_id"], level, bucket, row["platform"]].update(shares(row))
            for name, value, label in facets_of(row):
                place = (row["brand_id"], level, bucket, row["platform"], name, value)
                facets[*place, label] += 1
    return rollups, facets


def kept(path):
    """(rollups, facets) as the database keeps them; sums of 0 left out."""
    rollups = {}
    for row in rows_of(path, "SELECT * FROM rollup"):
        values = dict(row)
        place = tuple(values.pop(name) for name in ("brand_id", "level", "bucket", "platform"))
        rollups[place] = values
    facets = {tuple(row)[:-1]: row["n"] for row in rows_of(path, "SELECT * FROM facet")}
    return rollups, {place: n for place, n in facets.items() if n}


def assert_sums_are_true(path):
    """Rollups and facets of all three levels equal a recount of the rows."""
    (sums, facets), (kept_sums, kept_facets) = recounted(path), kept(path)
    assert kept_facets == facets
    for place in kept_sums.keys() | sums.keys():
        held = kept_sums.get(place, {})
        for name in held.keys() | sums[place].keys():
            is_, should = held.get(name, 0), sums[place].get(name, 0)
            assert math.isclose(is_, should, rel_tol=1e-6, abs_tol=1e-6), (place, name)


def assert_weights_are_true(path):
    for row in readings(path):
        assert math.isclose(row["weight"], weight(row), rel_tol=1e-9)


def assert_copies_are_ranked(path):
    """Within each brand the copies of one text hold the ranks 1 to k, each once."""
    ranks = defaultdict(list)
    for row in readings(path):
        if row["cluster_id"] is not None:
            ranks[row["brand_id"], row["cluster_id"]].append(row["rank"])
    assert all(sorted(found) == list(range(1, len(found) + 1)) for found in ranks.values())


def assert_authors_count_once_a_day(path):
    """An author's followers count once per brand, platform and day there, and are theirs."""
    zones = {row["id"]: ZoneInfo(row["timezone"]) for row in rows_of(path, "SELECT * FROM brand")}
    counted, known = defaultdict(list), defaultdict(set)
    for row in readings(path):
        if row["author"] is not None:
            day = datetime.fromtimestamp(row["published_at"], zones[row["brand_id"]]).date()
            place = (row["brand_id"], row["platform"], day, row["author"])
            known[place].add(row["followers"] or 0)
            counted[place] += [row["new_followers"]] if row["new_followers"] else []
    for place, followers in known.items():
        if followers == {0}:
            assert counted[place] == []
        else:
            assert len(counted[place]) <= 1
            assert set(counted[place]) <= followers
            assert counted[place] or 0 in followers
