"""Every rule of the watch, and what becomes of an incident: joined, calm, back, in a storm."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace

import pytest

from monitor import incidents, notices, track, watch
from monitor.detect import DEFAULT
from monitor.domain import LEVELS, Brand, Channel
from monitor.watch import Watcher
from monitor.worker import LEADER_SECONDS, Worker
from tests import cases as made
from tests.rows import BAD, BLAND, DAY, GOOD, HOUR, NOW, burst, quiet, row

CHANNEL = Channel("duty", "webhook", "值班", {"url": "http://127.0.0.1:1/", "secret": "x"})
BIN = 300
FIRE = "星途充电时突然起火爆炸，有人烧伤"
SMELL = [
    "星途的空调异味刺鼻，开一会儿就头晕，失望",
    "星途空调异味太重了，孩子闻了咳嗽，后悔",
    "提车一周，星途车里空调异味散不掉，差评",
    "星途空调异味问题门店不给解决，失望透顶",
    "星途的空调异味真受不了，太糟糕",
]


@pytest.fixture
def send(service, xingtu, clock):
    service.store.channels.add(CHANNEL, NOW)

    def send(*rows):
        clock.now = max(clock.now, *(r["published_at"] for r in rows))
        for i in range(0, len(rows), 500):
            account = service.pipeline.ingest(rows[i : i + 500])
            assert account.accepted == len(rows[i : i + 500])

    return send


@pytest.fixture
def pass_to(service, clock):
    """Let the worker's round happen at a time; gives what was done."""

    def pass_to(at, watcher=service.watcher):
        clock.now = at
        changes = [*watcher.look(at), *service.room.pass_time(at)]
        return [event.action for change in changes for event in change.events]

    return pass_to


@pytest.fixture
def cases(service):
    """All cases, oldest first."""

    def cases(**chosen):
        found = service.store.incidents.page(brands=None, limit=1000, **chosen)
        return [service.store.incidents.get(incident.id) for incident in reversed(found)]

    return cases


@pytest.fixture
def told(service):
    """What the channel was told of an incident, in order; of all, without one."""

    def told(case):
        return [d.event for d in service.store.outbox.of_incident(case.incident.id)]

    return told


def act(service, case, action, **more):
    now = service.clock()
    service.room.change(
        case.incident.id, lambda held: action(held, actor="小王", now=now, **more), now
    )


def rules(case):
    return {(a.rule, a.platform, a.aspect, a.topic) for a in case.alerts}


# -- single mentions -------------------------------------------------------------------------------


def test_a_complaint_that_millions_read_is_an_alert_at_once(send, pass_to, cases, told):
    send(*quiet(NOW - HOUR), row(BAD, NOW - 30, author={"id": "v", "followers": 3_000_000}))
    assert pass_to(NOW) == ["fired"]
    (case,) = cases()
    assert case.lead.rule == "influencer"
    assert "300" in case.lead.summary["zh"]
    assert [quote["text"] for quote in case.lead.evidence["mentions"]] == [BAD]
    assert told(case) == ["alert.firing"]


@pytest.mark.parametrize(
    ("text", "followers"), [(BAD, 900_000), (GOOD, 3_000_000), (BLAND, 3_000_000)]
)
def test_praise_and_authors_of_less_reach_are_none(send, pass_to, cases, text, followers):
    send(*quiet(NOW - HOUR), row(text, NOW - 30, author={"id": "v", "followers": followers}))
    pass_to(NOW)
    assert cases() == []


