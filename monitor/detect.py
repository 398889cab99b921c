"""When negative mentions burst out of a series' own habit: streaming count statistics.

Each series (a brand on a platform, say) keeps a level, an hour-of-week profile and its own
over-dispersion. Every bin, sums over several windows meet two negative-binomial tests: one asks
whether the negatives exceed the habit, one whether they exceed what the other mentions of the same
minutes explain. What they find together decides. All series advance together as numpy arrays,
series on the last axis.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Count = tuple[int, int]

HOUR = 3600
WEEK_HOURS = 168
SEVERITIES = ("warning", "high", "critical")
NEGATIVE, OTHER = 0, 1  # rows of every (2, …) array


@dataclass(frozen=True, slots=True)
class Signal:
    """One finding: the series' negatives of `window` seconds are far above what was expected.

    `score` is −log10 of the tail probability of the window in which the negatives stand out most;
    times are UTC seconds; `seen` and `expected` count negatives, `total` all mentions of that
    window. `rule` is `spike` where more is said than usual, `share` where the mood turned instead.
    With `escalation` it updates the episode that began at `onset`; without, it opens one (and
    `onset` equals `bin_end`). The detector leaves `platform`, `aspect` and `topic` empty: the
    watch, which knows what a series stands for, sets them.
    """

    series: str
    rule: str
    bin_end: int
    onset: int
    score: float
    expected: float
    seen: int
    window: int
    total: int
    severity: str
    escalation: bool
    platform: str | None = None
    aspect: str | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What counts as a burst and how habits are learned; every length is in seconds.

    Raises
    ------
    ValueError
        If a constant is outside its range, naming it.
    """

    threshold: float = 2.9  # root mean square of the scores of all tests that opens an episode
    least: int = 4  # negatives in the window
    least_ratio: float = 1.5  # seen over expected
    windows: tuple[int, ...] = (HOUR // 2, HOUR, 3 * HOUR)
    echo: float = 1.0  # other mentions that each negative above the habit brings along
    cold: int = 24 * HOUR  # a series is judged after so much history …
    young: int = 7 * 24 * HOUR  # … and needs more evidence until its habits are known:
    caution: float = 0.5  # added to the threshold at first, falling to nothing when no longer young
    rearm: int = 6 * HOUR  # quiet that ends an episode
    escalate_by: float = 3.0  # an update needs a worse severity and this much more score …
    escalate_times: float = 8.0  # … or so many times the score
    high: float = 6.0
    critical: float = 10.0
    critical_excess: float = 30.0
    critical_ratio: float = 4.0
    memory_mentions: float = 60.0  # the level's half-life lasts about so many negatives …
    memory_least: int = 12 * HOUR  # … within these bounds
    memory_most: int = 72 * HOUR
    outlier_bin: float = 2.5  # standard deviations a bin may teach above the habit
    outlier_hour: float = 3.0
    deep_silence: float = 10.0  # mentions expected of an empty hour that is an outage
    dispersion: tuple[float, float, float] = (0.1, 0.1, 0.03)  # priors: negatives, others, share
    dispersion_weight: float = 20.0
    dispersion_memory: int = WEEK_HOURS * HOUR
    profile_weight_day: float = 20.0  # expected mentions that weigh as much as the shrinkage
    profile_weight_week: float = 30.0
    profile_memory: int = 3 * WEEK_HOURS * HOUR

    def __post_init__(self) -> None:
        for name, value in self._positive():
            if not value > 0:
                raise ValueError(f"policy: {name} must be above 0, not {value}")
        if list(self.windows) != sorted(set(self.windows)) or HOUR not in self.windows:
            raise ValueError("policy: windows must ascend and include one hour (3600)")
        if not self.threshold <= self.high <= self.critical:
            raise ValueError("policy: needs threshold ≤ high ≤ critical")
        if self.memory_least > self.memory_most:
            raise ValueError("policy: memory_least must not exceed memory_most")

    def _positive(self) -> Iterator[tuple[str, float]]:
        for each in fields(self):
            value = getattr(self, each.name)
            for item in value if isinstance(value, tuple) else (value,):
                yield each.name, item


def exact(policy: Policy, threshold: float) -> Policy:
    """Return the policy with another threshold; what is `high` and `critical` stays at least it.

    Examples
    --------
    >>> exact(DEFAULT, 8.0).high
    8.0
    """
    high = max(policy.high, threshold)
    return replace(policy, threshold=threshold, high=high, critical=max(policy.critical, high))


DEFAULT = Policy()
SENSITIVITIES: dict[str, Policy] = {
    "calm": Policy(threshold=3.5),  # 少而准
    "balanced": DEFAULT,  # 均衡
    "keen": Policy(threshold=2.55),  # 灵敏
}
PARTS = Policy(threshold=4.0)  # a brand has many parts: together they may cry wolf as it does alone
PRIOR_PER_HOUR = np.array([[0.3], [1.2]])  # negatives, others: a brand hardly spoken of
PRIOR_HOURS = 0.25  # short, or a large brand would seem to rise all day
SILENT_FROM = 48 * HOUR  # two nights have to be heard before one is called silent
CLIMB = 3 * HOUR  # seconds with data in which the level gets from the prior to where it belongs
FLOOR_PER_HOUR = PRIOR_PER_HOUR / 10
OUTLIER_HOUR_EXTRA = 2.0  # mentions an hour any series may teach: keeps very quiet ones learning
OUTLIER_PROFILE = (4.0, 0.3)  # standard deviations and dispersion: the profile learns real shows
OUTLIER_DISPERSION = 2.5
DISPERSION_RANGE = (0.005, 1.0)
SCREEN = 2.2  # standard deviations; a tail below it is no evidence


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode that goes on: ends of its first and latest alarming bin, its highest score."""

    onset: int
    last: int
    top: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A series without any mention from `since`, the end of the last bin that had one, to `until`.

    `expected` mentions were due in that time; `score` is −log10 of the probability of none.
    """

    series: str
    since: int
    until: int
    expected: float
    score: float


@dataclass(slots=True)
class _State:
    """Everything remembered, series on the last axis: about 4 kB a series at 5-minute bins."""

    seen: Floats  # (2, ring, n) mentions a bin
    expected: Floats  # (2, ring, n) what the level foretold; 0 marks a bin without data
    factor: Floats  # (ring, n) the profile's factor of that bin
    mass: Floats  # (2, n) decayed mentions learned
    exposure: Floats  # (n) decayed bins learned, weighted by the profile
    learned: NDArray[np.float32]  # (2, 168, n) mentions and expected mentions by hour of week
    profile: NDArray[np.float32]  # (168, n) mean 1
    moments: Floats  # (2, 3, n) excess squares and squared means of an hour; kind
    age: NDArray[np.int64]  # (n) bins with data
    onset: NDArray[np.int64]  # (n) the episode's first alerting bin
    last: NDArray[np.int64]  # (n) its latest alerting bin
    top: Floats  # (n) its highest score
    told: Floats  # (n) the score last told
    rank: NDArray[np.int64]  # (n) the severity last told
    heard: NDArray[np.int64]  # (n) end of the latest bin with a mention
    awaited: Floats  # (n) mentions expected since
    mute: Flags  # (168, n) whether nobody spoke in that hour of week the last time

    @classmethod
    def fresh(cls, n: int, ring: int, bin_seconds: int, policy: Policy) -> Self:
        bins = PRIOR_HOURS * HOUR / bin_seconds
        weight = np.full((3, n), policy.dispersion_weight)
        return cls(
            seen=np.zeros((2, ring, n)),
            expected=np.zeros((2, ring, n)),
            factor=np.zeros((ring, n)),
            mass=np.repeat(PRIOR_PER_HOUR * PRIOR_HOURS, n, axis=1),
            exposure=np.full(n, bins),
            learned=np.zeros((2, WEEK_HOURS, n), np.float32),
            profile=np.ones((WEEK_HOURS, n), np.float32),
            moments=np.stack([_column(policy.dispersion) * weight, weight]),
            age=np.zeros(n, np.int64),
            onset=np.zeros(n, np.int64),
            last=np.full(n, np.iinfo(np.int64).min // 2),
            top=np.zeros(n),
            told=np.zeros(n),
            rank=np.zeros(n, np.int64),
            heard=np.zeros(n, np.int64),
            awaited=np.zeros(n),
            mute=np.zeros((WEEK_HOURS, n), bool),
        )

    def each(self, change: Callable[[str], NDArray[np.generic]]) -> Self:
        return type(self)(**{f.name: change(f.name) for f in fields(self)})  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class _Windows:
    """Sums over each window that ends now, each (windows, n), and the tests' parameters."""

    seen: Floats  # (2, windows, n)
    expected: Floats  # (2, windows, n) means by habit
    means: Floats  # (2, windows, n) of the tests
    dispersions: Floats  # (2, windows, n)


class Detector:
    """The detection of every series together, one bin after another.

    Parameters
    ----------
    policy
        Thresholds and constants.
    bin_seconds
        Length of a bin; must divide an hour and every window.

    Raises
    ------
    ValueError
        If `bin_seconds` does not divide an hour and every window.

    Examples
    --------
    >>> detector = Detector()
    >>> for end in range(300, 2 * 86400, 300):
    ...     quiet = detector.step(end, {"听雨茶|weibo": (2, end // 300 % 5 == 0)})
    >>> [(s.rule, s.severity) for s in detector.step(2 * 86400, {"听雨茶|weibo": (40, 25)})]
    [('spike', 'high')]
    """

    def __init__(self, policy: Policy = DEFAULT, bin_seconds: int = 300) -> None:
        if bin_seconds <= 0 or any(span % bin_seconds for span in (HOUR, *policy.windows)):
            raise ValueError("bin_seconds must divide an hour and every window of the policy")
        self.policy = policy
        self.bin_seconds = bin_seconds
        self._widths = np.array(policy.windows) // bin_seconds
        self._hour = HOUR // bin_seconds
        self._ring = int(max(self._widths[-1], self._hour + 1))
        self._one_hour = policy.windows.index(HOUR)
        self._clock: int | None = None
        self._column: dict[str, int] = {}
        self._state = self._fresh(0)

    @property
    def series(self) -> list[str]:
        """Names of the series known, in the order of first sight."""
        return list(self._column)

    def copy(self) -> "Detector":
        """Return an independent snapshot, to step again from when late mentions came in."""
        twin = Detector(self.policy, self.bin_seconds)
        twin._clock = self._clock
        twin._column = dict(self._column)
        twin._state = self._state.each(lambda name: getattr(self._state, name).copy())
        return twin

    def episodes(self) -> dict[str, Episode]:
        """Return the episodes that go on, by series: alarming within the last `rearm` seconds.

        A series that left these has recovered; one still here goes on though no signal says so.
        """
        clock, state = self._clock or 0, self._state
        held = zip(self._column, state.onset, state.last, state.top, strict=True)
        return {
            name: Episode(int(onset), int(last), float(top))
            for name, onset, last, top in held
            if clock - last <= self.policy.rearm
        }

    def silences(self, least: float = 6.0) -> list[Silence]:
        """Return the series that fell silent, where none by chance scores `least` or more.

        Expected are the fewest mentions that level, profile and the plain figures of that hour
        foretell, and none in an hour that was mute a day or a week before: a quiet night or weekend
        heard once is believed. Bins without data count as silent.
        """
        state = self._state
        dispersion = self._dispersion()[OTHER] + 1 / (state.mass.sum(axis=0) + 1)
        scores = np.log1p(dispersion * state.awaited) / dispersion / np.log(10)
        scores *= self._state.age * self.bin_seconds > SILENT_FROM
        names, until = self.series, self._clock or 0
        return [
            Silence(names[i], int(state.heard[i]), until, float(state.awaited[i]), float(scores[i]))
            for i in np.flatnonzero(scores >= least).tolist()
        ]

    def drop(self, series: str) -> None:
        """Forget a series; an unknown one is no error."""
        self._forget([series])

    def _forget(self, names: Iterable[str]) -> None:
        gone = [self._column.pop(name) for name in names if name in self._column]
        self._column = {name: i for i, name in enumerate(self._column)}
        old = self._state
        self._state = old.each(lambda name: np.delete(getattr(old, name), gone, axis=-1))

    def adopt(self, other: "Detector") -> None:
        """Take over the series of a detector that stands at the same bin, in place of own ones.

        So one series' history can be replayed without replaying that of all.

        Raises
        ------
        ValueError
            If the two stand at different bins.
        """
        if other._clock != self._clock:
            raise ValueError(f"the other detector stands at {other._clock}, not at {self._clock}")
        self._forget(other._column)
        self._column |= {name: i for i, name in enumerate(other._column, len(self._column))}
        own, more = self._state, other._state
        self._state = own.each(
            lambda name: np.concatenate([getattr(own, name), getattr(more, name)], axis=-1)
        )

    def step(self, bin_end: int, counts: Mapping[str, Count | None]) -> list[Signal]:
        """Take in one bin of every series and return what is alarming at its end.

        Parameters
        ----------
        bin_end
            End of the bin, UTC seconds, a multiple of `bin_seconds` and later than the step before.
            Bins left out in between count as outages of every source.
        counts
            (all mentions, negative mentions) by series. A known series left out was silent;
            None says that its source was down: the bin is neither judged nor learned.

        Raises
        ------
        ValueError
            If the time does not advance in whole bins or a count is impossible.
        """
        self._check(bin_end, counts)
        self._admit(counts)
        self._advance(bin_end)
        live = self._record(bin_end, counts)
        self._listen(bin_end)
        windows = self._sum(bin_end)
        signals = self._judge(bin_end, windows, live)
        self._learn(bin_end, windows)
        return signals

    def _check(self, bin_end: int, counts: Mapping[str, Count | None]) -> None:
        if bin_end % self.bin_seconds:
            raise ValueError(f"bin_end {bin_end} is no multiple of {self.bin_seconds} s")
        if self._clock is not None and bin_end <= self._clock:
            raise ValueError(f"bin_end {bin_end} is not after {self._clock}, the latest step")
        for name, count in counts.items():
            if count is not None and not 0 <= count[1] <= count[0]:
                raise ValueError(f"{name}: needs 0 ≤ negative ≤ total, not {count}")

    def _fresh(self, n: int) -> _State:
        return _State.fresh(n, self._ring, self.bin_seconds, self.policy)

    def _admit(self, names: Iterable[str]) -> None:
        new = [name for name in names if name not in self._column]
        if not new:
            return
        self._column.update({name: i for i, name in enumerate(new, len(self._column))})
        old, more = self._state, self._fresh(len(new))
        self._state = old.each(
            lambda name: np.concatenate([getattr(old, name), getattr(more, name)], axis=-1)
        )

    def _slot(self, bin_end: int) -> int:
        return bin_end // self.bin_seconds % self._ring

    def _week_hour(self, bin_end: int) -> int:
        return (bin_end - self.bin_seconds) // HOUR % WEEK_HOURS

    def _advance(self, bin_end: int) -> None:
        before = bin_end if self._clock is None else self._clock
        skipped = (bin_end - before) // self.bin_seconds - 1
        for back in range(1, min(skipped, self._ring) + 1):
            self._blank(bin_end - back * self.bin_seconds)
            self._listen(bin_end - back * self.bin_seconds)
        if self._week_hour(bin_end) != self._week_hour(before) or skipped >= self._hour:
            self._state.profile = _profile(self._state.learned, self.policy)
        self._clock = bin_end

    def _blank(self, bin_end: int) -> None:
        slot = self._slot(bin_end)
        for ring in (self._state.seen, self._state.expected, self._state.factor):
            ring[..., slot, :] = 0

    def _record(self, bin_end: int, counts: Mapping[str, Count | None]) -> Flags:
        """Write the bin into the ring and return which series have data for it."""
        state, slot = self._state, self._slot(bin_end)
        rows = [counts.get(name, (0, 0)) for name in self._column]
        live = np.array([row is not None for row in rows], bool)
        total, negative = np.array([row or (0, 0) for row in rows], float).reshape(-1, 2).T
        factor = state.profile[self._week_hour(bin_end)] * live
        state.seen[:, slot] = negative, total - negative
        state.factor[slot] = factor
        state.expected[:, slot] = self._level() * factor
        state.age += live
        return live

    def _listen(self, bin_end: int) -> None:
        """Add up what was due since the last mention; an empty bin may be silence or outage."""
        state, hour = self._state, self._week_hour(bin_end)
        spoken = state.seen[:, self._slot(bin_end)].sum(axis=0) > 0
        level = state.mass.sum(axis=0) / state.exposure
        due = level * _fewest(state.learned, state.profile, hour)
        usual = ~(state.mute[hour] | state.mute[(hour - 24) % WEEK_HOURS])
        state.awaited = np.where(spoken, 0, state.awaited + due * usual)
        state.heard[spoken] = bin_end
        if bin_end % HOUR == 0:
            self._note_mute(bin_end, hour)

    def _note_mute(self, bin_end: int, hour: int) -> None:
        """Note of whom nothing was heard in the hour that ends, if it had data throughout."""
        state, slots = self._state, self._slot(bin_end) - np.arange(self._hour)
        known = (state.factor[slots] > 0).all(axis=0)
        empty = state.seen[:, slots].sum(axis=(0, 1)) == 0
        state.mute[hour] = np.where(known, empty, state.mute[hour])

    def _grown(self) -> Flags:
        """Return which series have the history to be judged."""
        grown: Flags = self._state.age * self.bin_seconds > self.policy.cold
        return grown

    def _level(self) -> Floats:
        """Return (2, n) mentions a bin at factor 1."""
        floor = FLOOR_PER_HOUR * self.bin_seconds / HOUR
        return np.maximum(self._state.mass / self._state.exposure, floor)

    def _sum(self, bin_end: int) -> _Windows:
        newest_first = (self._slot(bin_end) - np.arange(self._widths[-1])) % self._ring
        starts = np.r_[0, self._widths[:-1]]
        seen, expected = (
            np.cumsum(np.add.reduceat(ring[:, newest_first], starts, axis=1), axis=1)
            for ring in (self._state.seen, self._state.expected)
        )
        unsure = 1 / (self._state.mass + 1)  # a gamma level's relative variance
        own, other, share = self._dispersion()[:, None]
        excess = np.maximum(seen[NEGATIVE] - expected[NEGATIVE], 0)
        apart = np.maximum(seen[OTHER] - self.policy.echo * excess, 0)
        surge, spread = _surge(apart, expected[OTHER], other + unsure[OTHER])
        return _Windows(
            seen=seen,
            expected=expected,
            means=np.stack([expected[NEGATIVE], expected[NEGATIVE] * surge]),
            dispersions=np.stack(np.broadcast_arrays(own, share + spread)) + unsure[NEGATIVE],
        )

    def _dispersion(self) -> Floats:
        """Return (3, n) of an hour's negatives, others and share."""
        excess, square = self._state.moments
        dispersion: Floats = np.clip(excess / square, *DISPERSION_RANGE)
        return dispersion

    def _judge(self, bin_end: int, windows: _Windows, live: Flags) -> list[Signal]:
        scores = _scores(windows, live & self._grown(), self.policy)
        weight = np.sqrt(np.mean(scores * scores, axis=(0, 1)))
        alarming = np.flatnonzero(weight >= self._threshold()).tolist()
        names = self.series if alarming else []
        found = (self._signal(bin_end, names[i], i, windows, scores[..., i]) for i in alarming)
        return [signal for signal in found if signal is not None]

    def _threshold(self) -> Floats:
        lived = self._state.age * self.bin_seconds / self.policy.young
        threshold: Floats = self.policy.threshold + self.policy.caution * np.maximum(1 - lived, 0)
        return threshold

    def _signal(
        self, bin_end: int, name: str, i: int, windows: _Windows, scores: Floats
    ) -> Signal | None:
        """Bring the series' episode up to date; None if there is nothing new to tell."""
        test, window = divmod(int(scores.argmax()), len(self.policy.windows))
        score, mean = float(scores[test, window]), float(windows.means[test, window, i])
        seen, other = windows.seen[:, window, i].astype(int)
        rank = _rank(score, seen - mean, seen / mean, self.policy)
        opens = self._continue(bin_end, i, score)
        state = self._state
        if not (opens or self._tells_more(score, rank, i)):
            return None
        state.told[i] = score
        state.rank[i] = rank if opens else max(rank, state.rank[i])
        return Signal(
            series=name,
            rule=_rule(windows.seen[:, window, i], windows.expected[:, window, i]),
            bin_end=bin_end,
            onset=int(state.onset[i]),
            score=score,
            expected=mean,
            seen=int(seen),
            window=self.policy.windows[window],
            total=int(seen + other),
            severity=SEVERITIES[state.rank[i]],
            escalation=not opens,
        )

    def _continue(self, bin_end: int, i: int, score: float) -> bool:
        """Note an alarming bin; returns whether it opens an episode."""
        state = self._state
        opens = bool(bin_end - state.last[i] > self.policy.rearm)
        state.last[i] = bin_end
        if opens:
            state.onset[i] = bin_end
        state.top[i] = score if opens else max(score, state.top[i])
        return opens

    def _tells_more(self, score: float, rank: int, i: int) -> bool:
        told, worse = float(self._state.told[i]), rank > self._state.rank[i]
        policy = self.policy
        return score >= policy.escalate_times * told or (
            worse and score >= told + policy.escalate_by
        )

    def _learn(self, bin_end: int, windows: _Windows) -> None:
        """Learn the bin of an hour ago, so that a crisis does not teach its own baseline."""
        then = bin_end - HOUR
        slot, state = self._slot(then), self._state
        hour_seen = windows.seen[:, self._one_hour]
        hour_expected = windows.expected[:, self._one_hour]
        factor = state.factor[slot]
        empty = hour_seen.sum(axis=0) == 0
        outage = empty & (hour_expected.sum(axis=0) > self.policy.deep_silence)
        use = (factor > 0) & ~outage
        self._learn_level(hour_seen, hour_expected, slot, use)
        # While the level is still climbing to where it belongs, every hour looks busy.
        self._learn_profile(then, slot, use & (state.age * self.bin_seconds > CLIMB))
        if (then - self.bin_seconds) % HOUR == 0:
            self._learn_dispersion(hour_seen, hour_expected, use & self._grown())

    def _learn_level(self, hour_seen: Floats, hour_expected: Floats, slot: int, use: Flags) -> None:
        state, policy = self._state, self.policy
        seen, expected = state.seen[:, slot], state.expected[:, slot]
        spread = self._dispersion()[:2] + 1 / (state.mass + 1)
        hour_most = _ceiling(hour_expected, spread, policy.outlier_hour) + OUTLIER_HOUR_EXTRA
        kept = np.minimum(seen, _ceiling(expected, spread, policy.outlier_bin))
        kept = np.minimum(kept, seen * hour_most / np.maximum(hour_seen, 1e-9))
        kept = np.where(self._grown(), kept, seen)
        hourly = self._level()[NEGATIVE] * self._hour
        half_life = np.clip(
            policy.memory_mentions / hourly * HOUR, policy.memory_least, policy.memory_most
        )
        decay = np.where(use, 0.5 ** (self.bin_seconds / half_life), 1)
        state.mass = state.mass * decay + kept * use
        state.exposure = state.exposure * decay + state.factor[slot] * use

    def _learn_profile(self, then: int, slot: int, use: Flags) -> None:
        state, hour = self._state, self._week_hour(then)
        if (then - self.bin_seconds) % HOUR == 0:
            state.learned[:, hour] *= 0.5 ** (WEEK_HOURS * HOUR / self.policy.profile_memory)
        seen, expected = state.seen[:, slot].sum(axis=0), state.expected[:, slot].sum(axis=0)
        sds, dispersion = OUTLIER_PROFILE
        kept = np.minimum(seen, _ceiling(expected, dispersion, sds) + 2)
        flat = expected / np.where(use, state.factor[slot], 1)
        state.learned[:, hour] += np.stack([kept, flat]) * use

    def _learn_dispersion(self, seen: Floats, expected: Floats, use: Flags) -> None:
        state, policy = self._state, self.policy
        keep = 0.5 ** (HOUR / policy.dispersion_memory)
        now = self._dispersion()
        unsure = 1 / (state.mass[OTHER] + 1)
        surge, _ = _surge(seen[OTHER], expected[OTHER], now[OTHER] + unsure)
        mean = np.stack([*expected, expected[NEGATIVE] * surge])
        excess = _excess(np.stack([*seen, seen[NEGATIVE]]), mean, now)
        news = np.stack([excess, mean * mean]) * use
        pull = np.stack([_column(policy.dispersion) + 0 * mean, 1 + 0 * mean])
        state.moments = state.moments * keep + news + pull * policy.dispersion_weight * (1 - keep)


def tail_score(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Return −log10 of the mid-P upper tail, P(X > seen) + P(X = seen)/2.

    X is negative binomial with variance mean + dispersion·mean². Meant for `seen` above `mean`.
    P(X ≥ x) is the incomplete beta function I_q(x, r), whose leading factor is the probability of
    x itself, so the logarithm never underflows; its continued fraction is evaluated by Lentz's
    method (DLMF 8.17.22; Numerical Recipes 6.4). Mid-P: Lancaster 1961.

    Examples
    --------
    >>> tail_score(np.array([5.0]), np.array([1.0]), np.array([0.1])).round(4)
    array([2.4242])
    """
    r = 1 / dispersion
    q = mean / (mean + r)
    log_mass = (
        _log_gamma(seen + r)
        - _log_gamma(r)
        - _log_gamma(seen + 1)
        + seen * np.log(q)
        - r * np.log1p(mean / r)
    )
    tail: Floats = -(log_mass + np.log(_beta_fraction(seen, r, q) - 0.5)) / np.log(10)
    return tail


def _beta_fraction(a: Floats, b: Floats, x: Floats) -> Floats:
    c, d = np.ones_like(a), 1 / (1 - (a + b) * x / (a + 1))
    value = d.copy()
    for k in range(1, 500):
        even = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        odd = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        for term in (even, odd):
            d = 1 / (1 + term * d)
            c = 1 + term / c
            value *= c * d
        if np.all(np.abs(c * d - 1) < 1e-9):
            break
    return np.maximum(value, 1)


def _log_gamma(z: Floats) -> Floats:
    """Stirling's series (DLMF 5.11.1), shifted up by 8 where it is exact to 1e-12."""
    shift = z * (z + 1) * (z + 2) * (z + 3) * (z + 4) * (z + 5) * (z + 6) * (z + 7)
    y = z + 8
    series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * y * y)) / (y * y)) / (y * y)) / y
    value: Floats = (y - 0.5) * np.log(y) - y + np.log(2 * np.pi) / 2 + series - np.log(shift)
    return value


