/** Accounts in the hands of an administrator: made, changed, switched off, deleted, imported. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { eventually, expectAccessible, story } from './support.mjs';
import { PASSWORD } from './support/person.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };

/** Whether these credentials open the door. */
async function canSignIn(house, email, password = PASSWORD) {
  const { context } = await house.stranger();
  const answer = await context.request.post('/api/v1/auths/signin', { data: { email, password }, headers: { origin: house.url } });
  return answer.ok();
}

async function act(page, name, action) {
  await page.getByRole('button', { name: `What to do with ${name}` }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

story('an added person signs in with the password that was made for them', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/users');
  await page.getByRole('button', { name: 'Add person' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a person' });
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await dialog.getByText('Enter the name that others see.').waitFor();
  await dialog.getByLabel('Name').fill('Ben Okafor');
  await dialog.getByLabel('E-mail address').fill('ben@example.test');
  await dialog.getByRole('button', { name: 'Make a password' }).click();
  const password = await dialog.getByLabel('First password').inputValue();
  await expectAccessible(page, 'adding a person');
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await dialog.waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'Ben Okafor' }).waitFor();
  assert.ok(await canSignIn(house, 'ben@example.test', password));
});

story('an e-mail address that is taken is refused at its field, and the rest stays as typed', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/users');
  await page.getByRole('button', { name: 'Add person' }).click();
  const dialog = page.getByRole('dialog', { name: 'Add a person' });
  await dialog.getByLabel('Name').fill('Another Ada');
  await dialog.getByLabel('E-mail address').fill('ADA@example.test');
  await dialog.getByRole('button', { name: 'Make a password' }).click();
  await dialog.getByRole('button', { name: 'Add person' }).click();
  await dialog.getByRole('alert').waitFor();
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'Another Ada');
});

story('a name and an address are changed, and the list shows them', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.member(ada);
  const page = await ada.visit('/admin/users');
  await act(page, 'Ben Okafor', 'Edit');
  const dialog = page.getByRole('dialog', { name: 'Edit Ben Okafor' });
  await dialog.getByLabel('Name').fill('Benjamin Okafor');
  await dialog.getByLabel('E-mail address').fill('benjamin@example.test');
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('link', { name: 'Benjamin Okafor' }).waitFor();
  assert.ok(await canSignIn(house, 'benjamin@example.test'));
});

story('a deactivated person is out at once, cannot come back, and can be let in again', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ada.visit('/admin/users');
  await act(page, 'Ben Okafor', 'Deactivate');
  await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' }).click();
  await page.getByRole('table', { name: 'People' }).getByText('Deactivated').waitFor();
  await eventually(async () => (await ben.context.request.get('/api/v1/auths/')).status() === 401, 'the session ending');
  assert.equal(await canSignIn(house, 'ben@example.test'), false);

  await act(page, 'Ben Okafor', 'Reactivate');
  await page.getByText('Ben Okafor can sign in again').waitFor();
  assert.ok(await canSignIn(house, 'ben@example.test'));
});

story('a lost password is replaced, and the old one is worth nothing', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.member(ada);
  const page = await ada.visit('/admin/users');
  await act(page, 'Ben Okafor', 'New password');
  const dialog = page.getByRole('dialog', { name: 'New password for Ben Okafor' });
  await dialog.getByRole('button', { name: 'Make a password' }).click();
  const password = await dialog.getByLabel('New password').inputValue();
  await dialog.getByRole('button', { name: 'Set password' }).click();
  await page.getByText('Ben Okafor has a new password').waitFor();
  assert.ok(await canSignIn(house, 'ben@example.test', password));
  assert.equal(await canSignIn(house, 'ben@example.test'), false);
});

