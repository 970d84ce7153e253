/**
 * Pictures of every screen in light, dark and on a phone, to be looked at beside the design.
 *
 *     SHOTS=/tmp/shots npm run shots
 *
 * Takes the environment of `support.mjs`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { plugIn } from './support/authenticator.mjs';
import { launchBrowser } from './support/browser.mjs';
import { answers, choose, finished, say } from './support/chat.mjs';
import { Person } from './support/person.mjs';
import { startServer } from './support/server.mjs';
import { AuthenticatorApp, totp } from './support/totp.mjs';

const folder = process.env.SHOTS;
if (!folder) throw new Error('name the folder for the pictures in SHOTS');
await mkdir(folder, { recursive: true });

const LOOKS = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true, isMobile: true },
};

const server = await startServer({ ENABLE_SIGNUP: 'true', ENABLE_API_KEYS: 'true' }, 'localhost');
const browser = await launchBrowser();
let people;
try {
  people = await visitors();

  await everywhere(people, '/signup', 'first-run');
  await furnish(people.light);
  await atTheDoor();
  for (const look of ['dark', 'phone']) {
    await people[look].ask('POST', '/api/v1/auths/signin', { email: people.light.email, password: people.light.password });
  }
  for (const page of ['connections', 'models', 'keys', 'users', 'groups', 'permissions', 'audit', 'settings']) await everywhere(people, `/admin/${page}`, page);
  await peopleAndGroups(people);

  const { page } = people.light;
  await page.goto('/');
  await choose(page, 'demo/reasoning');
  await finished(await say(page, 'How do we rotate a provider key without dropping requests?'));
  await choose(page, 'demo/markdown');
  await finished(await say(page, 'Show the call our deploy job should make.'));
  const address = new URL(page.url()).pathname;
  await everywhere(people, address, 'chat', (tab) => answers(tab).last().locator('pre').first().waitFor());
  await ownAccount(people, address.split('/').pop());
  await everywhere(people, '/', 'new-chat');
  await forms(people);
  await whatGoesWrong(people);
} finally {
  await browser.close();
  await server.stop();
}

/** One administrator, somebody who waits and is in a group, and keys in several states. */
async function furnish(ada) {
  await ada.signUp('Ada Marlow', 'ada@example.test');
  const ben = await Person.arrive(browser, server.url, {});
  const { id } = await ben.signUp('Ben Okafor', 'ben@example.test');
  await ben.leave();
  const cleo = { name: 'Cleo Lindqvist', email: 'cleo@example.test', password: ada.password, role: 'user' };
  await ada.ask('POST', '/api/v1/auths/add', cleo);
  const research = await ada.ask('POST', '/api/v1/groups/create', { name: 'Research', description: 'Compares models.', permissions: { workspace: { models: true } } });
  const evaluation = { name: 'Evaluation', description: 'Runs the nightly evaluation.', parent_group_id: research.id, permissions: { features: { api_keys: true } } };
  const group = await ada.ask('POST', '/api/v1/groups/create', evaluation);
  await ada.ask('POST', `/api/v1/groups/id/${group.id}/users/add`, { user_ids: [id] });
  const keys = [
    { name: 'Nightly evaluation', models: ['demo/*'], max_budget: 25 },
    { name: 'Notebook', endpoints: ['chat.completions', 'embeddings'] },
    { name: 'Partner portal', max_budget: 100 },
  ];
  for (const key of keys) await ada.ask('POST', '/api/v1/keys', key);
  const { items } = await ada.ask('GET', '/api/v1/keys');
  await ada.ask('POST', `/api/v1/keys/${items.find(({ name }) => name === 'Partner portal').id}/block`);
}

/** The parts of the pages of one person and one group, and who may use a model. */
async function peopleAndGroups(people) {
  const { light } = people;
  const { users } = await light.ask('GET', '/api/v1/users/?query=ben');
  const [group] = await light.ask('GET', '/api/v1/groups/');
  for (const part of ['access', 'groups', 'sessions', 'keys', 'chats']) await everywhere(people, `/admin/users/${users[0].id}?tab=${part}`, `person-${part}`);
  await everywhere(people, `/admin/users/${users[0].id}`, 'person');
  await everywhere(people, `/admin/groups/${group.id}`, 'group');
  await everywhere(people, `/admin/groups/${group.id}?tab=permissions`, 'group-permissions');
  const { items } = await light.ask('GET', '/api/v1/audit');
  await everywhere(people, `/admin/audit?record=${items[0].seq}`, 'audit-record', (tab) => tab.getByText('Hash of the record before').waitFor());
  const open = async (tab) => {
    await tab.getByRole('button', { name: 'Access to demo/echo' }).click();
    await tab.getByRole('radio', { name: 'As the server decides' }).waitFor();
  };
  await everywhere(people, '/admin/models', 'model-access', open);
}

