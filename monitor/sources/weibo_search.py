"""The table that weibo-search writes (微博搜索结果 CSV)."""

from __future__ import annotations

from monitor.sources.keytable import KeyTable, KeyTables

WEIBO_SEARCH = KeyTables(
    (
        KeyTable(
            "weibo",
            "post",
            marks=("id", "微博正文"),
            any_mark=("bid", "发布工具"),
            id="id",
            text=("微博正文",),
            time=("发布时间",),
            author=("user_id",),
            region="ip",
            parent="retweet_id",
            verified_key="user_authentication",
            verified={
                "蓝v": True,
                "黄v": True,
                "红v": True,
                "金v": True,
                "普通用户": False,
            },
            counts={"likes": "点赞数", "comments": "评论数", "reposts": "转发数"},
        ),
    )
)
