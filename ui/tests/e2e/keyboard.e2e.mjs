/** Everything by keyboard, from the closed door to a stopped answer. */
import assert from 'node:assert/strict';
import { story } from './support.mjs';
import { answers, begun, composer } from './support/chat.mjs';
import { PASSWORD } from './support/person.mjs';

/** The name of what has the focus, as assistive technology would call it. */
const focused = (page) =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.labels?.[0]?.textContent?.trim() ?? element?.textContent?.trim() ?? '';
  });

/** Presses Tab until `name` has the focus; a control that cannot be reached this way is a fault. */
async function tabTo(page, name) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    if (name.test(await focused(page))) return;
  }
  assert.fail(`no amount of Tab leads to ${name}`);
}

story('sign in, choose a model, ask, stop and begin anew without a mouse', {}, async (house) => {
  await house.administrator();
  const { page } = await house.stranger();
  await page.goto('/login');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await tabTo(page, /^Email$/);
  await page.keyboard.type('ada@example.test');
  await tabTo(page, /^Password$/);
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await composer(page).waitFor();

  await tabTo(page, /^(Model:|Choose a model)/);
  await page.keyboard.press('Enter');
  await page.getByRole('combobox', { name: 'Search models' }).waitFor();
  await page.keyboard.type('demo/slow');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Enter');

  await page.keyboard.press('Control+Shift+L');
  assert.match(await focused(page), /^Message$/);
  await page.keyboard.type('Slowly please');
  await page.keyboard.press('Enter');
  await begun(answers(page).first());
  await page.keyboard.press('Escape');
  await answers(page).first().getByText('Stopped').waitFor();

  await page.keyboard.press('Control+Shift+O');
  await page.waitForURL((url) => url.pathname === '/');
  assert.equal(await answers(page).count(), 0);
});

story('the list of shortcuts opens with a question mark and closes with Escape', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/');
  await composer(page).waitFor();
  await page.getByRole('main').focus();
  await page.keyboard.press('?');
  const help = page.getByRole('dialog', { name: /shortcuts/i });
  await help.getByText('New chat').waitFor();
  await page.keyboard.press('Escape');
  await help.waitFor({ state: 'hidden' });

  await composer(page).focus();
  await page.keyboard.type('Why?');
  assert.equal(await composer(page).inputValue(), 'Why?', 'a question mark in a text is a question mark');
});

story('the slash goes to the search of an administration page', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/admin/models');
  await page.getByRole('searchbox', { name: 'Search models' }).waitFor();
  await page.getByRole('main').focus();
  await page.keyboard.press('/');
  await page.keyboard.type('echo');
  assert.equal(await page.getByRole('searchbox', { name: 'Search models' }).inputValue(), 'echo');
});
