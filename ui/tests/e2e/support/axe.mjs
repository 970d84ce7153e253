/** Accessibility of a page as it stands, in both colour schemes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { within } from './patience.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with every rule broken in light or dark, naming the elements. Leaves the page in the light scheme. */
export async function expectAccessible(page, what) {
  for (const colorScheme of ['dark', 'light']) {
    await page.emulateMedia({ colorScheme });
    await within(page.evaluate(twoFrames), `repainting ${what}`);
    const faults = await within(violations(page), `checking ${what} with axe`, 60_000);
    assert.deepEqual(faults, [], `${what} in ${colorScheme}`);
  }
}

/** Runs in the page: when it is over, every style of the new scheme has been worked out and painted. */
const twoFrames = () => new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));

async function violations(page) {
  await page.evaluate(axe); // the debugger's evaluate is not subject to the page's policy
  return page.evaluate(async (rules) => {
    const report = await globalThis.axe.run(document, { runOnly: rules });
    return report.violations.flatMap((fault) =>
      fault.nodes.map((node) => `${fault.id}: ${node.target.join(' ')}: ${node.any[0]?.message ?? node.all[0]?.message ?? fault.help}`),
    );
  }, RULES);
}

/** Fails when the page, or its main part, is wider than the window. */
export async function expectNoSidewaysScroll(page, what) {
  const wide = await page.evaluate(() =>
    [document.documentElement, ...document.querySelectorAll('main')]
      .filter((element) => element.scrollWidth > element.clientWidth)
      .map((element) => `${element.tagName.toLowerCase()} is ${element.scrollWidth} px in ${element.clientWidth} px`),
  );
  assert.deepEqual(wide, [], `${what} scrolls sideways`);
}
