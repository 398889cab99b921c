from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features import BITS, grams, word_keys
from models.static import WordScale, WordVectors, _Loss, _Network, count_words, fit_words
from models.weights import Weights

MASK = (1 << 64) - 1
BASE = 0x9E3779B97F4A7C15
MIX = 0xBF58476D1CE4E5B9

ONE_WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


def plain_key(word):
    codes = [ord("0") if char in "0123456789" else ord(char) for char in lowered(word)]
    hashed = sum(code * pow(BASE, i, 1 << 64) for i, code in enumerate(codes)) & MASK
    return ((hashed ^ hashed >> 31) * MIX & MASK) >> 32


def lowered(word):
    return "".join(char.lower() if "A" <= char <= "Z" else char for char in word)


def scale(words):
    keys = word_keys(list(words))
    order = np.argsort(keys)
    numbers = np.array(list(words.values()), np.float32)[order]
    return WordScale(keys[order], numbers[:, 0], numbers[:, 1])


KNOWN = scale({"味道": (0.5, 0.1), "很好": (0.25, 1.0), "太贵了吧": (1.0, -2.0), "A4": (0.1, 0.3)})


@given(st.lists(st.lists(ONE_WORD, max_size=5), max_size=4))
def test_the_words_of_a_batch_hash_as_plain_python_hashes_them(cut):
    found = grams(["".join(words) for words in cut], cut)
    assert found.key[found.words].tolist() == [plain_key(word) for words in cut for word in words]
    assert found.owner[found.words].tolist() == [i for i, words in enumerate(cut) for _ in words]


@given(st.lists(ONE_WORD, min_size=1, max_size=5))
def test_a_word_alone_has_the_key_it_has_in_a_text(words):
    assert word_keys(words).tolist() == [plain_key(word) for word in words]


def test_a_bucket_is_the_first_bits_of_the_key():
    found = grams(["太贵了吧"], [["太", "贵", "了", "吧"]])
    assert found.bucket.tolist() == [int(key) >> 32 - BITS for key in found.key]


def test_a_text_is_worth_the_weighted_mean_of_its_words():
    found = grams(["味道很好", "太贵了吧", "a5"], [["味道", "很好"], ["太贵了吧"], ["a5"]])
    expected = [1.1 / 0.751, -2.0 / 1.001, 0.3 / 0.101]
    assert KNOWN.log_odds(found) == pytest.approx(expected, rel=1e-5)


def test_a_word_outside_the_dictionary_changes_nothing():
    one, other = (
        KNOWN.log_odds(grams(["".join(words)], [words])) for words in (["很好"], ["很好", "噢"])
    )
    assert one.tolist() == other.tolist()


@pytest.mark.parametrize("known", [KNOWN, WordScale.blank()], ids=["words", "none"])
def test_texts_without_a_known_word_say_nothing(known):
    odds = known.log_odds(grams(["", "噢", ""], [[], ["噢"], []]))
    assert odds.tolist() == [0.0, 0.0, 0.0]
    assert odds.dtype == np.float64
    assert known.log_odds(grams([], [])).tolist() == []


def test_a_multiple_multiplies_the_log_odds_and_not_the_weights():
    found = grams(["味道很好"], [["味道", "很好"]])
    assert KNOWN.times(3.0).log_odds(found) == pytest.approx(3 * KNOWN.log_odds(found))


def weights(words=KNOWN):
    rng = np.random.default_rng(1)
    polarity, opinion = rng.normal(size=(2, 1 << BITS)).astype(np.float32)
    return Weights(polarity, opinion, (0.3, 0.1), 0.2, words)


def test_words_count_beside_the_n_grams():
    found = grams(["味道很好"], [["味道", "很好"]])
    without = replace(weights(), words=WordScale.blank())
    gained = weights().log_odds(found)[0] - without.log_odds(found)[0]
    assert gained == pytest.approx(KNOWN.log_odds(found))


@pytest.mark.parametrize("words", [["味道", "很好", "很好"], ["太贵了吧", "，", "A4"], ["噢"], []])
def test_contributions_add_up_to_the_log_odds(words):
    found = grams(["".join(words)], [words])
    whole = weights().bias[0] + weights().contributions(found).sum()
    assert whole == pytest.approx(weights().log_odds(found)[0][0])


def test_a_words_contribution_stands_where_the_word_stands():
    found = grams(["味道很好"], [["味道", "很好"]])
    without = replace(weights(), words=WordScale.blank())
    gained = weights().contributions(found) - without.contributions(found)
    at = np.flatnonzero(np.abs(gained) > 1e-6)
    assert list(zip(found.start[at], found.end[at], strict=True)) == [(0, 2), (2, 4)]


def test_equal_weights_give_equal_bytes_and_load_as_they_were(tmp_path):
    for name in ("one.npz", "two.npz"):
        weights().save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = Weights.load(tmp_path / "one.npz").words
    assert loaded.keys.tolist() == KNOWN.keys.tolist()
    assert loaded.value == pytest.approx(KNOWN.value, rel=1e-3)


def test_saved_vectors_load_within_a_tenth_of_the_mean_spread(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    kept = WordVectors.of(["好", "坏", "a1"], vectors)
    kept.save(tmp_path / "words.npz")
    loaded = WordVectors.load(tmp_path / "words.npz")
    assert loaded.keys.tolist() == kept.keys.tolist()
    assert np.abs(loaded.vectors - kept.vectors).max() <= 0.1 + 1e-6


def test_of_words_that_are_one_when_folded_the_first_gives_the_vector():
    kept = WordVectors.of(["A1", "a2"], np.array([[1.0], [2.0]], np.float32))
    assert kept.vectors.tolist() == [[1.0]]


def test_counts_are_of_known_words_only():
    counts = count_words(grams(["好好噢", ""], [["好", "好", "噢"], []]), word_keys(["好"]))
    assert counts.toarray().tolist() == [[2.0], [0.0]]


def test_a_word_no_text_holds_is_judged_by_its_neighbours_the_same_every_time():
    vectors = WordVectors.of(
        ["好", "妙", "坏", "糟"], np.array([[1, 0.1], [1, 0], [-1, 0.1], [-1, 0]], np.float32)
    )
    texts = [["好"], ["坏"]] * 4
    counts = count_words(grams(["".join(t) for t in texts], texts), vectors.keys)
    found, again = (
        fit_words(counts, np.array([1.0, -1.0] * 4), np.ones(8), vectors) for _ in range(2)
    )
    assert found.value.tobytes() == again.value.tobytes()
    unseen = grams(["妙", "糟"], [["妙"], ["糟"]])
    assert np.sign(found.log_odds(unseen)).tolist() == [1, -1]


def test_the_gradient_is_the_slope_of_the_loss():
    rng = np.random.default_rng(0)
    network = _Network(3)
    texts = rng.integers(0, 3, (9, 5)).astype(np.float64)
    loss = _Loss(
        network,
        texts,
        rng.choice([-1.0, 1.0], 9),
        rng.random(9),
        rng.normal(size=(5, 3)).astype(np.float32),
        rng.normal(size=5).astype(np.float32),
    )
    at = network.start()
    along = rng.normal(size=at.shape)
    slope = (loss(at + 0.01 * along)[0] - loss(at - 0.01 * along)[0]) / 0.02
    assert slope == pytest.approx(loss(at)[1] @ along, rel=0.02)
