"""Corrections teach a brand's own words: what goes live, what is refused, how it is taken back."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from models.adapter import Adapter, Scale, labels_of, log_odds_of
from models.features import grams
from monitor.corrections import Statement
from monitor.domain import Brand
from monitor.errors import Conflict, UnknownThing
from monitor.retrain import LEAST, Nightly, due, outcome, read_guard, retrain
from tests.rows import DAY, HOUR, NOW, row

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("屏幕", "手感", "续航", "声音", "做工", "车机", "座椅", "外壳")
OPENINGS = ("星途的{}{}", "提了星途，{}{}", "聊聊星途{}：{}", "星途{}嘛，{}")
SLANG = {
    1: ("被它拿捏得死死的", "直接把我钓成翘嘴", "属于是赢麻了"),
    -1: ("就这就这", "给我整不会了"),
}
PRAISE = ("很好用，非常满意", "太舒服了，强烈推荐", "做得真好，喜欢")
BLAME = ("太差了，后悔买", "又卡又慢，很失望", "总是坏，垃圾")


def spoken(endings):
    return [o.format(s, e) for o, s, e in product(OPENINGS, SIDES, endings)]


def labelled(endings_by_label, seed=0):
    """(text, label) pairs in random order."""
    pairs = [(t, label) for label, ends in endings_by_label.items() for t in spoken(ends)]
    return [pairs[i] for i in np.random.default_rng(seed).permutation(len(pairs))]


def correct(service, pairs, annotator="甲"):
    """Take texts in and have somebody say what their labels are."""
    rows = [row(text, NOW - HOUR - i) for i, (text, _) in enumerate(pairs)]
    service.pipeline.ingest(rows)
    path = service.settings.database_url.removeprefix("sqlite:///")
    ids = dict(zip((text for text, _ in pairs), ids_of(path, rows), strict=True))
    statements = [Statement("xingtu", ids[text], label) for text, label in pairs]
    service.store.corrections.add(statements, annotator, NOW)


def ids_of(path, rows):
    from tests.recount import rows_of

    held = {r["native_id"]: r["id"] for r in rows_of(path, "SELECT id, native_id FROM mention")}
    return [held[r["id"]] for r in rows]


@pytest.fixture
def learn(service, xingtu, language, clock):
    def learn(platform=None, **more):
        return retrain(service.store, language[0], "xingtu", platform, clock(), **more)

    return learn


def accuracy(language, adapter, pairs):
    """How often the brand's texts are read rightly, without and with an adapter."""
    texts, labels = zip(*pairs, strict=True)
    reader = language[0].with_words(("星途", "星途汽车"))
    aims = [{"xingtu": ((t.index("星途"), t.index("星途") + 2),)} for t in texts]
    base = log_odds_of([r.targets["xingtu"] for r in reader.read(texts, aims)])
    after = adapter.adjust(*base, grams(texts, reader.segmenter.cut_all(texts)))
    return [float(np.mean(labels_of(*odds) == np.array(labels))) for odds in (base, after)]


def test_sixty_corrections_of_slang_make_the_rest_of_it_read_better(service, learn, language):
    pairs = labelled(SLANG)
    correct(service, pairs[:60])
    report = learn()
    assert report["state"] == "live", report
    assert report["corrections"]["n"] == 60
    assert report["corrections"]["low"] > 0
    assert report["guard"]["n"] >= 240
    live = service.store.adapters.live()
    assert list(live) == [("xingtu", "")]
    before, after = accuracy(language, live["xingtu", ""], pairs[60:])
    assert after > before + 0.1
    assert after > 0.9


def test_labels_by_chance_do_not_go_live(service, learn):
    pairs = labelled({1: PRAISE[:2], -1: BLAME[:2]})
    rng = np.random.default_rng(5)
    correct(service, [(text, int(rng.integers(-1, 2))) for text, _ in pairs])
    assert learn(dry_run=True)["state"] == "refused"
    assert service.store.adapters.versions("xingtu") == []


