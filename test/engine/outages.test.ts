// Bad days one after the other, a short run: destinations and disks that go, fill, are emptied and come back under written and idle
// databases, an engine that is killed and stopped. Whatever is said meanwhile is held against what could be restored at that time.
// Longer ones: npm run soak -- --outages.
import { expect, test } from 'vitest';
import { runOutages } from '../soak/outages.ts';
import { tempFolder } from '../support/temp.ts';

/** New ones are for the soak, which goes on where one fails: what other work on the machine does to them is not repeatable. */
const seed = Number(process.env['TIDEMARK_SEED'] ?? 6);

test.skipIf(process.platform === 'win32')('nothing is said of protection that is not so', async () => {
  using folder = tempFolder('tidemark-outages');
  const { complaints, summary } = await runOutages({
    seed,
    folder: folder.path,
    seconds: 4,
    rounds: 2,
    say: console.log,
  });
  console.log(`seed ${seed}: ${summary}`);
  expect(complaints, `seed ${seed}`).toEqual([]);
});
