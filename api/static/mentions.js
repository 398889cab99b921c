// What people said: filters, the newest mentions, the words that decided how each was read.
import { get } from './api.js';
import { choices, command, el, fill, outside, picker } from './dom.js';
import { labelChip } from './figures.js';
import { count } from './format.js';
import { engagementName, kindName, labelName, platformName, riskName, say } from './i18n.js';
import { since } from './period.js';
import { timeAgo } from './ticking.js';

const PAGE = 20;
const PAUSE = 300;
const COUNTERS = ['likes', 'comments', 'reposts', 'favourites', 'coins', 'danmaku', 'wow', 'views'];

export function mentionsPanel(context, path, period) {
  const filters = (context.state.filters ??= { label: '', platform: '', q: '', sort: 'new' });
  const form = el('div.filters', { role: 'search' });
  const search = searchBox(filters.q, (words) => apply({ q: words }));
  const fresh = el('div.fresh', { 'aria-live': 'polite' });
  const list = el('div.mentions', { 'aria-busy': 'true' }, [1, 2, 3].map(() => el('div.mention.waiting')));
  const more = el('div.more');
  const node = el('section.panel', { id: 'mentions' }, el('h2', {}, say('提及', 'Mentions')), form, fresh, list, more);
  let shown = null;
  let pages = 1;
  let platforms = [];
  let brand = null;
  drawFilters();

  const question = () => ({ ...since(period), ...filters, limit: PAGE });

  function apply(change) {
    Object.assign(filters, change);
    [shown, pages] = [null, 1];
    list.setAttribute('aria-busy', 'true');
    drawFilters();
    return context.refresh();
  }

  function drawFilters() {
    const labels = ['', 'negative', 'neutral', 'positive'].map((key) => [key, key ? labelName(key) : say('全部', 'All')]);
    const names = [...new Set([...platforms, filters.platform].filter(Boolean))];
    fill(
      form,
      choices(say('情感', 'Sentiment'), labels, filters.label, (label) => apply({ label })),
      picker(say('平台', 'Platform'), [['', say('全部平台', 'All platforms')], ...names.map((name) => [name, platformName(name)])], filters.platform, (platform) => apply({ platform })),
      picker(say('排序', 'Order'), [['new', say('最新', 'Newest')], ['weight', say('影响力', 'Most influential')]], filters.sort, (sort) => apply({ sort })),
      search,
    );
  }

  async function refresh(ofBrand, itsPlatforms) {
    brand = ofBrand;
    if (itsPlatforms.join() !== platforms.join()) {
      platforms = itsPlatforms;
      drawFilters();
    }
    const asked = JSON.stringify(filters);
    const page = await get(`${path}/mentions`, question());
    if (asked !== JSON.stringify(filters) || page === shown) return;
    if (shown && reading()) offer(page);
    else show(page);
  }

  // Somebody deep in the list must not have it pulled away.
  const reading = () => pages > 1 || list.contains(document.activeElement) || list.getBoundingClientRect().top < -80;

  function offer(page) {
    const known = new Set(shown.items.map((mention) => mention.id));
    const news = page.items.filter((mention) => !known.has(mention.id)).length;
    if (!news) return;
    fill(fresh, el('button', { type: 'button', 'data-key': 'fresh', click: () => show(page) },
      say(`有 ${news === PAGE ? `${PAGE}+` : news} 条新提及，点击查看`, `${news === PAGE ? `${PAGE}+` : news} new mentions`)));
  }

  function show(page) {
    [shown, pages] = [page, 1];
    list.removeAttribute('aria-busy');
    fill(fresh);
    fill(list, page.items.length ? page.items.map((mention) => card(mention, brand.timezone)) : empty());
    fold(list);
    drawMore(page.next);
  }

  function drawMore(cursor) {
    fill(more, cursor && el('button', { type: 'button', 'data-key': 'more', click: () => append(cursor) }, say('加载更多', 'Load more')));
  }

  async function append(cursor) {
    const continued = shown;
    const page = await context.attempt(() => get(`${path}/mentions`, { ...question(), cursor }));
    // What continues another list does not belong under this one.
    if (!page || shown !== continued) return;
    pages += 1;
    list.append(...page.items.map((mention) => card(mention, brand.timezone)));
    fold(list);
    drawMore(page.next);
  }

  function empty() {
    if (filters.q || filters.label || filters.platform) return nothingFound(() => {
      search.querySelector('input').value = '';
      apply({ label: '', platform: '', q: '' });
    });
    return nothingYet(brand);
  }

  function showPlatform(platform) {
    apply({ platform });
    node.scrollIntoView({ block: 'start' });
  }

  return { node, refresh, showPlatform, close: () => search.stop() };
}

function searchBox(words, apply) {
  let timer = null;
  const input = el('input', {
    type: 'search', value: words, maxlength: 100, 'data-key': 'search',
    'aria-label': say('搜索提及', 'Search mentions'), placeholder: say('搜索，如：刹车 异响', 'Search'),
  });
  const box = el('form.search', {}, input);
  const go = () => {
    clearTimeout(timer);
    if (input.value.trim() !== words) apply((words = input.value.trim()));
  };
  box.addEventListener('submit', (event) => {
    event.preventDefault();
    go();
  });
  input.addEventListener('input', (event) => {
    clearTimeout(timer);
    // A word being composed by an input method is not yet a question.
    if (!event.isComposing) timer = setTimeout(go, PAUSE);
  });
  input.addEventListener('compositionend', () => { timer = setTimeout(go, PAUSE); });
  box.stop = () => clearTimeout(timer);
  return box;
}

