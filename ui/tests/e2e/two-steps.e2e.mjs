/** Signing in with something besides the password: authenticator app, recovery codes, passkeys; and proving who one is. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';
import { plugIn } from './support/authenticator.mjs';
import { PASSWORD } from './support/person.mjs';
import { totp } from './support/totp.mjs';

/** Passkeys belong to a name, so these stories do not use the server's address. */
const BY_NAME = { host: 'localhost' };

async function enterPassword(page) {
  await page.goto('/login');
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** Sets up an authenticator app through the page; returns its secret and the recovery codes. */
async function setUpApp(page) {
  await page.getByRole('button', { name: 'Set up' }).click();
  const dialog = page.getByRole('dialog', { name: 'Set up an authenticator app' });
  const secret = (await dialog.locator('code').innerText()).replace(/\s/g, '');
  await dialog.getByRole('img', { name: 'QR code for an authenticator app' }).waitFor();
  await expectAccessible(page, 'setting up an authenticator app');
  await dialog.getByRole('textbox', { name: 'Code' }).fill(totp(secret));
  const shown = page.getByRole('dialog', { name: 'Recovery codes' });
  const items = shown.getByRole('list', { name: 'Recovery codes' }).getByRole('listitem');
  await items.last().waitFor();
  const codes = await items.allInnerTexts();
  await shown.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByText('The authenticator app is set up').waitFor();
  return { secret, codes };
}

story('an authenticator app is set up, and the next sign-in asks for its code', {}, async (house) => {
  const ada = await house.administrator();
  const { secret, codes } = await setUpApp(await ada.visit('/me/security'));
  assert.equal(new Set(codes).size, 10);
  await ada.page.getByText('10 left').waitFor();
  assert.equal((await ada.page.content()).includes(secret), false, 'the secret is still on the page');

  const { page } = await house.stranger();
  await enterPassword(page);
  await page.getByRole('heading', { name: 'Enter a code' }).waitFor();
  const field = page.getByRole('textbox', { name: 'Code' });
  assert.equal(await field.getAttribute('autocomplete'), 'one-time-code');
  await expectAccessible(page, 'the second step');
  await field.fill('000000');
  await page.getByRole('alert').waitFor();
  assert.equal(await field.inputValue(), '');

  const code = totp(secret, 1);
  await field.fill(`${code.slice(0, 3)} ${code.slice(3)}`);
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('a code that was used once lets nobody in again', {}, async (house) => {
  const ada = await house.administrator();
  const { secret } = await setUpApp(await ada.visit('/me/security'));
  const code = totp(secret, 1);
  const first = await house.stranger();
  await enterPassword(first.page);
  await first.page.getByRole('textbox', { name: 'Code' }).fill(code);
  await first.page.getByRole('textbox', { name: 'Message' }).waitFor();

  const second = await house.stranger();
  await enterPassword(second.page);
  await second.page.getByRole('textbox', { name: 'Code' }).fill(code);
  await second.page.getByRole('alert').waitFor();
});

story('a recovery code lets in where the phone is lost, once', {}, async (house) => {
  const ada = await house.administrator();
  const { codes } = await setUpApp(await ada.visit('/me/security'));
  for (const outcome of ['in', 'refused']) {
    const { page } = await house.stranger();
    await enterPassword(page);
    await page.getByRole('button', { name: 'Use a recovery code' }).click();
    await page.getByLabel('Recovery code').fill(codes[0]);
    await page.getByRole('button', { name: 'Continue' }).click();
    if (outcome === 'in') await page.getByRole('textbox', { name: 'Message' }).waitFor();
    else await page.getByRole('alert').waitFor();
  }
});

story('a server that wants two steps from everybody has one set up on the way in', { env: { ENABLE_MFA: 'true' } }, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await enterPassword(page);
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  const secret = (await page.locator('code').innerText()).replace(/\s/g, '');
  await expectAccessible(page, 'setting up a second step on the way in');
  await page.getByRole('textbox', { name: 'Code' }).fill(totp(secret));
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('whoever signs up where everybody needs two steps sets one up before seeing anything else', { env: { ENABLE_MFA: 'true' } }, async (house) => {
  const { page, context } = await house.stranger();
  await page.goto('/signup');
  await page.getByLabel('Name').fill('Ada Marlow');
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create administrator' }).click();
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  const secret = (await page.locator('code').innerText()).replace(/\s/g, '');
  assert.equal((await context.request.get('/api/v1/auths/')).status(), 401, 'nobody is signed in yet');
  await expectAccessible(page, 'setting up a second step after signing up');
  await page.getByRole('textbox', { name: 'Code' }).fill(totp(secret));
  await page.getByRole('button', { name: 'I have kept them' }).click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('a session from before everybody needed two steps is told why it has to sign in again', {}, async (house) => {
  const ada = await house.administrator();
  await ada.page.route('**/api/v1/auths/', (route) =>
    route.fulfill({ status: 401, json: { detail: 'This server wants a second factor from everybody (ENABLE_MFA).', code: 'second_factor_required' } }),
  );
  await ada.page.goto('/me/security');
  await ada.page.getByRole('alert').getByText('wants a second step from everybody now').waitFor();
  await expectAccessible(ada.page, 'the sign-in where a second step is wanted now');
});

/** Adds a passkey through the page. */
async function addPasskey(ada) {
  const device = await plugIn(ada.page);
  const page = await ada.visit('/me/security');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a passkey' });
  await dialog.getByLabel('Name').fill('Work laptop');
  await dialog.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('list', { name: 'Passkeys' }).getByText('Work laptop').waitFor();
  assert.equal((await device.credentials()).length, 1);
  await expectAccessible(page, 'a passkey in the list');
}

const signOut = (person) => person.ask('POST', '/api/v1/auths/signout');

story('a passkey is added, and then signs in without a password', BY_NAME, async (house) => {
  const ada = await house.administrator();
  // A browser that cannot offer passkeys in the menu of a field, so that the button has to.
  await ada.context.addInitScript(() => {
    globalThis.PublicKeyCredential.isConditionalMediationAvailable = () => Promise.resolve(false);
  });
  await addPasskey(ada);
  await signOut(ada);
  await ada.page.goto('/login');
  await ada.page.getByRole('button', { name: 'Continue with a passkey' }).click();
  await ada.page.getByRole('textbox', { name: 'Message' }).waitFor();
  assert.equal((await ada.ask('GET', '/api/v1/auths/')).email, 'ada@example.test');
});

story('a passkey is offered in the e-mail field, where the device may answer at once', BY_NAME, async (house) => {
  const ada = await house.administrator();
  await addPasskey(ada);
  await signOut(ada);
  await ada.page.goto('/login'); // nothing is pressed: Chromium's device chooses its only passkey
  await ada.page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('a passkey that this server does not know is refused, and the password still works', BY_NAME, async (house) => {
  const ada = await house.administrator();
  await addPasskey(ada);
  const { items } = await ada.ask('GET', '/api/v1/auths/passkeys');
  await ada.ask('DELETE', `/api/v1/auths/passkeys/${items[0].id}`);
  await signOut(ada);

  await ada.page.goto('/login');
  await ada.page.getByRole('alert').waitFor();
  await ada.page.getByLabel('Email').fill('ada@example.test');
  await ada.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await ada.page.getByRole('button', { name: 'Sign in' }).click();
  await ada.page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('a passkey is renamed and removed', BY_NAME, async (house) => {
  const ada = await house.administrator();
  await addPasskey(ada);
  const { page } = ada;
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Rename Work laptop' }).click();
  await dialog.getByLabel('Name').fill('Old laptop');
  await dialog.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('button', { name: 'Remove Old laptop' }).click();
  await dialog.getByRole('button', { name: 'Remove' }).click();
  await page.getByText('No passkey yet').waitFor();
});

/** The server asks for a fresh proof five minutes after the last one; a story asks in its place, once. */
async function wantsProofFor(page, address) {
  let isAsked = false;
  await page.route(address, (route) => {
    if (isAsked || route.request().method() === 'GET') return route.continue();
    isAsked = true;
    return route.fulfill({ status: 403, json: { detail: 'Confirm that it is you.', code: 'step_up_required' } });
  });
}

story('a change that wants a fresh proof goes through after it, without being typed again', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  await wantsProofFor(page, '**/api/v1/keys');
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const form = page.getByRole('dialog', { name: 'Create a virtual key' });
  await form.getByLabel('Name').fill('Nightly evaluation');
  await form.getByRole('button', { name: 'Create key' }).click();

  const question = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await question.getByLabel('Password', { exact: true }).fill('not the password');
  await question.getByRole('button', { name: 'Confirm' }).click();
  await question.getByRole('alert').waitFor();
  await expectAccessible(page, 'a proof that was refused');
  await question.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Key for Nightly evaluation' }).getByLabel('Secret').waitFor();
});

story('whoever does not confirm changes nothing and finds the form as it was', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  await wantsProofFor(page, '**/api/v1/keys');
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const form = page.getByRole('dialog', { name: 'Create a virtual key' });
  await form.getByLabel('Name').fill('Nightly evaluation');
  await form.getByRole('button', { name: 'Create key' }).click();
  await page.getByRole('dialog', { name: 'Confirm that it is you' }).getByRole('button', { name: 'Cancel' }).click();
  await form.getByText('not confirmed').waitFor();
  assert.equal(await form.getByLabel('Name').inputValue(), 'Nightly evaluation');
  assert.equal((await ada.ask('GET', '/api/v1/keys')).total, 0);
});

story('a person with an authenticator app confirms with its code', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/me/security');
  const { secret } = await setUpApp(page);
  await wantsProofFor(page, '**/api/v1/auths/mfa/recovery/codes');
  await page.getByRole('button', { name: 'Make new codes' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make new codes' }).click();
  const question = page.getByRole('dialog', { name: 'Confirm that it is you' });
  await question.getByRole('textbox', { name: 'Code' }).fill(totp(secret, 1));
  await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
});

story('a person with a passkey confirms with it', BY_NAME, async (house) => {
  const ada = await house.administrator();
  await addPasskey(ada);
  const { page } = ada;
  await wantsProofFor(page, '**/api/v1/auths/mfa/recovery/codes');
  await page.getByRole('button', { name: 'Make new codes' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Make new codes' }).click();
  await page.getByRole('dialog', { name: 'Confirm that it is you' }).getByRole('button', { name: 'Use passkey' }).click();
  await page.getByRole('list', { name: 'Recovery codes' }).waitFor();
});
