// Runs before the first paint, so that neither the theme nor the language flickers.
(() => {
  const root = document.documentElement;
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = read('tingfeng.theme');
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme;
  root.lang = read('tingfeng.language') === 'en' ? 'en' : 'zh-CN';
})();