def test_a_second_voice_of_reach_extends_the_alert_and_after_an_end_speaks_anew(
    send, pass_to, cases, told, service
):
    send(row(BAD, NOW - 30, author={"id": "v", "followers": 3_000_000}))
    pass_to(NOW)
    send(row(BAD + "！", NOW + 10, author={"id": "w", "followers": 2_000_000}))
    pass_to(NOW + 60)
    (case,) = cases()
    assert case.lead.seen == 2
    act(service, case, incidents.resolve, note="")
    assert pass_to(NOW + 120) == []
    send(row(BAD + "？！", NOW + 130, author={"id": "x", "followers": 2_000_000}))
    pass_to(NOW + 140)
    assert told(case).count("alert.reopened") == 1
    assert [a.seen for a in cases()[0].alerts if a.state == "firing"] == [1]


def smell(until, n, seconds=3000):
    return [
        row(
            f"{SMELL[i % len(SMELL)]}（{until - i}）",
            until - 1 - i * seconds // n,
            author={"id": f"u{until}-{i}"},
        )
        for i in range(n)
    ]


@pytest.fixture
def slowly(monkeypatch):
    """Leave the counts out, so that only single mentions speak."""
    monkeypatch.setattr(Watcher, "_counted", lambda *_: [])


def test_a_new_complaint_waits_until_it_is_found_again(send, pass_to, cases, told, slowly):
    send(*quiet(NOW - HOUR, days=7), *smell(NOW, 12))
    assert pass_to(NOW) == ["noticed"]
    (case,) = cases()
    assert (case.lead.rule, case.lead.topic, case.incident.state) == ("topic", "异味", "pending")
    assert told(case) == []
    assert pass_to(NOW + 1) == pass_to(NOW + 60) == []
    send(*smell(NOW + 900, 6, seconds=600))
    assert "fired" in pass_to(NOW + 900)
    (case,) = cases()
    assert (case.incident.state, len(case.alerts)) == ("firing", 1)
    assert told(case) == ["alert.firing"]
    assert "异味" in case.lead.summary["zh"]


def test_what_a_brand_is_called_is_no_complaint(send, pass_to, cases, slowly, service):
    service.store.brands.change("xingtu", lambda held: replace(held, aliases=("一汽",)))
    renamed = [r | {"text": r["text"].replace("星途", "一汽")} for r in smell(NOW, 12)]
    send(*quiet(NOW - HOUR, days=7), *renamed)
    pass_to(NOW)
    (case,) = cases()
    assert case.lead.topic == "异味"
    assert "一汽" not in case.lead.evidence["topic_words"]


def test_a_new_complaint_that_is_not_found_again_fades_unheard(send, pass_to, cases, told, slowly):
    send(*quiet(NOW - HOUR, days=7), *smell(NOW, 12))
    pass_to(NOW)
    for hour in range(1, 8):
        pass_to(NOW + hour * HOUR)
    (case,) = cases()
    assert case.incident.state == "resolved"
    assert told(case) == []


def test_an_old_complaint_is_no_news(send, pass_to, cases, slowly):
    usual = [r for day in range(1, 10) for r in smell(NOW - day * DAY, 12, seconds=20 * HOUR)]
    send(*quiet(NOW - HOUR, days=10), *usual, *smell(NOW, 12))
    pass_to(NOW)
    assert [case.lead.rule for case in cases() if not case.incident.historical] == []


# -- no data ---------------------------------------------------------------------------------------


def stream(start, end, step, platform):
    return [row(f"{BLAND}（{at}）", at, platform=platform) for at in range(start, end, step)]


@pytest.fixture
def stopped(send, pass_to, cases):
    """Weibo stopped at NOW, Xiaohongshu goes on; gives when it was noticed and told."""
    send(*stream(NOW - 3 * DAY, NOW, 300, "weibo"), *stream(NOW - 3 * DAY, NOW, 900, "xhs"))
    pass_to(NOW)
    assert cases() == []
    times = {}
    for step in range(1, 40):
        at = NOW + step * 600
        send(*stream(at - 600, at, 300, "xhs"))
        for action in pass_to(at):
            times.setdefault(action, at)
        if "fired" in times:
            break
    return times


