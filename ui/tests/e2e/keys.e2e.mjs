/** Virtual keys: shown once, used, limited, blocked, revoked. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';
import { PATIENCE } from './support/patience.mjs';

/** Asks the gateway for one answer, as a program holding `key` would. */
async function chat(house, key, model = 'demo/echo') {
  const response = await fetch(`${house.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Ahoy' }] }),
    signal: AbortSignal.timeout(PATIENCE),
  });
  return { status: response.status, body: await response.json() };
}

/** Creates a key through the form and returns its secret, which the page shows this once. */
async function create(page, name, fill = async () => {}) {
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create a virtual key' });
  await dialog.getByLabel('Name').fill(name);
  await fill(dialog);
  await dialog.getByRole('button', { name: 'Create key' }).click();
  const reveal = page.getByRole('dialog', { name: `Key for ${name}` });
  const secret = await reveal.getByLabel('Secret').inputValue();
  return { reveal, secret };
}

story('a key is shown once, works at once, and is then only a tail', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  const { reveal, secret } = await create(page, 'Nightly evaluation');
  assert.match(secret, /^sk-/);
  await expectAccessible(page, 'the new key');

  await reveal.getByRole('button', { name: 'Copy key' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), secret);
  assert.match(await reveal.getByRole('region', { name: 'curl' }).innerText(), new RegExp(`${house.url}/v1`));
  await reveal.getByRole('tab', { name: 'Python' }).click();
  assert.match(await reveal.getByRole('region', { name: 'Python' }).innerText(), new RegExp(`${house.url}/v1`));
  await reveal.getByRole('button', { name: 'Done' }).click();

  assert.doesNotMatch(await page.content(), new RegExp(secret));
  await page.getByText(secret.slice(-4)).first().waitFor();
  const answer = await chat(house, secret);
  assert.equal(answer.status, 200);
  assert.ok(answer.body.choices[0].message.content.length > 0);
});

story('a blocked key is refused with 401 and works again when unblocked', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  const { reveal, secret } = await create(page, 'Nightly evaluation');
  await reveal.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('button', { name: 'Block Nightly evaluation' }).click();
  await page.getByText('Blocked', { exact: true }).waitFor();
  assert.equal((await chat(house, secret)).status, 401);

  await page.getByRole('button', { name: 'Unblock Nightly evaluation' }).click();
  await page.getByText('Active', { exact: true }).waitFor();
  assert.equal((await chat(house, secret)).status, 200);
});

story('a key is revoked by its name, at once and for ever', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  const { reveal, secret } = await create(page, 'Nightly evaluation');
  await reveal.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('button', { name: 'Revoke Nightly evaluation' }).click();
  const dialog = page.getByRole('dialog', { name: 'Revoke Nightly evaluation' });
  await dialog.getByRole('textbox').fill('Nightly');
  assert.equal(await dialog.getByRole('button', { name: 'Revoke' }).isDisabled(), true);
  await dialog.getByRole('textbox').fill('Nightly evaluation');
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await dialog.waitFor({ state: 'detached' });
  assert.equal((await chat(house, secret)).status, 401);
});

story('models, endpoints and a budget narrow a key, and the page shows them', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  const { reveal, secret } = await create(page, 'Narrow', async (dialog) => {
    await dialog.getByLabel('Models', { exact: true }).fill('demo/markdown');
    await dialog.getByLabel('Budget').fill('2.50');
  });
  await reveal.getByRole('button', { name: 'Done' }).click();

  await page.getByRole('meter', { name: 'Budget of Narrow' }).waitFor();
  await page.getByText('of $2.50').waitFor();
  await page.getByText('demo/markdown').waitFor();
  assert.equal((await chat(house, secret, 'demo/echo')).status, 403);
  assert.equal((await chat(house, secret, 'demo/markdown')).status, 200);
});

story('a key gets an owner who is found by typing, and its limits can be taken away again', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  const { reveal } = await create(page, 'Notebook', async (dialog) => {
    await dialog.getByLabel('Budget').fill('5');
    await dialog.getByRole('button', { name: 'Choose owner' }).click();
    await dialog.getByLabel('Owner: name or e-mail address').fill('marlow');
    await dialog.getByRole('button', { name: /Ada Marlow/ }).click();
  });
  await reveal.getByRole('button', { name: 'Done' }).click();
  const row = page.getByRole('row').filter({ hasText: 'Notebook' });
  await row.getByText('Ada Marlow').waitFor();
  await row.getByText('of $5.00').waitFor();

  await row.getByRole('button', { name: 'Edit Notebook' }).click();
  const dialog = page.getByRole('dialog', { name: 'Edit Notebook' });
  await dialog.getByLabel('Budget').fill('');
  await dialog.getByLabel('Expires').selectOption('never');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await row.getByText('no limit').waitFor();
  await row.getByText('Never').waitFor();
  await row.getByText('Ada Marlow').waitFor();
});

story('the form explains what is missing and keeps what was typed', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/keys');
  await page.getByRole('button', { name: 'Create key' }).first().click();
  const dialog = page.getByRole('dialog', { name: 'Create a virtual key' });
  await dialog.getByLabel('Budget').fill('a lot');
  await dialog.getByRole('button', { name: 'Create key' }).click();
  await dialog.getByText('Give the key a name').waitFor();
  await dialog.getByText('Enter an amount').waitFor();
  assert.equal(await dialog.getByLabel('Budget').inputValue(), 'a lot');
});

story('search and page live in the address, so a reload and a link show the same keys', {}, async (house) => {
  const ada = await house.administrator();
  for (let number = 1; number <= 35; number += 1) {
    await ada.ask('POST', '/api/v1/keys', { name: `Batch ${String(number).padStart(2, '0')}` });
  }
  await ada.ask('POST', '/api/v1/keys', { name: 'Lighthouse' });
  const page = await ada.visit('/admin/keys');
  await page.getByRole('link', { name: 'Next page' }).click();
  await page.waitForURL(/page=2/);
  await page.getByText('Page 2 of 2').waitFor();

  await page.getByRole('searchbox', { name: 'Search keys' }).fill('lighthouse');
  await page.waitForURL(/query=lighthouse/);
  await page.getByText('Lighthouse').first().waitFor();
  assert.equal(await page.getByText(/^Batch/).count(), 0);
  await page.reload();
  await page.getByText('Lighthouse').first().waitFor();
  assert.equal(await page.getByRole('searchbox', { name: 'Search keys' }).inputValue(), 'lighthouse');
});
