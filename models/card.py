"""An evaluation's figures as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_BINARY = ("n", "accuracy", "macro_f1", "negative_recall", "negative_precision", "auc", "ece")
_FAMILY = ("sets", "accuracy", "macro_f1", "negative_recall", "negative_precision", "auc")
_TARGET = ("n", "accuracy", "macro_f1", "negative_recall", "negative_precision", "auc")
_THREE = ("n", "accuracy", "macro_f1", "ece")
_RELIABILITY = ("n", "confidence", "accuracy")


def card(report: Mapping[str, Any], date: str) -> str:
    """Return the page of one `evaluate` run; `date` is when it ran."""
    parts = [
        "# 评测数据 · Figures",
        (
            f"`python -m monitor evaluate`，{date}，模型 / model `{report['version']}`. "
            "说明见 / read with [model-card.md](model-card.md)."
        ),
        "## 正负二分 · Positive or negative, test splits",
        _table("set", report["sets"], ("family", *_BINARY)),
        "### 按来源族的均值 · Means by family",
        _table("family", report["families"], (*_FAMILY, "ece")),
    ]
    if "gate" in report:
        parts += _beside(report)
    parts += [
        "## 三分 · Three classes",
        _table("set", report["three_classes"], _THREE),
        *_curves(report["three_classes"]),
        "## 面向对象 · Towards a target, test splits",
        _table("domain", report["targets"], _TARGET),
    ]
    if "held_out" in report:
        parts += _held_out(report["held_out"])
    parts += ["## 体积 · Size", _table("file", _sizes(report["size"]), ("value",))]
    return "\n\n".join(parts) + "\n"


def _beside(report: Mapping[str, Any]) -> list[str]:
    samples = {name: f["sample"] for name, f in report["sets"].items()}
    names = list(next(iter(samples.values())))
    gate = report["gate"]
    means = {"**mean**": gate}
    return [
        "## 与他法同题 · The same texts judged by others",
        (
            "snownlp、cnsenti 照原样；plain 为 jieba + TF-IDF + 逻辑回归，训练集相同。"
            "snownlp and cnsenti as they come; plain is trained on the same texts."
        ),
        _table("set", {**samples, **means}, names),
        "### 速度 · Texts a CPU-second, same run",
        _table("judge", report["speed"], ("n", "characters", "texts_a_second")),
    ]


def _curves(sets: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    for name, figures in sets.items():
        bins = {str(i): row for i, row in enumerate(figures["reliability"], 1)}
        yield f"### 置信度是否可信 · Reliability, {name}"
        yield _table("bin", bins, _RELIABILITY)


def _held_out(held: Mapping[str, Any]) -> list[str]:
    return [
        "## 留出整族 · Trained without the set's whole family",
        _table("set", held["sets"], ("family", *_BINARY)),
        "### 按来源族的均值 · Means by family",
        _table("family", held["families"], _FAMILY),
        "### 三分，留出该集 · Three classes, the set left out",
        _table("set", held["three_classes"], _THREE),
        "### 面向对象，餐饮全部留出 · Towards a target, all food left out",
        _table("domain", held["targets"], _TARGET),
    ]


def _sizes(size: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"value": value} for name, value in size.items()}


def _table(first: str, rows: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> str:
    lines = [
        f"| {first} | {' | '.join(c.replace('_', ' ') for c in columns)} |",
        "|---" * (1 + len(columns)) + "|",
    ]
    lines += [
        f"| {name} | {' | '.join(_cell(row.get(column)) for column in columns)} |"
        for name, row in rows.items()
    ]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) and abs(value) < 10 else str(value)
