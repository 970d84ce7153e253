/** A person's own account: name, picture, password, sessions, API keys, shared chats. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, expectNoSidewaysScroll, story } from './support.mjs';
import { PASSWORD } from './support/person.mjs';
import { PATIENCE } from './support/patience.mjs';

/** A red square of 8 pixels, as small as a picture gets. */
const PICTURE = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEklEQVR4nGP4z8CAFWEXHbQSACj/P8Fu7N9hAAAAAElFTkSuQmCC',
  'base64',
);

/** The same person with another browser. */
async function elsewhere(house, password = PASSWORD) {
  const other = await house.stranger();
  await other.ask('POST', '/api/v1/auths/signin', { email: 'ada@example.test', password });
  return other;
}

story('a name and a picture are changed, and the chat shows them', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/');
  await page.getByRole('button', { name: /Ada Marlow/ }).click();
  await page.getByRole('menuitem', { name: 'Your account' }).click();
  await page.getByRole('heading', { name: 'Profile' }).waitFor();
  await page.getByLabel('Name').fill('Ada M. Quill');
  await page.getByLabel('Picture file').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: PICTURE });
  await page.locator('main img').waitFor();
  await page.getByRole('button', { name: 'Save profile' }).click();
  await page.getByText('Your profile is saved').waitFor();

  await page.getByRole('link', { name: 'Back to chat' }).click();
  const account = page.getByRole('button', { name: /Ada M. Quill/ });
  await account.waitFor();
  await eventually(() => account.locator('img').evaluate((image) => image.complete && image.naturalWidth > 0), 'the picture being drawn');
});

