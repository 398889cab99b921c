// One brand: open alerts, key figures, the trend, every metric, platforms, mentions, rivals.
import { get } from './api.js';
import { alertRow } from './alerts.js';
import { loadCharts, trendChart, trendSentence } from './charts.js';
import { choices, el, fill } from './dom.js';
import { bar, keyFigure, scale } from './figures.js';
import { FORMATS, count, interval, moment } from './format.js';
import { labelName, platformName, say } from './i18n.js';
import { mentionsPanel } from './mentions.js';
import { metricGroups } from './metrics.js';
import { before, currentPeriod, periodChoice, since, stepsOf } from './period.js';

const KEY_FIGURES = ['wom_index', 'volume', 'negative_share', 'crisis_index'];
const STEP_NAMES = { '5m': ['5 分钟', '5 min'], '1h': ['每小时', 'Hourly'], '1d': ['每天', 'Daily'] };

export function brandPage(main, context, id) {
  const period = currentPeriod();
  const path = `/brands/${encodeURIComponent(id)}`;
  const title = el('h1', { dir: 'auto' }, ' ');
  const alerts = el('section.open-alerts');
  const figures = el('section.panel.figures.waiting', { 'aria-label': say('关键指标', 'Key figures') });
  const trend = trendPanel(context, path, period);
  const metrics = el('section.panel');
  const platforms = el('section.panel');
  const rivals = rivalsPanel(period);
  const mentions = mentionsPanel(context, path, period);
  fill(
    main,
    el('p.back', {}, el('a', { href: '#/' }, say('← 品牌总览', '← Brands'))),
    el('div.heading', {}, title, periodChoice(context.reopen)),
    alerts,
    figures,
    trend.node,
    el('div.columns', {}, el('div', {}, mentions.node), el('aside', {}, platforms, rivals.node, metrics)),
  );
  let drawn = [];

  async function refresh() {
    const [brand, now, then, open, all] = await Promise.all([
      get(path),
      get(`${path}/indices`, since(period)),
      get(`${path}/indices`, before(period)),
      get('/alerts', { brand: id, state: 'open', historical: false, lead: true, limit: 20 }),
      get('/alerts', { brand: id, lead: true, limit: 50 }),
    ]);
    if (drawn[0] !== now || drawn[1] !== open) draw(brand, now, then, open);
    // One panel that fails must not take the others with it.
    const panels = await Promise.allSettled([
      trend.refresh(all.items, brand.timezone),
      mentions.refresh(brand, Object.keys(now.platforms)),
      rivals.refresh(brand),
    ]);
    const failed = panels.find((panel) => panel.status === 'rejected');
    if (failed) throw failed.reason;
  }

  function draw(brand, now, then, open) {
    drawn = [now, open];
    title.textContent = brand.name;
    document.title = `${open.items.length ? `(${open.items.length}) ` : ''}${brand.name} · ${say('听风', 'Tingfeng')}`;
    fill(alerts, open.items.length
      ? el('ul.alerts', {}, open.items.map((alert) => alertRow(alert)))
      : el('p.calm', {}, say('没有未解决的预警', 'No open alerts')));
    drawFigures(figures, now.indices, then.indices);
    drawMetrics(metrics, now.indices);
    drawPlatforms(platforms, now.platforms, mentions.showPlatform);
  }

  return {
    title: id,
    refresh,
    repaint: trend.repaint,
    close: () => {
      trend.close();
      mentions.close();
    },
  };
}

function drawFigures(node, now, then) {
  node.classList.remove('waiting');
  fill(node, KEY_FIGURES.map((key) => {
    const figure = keyFigure(key, now[key], then[key]);
    if (key === 'wom_index') figure.append(scale(now[key]));
    return figure;
  }));
}

/** The chart with its steps, and the same as a table for those who want the figures. */
function trendPanel(context, path, period) {
  const { state } = context;
  if (!stepsOf(period).includes(state.step)) [state.step] = stepsOf(period);
  const steps = el('div');
  const canvas = el('div.chart', { role: 'img' });
  const table = el('details.table', { toggle: () => drawTable() }, el('summary', {}, say('以表格查看', 'Show as a table')), el('div.scroll', { tabindex: '0' }));
  const node = el('section.panel', {}, el('div.panel-head', {}, el('h2', {}, say('趋势', 'Trend')), steps), canvas, table);
  let chart = null;
  let shown = {};
  drawSteps();

  function drawSteps() {
    const options = stepsOf(period).map((step) => [step, say(...STEP_NAMES[step])]);
    fill(steps, choices(say('时间粒度', 'Step'), options, state.step, (next) => {
      state.step = next;
      drawSteps();
      context.refresh();
    }));
  }

  async function refresh(alerts, zone) {
    const charts = await loadCharts();
    const { step } = state;
    const trend = await get(`${path}/trend`, { ...since(period), step });
    if (!node.isConnected || step !== state.step || (shown.trend === trend && shown.alerts === alerts)) return;
    shown = { trend, alerts, zone };
    canvas.setAttribute('aria-label', trendSentence(trend.points, zone));
    if (charts) {
      chart ??= trendChart(charts, canvas, (id) => { location.hash = `#/alerts/${encodeURIComponent(id)}`; });
      chart.draw(trend, alerts, zone);
    } else {
      withoutCharts();
    }
    drawTable();
  }

  function withoutCharts() {
    canvas.className = 'no-chart';
    fill(canvas, say('未安装图表组件（运行 make assets 后重启即可），以下为数据表。', 'Charts are not installed (run make assets and restart); the figures stand in the table below.'));
    table.open = true;
  }

  function drawTable() {
    if (!table.open || !shown.trend) return;
    fill(table.lastChild, trendTable(shown.trend.points, shown.zone));
  }

  return {
    node,
    refresh,
    repaint: () => chart?.draw(shown.trend, shown.alerts, shown.zone),
    close: () => chart?.close(),
  };
}

