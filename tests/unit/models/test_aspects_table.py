"""How well aspects and their sides are found, on sentences of our own."""

from __future__ import annotations

from collections import Counter

from models.analyser import Analyser

# A sentence, and the aspects it speaks of: + praised, - blamed, = neither
SENTENCES = [
    ("质量很好，用了半年没出过问题", "quality+"),
    ("做工粗糙，边角全是毛刺", "quality-"),
    ("洗了一次就掉色，还起球", "quality-"),
    ("没有掉色也不起球，面料很舒服", "quality+ experience+"),
    ("用了两天就坏了", "quality-"),
    ("鞋底开胶，穿了不到一个月", "quality-"),
    ("料子厚实，走线工整", "quality+"),
    ("这批货瑕疵太多，品控堪忧", "quality-"),
    ("味道不错，食材很新鲜", "quality+"),
    ("菜又咸又油，难吃", "quality-"),
    ("水果不新鲜，烂了一半", "quality-"),
    ("奶茶甜得发腻，茶味寡淡", "quality-"),
    ("耐用，摔了几次都没事", "quality+"),
    ("这杯子漏水", "quality-"),
    ("一点都不贵，学生也买得起", "price+"),
    ("太贵了，不值这个价", "price-"),
    ("性价比很高", "price+"),
    ("价格比实体店便宜不少", "price+"),
    ("刚买完就降价，亏了一百块", "price-"),
    ("又涨价了，喝不起", "price-"),
    ("活动价入手很划算", "price+"),
    ("纯纯智商税", "price-"),
    ("物美价廉", "price+ quality+"),
    ("请问现在价格是多少", "price="),
    ("不便宜，但是做工对得起价钱", "price- quality+"),
    ("虽然小贵，味道真的好", "price- quality+"),
    ("客服回复很及时，态度也好", "service+"),
    ("服务员爱答不理的", "service-"),
    ("店员热情，还主动倒水", "service+"),
    ("问了三次客服都没人理", "service-"),
    ("前台态度恶劣，入住体验极差", "service- experience-"),
    ("导购一直跟着推销，烦", "service-"),
    ("服务周到，下次还来", "service+"),
    ("客服就会复读机一样敷衍", "service-"),
    ("发货神速，第二天就到了", "delivery+"),
    ("发货太慢，等了十天", "delivery-"),
    ("快递小哥很负责，送货上门", "delivery+"),
    ("物流一周不动，急死人", "delivery-"),
    ("外卖超时一个小时，汤都凉了", "delivery- quality-"),
    ("配送很准时", "delivery+"),
    ("快递把箱子摔烂了", "delivery-"),
    ("说好次日达，结果拖了五天才发货", "delivery-"),
    ("骑手送餐快，包装完好", "delivery+ look+"),
    ("充电的时候漏电，吓得我赶紧拔了", "safety-"),
    ("宝宝用了过敏，全身起红疹", "safety-"),
    ("没有异味，甲醛检测合格，放心", "safety+"),
    ("刹车偶尔失灵，太危险了", "safety-"),
    ("电池鼓包，存在安全隐患", "safety-"),
    ("成分安全，孕妇也能用", "safety+"),
    ("安全座椅很稳，孩子坐着安心", "safety+"),
    ("颜值超高，摆在桌上很好看", "look+"),
    ("外观土气，实物比图片丑", "look-"),
    ("包装很精美，送人有面子", "look+"),
    ("盒子压扁了，包装太简陋", "look-"),
    ("颜色很正，款式大方", "look+"),
    ("配色一言难尽", "look-"),
    ("设计简洁，我很喜欢", "look+"),
    ("有色差，跟图片完全两个样", "look-"),
    ("运行流畅，打游戏一点都不卡", "performance+"),
    ("手机卡顿严重，还老闪退", "performance-"),
    ("续航给力，一天一充够了", "performance+"),
    ("发热厉害，玩半小时就烫手", "performance-"),
    ("拍照清晰，夜景也好", "performance+"),
    ("信号差，电梯里直接没网", "performance-"),
    ("掉电快得离谱", "performance-"),
    ("音质一般，低音糊成一团", "performance-"),
    ("噪音大得像拖拉机", "performance-"),
    ("吸力强劲，猫毛一遍就干净", "performance+"),
    ("油耗低，动力也够用", "performance+"),
    ("更新以后电池尿崩", "performance-"),
    ("洗面奶清洁力不错，也不紧绷", "performance+ experience+"),
    ("保湿效果很好", "performance+"),
    ("用了一个月毫无效果", "performance-"),
    ("操作简单，老人也会用", "experience+"),
    ("界面反人类，找个按钮要半天", "experience-"),
    ("手感很舒服，握着不累", "experience+"),
    ("广告太多，点哪里都弹窗", "experience-"),
    ("戴着夹头，很不舒服", "experience-"),
    ("用户体验一塌糊涂", "experience-"),
    ("上手容易，用起来顺手", "experience+"),
    ("坐着很舒适，腰不疼了", "experience+"),
    ("登录总要验证码，麻烦死了", "experience-"),
    ("店里环境优雅，适合约会", "venue+"),
    ("房间隔音差，隔壁说话听得一清二楚", "venue-"),
    ("餐厅又吵又挤", "venue-"),
    ("停车方便，位置好找", "venue+"),
    ("厕所脏得没法看", "venue-"),
    ("门店干净整洁", "venue+"),
    ("排队两小时才进去", "venue-"),
    ("装修有格调，灯光也舒服", "venue+"),
    ("地毯发霉，床单有污渍", "venue-"),
    ("虚假宣传，图文不符", "honesty-"),
    ("买到假货了，店家还不承认", "honesty-"),
    ("正品，支持专柜验货", "honesty+"),
    ("广告吹得天花乱坠，实际根本不是那么回事", "honesty-"),
    ("和描述一致，店家实在", "honesty+"),
    ("偷偷扣费，套路太深", "honesty-"),
    ("短斤少两，黑心商家", "honesty-"),
    ("先涨价再打折，把消费者当傻子", "honesty- price-"),
    ("良心卖家，一分钱一分货", "honesty+ price+"),
    ("售后推三阻四，就是不给退", "aftersales-"),
    ("退款秒到账", "aftersales+"),
    ("保修期内维修还要收费", "aftersales-"),
    ("七天无理由退货都不支持", "aftersales-"),
    ("售后处理得很快，直接换新", "aftersales+"),
    ("修了三次还没修好", "aftersales-"),
    ("申请退款一直被拒", "aftersales-"),
    ("质保三年，买得放心", "aftersales+"),
    ("屏幕素质好，但是定价离谱", "performance+ price-"),
    ("物流快，就是包装破了", "delivery+ look-"),
    ("衣服好看，质量一般", "look+ quality-"),
    ("环境不错，服务太差，价格还贵", "venue+ service- price-"),
    ("今天和朋友去看了一场电影", ""),
    ("他的人格品质值得学习", ""),
    ("昂贵的代价让人清醒", ""),
    ("贵公司请尽快联系我", ""),
    ("我在快手上刷到这个视频", ""),
    ("新品将于周三在广州发布", ""),
    ("明天要交作业了，熬夜写论文", ""),
    ("哈哈哈哈笑死我了", ""),
    ("刚下单，等收货", ""),
    ("他打球很卖力，跑得也快", ""),
]
# Written after the lists were: implied, figurative and overlapping ones among them
LATER = [
    ("奶粉冲不开，全是疙瘩", "quality-"),
    ("前台小姐姐特别耐心，帮我们升级了房型", "service+"),
    ("打车软件派单半天没人接，取消还要扣钱", "service- price-"),
    ("银行柜台排了一上午队，窗口就开一个", "venue-"),
    ("快递盒子都烂了，里面的杯子碎成渣", "look- quality-"),
    ("耳机降噪一流，地铁里啥也听不到", "performance+"),
    ("降噪没感觉，跟没开一样", "performance-"),
    ("航班又延误四个小时，一个解释都没有", "delivery-"),
    ("会员费年年涨，内容越来越少", "price- quality-"),
    ("口红不掉色，颜色也日常", "quality+ look="),
    ("买回去狗狗都不吃", "quality-"),
    ("这价格还要什么自行车", "price+"),
    ("空调制冷效果一般，还滴水", "performance- quality-"),
    ("小程序点单特别方便，不用排队", "experience+ venue+"),
    ("课程内容干货满满，老师讲得透", "quality+ service+"),
    ("退个押金拖了俩月，电话打不通", "aftersales- service-"),
    ("门锁半夜自己响，吓死人", "safety-"),
    ("宣传说能续航六百，实际四百都够呛", "honesty- performance-"),
    ("没有任何套路，明码标价", "honesty+ price+"),
    ("冰箱声音小，空间大，很满意", "performance+"),
    ("用了没过敏，挺温和", "safety+"),
    ("不难吃但也没多好吃", "quality="),
    ("卡通图案很可爱，孩子一眼看中", "look+"),
    ("椅子坐久了屁股疼", "experience-"),
    ("网课老是卡，声音断断续续", "performance-"),
    ("导航把我带沟里去了", "performance-"),
    ("店里灯光昏暗，看不清菜单", "venue-"),
    ("送来的汤洒了一半，打电话骑手还骂人", "delivery- service-"),
    ("便宜没好货，三天就罢工", "price- quality-"),
    ("客服说三天内回复，到现在没消息", "service-"),
    ("公司明年计划扩建厂房", ""),
    ("周末带孩子去了动物园", ""),
    ("转发这条锦鲤", ""),
    ("我妈问我什么时候结婚", ""),
    ("刹车灵敏，方向盘也轻", "safety+ performance+"),
    ("你这定价是认真的吗", "price-"),
    ("羽绒服薄得像纸，一点都不保暖", "quality- performance-"),
    ("电动牙刷充一次电用一个月", "performance+"),
    ("味道没以前好了，分量也少了", "quality-"),
    ("补发很快，态度也诚恳", "aftersales+ service+"),
]
SIGN = {"+": 1, "-": -1, "=": 0}


