/** Every page, in light and dark, wide and on a phone: accessible, never wider than the window, true to its policy. */
import { expectAccessible, expectNoSidewaysScroll, story } from './support.mjs';

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const SIZES = [
  ['wide', {}],
  ['on a phone', PHONE],
];

const ADMINISTRATION = [
  ['/admin/connections', 'Connections'],
  ['/admin/models', 'Models'],
  ['/admin/keys', 'Virtual keys'],
  ['/admin/users', 'Users'],
  ['/admin/groups', 'Groups'],
  ['/admin/permissions', 'Permissions'],
  ['/admin/audit', 'Audit log'],
  ['/admin/settings', 'Settings'],
];

/** Parts of the page of one person, and of one group. */
const PERSON = ['', '?tab=access', '?tab=groups', '?tab=sessions', '?tab=keys', '?tab=chats'];
const GROUP = ['', '?tab=permissions'];

async function expectGood(page, what) {
  await expectNoSidewaysScroll(page, what);
  await expectAccessible(page, what);
}

for (const [size, options] of SIZES) {
  story(`sign-up and sign-in, ${size}`, {}, async (house) => {
    const first = await house.stranger(options);
    await first.page.goto('/signup');
    await first.page.getByRole('heading', { name: 'Create the administrator' }).waitFor();
    await expectGood(first.page, `first sign-up ${size}`);

    await house.administrator();
    const { page } = await house.stranger(options);
    await page.goto('/login');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await expectGood(page, `sign-in ${size}`);
    await page.goto('/signup');
    await page.getByRole('heading', { name: 'Sign-up is closed' }).waitFor();
    await expectGood(page, `closed sign-up ${size}`);
  });

  story(`administration, ${size}`, { env: { ENABLE_SIGNUP: 'true' } }, async (house) => {
    const ada = await house.administrator(options);
    const ben = await house.stranger();
    await ben.signUp('Ben Okafor', 'ben@example.test');
    await ada.ask('POST', '/api/v1/keys', { name: 'Nightly evaluation', max_budget: 25, models: ['demo/*'] });
    for (const [path, heading] of ADMINISTRATION) {
      const page = await ada.visit(path);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
      await expectGood(page, `${path} ${size}`);
    }
  });

  story(`one person and one group, ${size}`, { env: { ENABLE_SIGNUP: 'true' } }, async (house) => {
    const ada = await house.administrator(options);
    const ben = await house.account('Ben Okafor', 'ben@example.test');
    const group = await ada.ask('POST', '/api/v1/groups/create', { name: 'Evaluation', description: 'Tries models.' });
    await ada.ask('POST', `/api/v1/groups/id/${group.id}/users/add`, { user_ids: [ben.id] });
    const paths = [...PERSON.map((part) => [`/admin/users/${ben.id}${part}`, 'Ben Okafor']), ...GROUP.map((part) => [`/admin/groups/${group.id}${part}`, 'Evaluation'])];
    for (const [path, heading] of paths) {
      const page = await ada.visit(path);
      await page.getByRole('heading', { name: heading, level: 1 }).waitFor();
      await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
      await expectGood(page, `${path} ${size}`);
    }
  });

  story(`a chat and a page that does not exist, ${size}`, {}, async (house) => {
    const ada = await house.administrator(options);
    const page = await ada.visit('/');
    const composer = page.getByRole('textbox', { name: 'Message' });
    await composer.waitFor();
    await expectGood(page, `the new chat ${size}`);
    await page.goto('/no/such/page');
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expectGood(page, `the missing page ${size}`);
  });
}
