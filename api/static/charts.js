// The trend: volume stacked by sentiment, the negative share as a line, alerts as marks.
import { LEVELS } from './levels.js';
import { dayOf, fullMoment, hourOf, moment } from './format.js';
import { labelName, levelName, say } from './i18n.js';
import { colour } from './theme.js';

let loading = null;

/** ECharts, or null where this service was set up without it. */
export function loadCharts() {
  const address = document.documentElement.dataset.charts;
  if (!address) return Promise.resolve(null);
  loading ??= import(address).catch(() => null);
  return loading;
}

const SERIES = [
  ['negative', 'negative'],
  ['neutral', 'neutral'],
  ['positive', 'positive'],
];

/** Draw a trend into a node; returns {draw, close}. `choose` is called with a marked alert's id. */
export function trendChart(charts, node, choose) {
  const chart = charts.init(node, null, { renderer: 'canvas' });
  const watch = new ResizeObserver(() => chart.resize());
  watch.observe(node);
  chart.on('click', (event) => event.data?.alert && choose(event.data.alert));
  return {
    draw: (trend, alerts, zone) => chart.setOption(option(trend, alerts, zone), { notMerge: true }),
    close: () => {
      watch.disconnect();
      chart.dispose();
    },
  };
}

function option(trend, alerts, zone) {
  const { points } = trend;
  const [ink, soft, line] = ['ink', 'soft', 'line'].map(colour);
  const text = { color: soft, fontFamily: getComputedStyle(document.body).fontFamily };
  return {
    animation: false,
    textStyle: text,
    grid: { left: 8, right: 8, top: 40, bottom: 4, containLabel: true },
    title: { show: points.every((point) => point.volume === 0), text: say('这段时间没有数据', 'No data in this period'), left: 'center', top: '45%', textStyle: { ...text, fontSize: 14, fontWeight: 'normal' } },
    legend: { top: 0, left: 0, itemWidth: 12, itemHeight: 8, itemGap: 14, textStyle: text, selectedMode: false },
    tooltip: tooltip(points, zone, ink, line),
    xAxis: timeAxis(points, trend.step, zone, soft, line),
    yAxis: [
      { type: 'value', minInterval: 1, axisLabel: text, splitLine: { lineStyle: { color: line } } },
      { type: 'value', min: 0, max: 1, interval: 0.25, axisLabel: { ...text, formatter: (value) => `${100 * value}%` }, splitLine: { show: false } },
    ],
    series: [...SERIES.map(([key, tone]) => bars(key, tone, points)), shareLine(points, ink), marks(points, alerts)],
  };
}

const bars = (key, tone, points) => ({
  name: labelName(key),
  type: 'bar',
  stack: 'volume',
  barCategoryGap: points.length > 60 ? '10%' : '30%',
  color: colour(tone),
  data: points.map((point) => point[key]),
});

const shareLine = (points, ink) => ({
  name: say('负面占比', 'Negative share'),
  type: 'line',
  yAxisIndex: 1,
  color: ink,
  lineStyle: { width: 1.5 },
  symbol: 'circle',
  symbolSize: 4,
  showSymbol: points.length <= 60,
  data: points.map((point) => point.negative_share),
});

function marks(points, alerts) {
  const worst = new Map();
  const starts = points.map((point) => Date.parse(point.t));
  for (const alert of alerts) {
    const at = starts.findLastIndex((start) => start <= Date.parse(alert.onset));
    const old = worst.get(at);
    if (at >= 0 && (!old || LEVELS.indexOf(alert.level) > LEVELS.indexOf(old.level))) worst.set(at, alert);
  }
  return {
    name: say('预警', 'Alerts'),
    type: 'scatter',
    yAxisIndex: 1,
    symbol: 'path://M8 1 L15 14 L1 14 Z',
    symbolSize: [15, 14],
    color: colour('soft'),
    clip: false,
    z: 5,
    data: [...worst].map(([at, alert]) => ({ value: [at, 1], alert: alert.id, level: alert.level, itemStyle: { color: colour(alert.level) } })),
  };
}

function timeAxis(points, step, zone, soft, line) {
  const days = step === '1d' || points.length > 26;
  const starts = (index) => step === '1d' || index === 0 || !days || dayOf(points[index].t, zone) !== dayOf(points[index - 1].t, zone);
  return {
    type: 'category',
    data: points.map((point) => point.t),
    axisTick: { show: false },
    axisLine: { lineStyle: { color: line } },
    axisLabel: {
      color: soft,
      hideOverlap: true,
      interval: step === '5m' ? (index) => hourOf(points[index].t, zone).endsWith(':00') : starts,
      formatter: (iso) => (days && step !== '5m' ? dayOf(iso, zone) : hourOf(iso, zone)),
    },
  };
}

function tooltip(points, zone, ink, line) {
  return {
    trigger: 'axis',
    // Never HTML: what is shown can then only be text.
    renderMode: 'richText',
    confine: true,
    axisPointer: { type: 'shadow' },
    backgroundColor: colour('paper'),
    borderColor: line,
    textStyle: { color: ink, fontSize: 12 },
    formatter: (items) => tooltipText(points[items[0].dataIndex], items, zone),
  };
}

function tooltipText(point, items, zone) {
  const share = point.negative_share;
  const alert = items.find((item) => item.data?.level);
  return [
    moment(point.t, zone),
    `${say('声量', 'Volume')}  ${point.volume}`,
    ...SERIES.map(([key]) => `${labelName(key)}  ${point[key]}`),
    share === null ? null : `${say('负面占比', 'Negative share')}  ${(100 * share).toFixed(1)}%`,
    alert && `▲ ${say(`${levelName(alert.data.level)}预警`, `${levelName(alert.data.level)} alert`)}`,
  ].filter(Boolean).join('\n');
}

/** One sentence that says what the chart shows, for those who do not see it. */
export function trendSentence(points, zone) {
  const peak = points.reduce((best, point) => (point.negative > best.negative ? point : best), points[0]);
  if (!peak) return '';
  return say(
    `声量与负面走势，负面最多在 ${fullMoment(peak.t, zone)}，${peak.negative} 条`,
    `Volume and negatives; most negatives at ${fullMoment(peak.t, zone)}: ${peak.negative}`,
  );
}
