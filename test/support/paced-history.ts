// Tells a catalogue of a database that commits at a pace and is shipped once a second, as protection/shippers.ts does.
import type Database from 'better-sqlite3';
import { Catalogue } from '../../electron/engine/state/catalogue.ts';
import { Store } from '../../electron/engine/state/store.ts';
import type { Commit } from '../../electron/engine/replica/commit.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import type { Generation } from '../../shared/position.ts';

export const paced = {
  generation: '00000000000000aa' as Generation,
  pageSize: 4096,
  startAt: Date.UTC(2026, 5, 1, 12),
} as const;
const frame = 24 + paced.pageSize;
/** A WAL starts over after so many frames. */
const restartAfter = 4000;

export interface PacedHistory {
  readonly databaseId: DatabaseId;
  readonly targetIds: readonly TargetId[];
  readonly transactions: number;
  readonly segments: number;
  /** Of the last transaction. */
  readonly endAt: number;
}

export function tellPacedHistory(
  database: Database.Database,
  {
    transactions,
    perSecond = 50,
    targets = 1,
  }: { readonly transactions: number; readonly perSecond?: number; readonly targets?: number },
): PacedHistory {
  const { generation, pageSize, startAt } = paced;
  const catalogue = new Catalogue(database);
  const databaseId = new Store(database).addDatabase({
    path: '/shop.db',
    addedAt: startAt,
    isDemo: false,
    isDeclared: false,
  });
  const targetIds = Array.from({ length: targets }, () => crypto.randomUUID() as TargetId);
  catalogue.addGeneration(databaseId, { generation, startedAt: startAt, reason: 'It began' });
  for (const targetId of targetIds) {
    const image = { targetId, generation, index: 0, offset: 0, at: startAt, pages: 1000, pageSize };
    catalogue.addSnapshot(databaseId, image, { beginsPart: true });
  }
  const random = seeded();
  let [index, offset, at, pages, segments] = [0, 0, startAt, 1000, 0];
  for (let told = 0; told < transactions;) {
    // An index that is full goes on as the next, whose first segment has the rest of the second.
    const from = offset;
    const commits: Commit[] = [];
    for (const endAt = at + 1000; at < endAt && told + commits.length < transactions;) {
      const written = 2 + Math.floor(random() * 3);
      at += Math.floor((random() * 2000) / perSecond);
      if (random() < 0.06) pages++;
      offset += written * frame + (offset === 0 ? 32 : 0);
      const state = BigInt(Math.floor(random() * 2 ** 52));
      commits.push({ index, offset, at, state, pages, written, transactions: 1 });
      if (offset > restartAfter * frame) break;
    }
    told += commits.length;
    const put = { index, offset: from, bytes: 2000 * commits.length + Math.floor(random() * 500) };
    for (const targetId of targetIds) {
      const held = { databaseId, targetId, generation };
      segments++;
      catalogue.addShipped(held, { segment: put, last: { index, offset, at }, commits, states: commits, pageSize });
    }
    if (offset > restartAfter * frame) {
      [index, offset] = [index + 1, 0];
      catalogue.trim.forgetStates({ databaseId, generation }, index - 1);
    }
  }
  return { databaseId, targetIds, transactions, segments, endAt: at };
}

/** The same numbers each time, from 0 to 1. */
function seeded(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
