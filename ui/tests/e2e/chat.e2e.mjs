/** A chat: asking, streaming, stopping, asking again, branches, and that nothing written is lost. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, story } from './support.mjs';
import { answers, begun, choose, composer, finished, questions, say } from './support/chat.mjs';

/** The chat that the page's address names, as the server has it. */
async function chatOf(person) {
  const id = new URL(person.page.url()).pathname.split('/').pop();
  return person.ask('GET', `/api/v1/chats/${id}`);
}

async function chatting(house, model) {
  const ada = await house.administrator();
  await ada.visit('/');
  await choose(ada.page, model);
  return ada;
}

story('a question gets an answer, an address and a place in the sidebar', {}, async (house) => {
  const ada = await chatting(house, 'demo/echo');
  const { page } = ada;
  const answer = await finished(await say(page, 'The tide turns at seven'));
  assert.match(await answer.innerText(), /The tide turns at seven/);
  await page.waitForURL(/\/c\/.+/);
  await page.getByRole('navigation', { name: 'Chats' }).getByRole('link', { name: /tide turns/ }).waitFor();
  await expectAccessible(page, 'a chat with an answer');

  await page.reload();
  await answers(page).first().getByText('The tide turns at seven').waitFor();
});

story('an answer can be stopped, and what was written stays', {}, async (house) => {
  const ada = await chatting(house, 'demo/slow');
  const { page } = ada;
  const answer = await say(page, 'Tell me slowly');
  await begun(answer);
  await page.keyboard.press('Escape');
  await answer.getByText('Stopped').waitFor();
  await finished(answer);

  const saved = Object.values((await chatOf(ada)).chat.history.messages).find((message) => message.role === 'assistant');
  assert.ok(saved.content.length > 0 && saved.done !== false, 'the server keeps the beginning and knows it is over');
  await page.reload();
  await answers(page).first().getByText('Stopped').waitFor();
});

story('asking again keeps both answers, and one can go between them', {}, async (house) => {
  const { page } = await chatting(house, 'demo/echo');
  const answer = await finished(await say(page, 'Once more'));
  await answer.getByRole('button', { name: 'Answer again' }).click();
  await answers(page).first().getByText('2 of 2').waitFor();
  await finished(answers(page).first());
  await answers(page).first().getByRole('button', { name: 'Previous version' }).click();
  await answers(page).first().getByText('1 of 2').waitFor();
  assert.equal(await answers(page).count(), 1);
});

story('a changed question asks on a new branch, and the old one stays', {}, async (house) => {
  const { page } = await chatting(house, 'demo/echo');
  await finished(await say(page, 'North by west'));
  const question = questions(page).first();
  await question.hover();
  await question.getByRole('button', { name: 'Edit message' }).click();
  await page.getByRole('textbox', { name: 'Edit your message' }).fill('South by east');
  await page.getByRole('button', { name: 'Ask again' }).click();
  await answers(page).first().getByText('South by east').waitFor();
  await finished(answers(page).first());
  await questions(page).first().getByText('2 of 2').waitFor();

  await questions(page).first().getByRole('button', { name: 'Previous version' }).click();
  await answers(page).first().getByText('North by west').waitFor();
  await page.reload();
  await answers(page).first().getByText('North by west').waitFor();
});

story('an answer is copied as it was written', {}, async (house) => {
  const { page } = await chatting(house, 'demo/echo');
  const answer = await finished(await say(page, 'Keep **this** as it is'));
  await answer.getByRole('button', { name: 'Copy answer' }).click();
  await answer.getByRole('button', { name: 'Copied' }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /Keep \*\*this\*\* as it is/);
});

story('a reload in the middle of an answer picks it up again and loses nothing', {}, async (house) => {
  const ada = await chatting(house, 'demo/slow');
  const { page } = ada;
  const answer = await say(page, 'A long story');
  await begun(answer);
  await page.reload();
  await begun(answers(page).first());
  assert.equal(await page.getByRole('button', { name: 'Stop the answer' }).count(), 1, 'it is still being written');
  await finished(answers(page).first());

  const saved = Object.values((await chatOf(ada)).chat.history.messages).find((message) => message.role === 'assistant');
  const plain = (text) => text.replace(/\s+/g, ' ').trim();
  const shown = plain(await answers(page).first().locator('.md').first().innerText());
  assert.equal(shown, plain(saved.content), 'the page shows exactly what the server saved');
});

