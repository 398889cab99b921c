"""How the store hands messages out: in order for each alert, a few at a time for each channel."""

from monitor.domain import Delivery
from tests.rows import NOW


def message(name, channel="c1", alert="al_1", level="red", at=NOW):
    payload = {"type": name, "alert": {"level": level}}
    return Delivery(f"dl_{name}_{channel}", channel, alert, name, payload, "pending", 0, at, at)


def claimed(service, now):
    return [d.event for d in service.store.outbox.claim("me", now, 60, 8)]


def test_of_one_alert_a_channel_hears_in_order_though_the_first_had_to_be_repeated(service):
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
    service.store.outbox.add([message(f"m{i}", alert=f"al_{i}") for i in range(5)])
    service.store.outbox.add([message("other", channel="c2", alert="al_9")])
    first = claimed(service, NOW)
    assert sorted(first) == sorted([*(e for e in first if e != "other"), "other"])
    assert len(first) == 3


def test_a_clock_that_was_set_back_delays_no_message(service):
    outbox = service.store.outbox
    outbox.add([message("fired", at=NOW)])
    outbox.claim("me", NOW + 400 * 86_400, 60, 8)
    assert claimed(service, NOW) == ["fired"]
