// A history in a bucket, shipped over a network that breaks one request in three: whole again with us and with the real
// litestream, and no secret anywhere on the way.
import fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { shipThroughFaults } from '../support/faulty-shipping.ts';
import { tempFolder } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

test('what was shipped through faults restores identically with us and with the real litestream', async () => {
  console.log(`seed ${seed}`);
  const secret = `marker-${seed}-of-a-secret`;
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'tester');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
  const printed: unknown[] = [];
  const writers = [process.stdout, process.stderr].map((stream) =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      printed.push(text);
      return true;
    }),
  );
  using folder = tempFolder();
  const shipped = await shipThroughFaults(folder, { seed, transactions: 100, secret });
  for (const writer of writers) writer.mockRestore();

  // On a fast computer fewer requests do; every kind of fault has its turn.
  expect(shipped.faults).toBeGreaterThanOrEqual(8);
  expect(fs.readFileSync(shipped.theirs).equals(fs.readFileSync(shipped.ours))).toBe(true);
  for (const table of shipped.tables) expect(readTruth(shipped.ours, table)).toEqual(readTruth(shipped.source, table));
  expect(shipped.told.length).toBeGreaterThan(1000);
  expect(shipped.told.includes(secret)).toBe(false);
  expect(printed.join('').includes(secret)).toBe(false);
}, 120_000);
