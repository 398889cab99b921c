from __future__ import annotations

import numpy as np
import pytest

from models.corpus import DataMissingError
from models.features import grams
from models.segment import Segmenter
from models.train_traits import (
    CLASSES,
    Labelled,
    evaluate_traits,
    expressions,
    fit,
    read_emotions,
    train_traits,
    without_leaks,
)
from models.traits import EMOTIONS, Traits

SAID = {
    "anger": ("气死我了", "太气人了", "真是火大"),
    "disgust": ("太恶心了", "恶心想吐", "真是反胃"),
    "sadness": ("好难过", "真的难过", "伤心难过"),
    "fear": ("好害怕", "真的害怕", "吓得害怕"),
    "joy": ("好开心", "真的开心", "开心快乐"),
    "none": ("下周三开会", "三号线地铁", "上午十点"),
}


def rows(split, source="smp_virus"):
    return [Labelled(source, split, name, text) for name in CLASSES for text in SAID[name]]


INSULTS = [
    *[
        Labelled("cold_offensive", "train", "offensive", t)
        for t in ("你们都是坏种", "你们坏种滚开")
    ],
    *[Labelled("os10_shopping", "train", "civil", t) for t in ("质量一般", "物流有点慢")],
]


@pytest.fixture(scope="module")
def scales():
    return fit(rows("train"), rows("dev"), INSULTS)


def test_it_learns_what_it_is_shown(scales):
    texts = ["真是太气人了", "真的好害怕", "下周三上午十点开会", "你们都是坏种", "物流一般"]
    read = Traits(scales).read(grams(texts, Segmenter().cut_all(texts)), texts)
    assert [emotion for emotion, _ in read[:3]] == ["anger", "fear", None]
    assert [offensive for _, offensive in read[3:]] == [True, False]


def test_training_twice_gives_the_same_scales(scales):
    again = fit(rows("train"), rows("dev"), INSULTS)
    assert np.array_equal(again.weights, scales.weights)
    assert again.bias == scales.bias


def test_a_class_that_no_dev_row_has_is_never_said():
    some = [row for row in rows("dev") if row.label != "fear"]
    texts = ["真的好害怕"]
    read = Traits(fit(rows("train"), some, INSULTS)).read(
        grams(texts, Segmenter().cut_all(texts)), texts
    )
    assert read[0][0] != "fear"


def test_a_set_without_disgust_counts_it_as_anger(scales):
    test = [
        Labelled("smp_virus", "test", "anger", "太恶心了，想吐"),
        Labelled("smp_virus", "test", "joy", "好开心快乐"),
    ]
    figures = evaluate_traits(Traits(scales), test)["emotion"]["smp_virus"]
    assert (figures["n"], figures["accuracy"], figures["named"]) == (2, 1.0, 1.0)


def test_it_counts_the_reviews_that_are_accused(scales):
    test = [Labelled("waimai", "test", "civil", t) for t in ("你们坏种滚开", "好吃", "慢", "一般")]
    assert evaluate_traits(Traits(scales), test)["accused"] == {"waimai": 0.25}


def test_a_text_of_another_split_is_never_learned():
    learned = without_leaks([*rows("train"), *rows("test")[:3]])
    assert {row.text for row in learned} == {
        row.text for row in rows("train") if row.label != "anger"
    }


def test_every_class_has_expressions_and_none_is_in_two():
    said = [row.text for row in expressions()]
    assert {row.label for row in expressions()} == {*EMOTIONS, "none"}
    assert len(said) == len(set(said))


def test_without_the_data_it_says_what_to_do(tmp_path):
    with pytest.raises(DataMissingError, match="--data"):
        train_traits(tmp_path, tmp_path / "traits.npz")
    with pytest.raises(DataMissingError):
        read_emotions(tmp_path)
