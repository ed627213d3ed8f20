// `npm start` after its build: which host it picks, and what it says about it. Electron's runtime itself is not asked for.
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { enter } from '../support/enter.ts';
import { startScript } from '../support/processes.ts';
import { tempFolder } from '../support/temp.ts';

const start = resolve(import.meta.dirname, '../../electron/start.ts');

test.each([
  ['as asked', ['--headless'], { DISPLAY: ':77' }, 'without Electron, as you asked'],
  ['without a display', [], { DISPLAY: '', WAYLAND_DISPLAY: '' }, 'without Electron, because there is no display here'],
])('serves the application headless %s, and passes its options on', async (_what, args, env, sentence) => {
  using folder = tempFolder();
  await using started = startScript(start, [...args, '--no-open', '--data-dir', folder.at('data')], { env });
  await started.printed('Press Ctrl+C');
  expect(started.output()).toContain(sentence);
  const [url = ''] = /http:\S+/.exec(started.output()) ?? [];
  expect((await enter(url)).secret).toMatch(/^[\w-]{43}$/);
  started.child.kill('SIGTERM');
  expect(await started.ended).toBe(0);
});

test('says who holds the data folder', async () => {
  using folder = tempFolder();
  const args = ['--headless', '--no-open', '--data-dir', folder.at('data')];
  await using first = startScript(start, args);
  await first.printed('Press Ctrl+C');
  await using second = startScript(start, args);
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(`in use by another Tidemark (process ${first.child.pid}`);
});

test.each([
  [['--headless', '--port', 'web'], '--port web is not a port number.'],
  [['--headless', '--prot', '1'], "Unknown option '--prot'"],
])('explains wrong options: %j', async (args, sentence) => {
  using folder = tempFolder();
  await using started = startScript(start, [...args, '--data-dir', folder.at('data')]);
  expect(await started.ended).toBe(1);
  expect(started.output()).toContain(sentence);
});
