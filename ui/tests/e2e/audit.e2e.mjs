/** The audit log in the browser: finding a record, reading it, checking the chain, taking the log along. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { eventually, expectAccessible, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };
const records = (page) => page.getByRole('table', { name: 'Records' });

story('a change of role is found by its event and read with who did it and to whom', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  const page = await ada.visit('/admin/audit');
  await page.getByLabel('Event').selectOption('account.role_changed');
  await page.waitForURL(/event=account\.role_changed/);
  await eventually(async () => (await records(page).getByRole('link').allTextContents()).every((text) => text === 'Role changed'), 'the other records leaving');
  await records(page).getByRole('link', { name: 'Role changed' }).first().click();

  const dialog = page.getByRole('dialog');
  await dialog.getByText('Ada Marlow').first().waitFor();
  await dialog.getByText(id).first().waitFor();
  await dialog.getByText('Hash of the record before').waitFor();
  await expectAccessible(page, 'a record');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Role changed');
  await page.keyboard.press('Enter');
  await dialog.getByText('Hash of the record before').waitFor();
  await page.reload();
  await page.getByRole('dialog').getByText('Hash of the record before').waitFor();
  await page.getByRole('dialog').getByRole('button', { name: 'All about this account' }).click();
  await page.waitForURL((url) => url.searchParams.get('target') === id);
  await records(page).getByRole('link', { name: 'Signed up' }).waitFor();
});

story('a refused sign-in is among the failures, and the account that was tried is named', {}, async (house) => {
  const ada = await house.administrator();
  const { context } = await house.stranger();
  await context.request.post('/api/v1/auths/signin', { data: { email: 'ada@example.test', password: 'not the password' }, headers: { origin: house.url } });
  const page = await ada.visit('/admin/audit');
  await page.getByLabel('Outcome').selectOption('failed');
  await page.waitForURL(/outcome=failed/);
  await records(page).getByRole('link', { name: 'Sign-in refused' }).click();
  await page.getByRole('dialog').getByText('ada@example.test').first().waitFor();
});

story('older records are on further pages, and a day in the past has none', OPEN, async (house) => {
  const ada = await house.administrator();
  for (let number = 0; number < 55; number += 1) await ada.ask('POST', '/api/v1/keys', { name: `Key ${number}` });
  const page = await ada.visit('/admin/audit');
  await records(page).getByRole('link').first().waitFor();
  assert.equal(await records(page).getByRole('link').count(), 50);
  await page.getByRole('link', { name: 'Older' }).click();
  await page.waitForURL(/before=/);
  await records(page).getByRole('link', { name: 'Signed up' }).waitFor();
  await page.getByRole('link', { name: 'Newest' }).click();
  await eventually(async () => !page.url().includes('before='), 'the newest page');
  await page.getByLabel('To', { exact: true }).fill('2020-02-29');
  await page.getByRole('heading', { name: 'No record matches' }).waitFor();
  await page.getByRole('button', { name: 'Clear filters' }).click();
  await records(page).getByRole('link').first().waitFor();
});

story('the chain is verified on the page, and every sink says how it is', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/audit');
  const state = page.getByRole('region', { name: 'State of the log' });
  await state.getByText('Database', { exact: true }).waitFor();
  await state.getByRole('button', { name: 'Verify now' }).click();
  await state.getByText(/Nothing was changed, removed or added: \d+ records? checked/).waitFor();
});

story('the log is exported as lines of JSON, and the export is in the log', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/audit');
  await page.getByRole('button', { name: 'Export' }).click();
  const saving = page.waitForEvent('download');
  await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click();
  const lines = (await readFile(await (await saving).path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
  assert.ok(lines.some(({ event }) => event === 'account.signed_up'));
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.getByLabel('Event').selectOption('audit.exported');
  await records(page).getByRole('link', { name: 'Audit exported' }).first().waitFor();
});
