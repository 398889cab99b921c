"""Comparisons: whose side a clause takes when it sets one thing against another.

"A比B强" praises A, so it says the opposite of B; "A不如B好用" praises B, though "好用" stands in
the clause of both. The rules look at what stands right before and right after a target.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Comparison:
    """How much the words before, after, and in the next clause count, and a verdict of its own.

    `verdict` is 1 where the comparison itself favours the target, -1 where the other, else 0.
    """

    before: float
    after: float
    then: float
    verdict: int = 0

    @property
    def counts(self) -> tuple[float, float, float]:
        """The three weights in reading order."""
        return self.before, self.after, self.then


PLAIN = Comparison(0.5, 1.0, 1.0)
"""No comparison: what precedes a target in its clause counts half of what follows it."""

_RIVAL = Comparison(0.0, -2.0, 0.0)
_EQUAL = Comparison(0.0, 0.0, 0.0)
_WINS = Comparison(0.0, 0.0, 0.0, 1)
_CHOSEN = Comparison(0.0, 1.0, 1.0, 1)
_LOSES = Comparison(0.0, 0.0, 0.0, -1)

_BEATS = r"(?:吊打|碾压|秒杀|完爆|完胜|强过|好过|胜过|超过|超越|打败|赢过|干翻|甩开)"
_BEHIND = r"(?:不如|不及|比不上|比不了|比不过|赶不上|不敌|输给)"
_APART = r"(?:没法比|没得比|不能比|比不了|差(?:得)?(?:太|好)?[远多]|差(?:距|一截|一大截|几条街))"
_GOOD = r"(?:好|强|香|棒|稳|快|值|靠谱|舒服|耐用|清晰|划算|省心|省电)"

_RULES = [
    # (ends before the target, begins after it, what follows from both)
    (re.compile(r"被$"), re.compile(_BEATS), _WINS),
    (re.compile(r"不比$"), re.compile(""), _EQUAL),
    (re.compile(r"(?:比起?来?|相比于?|相较于?|对比)$"), re.compile(""), _RIVAL),
    (re.compile(_BEATS + r"了?$"), re.compile(""), _LOSES),
    (re.compile(_BEHIND + r"$"), re.compile(""), _WINS),
    (re.compile(r"没有?$"), re.compile(r"(?:那么|这么|的)?" + _GOOD), _WINS),
    (re.compile(r"[跟和与同]$"), re.compile(r"(?:比|相比)?[^、，]{0,2}?" + _APART), _WINS),
    (re.compile(r"(?:从|抛弃了?|告别了?)$"), re.compile(r"换|转|跳|了?$"), _LOSES),
    (
        re.compile(r"(?:还得[是看选]|还是得[看选]|换[成到]了?|改用了?|换回了?)$"),
        re.compile(""),
        _CHOSEN,
    ),
    (re.compile(""), re.compile(r"(?:真的?|就|还|都|可|完全|根本|远){0,2}" + _BEHIND), _LOSES),
    (re.compile(""), re.compile(r"被.{1,8}?" + _BEATS), _LOSES),
    (re.compile(""), re.compile(r"[跟和与同].{1,8}?(?:比|相比)?.{0,2}?" + _APART), _LOSES),
    (
        re.compile(""),
        re.compile(r"(?:真的?|还|都)?没有?[^很太真都也不比什，]{1,6}?" + _GOOD),
        _LOSES,
    ),
    (re.compile(""), re.compile(r"(?:不输|不逊|不亚于|" + _BEATS + r"|甩.{1,8}几?条街)"), _WINS),
]

_NEAR = 6
"""Characters before a target in which a comparison ends."""

# Either is there in every comparison, and in few other clauses
_ENDS = re.compile("|".join(f"(?:{ends.pattern})" for ends, _, _ in _RULES if ends.pattern))
_BEGINS = re.compile(
    "|".join(f"(?:{begins.pattern})" for ends, begins, _ in _RULES if not ends.pattern)
)


def compare(before: str, after: str) -> Comparison:
    """Return what a comparison around a target says, from its clause before and after it.

    Examples
    --------
    >>> compare("小米比", "强多了").counts
    (0.0, -2.0, 0.0)
    >>> compare("", "不如华为好用").verdict
    -1
    """
    near = before.rstrip()[-_NEAR:]
    if not (near and _ENDS.search(near)) and not (after and _BEGINS.match(after)):
        return PLAIN
    return next(
        (told for ends, begins, told in _RULES if begins.match(after) and ends.search(near)),
        PLAIN,
    )
