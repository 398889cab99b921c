"""What things are called in texts that people read: (Chinese, English) by our own names of them.

A name that is not here came from outside and is not put into such texts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Language = Literal["zh", "en"]
Names = dict[str, tuple[str, str]]

LEVELS: Names = {
    "none": ("平稳", "calm"),
    "blue": ("蓝色", "blue"),
    "yellow": ("黄色", "yellow"),
    "orange": ("橙色", "orange"),
    "red": ("红色", "red"),
}
STATES: Names = {
    "pending": ("待确认", "pending"),
    "firing": ("待处理", "firing"),
    "acknowledged": ("已接手", "acknowledged"),
    "mitigating": ("处置中", "mitigating"),
    "resolved": ("已解决", "resolved"),
    "dismissed": ("误报", "false alarm"),
}
RULES: Names = {
    "spike": ("负面激增", "negative spike"),
    "share": ("负面占比异常", "negative share"),
    "risk": ("高危话题", "severe risk"),
    "influencer": ("高影响力作者", "influential author"),
    "topic": ("新负面话题", "new negative topic"),
    "no_data": ("数据中断", "no data"),
    "drill": ("演练", "drill"),
}
RISKS: Names = {
    "personal_safety": ("人身安全", "personal safety"),
    "food_safety": ("食品安全", "food safety"),
    "fire": ("起火爆炸", "fire"),
    "data_leak": ("数据泄露", "data leak"),
    "discrimination": ("歧视", "discrimination"),
    "fraud": ("欺诈", "fraud"),
    "recall": ("召回", "recall"),
    "law": ("违法处罚", "law"),
    "labour": ("劳资纠纷", "labour"),
    "environment": ("环境污染", "environment"),
    "hygiene": ("卫生", "hygiene"),
}
PLATFORMS: Names = {
    "weibo": ("微博", "Weibo"),
    "wechat": ("微信", "WeChat"),
    "douyin": ("抖音", "Douyin"),
    "kuaishou": ("快手", "Kuaishou"),
    "xhs": ("小红书", "Xiaohongshu"),
    "zhihu": ("知乎", "Zhihu"),
    "bilibili": ("B站", "Bilibili"),
    "tieba": ("百度贴吧", "Tieba"),
    "jd": ("京东", "JD"),
    "taobao": ("淘宝", "Taobao"),
    "tmall": ("天猫", "Tmall"),
    "pdd": ("拼多多", "Pinduoduo"),
    "meituan": ("美团", "Meituan"),
    "dianping": ("大众点评", "Dianping"),
    "news": ("新闻媒体", "the news"),
    "offline": ("线下", "offline"),
}
ASPECTS: Names = {
    "quality": ("产品质量", "quality"),
    "price": ("价格", "price"),
    "service": ("服务", "service"),
    "delivery": ("物流", "delivery"),
    "safety": ("安全", "safety"),
    "look": ("外观包装", "look and packaging"),
    "performance": ("性能", "performance"),
    "experience": ("使用体验", "experience"),
    "venue": ("门店环境", "store"),
    "honesty": ("诚信宣传", "honesty"),
    "aftersales": ("售后", "after-sales"),
}
DEMANDS: Names = {
    "refund": ("退款", "a refund"),
    "compensation": ("赔偿", "compensation"),
    "replacement": ("退换", "a replacement"),
    "apology": ("道歉", "an apology"),
    "explanation": ("解释说明", "an explanation"),
    "recall": ("召回", "a recall"),
    "delisting": ("下架", "withdrawal from sale"),
    "punishment": ("追责处罚", "those responsible to be punished"),
}
REQUESTS: Names = {
    "refund": ("退款维权", "refunds"),
    "complaint": ("投诉处理", "redress"),
    "help": ("答复求助", "help"),
}
ACTIONS: Names = {
    "noticed": ("发现迹象，待确认", "noticed"),
    "fired": ("触发预警", "fired"),
    "recorded": ("补录历史预警", "recorded"),
    "joined": ("新预警并入", "alert joined"),
    "escalated": ("级别升高", "level rose"),
    "eased": ("级别回落", "level eased"),
    "overdue": ("超时未接手", "overdue"),
    "acknowledged": ("接手", "acknowledged"),
    "mitigating": ("开始处置", "mitigating"),
    "assigned": ("指派", "assigned"),
    "noted": ("备注", "noted"),
    "merged": ("合并", "merged"),
    "relapsed": ("再度异常", "relapsed"),
    "recovered": ("回到常态", "recovered"),
    "resolved": ("结案", "resolved"),
    "dismissed": ("判为误报", "dismissed"),
    "reopened": ("重新打开", "reopened"),
    "faded": ("迹象消失", "faded"),
    "closed": ("自动结案", "closed"),
}


def called(names: Mapping[str, tuple[str, str]], name: str, language: Language) -> str:
    """Return what something is called; its own name where it is not listed.

    >>> called(LEVELS, "red", "zh"), called(LEVELS, "mauve", "zh")
    ('红色', 'mauve')
    """
    pair = names.get(name)
    return name if pair is None else pair[language == "en"]


def listed(
    names: Mapping[str, tuple[str, str]], found: Iterable[str], language: Language
) -> list[str]:
    """Return what things are called, those left out that are not listed.

    >>> listed(PLATFORMS, ["xhs", "<script>"], "zh")
    ['小红书']
    """
    return [called(names, name, language) for name in found if name in names]
