// Start, sign-in, addresses (#/…), the head of the page, and the beat that keeps it live.
import { Refusal, Unreachable, forget, get, send } from './api.js';
import { alertPage } from './alert.js';
import { alertsPage } from './alerts.js';
import { brandPage } from './brand.js';
import { el, fill } from './dom.js';
import { currentLanguage, say, setLanguage } from './i18n.js';
import { recall, remember } from './memory.js';
import { overviewPage } from './overview.js';
import { signInPage } from './session.js';
import { tick } from './ticking.js';
import { nextTheme, themeName } from './theme.js';

const BEAT = 5000;
const SLOWEST = 60000;
const main = document.getElementById('main');
const offline = document.getElementById('offline');
const toast = document.getElementById('toast');

const ROUTES = [
  [/^#\/brands\/([^/]+)$/, brandPage],
  [/^#\/alerts$/, alertsPage],
  [/^#\/alerts\/([^/]+)$/, alertPage],
  [/^/, overviewPage],
];

let me = null;
let view = null;
let timer = null;
let wait = BEAT;
let turn = 0;
const kept = new Map();

/** What every page gets: who is signed in, what the page remembered, how to speak up. */
function context(address) {
  if (!kept.has(address)) kept.set(address, {});
  return {
    me,
    state: kept.get(address),
    may: (scope) => me.scopes.includes(scope) || me.scopes.includes('admin'),
    notify,
    attempt,
    refresh: beat,
    reopen: open,
  };
}

function open() {
  view?.close?.();
  view = null;
  wait = BEAT;
  offline.hidden = true;
  clearTimeout(timer);
  drawTop();
  const address = location.hash || '#/';
  if (!me) {
    document.title = say('登录 · 听风', 'Sign in · Tingfeng');
    fill(main, signInPage(signIn));
    main.querySelector('input')?.focus();
    return;
  }
  const [pattern, page] = ROUTES.find(([candidate]) => candidate.test(address));
  view = page(main, context(address), ...pattern.exec(address).slice(1).map(decoded));
  document.title = `${view.title} · ${say('听风', 'Tingfeng')}`;
  beat();
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

async function beat() {
  clearTimeout(timer);
  const current = view;
  if (!current) return;
  // Of two rounds at once only the later one goes on.
  turn += 1;
  const mine = turn;
  try {
    if (!document.hidden) await current.refresh();
    wait = BEAT;
    offline.hidden = true;
  } catch (error) {
    if (current !== view) return;
    complain(error);
  }
  if (current === view && mine === turn) timer = setTimeout(beat, wait);
}

function complain(error) {
  if (error instanceof Refusal && error.status === 401) return signedOut();
  if (!(error instanceof Refusal || error instanceof Unreachable)) reportError(error);
  wait = Math.min(SLOWEST, wait * 2);
  offline.textContent = error.message;
  offline.hidden = false;
  return undefined;
}

/** Do something that may be refused, and say so where it is. */
async function attempt(action, done) {
  try {
    const answer = await action();
    if (done) notify(done);
    return answer;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) signedOut();
    else notify(error.message);
    return null;
  }
}

function notify(message) {
  toast.textContent = message;
  toast.classList.add('shown');
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => toast.classList.remove('shown'), 6000);
}

async function signIn(key) {
  await send('POST', '/session', { key });
  me = await get('/me');
  remember('session', '1');
  open();
}

async function signOut() {
  await attempt(() => send('DELETE', '/session'));
  signedOut();
}

function signedOut() {
  me = null;
  forget();
  kept.clear();
  remember('session', null);
  open();
}

function drawTop() {
  const alerting = /^#\/?alert/.test(location.hash);
  const link = (href, text, active) =>
    el('a', { href, 'aria-current': active ? 'page' : null }, text);
  fill(
    document.getElementById('top'),
    el('a.brandmark', { href: '#/' }, el('span.zh', {}, '听风'), el('span.en', {}, 'Tingfeng')),
    me && el(
      'nav',
      { 'aria-label': say('主导航', 'Main') },
      link('#/', say('总览', 'Overview'), !alerting),
      link('#/alerts', say('预警', 'Alerts'), alerting),
      link('/docs', say('接口', 'API')),
    ),
    el('span.gap'),
    el('button.quiet', { type: 'button', 'data-key': 'language', lang: currentLanguage() === 'en' ? 'zh-CN' : 'en', click: switchLanguage },
      say('English', '中文')),
    el('button.quiet', { type: 'button', 'data-key': 'theme', title: say('切换深浅色', 'Switch theme'), click: switchTheme },
      themeName()),
    me && el('button.quiet', { type: 'button', 'data-key': 'out', click: signOut, title: me.name }, say('退出', 'Sign out')),
  );
  document.getElementById('skip').textContent = say('跳到正文', 'Skip to content');
}

function switchLanguage() {
  setLanguage(currentLanguage() === 'en' ? 'zh' : 'en');
  open();
}

function switchTheme() {
  nextTheme();
  drawTop();
  view?.repaint?.();
}

document.getElementById('skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
window.addEventListener('hashchange', () => {
  open();
  window.scrollTo(0, 0);
});
document.addEventListener('visibilitychange', () => document.hidden || beat());
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => view?.repaint?.());
setInterval(() => tick(document), 1000);

if (recall('session')) me = await get('/me').catch(() => null);
open();
