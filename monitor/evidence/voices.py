"""Who speaks: customers, media, others; texts that look like one hand; and who speaks against.

Suspicion comes with its reasons and accuses nobody: customers copy an appeal as well.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from models.lexicon import Lexicon, load
from monitor.evidence.quotes import Said, alike, cite, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    Author = tuple[str, str]

_OWN_STAGES = frozenset({"purchase", "satisfaction", "loyalty", "churn"})
_OWN_KINDS = frozenset({"review", "ticket", "survey"})
_WORDS, _AUTHORS, _MINUTES = 6, 5, 10
"""What a suspicion needs: words in a text, authors of it, and minutes for most of them."""

_MOST, _NEW, _USUALLY_NEW = 0.6, 0.9, 0.7
_ONE_VOICE = 5


def voices(said: Sequence[Said]) -> dict[str, object]:
    """Divide the mentions by who speaks: verified accounts and articles, customers, others.

    Customers are those who show by kind, stage, a wish for their money back, or wording that they
    speak of their own purchase. Shares are of all mentions given.
    """
    sides: dict[str, list[Said]] = {"media": [], "customers": [], "others": []}
    for each, spoken in zip(said, _spoken(said), strict=True):
        sides[_side(each, spoken)].append(each)
    return {
        name: {
            "n": len(those),
            "share": round(len(those) / len(said), 4) if said else None,
            "mentions": cite(those),
        }
        for name, those in sides.items()
    }


def coordination(said: Sequence[Said], known: Collection[Author] | None) -> dict[str, object]:
    """Say what looks as if few hands had written it, and why.

    Parameters
    ----------
    said
        The negatives of the window.
    known
        Authors who spoke of the brand in the 30 days before; None where that was not looked up.

    Returns
    -------
    dict
        `suspected` only where five or more known authors wrote nearly the same, most of them
        within ten minutes, or nine of ten of them new to the brand where others are not so often;
        each reason with its figures.
    """
    authors = Counter(_author(each) for each in said if each.view.author)
    group = next(iter(_same_texts(said)), [])
    reasons = [*_of_group(group), *_of_one(said, authors)]
    if group and known is not None:
        reasons += _of_newcomers(group, set(authors), known)
    kinds = {reason["kind"] for reason in reasons}
    return {
        "suspected": "same_text" in kinds and not kinds.isdisjoint({"burst", "newcomers"}),
        "reasons": reasons,
        "authors": len(authors),
        "once": sum(n == 1 for n in authors.values()),
        "new": None if known is None else sum(author not in known for author in authors),
        "unknown": sum(each.view.author is None for each in said),
    }


def counter_voices(others: Sequence[Said], positive: int, negative: int) -> dict[str, object]:
    """Tell who speaks for the brand: praise, and those who defend it or doubt the blame.

    Parameters
    ----------
    others
        Mentions of the window that are not negative, heaviest first.
    positive, negative
        How many of each the window has.
    """
    rows = zip(others, _spoken(others), strict=True)
    defending = [each for each, spoken in rows if "defence" in spoken]
    praising = [each for each in others if each.view.label > 0]
    shown = {each.text: each for each in (*defending, *praising)}
    return {
        "positive": positive,
        "share": round(positive / (positive + negative), 4) if positive + negative else None,
        "defending": len(defending),
        "mentions": [quote(each.view) for each in list(shown.values())[:3]],
    }


def _side(said: Said, spoken: Collection[str]) -> str:
    view = said.view
    if view.verified or view.kind == "article":
        return "media"
    traits = view.traits
    own = (
        view.kind in _OWN_KINDS
        or traits.stage in _OWN_STAGES
        or "refund" in traits.intents
        or "own" in spoken
    )
    return "customers" if own else "others"


def _spoken(said: Sequence[Said]) -> list[set[str]]:
    """Return of which kinds of phrase each mention has one."""
    found = _phrases().find_all([each.text for each in said])
    return [{hit.group for hit in hits} for hits in found]


@cache
def _phrases() -> Lexicon:
    return Lexicon({name: table["words"] for name, table in load("voices").items()})


def _author(said: Said) -> Author:
    return said.view.platform, said.view.author or ""


def _same_texts(said: Sequence[Said]) -> list[list[Said]]:
    """Return groups of near-equal texts by enough different authors; reposts are no copies."""
    written = [each for each in said if each.view.kind != "repost" and each.view.author]
    groups = alike(written, _WORDS)
    return [group for group in groups if len({_author(e) for e in group}) >= _AUTHORS]


def _of_group(group: Sequence[Said]) -> list[dict[str, object]]:
    if not group:
        return []
    authors = {_author(each) for each in group}
    times = sorted(each.view.published_at for each in group)
    common: dict[str, object] = {"authors": len(authors), "mentions": cite_all(group)}
    reasons: list[dict[str, object]] = [
        {"kind": "same_text", "n": len(group), "minutes": -(-(times[-1] - times[0]) // 60)} | common
    ]
    within = _densest(times, 60 * _MINUTES)
    if within >= max(_AUTHORS, _MOST * len(group)):
        reasons.append({"kind": "burst", "n": within, "minutes": _MINUTES} | common)
    return reasons


def _of_newcomers(
    group: Sequence[Said], authors: Collection[Author], known: Collection[Author]
) -> list[dict[str, object]]:
    """Return the reason that those of a group are new to the brand where the others are not.

    Most people speak of a brand once: that alone says nothing.
    """
    ours = {_author(each) for each in group}
    others = set(authors) - ours
    new, elsewhere = (sum(a not in known for a in those) for those in (ours, others))
    if len(others) < _AUTHORS or new < _NEW * len(ours) or elsewhere > _USUALLY_NEW * len(others):
        return []
    figures = {"authors": len(ours), "mentions": cite_all(group)}
    return [{"kind": "newcomers", "n": new, "days": 30} | figures]


def _of_one(said: Sequence[Said], authors: Counter[Author]) -> list[dict[str, object]]:
    """Return the reason that one author alone makes up a fifth of the mentions."""
    who, n = next(iter(authors.most_common(1)), (("", ""), 0))
    if n < _ONE_VOICE or 5 * n < len(said):
        return []
    those = [each for each in said if _author(each) == who]
    return [{"kind": "one_author", "n": n, "author": who[1][:8], "mentions": cite_all(those)}]


def cite_all(said: Sequence[Said]) -> list[int]:
    """Return the ids of the first few mentions, equal texts too, for they are the point."""
    return [each.view.id for each in said[:_AUTHORS]]


def _densest(times: Sequence[int], seconds: int) -> int:
    """Return how many of the sorted times fall within one stretch of so many seconds."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most
