/**
 * Fails when a page needs more bytes than its budget before it can be used: the closure of static imports of the
 * entry, the page and its layout in Vite's manifest, compressed as the server sends it (brotli). Run after a build.
 */
import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const DIST = new URL('../dist/', import.meta.url);
const KILOBYTE = 1000;

const SHELL = {
  chat: 'src/lib/shell/ChatShell.svelte',
  account: 'src/lib/shell/AccountShell.svelte',
  admin: 'src/lib/shell/AdminShell.svelte',
};
const MATH = ['src/lib/md/highlight.ts', 'src/lib/md/katex.ts'];

/** Budgets in kB of brotli: [JavaScript, CSS]. */
const PAGES = [
  { name: 'login', roots: ['src/routes/auth/Login.svelte'], budget: [40, 15] },
  { name: 'signup', roots: ['src/routes/auth/SignUp.svelte'], budget: [40, 15] },
  { name: 'login, second step', roots: ['src/routes/auth/Login.svelte', 'src/routes/auth/SecondStep.svelte'], budget: [50, 15] },
  { name: 'chat', roots: [SHELL.chat, 'src/routes/chat/Chat.svelte'], budget: [110, 15] },
  { name: 'chat + code + math', roots: [SHELL.chat, 'src/routes/chat/Chat.svelte', ...MATH], budget: [170, 20] },
  { name: 'shared chat', roots: ['src/routes/share/SharedChat.svelte'], budget: [110, 15] },
  { name: 'me/security', roots: [SHELL.account, 'src/routes/account/Security.svelte'], budget: [110, 15] },
  { name: 'me/keys', roots: [SHELL.account, 'src/routes/account/ApiKeys.svelte'], budget: [110, 15] },
  { name: 'admin/users', roots: [SHELL.admin, 'src/routes/admin/Users.svelte'], budget: [110, 15] },
  { name: 'admin/connections', roots: [SHELL.admin, 'src/routes/admin/Connections.svelte'], budget: [110, 15] },
  { name: 'admin/models', roots: [SHELL.admin, 'src/routes/admin/Models.svelte'], budget: [110, 15] },
  { name: 'admin/users/:id', roots: [SHELL.admin, 'src/routes/admin/User.svelte'], budget: [110, 15] },
  { name: 'admin/users/:id/chats/:chat', roots: [SHELL.admin, 'src/routes/admin/UserChat.svelte'], budget: [110, 15] },
  { name: 'admin/groups', roots: [SHELL.admin, 'src/routes/admin/Groups.svelte'], budget: [110, 15] },
  { name: 'admin/groups/:id', roots: [SHELL.admin, 'src/routes/admin/Group.svelte'], budget: [110, 15] },
  { name: 'admin/permissions', roots: [SHELL.admin, 'src/routes/admin/Permissions.svelte'], budget: [110, 15] },
  { name: 'admin/audit', roots: [SHELL.admin, 'src/routes/admin/Audit.svelte'], budget: [110, 15] },
  { name: 'admin/settings', roots: [SHELL.admin, 'src/routes/admin/Settings.svelte'], budget: [110, 15] },
  { name: 'admin/keys', roots: [SHELL.admin, 'src/routes/admin/Keys.svelte'], budget: [110, 15] },
];

const manifest = JSON.parse(readFileSync(new URL('manifest.json', DIST), 'utf8'));
const sizes = new Map();

function compressed(file) {
  if (!sizes.has(file)) {
    const options = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
    sizes.set(file, brotliCompressSync(readFileSync(new URL(file, DIST)), options).length);
  }
  return sizes.get(file);
}

/** All files that `keys` import statically. */
function closure(keys) {
  const seen = new Set();
  const scripts = new Set();
  const styles = new Set();
  const visit = (key) => {
    if (seen.has(key)) return;
    seen.add(key);
    const chunk = manifest[key];
    if (!chunk) throw new Error(`the manifest has no ${key}; was the page moved?`);
    scripts.add(chunk.file);
    for (const style of chunk.css ?? []) styles.add(style);
    for (const next of chunk.imports ?? []) visit(next);
  };
  keys.forEach(visit);
  return { scripts, styles };
}

const total = (files) => [...files].reduce((sum, file) => sum + compressed(file), 0) / KILOBYTE;

let isOver = false;
for (const { name, roots, budget } of PAGES) {
  const { scripts, styles } = closure(['index.html', ...roots]);
  const measured = [total(scripts), total(styles)];
  const over = measured.some((size, index) => size > budget[index]);
  isOver ||= over;
  const [js, css] = measured.map((size, index) => `${size.toFixed(1)} of ${budget[index]} kB`);
  process.stdout.write(`${over ? 'OVER' : 'ok  '}  ${name.padEnd(20)} js ${js.padEnd(18)} css ${css}\n`);
}
if (isOver) process.exitCode = 1;