const nothingFound = (reset) =>
  el('div.empty', {}, el('h3', {}, say('没有符合条件的提及', 'Nothing matches')),
    el('button', { type: 'button', click: reset }, say('清除筛选', 'Clear filters')));

function nothingYet(brand) {
  const example = [{
    platform: 'weibo', id: '1', text: `${brand.name}的售后很耐心，问题当天就解决了`,
    published_at: new Date().toISOString().slice(0, 19) + 'Z', brands: [brand.id],
  }];
  return el(
    'div.empty',
    {},
    el('h3', {}, say('这段时间还没有提及', 'No mentions in this period')),
    el('p', {}, say('可以换一个更长的时段，或者用带 ingest 权限的密钥送入提及：', 'Choose a longer period, or send mentions with a key that has the scope ingest:')),
    command(
      `curl -X POST ${location.origin}/api/v1/mentions \\\n  -H "Authorization: Bearer $KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(example)}'`,
      say('复制', 'Copy'),
      say('已复制', 'Copied'),
    ),
  );
}

function card(mention, zone) {
  const { reading } = mention;
  return el(
    `article.mention.${reading.label}`,
    {},
    head(mention, zone),
    mention.title && el('h3', { dir: 'auto' }, highlight(mention.title, cuesOf(reading, 'title'))),
    mention.text && body(mention.text, cuesOf(reading, 'text')),
    mention.quoted && el('blockquote', { dir: 'auto' }, mention.quoted),
    foot(mention),
  );
}

const cuesOf = (reading, field) => reading.cues.filter((cue) => (cue.field ?? 'text') === field);

function head(mention, zone) {
  const { reading } = mention;
  return el(
    'header',
    {},
    labelChip(reading.label),
    el('span.confidence', { title: say('判断正确的概率', 'The chance that this judgement is right') }, say('置信度 ', 'confidence '), `${Math.round(100 * reading.confidence)}%`),
    reading.corrected && el('span.tag', {}, say('人工更正', 'Corrected')),
    el('span', {}, platformName(mention.platform), ' ', kindName(mention.kind)),
    timeAgo(mention.published_at, zone),
    mention.region && el('span', {}, mention.region),
    mention.copies > 1 && el('span.tag', { title: say('内容相同的提及数', 'Mentions with the same text') }, say(`相同 ${count(mention.copies)} 条`, `${count(mention.copies)} copies`)),
    reading.via === 'parent' && el('span.tag', { title: say('所回复的内容与品牌有关', 'What it answers is about the brand') }, say('随原帖', 'Via parent')),
    mention.risks.map((risk) => el('span.tag.risk', {}, riskName(risk))),
  );
}

function body(text, cues) {
  const said = el('p.said.folded', { dir: 'auto' }, highlight(text, cues));
  const button = el('button.quiet.unfold', { type: 'button', 'aria-expanded': 'false', hidden: true }, say('展开全文', 'Show all'));
  button.addEventListener('click', () => {
    const folded = said.classList.toggle('folded');
    button.setAttribute('aria-expanded', String(!folded));
    button.textContent = folded ? say('展开全文', 'Show all') : say('收起', 'Show less');
  });
  return [said, button];
}

/** Offer to unfold what does not fit; only a laid-out page knows. */
function fold(list) {
  for (const said of list.querySelectorAll('.said.folded')) {
    said.nextSibling.hidden = said.scrollHeight <= said.clientHeight + 2;
  }
}

/** The text in pieces, its deciding words marked. Offsets count code points. */
export function highlight(text, cues) {
  const points = Array.from(text);
  const parts = [];
  let at = 0;
  for (const cue of [...cues].sort((a, b) => a.start - b.start)) {
    if (cue.start < at || cue.end <= cue.start || cue.end > points.length) continue;
    parts.push(points.slice(at, cue.start).join(''), mark(points.slice(cue.start, cue.end).join(''), cue.weight));
    at = cue.end;
  }
  return [...parts, points.slice(at).join('')];
}

function mark(words, weight) {
  const tone = weight > 0 ? 'positive' : 'negative';
  return el(`mark.${tone}`, { title: say(`偏${labelName(tone)}的依据`, `speaks for ${labelName(tone).toLowerCase()}`) }, words);
}

function foot(mention) {
  const counters = COUNTERS.map((key) => [key, mention.engagement?.[key]]).filter(([, n]) => n);
  const parts = [
    ...counters.map(([key, n]) => `${engagementName(key)} ${count(n)}`),
    mention.rating && say(`评分 ${mention.rating.value}`, `rated ${mention.rating.value}`),
    mention.followers && say(`粉丝 ${count(mention.followers)}`, `${count(mention.followers)} followers`),
    mention.verified && say('认证作者', 'verified'),
  ].filter(Boolean);
  const link = outside(mention.url, say('原文', 'Source'));
  return (parts.length > 0 || link) && el('footer', {}, parts.map((part) => el('span', {}, part)), link);
}
