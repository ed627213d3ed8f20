// The built headless host when whoever started it is gone: nobody reads what it says.
import { expect, test } from 'vitest';
import { startHeadless } from '../support/headless-app.ts';
import { tempFolder } from '../support/temp.ts';

test('goes on without a reader, and stops in order', async () => {
  using folder = tempFolder();
  await using app = await startHeadless(folder.path);
  const { child, ended } = app.process;
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
});
