"""Phrases that settle what a text says, whatever a sum over its n-grams makes of their characters.

"不难吃" praises and "谈不上好吃" blames; "回不去了" is praise and "吃灰了" blame without a word of
feeling; "不好评价" takes no side. What the n-grams of such a phrase say gives way to its verdict.
After a turn ("没想到", "但是") a short text comes out on the side of what follows.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.lexicon import HARMLESS, Lexicon, load
from models.records import Cue
from models.stretches import Stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from models.features import Grams
    from models.lexicon import Hit
    from models.weights import Weights

    Floats = NDArray[np.float64]

VERDICT = 2.5
"""Log-odds of polarity that a phrase is worth."""

_LENGTH = 40
"""Characters of a text up to which a phrase settles all; of a longer one it settles √ its share."""

_MOST = 4.0
"""Log-odds that all phrases of a text are worth together, at most."""

_VOICED = 1.0
"""Log-odds of opinion that a verdict adds."""

UNVOICED = -3.0
"""Log-odds of opinion that a statement or question without one adds."""

_AFTER = {"but": 0.15, "turn": 0.6}
"""How much the log-odds of what follows a turn count."""

_SWAY = 2.0
"""Log-odds that a turn is worth, at most."""

_SHORT = 45
"""Characters of a text whose last turn decides; a longer one has said much else."""

IRONIC = -1.0
"""Log-odds of polarity of a text that speaks well and means it ill, at most."""

_ASKED = 40
"""Characters of the longest text that is nothing but a question."""

_TAIL = 8
"""Characters in which a text ends."""

_REACH = 10
_SIDES = {"positive": 1, "negative": -1}
_CROSSED = (
    ("positive", "denier", "poor"),
    ("positive", "lack", "complaint"),
    ("positive", "never", "mishap"),
    ("negative", "hardly", "good"),
)
_LISTED = ("positive", "negative", "neutral", "but", "turn", HARMLESS)

_DENIED = re.compile(
    r"(?:不是|并非|绝非|并不|不算|不能说|说不上|谈不上|不会|不想|不敢|不太|没有?|不|别|哪里|难以|无法|从没|从未|免得|以免|避免|不至于)"
    r"(?:说|有|再|会|让我?|让人|觉得|感觉|给人|那么|这么|什么|到|想|是|太|很|真的|完全|一点|出现|发生|因为|这种)*$"
)
_SUPPOSED = re.compile(
    r"(?:如果|要是|万一|假如|除非|只要|是否|是不是|会不会|有没有|能不能|希望|但愿|求|祝|想要|想买|等着|等待|期待|准备|打算|考虑)[^，。！？,!?；]{0,6}$"
)
_FEARED = re.compile(r"(?:以为|担心|谁说|别听|嫌|怀疑|都说|有人说|网上说)[^，。！？,!?；]{0,6}$")
_CLAIMED = re.compile(
    r"(?:号称|宣称|声称|自称|标榜|宣传|吹嘘|吹得|吹的|说好的?|承诺|保证过|广告说|客服说|商家说|卖家说|店家说|说是|以为|原以为|网上说|都说|都夸|有人说|听说|据说|说什么|博主说)"
    r"[^，。！？,!?；]{0,6}$"
)
_QUESTION = re.compile(r"[^，。！,!；;\n]{0,6}(?:吗|么[？?]|没有?[？?]|不[？?]|呢[？?]|[？?])")
_ENDS_ASKING = re.compile(
    r"(?:(?:[吗么呢嘛没]|[？?])|(?:怎么|如何)(?![这那还又老总就会能敢样想没不]|回事)[^，。！？\s]{1,4})[\s~～。.]*$"
)
_ASKERS = frozenset("吗么呢嘛没？?怎如")
_OPENS_ASKING = re.compile(r"[\W_]*(?:请问|求问|问一下|想问|有谁知道|(?:有没)?有人知道|谁知道)")
_OPENING, _CLOSING = '“"「『《', '”"」』》'


class Verdict(NamedTuple):
    """A phrase that settles something, in code points of its text.

    `polarity` is its log-odds, 0 where it takes no side.
    """

    start: int
    end: int
    polarity: float


class Reading(NamedTuple):
    """What phrases make of one text; `turn` is where what follows its last turn begins and ends.

    `weight` is how much that counts, 0 without a turn.
    """

    verdicts: Sequence[Verdict]
    turn: tuple[int, int]
    weight: float


NOTHING = Reading((), (0, 0), 0.0)


class Phrases:
    """The shipped phrases. Immutable, so that threads may share it.

    Examples
    --------
    >>> texts = ["真的不难吃", "谈不上好吃", "难吃", "请问几点开门？"]
    >>> [[verdict.polarity for verdict in reading.verdicts] for reading in shipped().read(texts)]
    [[2.5], [-2.5], [], [0.0]]
    """

    def __init__(self) -> None:
        tables = {name: table["words"] for name, table in load("phrases").items()}
        groups = {name: list(tables[name]) for name in _LISTED}
        listed = set().union(*groups.values())
        for side, first, second in _CROSSED:
            made = ["".join(pair) for pair in product(tables[first], tables[second])]
            groups[side] += [phrase for phrase in made if phrase not in listed]
            listed.update(made)
        self._lexicon = Lexicon(groups)
        self._asking = re.compile("|".join(map(re.escape, tables["ask"])))
        self._loaded = re.compile("|".join(map(re.escape, tables["loaded"])))

    def read(self, texts: Sequence[str], *, questions: bool = True) -> list[Reading]:
        """Return what the phrases of each text say, and, where wanted, which are mere questions."""
        found = zip(texts, self._lexicon.find_all(texts), strict=True)
        return [
            self._read(text, hits, questions=questions)
            if hits or (questions and _may_ask(text))
            else NOTHING
            for text, hits in found
        ]

    def _read(self, text: str, hits: Sequence[Hit], *, questions: bool) -> Reading:
        verdicts = [verdict for hit in hits if (verdict := _verdict(text, hit))]
        said = [verdict for verdict in verdicts if verdict.polarity] or verdicts[:1]
        said = said or (self._question(text) if questions else [])
        turn = _turn(text, hits)
        return Reading(said, *turn) if said or turn[1] else NOTHING

    def _question(self, text: str) -> list[Verdict]:
        """Return the whole of a text that is nothing but a question wanting an answer."""
        if not _may_ask(text):
            return []
        ends = _ENDS_ASKING.search(text, max(0, len(text) - _TAIL))
        if not ends and not _OPENS_ASKING.match(text):
            return []
        how = ends is not None and ends[0][0] in "怎如"
        if not (how or self._asking.search(text)) or self._loaded.search(text):
            return []
        return [Verdict(0, len(text), 0.0)]


def _may_ask(text: str) -> bool:
    """Tell whether a text may be nothing but a question: it is not, without one of some letters."""
    return 0 < len(text) <= _ASKED and (
        not _ASKERS.isdisjoint(text[-_TAIL:]) or "问" in text or "知道" in text
    )


def _verdict(text: str, hit: Hit) -> Verdict | None:
    """Return what a phrase says here, None where it is asked, supposed or quoted."""
    if hit.group not in _SIDES:
        return Verdict(hit.start, hit.end, 0.0) if hit.group == "neutral" else None
    before = text[max(0, hit.start - _REACH) : hit.start]
    if _quoted(text, hit) or _asked(text, hit, before) or _SUPPOSED.search(before):
        return None
    side = _SIDES[hit.group]
    if _DENIED.search(before) or (_CLAIMED if side > 0 else _FEARED).search(before):
        return None
    return Verdict(hit.start, hit.end, side * VERDICT)


def _quoted(text: str, hit: Hit) -> bool:
    opening = _OPENING.find(text[hit.start - 1]) if hit.start else -1
    return opening >= 0 and text[hit.end : hit.end + 1] == _CLOSING[opening]


def _asked(text: str, hit: Hit, before: str) -> bool:
    # 卡不卡, 有没有问题, 会不会后悔
    if text[hit.start] in "不没" and before.endswith(text[hit.start + 1]):
        return True
    mark = _QUESTION.match(text, hit.end)
    return mark is not None and (hit.group == "positive" or "吗" in mark[0])


def _turn(text: str, hits: Sequence[Hit]) -> tuple[tuple[int, int], float]:
    """Return what follows the last turn of a short text, and how much it counts."""
    for hit in reversed(hits if len(text) <= _SHORT else ()):
        if hit.group in _AFTER and hit.start > 2 and hit.end + 2 <= len(text):
            return (hit.start, len(text)), _AFTER[hit.group]
    return (0, 0), 0.0


@cache
def shipped() -> Phrases:
    """Return the phrases that come with the package, built once."""
    return Phrases()


def phrase_cues(said: str, start: int, share: float) -> list[Cue]:
    """Return the phrases that settle a stretch, which begins at `start`, with `share` of each."""
    if not said or not share:
        return []
    return [
        Cue(start + v.start, start + v.end, said[v.start : v.end], round(share * v.polarity, 4))
        for v in shipped().read([said])[0].verdicts
        if v.polarity
    ]


def clause_odds(
    readings: Sequence[Reading], clauses: Iterable[tuple[int, int, int]]
) -> list[float]:
    """Return what phrases add to the polarity of clauses: a text's number, start and end each."""
    return [
        sum(v.polarity for v in verdicts if start <= v.start and v.end <= end) if verdicts else 0
        for verdicts, start, end in (
            (readings[text].verdicts, start, end) for text, start, end in clauses
        )
    ]


