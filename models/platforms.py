"""How readily texts of a platform voice an opinion: shop reviews nearly always do, posts less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ELSEWHERE = 0.4
"""Added to the log-odds of opinion where no platform is named: a lost complaint costs most."""

OPINION = {
    **dict.fromkeys(("jd", "taobao", "tmall", "pdd", "meituan", "dianping", "ctrip"), 1.5),
    **dict.fromkeys(("weibo", "douyin", "kuaishou", "bilibili", "toutiao", "wechat"), 0.0),
}
"""Added to the log-odds of opinion of a platform's texts: shops, and streams of posts."""


def opinion_shifts(platforms: Sequence[str]) -> NDArray[np.float64]:
    """Return what each text's platform adds to its log-odds of opinion; any other, the default.

    Examples
    --------
    >>> opinion_shifts(["jd", "a forum"]).tolist() == [OPINION["jd"], ELSEWHERE]
    True
    """
    return np.array([OPINION.get(platform, ELSEWHERE) for platform in platforms])
