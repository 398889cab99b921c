from collections import Counter
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from monitor.detect import (
    DEFAULT,
    PARTS,
    SENSITIVITIES,
    Detector,
    Policy,
    Signal,
    exact,
    tail_score,
)

BIN = 300
HOUR = 12
DAY = 24 * HOUR
BRAND = "听雨茶|weibo"
HALF_HOUR = 1800


def draw(days, total_per_hour, share, seed, series=1):
    """Poisson counts (bins, series, 2) of a brand that nothing happens to."""
    rng = np.random.default_rng(seed)
    total = rng.poisson(total_per_hour / HOUR, (int(days * DAY), series))
    return np.stack([total, rng.binomial(total, share)], axis=-1)


def feed(detector, counts, names=(BRAND,), start=0):
    signals: list[Signal] = []
    for i, row in enumerate(counts, start + 1):
        signals += detector.step(
            i * BIN, {n: tuple(map(int, r)) for n, r in zip(names, row, strict=True)}
        )
    return signals


def with_negatives(counts, at, per_hour, hours, seed=7):
    extra = np.random.default_rng(seed).poisson(per_hour / HOUR, hours * HOUR)
    out = counts.copy()
    out[at : at + hours * HOUR] += extra[:, None, None]
    return out


def crisis(seed=1, days=2, per_hour=60, hours=6):
    quiet = draw(days + 0.5, 15, 0.1, seed)
    return with_negatives(quiet, days * DAY, per_hour, hours)


def same(found, wanted):
    """Equal but for the last digits, which depend on how many series are summed together."""
    numbers = [(s.bin_end, s.onset, s.seen, s.score, s.expected) for s in wanted]
    return (
        found
        and [
            pytest.approx((s.bin_end, s.onset, s.seen, s.score, s.expected), rel=1e-5)
            for s in found
        ]
        == numbers
    )


# ------------------------------------------------------------------ the tail


def test_its_tail_agrees_with_scipy_from_handfuls_to_thousands():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(3)
    mean = 10 ** rng.uniform(-3, 4, 400)
    dispersion = 10 ** rng.uniform(-3, 0.5, 400)
    sd = np.sqrt(mean + dispersion * mean**2)
    seen = np.ceil(mean + rng.uniform(1, 6, 400) * sd) + 2
    law = stats.nbinom(1 / dispersion, 1 / (1 + dispersion * mean))
    tail = law.sf(seen) + law.pmf(seen) / 2
    assert np.allclose(tail_score(seen, mean, dispersion), -np.log10(tail), rtol=1e-6)


def test_its_tail_stays_finite_where_probabilities_underflow():
    score = tail_score(np.array([1e5]), np.array([3.0]), np.array([0.01]))
    assert 1000 < score[0] < np.inf


def test_more_negatives_never_score_less():
    seen = np.arange(4.0, 400.0)
    score = tail_score(seen, np.full_like(seen, 3.0), np.full_like(seen, 0.2))
    assert (np.diff(score) > 0).all()


# ------------------------------------------------------------------ quiet and crisis


def test_it_finds_a_crisis_after_two_days_of_history_within_half_an_hour():
    names = [f"品牌{i}" for i in range(20)]
    quiet = draw(2.5, 15, 0.1, seed=1, series=20)
    signals = feed(Detector(), with_negatives(quiet, 2 * DAY, 60, 6), names)
    in_time = [s for s in signals if 0 < s.bin_end - 2 * DAY * BIN <= 1800]
    assert {s.series for s in in_time} == set(names)
    assert {s.series for s in signals if s.severity == "critical"} == set(names)


def test_quiet_brands_fire_nothing_over_three_days_in_95_of_100_seeds():
    names = [f"安静{i}" for i in range(200)]
    signals = feed(Detector(), draw(3, 15, 0.1, seed=5, series=200), names)
    assert len({s.series for s in signals}) <= 0.05 * 200


def test_a_jump_of_the_negative_share_at_constant_volume_is_found_and_named():
    names = [f"变味{i}" for i in range(10)]
    counts = draw(3, 240, 0.1, seed=2, series=10)
    turned = np.random.default_rng(4).binomial(counts[2 * DAY :, :, 0], 0.5)
    counts[2 * DAY :, :, 1] = np.maximum(turned, counts[2 * DAY :, :, 1])
    signals = feed(Detector(), counts, names)
    first = {s.series: s.bin_end - 2 * DAY * BIN for s in reversed(signals)}
    assert set(first) == set(names)
    assert 0 < min(first.values()) <= max(first.values()) <= 3600
    latest = {s.series: s.rule for s in signals}
    assert Counter(latest.values())["share"] >= 7


