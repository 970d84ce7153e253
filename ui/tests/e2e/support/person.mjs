/** Somebody with a browser of their own, and a record of everything their pages did wrong. */
import assert from 'node:assert/strict';
import { PATIENCE } from './patience.mjs';

/** Long and unguessable enough for any password rule; the same for everybody, since stories never share a server. */
export const PASSWORD = 'Copper-lantern-47-harbour';

export class Person {
  /** Violations of the content security policy, console errors, uncaught errors, and requests that left the origin. */
  blemishes = [];

  static async arrive(browser, url, options) {
    const person = new Person();
    person.url = url;
    person.context = await browser.newContext({
      baseURL: url,
      viewport: { width: 1280, height: 860 },
      reducedMotion: 'reduce', // a colour half-way through a transition is not a contrast fault
      permissions: ['clipboard-read', 'clipboard-write'],
      ...options,
    });
    person.context.setDefaultTimeout(PATIENCE);
    await person.context.exposeBinding('reportPolicyViolation', (_, text) => person.blemishes.push(text));
    await person.context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        window.reportPolicyViolation(`CSP ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
      });
    });
    person.page = await person.openPage();
    return person;
  }

  /** Another tab of the same person. */
  async openPage() {
    const page = await this.context.newPage();
    page.on('pageerror', (error) => this.blemishes.push(`uncaught: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() !== 'error') return;
      // Chromium logs every 4xx; being refused is a thing that stories do on purpose, a 5xx is not.
      if (/^Failed to load resource: .* status of 4\d\d/.test(message.text())) return;
      this.blemishes.push(`console: ${message.text().slice(0, 300)}`);
    });
    page.on('request', (request) => {
      const target = new URL(request.url());
      const local = ['data:', 'blob:'].includes(target.protocol) || target.origin === this.url;
      if (!local) this.blemishes.push(`left the origin: ${request.url().slice(0, 120)}`);
    });
    return page;
  }

  /** Speaks to the API as this person's browser would, for what a story needs but is not about. */
  async ask(method, path, data) {
    const response = await this.context.request.fetch(path, {
      method,
      data,
      headers: { origin: this.url },
      timeout: PATIENCE,
    });
    const text = await response.text();
    assert.ok(response.ok(), `${method} ${path} answered ${response.status()}: ${text.slice(0, 300)}`);
    return text ? JSON.parse(text) : null;
  }

  /** Makes an account through the API; the context keeps the session's cookie. */
  async signUp(name, email) {
    this.password = PASSWORD;
    this.name = name;
    this.email = email;
    return this.ask('POST', '/api/v1/auths/signup', { name, email, password: PASSWORD });
  }

  /** Opens `path` and waits until the page shows its heading or its composer. */
  async visit(path) {
    await this.page.goto(path);
    await this.page.locator('main').first().waitFor();
    return this.page;
  }

  async expectUnblemished() {
    assert.deepEqual(this.blemishes, [], `${this.name ?? 'the visitor'} saw a page misbehave`);
  }

  async leave() {
    await this.context.close();
  }
}
