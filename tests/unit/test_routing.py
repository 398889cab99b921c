"""Who may hear of an incident, and when."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.domain import LEVELS, RULES, Silence
from monitor.errors import InputError
from monitor.incidents import join
from monitor.routing import (
    DEEPEST,
    FIELDS,
    LONGEST_ESCALATION,
    MOST_ROUTES,
    MOST_WINDOWS,
    Route,
    Tree,
    Window,
    check,
    check_matchers,
    facts,
    fits,
    is_silenced,
    matches,
    named_channels,
    read,
    written,
)
from tests.cases import alert, channel, opened
from tests.rows import HOUR, NOW


def known(**more):
    """What an orange incident of two alerts lets matchers see."""
    case = join(opened("orange"), alert(rule="risk", platform="weibo", topic="漏水"), NOW).case
    return facts(case.incident, case.alerts) | more


def at(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp())


# -- matching --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matchers", "fits"),
    [
        ({}, True),
        ({"brand": ("lanhai", "xingtu")}, True),
        ({"brand": ("lanhai",)}, False),
        ({"level": ("orange",)}, True),
        ({"level": ("yellow", "red")}, False),
        ({"min_level": ("yellow",)}, True),
        ({"min_level": ("red",)}, False),
        ({"min_level": ("red", "blue")}, True),
        ({"rule": ("risk",), "platform": ("weibo",)}, True),
        ({"rule": ("risk",), "platform": ("xhs",)}, False),
        ({"aspect": ("price",)}, False),
        ({"topic": ("漏水",)}, True),
    ],
)
def test_every_field_that_is_named_must_have_one_of_its_values(matchers, fits):
    assert matches(matchers, known()) is fits


def test_matchers_look_at_all_alerts_and_at_the_peak():
    case = join(opened("orange"), alert(rule="risk", platform="weibo", aspect="price"), NOW).case
    eased = replace(case.incident, level="blue", topic="漏水")
    assert facts(eased, case.alerts) == {
        "brand": {"xingtu"},
        "level": {"orange"},
        "min_level": {"none", "blue", "yellow", "orange"},
        "rule": {"spike", "risk"},
        "platform": {"weibo"},
        "aspect": {"price"},
        "topic": {"漏水"},
    }


@pytest.mark.parametrize(
    ("given", "takes"),
    [
        (channel(), True),
        (channel(enabled=False), False),
        (channel(brands=("xingtu",)), True),
        (channel(brands=("lanhai",)), False),
        (channel(min_level="orange"), True),
        (channel(min_level="red"), False),
    ],
)
def test_a_channel_takes_what_peaked_high_enough_about_its_brands(given, takes):
    assert fits(given, replace(opened("orange").incident, level="blue")) is takes


# -- the tree --------------------------------------------------------------------------------------


def test_the_deepest_route_that_matches_is_taken():
    deep = Route(match={"platform": ("weibo",)}, channels=("deep",))
    tree = Tree(
        Route(
            channels=("root",),
            routes=(
                Route(match={"brand": ("lanhai",)}, channels=("other",)),
                Route(match={"brand": ("xingtu",)}, channels=("brand",), routes=(deep,)),
                Route(channels=("rest",)),
            ),
        )
    )
    assert [r.channels for r in tree.routes(known())] == [("deep",)]
    elsewhere = known(platform=frozenset())
    assert [r.channels for r in tree.routes(elsewhere)] == [("brand",)]
    assert [r.channels for r in tree.routes(known(brand={"tuanyun"}))] == [("rest",)]
    assert [r.channels for r in Tree().routes(known())] == [None]


def test_a_route_that_goes_on_lets_its_sisters_match_too():
    first = Route(match={"min_level": ("orange",)}, channels=("boss",), go_on=True)
    tree = Tree(Route(routes=(first, Route(channels=("duty",)), Route(channels=("never",)))))
    assert [r.channels for r in tree.routes(known())] == [("boss",), ("duty",)]


def test_what_a_route_leaves_open_it_inherits():
    parent = Route(
        channels=("a",),
        wait_minutes=1,
        update_minutes=2,
        repeat_minutes=3,
        mute=("night",),
        active=("day",),
        escalate=(("b",),),
        go_on=True,
        match={"brand": ("xingtu",)},
    )
    child = Route(match={"level": ("red",)}, repeat_minutes=9, mute=())
    assert child.below(parent) == replace(
        parent, match={"level": ("red",)}, repeat_minutes=9, mute=(), go_on=False
    )


def test_a_tree_knows_whom_it_names():
    tree = Tree(Route(channels=("a",), routes=(Route(escalate=(("b",), ("c",))),)))
    assert named_channels(tree) == {"a", "b", "c"}


# -- times -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "covered"),
    [
        ("2026-11-20T21:59", False),
        ("2026-11-20T22:00", True),
        ("2026-11-21T07:59", True),
        ("2026-11-21T08:00", False),
        ("2026-11-21T23:00", False),
    ],
)
def test_a_night_belongs_to_the_day_it_began_on(moment, covered):
    friday = Window(hours="22:00-08:00", weekdays=(5,))
    assert friday.covers(at(moment)) is covered


def test_a_window_without_hours_covers_its_days():
    maintenance = Window(first_day="2026-11-11", last_day="2026-11-12")
    moments = ["2026-11-10T23:59", "2026-11-11T00:00", "2026-11-12T23:59", "2026-11-13T00:00"]
    assert [maintenance.covers(at(moment)) for moment in moments] == [False, True, True, False]
    assert Window().covers(NOW)


def test_a_window_keeps_the_time_of_its_place():
    assert Window(hours="08:00-09:00", timezone="UTC").covers(at("2026-11-20T16:30"))
    assert not Window(hours="08:00-09:00").covers(at("2026-11-20T16:30"))


def test_a_route_is_quiet_in_its_mute_windows_and_outside_its_active_ones():
    tree = Tree(windows={"night": Window(hours="22:00-08:00"), "work": Window(weekdays=(1, 2))})
    monday, monday_night, sunday = map(
        at, ("2026-11-23T12:00", "2026-11-23T23:00", "2026-11-22T12:00")
    )
    mute, active = Route(mute=("night",)), Route(active=("work",))
    both = Route(mute=("night",), active=("work",))
    for route, quiet in (
        (Route(), (False, False, False)),
        (None, (False, False, False)),
        (mute, (False, True, False)),
        (active, (False, False, True)),
        (both, (False, True, True)),
        (Route(active=()), (False, False, False)),
    ):
        assert tuple(tree.is_quiet(route, t) for t in (monday, monday_night, sunday)) == quiet


# -- silences --------------------------------------------------------------------------------------


def silence(matchers, start=NOW - HOUR, end=NOW + HOUR, incident_id=None):
    return Silence("s", matchers, start, end, "小王", "已知问题", incident_id)


def test_an_incident_is_silenced_where_every_alert_is():
    case = join(opened(), alert(platform="weibo"), NOW).case
    weibo, rest = silence({"platform": ("weibo",)}), silence({"rule": ("spike",)})
    assert not is_silenced(case.incident, case.alerts, [weibo], NOW)
    assert is_silenced(case.incident, case.alerts[1:], [weibo], NOW)
    assert is_silenced(case.incident, case.alerts, [weibo, rest], NOW)
    assert not is_silenced(case.incident, case.alerts, [], NOW)


def test_a_silence_holds_from_its_beginning_until_its_end():
    case = opened()
    held = silence({"brand": ("xingtu",)})
    moments = (NOW - HOUR - 1, NOW - HOUR, NOW + HOUR - 1, NOW + HOUR)
    assert [is_silenced(case.incident, case.alerts, [held], t) for t in moments] == [
        False,
        True,
        True,
        False,
    ]


def test_a_silence_looks_at_the_level_of_each_alert():
    case = join(opened("red"), alert("blue", platform="weibo"), NOW).case
    blue = silence({"level": ("blue",)})
    assert not is_silenced(case.incident, case.alerts, [blue], NOW)
    assert is_silenced(case.incident, case.alerts[1:], [blue], NOW)


def test_a_silence_of_one_incident_holds_for_it_alone():
    case = opened()
    for incident_id, silenced in ((case.incident.id, True), ("in_other", False)):
        held = silence({}, incident_id=incident_id)
        assert is_silenced(case.incident, case.alerts, [held], NOW) is silenced


# -- what cannot be --------------------------------------------------------------------------------

WINDOWS = {"night": Window(hours="22:00-08:00")}


def test_a_tree_that_names_what_exists_is_fine():
    route = Route(
        match={"min_level": ("yellow",), "rule": RULES},
        channels=("a",),
        escalate=(("b",), ()),
        mute=("night",),
        wait_minutes=0,
        repeat_minutes=10_080,
    )
    check(Tree(Route(routes=(route,)), WINDOWS), ["a", "b"])
    check(Tree(), [])


@pytest.mark.parametrize(
    ("route", "field"),
    [
        (Route(channels=("gone",)), "channels"),
        (Route(escalate=(("a",), ("gone",))), "escalate[1]"),
        (Route(mute=("day",)), "mute"),
        (Route(active=("night", "day")), "active"),
        (Route(match={"colour": ("red",)}), "match.colour"),
        (Route(match={"level": ("crimson",)}), "match.level"),
        (Route(match={"rule": ("spikes",)}), "match.rule"),
        (Route(match={"brand": ()}), "match.brand"),
        (Route(wait_minutes=-1), "wait_minutes"),
        (Route(update_minutes=0), "update_minutes"),
        (Route(repeat_minutes=10_081), "repeat_minutes"),
    ],
)
def test_a_tree_that_cannot_be_says_where(route, field):
    tree = Tree(Route(routes=(Route(), Route(routes=(route,)))), WINDOWS)
    with pytest.raises(InputError) as caught:
        check(tree, ["a"])
    assert caught.value.field == f"root.routes[1].routes[0].{field}"


def test_the_root_takes_everything():
    with pytest.raises(InputError) as caught:
        check(Tree(Route(match={"brand": ("xingtu",)})), [])
    assert caught.value.field == "root.match"


@pytest.mark.parametrize(
    "window",
    [
        Window(hours="22:00"),
        Window(hours="22:00-22:00"),
        Window(hours="24:00-08:00"),
        Window(hours="22:60-08:00"),
        Window(hours="8:00-09:00"),
        Window(hours="08:00-09:00\n"),
        Window(weekdays=(0,)),
        Window(weekdays=(8,)),
        Window(first_day="11月11日"),
        Window(last_day="2026-02-30"),
        Window(timezone="Asia/Nowhere"),
        Window(timezone="../etc/passwd"),
    ],
)
def test_a_window_that_cannot_be_says_so(window):
    with pytest.raises(InputError) as caught:
        check(Tree(windows={"night": window}), [])
    assert caught.value.field == "windows.night"


def test_a_day_may_end_at_twenty_four():
    check(Tree(windows={"evening": Window(hours="18:00-24:00")}), [])
    assert Window(hours="18:00-24:00").covers(at("2026-11-20T23:59"))


def test_matchers_of_a_silence_are_checked_alike():
    check_matchers({"brand": ["xingtu"]})
    with pytest.raises(InputError) as caught:
        check_matchers({"min_level": ["rot"]})
    assert caught.value.field == "matchers.min_level"


# -- as plain data ---------------------------------------------------------------------------------

names = st.text(min_size=1, max_size=6)
several = st.lists(names, max_size=3).map(tuple)
minutes = st.none() | st.integers(0, 10_080)


def routes(children):
    return st.builds(
        Route,
        match=st.dictionaries(st.sampled_from(FIELDS), several, max_size=2),
        channels=st.none() | several,
        routes=children,
        go_on=st.booleans(),
        wait_minutes=minutes,
        update_minutes=minutes,
        repeat_minutes=minutes,
        mute=st.none() | several,
        active=st.none() | several,
        escalate=st.none() | st.lists(several, max_size=2).map(tuple),
    )


trees = st.builds(
    Tree,
    root=st.recursive(
        routes(st.just(())),
        lambda child: routes(st.lists(child, max_size=3).map(tuple)),
        max_leaves=6,
    ),
    windows=st.dictionaries(
        names,
        st.builds(
            Window,
            weekdays=st.lists(st.integers(1, 7), max_size=3).map(tuple),
            hours=st.sampled_from(["", "22:00-08:00"]),
            first_day=st.sampled_from(["", "2026-11-11"]),
            timezone=st.sampled_from(["Asia/Shanghai", "UTC"]),
        ),
        max_size=3,
    ),
)


@given(trees)
def test_a_tree_that_was_written_is_read_as_it_was(tree):
    plain = json.loads(json.dumps(written(tree)))
    assert read(plain) == tree
    assert written(read(plain)) == plain


def test_what_is_left_open_is_not_written():
    assert written(Tree()) == {"root": {}, "windows": {}}
    tree = Tree(Route(channels=(), routes=(Route(match={"level": ("red",)}),)), WINDOWS)
    assert written(tree) == {
        "root": {"channels": [], "routes": [{"match": {"level": ["red"]}}]},
        "windows": {"night": {"hours": "22:00-08:00"}},
    }
    assert read({}) == Tree()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], None),
        ("root", None),
        ({"roots": {}}, "roots"),
        ({"root": []}, "root"),
        ({"root": {"color": 1}}, "root.color"),
        ({"root": {"routes": {}}}, "root.routes"),
        ({"root": {"routes": [{"go_on": 1}]}}, "root.routes[0].go_on"),
        ({"root": {"wait_minutes": "5"}}, "root.wait_minutes"),
        ({"root": {"wait_minutes": True}}, "root.wait_minutes"),
        ({"root": {"match": {"brand": "xingtu"}}}, "root.match.brand"),
        ({"root": {"escalate": ["a"]}}, "root.escalate[0]"),
        ({"root": {"escalate": [["a"], [1]]}}, "root.escalate[1][0]"),
        ({"windows": {"night": {"hour": ""}}}, "windows.night.hour"),
        ({"windows": {"night": {"weekdays": [1.5]}}}, "windows.night.weekdays[0]"),
        ({"root": {"channels": ["\ud800"]}}, None),
        ({"root": {"channels": {1, 2}}}, None),
    ],
)
def test_what_is_no_tree_says_where_it_is_none(document, field):
    with pytest.raises(InputError) as caught:
        read(document)
    assert caught.value.field == field


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["root", "routes", "windows", "match", "channels", "hours", "x"]), inner
        )
    ),
)


@given(json_values)
def test_any_document_is_read_or_refused(document):
    try:
        tree = read(document)
    except InputError:
        return
    assert read(written(tree)) == tree


def nested(depth):
    document = {}
    for _ in range(depth - 1):
        document = {"routes": [document]}
    return {"root": document}


def test_a_tree_that_is_too_deep_or_too_large_is_refused():
    assert written(read(nested(DEEPEST))) == {**nested(DEEPEST), "windows": {}}
    for depth in (DEEPEST + 1, 200, 20_000):
        with pytest.raises(InputError):
            read(nested(depth))
    many = {"root": {"routes": [{"routes": [{}] * 49}] * 10}}
    with pytest.raises(InputError, match=str(MOST_ROUTES)):
        read(many)
    many["root"]["routes"].pop()
    assert read(many)


def test_there_are_a_hundred_windows_and_ten_tiers_at_most():
    windows = {f"w{i}": {} for i in range(MOST_WINDOWS)}
    assert len(read({"windows": windows}).windows) == 100
    with pytest.raises(InputError) as caught:
        read({"windows": {**windows, "more": {}}})
    assert caught.value.field == "windows"
    tiers = [["a"]] * LONGEST_ESCALATION
    assert len(read({"root": {"routes": [{"escalate": tiers}]}}).root.routes[0].escalate) == 10
    with pytest.raises(InputError) as caught:
        read({"root": {"routes": [{}, {"escalate": [*tiers, ["b"]]}]}})
    assert caught.value.field == "root.routes[1].escalate"


def test_every_level_is_a_level_of_the_tree():
    for level in LEVELS[1:]:
        check_matchers({"min_level": [level]})
