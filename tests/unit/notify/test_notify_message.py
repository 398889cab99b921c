"""What an alert says to the people it reaches."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.notify import TRANSPORTS
from monitor.notify.message import clean, compose, cut, html, markdown, plain

DUE = 1_795_349_700  # 2026-11-22 20:15 in Beijing


def payload(kind: str = "alert.firing", **alert: object) -> dict[str, object]:
    return {
        "type": kind,
        "id": "d1",
        "brand": {"id": "moyu", "name": "墨屿咖啡"},
        "alert": {
            "level": "orange",
            "crisis_index": 71.6,
            "summary": {"zh": "一小时内投诉异物的帖子激增", "en": "complaints surged"},
            "seen": 48,
            "expected": 6.51,
            "window_minutes": 60,
            "started_at": DUE - 4500,
            "due_at": DUE,
            "evidence": {
                "mentions": [
                    {"platform": "weibo", "text": f"第{n}条：杯底有异物\n太吓人了"}
                    for n in range(5)
                ],
                "words": [["异物", 3.2], "退款", []],
                "platforms": {"zhihu": 2, "weibo": 30, "xhs": 12},
                "risks": {"hygiene": 9},
            },
        }
        | alert,
        "url": "https://tingfeng.example.com/alerts/a1?tab=1",
    }


def test_the_chinese_message_says_what_where_how_much_and_by_when():
    assert plain(compose(payload())) == (
        "【橙色预警】墨屿咖啡：一小时内投诉异物的帖子激增\n"
        "\n"
        "危机指数：72 / 100\n"
        "负面提及：近 1 小时 48 条，平时约 6.5 条\n"
        "平台：微博 30、小红书 12、知乎 2\n"
        "风险话题：卫生 9\n"
        "高频词：异物、退款\n"
        "开始时间：2026-11-22 19:00（北京时间）\n"
        "回应时限：2026-11-22 20:15（北京时间）\n"
        "\n"
        "“第0条：杯底有异物 太吓人了”——微博\n"
        "“第1条：杯底有异物 太吓人了”——微博\n"
        "“第2条：杯底有异物 太吓人了”——微博\n"
        "\n"
        "在听风中查看 https://tingfeng.example.com/alerts/a1?tab=1\n"
    )


def test_a_summary_that_begins_with_the_brand_does_not_name_it_twice():
    message = compose(payload(summary={"zh": "墨屿咖啡近 1 小时负面提及 48 条"}))
    assert message.title == "【橙色预警】墨屿咖啡近 1 小时负面提及 48 条"


def test_the_english_message_says_the_same():
    text = plain(compose(payload(), "en"))
    assert text.startswith("[Orange alert] 墨屿咖啡: complaints surged\n")
    assert "Negative mentions: 48 in the last 1 h, usually about 6.5\n" in text
    assert "Respond by: 2026-11-22 20:15 (Beijing time)\n" in text


def test_a_window_that_is_no_whole_hour_is_told_in_minutes():
    assert dict(compose(payload(window_minutes=90)).facts)["负面提及："].startswith("近 90 分钟")
    assert dict(compose(payload(window_minutes=1440)).facts)["负面提及："].startswith("近 24 小时")


def test_the_language_of_the_payload_goes_before_the_channels():
    assert compose(payload() | {"language": "en"}, "zh").link_text == "Open in Tingfeng"


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        ("alert.firing", "【橙色预警】"),
        ("alert.escalated", "【升级为橙色预警】"),
        ("alert.acknowledged", "【橙色预警 · 已受理】"),
        ("alert.resolved", "【橙色预警 · 已解除】"),
        ("test", "【测试消息】"),
    ],
)
def test_the_heading_tells_what_happened(kind, heading):
    assert compose(payload(kind)).heading == heading


@pytest.mark.parametrize("kind", ["alert.acknowledged", "alert.resolved"])
def test_an_alert_in_hand_presses_for_no_answer(kind):
    message = compose(payload(kind))
    assert "回应时限：" not in dict(message.facts)
    assert message.quotes == ()


def test_what_is_unknown_is_left_out_and_never_zero():
    message = compose(payload(crisis_index=None, seen=None, evidence={}, started_at=None))
    assert [label for label, _ in message.facts] == ["回应时限："]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["alert", "brand", "evidence", "mentions", "platforms", "due_at"])
                | st.sampled_from(
                    ["seen", "window_minutes", "text", "summary", "zh", "url", "level"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_payload_is_so_malformed_that_nothing_can_be_said(value):
    said = compose({"type": "alert.firing", "alert": value, "brand": value, "url": value})
    assert said.title
    assert html(said)
    assert plain(said)
    assert isinstance(markdown(said), list)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "//x", "ftp://x/", "https://", "http://[", "https://x/" + "a" * 500, 7],
)
def test_a_link_that_is_no_short_web_address_is_left_out(url):
    assert compose(payload() | {"url": url}).link is None


def test_a_link_cannot_end_its_own_markup():
    link = compose(payload() | {"url": 'https://x.example/a)[b](c "d"<e>\n'}).link
    assert link == "https://x.example/a%29[b]%28c%20%22d%22%3Ce%3E%0A"


@given(st.text(), st.integers(3, 60))
def test_a_cut_fits_and_is_a_beginning_of_the_text(text, limit):
    short = cut(text, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert text == short or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.text())
def test_clean_text_is_one_line_and_stays_as_it_is(text):
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned


def test_hidden_letters_are_removed():
    assert clean("a\u200bb\u202ec\ufeffd\u2066e\u00adf\U000e0041") == "abcdef"


DOCS = Path(__file__).parents[3] / "docs" / "notifications.md"


def test_the_guide_lists_every_kind_of_channel_and_no_other():
    listed = re.findall(r"^\| `(\w+)` \|", DOCS.read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(TRANSPORTS)


def test_the_guides_payload_makes_a_message():
    blocks = re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in map(json.loads, blocks) if "alert" in block]
    message = compose(example)
    assert message.heading == "【橙色预警】"
    assert len(message.facts) == 7
    assert message.link == example["url"]
