// A history in a bucket, shipped for minutes over a network that breaks one request in three.
import fs from 'node:fs';
import { expect, test, vi } from 'vitest';
import { shipThroughFaults } from '../support/faulty-shipping.ts';
import { tempFolder } from '../support/temp.ts';
import { readTruth } from '../support/truth.ts';

const seed = Number(process.env['TIDEMARK_SEED'] ?? Math.floor(Math.random() * 1e9));

test('what was shipped through faults for minutes restores identically with us and with the real litestream', async () => {
  console.log(`seed ${seed}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'tester');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'testing');
  using folder = tempFolder();
  const shipped = await shipThroughFaults(folder, { seed, transactions: 9000, secret: 'testing' });
  expect(shipped.faults).toBeGreaterThan(200);
  expect(fs.readFileSync(shipped.theirs).equals(fs.readFileSync(shipped.ours))).toBe(true);
  for (const table of shipped.tables) expect(readTruth(shipped.ours, table)).toEqual(readTruth(shipped.source, table));
}, 600_000);
