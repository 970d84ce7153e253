/** Chats that somebody else reads: by a link, or because they administer the server. */
import assert from 'node:assert/strict';
import { expectAccessible, expectNoSidewaysScroll, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };

/** A chat with one question and its answer, made through the API. */
function chatOf(person, title = 'Harbour lights') {
  const [question, answer] = [
    { id: 'q1', parentId: null, childrenIds: ['a1'], role: 'user', content: 'Which lights?', timestamp: 1 },
    { id: 'a1', parentId: 'q1', childrenIds: [], role: 'assistant', content: 'The **green** ones.', model: 'demo/echo', modelName: 'Echo', done: true, timestamp: 2 },
  ];
  const history = { currentId: 'a1', messages: { q1: question, a1: answer } };
  return person.ask('POST', '/api/v1/chats/new', { chat: { title, models: ['demo/echo'], history } });
}

/** Opens the chat and makes its link through the page; returns the link. */
async function share(person, chat) {
  const page = await person.visit(`/c/${chat.id}`);
  await page.getByRole('button', { name: 'Share chat' }).click();
  await page.getByRole('button', { name: 'Make link' }).click();
  const link = await page.getByRole('dialog', { name: 'This chat is shared' }).getByLabel('Link', { exact: true }).inputValue();
  await expectAccessible(page, 'the link to a chat');
  await page.getByRole('button', { name: 'Done' }).click();
  return link;
}

story('a shared chat is read by whoever has the link, as it was, until the link is taken back', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const chat = await chatOf(ada);
  const link = await share(ada, chat);
  assert.equal(new URL(link).origin, house.url);

  await ben.page.goto(link);
  await ben.page.getByRole('heading', { name: 'Harbour lights' }).waitFor();
  await ben.page.getByRole('article', { name: 'Echo' }).getByText('green').waitFor();
  assert.equal(await ben.page.getByRole('textbox').count(), 0);
  await expectAccessible(ben.page, 'a shared chat');
  await expectNoSidewaysScroll(ben.page, 'a shared chat');

  const page = await ada.visit('/me/shared');
  await page.getByRole('button', { name: 'Stop sharing Harbour lights' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Stop sharing' }).click();
  await page.getByText('Nothing is shared').waitFor();
  await ben.page.reload();
  await ben.page.getByRole('heading', { name: 'Nothing is shared here' }).waitFor();
  await expectAccessible(ben.page, 'a link that was taken back');
});

story('a link shows what was said later only when it is brought up to date', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const chat = await chatOf(ada);
  const link = await share(ada, chat);
  await ada.ask('POST', `/api/v1/chats/${chat.id}/messages/a1`, { content: 'The red ones.' });
  await ben.page.goto(link);
  await ben.page.getByText('green').waitFor();

  const page = await ada.visit(`/c/${chat.id}`);
  await page.getByRole('button', { name: 'Shared: manage the link' }).click();
  await page.getByRole('button', { name: 'Update the link' }).click();
  await page.getByText('The link shows the chat as it is now').waitFor();
  await ben.page.reload();
  await ben.page.getByText('The red ones.').waitFor();
});

story('whoever may not share is not offered to', { env: { ...OPEN.env, USER_PERMISSIONS_CHAT_SHARE: 'false' } }, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const chat = await chatOf(ben);
  const page = await ben.visit(`/c/${chat.id}`);
  await page.getByText('green').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Share chat' }).count(), 0);
  await page.getByRole('link', { name: 'Harbour lights' }).hover();
  await page.getByRole('button', { name: 'More about “Harbour lights”' }).click();
  await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
  assert.equal(await page.getByRole('menuitem', { name: 'Share' }).count(), 0);
});

story('where sharing is switched off nobody is offered to, administrators neither', { env: { ENABLE_COMMUNITY_SHARING: 'false' } }, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit(`/c/${(await chatOf(ada)).id}`);
  await page.getByText('green').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Share chat' }).count(), 0);
});

story('an administrator reads a chat without being able to write in it, and its owner is told', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const chat = await chatOf(ben);

  const page = await ada.visit(`/c/${chat.id}`);
  await page.getByText('another person’s chat').waitFor();
  await page.getByText('green').waitFor();
  assert.equal(await page.getByRole('textbox', { name: 'Message' }).count(), 0);
  await expectAccessible(page, 'somebody else’s chat');

  await ben.visit(`/c/${chat.id}`);
  await ben.page.getByText(/administrator.* opened this chat/i).waitFor();
  await ben.page.getByRole('button', { name: 'Who and when' }).click();
  await ben.page.getByRole('dialog').getByText('Ada Marlow').first().waitFor();
  await expectAccessible(ben.page, 'who looked at a chat');
});
