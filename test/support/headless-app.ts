// The built headless host as a process, and a real browser in front of it.
import { resolve } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { chromiumArgs, findChromium } from './chromium.ts';
import { type Started, startScript } from './processes.ts';

const entry = resolve(import.meta.dirname, '../../dist/electron/headless.js');

export interface HeadlessApp extends AsyncDisposable {
  readonly process: Started;
  /** The printed address, with its token. */
  readonly url: string;
}

/** Starts the application as `npm start` would where there is no display. */
export async function startHeadless(dataDir: string, args: readonly string[] = []): Promise<HeadlessApp> {
  const started = startScript(entry, ['--data-dir', dataDir, '--no-open', ...args]);
  await started.printed('Press Ctrl+C');
  const [url = ''] = /http:\S+/.exec(started.output()) ?? [];
  return { process: started, url, [Symbol.asyncDispose]: () => started[Symbol.asyncDispose]() };
}

/** A browser of the test's own. */
export async function openBrowser(): Promise<Browser & AsyncDisposable> {
  return await chromium.launch({ executablePath: await findChromium(), args: [...chromiumArgs] });
}
