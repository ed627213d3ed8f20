// Where a disk may tear what lies beside what is written, SQLite fills the sector behind each transaction with copies of its last
// frame: they are no transactions, neither counted nor offered, and nothing counts as missed for them.
import { spawn } from 'node:child_process';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { openTestEngine } from '../support/engine.ts';
import { tempFolder, until } from '../support/temp.ts';

const transactions = 40;
const script = `
import sqlite3, sys
c = sqlite3.connect('file:' + sys.argv[1] + '?psow=0', uri=True, isolation_level=None)
c.execute('PRAGMA page_size=' + sys.argv[2])
c.execute('PRAGMA journal_mode=wal')
c.execute('PRAGMA synchronous=full')
c.execute('CREATE TABLE t(a)')
print('ready', flush=True)
for line in sys.stdin:
  c.execute('INSERT INTO t VALUES (1)')
  print(c.execute('SELECT count(*) FROM t').fetchone()[0], flush=True)
`;

test.each([512, 4096])('copies that fill a sector are no transactions (pages of %i bytes)', async (pageSize) => {
  using folder = tempFolder();
  const file = folder.at('shop.db');
  const writer = spawn('python3', ['-c', script, file, String(pageSize)], { stdio: ['pipe', 'pipe', 'inherit'] });
  using _writer = { [Symbol.dispose]: () => void writer.kill() };
  let output = '';
  writer.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const said = async (word: string) => await until(`it says ${word}`, () => output.split('\n').includes(word));
  await said('ready');
  await using engine = openTestEngine(folder.at('data'));
  const { targetId } = await engine.call('addTarget', { place: { kind: 'folder', path: folder.at('backup') } });
  const { databaseId: id } = await engine.call('addDatabase', { path: file, targetId });
  await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const counters = async () => (await engine.call('getDetails', { databaseId: id })).counters;
  const before = await counters();
  for (let n = 1; n <= transactions; n++) {
    const { frames } = await counters();
    writer.stdin.write('\n');
    await said(String(n));
    await until('it is captured', async () => (await counters()).frames > frames);
  }
  await engine.waitFor(id, 'all is there', ({ lag }) => lag.bytes === 0);
  const { transactions: counted, frames, composedIndices, generations } = await counters();
  const points = await engine.points(id);
  expect([counted - before.transactions, points.length]).toEqual([transactions, transactions + 1]);
  expect(frames - before.frames).toBeGreaterThanOrEqual(2 * transactions);
  // Nothing counted as missed for them.
  expect([composedIndices, generations]).toEqual([0, 1]);
  const rows: number[] = [];
  for (const [i, point] of points.entries()) {
    if (i % 13 !== 0 && i !== points.length - 1) continue;
    await engine.restore(id, point, folder.at(`restored-${i}.db`));
    using restored = openHere(folder.at(`restored-${i}.db`));
    rows.push(restored.rows() - i);
  }
  expect(new Set(rows)).toEqual(new Set([0]));
});

function openHere(file: string): Disposable & { readonly rows: () => number } {
  const database = new Database(file, { readonly: true });
  return {
    rows: () => Number(database.prepare('SELECT count(*) FROM t').pluck().get()),
    [Symbol.dispose]: () => void database.close(),
  };
}
