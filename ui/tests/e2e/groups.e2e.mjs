/** Groups and permissions: what everybody may do, and what a group adds. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };
const may = async (person, branch, leaf) => (await person.ask('GET', '/api/v1/users/permissions'))[branch][leaf];

story('a group is made, gets members and gives them more; a group below it inherits', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ada.visit('/admin/groups');
  await page.getByRole('heading', { name: 'No group yet' }).waitFor();
  await page.getByRole('button', { name: 'Make group' }).first().click();
  let dialog = page.getByRole('dialog', { name: 'Make a group' });
  await dialog.getByLabel('Name').fill('Research');
  await dialog.getByRole('button', { name: 'Make group' }).click();
  await page.getByRole('heading', { name: 'Research', level: 1 }).waitFor();

  await page.getByRole('link', { name: 'Permissions', exact: true }).last().click();
  await page.getByRole('switch', { name: 'Research gives: Make prompts' }).click();
  await page.getByText('1 change is not saved yet').waitFor();
  // At the end of the page the bar covers nothing; half a switch under it would count as one too small to press.
  await page.mouse.move(640, 400);
  await page.mouse.wheel(0, 100_000);
  await page.getByRole('switch').last().waitFor();
  await expectAccessible(page, 'a change of permissions');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It holds from the next request on').waitFor();

  await page.goto('/admin/groups');
  await page.getByRole('button', { name: 'Make group' }).click();
  dialog = page.getByRole('dialog', { name: 'Make a group' });
  await dialog.getByLabel('Name').fill('Evaluation');
  await dialog.getByLabel('Group above it').selectOption({ label: 'Research' });
  await dialog.getByRole('button', { name: 'Make group' }).click();
  await page.getByRole('heading', { name: 'Evaluation', level: 1 }).waitFor();
  await page.getByRole('button', { name: 'Add people' }).click();
  dialog = page.getByRole('dialog', { name: 'Add people to Evaluation' });
  await dialog.getByLabel('Person').fill('ben');
  await dialog.getByRole('button', { name: 'Add Ben Okafor' }).click();
  await page.getByText('Ben Okafor is in Evaluation now').waitFor();
  await dialog.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('table').getByText('ben@example.test').waitFor();
  await eventually(() => may(ben, 'workspace', 'prompts'), 'the permission reaching Ben');

  await page.getByRole('link', { name: 'Permissions', exact: true }).last().click();
  const row = page.getByRole('listitem').filter({ hasText: 'workspace.prompts' }).first();
  await row.getByText('From Research').waitFor();
  await page.getByRole('link', { name: 'Members' }).click();
  await page.getByRole('button', { name: 'Take out Ben Okafor' }).click();
  await page.getByRole('heading', { name: 'Nobody is in this group' }).waitFor();
  await eventually(async () => !(await may(ben, 'workspace', 'prompts')), 'the permission leaving Ben');
});

story('a group is deleted only when its name is typed, and its members lose what it gave', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  const group = await ada.ask('POST', '/api/v1/groups/create', { name: 'Research', description: '', permissions: { workspace: { prompts: true } } });
  await ada.ask('POST', `/api/v1/groups/id/${group.id}/users/add`, { user_ids: [id] });
  await eventually(() => may(ben, 'workspace', 'prompts'), 'the permission reaching Ben');

  const page = await ada.visit('/admin/groups');
  await page.getByRole('button', { name: 'Delete Research' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('Research');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('heading', { name: 'No group yet' }).waitFor();
  await eventually(async () => !(await may(ben, 'workspace', 'prompts')), 'the permission leaving Ben');
});

story('what everybody may do is changed, and what the environment sets is locked and says so', { env: { ...OPEN.env, USER_PERMISSIONS_CHAT_SHARE: 'false' } }, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ada.visit('/admin/permissions');
  const exporting = page.getByRole('switch', { name: 'Everybody may: Export chats' });
  await exporting.waitFor();
  assert.ok(await page.getByRole('switch', { name: 'Everybody may: Share chats by link' }).isDisabled());
  await page.getByText('Set by USER_PERMISSIONS_CHAT_SHARE').waitFor();

  assert.equal(await may(ben, 'chat', 'export'), true);
  await exporting.click();
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('It holds from the next request on').waitFor();
  await eventually(async () => (await may(ben, 'chat', 'export')) === false, 'the change reaching Ben');
  const row = page.getByRole('listitem').filter({ hasText: 'chat.export' }).first();
  await row.getByText('Changed here').waitFor();
});

story('every permission of the server is shown in words, and is found by them', {}, async (house) => {
  const ada = await house.administrator();
  const tree = await ada.ask('GET', '/api/v1/users/default/permissions');
  const paths = Object.entries(tree).flatMap(([branch, leaves]) => Object.keys(leaves).map((leaf) => `${branch}.${leaf}`));
  const page = await ada.visit('/admin/permissions');
  await page.getByRole('switch').first().waitFor();
  assert.equal(await page.getByRole('switch').count(), paths.length);
  assert.equal(await page.getByRole('heading', { name: 'Others' }).count(), 0, 'a permission without words');
  await page.getByRole('searchbox', { name: 'Search permissions' }).fill('share chats');
  await page.getByRole('switch', { name: 'Everybody may: Share chats by link' }).waitFor();
  await eventually(async () => (await page.getByRole('switch').count()) < 5, 'the others leaving');
});
