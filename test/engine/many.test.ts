// Many databases in one process: all are protected although one cannot be opened, few watchers serve them, and at rest they
// cost nothing.
import fs from 'node:fs';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { Openings } from '../../electron/engine/protection/openings.ts';
import { openTestEngine } from '../support/engine.ts';
import { tempFolder, until } from '../support/temp.ts';

const count = 40;
const folders = 4;

/** What this process asked of the kernel and wrote so far. */
function written(): { readonly syscw: number; readonly write_bytes: number } {
  const io = fs.readFileSync('/proc/self/io', 'utf8');
  const fact = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, 'm').exec(io)?.[1]);
  return { syscw: fact('syscw'), write_bytes: fact('write_bytes') };
}

test.runIf(process.platform === 'linux')('protects many, one of them broken, and lies still when they do', async () => {
  using folder = tempFolder();
  const files = Array.from({ length: count }, (_, i) => folder.at(`f${i % folders}`, `d${i}.db`));
  for (const [i, file] of files.entries()) {
    if (i < folders) fs.mkdirSync(folder.at(`f${i}`));
    const database = new Database(file);
    database.pragma('synchronous = off');
    database.pragma('journal_mode = wal');
    database.exec('CREATE TABLE a(b); INSERT INTO a VALUES (1)');
    database.close();
  }
  const [broken = ''] = files;
  await using engine = openTestEngine(folder.at('data'), { isDeclaredOnly: true });
  const declared = await engine.call('protectDeclared', {
    databases: files.map((file, i) => ({
      path: file,
      enableWal: false,
      replicas: [{ url: folder.at('backup', String(i)) }],
    })),
  });
  expect(declared.filter(({ kind }) => kind === 'protecting')).toHaveLength(count);
  fs.rmSync(broken);
  const kinds = () => engine.state().databases.map(({ status }) => status.kind);
  await until('the others are protected', () => kinds().filter((kind) => kind === 'protected').length === count - 1);
  await until('the broken one is told', () => kinds().includes('problem'));

  const watchers = () => process.getActiveResourcesInfo().filter((name) => /fs_?event/i.test(name)).length;
  expect(watchers()).toBeLessThanOrEqual(folders);
  expect(fs.readdirSync('/proc/self/fd').length).toBeLessThan(count * 15 + 100);

  // Everything that was begun comes to its end; then nothing is written any more.
  let before = written();
  await until('it lies still', async () => {
    await new Promise((go) => setTimeout(go, 1500));
    const now = written();
    const isStill = now.write_bytes === before.write_bytes && now.syscw - before.syscw <= 2;
    before = now;
    return isStill;
  });
});

test('openings take turns, and one that takes long does not hold up the others', async () => {
  const openings = new Openings();
  const { signal } = new AbortController();
  const held = await Promise.all(Array.from({ length: 4 }, async () => await openings.enter({ signal })));
  let isIn = false;
  const next = openings.enter({ signal }).then((turn) => {
    isIn = true;
    return turn;
  });
  await new Promise((go) => setImmediate(go));
  expect(isIn).toBe(false);
  held[0]?.[Symbol.dispose]();
  held[0]?.[Symbol.dispose]();
  using _fifth = await next;
  // Nobody leaves any more: the ones that take long are not waited for.
  using _sixth = await openings.enter({ signal });
  const stopped = new AbortController();
  stopped.abort(new Error('stopped'));
  await expect(openings.enter(stopped)).rejects.toThrow('stopped');
});
