"""Who is told what of an incident, and when."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from monitor import incidents, notices
from monitor.alerts import fire
from monitor.domain import LEVELS, Silence
from monitor.incidents import join
from monitor.notices import CROWD, LISTED
from monitor.routing import Route, Tree, Window
from tests.cases import MINUTE, SIGNAL, Outbox, alert, channel, found_again, opened, plan, weighed
from tests.rows import DAY, HOUR, NOW  # 08:00 on a Sunday in Shanghai


def acknowledged(case, now=NOW):
    return incidents.acknowledge(case, actor="小王", note="", now=now).case


def ended(case, now=NOW):
    return incidents.resolve(case, actor="小王", note="", now=now).case


def passed(case, now):
    change = incidents.pass_time(case, now)
    return change.case if change else case


def silence(until, start=NOW):
    return Silence("s", {}, start, until, "小王", "已知问题")


# -- one channel, one incident ---------------------------------------------------------------------


def test_an_incident_is_told_from_its_beginning_to_its_end():
    outbox, case = Outbox(), opened("yellow")
    assert outbox.tell(case) == ["c:firing"]
    assert outbox.tell(case) == []
    case = found_again(case, "red", NOW + 300)
    assert outbox.tell(case, NOW + 300) == ["c:escalated"]
    case = acknowledged(case, NOW + 600)
    assert outbox.tell(case, NOW + 600) == ["c:acknowledged"]
    case = incidents.mitigate(case, actor="小王", note="", now=NOW + 700).case
    assert outbox.tell(case, NOW + 700) == []
    case = passed(case, NOW + 7 * HOUR)
    assert outbox.tell(case, NOW + 7 * HOUR) == ["c:recovered"]
    case = ended(case, NOW + 8 * HOUR)
    assert outbox.tell(case, NOW + 8 * HOUR) == ["c:resolved"]
    assert outbox.tell(case, NOW + 9 * HOUR) == []
    assert outbox.wakes_at is None
    assert len({delivery.id for delivery in outbox.deliveries}) == 5


def test_a_false_alarm_is_told_as_one():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    case = incidents.dismiss(case, actor="小王", reason="刷单误判", now=NOW + 60).case
    assert outbox.tell(case, NOW + 60) == ["c:dismissed"]


def test_nobody_is_told_of_what_never_fired():
    past = incidents.begin(fire(SIGNAL, weighed("red"), NOW + DAY, 7200), NOW + DAY).case
    pending = opened("red", rule="topic")
    cases = (
        past,
        pending,
        ended(pending),
        passed(pending, NOW + 7 * HOUR),
        acknowledged(pending),
        ended(opened()),
    )
    for case in cases:
        assert Outbox().tell(case, NOW + DAY) == []


def test_what_was_pending_is_told_once_it_is_sure():
    outbox, case = Outbox(), opened(rule="topic")
    assert outbox.tell(case) == []
    assert outbox.wakes_at == NOW + 6 * HOUR
    assert outbox.tell(found_again(case, now=NOW + 600), NOW + 600) == ["c:firing"]


def test_neither_easing_nor_a_return_to_what_was_told_is_news():
    outbox, case = Outbox(), opened("orange")
    outbox.tell(case)
    case = acknowledged(case)
    outbox.tell(case, NOW + 60)
    eased = passed(case, NOW + 2 * HOUR)
    assert eased.incident.level == "blue"
    assert outbox.tell(eased, NOW + 2 * HOUR) == []
    back = incidents.carry_on(eased, eased.lead, "orange", NOW + 2 * HOUR).case
    assert outbox.tell(back, NOW + 2 * HOUR) == []
    assert outbox.tell(ended(eased), NOW + 2 * HOUR) == ["c:resolved"]


def test_a_return_is_told_to_who_heard_of_a_lower_level():
    outbox, case = Outbox(), opened("orange")
    outbox.tell(case)
    eased = passed(incidents.lasting(case, NOW + 60, NOW + 60).case, NOW + 3 * HOUR)
    assert outbox.tell(eased, NOW + 3 * HOUR) == ["c:overdue"]
    back = incidents.carry_on(eased, eased.lead, "orange", NOW + 3 * HOUR).case
    assert outbox.tell(back, NOW + 3 * HOUR) == ["c:escalated"]


def test_a_relapse_is_told_to_who_heard_of_the_recovery():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    case = passed(case, NOW + 6 * HOUR)
    assert outbox.tell(case, NOW + 6 * HOUR) == ["c:recovered"]
    case = incidents.lasting(case, NOW + 6 * HOUR, NOW + 7 * HOUR).case
    assert outbox.tell(case, NOW + 7 * HOUR) == ["c:relapsed"]
    case = passed(case, NOW + 13 * HOUR)
    assert outbox.tell(case, NOW + 13 * HOUR) == ["c:recovered"]


def test_while_nobody_answers_people_are_reminded_until_it_recovers():
    outbox, case = Outbox(tree=Tree(Route(repeat_minutes=90))), opened()
    outbox.tell(case)
    assert outbox.wakes_at == NOW + 90 * MINUTE
    heard = []
    for minute in range(1, 30 * 60):
        case = passed(case, NOW + 60 * minute)
        heard += [(minute, event) for event in outbox.tell(case, NOW + 60 * minute)]
    assert heard == [
        (90, "c:reminder"),
        (180, "c:reminder"),
        (240, "c:overdue"),
        (330, "c:reminder"),
        (360, "c:recovered"),
    ]


def test_nobody_is_reminded_in_the_second_in_which_the_clock_runs_out():
    outbox, case = Outbox(tree=Tree(Route(repeat_minutes=240))), opened()
    outbox.tell(case)
    assert outbox.tell(case, NOW + 4 * HOUR) == []
    assert outbox.wakes_at <= NOW + 4 * HOUR
    assert outbox.tell(passed(case, NOW + 4 * HOUR), NOW + 4 * HOUR) == ["c:overdue"]


def test_who_has_answered_is_not_reminded():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    case = acknowledged(case)
    outbox.tell(case)
    assert outbox.tell(case, NOW + 5 * HOUR) == []
    assert outbox.wakes_at == NOW + 6 * HOUR


def test_an_incident_that_opens_again_is_told_to_who_heard_of_its_end():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    case = ended(case)
    outbox.tell(case)
    by_person = incidents.reopen(case, actor="小王", note="", now=NOW + HOUR).case
    by_alert = join(case, alert(platform="weibo", now=NOW + HOUR), NOW + HOUR).case
    for again in (by_person, by_alert):
        told = dict(outbox.told)
        assert outbox.tell(again, NOW + HOUR) == ["c:reopened"]
        outbox.told = told


def test_an_end_and_a_new_beginning_that_nobody_heard_of_are_no_news():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    again = incidents.reopen(ended(case), actor="小王", note="", now=NOW + 60).case
    assert outbox.tell(again, NOW + 60) == []
    outbox.tell(acknowledged(case), NOW + 90)
    assert outbox.tell(again, NOW + 120) == ["c:reopened"]


def test_alerts_that_join_are_told_only_where_a_route_asks_for_it():
    for update, told in ((None, []), (30, ["c:updated"])):
        outbox, case = Outbox(tree=Tree(Route(update_minutes=update))), opened()
        outbox.tell(case)
        case = join(case, alert(platform="weibo"), NOW + 60).case
        assert outbox.tell(case, NOW + 60) == []
        if told:
            assert outbox.wakes_at == NOW + 30 * MINUTE
        assert outbox.tell(case, NOW + 30 * MINUTE) == told
        assert outbox.tell(case, NOW + 31 * MINUTE) == []


def test_a_route_may_wait_for_what_passes_by_itself():
    tree = Tree(Route(wait_minutes=30))
    outbox, case = Outbox(tree=tree), opened()
    assert outbox.tell(case) == []
    assert outbox.wakes_at == NOW + 30 * MINUTE
    assert outbox.tell(ended(case), NOW + 40 * MINUTE) == []
    assert outbox.tell(case, NOW + 30 * MINUTE) == ["c:firing"]


# -- who ------------------------------------------------------------------------------------------


def test_a_channel_hears_what_its_route_and_its_own_wishes_let_through():
    tree = Tree(
        Route(
            channels=("duty",),
            routes=(Route(match={"min_level": ("orange",)}, channels=("duty", "boss")),),
        )
    )
    outbox = Outbox(
        channel("duty"), channel("boss"), channel("off", enabled=False), channel("x"), tree=tree
    )
    case = opened("blue")
    assert outbox.tell(case) == ["duty:firing"]
    case = found_again(case, "orange", NOW + 300)
    assert outbox.tell(case, NOW + 300) == ["duty:escalated", "boss:firing"]


def test_what_eases_is_not_told_anew_to_who_hears_of_lesser_things():
    tree = Tree(
        Route(
            routes=(
                Route(match={"level": ("orange",)}, channels=("boss",)),
                Route(channels=("duty",)),
            )
        )
    )
    outbox, case = Outbox(channel("boss"), channel("duty"), tree=tree), opened("orange")
    assert outbox.tell(case) == ["boss:firing"]
    eased = passed(case, NOW + 2 * HOUR)
    assert eased.incident.level == "blue"
    assert outbox.tell(eased, NOW + 2 * HOUR) == ["boss:overdue"]


def test_who_was_told_hears_of_the_end_whatever_the_routes_say_by_then():
    case = opened()
    for later in (
        plan([channel(min_level="red")]),
        plan([channel(brands=("lanhai",))]),
        plan(tree=Tree(Route(channels=()))),
    ):
        outbox = Outbox()
        outbox.tell(case)
        outbox.plan = later
        assert outbox.tell(case, NOW + 5 * HOUR) == []
        assert outbox.tell(passed(case, NOW + 6 * HOUR), NOW + 6 * HOUR) == ["c:recovered"]
        assert outbox.tell(ended(case), NOW + 7 * HOUR) == ["c:resolved"]
    outbox = Outbox()
    outbox.tell(case)
    outbox.plan = plan([channel(enabled=False)])
    assert outbox.tell(ended(case), NOW + 7 * HOUR) == []


def test_the_next_tier_is_told_when_the_clock_runs_out_and_hears_the_rest():
    tree = Tree(Route(channels=("duty",), escalate=(("boss",), ("ceo",))))
    outbox, case = Outbox(*map(channel, ("duty", "boss", "ceo")), tree=tree), opened("orange")
    assert outbox.tell(case) == ["duty:firing"]
    case = incidents.lasting(case, NOW + HOUR, NOW + HOUR).case
    case = passed(case, NOW + HOUR)
    assert outbox.tell(case, NOW + HOUR) == ["duty:overdue", "boss:overdue"]
    case = incidents.lasting(case, NOW + 2 * HOUR, NOW + 2 * HOUR).case
    case = passed(case, NOW + 2 * HOUR)
    assert outbox.tell(case, NOW + 2 * HOUR) == ["duty:overdue", "boss:overdue", "ceo:overdue"]
    case = acknowledged(case, NOW + 3 * HOUR)
    everybody = [f"{name}:acknowledged" for name in ("duty", "boss", "ceo")]
    assert outbox.tell(case, NOW + 3 * HOUR) == everybody
    assert len(outbox.tell(ended(case), NOW + 4 * HOUR)) == 3


def test_a_rise_takes_the_tiers_back_and_they_are_told_of_it():
    tree = Tree(Route(channels=("duty",), escalate=(("boss",),)))
    outbox, case = Outbox(channel("duty"), channel("boss"), tree=tree), opened("orange")
    outbox.tell(case)
    case = passed(case, NOW + HOUR)
    outbox.tell(case, NOW + HOUR)
    case = found_again(case, "red", NOW + HOUR + 300)
    assert case.incident.tier == 0
    assert outbox.tell(case, NOW + HOUR + 300) == ["duty:escalated", "boss:escalated"]
    case = passed(case, NOW + HOUR + 300 + 1800)
    assert outbox.tell(case, NOW + HOUR + 300 + 1800) == ["duty:overdue", "boss:overdue"]


def test_a_clock_that_began_anew_unheard_is_told_when_it_runs_out():
    outbox, case = Outbox(), opened("yellow")
    outbox.tell(case)
    case = incidents.lasting(case, NOW + 4 * HOUR, NOW + 4 * HOUR).case
    case = passed(case, NOW + 4 * HOUR)
    assert case.incident.tier == 2
    assert outbox.tell(case, NOW + 4 * HOUR) == ["c:overdue"]
    case = ended(case, NOW + 4 * HOUR)
    case = incidents.reopen(case, actor="小王", note="", now=NOW + 4 * HOUR).case
    assert outbox.tell(case, NOW + 4 * HOUR) == []
    case = passed(case, NOW + 6 * HOUR)
    assert case.incident.tier == 1
    assert outbox.tell(case, NOW + 6 * HOUR) == ["c:overdue"]


def test_who_never_heard_of_it_is_not_bothered_once_somebody_deals_with_it():
    case = acknowledged(opened("yellow"), NOW + 60)
    assert Outbox().tell(case, NOW + 120) == []
    raised = found_again(case, "red", NOW + 300)
    outbox = Outbox()
    assert outbox.tell(raised, NOW + 300) == ["c:escalated"]
    assert outbox.tell(ended(raised), NOW + 600) == ["c:resolved"]


NOWHERE = Tree(Route(routes=(Route(match={"rule": ("spike",)}, channels=()),)))


def test_red_that_no_route_leads_anywhere_is_told_to_every_channel_that_takes_it():
    off, picky = channel("off", enabled=False), channel("picky", brands=("lanhai",))
    for channels in ((), ("off",), ("picky",), ("gone",)):
        tree = Tree(Route(channels=channels))
        outbox = Outbox(channel("a"), channel("b"), off, picky, tree=tree)
        assert outbox.tell(opened("orange")) == []
        case = opened("red", platform="weibo")
        assert outbox.tell(case) == ["a:firing", "b:firing"]
        case = passed(incidents.lasting(case, NOW + HOUR, NOW + HOUR).case, NOW + HOUR)
        assert outbox.tell(case, NOW + HOUR) == ["a:overdue", "b:overdue"]
        assert outbox.tell(ended(case, NOW + HOUR), NOW + HOUR) == ["a:resolved", "b:resolved"]
    assert Outbox(tree=NOWHERE).tell(opened("red")) == ["c:firing"]


def test_red_that_only_a_later_tier_would_hear_of_is_told_at_once():
    tree = Tree(Route(channels=(), escalate=(("boss",),)))
    outbox, case = Outbox(channel("duty"), channel("boss"), tree=tree), opened("red")
    assert outbox.tell(case) == ["duty:firing", "boss:firing"]
    case = passed(case, NOW + 30 * MINUTE)
    assert outbox.tell(case, NOW + 30 * MINUTE) == ["duty:overdue", "boss:overdue"]


def test_red_that_a_route_leads_somewhere_goes_there_alone():
    tree = Tree(Route(channels=("duty", "off")))
    outbox = Outbox(channel("duty"), channel("x"), channel("off", enabled=False), tree=tree)
    assert outbox.tell(opened("red")) == ["duty:firing"]


def test_each_route_that_goes_on_has_its_channels_and_times():
    tree = Tree(
        Route(
            routes=(
                Route(channels=("a",), repeat_minutes=60, go_on=True),
                Route(channels=("a", "b"), repeat_minutes=90),
            )
        )
    )
    outbox, case = Outbox(channel("a"), channel("b"), tree=tree), opened()
    assert outbox.tell(case) == ["a:firing", "b:firing"]
    assert outbox.tell(case, NOW + 60 * MINUTE) == ["a:reminder"]
    assert outbox.tell(case, NOW + 90 * MINUTE) == ["b:reminder"]


# -- held back -------------------------------------------------------------------------------------

NIGHT = Tree(Route(mute=("night",)), {"night": Window(hours="00:00-09:00")})


def test_a_silence_holds_back_and_what_is_still_true_is_told_later():
    case = opened()
    outbox = Outbox(silences=[silence(NOW + HOUR)])
    assert outbox.tell(case) == []
    assert outbox.wakes_at == NOW + 60
    assert outbox.tell(case, NOW + HOUR) == ["c:firing"]


def test_what_ended_within_a_silence_is_told_only_to_who_knew_of_it():
    case = opened()
    outbox = Outbox(silences=[silence(NOW + HOUR)])
    outbox.tell(case)
    assert outbox.tell(ended(case), NOW + HOUR) == []
    assert outbox.wakes_at is None
    outbox = Outbox()
    outbox.tell(case)
    outbox.plan = plan(silences=[silence(NOW + HOUR, NOW + 60)])
    assert outbox.tell(ended(case), NOW + 120) == []
    assert outbox.wakes_at == NOW + 180
    assert outbox.tell(ended(case), NOW + HOUR) == ["c:resolved"]


def test_red_is_told_at_night_but_not_under_a_silence():
    assert Outbox(tree=NIGHT).tell(opened("orange")) == []
    assert Outbox(tree=NIGHT).tell(opened("red")) == ["c:firing"]
    assert Outbox(tree=NIGHT, silences=[silence(NOW + HOUR)]).tell(opened("red")) == []


def test_what_recovered_overnight_is_told_in_the_morning_as_recovered():
    outbox = Outbox(tree=NIGHT)
    case = opened(now=NOW - 7 * HOUR)
    assert outbox.tell(case, NOW - 7 * HOUR) == []
    case = passed(case, NOW)
    assert case.incident.recovered_at is not None
    assert outbox.tell(case, NOW) == []
    assert outbox.tell(case, NOW + HOUR) == ["c:recovered"]
    assert outbox.tell(case, NOW + 9 * HOUR) == []


def test_what_opened_again_and_recovered_unheard_is_left_at_its_end():
    outbox, case = Outbox(), opened()
    for step in (case, ended(case)):
        outbox.tell(step)
    again = incidents.reopen(ended(case), actor="小王", note="", now=NOW + 60).case
    assert outbox.tell(passed(again, NOW + 7 * HOUR), NOW + 7 * HOUR) == []


# -- two become one --------------------------------------------------------------------------------


def test_who_heard_of_a_merged_incident_is_told_where_it_went():
    one, two = opened(), opened("yellow", platform="weibo")
    outbox = Outbox()
    outbox.tell(one)
    outbox.tell(two)
    kept, gone = incidents.merge(one, two, actor="小王", now=NOW + 60)
    assert outbox.tell(gone.case, NOW + 60) == ["c:merged"]
    told = outbox.deliveries[-1].payload["incident"]
    assert (told["state"], told["merged_into"]) == ("resolved", one.incident.id)
    assert outbox.tell(gone.case, NOW + 120) == []
    assert outbox.tell(kept.case, NOW + 120) == ["c:escalated"]
    assert Outbox().tell(gone.case, NOW + 60) == []


def test_a_merger_is_told_after_a_silence_from_what_the_store_still_has():
    one, two = opened(), opened("yellow", platform="weibo")
    outbox = Outbox()
    outbox.tell(two)
    kept, gone = incidents.merge(one, two, actor="小王", now=NOW + 60)
    outbox.plan = plan(silences=[silence(NOW + HOUR)])
    assert outbox.tell(gone.case, NOW + 60) == []
    outbox.plan = plan()
    nothing_left = replace(gone.case, alerts=())
    assert outbox.tell(nothing_left, NOW + HOUR) == []
    lead_left = replace(gone.case, alerts=(kept.case.lead,))
    assert outbox.tell(lead_left, NOW + HOUR) == ["c:merged"]


# -- clocks and crashes ----------------------------------------------------------------------------


def test_a_clock_that_is_set_back_neither_repeats_nor_loses_anything():
    outbox, case = Outbox(), opened()
    outbox.tell(case)
    for back in (1, MINUTE, HOUR):
        assert outbox.tell(case, NOW - back) == []
    assert outbox.tell(case, NOW - DAY) == []
    assert outbox.wakes_at == NOW - DAY + 4 * HOUR
    assert outbox.tell(case, NOW - DAY + 4 * HOUR) == ["c:reminder"]
    assert outbox.tell(case, NOW - DAY + 5 * HOUR) == []
    waiting = Outbox(tree=Tree(Route(wait_minutes=5)))
    assert waiting.tell(case, NOW - 10 * MINUTE) == ["c:firing"]


def test_no_open_incident_is_left_alone_for_over_a_week():
    outbox = Outbox(tree=Tree(Route(repeat_minutes=10_080)))
    far = NOW + 400 * DAY
    firing, pending = opened(now=far), opened(now=far, rule="topic")
    for case in (firing, pending, acknowledged(firing, far)):
        outbox.tell(case)
        assert outbox.wakes_at == NOW + 7 * DAY


def test_a_step_that_is_taken_again_after_a_crash_makes_the_same_messages():
    case = found_again(opened("yellow"), "red", NOW + 300)
    first, again = Outbox(channel("a"), channel("b")), Outbox(channel("a"), channel("b"))
    first.tell(case, NOW + 300)
    again.tell(case, NOW + 360)
    assert [d.id for d in first.deliveries] == [d.id for d in again.deliveries]
    assert len({d.id for d in first.deliveries}) == 2


# -- many at once ----------------------------------------------------------------------------------


def crowd(n, **more):
    return [(opened(LEVELS[1 + i % 4], series=f"b{i}", **more), {}) for i in range(n)]


def test_the_gravest_are_told_first():
    outcome = notices.tell(crowd(8), plan(), {}, NOW)
    levels = [d.payload["alert"]["level"] for d in outcome.deliveries]
    assert levels == ["red", "red", "orange", "orange", "yellow", "yellow", "blue", "blue"]


def test_what_a_crowded_channel_cannot_take_waits():
    outcome = notices.tell(crowd(CROWD + 5), plan(), {"c": 3}, NOW)
    assert len(outcome.deliveries) == len(outcome.told) == CROWD - 3
    assert sorted(at for at in outcome.next_at.values() if at == NOW) == [NOW] * 8
    other = notices.tell(crowd(1), plan([channel("d")]), {"c": CROWD}, NOW)
    assert len(other.deliveries) == 1


def test_what_a_crowded_channel_cannot_take_one_by_one_is_told_together():
    cases = crowd(4 * CROWD)
    outcome = notices.tell(cases, plan(), {}, NOW, together=True)
    assert len(outcome.deliveries) == CROWD + 1
    assert {told.incident_id for told in outcome.told} == {c.incident.id for c, _ in cases}
    digest = outcome.deliveries[-1]
    assert (digest.event, digest.incident_id, digest.alert_id) == ("alert.digest", None, None)
    told = digest.payload["digest"]
    assert told["total"] == 3 * CROWD
    assert told["levels"] == {"orange": 20, "yellow": 20, "blue": 20}
    assert [item["level"] for item in told["items"]] == ["orange"] * LISTED
    assert digest.payload["alert"]["level"] == "orange"
    assert NOW not in outcome.next_at.values()


def test_while_a_digest_waits_there_is_no_second_one():
    case, known = crowd(1)[0]
    waits = notices.tell(
        [(case, known)], plan(), {"c": CROWD + 1}, NOW, digests={"c": NOW - 1}, together=True
    )
    assert (waits.deliveries, waits.told) == ([], [])
    assert waits.next_at == {case.incident.id: NOW + 60}
    later = notices.tell([(case, known)], plan(), {"c": CROWD + 1}, NOW, digests={"c": NOW - 1})
    assert later.next_at == {case.incident.id: NOW + 60}
    for digests in ({"c": NOW}, {"d": NOW - 1}, {}):
        outcome = notices.tell(
            [(case, known)], plan(), {"c": CROWD + 1}, NOW, digests=digests, together=True
        )
        assert [d.event for d in outcome.deliveries] == ["alert.digest"]


def test_what_waits_for_a_digest_is_still_looked_at_when_its_own_time_comes():
    case = opened("red")
    at = NOW + 30 * MINUTE - 10
    outcome = notices.tell([(case, {})], plan(), {"c": CROWD}, at, digests={"c": NOW})
    assert outcome.next_at == {case.incident.id: NOW + 30 * MINUTE}


def test_a_digest_that_is_made_again_is_the_same_message():
    cases = crowd(CROWD + 2)
    ids = [
        notices.tell(cases, plan(), {}, now, together=True).deliveries[-1].id
        for now in (NOW, NOW + 60)
    ]
    assert ids[0] == ids[1]
    assert notices.tell(cases[:-1], plan(), {}, NOW, together=True).deliveries[-1].id != ids[0]


# -- what is said ----------------------------------------------------------------------------------


def test_a_message_says_what_a_person_needs():
    asked = SimpleNamespace(calls=[])
    outbox = Outbox(channel(language="en"))
    outbox.plan = replace(
        outbox.plan,
        page=lambda case: f"https://x/#/{case.incident.id}",
        acknowledge=lambda case, held: asked.calls.append(held.id) or "https://x/a",
    )
    case = join(opened("red", platform="weibo"), alert(rule="risk"), NOW).case
    outbox.tell(case, NOW + 60)
    (delivery,) = outbox.deliveries
    told = delivery.payload
    assert (delivery.alert_id, delivery.incident_id) == (case.lead.id, case.incident.id)
    assert (told["type"], told["language"], told["timestamp"]) == ("alert.firing", "en", NOW + 60)
    assert told["brand"] == {"id": "xingtu", "name": "星途"}
    assert told["url"] == f"https://x/#/{case.incident.id}"
    assert (told["ack_url"], asked.calls) == ("https://x/a", ["c"])
    assert told["alert"]["summary"] == {"zh": "句子", "en": "sentence"}
    assert (told["alert"]["seen"], told["alert"]["window_minutes"]) == (20, 30)
    assert (told["alert"]["level"], told["alert"]["crisis_index"]) == ("red", 90)
    assert told["incident"]["rules"] == ["risk", "spike"]
    assert (told["incident"]["platforms"], told["incident"]["alerts"]) == (["weibo"], 2)
    assert "drill" not in told


def test_only_what_waits_for_somebody_offers_to_take_it_on():
    outbox = Outbox()
    outbox.plan = replace(outbox.plan, acknowledge=lambda _case, _channel: "https://x/a")
    case = opened()
    outbox.tell(case)
    outbox.tell(acknowledged(case))
    assert ["ack_url" in delivery.payload for delivery in outbox.deliveries] == [True, False]


def test_an_exercise_says_so():
    case = incidents.begin(alert("red", rule="drill"), NOW, drill=True).case
    outbox = Outbox()
    assert outbox.tell(case) == ["c:firing"]
    assert outbox.deliveries[0].payload["drill"] is True
    (digest,) = notices.tell([(case, {})], plan(), {"c": CROWD}, NOW, together=True).deliveries
    assert digest.payload["digest"]["items"][0]["drill"] is True


def test_a_brand_that_is_gone_is_called_by_its_id():
    outbox = Outbox()
    outbox.tell(opened(series="lanhai"))
    assert outbox.deliveries[0].payload["brand"] == {"id": "lanhai", "name": "lanhai"}


def test_what_is_over_is_called_by_its_highest_level():
    case = acknowledged(opened("red"))
    outbox = Outbox()
    outbox.tell(opened("red"))
    outbox.tell(case)
    eased = passed(case, NOW + 5 * HOUR)
    assert eased.incident.level == "blue"
    assert notices.payload("alert.updated", eased, channel(), plan(), NOW)["alert"]["level"] == (
        "blue"
    )
    outbox.tell(passed(eased, NOW + 6 * HOUR), NOW + 6 * HOUR)
    before = {"c": outbox.told[case.incident.id, "c"]}
    outbox.tell(ended(eased, NOW + 7 * HOUR), NOW + 7 * HOUR)
    told = [(d.event, d.payload["alert"]["level"]) for d in outbox.deliveries[-2:]]
    assert told == [("alert.recovered", "red"), ("alert.resolved", "red")]
    pair = (ended(eased, NOW + 7 * HOUR), before)
    (digest,) = notices.tell([pair], plan(), {"c": CROWD}, NOW, together=True).deliveries
    assert digest.payload["alert"]["level"] == "red"
    assert digest.payload["digest"]["levels"] == {"red": 1}


def test_an_exercise_is_told_from_its_beginning_to_its_end_without_a_recovery():
    case = incidents.begin(alert("red", rule="drill"), NOW, drill=True).case
    outbox = Outbox(tree=Tree(Route(repeat_minutes=10_080)))
    heard = outbox.tell(case)
    while outbox.wakes_at is not None:
        at = outbox.wakes_at
        case = passed(case, at)
        heard += outbox.tell(case, at)
    assert heard == ["c:firing", *["c:overdue"] * 5, "c:resolved"]


@pytest.mark.parametrize("level", LEVELS[1:])
def test_a_message_never_shows_a_stale_level(level):
    case = found_again(opened("blue"), level, NOW + 300)
    outbox = Outbox()
    outbox.tell(case, NOW + 300)
    told = outbox.deliveries[0].payload
    assert told["alert"]["level"] == told["incident"]["level"] == case.incident.level == level
