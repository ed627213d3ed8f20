// What the state database costs per captured transaction, on disk and in processor time: the catalogue alone is told of
// segments as a shipper tells them, one a second. A program of its own.
//   node test/bench/bench-catalogue.ts [--transactions 1000000] [--rate 50] [--targets 1]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStateDatabase } from '../../electron/engine/state/state-database.ts';
import { tellPacedHistory } from '../support/paced-history.ts';

const { values } = parseArgs({
  options: {
    transactions: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '50' },
    targets: { type: 'string', default: '1' },
  },
});
const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-'));
try {
  const database = openStateDatabase(folder);
  const before = process.cpuUsage();
  const told = tellPacedHistory(database, {
    transactions: Number(values.transactions),
    perSecond: Number(values.rate),
    targets: Number(values.targets),
  });
  const { user, system } = process.cpuUsage(before);
  database.pragma('wal_checkpoint(TRUNCATE)');
  const bytes = Number(database.pragma('page_count', { simple: true })) * 4096;
  process.stdout.write(
    `${JSON.stringify({ ...told, bytes, bytesPerTransaction: bytes / told.transactions, microsecondsPerSegment: (user + system) / told.segments })}\n`,
  );
  const tables = database
    .prepare<[], { name: string; bytes: number }>(
      'SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 6',
    )
    .all();
  for (const { name, bytes: size } of tables)
    process.stdout.write(`${name}: ${(size / told.transactions).toFixed(2)}\n`);
  database.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
