// `restore -config` with several replicas of a database: the newest moment of all that should be there, or a refusal.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseAnswer } from '../../electron/cli/choose.ts';
import { formatSnapshotKey } from '../../electron/engine/replica/keys.ts';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { AppError } from '../../shared/errors.ts';
import { runCommand } from '../support/command-line.ts';
import { newPlace, writeHistory } from '../support/replica-place.ts';
import { RealHistory } from '../support/replica-history.ts';

/** A history on one replica, an earlier state of it on another, and a configuration that names both. */
async function setUp() {
  const place = await newPlace();
  const history = await writeHistory(place);
  const before = history.last;
  const [full, old] = [join(place.folder, 'replica'), join(place.folder, 'old')];
  cpSync(full, old, { recursive: true, preserveTimestamps: true });
  history.commit();
  await history.ship();
  const config = join(place.folder, 'litestream.yml');
  const paths = { full, old };
  const replicas = Object.entries(paths).map(([name, path]) => `      - name: ${name}\n        path: ${path}\n`);
  writeFileSync(config, `dbs:\n  - path: ${join(place.folder, 'app.db')}\n    replicas:\n${replicas.join('')}`);
  let n = 0;
  const restore = async (...more: string[]) => {
    const output = join(place.folder, `restored/${++n}.db`);
    const run = await runCommand(['restore', '-config', config, '-o', output, ...more]);
    return { ...run, content: existsSync(output) ? readFileSync(output) : undefined };
  };
  return { place, history, before, paths, restore };
}

test('takes the newest of all that should be there, whatever their files say of time', async () => {
  const { history, restore, paths } = await setUp();
  using _history = history;
  expect((await restore()).content?.equals(history.last.image)).toBe(true);
  // A copy without its times, and a file that somebody touched.
  cpSync(paths.old, `${paths.old}-copy`, { recursive: true });
  rmSync(paths.old, { recursive: true });
  cpSync(`${paths.old}-copy`, paths.old, { recursive: true });
  expect((await restore()).content?.equals(history.last.image)).toBe(true);
});

test('refuses where the one that should have the newest cannot be read to its end', async () => {
  const { history, before, restore, paths } = await setUp();
  using _history = history;
  const folder = join(paths.full, 'generations', history.generation, 'wal');
  const newest = join(folder, readdirSync(folder).sort().at(-1) ?? '');
  const bytes = readFileSync(newest);
  bytes[bytes.length - 20] = (bytes[bytes.length - 20] ?? 0) ^ 0xff;
  writeFileSync(newest, bytes);
  const refused = await restore();
  expect(refused).toMatchObject({ code: 1, content: undefined });
  expect(refused.stderr).toContain('-replica old restores that');
  // By name, and where a newer one would change nothing, it is given.
  expect((await restore('-replica', 'old')).content?.equals(before.image)).toBe(true);
  const earlier = history.points[3];
  const asked = await restore('-timestamp', new Date(earlier?.at ?? 0).toISOString());
  expect(asked.content?.equals(earlier?.image ?? Buffer.alloc(0))).toBe(true);
});

test('takes what was asked for from the one that has it', async () => {
  const { place, history, restore, paths } = await setUp();
  using _history = history;
  const target = await createFolderTarget({ path: paths.old });
  using other = new RealHistory({ folder: place.folder, target, generation: 'fedcba9876543210' });
  other.commit(3);
  await other.snapshot();
  await other.ship();
  const only = await restore('-generation', other.generation);
  expect(only.content?.equals(other.last.image)).toBe(true);
  expect((await restore('-generation', 'aaaaaaaaaaaaaaaa')).stderr).toContain('There is no generation');
  expect(formatSnapshotKey(other.generation, 0)).toContain(other.generation);
});

test('knows by places which is newer, and by what one knows of the other', () => {
  const at = (generation: string, index: number, time: number, order: readonly string[]) => ({
    kind: 'planned' as const,
    outlook: { point: { position: { generation, index, offset: 0 }, at: time }, isNewest: true, order } as never,
  });
  const choose = (...outcomes: Parameters<typeof chooseAnswer>[0][number]['outcome'][]) =>
    chooseAnswer(
      outcomes.map((outcome, i) => ({ replicaName: `${i}`, url: `${i}`, outcome })),
      { kind: 'latest', note: () => {} },
    ).replicaName;
  const failed = (code: 'no-history' | 'target-unreachable') => ({
    kind: 'failed' as const,
    error: new AppError(code),
  });
  // The same generation: by its places. One knows the other's as an earlier one: it is newer, whatever its times.
  expect(choose(at('a', 1, 500, ['a']), at('a', 2, 100, ['a']))).toBe('1');
  expect(choose(at('a', 9, 500, ['a']), at('b', 0, 100, ['a', 'b']))).toBe('1');
  expect(choose(at('b', 0, 100, ['a', 'b']), at('a', 9, 500, ['a']))).toBe('0');
  expect(choose(at('a', 0, 100, ['a']), at('b', 0, 500, ['b']))).toBe('1');
  expect(choose(failed('no-history'), at('a', 0, 1, ['a']))).toBe('1');
  expect(() => choose(failed('target-unreachable'), at('a', 0, 1, ['a']))).toThrow();
  expect(() => choose(failed('no-history'), failed('no-history'))).toThrow('no history');
});
