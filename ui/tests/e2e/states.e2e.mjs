/** Administration pages that have nothing to show yet, or cannot: still waiting, empty, failed. */
import { expectAccessible, story } from './support.mjs';

const PAGES = [
  { path: '/admin/connections', api: '**/api/v1/connections', what: 'connections', none: 'No connection yet', empty: { items: [], allowed_base_urls: [] } },
  { path: '/admin/models', api: '**/api/v1/catalog/models', what: 'models', none: 'No models yet', empty: { items: [] } },
  { path: '/admin/keys', api: '**/api/v1/keys?*', what: 'keys', none: 'No key yet', empty: { items: [], total: 0 } },
  { path: '/admin/groups', api: '**/api/v1/groups/', what: 'groups', none: 'No group yet', empty: [] },
  { path: '/admin/audit', api: '**/api/v1/audit', what: 'records', none: 'No record yet', empty: { items: [], next: null } },
  { path: '/admin/settings', api: '**/api/v1/settings', what: 'settings', none: 'No setting matches', empty: { items: [] } },
  { path: '/admin/users?query=nobody', api: '**/api/v1/users/?*', what: 'people', none: 'Nobody matches', empty: { users: [], total: 0 } },
];

for (const { path, api, what, none, empty } of PAGES) {
  story(`the page of ${what} says that it is loading, and that there is nothing`, {}, async (house) => {
    const ada = await house.administrator();
    let answer;
    const asked = new Promise((resolve) => (answer = resolve));
    await ada.page.route(api, async (route) => {
      await asked;
      await route.fulfill({ json: empty });
    });
    await ada.page.goto(path);
    await ada.page.getByRole('status').getByText(`Loading ${what}`).waitFor({ state: 'attached' });
    await expectAccessible(ada.page, `loading ${what}`);
    answer();
    await ada.page.getByRole('heading', { name: none }).waitFor();
    await expectAccessible(ada.page, `no ${what}`);
  });

  story(`the page of ${what} says why it failed, and tries again when asked`, {}, async (house) => {
    const ada = await house.administrator();
    await ada.page.route(api, (route) => route.fulfill({ status: 429, json: { detail: 'Too many requests; wait a moment.', code: 'rate_limited' } }));
    await ada.page.goto(path);
    const failure = ada.page.getByRole('alert');
    await failure.getByText('Too many requests; wait a moment.').waitFor();
    await expectAccessible(ada.page, `failed ${what}`);
    await ada.page.unroute(api);
    await failure.getByRole('button', { name: 'Try again' }).click();
    await failure.waitFor({ state: 'detached' });
  });
}
