// Signing in with a key. The key goes to the service once and stays nowhere in the browser: what
// remains is a cookie that no script can read.
import { el } from './dom.js';
import { say } from './i18n.js';

export function signInPage(signIn) {
  const key = el('input', {
    type: 'password', id: 'key', name: 'key', required: true, autocomplete: 'current-password', spellcheck: 'false',
  });
  const problem = el('p.problem', { role: 'alert' });
  const button = el('button.primary', { type: 'submit' }, say('登录', 'Sign in'));
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    problem.textContent = '';
    try {
      await signIn(key.value.trim());
    } catch (error) {
      problem.textContent = error.message;
      key.select();
    } finally {
      button.disabled = false;
    }
  };
  return el(
    'section.signin',
    {},
    el('h1', {}, say('听风', 'Tingfeng')),
    el('p.lead', {}, say('听见每一条关于品牌的声音，先于危机一步。', 'Hear every word about your brand, one step ahead of a crisis.')),
    el(
      'form',
      { method: 'post', submit },
      el('label', { for: 'key' }, say('访问密钥', 'Access key')),
      key,
      problem,
      button,
    ),
    el(
      'p.hint',
      {},
      say('还没有密钥？请管理员在服务器上运行：', 'No key yet? Ask the administrator to run on the server:'),
      el('code.line', {}, 'python -m monitor key add dashboard --scope manage'),
    ),
  );
}
