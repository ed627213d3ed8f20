// A shop whose days pass when a test says so: an engine with a clock that leaps, an application that writes, and a folder to
// which retention with short times applies.
import fs from 'node:fs';
import type { Target } from '../../electron/engine/targets/target.ts';
import type { DatabaseId, TargetId } from '../../shared/ids.ts';
import { openDatabase } from './application.ts';
import { openTestEngine, type TestEngine } from './engine.ts';
import { type FaultRules, faultyTarget } from './faulty-target.ts';
import { leapingClock } from './leaping-clock.ts';
import { type TempFolder, until } from './temp.ts';

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;
const retention = { kind: 'thinned', windowMs: 3 * dayMs, dailyMs: 6 * dayMs, weeklyMs: 0 } as const;

export interface AgingShop extends AsyncDisposable {
  readonly engine: TestEngine;
  readonly id: DatabaseId;
  readonly targetId: TargetId;
  readonly calls: string[];
  readonly leap: (ms: number) => void;
  /** A day with two transactions. */
  liveDay(): Promise<void>;
  /** Its file gets another page size, after which another history begins with a transaction. */
  beginAnew(): Promise<void>;
  readonly images: () => readonly string[];
}

/** Opens it, and waits until it is protected. */
export async function openShop(folder: TempFolder, rules: FaultRules = {}): Promise<AgingShop> {
  const app = openDatabase(folder.at('shop.db'), 'CREATE TABLE t(n)');
  const { clock, leap } = leapingClock();
  const calls: string[] = [];
  const fault: FaultRules['fault'] = (verb, key) => {
    calls.push(`${verb} ${key}`);
    return rules.fault?.(verb, key);
  };
  const wrapTarget = (target: Target) => faultyTarget(target, { fault });
  const engine = openTestEngine(folder.at('data'), { clock, limits: { wrapTarget } });
  const { databaseId: id } = await engine.call('addDatabase', {
    path: folder.at('shop.db'),
    folder: folder.at('disk'),
  });
  const { replicas } = await engine.waitFor(id, 'it is protected', ({ status }) => status.kind === 'protected');
  const targetId = replicas[0]?.targetId as TargetId;
  await engine.call('updateReplica', { databaseId: id, targetId, retention, syncIntervalMs: 10 });
  let n = 0;
  const images = () =>
    fs
      .readdirSync(folder.at('disk'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.snapshot.lz4'))
      .sort();
  return {
    engine,
    id,
    targetId,
    calls,
    leap,
    images,
    liveDay: async () => {
      const before = images();
      await until('its WAL begins anew', () => {
        const [row] = app.pragma('wal_checkpoint(TRUNCATE)') as readonly { readonly busy: number }[];
        return row?.busy === 0;
      });
      for (let i = 0; i < 2; i++) {
        app.exec(`INSERT INTO t VALUES (${++n})`);
        await engine.waitFor(id, 'it is shipped', ({ lag }) => lag.bytes === 0);
      }
      leap(dayMs);
      app.exec(`INSERT INTO t VALUES (${++n})`);
      await until('an image is made', () => images().some((name) => !before.includes(name)));
      await engine.waitFor(id, 'it is shipped', ({ lag, status }) => lag.bytes === 0 && status.kind === 'protected');
    },
    beginAnew: async () => {
      const before = engine.database(id).generation?.generation;
      await engine.call('pause', { databaseId: id });
      for (const pragma of ['journal_mode = delete', 'page_size = 1024']) app.pragma(pragma);
      app.exec('VACUUM');
      app.pragma('journal_mode = wal');
      await engine.call('resume', { databaseId: id });
      await engine.waitFor(id, 'it is protected', ({ generation, status }) => {
        return generation?.generation !== before && status.kind === 'protected';
      });
      app.exec(`INSERT INTO t VALUES (${++n})`);
      await engine.waitFor(id, 'it is shipped', ({ lag }) => lag.bytes === 0);
    },
    [Symbol.asyncDispose]: async () => {
      await engine[Symbol.asyncDispose]();
      app.close();
    },
  };
}

/** How many objects lie in the shop’s folder. */
export function objectsIn(folder: TempFolder): number {
  return fs
    .readdirSync(folder.at('disk'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.lz4')).length;
}
