import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import normalise
from monitor.normalise import analysed, canonical_url, clean, fold, narrow, split_repost

AWKWARD = st.text(
    st.one_of(
        st.sampled_from(
            "小米軟體螢幕資訊記憶計程車著乾ＡＢ１．㎏①𝐀ЅАоα微❤Ｖ信薇"
            "\u200b\u200d\ufe0f\u20e3👩💻 \t\n\u3000e\u0301\u2329"
        ),
        st.characters(),
    ),
    max_size=40,
)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("  屏幕\t\t很亮  ", "屏幕 很亮"),
        ("第一行\r\n\r\n\r\n\r\n第二行", "第一行\n\n第二行"),
        ("行尾 \n 行首", "行尾\n行首"),
        ("客\u200b服\u202e差\ufeff评\x00\x07", "客服差评"),
        ("坏\ud800了", "坏了"),
        ("坏\ud800<br>了&#xd800;", "坏\n了\ufffd"),
        ("重3㎏，Ⅲ代", "重3kg，III代"),
        ("cafe\u0301", "café"),
        ("❤️很赞", "❤️很赞"),
        ("很️赞", "很赞"),
        ("👩\u200d💻与我\u200d们", "👩\u200d💻与我们"),
        ("1️⃣ 很好", "1️⃣ 很好"),
        ("全角　空格，标点！保留……", "全角 空格，标点！保留……"),
        ("繁體與ＡＢ保留", "繁體與ＡＢ保留"),
        ("①掉漆 ½价 小米™", "①掉漆 ½价 小米™"),
    ],
)
def test_it_cleans_what_is_stored(raw, shown):
    assert clean(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("<p>第一段</p><p>第二段<br/>第三行</p>", "第一段\n第二段\n第三行"),
        ("A&amp;B&nbsp;很好&#33;", "A&B 很好!"),
        ("<script>alert(1)</script>真好用<style>p{}</style><b>推荐</b>", "真好用推荐"),
        ('气死<img src="x.png" alt="[怒]" onerror="x()">了', "气死[怒]了"),
        ("看图<img src=x.png alt=随便>", "看图"),
        ("a<b 且 c>d，<小米>", "a<b 且 c>d，<小米>"),
        ("I <3 U <br> 价格<500", "I <3 U\n价格<500"),
        ("R&D 与 AT&T; 都好", "R&D 与 AT&T; 都好"),
    ],
)
def test_it_turns_html_into_text_only_where_there_is_html(raw, shown):
    assert clean(raw) == shown


@settings(deadline=None)
@given(AWKWARD)
def test_it_cleans_a_clean_text_into_itself(raw):
    once = clean(re.sub("[<&]", "", raw))
    assert clean(once) == once


@settings(deadline=None)
@given(AWKWARD)
def test_it_leaves_nothing_unseen_or_unnormalised(raw):
    shown = clean(raw)
    assert unicodedata.is_normalized("NFC", shown)
    assert not re.search("[\u200b\u202a-\u202e\x00\ud800-\udfff\ufeff\t\r]|  |\n\n\n", shown)


@settings(deadline=None)
@given(st.lists(AWKWARD, max_size=5))
def test_it_folds_to_the_same_number_of_code_points(raws):
    shown = [clean(raw) for raw in raws]
    assert [len(text) for text in fold(shown)] == [len(text) for text in shown]


@settings(deadline=None)
@given(AWKWARD)
def test_it_folds_a_folded_text_only_where_wording_still_moves(raw):
    once = fold([clean(raw)])[0]
    assert len(fold([once])[0]) == len(once)
    assert narrow(once) == once


