// The periods one can look at, and where they begin and end. Both are rounded, so that a question
// stays the same for five minutes: while nothing happens, its answer is a 304.
import { serverNow } from './api.js';
import { choices } from './dom.js';
import { say } from './i18n.js';
import { recall, remember } from './memory.js';

const HOUR = 3600;
const ROUND = 300;
const PERIODS = {
  '24h': { length: 24 * HOUR, name: ['24 小时', '24 hours'], steps: ['1h', '5m'] },
  '7d': { length: 7 * 24 * HOUR, name: ['7 天', '7 days'], steps: ['1h', '1d'] },
  '30d': { length: 30 * 24 * HOUR, name: ['30 天', '30 days'], steps: ['1d', '1h'] },
};

export function currentPeriod() {
  const name = recall('period');
  return Object.hasOwn(PERIODS, name ?? '') ? name : '7d';
}

export const stepsOf = (period) => PERIODS[period].steps;

const iso = (seconds) => new Date(seconds * 1000).toISOString().replace('.000', '');

/** {start, end} of the period up to the end of the five minutes we are in. */
export function since(period) {
  const end = roundedEnd();
  return { start: iso(end - PERIODS[period].length), end: iso(end) };
}

/** {start, end} of the equally long period before it. */
export function before(period) {
  const { length } = PERIODS[period];
  const end = roundedEnd() - length;
  return { start: iso(end - length), end: iso(end) };
}

const roundedEnd = () => (Math.floor(serverNow() / 1000 / ROUND) + 1) * ROUND;

export function periodChoice(reopen) {
  const options = Object.entries(PERIODS).map(([key, { name }]) => [key, say(...name)]);
  return choices(say('时段', 'Period'), options, currentPeriod(), (next) => {
    remember('period', next);
    reopen();
  });
}