def expected(sentences) -> list[set[tuple[str, int]]]:
    return [{(item[:-1], SIGN[item[-1]]) for item in given.split()} for _, given in sentences]


def read(sentences) -> list[set[tuple[str, int]]]:
    readings = Analyser.load().read([text for text, _ in sentences])
    return [{(aspect.name, aspect.label) for aspect in reading.aspects} for reading in readings]


def measured(readings, wanted) -> tuple[float, float]:
    """Return precision and recall."""
    counts = Counter()
    for given, right in zip(readings, wanted, strict=True):
        counts += Counter(right=len(given & right), given=len(given), wanted=len(right))
    return counts["right"] / counts["given"], counts["right"] / counts["wanted"]


def names(readings) -> list[set[str]]:
    return [{name for name, _ in reading} for reading in readings]


def test_nearly_every_aspect_is_found_with_its_side():
    found, wanted = read(SENTENCES), expected(SENTENCES)
    precision, recall = measured(names(found), names(wanted))
    assert (precision >= 0.95, recall >= 0.95) == (True, True)
    precision, recall = measured(found, wanted)
    assert (precision >= 0.93, recall >= 0.93) == (True, True)


def test_what_is_found_in_unseen_sentences_is_an_aspect():
    precision, recall = measured(names(read(LATER)), names(expected(LATER)))
    assert (precision >= 0.9, recall >= 0.75) == (True, True)
