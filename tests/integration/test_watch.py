"""From what is stored to alerts: fired once, extended, never repeated, never about the past."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from monitor import incidents
from monitor.domain import Brand, Channel
from tests.rows import BAD, DAY, GOOD, HOUR, NOW, burst, quiet, row

CHANNEL = Channel("c1", "webhook", "值班", {"url": "http://127.0.0.1:1/", "secret": "x"})
BIN = 300
FIRE = "星途充电时突然起火爆炸，有人烧伤"


@pytest.fixture
def send(service, xingtu, clock):
    service.store.channels.add(CHANNEL, NOW)

    def send(*rows):
        clock.now = max(clock.now, *(r["published_at"] for r in rows))
        for i in range(0, len(rows), 500):
            account = service.pipeline.ingest(rows[i : i + 500])
            assert account.accepted == len(rows[i : i + 500])

    return send


@pytest.fixture
def look(service, clock):
    """Look as a worker does; with `at`, at another time."""

    def look(watcher=service.watcher, at=None):
        clock.now = at or clock.now
        return watcher.look(clock.now)

    return look


@pytest.fixture
def held(service):
    """All alerts, oldest first; of one rule."""

    def held(rule=None):
        found = service.store.alerts.page(
            brands=None, states=[], levels=[], historical=None, before=None, limit=100
        )
        return [alert for alert in reversed(found) if rule in (None, alert.rule)]

    return held


def told(service, *found):
    incidents = dict.fromkeys(alert.incident_id for alert in found)
    return [d.event for name in incidents for d in service.store.outbox.of_incident(name)]


def actions(changes):
    return [event.action for change in changes for event in change.events]


def test_an_ordinary_week_raises_nothing(send, look, held):
    send(*quiet(days=7))
    assert look() == []
    assert held() == []


def test_a_burst_of_complaints_fires_once_and_says_why(send, look, held, service):
    send(*quiet(NOW - 1800), *burst())
    assert actions(look()) == ["fired"]
    (alert,) = held()
    assert (alert.brand, alert.state, alert.historical) == ("xingtu", "firing", False)
    assert alert.seen >= 30
    assert alert.seen > 4 * alert.expected
    assert alert.level in ("yellow", "orange", "red")
    assert alert.due_at > NOW
    assert 0 < alert.factors["f_spike"] <= 1
    assert "星途" in alert.summary["zh"]
    assert "星途" in alert.summary["en"]
    assert all(quote["label"] == -1 for quote in alert.evidence["mentions"])
    assert alert.evidence["platforms"] == {"weibo": alert.evidence["negative"]}
    assert told(service, alert) == ["alert.firing"]


def test_looking_again_repeats_nothing(send, look, held, service):
    send(*quiet(NOW - 1800), *burst())
    look()
    before = held()
    assert look() == []
    assert look(at=NOW + 60) == []
    assert held() == before


def test_a_restart_repeats_nothing(send, look, held, make_service, service, clock):
    send(*quiet(NOW - 1800), *burst())
    look()
    before, messages = held(), told(service, *held())
    for later in (0, 60, BIN, 3 * BIN):
        clock.now = NOW + later
        assert actions(look(make_service().watcher)) == []
    assert [a.id for a in held()] == [a.id for a in before]
    assert told(service, *held()) == messages


def test_two_watchers_at_once_fire_once(send, look, held, make_service, service):
    send(*quiet(NOW - 1800), *burst())
    other = make_service()
    start = threading.Barrier(2)

    def work(of):
        start.wait()
        try:
            of.watcher.look(NOW)
        finally:
            of.store.close()

    threads = [threading.Thread(target=work, args=(of,)) for of in (service, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held()) == 1
    assert told(service, *held()) == ["alert.firing"]


def test_an_anomaly_that_is_back_filled_is_recorded_and_told_to_nobody(send, look, held, service):
    send(*quiet(NOW - 9 * HOUR), *burst(NOW - 8 * HOUR))
    look()
    (alert,) = held()
    assert (alert.historical, alert.state) == (True, "resolved")
    assert alert.fired_at < NOW - 7 * HOUR
    assert told(service, *held()) == []


def test_a_back_fill_into_a_past_that_was_judged_fires_nothing_now(send, look, held, service):
    send(*quiet())
    look()
    send(*burst(NOW - 8 * HOUR))
    look()
    assert [alert.historical for alert in held()] == [True]
    assert told(service, *held()) == []


def test_complaints_that_come_late_but_within_the_hour_fire(send, look, held, service):
    send(*quiet())
    assert look() == []
    send(*burst(NOW - 900))
    assert actions(look(at=NOW + 30)) == ["fired"]
    assert told(service, *held()) == ["alert.firing"]


def test_more_complaints_extend_the_alert_and_open_no_second(send, look, held, service):
    send(*quiet(NOW - 1800), *burst(n=12))
    look()
    (first,) = held()
    send(*burst(NOW + 3 * BIN - 1, n=120, seconds=3 * BIN - 1))
    look(at=NOW + 3 * BIN)
    (later,) = held()
    assert later.id == first.id
    assert later.last_bin > first.last_bin
    assert later.seen > first.seen
    assert later.crisis_index >= first.crisis_index


def test_a_rise_in_level_is_told_and_restarts_the_clock(send, look, held, service):
    send(*quiet(NOW - 1800), *burst(n=9))
    look()
    (first,) = held()
    send(*burst(NOW + 3 * BIN - 1, n=400, seconds=3 * BIN - 1))
    look(at=NOW + 3 * BIN)
    (later,) = held()
    assert later.level != first.level
    assert told(service, later) == ["alert.firing", "alert.escalated"]
    assert later.due_at > NOW + 3 * BIN
    timeline = service.store.incidents.timeline(later.incident_id)
    assert [event.action for event in timeline] == ["fired", "escalated"]


def act(service, alert, action, **more):
    now = service.clock()
    return service.room.change(
        alert.incident_id, lambda case: action(case, actor="小王", now=now, **more), now
    )


def test_an_alert_that_a_person_ended_is_silent_about_the_same_time(send, look, held, service):
    send(*quiet(NOW - 1800), *burst())
    look()
    for alert in held():
        act(service, alert, incidents.resolve, note="")
    before = told(service, *held())
    send(*burst(NOW - 60, n=10, seconds=60))
    look(at=NOW + 10)
    assert {a.state for a in held()} == {"resolved"}
    assert told(service, *held()) == before


def test_an_anomaly_that_goes_on_after_its_alert_was_ended_fires_anew_and_once(
    send, look, held, service
):
    send(*quiet(NOW - 1800), *burst())
    look()
    (first,) = held()
    act(service, first, incidents.resolve, note="误报")
    for step in range(1, 5):
        until = NOW + step * 6 * BIN
        send(*burst(until, n=20 * 3**step, seconds=5 * BIN))
        look(at=until)
    found = held()
    assert [a.state for a in found] == ["resolved", "firing"]
    assert found[1].incident_id == first.incident_id
    assert told(service, first).count("alert.reopened") == 1
    assert found[1].last_bin > first.last_bin


def test_an_anomaly_found_historical_that_goes_on_becomes_one_present_alert(
    send, look, held, service
):
    send(*quiet(NOW - 4 * HOUR), *burst(NOW - 3 * HOUR))
    look()
    assert [a.historical for a in held()] == [True]
    for step in range(1, 5):
        until = NOW + step * 6 * BIN
        send(*burst(until, n=20 * 3**step, seconds=5 * BIN))
        look(at=until)
    assert [a.historical for a in held()] == [True, False]


def test_one_report_of_danger_fires_at_once(send, look, held, service):
    send(*quiet(NOW - HOUR), row(FIRE, NOW - 30, author={"id": "x", "followers": 10}))
    assert actions(look()) == ["fired"]
    (alert,) = held("risk")
    assert alert.severity == "critical"
    assert alert.evidence["risks"]["fire"] == 1
    assert alert.evidence["mentions"][0]["text"] == FIRE
    assert told(service, alert) == ["alert.firing"]


def test_a_brand_that_is_new_hears_of_danger_too(send, look, held):
    send(row(FIRE, NOW - 30))
    look()
    assert len(held("risk")) == 1


@pytest.mark.parametrize("text", ["星途没有起火", "星途会不会起火？", "星途好看到爆炸"])
def test_danger_that_is_denied_or_asked_about_fires_nothing(send, look, held, text):
    send(row(text, NOW - 30))
    look()
    assert held("risk") == []


def test_a_second_report_of_danger_extends_the_first(send, look, held, service):
    send(row(FIRE, NOW - 30))
    look()
    send(row(FIRE + "！第二起", NOW + 10), row(FIRE + "，第三起", NOW + 400))
    look(at=NOW + 600)
    (alert,) = held("risk")
    assert alert.score == 3
    assert told(service, alert).count("alert.firing") == 1


def test_danger_of_long_ago_is_historical(send, look, held, service):
    send(row(FIRE, NOW - 5 * HOUR))
    look()
    assert [a.historical for a in held("risk")] == [True]
    assert told(service, *held("risk")) == []


def test_what_a_person_does_while_the_watch_extends_is_not_lost(send, look, held, service):
    send(*quiet(NOW - 1800), *burst())
    look()
    (alert,) = held()
    for round_ in range(10):
        start = threading.Barrier(2)

        def extend(start=start, round_=round_):
            start.wait()

            def step(case):
                (held,) = case.alerts
                return incidents.carry_on(case, replace(held, score=held.score + 1), "blue", NOW)

            try:
                service.room.change(alert.incident_id, step, NOW)
            finally:
                service.store.close()

        def person(start=start, round_=round_):
            start.wait()
            try:
                act(service, alert, incidents.assign, assignee=f"第{round_}位")
            finally:
                service.store.close()

        threads = [threading.Thread(target=work) for work in (extend, person)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    after = service.store.alerts.get(alert.id)
    assert after.score == alert.score + 10
    assert after.assignee == "第9位"
    assert len(service.store.incidents.timeline(alert.incident_id)) == 11


def test_an_acknowledged_alert_stays_acknowledged_when_it_is_extended(send, look, held, service):
    send(*quiet(NOW - 1800), *burst(n=12))
    look()
    (alert,) = held()
    act(service, alert, incidents.acknowledge, note="看到了")
    send(*burst(NOW + 3 * BIN - 1, n=200, seconds=3 * BIN - 1))
    look(at=NOW + 3 * BIN)
    (later,) = held()
    assert (later.state, later.acknowledged_at) == ("acknowledged", NOW)
    assert later.seen > alert.seen


def test_an_alert_and_its_messages_are_written_together_or_not_at_all(
    send, look, held, service, monkeypatch
):
    from monitor.store.sqlite import alerts as table

    send(*quiet(NOW - 1800), *burst())
    with monkeypatch.context() as broken:
        broken.setattr(table, "_urgency", lambda delivery: 1 / 0)
        look()
        assert held() == []
        assert service.store.outbox.counts() == {}
    look()
    assert len(held()) == 1
    assert service.store.outbox.counts() == {"pending": 1}


def test_one_brand_that_fails_ends_the_watch_over_no_other(send, look, held, service):
    service.store.brands.add(Brand("aaa", "蓝海"))
    send(*quiet(NOW - 1800), *burst())
    send(*(r | {"text": r["text"].replace("星途", "蓝海")} for r in quiet(NOW - 1800) + burst()))
    weigh = service.watcher._weigher.weigh

    def sometimes(brand, signal):
        if brand.id == "aaa":
            raise RuntimeError("weighing failed")
        return weigh(brand, signal)

    service.watcher._weigher.weigh = sometimes
    look()
    assert {a.brand for a in held()} == {"xingtu"}
    service.watcher._weigher.weigh = weigh
    look(at=NOW + BIN)
    assert {a.brand for a in held()} == {"xingtu", "aaa"}


def test_a_clock_that_was_set_back_loses_and_repeats_nothing(send, look, held, service):
    send(*quiet(NOW - 1800), *burst())
    look()
    before = [a.id for a in held()]
    look(at=NOW - 2 * DAY)
    look(at=NOW + BIN)
    assert [a.id for a in held()] == before
    assert told(service, *held()).count("alert.firing") == len(before)


def test_a_deleted_brand_is_forgotten_and_may_come_back(send, look, held, service, xingtu):
    send(*quiet(NOW - 1800), *burst())
    look()
    service.store.brands.delete("xingtu")
    assert held() == []
    assert look(at=NOW + BIN) == []
    service.store.brands.add(xingtu)
    send(row(GOOD, NOW + BIN), row(BAD, NOW + BIN))
    assert look(at=NOW + 2 * BIN) == []


def test_danger_reported_after_the_alert_was_ended_fires_anew_even_in_the_same_bin(
    send, look, held, service, clock
):
    send(row(FIRE, NOW - 200))
    look()
    (first,) = held("risk")
    clock.now += 10
    act(service, first, incidents.resolve, note="")
    clock.now += 10
    assert look() == []
    send(row("星途门店又起火爆炸，有人受伤送医", NOW - 100))
    look()
    assert [alert.state for alert in held("risk")] == ["resolved", "firing"]
    assert [alert.seen for alert in held("risk")] == [1, 1]
    assert look() == []


def test_danger_dated_a_little_ahead_by_a_wrong_clock_is_not_missed(send, look, held, clock):
    send(row(FIRE, NOW + 590))
    clock.now = NOW
    look()
    assert len(held("risk")) == 1


def test_many_lesser_complaints_do_not_hide_one_grave_report(send, look, held):
    send(
        row(FIRE, NOW - HOUR),
        *(row(f"星途的销售就是骗子，骗了我{i}次", NOW - 1000 + i) for i in range(250)),
    )
    look()
    assert [alert.seen for alert in held("risk")] == [1]


def test_it_counts_every_grave_report_however_many(send, look, held):
    send(*(row(f"{FIRE}，第{i}辆", NOW - 290 + i % 280) for i in range(260)))
    look()
    assert [alert.seen for alert in held("risk")] == [260]


def test_a_brand_that_is_deleted_meanwhile_leaves_no_alert_behind(
    send, held, service, xingtu, clock
):
    send(row(FIRE, NOW - 30))
    weigh = service.watcher._weigher.weigh

    def delete_then(brand, signal):
        service.store.brands.delete(xingtu.id)
        return weigh(brand, signal)

    service.watcher._weigher.weigh = delete_then
    assert service.watcher.look(clock.now) == []
    assert held() == []
    assert service.store.rollups.cursors() == {}
