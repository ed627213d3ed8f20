// On a Windows there are no signals: who presses Ctrl+C wants the orderly end that others get by a signal.
import { expect, test } from 'vitest';
import { startTidemarkInConsole, startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import { lyingThere, opening, restored, selling } from '../support/windows/shop.ts';

test('Ctrl+C ends in order, and everything is at its place', async () => {
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  await using app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  const [backup, data] = [folder.at('backup'), folder.at('data')];
  await using tidemark = startTidemarkInConsole(folder, 'replicate', file, backup, '--data-dir', data);
  await tidemark.printed('protected');
  await app.does(selling('second'), selling('third'));
  tidemark.pressCtrlC();
  const code = await tidemark.ended;
  expect(tidemark.output()).toContain('Everything that was captured is at its destination');
  expect(code).toBe(0);
  expect(await restored(folder)).toEqual(['first', 'second', 'third']);
  await app.does(selling('fourth'), ['close']);
  expect(await lyingThere(app, folder)).toEqual(['shop.db']);
});