def test_a_source_that_fell_silent_is_told_after_a_second_look_and_so_is_its_end(
    stopped, send, pass_to, cases, told
):
    (case,) = cases()
    assert rules(case) == {("no_data", "weibo", None, "")}
    assert stopped["fired"] - stopped["noticed"] >= 600
    assert stopped["fired"] <= NOW + 6 * HOUR
    assert told(case) == ["alert.firing"]
    assert (case.lead.seen, case.lead.factors, case.incident.level) == (0, {}, "blue")
    assert case.lead.evidence["usual"] > 5
    assert "不代表平静" in case.lead.summary["zh"]
    said = []
    for step in range(1, 12):
        at = stopped["fired"] + step * 600
        send(*stream(at - 600, at, 300, "weibo"), *stream(at - 600, at, 300, "xhs"))
        said += [(action, step) for action in pass_to(at)]
    ((action, step),) = said
    assert action == "recovered"
    assert step * 600 >= HOUR
    assert told(case) == ["alert.firing", "alert.recovered"]


def test_a_silence_lasts_until_something_is_heard_however_small_the_platform_is_by_then(
    stopped, send, pass_to, make_service, monkeypatch, told, cases
):
    monkeypatch.setattr(watch, "PARTS_SECONDS", 0)
    monkeypatch.setattr(watch, "LEAST_OF_PART", 10**6)
    said = []
    for hour in range(1, 27):
        at = stopped["fired"] + hour * HOUR
        send(*stream(at - HOUR, at, 900, "xhs"))
        said += pass_to(at)
    # As after a month without a word, of which nobody could tell what is usual.
    monkeypatch.setattr(track, "HISTORY", HOUR)
    for hour in range(27, 53):
        at = stopped["fired"] + hour * HOUR
        send(*stream(at - HOUR, at, 900, "xhs"))
        said += pass_to(at, watcher=make_service().watcher)
    assert {"recovered", "closed", "fired"}.isdisjoint(said)
    for hour in range(53, 56):
        at = stopped["fired"] + hour * HOUR
        send(*stream(at - HOUR, at, 300, "weibo"), *stream(at - HOUR, at, 900, "xhs"))
        said += pass_to(at)
    assert said.count("recovered") == 1
    assert told(cases()[0])[-1] == "alert.recovered"


def test_a_silence_over_which_no_worker_ran_is_one(stopped, send, pass_to, cases, make_service):
    later = stopped["fired"] + 8 * HOUR
    send(*stream(later - 8 * HOUR, later, 900, "xhs"))
    pass_to(later, watcher=make_service().watcher)
    (case,) = cases()
    assert (case.incident.state, case.incident.last_bin) == ("firing", later)


def test_a_worker_that_starts_anew_within_the_bin_ends_no_silence_that_waits(
    send, pass_to, cases, make_service
):
    send(*stream(NOW - 3 * DAY, NOW, 300, "weibo"), *stream(NOW - 3 * DAY, NOW, 900, "xhs"))
    at = NOW
    while "noticed" not in pass_to(at) and at < NOW + 6 * HOUR:
        at += 600
        send(*stream(at - 600, at, 300, "xhs"))
    assert [case.incident.state for case in cases()] == ["pending"]
    assert pass_to(at + 5, watcher=make_service().watcher) == []
    assert [case.incident.state for case in cases()] == ["pending"]


def test_silence_is_no_part_of_a_crisis_of_the_same_brand(stopped, send, pass_to, cases):
    at = stopped["fired"] + BIN
    send(*(r | {"platform": "xhs"} for r in burst(at, n=60)))
    pass_to(at)
    silence, crisis = cases()
    assert rules(silence) == {("no_data", "weibo", None, "")}
    assert {a.rule for a in crisis.alerts} == {"spike"}


# -- when it began ---------------------------------------------------------------------------------


