"""Checklists: which playbooks hold for an incident, what they ask for by when."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.risk import SEVERITY
from monitor import names, playbooks
from monitor.domain import Alert, Incident
from monitor.errors import Conflict, InputError
from monitor.playbooks import CLASSES, ROLES, Playbook, Step, Words
from tests.rows import DAY, HOUR, NOW

GUIDE = Path(__file__).parents[2] / "docs" / "response.md"
LEVELS = ("blue", "yellow", "orange", "red")
OWN = {
    "id": "shanghai",
    "name": {"zh": "上海门店"},
    "classes": ["food_safety"],
    "steps": [
        {
            "id": "call-chef",
            "owner": "门店店长",
            "minutes": {"yellow": 30, "red": 10},
            "text": {"zh": "联系厨师长"},
        }
    ],
    "statements": [{"id": "note", "name": {"zh": "短说明"}, "text": {"zh": "{brand}：〔说明〕"}}],
}


def alert(rule="spike", **more):
    values = {
        "id": "al_1",
        "incident_id": "in_1",
        "brand": "xingtu",
        "rule": rule,
        "state": "firing",
        "level": "blue",
        "severity": "warning",
        "crisis_index": 30.0,
        "score": 6.0,
        "expected": 2.0,
        "seen": 20,
        "window": 1800,
        "onset": NOW,
        "last_bin": NOW,
        "fired_at": NOW,
        "updated_at": NOW,
        "due_at": NOW + 4 * HOUR,
        "factors": {},
        "summary": {"zh": "句子", "en": "sentence"},
        "evidence": {},
    }
    return Alert(**values | more)


def incident(level="blue", **more):
    values = {
        "id": "in_1",
        "brand": "xingtu",
        "topic": "",
        "state": "firing",
        "level": level,
        "peak": level,
        "crisis_index": 30.0,
        "lead": "al_1",
        "onset": NOW,
        "last_bin": NOW,
        "opened_at": NOW + 60,
        "raised_at": NOW + 60,
        "updated_at": NOW + 60,
        "due_at": NOW + 60 + 4 * HOUR,
    }
    return Incident(**values | more)


def tasks(held, *alerts, books=None, now=NOW + 60):
    books = playbooks.in_force([]) if books is None else books
    return playbooks.tasks_for(books, held, alerts or (alert(),), now)


def due(found):
    return {task.id: task.due_at for task in found}


# -- what ships ------------------------------------------------------------------------------------


def test_every_class_of_incident_has_a_playbook_and_every_danger_is_a_class():
    held = {name for playbook in playbooks.shipped() for name in playbook.classes}
    assert held == set(CLASSES)
    assert set(SEVERITY) == set(names.RISKS) <= set(CLASSES)


def test_everything_shipped_is_said_in_both_languages_and_given_to_a_known_role():
    for playbook in playbooks.shipped():
        said = [playbook.name, *(s.text for s in playbook.steps)]
        said += [w for t in playbook.statements for w in (t.name, t.text)]
        assert all(words.zh and words.en for words in said)
        assert {step.owner for step in playbook.steps} <= set(ROLES)


def test_every_shipped_statement_leaves_something_to_a_person():
    for playbook in playbooks.shipped():
        for template in playbook.statements:
            assert "〔" in template.text.zh
            assert "〔" in template.text.en


def test_every_class_but_missing_data_has_a_statement_of_its_own():
    for playbook in playbooks.shipped():
        assert playbook.statements or playbook.id == "no_data"


@pytest.mark.parametrize("playbook", playbooks.shipped(), ids=lambda playbook: playbook.id)
def test_a_playbook_that_was_written_down_is_read_back(playbook):
    assert playbooks.read(playbooks.written(playbook)) == playbook


# -- what an incident is about ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "classes"),
    [
        (alert("risk", evidence={"risks": {"food_safety": 1}}), {"any", "food_safety"}),
        (alert(evidence={"risks": {"fire": 1}, "negative": 20}), {"any", "general"}),
        (alert(evidence={"risks": {"fire": 4}, "negative": 20}), {"any", "fire"}),
        (alert(evidence={"risks": {"fire": 4}, "negative": 200}), {"any", "general"}),
        (alert("topic", topic="fire"), {"any", "fire"}),
        (alert("topic", topic="漏水"), {"any", "general"}),
        (alert(aspect="quality"), {"any", "quality"}),
        (
            alert(evidence={"aspects": [{"aspect": "quality", "negative": 9}], "negative": 20}),
            {"any", "quality"},
        ),
        (alert(evidence={"cues": {"leaning": "rumour"}}), {"any", "rumour"}),
        (alert("no_data"), {"no_data"}),
        (alert("drill"), {"any", "general"}),
    ],
)
def test_it_tells_what_an_incident_is_about(found, classes):
    assert playbooks.classes_of(incident(), [found]) == classes


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["risks", "aspects", "cues", "negative", "aspect", "n", "leaning"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_it_reads_evidence_of_any_shape(evidence):
    held = alert(evidence={"risks": evidence, "aspects": evidence, "cues": evidence})
    assert playbooks.classes_of(incident(), [held]) <= set(CLASSES)


# -- tasks -----------------------------------------------------------------------------------------


def test_the_checklist_of_a_danger_holds_the_common_steps_and_its_own():
    found = tasks(incident("red"), alert("risk", evidence={"risks": {"food_safety": 1}}))
    said = " ".join(task.text for task in found)
    assert "固定证据" in said
    assert "先救人" in said
    assert "礼貌回应" not in said
    assert all(task.state == "open" and task.english for task in found)


def test_missing_data_calls_for_its_own_steps_alone():
    found = tasks(incident(), alert("no_data"))
    assert [task.owner for task in found] == ["数据运维", "值班公关", "品牌经理"]


def test_due_times_count_from_the_opening():
    step = Step("go", "法务", {"yellow": 60, "red": 15}, Words("去"))
    books = [Playbook("p", Words("预案"), ("any",), steps=(step,))]
    assert tasks(incident("blue"), books=books) == []
    for level, minutes in (("yellow", 60), ("orange", 60), ("red", 15)):
        (task,) = tasks(incident(level), books=books)
        assert task.due_at == NOW + 60 + minutes * 60


@given(st.sampled_from(sorted(SEVERITY)), st.integers(0, 2))
def test_the_graver_an_incident_the_more_there_is_to_do_and_the_sooner(risk, i):
    held = alert("risk", evidence={"risks": {risk: 1}})
    lower, higher = (due(tasks(incident(level), held)) for level in LEVELS[i : i + 2])
    assert set(lower) <= set(higher)
    assert all(higher[each] <= lower[each] for each in lower)


def test_a_rise_keeps_the_tasks_it_had_and_counts_new_ones_from_the_rise():
    before = due(tasks(incident("blue")))
    raised = incident("red", raised_at=NOW + DAY)
    after = tasks(raised, now=NOW + DAY)
    assert set(before) < set(due(after))
    assert all(task.due_at > NOW + DAY for task in after)


def test_an_easing_level_takes_nothing_away():
    eased = incident("blue", peak="red")
    assert due(tasks(eased)) == due(tasks(incident("red")))


@pytest.mark.parametrize(
    "held",
    [
        incident(state="pending"),
        incident(state="resolved"),
        incident(state="dismissed"),
        incident(state="resolved", historical=True),
    ],
)
def test_there_is_nothing_to_do_for_what_has_not_begun_or_is_over(held):
    assert tasks(held) == []


def test_a_step_of_two_playbooks_is_one_task():
    held = alert("risk", evidence={"risks": {"food_safety": 1, "fire": 1}})
    texts = [task.text for task in tasks(incident("red"), held)]
    assert sum("先救人" in text for text in texts) == 1
    assert len(texts) == len(set(texts))


def test_users_replace_a_shipped_playbook_and_switch_one_off():
    ours = playbooks.read(OWN | {"id": "safety"})
    off = replace(playbooks.shipped()[0], enabled=False)
    held = alert("risk", evidence={"risks": {"food_safety": 1}})
    found = tasks(incident("red"), held, books=playbooks.in_force([ours, off]))
    assert [task.text for task in found] == ["联系厨师长"]


def test_a_brands_own_words_hold_for_that_brand_alone():
    step = replace(playbooks.shipped()[0].steps[0], text=Words("按星途流程接手"))
    ours = Playbook("ours", Words("星途"), ("any",), brands=("xingtu",), steps=(step,))
    books = playbooks.in_force([ours])
    assert "按星途流程接手" in {task.text for task in tasks(incident(), books=books)}
    other = tasks(incident(brand="lanhai"), books=books)
    assert "按星途流程接手" not in {task.text for task in other}


# -- people ----------------------------------------------------------------------------------------


def test_a_task_is_done_once_and_can_be_taken_up_again():
    task = tasks(incident())[0]
    done = playbooks.finish(task, actor="小林", now=NOW + HOUR)
    assert (done.state, done.done_at, done.done_by) == ("done", NOW + HOUR, "小林")
    with pytest.raises(Conflict):
        playbooks.finish(done, actor="小王", now=NOW + HOUR)
    assert playbooks.take_up(done) == task
    with pytest.raises(Conflict):
        playbooks.take_up(task)


def test_to_skip_a_task_needs_a_reason():
    task = tasks(incident())[0]
    with pytest.raises(InputError) as raised:
        playbooks.finish(task, actor="小林", now=NOW, note=" ", skipped=True)
    assert raised.value.field == "note"
    skipped = playbooks.finish(task, actor="小林", now=NOW, note="没有门店", skipped=True)
    assert (skipped.state, skipped.note) == ("skipped", "没有门店")


def test_people_add_tasks_of_their_own():
    own = playbooks.own_task(
        incident(), text=" 联系经销商 ", owner="小林", due_at=NOW + DAY, now=NOW
    )
    assert (own.text, own.incident_id) == ("联系经销商", "in_1")
    with pytest.raises(InputError) as raised:
        playbooks.own_task(incident(), text="联系", owner="", due_at=NOW, now=NOW)
    assert raised.value.field == "owner"


# -- the guide -------------------------------------------------------------------------------------


def test_the_playbook_of_the_guide_is_one():
    (example,) = re.findall(r"```json\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    held = playbooks.read({"id": "guide"} | json.loads(example))
    assert held.steps[0].id in {s.id for b in playbooks.shipped() for s in b.steps}


def test_the_guide_names_every_shipped_playbook_and_every_field():
    text = GUIDE.read_text(encoding="utf-8")
    for playbook in playbooks.shipped():
        (line,) = [row for row in text.splitlines() if row.startswith(f"| `{playbook.id}` |")]
        assert all(f"`{name}`" in line for name in playbook.classes)
    assert all(f"`{{{field}}}`" in text for field in playbooks.FIELDS)
    assert all(role in text for role in ROLES)


# -- bad playbooks ---------------------------------------------------------------------------------


def test_a_users_playbook_is_read():
    held = playbooks.read(OWN)
    assert (held.steps[0].owner, held.enabled, held.brands) == ("门店店长", True, ())


def step(**more):
    return {"steps": [OWN["steps"][0] | more]}


def statement(text):
    return {"statements": [OWN["statements"][0] | {"text": {"zh": text}}]}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"id": "../../etc"}, "id"),
        ({"id": "预案"}, "id"),
        ({"name": {"zh": " "}}, "name.zh"),
        ({"classes": []}, "classes"),
        ({"classes": ["earthquake"]}, "classes.0"),
        ({"colour": "red"}, "colour"),
        (step(owner=""), "steps.0.owner"),
        (step(minutes={}), "steps.0.minutes"),
        (step(minutes={"red": 0}), "steps.0.minutes.red"),
        (step(minutes={"red": True}), "steps.0.minutes.red"),
        (step(minutes={"none": 5}), "steps.0.minutes"),
        (step(minutes={"blue": 10, "red": 60}), "steps.0.minutes"),
        (step(text={"en": "only English"}), "steps.0.text.zh"),
        (step(text={"zh": "话" * 5001}), "steps.0.text.zh"),
        (step(due="tomorrow"), "steps.0.due"),
        ({"steps": OWN["steps"] * 2}, "steps.1.id"),
        ({"steps": [OWN["steps"][0] | {"id": f"s{i}"} for i in range(61)]}, "steps"),
        (statement("{quote}"), "statements.0.text"),
        (statement("{brand} {__class__}"), "statements.0.text"),
    ],
)
def test_a_bad_playbook_is_refused_naming_the_field(change, field):
    with pytest.raises(InputError) as raised:
        playbooks.read(OWN | change)
    assert raised.value.field == field
    assert any("一" <= char <= "鿿" for char in raised.value.message)
