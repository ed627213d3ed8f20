// Applications that do with their files what they like, a short run: they replace, compact, import, delete and switch them, and
// find what they left each time; every restore point is a state that there was. Longer ones: npm run soak -- --storm.
import { describe, expect, test } from 'vitest';
import { runStorm } from '../soak/storm.ts';
import { tempFolder } from '../support/temp.ts';

/** New ones are for the soak, which goes on where one fails: what other work on the machine does to them is not repeatable. */
const seed = Number(process.env['TIDEMARK_SEED'] ?? 4);

describe('an application whose files are replaced under its name', () => {
  test('finds what it left, and so does a restore', async () => {
    using folder = tempFolder('tidemark-storm');
    const options = { seed, folder: folder.path, seconds: 2, isAlone: false, handsMs: 0, only: '', say: console.log };
    const { complaints, summary } = await runStorm(options);
    console.log(`seed ${seed}: ${summary}`);
    expect(complaints, `seed ${seed}`).toEqual([]);
  });

  test('finds it without any engine too: it asks for nothing that is not so', async () => {
    using folder = tempFolder('tidemark-storm');
    const options = {
      seed,
      folder: folder.path,
      seconds: 2,
      isAlone: true,
      handsMs: 0,
      only: '',
      say: console.log,
    };
    const { complaints } = await runStorm(options);
    expect(complaints, `seed ${seed}`).toEqual([]);
  });
});
