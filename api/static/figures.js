// Small pictures and pieces that several pages share: levels, bars, sparklines, changes.
import { el, svg } from './dom.js';
import { FORMATS, count, interval } from './format.js';
import { labelName, levelName, say } from './i18n.js';
import { metricOf } from './metrics.js';

export const levelBadge = (level) =>
  el(`span.level.${level}`, {}, level === 'none' ? levelName(level) : say(`${levelName(level)}预警`, `${levelName(level)} alert`));

export const labelChip = (label) => el(`span.label.${label}`, {}, labelName(label));

/** A bar of one or several parts, each {value, tone}; `whole` is its full length. */
export function bar(parts, whole, label) {
  let x = 0;
  const rects = parts.map(({ value, tone }) => {
    const width = whole > 0 ? (100 * value) / whole : 0;
    const rect = svg(`rect.${tone}`, { x: `${x}%`, width: `${width}%`, height: '100%' });
    x += width;
    return rect;
  });
  return svg('svg.bar', { role: 'img', 'aria-label': label }, rects);
}

/** Where an index stands between 0 and 100, with its interval. */
export function scale(metric) {
  const position = (value) => `${Math.min(100, Math.max(0, value))}%`;
  const known = metric && metric.value !== null;
  return svg(
    'svg.scale',
    { 'aria-hidden': 'true' },
    svg('rect.track', { y: '5', width: '100%', height: '2' }),
    svg('rect.middle', { x: '50%', y: '2', width: '1', height: '8' }),
    known && metric.low !== null &&
      svg('rect.band', { x: position(metric.low), y: '3', width: `${metric.high - metric.low}%`, height: '6', rx: '3' }),
    known && svg('circle.dot', { cx: position(metric.value), cy: '6', r: '4' }),
  );
}

/** Volume as an area, its negative part as a darker one. Points are {volume, negative}. */
export function sparkline(points, label) {
  const [width, height] = [240, 44];
  const top = Math.max(1, ...points.map((point) => point.volume));
  const area = (key) => {
    const step = width / Math.max(1, points.length - 1);
    const line = points.map((point, i) => `${(i * step).toFixed(1)},${(height - (height - 3) * (point[key] / top)).toFixed(1)}`);
    return `M0,${height} L${line.join(' L')} L${width},${height} Z`;
  };
  return svg(
    'svg.spark',
    { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    points.length > 1 && svg('path.volume', { d: area('volume') }),
    points.length > 1 && svg('path.negative', { d: area('negative') }),
  );
}

/** How a figure moved against the period before; nothing where either is unknown. */
export function change(now, then, unit) {
  if (now?.value === null || then?.value === null || !now || !then) return null;
  const words = unit === 'count' ? relative(now.value, then.value) : absolute(now.value - then.value, unit);
  return el('span.change', { title: say('与上一时段相比', 'Against the period before') }, words);
}

const arrow = (value) => (value > 0 ? '↑ ' : '↓ ');

// A change that rounds to nothing is none.
const same = (size) => (parseFloat(size) === 0 ? say('持平', 'no change') : null);

function relative(now, then) {
  if (then === 0) return now === 0 ? say('持平', 'no change') : say('上期为 0', 'none before');
  const moved = now / then - 1;
  const size = Math.abs(moved) >= 10 ? `${count(Math.round(now / then))}×` : `${Math.abs(100 * moved).toFixed(0)}%`;
  return same(size) ?? `${arrow(moved)}${size}`;
}

function absolute(moved, unit) {
  const size = unit === 'index' ? Math.abs(moved).toFixed(1) : `${Math.abs(100 * moved).toFixed(1)} ${say('百分点', 'pp')}`;
  return same(size) ?? `${arrow(moved)}${size}`;
}

/** A large figure with its name, interval and change. */
export function keyFigure(key, now, then) {
  const metric = metricOf(key);
  return el(
    'div.figure',
    { title: metric.formula() },
    el('span.name', {}, metric.name()),
    el('strong', {}, FORMATS[metric.unit](now?.value)),
    change(now, then, metric.unit),
    el('span.interval', {}, interval(now, metric.unit)),
  );
}
