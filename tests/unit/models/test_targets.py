from __future__ import annotations

import numpy as np
import pytest

from models.analyser import Analyser
from models.clauses import find_target, windows
from models.corpus import Row
from models.features import grams
from models.segment import Segmenter
from models.targets import PLACE, TargetScale, framed, shares
from models.train_targets import fit_targets, learnable
from models.weights import Weights

SEGMENTER = Segmenter()
RULES = Analyser(Weights.load(), SEGMENTER)  # and the shared weights, without a learned scale


def rows(label, *pairs, split="train"):
    return [Row("targets", "restaurant", split, label, text, target) for text, target in pairs]


LEARNED = [
    *rows(1, ("汤很浓，店挤", "汤"), ("茶很浓", "茶"), ("酱汁很浓", "酱汁")),
    *rows(-1, ("汤浓，店很挤", "店"), ("大堂很挤", "大堂"), ("门口很挤", "门口")),
    *rows(0, ("汤是例汤", "汤")),
]


def odds(scale, *frames):
    return scale.log_odds(grams(frames, SEGMENTER.cut_all(frames)))


def window(text, target):
    return windows(text, {target: find_target(text, target)})[target][0]


def towards(text, *targets):
    """Return the signs of the scores by the rules and the shared weights alone."""
    aim = {target: find_target(text, target) for target in targets}
    found = RULES.read([text], [aim])[0].targets
    return [int(np.sign(found[target].score)) for target in targets]


def test_it_learns_how_words_stand_to_their_target():
    praise, blame = odds(fit_targets(LEARNED, SEGMENTER), f"{PLACE}很浓", f"{PLACE}很挤")
    assert praise > blame


def test_learning_twice_gives_the_same_scale():
    one, two = (fit_targets(LEARNED, SEGMENTER) for _ in range(2))
    assert np.array_equal(one.vector, two.vector)


def test_without_both_sides_it_learns_nothing():
    assert not fit_targets(LEARNED[:3], SEGMENTER).vector.any()


def test_a_text_of_a_test_split_is_not_learned_from():
    kept = rows(1, ("茶好", "茶"))
    assert (
        learnable([*kept, *rows(1, ("汤好", "汤")), *rows(1, ("汤好", "汤"), split="test")]) == kept
    )


def test_a_saved_scale_loads_as_it_was_and_equal_scales_give_equal_bytes(tmp_path):
    scale = fit_targets(LEARNED, SEGMENTER)
    for name in ("one.npz", "two.npz"):
        scale.save(tmp_path / name)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    loaded = TargetScale.load(tmp_path / "one.npz")
    assert loaded.bias == scale.bias
    assert np.allclose(loaded.vector, scale.vector, atol=1e-2)


def test_without_a_file_the_scale_is_blank(tmp_path):
    assert odds(TargetScale.load(tmp_path / "none.npz"), f"{PLACE}很浓").tolist() == [0]


def test_a_frame_leaves_the_targets_name_out():
    assert framed("说垃圾桶真好", window("说垃圾桶真好", "垃圾桶")) == f"说{PLACE}真好"


def test_a_comparison_has_no_frame():
    assert framed("小米比苹果强", window("小米比苹果强", "苹果")) == ""


def test_what_follows_a_target_counts_most_and_the_next_clause_as_far_as_that_is_open():
    said = [window("这家味道很好，喜欢", "味道")]
    sure, open_ = (shares(np.array([[0.0, own, 1.0]]), said)[0] for own in (3.0, 0.0))
    assert open_.tolist() == [0.5, 1, 1]
    assert sure[2] == pytest.approx(np.exp(-3))


def test_what_is_not_there_does_not_count():
    assert shares(np.ones((1, 3)), [window("味道", "味道")]).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("小米比苹果强多了", "小米", "苹果"),
        ("苹果不如小米好用", "小米", "苹果"),
        ("苹果跟小米没法比", "小米", "苹果"),
        ("小米吊打苹果", "小米", "苹果"),
        ("苹果被小米完爆", "小米", "苹果"),
        ("从苹果换到小米，真香", "小米", "苹果"),
        ("苹果没有小米好用", "小米", "苹果"),
        ("小米真不错，就是苹果太差", "小米", "苹果"),
    ],
)
def test_it_takes_sides_between_two_targets(text, good, bad):
    assert towards(text, good, bad) == [1, -1]


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("昨天买的听风牌，它太差了，垃圾", -1),
        ("昨天买的听风牌，它太棒了，喜欢", 1),
        ("看了听风牌，别人家的都比它强", -1),
        ("听风牌和远山牌都不错", 1),
        ("听风牌和远山牌都太差了", -1),
    ],
)
def test_it_hears_pronouns_and_lists(text, sign):
    assert towards(text, "听风牌") == [sign]


def test_the_targets_name_says_nothing():
    aims = [{name: [(0, len(name))]} for name in ("垃圾牌", "听风牌")]
    texts = ["垃圾牌很好用", "听风牌很好用"]
    analyser = Analyser(Weights.load(), SEGMENTER, fit_targets(LEARNED, SEGMENTER))
    one, two = analyser.read(texts, aims)
    # The whole text, in which the name does count, weighs little
    assert one.targets["垃圾牌"].label == two.targets["听风牌"].label == 1


def test_two_thousand_occurrences_are_read():
    text = "听风牌真好，它好。" * 2000
    found = Analyser.load().read([text], [{"听风牌": find_target(text, "听风牌")}])[0]
    assert found.targets["听风牌"].label == 1


@pytest.mark.parametrize("text", ["新款听风牌手机下周三在成都发布", "请问听风牌还有货吗"])
def test_a_target_about_which_nothing_is_voiced_is_neutral(text):
    found = RULES.read([text], [{"听风牌": find_target(text, "听风牌")}])[0]
    assert found.targets["听风牌"].label == 0


def test_a_verdict_is_an_opinion():
    text = "还得是听风牌"
    found = RULES.read([text], [{"听风牌": find_target(text, "听风牌")}])[0]
    assert found.targets["听风牌"].label == 1
