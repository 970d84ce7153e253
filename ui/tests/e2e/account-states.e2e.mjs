/** The pages of a person's own account when they have nothing to show yet, cannot, or may not. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';

const PAGES = [
  { path: '/me/sessions', api: '**/api/v1/auths/sessions', what: 'sessions', none: 'You are signed in nowhere else.', empty: { items: [] } },
  { path: '/me/keys', api: '**/api/v1/auths/api_keys', what: 'API keys', none: 'No key yet', empty: { items: [] } },
  { path: '/me/shared', api: '**/api/v1/chats/shared?*', what: 'shared chats', none: 'Nothing is shared', empty: [] },
  { path: '/me/security', api: '**/api/v1/auths/passkeys', what: 'sign-in steps', none: 'No passkey yet', empty: { items: [] } },
];

const WITH_KEYS = { env: { ENABLE_API_KEYS: 'true' } };

for (const { path, api, what, none, empty } of PAGES) {
  story(`the page of ${what} says that it is loading, and that there is nothing`, WITH_KEYS, async (house) => {
    const ada = await house.administrator();
    let answer;
    const asked = new Promise((resolve) => (answer = resolve));
    await ada.page.route(api, async (route) => {
      await asked;
      await route.fulfill({ json: empty });
    });
    await ada.page.goto(path);
    await ada.page.getByRole('status').getByText(`Loading ${what}`).waitFor({ state: 'attached' });
    await expectAccessible(ada.page, `loading ${what}`);
    answer();
    await ada.page.getByText(none).waitFor();
    await expectAccessible(ada.page, `no ${what}`);
  });

  story(`the page of ${what} says why it failed, and tries again when asked`, WITH_KEYS, async (house) => {
    const ada = await house.administrator();
    await ada.page.route(api, (route) => route.fulfill({ status: 429, json: { detail: 'Too many requests; wait a moment.', code: 'rate_limited' } }));
    await ada.page.goto(path);
    const failure = ada.page.getByRole('alert');
    await failure.getByText('Too many requests; wait a moment.').waitFor();
    await expectAccessible(ada.page, `failed ${what}`);
    await ada.page.unroute(api);
    await failure.getByRole('button', { name: 'Try again' }).click();
    await ada.page.getByText(none).waitFor();
    assert.equal(await failure.count(), 0);
  });
}

story('a refusal for the time being says how long it lasts, and the button waits as well', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.route('**/api/v1/auths/signin', (route) =>
    route.fulfill({ status: 429, headers: { 'retry-after': '90' }, json: { detail: 'Too many tries.', code: 'too_many_tries' } }),
  );
  await page.goto('/login');
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill('wrong');
  const button = page.getByRole('button', { name: 'Sign in' });
  await button.click();
  await page.getByRole('alert').getByText(/Next try in 1 min/).waitFor();
  await page.locator('button[type="submit"]:disabled').waitFor();
  await expectAccessible(page, 'a sign-in that has to wait');
});
