/** Settings in the browser: found, changed, given back; what the environment sets is locked. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';

story('a setting is found, changed, in force at once, and given back to its default', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/settings');
  await page.getByRole('searchbox', { name: 'Search settings' }).fill('WEBUI_NAME');
  const row = page.getByRole('listitem').filter({ hasText: 'WEBUI_NAME' });
  await row.getByRole('textbox').fill('Chart room');
  await page.getByText('1 change is not saved yet').waitFor();
  await expectAccessible(page, 'an unsaved setting');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved', { exact: false }).first().waitFor();
  await row.getByText('Changed here').waitFor();
  assert.equal((await ada.ask('GET', '/api/config')).name, 'Chart room');

  await row.getByRole('button', { name: 'Use the default of WEBUI_NAME' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByText('Changed here').waitFor({ state: 'detached' });
  assert.equal((await ada.ask('GET', '/api/config')).name, 'Wardroom');
});

story('a value that does not fit is refused in words, and stays as it was typed', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/settings?query=JWT_EXPIRES_IN');
  const row = page.getByRole('listitem').filter({ hasText: 'JWT_EXPIRES_IN' }).first();
  await row.getByRole('textbox').fill('a fortnight');
  await page.getByRole('button', { name: 'Save' }).click();
  await row.getByRole('alert').waitFor();
  assert.equal(await row.getByRole('textbox').inputValue(), 'a fortnight');
  await page.getByRole('button', { name: 'Discard' }).click();
  await row.getByRole('alert').waitFor({ state: 'detached' });
});

story('what the environment sets is shown with its value and cannot be changed', { env: { WEBUI_NAME: 'Chart room' } }, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/settings?query=WEBUI_NAME');
  const row = page.getByRole('listitem').filter({ hasText: 'WEBUI_NAME' });
  await row.getByText('Set in the environment').waitFor();
  await row.getByText('Chart room').waitFor();
  assert.equal(await row.getByRole('textbox').count(), 0);
});
