from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.analyser import Analyser, find_target

if TYPE_CHECKING:
    from models.records import Judgement

ANALYSER = Analyser.load()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)

PRAISE = [
    "味道很好，服务也热情，下次还来",
    "屏幕清晰，手感一流，非常满意",
    "物流超快，包装精美，好评",
    "孩子特别喜欢，质量不错",
    "客服耐心又专业，非常感谢",
    "酒店干净整洁，早餐丰富",
    "音质真棒，物超所值",
    "太好看了，爱了爱了[心]",
    "一点都不卡，用着很流畅",
    "yyds，无限回购",
]
BLAME = [
    "味道太差了，再也不会来",
    "用了三天就坏，质量真垃圾",
    "客服态度恶劣，问了半天没人理",
    "房间又脏又吵，隔音很差",
    "快递慢得要死，包装都破了",
    "和描述完全不符，失望透顶",
    "电池掉电太快，发热严重",
    "什么破玩意，气死我了[怒]",
    "一点都不好吃，浪费钱",
    "智商税，大家快跑",
]
SILENT = [
    "新款手机将于下周三在成都发布",
    "请问这款还有货吗",
    "公司公布第二季度财报，营收同比增长",
    "门店位于人民路12号二层",
]
MIXED = [
    ("屏幕很清晰，但是电池太差了", "屏幕", "电池"),
    ("味道好吃，就是服务态度恶劣", "味道", "服务"),
    ("拍照效果非常棒，不过系统卡顿严重", "拍照", "系统"),
    ("房间干净舒适，可惜早餐难吃", "房间", "早餐"),
    ("小米比苹果强", "小米", "苹果"),
    ("瑞幸真香，星巴克太贵了，难喝", "瑞幸", "星巴克"),
]


@pytest.mark.parametrize("text", PRAISE)
def test_it_hears_praise(text):
    assert ANALYSER.judge([text])[0].label == 1


@pytest.mark.parametrize("text", BLAME)
def test_it_hears_blame(text):
    assert ANALYSER.judge([text])[0].label == -1


@pytest.mark.parametrize("text", SILENT)
def test_it_hears_no_opinion(text):
    assert ANALYSER.judge([text])[0].label == 0


@pytest.mark.parametrize("text", ["", " ", "\n\n", "http://t.cn/a1b2c3", "……", "12345"])
def test_a_text_that_says_nothing_is_neutral(text):
    assert ANALYSER.judge([text])[0].label == 0


@pytest.mark.parametrize(("text", "good", "bad"), MIXED)
def test_it_tells_the_praised_target_from_the_blamed_one(text, good, bad):
    aims = {target: find_target(text, target) for target in (good, bad)}
    towards = ANALYSER.read([text], [aims])[0].targets
    assert towards[good].score > 0 > towards[bad].score


def test_a_target_without_a_place_gets_the_documents_judgement():
    reading = ANALYSER.read(["质量太差了"], [{"听风牌": [], "远方牌": [(90, 95)]}])[0]
    assert reading.targets == {"听风牌": reading.document, "远方牌": reading.document}


def test_binary_judgements_are_never_neutral_and_follow_the_polarity():
    texts = [*PRAISE, *BLAME, *SILENT, ""]
    judged = ANALYSER.judge(texts, binary=True)
    assert {j.label for j in judged} == {-1, 1}
    assert all((j.score >= 0) == (j.label > 0) for j in judged)
    assert all(j.confidence >= 0.5 for j in judged)


def test_reading_and_judging_agree():
    texts = [*PRAISE, *BLAME, *SILENT, ""]
    assert [reading.document for reading in ANALYSER.read(texts)] == ANALYSER.judge(texts)


def test_a_text_reads_the_same_alone_and_in_any_batch():
    texts = [*PRAISE, *BLAME] * 200
    together = ANALYSER.judge(texts)
    alone = [ANALYSER.judge([text])[0] for text in texts[:20]]
    assert [j.label for j in together[:20]] == [j.label for j in alone]
    assert [j.score for j in together[-20:]] == pytest.approx([j.score for j in alone])


@given(TEXT)
@example("")
@example("👍🏻👨‍👩‍👧")
@example("[怒][怒][怒]")
@example("\x00\ufeff")
@example("ⅷ①ﬁ")
def test_any_text_gets_a_sound_reading(text):
    reading = ANALYSER.read([text], [{"它": [(0, 1)]}], cues=True)[0]
    for judgement in (reading.document, reading.targets["它"]):
        sound(judgement, text, judged=not reading.unsupported)
    assert all(0 <= hit.start < hit.end <= len(text) for hit in reading.risks)


def sound(judgement: Judgement, text: str, *, judged: bool = True) -> None:
    assert judgement.label in (-1, 0, 1)
    assert -1 <= judgement.score <= 1
    assert (1 / 3 - 1e-9 if judged else 0) <= judgement.confidence <= 1
    assert len(judgement.cues) <= 5
    for cue in judgement.cues:
        assert text[cue.start : cue.end] == cue.text
    for cue, after in zip(judgement.cues, judgement.cues[1:], strict=False):
        assert cue.end <= after.start


def test_a_very_long_text_is_read_whole():
    long = "味道很好。" * 4000
    assert ANALYSER.read([long], [{"味道": find_target(long, "味道")}])[0].document.label == 1
    assert ANALYSER.judge(["哈" * 20_000])[0].label in (-1, 0, 1)


def test_cues_name_the_words_that_speak_and_their_side():
    cues = ANALYSER.read(["屏幕很清晰，但是电池太差了"], cues=True)[0].document.cues
    signs = {cue.text: cue.weight > 0 for cue in cues}
    assert any("清晰" in text and positive for text, positive in signs.items())
    assert any("差" in text and not positive for text, positive in signs.items())


def test_cues_leave_the_target_itself_out():
    text = "垃圾桶牌子真好用"
    reading = ANALYSER.read([text], [{"垃圾桶": [(0, 3)]}], cues=True)[0]
    for judgement in (reading.document, reading.targets["垃圾桶"]):
        assert judgement.cues
        assert all(cue.start >= 3 for cue in judgement.cues)


def test_without_being_asked_it_names_no_cues():
    assert ANALYSER.read(["太差了"])[0].document.cues == ()


def test_it_reads_intent_and_risks_beside_the_sentiment():
    reading = ANALYSER.read(["充电宝起火了，大家避雷"])[0]
    assert "dissuade" in reading.intents
    assert [hit.topic for hit in reading.risks] == ["fire"]


def test_brand_words_make_a_new_analyser_and_keep_the_version():
    other = ANALYSER.with_words(["沐谷森小铺"]).with_words(["听风牌"])
    assert other.version == ANALYSER.version
    assert other.segmenter.words == ("沐谷森小铺", "听风牌")
    assert ANALYSER.segmenter.words == ()


def test_no_texts_give_no_readings():
    assert ANALYSER.read([]) == []
    assert ANALYSER.judge([]) == []


def test_targets_must_be_one_a_text():
    with pytest.raises(ValueError, match="one a text"):
        ANALYSER.read(["好", "坏"], [{}])


def test_reading_never_loads_the_training_libraries():
    code = (
        "import sys; from models.analyser import Analyser; Analyser.load().read(['好'], cues=True);"
        "print([m for m in ('sklearn', 'scipy', 'snownlp', 'jieba', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
