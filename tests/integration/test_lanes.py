"""How the store hands messages out: in order for each incident, a few at a time for a channel."""

from monitor.domain import Delivery
from tests.rows import DAY, NOW


def message(name, channel="c1", incident="in_1", level="red", at=NOW):
    payload = {"type": name, "alert": {"level": level}}
    return Delivery(
        id=f"dl_{name}_{channel}",
        channel_id=channel,
        alert_id="al_1",
        event=name,
        payload=payload,
        state="pending",
        attempts=0,
        next_at=at,
        created_at=at,
        incident_id=incident,
    )


def claimed(service, now, busy=()):
    return [d.event for d in service.store.outbox.claim("me", now, 60, 8, busy)]


def test_of_one_incident_a_channel_hears_in_order_though_the_first_had_to_be_repeated(service):
    outbox = service.store.outbox
    outbox.add([message("fired", level="yellow")])
    assert claimed(service, NOW) == ["fired"]
    outbox.failed("dl_fired_c1", NOW, "me", "busy", NOW + 120)
    outbox.add([message("resolved", at=NOW + 10)])
    assert claimed(service, NOW + 60) == []
    assert claimed(service, NOW + 121) == ["fired"]
    outbox.sent("dl_fired_c1", NOW + 121, "me")
    assert claimed(service, NOW + 122) == ["resolved"]


def test_a_dead_letter_holds_up_nothing(service):
    outbox = service.store.outbox
    outbox.add([message("fired")])
    claimed(service, NOW)
    outbox.failed("dl_fired_c1", NOW, "me", "gone", None)
    outbox.add([message("resolved", at=NOW + 1)])
    assert claimed(service, NOW + 1) == ["resolved"]


def test_one_channel_gets_no_more_than_two_at_a_time(service):
    service.store.outbox.add([message(f"m{i}", incident=f"in_{i}") for i in range(5)])
    service.store.outbox.add([message("other", channel="c2", incident="in_9")])
    first = claimed(service, NOW)
    assert sorted(first) == sorted([*(e for e in first if e != "other"), "other"])
    assert len(first) == 3


def test_a_clock_that_was_set_back_delays_no_message(service):
    outbox = service.store.outbox
    outbox.add([message("fired", at=NOW)])
    outbox.claim("me", NOW + 400 * 86_400, 60, 8)
    assert claimed(service, NOW) == ["fired"]


def test_for_a_busy_channel_nothing_is_claimed(service):
    service.store.outbox.add([message("one"), message("two", channel="c2", incident="in_2")])
    assert claimed(service, NOW, busy=["c1", "gone"]) == ["two"]
    assert claimed(service, NOW) == ["one"]


def test_what_was_sent_is_kept_for_90_days_and_what_died_for_180(service):
    outbox = service.store.outbox
    outbox.add([message(name, incident=f"in_{name}") for name in ("sent", "dead")])
    claimed(service, NOW)
    outbox.sent("dl_sent_c1", NOW, "me")
    outbox.failed("dl_dead_c1", NOW, "me", "gone", None)
    outbox.add([message("waits")])
    kept = []
    for day in (90, 90 + 1 / 8, 180, 180 + 1 / 8, 400):
        outbox.forget(NOW + int(day * DAY))
        kept.append({d.event for d in outbox.page()})
    all_three = {"sent", "dead", "waits"}
    assert kept == [all_three, all_three - {"sent"}, all_three - {"sent"}, {"waits"}, {"waits"}]


def test_a_link_that_was_used_is_remembered_for_a_week(service):
    incidents, outbox = service.store.incidents, service.store.outbox
    assert incidents.spend(b"mark", NOW)
    outbox.forget(NOW + 7 * DAY)
    assert incidents.is_spent(b"mark")
    outbox.forget(NOW + 7 * DAY + 1)
    assert not incidents.is_spent(b"mark")
