/** What a story does in a chat: choosing a model, asking, and looking at the answers. */
import { PATIENCE } from './patience.mjs';

/** How long a whole answer may take; the slow demo model takes its time on purpose. */
const WHOLE_ANSWER = 3 * PATIENCE;

export const composer = (page) => page.getByRole('textbox', { name: 'Message', exact: true });

/** Every answer of the branch that is shown, from top to bottom. */
export const answers = (page) => page.locator('article:not([aria-label^="You"])');

/** Every question of the branch that is shown. */
export const questions = (page) => page.getByRole('article', { name: 'You', exact: true });

export async function choose(page, model) {
  await page.getByRole('button', { name: /^(Model:|Choose a model)/ }).click();
  const search = page.getByRole('combobox', { name: 'Search models' });
  await search.fill(model);
  await page.getByRole('option').first().waitFor();
  await search.press('Enter');
  await page.getByRole('button', { name: new RegExp(`^Model: .*${model.replace('demo/', '')}`, 'i') }).waitFor();
}

/** Sends `text` and returns the answer that follows, which may still be written. */
export async function say(page, text) {
  const before = await answers(page).count();
  await composer(page).fill(text);
  await composer(page).press('Enter');
  const answer = answers(page).nth(before);
  await answer.waitFor();
  return answer;
}

/** Waits until nobody writes `answer` any more. */
export async function finished(answer) {
  await answer.getByRole('button', { name: 'Answer again' }).waitFor({ timeout: WHOLE_ANSWER });
  return answer;
}

/** Waits until `answer` shows some text, and returns it. */
export async function begun(answer) {
  await answer.locator('.md').filter({ hasText: /\S/ }).first().waitFor();
  return answer.innerText();
}