def test_what_turns_everyday_praise_into_blame_is_refused(service, learn):
    correct(service, labelled({-1: PRAISE, 1: BLAME})[:120])
    report = learn()
    assert report["corrections"]["low"] > 0
    assert report["guard"]["after"] < report["guard"]["before"]
    assert report["state"] == "refused"
    assert any("everyday" in reason for reason in report["reasons"])
    assert service.store.adapters.live() == {}
    (held,) = service.store.adapters.versions("xingtu")
    assert (held.state, held.report["reasons"]) == ("refused", report["reasons"])


def test_few_labels_and_copies_of_one_text_wait_for_more(service, learn):
    pairs = labelled(SLANG)[: LEAST - 1]
    correct(service, pairs)
    correct(service, pairs, "乙")
    assert learn()["state"] == "waiting"
    assert service.store.adapters.versions("xingtu") == []


def test_one_platform_is_learned_for_itself(service, learn):
    correct(service, labelled(SLANG)[:60])
    assert learn("xhs")["state"] == "waiting"
    assert learn("weibo")["state"] == "live"
    assert list(service.store.adapters.live()) == [("xingtu", "weibo")]


def test_no_brand_is_no_reason_to_guess(learn, service, language):
    with pytest.raises(UnknownThing):
        retrain(service.store, language[0], "nobody", None, NOW)


def test_every_report_is_said_in_chinese_and_english(service, learn):
    correct(service, labelled(SLANG)[:60])
    tried = learn(dry_run=True)
    refused = {**tried, "state": "refused", "reasons": ["不更好 / no better"]}
    said = [outcome(r) for r in (learn("xhs"), tried, {**tried, "dry_run": False}, refused)]
    assert len(set(said)) == 4
    for sentence in said:
        assert "改判" in sentence
        assert " / " in sentence


