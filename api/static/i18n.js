// Both languages stand side by side where they are used: say('中文', 'English').
import { recall, remember } from './memory.js';

let language = recall('language') === 'en' ? 'en' : 'zh';

export const currentLanguage = () => language;

export function setLanguage(next) {
  language = next;
  remember('language', next);
  document.documentElement.lang = next === 'en' ? 'en' : 'zh-CN';
}

export const say = (zh, en) => (language === 'en' ? en : zh);

/** The service answers "中文 / English": the half that is asked for. */
export function half(message) {
  const at = message.indexOf(' / ');
  if (at < 0) return message;
  return language === 'en' ? message.slice(at + 3) : message.slice(0, at);
}

const named = (table) => (key) => (Object.hasOwn(table, key) ? say(...table[key]) : String(key));

export const platformName = named({
  weibo: ['微博', 'Weibo'],
  wechat: ['微信', 'WeChat'],
  douyin: ['抖音', 'Douyin'],
  kuaishou: ['快手', 'Kuaishou'],
  xhs: ['小红书', 'Xiaohongshu'],
  zhihu: ['知乎', 'Zhihu'],
  bilibili: ['B站', 'Bilibili'],
  tieba: ['贴吧', 'Tieba'],
  douban: ['豆瓣', 'Douban'],
  toutiao: ['头条', 'Toutiao'],
  jd: ['京东', 'JD'],
  taobao: ['淘宝', 'Taobao'],
  tmall: ['天猫', 'Tmall'],
  pdd: ['拼多多', 'Pinduoduo'],
  meituan: ['美团', 'Meituan'],
  dianping: ['大众点评', 'Dianping'],
  news: ['新闻', 'News'],
  offline: ['线下', 'Offline'],
  heimao: ['黑猫投诉', 'Heimao'],
});

export const kindName = named({
  post: ['帖子', 'Post'],
  comment: ['评论', 'Comment'],
  repost: ['转发', 'Repost'],
  review: ['评价', 'Review'],
  article: ['文章', 'Article'],
  video: ['视频', 'Video'],
  danmaku: ['弹幕', 'Danmaku'],
  survey: ['问卷', 'Survey'],
  ticket: ['工单', 'Ticket'],
});

export const labelName = named({
  negative: ['负面', 'Negative'],
  neutral: ['中性', 'Neutral'],
  positive: ['正面', 'Positive'],
});

export const levelName = named({
  none: ['平稳', 'Calm'],
  blue: ['蓝色', 'Blue'],
  yellow: ['黄色', 'Yellow'],
  orange: ['橙色', 'Orange'],
  red: ['红色', 'Red'],
});

export const stateName = named({
  pending: ['待确认', 'Pending'],
  firing: ['待处理', 'Firing'],
  acknowledged: ['已接手', 'Acknowledged'],
  mitigating: ['处置中', 'Mitigating'],
  resolved: ['已解决', 'Resolved'],
  dismissed: ['误报', 'Dismissed'],
});

export const ruleName = named({
  spike: ['负面激增', 'Negative spike'],
  share: ['负面占比异常', 'Negative share'],
  risk: ['风险话题', 'Risk topic'],
  influencer: ['高影响力作者', 'Influential author'],
  topic: ['新负面话题', 'New negative topic'],
  no_data: ['数据中断', 'No data'],
  drill: ['演练', 'Exercise'],
});

export const severityName = named({
  warning: ['一般', 'Warning'],
  high: ['较重', 'High'],
  critical: ['严重', 'Critical'],
});

export const riskName = named({
  personal_safety: ['人身安全', 'Personal safety'],
  food_safety: ['食品安全', 'Food safety'],
  fire: ['起火爆炸', 'Fire'],
  data_leak: ['信息泄露', 'Data leak'],
  discrimination: ['歧视冒犯', 'Discrimination'],
  fraud: ['欺诈造假', 'Fraud'],
  recall: ['召回质检', 'Recall'],
  law: ['法律监管', 'Law'],
  labour: ['劳动用工', 'Labour'],
  environment: ['环境动物', 'Environment'],
  hygiene: ['卫生', 'Hygiene'],
});

export const actionName = named({
  fired: ['预警触发', 'Fired'],
  fire: ['预警触发', 'Fired'],
  firing: ['预警触发', 'Fired'],
  recorded: ['历史记录', 'Recorded'],
  escalated: ['级别升高', 'Escalated'],
  updated: ['数据更新', 'Updated'],
  update: ['数据更新', 'Updated'],
  reopened: ['再次触发', 'Fired again'],
  acknowledge: ['确认接手', 'Acknowledged'],
  acknowledged: ['确认接手', 'Acknowledged'],
  assign: ['指派', 'Assigned'],
  assigned: ['指派', 'Assigned'],
  note: ['备注', 'Note'],
  noted: ['备注', 'Note'],
  resolve: ['解决', 'Resolved'],
  resolved: ['解决', 'Resolved'],
  overdue: ['超时未响应', 'Overdue'],
  noticed: ['首次发现', 'Noticed'],
  joined: ['并入新的发现', 'Joined'],
  eased: ['级别回落', 'Eased'],
  recovered: ['回到常态', 'Recovered'],
  relapsed: ['再度升高', 'Up again'],
  faded: ['未再出现', 'Faded'],
  closed: ['自动结束', 'Closed'],
  mitigating: ['开始处置', 'Mitigating'],
  dismissed: ['判定误报', 'Dismissed'],
  merged: ['合并', 'Merged'],
});

export const deliveryName = named({
  pending: ['待发送', 'Pending'],
  sent: ['已送达', 'Sent'],
  dead: ['发送失败', 'Failed'],
});

export const eventName = named({
  'alert.firing': ['触发通知', 'Fired'],
  'alert.escalated': ['升级通知', 'Escalated'],
  'alert.acknowledged': ['接手通知', 'Acknowledged'],
  'alert.resolved': ['解决通知', 'Resolved'],
  'alert.overdue': ['超时通知', 'Overdue'],
  'alert.reminder': ['提醒', 'Reminder'],
  'alert.updated': ['更新通知', 'Updated'],
  'alert.recovered': ['回落通知', 'Recovered'],
  'alert.relapsed': ['再度升高通知', 'Up again'],
  'alert.reopened': ['重新打开通知', 'Reopened'],
  'alert.dismissed': ['误报通知', 'Dismissed'],
  'alert.merged': ['合并通知', 'Merged'],
  'alert.digest': ['汇总通知', 'Digest'],
  test: ['测试', 'Test'],
});

export const factorName = named({
  spike: ['激增幅度', 'Spike'],
  share: ['负面占比', 'Negative share'],
  risk: ['风险话题', 'Risk topic'],
  velocity: ['增长速度', 'Velocity'],
  influence: ['传播者影响', 'Influence'],
  spread: ['平台扩散', 'Spread'],
});

export const engagementName = named({
  likes: ['赞', 'likes'],
  comments: ['评论', 'comments'],
  reposts: ['转发', 'reposts'],
  views: ['浏览', 'views'],
  favourites: ['收藏', 'favourites'],
  coins: ['投币', 'coins'],
  danmaku: ['弹幕', 'danmaku'],
  wow: ['在看', 'wows'],
});
