/** Who may use a model. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };
const sees = async (person, model) => (await person.ask('GET', '/api/models')).data.some(({ id }) => id === model);

async function openAccess(page, model) {
  await page.getByRole('button', { name: `Access to ${model}` }).click();
  const dialog = page.getByRole('dialog', { name: `Access to ${model}` });
  await dialog.getByRole('group', { name: 'Who may use it' }).waitFor();
  return dialog;
}

async function save(dialog) {
  await dialog.getByRole('button', { name: 'Save' }).click();
  await dialog.waitFor({ state: 'detached' });
}

story('a model is opened to one person, closed to everybody, and given back to the server’s rule', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  assert.ok(await sees(ben, 'demo/echo'));
  const page = await ada.visit('/admin/models');

  let dialog = await openAccess(page, 'demo/echo');
  await dialog.getByRole('radio', { name: 'People and groups' }).check();
  await dialog.getByText('nobody but administrators can use it').waitFor();
  await expectAccessible(page, 'the access of a model');
  await save(dialog);
  await eventually(async () => !(await sees(ben, 'demo/echo')), 'the model leaving Ben');
  assert.ok(await sees(ben, 'demo/slow'));

  dialog = await openAccess(page, 'demo/echo');
  assert.ok(await dialog.getByRole('radio', { name: 'People and groups' }).isChecked());
  await dialog.getByLabel('Add a person').fill('ben');
  await dialog.getByRole('button', { name: 'Add Ben Okafor' }).click();
  await dialog.getByRole('button', { name: 'Remove Ben Okafor' }).waitFor();
  await save(dialog);
  await eventually(() => sees(ben, 'demo/echo'), 'the model reaching Ben');

  dialog = await openAccess(page, 'demo/echo');
  await dialog.getByText('Ben Okafor', { exact: true }).waitFor();
  await dialog.getByRole('radio', { name: 'As the server decides' }).check();
  await save(dialog);
  dialog = await openAccess(page, 'demo/echo');
  assert.ok(await dialog.getByRole('radio', { name: 'As the server decides' }).isChecked());
});

story('a model is opened to a group', { env: { ...OPEN.env, DEFAULT_MODEL_ACCESS: 'private' } }, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  const group = await ada.ask('POST', '/api/v1/groups/create', { name: 'Research', description: '' });
  await ada.ask('POST', `/api/v1/groups/id/${group.id}/users/add`, { user_ids: [id] });
  assert.equal(await sees(ben, 'demo/echo'), false);

  const page = await ada.visit('/admin/models');
  const dialog = await openAccess(page, 'demo/echo');
  await dialog.getByRole('radio', { name: 'People and groups' }).check();
  await dialog.getByLabel('Add a group').selectOption(group.id);
  await dialog.getByRole('button', { name: 'Remove Research' }).waitFor();
  await save(dialog);
  await eventually(() => sees(ben, 'demo/echo'), 'the model reaching Ben');
});
