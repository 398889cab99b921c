// The one way to the service. Answers are kept by address with their ETag, so that polling costs
// a 304 and hands back the very same object: what did not change is not drawn again.
import { half, say } from './i18n.js';

const BASE = '/api/v1';
const KEPT = 60;
const answers = new Map();
let clockSkew = 0;

/** The service's clock in milliseconds: deadlines must not hang on this computer's. */
export const serverNow = () => Date.now() + clockSkew;

export class Refusal extends Error {
  constructor(status, problem) {
    super(problem.detail ? half(problem.detail) : say(`请求失败（${status}）`, `Request failed (${status})`));
    this.status = status;
    this.code = problem.code ?? '';
  }
}

export class Unreachable extends Error {}

async function request(path, options) {
  let response;
  try {
    response = await fetch(`${BASE}${path}`, { credentials: 'same-origin', ...options });
  } catch {
    throw new Unreachable(say('连接不上服务，正在重试', 'The service cannot be reached, retrying'));
  }
  const date = Date.parse(response.headers.get('Date') ?? '');
  if (date && Math.abs(date - serverNow()) > 2000) clockSkew = date - Date.now();
  if (response.ok || response.status === 304) return response;
  throw new Refusal(response.status, await response.json().catch(() => ({})));
}

export function query(params) {
  const pairs = Object.entries(params).filter(([, value]) => value !== null && value !== undefined && value !== '');
  return pairs.length ? `?${new URLSearchParams(pairs)}` : '';
}

export async function get(path, params = {}) {
  const address = path + query(params);
  const old = answers.get(address);
  const response = await request(address, {
    headers: old?.etag ? { 'If-None-Match': old.etag } : {},
  });
  if (response.status === 304) return keep(address, old).body;
  const text = await response.text();
  if (old?.text === text) return keep(address, old).body;
  return keep(address, { etag: response.headers.get('ETag'), text, body: JSON.parse(text) }).body;
}

function keep(address, answer) {
  answers.delete(address);
  answers.set(address, answer);
  if (answers.size > KEPT) answers.delete(answers.keys().next().value);
  return answer;
}

export async function send(method, path, body) {
  const response = await request(path, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  return response.status === 204 ? null : response.json();
}

export const forget = () => answers.clear();
