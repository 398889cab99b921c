// One alert: what happened, why it is believed, what was done, who was told.
import { get, send } from './api.js';
import { ended, summaryOf } from './alerts.js';
import { el, fill, outside } from './dom.js';
import { bar, labelChip, levelBadge } from './figures.js';
import { FORMATS, count, span } from './format.js';
import { actionName, deliveryName, eventName, factorName, half, levelName, platformName, riskName, ruleName, say, severityName, stateName } from './i18n.js';
import { timeAgo, timeAt, timeLeft } from './ticking.js';

const FACTORS = [
  ['triggers', ['触发因素', 'Triggers'], ['spike', 'share', 'risk']],
  ['amplifiers', ['放大因素', 'Amplifiers'], ['velocity', 'influence', 'spread']],
];

export function alertPage(main, context, id) {
  const head = el('header.alert-head.waiting');
  const figures = el('section.panel');
  const evidence = el('section.panel');
  const history = el('section.panel');
  const deliveries = el('section.panel');
  const siblings = el('section.panel', { hidden: true });
  const path = `/alerts/${encodeURIComponent(id)}`;
  const actions = actionsPanel(context, act);
  fill(
    main,
    el('p.back', {}, el('a', { href: '#/alerts' }, say('← 全部预警', '← All alerts'))),
    head,
    el('div.columns.duty', {}, el('div', {}, figures, evidence), el('aside', {}, actions.node, history, deliveries, siblings)),
  );
  let drawn = [];

  async function refresh() {
    const [alert, brands] = await Promise.all([get(path), get('/brands')]);
    const others = await get('/alerts', { brand: alert.brand, limit: 50 });
    if (drawn[0] === alert && drawn[1] === others) return;
    drawn = [alert, others];
    const brand = brands.items.find((candidate) => candidate.id === alert.brand);
    const zone = brand?.timezone ?? 'Asia/Shanghai';
    drawHead(head, alert, brand, zone);
    drawFigures(figures, alert);
    drawEvidence(evidence, alert, zone);
    actions.draw(alert);
    drawHistory(history, alert, zone);
    drawDeliveries(deliveries, alert, zone);
    drawSiblings(siblings, alert, others.items);
  }

  async function act(action, body, done) {
    const incident = `/incidents/${encodeURIComponent(drawn[0].incident_id)}`;
    const changed = await context.attempt(() => send('POST', `${incident}/${action}`, body), done);
    await context.refresh();
    return changed;
  }

  return { title: say('预警', 'Alert'), refresh };
}

function drawHead(node, alert, brand, zone) {
  node.className = `alert-head ${alert.level}`;
  fill(
    node,
    el(
      'div.alert-line',
      {},
      levelBadge(alert.level),
      el('a', { href: `#/brands/${encodeURIComponent(alert.brand)}`, 'data-key': 'brand' }, brand?.name ?? alert.brand),
      el('span', {}, ruleName(alert.rule)),
      el('span', {}, stateName(alert.state)),
      alert.historical && el('span', {}, say('历史数据，未通知', 'historical, nobody was notified')),
    ),
    el('h1', { dir: 'auto' }, summaryOf(alert)),
    el('p.hint', {}, say('开始于 ', 'Began '), timeAt(alert.onset, zone), say('，触发于 ', ', fired '), timeAt(alert.fired_at, zone),
      say('，最近更新 ', ', updated '), timeAgo(alert.updated_at, zone)),
  );
}

function drawFigures(node, alert) {
  fill(
    node,
    el('h2', {}, say('为什么报警', 'Why it fired')),
    el(
      'div.figures',
      {},
      figure(say('危机指数', 'Crisis index'), FORMATS.index(alert.crisis_index), say('0–100，80 以上为红色', '0–100, red from 80')),
      figure(alert.rule === 'risk' ? say('相关言论', 'Mentions') : say('负面数', 'Negatives'), count(alert.seen), within(alert)),
      // A risk topic speaks for itself: nothing is expected of it.
      alert.rule !== 'risk' && figure(say('平时预期', 'Expected'), FORMATS.index(alert.expected), say('同样时长的常态', 'usual for as long')),
      alert.rule !== 'risk' && figure(say('异常分', 'Score'), FORMATS.index(alert.score), say('−log₁₀ 偶然出现的概率', '−log₁₀ of the chance')),
      figure(say('程度', 'Severity'), severityName(alert.severity), ''),
    ),
    FACTORS.map(([, title, names]) => factorGroup(say(...title), names, alert.factors)),
    el('p.hint', {}, say(
      '危机指数 = 100·T^(1/(1+m))：T 为至少一个触发因素成立的程度，m 为放大因素的平均；各因素取值 0–1，未知为 0。',
      'Crisis index = 100·T^(1/(1+m)): T joins the triggers, m is the mean of the amplifiers; factors go from 0 to 1, unknown is 0.',
    )),
  );
}

