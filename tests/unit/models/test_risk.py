from __future__ import annotations

import pytest

from models.lexicon import load
from models.risk import SEVERITY, RiskLexicon
from monitor.alerts import RISK_NAMES
from monitor.indices import RISK_WEIGHTS

LEXICON = RiskLexicon()

REPORTED = [
    ("充电宝放包里突然起火了", "fire", "起火"),
    ("新买的电动车在楼下自燃", "fire", "自燃"),
    ("热水壶用了三天就爆炸，吓死人", "fire", "爆炸"),
    ("手机电池鼓包，客服不管", "fire", "鼓包"),
    ("插座冒烟，差点出大事", "fire", "冒烟"),
    ("孩子的手被烫伤，商家不认", "personal_safety", "烫伤"),
    ("高速上刹车失灵，捡回一条命", "personal_safety", "刹车失灵"),
    ("用了这款面膜第二天烂脸", "personal_safety", "烂脸"),
    ("热水器漏电，太吓人了", "personal_safety", "漏电"),
    ("不小心被边缘划伤，做工太差", "personal_safety", "划伤"),
    ("吃完一家人上吐下泻", "food_safety", "上吐下泻"),
    ("外卖里吃出蟑螂，恶心", "hygiene", "蟑螂"),
    ("聚餐后二十多人食物中毒", "food_safety", "食物中毒"),
    ("送来的酸奶已经过期一个月", "food_safety", "过期"),
    ("面包打开就发霉", "hygiene", "发霉"),
    ("这家平台数据泄露，我的电话满天飞", "data_leak", "数据泄露"),
    ("刚注册账号就被盗刷三千块", "data_leak", "盗刷"),
    ("试衣间里有人偷拍", "data_leak", "偷拍"),
    ("广告里歧视女性，必须道歉", "discrimination", "歧视"),
    ("新品海报辱华", "discrimination", "辱华"),
    ("卖假货还不给退，骗子公司", "fraud", "卖假"),
    ("老板卷款消失，会员卡全废", "fraud", "卷款"),
    ("虚假宣传，实物差太远", "fraud", "虚假宣传"),
    ("官方宣布召回十万台", "recall", "召回"),
    ("这批奶粉抽检不合格", "recall", "抽检不合格"),
    ("已经向法院起诉这家公司", "law", "法院"),
    ("我打了12315投诉", "law", "12315"),
    ("公司拖欠工资三个月", "labour", "拖欠工资"),
    ("工厂夜里偷排废水", "environment", "偷排"),
    ("着火了没人管，你们负责吗", "fire", "着火"),
    ("没想到刚开机就起火", "fire", "起火"),
]

INNOCENT = [
    "这家店好吃到爆炸",
    "今年的爆款果然不错",
    "周末一起吃火锅",
    "大家吃着火锅唱着歌",
    "一起火锅走起",
    "文案把我笑死了",
    "今天真是气死了，累死",
    "主播太毒舌了哈哈",
    "这首歌有毒，停不下来",
    "我对这个味道中毒太深",
    "全场杀疯了，太强",
    "炸鸡配啤酒绝了",
    "门口排队火爆得不行",
    "他家颜值爆炸",
    "我气到爆炸也没用",
    "用了一年没有起火",
    "材料防火，很放心",
    "这个电池不会爆炸吗",
    "充电会起火吗？",
    "万一爆炸了怎么办",
    "如果漏电就麻烦了",
    "敏感肌用了没有过敏",
    "从来没有发生过食物中毒",
    "杜绝虚假宣传",
    "杜绝发生火灾",
    "优惠券过期了好可惜",
    "假一赔十，放心买",
    "信息爆炸的时代",
    "辣得我嗓子冒烟",
    "会员积分过期提醒",
    "这孩子可爱到犯罪",
    "小心烫伤，慢慢喝",
    "教练被召回国家队",
    "反诈骗宣传进社区",
    "烟雾报警器很灵敏",
    "提桶跑路的打工人",
    "请注意不要触电",
    "监听耳机音质一流",
    "消防演练模拟起火",
]


SEVERE = [
    "太可怕了墨屿咖啡喝完食物中毒住院",
    "太害怕了墨屿扫地机自己烧起来了",
    "怕是墨屿外卖让孩子食物中毒",
    "恐怕是墨屿奶茶导致食物中毒",
    "哪怕是新车墨屿照样自燃",
    "大家注意墨屿咖啡喝完食物中毒",
    "大家当心墨屿手机充电时爆炸",
    "小心墨屿充电宝起火",
    "电影院里吃墨屿爆米花食物中毒",
    "看电影时墨屿手机突然爆炸",
    "玩游戏中墨屿手机突然起火",
    "墨屿游戏手机充电起火",
    "墨屿咖啡食物中毒？？？我都进医院了",
    "为什么墨屿电车又自燃了？",
    "墨屿酸奶喝完食物中毒有人管吗？",
    "墨屿咖啡喝完死人了",
    "墨屿工地死人了",
    "墨屿咖啡把我喝进医院了",
    "墨屿咖啡把我喝进了医院",
    "墨屿奶粉把孩子喝进ICU了",
    "吃了墨屿烧烤，一家五口全送去洗胃",
    "墨屿热水器把人电死了",
    "墨屿过山车把人摔死了",
    "墨屿泳池淹死了一个小孩",
    "孩子喝完墨屿果汁口吐白沫",
    "墨屿手术把人做成植物人",
    "墨屿保健品吃到肝衰竭",
    "工地上墨屿脚手架坍塌",
    "墨屿电动车充电把房子烧了",
    "取暖器把窗帘烧着了",
    "墨屿奶茶喝完窜稀一整天",
    "主要是吃完墨屿外卖就拉肚子",
    "有没有人跟我一样喝墨屿拉肚子的",
    "不是谣言墨屿汽车真的自燃了",
    "墨屿招聘性别歧视",
    "酒店房间甲醛超标",
    "员工在墨屿仓库晕倒送医",
    "墨屿盖子边缘把手划伤了",
    "我家那台早就起火过",
]