story('a file that is no picture is refused, and what was typed stays', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/me');
  await page.getByLabel('Name').fill('Ada M. Quill');
  await page.getByLabel('Picture file').setInputFiles({ name: 'me.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await page.getByRole('alert').getByText('no picture this browser can read').waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), 'Ada M. Quill');
});

story('a change of the password signs out everywhere else and keeps this page', {}, async (house) => {
  const ada = await house.administrator();
  const other = await elsewhere(house);
  const page = await ada.visit('/me/password');
  await page.getByLabel('Current password').fill('not the password');
  await page.getByLabel('New password').fill('Granite-otter-82-lantern');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.locator('[aria-invalid="true"]').waitFor();
  await expectAccessible(page, 'a wrong current password');

  await page.getByLabel('Current password').fill(PASSWORD);
  await page.getByLabel('New password').fill('short');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByRole('alert').first().waitFor();
  assert.equal(await page.getByLabel('Current password').inputValue(), PASSWORD);

  await page.getByLabel('New password').fill('Granite-otter-82-lantern');
  await page.getByRole('button', { name: 'Change password' }).click();
  await page.getByText('Your password is changed').waitFor();
  assert.equal((await other.context.request.get('/api/v1/auths/')).status(), 401);
  assert.equal((await ada.context.request.get('/api/v1/auths/')).status(), 200);
  await elsewhere(house, 'Granite-otter-82-lantern');
});

story('sessions are listed with their devices, and each can be ended', {}, async (house) => {
  const ada = await house.administrator();
  const [second, third] = [await elsewhere(house), await elsewhere(house)];
  const page = await ada.visit('/me/sessions');
  const list = page.getByRole('list', { name: 'Sessions' }).getByRole('listitem');
  await eventually(async () => (await list.count()) === 3, 'three sessions being listed');
  await list.first().getByText('This one').waitFor();
  await list.first().getByText('127.0.0.1').waitFor();

  await list.nth(1).getByRole('button', { name: /^End/ }).click();
  await eventually(async () => (await list.count()) === 2, 'the session leaving the list');
  await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
  const dialog = page.getByRole('dialog', { name: 'Sign out everywhere else' });
  await expectAccessible(page, 'asking before signing out everywhere');
  await dialog.getByRole('button', { name: 'Sign out everywhere else' }).click();
  await page.getByText('You are signed in nowhere else.').waitFor();
  for (const other of [second, third]) assert.equal((await other.context.request.get('/api/v1/auths/')).status(), 401);
  assert.equal((await ada.context.request.get('/api/v1/auths/')).status(), 200);
});

story('an API key is shown once, works where it may, and is revoked', { env: { ENABLE_API_KEYS: 'true' } }, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/me/keys');
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create an API key' });
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByText('Give the key a name').waitFor();
  await dialog.getByLabel('Name').fill('Backup script');
  await dialog.getByLabel('Endpoints').fill('GET /api/models');
  await expectAccessible(page, 'the form of an API key');
  await dialog.getByRole('button', { name: 'Create key' }).click();

  const reveal = page.getByRole('dialog', { name: 'Key for Backup script' });
  const secret = await reveal.getByLabel('Secret').inputValue();
  assert.match(secret, /^sk-/);
  await reveal.getByRole('button', { name: 'Done' }).click();
  await page.getByText('GET /api/models').waitFor();
  assert.equal((await page.content()).includes(secret), false);

  const status = async (path) => {
    const answer = await fetch(`${house.url}${path}`, { headers: { authorization: `Bearer ${secret}` }, signal: AbortSignal.timeout(PATIENCE) });
    return answer.status;
  };
  assert.equal(await status('/api/models'), 200);
  assert.equal(await status('/api/v1/chats/'), 403);

  await page.getByRole('button', { name: 'Revoke Backup script' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await status('/api/models'), 401);
});

story('an API key is changed with the form it was made with, and what was left alone stays', { env: { ENABLE_API_KEYS: 'true' } }, async (house) => {
  const ada = await house.administrator();
  const key = { name: 'Backup script', endpoints: ['GET /api/models'], models: ['demo/*'], addresses: ['10.20.0.0/16'] };
  const { api_key } = await ada.ask('POST', '/api/v1/auths/api_keys', key);
  const page = await ada.visit('/me/keys');
  await page.getByRole('button', { name: 'Edit Backup script' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit Backup script' });
  assert.equal(await dialog.getByLabel('Endpoints').inputValue(), 'GET /api/models');
  assert.equal(await dialog.getByLabel('Addresses').inputValue(), '10.20.0.0/16');
  await expectAccessible(page, 'the form of a key that is changed');

  await dialog.getByLabel('Addresses').fill('somewhere');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await eventually(async () => (await dialog.getByLabel('Addresses').getAttribute('aria-invalid')) === 'true', 'the refusal standing at its field');

  await dialog.getByLabel('Addresses').fill('');
  await dialog.getByLabel('Name').fill('Restore script');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('listitem').getByText('Restore script').first().waitFor();
  const { items } = await ada.ask('GET', '/api/v1/auths/api_keys');
  const { name, endpoints, models, addresses, expires_at } = items[0];
  assert.deepEqual({ name, endpoints, models, addresses, expires_at }, { ...key, name: 'Restore script', addresses: [], expires_at: null });

  const answer = await fetch(`${house.url}/api/models`, { headers: { authorization: `Bearer ${api_key}` }, signal: AbortSignal.timeout(PATIENCE) });
  assert.equal(answer.status, 200, 'the key works from here now');
});

story('where API keys are switched off, the page says so and shows administrators the way', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/me/keys');
  await page.getByRole('heading', { name: 'API keys are switched off' }).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Create key' }).count(), 0);
  await expectAccessible(page, 'API keys that are switched off');
  await page.getByRole('main').getByRole('link', { name: 'Open settings' }).click();
  await page.getByText('ENABLE_API_KEYS', { exact: true }).first().waitFor();
});

story('whoever lacks the permission for API keys is told which one', { env: { ENABLE_API_KEYS: 'true', ENABLE_SIGNUP: 'true' } }, async (house) => {
  const ben = await house.member(await house.administrator());
  const page = await ben.visit('/me/keys');
  await page.getByRole('heading', { name: 'No API keys for this account' }).waitFor();
  await page.getByText('features.api_keys').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Create key' }).count(), 0);
  await expectAccessible(page, 'no API keys for this account');
});

const PAGES = [
  ['/me', 'Profile'],
  ['/me/password', 'Password'],
  ['/me/security', 'Two-step sign-in'],
  ['/me/sessions', 'Sessions'],
  ['/me/keys', 'API keys'],
  ['/me/shared', 'Shared chats'],
];
const SIZES = [
  ['wide', {}],
  ['on a phone', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }],
];
for (const [size, options] of SIZES) {
  story(`the pages of the account, ${size}`, { env: { ENABLE_API_KEYS: 'true' } }, async (house) => {
    const ada = await house.administrator(options);
    await ada.ask('POST', '/api/v1/auths/api_keys', { name: 'Backup script', endpoints: ['GET /api/models'] });
    for (const [path, heading] of PAGES) {
      const page = await ada.visit(path);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
      await expectNoSidewaysScroll(page, `${path} ${size}`);
      await expectAccessible(page, `${path} ${size}`);
    }
  });
}
