from __future__ import annotations

from models.features import grams
from models.keywords import keywords, telling
from models.segment import Segmenter

SEGMENTER = Segmenter()
TEXTS = [
    "充电宝突然起火了，吓人",
    "我的充电宝也起火了",
    "他们说充电宝起火是因为电芯",
    "今天的天气很好，我们去玩了",
]


def test_what_sets_the_texts_apart_comes_first():
    assert "起火" in [word for word, _ in keywords(TEXTS, SEGMENTER)][:2]


def test_everyday_words_are_no_keywords():
    everyday = ["我们觉得这个还可以", "我们觉得就是这样的", "我们觉得没有什么"]
    found = dict(keywords([*TEXTS, *everyday], SEGMENTER))
    assert found.get("我们", 0) < found["起火"]


def test_a_word_of_one_text_is_left_out_however_often_it_is_said():
    found = dict(keywords([*TEXTS, "涨价" * 9], SEGMENTER))
    assert "涨价" not in found


def test_it_returns_no_more_than_asked_for_in_falling_order():
    found = keywords(TEXTS, SEGMENTER, top=1)
    assert len(found) == 1
    scores = [z for _, z in keywords(TEXTS, SEGMENTER)]
    assert scores == sorted(scores, reverse=True)


def test_nothing_gives_nothing():
    assert keywords([], SEGMENTER) == []


def telling_words(texts, top=5):
    words = [word for text in texts for word in text]
    return telling(words, grams(["".join(text) for text in texts], texts), top)


def test_the_rarest_words_of_one_text_come_first():
    [words] = telling_words([SEGMENTER.cut("这个充电宝突然起火了，真的很吓人")], top=3)
    assert {"起火", "吓人"} <= set(words)


def test_what_a_text_repeats_counts_more():
    [words] = telling_words([["屏幕", "电池", "电池", "电池"]])
    assert words == ("电池", "屏幕")
    [words] = telling_words([["屏幕", "沐谷森", "质量", "沐谷森"]])
    assert words[0] == "沐谷森"
    assert len(words) == 3


def test_words_that_say_as_much_keep_their_order():
    assert telling_words([["沐谷森", "听雨斋", "沐谷森", "听雨斋"]]) == [("沐谷森", "听雨斋")]


def test_function_words_single_characters_numbers_and_marks_are_no_keywords():
    words = ["虽然", "我们", "好", "123", "，", "！！", "  ", "2.5", "http", "A6PqnK9x"]
    assert telling_words([words]) == [()]


def test_a_word_never_seen_before_is_telling():
    assert telling_words([["质量", "沐谷森"]])[0][0] == "沐谷森"


def test_a_word_never_seen_before_is_the_same_only_where_it_is_spelled_the_same():
    assert telling_words([["Mugusen7", "Mugusen8"]]) == [()]
    assert telling_words([["Muya7", "muya8", "Muya7"]]) == [("Muya7", "muya8")]


def test_it_names_as_many_words_as_asked_and_keeps_the_order_of_the_texts():
    texts = [["起火", "爆炸", "冒烟"], [], ["起火"]]
    found = telling_words(texts, top=2)
    assert [len(words) for words in found] == [2, 0, 1]
    assert found[2] == ("起火",)


def test_a_batch_has_the_keywords_of_its_texts_alone():
    texts = [SEGMENTER.cut(text) for text in ["", *TEXTS, "好", "沐谷森的屏幕和沐谷森的电池", ""]]
    assert telling_words(texts) == [telling_words([text])[0] for text in texts]
