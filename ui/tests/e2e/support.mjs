/**
 * What a browser test is written with: `story` gives it a server of its own, people with a browser each, and at the end
 * fails it when any page broke the content security policy, logged an error, or asked another host for anything.
 *
 * Environment: `WARDROOM_BIN` (the binary, default `../target/debug/wardroom` seen from `ui/`), `WARDROOM_URL` (use a
 * server that already runs; then stories share it), `CHROMIUM` (default `/usr/bin/chromium`).
 */
import assert from 'node:assert/strict';
import { test, after } from 'node:test';
import { openTo, startServer } from './support/server.mjs';
import { startProvider } from './support/provider.mjs';
import { launchBrowser } from './support/browser.mjs';
import { PATIENCE } from './support/patience.mjs';
import { PASSWORD, Person } from './support/person.mjs';

export { expectAccessible, expectNoSidewaysScroll } from './support/axe.mjs';
export { eventually, within } from './support/patience.mjs';

/** One browser process per test file; a context per person keeps cookies apart. */
let browser;
after(async () => (await browser)?.close());

/**
 * Runs `tell` against a fresh server.
 * @param {string} name a sentence of the specification
 * @param {{env?: Record<string, string>, provider?: boolean, host?: string}} settings environment of the server, whether
 *   a model provider runs beside it (`house.provider`) that the server is allowed to reach, and the name it is opened by
 * @param {(house: House) => Promise<void>} tell
 */
export function story(name, settings, tell) {
  test(name, { timeout: 120_000 }, async (t) => {
    browser ??= launchBrowser();
    const provider = settings.provider ? await startProvider() : null;
    t.after(() => provider?.stop());
    const reachable = provider ? openTo(provider.baseUrl) : {};
    const server = await startServer({ ...reachable, ...settings.env }, settings.host);
    const house = new House(await browser, server, provider);
    t.after(() => house.close());
    await tell(house);
    await house.expectUnblemished();
  });
}

/** A running server and everybody who has a browser open on it. */
class House {
  /** @type {Person[]} */
  #people = [];

  constructor(browser, server, provider) {
    this.browser = browser;
    this.server = server;
    this.provider = provider;
  }

  get url() {
    return this.server.url;
  }

  /** Somebody without an account, in a browser of their own. `options` go to Playwright's `newContext`. */
  async stranger(options = {}) {
    const person = await Person.arrive(this.browser, this.server.url, options);
    this.#people.push(person);
    return person;
  }

  /** The first account, hence the administrator. */
  async administrator(options = {}) {
    const person = await this.stranger(options);
    await person.signUp('Ada Marlow', 'ada@example.test');
    return person;
  }

  /** An account that an administrator has let in. */
  async member(administrator, options = {}) {
    const person = await this.stranger(options);
    const account = await person.signUp('Ben Okafor', 'ben@example.test');
    await administrator.ask('POST', `/api/v1/users/${account.id}/update`, { role: 'user' });
    return person;
  }

  /** An account of somebody who has no browser open; a stranger to everybody until they are let in. */
  async account(name, email) {
    const response = await fetch(`${this.url}/api/v1/auths/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name, email, password: PASSWORD }),
      signal: AbortSignal.timeout(2 * PATIENCE),
    });
    assert.ok(response.ok, `signing up answered ${response.status}: ${await response.clone().text()}`);
    return response.json();
  }

  async expectUnblemished() {
    for (const person of this.#people) await person.expectUnblemished();
  }

  async close() {
    for (const person of this.#people) await person.leave();
    await this.server.stop();
  }
}
