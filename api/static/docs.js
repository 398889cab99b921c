// The API reference, drawn from /openapi.json: grouped operations, parameters, schemas, examples.
import { command, el, fill } from './dom.js';
import { currentLanguage, half, say, setLanguage } from './i18n.js';
import { nextTheme, themeName } from './theme.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];
const DEEPEST = 4;
const HAN = /\p{Script=Han}/u;
const SCOPE = /^.*scope: `(\w+)`\s*$/m;
const main = document.getElementById('main');
let spec = null;

/** Follow `$ref`s until there is none. */
function resolve(node) {
  let found = node ?? {};
  for (let hops = 0; found.$ref && hops < 20; hops += 1) {
    found = found.$ref.slice(2).split('/').reduce((at, key) => at?.[key.replaceAll('~1', '/').replaceAll('~0', '~')], spec) ?? {};
  }
  return found;
}

function operations() {
  const all = Object.entries(spec.paths ?? {}).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({
      path,
      method,
      ...item[method],
      id: `${method}-${path}`.replaceAll(/[^a-z0-9]+/gi, '-'),
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolve),
    })),
  );
  const tags = [...new Set([...(spec.tags ?? []).map((tag) => tag.name), ...all.map(tagOf)])];
  return tags.map((tag) => [titled(tag), all.filter((operation) => tagOf(operation) === tag)]);
}

const tagOf = (operation) => operation.tags?.[0] ?? '其他 Other';

/** '预警 Alerts' in one's own language. */
function titled(tag) {
  const [, zh, en] = /^(\p{Script=Han}+) (.+)$/u.exec(tag) ?? [null, tag, tag];
  return say(zh, en);
}

/** The lines of a description that are in one's own language; a line in both is halved. */
function prose(text = '') {
  const lines = text.split('\n').map((line) => line.trim()).filter(Boolean);
  const wanted = lines.filter((line) => line.includes(' / ') || HAN.test(line) === (currentLanguage() === 'zh'));
  return (wanted.length ? wanted : lines).map(half).join(' ');
}

/** 'string', 'integer | null', 'array<Mention>'. */
function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return options.map(typeOf).join(' | ');
  if (schema.type === 'array') return `array<${typeOf(schema.items ?? {})}>`;
  return [schema.type ?? 'any'].flat().join(' | ');
}

function limits(schema) {
  const facts = [
    schema.enum && schema.enum.join(' · '),
    schema.default !== undefined && schema.default !== null && `${say('默认', 'default')} ${JSON.stringify(schema.default)}`,
    schema.minimum !== undefined && `≥ ${schema.minimum}`,
    schema.maximum !== undefined && `≤ ${schema.maximum}`,
    schema.maxLength !== undefined && say(`最长 ${schema.maxLength} 字`, `at most ${schema.maxLength} characters`),
    schema.maxItems !== undefined && say(`最多 ${schema.maxItems} 项`, `at most ${schema.maxItems} items`),
    schema.pattern,
  ];
  return facts.filter(Boolean).join('；');
}

const note = (...texts) => texts.filter(Boolean).map((text) => prose(String(text))).join(' ');

/** The rows of an object's table: its properties and, indented, theirs. */
function rows(schema, sent, depth = 0, seen = []) {
  const object = inner(schema);
  if (depth > DEEPEST || seen.includes(object)) return [];
  return Object.entries(object.properties ?? {}).flatMap(([key, property]) => [
    el('tr', {},
      el('td', {}, el(`span.depth-${depth}`, {}, el('code', {}, key), sent && object.required?.includes(key) && say(' 必填', ' required'))),
      el('td', {}, el('code', {}, typeOf(property))),
      el('td', {}, note(resolve(property).description, limits(flat(property))))),
    ...rows(property, sent, depth + 1, [...seen, object]),
  ]);
}

/** The object inside an array or an optional. */
function inner(schema) {
  const found = resolve(schema);
  if (found.type === 'array') return inner(found.items ?? {});
  const option = (found.anyOf ?? found.oneOf ?? found.allOf)?.map(inner).find((candidate) => candidate.properties);
  return option ?? found;
}

function flat(schema) {
  const found = resolve(schema);
  return { ...(found.anyOf ?? []).map(resolve).find((option) => option.type !== 'null'), ...found };
}

function example(schema, depth = 0) {
  const found = flat(schema);
  const given = found.example ?? found.examples?.[0] ?? found.const ?? found.enum?.[0] ?? found.default;
  if (given !== undefined && given !== null) return given;
  if (found.type === 'array') return depth > DEEPEST ? [] : [example(found.items ?? {}, depth + 1)];
  if (!found.properties) return { integer: 0, number: 0, boolean: false, string: 'string', object: {} }[[found.type].flat()[0]] ?? null;
  const wanted = found.required?.length ? found.required : Object.keys(found.properties);
  return depth > DEEPEST ? {} : Object.fromEntries(wanted.map((key) => [key, example(found.properties[key] ?? {}, depth + 1)]));
}

function curl(operation, body) {
  const needed = operation.parameters.filter((parameter) => parameter.in === 'query' && parameter.required);
  const search = needed.length ? `?${needed.map((parameter) => `${parameter.name}=…`).join('&')}` : '';
  const lines = [`curl${operation.method === 'get' ? '' : ` -X ${operation.method.toUpperCase()}`} '${location.origin}${operation.path}${search}'`];
  if (operation.security?.length !== 0) lines.push('-H "Authorization: Bearer $KEY"');
  if (body) lines.push('-H "Content-Type: application/json"', `-d '${JSON.stringify(example(body), null, 2)}'`);
  return lines.join(' \\\n  ');
}

