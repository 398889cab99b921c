"""What every store must do for checklists, statements, reviews, actions and playbooks."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor import feedback, playbooks, review, statements
from monitor.domain import AlertEvent, Brand
from monitor.errors import Conflict, UnknownThing
from monitor.feedback import Subject
from monitor.incidents import Case, Change
from monitor.learning import Learning
from monitor.notices import Outcome
from monitor.pipeline import Pipeline
from monitor.playbooks import Playbook, Step, Template, Words
from monitor.store import open_store
from tests.rows import DAY, GOOD, HOUR, NOW, Clock, row
from tests.unit.test_playbooks import alert, incident

STEPS = tuple(
    Step(f"s{i}", "法务", dict.fromkeys(levels, 240 - 60 * i), Words(f"第{i}步"))
    for i, levels in enumerate([("blue",), ("blue", "yellow"), ("red",)])
)
NUMBERS = count()
SLOW = "星途的物流太慢了，等了半个月还没到，要求退款"
BOOK = Playbook("book", Words("预案"), ("any",), steps=STEPS)


@pytest.fixture
def store(tmp_path):
    held = open_store(f"sqlite:///{tmp_path}/tingfeng.db")
    for brand in ("xingtu", "lanhai"):
        held.brands.add(Brand(brand, {"xingtu": "星途", "lanhai": "蓝海"}[brand]))
    yield held
    held.close()


def opened(store, held=None, *alerts, events=()):
    """Put an incident into the store as it is."""
    held = held or incident()
    case = Case(held, alerts or (alert(incident_id=held.id, id=held.lead),))
    assert store.incidents.open(Change(case, case.alerts, tuple(events)), lambda *_: Outcome())
    return held


def tasks_of(held, now=NOW):
    return playbooks.tasks_for([BOOK], held, [alert()], now)


def a_draft(held, text="正在核实", now=NOW):
    template = Template("note", Words("短"), Words(text))
    return statements.draft("book/note", template, held, {}, actor="小林", now=now)


def an_action(brand="xingtu", now=NOW, **more):
    about = Subject("aspect", "delivery", NOW - DAY, NOW, 12, (5, 6))
    values = {"text": "换承运商", "owner": "小王", "due_at": now + DAY, "actor": "小林"}
    return feedback.plan(brand, about, now=now, **values | more)


# -- tasks -----------------------------------------------------------------------------------------


def test_a_checklist_is_kept_and_the_first_due_comes_first(store):
    held = opened(store)
    store.tasks.put(tasks_of(held))
    assert [task.text for task in store.tasks.of(held.id)] == ["第1步", "第0步"]


def test_putting_a_checklist_again_changes_nothing(store):
    held = opened(store)
    store.tasks.put(tasks_of(held))
    before = store.tasks.of(held.id)
    store.tasks.put(tasks_of(held, now=NOW + HOUR))
    assert store.tasks.of(held.id) == before


def test_a_rise_adds_what_is_missing_and_leaves_what_is_done(store):
    held = opened(store)
    store.tasks.put(tasks_of(held))
    done = store.tasks.of(held.id)[0]
    done = store.tasks.change(
        done.id, lambda task: playbooks.finish(task, actor="小林", now=NOW + 60)
    )
    store.tasks.put(tasks_of(replace(held, peak="red", raised_at=held.raised_at - HOUR)))
    now = {task.text: task for task in store.tasks.of(held.id)}
    assert now["第1步"] == done
    assert set(now) == {"第0步", "第1步", "第2步"}
    # What is open is due by the earlier time.
    assert now["第0步"].due_at == held.raised_at - HOUR + 240 * 60


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["blue", "yellow", "orange", "red", "finish"]), st.integers(0, 9)
        ),
        max_size=8,
    )
)
def test_whatever_the_level_does_no_task_is_lost_and_none_is_put_off(store, steps):
    name = next(NUMBERS)
    held = opened(store, incident(id=f"in_{name}", lead=f"al_{name}"))
    for what, i in steps:
        before = {task.id: task for task in store.tasks.of(held.id)}
        if what == "finish":
            still = [task for task in before.values() if task.state == "open"]
            if still:
                store.tasks.change(
                    still[i % len(still)].id,
                    lambda task: playbooks.finish(task, actor="小林", now=NOW),
                )
            continue
        store.tasks.put(tasks_of(replace(held, peak=what, raised_at=held.raised_at + 60 * i)))
        after = {task.id: task for task in store.tasks.of(held.id)}
        assert set(before) <= set(after)
        for task_id, task in before.items():
            assert after[task_id].due_at <= task.due_at
            assert task.state == "open" or after[task_id] == task


def test_of_two_people_who_finish_a_task_one_is_told_so(store, tmp_path):
    held = opened(store)
    store.tasks.put(tasks_of(held))
    task = store.tasks.of(held.id)[0]
    gate, outcomes = threading.Barrier(4), []

    def finish(actor):
        gate.wait()
        try:
            store.tasks.change(task.id, lambda t: playbooks.finish(t, actor=actor, now=NOW))
            outcomes.append(actor)
        except Conflict:
            outcomes.append(None)
        finally:
            store.close()

    threads = [threading.Thread(target=finish, args=(f"人{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [actor for actor in outcomes if actor]
    assert store.tasks.get(task.id).done_by == winner


def test_no_task_is_kept_of_an_incident_that_is_gone(store):
    store.tasks.put(tasks_of(incident()))
    assert store.tasks.of("in_1") == []


# -- statements ------------------------------------------------------------------------------------


def test_a_draft_is_kept_once(store):
    held = opened(store)
    for _ in range(2):
        store.drafts.add(a_draft(held))
    assert store.drafts.of(held.id) == [a_draft(held)]


def test_a_statement_is_revised_and_approved(store):
    draft = a_draft(opened(store))
    store.drafts.add(draft)
    store.drafts.change(
        draft.id, lambda d: statements.revise(d, text="新文字", actor="小王", now=NOW + 60)
    )
    approved = store.drafts.change(
        draft.id, lambda d: statements.approve(d, actor="高管", now=NOW + 120)
    )
    assert store.drafts.get(draft.id) == approved
    assert (approved.text, approved.decided_by) == ("新文字", "高管")


def test_the_file_itself_refuses_to_change_an_approved_statement(store):
    draft = a_draft(opened(store))
    store.drafts.add(draft)
    store.drafts.change(draft.id, lambda d: statements.approve(d, actor="高管", now=NOW))
    for change in ({"text": "偷偷改掉"}, {"state": "draft"}):
        with pytest.raises(sqlite3.IntegrityError, match="does not change"):
            store.drafts.change(draft.id, lambda d, change=change: replace(d, **change))
    assert store.drafts.get(draft.id).text == "正在核实"


def test_a_draft_of_no_incident_is_refused(store):
    with pytest.raises(UnknownThing):
        store.drafts.add(a_draft(incident()))


# -- reviews ---------------------------------------------------------------------------------------


def over(i=1, **more):
    values = {"state": "resolved", "resolved_at": NOW + DAY, "recovered_at": NOW + DAY}
    return incident(id=f"in_{i}", lead=f"al_{i}", **values | more)


def test_a_review_is_made_kept_and_made_anew(store):
    held = opened(store, over(), events=[AlertEvent("al_1", NOW, "tingfeng", "fired", "", "in_1")])
    first = Learning(store, NOW + 2 * DAY).review(held.id, [review.Replay("spike", "keen", NOW)])
    assert store.reviews.get(held.id) == first
    assert [event.action for event in first.timeline] == ["fired"]
    later = Learning(store, NOW + 9 * DAY).review(held.id)
    assert later.final
    assert later.replays == first.replays
    assert store.reviews.get(held.id) == later


def test_reviews_are_made_by_themselves_when_they_are_due(store):
    opened(store, over(1))
    for aside in (
        over(2, historical=True),
        over(3, merged_into="in_1"),
        over(4, state="dismissed"),
        over(5, state="firing", resolved_at=None),
        over(6, resolved_at=NOW - 60 * DAY),
    ):
        opened(store, aside)
    opened(store, over(7), events=[AlertEvent("al_7", NOW, "tingfeng", "faded", "", "in_7")])
    made = [
        Learning(store, NOW + days * DAY).make_reviews() for days in (1, 1.5, 2, 2.1, 8, 8.1, 90)
    ]
    assert made == [1, 0, 1, 0, 1, 0, 0]
    assert store.reviews.get("in_1").final


def test_a_review_that_cannot_be_made_holds_up_no_other(store, monkeypatch):
    made = review.make_review

    def make_review(material, now):
        if material.case.incident.id in ("in_1", "in_2"):
            raise ZeroDivisionError
        return made(material, now)

    monkeypatch.setattr(review, "make_review", make_review)
    for i in (1, 2, 3):
        opened(store, over(i))
    learning, failed = Learning(store, NOW + DAY), set()
    assert [learning.make_reviews(2, failed) for _ in range(2)] == [0, 1]
    assert failed == {"in_1", "in_2"}
    assert store.reviews.get("in_3").incident_id == "in_3"


def test_there_is_no_review_before_one_was_made(store):
    with pytest.raises(UnknownThing):
        store.reviews.get(opened(store).id)


# -- actions ---------------------------------------------------------------------------------------


def test_actions_are_kept_done_and_told(store):
    held = opened(store)
    action = an_action(incident_id=held.id)
    for _ in range(2):
        store.actions.add(action)
    assert store.actions.of_incident(held.id) == [action]
    done = store.actions.change(
        action.id,
        lambda a: feedback.finish(a, actor="小王", now=NOW + HOUR, told_to=["会员短信"]),
    )
    assert store.actions.get(action.id) == done
    assert store.actions.page("xingtu", is_open=True) == []
    assert store.actions.page("xingtu", is_open=False) == [done]
    assert store.actions.page("lanhai") == []


def test_pages_of_actions_follow_one_another(store):
    made = [an_action(now=NOW + i // 2, owner=f"人{i}") for i in range(7)]
    for action in made:
        store.actions.add(action)
    seen, before = [], None
    while page := store.actions.page("xingtu", before=before, limit=3):
        seen += page
        before = (page[-1].created_at, page[-1].id)
    assert sorted(a.id for a in seen) == sorted(a.id for a in made)
    assert [a.created_at for a in seen] == sorted((a.created_at for a in made), reverse=True)


@pytest.mark.parametrize("change", [{"brand": "nobody"}, {"incident_id": "in_none"}])
def test_an_action_for_nothing_is_refused(store, change):
    with pytest.raises(UnknownThing):
        store.actions.add(an_action(**change))


# -- playbooks -------------------------------------------------------------------------------------


def test_users_playbooks_hold_until_they_are_deleted(store):
    own = replace(BOOK, id="base")
    store.playbooks.put(own, NOW)
    store.playbooks.put(own, NOW + 1)
    assert store.playbooks.all() == [own]
    held = opened(store)
    checklist = Learning(store, NOW).checklist(held.id)
    assert {"第0步", "第1步"} <= {task.text for task in checklist}
    store.playbooks.delete("base")
    assert Learning(store, NOW).playbooks() == list(playbooks.shipped())
    with pytest.raises(UnknownThing):
        store.playbooks.delete("base")


def test_a_checklist_that_is_complete_is_only_read(store):
    held = opened(store)
    made = Learning(store, NOW).checklist(held.id)
    with closing(sqlite3.connect(store._database.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert Learning(store, NOW + HOUR).checklist(held.id) == made


def test_a_draft_is_made_of_a_template_of_the_incident(store):
    held = opened(store)
    learning = Learning(store, NOW)
    keys = list(learning.templates(held.id))
    assert keys[:2] == ["service/service", "service/reply"]
    draft = learning.draft(held.id, "base/holding", actor="小林", language="zh")
    assert store.drafts.of(held.id) == [draft]
    assert "星途" in draft.text
    with pytest.raises(UnknownThing):
        learning.draft(held.id, "fire/product", actor="小林", language="zh")


# -- all of it -------------------------------------------------------------------------------------


def test_nothing_is_left_of_a_brand_that_was_deleted(store):
    held = opened(store, over())
    learning = Learning(store, NOW + 2 * DAY)
    store.tasks.put(tasks_of(incident()))
    store.drafts.add(a_draft(held))
    store.actions.add(an_action(incident_id=held.id))
    learning.review(held.id)
    store.brands.delete("xingtu")
    with closing(sqlite3.connect(store._database.path)) as db:
        for left in ("FROM task", "FROM draft", "FROM review", "FROM action"):
            assert db.execute("SELECT count(*) " + left).fetchone() == (0,)


def test_statistics_are_of_the_window_and_the_brands_asked_for(store):
    events = [AlertEvent("al_1", NOW + 660, "小林", "acknowledged", "", "in_1")]
    opened(store, over(1), events=events)
    opened(store, over(2, brand="lanhai"), alert(id="al_2", incident_id="in_2", brand="lanhai"))
    opened(store, over(3, opened_at=NOW - 40 * DAY))
    learning = Learning(store, NOW + DAY)
    assert learning.statistics(None, NOW - DAY, NOW + DAY).n == 2
    found = learning.statistics(["xingtu"], NOW - DAY, NOW + DAY)
    assert (found.n, found.acknowledge.median) == (1, 600)


@pytest.fixture
def told(store, language):
    """Days of complaints about slow delivery, which stop at NOW."""
    pipeline = Pipeline(store, language[0], b"x" * 32, Clock(NOW + 30 * DAY))
    rows = [row(f"{SLOW}（{i}）", NOW - 1 - i * 3 * HOUR) for i in range(60)]
    rows += [row(f"{GOOD}（{i}）", NOW - 14 * DAY + i * HOUR) for i in range(24 * 28)]
    pipeline.ingest(rows)
    return store


def test_insights_count_what_is_said_and_name_mentions(told):
    found = Learning(told, NOW).insights("xingtu", NOW - 14 * DAY, NOW)
    by_name = {(each.kind, each.name): each for each in found}
    worst = by_name["aspect", "delivery"]
    assert worst.complaints == by_name["request", "refund"].complaints == 60
    # Nobody spoke of the brand in the fourteen days before.
    assert worst.change.value is None
    assert len(worst.mentions) == 5
    for mention_id in worst.mentions:
        assert told.corrections.mention("xingtu", mention_id).text.startswith(SLOW)


def test_an_action_that_helped_is_seen_to_have_helped(told):
    learning = Learning(told, NOW + 14 * DAY)
    worst = learning.insights("xingtu", NOW - 14 * DAY, NOW)[0]
    assert worst.complaints == 60
    about = Subject(worst.kind, worst.name, NOW - 14 * DAY, NOW, worst.complaints, worst.mentions)
    action = replace(an_action(), insight=about, done_at=NOW)
    found = learning.outcome(action)
    assert (found.verdict, found.complete) == ("fell", True)
    assert (found.before.value > 0.1, found.after.value) == (True, 0)
    with pytest.raises(Conflict):
        Learning(told, NOW + HOUR).outcome(action)


def test_a_text_that_was_copied_is_named_once(store, language):
    pipeline = Pipeline(store, language[0], b"x" * 32, Clock(NOW))
    pipeline.ingest([row(SLOW, NOW - HOUR + i) for i in range(4)])
    pipeline.ingest([row(f"{SLOW}，气死了", NOW - HOUR)])
    (named,) = [
        ids
        for (_, name), ids in store.complaints.about("xingtu", NOW - DAY, NOW).items()
        if name == "delivery"
    ]
    assert len(named) == 2
