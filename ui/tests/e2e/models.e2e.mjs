/** The model catalogue: finding, hiding, renaming and pricing what the connections offer. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';

const ids = async (person) => (await person.ask('GET', '/api/models')).data.map((model) => model.id);

story('a hidden model disappears from what people can choose, and comes back', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/models');
  const offered = page.getByRole('switch', { name: 'Offer demo/slow' });
  await offered.click();
  await page.getByText('Hidden', { exact: true }).waitFor();
  assert.ok(!(await ids(ada)).includes('demo/slow'));

  await offered.click();
  await page.getByText('Hidden', { exact: true }).waitFor({ state: 'detached' });
  assert.ok((await ids(ada)).includes('demo/slow'));
});

story('a renamed model is asked for by its new id, and can be reset', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/models');
  await page.getByRole('button', { name: 'Edit demo/echo' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit demo/echo' });
  await dialog.getByLabel('Public id').fill('parrot');
  await dialog.getByLabel('Display name').fill('Parrot');
  await expectAccessible(page, 'the model dialog');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });

  await page.getByText('Parrot', { exact: true }).waitFor();
  assert.ok((await ids(ada)).includes('parrot'));
  await page.getByRole('button', { name: 'Edit parrot' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Reset names' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.ok((await ids(ada)).includes('demo/echo'));
});

story('a price of our own replaces the table and is marked as ours', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/models');
  await page.getByRole('button', { name: 'Edit demo/markdown' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Input price').fill('2.50');
  await dialog.getByLabel('Output price').fill('10');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });

  const row = page.getByRole('row').filter({ hasText: 'demo/markdown' });
  await row.getByText('$2.50').waitFor();
  await row.getByText('set here').waitFor();
});

story('the search is in the address and finds by id and by name', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/models');
  await page.getByRole('searchbox', { name: 'Search models' }).fill('reason');
  await page.waitForURL(/query=reason/);
  await page.getByText('demo/reasoning').first().waitFor();
  assert.equal(await page.getByText('demo/echo').count(), 0);
  await page.reload();
  await page.getByText('demo/reasoning').first().waitFor();
  assert.equal(await page.getByText('demo/echo').count(), 0);

  await page.getByRole('searchbox', { name: 'Search models' }).fill('no such thing');
  await page.getByText('No model matches').waitFor();
});
