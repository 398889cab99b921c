"""What every store must do, tried on the embedded one with random batches."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.domain import Brand
from monitor.pipeline import Pipeline
from monitor.store import open_store
from tests import recount, rows
from tests.rows import DAY, NOW, Clock

BRANDS = (Brand("xingtu", "星途"), Brand("lanhai", "蓝海", timezone="America/New_York"))
TEXTS = (
    "星途的座椅真舒服，非常满意",
    "星途的车机太卡了，后悔买了",
    "星途和蓝海哪个好？",
    "蓝海充电时突然起火，太可怕了",
    "蓝海还行，推荐大家试试",
    "说得对",
    "同感，避雷",
    "。。。",
)
count = st.none() | st.integers(0, 5000)
native_ids = st.sampled_from([f"n{i}" for i in range(12)])
mentions = st.fixed_dictionaries(
    {
        "platform": st.sampled_from(["weibo", "xhs", "jd"]),
        "kind": st.sampled_from(["post", "comment", "review"]),
        "id": native_ids,
        "text": st.sampled_from(TEXTS),
        "published_at": st.integers(NOW - 3 * DAY, NOW),
    },
    optional={
        "parent_id": native_ids,
        "root_id": native_ids,
        "brands": st.lists(st.sampled_from(["xingtu", "lanhai"]), max_size=2, unique=True),
        "author": st.fixed_dictionaries(
            {"id": st.sampled_from(["甲", "乙", "丙"]), "followers": count}
        ),
        "engagement": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("likes", "comments", "reposts", "views", "coins"), count)
        ),
        "rating": st.sampled_from(
            [{"value": 5, "scale": "stars5"}, {"value": 3, "scale": "nps10"}]
        ),
        "region": st.sampled_from(["上海", "四川"]),
    },
)
batches = st.lists(st.lists(mentions, min_size=1, max_size=12), min_size=1, max_size=5)


@contextmanager
def fresh_store(language):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tingfeng.db"
        store = open_store(f"sqlite:///{path}")
        for brand in BRANDS:
            store.brands.add(brand)
        clock = Clock()
        try:
            yield path, Pipeline(store, language[0], b"x" * 32, clock), clock
        finally:
            store.close()


def tried(examples):
    return settings(
        max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )


@tried(40)
@given(batches)
def test_every_sum_equals_a_recount_whatever_came_in_whatever_order(language, given):
    with fresh_store(language) as (path, pipeline, clock):
        for batch in given:
            pipeline.ingest(batch)
            clock.now += 1
        recount.assert_sums_are_true(path)
        recount.assert_weights_are_true(path)
        recount.assert_copies_are_ranked(path)
        recount.assert_authors_count_once_a_day(path)


@tried(30)
@given(batches)
def test_what_comes_in_parts_gives_the_attributions_of_what_comes_at_once(language, given):
    with fresh_store(language) as (path, pipeline, _):
        for batch in given:
            pipeline.ingest(batch)
        assert brands_of(path) == expected_brands([row for batch in given for row in batch])


@tried(30)
@given(batches)
def test_every_account_adds_up_and_is_true(language, given):
    with fresh_store(language) as (path, pipeline, _):
        accepted = 0
        for batch in given:
            account = pipeline.ingest([*batch, {"platform": "weibo"}])
            accepted += account.accepted
            assert account.rows == len(batch) + 1
            assert [row.index for row in account.rejected] == [len(batch)]
            assert account.unmatched <= account.accepted
        assert len(recount.rows_of(path, "SELECT 1 FROM mention")) == accepted
        assert accepted == len({identity(row) for batch in given for row in batch})


@tried(20)
@given(st.lists(mentions, min_size=1, max_size=20), st.randoms())
def test_sending_everything_again_changes_nothing(language, batch, random):
    with fresh_store(language) as (path, pipeline, clock):
        pipeline.ingest(batch)
        before = everything(path)
        clock.now += 60
        last = {identity(row): row for row in batch}
        known = [row for row in last.values() if "engagement" not in row]
        random.shuffle(known)
        account = pipeline.ingest(known)
        assert (account.accepted, account.updated, account.duplicate) == (0, 0, len(known))
        assert everything(path) == before


class Interrupted:
    """A reader during whose work something else happens, once."""

    def __init__(self, reader, happening):
        self._reader, self._happening, self.version = reader, happening, reader.version

    def with_words(self, words, aspects=None):
        return Interrupted(self._reader.with_words(words, aspects), self._happening)

    def read(self, *args, **kwargs):
        if self._happening:
            self._happening.pop()()
        return self._reader.read(*args, **kwargs)


COMMENT = {"kind": "comment", "parent_id": "p", "author": {"id": "甲", "followers": 10}}


def test_a_brand_that_is_added_while_a_batch_is_read_is_inherited_from_its_parent(
    service, language, clock
):
    def elsewhere():
        service.store.brands.add(BRANDS[1])
        service.pipeline.ingest([rows.row("蓝海不错", id="p")])

    pipeline = Pipeline(service.store, Interrupted(language[0], [elsewhere]), b"x" * 32, clock)
    assert pipeline.ingest([rows.row("说得对", id="c", **COMMENT)]).unmatched == 0
    assert service.store.rollups.by_platform("lanhai", 0, NOW)["weibo"][0] == 2


def test_a_brand_that_is_deleted_while_a_batch_is_read_leaves_nothing_behind(
    service, xingtu, language, clock
):
    happening = [lambda: service.store.brands.delete(xingtu.id)]
    pipeline = Pipeline(service.store, Interrupted(language[0], happening), b"x" * 32, clock)
    account = pipeline.ingest([rows.row("星途不错", author={"id": "甲"})])
    assert (account.accepted, account.unmatched) == (1, 1)
    service.store.brands.add(xingtu)
    assert service.store.rollups.by_platform(xingtu.id, 0, NOW) == {}


def identity(row):
    return row["platform"], row["kind"], row["id"]


def everything(path):
    return [
        [tuple(row) for row in recount.rows_of(path, f"SELECT * FROM {table}")]  # noqa: S608
        for table in ("mention", "reading", "rollup", "facet", "author_day", "cluster_brand")
    ]


def brands_of(path):
    """(platform, kind, id) → brands, as stored."""
    found = {
        (row["platform"], row["kind"], row["native_id"]): set()
        for row in recount.rows_of(path, "SELECT * FROM mention")
    }
    for row in recount.readings(path):
        found[row["platform"], row["kind"], row["native_id"]].add(row["brand_id"])
    return found


def expected_brands(sent):
    """The same by definition: what senders ever say, what the first text names, handed down."""
    first, said = {}, defaultdict(set)
    for row in sent:
        first.setdefault(identity(row), row)
        said[identity(row)] |= set(row.get("brands", ()))
    found = {
        name: said[name] | {brand.id for brand in BRANDS if brand.name in row["text"]}
        for name, row in first.items()
    }
    answers = defaultdict(set)
    for name, row in first.items():
        for link in ("parent_id", "root_id"):
            if link in row:
                answers[row["platform"], row[link]].add(name)
    moved = True
    while moved:
        moved = False
        for (platform, _, native_id), held in list(found.items()):
            for child in answers[platform, native_id]:
                if not held <= found[child]:
                    found[child] |= held
                    moved = True
    return found