@pytest.mark.parametrize("author", [{"id": "x"}, {"id": "x", "followers": 3_000_000}])
def test_nothing_began_before_now_or_after_what_shows_it(send, pass_to, cases, author):
    send(*quiet(NOW - HOUR), row(FIRE, NOW + 10, author=author))
    pass_to(NOW + 20)
    (case,) = cases()
    assert {(alert.onset, alert.last_bin) for alert in case.alerts} == {(NOW, NOW + BIN)}


def test_a_burst_began_with_its_first_bin(send, pass_to, cases):
    send(*quiet(NOW - 1800), *burst(n=60, seconds=200))
    pass_to(NOW)
    (case,) = cases()
    assert (case.incident.onset, case.incident.last_bin) == (NOW - BIN, NOW)


# -- one incident ----------------------------------------------------------------------------------


def two_platforms(until):
    return [
        *stream(NOW - 3 * DAY, until, 600, "weibo"),
        *stream(NOW - 3 * DAY, until, 900, "xhs"),
    ]


def dear(until, n, seconds, platform):
    return [
        row(f"星途的价格太贵了，坑人，后悔买了！第{i}个", r["published_at"], platform=platform)
        for i, r in enumerate(burst(until, n, seconds))
    ]


def test_platforms_and_aspects_join_the_incident_of_their_brand(send, pass_to, cases, told):
    prices = [row(f"星途的价格还行（{i}）", NOW - 3 * DAY + i * 1100) for i in range(220)]
    # Its usual complaints, all on one platform, hide from the whole what the other shows.
    usual = [
        row(f"{BAD}（{at}）", at, platform="xhs") for at in range(NOW - 3 * DAY, NOW - 900, 300)
    ]
    send(*two_platforms(NOW - 1800), *prices, *usual, *dear(NOW, 60, 1500, "weibo"))
    pass_to(NOW)
    (case,) = cases()
    assert {("spike", "weibo", None, ""), ("spike", None, "price", "")} <= rules(case)
    assert told(case) == ["alert.firing"]
    send(*dear(NOW + 900, 90, 800, "xhs"))
    pass_to(NOW + 900)
    (case,) = cases()
    assert ("spike", None, None, "") in rules(case)
    assert told(case) in (["alert.firing"], ["alert.firing", "alert.escalated"])


def test_a_part_that_stands_out_no_more_than_its_brand_is_no_alert_of_its_own(send, pass_to, cases):
    prices = [row(f"星途的价格还行（{i}）", NOW - 3 * DAY + i * 1100) for i in range(220)]
    send(*two_platforms(NOW - 1800), *prices, *dear(NOW, 60, 1500, "weibo"))
    for step in range(3):
        pass_to(NOW + step * BIN)
    (case,) = cases()
    assert rules(case) == {("spike", None, None, "")}


def test_what_one_look_finds_is_one_message_that_names_the_gravest(send, pass_to, cases, told):
    send(*quiet(NOW - HOUR, days=7), *smell(NOW, 12))
    pass_to(NOW)
    (case,) = cases()
    assert {a.rule for a in case.alerts} == {"spike", "topic"}
    assert told(case) == ["alert.firing"]
    assert case.lead.level == case.incident.level
    assert case.lead.crisis_index == max(a.crisis_index for a in case.alerts)


# -- calm and back again ---------------------------------------------------------------------------


