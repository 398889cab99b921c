// Alerts as a list: one line each, the open ones first.
import { get } from './api.js';
import { choices, el, fill } from './dom.js';
import { levelBadge } from './figures.js';
import { DASH, FORMATS } from './format.js';
import { ruleName, say, stateName } from './i18n.js';
import { timeAgo, timeLeft } from './ticking.js';

const RAISED = { '-': '⁻', 0: '⁰', 1: '¹', 2: '²', 3: '³', 4: '⁴', 5: '⁵', 6: '⁶', 7: '⁷', 8: '⁸', 9: '⁹' };

/** An alert's sentence, its 10^-12 as 10⁻¹². */
export function summaryOf(alert) {
  const sentence = say(alert.summary.zh, alert.summary.en) ?? ruleName(alert.rule);
  return sentence.replace(/\^(-?\d+)/g, (_, power) => [...power].map((sign) => RAISED[sign]).join(''));
}

/** One alert as a line that leads to it; its sentence names the brand. */
export function alertRow(alert) {
  return el(
    `li.alert.${alert.level}`,
    {},
    el(
      'a',
      { href: `#/alerts/${encodeURIComponent(alert.id)}`, 'data-key': `alert-${alert.id}` },
      levelBadge(alert.level),
      el('span.alert-text', { dir: 'auto' }, summaryOf(alert)),
      el('span.alert-meta', {}, el('span', {}, stateName(alert.state)), ' · ', timeAgo(alert.fired_at),
        alert.historical && [' · ', say('历史数据', 'historical')]),
      el('span.alert-side', {}, alert.state === 'firing' && !alert.historical
        ? [el('small', {}, say('响应时限', 'Respond within')), timeLeft(alert.due_at)]
        : [el('small', {}, say('危机指数', 'Crisis index')), el('b', {}, FORMATS.index(alert.crisis_index) ?? DASH)]),
    ),
  );
}

export function alertsPage(main, context) {
  const { state } = context;
  state.filter ??= 'open';
  const list = el('ul.alerts');
  const more = el('div.more');
  const head = el('div.heading');
  let drawn = null;
  let extra = [];
  fill(main, head, list, more);
  drawHead();

  const params = () => ({ state: state.filter === 'all' ? null : state.filter, limit: 30, lead: true, historical: state.filter === 'open' ? false : null });

  function drawHead() {
    const options = [['open', say('未解决', 'Open')], ['resolved', say('已解决', 'Resolved')], ['dismissed', say('误报', 'Dismissed')], ['all', say('全部', 'All')]];
    fill(head, el('h1', {}, say('预警', 'Alerts')), choices(say('状态', 'State'), options, state.filter, (next) => {
      state.filter = next;
      [drawn, extra] = [null, []];
      drawHead();
      context.refresh();
    }));
  }

  async function refresh() {
    const filter = state.filter;
    const page = await get('/alerts', params());
    if (page === drawn || filter !== state.filter) return;
    drawn = page;
    extra = [];
    draw(page);
  }

  function draw(page) {
    const alerts = openFirst([...page.items, ...extra]);
    fill(list, alerts.length ? alerts.map((alert) => alertRow(alert)) : nothing(state.filter));
    fill(more, page.next && el('button', { type: 'button', 'data-key': 'more', click: () => showMore(page.next) }, say('加载更多', 'Load more')));
  }

  async function showMore(cursor) {
    const page = await context.attempt(() => get('/alerts', { ...params(), cursor }));
    if (!page) return;
    extra.push(...page.items);
    draw({ items: drawn.items, next: page.next });
  }

  return { title: say('预警', 'Alerts'), refresh };
}

/** Whether nobody has to act any more. */
export const ended = (alert) => alert.state === 'resolved' || alert.state === 'dismissed';

/** Open ones before ended ones; within each the order of the service. */
export function openFirst(alerts) {
  return [...alerts.filter((alert) => !ended(alert)), ...alerts.filter(ended)];
}

const nothing = (filter) =>
  el(
    'li.empty',
    {},
    el('h2', {}, filter === 'open' ? say('没有未解决的预警', 'No open alerts') : say('没有预警', 'No alerts')),
    el('p', {}, say(
      '负面激增、负面占比异常或出现风险话题时，这里会出现预警，并按已配置的渠道通知。',
      'When negatives spike, their share rises or a risk topic appears, an alert stands here and goes out to your channels.',
    )),
  );