story('an account is deleted only when its address is typed', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  const page = await ada.visit(`/admin/users/${id}`);
  await page.getByRole('button', { name: 'Delete' }).click();
  const dialog = page.getByRole('dialog');
  const remove = dialog.getByRole('button', { name: 'Delete' });
  assert.ok(await remove.isDisabled());
  await dialog.getByRole('textbox').fill('ben@example.test');
  await remove.click();
  await page.getByRole('heading', { name: 'Users', level: 1 }).waitFor();
  await page.getByRole('table', { name: 'People' }).getByText('ada@example.test').waitFor();
  assert.equal(await page.getByText('ben@example.test').count(), 0);
  assert.equal(await canSignIn(house, 'ben@example.test'), false);
});

story('the list is sorted and narrowed, and the address remembers how', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.account('Zoe Quill', 'zoe@example.test');
  await house.member(ada);
  const page = await ada.visit('/admin/users');
  const names = () => page.getByRole('table', { name: 'People' }).getByRole('link').allTextContents();
  await page.getByRole('columnheader', { name: 'Person' }).getByRole('button').click();
  await eventually(async () => (await names()).join() === 'Ada Marlow,Ben Okafor,Zoe Quill', 'sorting by name');
  await page.getByRole('columnheader', { name: 'Person' }).getByRole('button').click();
  await eventually(async () => (await names()).join() === 'Zoe Quill,Ben Okafor,Ada Marlow', 'sorting backwards');
  assert.equal(await page.getByRole('columnheader', { name: 'Person' }).getAttribute('aria-sort'), 'descending');

  await page.getByLabel('Role', { exact: true }).selectOption('pending');
  await eventually(async () => (await names()).join() === 'Zoe Quill', 'narrowing by role');
  await page.reload();
  await eventually(async () => (await names()).join() === 'Zoe Quill', 'the address remembering');
  await page.getByLabel('State', { exact: true }).selectOption('deactivated');
  await page.getByRole('heading', { name: 'Nobody matches' }).waitFor();
});

story('a file of people is taken over line by line, and refused lines come back with the reason', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/users');
  await page.getByRole('button', { name: 'Import' }).click();
  const dialog = page.getByRole('dialog', { name: 'Import people' });
  const choose = (text) => dialog.locator('input[type="file"]').setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(text) });
  await choose('ben@example.test');
  await dialog.getByRole('alert').getByText('name the columns').waitFor();

  const lines = ['Name,Email,Password,Role', `"Okafor, Ben",ben@example.test,${PASSWORD},user`, `Ada Again,ada@example.test,${PASSWORD},user`, `Nobody,no address,${PASSWORD},user`];
  await choose(lines.join('\n'));
  await dialog.getByRole('button', { name: 'Import 3 people' }).click();
  await dialog.getByText('1 person can sign in now.').waitFor();
  const refused = dialog.getByRole('region', { name: 'Refused lines' });
  await refused.getByRole('cell', { name: 'ada@example.test' }).waitFor();
  await expectAccessible(page, 'refused lines');

  const saving = page.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Save the refused lines' }).click();
  const saved = await readFile(await (await saving).path(), 'utf8');
  assert.deepEqual(saved.trim().split('\r\n'), [lines[0], lines[2], lines[3]]);
  await dialog.getByRole('button', { name: 'Done' }).click();
  assert.ok(await canSignIn(house, 'ben@example.test'));
});

story('an account is deactivated with the keyboard alone, and the focus is never lost', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.member(ada);
  const page = await ada.visit('/admin/users');
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim());
  await page.getByRole('button', { name: 'What to do with Ben Okafor' }).focus();
  await page.keyboard.press('Enter');
  await eventually(async () => (await focused()) === 'Edit', 'the menu taking the focus');
  await page.keyboard.press('d');
  assert.equal(await focused(), 'Deactivate');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Deactivate Ben Okafor' });
  await dialog.waitFor();
  while ((await focused()) !== 'Deactivate') await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await dialog.waitFor({ state: 'detached' });
  await page.getByRole('table', { name: 'People' }).getByText('Deactivated').waitFor();
  assert.equal(await focused(), 'What to do with Ben Okafor');
});
