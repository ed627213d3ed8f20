// Random histories on a Windows: an application that commits, checkpoints, ends, is killed and replaces its file, and a Tidemark that is
// killed and comes again. Whatever happened, the application never meets an error, and the newest restore is its database.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { startWindowsApp, windowsFolder } from '../support/windows/programs.ts';
import { opening, protect, restored, selling } from '../support/windows/shop.ts';
import { until } from '../support/temp.ts';
import { seededRandom } from '../support/truth.ts';

const seeds = process.env['TIDEMARK_SEEDS']?.split(',').map(Number) ?? [1, 2, 3];
const acts = [
  'sell',
  'sell',
  'sell',
  'sell',
  'checkpoint',
  'reopen',
  'kill',
  'replace',
  'kill-tidemark',
  'wait',
] as const;
const modes = ['PASSIVE', 'FULL', 'RESTART', 'TRUNCATE'] as const;

test.for(seeds)('seed %d', async (seed) => {
  const random = seededRandom(seed);
  const one = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  using folder = windowsFolder();
  const file = folder.at('shop.db');
  let app = await startWindowsApp();
  await app.does(...opening(file), selling('first'));
  let sold = ['first'];
  let tidemark = await protect(folder, file);
  const done: string[] = [];
  try {
    for (let i = 0; i < 30; i += 1) {
      const act = one(acts);
      done.push(act);
      switch (act) {
        case 'sell': {
          const count = 1 + Math.floor(random() * 20);
          await app.does(...Array.from({ length: count }, (_, k) => selling(`${i}-${k}`)));
          sold.push(...Array.from({ length: count }, (_, k) => `${i}-${k}`));
          break;
        }
        case 'checkpoint':
          await app.does(['ask', `PRAGMA wal_checkpoint(${one(modes)})`]);
          break;
        case 'reopen':
          await app.does(['close'], ...(random() < 0.5 ? [['sleep', 300] as const] : []), ...opening(file));
          break;
        case 'kill':
          await app.kill();
          app = await startWindowsApp();
          await app.does(...opening(file));
          break;
        case 'replace': {
          // As its own import does: a new file, put in the place of the old one when that is closed.
          const other = folder.at(`other-${i}.db`);
          await app.does(['close'], ...opening(other), selling(`${i} imported`), [
            'ask',
            'PRAGMA journal_mode = DELETE',
          ]);
          await app.does(['close'], ['insist', other, file], ...opening(file), selling(`${i} behind`));
          sold = [`${i} imported`, `${i} behind`];
          break;
        }
        case 'kill-tidemark':
          await tidemark[Symbol.asyncDispose]();
          tidemark = await protect(folder, file);
          break;
        case 'wait':
          await app.does(['sleep', Math.floor(random() * 1500)]);
          break;
      }
      expect(await app.asks(['ask', 'SELECT count(*) FROM sale'])).toEqual([[sold.length]]);
    }
    expect(await app.asks(['ask', 'PRAGMA integrity_check'])).toEqual([['ok']]);
    await until(
      'the newest restore is the database',
      async () => (await restored(folder)).join() === sold.join(),
      60_000,
    );
  } catch (error) {
    throw new Error(`seed ${seed}, after ${done.join(', ')}:\n${tidemark.output()}`, { cause: error });
  } finally {
    await app.kill();
    await tidemark[Symbol.asyncDispose]();
  }
  expect(fs.existsSync(folder.here('shop.db'))).toBe(true);
});
