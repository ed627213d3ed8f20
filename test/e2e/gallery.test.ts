// Every state of the application, looked at in a real Chromium under the hosts' own policy: nothing that axe objects to in
// light and dark, nothing that the policy refuses, nothing that sticks out of a narrow window.
import { AxeBuilder } from '@axe-core/playwright';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { chromiumArgs, findChromium } from '../support/chromium.ts';
import { type Scene, scenes } from '../support/gallery-scenes.ts';
import { type Gallery, openGallery } from '../support/gallery-server.ts';

const standards = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let gallery: Gallery;
let browser: Browser;

beforeAll(async () => {
  gallery = await openGallery();
  browser = await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArgs] });
});

afterAll(async () => {
  await browser.close();
  await gallery[Symbol.asyncDispose]();
});

// Each is at work in its own page, and waits for it.
vi.setConfig({ maxConcurrency: 2 });

describe.concurrent('a screen', () => {
  test.each(Object.entries(scenes).filter(([, { isForEyes }]) => isForEyes !== true))(
    '%s is accessible in light and dark, and fits a narrow window',
    async (_, scene) => {
      await using view = await openScene(scene);
      const { page, complaints } = view;
      const light = await axe(page).withTags(standards).analyze();
      // The theme changes colours and nothing else.
      await page.evaluate(() => (document.documentElement.dataset['theme'] = 'dark'));
      const dark = await axe(page).withRules(['color-contrast']).analyze();
      const tooWide: Record<number, readonly string[]> = {};
      for (const width of [760, 480]) {
        await page.setViewportSize({ width, height: 900 });
        await nextFrames(page);
        tooWide[width] = await findTooWide(page);
      }
      expect({
        complaints,
        light: light.violations.map(brief),
        dark: dark.violations.map(brief),
        tooWide,
      }).toEqual({ complaints: [], light: [], dark: [], tooWide: { 760: [], 480: [] } });
    },
  );
});

test('a value that cannot be shown costs its card, and no window', async () => {
  let broken = 0;
  for (const place of ['#/', '#/database/sales', '#/activity', '#/destinations', '#/database/ledger']) {
    await using view = await openScene({ state: 'hostile', place });
    const { page } = view;
    expect(await page.getByRole('navigation', { name: 'Main' }).getByRole('link').count()).toBeGreaterThan(6);
    broken += await page.getByText('This part cannot be shown').count();
    // Where it does not show, one goes on as always.
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
  }
  expect(broken).toBeGreaterThan(0);
});

test('details are asked for while they are shown, and not otherwise', async () => {
  await using view = await openScene({ state: 'five', place: '#/database/sales' }, { hasClock: true });
  const { page } = view;
  const opener = page.getByRole('button', { name: /^Details / });
  // The invented engine counts how often it is asked.
  const asked = async (afterMs: number): Promise<number> => {
    await page.clock.runFor(afterMs);
    const text = await page.getByRole('term').filter({ hasText: 'Transactions' }).locator('+ dd').textContent();
    return Number(text?.replace(',', '')) - 11_693;
  };
  await page.clock.pauseAt(Date.now() + 60_000);
  await opener.click();
  const first = await asked(100);
  const second = await asked(4_200);
  await opener.click();
  await page.clock.runFor(60_000);
  await opener.click();
  // React's strict mode opens everything twice; a minute of being closed asks nothing.
  expect([first, second, await asked(100)]).toEqual([2, 4, 6]);
});

/** Of what is in order, no details are worked out. */
function axe(page: Page): AxeBuilder {
  return new AxeBuilder({ page }).options({ resultTypes: ['violations'] }).setLegacyMode();
}

interface View extends AsyncDisposable {
  readonly page: Page;
  /** Errors of the page, among them everything that the policy refused. */
  readonly complaints: readonly string[];
}

async function openScene(scene: Scene, { hasClock = false } = {}): Promise<View> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
    timezoneId: 'Europe/Berlin',
  });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  if (hasClock) await page.clock.install();
  const { place } = scene;
  await page.goto(gallery.at(scene.state, { theme: 'light', ...(place === undefined ? {} : { place }) }));
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await scene.act?.(page);
  // What fades in is judged when it is there.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => 0))),
  );
  return { page, complaints, [Symbol.asyncDispose]: () => context.close() };
}

/** What follows the window's size has followed it. */
async function nextFrames(page: Page): Promise<void> {
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve)))),
  );
}

/** Elements that reach beyond the window's right edge, and are not cut off or scrolled by something around them. */
async function findTooWide(page: Page): Promise<readonly string[]> {
  return await page.evaluate(() => {
    const isCut = (element: Element | null): boolean => {
      if (element === null || element === document.body) return false;
      const { overflowX } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const isScroller = overflowX !== 'visible' && box.right <= innerWidth + 1 && !element.matches('main');
      return isScroller || isCut(element.parentElement);
    };
    return [...document.querySelectorAll('#root *, [role=dialog] *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !isCut(element))
      .map((element) => `${element.tagName} ${element.textContent.slice(0, 60)}`);
  });
}

function brief({ id, nodes }: { readonly id: string; readonly nodes: readonly { readonly html: string }[] }): string {
  return `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`;
}
