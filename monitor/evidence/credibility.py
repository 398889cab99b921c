"""Fact or rumour: what mentions ask, hear, deny, saw themselves, and whom they name as a source.

And how much one report of a danger is to be believed before anybody has looked into it.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from models.lexicon import Lexicon, load
from models.risk import SEVERITY, RiskLexicon
from monitor.evidence.quotes import cite, distinct
from monitor.indices import influence_factor
from monitor.normalise import analysed, fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.records import RiskHit
    from monitor.evidence.quotes import Said
    from monitor.store.views import MentionView

CREDIBLE = 0.5
"""Belief from which on reports of a severe danger are news at once."""

CUES = ("question", "hearsay", "denial", "witness", "official", "media")
"""What speaks for rumour (the first three) or for fact (the others)."""

_SUPPOSED = re.compile(
    r"如果|假如|假设|倘若|万一|要是|会不会|会否|担心|生怕|(?<!恐)怕(?:是要|要|会|它|哪天)"
    r"|哪天|(?:迟早|早晚)(?:要|会|得|出)|以防|小心别|当心别|想象一下|演习|演练|段子|小说|电影(?!院)"
)
_ELSEWHERE = re.compile(r"(?:隔壁|别的|其他|其它|别家)(?:牌子|品牌|厂家|家的)|友商|竞品|对家")
_ASKED = re.compile(r"(?<![?？])[?？]$|吗[。!！]?$")
# Who asks why, or whether anybody answers for it, takes it for a fact
_PRESUPPOSED = re.compile(r"为什么|为啥|为何|怎么|凭什么|谁|难道|不.{0,6}吗|负责|赔|管")
_PAST = re.compile(r"去年|前年|上个世纪|多年前|几年前|[一二三四五六七八九十两\d]年前|当年|历史上")
_YEAR = re.compile(r"((?:19|20)\d\d)年")
_JOKE = re.compile(
    r"\[(?:doge|狗头|笑哭|笑cry)\]|手动狗头|手动滑稽|开玩笑|玩笑话|哈哈哈|笑死|玩梗", re.IGNORECASE
)
_SENTENCE = re.compile(r"[^。！!？?；;\n]*[。！!？?；;\n]*")
_CLAUSE = re.compile(r"[^，,]+")
_LONGEST = 2000  # characters that are looked through
_DOUBTS = {
    "no_opinion": 0.1,
    "denial": 0.15,
    "supposed": 0.3,
    "elsewhere": 0.3,
    "question": 0.4,
    "hearsay": 0.4,
    "irony": 0.4,
    "past": 0.5,
    "unread": 0.7,
    "inherited": 0.8,
}
_SURE_PRAISE, _SURE_ENOUGH = 0.8, 0.7
# A reading that is unsure of the sentiment is not therefore unsure of the danger.
_UNSURE, _UNKNOWN_AUTHOR, _PRAISE = 0.75, 0.75, 0.9


class Report(NamedTuple):
    """How much a report of a danger is to be believed, in [0, 1], and what makes it doubtful."""

    view: MentionView
    weight: float
    doubts: tuple[str, ...]


def risk_weight(view: MentionView) -> float:
    """Return how much one mention speaks for a danger, in [0, 1]; see `reports`."""
    return reports([view])[0].weight


def reports(views: Sequence[MentionView]) -> list[Report]:
    """Weigh mentions as reports of a danger.

    Weight = severity of the gravest topic × reach (0.75 of an unknown author to 1 of one with ten
    million followers) × confidence / 0.7 (within 0.75 and 1) × a factor for each doubt: what is
    asked, heard, supposed, denied, long past, meant as a joke or as advertising. 0 where no danger
    is reported, and where the reading is sure that the brand is praised.
    """
    texts = [text[:_LONGEST] for text in fold([analysed(v.title, v.text) for v in views])]
    found = zip(_phrases().find_all(texts), _dangers().find_all(texts), strict=True)
    return [
        _report(view, text, {hit.group for hit in hits}, dangers)
        for view, text, (hits, dangers) in zip(views, texts, found, strict=True)
    ]


def belief(found: Sequence[Report]) -> float:
    """Return how much reports together are to be believed: 1 − Π(1 − weight).

    Each text and each author counts once. Several doubtful reports may be worth as much as a
    credible one (`CREDIBLE`).

    >>> belief([])
    0.0
    """
    counted: set[object] = set()
    unlikely = 1.0
    for report in sorted(found, key=lambda report: -report.weight):
        view = report.view
        marks = {view.text or view.title, (view.platform, view.author or view.id)}
        if counted.isdisjoint(marks):
            unlikely *= 1 - report.weight
        counted |= marks
    return 1 - unlikely


def cues(said: Sequence[Said]) -> dict[str, object]:
    """Tell what speaks for fact and what for rumour; each mention counts once for a cue.

    `leaning` is 'fact' or 'rumour' where one side has at least three distinct texts and twice as
    many as the other, else 'open'.
    """
    texts = distinct(said)
    found: dict[str, list[Said]] = {cue: [] for cue in CUES}
    sources: Counter[str] = Counter()
    hits_of = _phrases().find_all([each.text[:_LONGEST] for each in texts])
    for each, hits in zip(texts, hits_of, strict=True):
        for cue in dict.fromkeys(hit.group for hit in hits):
            found[cue].append(each)
        named = (each.text[h.start : h.end] for h in hits if h.group in ("official", "media"))
        sources.update(dict.fromkeys(named, 1))
    rumour, fact = (len({e.view.id for cue in part for e in found[cue]}) for part in _SIDES)
    return {
        "leaning": _leaning(fact, rumour),
        "fact": fact,
        "rumour": rumour,
        "found": {cue: {"n": len(f), "mentions": cite(f)} for cue, f in found.items() if f},
        "sources": [[name, n] for name, n in sorted(sources.items(), key=_rank)[:8]],
    }


_SIDES = (CUES[:3], CUES[3:])


def _rank(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]


def _leaning(fact: int, rumour: int) -> str:
    if fact >= max(3, 2 * rumour):
        return "fact"
    return "rumour" if rumour >= max(3, 2 * fact) else "open"


def _report(view: MentionView, text: str, cue: set[str], dangers: Sequence[RiskHit]) -> Report:
    severity = max((SEVERITY.get(topic, 0.6) for topic in view.traits.risks), default=0.0)
    confidence = 1.0 if view.corrected else view.confidence
    if severity == 0 or (view.label > 0 and confidence >= _SURE_PRAISE):
        return Report(view, 0.0, ("praise",) if severity else ())
    doubts = _doubts(view, text, cue, dangers)
    weight = (
        severity
        * (_UNKNOWN_AUTHOR + (1 - _UNKNOWN_AUTHOR) * _reach(view))
        * max(_UNSURE, min(1.0, confidence / _SURE_ENOUGH))
        * (_PRAISE if view.label > 0 else 1)
        * prod(_DOUBTS[doubt] for doubt in doubts)
    )
    return Report(view, round(weight, 3), doubts)


def _reach(view: MentionView) -> float:
    return influence_factor(view.followers or 0, bool(view.verified))


def _doubts(
    view: MentionView, text: str, cue: set[str], dangers: Sequence[RiskHit]
) -> tuple[str, ...]:
    """Return the reasons not to take a report at its word, in the order of `_DOUBTS`."""
    sentences, clauses = _told(text, dangers)
    # A source or a witness stands behind what others only hear.
    backed = not cue.isdisjoint(CUES[3:])
    found = {
        "no_opinion": view.traits.no_opinion is not None,
        "denial": "denial" in cue and "witness" not in cue,
        "supposed": any(map(_SUPPOSED.search, sentences)),
        "elsewhere": any(map(_ELSEWHERE.search, clauses)),
        "question": any(map(_asked, clauses)) or ("question" in cue and not backed),
        "hearsay": "hearsay" in cue and not backed,
        "irony": view.traits.irony or bool(_JOKE.search(text)),
        "past": any(_past(sentence, view.published_at) for sentence in sentences),
        "unread": view.traits.unsupported is not None,
        "inherited": view.via == "parent",
    }
    return tuple(doubt for doubt in _DOUBTS if found[doubt])


def _asked(clause: str) -> bool:
    return bool(_ASKED.search(clause)) and not _PRESUPPOSED.search(clause)


def _past(sentence: str, now: int) -> bool:
    years = [int(year) for year in _YEAR.findall(sentence)]
    return bool(_PAST.search(sentence)) or (bool(years) and max(years) < _year_of(now))


def _year_of(at: int) -> int:
    return datetime.fromtimestamp(at, UTC).year


def _told(text: str, dangers: Sequence[RiskHit]) -> tuple[list[str], list[str]]:
    """Return the sentences and the clauses that report the gravest danger, else the whole text."""
    gravest = max((hit.severity for hit in dangers), default=0)
    places = [hit.start for hit in dangers if hit.severity == gravest]
    if not places:
        return [text], [text]
    sentences = [m for m in _SENTENCE.finditer(text) if _holds(m, places)]
    clauses = [
        clause[0]
        for sentence in sentences
        for clause in _CLAUSE.finditer(text, *sentence.span())
        if _holds(clause, places)
    ]
    return [sentence[0] for sentence in sentences], clauses


def _holds(stretch: re.Match[str], places: Sequence[int]) -> bool:
    return any(stretch.start() <= place < stretch.end() for place in places)


@cache
def _phrases() -> Lexicon:
    return Lexicon({name: table["words"] for name, table in load("rumour").items()})


@cache
def _dangers() -> RiskLexicon:
    return RiskLexicon()
