// Every figure the service keeps: its name, unit and formula, as docs/metrics.md has them.
import { say } from './i18n.js';

const GROUPS = [
  [
    ['口碑', 'Word of mouth'],
    [
      ['wom_index', '口碑指数', 'Word-of-mouth index', 'index',
        '100·(κ/2 + a)/(κ + nₑ)，κ = 10；a 为按置信度、互动量加权后的正面数。0–100，50 为正负持平；样本少时靠近 50。n 为有效样本量',
        '100·(κ/2 + a)/(κ + nₑ), κ = 10; a: positives weighted by confidence and engagement. 0–100, 50 = balanced; small samples stay near 50. n is the effective sample size'],
      ['positive_rate', '好评率', 'Positive rate', 'share', '正面 /（正面 + 负面），Wilson 95% 区间', 'positive / (positive + negative), Wilson 95 %'],
      ['negative_share', '负面占比', 'Negative share', 'share', '负面 /（正面 + 负面 + 中性），Wilson 95% 区间', 'negative / (positive + negative + neutral), Wilson 95 %'],
      ['nsr_polar', '净情感值', 'Net sentiment', 'net', '（正面 − 负面）/（正面 + 负面）', '(positive − negative) / (positive + negative)'],
      ['nsr_total', '净情感值（含中性）', 'Net sentiment (all)', 'net', '（正面 − 负面）/（正面 + 负面 + 中性）', '(positive − negative) / (positive + negative + neutral)'],
      ['recommendation_rate', '推荐率', 'Recommendation rate', 'share', '推荐 /（推荐 + 劝退），只计表达了推荐或劝退的提及', 'recommend / (recommend + dissuade), only mentions that do either'],
    ],
  ],
  [
    ['声量', 'Volume'],
    [
      ['volume', '声量', 'Volume', 'count', '时段内与品牌相关的提及数（含相同文本）', 'mentions about the brand in the period, copies included'],
      ['share_of_voice', '声量占比', 'Share of voice', 'share', '本品牌声量 / 本品牌与竞品的声量之和', 'volume / sum of volumes of the brand and its competitors'],
      ['unique_texts', '去重声量', 'Distinct texts', 'count', '时段内首次出现的不同文本数', 'distinct texts first seen in the period'],
      ['unique_authors', '独立作者数', 'Distinct authors', 'count', '不同的（假名化）作者数', 'distinct pseudonymous authors'],
      ['positive', '正面', 'Positive', 'count', '判为正面的提及数', 'mentions judged positive'],
      ['negative', '负面', 'Negative', 'count', '判为负面的提及数', 'mentions judged negative'],
      ['neutral', '中性', 'Neutral', 'count', '判为中性的提及数', 'mentions judged neutral'],
    ],
  ],
  [
    ['传播', 'Spread'],
    [
      ['heat_index', '热度指数', 'Heat index', 'index', '带 6 小时半衰期的互动热度，与本品牌近 90 天相比，0–100；历史不足 7 天时不给出', 'heat with a 6-hour half-life against the brand’s last 90 days, 0–100; none with under 7 days of history'],
      ['engagement', '互动量', 'Engagement', 'count', '各平台公开的点赞、评论、转发等之和（未知不计）', 'likes, comments, reposts and so on that platforms show; unknown ones left out'],
      ['reach', '曝光量', 'Reach', 'count', '已知浏览量之和；n 为已知浏览量的提及数', 'sum of known views; n mentions show views'],
      ['reach_estimated', '曝光量（估算）', 'Reach (estimate)', 'count', '按粉丝数估算，同一作者每平台每天计一次', 'sum of followers, an author once per platform and day'],
      ['engagement_rate', '参与率', 'Engagement rate', 'share', '互动量 / 浏览量，只计浏览量已知的提及', 'engagement / views, only where views are known'],
      ['amplification', '内容放大率', 'Amplification', 'share', '原创内容的转发数 / 浏览量', 'reposts of originals / their views'],
      ['amplification_per_post', '篇均转发', 'Reposts per original', 'ratio', '原创内容的转发数 / 原创篇数', 'reposts of originals / number of originals'],
    ],
  ],
  [
    ['调研与预警', 'Surveys and crisis'],
    [
      ['nps', '净推荐值', 'NPS', 'points', '9–10 分占比 − 0–6 分占比（×100），只计真实答卷', '% of 9–10 − % of 0–6, real answers only'],
      ['csat', '满意度', 'CSAT', 'share', '4–5 分占比，只计真实答卷', 'share of 4–5, real answers only'],
      ['ces', '费力度', 'Customer effort', 'ratio', '1–7 分的平均值，只计真实答卷', 'mean of 1–7, real answers only'],
      ['crisis_index', '危机指数', 'Crisis index', 'index', '100·T^(1/(1+m))；T 合并激增、占比、风险三个触发因素，m 为速度、影响、扩散的平均。0–100，无触发为 0', '100·T^(1/(1+m)); T joins spike, share and risk, m is the mean of velocity, influence and spread. 0–100, 0 without a trigger'],
    ],
  ],
];

const METRICS = new Map(
  GROUPS.flatMap(([, rows]) => rows).map(([key, zh, en, unit, formula, formulaEn]) => [
    key,
    { key, unit, name: () => say(zh, en), formula: () => say(formula, formulaEn) },
  ]),
);

export const metricGroups = () =>
  GROUPS.map(([title, rows]) => [say(...title), rows.map(([key]) => METRICS.get(key))]);

export const metricOf = (key) => METRICS.get(key);