def test_the_guard_set_is_balanced_and_read_well_by_the_shipped_model(language):
    guard = read_guard()
    labels = [label for label, _, _ in guard]
    assert len({text for _, _, text in guard}) == len(guard) >= 240
    assert {labels.count(label) for label in (-1, 0, 1)} == {len(guard) // 3}
    assert len({platform for _, platform, _ in guard}) >= 12
    readings = language[0].read([text for _, _, text in guard])
    right = [r.document.label == label for r, label in zip(readings, labels, strict=True)]
    assert np.mean(right) > 0.85


# -- versions --------------------------------------------------------------------------------------


def shifted(by):
    return Adapter(polarity=Scale(shift=by))


def add(store, by, at, *, brand="xingtu", live=True, base="b1"):
    return store.adapters.add(shifted(by), {}, at, brand=brand, platform="", base=base, live=live)


def live_shift(store, base=None):
    return {place: held.polarity.shift for place, held in store.adapters.live(base).items()}


def test_rolling_back_goes_one_version_back_each_time_and_then_to_none(service, xingtu):
    adapters = service.store.adapters
    for i, by in enumerate((0.1, 0.2, 0.3)):
        add(service.store, by, NOW + i)
    add(service.store, 0.9, NOW + 9, live=False)
    assert live_shift(service.store) == {("xingtu", ""): 0.3}
    assert adapters.rollback("xingtu", "", NOW + 10).live_since == NOW + 10
    assert live_shift(service.store) == {("xingtu", ""): 0.2}
    adapters.rollback("xingtu", "", NOW + 11)
    assert adapters.rollback("xingtu", "", NOW + 12) is None
    assert live_shift(service.store) == {}
    with pytest.raises(Conflict):
        adapters.rollback("xingtu", "", NOW + 13)
    states = [version.state for version in adapters.versions("xingtu")]
    assert states == ["refused", "retired", "retired", "retired"]


def test_what_goes_live_or_back_shows_in_every_process_and_has_history_read_again(
    make_service, clock
):
    one, other = make_service(), make_service()
    one.store.brands.add(Brand("xingtu", "星途"))
    seen = other.store.brands.version()
    add(one.store, 0.5, NOW)
    assert other.store.brands.version() > seen
    assert live_shift(other.store) == {("xingtu", ""): 0.5}
    assert other.store.rereads.next(NOW + 60).requested_at == NOW
    seen = other.store.brands.version()
    one.store.adapters.rollback("xingtu", "", NOW + 100)
    assert other.store.brands.version() > seen
    assert live_shift(other.store) == {}
    assert other.store.rereads.next(NOW + 160).requested_at == NOW + 100


def test_a_refused_version_changes_nothing_for_anyone(service, xingtu):
    seen = service.store.brands.version()
    add(service.store, 0.5, NOW, live=False)
    assert service.store.brands.version() == seen
    assert service.store.rereads.next(NOW + 60) is None


def test_refused_versions_do_not_pile_up_and_live_ones_stay(service, xingtu):
    add(service.store, 0.5, NOW)
    for i in range(30):
        add(service.store, i / 100, NOW + 1 + i, live=False)
    held = service.store.adapters.versions("xingtu")
    assert [v.state for v in held] == ["refused"] * 20 + ["live"]
    assert held[0].created_at == NOW + 30


def test_an_adapter_of_other_weights_can_be_left_out_and_is_due_anew(service, xingtu):
    add(service.store, 0.5, NOW, base="b1")
    assert live_shift(service.store, "b1") == {("xingtu", ""): 0.5}
    assert live_shift(service.store, "b2") == {}
    assert due(service.store, "b1") == []
    assert due(service.store, "b2") == ["xingtu"]
    assert due(service.store, "") == []


def test_the_adapter_of_a_deleted_brand_reads_nothing(service, xingtu):
    add(service.store, 0.5, NOW)
    service.store.brands.delete("xingtu")
    assert service.store.adapters.live() == {}
    assert service.store.rereads.next(NOW + 60) is None
    with pytest.raises(UnknownThing):
        add(service.store, 0.5, NOW)


def test_a_brand_is_due_once_enough_was_corrected_since_it_was_last_tried(service, xingtu):
    pairs = labelled(SLANG)
    correct(service, pairs[:49])
    assert due(service.store, "b1") == []
    correct(service, pairs[49:70])
    assert due(service.store, "b1") == ["xingtu"]
    add(service.store, 0.5, NOW + 1, live=False)
    assert due(service.store, "b1") == []


# -- by itself -------------------------------------------------------------------------------------

THREE = NOW // DAY * DAY + 19 * HOUR  # three in the morning in Shanghai


@pytest.fixture
def nightly(service, xingtu, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{absolute(service)}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.chdir(ROOT)
    return Nightly(service.store, "b1", 3)


def absolute(service):
    return service.settings.database_url.removeprefix("sqlite:///")


def test_at_a_quiet_hour_and_once_a_day_it_learns_in_a_process_of_its_own(service, nightly):
    correct(service, labelled(SLANG)[:60])
    nightly.step(THREE - 60)
    assert nightly._process is None
    nightly.step(THREE)
    started = nightly._process
    assert started.wait(120) == 0
    (held,) = service.store.adapters.versions("xingtu")
    assert held.state == "live"
    nightly.step(THREE + 60)
    assert nightly._process is None


def test_without_new_corrections_it_starts_nothing(nightly):
    nightly.step(THREE)
    assert nightly._process is None


def test_the_command_tells_what_it_did_and_takes_it_back(service, nightly, xingtu):
    def run(*arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "monitor", "retrain", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stderr
        assert "Traceback" not in done.stderr
        return done

    waiting = run("--brand", "xingtu", "--dry-run")
    assert '"state": "waiting"' in waiting.stdout
    assert "至少 50 条" in waiting.stderr
    add(service.store, 0.5, NOW)
    back = run("--brand", "xingtu", "--rollback")
    assert '"live": null' in back.stdout
    assert "退回" in back.stderr
    assert live_shift(service.store) == {}
    assert "无可回退" in run("--brand", "xingtu", "--rollback", status=1).stderr