def turned(polarity: Floats, opinion: Floats, ironic: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the log-odds of texts, those that mean the opposite of praise turned round."""
    return (
        np.where(ironic, np.minimum(polarity, IRONIC), polarity),
        np.where(ironic, np.maximum(opinion, _VOICED), opinion),
    )


def settle(
    readings: Sequence[Reading],
    grams: Grams,
    weights: Weights,
    polarity: Floats,
    opinion: Floats,
) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """Return the log-odds of texts with what their phrases say, and which texts take no side.

    Parameters
    ----------
    polarity, opinion
        What the n-grams of the texts say.
    """
    plain = np.zeros(grams.size, bool)
    read = [(i, reading) for i, reading in enumerate(readings) if reading is not NOTHING]
    if not read:
        return polarity, opinion, plain
    first, size = grams.bounds[:-1], grams.bounds[1:] - grams.bounds[:-1]
    polarity, opinion = polarity.copy(), opinion.copy()
    plain[[i for i, r in read if r.verdicts and not r.verdicts[0].polarity]] = True
    opinion[plain] += UNVOICED
    said = [(i, v) for i, r in read for v in r.verdicts if v.polarity]
    if said:
        owner = np.array([i for i, _ in said])
        opens, closes = np.array([v[:2] for _, v in said]).T + first[owner]
        share = np.sqrt(np.minimum(1.0, _LENGTH / np.maximum(1, size)))
        gained = np.bincount(owner, [v.polarity for _, v in said], grams.size)
        here = Stretches(grams, opens, closes).sum(weights.polarity)
        spelt = np.bincount(owner, here, grams.size)
        polarity += share * np.clip(gained, -_MOST, _MOST) - spelt / grams.root
        opinion[owner] += _VOICED * share[owner]
        brief = owner[size[owner] <= _LENGTH]
        opinion[brief] = np.maximum(opinion[brief], _VOICED)
    turns = [i for i, reading in read if reading.weight]
    if turns:
        opens, closes = np.array([readings[i].turn for i in turns]).T + first[turns]
        after = Stretches(grams, opens, closes).mean(weights.polarity)
        sway = (weights.bias[0] + after) * [readings[i].weight for i in turns]
        polarity[turns] += np.clip(sway, -_SWAY, _SWAY)
    return polarity, opinion, plain