def test_a_burst_on_top_of_the_usual_is_named_a_spike():
    names = [f"爆发{i}" for i in range(10)]
    quiet = draw(2.5, 60, 0.1, seed=1, series=10)
    signals = feed(Detector(), with_negatives(quiet, 2 * DAY, 60, 6), names)
    assert {s.series for s in signals} == set(names)
    assert Counter(s.rule for s in signals)["spike"] >= 0.9 * len(signals) > 9


def test_a_storm_that_lifts_all_mentions_alike_is_told_too():
    """The other mentions explain the negatives; ten times the usual is still a crisis."""
    counts = draw(3, 40, 0.2, seed=2)
    counts[2 * DAY : 2 * DAY + 3 * HOUR] = draw(1, 400, 0.2, seed=3)[: 3 * HOUR]
    (opening, *_) = feed(Detector(), counts)
    assert 2 * DAY * BIN < opening.bin_end <= 2 * DAY * BIN + 1800
    assert opening.rule == "spike"


def test_the_talk_a_crisis_brings_along_does_not_hide_it():
    counts = draw(3, 240, 0.1, seed=2)
    storm = slice(2 * DAY, 2 * DAY + 3 * HOUR)
    counts[storm] += np.random.default_rng(5).poisson([80 / HOUR, 40 / HOUR], (3 * HOUR, 1, 2))
    counts[storm, :, 1] = np.minimum(counts[storm, :, 1], counts[storm, :, 0])
    told = feed(Detector(), counts)
    assert told
    assert told[0].bin_end <= 2 * DAY * BIN + 3600
    unaware = feed(Detector(replace(DEFAULT, echo=1e-9)), counts)
    assert (told[0].bin_end, -told[0].score) < (unaware[0].bin_end, -unaware[0].score)


def test_a_small_rise_in_a_huge_stream_is_no_crisis_however_sure_it_is():
    sure = Policy(dispersion=(0.005, 0.005, 0.005), dispersion_weight=1e12)
    counts = draw(3, 60_000, 0.1, seed=2)
    counts[2 * DAY : 2 * DAY + 6 * HOUR] = draw(1, 84_000, 0.1, seed=3)[: 6 * HOUR]
    assert feed(Detector(sure), counts) == []
    assert feed(Detector(replace(sure, least_ratio=1.1)), counts) != []


def test_three_negatives_are_no_crisis_even_for_a_brand_nobody_speaks_of():
    counts = np.zeros((3 * DAY, 1, 2), int)
    counts[-3:, 0] = 1
    assert feed(Detector(), counts) == []
    assert feed(Detector(replace(DEFAULT, least=2)), counts) != []


def test_a_positive_storm_with_the_usual_negatives_stays_quiet():
    counts = draw(3, 60, 0.1, seed=2)
    counts[2 * DAY : 2 * DAY + 6 * HOUR, 0, 0] += 60
    assert feed(Detector(), counts) == []


