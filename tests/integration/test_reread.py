"""History is read again chunk by chunk: resumable, in step with every sum, beside the writers."""

import pytest

from models.adapter import Adapter, Scale
from monitor import reread
from monitor.corrections import Statement
from monitor.domain import Brand
from monitor.reread import Rereader
from monitor.store import MentionQuery
from tests import recount
from tests.rows import BAD, BLAND, DAY, GOOD, HOUR, NOW, row

LATER = NOW + 60
GLOOM = Adapter(polarity=Scale(shift=-30.0), opinion=Scale(shift=30.0))


class Watched:
    """The pipeline's reading, with something that happens before each chunk comes back."""

    def __init__(self, pipeline, meanwhile=lambda: None):
        self.pipeline, self.meanwhile, self.read = pipeline, meanwhile, []

    def reread(self, brand, views):
        found = self.pipeline.reread(brand, views)
        self.meanwhile()
        self.read += [view.id for view in views]
        return found


@pytest.fixture
def reads(service):
    return Watched(service.pipeline)


@pytest.fixture
def path(service):
    return service.settings.database_url.removeprefix("sqlite:///")


@pytest.fixture
def in_force(monkeypatch):
    """Have the recount hold to the labels people set, as certain."""
    monkeypatch.setattr(
        recount,
        "readings",
        lambda path: recount.rows_of(
            path,
            "SELECT r.brand_id, coalesce(r.corrected_label, r.label) AS label,"
            " iif(r.corrected_label IS NULL, r.confidence, 1.0) AS confidence,"
            " r.copy_rank AS rank, r.new_followers, r.weight, r.mention_id, m.*"
            " FROM reading r JOIN mention m ON m.id = r.mention_id",
        ),
    )


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(reread, "CHUNK", 3)


@pytest.fixture
def history(service, xingtu):
    texts = [f"{(GOOD, BAD, BLAND)[i % 3]}（{i}）" for i in range(10)]
    service.pipeline.ingest([row(text, NOW - HOUR * (i % 4)) for i, text in enumerate(texts)])


def go_live(service, adapter=GLOOM, at=NOW):
    base = service.pipeline.read([])[0]
    service.store.adapters.add(adapter, {}, at, brand="xingtu", platform="", base=base, live=True)


def views(service):
    return service.store.mentions.page(MentionQuery("xingtu", 0, NOW + DAY, limit=99))


def labels(service):
    return {view.label for view in views(service)}


def to_the_end(rereader, now=LATER):
    chunks = 0
    while rereader.chunk(now):
        chunks += 1
        assert chunks < 100
    return chunks


def assert_true(path):
    recount.assert_sums_are_true(path)
    recount.assert_weights_are_true(path)


def test_all_of_it_is_read_once_newest_first_and_the_sums_follow(
    service, history, reads, small, path
):
    newest_first = [view.id for view in views(service)]
    assert labels(service) == {-1, 0, 1}
    go_live(service)
    assert to_the_end(Rereader(service.store, reads)) == 4
    assert reads.read == newest_first
    assert labels(service) == {-1}
    assert all(GLOOM.version in view.model for view in views(service))
    assert_true(path)
    assert to_the_end(Rereader(service.store, reads)) == 0


def test_a_step_takes_chunks_until_its_time_is_up(service, history, reads, small):
    go_live(service)
    ticks = iter([0.0, 0.3, 0.6, 10.0, 10.1])
    rereader = Rereader(service.store, reads, timer=lambda: next(ticks))
    assert rereader.step(LATER)
    assert len(reads.read) == 6


def test_after_a_crash_it_goes_on_where_it_stood(service, history, reads, small, path):
    newest_first = [view.id for view in views(service)]
    go_live(service)

    steps = iter([None])
    with pytest.raises(StopIteration):
        to_the_end(Rereader(service.store, Watched(service.pipeline, lambda: next(steps))))
    assert_true(path)
    to_the_end(Rereader(service.store, reads))
    assert reads.read == newest_first[3:]
    assert labels(service) == {-1}
    assert_true(path)