function within(alert) {
  const time = span(alert.window_minutes * 60);
  return say(`${time}内`, `within ${time}`);
}

const figure = (name, value, note) =>
  el('div.figure', {}, el('span.name', {}, name), el('strong', {}, value), el('span.interval', {}, note));

function factorGroup(title, names, factors) {
  const value = (name) => factors[`f_${name}`] ?? factors[name] ?? 0;
  return el(
    'div.factors',
    {},
    el('h3', {}, title),
    names.map((name) => el('div.factor', {}, el('span', {}, factorName(name)),
      bar([{ value: value(name), tone: 'ink' }], 1, `${factorName(name)} ${value(name).toFixed(2)}`),
      el('b', {}, value(name).toFixed(2)))),
  );
}

function drawEvidence(node, alert, zone) {
  const { mentions = [], words = [], platforms = {}, risks = {} } = alert.evidence;
  const tags = (counts, name) => Object.entries(counts).sort(([, a], [, b]) => b - a).map(([key, n]) => el('span.tag', {}, name(key), el('small', {}, count(n))));
  const row = (title, content) => content.length > 0 && el('div.tags', {}, el('span.name', {}, title), content);
  fill(
    node,
    el('h2', {}, say('证据', 'Evidence')),
    row(say('风险话题', 'Risk topics'), tags(risks, riskName)),
    row(say('平台', 'Platforms'), tags(platforms, platformName)),
    row(say('突出的词', 'Rising words'), words.map(wordOf).map((word) => el('span.tag', {}, word))),
    mentions.length ? mentions.map((mention) => quote(mention, zone)) : el('p.hint', {}, say('没有可显示的原文。', 'No texts to show.')),
  );
}

// Evidence is kept as it was found: times are UTC seconds, labels are numbers.
const LABELS = { '-1': 'negative', 0: 'neutral', 1: 'positive' };
const timestamp = (at) => (typeof at === 'number' ? new Date(at * 1000).toISOString() : at);

const wordOf = (word) => (Array.isArray(word) ? word[0] : word);

const quote = (mention, zone) =>
  el(
    'figure.quote',
    {},
    el('blockquote', { dir: 'auto' }, mention.text),
    el('figcaption', {}, mention.label !== undefined && labelChip(LABELS[mention.label] ?? mention.label), platformName(mention.platform),
      mention.published_at && timeAt(timestamp(mention.published_at), zone), outside(mention.url, say('原文', 'Source'))),
  );

/** The response: the note is built once, so that what somebody is typing stays as it is. */
const WAITING = new Set(['pending', 'firing']);
const NEED_WORDS = new Set(['note', 'dismiss']);