story('an answer goes on while nobody looks, and is there later', {}, async (house) => {
  const ada = await chatting(house, 'demo/slow');
  await begun(await say(ada.page, 'Go on without me'));
  const address = ada.page.url();
  await ada.page.close();
  ada.page = await ada.openPage();
  await eventually(async () => {
    const chat = await ada.ask('GET', `/api/v1/chats/${address.split('/').pop()}`);
    return chat.active_turns.length === 0;
  }, 'the answer being finished on the server', 60_000);
  await ada.page.goto(address);
  await finished(answers(ada.page).first());
});

story('a provider that fails is explained, and can be tried again', {}, async (house) => {
  const { page } = await chatting(house, 'demo/failing');
  const answer = await say(page, 'This will not end well');
  await answer.getByRole('alert').getByText('This answer could not be finished').waitFor();
  assert.ok(await answer.getByRole('button', { name: 'Try again' }).isVisible());
  await expectAccessible(page, 'a failed answer');
  await page.reload();
  await answers(page).first().getByText('This answer could not be finished').waitFor();
});

story('thinking and tools are steps that can be opened', {}, async (house) => {
  const { page } = await chatting(house, 'demo/reasoning');
  const thought = await finished(await say(page, 'Think first'));
  await thought.locator('summary').first().click();
  assert.ok(await thought.locator('details[open]').first().isVisible());

  await choose(page, 'demo/tools');
  const tool = await finished(await say(page, 'Use a tool'));
  await tool.locator('summary').first().waitFor();
  await expectAccessible(page, 'thinking and tools');
});

story('code, formulas and tables are drawn, reachable and accessible', {}, async (house) => {
  const { page } = await chatting(house, 'demo/markdown');
  const answer = await finished(await say(page, 'Show me everything'));
  await answer.locator('pre code').first().waitFor();
  await answer.locator('.katex').first().waitFor();
  await answer.getByRole('table').first().waitFor();
  await answer.getByRole('button', { name: /^Copy/ }).first().click();
  assert.ok((await page.evaluate(() => navigator.clipboard.readText())).length > 0);
  await expectAccessible(page, 'a rich answer');
});

story('what was written and not sent survives a reload and another chat', {}, async (house) => {
  const { page } = await chatting(house, 'demo/echo');
  await composer(page).fill('A thought for a new chat');
  await page.reload();
  assert.equal(await composer(page).inputValue(), 'A thought for a new chat');

  await finished(await say(page, 'The first chat'));
  await page.waitForURL(/\/c\/.+/);
  await composer(page).fill('A thought for this chat');
  await page.getByRole('link', { name: 'New chat' }).click();
  await page.waitForURL((url) => url.pathname === '/');
  assert.equal(await composer(page).inputValue(), '');
  await page.goBack();
  await page.waitForURL(/\/c\/.+/);
  await eventually(async () => (await composer(page).inputValue()) === 'A thought for this chat', 'the draft coming back');
});

story('somebody else’s chat is answered like one that does not exist', { env: { ENABLE_SIGNUP: 'true' } }, async (house) => {
  const ada = await chatting(house, 'demo/echo');
  await finished(await say(ada.page, 'Between us'));
  await ada.page.waitForURL(/\/c\/.+/);
  const ben = await house.member(ada);
  await ben.page.goto(ada.page.url());
  await ben.page.getByRole('button', { name: 'Start a new chat' }).waitFor();
  const foreign = await ben.page.getByRole('main').innerText();
  await ben.page.goto('/c/no-such-chat');
  await eventually(async () => (await ben.page.getByRole('main').innerText()) === foreign, 'the same words for a missing chat');
  assert.doesNotMatch(foreign, /Between us/);
});
