/** The audit log by its filters, by the keyboard alone, and when the chain is broken. */
import assert from 'node:assert/strict';
import { eventually, expectAccessible, expectNoSidewaysScroll, story } from './support.mjs';

const OPEN = { env: { ENABLE_SIGNUP: 'true' } };
const table = (page) => page.getByRole('table', { name: 'Records' });
const param = (page, name) => new URL(page.url()).searchParams.get(name);

/** Names of the events in sight. */
const events = (page) => table(page).getByRole('link').allInnerTexts();

story('every filter is in the address, and the address alone brings the same records back', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  await ben.context.request.get('/api/v1/users/', { headers: { origin: house.url } });
  const page = await ada.visit('/admin/audit');

  await page.getByLabel('Outcome').selectOption('denied');
  await eventually(async () => (await events(page)).length === 1, 'the one denial');
  assert.deepEqual([param(page, 'outcome'), await events(page)], ['denied', ['Access denied']]);

  await page.getByRole('button', { name: 'Clear filters' }).click();
  await page.getByLabel('To what').fill(id);
  await eventually(() => Promise.resolve(param(page, 'target') === id), 'the target in the address');
  await eventually(async () => (await events(page)).includes('Signed up') && !(await events(page)).includes('Access denied'), 'what was done to Ben');

  const today = new Date();
  const day = [today.getFullYear(), String(today.getMonth() + 1).padStart(2, '0'), String(today.getDate()).padStart(2, '0')].join('-');
  await page.getByLabel('From', { exact: true }).fill(day);
  await page.getByLabel('To', { exact: true }).fill(day);
  await eventually(() => Promise.resolve(param(page, 'from') === day && param(page, 'to') === day), 'both days in the address');
  await table(page).getByRole('link', { name: 'Signed up' }).waitFor();

  const other = await ada.openPage();
  await other.goto(page.url());
  await eventually(async () => (await events(other)).length > 0, 'the same records');
  assert.deepEqual(await events(other), await events(page));
  assert.equal(await other.getByLabel('To what').inputValue(), id);
});

story('somebody is chosen as the one who acted, and the address names them', OPEN, async (house) => {
  const ada = await house.administrator();
  const ben = await house.member(ada);
  const { id } = await ben.ask('GET', '/api/v1/auths/');
  const page = await ada.visit(`/admin/audit?actor=${id}`);
  await eventually(async () => (await events(page)).length > 0, 'what Ben did');
  const who = await table(page).getByRole('cell').filter({ hasText: 'Ben Okafor' }).count();
  assert.equal(who, (await events(page)).length, 'nobody else is in the list');
});

story('the log is filtered, read and left without a mouse', OPEN, async (house) => {
  const ada = await house.administrator();
  await house.member(ada);
  const page = await ada.visit('/admin/audit');
  await table(page).getByRole('link').first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? '');
  const name = () => page.evaluate(() => document.activeElement?.labels?.[0]?.textContent?.trim() ?? '');
  const tabTo = async (probe, what) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await probe()) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`${what} was not reached by the Tab key`);
  };

  await tabTo(async () => (await name()) === 'Event', 'the filter of events');
  await page.keyboard.type('Role changed');
  await page.waitForURL(/event=account\.role_changed/);
  await eventually(async () => (await events(page)).every((text) => text === 'Role changed'), 'the other records leaving');
  await tabTo(async () => (await focused()) === 'Role changed', 'the first record');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('Hash of the record before').waitFor();
  assert.match(await focused(), /^Record \d+$/, 'the details begin at their title');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
  assert.equal(await focused(), 'Role changed');
});

story('a broken chain says what was found, where, and what to do', {}, async (house) => {
  const ada = await house.administrator();
  const problem = 'record 2 does not follow from the one before it';
  await ada.page.route('**/api/v1/audit/verify', (route) => route.fulfill({ json: { ok: false, records: 9, problems: [problem] } }));
  const page = await ada.visit('/admin/audit');
  const state = page.getByRole('region', { name: 'State of the log' });
  await state.getByRole('button', { name: 'Verify now' }).click();
  await state.getByText('The log was tampered with, or damaged').waitFor();
  await state.getByRole('alert').getByText(problem).waitFor();
  await state.getByText('wardroom audit verify').waitFor();
  await expectAccessible(page, 'a broken chain');
  await page.setViewportSize({ width: 320, height: 700 });
  await expectNoSidewaysScroll(page, 'a broken chain on a small phone');
});

story('a chain that was found broken stays marked after a reload, and a sink that fails says why', {}, async (house) => {
  const ada = await house.administrator();
  await ada.page.route('**/api/v1/audit/status', async (route) => {
    const answer = await route.fetch();
    const status = await answer.json();
    const verified = { at: status.head.at, ok: false, problem: 'record 7 is missing' };
    const sinks = [{ kind: 'database', ok: true, error: null }, { kind: 'file', ok: false, error: 'No space left on device' }];
    await route.fulfill({ response: answer, json: { ...status, verified, sinks } });
  });
  const page = await ada.visit('/admin/audit');
  await page.getByText('The log was tampered with, or damaged').waitFor();
  await page.getByText('record 7 is missing').waitFor();
  await page.getByText('No space left on device').waitFor();
  await expectAccessible(page, 'a log with a sink that fails');
});

story('a check that could not be made says so, and not that the log is broken', {}, async (house) => {
  const ada = await house.administrator();
  await ada.page.route('**/api/v1/audit/verify', (route) => route.fulfill({ status: 429, json: { detail: 'A check is running already.', code: 'busy' } }));
  const page = await ada.visit('/admin/audit');
  await page.getByRole('button', { name: 'Verify now' }).click();
  await page.getByRole('alert').getByText('It could not be verified: A check is running already.').waitFor();
  assert.equal(await page.getByText('tampered with').count(), 0);
});
