"""The factors of an alert, and everything that is told around it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import AspectNote, Traits
from monitor.evidence import QUOTES, Found, assess, factors
from monitor.evidence.distinctive import Vocabulary
from monitor.store.views import Cluster
from tests.rows import NOW
from tests.views import signal, sums, view


def found(**more):
    empty = {
        "window": {},
        "hour": {},
        "month": {},
        "negatives": [],
        "mentions": [],
        "risk_texts": {},
    }
    return Found(**empty | more)


def by_space(texts):
    return [text.split() for text in texts]


def test_what_is_unknown_is_0():
    assert set(factors(signal(seen=0), found()).values()) == {0}


def test_each_factor_comes_from_its_figures():
    values = factors(
        signal(),
        found(
            window={"weibo": sums(10, 12), "xhs": sums(6, 6), "jd": sums(2, 2)},
            hour={"weibo": sums(8, 8)},
            month={"weibo": sums(89, 990)},
            negatives=[1, 1, 4, 4],
            mentions=[view(1, followers=10**5), view(2, verified=True)],
            risk_texts={"fire": 1},
        ),
    )
    usual = (89 + 1) / (990 + 10)
    lower = 8 / (8 + 1.959964**2)  # Wilson's lower bound of 8 of 8
    assert values == pytest.approx(
        {
            "f_spike": 0.5,
            "f_share": (lower - usual) / (1 - usual),
            "f_risk": 0.5,
            "f_velocity": 1 - 5 / 360,
            "f_influence": 0.5,
            "f_spread": 0.25,
        },
        abs=1e-4,
    )


def test_a_danger_is_no_spike():
    assert factors(signal(rule="risk", score=50), found())["f_spike"] == 0


def test_a_platform_is_in_excess_only_beyond_its_own_habit():
    # Half an hour of 28 days: 1344 negatives let expect one in the window.
    month = {"weibo": sums(1344 * 5, 10**5), "xhs": sums(0, 0)}
    window = {"weibo": sums(9, 9), "xhs": sums(3, 3), "jd": sums(2, 2)}
    assert factors(signal(), found(window=window, month=month))["f_spread"] == 0
    window["weibo"] = sums(10, 10)
    assert factors(signal(), found(window=window, month=month))["f_spread"] == 0.25


def evidence(mentions=(), rule="spike", topic="", **more):
    given = signal(rule=rule, topic=topic)
    return assess("星途", given, found(mentions=list(mentions), **more)).evidence


def test_evidence_quotes_few_and_nothing_twice():
    mentions = [view(i, f"第{i // 3}件事：{'甲乙丙丁戊己庚辛壬癸'[i // 3] * 9}") for i in range(30)]
    quotes = evidence(mentions)["mentions"]
    assert len(quotes) == QUOTES
    assert len({quote["text"] for quote in quotes}) == QUOTES


def test_evidence_counts_by_platform():
    window = {"weibo": sums(3, 5), "xhs": sums(0, 2)}
    told = evidence(window=window, risk_texts={"fire": 2})
    assert (told["negative"], told["total"]) == (3, 7)
    assert told["platforms"] == {"weibo": 3}
    assert told["risks"] == {"fire": 2}


def test_words_are_told_against_the_brands_own_past_where_it_has_one():
    mentions = [view(i, f"电池 起火 {i}") for i in range(6)]
    usual = Vocabulary(60, {"电池": 40})
    told = evidence(mentions, cut=by_space, usual=usual, usual_of=900)
    assert [word for word, _ in told["words"]] == ["起火"]
    assert told["baseline"] == {"n": 60, "of": 900}
    young = evidence(mentions, cut=by_space)
    assert young["words"] == [["电池", 6.0], ["起火", 6.0]]
    assert young["baseline"] == {"n": 0, "of": 0}


def test_a_sample_says_of_how_many():
    mentions = [view(1), view(2)]
    assert evidence(mentions, of=900)["sample"] == {"n": 2, "drawn": 2, "of": 900}
    assert evidence(mentions)["sample"] == {"n": 2, "drawn": 2, "of": 2}


def test_shares_are_of_those_drawn_evenly_and_quotes_of_all():
    views = [view(i, f"退款 {i}", weight=9.0, region="上海") for i in range(4)]
    views += [view(10 + i, f"要求道歉 {i}", region="四川") for i in range(4)]
    told = evidence(views, of=900, drawn=frozenset(range(10, 14)), cut=by_space)
    assert told["sample"] == {"n": 8, "drawn": 4, "of": 900}
    assert [(d["kind"], d["share"]) for d in told["demands"]] == [("apology", 1.0)]
    assert told["regions"]["top"] == [{"region": "四川", "n": 4, "share": 1.0}]
    assert told["mentions"][0]["id"] < 10


def test_only_what_is_blamed_counts_as_an_aspect_and_own_words_come_first():
    def notes(*rows):
        return Traits(aspects=tuple(AspectNote(*row) for row in rows))

    told = evidence(
        [
            view(1, "甲", traits=notes(("service", -1), ("price", 1))),
            view(2, "乙", traits=notes(("service", -1))),
            view(3, "丙", traits=notes(("quality", -1, "lanhai"))),
            view(4, "丁", traits=notes(("quality", -1), ("quality", 1, "xingtu"))),
        ]
    )["aspects"]
    (service,) = told
    assert (service["aspect"], service["negative"], service["share"]) == ("service", 2, 0.5)
    assert service["low"] < 0.5 < service["high"]
    assert service["mentions"] == [1, 2]


def test_regions_are_counted_where_they_are_known():
    views = [
        view(1, "甲", region="四川"),
        view(2, "乙", region="上海"),
        view(3, "丙", region="四川"),
    ]
    told = evidence([*views, view(4, "丁")])["regions"]
    assert told["known"] == 3
    assert told["top"][0] == {"region": "四川", "n": 2, "share": 0.6667}


def test_a_danger_is_quoted_by_the_reports_to_be_believed():
    fire = Traits(risks=("fire",))
    views = [view(i, f"听说第{i}辆星途起火了", traits=fire, weight=9.0) for i in range(8)]
    views += [view(20, "我家的星途起火了", traits=fire)]
    told = evidence(views, rule="risk")
    assert [quote["id"] for quote in told["mentions"]] == [20]
    assert told["dangers"][0] == {
        "topics": ["fire"],
        "weight": 0.75,
        "doubts": [],
        "mentions": [20],
    }
    assert told["dangers"][1]["doubts"] == ["hearsay"]
    assert told["risks"] == {"fire": 9}


def test_an_influential_author_is_quoted_first():
    views = [view(i, f"第{i}句：太差", weight=9.0) for i in range(8)]
    views += [view(20, "就这质量", followers=3_000_000)]
    told = evidence(views, rule="influencer")
    assert [quote["id"] for quote in told["mentions"]] == [20]
    assert told["spread"]["authors"] == []


def test_a_new_topic_is_told_with_the_words_beside_it():
    views = [view(1, "面包 发霉"), view(2, "蛋糕 发霉 变质"), view(3, "发霉 变质")]
    told = evidence(views, rule="topic", topic="发霉", cut=by_space)
    assert told["topic_words"] == ["发霉", "变质"]
    assert evidence(views, cut=by_space)["topic_words"] == []


def test_the_most_followed_author_is_the_reach():
    assert evidence([view(1, followers=5), view(2, followers=900), view(3)])["reach"] == 900
    assert evidence([view(1), view(2, followers=0)])["reach"] is None


def test_it_begins_with_the_earliest_of_what_is_looked_at_and_what_is_given():
    looked_at = [view(1, "甲", platform="xhs", published_at=NOW - 30), view(2, "乙")]
    given = [view(3, "丙", published_at=NOW - 60)]
    told = evidence(looked_at, firsts=given)
    assert [p["mentions"] for p in told["spread"]["platforms"]] == [[3], [1]]
    assert told["origin"]["at"] == NOW - 60


def test_every_mention_that_is_cited_and_can_be_read_has_its_link():
    def at(i, text="太差", **more):
        return view(i, f"{text}{i}", url=f"https://example.com/{i}", **more)

    told = evidence(
        [at(1, "要求退款", author="a" * 32), view(2, "没有网址")],
        others=[at(3, "别带节奏", label=0)],
        firsts=[at(4, published_at=NOW - 9)],
        clusters=[Cluster(2, 2, at(5)), Cluster(1, 1, view(6))],
    )
    assert told["links"] == {str(i): f"https://example.com/{i}" for i in (1, 3, 4, 5)}


def test_evidence_is_json_the_same_every_time_and_small():
    views = [
        view(
            i,
            f"听说{i}号门店的星途起火了，要求退款并道歉" * 20,
            author=f"{i % 90:032x}",
            url=f"https://example.com/{'x' * 80}{i}",
            region=f"地区{i % 40}",
            traits=Traits(("fire",), ("refund",), tuple(AspectNote(f"a{n}", -1) for n in range(9))),
        )
        for i in range(500)
    ]
    one, other = (
        json.dumps(evidence(given, others=given[:100]), ensure_ascii=False, allow_nan=False)
        for given in (views, list(views))
    )
    assert one == other
    assert len(one.encode()) < 40_000


def test_nothing_found_is_evidence_of_nothing():
    told = evidence()
    assert told["mentions"] == told["words"] == told["aspects"] == told["demands"] == []
    assert told["origin"] is None
    assert not told["coordination"]["suspected"]
    json.dumps(told, allow_nan=False)


def test_no_author_is_named_by_more_than_a_short_pseudonym():
    names = [f"{i}" * 32 for i in range(1, 7)]
    views = [view(i, f"坏了{i}", author=name) for i, name in enumerate(names * 5)]
    told = json.dumps(evidence(views))
    assert not any(name[:9] in told for name in names)


texts = st.text(max_size=60) | st.lists(
    st.sampled_from(
        [
            "星途",
            "起火",
            "听说",
            "我家",
            "退款",
            "道歉",
            "了",
            "吗",
            "？",
            "。",
            "\n",
            "2019年",
            "[doge]",
        ]
    ),
    max_size=12,
).map("".join)
traits = st.builds(
    Traits,
    risks=st.lists(st.sampled_from(["fire", "law", "unheard_of"]), max_size=2).map(tuple),
    intents=st.lists(st.sampled_from(["refund", "help"]), max_size=2).map(tuple),
    aspects=st.lists(
        st.builds(AspectNote, st.sampled_from("ab"), st.sampled_from([-1, 0, 1])), max_size=3
    ).map(tuple),
)
views = st.builds(
    view,
    st.integers(1, 99),
    text=texts,
    title=texts,
    platform=st.sampled_from(["weibo", "xhs"]),
    kind=st.sampled_from(["post", "repost", "review"]),
    author=st.none() | st.sampled_from(["a" * 32, "b" * 32]),
    followers=st.none() | st.integers(0, 10**9),
    published_at=st.integers(0, NOW),
    label=st.sampled_from([-1, 0, 1]),
    confidence=st.floats(0, 1),
    weight=st.floats(0, 100),
    traits=traits,
)
few = st.lists(views, max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    few,
    few,
    st.sampled_from(["spike", "share", "risk", "influencer", "topic", "no_data", "drill"]),
    st.none() | st.just(frozenset()),
)
def test_whatever_is_found_makes_evidence(mentions, others, rule, known):
    told = evidence(mentions, rule=rule, others=others, known=known, topic="起火")
    json.dumps(told, allow_nan=False)
    assert len(told["mentions"]) <= QUOTES
    assert all(0 < danger["weight"] <= 1 for danger in told["dangers"])
    assert sum(side["n"] for side in told["voices"].values()) == len(mentions)
    cited = {quote["id"] for quote in told["mentions"]}
    assert cited <= {given.id for given in mentions}


def keys_of(value, path=""):
    """Every key of a nested answer as it is written in the documents: `spread.authors[].n`."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield (here := f"{path}.{key}" if path else key)
            yield from keys_of(part, here)
    elif isinstance(value, list):
        for part in value:
            yield from keys_of(part, f"{path}[]")


def test_every_key_is_documented_and_nothing_else_is():
    fire = Traits(("fire",), ("refund",), (AspectNote("service", -1),))
    views = [
        view(
            i,
            f"听说 我家 的 星途 起火 了，强烈 要求 退款 央视 {i}",
            author=f"{i:032x}",
            traits=fire,
            region="上海",
            url="https://example.com/1",
        )
        for i in range(9)
    ]
    views += [view(20 + i, f"别的 {i}", author="f" * 32) for i in range(6)]
    views += [view(30 + i, f"老话 {i}", author=f"{90 + i}" * 16) for i in range(5)]
    told = evidence(
        views,
        cut=by_space,
        window={"weibo": sums(9, 9)},
        risk_texts={"fire": 1},
        others=[view(50, "别带节奏", label=1)],
        firsts=views[:1],
        clusters=[Cluster(2, 2, views[0])],
        known=frozenset((v.platform, v.author) for v in views[-11:]),
    )
    free = ("platforms.", "risks.", "links.", "cues.found.")
    written = {key for key in keys_of(told) if not key.startswith(free)}
    page = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    rows = re.findall(r"(?m)^\| ((?:`[^`]+` ?)+)\|", page)
    documented = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    assert written == {key for key in documented if not key.startswith(free)}
