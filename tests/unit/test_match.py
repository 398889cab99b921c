from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.domain import Brand
from monitor.match import Matcher
from monitor.normalise import clean, fold


def spans(brand, text):
    return Matcher([brand]).match(fold([clean(text)]))[0].get(brand.id, ())


def test_it_finds_names_and_aliases_in_any_case_and_script():
    brand = Brand("mi", "小米", ("XiaoMi", "小米手機"))
    text = "xiaomi好，小米手機好，ＸＩＡＯＭＩ也好"
    assert spans(brand, text) == ((0, 6), (8, 12), (14, 20))


def test_it_wants_a_border_around_latin_words():
    brand = Brand("mi", "Mi", ("SU7",))
    assert spans(brand, "买mi手机，mi-fan，SU7！") == ((1, 3), (6, 8), (13, 16))
    assert spans(brand, "family mini SU75 éMi") == ()


def test_it_lets_chinese_words_stand_anywhere():
    assert spans(Brand("mi", "小米"), "A小米B") == ((1, 3),)


def test_it_takes_the_longest_name_inside_one_brand():
    brand = Brand("mi", "小米", ("小米汽车", "米汽"))
    assert spans(brand, "小米汽车和小米") == ((0, 4), (5, 7))


def test_it_finds_several_brands_in_one_place():
    brands = [Brand("mi", "小米"), Brand("car", "小米汽车")]
    assert Matcher(brands).match(["小米汽车"]) == [{"mi": ((0, 2),), "car": ((0, 4),)}]


def test_it_voids_only_the_names_inside_an_excluded_phrase():
    brand = Brand("mi", "小米", exclude=("小米粥", "一斤小米"))
    assert spans(brand, "小米粥配小米手机") == ((4, 6),)
    assert spans(brand, "一斤小米粥") == ()
    assert spans(brand, "喝小米粥") == ()


def test_it_voids_the_brand_where_another_excluded_word_stands():
    brand = Brand("mi", "小米", exclude=("杂粮",))
    assert spans(brand, "小米手机与杂粮") == ()
    assert spans(brand, "小米手机") == ((0, 2),)


def test_it_voids_for_the_brand_that_excludes_and_for_no_other():
    brands = [Brand("a", "苹果", exclude=("好吃",)), Brand("b", "苹果")]
    assert Matcher(brands).match(["苹果好吃"]) == [{"b": ((0, 2),)}]


def test_it_knows_a_taiwanese_brand_word_in_mainland_script():
    brand = Brand("info", "鳳凰資訊")
    assert spans(brand, "凤凰资讯不错") == ((0, 4),)
    assert spans(brand, "鳳凰資訊不錯") == ((0, 4),)


def test_it_keeps_offsets_where_lower_case_is_longer():
    assert spans(Brand("mi", "小米"), "İİİ小米") == ((3, 5),)


def test_it_lists_its_words_for_the_segmenter():
    matcher = Matcher([Brand("mi", "小米", ("XiaoMi", " ", "小米"), exclude=("小米粥",))])
    assert matcher.words == ("XiaoMi", "小米")


def test_it_works_without_brands_and_without_texts():
    assert Matcher([]).match(["小米"]) == [{}]
    assert Matcher([Brand("mi", "小米")]).match([]) == []


@settings(deadline=None)
@given(st.lists(st.text("小米粥汽车", max_size=20), max_size=4))
def test_it_finds_what_a_plain_search_finds(texts):
    found = Matcher([Brand("mi", "小米", exclude=("小米粥",))]).match(texts)
    for text, brands in zip(texts, found, strict=True):
        expected = tuple(
            (i, i + 2)
            for i in range(len(text))
            if text.startswith("小米", i) and not text.startswith("小米粥", i)
        )
        assert brands.get("mi", ()) == expected