@pytest.mark.parametrize(
    ("shown", "plain"),
    [
        ("ＳＵ７电池，真！好？", "SU7电池，真！好？"),
        ("＃话题＃ １．５折．", "#话题# 1.5折．"),
        ("𝐕𝐞𝐫𝐲 ①流", "Very 1流"),
        ("軟體更新後，螢幕壞了", "软件更新后，屏幕坏了"),
        ("記憶體不夠，軟體很爛", "记忆体不够，软件很烂"),
        ("乾隆年間的著名老店", "乾隆年间的著名老店"),
        ("乾隆题材的影片，著名的软体沙发", "乾隆题材的影片，著名的软体沙发"),
        ("iРhоnе坏了", "iPhone坏了"),
        ("Привет 与 α7 相机", "Привет 与 α7 相机"),
        ("加薇信或V信，微❤也行", "加微信或微信，微信也行"),
        ("大V信誓旦旦，V信任我", "大V信誓旦旦，V信任我"),
        ("客服[怒]😡ABC", "客服[怒]😡ABC"),
        ("㊙️配方 ㅋㅋ", "㊙️配方 ㅋㅋ"),
    ],
)
def test_it_folds_spellings_together(shown, plain):
    assert clean(shown) == shown
    assert fold([shown]) == [plain]


def test_it_folds_a_batch_in_order():
    assert fold(["壞", "好", ""]) == ["坏", "好", ""]


@pytest.mark.parametrize(
    ("text", "own", "quoted"),
    [
        ("太贵了//@甲:确实//@乙：买不起", "太贵了", "//@用户:确实//@用户:买不起"),
        ("转发微博//@甲: 新品", "", "//@用户: 新品"),
        ("轉發微博", "", ""),
        ("Repost", "", ""),
        ("转发抽奖", "转发抽奖", ""),
        ("//@甲:只有引用", "", "//@用户:只有引用"),
        ("见 https://example.com/a 说明", "见 https://example.com/a 说明", ""),
    ],
)
def test_it_parts_own_words_from_what_is_quoted(text, own, quoted):
    assert split_repost(text) == (own, quoted)


def test_it_leaves_no_name_in_the_quoted_chain():
    _, quoted = split_repost("好//@张三_123:对// @李四 ：是//@王-五 嗯")
    assert not re.search("张三|李四|王", quoted)
    assert quoted.count("//@用户:") == 3


@pytest.mark.parametrize(
    ("title", "text", "plain"),
    [
        ("", "正文", "正文"),
        ("标题", "", "标题"),
        ("标题", "正文", "标题\n正文"),
        ("同一句话", "同一句话", "同一句话"),
        ("开头", "开头之后还有", "开头之后还有"),
        ("被截断的开…", "被截断的开头", "被截断的开头"),
        ("两 行", "两\n行字", "两\n行字"),
    ],
)
def test_it_reads_the_title_once(title, text, plain):
    assert analysed(title, text) == plain


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        (
            "https://www.xiaohongshu.com/explore/6a?xsec_token=AB=&xsec_source=pc",
            "https://www.xiaohongshu.com/explore/6a",
        ),
        (
            "https://item.example.com/i.htm?spm=a1.b2&id=7&utm_medium=x&from=timeline&share_id=9",
            "https://item.example.com/i.htm?id=7",
        ),
        (
            "http://mp.weixin.qq.com/s?__biz=Mz&mid=2&idx=1&sn=c&chksm=d&scene=21&wxfid=3#wechat_redirect",
            "http://mp.weixin.qq.com/s?__biz=Mz&idx=1&mid=2&sn=c",
        ),
        ("https://app.example.com/#/post/3", "https://app.example.com/#/post/3"),
        ("https://某人:secret@Example.COM/Path", "https://example.com/Path"),
        (
            "https://example.com/搜索?q=小米",
            "https://example.com/%E6%90%9C%E7%B4%A2?q=%E5%B0%8F%E7%B1%B3",
        ),
        ("http://[", ""),
        ("不是网址", ""),
    ],
)
def test_it_keeps_what_identifies_a_page(url, canonical):
    assert canonical_url(url) == canonical


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=60))
def test_it_names_an_address_the_same_way_twice(tail):
    once = canonical_url("https://example.com/" + tail)
    assert canonical_url(once) == once


def test_it_knows_a_character_of_every_style():
    assert narrow("Ａ𝟏⑨ｚ") == "A19z"
    assert normalise.simplify_characters("資訊") == "资讯"
