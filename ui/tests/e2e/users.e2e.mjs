/** People: who waits, who may do what, and that somebody always can. */
import assert from 'node:assert/strict';
import { expectAccessible, expectNoSidewaysScroll, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };

story('somebody who waits stands first, and is let in with one press', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.stranger();
  await ben.signUp('Ben Okafor', 'ben@example.test');

  const page = await ada.visit('/admin/users');
  const waiting = page.getByRole('region', { name: 'Waiting for approval' });
  await waiting.getByText('ben@example.test').waitFor();
  await waiting.getByRole('button', { name: 'Approve Ben Okafor' }).click();
  await waiting.waitFor({ state: 'detached' });
  assert.equal((await ben.ask('GET', '/api/v1/auths/')).role, 'user');
});

story('somebody who waits is found among many others', OPEN, async (house) => {
  const ada = await house.administrator();
  await Promise.all(
    Array.from({ length: 31 }, async (_, number) => {
      const account = await house.account(`Crew ${number}`, `crew${number}@example.test`);
      await ada.ask('POST', `/api/v1/users/${account.id}/update`, { role: 'user' });
    }),
  );
  const ben = await house.stranger();
  await ben.signUp('Ben Okafor', 'ben@example.test');

  const page = await ada.visit('/admin/users');
  await page.getByText('Page 1 of 2').waitFor();
  await page.getByRole('button', { name: 'Approve Ben Okafor' }).click();
  await page.getByRole('region', { name: 'Waiting for approval' }).waitFor({ state: 'detached' });
  assert.equal((await ben.ask('GET', '/api/v1/auths/')).role, 'user');
});

story('a role is changed where it is shown', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ada.visit('/admin/users');
  await page.getByLabel('Role of Ben Okafor').selectOption('admin');
  await page.getByText('Ben Okafor is an administrator now').waitFor();
  assert.equal((await ben.ask('GET', '/api/v1/auths/')).role, 'admin');
});

story('the last administrator stays one, and the page says why', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/users');
  const role = page.getByLabel('Role of Ada Marlow');
  const dialog = page.getByRole('dialog', { name: 'Give up your own administrator role' });

  await role.selectOption('user');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await role.inputValue(), 'admin');
  await role.selectOption('user');
  await dialog.getByRole('button', { name: 'Give it up' }).click();
  await dialog.getByRole('alert').waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await role.inputValue(), 'admin');
  assert.equal((await ada.ask('GET', '/api/v1/auths/')).role, 'admin');
});

story('people without the role are told so on every administration page, and see nothing of it', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  for (const path of ['/admin/connections', '/admin/models', '/admin/keys', '/admin/users', '/admin/groups', '/admin/permissions', '/admin/audit', '/admin/settings']) {
    const page = await ben.visit(path);
    await page.getByRole('heading', { name: 'This page is for administrators' }).waitFor();
    assert.equal(await page.getByText('ada@example.test').count(), 0);
  }
});

story('the list says who has a second factor, and nothing about it when the server does not', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.member(ada);
  let knows = true;
  await ada.page.route('**/api/v1/users/?*', async (route) => {
    const answer = await route.fetch();
    const page = await answer.json();
    for (const user of page.users) {
      delete user.second_factor;
      if (knows) user.second_factor = user.email === 'ada@example.test';
    }
    await route.fulfill({ response: answer, json: page });
  });
  const page = await ada.visit('/admin/users');
  const row = (name) => page.getByRole('row').filter({ hasText: name });
  await row('ada@example.test').getByRole('cell', { name: 'On', exact: true }).waitFor();
  await row('ben@example.test').getByRole('cell', { name: 'None', exact: true }).waitFor();
  await expectAccessible(page, 'people with and without a second factor');
  await page.setViewportSize({ width: 320, height: 700 });
  await expectNoSidewaysScroll(page, 'people on a small phone');

  knows = false;
  await page.reload();
  await row('ben@example.test').first().waitFor();
  assert.equal(await page.getByText('Second factor').count(), 0);
});
