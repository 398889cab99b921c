"""Incidents and their notices under any course of events: nothing lost, nothing told twice."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from functools import wraps
from operator import itemgetter

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from monitor import alerts, incidents, notices
from monitor.domain import ENDED, LEVELS, Silence
from monitor.errors import Conflict
from monitor.notices import CROWD
from monitor.routing import Route, Tree, Window
from tests.cases import SIGNAL, channel, plan, weighed
from tests.rows import DAY, HOUR, NOW

TAKEN = {"acknowledged", "mitigating"}
RISES = {"escalated", "fired", "reopened", "relapsed", "merged"}
NIGHT = {"night": Window(hours="22:00-08:00")}
CHANNELS = (channel("duty"), channel("boss", min_level="orange"), channel("ceo"))
TREES = (
    Tree(),
    Tree(Route(channels=("duty", "boss"), escalate=(("boss",), ("ceo",)))),
    Tree(Route(channels=("duty",), wait_minutes=15, update_minutes=20, repeat_minutes=60)),
    Tree(
        Route(
            channels=("duty",),
            mute=("night",),
            routes=(
                Route(match={"platform": ("weibo",)}, channels=("boss", "ceo"), go_on=True),
                Route(match={"min_level": ("orange",)}, channels=("boss",), go_on=True),
                Route(repeat_minutes=30),
            ),
        ),
        NIGHT,
    ),
)
levels = st.sampled_from(LEVELS[1:])
rules = st.sampled_from(["spike", "spike", "share", "risk", "topic", "no_data"])
platforms = st.sampled_from([None, None, "weibo", "xhs"])
topics = st.sampled_from(["", "漏水", "退款"])


class Died(Exception):
    """The worker was killed before it could commit."""


def survives(step):
    """Have a step taken again, a little later, by the next worker."""

    @wraps(step)
    def taken(self, *args):
        try:
            return step(self, *args)
        except Died:
            self.now += 5
            return step(self, *args)

    return taken


class World:
    """What the store and the room do with cases, told and outbox, in memory."""

    def __init__(self):
        self.now = NOW
        self.cases = {}
        self.next_at = {}
        self.told = {}
        self.outbox = {}
        self.heard = defaultdict(list)
        self.waiting = Counter()
        self.tree, self.silences, self.channels = TREES[0], (), CHANNELS
        self.crash = False
        self.set_back = 0

    # -- what the room does ------------------------------------------------------------------------

    def commit(self, changes, *, together=False, cases=()):
        """Write changes, tell, and remember; who dies before it loses all of it."""
        newer = {c.case.incident.id: c.case for c in changes}
        known = {case.incident.id: case for case in cases} | newer
        outcome = self._tell(known.values(), together)
        if self.crash:
            self.crash = False
            raise Died
        for change in changes:
            self.check_timeline(self.cases.get(change.case.incident.id), change)
        self.cases |= newer
        for incident, at in outcome.next_at.items():
            bumped = at if at is None or not together else max(at, self.now + 1)
            self.next_at[incident] = bumped
        for told in outcome.told:
            before = self.told.get((told.incident_id, told.channel_id))
            if before is not None and told == replace(before, at=self.now):
                self.counted_from_now(told)
            else:
                self.check_message(before, told)
            self.told[told.incident_id, told.channel_id] = told
        for delivery in outcome.deliveries:
            assert delivery.id not in self.outbox, "told twice"
            self.outbox[delivery.id] = delivery
            self.waiting[delivery.channel_id] += 1
            self.check_payload(delivery)

    def counted_from_now(self, told):
        """What was told by a clock that was set back since is taken as told now."""
        last = self.heard[told.incident_id, told.channel_id]
        last[-1] = (last[-1][0], told)

    def _tell(self, cases, together):
        pairs = [
            (case, {c: t for (i, c), t in self.told.items() if i == case.incident.id})
            for case in cases
        ]
        where = plan(self.channels, self.tree, self.silences)
        return notices.tell(pairs, where, self.waiting, self.now, together=together)

    @survives
    def change(self, incident, step):
        change = step(self.cases[incident])
        if change is not None:
            self.commit([change])

    @survives
    def merge(self, one, two):
        changes = incidents.merge(self.cases[one], self.cases[two], actor="小王", now=self.now)
        self.commit(changes)
        # The store gives a merged case back with its lead alone, which has moved.
        gone = changes[1].case
        self.cases[two] = replace(gone, alerts=(gone.lead,))

    @survives
    def pass_time(self):
        """Look at what is due, again and again, as the worker does."""
        for _ in range(40):
            due = [i for i in self.cases if self.is_due(i)]
            if not due:
                return
            cases = [self.cases[i] for i in due]
            changes = [c for case in cases if (c := incidents.pass_time(case, self.now))]
            self.commit(changes, together=True, cases=cases)
        raise AssertionError("it never comes to rest")

    def is_due(self, incident):
        """Its time has come, or the clock was set back."""
        at, held = self.next_at[incident], self.cases[incident]
        ahead = held.is_open and held.incident.updated_at > self.now
        return ahead or (at is not None and not self.now < at <= self.now + 8 * DAY)

    def walk(self, seconds):
        """Let time pass, waking only when something is due."""
        goal = self.now + seconds
        self.pass_time()
        while self.now < goal:
            due = min((at for at in self.next_at.values() if at is not None), default=goal)
            self.now = min(goal, max(self.now + 1, due))
            self.pass_time()

    def wake(self):
        """Have every open case looked at: channels, routes or silences have changed."""
        for incident, case in self.cases.items():
            if case.is_open:
                self.next_at[incident] = 0

    # -- what the watch does -----------------------------------------------------------------------

    @survives
    def find(self, signal, level):
        cases = list(self.cases.values())
        known = [alert for case in cases for alert in case.alerts]
        held = alerts.matching(signal, known)
        if held is None or alerts.is_news(signal, held, self.now, 7200):
            alert = alerts.fire(signal, weighed(level), self.now, 7200, after=held)
            if any(alert.id == other.id for other in known):
                return
            self.enter(alert, held, cases)
        elif held.state not in ENDED and alerts.says_more(signal, held):
            newer = alerts.extend(held, signal, weighed(level), self.now)
            if newer is not None:
                self.change(
                    held.incident_id, lambda c: incidents.carry_on(c, newer, level, self.now)
                )

    def enter(self, alert, held, cases):
        case = None if alert.historical else incidents.home(alert, cases)
        if case is None and not alert.historical and held is not None and not held.historical:
            case = self.cases[held.incident_id]
            if not incidents.speaks_again(case, alert):
                return
        if case is None:
            self.commit([incidents.begin(alert, self.now)])
        else:
            self.change(case.incident.id, lambda c: incidents.join(c, alert, self.now))

    # -- what must hold ----------------------------------------------------------------------------

    def check_timeline(self, before, change):
        """Every change of an incident has its line."""
        actions = {event.action for event in change.events}
        after = change.case.incident
        assert {event.incident_id for event in change.events} <= {after.id}
        if before is None:
            assert actions & {"fired", "noticed", "recorded"}
            return
        old = before.incident
        if old.state != after.state:
            assert (
                actions
                & {
                    "fired": {"fired"},
                    "firing": {"fired", "reopened", "merged"},
                    "acknowledged": {"acknowledged", "merged"},
                    "mitigating": {"mitigating", "merged"},
                    "resolved": {"resolved", "faded", "closed", "merged"},
                    "dismissed": {"dismissed"},
                }[after.state]
            )
        if old.state in ENDED and after.state not in ENDED:
            assert "reopened" in actions
            assert not old.merged_into
            assert not old.historical
        rank = LEVELS.index
        if rank(after.level) > rank(old.level):
            assert actions & RISES
        if rank(after.level) < rank(old.level):
            assert actions & {"eased", "reopened"}
        if after.tier > old.tier:
            assert actions & {"overdue", "merged"}
        if (after.recovered_at is None) != (old.recovered_at is None):
            assert actions & {"recovered", "relapsed", "reopened", "merged"}
        if rank(after.peak) > rank(old.peak) and "merged" not in actions:
            assert after.due_at == self.now + incidents.CLOCKS[after.level]
        for alert in change.case.alerts:
            mirrored = alert.state in ENDED or alert.incident_id != after.id
            assert mirrored or alert.state == after.state

    def check_message(self, before, told):
        """A message differs from the last by what its event says, but for reminders."""
        now = self.cases[told.incident_id].incident
        assert not now.historical
        assert now.state != "pending"
        assert (told.state, told.level, told.tier) == (now.state, now.level, now.tier)
        assert told.times == 1 + (before.times if before else 0)
        if before is None:
            assert now.state not in ENDED
        else:
            assert (before.state in ENDED) <= (now.state not in ENDED)

    def check_payload(self, delivery):
        if delivery.event == "alert.digest":
            for item in delivery.payload["digest"]["items"]:
                self.check_event(delivery.channel_id, item["id"], item["event"])
            assert delivery.payload["digest"]["total"] >= 1
            return
        case = self.cases[delivery.incident_id]
        told = delivery.payload["incident"]
        assert (told["state"], told["level"]) == (case.incident.state, case.incident.level)
        self.check_event(delivery.channel_id, delivery.incident_id, delivery.event)

    def check_event(self, channel_id, incident, event):
        """The event fits what the channel heard before."""
        now = self.told[incident, channel_id]
        last = self.heard[incident, channel_id]
        before = last[-1][1] if last else None
        last.append((event, now))
        level = LEVELS.index
        fresh = before is None or before.state in ENDED
        fits = {
            "alert.firing": before is None,
            "alert.escalated": fresh or level(now.level) > level(before.level),
            "alert.acknowledged": not fresh and before.state == "firing" and now.state in TAKEN,
            "alert.reopened": before is not None and before.state != "firing",
            "alert.recovered": before is None
            or (before.recovered_at is None and now.recovered_at is not None),
            "alert.relapsed": not fresh and before.recovered_at is not None,
            "alert.overdue": before is None or now.tier not in (0, before.tier),
            "alert.updated": not fresh and now.alerts > before.alerts,
            "alert.reminder": not fresh and abs(now.at - before.at) >= 60 * 30,
            "alert.resolved": not fresh,
            "alert.dismissed": not fresh,
            "alert.merged": not fresh,
        }
        assert fits[event], (event, before, now)

    def check_settled(self):
        """Once nothing is held back everybody knows how things stand."""
        for (incident, channel_id), told in self.told.items():
            now = self.cases[incident].incident
            if told.state in ENDED:
                continue
            assert now.state not in ENDED, f"{channel_id} believes that {incident} goes on"
            assert LEVELS.index(told.level) >= LEVELS.index(now.level)
            assert (told.state in TAKEN) == (now.state in TAKEN)
            assert (told.recovered_at is None) == (now.recovered_at is None)
            assert now.tier in (0, told.tier) or not self._leads(incident, channel_id)
        for incident, case in self.cases.items():
            now = case.incident
            if now.state != "firing" or now.recovered_at is not None:
                continue
            for held in self.channels:
                if self._leads(incident, held.id):
                    assert (incident, held.id) in self.told, f"{held.id} never heard"

    def _leads(self, incident, channel_id):
        known = plan(self.channels, self.tree)
        return any(
            held.id == channel_id and route
            for held, route in notices.receivers(self.cases[incident], {}, known)
        )


class LifeCycle(RuleBasedStateMachine):
    """Any course of events."""

    @initialize(tree=st.sampled_from(TREES))
    def begin(self, tree):
        self.world = World()
        self.world.tree = tree

    def _some(self, data):
        return data.draw(st.sampled_from(sorted(self.world.cases)), label="incident")

    # -- what is found -----------------------------------------------------------------------------

    @rule(
        level=levels,
        kind=rules,
        platform=platforms,
        topic=topics,
        score=st.integers(4, 30),
        late=st.sampled_from([0, 0, 0, 1800, 3 * HOUR]),
    )
    def something_is_found(self, level, kind, platform, topic, score, late):
        end = self.world.now // 300 * 300 - late
        signal = replace(
            SIGNAL,
            rule=kind,
            platform=platform,
            topic=topic,
            score=float(score),
            bin_end=end,
            onset=end,
        )
        self.world.find(signal, level)

    @precondition(lambda self: self.world.cases)
    @rule(data=st.data())
    def it_lasts(self, data):
        end = self.world.now // 300 * 300
        self.world.change(self._some(data), lambda c: incidents.lasting(c, end, self.world.now))

    @precondition(lambda self: self.world.cases)
    @rule(data=st.data())
    def data_flows_again(self, data):
        self.world.change(self._some(data), lambda c: incidents.settle(c, self.world.now))

    # -- what people do ----------------------------------------------------------------------------

    @precondition(lambda self: self.world.cases)
    @rule(
        data=st.data(),
        act=st.sampled_from(["acknowledge", "mitigate", "resolve", "dismiss", "reopen", "note"]),
    )
    def somebody_acts(self, data, act):
        text = {"dismiss": "reason", "note": "text"}.get(act, "note")

        def step(case):
            return getattr(incidents, act)(case, actor="小王", now=self.world.now, **{text: "x"})

        try:
            self.world.change(self._some(data), step)
        except Conflict:
            return

    @precondition(lambda self: len(self.world.cases) > 1)
    @rule(data=st.data())
    def somebody_merges_two(self, data):
        one, two = self._some(data), self._some(data)
        try:
            self.world.merge(one, two)
        except Conflict:
            return

    # -- what surrounds it -------------------------------------------------------------------------

    @rule(minutes=st.sampled_from([1, 5, 20, 60, 61, 240, 400, 1500, 5000]))
    def time_passes(self, minutes):
        self.world.walk(60 * minutes)

    @rule(seconds=st.sampled_from([1, 30, 600, 3600, 40 * DAY]))
    def the_clock_is_set_back(self, seconds):
        self.world.now -= seconds
        self.world.set_back += seconds

    @rule(tree=st.sampled_from(TREES), level=st.sampled_from(LEVELS[1:4]))
    def routes_change(self, tree, level):
        self.world.tree = tree
        self.world.channels = (*CHANNELS[:2], replace(CHANNELS[2], min_level=level))
        self.world.wake()

    @rule(
        matchers=st.sampled_from([{}, {"platform": ("weibo",)}, {"level": ("blue",)}]),
        hours=st.integers(1, 9),
    )
    def a_silence_begins(self, matchers, hours):
        now = self.world.now
        held = Silence("s", matchers, now, now + hours * HOUR, "小王", "")
        self.world.silences = (*self.world.silences[-2:], held)
        self.world.wake()

    @rule(name=st.sampled_from([held.id for held in CHANNELS]))
    def a_channel_is_crowded(self, name):
        self.world.waiting[name] = CROWD

    @rule()
    def messages_go_out(self):
        self.world.waiting.clear()

    @rule()
    def the_worker_dies_before_its_next_commit(self):
        self.world.crash = True

    @rule()
    def all_comes_to_rest(self):
        world = self.world
        world.silences = ()
        world.tree = Tree(world.tree.root, dict.fromkeys(NIGHT, Window(last_day="2000-01-01")))
        world.wake()
        # Whatever was held back is looked at within a minute; no route waits over a quarter.
        world.walk(16 * 60 + world.set_back)
        world.check_settled()

    @invariant()
    def what_is_open_is_looked_at_again(self):
        for incident, case in getattr(self, "world", World()).cases.items():
            if case.is_open:
                assert self.world.next_at[incident] is not None

    def teardown(self):
        if hasattr(self, "world"):
            self.all_comes_to_rest()


acts = st.one_of(
    st.tuples(st.just("find"), levels, rules, platforms),
    st.tuples(st.sampled_from(["acknowledge", "mitigate", "resolve", "reopen"]), st.integers(0, 2)),
    st.tuples(st.just("silence"), st.integers(1, 60)),
    st.tuples(st.just("last"), st.integers(0, 2)),
)
scripts = st.lists(st.tuples(st.integers(0, 240), acts), min_size=1, max_size=8)


def played(tree, script, *, always):
    """What is heard, and when, by who looks at all each five minutes or only when it wakes."""
    world = World()
    world.tree = tree
    for spell, act in [*sorted(script, key=itemgetter(0)), (320, ("rest",))]:
        goal = NOW + 300 * spell
        while world.now < goal:
            if always:
                world.next_at = dict.fromkeys(world.cases, 0)
            world.walk(300 if always else goal - world.now)
        perform(world, *act)
        world.waiting.clear()
    return sorted(
        (told.at - NOW, incident, channel_id, event)
        for (incident, channel_id), messages in world.heard.items()
        for event, told in messages
    )


def perform(world, act, *what):
    end = world.now // 300 * 300
    if act == "find":
        level, kind, platform = what
        signal = replace(
            SIGNAL, rule=kind, platform=platform, bin_end=end, onset=end, score=world.now % 977
        )
        world.find(signal, level)
    elif act == "silence":
        silence = Silence("s", {}, world.now, world.now + 300 * what[0], "小王", "")
        world.silences = (*world.silences, silence)
    elif act != "rest" and what[0] < len(world.cases):
        incident = sorted(world.cases)[what[0]]
        if act == "last":
            world.change(incident, lambda c: incidents.lasting(c, end, world.now))
            return
        try:
            world.change(
                incident,
                lambda c: getattr(incidents, act)(c, actor="小王", note="", now=world.now),
            )
        except Conflict:
            return


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(TREES), scripts)
def test_looking_only_when_it_wakes_tells_nothing_late(tree, script):
    always, waking = (played(tree, script, always=each) for each in (True, False))
    assert waking == always


TestLifeCycle = LifeCycle.TestCase
TestLifeCycle.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, print_blob=True
)
