// Judges a history: every restore point against what the actors wrote, the restores against the points, the end against the
// database, gaps against the times in which the engine was away. Gives complaints in words; none means that all is well.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import Database from 'better-sqlite3';
import { findLitestream, runLitestream } from '../../electron/demo/litestream-binary.ts';
import { hashBytes } from '../../electron/engine/replica/state-hash.ts';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { must } from '../../shared/assert.ts';
import type { RestorePoint } from '../../shared/history.ts';
import { openTestEngine } from '../support/engine.ts';
import { seededRandom } from '../support/truth.ts';
import { type Act, nobodyThere, restsBetween, type ToldGap, unjustified } from './acts.ts';
import { type ActorLog, readActorLog, readVector, type Vector } from './model.ts';
import { describe, replayReplica } from './replay.ts';
import { openInMemory } from './in-memory.ts';

export interface Judged {
  readonly complaints: readonly string[];
  readonly points: number;
  readonly restored: number;
  readonly commits: number;
  readonly gaps: number;
  readonly generations: number;
}

/** What is known of one database of a history. */
export interface Protected {
  readonly file: string;
  /** Folders, each a replica of its own. */
  readonly replicas: readonly string[];
  /** Log file of each actor, by name. */
  readonly logs: Readonly<Record<string, string>>;
}

interface Seen {
  readonly hash: bigint;
  readonly at: number;
  readonly total: number;
  readonly origin: string;
}

/** What an engine tells of a database after it shipped everything. */
export interface Listed {
  /** The restore points of each replica. */
  readonly points: readonly (readonly RestorePoint[])[];
  /** Times for which the timeline says that states were not seen one by one. */
  readonly gaps: readonly ToldGap[];
}

/** Asks an engine what it tells of each database. */
export async function listPoints(dataDir: string, databases: readonly Protected[]): Promise<readonly Listed[]> {
  await using engine = openTestEngine(dataDir, { isDeclaredOnly: true });
  const declared = await engine.call('protectDeclared', {
    databases: databases.map(({ file, replicas }) => ({
      path: file,
      enableWal: false,
      replicas: replicas.map((url) => ({ url, syncIntervalMs: 0 })),
    })),
  });
  const lists: Listed[] = [];
  for (const [i, one] of declared.entries()) {
    if (one.kind === 'refused') throw new Error(`${one.path} was refused: ${one.error.message}`);
    await engine.waitFor(
      one.databaseId,
      'it is protected',
      ({ status, lag }) => status.kind === 'protected' && lag.bytes === 0,
    );
    const points = await engine.points(one.databaseId);
    const { targets } = engine.state();
    const { events } = await engine.call('getTimeline', { databaseId: one.databaseId, bins: 10 });
    lists.push({
      points: (databases[i]?.replicas ?? []).map((folder) => {
        const target = targets.find(({ url }) => url === pathToFileURL(folder).href);
        return points.filter(({ targetIds }) => target !== undefined && targetIds.includes(target.id));
      }),
      gaps: events.flatMap((event) =>
        event.kind === 'gap' ? [{ what: event.text, from: event.at, to: event.toAt }] : [],
      ),
    });
  }
  return lists;
}

/** What the engine noted that must not happen to databases whom nobody else touches. */
export async function listTroubles(dataDir: string): Promise<readonly string[]> {
  await using engine = openTestEngine(dataDir, { isDeclaredOnly: true });
  const activity = await engine.call('listActivity', { limit: 500 });
  return activity
    .filter(({ text }) => /overwritten|was replaced|is damaged|unexpected/.test(text))
    .map(({ text }) => text);
}

