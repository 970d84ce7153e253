/** Connections: adding, testing, changing, ordering and removing a provider. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';

async function add(page, provider, name = 'Harbour') {
  await page.getByRole('button', { name: 'Add connection' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Add a connection' });
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Base URL').fill(provider.baseUrl);
  await dialog.getByLabel('API key').fill(provider.key);
  return dialog;
}

story('a provider is tested before it is saved, and its key is never shown again', { provider: true }, async (house) => {
  const { provider } = house;
  const ada = await house.administrator();
  const page = await ada.visit('/admin/connections');
  const dialog = await add(page, provider);
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByText(/Answered in \d+ ms/).waitFor();
  await expectAccessible(page, 'the connection dialog');
  await dialog.getByRole('button', { name: 'Add connection' }).click();

  const row = page.getByRole('listitem').filter({ hasText: 'Harbour' });
  await row.getByText('2 models').waitFor();
  assert.match(await row.innerText(), new RegExp(provider.key.slice(-4)));
  assert.doesNotMatch(await page.content(), new RegExp(provider.key));

  await row.getByRole('button', { name: 'Edit Harbour' }).click();
  const edit = page.getByRole('dialog', { name: 'Edit Harbour' });
  assert.equal(await edit.getByLabel('API key').inputValue(), '');
});

story('a wrong key is told apart from a provider that is away', { provider: true }, async (house) => {
  const { provider } = house;
  const ada = await house.administrator();
  const page = await ada.visit('/admin/connections');
  const dialog = await add(page, { ...provider, key: 'wrong' });
  await dialog.getByRole('button', { name: 'Test' }).click();
  const result = dialog.getByRole('status').filter({ hasText: /401/ });
  await result.waitFor();
  assert.equal(await dialog.getByLabel('API key').inputValue(), 'wrong', 'the form keeps what was typed');

  await provider.stop();
  await dialog.getByRole('button', { name: 'Test' }).click();
  await dialog.getByRole('status').filter({ hasNotText: /401/ }).filter({ hasText: /\d+ ms/ }).waitFor();
});

story('changing the address says that the key goes, and it goes', { provider: true }, async (house) => {
  const { provider } = house;
  const ada = await house.administrator();
  await ada.ask('POST', '/api/v1/connections', { name: 'Harbour', base_url: provider.baseUrl, api_key: provider.key });
  const page = await ada.visit('/admin/connections');
  await page.getByRole('button', { name: 'Edit Harbour' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit Harbour' });
  await dialog.getByLabel('Base URL').fill(`${provider.baseUrl}/eu`);
  await dialog.getByText('Saving this address clears the key').waitFor();
  await dialog.getByRole('button', { name: 'Save' }).click();

  const row = page.getByRole('listitem').filter({ hasText: 'Harbour' });
  await row.getByText('No key').waitFor();
});

story('an address that the operator does not allow is refused beneath its field', { provider: true }, async (house) => {
  const { provider } = house;
  const ada = await house.administrator();
  const page = await ada.visit('/admin/connections');
  const dialog = await add(page, { ...provider, baseUrl: 'https://models.elsewhere.test/v1' });
  await dialog.getByRole('button', { name: 'Add connection' }).click();
  const field = dialog.getByLabel('Base URL');
  await dialog.locator('[aria-invalid="true"]').waitFor();
  assert.equal(await field.getAttribute('aria-invalid'), 'true');
  assert.equal(await field.inputValue(), 'https://models.elsewhere.test/v1');
});

story('a connection is switched off, moved and removed by its name', { provider: true }, async (house) => {
  const { provider } = house;
  const ada = await house.administrator();
  await ada.ask('POST', '/api/v1/connections', { name: 'Harbour', base_url: provider.baseUrl, api_key: provider.key });
  const page = await ada.visit('/admin/connections');
  const headings = page.getByRole('main').getByRole('heading', { level: 2 });
  const names = () => headings.allInnerTexts();
  await page.getByText('2 models').waitFor();
  const before = await names();

  await page.getByRole('button', { name: 'Move Harbour up' }).focus();
  await page.keyboard.press('Enter');
  await page.getByText('Harbour is number 1 of 2 now').waitFor();
  await headings.first().filter({ hasText: 'Harbour' }).waitFor();
  assert.deepEqual(await names(), [...before].reverse());
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-label')), 'Move Harbour down');

  const enabled = page.getByRole('switch', { name: 'Use Harbour' });
  await enabled.click();
  await page.getByText('Off', { exact: true }).waitFor();
  assert.equal(await enabled.isChecked(), false);

  await page.getByRole('button', { name: 'Remove Harbour' }).click();
  const dialog = page.getByRole('dialog', { name: 'Remove Harbour' });
  const confirm = dialog.getByRole('button', { name: 'Remove' });
  assert.equal(await confirm.isDisabled(), true);
  await dialog.getByRole('textbox').fill('Harbour');
  await confirm.click();
  await page.getByRole('heading', { name: 'Harbour', exact: true }).waitFor({ state: 'detached' });
});

story(
  'what the environment sets is shown locked, with the reason',
  { env: { OPENAI_API_BASE_URLS: 'https://models.harbour.test/v1', OPENAI_API_KEYS: 'provider-secret-77aa' } },
  async (house) => {
    const ada = await house.administrator();
    const page = await ada.visit('/admin/connections');
    const row = page.getByRole('listitem').filter({ hasText: 'models.harbour.test' });
    await row.getByText('Set by environment').waitFor();
    await row.getByRole('button', { name: /^Edit/ }).click();
    const dialog = page.getByRole('dialog');
    assert.equal(await dialog.getByLabel('Base URL').isEditable(), false);
    await dialog.getByText(/environment/).first().waitFor();
    assert.equal(await row.getByRole('button', { name: /^Remove/ }).count(), 0);
  },
);