const jsonSchema = (content) => content?.['application/json']?.schema ?? Object.values(content ?? {})[0]?.schema;

function card(operation) {
  const request = resolve(operation.requestBody);
  const body = jsonSchema(request.content);
  const scope = SCOPE.exec(operation.description ?? '');
  return el(
    'article.panel.operation',
    { id: operation.id },
    el('h3', {}, el(`span.method.${operation.method}`, {}, operation.method.toUpperCase()), el('code', {}, operation.path),
      scope && el('span.tag', {}, say('权限 ', 'scope '), scope[1])),
    el('p', {}, note(operation.summary)),
    el('p.hint', {}, note(operation.description?.replace(SCOPE, ''))),
    operation.parameters.length > 0 && table(say('参数', 'Parameters'), operation.parameters.map(parameterRow)),
    body && table(say('请求体', 'Request body'), rows(body, true)),
    answers(operation),
    el('h4', {}, say('示例', 'Example')),
    command(curl(operation, body), say('复制', 'Copy'), say('已复制', 'Copied')),
  );
}

const table = (title, body) => body.length > 0 && [el('h4', {}, title), grid(body)];

const grid = (body) => body.length > 0 && el('div.scroll', { tabindex: '0' }, el('table', {}, el('tbody', {}, body)));

const parameterRow = (parameter) =>
  el('tr', {},
    el('td', {}, el('code', {}, parameter.name), parameter.required && say(' 必填', ' required')),
    el('td', {}, el('code', {}, typeOf(parameter.schema ?? {})), ' ', el('small', {}, parameter.in)),
    el('td', {}, note(parameter.description, limits(flat(parameter.schema ?? {})))));

function answers(operation) {
  const parts = Object.entries(operation.responses ?? {}).map(([status, given]) => [status, resolve(given)]);
  const [status, good] = parts.find(([code]) => code.startsWith('2')) ?? ['', {}];
  const bad = parts.filter(([code]) => Number(code) >= 400);
  const schema = jsonSchema(good.content);
  return [
    el('h4', {}, say('响应 ', 'Response '), el('code', {}, status, ' ', schema ? typeOf(schema) : '')),
    schema && grid(rows(schema, false)),
    bad.length > 0 && el('div.tags', {}, el('span.name', {}, say('错误', 'Errors')), bad.map(([code, answer]) => el('span.tag', { title: note(answer.description), tabindex: '0' }, code))),
  ];
}

function draw() {
  document.title = say('接口文档 · 听风', 'API · Tingfeng');
  drawTop();
  const groups = operations();
  const filter = el('input', { type: 'search', 'aria-label': say('筛选接口', 'Filter'), placeholder: say('筛选，如：mentions', 'Filter') });
  const links = el('div');
  const cards = el('div');
  const show = () => {
    const words = filter.value.trim().toLowerCase();
    const fits = (operation) => `${operation.method} ${operation.path} ${operation.summary ?? ''}`.toLowerCase().includes(words);
    const shown = groups.map(([name, list]) => [name, list.filter(fits)]).filter(([, list]) => list.length);
    fill(links, shown.map(([name, list]) => [el('h3', {}, name), list.map(linkTo)]));
    fill(cards, shown.map(([name, list]) => [el('h2', {}, name), list.map(card)]));
  };
  filter.addEventListener('input', show);
  show();
  fill(main, el('nav', { 'aria-label': say('接口列表', 'Operations') }, filter, links), el('div', {}, intro(), cards));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

const linkTo = (operation) =>
  el('a', { href: `#${operation.id}`, title: note(operation.summary) }, el(`span.method.${operation.method}`, {}, operation.method.toUpperCase()), operation.path.replace('/api/v1', ''));

const intro = () =>
  el('section.panel', {},
    el('h1', {}, titled(spec.info?.title ?? ''), ' ', el('small', {}, spec.info?.version ?? '')),
    spec.info?.description && el('p', {}, prose(spec.info.description)),
    el('p.hint', {}, say('请求带上 Authorization: Bearer 密钥；错误一律为 application/problem+json，detail 说明下一步怎么做。', 'Send Authorization: Bearer KEY; errors are application/problem+json and their detail says what to do next.'), ' ',
      el('a', { href: '/openapi.json' }, 'openapi.json'), ' · ', el('a', { href: new URL('NOTICE.txt', import.meta.url).pathname }, say('图表组件许可', 'chart licence'))));

function drawTop() {
  const english = currentLanguage() === 'en';
  fill(
    document.getElementById('top'),
    el('a.brandmark', { href: '/' }, el('span.zh', {}, '听风'), el('span.en', {}, 'Tingfeng')),
    el('nav', {}, el('a', { href: '/' }, say('总览', 'Overview')), el('a', { href: '/#/alerts' }, say('预警', 'Alerts')), el('a', { href: '/docs', 'aria-current': 'page' }, say('接口', 'API'))),
    el('span.gap'),
    el('button.quiet', { type: 'button', 'data-key': 'language', lang: english ? 'zh-CN' : 'en', click: () => { setLanguage(english ? 'zh' : 'en'); draw(); } }, say('English', '中文')),
    el('button.quiet', { type: 'button', 'data-key': 'theme', click: () => { nextTheme(); drawTop(); } }, themeName()),
  );
}

async function start() {
  const response = await fetch('/openapi.json').catch(() => null);
  if (!response?.ok) {
    drawTop();
    fill(main, el('p', {}, say('读不到 /openapi.json，请稍后重试。', '/openapi.json cannot be read, please try again.')));
    return;
  }
  spec = await response.json();
  draw();
}

start();