def test_it_learns_a_daily_rhythm():
    """Every evening brings thirteen times the volume; after nine days that is no news."""
    names = [f"晚间{i}" for i in range(20)]
    hour = np.arange(11 * DAY) // HOUR % 24
    rate = np.where(hour == 20, 400, 30)[:, None] / HOUR
    total = np.random.default_rng(6).poisson(rate, (11 * DAY, 20))
    counts = np.stack([total, np.random.default_rng(7).binomial(total, 0.15)], axis=-1)
    signals = feed(Detector(), counts, names)
    assert signals
    evening = [s for s in signals if s.bin_end > 9 * DAY * BIN and hour[s.bin_end // BIN - 1] == 20]
    assert evening == []


def weekly_shows(policy, weeks=5):
    """Tell what fires in the last two weeks if Saturday evening brings eight times the volume."""
    rng, detector, told = np.random.default_rng(8), Detector(policy, HALF_HOUR), []
    for i in range(weeks * 336):
        show = i % 336 in range(5 * 48 + 40, 5 * 48 + 44)
        total = rng.poisson(240 if show else 30, 10)
        counts = {
            f"节目{k}": (int(n), int(b))
            for k, (n, b) in enumerate(zip(total, rng.binomial(total, 0.2), strict=True))
        }
        signals = detector.step((i + 1) * HALF_HOUR, counts)
        told += [s for s in signals if i >= (weeks - 2) * 336]
    return told


def test_it_learns_a_weekly_show():
    assert len({s.series for s in weekly_shows(DEFAULT)}) <= 3
    by_day_alone = replace(DEFAULT, profile_weight_week=1e12)
    assert len({s.series for s in weekly_shows(by_day_alone)}) >= 8


def openings(policy, total, negative):
    """Count the episodes after three days of half-hourly (bins, series) counts."""
    detector, told = Detector(policy, HALF_HOUR), 0
    for i, (all_of, bad) in enumerate(zip(total.tolist(), negative.tolist(), strict=True)):
        rows = enumerate(zip(all_of, bad, strict=True))
        signals = detector.step((i + 1) * HALF_HOUR, {f"起伏{k}": row for k, row in rows})
        told += sum(i >= 3 * 48 and not s.escalation for s in signals)
    return told


def test_it_learns_how_uneven_a_brand_is():
    """Half hours of many and half hours of few mentions are usual here, and no crises."""
    rng, size = np.random.default_rng(9), (7 * 48, 20)
    total = rng.poisson(60 * rng.gamma(2, 1 / 2, size))
    negative = rng.binomial(total, rng.beta(30, 120, size))
    unlearned = openings(replace(DEFAULT, dispersion_weight=1e12), total, negative)
    assert openings(DEFAULT, total, negative) < unlearned / 2


def test_a_crisis_does_not_become_the_habit_while_it_lasts():
    storm, start = 2 * DAY + 8 * HOUR, 2 * DAY + 22 * HOUR
    days = np.concatenate([crisis(hours=8)[:storm], draw(2, 15, 0.1, 3)])
    signals = feed(Detector(), with_negatives(days, start, 60, 2)[: start + HOUR])
    second = [s for s in signals if s.bin_end > start * BIN]
    assert second
    assert not second[0].escalation
    assert second[0].expected < 10


def test_a_large_brand_is_not_taken_to_rise_all_through_its_first_day():
    detector = Detector()
    feed(detector, draw(2, 12_000, 0.1, 1))
    assert 0.8 < detector._state.profile.min() < detector._state.profile.max() < 1.25
    assert detector._dispersion()[:2].max() < 0.1


# ------------------------------------------------------------------ cold start, silence, outage


def test_a_new_series_is_not_judged_within_its_first_day():
    counts = with_negatives(draw(1, 15, 0.1, 1), 12 * HOUR, 80, 6)
    assert feed(Detector(), counts) == []


def test_a_series_that_appears_later_waits_for_its_own_first_day():
    detector = Detector()
    feed(detector, draw(2, 15, 0.1, 1))
    fresh = detector.step((2 * DAY + 1) * BIN, {BRAND: (1, 0), "新牌子|weibo": (90, 80)})
    assert fresh == []
    assert detector.series == [BRAND, "新牌子|weibo"]


def test_absence_from_the_counts_is_silence():
    spoken, silent = Detector(), Detector()
    for i, row in enumerate(draw(3, 4, 0.2, 8)[:, 0].tolist(), 1):
        spoken.step(i * BIN, {BRAND: tuple(row)})
        silent.step(i * BIN, {BRAND: tuple(row)} if any(row) or i == 1 else {})
    end = (3 * DAY + 1) * BIN
    burst = {BRAND: (9, 8)}
    assert spoken.step(end, burst) == silent.step(end, burst) != []


@pytest.mark.parametrize("said", [True, False])
def test_an_outage_is_not_learned_whether_told_or_skipped(said):
    """Ten hours without data leave the level as it was: the return is no spike."""
    detector, counts = Detector(), draw(3, 240, 0.2, 9)
    back = 2 * DAY + 10 * HOUR
    feed(detector, counts[: 2 * DAY])
    if said:
        for i in range(2 * DAY, back):
            assert detector.step((i + 1) * BIN, {BRAND: None}) == []
    assert feed(detector, counts[back:], start=back) == []
    burst = (2 * 20, 20 + 12)
    assert detector.step((3 * DAY + 1) * BIN, {BRAND: burst})


def test_an_unannounced_outage_does_not_make_the_return_a_spike():
    names = [f"断流{i}" for i in range(20)]
    counts = draw(5, 240, 0.2, 9, series=20)
    for start in (3 * DAY, 4 * DAY):
        counts[start : start + 8 * HOUR] = 0
    ends = [(day * DAY + 8 * HOUR) * BIN for day in (3, 4)]
    signals = feed(Detector(), counts, names)
    assert [s for s in signals if any(0 < s.bin_end - end <= 4 * 3600 for end in ends)] == []


def test_a_bin_without_data_is_not_judged():
    detector = Detector()
    assert feed(detector, crisis()[: 2 * DAY + HOUR])
    assert detector.step((2 * DAY + HOUR + 1) * BIN, {BRAND: None}) == []


# ------------------------------------------------------------------ episodes


def test_a_crisis_is_one_episode_with_few_updates_of_growing_score():
    signals = feed(Detector(), crisis(per_hour=200, hours=10))
    opening, *updates = signals
    assert opening.onset == opening.bin_end
    assert {s.onset for s in updates} == {opening.onset}
    assert all(s.escalation for s in updates)
    assert 1 <= len(updates) <= 7
    assert all(b.score >= a.score + 3 for a, b in pairwise(signals))


def test_the_severity_of_an_episode_does_not_fall():
    ranks = ["warning", "high", "critical"]
    told = [ranks.index(s.severity) for s in feed(Detector(), crisis(per_hour=120))]
    assert told == sorted(told)
    assert told[-1] == 2


def test_after_quiet_hours_the_next_crisis_opens_a_new_episode():
    counts = crisis(days=2, hours=2)
    later = with_negatives(draw(2, 15, 0.1, 11), DAY, 80, 2)
    signals = feed(Detector(), np.concatenate([counts, later]))
    openings = [s for s in signals if not s.escalation]
    assert len(openings) == 2
    assert openings[1].onset > openings[0].onset + 6 * 3600


def test_a_signal_reports_the_window_it_was_decided_on():
    for signal in feed(Detector(), crisis()):
        assert signal.window in Policy().windows
        assert signal.total >= signal.seen >= max(4, 1.5 * signal.expected)
        assert signal.series == BRAND


def test_an_episode_is_open_while_it_alarms_and_six_hours_longer():
    detector, counts = Detector(), crisis(hours=2)
    signals = feed(detector, counts[: 2 * DAY + 2 * HOUR])
    episode = detector.episodes()[BRAND]
    assert episode.onset == signals[0].onset
    assert episode.last == (2 * DAY + 2 * HOUR) * BIN > signals[-1].bin_end
    assert episode.top >= max(s.score for s in signals)
    later = draw(1, 15, 0.1, 3)
    feed(detector, later, start=2 * DAY + 2 * HOUR)
    assert detector.episodes() == {}


def test_an_episode_ends_though_its_source_is_down():
    detector = Detector()
    feed(detector, crisis()[: 2 * DAY + HOUR])
    last = detector.episodes()[BRAND].last
    for i in range(1, 6 * HOUR + 1):
        detector.step(last + i * BIN, {BRAND: None})
        assert detector.episodes()[BRAND].last == last
    detector.step(last + (6 * HOUR + 1) * BIN, {BRAND: None})
    assert detector.episodes() == {}


def test_a_quiet_brand_has_no_episode():
    detector = Detector()
    feed(detector, draw(2, 15, 0.1, 1))
    assert detector.episodes() == {}


# ------------------------------------------------------------------ sources that fell silent


def heard(days=3, per_hour=15, **more):
    detector = Detector()
    feed(detector, draw(days, per_hour, 0.1, seed=1, **more))
    return detector


def silences_by_hour(rates, days, seed, series=10):
    """Listen to brands whose mentions follow the hour of week; yields (day, silences) hourly."""
    rng, detector = np.random.default_rng(seed), Detector(bin_seconds=HALF_HOUR)
    for i in range(days * 48):
        total = rng.poisson(rates[i // 2 % 168] / 2, series)
        end = (i + 1) * HALF_HOUR
        detector.step(end, {f"品牌{k}": (int(n), 0) for k, n in enumerate(total)})
        if i % 2:
            yield i // 48, detector.silences()


@pytest.mark.parametrize("how", ["empty", "absent", "outage", "skipped"])
def test_a_source_that_falls_silent_is_told_with_what_was_due(how):
    detector = heard()
    assert detector.silences() == []
    since = detector._state.heard[0]
    for i in range(1, 4 * HOUR + 1):
        counts = {"empty": {BRAND: (0, 0)}, "absent": {}, "outage": {BRAND: None}}.get(how)
        if counts is not None or i == 4 * HOUR:
            assert detector.step((3 * DAY + i) * BIN, counts or {}) == []
    (silence,) = detector.silences()
    assert silence.series == BRAND
    assert silence.since == since
    assert silence.until == (3 * DAY + 4 * HOUR) * BIN
    assert silence.expected == pytest.approx(15 * 4, rel=0.3)
    assert 6 <= silence.score < 30


def test_one_mention_ends_a_silence():
    detector = heard()
    for i in range(1, 6 * HOUR):
        detector.step((3 * DAY + i) * BIN, {BRAND: None})
    assert detector.silences()
    detector.step((3 * DAY + 6 * HOUR) * BIN, {BRAND: (1, 0)})
    assert detector.silences() == []


def test_a_longer_silence_scores_more_even_over_days():
    detector, scores = heard(), []
    for i in range(3 * DAY):
        detector.step((3 * DAY + i + 1) * BIN, {})
        if i in (4 * HOUR, 20 * HOUR, 3 * DAY - 1):
            scores += [silence.score for silence in detector.silences()]
    assert len(scores) == 3
    assert scores[0] < scores[1] <= scores[2] * 1.2


@pytest.mark.parametrize("awake", [range(8, 24), range(12), range(18, 22)])
@pytest.mark.parametrize("at_night", [0.0, 0.4])
def test_quiet_nights_are_no_silence(awake, at_night):
    hours = np.full(24, at_night)
    hours[awake] = 60
    told = [found for _, found in silences_by_hour(np.tile(hours, 7), days=9, seed=3)]
    assert len(told) == 9 * 24
    assert not any(told)


def test_quiet_weekends_are_no_silence_once_one_was_heard():
    rates = np.repeat([20.0] * 5 + [0.0] * 2, 24)
    told = list(silences_by_hour(rates, days=21, seed=4))
    assert [found for day, found in told if day >= 8 and found] == []
    assert [found for day, found in told if day == 6 and found] != []


def test_a_brand_hardly_spoken_of_is_never_called_silent():
    rates = np.full(168, 0.3)
    assert not any(found for _, found in silences_by_hour(rates, days=7, seed=5))
    gone = np.r_[np.full(84, 0.6), np.zeros(84)]
    assert not any(found for _, found in silences_by_hour(gone, days=7, seed=5))


def test_a_brand_never_spoken_of_is_not_silent():
    detector = Detector()
    for i in range(1, 4 * DAY):
        detector.step(i * BIN, {BRAND: (0, 0)})
    assert detector.silences() == []


def test_no_silence_is_told_within_the_first_two_days():
    detector = heard(days=0.5, per_hour=100)
    for i in range(DAY // 2, 2 * DAY):
        detector.step((i + 1) * BIN, {})
        assert detector.silences() == []


# ------------------------------------------------------------------ state


def test_a_copy_goes_its_own_way():
    detector = Detector()
    feed(detector, crisis()[: 2 * DAY])
    twin = detector.copy()
    storm = crisis()[2 * DAY : 2 * DAY + 2 * HOUR]
    assert feed(twin, storm, start=2 * DAY) == feed(detector, storm, start=2 * DAY) != []


def test_stepping_a_snapshot_leaves_the_original_untouched():
    detector = Detector()
    feed(detector, crisis()[: 2 * DAY])
    storm = crisis()[2 * DAY : 2 * DAY + HOUR]
    once = feed(detector.copy(), storm, start=2 * DAY)
    assert feed(detector.copy(), storm, start=2 * DAY) == once != []


def test_series_do_not_influence_each_other():
    counts = crisis()
    alone = feed(Detector(), counts)
    noise = draw(2.5, 5000, 0.3, 12)
    both = feed(Detector(), np.concatenate([noise, counts], axis=1), ("别家", BRAND))
    assert same([s for s in both if s.series == BRAND], alone)


def test_a_dropped_series_is_forgotten_and_the_others_stay():
    counts, both = crisis(), Detector()
    pair = np.concatenate([draw(2.5, 20, 0.1, 13), counts], axis=1)
    feed(both, pair[: 2 * DAY], ("走了", BRAND))
    both.drop("走了")
    both.drop("从未有过")
    assert both.series == [BRAND]
    assert same(feed(both, counts[2 * DAY :], start=2 * DAY), feed(Detector(), counts))


def test_an_adopted_series_continues_as_if_it_had_always_been_here():
    counts, here, replayed = crisis(), Detector(), Detector()
    wrong = np.concatenate([draw(2, 20, 0.1, 13), draw(2, 90, 0.5, 14)], axis=1)
    feed(here, wrong, ("别家", BRAND))
    feed(replayed, counts[: 2 * DAY])
    here.adopt(replayed)
    assert here.series == ["别家", BRAND]
    assert same(feed(here, counts[2 * DAY :], start=2 * DAY), feed(Detector(), counts))


def test_a_detector_at_another_bin_is_not_adopted():
    here, other = Detector(), Detector()
    here.step(BIN, {BRAND: (1, 0)})
    with pytest.raises(ValueError, match="stands at"):
        here.adopt(other)


def test_its_memory_does_not_grow_with_time():
    detector = Detector()
    feed(detector, draw(1, 15, 0.1, 1))

    def size():
        return sum(getattr(detector._state, f).nbytes for f in detector._state.__slots__)

    before = size()
    feed(detector, draw(1, 15, 0.1, 2), start=DAY)
    assert size() == before < 6000


def test_another_bin_length_finds_the_same_crisis():
    detector, signals = Detector(bin_seconds=600), []
    for i, row in enumerate(crisis().reshape(-1, 2, 2).sum(axis=1).tolist(), 1):
        signals += detector.step(i * 600, {BRAND: tuple(row)})
    assert 2 * 86400 < signals[0].bin_end <= 2 * 86400 + 1800


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize("count", [(3, 4), (-1, -1), (2, -1)])
def test_impossible_counts_are_refused_and_change_nothing(count):
    detector = Detector()
    with pytest.raises(ValueError, match="negative"):
        detector.step(BIN, {BRAND: count})
    assert detector.series == []
    assert detector.step(BIN, {BRAND: (1, 0)}) == []


@pytest.mark.parametrize("bin_end", [300, 600, 901])
def test_time_must_advance_in_whole_bins(bin_end):
    detector = Detector()
    detector.step(600, {})
    with pytest.raises(ValueError, match="bin_end"):
        detector.step(bin_end, {})


@pytest.mark.parametrize("seconds", [0, -300, 700, 1200])
def test_a_bin_must_divide_hour_and_windows(seconds):
    with pytest.raises(ValueError, match="bin_seconds"):
        Detector(bin_seconds=seconds)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": 0},
        {"windows": (3600, 600)},
        {"windows": (600, 1800)},
        {"threshold": 7.0},
        {"high": 11.0},
        {"memory_least": 80 * 3600},
        {"dispersion": (0.1, 0.0, 0.1)},
        {"echo": 0.0},
        {"least_ratio": float("nan")},
    ],
)
def test_a_policy_outside_its_ranges_is_refused(wrong):
    with pytest.raises(ValueError, match="policy"):
        Policy(**wrong)


def test_a_lower_threshold_never_finds_later():
    counts = crisis(per_hour=20)
    eager = feed(Detector(Policy(threshold=3.0)), counts)
    calm = feed(Detector(Policy(threshold=5.0)), counts)
    assert eager[0].bin_end <= calm[0].bin_end


def test_a_keener_preset_never_finds_later():
    counts = crisis(per_hour=15)
    first = [
        feed(Detector(SENSITIVITIES[name]), counts)[0].bin_end
        for name in ("keen", "balanced", "calm")
    ]
    assert first == sorted(first)
    assert SENSITIVITIES["balanced"] is DEFAULT


def test_parts_of_a_brand_need_more_evidence_than_the_brand():
    assert PARTS.threshold > DEFAULT.threshold


@pytest.mark.parametrize("threshold", [2.0, 5.0, 7.5, 20.0])
def test_another_threshold_leaves_severities_in_order(threshold):
    policy = exact(DEFAULT, threshold)
    assert policy.threshold == threshold
    assert policy.high == max(6.0, threshold)
    assert policy.critical == max(10.0, threshold)
