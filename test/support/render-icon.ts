// Draws electron/icons/icon.png from icon.svg, the one source of the application's icon: node test/support/render-icon.ts
// The packager makes every other size and format from it.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from './chromium.ts';

const folder = resolve(import.meta.dirname, '../../electron/icons');
const size = 1024;
const svg = await readFile(resolve(folder, 'icon.svg'), 'utf8');
const browser = await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArgs] });
try {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<style>body{margin:0}svg{display:block;width:100vw;height:100vh}</style>${svg}`);
  await page.screenshot({ path: resolve(folder, 'icon.png'), omitBackground: true });
} finally {
  await browser.close();
}
