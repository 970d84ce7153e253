/** Sign-in by a proxy in front: the browser sends what the proxy would add, from an address that the server trusts. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';

const VOUCHED = { env: { WEBUI_AUTH_TRUSTED_EMAIL_HEADER: 'X-Forwarded-Email', WEBUI_AUTH_TRUSTED_NAME_HEADER: 'X-Forwarded-Name' } };
const ADA = { extraHTTPHeaders: { 'x-forwarded-email': 'ada@example.test', 'x-forwarded-name': 'Ada%20Marlow' } };

story('whoever the proxy names opens the page and is signed in', VOUCHED, async (house) => {
  const { page } = await house.stranger(ADA);
  await page.goto('/');

  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
  await page.reload();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('whoever signed out stays so until they ask the proxy again', VOUCHED, async (house) => {
  const { page } = await house.stranger(ADA);
  await page.goto('/');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByRole('button', { name: /Ada Marlow/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();

  const again = page.getByRole('button', { name: "Continue with your organisation's sign-in" });
  await again.waitFor();
  assert.equal(await page.getByLabel('Password').count(), 0);
  await expectAccessible(page, 'sign-in by a proxy');
  await again.click();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});