function trendTable(points, zone) {
  const heads = [say('时间', 'Time'), say('声量', 'Volume'), labelName('negative'), labelName('neutral'), labelName('positive'), say('负面占比', 'Negative share'), say('口碑指数', 'Word of mouth'), say('互动量', 'Engagement')];
  const row = (point) => [moment(point.t, zone), count(point.volume), count(point.negative), count(point.neutral), count(point.positive), FORMATS.share(point.negative_share), FORMATS.index(point.wom_index), count(point.engagement)];
  const told = points.filter((point) => point.volume > 0).reverse();
  return el('table', {}, el('thead', {}, el('tr', {}, heads.map((text) => el('th', { scope: 'col' }, text)))),
    el('tbody', {}, told.map((point) => el('tr', {}, row(point).map((text) => el('td', {}, text))))));
}

function drawMetrics(node, indices) {
  const known = (metric) => Object.hasOwn(indices, metric.key);
  fill(
    node,
    el('h2', {}, say('全部指标', 'All metrics')),
    metricGroups().map(([title, metrics]) => [
      el('h3', {}, title),
      el('div.metrics', {}, metrics.filter(known).map((metric) => tile(metric, indices[metric.key]))),
    ]),
  );
}

function tile(metric, { value, n, low, high }) {
  const tip = `tip-${metric.key}`;
  const range = interval({ low, high }, metric.unit);
  return el(
    'div.metric',
    { tabindex: '0', 'aria-describedby': tip, 'data-key': tip },
    el('span.name', {}, metric.name()),
    el('strong', {}, FORMATS[metric.unit](value)),
    el('small', {}, range || (value === null ? say('数据不足', 'no data') : '')),
    el('div.tip', { role: 'tooltip', id: tip }, el('b', {}, metric.name()), el('span', {}, metric.formula()),
      range && el('span', {}, say(`95% 区间 ${range}`, `95 % interval ${range}`)), el('span', {}, `n = ${count(n)}`)),
  );
}

function drawPlatforms(node, platforms, choose) {
  const rows = Object.entries(platforms).sort(([, a], [, b]) => b.volume - a.volume);
  const most = Math.max(1, ...rows.map(([, row]) => row.volume));
  fill(
    node,
    el('h2', {}, say('平台分布', 'Platforms')),
    rows.length ? el('div.platforms', {}, rows.map(([name, row]) => platformRow(name, row, most, choose))) : el('p.hint', {}, say('暂无数据', 'No data')),
    rows.length > 0 && legend(),
  );
}

function platformRow(name, row, most, choose) {
  const parts = ['negative', 'neutral', 'positive'].map((key) => ({ value: row[key], tone: key }));
  const words = parts.map(({ value, tone }) => `${labelName(tone)} ${value}`).join(say('，', ', '));
  return el(
    'button.platform',
    { type: 'button', 'data-key': `platform-${name}`, title: words, click: () => choose(name) },
    el('span', {}, platformName(name)),
    bar(parts, most, words),
    el('b', {}, count(row.volume)),
  );
}

const legend = () =>
  el('p.legend', {}, ['negative', 'neutral', 'positive'].map((key) => el(`span.${key}`, {}, labelName(key))));

function rivalsPanel(period) {
  const node = el('section.panel', { hidden: true });
  let drawn = null;

  async function refresh(brand) {
    if (!brand.competitors.length) return;
    const answer = await get('/compare', { brands: [brand.id, ...brand.competitors].join(','), ...since(period) });
    if (drawn === answer) return;
    drawn = answer;
    node.hidden = false;
    fill(node, el('h2', {}, say('竞品对比', 'Competitors')), rivalsTable(answer.brands));
  }

  return { node, refresh };
}

function rivalsTable(brands) {
  const heads = [say('品牌', 'Brand'), say('声量占比', 'Share of voice'), say('口碑指数', 'Word of mouth'), say('负面占比', 'Negative share')];
  const row = ({ brand, name, indices, share_of_voice: voice }) =>
    el('tr', {}, el('th', { scope: 'row', dir: 'auto' }, name ?? brand), el('td', {}, FORMATS.share(voice?.value)),
      el('td', {}, FORMATS.index(indices.wom_index?.value)), el('td', {}, FORMATS.share(indices.negative_share?.value)));
  return el('table', {}, el('thead', {}, el('tr', {}, heads.map((text) => el('th', { scope: 'col' }, text)))), el('tbody', {}, brands.map(row)));
}
