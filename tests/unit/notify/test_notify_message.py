"""What an alert says to the people it reaches."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.notify import TRANSPORTS
from monitor.notify.message import chat, compose, html, markdown, markdown_title, parts, plain
from monitor.notify.texts import clean, cut, size, split
from monitor.notify.wording import WORDS

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


NO_DATA = {"rule": "no_data", "crisis_index": 0, "seen": 0, "expected": 41.2, "window_minutes": 180}


def test_silence_of_a_source_is_no_count_of_negatives_and_has_no_index():
    evidence = {"platforms": {"weibo": 0}}
    facts = dict(compose(payload(**NO_DATA, evidence=evidence)).facts)
    assert facts["数据情况："] == "近 3 小时没有任何提及，平时约 41.2 条"
    assert facts["平台："] == "微博"
    assert not {"危机指数：", "负面提及："} & facts.keys()
    english = dict(compose(payload(**NO_DATA), "en").facts)
    assert english["Data: "] == "no mention at all within 3 h, usually about 41.2"
    assert "数据情况：" not in dict(compose(payload(rule="no_data", expected=None)).facts)


def test_data_that_is_back_is_told_as_such():
    for kind, heading, note in (
        ("alert.recovered", "【橙色预警 · 数据已恢复】", "数据已恢复采集"),
        ("alert.relapsed", "【橙色预警 · 数据再次中断】", "恢复之后又没有数据了"),
    ):
        message = compose(payload(kind, **NO_DATA))
        assert message.heading == heading
        assert dict(message.facts)["说明："].startswith(note)
    assert compose(payload("alert.recovered")).heading == "【橙色预警 · 已回落至常态】"


def test_an_exercise_counts_nothing():
    facts = dict(compose(payload(rule="drill", seen=0, expected=0.0) | {"drill": True}).facts)
    assert not {"危机指数：", "负面提及：", "数据情况："} & facts.keys()
    assert {"说明：", "回应时限："} <= facts.keys()


def test_a_window_that_is_no_whole_hour_is_told_in_minutes():
    assert dict(compose(payload(window_minutes=90)).facts)["负面提及："].startswith("近 90 分钟")
    assert dict(compose(payload(window_minutes=1440)).facts)["负面提及："].startswith("近 24 小时")


def test_the_language_of_the_payload_goes_before_the_channels():
    assert compose(payload() | {"language": "en"}, "zh").links[0][0] == "Open in Tingfeng"


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        ("alert.firing", "【橙色预警】"),
        ("alert.escalated", "【升级为橙色预警】"),
        ("alert.acknowledged", "【橙色预警 · 已接手】"),
        ("alert.resolved", "【橙色预警 · 已解除】"),
        ("alert.updated", "【橙色预警 · 有新进展】"),
        ("alert.reminder", "【提醒 · 橙色预警仍未接手】"),
        ("alert.overdue", "【橙色预警 · 超时未接手，升级通知】"),
        ("alert.recovered", "【橙色预警 · 已回落至常态】"),
        ("alert.dismissed", "【橙色预警 · 判定为误报】"),
        ("alert.reopened", "【橙色预警 · 重新打开】"),
        ("test", "【测试消息】"),
    ],
)
def test_the_heading_tells_what_happened(kind, heading):
    assert compose(payload(kind)).heading == heading


@pytest.mark.parametrize(
    "kind", ["alert.acknowledged", "alert.resolved", "alert.recovered", "alert.dismissed"]
)
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
    message = compose(payload() | {"url": url, "ack_url": url})
    assert (message.page, message.acknowledge, message.links) == (None, None, [])


def test_a_link_cannot_end_its_own_markup():
    url = 'https://x.example/a)[b](c "d"<e|f>\n'
    message = compose(payload() | {"url": url, "ack_url": url})
    assert message.page == message.acknowledge
    assert message.page == "https://x.example/a%29[b]%28c%20%22d%22%3Ce%7Cf%3E%0A"


@given(st.text(), st.integers(3, 60))
def test_a_cut_fits_and_is_a_beginning_of_the_text(text, limit):
    short = cut(text, limit)
    assert len(short.encode("utf-8", "replace")) <= limit
    assert text == short or (short.endswith("…") and text.startswith(short[:-1]))


@given(st.text(), st.integers(8, 60))
def test_a_cut_leaves_accents_and_skin_tones_on_what_they_belong_to(text, limit):
    short = cut(text + "é👍🏽" * 20, limit).removesuffix("…")
    after = (text + "é👍🏽" * 20)[len(short) : len(short) + 1]
    assert after not in {"\u0301", "🏽"}


@given(st.lists(st.text(), max_size=8), st.integers(4, 80), st.sampled_from(["\n", "\n\n"]))
def test_a_split_loses_nothing_and_every_text_fits(lines, limit, joint):
    texts = split(lines, limit, joint)
    assert all(size(text) <= limit for text in texts)
    glued = "".join(texts).replace("\n", "")
    assert glued == "".join(lines).replace("\n", "")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), max_size=8))
def test_a_split_breaks_only_lines_that_are_too_long_by_themselves(lines):
    short = [line for line in lines if size(line) <= 40]
    whole = [line for text in split(short, 40) for line in text.split("\n")]
    assert whole == short


def test_parts_are_numbered_only_where_there_are_several_and_carry_one_id():
    message = compose(payload())
    assert parts(message, "dl_1", ["一", "二"], 20) == [("", "一\n二")]
    lines = ["甲" * 6, "乙" * 6]
    assert parts(message, "dl_1", lines, 20) == [
        ("（1/2 · dl_1）", "甲" * 6),
        ("（2/2 · dl_1）", "乙" * 6),
    ]
    english = compose(payload(), "en")
    assert parts(english, "dl_1", lines, 20)[0][0] == " (1/2 · dl_1)"
    assert parts(english, "dl_1", [], 20) == [("", "")]


def test_a_sentence_too_long_for_the_title_stands_whole_in_the_first_line():
    said = "异物投诉" * 60
    message = compose(payload(summary={"zh": said}))
    assert size("".join(markdown_title(message))) <= 440
    assert chat(message)[0] == f"概要：墨屿咖啡：{said}"
    assert not chat(compose(payload()))[0].startswith("概要")


def test_an_exercise_is_marked_first_in_the_title_and_says_what_to_do():
    message = compose(payload() | {"drill": True})
    assert message.title.startswith("【演练】【橙色预警】")
    assert message.facts[0] == ("说明：", "这是危机演练，并非真实舆情，请按真实流程响应")
    assert compose(payload() | {"drill": True}, "en").title.startswith("[DRILL] [Orange alert] ")
    assert not compose(payload() | {"drill": "no"}).title.startswith("【演练】")


@pytest.mark.parametrize(
    ("kind", "now", "said"),
    [
        ("alert.reminder", DUE - 720, "2026-11-22 20:15（北京时间），还剩 12 分钟"),
        ("alert.overdue", DUE + 480, "2026-11-22 20:15（北京时间），已超时 8 分钟"),
        ("alert.overdue", DUE + 9000, "2026-11-22 20:15（北京时间），已超时 2.5 小时"),
        ("alert.firing", DUE - 720, "2026-11-22 20:15（北京时间）"),
    ],
)
def test_a_reminder_says_how_much_time_is_left_or_has_passed(kind, now, said):
    message = compose(payload(kind) | {"timestamp": now})
    assert dict(message.facts)["回应时限："] == said


def test_the_incident_says_how_many_alerts_it_holds_and_who_has_it():
    incident = {"id": "in_1", "state": "acknowledged", "alerts": 3, "assignee": "李雷\n"}
    facts = dict(compose(payload() | {"incident": incident}).facts)
    assert (facts["事件规模："], facts["负责人："]) == ("共 3 条预警", "李雷")
    alone = compose(payload() | {"incident": {"alerts": 1, "assignee": None}})
    assert not {"事件规模：", "负责人："} & {label for label, _ in alone.facts}


def digest(**more: object) -> dict[str, object]:
    item = {"brand": {"id": "moyu", "name": "墨屿咖啡"}, "summary": {"zh": "异物投诉激增"}}
    items = [item | {"id": "in_1", "level": "yellow"}, item | {"id": "in_2", "level": "red"}]
    held = {"total": 37, "levels": {"yellow": 34, "red": 3}, "items": items}
    return {"type": "alert.digest", "id": "dl_1", "digest": held | more}


def test_a_digest_counts_by_level_and_lists_the_gravest_first():
    assert plain(compose(digest())) == (
        "【预警汇总】共 37 起：红色 3 起、黄色 34 起\n"
        "\n"
        "说明：短时间内预警较多，合并为一条发送，详情请在听风中查看\n"
        "\n"
        "【红色预警】墨屿咖啡：异物投诉激增\n"
        "【黄色预警】墨屿咖啡：异物投诉激增\n"
        "……另有 35 起，请在听风中查看\n"
    )
    assert compose(digest()).level == "red"


def test_a_digest_in_english_says_the_same():
    message = compose(digest(), "en")
    assert message.title == "[Alert digest] 37 alerts: 3 red, 34 yellow"
    assert message.items[-1] == "… and 35 more: see Tingfeng"


def test_a_digest_says_of_each_incident_what_happened_to_it():
    items = [{"level": "red", "event": "alert.resolved", "brand": {"name": "墨屿"}}]
    assert compose(digest(items=items)).items[0].startswith("【红色预警 · 已解除】墨屿：")


@pytest.mark.parametrize("held", [None, [], {"total": "x", "levels": 3, "items": [1, None, {}]}])
def test_a_malformed_digest_still_says_that_it_is_one(held):
    assert plain(compose({"type": "alert.digest", "digest": held})).startswith("【预警汇总】共 ")


@pytest.mark.parametrize("kind", [*WORDS["zh"], "", "alert.", "nonsense", None, 7])
def test_a_type_that_is_no_event_is_told_as_an_alert(kind):
    heading = compose(payload(kind)).heading
    assert heading.startswith("【")
    assert "{" not in heading


def test_both_languages_say_the_same_things():
    assert list(WORDS["zh"]) == list(WORDS["en"])


@given(st.text())
def test_clean_text_is_one_line_and_stays_as_it_is(text):
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert clean(cleaned) == cleaned


def test_hidden_letters_are_removed():
    assert clean("a\u200bb\u202ec\ufeffd\u2066e\u00adf\U000e0041") == "abcdef"


DOCS = Path(__file__).parents[3] / "docs" / "notifications.md"


def test_the_guide_lists_every_kind_of_channel_and_no_other():
    kinds, _, _ = DOCS.read_text("utf-8").partition("\n## ")
    listed = re.findall(r"^\| `(\w+)` \|", kinds, re.MULTILINE)
    assert sorted(listed) == sorted(TRANSPORTS)


def test_the_guide_shows_the_title_of_every_event():
    shown = dict(re.findall(r"^\| `([\w.]+)` \| (【.*?】)", DOCS.read_text("utf-8"), re.MULTILINE))
    events = {event for event in WORDS["zh"] if event.startswith("alert.")} | {"test"}
    assert shown == {event: compose(payload(event)).heading for event in events}


def test_the_guides_payload_makes_a_message():
    blocks = re.findall(r"```json\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    (example,) = [block for block in map(json.loads, blocks) if "alert" in block]
    message = compose(example)
    assert message.heading == "【橙色预警】"
    assert len(message.facts) == 8
    assert message.links == [
        ("在听风中查看", example["url"]),
        ("确认接手", example["ack_url"]),
    ]
