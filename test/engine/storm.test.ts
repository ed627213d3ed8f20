// Applications that do with their files what they like, a short run: they replace, compact, import, delete and switch them, and
// find what they left each time; every restore point is a state that there was. Longer ones: npm run soak -- --storm.
import { describe, expect, test } from 'vitest';
import { runStorm } from '../soak/storm.ts';
import { tempFolder } from '../support/temp.ts';

const random = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e6));

describe('an application whose files are replaced under its name', () => {
  test.concurrent.for([
    [4, 'a fixed one'],
    [random, 'a new one'],
  ] as const)('finds what it left, and so does a restore: seed %i, %s', async ([seed]) => {
    using folder = tempFolder('tidemark-storm');
    const options = { seed, folder: folder.path, seconds: 2, isAlone: false, handsMs: 0, only: '', say: console.log };
    const { complaints, summary } = await runStorm(options);
    console.log(`seed ${seed}: ${summary}`);
    expect(complaints, `seed ${seed}`).toEqual([]);
  });

  test.concurrent('finds it without any engine too: it asks for nothing that is not so', async () => {
    using folder = tempFolder('tidemark-storm');
    const options = {
      seed: random,
      folder: folder.path,
      seconds: 2,
      isAlone: true,
      handsMs: 0,
      only: '',
      say: console.log,
    };
    const { complaints } = await runStorm(options);
    expect(complaints, `seed ${random}`).toEqual([]);
  });
});