def _scores(windows: _Windows, judged: Flags, policy: Policy) -> Floats:
    """Return (test, window, n) tail scores; 0 where the screen shows nothing unusual."""
    mean, dispersion = windows.means, windows.dispersions
    seen = np.broadcast_to(windows.seen[NEGATIVE], mean.shape)
    unusual = judged & (seen >= policy.least) & (seen >= policy.least_ratio * mean)
    unusual &= seen > _ceiling(mean, dispersion, SCREEN)
    scores = np.zeros(mean.shape)
    if unusual.any():
        scores[unusual] = tail_score(seen[unusual], mean[unusual], dispersion[unusual])
    return scores


def _surge(seen: Floats, expected: Floats, dispersion: Floats) -> tuple[Floats, Floats]:
    """Return mean and relative variance of the shared volume factor, given the other mentions.

    A gamma factor of mean 1 and variance `dispersion`, seen through a Poisson count: the posterior
    is gamma again (Gelman et al., Bayesian Data Analysis, 2.6).
    """
    weight = 1 / dispersion
    return (weight + seen) / (weight + expected), 1 / (weight + seen)


def _ceiling(mean: Floats, dispersion: Floats | float, sds: float) -> Floats:
    ceiling: Floats = mean + sds * np.sqrt(mean + dispersion * mean * mean)
    return ceiling


