// Takes pictures of the gallery to look at: node test/support/shoot-gallery.ts <folder> [parts of names, by comma] [scale]
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { chromiumArgs, findChromium } from './chromium.ts';
import { openGallery } from './gallery-server.ts';
import { scenes } from './gallery-scenes.ts';

const [folder = 'gallery', filter = '', scale = '1'] = process.argv.slice(2);
const widths = [
  [1280, 860],
  [760, 900],
  [480, 900],
] as const;

await mkdir(folder, { recursive: true });
await using gallery = await openGallery();
const browser = await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArgs] });
for (const [name, scene] of Object.entries(scenes)) {
  for (const theme of ['light', 'dark']) {
    for (const [width, height] of widths) {
      const shot = `${name}-${theme}-${width}`;
      if (!filter.split(',').some((part) => shot.includes(part))) continue;
      const page = await browser.newPage({
        viewport: { width, height },
        deviceScaleFactor: Number(scale),
        timezoneId: 'Europe/Berlin',
      });
      watch(page, shot);
      await page.goto(gallery.at(scene.state, { theme, ...(scene.place === undefined ? {} : { place: scene.place }) }));
      await page.waitForTimeout(500);
      await scene.act?.(page);
      await page.waitForTimeout(500);
      await page.screenshot({ path: join(folder, `${shot}.png`) });
      await page.close();
    }
  }
}
await browser.close();

function watch(page: Page, name: string): void {
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') console.log(name, message.text());
  });
  page.on('pageerror', (error) => console.log(name, error.message));
}