function actionsPanel(context, act) {
  const due = el('div');
  const note = el('textarea', { rows: 2, maxlength: 2000, id: 'note', placeholder: say('备注（可选；判定误报须写原因）', 'Note (optional; say why when dismissing)') });
  const buttons = el('div.buttons');
  const form = el('div.act', {}, el('label', { for: 'note' }, say('备注', 'Note')), note, buttons);
  const reader = el('p.hint', {}, say('处理预警需要带 manage 权限的密钥。', 'Handling alerts takes a key with the scope manage.'));
  const node = el('section.panel.actions', {}, el('h2', {}, say('响应', 'Response')), due, context.may('manage') ? form : reader);

  async function submit(action, done) {
    const text = note.value.trim();
    if (NEED_WORDS.has(action) && !text) {
      note.focus();
      return;
    }
    const key = action === 'dismiss' ? 'reason' : 'note';
    if (await act(action, text ? { [key]: text } : {}, done)) note.value = '';
  }

  const button = (action, text, done, primary) =>
    el(primary ? 'button.primary' : 'button', { type: 'button', 'data-key': action, click: () => submit(action, done) }, text);

  function draw(alert) {
    fill(due, clock(alert));
    fill(
      buttons,
      WAITING.has(alert.state) && button('acknowledge', say('确认接手', 'Acknowledge'), say('已确认接手', 'Acknowledged'), true),
      (WAITING.has(alert.state) || alert.state === 'acknowledged') && button('mitigate', say('开始处置', 'Mitigate'), say('已标为处置中', 'Mitigating'), alert.state === 'acknowledged'),
      !ended(alert) && button('resolve', say('标为已解决', 'Resolve'), say('已标为解决', 'Resolved'), alert.state === 'mitigating'),
      !ended(alert) && button('dismiss', say('判定为误报', 'Dismiss'), say('已判定为误报', 'Dismissed')),
      ended(alert) && !alert.historical && button('reopen', say('重新打开', 'Reopen'), say('已重新打开', 'Reopened')),
      button('note', say('添加备注', 'Add note'), say('备注已添加', 'Note added')),
    );
  }

  return { node, draw };
}

function clock(alert) {
  if (WAITING.has(alert.state) && !alert.historical) {
    return el('p.due', {}, el('span', {}, say('请在时限内确认接手', 'Acknowledge within')), timeLeft(alert.due_at));
  }
  const at = alert.acknowledged_at ?? alert.resolved_at;
  if (!at) return null;
  const after = span(Math.max(0, (Date.parse(at) - Date.parse(alert.fired_at)) / 1000));
  return el('p.due', {}, el('span', {}, alert.assignee
    ? say(`${alert.assignee} 负责，`, `${alert.assignee}, `) : null, say(`触发后 ${after} 响应`, `answered after ${after}`)));
}

function drawHistory(node, alert, zone) {
  const events = [...(alert.timeline ?? [])].reverse();
  fill(
    node,
    el('h2', {}, say('经过', 'Timeline')),
    el('ol.timeline', {}, events.map((event) =>
      el('li', {}, el('span.when', {}, timeAt(event.at, zone)), el('div', {}, el('b', {}, actionName(event.action)),
        event.actor && el('span.hint', {}, ' ', actorName(event.actor)), event.note && el('p', { dir: 'auto' }, noteOf(event)))))),
  );
}

const SYSTEM = 'tingfeng';

const actorName = (actor) => (actor === SYSTEM ? say('系统', 'system') : actor);

// The service's own notes name levels by their codes: "orange → red 84.3".
const noteOf = ({ actor, note }) =>
  actor === SYSTEM ? half(note).replace(/\b(?:none|blue|yellow|orange|red)\b/g, levelName) : note;

function drawDeliveries(node, alert, zone) {
  const rows = alert.deliveries ?? [];
  fill(
    node,
    el('h2', {}, say('通知', 'Deliveries')),
    rows.length
      ? el('ul.deliveries', {}, rows.map((row) => deliveryRow(row, zone)))
      : el('p.hint', {}, say('没有发出通知：还没有配置渠道，或级别低于渠道的要求。', 'Nothing was sent: there is no channel yet, or the level is below what the channels ask for.')),
  );
}

/** The other alerts of the same incident: one crisis may break several rules. */
function drawSiblings(node, alert, alerts) {
  const others = alerts.filter((other) => other.incident_id === alert.incident_id && other.id !== alert.id);
  node.hidden = !others.length;
  fill(node, el('h2', {}, say('同一事件的其他预警', 'Other alerts of this incident')), el('ul.siblings', {}, others.map((other) =>
    el('li', {}, levelBadge(other.level), el('a', { href: `#/alerts/${encodeURIComponent(other.id)}`, 'data-key': other.id }, ruleName(other.rule)), el('span.hint', {}, stateName(other.state))))));
}

const deliveryRow = (row, zone) =>
  el(
    `li.${row.state}`,
    {},
    el('b', {}, row.channel_name),
    el('span', {}, eventName(row.event)),
    el('span.state', {}, deliveryName(row.state), row.attempts > 1 && say(`（${row.attempts} 次）`, ` (${row.attempts} attempts)`)),
    row.sent_at && timeAt(row.sent_at, zone),
    row.last_error && row.state !== 'sent' && el('p.hint', {}, half(row.last_error)),
  );
