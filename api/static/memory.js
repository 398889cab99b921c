// What this browser remembers between visits: theme, language, period. Never a key, never data.

export function recall(name) {
  try {
    return localStorage.getItem(`tingfeng.${name}`);
  } catch {
    return null;
  }
}

export function remember(name, value) {
  try {
    if (value === null) localStorage.removeItem(`tingfeng.${name}`);
    else localStorage.setItem(`tingfeng.${name}`, value);
  } catch {
    // Private windows may refuse: the choice then lasts as long as the page.
  }
}
