/** The sidebar: finding, naming, pinning and deleting chats. */
import assert from 'node:assert/strict';
import { story } from './support.mjs';

/** An administrator with one chat per title, looking at the page of a new one. */
async function withChats(house, titles) {
  const ada = await house.administrator();
  for (const title of titles) {
    await ada.ask('POST', '/api/v1/chats/new', { chat: { title, models: ['demo/echo'], history: { currentId: null, messages: {} } } });
  }
  const page = await ada.visit('/');
  const sidebar = page.getByRole('navigation', { name: 'Chats' });
  await sidebar.getByRole('link', { name: titles[0] }).waitFor();
  return { page, sidebar };
}

/** Opens a chat's menu as somebody with a mouse would, and chooses an entry. */
async function act(page, sidebar, title, entry) {
  await sidebar.getByRole('link', { name: title }).hover();
  await sidebar.getByRole('button', { name: `More about “${title}”` }).click();
  await page.getByRole('menuitem', { name: entry }).click();
}

story('the search finds chats by their words and says when there are none', {}, async (house) => {
  const { page, sidebar } = await withChats(house, ['Harbour lights', 'Winter stores']);
  const search = page.getByRole('textbox', { name: 'Search chats' });
  await search.fill('harbour');
  await sidebar.getByRole('link', { name: 'Winter stores' }).waitFor({ state: 'detached' });
  assert.ok(await sidebar.getByRole('link', { name: 'Harbour lights' }).isVisible());
  await search.fill('nothing like it');
  await sidebar.getByText('No chat mentions that.').waitFor();
  await search.press('Escape');
  await sidebar.getByRole('link', { name: 'Winter stores' }).waitFor();
});

story('a chat is renamed in place', {}, async (house) => {
  const { page, sidebar } = await withChats(house, ['Harbour lights']);
  await act(page, sidebar, 'Harbour lights', 'Rename');
  const field = sidebar.getByRole('textbox', { name: 'New name of “Harbour lights”' });
  await field.fill('Lights of the harbour');
  await field.press('Enter');
  await sidebar.getByRole('link', { name: 'Lights of the harbour' }).waitFor();
  await page.reload();
  await sidebar.getByRole('link', { name: 'Lights of the harbour' }).waitFor();
});

story('a pinned chat stands in a group of its own', {}, async (house) => {
  const { page, sidebar } = await withChats(house, ['Harbour lights', 'Winter stores']);
  await act(page, sidebar, 'Harbour lights', 'Pin');
  await sidebar.getByRole('heading', { name: 'Pinned' }).waitFor();
  await page.reload();
  await sidebar.getByRole('heading', { name: 'Pinned' }).waitFor();
  await act(page, sidebar, 'Harbour lights', 'Unpin');
  await sidebar.getByRole('heading', { name: 'Pinned' }).waitFor({ state: 'detached' });
});

story('a chat is deleted after a question, and stays deleted', {}, async (house) => {
  const { page, sidebar } = await withChats(house, ['Harbour lights', 'Winter stores']);
  await act(page, sidebar, 'Winter stores', 'Delete');
  const dialog = page.getByRole('dialog', { name: 'Delete this chat?' });
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  assert.ok(await sidebar.getByRole('link', { name: 'Winter stores' }).isVisible());

  await act(page, sidebar, 'Winter stores', 'Delete');
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await sidebar.getByRole('link', { name: 'Winter stores' }).waitFor({ state: 'detached' });
  await page.reload();
  await sidebar.getByRole('link', { name: 'Harbour lights' }).waitFor();
  assert.equal(await sidebar.getByRole('link', { name: 'Winter stores' }).count(), 0);
});
