"""A review in words: Markdown, Chinese with English beside. Pure."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from monitor import names
from monitor.alerts import SYSTEM
from monitor.indices import CLOCKS
from monitor.review import COMPARED, DAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from monitor.indices import Metric
    from monitor.review import Checked, Peak, Review


_WHEN: dict[str, tuple[str, str]] = {
    "before": ("事前 7 天", "7 days before"),
    "during": ("事中", "during"),
    "after_24h": ("事后 24 小时", "24 h after"),
    "after_7d": ("事后 7 天", "7 days after"),
}
_METRICS: dict[str, tuple[str, str]] = {
    "volume": ("提及量", "mentions"),
    "negative": ("负面条数", "negative"),
    "negative_share": ("负面占比", "negative share"),
    "nsr_polar": ("净情感值", "net sentiment"),
    "nsr_total": ("净情感值（含中性）", "net sentiment, neutral counted"),
    "wom_index": ("口碑指数", "word-of-mouth index"),
    "engagement": ("互动量", "engagement"),
    "reach": ("曝光量", "reach"),
    "reach_estimated": ("曝光量（估计）", "reach, estimated"),
}
_SHARES = frozenset({"negative_share"})
_NONE = "—"
# What would make a link, a mention, a table or a heading of somebody's words.
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~&:@.=])")
_SUBJECTS: names.Names = {**names.ASPECTS, **names.RISKS}


def markdown(review: Review) -> str:
    """Return a review as Markdown, in which nothing that people wrote is markup."""
    zone = ZoneInfo(review.timezone)
    parts = [
        _title(review, zone),
        _times(review, zone),
        _comparison(review, zone),
        _demands(review),
        _steps(review, zone),
        _statements(review, zone),
        _replayed(review, zone),
        _actions(review, zone),
        _timeline(review, zone),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _safe(text: str) -> str:
    """Return a text on one line in which nothing is markup."""
    visible = "".join(
        " " if char.isspace() else char
        for char in text
        if char.isspace() or unicodedata.category(char)[0] != "C"
    )
    return _MARKUP.sub(r"\\\1", " ".join(visible.split()))


def _both(table: names.Names, name: str) -> str:
    zh, en = table.get(name, (name, ""))
    return f"{zh} {en}" if name in table else _safe(name)


def _at(at: int | None, zone: ZoneInfo) -> str:
    return _NONE if at is None else f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}"


def _long(seconds: int | None) -> str:
    if seconds is None:
        return _NONE
    minutes, days = seconds // 60 % 1440, seconds // DAY
    hours, minutes = divmod(minutes, 60)
    numbers = [(days, "天", "d"), (hours, "小时", "h"), (minutes, "分", "min")]
    shown = [part for part in numbers if part[0]] or [(0, "分", "min")]
    zh = " ".join(f"{n} {unit}" for n, unit, _ in shown)
    return f"{zh} / {' '.join(f'{n} {unit}' for n, _, unit in shown)}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _title(review: Review, zone: ZoneInfo) -> str:
    drill = "【演练 DRILL】" if review.drill else ""
    rows = [
        f"# {drill}{_safe(review.brand_name)} 事件复盘 · Incident review",
        _safe(review.summary.get("zh", "")) + "  ",
        f"*{_safe(review.summary.get('en', ''))}*",
        f"- 事件 Incident：`{re.sub('[^A-Za-z0-9_-]', '', review.incident_id)}`",
        f"- 状态 State：{_both(names.STATES, review.state)}",
        f"- 最高级别 Peak：{_both(names.LEVELS, review.peak.level)}",
        f"- 最高危机指数 Crisis index：{review.peak.crisis_index:g}",
        f"- 每小时负面最多 Most negatives an hour：{_peak_hour(review.peak, zone)}",
        f"- 涉及 About：{'、'.join(_both(_SUBJECTS, a) for a in review.about) or _NONE}",
        f"- 规则 Rules：{'、'.join(_both(names.RULES, r) for r in review.rules) or _NONE}",
        f"- 负责人 Assignee：{_safe(review.assignee or _NONE)}",
        f"- 生成于 Made：{_at(review.made_at, zone)}（{review.timezone}）"
        + ("" if review.final else "，尚未定稿 not final"),
    ]
    if review.reason:
        rows.append(f"- 误报原因 Reason：{_safe(review.reason)}")
    return "\n".join([rows[0], "", rows[1], rows[2], "", *rows[3:]])


def _peak_hour(peak: Peak, zone: ZoneInfo) -> str:
    return _NONE if peak.negatives is None else f"{peak.negatives}（{_at(peak.hour, zone)}）"


def _times(review: Review, zone: ZoneInfo) -> str:
    marks, spans = review.marks, review.spans
    clock = {True: "时限内 in time", False: "超时 late", None: ""}[marks.in_time]
    rows = [
        ("首条负面 First negative mention", review.first_at, None),
        ("开始异常 Onset", review.onset, None),
        ("发现 Detected", marks.opened_at, spans.detect),
        ("接手 Acknowledged", marks.acknowledged_at, spans.acknowledge),
        ("处置 Responded", marks.mitigating_at, spans.respond),
        ("回到常态 Back to normal", marks.recovered_at, spans.recover),
        ("结案 Resolved", marks.resolved_at, spans.resolve),
    ]
    said = [
        (
            name,
            _at(at, zone),
            " ".join(filter(None, (_long(span), clock if "接手" in name else ""))),
        )
        for name, at, span in rows
    ]
    level = review.peak.level
    body = _table(("", "时间 When", "用时 Took"), said)
    return _section(
        "关键时间 · Times", f"{body}\n\n回应时限 Clock：{_long(CLOCKS.get(level))}（按最高级别）"
    )


def _comparison(review: Review, zone: ZoneInfo) -> str:
    parts = review.stretches
    heads = ["指标 Metric"]
    for part in parts:
        zh, en = _WHEN[part.window.name]
        partial = "" if part.window.complete else "，未满 so far"
        heads.append(
            f"{zh} {en}<br>{_at(part.window.start, zone)} – {_at(part.window.end, zone)}{partial}"
        )
    rows = [
        [_both(_METRICS, name), *(_metric(name, part.metrics.get(name)) for part in parts)]
        for name in COMPARED
    ]
    note = "括号内为 95% 区间与样本量，只反映抽样误差。*95 % intervals cover sampling only.*"
    return _section("前后对比 · Before, during, after", f"{_table(heads, rows)}\n\n{note}")


def _metric(name: str, metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return _NONE

    def show(value: float) -> str:
        if name in _SHARES:
            return f"{value:.1%}"
        if name.startswith("nsr"):
            return f"{value:+.2f}"
        return f"{value:.1f}" if name == "wom_index" else f"{value:,.0f}"

    if metric.low is None or metric.high is None:
        return show(metric.value)
    return f"{show(metric.value)}（{show(metric.low)} – {show(metric.high)}，n={metric.n:.0f}）"


def _demands(review: Review) -> str:
    if review.asked is None:
        return _section("公众诉求 · What people ask for", "未知 unknown")
    items = [f"- {_both(names.DEMANDS, kind)}：{n}" for kind, n in review.asked.items()]
    return _section("公众诉求 · What people ask for", "\n".join(items) or "没有 none")


def _steps(review: Review, zone: ZoneInfo) -> str:
    if not review.steps:
        return ""
    rows = [
        (
            _safe(step.text) + (f"<br>*{_safe(step.english)}*" if step.english else ""),
            _safe(step.owner),
            _at(step.due_at, zone),
            _at(step.done_at, zone) + (f" {_safe(step.done_by)}" if step.done_by else ""),
            _outcome(step),
        )
        for step in review.steps
    ]
    heads = ("事项 Step", "责任人 Owner", "时限 Due", "完成 Done", "结果 Result")
    return _section("处置清单 · Checklist", _table(heads, rows))


def _outcome(step: Checked) -> str:
    if step.state == "skipped":
        return f"不适用 skipped：{_safe(step.note)}"
    if step.late is None:
        return "进行中 open"
    if step.late == 0:
        return "按时 on time"
    word = "超时未完成 overdue" if step.state == "open" else "超时 late"
    return f"{word} {_long(step.late)}"


def _statements(review: Review, zone: ZoneInfo) -> str:
    if not review.statements:
        return ""
    rows = [
        (_safe(draft.template), _at(draft.decided_at, zone), _safe(draft.decided_by or _NONE))
        for draft in review.statements
    ]
    heads = ("模板 Template", "批准时间 Approved", "批准人 By")
    return _section("已批准的声明 · Approved statements", _table(heads, rows))


def _replayed(review: Review, zone: ZoneInfo) -> str:
    if not review.replays:
        return ""
    rows = [
        (
            _both(names.RULES, replay.rule),
            _safe(replay.sensitivity),
            _at(replay.first_at, zone),
            _gain(replay.gain),
        )
        for replay in review.replays
    ]
    heads = ("规则 Rule", "灵敏度 Sensitivity", "首次触发 First alert", "比实际 Against actual")
    return _section("回测 · Back-test", _table(heads, rows))


def _gain(gain: int | None) -> str:
    if gain is None:
        return "不会触发 never"
    word = "早 earlier" if gain > 0 else "晚 later"
    return f"{word} {_long(abs(gain))}" if gain else "相同 same"


def _actions(review: Review, zone: ZoneInfo) -> str:
    if not review.actions:
        return ""
    rows = [
        (_safe(a.text), _safe(a.owner), _at(a.due_at, zone), _at(a.done_at, zone))
        for a in review.actions
    ]
    heads = ("改进行动 Action", "责任人 Owner", "期限 Due", "完成 Done")
    return _section("改进行动 · Actions", _table(heads, rows))


def _timeline(review: Review, zone: ZoneInfo) -> str:
    rows = [
        (
            _at(event.at, zone),
            "听风" if event.actor == SYSTEM else _safe(event.actor),
            _both(names.ACTIONS, event.action),
            _safe(event.note),
        )
        for event in review.timeline
    ]
    heads = ("时间 When", "谁 Who", "事件 What", "说明 Note")
    return _section("时间线 · Timeline", _table(heads, rows))