def _excess(seen: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """Return the squared residual beyond Poisson noise; outliers are drawn in (Huber 1964)."""
    most = OUTLIER_DISPERSION * np.sqrt(mean + dispersion * mean * mean) + 0.5
    excess: Floats = np.clip(seen - mean, -most, most) ** 2 - mean
    return excess


def _profile(learned: NDArray[np.float32], policy: Policy) -> NDArray[np.float32]:
    """Hour of week, shrunk towards hour of day, shrunk towards 1; mean 1 over the week."""
    seen, expected = learned
    by_day = learned.reshape(2, 7, 24, -1).sum(axis=1)
    day = (policy.profile_weight_day + by_day[0]) / (policy.profile_weight_day + by_day[1])
    weight = policy.profile_weight_week
    week = (weight * np.tile(day, (7, 1)) + seen) / (weight + expected)
    profile: NDArray[np.float32] = (week / week.mean(axis=0)).astype(np.float32)
    return profile


def _fewest(
    learned: NDArray[np.float32], profile: NDArray[np.float32], hour: int
) -> NDArray[np.float32]:
    """Return the smallest factor of an hour: by profile, and as that hour of day and week went.

    An hour of day never heard yet is 0, an hour of week never heard yet is no evidence.
    """
    seen, flat = learned[:, hour % 24 :: 24].sum(axis=1)
    day = np.divide(seen, flat, out=np.zeros_like(flat), where=flat > 0)
    seen, flat = learned[:, hour]
    week = np.divide(seen, flat, out=np.full_like(flat, np.inf), where=flat > 0)
    fewest: NDArray[np.float32] = np.minimum(np.minimum(day, week), profile[hour])
    return fewest


def _rule(seen: Floats, expected: Floats) -> str:
    """Name what happened: more was said; or not, as other mentions clearly fell for it instead."""
    negative, other = seen - expected
    turned = max(negative / 2, 1.5 * np.sqrt(expected[OTHER]))
    return "share" if -other >= turned else "spike"


def _column(values: tuple[float, ...]) -> Floats:
    return np.array(values)[:, None]


def _rank(score: float, excess: float, ratio: float, policy: Policy) -> int:
    grave = excess > policy.critical_excess and ratio > policy.critical_ratio
    if score > policy.critical and grave:
        return 2
    return int(score >= policy.high)
