"""Files in our own shape: JSON and JSONL as the interface takes them, tables by their header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.sources.files import Format, records
from monitor.sources.records import Record, Row, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FIELDS = (
    "platform",
    "kind",
    "id",
    "parent_id",
    "root_id",
    "brands",
    "author.id",
    "author.hash",
    "author.name",
    "author.followers",
    "author.verified",
    "title",
    "text",
    "url",
    "published_at",
    "engagement.likes",
    "engagement.comments",
    "engagement.reposts",
    "engagement.views",
    "engagement.favourites",
    "engagement.coins",
    "engagement.danmaku",
    "engagement.wow",
    "rating.value",
    "rating.scale",
    "region",
)
"""The columns of a table, named as `intake.MentionIn` nests them."""

_HEADERS = {
    "platform": "平台 来源 渠道 来源平台 发布平台 source",
    "kind": "类型 内容类型 type",
    "id": "编号 帖子编号 内容编号 评论编号 内容id 帖子id 评论id mid",
    "parent_id": "上级编号 父编号 父评论编号 所属编号 回复编号 parent",
    "root_id": "原帖编号 根编号 主帖编号",
    "brands": "品牌 品牌编号 brand",
    "author.id": "作者 作者编号 作者id 用户编号 用户id 发布者 author author_id user_id",
    "author.hash": "作者哈希 author_hash",
    "author.name": "作者昵称 昵称 用户昵称 用户名 author_name nickname",
    "author.followers": "粉丝 粉丝数 followers",
    "author.verified": "认证 是否认证 verified",
    "title": "标题",
    "text": "内容 正文 文本 评论内容 微博正文 评价内容 content",
    "url": "链接 网址 地址 原文链接 link",
    "published_at": "时间 发布时间 评论时间 发表时间 日期 发布日期 time created_at",
    "engagement.likes": "点赞 点赞数 点赞量 赞 likes",
    "engagement.comments": "评论 评论数 评论量 回复数 comments",
    "engagement.reposts": "转发 转发数 转发量 分享数 reposts shares",
    "engagement.views": "播放 播放量 播放数 阅读 阅读数 阅读量 浏览量 views",
    "engagement.favourites": "收藏 收藏数 收藏量 favourites favorites",
    "engagement.coins": "投币 投币数 硬币 coins",
    "engagement.danmaku": "弹幕 弹幕数 danmaku",
    "engagement.wow": "在看 在看数 推荐数 wow",
    "rating.value": "评分 星级 打分 分数 rating score stars",
    "rating.scale": "评分制 量表 scale",
    "region": "地区 地域 省份 属地 ip属地 region",
}
COLUMNS: dict[str, str] = {field: field for field in FIELDS} | {
    header: field for field, headers in _HEADERS.items() for header in headers.split()
}
"""Header, lower-case → field."""

_KINDS = {
    "帖子": "post",
    "微博": "post",
    "笔记": "post",
    "评论": "comment",
    "回复": "comment",
    "转发": "repost",
    "评价": "review",
    "点评": "review",
    "文章": "article",
    "视频": "video",
    "弹幕": "danmaku",
    "问卷": "survey",
    "工单": "ticket",
}
_YES_NO = {"是": "true", "否": "false", "已认证": "true", "未认证": "false"}
_LIST = re.compile(r"[,，;；|、\s]+")


@dataclass(frozen=True, slots=True)
class Plain:
    """JSON or JSONL whose objects already have the shape of a mention."""

    form: Format

    def rows(self, path: Path) -> Iterator[Row | SourceError]:
        """Give the rows as they stand."""
        for record in records(path, self.form):
            yield record if isinstance(record, SourceError) else Row(record.position, record.values)


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV whose header names the fields, in Chinese or English (`COLUMNS`)."""

    def rows(self, path: Path) -> Iterator[Row | SourceError]:
        """Give the rows; columns nobody knows are ignored and reported once each."""
        reported: set[str] = set()
        for record in records(path, "csv"):
            if isinstance(record, SourceError):
                yield record
                continue
            unknown = [name for name in record.values if field_of(name) is None]
            if new := [name for name in unknown if name not in reported]:
                reported.update(new)
                yield _ignored(record.position, new)
            yield Row(record.position, mention_of(record))


def _ignored(position: int, columns: list[str]) -> SourceError:
    names = "、".join(name or "（无名）" for name in columns)
    return SourceError(
        position,
        "",
        f"不认识这些列，已忽略：{names} / columns ignored: {names}",
        "如需导入，请改用说明中的列名 / rename them as documented to import them",
        rejected=False,
    )


def field_of(header: str) -> str | None:
    """Return the field a header names, or None.

    >>> field_of("发布时间"), field_of("Author.ID"), field_of("备注")
    ('published_at', 'author.id', None)
    """
    return COLUMNS.get(header.strip().lower())


def mention_of(record: Record) -> dict[str, Any]:
    """Return a table's row as a mention, nested.

    >>> mention_of(Record(2, {"编号": "1", "点赞": "1.2万", "类型": "评论", "备注": "无"}))
    {'id': '1', 'engagement': {'likes': '1.2万'}, 'kind': 'comment'}
    """
    mention: dict[str, Any] = {}
    for header, cell in record.values.items():
        field = field_of(header)
        if field is not None and (value := _value(field, cell.strip())):
            outer, _, inner = field.partition(".")
            place = mention.setdefault(outer, {}) if inner else mention
            place.setdefault(inner or outer, value)
    if "value" in mention.get("rating", {}):
        mention["rating"].setdefault("scale", "stars5")
    return mention


def _value(field: str, cell: str) -> str | list[str]:
    if field == "brands":
        return [name for name in _LIST.split(cell) if name]
    words: Mapping[str, str] = {"kind": _KINDS, "author.verified": _YES_NO}.get(field, {})
    return words.get(cell, cell)
