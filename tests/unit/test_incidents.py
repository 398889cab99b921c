"""The life of an incident, by people and by time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor import alerts, incidents
from monitor.errors import Conflict
from tests.cases import MINUTE, SIGNAL, alert, found_again, opened, weighed
from tests.rows import DAY, HOUR, NOW


def acknowledged(case, now=NOW):
    return incidents.acknowledge(case, actor="小王", note="在看", now=now).case


def resolved(case, now=NOW):
    return incidents.resolve(case, actor="小李", note="", now=now).case


def dismissed(case, now=NOW):
    return incidents.dismiss(case, actor="小李", reason="刷单误判", now=now).case


def said(change):
    return [(event.actor, event.action, event.note) for event in change.events]


def walked(case, until, now=NOW):
    """The case and the actions after time has passed, looked at only when it wakes."""
    actions = []
    while (now := max(now, incidents.wakes_at(case) or until + 1)) <= until:
        change = incidents.pass_time(case, now)
        assert change is not None, "it woke for nothing"
        case = change.case
        actions += [(event.at - NOW, event.action) for event in change.events]
    return case, actions


# -- what is found ---------------------------------------------------------------------------------


def test_an_alert_without_a_home_opens_an_incident():
    change = incidents.begin(alert("orange"), NOW + 5)
    case = change.case
    assert (case.incident.state, case.incident.level, case.incident.peak) == (
        "firing",
        "orange",
        "orange",
    )
    assert case.incident.due_at == NOW + 5 + HOUR
    assert case.lead.incident_id == case.incident.id
    assert change.changed == case.alerts
    assert said(change) == [("tingfeng", "fired", "orange 70")]
    assert incidents.begin(alert("orange"), NOW + 9).case.incident.id == case.incident.id


def test_what_is_historical_is_recorded_as_over():
    past = alerts.fire(SIGNAL, weighed("red"), NOW + DAY, 7200)
    change = incidents.begin(past, NOW + DAY)
    assert (change.case.incident.state, change.case.incident.historical) == ("resolved", True)
    assert change.case.incident.opened_at == NOW
    assert said(change) == [("tingfeng", "recorded", "red 90")]
    assert incidents.wakes_at(change.case) is None
    assert incidents.pass_time(change.case, NOW + 9 * DAY) is None


@pytest.mark.parametrize(
    ("change", "joins"),
    [
        ({}, True),
        ({"rule": "risk"}, True),
        ({"platform": "weibo"}, True),
        ({"topic": "漏水"}, True),
        ({"rule": "no_data"}, False),
        ({"rule": "drill"}, False),
        ({"onset": NOW + 6 * HOUR}, True),
        ({"onset": NOW + 6 * HOUR + 1}, False),
    ],
)
def test_what_is_found_about_a_brand_joins_its_open_incident(change, joins):
    case = opened()
    found = alert(now=NOW + 300, **change)
    assert incidents.home(found, [case]) == (case if joins else None)


def test_nothing_joins_what_has_ended_or_stands_alone():
    assert incidents.home(alert(), [resolved(opened())]) is None
    assert incidents.home(alert(), [opened(rule="no_data")]) is None
    assert incidents.home(alert(rule="no_data"), [opened(rule="no_data")]) is None


def test_an_alert_joins_the_incident_of_its_topic_before_the_latest():
    leak = opened(topic="漏水")
    later = opened(now=NOW + HOUR)
    assert incidents.home(alert(topic="漏水", now=NOW + HOUR), [leak, later]) is leak
    assert incidents.home(alert(topic="退款", now=NOW + HOUR), [leak, later]) is later
    assert incidents.home(alert(topic="退款"), [leak]) is None


def test_what_is_no_matter_of_counts_is_followed_for_a_day():
    case = opened(rule="risk")
    assert incidents.home(alert(onset=NOW + DAY), [case]) is case
    assert incidents.home(alert(onset=NOW + DAY + 1), [case]) is None


def test_a_graver_alert_leads_and_raises_and_starts_the_clock_anew():
    change = incidents.join(opened("blue"), alert("red", platform="weibo"), NOW + 300)
    incident = change.case.incident
    assert (incident.level, incident.peak, incident.crisis_index) == ("red", "red", 90)
    assert (incident.raised_at, incident.due_at) == (NOW + 300, NOW + 300 + 1800)
    assert change.case.lead.platform == "weibo"
    assert {a.due_at for a in change.case.alerts} == {incident.due_at}
    assert [action for _, action, _ in said(change)] == ["joined", "escalated"]
    assert change.events[1].note == "blue → red 90"


def test_a_milder_alert_joins_without_a_stir():
    case = opened("orange")
    change = incidents.join(case, alert("blue", platform="weibo", onset=NOW - 600), NOW + 300)
    assert change.case.lead == case.lead
    assert change.case.incident == replace(
        case.incident, onset=NOW - 600, updated_at=NOW + 300, last_bin=NOW
    )
    assert change.changed == (change.case.alerts[1],)


def test_a_new_alert_takes_the_state_of_its_incident():
    case = incidents.assign(acknowledged(opened()), actor="小王", assignee="小李", now=NOW).case
    joined = incidents.join(case, alert(platform="weibo"), NOW + 300).case.alerts[1]
    assert (joined.state, joined.assignee, joined.acknowledged_at) == ("acknowledged", "小李", NOW)


def test_an_ended_incident_opens_again_as_grave_as_what_is_new():
    ended = resolved(acknowledged(opened("red"), NOW + 60), NOW + 600)
    change = incidents.join(ended, alert("yellow", platform="weibo", now=NOW + 900), NOW + 900)
    incident = change.case.incident
    assert (incident.state, incident.level, incident.peak) == ("firing", "yellow", "yellow")
    assert incident.crisis_index == 50
    assert change.case.lead.platform == "weibo"
    assert incident.due_at == NOW + 900 + 2 * HOUR
    assert (incident.acknowledged_at, incident.resolved_at) == (None, None)
    assert [a.state for a in change.case.alerts] == ["resolved", "firing"]
    assert [action for _, action, _ in said(change)] == ["joined", "reopened"]


def test_what_was_dismissed_opens_again_only_for_something_graver():
    assert incidents.speaks_again(resolved(opened("orange")), alert("blue"))
    assert not incidents.speaks_again(dismissed(opened("orange")), alert("orange"))
    assert incidents.speaks_again(dismissed(opened("orange")), alert("red"))


def test_what_holds_is_pending_until_it_is_found_again():
    change = incidents.begin(alert("orange", rule="topic"), NOW)
    assert said(change)[0][1] == "noticed"
    assert change.case.lead.state == "pending"
    early = found_again(change.case, now=NOW + 599)
    assert early.incident.state == "pending"
    sure = found_again(early, "orange", NOW + 600)
    assert (sure.incident.state, sure.lead.state) == ("firing", "firing")
    assert (sure.incident.raised_at, sure.incident.due_at) == (NOW + 600, NOW + 600 + HOUR)
    assert sure.incident.opened_at == NOW


def test_what_is_sure_confirms_what_was_pending():
    change = incidents.join(opened(rule="topic"), alert("orange"), NOW + 60)
    assert change.case.incident.state == "firing"
    assert {a.state for a in change.case.alerts} == {"firing"}
    assert said(change)[-1][1:] == ("fired", "orange 70")
    second = incidents.join(opened(rule="topic"), alert(rule="topic", platform="xhs"), NOW + 60)
    assert second.case.incident.state == "pending"


def test_a_pending_case_is_confirmed_though_the_clock_was_set_back():
    assert found_again(opened(rule="topic"), now=NOW - HOUR).incident.state == "firing"


def test_a_pending_case_that_is_not_found_again_fades():
    case, actions = walked(opened(rule="topic"), NOW + DAY)
    assert actions == [(6 * HOUR, "faded")]
    assert case.incident.state == "resolved"


def test_carrying_on_without_more_changes_only_how_far_it_reaches():
    case = opened("orange")
    change = incidents.carry_on(case, replace(case.lead, last_bin=NOW + 300), "blue", NOW + 300)
    assert change.case.incident == replace(case.incident, last_bin=NOW + 300, updated_at=NOW + 300)
    assert change.events == ()


def test_an_incident_that_lasts_is_not_calm():
    case = incidents.lasting(opened("orange"), NOW + 5 * HOUR, NOW + 5 * HOUR).case
    taken = acknowledged(case, NOW + 5 * HOUR)
    assert walked(taken, NOW + 6 * HOUR - 1, NOW + 5 * HOUR)[1] == []
    assert incidents.lasting(case, NOW + 5 * HOUR, NOW + 6 * HOUR) is None
    assert incidents.lasting(resolved(case), NOW + 6 * HOUR, NOW + 6 * HOUR) is None


def test_another_burst_after_some_quiet_is_another_matter():
    case = opened()
    assert incidents.lasting(case, NOW + 6 * HOUR, NOW + 6 * HOUR)
    assert incidents.lasting(case, NOW + 6 * HOUR + 300, NOW + 6 * HOUR + 300) is None
    for rule in ("risk", "no_data"):
        assert incidents.lasting(opened(rule=rule), NOW + 300, NOW + 300) is None


# -- what time does --------------------------------------------------------------------------------


def test_a_calm_incident_eases_recovers_and_ends():
    case, actions = walked(acknowledged(opened("red")), NOW + 30 * DAY)
    assert actions == [
        (HOUR, "eased"),
        (2 * HOUR, "eased"),
        (3 * HOUR, "eased"),
        (6 * HOUR, "recovered"),
        (6 * HOUR + 3 * DAY, "closed"),
    ]
    assert (case.incident.state, case.incident.level, case.incident.peak) == (
        "resolved",
        "blue",
        "red",
    )
    assert case.lead.state == "resolved"


def test_what_is_no_matter_of_counts_eases_by_the_day():
    for rule in ("risk", "influencer", "topic"):
        case = replace(opened("orange", rule=rule))
        case = replace(case, incident=replace(case.incident, state="acknowledged"))
        assert walked(case, NOW + 3 * DAY)[1] == [
            (DAY, "eased"),
            (DAY, "recovered"),
            (2 * DAY, "eased"),
        ]


def test_an_exercise_neither_eases_nor_recovers_but_ends_after_a_day():
    drill = incidents.begin(alert("red", rule="drill"), NOW, drill=True).case
    case, actions = walked(acknowledged(drill), NOW + 30 * DAY)
    assert actions == [(DAY, "closed")]
    assert (case.incident.state, case.incident.level) == ("resolved", "red")


def test_a_response_clock_that_lies_ahead_starts_anew_from_the_time_as_it_is_now():
    for ahead in (60, DAY, 400 * DAY):
        late = found_again(opened(now=NOW), "orange", NOW + ahead)
        change = incidents.pass_time(late, NOW)
        incident = change.case.incident
        assert (incident.raised_at, incident.due_at, incident.updated_at) == (NOW, NOW + HOUR, NOW)
        assert change.events == ()
        assert incidents.pass_time(change.case, NOW) is None
        assert walked(change.case, NOW + HOUR)[1][0] == (HOUR, "overdue")
    assert walked(change.case, NOW + HOUR)[1] == [(HOUR, "overdue"), (HOUR, "eased")]


def test_a_clock_that_was_set_back_tells_no_tier_again_and_forgets_none():
    ahead = NOW + 9 * DAY
    late = walked(opened("orange", now=ahead), ahead + 2 * HOUR, ahead)[0]
    assert late.incident.tier == 2
    case, actions = walked(incidents.pass_time(late, NOW).case, NOW + 2 * HOUR)
    assert [action for action in actions if action[1] == "overdue"] == [
        (HOUR, "overdue"),
        (2 * HOUR, "overdue"),
    ]
    assert case.incident.tier == 4


def test_a_persons_act_brings_back_what_lies_ahead_too():
    ahead = NOW + 90 * DAY
    late = walked(acknowledged(opened(now=ahead), ahead), ahead + DAY, ahead)[0]
    assert late.incident.recovered_at == ahead + 6 * HOUR
    incident = incidents.note(late, actor="小王", text="", now=NOW).case.incident
    assert (incident.recovered_at, incident.raised_at, incident.last_bin) == (NOW, NOW, NOW)


def test_what_was_said_a_little_ahead_of_the_clock_is_believed():
    late = opened(now=NOW + 3 * DAY)
    incident = incidents.pass_time(late, NOW).case.incident
    assert (incident.raised_at, incident.last_bin) == (NOW, NOW + 3 * DAY)


def test_what_returns_to_its_peak_starts_no_clock():
    eased = walked(acknowledged(opened("orange")), NOW + 2 * HOUR)[0]
    assert eased.incident.level == "blue"
    back = incidents.carry_on(
        eased, replace(eased.lead, last_bin=NOW + 2 * HOUR), "orange", NOW + 2 * HOUR
    )
    assert back.case.incident.level == "orange"
    assert said(back) == [("tingfeng", "escalated", "blue → orange 70")]
    assert back.case.incident.due_at == eased.incident.due_at
    assert walked(back.case, NOW + 3 * HOUR - 1, NOW + 2 * HOUR)[1] == []


def test_a_level_holds_for_an_hour_since_it_was_reached():
    late = found_again(opened("blue"), "orange", NOW + 10 * MINUTE)
    held = replace(late, incident=replace(late.incident, last_bin=NOW, state="acknowledged"))
    assert walked(held, NOW + 2 * HOUR)[1] == [(HOUR + 10 * MINUTE, "eased")]


def test_the_clock_runs_out_again_and_again_until_somebody_answers():
    _, actions = walked(opened("orange"), NOW + 6 * HOUR - 1)
    overdue = [at for at, action in actions if action == "overdue"]
    assert overdue == [n * HOUR for n in (1, 2, 3, 4, 5)]
    assert not [a for _, a in walked(acknowledged(opened("red")), NOW + DAY)[1] if a == "overdue"]


def test_after_a_long_sleep_only_the_last_tier_is_told():
    change = incidents.pass_time(opened("orange"), NOW + 3 * HOUR + 5)
    assert change.case.incident.tier == 3
    assert [(e.action, e.note) for e in change.events if e.action == "overdue"] == [
        ("overdue", "3")
    ]


def test_once_it_has_recovered_no_clock_runs():
    case, actions = walked(opened("blue"), NOW + 3 * DAY)
    assert actions == [(4 * HOUR, "overdue"), (6 * HOUR, "recovered")]
    assert case.incident.tier == 1


def test_a_relapse_is_a_new_beginning():
    case = walked(opened("orange"), NOW + 7 * HOUR)[0]
    assert case.incident.recovered_at == NOW + 6 * HOUR
    at = NOW + 7 * HOUR
    for change in (
        incidents.lasting(case, NOW + 6 * HOUR, at),
        incidents.carry_on(case, replace(case.lead, last_bin=NOW + 6 * HOUR), "blue", at),
    ):
        incident = change.case.incident
        assert [event.action for event in change.events] == ["relapsed"]
        assert (incident.recovered_at, incident.tier, incident.peak) == (None, 0, "blue")
        assert incident.due_at == at + 4 * HOUR


def test_data_that_flows_again_settles_the_matter_after_an_hour():
    case = found_again(opened(rule="no_data"), now=NOW + 10 * MINUTE)
    assert case.incident.state == "firing"
    assert incidents.settle(case, NOW + HOUR) is None
    change = incidents.settle(case, NOW + 10 * MINUTE + HOUR)
    assert [event.action for event in change.events] == ["recovered"]
    assert change.case.incident.recovered_at == NOW + 10 * MINUTE + HOUR
    assert incidents.settle(change.case, NOW + DAY) is None


def test_settling_ends_what_was_pending_and_leaves_the_rest_alone():
    gone = incidents.settle(opened(rule="no_data"), NOW + 60)
    assert (gone.case.incident.state, gone.events[0].action) == ("resolved", "faded")
    assert incidents.settle(opened(), NOW + DAY) is None
    assert incidents.settle(resolved(opened(rule="no_data")), NOW + DAY) is None


# -- what people do --------------------------------------------------------------------------------


def test_people_act_and_their_steps_are_written_down():
    changes, case = [], opened()
    for step, more in (
        (incidents.acknowledge, {"note": "在看"}),
        (incidents.assign, {"assignee": "小李"}),
        (incidents.mitigate, {"note": "致歉中"}),
        (incidents.note, {"text": "已回访"}),
        (incidents.resolve, {"note": "已答复"}),
    ):
        changes.append(step(case, actor="小王", now=NOW + 9, **more))
        case = changes[-1].case
    assert [line for change in changes for line in said(change)] == [
        ("小王", "acknowledged", "在看"),
        ("小王", "assigned", "小李"),
        ("小王", "mitigating", "致歉中"),
        ("小王", "noted", "已回访"),
        ("小王", "resolved", "已答复"),
    ]
    incident = case.incident
    assert (incident.state, incident.assignee, incident.resolved_at) == (
        "resolved",
        "小李",
        NOW + 9,
    )
    assert (case.lead.state, case.lead.assignee, case.lead.acknowledged_at) == (
        "resolved",
        "小李",
        NOW + 9,
    )


def test_who_responds_at_once_has_taken_it_on():
    case = incidents.mitigate(opened(), actor="小王", note="", now=NOW + 9).case
    assert (case.incident.acknowledged_at, case.incident.mitigating_at) == (NOW + 9, NOW + 9)
    with pytest.raises(Conflict, match="mitigating"):
        incidents.mitigate(case, actor="小王", note="", now=NOW)


@pytest.mark.parametrize("rule", ["spike", "topic"])
def test_only_what_waits_can_be_taken_on(rule):
    case = opened(rule=rule)
    assert incidents.is_waiting(case)
    taken = acknowledged(case)
    assert not incidents.is_waiting(taken)
    for held in (taken, resolved(case)):
        with pytest.raises(Conflict):
            acknowledged(held)


def test_a_false_alarm_keeps_its_reason():
    case = dismissed(opened())
    assert (case.incident.state, case.incident.reason) == ("dismissed", "刷单误判")
    assert case.lead.state == "dismissed"


def test_what_has_ended_takes_only_notes():
    ended = resolved(opened())
    for step in (
        lambda: resolved(ended),
        lambda: dismissed(ended),
        lambda: incidents.assign(ended, actor="小王", assignee="小李", now=NOW),
        lambda: incidents.mitigate(ended, actor="小王", note="", now=NOW),
        lambda: incidents.merge(opened(now=NOW + 60), ended, actor="小王", now=NOW),
    ):
        with pytest.raises(Conflict):
            step()
    change = incidents.note(ended, actor="小王", text="补记", now=NOW)
    assert (said(change), change.changed) == ([("小王", "noted", "补记")], ())


def test_a_person_opens_an_incident_again_and_its_time_starts_anew():
    ended = dismissed(acknowledged(opened("orange")), NOW + 60)
    change = incidents.reopen(ended, actor="小王", note="又来了", now=NOW + DAY)
    incident = change.case.incident
    assert (incident.state, incident.level, incident.reason) == ("firing", "orange", None)
    assert (incident.due_at, change.case.lead.state) == (NOW + DAY + HOUR, "firing")
    taken = acknowledged(change.case, NOW + DAY)
    assert walked(taken, NOW + DAY + 6 * HOUR, NOW + DAY)[1] == [
        (DAY + HOUR, "eased"),
        (DAY + 2 * HOUR, "eased"),
        (DAY + 6 * HOUR, "recovered"),
    ]


def test_a_person_opens_an_incident_again_at_its_highest_level():
    eased = walked(acknowledged(opened("red")), NOW + 2 * HOUR)[0]
    assert eased.incident.level == "yellow"
    ended = resolved(eased, NOW + 2 * HOUR)
    incident = incidents.reopen(ended, actor="小王", note="", now=NOW + DAY).case.incident
    assert (incident.level, incident.peak) == ("red", "red")
    assert incident.due_at == NOW + DAY + 30 * MINUTE


def test_a_refusal_names_the_state_as_people_do():
    with pytest.raises(Conflict, match=r"已接手.*不能接手"):
        acknowledged(acknowledged(opened()))


def test_what_is_open_merged_or_historical_cannot_be_opened_again():
    past = incidents.begin(alerts.fire(SIGNAL, weighed(), NOW + DAY, 7200), NOW + DAY).case
    _, gone = incidents.merge(opened(), opened(now=NOW + 60), actor="小王", now=NOW + 60)
    for case in (opened(), past, gone.case):
        with pytest.raises(Conflict):
            incidents.reopen(case, actor="小王", note="", now=NOW)


# -- two become one --------------------------------------------------------------------------------


def merged(one, two, now=NOW + 600):
    return incidents.merge(one, two, actor="小王", now=now)


def test_merging_keeps_what_is_graver_and_more_urgent():
    one, two = opened("blue"), opened("orange", now=NOW + 300, platform="weibo", topic="漏水")
    kept, gone = merged(one, two)
    incident = kept.case.incident
    assert (incident.id, incident.level, incident.peak, incident.topic) == (
        one.incident.id,
        "orange",
        "orange",
        "漏水",
    )
    assert (incident.opened_at, incident.last_bin, incident.due_at) == (
        NOW,
        NOW + 300,
        NOW + 300 + HOUR,
    )
    assert kept.case.lead.platform == "weibo"
    assert {a.incident_id for a in kept.case.alerts} == {incident.id}
    assert kept.case.alerts[1] in kept.changed
    assert gone.changed == ()
    assert (gone.case.incident.state, gone.case.incident.merged_into) == ("resolved", incident.id)
    assert said(kept) == [("小王", "merged", two.incident.id)]
    assert said(gone) == [("小王", "merged", incident.id)]
    assert {kept.events[0].incident_id, gone.events[0].incident_id} == {
        one.incident.id,
        two.incident.id,
    }


def test_merging_does_not_silence_what_is_sure_or_answered():
    pending, firing = opened(rule="topic"), opened(now=NOW + 60)
    assert merged(pending, firing)[0].case.incident.state == "firing"
    assert merged(pending, acknowledged(firing))[0].case.incident.state == "acknowledged"
    assert merged(firing, acknowledged(opened()))[0].case.incident.state == "firing"
    assert merged(acknowledged(firing), opened())[0].case.incident.state == "acknowledged"


def test_merging_with_what_still_burns_is_no_recovery():
    calm = walked(opened(), NOW + 7 * HOUR)[0]
    burning = opened("yellow", now=NOW + 7 * HOUR)
    for one, two in ((calm, burning), (burning, calm)):
        incident = merged(one, two, NOW + 7 * HOUR)[0].case.incident
        assert (incident.recovered_at, incident.due_at) == (None, NOW + 9 * HOUR)
    both = merged(calm, walked(opened("red", platform="xhs"), NOW + 7 * HOUR)[0], NOW + 7 * HOUR)[0]
    assert both.case.incident.recovered_at == NOW + 6 * HOUR


def test_only_two_incidents_of_one_brand_can_be_merged():
    case = opened()
    drill = incidents.begin(alert(rule="drill"), NOW, drill=True).case
    for other in (case, opened(series="lanhai"), drill):
        with pytest.raises(Conflict):
            merged(case, other)


def test_a_note_on_what_was_merged_does_not_end_what_went_on():
    _, gone = merged(opened(), opened(now=NOW + 60))
    assert incidents.note(gone.case, actor="小王", text="见另一事件", now=NOW + 900).changed == ()