def test_a_crash_inside_the_write_leaves_neither_half_a_chunk_nor_a_lost_place(
    service, history, reads, small, path
):
    go_live(service)
    waiting = service.store.rereads.next(LATER)
    with pytest.raises(AttributeError):
        service.store.rereads.write(waiting, {views(service)[0].id: object()}, (1, 1), LATER)
    assert service.store.rereads.next(LATER) == waiting
    assert_true(path)


def test_corrected_labels_stay_in_force_and_come_back_to_the_new_reading(
    service, history, reads, path, in_force
):
    (first, *_) = views(service)
    service.store.corrections.add([Statement("xingtu", first.id, 1)], "甲", NOW)
    go_live(service)
    to_the_end(Rereader(service.store, reads))
    assert next(view for view in views(service) if view.id == first.id).label == 1
    assert_true(path)
    service.store.corrections.add([Statement("xingtu", first.id, None)], "甲", LATER)
    assert labels(service) == {-1}
    assert_true(path)


def test_a_version_that_goes_live_meanwhile_starts_it_again_from_the_top(
    service, history, reads, small, path
):
    go_live(service)
    bright = Adapter(polarity=Scale(shift=30.0), opinion=Scale(shift=30.0))
    overtaken = Watched(service.pipeline, lambda: go_live(service, bright, NOW + 1))
    assert Rereader(service.store, overtaken).chunk(LATER)
    assert labels(service) == {-1, 0, 1}
    to_the_end(Rereader(service.store, reads))
    assert labels(service) == {1}
    assert_true(path)


def test_two_workers_at_once_write_no_chunk_twice(service, history, reads, small, path):
    go_live(service)
    store = service.store

    slow = Watched(service.pipeline, lambda: Rereader(store, reads).chunk(LATER))
    Rereader(store, slow).chunk(LATER)
    assert slow.read == reads.read
    assert_true(path)
    held = store.rereads.next(LATER)
    assert held.after == (views(service)[2].published_at, views(service)[2].id)


def test_new_mentions_are_read_by_the_adapter_in_every_process(make_service, history, clock):
    one, other = make_service(), make_service()
    other.pipeline.ingest([row(f"{GOOD}！！")])
    go_live(one)
    other.pipeline.ingest([row(f"{GOOD}！")])
    first, *_ = sorted(views(other), key=lambda view: -view.id)
    assert first.label == -1
    one.store.adapters.rollback("xingtu", "", LATER)
    other.pipeline.ingest([row(f"{GOOD}？！")])
    first, *_ = sorted(views(other), key=lambda view: -view.id)
    assert first.label == 1


def test_a_brand_deleted_or_a_mention_gone_meanwhile_is_no_error(
    service, history, reads, small, path
):
    go_live(service)
    store = service.store

    Rereader(store, Watched(service.pipeline, lambda: store.brands.delete("xingtu"))).step(LATER)
    assert store.rereads.next(LATER) is None
    assert recount.rows_of(path, "SELECT * FROM reading") == []
    assert_true(path)


def test_batches_under_way_are_waited_for(service, history, reads):
    go_live(service, at=NOW)
    rereader = Rereader(service.store, reads)
    assert not rereader.chunk(NOW + 29)
    assert rereader.chunk(NOW + 30)


def test_every_brand_has_its_turn_the_longest_waiting_first(service, history, reads):
    service.store.brands.add(Brand("lanhai", "蓝海"))
    service.pipeline.ingest([row("蓝海真不错，喜欢")])
    service.store.rereads.request("lanhai", NOW + 1)
    service.store.rereads.request("xingtu", NOW)
    order = []
    while waiting := service.store.rereads.next(LATER):
        order.append(waiting.brand)
        Rereader(service.store, reads).chunk(LATER)
    assert order == ["xingtu", "lanhai"]


def test_the_worker_takes_a_step_a_round(service, xingtu, clock):
    taken = []
    from monitor.worker import Worker

    def made():
        return Worker(
            service.store,
            service.watcher,
            service.room,
            {},
            clock=clock,
            detect_seconds=1,
            chores=[taken.append],
        )

    worker = made()
    assert worker.once()
    assert taken == [clock.now]
    assert not made().once()
    assert len(taken) == 1
