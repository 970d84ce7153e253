/** The page of one person: sessions, groups, API keys, and what they can do and why. */
import assert from 'node:assert/strict';
import { eventually, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true', ENABLE_API_KEYS: 'true', USER_PERMISSIONS_FEATURES_API_KEYS: 'true' } };

async function benOf(ada, house) {
  const ben = await house.member(ada);
  return { ben, id: (await ben.ask('GET', '/api/v1/auths/')).id };
}

const isOut = (person) => eventually(async () => (await person.context.request.get('/api/v1/auths/')).status() === 401, 'the session ending');

story('a session of somebody else is ended, and only that one', OPEN, async (house) => {
  const ada = await house.administrator();
  const { ben, id } = await benOf(ada, house);
  const other = await house.stranger();
  await other.ask('POST', '/api/v1/auths/signin', { email: ben.email, password: ben.password });

  const page = await ada.visit(`/admin/users/${id}?tab=sessions`);
  const rows = page.getByRole('table', { name: 'Sessions' }).getByRole('row');
  await eventually(async () => (await rows.count()) === 3, 'a head and two sessions');
  await page.getByRole('button', { name: /^End the session/ }).first().click();
  await page.getByText('The session is over').waitFor();
  await eventually(async () => (await rows.count()) === 2, 'one session less');
  const open = await Promise.all([ben, other].map(async ({ context }) => (await context.request.get('/api/v1/auths/')).ok()));
  assert.deepEqual(open.sort(), [false, true]);

  await page.getByRole('button', { name: 'End all sessions' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End all sessions' }).click();
  await page.getByRole('heading', { name: 'Not signed in anywhere' }).waitFor();
  await isOut(ben);
  await isOut(other);
});

story('an API key of somebody else is revoked and never shown', OPEN, async (house) => {
  const ada = await house.administrator();
  const { ben, id } = await benOf(ada, house);
  const { api_key } = await ben.ask('POST', '/api/v1/auths/api_keys', { name: 'Notebook' });
  const models = () => fetch(`${house.url}/api/models`, { headers: { authorization: `Bearer ${api_key}` } });
  assert.equal((await models()).status, 200);

  const page = await ada.visit(`/admin/users/${id}?tab=keys`);
  await page.getByRole('button', { name: 'Revoke Notebook' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await eventually(async () => (await models()).status === 401, 'the key being worth nothing');
  assert.ok(!(await page.content()).includes(api_key));
});

story('what somebody can do is shown with the reason, and a group adds to it', OPEN, async (house) => {
  const ada = await house.administrator();
  const { id } = await benOf(ada, house);
  const group = await ada.ask('POST', '/api/v1/groups/create', { name: 'Evaluation', description: '', permissions: { workspace: { models: true } } });

  const page = await ada.visit(`/admin/users/${id}?tab=access`);
  const row = page.getByRole('listitem').filter({ hasText: 'workspace.models' }).first();
  await row.getByText('Not allowed').waitFor();
  const given = page.getByRole('listitem').filter({ hasText: 'chat.delete' }).first();
  await given.getByText('Everybody has it').waitFor();

  await page.getByRole('link', { name: 'Groups', exact: true }).last().click();
  await page.getByLabel('Add to a group').selectOption(group.id);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Ben Okafor is in Evaluation now').waitFor();
  await page.getByRole('link', { name: 'Access', exact: true }).click();
  await row.getByText('Group Evaluation').waitFor();
  await row.getByText('Allowed', { exact: true }).waitFor();
});

story('a chat of somebody else can be read after a warning, and its owner sees that', OPEN, async (house) => {
  const ada = await house.administrator();
  const { ben, id } = await benOf(ada, house);
  const message = { id: 'm1', parentId: null, childrenIds: [], role: 'user', content: 'Where is the spare key?', timestamp: 1_790_000_000, models: ['demo/echo'] };
  const chat = await ben.ask('POST', '/api/v1/chats/new', { chat: { title: 'Spare keys', models: ['demo/echo'], history: { currentId: 'm1', messages: { m1: message } } } });

  const page = await ada.visit(`/admin/users/${id}?tab=chats`);
  await page.getByText('leaves a record that Ben Okafor can see').waitFor();
  await page.getByRole('link', { name: 'Spare keys' }).click();
  await page.getByText('Where is the spare key?').waitFor();
  assert.equal(await page.getByRole('textbox').count(), 0);
  const { items } = await ben.ask('GET', `/api/v1/chats/${chat.id}/access-log`);
  assert.deepEqual(items.map(({ admin }) => admin.name), ['Ada Marlow']);
});

story('where the operator has closed the chats, the page says so and names the switch', { env: { ...OPEN.env, ENABLE_ADMIN_CHAT_ACCESS: 'false' } }, async (house) => {
  const ada = await house.administrator();
  const { id } = await benOf(ada, house);
  const page = await ada.visit(`/admin/users/${id}?tab=chats`);
  await page.getByRole('heading', { name: 'Administrators cannot read chats here' }).waitFor();
  await page.getByText('ENABLE_ADMIN_CHAT_ACCESS').waitFor();
});
