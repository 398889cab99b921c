"""Statements: what fills them, what must not, and that people decide."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import playbooks, statements
from monitor.domain import Brand
from monitor.errors import Conflict, InputError
from monitor.playbooks import Template, Words
from tests.rows import DAY, HOUR, NOW
from tests.unit.test_playbooks import alert, incident

BRAND = Brand("xingtu", "星途", aspects={"车机": ("车机",)})
EVIDENCE = {
    "risks": {"food_safety": 2},
    "platforms": {"weibo": 30, "xhs": 50, "某论坛": 90},
    "demands": [{"kind": "apology", "n": 4}, {"kind": "refund", "n": 9}],
    "negative": 80,
    "total": 120,
    "mentions": [{"id": 7, "text": '<at user_id="all">吃了就吐，赔我一万'}],
    "words": [["吃了就吐", 9.1]],
    "origin": {"at": NOW - HOUR, "clusters": [{"text": "吃了就吐"}]},
}


def facts(evidence=EVIDENCE, rule="risk", language="zh", brand=BRAND, **more):
    held = alert(rule, evidence=evidence, **more)
    return statements.facts(brand, incident("red"), [held], NOW + DAY, language)


def drafts(language="zh", evidence=EVIDENCE):
    """A draft of every shipped template."""
    values = facts(evidence, language=language)
    return [
        statements.draft(
            f"{book.id}/{template.id}",
            template,
            incident("red"),
            values,
            actor="小林",
            now=NOW,
            language=language,
        )
        for book in playbooks.shipped()
        for template in book.statements
    ]


def a_draft(text="我们正在核实。"):
    template = Template("note", Words("短说明"), Words(text))
    return statements.draft("ours/note", template, incident(), facts(), actor="小林", now=NOW)


# -- what fills a statement ------------------------------------------------------------------------


def test_a_statement_is_filled_from_counted_facts():
    found = facts()
    assert found["what"] == "食品安全"
    assert found["where"] == "小红书、微博"
    assert found["asked"] == "退款、道歉"
    assert (found["when"], found["today"]) == ("2026年11月22日", "2026年11月23日")
    assert (found["since"], found["level"]) == ("2026-11-22 08:00", "红色")
    assert (found["negative"], found["total"]) == ("80", "120")


def test_dates_are_those_of_the_brands_own_time_zone():
    assert facts(brand=Brand("xingtu", "星途", timezone="America/New_York"))["when"] == (
        "2026年11月21日"
    )


def test_what_is_not_known_is_left_to_a_person():
    found = facts({})
    for field in ("what", "where", "asked", "negative", "total"):
        assert found[field].startswith("〔")
        assert facts({}, language="en")[field].startswith("〔")


def test_a_complaint_is_about_what_most_blame_the_brands_own_aspects_included():
    blamed = [
        {"aspect": "车机", "negative": 30},
        {"aspect": "price", "negative": 12},
        {"aspect": "<b>伪造</b>", "negative": 99},
        {"aspect": "look", "negative": 1},
    ]
    assert facts({"aspects": blamed, "negative": 80}, "spike")["what"] == "车机、价格"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_quote_and_no_word_of_a_writer_stands_in_a_statement(language):
    for draft in drafts(language):
        for said in ("吐", "一万", "user_id", "某论坛"):
            assert said not in draft.text


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_field_is_filled(language):
    for draft in drafts(language):
        assert "{" not in draft.text
        assert "星途" in draft.text


def test_the_chinese_statement_stands_in_for_a_missing_english_one():
    template = Template("note", Words("短说明"), Words("{brand}正在核实"))
    draft = statements.draft(
        "o/n", template, incident(), facts(), actor="小林", now=NOW, language="en"
    )
    assert draft.text == "星途正在核实"


HOSTILE = st.text(alphabet="☠{}〔<a", min_size=1, max_size=8).map(lambda text: "☠" + text)
VALUES = st.recursive(
    HOSTILE | st.integers() | st.floats() | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            HOSTILE | st.sampled_from(["aspect", "kind", "n", "negative", "leaning", "at"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["risks", "platforms", "demands", "aspects", "cues", "negative", "total", "origin"]
        ),
        VALUES,
    ),
    HOSTILE,
    st.sampled_from(["zh", "en"]),
)
def test_hostile_evidence_is_never_a_fact(evidence, text, language):
    found = facts(evidence, "topic", language, topic=text, platform=text, aspect=text)
    assert "☠" not in "".join(found.values())


def test_the_draft_of_an_exercise_says_so():
    template = Template("note", Words("短说明"), Words("{brand}正在核实"))
    held = incident(drill=True)
    draft = statements.draft("o/n", template, held, facts(), actor="小林", now=NOW)
    assert draft.text == "【演练 DRILL】\n星途正在核实"


def test_a_field_inside_a_value_is_not_filled_again():
    found = facts(brand=Brand("xingtu", "{today}"))
    assert statements.fill("{brand}", found) == "{today}"


# -- people decide ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en"])
def test_nothing_shipped_can_be_approved_as_it_is(language):
    for draft in drafts(language):
        assert draft.state == "draft"
        with pytest.raises(Conflict):
            statements.approve(draft, actor="高管", now=NOW)


def test_it_can_be_approved_once_a_person_has_filled_it_in():
    draft = a_draft("{brand}将于〔时间〕通报")
    filled = statements.revise(draft, text="星途将于今晚八点通报", actor="小王", now=NOW + 60)
    approved = statements.approve(filled, actor="高管", now=NOW + 120, note="同意")
    assert (approved.state, approved.decided_by, approved.decided_at) == (
        "approved",
        "高管",
        NOW + 120,
    )
    assert (approved.created_by, approved.updated_by, approved.note) == ("小林", "小王", "同意")
    assert approved.text == "星途将于今晚八点通报"


@pytest.mark.parametrize("text", ["〔没写完", "没写完〕"])
def test_half_a_blank_is_a_blank(text):
    draft = statements.revise(a_draft(), text=text, actor="小王", now=NOW)
    with pytest.raises(Conflict):
        statements.approve(draft, actor="高管", now=NOW)


@pytest.mark.parametrize("decide", [statements.approve, statements.reject])
def test_a_decided_statement_does_not_change(decide):
    decided = decide(a_draft(), actor="高管", now=NOW)
    with pytest.raises(Conflict):
        statements.revise(decided, text="改一改", actor="小王", now=NOW)
    for again in (statements.approve, statements.reject):
        with pytest.raises(Conflict):
            again(decided, actor="高管", now=NOW)


def test_an_empty_statement_is_refused():
    with pytest.raises(InputError) as raised:
        statements.revise(a_draft(), text=" \n", actor="小王", now=NOW)
    assert raised.value.field == "text"


def test_no_shipped_statement_claims_that_something_was_done():
    """What is done stands in a blank, so that a person vouches for it."""
    for playbook in playbooks.shipped():
        for template in playbook.statements:
            bare = re.sub("〔[^〔〕]*〕", "", template.text.zh)
            assert template.id == "briefing" or "已" not in bare
