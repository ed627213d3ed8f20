// Histories of two computers whose clocks differ, and what may happen to objects that lie somewhere: gone, cut, changed, copied,
// exchanged, foreign.
import { copyFile, cp, mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { createFolderTarget } from '../../electron/engine/targets/folder.ts';
import { must } from '../../shared/assert.ts';
import { RealHistory, type RecordedPoint } from './replica-history.ts';

const hourMs = 3_600_000;
/** How far the second computer's clock is ahead of the first one's. */
export const laptopClocks = [-hourMs, -30_000, 0, 17 * 365 * 24 * hourMs];
const startAt = Date.UTC(2026, 0, 2, 10);

/** What was, at a transaction. */
export interface Moment extends RecordedPoint {
  readonly generation: string;
}

/** A desk's history, and that of a laptop which took over, by a clock that may be behind or far ahead. */
export async function writeTwo(folder: string, laptopAheadMs: number): Promise<readonly (readonly Moment[])[]> {
  const target = await createFolderTarget({ path: join(folder, 'whole') });
  const told: Moment[][] = [];
  for (const [i, generation] of ['00000000000000ff', '0000000000000011'].entries()) {
    const ahead = i === 0 ? 0 : 20_000 + laptopAheadMs;
    using history = new RealHistory({ folder, target, generation, startAt: startAt + ahead, sequence: i + 1 });
    history.commit(2);
    await history.snapshot();
    await history.ship();
    history.commit();
    history.commit();
    await history.ship();
    history.restart();
    history.commit(20);
    await history.ship();
    await history.snapshot();
    history.commit((database) => database.exec('DELETE FROM t WHERE id % 2'));
    await history.ship();
    told.push(history.points.map((point) => ({ ...point, generation })));
  }
  return told;
}

export type Damage =
  | { readonly kind: 'gone' | 'empty' | 'foreign'; readonly at: number }
  | { readonly kind: 'cut' | 'flip' | 'zero'; readonly at: number; readonly where: number }
  | { readonly kind: 'copy' | 'exchange'; readonly at: number; readonly to: number }
  | { readonly kind: 'copied-generation' | 'times' | 'record'; readonly at: number };

/** A part of a thousand. */
export const place = fc.nat({ max: 1000 });
/** Any of it. */
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constantFrom('gone' as const, 'empty' as const, 'foreign' as const), at: place }),
  fc.record({ kind: fc.constantFrom('cut' as const, 'flip' as const, 'zero' as const), at: place, where: place }),
  fc.record({ kind: fc.constantFrom('copy' as const, 'exchange' as const), at: place, to: place }),
  fc.record({ kind: fc.constantFrom('copied-generation' as const, 'times' as const, 'record' as const), at: place }),
);

function isLast(files: readonly string[], name = ''): boolean {
  const folder = dirname(name);
  return files.findLast((one) => dirname(one) === folder && folder.endsWith('wal')) === name;
}

/** Does it to what lies in a folder. */
export async function inflict(root: string, done: Damage): Promise<void> {
  const files = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.lz4')).sort();
  const pick = (n: number): string => join(root, must(files[n % files.length], 'not all of them are gone'));
  if (files.length === 0) return;
  const file = pick(done.at);
  switch (done.kind) {
    case 'gone':
      // That the very last one is missing nobody can know who has nothing but what lies there.
      return isLast(files, files[done.at % files.length]) ? undefined : await rm(file);
    case 'empty':
      return await truncate(file, 0);
    case 'foreign':
      await mkdir(join(root, 'generations/lost+found'), { recursive: true });
      return await writeFile(join(dirname(file), done.at % 2 === 0 ? '.DS_Store' : 'ffffffff.snapshot.lz4.part'), 'x');
    case 'cut':
      return await truncate(file, Math.floor(((await stat(file)).size * done.where) / 1001));
    case 'zero':
    case 'flip': {
      const bytes = await readFile(file);
      const at = Math.floor((bytes.length * done.where) / 1001);
      if (done.kind === 'flip') bytes[at] = (bytes[at] ?? 0) ^ (1 << (done.at % 8));
      else bytes.fill(0, at, Math.min(bytes.length, at + 64));
      return await writeFile(file, bytes);
    }
    case 'copy':
      return await copyFile(file, pick(done.to));
    case 'exchange': {
      const [first, second] = [await readFile(file), await readFile(pick(done.to))];
      await writeFile(file, second);
      return await writeFile(pick(done.to), first);
    }
    case 'copied-generation': {
      const generations = join(root, 'generations');
      const name = (await readdir(generations)).find((one) => /^[0-9a-f]{16}$/.test(one)) ?? '';
      return await cp(join(generations, name), join(generations, 'f'.repeat(16)), { recursive: true });
    }
    case 'times':
      return await utimes(file, done.at * 1e6, done.at * 1e6);
    case 'record':
      return await writeFile(join(root, 'tidemark.json'), ['', '{', '{"v":9}', '[1e300]'][done.at % 4] ?? '');
  }
}