/** The pages of the account, with a second step, a key and a shared chat; and what a sign-in with them looks like. */
async function ownAccount(people, chat) {
  const { light } = people;
  const setUp = async (tab) => {
    await tab.getByRole('button', { name: 'Set up' }).click();
    await tab.getByRole('textbox', { name: 'Code' }).waitFor();
  };
  await everywhere(people, '/me/security', 'authenticator', setUp);
  // Whoever began last has the secret that counts.
  await setUp(await light.visit('/me/security'));
  const secret = (await light.page.getByRole('dialog').locator('code').innerText()).replace(/\s/g, '');
  await light.page.getByRole('textbox', { name: 'Code' }).fill(totp(secret));
  await light.page.getByRole('list', { name: 'Recovery codes' }).waitFor();
  await light.page.screenshot({ path: join(folder, 'recovery-codes-light.png') });
  await light.page.getByRole('button', { name: 'I have kept them' }).click();
  await plugIn(light.page);
  await light.page.getByRole('button', { name: 'Add a passkey' }).click();
  await light.page.getByLabel('Name').fill('Work laptop');
  await light.page.getByRole('button', { name: 'Go on' }).click();
  await light.page.getByRole('list', { name: 'Passkeys' }).waitFor();
  await signInAgain(people, new AuthenticatorApp(secret));

  const key = { name: 'Backup script', endpoints: ['GET /api/models'], models: ['demo/*'], addresses: ['10.20.0.0/16'] };
  await light.ask('POST', '/api/v1/auths/api_keys', key);
  const { share_id } = await light.ask('POST', `/api/v1/chats/${chat}/share`);
  for (const name of ['', 'password', 'security', 'sessions', 'keys', 'shared']) await everywhere(people, `/me/${name}`, `me-${name || 'profile'}`);
  await everywhere(people, `/s/${share_id}`, 'shared-chat', (tab) => tab.getByRole('article').last().waitFor());

  await everywhere(people, '/me/keys', 'step-up', async (tab) => {
    await tab.route('**/api/v1/auths/api_keys/*', (route) => route.fulfill({ status: 403, json: { detail: 'Confirm.', code: 'step_up_required' } }));
    await tab.getByRole('button', { name: 'Revoke Backup script' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await tab.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
  });
  const strangers = await visitors();
  await everywhere(strangers, '/login', 'second-step', async (tab) => {
    await tab.getByLabel('Email').fill(light.email);
    await tab.getByLabel('Password', { exact: true }).fill(light.password);
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('button', { name: 'Start again' }).waitFor();
  });
  await leave(strangers);
}

/** Somebody in a browser of each look; signed in when `email` says as whom. */
async function visitors(email, password) {
  const people = {};
  for (const [look, options] of Object.entries(LOOKS)) {
    people[look] = await Person.arrive(browser, server.url, { deviceScaleFactor: 2, ...options });
    if (email) await people[look].ask('POST', '/api/v1/auths/signin', { email, password });
  }
  return people;
}

function leave(people) {
  return Promise.all(Object.values(people).map((person) => person.leave()));
}

/** What people see who are not in: strangers, those who wait, members where only administrators may be. */
async function atTheDoor() {
  const password = people.light.password;
  const strangers = await visitors();
  await everywhere(strangers, '/login', 'sign-in');
  await everywhere(strangers, '/login', 'sign-in-refused', async (tab) => {
    await tab.getByLabel('Email').fill('nobody@example.test');
    await tab.getByLabel('Password', { exact: true }).fill('guessed');
    await tab.getByRole('button', { name: 'Sign in' }).click();
    await tab.getByRole('alert').waitFor();
  });
  await everywhere(strangers, '/signup', 'sign-up', async (tab) => {
    await tab.getByRole('button', { name: 'Create account' }).click();
    await tab.getByRole('alert').first().waitFor();
  });
  await everywhere(strangers, '/nowhere', 'not-found');
  await everywhere(strangers, '/login', 'unreachable', async (tab) => {
    await tab.route('**/api/config', (route) => route.abort());
    await tab.reload();
    await tab.getByText('The server does not answer').waitFor();
  });
  await leave(strangers);
  const waiting = await visitors('ben@example.test', password);
  await everywhere(waiting, '/', 'pending');
  await leave(waiting);
  const members = await visitors('cleo@example.test', password);
  await everywhere(members, '/admin/users', 'not-for-members');
  await everywhere(members, '/me/keys', 'no-api-keys');
  await everywhere(members, '/me/sessions', 'session-ended', async (tab) => {
    await tab.getByRole('list', { name: 'Sessions' }).waitFor();
    await tab.context().request.post('/api/v1/auths/signout', { headers: { origin: server.url } });
    await tab.locator('a[href="/me/security"]').evaluate((link) => link.click()); // on a phone it is in the drawer
    await tab.getByText('Your session has ended').waitFor();
  });
  await leave(members);
}

/** Opens a dialog by its button. */
function pressing(name) {
  return async (tab) => {
    await tab.getByRole('button', { name }).first().click();
    await tab.getByRole('dialog').waitFor();
  };
}

async function forms(people) {
  await everywhere(people, '/admin/users', 'user-form', pressing('Add person'));
  await everywhere(people, '/admin/users', 'user-import', async (tab) => {
    await pressing('Import')(tab);
    const csv = 'Name,Email,Password,Role\nDora,not-an-address,x,user\nEmil,emil@example.test,short,user\n';
    await tab.locator('input[type=file]').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
    await tab.getByRole('dialog').getByRole('button', { name: 'Import' }).click();
    await tab.getByRole('region', { name: 'Refused lines' }).waitFor();
  });
  await everywhere(people, '/admin/groups', 'group-form', pressing('Make group'));
  await everywhere(people, '/admin/audit', 'audit-export', pressing('Export'));
  await everywhere(people, '/me/keys', 'api-key-form', pressing('Create key'));
  await everywhere(people, '/me/keys', 'api-key-edit', pressing('Edit Backup script'));
  await everywhere(people, '/admin/keys', 'key-form', pressing('Create key'));
}

async function whatGoesWrong(people) {
  const problem = 'record 41 does not follow from the one before it';
  await everywhere(people, '/admin/audit', 'audit-broken', async (tab) => {
    await tab.route('**/api/v1/audit/verify', (route) => route.fulfill({ json: { ok: false, records: 64, problems: [problem, 'record 57 is missing'] } }));
    await tab.getByRole('button', { name: 'Verify now' }).click();
    await tab.getByText(problem).waitFor();
  });
  await everywhere(people, '/me/keys', 'step-up-stuck', async (tab) => {
    await tab.route('**/api/v1/auths/step-up', (route) => route.fulfill({ json: { confirmed_until: null, methods: [] } }));
    await tab.getByRole('button', { name: 'Revoke Backup script' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await tab.getByText('no password, authenticator app or passkey').waitFor();
  });
  await everywhere(people, '/admin/users', 'users-failed', async (tab) => {
    await tab.route('**/api/v1/users/?*', (route) => route.fulfill({ status: 503, json: { detail: 'The database does not answer.', code: 'unavailable' } }));
    await tab.reload();
    await tab.getByText('The database does not answer.').first().waitFor();
  });
}

/** A new factor ends the other sessions; the other looks come back with a code each. */
async function signInAgain({ light, ...others }, app) {
  for (const person of Object.values(others)) {
    const { challenge_token } = await person.ask('POST', '/api/v1/auths/signin', { email: light.email, password: light.password });
    await person.ask('POST', '/api/v1/auths/mfa/verify', { challenge_token, code: await app.code() });
  }
}

/** Takes the picture `name` of `path` in every look. */
async function everywhere(people, path, name, ready = (tab) => tab.getByRole('main').waitFor()) {
  for (const [look, { page }] of Object.entries(people)) {
    await page.goto(path);
    try {
      await ready(page);
    } catch (error) {
      await page.screenshot({ path: join(folder, `failed-${name}-${look}.png`) });
      throw error;
    }
    await page.waitForLoadState('networkidle');
    await page.screenshot({ path: join(folder, `${name}-${look}.png`) });
  }
}
