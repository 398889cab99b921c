from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.analyser import Analyser
from models.corpus import DataMissingError, Row, read_set, without_leaks
from models.segment import Segmenter
from models.train import balance, expressions, fit
from models.weights import Weights

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"


def rows(split, label, *texts, source="smp_virus"):
    return [Row(source, "social", split, label, text) for text in texts]


LEARNED = [
    *rows("train", 1, "味道很好", "非常喜欢", "真不错", "很满意"),
    *rows("train", -1, "味道很差", "非常失望", "真难吃", "很糟糕"),
    *rows("train", 0, "明天开会", "地铁三号线", "今天星期五", "上午十点"),
]
DEV = [
    *rows("dev", 1, "很好很喜欢", "满意"),
    *rows("dev", -1, "很差很失望", "糟糕"),
    *rows("dev", 0, "明天星期五", "十点开会"),
]


@pytest.fixture(scope="module")
def weights():
    return fit(LEARNED, DEV)


def test_it_learns_what_it_is_shown(weights):
    analyser = Analyser(weights, Segmenter())
    judged = analyser.judge(["味道真不错", "味道真糟糕"], binary=True)
    assert [j.label for j in judged] == [1, -1]


def test_training_twice_gives_the_same_weights(weights):
    again = fit(LEARNED, DEV)
    assert np.array_equal(again.polarity, weights.polarity)
    assert np.array_equal(again.opinion, weights.opinion)
    assert (again.bias, again.strength) == (weights.bias, weights.strength)


def test_saved_weights_load_as_they_were_and_name_their_contents(weights, tmp_path):
    for name in ("one.npz", "two.npz"):
        weights.save(tmp_path / name)
    one, two = (Weights.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert one.version == two.version
    assert one.version.startswith("linear-2-")
    assert np.allclose(one.polarity, weights.polarity, atol=2e-2)
    assert one.bias == pytest.approx(weights.bias)


def test_no_training_text_stands_in_a_dev_or_test_split_of_any_set():
    leaky = rows("train", 1, "明天星期五", "新的", source="weibo2018")
    assert [row.text for row in without_leaks([*leaky, *DEV])] == ["新的"]


def test_every_group_weighs_the_same():
    weight = balance(["a"] * 9 + ["b"])
    assert weight[:9].sum() == pytest.approx(weight[9:].sum())


def test_an_expression_has_one_side_only():
    texts = [row.text for row in expressions()]
    assert len(texts) == len(set(texts))


def test_missing_data_says_what_to_do(tmp_path):
    with pytest.raises(DataMissingError, match="--data"):
        read_set(tmp_path, "waimai")


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="the labelled texts in ../shared/data are absent")
def test_the_shipped_weights_judge_texts_they_never_saw():
    tests = [row for row in read_set(DATA, "weibo2018") if row.split == "test"]
    judged = Analyser.load().judge([row.text for row in tests], binary=True)
    right = np.mean([j.label == row.label for j, row in zip(judged, tests, strict=True)])
    assert right > 0.8
