/** Getting in: the first account, signing in and out, and waiting for approval. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';
import { PASSWORD } from './support/person.mjs';

story('the first visitor creates the administrator and lands in the chat', {}, async (house) => {
  const { page } = await house.stranger();
  await page.goto('/');

  await page.getByRole('heading', { name: 'Create the administrator' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/signup');
  await page.getByLabel('Name').fill('Ada Marlow');
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create administrator' }).click();

  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
});

story('empty and malformed fields are explained beneath them, and nothing typed is lost', {}, async (house) => {
  const { page } = await house.stranger();
  await page.goto('/signup');
  await page.getByLabel('Name').fill('Ada Marlow');
  await page.getByLabel('Email').fill('ada');
  await page.getByRole('button', { name: 'Create administrator' }).click();

  const email = page.getByLabel('Email');
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  await page.getByText('Enter an e-mail address').waitFor();
  await page.getByText('Choose a password').waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), 'Ada Marlow');
  await expectAccessible(page, 'sign-up with mistakes');
});

story('a wrong password is refused without losing what was typed', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/login');
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill('not-the-password');
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('alert').waitFor();
  assert.equal(await page.getByLabel('Email').inputValue(), 'ada@example.test');
  assert.equal(await page.getByLabel('Password', { exact: true }).inputValue(), 'not-the-password');

  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
});

story('a password can be looked at, and a password manager knows the fields', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/login');
  const password = page.getByLabel('Password', { exact: true });
  assert.match(await page.getByLabel('Email').getAttribute('autocomplete'), /^username\b/);
  assert.equal(await password.getAttribute('autocomplete'), 'current-password');

  assert.equal(await password.getAttribute('type'), 'password');
  await page.getByRole('button', { name: 'Show password' }).click();
  assert.equal(await password.getAttribute('type'), 'text');
  await page.getByRole('button', { name: 'Hide password' }).click();
  assert.equal(await password.getAttribute('type'), 'password');
});

story('whoever opens a page without a session comes back to it after signing in', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/admin/keys');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('heading', { name: 'Virtual keys', level: 1 }).waitFor();
  assert.equal(new URL(page.url()).pathname, '/admin/keys');
});

story('nobody is sent to another site after signing in', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/login?next=' + encodeURIComponent('//elsewhere.example/steal'));
  await page.getByLabel('Email').fill('ada@example.test');
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();

  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  assert.equal(new URL(page.url()).origin, house.url);
});

story('signing out ends the session everywhere the person has it open', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/');
  await page.getByRole('button', { name: /Ada Marlow/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();

  const answer = await ada.context.request.get('/api/v1/auths/');
  assert.equal(answer.status(), 401);
  await page.goto('/admin/keys');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

story('after the first account sign-up is closed, and the page says so', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/signup');
  await page.getByRole('heading', { name: 'Sign-up is closed' }).waitFor();
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
});

story('the second person waits until an administrator lets them in, and can then chat', { env: { ENABLE_SIGNUP: 'true' } }, async (house) => {
  const ada = await house.administrator();
  await ada.ask('GET', '/api/config');

  const ben = await house.stranger();
  await ben.page.goto('/signup');
  await ben.page.getByLabel('Name').fill('Ben Okafor');
  await ben.page.getByLabel('Email').fill('ben@example.test');
  await ben.page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await ben.page.getByRole('button', { name: 'Create account' }).click();
  await ben.page.getByRole('heading', { name: 'Waiting for approval' }).waitFor();
  await ben.page.getByText('Ada Marlow').waitFor();
  await expectAccessible(ben.page, 'waiting for approval');
  await ben.page.getByRole('button', { name: 'Check again' }).click();
  await ben.page.getByText('Not yet').waitFor();

  const page = await ada.visit('/admin/users');
  await page.getByRole('button', { name: 'Approve Ben Okafor' }).click();
  await page.getByText('Ben Okafor can chat now').waitFor();

  await ben.page.getByRole('button', { name: 'Check again' }).click();
  const composer = ben.page.getByRole('textbox', { name: 'Message' });
  await composer.fill('Permission to come aboard?');
  await composer.press('Enter');
  await ben.page.getByRole('article').nth(1).waitFor();
});

story('where the form is switched off nobody is asked for a password, nor offered an account', { env: { ENABLE_LOGIN_FORM: 'false', ENABLE_INITIAL_ADMIN_SIGNUP: 'true' } }, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/login');
  await page.getByText('Signing in with a password is switched off on this server').waitFor();
  assert.equal(await page.getByRole('textbox').count(), 0);
  await expectAccessible(page, 'a sign-in without a form');
});

story('where the first account is not made in the browser, the page says how', { env: { ENABLE_LOGIN_FORM: 'false' } }, async (house) => {
  const { page } = await house.stranger();
  await page.goto('/');
  await page.getByRole('heading', { name: 'Sign-up is closed' }).waitFor();
  await page.getByText('wardroom users create-admin').waitFor();
  assert.equal(await page.getByRole('textbox').count(), 0);
});

const OWN_WORDS = { ENABLE_SIGNUP: 'true', PENDING_USER_OVERLAY_TITLE: 'Nearly aboard', PENDING_USER_OVERLAY_CONTENT: 'The harbour master looks at this list at noon.' };
story('whoever waits reads the words of this server', { env: OWN_WORDS }, async (house) => {
  await house.administrator();
  const ben = await house.stranger();
  await ben.signUp('Ben Okafor', 'ben@example.test');
  const page = await ben.visit('/pending');
  await page.getByRole('heading', { name: 'Nearly aboard' }).waitFor();
  await page.getByText('looks at this list at noon.').waitFor();
  await page.getByText('ben@example.test').waitFor();
});

story('a password that people may not change is not asked for', { env: { ENABLE_PASSWORD_CHANGE_FORM: 'false' } }, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/me/password');
  await page.getByRole('heading', { name: 'Passwords cannot be changed here' }).waitFor();
  assert.equal(await page.getByRole('main').getByRole('textbox').count(), 0);
  await expectAccessible(page, 'a password that cannot be changed');
});
