// Figures and times as people read them.
import { currentLanguage, say } from './i18n.js';
import { serverNow } from './api.js';

export const DASH = '—';

export function count(value) {
  if (value === null || value === undefined) return DASH;
  if (currentLanguage() === 'zh' && Math.abs(value) >= 1e4) {
    const [size, unit] = Math.abs(value) >= 1e8 ? [1e8, '亿'] : [1e4, '万'];
    return `${(value / size).toLocaleString('en', { maximumFractionDigits: 1 })} ${unit}`;
  }
  return value.toLocaleString('en', {
    maximumFractionDigits: Number.isInteger(value) ? 0 : 1,
    notation: Math.abs(value) >= 1e5 ? 'compact' : 'standard',
  });
}

const fixed = (value, digits) => (value === null || value === undefined ? DASH : value.toFixed(digits));

const share = (value) =>
  value === null || value === undefined ? DASH : `${(value * 100).toFixed(1)}%`;

const signed = (text, value) => (value > 0 ? `+${text}` : text);

/** unit → how a value of it reads. */
export const FORMATS = {
  count,
  share,
  net: (value) => signed(share(value), value),
  index: (value) => fixed(value, 1),
  points: (value) => signed(fixed(value, 1), value),
  ratio: (value) => fixed(value, 2),
};

/** 58.1–66.2, or nothing where there is no interval. */
export function interval(metric, unit) {
  if (!metric || metric.low === null || metric.high === null) return '';
  return `${FORMATS[unit](metric.low)} – ${FORMATS[unit](metric.high)}`;
}

const formatters = new Map();

function formatter(zone, options) {
  const key = `${currentLanguage()} ${zone} ${JSON.stringify(options)}`;
  if (!formatters.has(key)) {
    const english = currentLanguage() === 'en';
    // 23/11 reads differently in London and New York; 23 Nov does not.
    const month = english && options.month ? { month: 'short' } : {};
    formatters.set(key, new Intl.DateTimeFormat(english ? 'en-GB' : 'zh-CN', { timeZone: zone, ...options, ...month }));
  }
  return formatters.get(key);
}

const DAY = { month: '2-digit', day: '2-digit' };
const CLOCK = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const pattern = (options) => (iso, zone) => formatter(zone, options).format(new Date(iso));

export const moment = pattern({ ...DAY, ...CLOCK });
export const fullMoment = pattern({ year: 'numeric', ...DAY, ...CLOCK, timeZoneName: 'short' });
export const hourOf = pattern(CLOCK);
export const dayOf = pattern(DAY);

const STEPS = [
  [86400, '天', 'd'],
  [3600, '小时', 'h'],
  [60, '分钟', 'min'],
];

/** 3 分钟, 2 小时: the largest unit only. */
export function span(seconds) {
  const [size, zh, en] = STEPS.find(([unit]) => seconds >= unit) ?? STEPS[2];
  return `${Math.max(1, Math.floor(seconds / size))} ${say(zh, en)}`;
}

export function ago(iso) {
  const seconds = (serverNow() - Date.parse(iso)) / 1000;
  if (seconds < 60) return say('刚刚', 'just now');
  return say(`${span(seconds)}前`, `${span(seconds)} ago`);
}

/** What is left until a deadline: 1:02:33, or how long it is over. */
export function countdown(iso) {
  const left = Math.round((Date.parse(iso) - serverNow()) / 1000);
  if (left < 0) return say(`已超时 ${span(-left)}`, `overdue by ${span(-left)}`);
  const clock = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  return clock.map((part, i) => (i ? String(part).padStart(2, '0') : part)).join(':');
}
