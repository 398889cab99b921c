"""Whatever is corrected, withdrawn, read again or sent again: every sum equals a recount."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from monitor.corrections import Statement
from monitor.domain import Reading
from monitor.pipeline import Pipeline
from monitor.store import open_store
from monitor.store.sqlite.database import Database
from monitor.store.sqlite.relabel import Change, relabel
from tests import recount
from tests.contract.test_store import BRANDS, mentions
from tests.rows import DAY, NOW, Clock, row

labels = st.sampled_from([-1, 0, 1])
picks = st.integers(0, 10_000)
readings = st.builds(
    Reading,
    labels,
    st.floats(-1, 1),
    st.floats(0.34, 1),
    st.sampled_from(["older", "newer"]),
    st.none() | st.just("unsure"),
)


class Labelling(RuleBasedStateMachine):
    """Mentions come in, come again, are corrected and read again, in any order."""

    language = None

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "tingfeng.db"
        self.store = open_store(f"sqlite:///{self.path}")
        for brand in BRANDS:
            self.store.brands.add(brand)
        self.clock = Clock()
        self.pipeline = Pipeline(self.store, self.language[0], b"x" * 32, self.clock)
        self.said = {}

    def teardown(self):
        self.store.close()
        self.folder.cleanup()

    @rule(batch=st.lists(mentions, min_size=1, max_size=8))
    def send(self, batch):
        self.pipeline.ingest(batch)
        self.clock.now += 1

    @rule(
        picked=st.lists(st.tuples(picks, labels | st.none()), min_size=1, max_size=4),
        annotator=st.sampled_from(["a", "b"]),
    )
    def correct(self, picked, annotator):
        held = self.pairs()
        rows = [Statement(*held[pick % len(held)], label) for pick, label in picked if held]
        self.store.corrections.add(rows, annotator, self.clock.now)
        for r in rows:
            said = self.said.setdefault((r.brand, r.mention_id), {})
            if said.get(annotator) != r.label:
                said.pop(annotator, None)
                said[annotator] = r.label

    @rule(picked=st.lists(st.tuples(picks, readings), min_size=1, max_size=4))
    def read_again(self, picked):
        held = self.pairs()
        changes = [Change(*held[pick % len(held)], reading) for pick, reading in picked if held]
        with Database(self.path).write() as db:
            relabel(db, changes, self.clock.now)

    @invariant()
    def every_sum_is_true(self):
        recount.assert_sums_are_true(self.path)
        recount.assert_weights_are_true(self.path)

    @invariant()
    def the_newest_label_that_was_not_withdrawn_is_in_force(self):
        for held in recount.rows_of(self.path, "SELECT * FROM reading"):
            said = self.said.get((held["brand_id"], held["mention_id"]), {}).values()
            live = [label for label in said if label is not None]
            assert held["corrected_label"] == (live[-1] if live else None)

    def pairs(self):
        return sorted((r["brand_id"], r["mention_id"]) for r in recount.readings(self.path))


def test_every_sum_equals_a_recount_whatever_is_corrected_or_read_again(language):
    class Taught(Labelling):
        pass

    Taught.language = language
    run_state_machine_as_test(
        Taught,
        settings=settings(
            max_examples=15,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


# -- one reading -----------------------------------------------------------------------------------

TRUE = Reading(-1, -0.9, 0.95, "newer")


@pytest.fixture
def path(service):
    return Path(service.settings.database_url.removeprefix("sqlite:///"))


@pytest.fixture
def change(path):
    def change(*changes):
        database = Database(path)
        try:
            with database.write() as db:
                return relabel(db, changes, NOW + 5)
        finally:
            database.close()

    return change


@pytest.fixture
def told(service, xingtu, path):
    """One complaint about a danger, and where the watch stands: everything is judged."""
    service.pipeline.ingest([row("星途充电时起火了", NOW - DAY, region="四川")])
    cursor = service.store.rollups.cursors()[xingtu.id]
    service.store.rollups.move_cursors(NOW, {xingtu.id: cursor.generation})
    (held,) = recount.rows_of(path, "SELECT * FROM reading")
    return held


@pytest.mark.parametrize("review", ["mixed", None])
def test_it_takes_over_everything_a_newer_model_reads(told, change, path, review):
    place = ("xingtu", told["mention_id"])
    change(Change(*place, Reading(0, 0.0, 0.4, "older", "unsure")))
    assert change(Change(*place, Reading(1, 0.4, 0.7, "newer", review))) == 1
    (held,) = recount.rows_of(
        path,
        "SELECT r.*, o.version, m.updated_at FROM reading r JOIN model o ON o.id = r.model"
        " JOIN mention m ON m.id = r.mention_id",
    )
    found = (held["label"], held["score"], held["confidence"], held["version"], held["review"])
    assert found == (1, 0.4, 0.7, "newer", review)
    assert held["updated_at"] == NOW + 5
    recount.assert_weights_are_true(path)


def test_a_correction_is_certain_and_outlives_what_the_model_reads_later(told, change, path):
    change(Change("xingtu", told["mention_id"], corrected=1))
    change(Change("xingtu", told["mention_id"], TRUE))
    (held,) = recount.readings(path)
    assert (held["label"], held["confidence"]) == (1, 1.0)
    change(Change("xingtu", told["mention_id"], corrected=None))
    (held,) = recount.readings(path)
    assert (held["label"], held["confidence"]) == (-1, 0.95)
    recount.assert_sums_are_true(path)


def test_the_facets_that_go_with_the_label_move_along(told, change, service):
    change(Change("xingtu", told["mention_id"], corrected=1))
    found = service.store.rollups.facet_labels("xingtu", 0, NOW, ["risk", "region"])
    by_label = {key: {k: n for k, n in labels.items() if n} for key, labels in found.items()}
    assert by_label[("region", "四川")] == {1: 1}
    assert by_label[("risk", "fire")] == {1: 1}


def test_the_brand_is_judged_again_from_where_a_label_changed(told, change, service):
    change(Change("xingtu", told["mention_id"], corrected=1))
    assert service.store.rollups.cursors()["xingtu"].dirty_from == NOW - DAY


def test_what_changes_no_sum_has_nothing_judged_again(told, change, service):
    place = ("xingtu", told["mention_id"])
    change(Change(*place, Reading(0, 0.1, 0.6, "older")))
    cursor = service.store.rollups.cursors()["xingtu"]
    service.store.rollups.move_cursors(NOW, {"xingtu": cursor.generation})
    surer = Reading(0, 0.2, 0.8, "newer")
    assert change(Change(*place, surer)) == 1
    assert service.store.rollups.cursors()["xingtu"].dirty_from is None
    assert change(Change(*place, surer)) == 0


def test_a_reading_that_is_gone_is_passed_over_and_its_neighbours_change(told, change, path):
    changes = [
        Change("xingtu", told["mention_id"] + 1, TRUE),
        Change("lanhai", told["mention_id"], TRUE),
        Change("xingtu", told["mention_id"], corrected=0),
    ]
    assert change(*changes) == 1
    assert [held["label"] for held in recount.readings(path)] == [0]


def test_of_two_changes_to_one_reading_the_later_has_the_last_word(told, change, path):
    place = ("xingtu", told["mention_id"])
    assert (
        change(Change(*place, corrected=1), Change(*place, TRUE), Change(*place, corrected=0)) == 1
    )
    (held,) = recount.rows_of(path, "SELECT * FROM reading")
    assert (held["corrected_label"], held["confidence"]) == (0, 0.95)
    recount.assert_sums_are_true(path)


def test_an_error_in_the_callers_transaction_leaves_everything_as_it_was(told, path):
    def break_off():
        with Database(path).write() as db:
            relabel(db, [Change("xingtu", told["mention_id"], corrected=1)], NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert [held["label"] for held in recount.readings(path)] == [told["label"]]
    recount.assert_sums_are_true(path)
