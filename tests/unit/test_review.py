"""复盘: times, comparisons, checklists and statistics; unknown is None, never 0."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import feedback, playbooks, review, statements
from monitor.aggregate import SUMS, ZERO
from monitor.alerts import SYSTEM
from monitor.domain import AlertEvent, Brand
from monitor.incidents import Case
from monitor.playbooks import Task, Template, Words
from monitor.review import Material, Replay
from monitor.review_markdown import markdown
from tests.rows import DAY, HOUR, NOW
from tests.unit.test_playbooks import alert, incident

BRAND = Brand("xingtu", "星途")
OPENED = NOW + 60
ORIGIN = {"origin": {"at": NOW - HOUR, "clusters": [{"at": NOW - 2 * HOUR}]}}
OVER = incident(
    "orange",
    state="resolved",
    acknowledged_at=OPENED + 600,
    mitigating_at=OPENED + HOUR,
    recovered_at=NOW + 10 * HOUR,
    resolved_at=NOW + 12 * HOUR,
)


def sums(**given):
    return tuple(float(given.get(name, zero)) for name, zero in zip(SUMS, ZERO, strict=True))


def event(at, action, actor="小林", note=""):
    return AlertEvent("al_1", at, actor, action, note, "in_1")


def made(held=OVER, *, now=NOW + 20 * DAY, events=(), evidence=ORIGIN, alerts=None, **more):
    alerts = (alert(evidence=evidence),) if alerts is None else alerts
    windows = {
        "before": sums(
            volume=700, pos=400, neg=70, neu=230, w_pos=400, w_neg=70, v_pos=400, v_neg=70
        ),
        "during": sums(volume=300, pos=20, neg=250, neu=30, views=90_000, views_n=120),
        "after_24h": sums(volume=90, pos=30, neg=30, neu=30),
        "after_7d": ZERO,
    }
    return review.make_review(
        Material(brand=BRAND, case=Case(held, alerts), events=events, sums=windows, **more), now
    )


def stretch(found, name):
    return next(part for part in found.stretches if part.window.name == name)


# -- times -----------------------------------------------------------------------------------------


def test_it_tells_how_long_everything_took():
    spans = made().spans
    assert spans.detect == 2 * HOUR + 60
    assert spans.acknowledge == 600
    assert spans.respond == HOUR
    assert spans.resolve == 12 * HOUR - 60
    assert spans.recover == 10 * HOUR


def test_what_nobody_did_is_unknown_and_not_zero():
    held = incident(state="resolved", resolved_at=NOW + DAY)
    spans = made(held, evidence={}).spans
    assert (spans.detect, spans.acknowledge, spans.respond, spans.recover) == (None,) * 4


def test_the_beginning_is_the_first_mention_of_the_heaviest_text():
    assert made().first_at == NOW - 2 * HOUR


@pytest.mark.parametrize(
    ("origin", "first"),
    [
        ({"at": NOW - HOUR, "clusters": []}, NOW - HOUR),
        ({"at": NOW - HOUR, "clusters": [{"at": NOW - 8 * DAY}]}, NOW - HOUR),
        ({"at": NOW - HOUR, "clusters": [{"at": NOW + DAY}]}, NOW - HOUR),
        ({"at": "yesterday", "clusters": "none"}, None),
        (None, None),
        ([], None),
    ],
)
def test_a_text_that_is_too_old_or_no_time_is_not_the_beginning(origin, first):
    assert made(evidence={"origin": origin}).first_at == first


def test_the_timeline_remembers_what_an_incident_forgets_when_it_opens_again():
    again = replace(OVER, state="firing", acknowledged_at=None, resolved_at=None, recovered_at=None)
    events = [event(OPENED + 600, "acknowledged"), event(OPENED + HOUR, "reopened", SYSTEM)]
    assert made(again, events=events).spans.acknowledge == 600


def test_a_person_who_dismisses_at_once_has_taken_it_on():
    held = incident(state="dismissed", resolved_at=OPENED + 300, reason="段子")
    for events in ((), [event(OPENED + 300, "dismissed")]):
        found = made(held, events=events)
        assert (found.spans.acknowledge, found.marks.in_time) == (300, True)


def test_what_closed_by_itself_was_taken_on_by_nobody():
    held = incident(state="resolved", resolved_at=NOW + 4 * DAY, tier=2)
    found = made(held, events=[event(NOW + 4 * DAY, "closed", SYSTEM)])
    assert (found.spans.acknowledge, found.marks.in_time) == (None, False)


@pytest.mark.parametrize(
    ("held", "events", "in_time"),
    [
        (incident(), (), None),
        (incident(tier=1), (), False),
        (incident(acknowledged_at=OPENED + 4 * HOUR), (), True),
        (incident(acknowledged_at=OPENED + 4 * HOUR + 1), (), False),
        # Late by its first clock, though the rise after it set a new one.
        (
            incident(acknowledged_at=OPENED + 5 * HOUR, due_at=OPENED + 9 * HOUR),
            [event(OPENED + 4 * HOUR, "overdue", SYSTEM)],
            False,
        ),
        (incident(historical=True, state="resolved", resolved_at=NOW), (), None),
    ],
)
def test_it_tells_whether_somebody_came_in_time(held, events, in_time):
    assert review.marks(held, events).in_time is in_time


def test_a_historical_incident_has_no_times():
    held = incident(state="resolved", historical=True, resolved_at=NOW + 90 * DAY)
    assert set(vars_of(made(held).spans).values()) == {None}


def vars_of(record):
    return {name: getattr(record, name) for name in record.__slots__}


# -- before, during, after -------------------------------------------------------------------------


def test_windows_run_from_a_week_before_to_a_week_after():
    calm, onset = OVER.recovered_at, OVER.onset
    found = {w.name: (w.start, w.end, w.complete) for w in review.windows(OVER, NOW + 20 * DAY)}
    assert found == {
        "before": (onset - 7 * DAY, onset, True),
        "during": (onset, calm, True),
        "after_24h": (calm, calm + DAY, True),
        "after_7d": (calm, calm + 7 * DAY, True),
    }


def test_what_has_not_passed_yet_is_marked_and_made_anew():
    calm = OVER.recovered_at
    for now, final, again in (
        (calm + HOUR, False, calm + DAY),
        (calm + 2 * DAY, False, calm + 7 * DAY),
        (calm + 7 * DAY, True, None),
    ):
        found = made(now=now)
        assert stretch(found, "after_7d").window.end == now
        assert (found.final, review.remake_at(found)) == (final, again)


def test_an_open_incident_has_no_after():
    found = made(incident(), now=NOW + HOUR)
    assert [part.window.name for part in found.stretches] == ["before", "during"]
    assert not stretch(found, "during").window.complete
    assert review.remake_at(found) == NOW + HOUR + DAY


def test_an_incident_that_never_recovered_was_over_when_it_was_ended():
    held = replace(OVER, recovered_at=None)
    assert review.calm_at(held) == OVER.resolved_at


def test_shares_and_the_index_come_with_intervals():
    before = stretch(made(), "before").metrics
    share, index = before["negative_share"], before["wom_index"]
    assert share.value == 0.1
    assert share.low < 0.1 < share.high
    assert index.low < index.value < index.high
    assert stretch(made(), "during").metrics["reach"].value == 90_000


def test_an_empty_window_has_no_share():
    after = stretch(made(), "after_7d").metrics
    assert (after["negative_share"].value, after["wom_index"].value) == (None, None)
    assert after["reach"].value is None


def test_the_peak_is_the_worst_of_all():
    eased = replace(OVER, level="blue")
    hours = {NOW: 12, NOW + HOUR: 80, NOW + 2 * HOUR: 80}
    peak = made(eased, hours=hours).peak
    assert (peak.level, peak.negatives, peak.hour) == ("orange", 80, NOW + HOUR)
    assert made(hours={}).peak.negatives is None


# -- what was asked and done -----------------------------------------------------------------------


def test_what_people_ask_for_is_unknown_where_nobody_looked():
    assert made().asked is None
    assert made(evidence={"demands": []}).asked == {}
    asked = [{"kind": "refund", "n": 3}, {"kind": "apology", "n": 5}, {"kind": "<b>", "n": 9}]
    assert made(evidence={"demands": asked}).asked == {"apology": 5, "refund": 3}


@pytest.mark.parametrize(
    ("state", "done_at", "late"),
    [
        ("done", NOW + HOUR, 0),
        ("done", NOW + HOUR + 90, 90),
        ("open", None, 20 * DAY - HOUR),
        ("skipped", NOW + DAY, None),
    ],
)
def test_a_step_was_done_in_time_or_late(state, done_at, late):
    task = Task(
        "tk_1", "in_1", 0, "核实", "verify", "法务", NOW, NOW + HOUR, state, done_at, "小林"
    )
    (step,) = made(tasks=[task]).steps
    assert (step.state, step.late, step.done_at) == (state, late, done_at)


def test_a_step_that_is_open_and_not_due_is_neither():
    task = Task("tk_1", "in_1", 0, "核实", "verify", "法务", NOW, NOW + 90 * DAY)
    assert made(tasks=[task]).steps[0].late is None


def test_only_approved_statements_are_on_record():
    template = Template("note", Words("短"), Words("正文"))
    draft = statements.draft("o/n", template, incident(), {}, actor="小林", now=NOW)
    approved = statements.approve(draft, actor="高管", now=NOW + HOUR)
    assert made(drafts=[draft, approved]).statements == (approved,)


def test_it_tells_which_rule_would_have_caught_it_earlier():
    replays = [
        Replay("share", "calm", None),
        Replay("spike", "balanced", OPENED + 300),
        Replay("spike", "keen", OPENED - 900),
    ]
    found = made(replays=replays)
    assert [(r.sensitivity, r.gain) for r in found.replays] == [
        ("keen", 900),
        ("balanced", -300),
        ("calm", None),
    ]
    assert found.earliest == found.replays[0]
    assert made(replays=replays[:2]).earliest is None


def full():
    action = feedback.plan(
        "xingtu",
        feedback.Subject("aspect", "delivery", NOW, NOW + DAY, 9),
        text="换承运商",
        owner="小王",
        due_at=NOW + DAY,
        actor="小林",
        now=NOW,
        incident_id="in_1",
    )
    held = playbooks.tasks_for(playbooks.shipped(), incident("red"), [alert()], NOW)
    return made(
        tasks=[*held[1:], playbooks.finish(held[0], actor="小林", now=NOW + HOUR)],
        actions=[action],
        replays=[Replay("spike", "keen", OPENED - 900)],
        events=[event(OPENED + 600, "acknowledged"), event(OPENED, "fired", SYSTEM, "orange 62")],
        evidence=ORIGIN | {"demands": [{"kind": "refund", "n": 3}]},
        hours={NOW: 40},
    )


def test_a_review_survives_json():
    found = full()
    assert review.read(json.loads(json.dumps(review.document(found)))) == found


def test_the_timeline_is_in_order():
    assert [event.action for event in full().timeline] == ["fired", "acknowledged"]


# -- in words --------------------------------------------------------------------------------------


def test_it_reads_well():
    text = markdown(full())
    for said in (
        "# 星途 事件复盘",
        "最高级别 Peak：橙色 orange",
        "发现 Detected | 2026-11-22 08:01 | 2 小时 1 分 / 2 h 1 min",
        "10 分 / 10 min 时限内 in time",
        "负面占比 negative share | 10.0%（8.0% – 12.4%，n=700）",
        "退款 a refund：3",
        "早 earlier 15 分 / 15 min",
        "换承运商",
        "听风 | 触发预警 fired",
    ):
        assert said in text
    assert "None" not in text
    assert "nan" not in text


def test_an_exercise_is_marked_as_one():
    assert markdown(made(replace(OVER, drill=True))).startswith("# 【演练 DRILL】")


HOSTILE = (
    '<at user_id="all">[点我](http://evil.test) | **粗** `码`\n'
    "# 标题 ![x](y)\u202e\x07 @全体 www.evil.test"
)


def test_what_people_wrote_is_no_markup():
    held = replace(OVER, state="dismissed", reason=HOSTILE, assignee=HOSTILE)
    text = markdown(
        made(
            held,
            alerts=(alert(evidence=ORIGIN, summary={"zh": HOSTILE, "en": HOSTILE}),),
            events=[event(OPENED, "noted", HOSTILE, HOSTILE), event(OPENED, HOSTILE)],
            tasks=[
                Task(
                    "t",
                    "in_1",
                    0,
                    HOSTILE,
                    HOSTILE,
                    HOSTILE,
                    NOW,
                    NOW,
                    "skipped",
                    NOW,
                    HOSTILE,
                    HOSTILE,
                )
            ],
        )
    )
    bare = re.sub(r"\\.", "", text.replace("<br>", ""))
    for mark in ("<at", "](", "![", "http:", "@全体", "www.", "`码", "\u202e", "\x07"):
        assert mark not in bare
    assert sum(line.startswith("# ") for line in text.splitlines()) == 1


@given(st.text(max_size=60))
def test_a_cell_of_a_table_stays_one_cell(text):
    lines = markdown(made(events=[event(OPENED, "noted", text, text)])).splitlines()
    row = lines[-1]
    assert len(re.sub(r"\\.", "", row).split("|")) == 6


# -- many incidents --------------------------------------------------------------------------------


def many(*held, alerts=None, events=None):
    found = [alert(id=f"al_{i}", incident_id=h.id, state=h.state) for i, h in enumerate(held)]
    named = [replace(h, lead=f"al_{i}") for i, h in enumerate(held)]
    return review.statistics(named, found if alerts is None else alerts, events)


def ended(i, state="resolved", after=600, **more):
    values = {"acknowledged_at": OPENED + after, "resolved_at": OPENED + after + HOUR}
    return incident(id=f"in_{i}", state=state, **values | more)


def test_statistics_summarise_times():
    found = many(*(ended(i, after=60 * (i + 1)) for i in range(10)))
    assert found.n == 10
    assert found.acknowledge == review.Times(10, 330, 330, 540)
    assert found.resolve.median == 330 + HOUR
    assert found.respond == review.Times(0)
    assert (found.by_level, found.by_rule) == ({"blue": 10}, {"spike": 10})


def test_exercises_past_and_merged_incidents_and_what_faded_do_not_count():
    aside = [
        ended(1, drill=True),
        ended(2, historical=True),
        ended(3, merged_into="in_9"),
        ended(4),
    ]
    found = many(*aside, ended(5), events={"in_4": [event(NOW, "faded", SYSTEM)]})
    assert (found.n, found.acknowledge.n) == (1, 1)


def test_the_share_in_time_is_of_those_whose_clock_has_decided():
    found = many(
        ended(1), ended(2, after=5 * HOUR), incident(id="in_3"), incident(id="in_4", tier=1)
    )
    assert (found.n, found.open) == (4, 2)
    assert (found.in_clock.value, found.in_clock.n) == (1 / 3, 3)


def test_false_alarms_are_the_dismissed_of_those_people_decided_on():
    held = [
        *(ended(i, "dismissed") for i in range(3)),
        *(ended(i) for i in range(3, 10)),
        # closed by itself, and open: nobody has decided
        incident(id="in_10", state="resolved", resolved_at=NOW + DAY),
        incident(id="in_11"),
    ]
    share = many(*held).false_alarms["spike"]
    assert (share.value, share.n) == (0.3, 10)
    assert (share.low, share.high) == pytest.approx((0.1078, 0.6032), abs=0.0001)


def test_every_rule_has_its_own_share_of_false_alarms():
    held = [ended(1, "dismissed"), ended(2)]
    found = [
        alert("risk", id="al_0", incident_id="in_1", state="dismissed"),
        alert("share", id="al_1", incident_id="in_2", state="resolved"),
        alert("share", id="al_2", incident_id="in_2", state="resolved", historical=True),
        alert("spike", id="al_3", incident_id="elsewhere", state="dismissed"),
    ]
    shares = many(*held, alerts=found).false_alarms
    assert {rule: (s.value, s.n) for rule, s in shares.items()} == {"risk": (1, 1), "share": (0, 1)}


def test_of_no_incident_nothing_is_known():
    found = many()
    assert (found.n, found.in_clock.value, found.acknowledge.median) == (0, None, None)
    assert found.false_alarms == {}
