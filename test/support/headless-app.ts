// The built headless host as a process, and a real browser in front of it.
import { resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from './chromium.ts';
import { type StartOptions, type Started, startScript } from './processes.ts';

const entry = resolve(import.meta.dirname, '../../dist/electron/headless.js');

export interface HeadlessApp extends AsyncDisposable {
  readonly process: Started;
  /** The printed address, with its key: it lets in once. */
  readonly url: string;
}

/** Starts the application as `npm start` would where there is no display. */
export async function startHeadless(
  dataDir: string,
  args: readonly string[] = [],
  options: StartOptions & { readonly opens?: boolean } = {},
): Promise<HeadlessApp> {
  const opening = options.opens === true ? [] : ['--no-open'];
  const started = startScript(entry, ['--data-dir', dataDir, ...opening, ...args], options);
  await started.printed('Press Ctrl+C');
  const [url = ''] = /https?:\S+#token=\S+/.exec(started.output()) ?? [];
  return { process: started, url, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}

/** A browser of the test's own. */
export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  return await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArgs] });
}