def test_a_crisis_that_is_over_eases_recovers_and_is_told_so_once(send, pass_to, cases, told):
    send(*quiet(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    levels = []
    for step in range(1, 30):
        at = NOW + step * 1800
        send(row(GOOD + f"{step}", at - 900), row(BLAND + f"{step}", at - 100))
        pass_to(at)
        levels.append(LEVELS.index(cases()[0].incident.level))
    (case,) = cases()
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == LEVELS.index("blue")
    assert case.incident.recovered_at is not None
    kinds = Counter(told(case))
    assert (kinds["alert.firing"], kinds["alert.recovered"]) == (1, 1)


def test_late_complaints_that_show_it_never_ended_are_a_relapse(send, pass_to, cases, told):
    send(*quiet(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    step = 0
    while cases()[0].incident.recovered_at is None and step < 40:
        step += 1
        at = NOW + step * 1800
        send(row(BLAND + f"{step}", at - 100))
        pass_to(at)
    recovered = cases()[0].incident.recovered_at
    assert recovered is not None
    send(*burst(recovered - 600, n=80, seconds=1500))
    assert "relapsed" in pass_to(recovered + 600)
    (case,) = cases()
    assert case.incident.recovered_at is None
    assert [e for e in told(case) if e in ("alert.recovered", "alert.relapsed")] == [
        "alert.recovered",
        "alert.relapsed",
    ]


def test_what_was_dismissed_stays_quiet_though_it_goes_on_elsewhere(
    send, pass_to, cases, told, service
):
    send(*two_platforms(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    (case,) = cases()
    act(service, case, incidents.dismiss, reason="水军")
    for step in range(1, 7):
        at = NOW + step * BIN
        send(*(r | {"platform": "xhs"} for r in burst(at, n=12, seconds=BIN)))
        pass_to(at)
    assert [c.incident.state for c in cases()] == ["dismissed"]
    assert told(case)[-1] == "alert.dismissed"


def test_what_was_dismissed_speaks_again_when_it_is_graver(send, pass_to, cases, told, service):
    send(*quiet(NOW - 1800), *burst(n=9))
    pass_to(NOW)
    (case,) = cases()
    level = case.incident.peak
    assert level != "red"
    act(service, case, incidents.dismiss, reason="误报")
    for step in range(1, 5):
        at = NOW + step * 6 * BIN
        send(*burst(at, n=20 * 3**step, seconds=5 * BIN))
        pass_to(at)
    (case,) = cases()
    assert case.incident.state == "firing"
    assert LEVELS.index(case.incident.peak) > LEVELS.index(level)
    assert "alert.reopened" in told(case)


def test_who_dismisses_while_the_watch_reads_is_not_overruled(
    send, pass_to, cases, service, monkeypatch
):
    send(*quiet(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    (case,) = cases()
    send(row(FIRE, NOW + 20))
    change = service.room.change

    def dismissed_first(*step):
        monkeypatch.setattr(service.room, "change", change)
        act(service, case, incidents.dismiss, reason="水军")
        return change(*step)

    monkeypatch.setattr(service.room, "change", dismissed_first)
    # A whole day of calm: what is found now is no graver than what was dismissed.
    monkeypatch.setattr(service.watcher, "_counted", lambda *_: [])
    pass_to(NOW + 30)
    assert [c.incident.state for c in cases()] == ["dismissed"]


def test_danger_speaks_though_a_burst_was_dismissed(send, pass_to, cases, service):
    send(*quiet(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    act(service, cases()[0], incidents.dismiss, reason="水军")
    send(row(FIRE, NOW + 20))
    pass_to(NOW + 30)
    assert ("risk", "firing") in {(a.rule, a.state) for case in cases() for a in case.alerts}


# -- a storm ---------------------------------------------------------------------------------------


def name(i):
    return "".join("甲乙丙丁戊己庚辛壬癸"[int(digit)] for digit in f"{i:03}") + "牌"


@pytest.fixture
def many(service, clock):
    """Make brands, each with one mention of danger, or one that millions read."""
    service.store.channels.add(CHANNEL, NOW)

    def many(grave, mild=0):
        rows = []
        for i in range(grave + mild):
            service.store.brands.add(Brand(f"b{i}", name(i), created_at=NOW - DAY))
            text = (
                f"{name(i)}充电时突然起火爆炸，有人烧伤"
                if i >= mild
                else f"{name(i)}又卡又慢，太失望了，后悔买了"
            )
            followers = 10 if i >= mild else 3_000_000
            rows.append(row(text, NOW - 30, author={"id": f"u{i}", "followers": followers}))
        for i in range(0, len(rows), 500):
            service.pipeline.ingest(rows[i : i + 500])
        return [f"b{i}" for i in range(mild)]

    return many


def test_a_storm_is_dealt_with_gravest_first_and_goes_on_after_a_restart(
    many, pass_to, cases, make_service, monkeypatch
):
    monkeypatch.setattr(watch, "MOST_A_LOOK", 20)
    mild = many(grave=30, mild=5)
    pass_to(NOW)
    assert len(cases()) == 20
    assert not {case.incident.brand for case in cases()} & set(mild)
    fresh = make_service().watcher
    pass_to(NOW + 5, watcher=fresh)
    assert len(cases()) == 35
    assert pass_to(NOW + 10, watcher=fresh) == []


def test_over_two_hundred_brands_at_once_lose_nothing_and_the_overload_is_one_message(
    many, pass_to, cases, service
):
    many(grave=215)
    pass_to(NOW)
    assert len(cases()) == watch.MOST_A_LOOK == 200
    pass_to(NOW + 5)
    assert len({case.incident.brand for case in cases()}) == len(cases()) == 215
    outbox = service.store.outbox
    kinds = Counter(m.event for m in outbox.page(channel="duty", limit=1000))
    assert kinds == {"alert.firing": notices.CROWD, "alert.digest": 1}
    (digest,) = (m for m in outbox.page(limit=1000) if m.event == "alert.digest")
    assert digest.payload["digest"]["total"] == 180
    assert len(digest.payload["digest"]["items"]) == notices.LISTED
    made.send_all(outbox, NOW + 5)
    for seconds in range(10, 120, 20):
        pass_to(NOW + seconds)
    heard = [told for case in cases() for told in service.store.incidents.told(case.incident.id)]
    assert len(heard) == 215
    assert len(outbox.page(channel="duty", limit=1000)) == notices.CROWD + 1 + 15


def test_a_policy_that_alarms_at_everything_is_one_incident_a_brand(
    service, language, pass_to, cases
):
    service.store.channels.add(CHANNEL, NOW)
    eager = replace(DEFAULT, threshold=0.01, least=1, least_ratio=0.01, cold=BIN, young=BIN)
    anything = Watcher(service.store, service.room, max_age=7200, cut=language[1], policy=eager)
    for i in range(12):
        service.store.brands.add(Brand(f"b{i}", name(i), created_at=NOW - DAY))
    for step in range(12):
        at = NOW + step * BIN
        service.pipeline.ingest(
            [
                row(f"{name(i)}又卡又慢，太失望了，第{k}次", at - 10 - k)
                for i in range(12)
                for k in range(3)
            ]
        )
        pass_to(at, watcher=anything)
    assert Counter(case.incident.brand for case in cases()) == {f"b{i}": 1 for i in range(12)}
    kinds = Counter(m.event for m in service.store.outbox.page(limit=1000))
    assert kinds["alert.firing"] == 12
    assert kinds.total() <= 12 * len(LEVELS)


def test_two_messages_of_one_second_go_out_in_the_order_of_what_they_tell(service):
    service.store.channels.add(CHANNEL, NOW)
    for i in range(8):
        brand = f"b{i}"
        service.store.brands.add(Brand(brand, name(i), created_at=NOW - DAY))
        opened = incidents.begin(made.alert("blue", series=brand), NOW)
        service.room.open(opened, NOW)
        graver = made.alert("red", series=brand, rule="risk", topic="fire")
        service.room.change(
            opened.case.incident.id,
            lambda case, graver=graver: incidents.join(case, graver, NOW),
            NOW,
        )
    heard = {}
    while claimed := service.store.outbox.claim("me", NOW, 60, 8):
        for message in claimed:
            heard.setdefault(message.incident_id, []).append(message.event)
            service.store.outbox.sent(message.id, NOW, "me")
    assert list(heard.values()) == [["alert.firing", "alert.escalated"]] * 8


# -- two workers, clocks ---------------------------------------------------------------------------


class Recording:
    """A transport that takes everything and remembers it."""

    kind = "webhook"

    def __init__(self):
        self.sent, self._lock = [], threading.Lock()

    def check(self, config):
        pass

    def send(self, channel, delivery):
        with self._lock:
            self.sent.append(delivery.id)


@pytest.fixture
def make_worker(clock):
    def make(service, transport):
        return Worker(
            service.store,
            service.watcher,
            service.room,
            {"webhook": transport},
            clock=clock,
            detect_seconds=5,
        )

    return make


def side_by_side(*steps):
    """Run steps at the same time."""
    start = threading.Barrier(len(steps))

    def run(service, step):
        start.wait()
        try:
            step()
        finally:
            service.store.close()

    threads = [threading.Thread(target=run, args=pair) for pair in steps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_workers_at_once_tell_everything_once(
    many, service, make_service, make_worker, cases, clock
):
    many(grave=15)
    other, transport = make_service(), Recording()
    workers = [(held, make_worker(held, transport)) for held in (service, other)]
    for _ in range(12):
        side_by_side(*((held, worker.once) for held, worker in workers))
        clock.now += 1
    assert len(cases()) == 15
    assert len(transport.sent) == len(set(transport.sent)) == 15
    assert service.store.outbox.counts() == {"sent": 15}


def test_where_the_leader_dies_the_other_goes_on_where_it_stopped(
    many, service, make_service, make_worker, cases, clock, monkeypatch
):
    monkeypatch.setattr(watch, "MOST_A_LOOK", 10)
    many(grave=25)
    transport = Recording()
    first, second = make_worker(service, transport), make_worker(make_service(), transport)
    assert first.lead() is True
    assert len(cases()) == 10
    assert second.lead() is False
    clock.now += LEADER_SECONDS
    for _ in range(4):
        assert second.lead() is True
        clock.now += 5
    assert len({case.incident.brand for case in cases()}) == len(cases()) == 25


@pytest.mark.parametrize("step", [-3 * DAY, -HOUR, HOUR, 3 * DAY])
def test_a_clock_that_steps_and_is_set_right_again_loses_and_repeats_no_first_message(
    send, pass_to, cases, told, step
):
    send(*quiet(NOW - 1800), *burst(n=60), row(FIRE, NOW - 20))
    pass_to(NOW)
    before = {case.incident.id: told(case) for case in cases()}
    pass_to(NOW + step)
    pass_to(NOW + step + 60)
    for seconds in (120, 125, 125, 420):
        pass_to(NOW + seconds)
    after = {case.incident.id: told(case) for case in cases()}
    assert after.keys() == before.keys()
    for incident, events in after.items():
        assert events[: len(before[incident])] == before[incident]
        assert Counter(events)["alert.firing"] == 1
        assert max(Counter(events).values()) == 1


def test_duplicate_ticks_change_nothing(send, pass_to, cases, told):
    send(*two_platforms(NOW - 1800), *burst(n=60), row(FIRE, NOW - 20))
    pass_to(NOW)
    before = [(case, told(case)) for case in cases()]
    for _ in range(5):
        assert pass_to(NOW) == []
    assert [(case, told(case)) for case in cases()] == before


def test_a_crisis_that_went_on_while_no_worker_ran_is_not_taken_for_over(
    send, pass_to, cases, told, make_service
):
    send(*quiet(NOW - 1800), *burst(n=60))
    pass_to(NOW)
    later = NOW + 8 * HOUR
    send(*burst(later, n=500, seconds=8 * HOUR))
    assert "recovered" not in pass_to(later, watcher=make_service().watcher)
    (case,) = cases()
    assert case.incident.last_bin == later
    assert "alert.recovered" not in told(case)
