"""客户反馈循环: insights, actions, and whether they helped."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor import feedback
from monitor.errors import Conflict, InputError
from monitor.feedback import Share, Subject
from tests.rows import DAY, HOUR, NOW

LATE = Subject("aspect", "delivery", NOW - 14 * DAY, NOW, 80, (3, 9))


def insights(now, before=None, volumes=(1000, 1000), mentions=None):
    return feedback.insights(now, before or {}, volumes, mentions)


def action(**more):
    values = {"text": "更换承运商", "owner": "物流主管", "due_at": NOW + 7 * DAY}
    return feedback.plan("xingtu", LATE, actor="小林", now=NOW, **values | more)


def judged(k0, n0, k, n, days=14):
    before, after = Share(k0, n0, NOW - 14 * DAY, NOW), Share(k, n, NOW, NOW + days * DAY)
    return feedback.outcome(before, after, name="delivery")


# -- the interval ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe (1998), table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((10, 10, 0, 10), 0.6075, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(counts, low, high):
    found = feedback.difference(*counts)
    assert found.low == pytest.approx(low, abs=0.0001)
    assert found.high == pytest.approx(high, abs=0.0001)


shares = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares, shares)
def test_the_interval_holds_the_difference_and_turns_round_with_it(one, two):
    found, turned = feedback.difference(*one, *two), feedback.difference(*two, *one)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_no_difference_is_known_where_a_window_is_empty():
    found = feedback.difference(5, 100, 0, 0)
    assert (found.value, found.low, found.high) == (None, None, None)


# -- insights --------------------------------------------------------------------------------------


def test_an_aspect_is_told_with_its_counts_shares_and_mentions():
    (found,) = insights(
        {("aspect", "delivery"): {-1: 60, 0: 10, 1: 30}},
        {("aspect", "delivery"): {-1: 20, 1: 30}},
        mentions={("aspect", "delivery"): [4, 2]},
    )
    assert (found.kind, found.name, found.n, found.complaints) == ("aspect", "delivery", 100, 60)
    assert (found.negative_share.value, found.negative_share.n) == (0.6, 100)
    assert (found.complaint_share.value, found.complaint_share.n) == (0.06, 1000)
    assert found.change.value == pytest.approx(0.04)
    assert found.negative_change.value == pytest.approx(0.2)
    assert found.mentions == (4, 2)
    assert found.trend == "rose"


def test_a_request_complains_whatever_its_label():
    (found,) = insights({("intent", "refund"): {-1: 5, 0: 4}})
    assert (found.kind, found.complaints) == ("request", 9)


def test_what_is_neither_aspect_nor_request_is_no_insight():
    assert insights({("intent", "recommend"): {1: 50}, ("emotion", "anger"): {-1: 50}}) == []


def test_the_most_complained_of_comes_first():
    counts = {
        ("aspect", "price"): {-1: 5},
        ("aspect", "look"): {-1: 50},
        ("intent", "help"): {0: 9},
    }
    assert [each.name for each in insights(counts)] == ["look", "help", "price"]


@pytest.mark.parametrize(
    ("now", "before", "trend"),
    [(60, 20, "rose"), (20, 60, "fell"), (22, 20, "unclear"), (8, 0, "unclear")],
)
def test_a_change_is_named_only_where_the_interval_leaves_no_doubt(now, before, trend):
    (found,) = insights(
        {("aspect", "price"): {-1: now, 1: 5}}, {("aspect", "price"): {-1: before, 1: 5}}
    )
    assert found.trend == trend


def test_against_an_empty_window_before_nothing_is_concluded():
    (found,) = insights({("aspect", "price"): {-1: 60}}, volumes=(1000, 0))
    assert (found.trend, found.change.value) == ("unclear", None)


# -- actions ---------------------------------------------------------------------------------------


def test_an_insight_becomes_an_action_that_is_done_and_told():
    held = action()
    assert (held.done_at, held.insight.mentions, held.created_by) == (None, (3, 9), "小林")
    done = feedback.finish(held, actor="小王", now=NOW + DAY, told_to=["会员短信"])
    assert (done.done_at, done.done_by, done.told_to) == (NOW + DAY, "小王", ("会员短信",))
    told = feedback.inform(done, told_to=["评论区置顶", "会员短信"])
    assert told.told_to == ("会员短信", "评论区置顶")
    with pytest.raises(Conflict):
        feedback.finish(done, actor="小王", now=NOW + 2 * DAY)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": " "}, "text"),
        ({"text": "话" * 1001}, "text"),
        ({"owner": ""}, "owner"),
        ({"due_at": NOW}, "due_at"),
    ],
)
def test_an_action_needs_a_text_an_owner_and_a_time(change, field):
    with pytest.raises(InputError) as raised:
        action(**change)
    assert raised.value.field == field


def test_an_action_about_a_request_nobody_counts_is_refused():
    with pytest.raises(InputError) as raised:
        feedback.plan(
            "xingtu",
            Subject("request", "yacht", NOW - DAY, NOW, 1),
            text="送游艇",
            owner="小林",
            due_at=NOW + DAY,
            actor="小林",
            now=NOW,
        )
    assert raised.value.field == "insight.name"


# -- outcomes --------------------------------------------------------------------------------------


def test_windows_before_and_after_have_one_length():
    done = feedback.finish(action(), actor="小王", now=NOW)
    assert feedback.spans(done, NOW + 3 * DAY + HOUR) == (
        (NOW - 3 * DAY, NOW),
        (NOW, NOW + 3 * DAY),
    )
    assert feedback.spans(done, NOW + 90 * DAY) == ((NOW - 14 * DAY, NOW), (NOW, NOW + 14 * DAY))


def test_there_is_nothing_to_compare_before_a_day_has_passed():
    done = feedback.finish(action(), actor="小王", now=NOW)
    assert feedback.spans(done, NOW + DAY - 1) is None
    assert feedback.spans(action(), NOW + 90 * DAY) is None


@pytest.mark.parametrize(
    ("counts", "verdict", "said"),
    [
        ((80, 1000, 30, 1000), "fell", "有所下降"),
        ((30, 1000, 80, 1000), "rose", "有所上升"),
        ((30, 1000, 25, 1000), "unclear", "不足以判断"),
        ((9, 20, 0, 20), "unclear", "不足以判断"),
        ((9, 20, 0, 0), "unclear", "不足以判断"),
        # Twice the talk, the same complaints: their share fell.
        ((80, 1000, 80, 2000), "fell", "有所下降"),
    ],
)
def test_it_says_whether_complaints_fell_or_that_it_cannot_tell(counts, verdict, said):
    found = judged(*counts)
    assert found.verdict == verdict
    assert said in found.summary["zh"]
    assert (found.change.value is None) == (counts[3] == 0)


def test_the_outcome_gives_the_figures_behind_it():
    found = judged(80, 1000, 30, 1000)
    assert (found.before.value, found.after.value) == (0.08, 0.03)
    assert found.change.value == pytest.approx(-0.05)
    assert "“物流”" in found.summary["zh"]
    assert "-5.0" in found.summary["zh"]
    assert "8.0%" in found.summary["en"]


def test_an_outcome_is_complete_once_the_whole_window_has_passed():
    assert judged(80, 1000, 30, 1000).complete
    assert not judged(80, 1000, 30, 1000, days=13).complete