/** Judges one replica of a database whose writers and engines have ended. */
export async function judge(
  database: Protected,
  options: {
    readonly replica: string;
    readonly told: readonly RestorePoint[];
    /** What was done to the engine, by which states may pass unseen. */
    readonly acts: readonly Act[];
    /** For which the timeline says that states were not seen one by one. */
    readonly gaps: readonly ToldGap[];
    /** The engine's clock was put forward and back: its times say nothing about when it was away. */
    readonly hasOddClock?: boolean;
    /** Every point is replayed; about this many are restored as well. */
    readonly restores: number;
    readonly seed: number;
    readonly scratch: string;
  },
): Promise<Judged> {
  const { file } = database;
  const { replica } = options;
  const complaints: string[] = [];
  const logs = new Map(Object.entries(database.logs).map(([actor, log]) => [actor, readActorLog(log)]));
  for (const [actor, { complaints: own }] of logs) complaints.push(...own.map((line) => `${actor}: ${line}`));
  const acts = [...options.acts, ...actsOf([...logs.values()])];
  if (options.hasOddClock !== true) {
    complaints.push(...options.gaps.flatMap((gap) => unjustified(gap, acts) ?? []));
  }

  const seen = new Map<string, Seen>();
  let before: Seen | undefined;
  let gaps = 0;
  const begun = new Map<string, number>();
  const faults = await replayReplica(replica, (point) => {
    const name = describe(point.position);
    const vector = examine(point.image, (text) => complaints.push(`${name}: ${text}`));
    const total = vector === undefined ? 0 : Object.values(vector.n).reduce((sum, n) => sum + n, 0);
    const now: Seen = { hash: hashBytes(point.image), at: point.at, total, origin: point.origin };
    if (vector !== undefined) complaints.push(...compare(vector, logs).map((text) => `${name}: ${text}`));
    const { generation } = point.position;
    begun.set(generation, begun.get(generation) ?? point.at);
    const isSameGeneration = point.origin !== 'snapshot';
    if (before !== undefined && isSameGeneration) {
      if (total < before.total) complaints.push(`${name}: ${before.total} commits before, ${total} now`);
      if (total > before.total + 1) {
        gaps++;
        const why = explain(now, before, { ...options, acts });
        if (why !== undefined) complaints.push(`${name}: ${total - before.total - 1} commits were not seen: ${why}`);
      }
    }
    before = now;
    seen.set(keyOf(point.position), now);
  });
  complaints.push(...faults);
  if (options.hasOddClock !== true) complaints.push(...judgeBeginnings(begun, acts));

  complaints.push(...compareLists(options.told, seen));
  const chosen = choose(options.told, options.restores, options.seed);
  for (const point of chosen) {
    const expected = seen.get(keyOf(point.position));
    if (expected === undefined) continue;
    const text = await restoreAndCompare(replica, point, { expected: expected.hash, scratch: options.scratch });
    if (text !== undefined) complaints.push(`${describe(point.position)}: ${text}`);
  }
  const last = options.told.at(-1);
  complaints.push(
    ...(await judgeEnd(file, {
      logs,
      last: last && seen.get(keyOf(last.position)),
      replica,
      scratch: options.scratch,
    })),
  );
  const commits = [...logs.values()].reduce((sum, { confirmed }) => sum + confirmed, 0);
  return { complaints, points: seen.size, restored: chosen.length, commits, gaps, generations: begun.size };
}

/** A new generation begins only where the engine was away. */
function judgeBeginnings(begun: ReadonlyMap<string, number>, acts: readonly Act[]): readonly string[] {
  // The first image of a generation is taken some time after it began, on a slow machine many seconds.
  const isAway = (at: number): boolean =>
    acts.some(({ kind, from, to }) => kind === 'away' && from <= at && at <= to + 15_000);
  return [...begun]
    .filter(([, at]) => !isAway(at))
    .map(([generation, at]) => `generation ${generation} began at ${at}, although the engine was there all the time`);
}

/** What the writers did by which states may pass unseen. */
function actsOf(logs: readonly ActorLog[]): readonly Act[] {
  return [
    ...nobodyThere(
      logs.map(({ open }) => open),
      { from: 0, to: Infinity },
    ),
    ...restsBetween(logs.flatMap(({ confirmedAt }) => [...confirmedAt.values()])),
    ...logs.flatMap(({ modes }) => modes.map((span): Act => ({ kind: 'journal-mode', ...span }))),
  ];
}

