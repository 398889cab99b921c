from __future__ import annotations

import pytest

from models.comparisons import PLAIN, compare


def around(text):
    """Split at the target, written as □."""
    before, after = text.split("□")
    return compare(before, after)


@pytest.mark.parametrize(
    "text",
    [
        "小米不如□",
        "小米不如□好用",
        "小米比不上□",
        "小米没有□好用",
        "小米没□香",
        "小米跟□没法比",
        "跟□差远了",
        "小米被□吊打",
        "□吊打小米",
        "□完爆其他手机",
        "□不输进口货",
        "□甩同行几条街",
    ],
)
def test_the_winner_of_a_comparison_is_praised_whatever_words_stand_beside_it(text):
    told = around(text)
    assert told.verdict == 1
    assert told.counts == (0, 0, 0)


@pytest.mark.parametrize(
    "text",
    [
        "□不如小米",
        "□真不如小米好用",
        "□比不上小米",
        "□没有小米好用",
        "□跟小米没法比",
        "□和小米差距太大",
        "□被小米吊打",
        "小米吊打□",
        "小米秒杀了□",
        "从□换到小米",
        "告别□",
    ],
)
def test_the_loser_of_a_comparison_is_blamed_whatever_words_stand_beside_it(text):
    told = around(text)
    assert told.verdict == -1
    assert told.counts == (0, 0, 0)


@pytest.mark.parametrize("text", ["小米比□强", "小米比□差远", "相比□便宜", "对比□更轻"])
def test_what_follows_a_comparison_is_said_against_its_measure(text):
    assert around(text).counts == (0, -2, 0)
    assert around(text).verdict == 0


@pytest.mark.parametrize("text", ["还得是□", "还是得看□，稳", "换成□后真香", "改用□了"])
def test_what_someone_chose_is_praised_and_heard_further(text):
    told = around(text)
    assert told.verdict == 1
    assert told.after == told.then == 1


def test_not_worse_says_nothing_about_the_measure():
    assert around("小米不比□差").counts == (0, 0, 0)
    assert around("小米不比□差").verdict == 0


@pytest.mark.parametrize(
    "text",
    [
        "□真好用",
        "□和小米都不错",
        "□和小米差不多",
        "□没有异味很好",
        "□没有什么不好",
        "□没有不好的地方",
        "有□真好",
        "没□想的那么好",
        "□比小米强",
        "□",
    ],
)
def test_what_compares_nothing_is_plain(text):
    assert around(text) is PLAIN
