// All brands at a glance, the most pressing first, and what is open.
import { get } from './api.js';
import { alertRow } from './alerts.js';
import { command, el, fill } from './dom.js';
import { FORMATS, count, interval } from './format.js';
import { keyFigure, levelBadge, scale, sparkline } from './figures.js';
import { say } from './i18n.js';
import { LEVELS } from './levels.js';
import { before, currentPeriod, periodChoice, since } from './period.js';

export function overviewPage(main, context) {
  const period = currentPeriod();
  const cards = el('div.cards', { 'aria-busy': 'true' }, [1, 2, 3].map(() => el('div.card.waiting')));
  const alerts = el('section.open-alerts');
  fill(
    main,
    el('div.heading', {}, el('h1', {}, say('品牌总览', 'Brands')), periodChoice(context.reopen)),
    alerts,
    cards,
  );
  let drawn = [];

  async function refresh() {
    const [now, then, open] = await Promise.all([
      get('/overview', since(period)),
      get('/overview', before(period)),
      get('/alerts', { state: 'open', historical: false, lead: true, limit: 6 }),
    ]);
    if (drawn[0] === now && drawn[1] === open) return;
    drawn = [now, open];
    drawCards(cards, now.brands, then.brands, context);
    drawAlerts(alerts, open.items);
  }

  return { title: say('总览', 'Overview'), refresh };
}

function drawCards(node, brands, earlier, context) {
  node.removeAttribute('aria-busy');
  if (!brands.length) {
    fill(node, noBrand(context));
    return;
  }
  const pressing = [...brands].sort(
    (a, b) => LEVELS.indexOf(b.level) - LEVELS.indexOf(a.level) || a.name.localeCompare(b.name, 'zh'),
  );
  const then = new Map(earlier.map((brand) => [brand.id, brand.indices]));
  fill(node, pressing.map((brand) => card(brand, then.get(brand.id) ?? {})));
}

function card(brand, then) {
  const { indices } = brand;
  const wom = indices.wom_index;
  return el(
    `a.card.${brand.level}`,
    { href: `#/brands/${encodeURIComponent(brand.id)}`, 'data-key': `brand-${brand.id}` },
    el('div.card-head', {}, el('h2', { dir: 'auto' }, brand.name), levelBadge(brand.level)),
    el(
      'div.card-index',
      {},
      el('strong', {}, FORMATS.index(wom?.value)),
      el('span', {}, say('口碑指数', 'Word of mouth'), el('br'), interval(wom, 'index') || say('观点不足', 'too few opinions')),
    ),
    scale(wom),
    el('div.card-figures', {}, keyFigure('volume', indices.volume, then.volume), keyFigure('negative_share', indices.negative_share, then.negative_share)),
    sparkline(brand.sparkline, say('声量与负面走势', 'Volume and negatives over time')),
    el('p.card-foot', {}, brand.open_alerts
      ? say(`${count(brand.open_alerts)} 个未解决预警`, `${count(brand.open_alerts)} open alerts`)
      : say('没有未解决的预警', 'No open alerts')),
  );
}

function drawAlerts(node, alerts) {
  node.hidden = !alerts.length;
  fill(
    node,
    el('h2', {}, say('未解决的预警', 'Open alerts')),
    el('ul.alerts', {}, alerts.map((alert) => alertRow(alert))),
  );
}

function noBrand(context) {
  const example = { id: 'xingtu', name: '星途汽车', aliases: ['星途', 'XingTu'], exclude: [], competitors: [] };
  return el(
    'div.empty',
    {},
    el('h2', {}, say('还没有品牌', 'No brands yet')),
    el('p', {}, say('先告诉听风关注谁：品牌名、别名，以及不该算作它的词。', 'Tell Tingfeng whom to listen for: the name, its aliases, and words that do not mean it.')),
    command(
      `curl -X POST ${location.origin}/api/v1/brands \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(example)}'`,
      say('复制', 'Copy'),
      say('已复制', 'Copied'),
    ),
    !context.may('manage') && el('p.hint', {}, say('添加品牌需要带 manage 权限的密钥。', 'Adding a brand takes a key with the scope manage.')),
  );
}
