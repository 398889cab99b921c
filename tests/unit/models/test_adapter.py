"""What corrections teach: what is learned, how it reads, how it is kept."""

import subprocess
import sys
from itertools import product

import numpy as np
import pytest

from models.adapter import Adapter, Scale, labels_of, learn, log_odds_of, out_of_fold
from models.features import grams
from models.records import Judgement
from models.segment import Segmenter

SUBJECTS = ("屏幕", "手感", "续航", "声音", "做工", "拍照", "外壳", "系统")
PRAISE = ("拿捏得死死的", "直接绝了呀", "把我钓成翘嘴", "属于是赢麻")
BLAME = ("就这就这", "主打一个拉胯", "给我整不会了", "真是谢谢您")
FRAMES = ("这{}{}", "{}方面{}", "说说{}：{}")


def sentences(endings):
    return [frame.format(s, e) for frame, s, e in product(FRAMES, SUBJECTS, endings)]


TEXTS = [*sentences(PRAISE), *sentences(BLAME)]
LABELS = [1] * len(sentences(PRAISE)) + [-1] * len(sentences(BLAME))
SEGMENTER = Segmenter()


def blank(n, polarity=0.0, opinion=3.0):
    return np.full(n, polarity), np.full(n, opinion)


def adjusted(adapter, texts, base):
    return adapter.adjust(*base, grams(texts, SEGMENTER.cut_all(texts)))


def shuffled(seed=0):
    order = np.random.default_rng(seed).permutation(len(TEXTS))
    return [TEXTS[i] for i in order], [LABELS[i] for i in order]


def test_slang_is_learned_and_holds_in_sentences_never_seen():
    texts, labels = shuffled()
    base = blank(60, polarity=-0.3)
    adapter = learn(texts[:60], labels[:60], base, SEGMENTER)
    rest = blank(len(texts) - 60, polarity=-0.3)
    said = labels_of(*adjusted(adapter, texts[60:], rest))
    assert np.mean(said == labels[60:]) > 0.95


def test_labels_by_chance_teach_next_to_nothing():
    texts, _ = shuffled()
    base = blank(100, polarity=1.0)
    moved = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        # As many agree as the log-odds say: there is nothing left to learn.
        labels = np.where(rng.random(100) < 1 / (1 + np.exp(-1.0)), 1, -1).tolist()
        adapter = learn(texts[:100], labels, base, SEGMENTER, seed)
        polarity, _ = adjusted(adapter, texts[:100], base)
        moved.append(np.abs(polarity - 1.0).mean())
    assert np.median(moved) < 0.5


def test_where_only_the_mix_of_labels_differs_a_shift_is_what_is_learned():
    rng = np.random.default_rng(3)
    texts = [chr(0x4E00 + i) * 2 for i in range(400)]
    odds = rng.normal(0, 1.5, 400)
    labels = np.where(rng.random(400) < 1 / (1 + np.exp(1.2 - odds)), 1, -1).tolist()
    adapter = learn(texts, labels, (odds, np.full(400, 9.0)), SEGMENTER)
    assert len(adapter.polarity.bucket) == 0
    assert -1.6 < adapter.polarity.shift < -0.7
    assert 0.7 < adapter.polarity.slope < 1.3


def test_opinion_learns_from_neutral_labels_and_polarity_does_not():
    texts, _ = shuffled()
    base = blank(len(texts), polarity=0.5, opinion=0.5)
    adapter = learn(texts, [0] * len(texts), base, SEGMENTER)
    polarity, opinion = adjusted(adapter, texts, base)
    assert polarity.tolist() == base[0].tolist()
    assert opinion.max() < 0.5


def test_the_same_labels_and_seed_give_the_same_bytes():
    texts, labels = shuffled()
    first, second = (
        learn(texts, labels, blank(len(texts)), SEGMENTER, 7).to_bytes() for _ in range(2)
    )
    assert first == second


def test_an_adapter_comes_back_from_its_bytes_as_it_was():
    texts, labels = shuffled()
    adapter = learn(texts, labels, blank(len(texts)), SEGMENTER)
    again = Adapter.from_bytes(adapter.to_bytes())
    assert again.version == adapter.version
    assert len(again.version) == 8
    int(again.version, 16)
    base = blank(len(texts), polarity=0.7)
    for held, came in zip(
        adjusted(adapter, texts, base), adjusted(again, texts, base), strict=True
    ):
        assert held.tolist() == came.tolist()
    assert adapter.version != Adapter(polarity=Scale(shift=0.1)).version


def test_bytes_that_would_run_code_are_refused():
    import io

    file = io.BytesIO()
    np.savez(file, polarity_line=np.array([object()], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        Adapter.from_bytes(file.getvalue())


def test_a_batch_is_adjusted_as_its_texts_are_one_by_one():
    texts, labels = shuffled()
    adapter = learn(texts, labels, blank(len(texts)), SEGMENTER)
    batch = ["", *texts[:5], "😀", "abc"]
    base = blank(len(batch), polarity=0.2)
    together = adjusted(adapter, batch, base)
    for i, text in enumerate(batch):
        alone = adjusted(adapter, [text], (base[0][i : i + 1], base[1][i : i + 1]))
        assert np.allclose([together[0][i], together[1][i]], np.ravel(alone), atol=1e-12)


def test_an_n_gram_weighs_what_was_learned_for_it_and_others_nothing():
    held = grams(["好"], [["好"]]).bucket[:1]
    adapter = Adapter(Scale(1.0, 0.0, held.astype(np.int32), np.array([2.0], np.float16)))
    polarity, opinion = adjusted(adapter, ["好", "坏"], blank(2))
    assert polarity.tolist() == [2.0, 0.0]
    assert opinion.tolist() == [3.0, 3.0]


def test_a_text_is_judged_out_of_fold_by_what_others_taught():
    # Each text has its own signs, so that nothing carries over from one to another.
    texts = [chr(0x4E00 + i) * 3 for i in range(80)]
    labels = [1, -1] * 40
    polarity, _ = out_of_fold(texts, labels, blank(80), SEGMENTER)
    assert np.abs(polarity).max() < 0.5


def test_log_odds_come_back_from_judgements_even_certain_ones():
    polarity, opinion = np.array([-3.0, 0.4, 2.0, 0.0]), np.array([1.0, -0.5, 4.0, 0.3])
    positive, voiced = 1 / (1 + np.exp(-polarity)), 1 / (1 + np.exp(-opinion))
    chances = np.stack([voiced * (1 - positive), 1 - voiced, voiced * positive])
    judgements = [
        Judgement(int(np.argmax(c)) - 1, float(c[2] - c[0]), float(c.max())) for c in chances.T
    ]
    back = log_odds_of(judgements)
    assert np.allclose(back[0], polarity, atol=1e-6)
    assert np.allclose(back[1], opinion, atol=1e-6)
    certain = log_odds_of([Judgement(1, 1.0, 1.0), Judgement(0, 0.0, 1.0)])
    assert np.isfinite(certain).all()
    assert labels_of(*certain).tolist() == [1, 0]


def test_reading_loads_nothing_heavy():
    code = (
        "import sys, models.adapter as a, monitor.bootstrap, monitor.worker;"
        "a.Adapter.from_bytes(a.Adapter().to_bytes());"
        "print([m for m in ('sklearn', 'scipy', 'models.train') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
