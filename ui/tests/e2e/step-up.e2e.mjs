/** "Confirm that it is you": by the keyboard alone, and for accounts that have nothing to confirm with. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, story } from './support.mjs';
import { PASSWORD } from './support/person.mjs';

const KEYS = { env: { ENABLE_API_KEYS: 'true' } };

/** Opens the dialog over the revoking of an API key; the server would ask five minutes after the last proof. */
async function askedToConfirm(person, methods) {
  await person.ask('POST', '/api/v1/auths/api_keys', { name: 'Backup script' });
  const { page } = person;
  let isAsked = false;
  await page.route('**/api/v1/auths/api_keys/*', (route) => {
    if (isAsked) return route.continue();
    isAsked = true;
    return route.fulfill({ status: 403, json: { detail: 'Confirm that it is you.', code: 'step_up_required' } });
  });
  if (methods) {
    await page.route('**/api/v1/auths/step-up', (route) =>
      route.request().method() === 'GET' ? route.fulfill({ json: { confirmed_until: null, methods } }) : route.continue(),
    );
  }
  await person.visit('/me/keys');
  await page.getByRole('button', { name: 'Revoke Backup script' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Revoke Backup script' }).waitFor();
  await page.keyboard.press('Tab'); // Close
  await page.keyboard.press('Tab'); // Cancel
  await page.keyboard.press('Tab'); // Revoke
  await page.keyboard.press('Enter');
  const question = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await question.waitFor();
  return question;
}

const keysOf = async (person) => (await person.ask('GET', '/api/v1/auths/api_keys')).items.length;
const focused = (page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim() ?? '');

story('the proof is given without a mouse, and the focus comes back to where it was', KEYS, async (house) => {
  const ada = await house.administrator();
  const question = await askedToConfirm(ada);
  const password = question.getByLabel('Password', { exact: true });
  await eventually(() => password.evaluate((field) => field === document.activeElement), 'the password having the focus');
  await ada.page.keyboard.type('not the password');
  await ada.page.keyboard.press('Enter');
  await question.getByRole('alert').waitFor();
  await expectAccessible(ada.page, 'a proof that was refused');
  await password.fill(PASSWORD);
  await ada.page.keyboard.press('Enter');
  await ada.page.getByRole('heading', { name: 'No key yet' }).waitFor();
  assert.equal(await ada.page.getByRole('dialog').count(), 0);
  assert.equal(await keysOf(ada), 0);
});

story('Escape leaves the question, then the form, and nothing was changed', KEYS, async (house) => {
  const ada = await house.administrator();
  const question = await askedToConfirm(ada);
  await question.getByLabel('Password', { exact: true }).waitFor();
  await ada.page.keyboard.press('Escape');
  await ada.page.getByRole('dialog', { name: 'Revoke Backup script' }).getByRole('alert').getByText('not confirmed').waitFor();
  await ada.page.keyboard.press('Escape');
  await eventually(async () => (await focused(ada.page)) === 'Revoke Backup script', 'the focus coming back to the button');
  assert.equal(await keysOf(ada), 1);
});

story('whoever has nothing to confirm with is told why, and signs out from there', KEYS, async (house) => {
  const ada = await house.administrator();
  const question = await askedToConfirm(ada, []);
  await question.getByText('no password, authenticator app or passkey to confirm with').waitFor();
  await expectAccessible(ada.page, 'a question that cannot be answered');
  await question.getByRole('button', { name: 'Sign out' }).click();
  await ada.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  assert.equal(await ada.page.getByRole('dialog').count(), 0);
});

story('whose only proof is a passkey is told where passkeys go', KEYS, async (house) => {
  const ada = await house.administrator();
  const question = await askedToConfirm(ada, ['passkey']);
  await question.getByText('This account confirms with a passkey.').waitFor();
  await expectAccessible(ada.page, 'a passkey that does not go here');
});

const BY_PROXY = { env: { ...KEYS.env, WEBUI_AUTH_TRUSTED_EMAIL_HEADER: 'X-Forwarded-Email', WEBUI_AUTH_TRUSTED_NAME_HEADER: 'X-Forwarded-Name' } };

story('whom a proxy vouches for goes through it once more, and the change is made', BY_PROXY, async (house) => {
  const grace = await house.stranger({ extraHTTPHeaders: { 'x-forwarded-email': 'grace@example.test', 'x-forwarded-name': 'Grace Okoye' } });
  const page = await grace.visit('/');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  const question = await askedToConfirm(grace);
  await question.getByText('your organisation’s sign-in says who you are').waitFor();
  await expectAccessible(page, 'a question that the proxy answers');
  await question.getByRole('button', { name: 'Sign in through your organisation' }).click();
  await page.getByRole('heading', { name: 'No key yet' }).waitFor();
  assert.equal(await keysOf(grace), 0);
});
