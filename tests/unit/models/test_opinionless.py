from __future__ import annotations

import pytest

from models.opinionless import Opinionless

OPINIONLESS = Opinionless()

DEFAULT = [
    "系统默认好评",
    "系统默认好评！",
    "此用户没有填写评价。",
    "该用户未填写评价内容",
    "用户未及时评价，系统默认好评",
    "评价方未及时做出评价,系统默认好评!",
    "该用户觉得商品非常好，给出了5星好评",
    "凑字数凑字数凑字数凑字数凑字数",
    "不知道写什么，凑够十五个字换京豆",
    "懒得写，拿京豆",
    "为了京豆随便写写，字数够了吧",
    "通用评价，复制粘贴用，懒得打字换京豆",
    "这一段话我到处粘贴，走到哪复制到哪，不用认真评价还能赚积分",
    "暂无评价",
]
PROMOTION = [
    "关注并转发本条，抽三位朋友送新品礼盒",
    "需要的加微信 abc12345，一手货源",
    "关注领券，下单立减五十",
    "今晚八点锁定直播间，福利价限时抢购",
    "全国招代理，零门槛，一件代发",
    "晒图好评返现五元，联系客服领取",
    "复制这段￥AbCd1234efG￥打开手淘",
    "link in bio, 全场八折",
    "#ad 夏日清爽就选它",
    "商务合作请私信，推广合作也可以",
    "新品上市，限时特惠，到手价只需99，手慢无",
    "转发抽奖啦，揪一位锦鲤送全套",
    "招商加盟，咨询热线400-123-4567",
    "现货批发，支持一件代发，有意者私聊",
    "姐妹们链接在评论，拍立减二十",
    "用了三个月瘦了十斤，想要的私我，微信：slim_2026",
    "帮我砍一刀，点击链接助力一下",
    "优惠券链接放这了，先到先得",
    "#广告# 和我一起打开夏日清凉",
    "本条视频为付费合作内容",
    "爆款返场，直播间专属价79元，小黄车直接拍",
    "在家赚钱，日入过千，有手机就行",
]
OPINION = [
    "好评返现的套路太恶心了",
    "卡片上写着好评返现，真是无语",
    "直播间买的，收到货跟主播说的完全不一样",
    "主播直播间说好送赠品，结果没有",
    "加了微信以后天天发广告，烦死",
    "店员让我扫码关注公众号才给打折",
    "客服非要加微信才处理退款，离谱",
    "转发抽奖从来没中过，都是内定",
    "优惠券根本用不了，骗人",
    "质量很好，凑字数",
    "东西一般般，为了京豆写的",
    "默认好评？我可没给，商家自己刷的垃圾评论",
    "抢到限时秒杀价，很划算",
    "大促买的，用优惠券到手价不错，物流也快",
    "关注这个品牌很久了，终于入手",
    "今天发布会公布了新手机的价格",
    "看了直播才买，没有后悔",
    "小心那些加微信卖低价票的，都是骗子",
    "味道好，分量足，下次还来",
    "评论区全是复制粘贴的好评，根本不能信，质量很差",
    "他们招代理收加盟费，后来卷款跑路，大家别信",
    "",
    "买一送一的时候买的，感觉很值",
    "警方提醒：刷单兼职都是诈骗",
    "价格直降五百，我上个月买的亏大了",
    "没写评价居然被系统默认好评，垃圾平台",
    "加微信后销售天天打电话",
    "店家让我加微信返五块，返了，人挺好",
    "领券后39，到手价很香，已经下单两单",
    "扫码点餐还要关注公众号，体验极差",
    "返现卡根本领不到，骗人的",
    "7月31日入住，31日结束，房间干净",
]


@pytest.mark.parametrize("text", DEFAULT)
def test_it_knows_what_a_platform_fills_in_and_what_says_it_says_nothing(text):
    assert OPINIONLESS.find_all([text]) == ["default"]


@pytest.mark.parametrize("text", PROMOTION)
def test_it_knows_advertising(text):
    assert OPINIONLESS.find_all([text]) == ["promotion"]


@pytest.mark.parametrize("text", OPINION)
def test_an_opinion_stays_one_whatever_it_mentions(text):
    assert OPINIONLESS.find_all([text]) == [None]


def test_a_batch_reads_as_its_texts_alone():
    texts = [*DEFAULT, *OPINION, *PROMOTION]
    assert OPINIONLESS.find_all(texts) == [OPINIONLESS.find_all([text])[0] for text in texts]


def test_one_offer_in_a_long_account_does_not_make_it_advertising():
    account = "这家店开在老街拐角，下午没什么人，桌椅都是旧木头做的，猫趴在窗台上睡觉。" * 6
    assert OPINIONLESS.find_all(["欢迎咨询", account + "门口写着欢迎咨询。"]) == ["promotion", None]
