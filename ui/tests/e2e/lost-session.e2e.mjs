/** A session that ends while its page is open: the page says so, leads to the sign-in, and loses nothing that was written. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, story } from './support.mjs';
import { begun, choose, composer, finished, say } from './support/chat.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };

async function signIn(page, person) {
  await page.getByLabel('Email').fill(person.email);
  await page.getByLabel('Password', { exact: true }).fill(person.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const idOf = async (person) => (await person.ask('GET', '/api/v1/auths/')).id;

story('whose session an administrator ended is told so, and finds the draft again', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/');
  await finished(await say(page, 'Good morning'));
  await composer(page).fill('A thought that took an hour');
  const address = new URL(page.url()).pathname;

  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/sessions/revoke`);
  await composer(page).press('Enter');
  await page.getByRole('alert').getByText('Your session has ended.').waitFor();
  await expectAccessible(page, 'the sign-in after a session that ended');
  await signIn(page, ben);
  await composer(page).waitFor();
  assert.equal(new URL(page.url()).pathname, address);
  await eventually(async () => (await composer(page).inputValue()) === 'A thought that took an hour', 'the draft coming back');
});

story('a question that is being changed is found again as well', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/');
  await finished(await say(page, 'Good morning'));
  await page.getByRole('button', { name: 'Edit message' }).click();
  await page.getByRole('textbox', { name: 'Edit your message' }).fill('Good evening, rather');
  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/sessions/revoke`);
  await page.getByRole('button', { name: 'Ask again' }).click();
  await page.getByRole('alert').getByText('Your session has ended.').waitFor();
  await signIn(page, ben);
  await page.getByRole('button', { name: 'Edit message' }).click();
  assert.equal(await page.getByRole('textbox', { name: 'Edit your message' }).inputValue(), 'Good evening, rather');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Edit message' }).click();
  assert.equal(await page.getByRole('textbox', { name: 'Edit your message' }).inputValue(), 'Good morning');
});

story('an answer being written stops with the session, and the page says why', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/');
  await choose(page, 'demo/slow');
  await begun(await say(page, 'Tell me something long'));
  await composer(page).fill('And after that, this');
  await composer(page).press('Enter');
  await page.getByText('And after that, this').waitFor();

  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/sessions/revoke`);
  await page.getByRole('alert').getByText('Your session has ended.').waitFor();
  await signIn(page, ben);
  await eventually(async () => (await composer(page).inputValue()) === 'And after that, this', 'the question that waited coming back');
});

story('whose account was deactivated is sent to the sign-in, which lets them in no more', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/me/sessions');
  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/update`, { is_active: false });
  await page.getByRole('link', { name: 'Two-step sign-in' }).click();
  const words = page.getByRole('alert').first();
  await words.getByText('an administrator changed your account').waitFor();
  assert.equal(new URL(page.url()).pathname, '/login');
  await signIn(page, ben);
  await page.getByRole('alert').nth(1).waitFor();
  await expectAccessible(page, 'a sign-in to an account that is switched off');
});

story('who is made to wait again while a chat is open sees whom to ask', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/');
  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/update`, { role: 'pending' });
  await composer(page).fill('Hello?');
  await composer(page).press('Enter');
  await page.getByRole('alert').getByText('Your session has ended.').waitFor();
  await signIn(page, ben);
  await page.getByText('Waiting for approval').waitFor();
  await page.getByText('Ada Marlow').waitFor();
  await expectAccessible(page, 'waiting again');
});

story('signing out in one tab shows in the others, and what was written there is kept', OPEN, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/');
  const other = await ada.openPage();
  await other.goto('/');
  await composer(other).fill('Half a sentence');

  await page.getByRole('button', { name: /Ada Marlow/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.getByRole('alert').getByText('You signed out in another tab.').waitFor();
  assert.equal(await page.getByRole('alert').count(), 0, 'who signed out by a click needs no warning');

  await signIn(other, ada);
  await eventually(async () => (await composer(other).inputValue()) === 'Half a sentence', 'the draft coming back');
  await composer(page).waitFor();
});

story('what one person left unsent is not shown to the next one at the same browser', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const page = await ben.visit('/');
  await composer(page).fill('For my eyes only');
  await ada.ask('POST', `/api/v1/users/${await idOf(ben)}/sessions/revoke`);
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await signIn(page, ada);
  await composer(page).waitFor();
  assert.equal(await composer(page).inputValue(), '');
});
