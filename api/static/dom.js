// Building the page. Text goes in as text nodes only; nothing here can make markup of data.

const SVG = 'http://www.w3.org/2000/svg';

/** el('a.card.wide', {href: '#/'}, 'text', child): null, undefined and false are left out. */
export function el(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  return furnish(document.createElement(name), classes, props, children);
}

export function svg(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split('.');
  return furnish(document.createElementNS(SVG, name), classes, props, children);
}

function furnish(node, classes, props, children) {
  if (classes.length) node.setAttribute('class', classes.join(' '));
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(key, value);
    else node.setAttribute(key, value === true ? '' : String(value));
  }
  node.append(...present(children));
  return node;
}

function present(children) {
  return children.flat(Infinity).filter((x) => x !== null && x !== undefined && x !== false);
}

/** Replace what a node holds; the focus stays on the element with the same data-key. */
export function fill(node, ...children) {
  const focused = node.contains(document.activeElement) ? document.activeElement : null;
  const key = focused?.dataset.key;
  node.replaceChildren(...present(children));
  if (key) node.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  return node;
}

/** The address if it is one of the web, else null. */
export function webAddress(text) {
  try {
    const url = new URL(text);
    return ['http:', 'https:'].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

/** A link out of the page, or nothing where the address is no web address. */
export function outside(address, label) {
  const url = webAddress(address);
  if (!url) return null;
  return el(
    'a.outside',
    { href: url.href, 'data-key': url.href, rel: 'noopener noreferrer', target: '_blank', title: url.hostname },
    label,
    ' ↗',
  );
}

/** A row of choices of which one holds. */
export function choices(label, options, current, choose) {
  return el(
    'div.choices',
    { role: 'group', 'aria-label': label },
    options.map(([value, text]) =>
      el(
        'button',
        {
          type: 'button',
          'data-key': `${label}-${value}`,
          'aria-pressed': String(value === current),
          click: () => choose(value),
        },
        text,
      ),
    ),
  );
}

export function picker(label, options, current, choose) {
  const select = el(
    'select',
    { 'aria-label': label, 'data-key': label, change: (event) => choose(event.target.value) },
    options.map(([value, text]) => el('option', { value, selected: value === current }, text)),
  );
  return select;
}

/** A command line that can be copied. */
export function command(text, copyLabel, copiedLabel) {
  const button = el('button.copy', { type: 'button' }, copyLabel);
  button.addEventListener('click', async () => {
    await navigator.clipboard?.writeText(text);
    button.textContent = copiedLabel;
  });
  return el('div.command', {}, el('pre', { tabindex: '0' }, el('code', {}, text)), button);
}