/** A state that was never seen one by one: only while the engine was away, or where the history says so, and with reason. */
function explain(
  now: Seen,
  before: Seen,
  {
    acts,
    gaps,
    hasOddClock = false,
  }: { readonly acts: readonly Act[]; readonly gaps: readonly ToldGap[]; readonly hasOddClock?: boolean },
): string | undefined {
  const told = gaps.filter(({ from, to }) => from <= now.at && before.at <= to);
  if (now.origin !== 'composed' && told.length === 0) return `the history does not say so (${now.origin})`;
  if (hasOddClock) return undefined;
  if (acts.some(({ kind, from, to }) => kind === 'away' && from <= now.at && before.at <= to)) return undefined;
  if (told.length === 0) return `the engine was there all the time (${before.at} to ${now.at})`;
  const reasons = told.map((gap) => unjustified(gap, acts));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/** What a restored database holds; undefined, and a complaint, where SQLite finds it damaged. */
function examine(image: Buffer, complain: (text: string) => void): Vector | undefined {
  const database = openInMemory(image);
  try {
    const check = String(database.pragma('integrity_check', { simple: true }));
    if (check !== 'ok') complain(`integrity_check says ${check}`);
    return readVector(database);
  } catch (error) {
    complain(String(error));
    return undefined;
  } finally {
    database.close();
  }
}

function compare({ n, digest }: Vector, logs: ReadonlyMap<string, ActorLog>): readonly string[] {
  return Object.entries(n).flatMap(([actor, count]) => {
    const { digests } = must(logs.get(actor), 'every actor has a log');
    const said = count === 0 ? '0000000000000000' : digests.get(count);
    return said === digest[actor]
      ? []
      : [`${actor} left ${said ?? 'nothing known'} at its commit ${count}, this has ${digest[actor]}`];
  });
}

/** The engine's list and the objects tell the same points. */
function compareLists(told: readonly RestorePoint[], seen: ReadonlyMap<string, Seen>): readonly string[] {
  const complaints: string[] = [];
  const names = new Set(told.map(({ position }) => keyOf(position)));
  for (const point of told) {
    const there = seen.get(keyOf(point.position));
    if (there === undefined) complaints.push(`${describe(point.position)} is told, but no object has it`);
  }
  const untold = [...seen].filter(([key, { origin }]) => origin !== 'snapshot' && !names.has(key));
  for (const [key] of untold.slice(0, 5))
    complaints.push(`${key} is on the target, but not told (one of ${untold.length})`);
  return complaints;
}

/** The ends, and as many others as asked for. */
function choose(points: readonly RestorePoint[], count: number, seed: number): readonly RestorePoint[] {
  if (points.length <= count) return points;
  const random = seededRandom(seed);
  const isEnd = (i: number) => {
    const here = points[i]?.position;
    const next = points[i + 1]?.position;
    return here?.index !== next?.index || here?.generation !== next?.generation;
  };
  const ends = points.filter((_, i) => isEnd(i) || i === 0);
  const others = points.filter((point) => !ends.includes(point)).map((point) => ({ point, order: random() }));
  const more = others.sort((a, b) => a.order - b.order).map(({ point }) => point);
  return [...ends.slice(-count), ...more].slice(0, Math.max(count, 1));
}

async function restoreAndCompare(
  replica: string,
  { position }: RestorePoint,
  { expected, scratch }: { readonly expected: bigint; readonly scratch: string },
): Promise<string | undefined> {
  const outputPath = path.join(scratch, 'restored.db');
  fs.rmSync(outputPath, { force: true });
  try {
    const { proof } = await restoreReplica({
      target: openFolderTarget({ path: replica }),
      wish: { kind: 'position', position },
      outputPath,
      fullCheck: true,
      signal: new AbortController().signal,
    });
    if (proof.kind !== 'identical') return `restored, but its proof is “${proof.kind}”`;
    return hashBytes(fs.readFileSync(outputPath)) === expected ? undefined : 'restored to other bytes than replayed';
  } catch (error) {
    return `cannot be restored: ${String(error)}`;
  }
}

/** The last restore point is the database, byte for byte; and the database has what its writers were promised. */
async function judgeEnd(
  file: string,
  {
    logs,
    last,
    replica,
    scratch,
  }: {
    readonly logs: ReadonlyMap<string, ActorLog>;
    readonly last: Seen | undefined;
    /** Folders, each a replica of its own. */
    readonly replica: string;
    readonly scratch: string;
  },
): Promise<readonly string[]> {
  const complaints: string[] = [];
  const database = new Database(file);
  database.pragma('wal_checkpoint(TRUNCATE)');
  const vector = readVector(database);
  complaints.push(...compare(vector, logs).map((text) => `the database itself: ${text}`));
  for (const [actor, { confirmed }] of logs) {
    if ((vector.n[actor] ?? 0) < confirmed) complaints.push(`the database itself lost commits of ${actor}`);
  }
  database.close();
  const bytes = fs.readFileSync(file);
  if (last === undefined) return [...complaints, 'there is no restore point'];
  if (hashBytes(bytes) !== last.hash) complaints.push('the last restore point is not the database');

  const litestream = findLitestream();
  if (litestream === undefined) return complaints;
  const output = path.join(scratch, 'theirs.db');
  fs.rmSync(output, { force: true });
  try {
    await runLitestream(litestream, ['restore', '-o', output, `file://${replica}`]);
    const theirs = fs.readFileSync(output);
    if (!theirs.equals(bytes)) complaints.push('litestream restores other bytes than the database has');
  } catch (error) {
    complaints.push(`litestream cannot restore: ${String(error)}`);
  }
  return complaints;
}

function keyOf({ generation, index, offset }: RestorePoint['position']): string {
  return `${generation}/${index}:${offset}`;
}
