// What is asked of a file from outside, before SQLite opens it.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { untilStill } from '../../electron/engine/outside.ts';
import { tempFolder } from '../support/temp.ts';

test('a file that is written on and on is not waited for without end', async () => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  fs.writeFileSync(file, 'first');
  let writes = 0;
  const writing = setInterval(() => fs.appendFileSync(file, String(writes++)), 30);
  await untilStill(file, { signal: new AbortController().signal, atMostMs: 1200 });
  clearInterval(writing);
  expect(writes).toBeGreaterThan(2);
});