NOT_SEVERE = [
    "墨屿手机会爆炸吗？",
    "墨屿充电宝会突然起火伤到家人吗",
    "墨屿食物中毒是真的吗？",
    "墨屿电车会不会自燃？",
    "墨屿电车是否自燃过",
    "墨屿起火是谣言",
    "怕爆炸所以不买墨屿",
    "害怕触电所以买了墨屿插座",
    "千万别触电",
    "小心烫嘴，真好吃",
    "小心烫伤，慢慢喝",
    "电影里的手机爆炸太假了",
    "小说中男主食物中毒那段好看",
    "游戏里炸弹爆炸特效很棒",
    "散热不好，早就爆炸了",
    "要是换别家早就起火了",
    "火锅好吃到爆炸，笑死",
    "全场杀疯了",
    "炸鸡爆款来了",
    "吓死人了这价格",
    "香死人了",
    "死人脸的客服",
    "晕倒了，客服又换人",
    "晕死，发错货",
    "外壳容易划伤",
    "手机屏幕划伤了",
    "到手有几处划伤",
    "电脑又中毒了",
    "系统中毒了怎么办",
    "追剧追到中毒",
    "净化器显示甲醛很低",
    "重金属摇滚太带感",
    "打骨折价入手",
    "优惠券快过期了",
    "度假酒店很安静",
    "老是导致死机",
    "这是主流产品",
    "大家围着火炉聊天",
    "插座带漏电保护",
    "美到窒息",
]

HYGIENE = [
    "墨屿面包发霉了",
    "墨屿外卖里有苍蝇",
    "墨屿酒店一股霉味",
    "餐具太不卫生",
    "厨房里全是蟑螂",
    "墨屿奶茶喝出异物",
    "墨屿厕所恶臭",
    "菜里吃出头发",
]

CLEAN = ["酒店没有蟑螂，很干净", "苍蝇馆子味道一绝", "眼睛有异物感", "灭蟑螂效果好"]


@pytest.mark.parametrize("text", SEVERE)
def test_it_takes_a_report_of_harm_as_severe(text):
    assert any(hit.severity >= 0.9 for hit in LEXICON.find(text))


@pytest.mark.parametrize("text", NOT_SEVERE)
def test_it_takes_questions_fiction_jokes_and_trifles_for_no_harm(text):
    assert not any(hit.severity >= 0.9 for hit in LEXICON.find(text))


@pytest.mark.parametrize("text", HYGIENE)
def test_a_complaint_about_dirt_is_hygiene_and_not_poisoning(text):
    assert {(hit.topic, hit.severity) for hit in LEXICON.find(text)} == {("hygiene", 0.6)}


@pytest.mark.parametrize("text", CLEAN)
def test_praise_of_cleanness_and_idioms_are_not_hygiene_complaints(text):
    assert LEXICON.find(text) == ()


def test_the_lexicon_and_the_indices_weigh_and_name_the_same_topics():
    assert SEVERITY == RISK_WEIGHTS
    assert set(SEVERITY) == set(RISK_NAMES)


@pytest.mark.parametrize(("text", "topic", "phrase"), REPORTED)
def test_it_reports_a_danger_and_where_it_stands(text, topic, phrase):
    hits = [(hit.topic, text[hit.start : hit.end]) for hit in LEXICON.find(text)]
    assert (topic, phrase) in hits


@pytest.mark.parametrize("text", INNOCENT)
def test_it_leaves_innocent_phrases_alone(text):
    assert LEXICON.find(text) == ()


def test_a_denied_danger_does_not_hide_a_real_one():
    hits = LEXICON.find("没有爆炸，但是起火了")
    assert [hit.topic for hit in hits] == ["fire"]
    assert (hits[0].start, hits[0].end) == (7, 9)


def test_every_hit_carries_its_topics_weight():
    assert {hit.topic: hit.severity for hit in LEXICON.find("起火了，还卖假货，拖欠工资")} == {
        "fire": 1.0,
        "fraud": 0.8,
        "labour": 0.6,
    }


def test_the_lexicon_covers_exactly_the_weighted_topics():
    assert set(load("risk")) - {"harmless"} == set(SEVERITY)


def test_no_phrase_stands_in_two_topics():
    words = [word for table in load("risk").values() for word in table["words"]]
    assert len(words) == len(set(words))


def test_offsets_survive_letters_that_grow_in_lower_case():
    text = "İİİ电池起火"
    assert [text[hit.start : hit.end] for hit in LEXICON.find(text)] == ["起火"]


def test_latin_phrases_match_in_any_case():
    assert [hit.topic for hit in LEXICON.find("领导天天职场PUA")] == ["labour"]
