// Light, dark, or as the system has it.
import { say } from './i18n.js';
import { remember } from './memory.js';

const root = document.documentElement;
const systemDark = () => matchMedia('(prefers-color-scheme: dark)').matches;
const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : systemDark());

export const themeName = () => (isDark() ? say('浅色', 'Light') : say('深色', 'Dark'));

export function nextTheme() {
  const next = isDark() ? 'light' : 'dark';
  if ((next === 'dark') === systemDark()) {
    delete root.dataset.theme;
    remember('theme', null);
  } else {
    root.dataset.theme = next;
    remember('theme', next);
  }
}

/** A colour of the style sheet, for what is painted on a canvas. */
export const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
