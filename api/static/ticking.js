// Texts that change with the clock alone: "3 分钟前" and response clocks.
import { el } from './dom.js';
import { ago, countdown, fullMoment, moment } from './format.js';
import { serverNow } from './api.js';

export const timeAgo = (iso, zone) =>
  el('time', { datetime: iso, 'data-ago': iso, title: fullMoment(iso, zone) }, ago(iso));

export const timeAt = (iso, zone) =>
  el('time', { datetime: iso, title: fullMoment(iso, zone) }, moment(iso, zone));

export const timeLeft = (iso) => el('time.clock', { datetime: iso, 'data-due': iso }, countdown(iso));

export function tick(root) {
  for (const node of root.querySelectorAll('[data-ago]')) change(node, ago(node.dataset.ago));
  for (const node of root.querySelectorAll('[data-due]')) {
    change(node, countdown(node.dataset.due));
    node.classList.toggle('late', Date.parse(node.dataset.due) < serverNow());
  }
}

function change(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
