// The three measures: what capturing costs the writer, how soon a commit is an object, how long a restore takes.
import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeFrame } from '../../electron/engine/replica/lz4-frame.ts';
import { type Capturer, startCapturing, tidemark, timeRestore } from './capturers.ts';
import type { CrowdReport, WriterReport } from './figures.ts';
import type { Bench } from './report.ts';
import { crowdFor, fillDatabase, writeFor } from './writing.ts';

/** Rows of the database before it is written to: about 25 MB. */
const rows = 100_000;

/** Undefined capturer: the writer alone. */
export async function measureWriter(
  capturer: Capturer | undefined,
  { folder, seconds, everyMs = 0 }: { readonly folder: string; readonly seconds: number; readonly everyMs?: number },
): Promise<WriterReport & { readonly largestWalBytes: number }> {
  using place = scratch(folder);
  const database = join(place.path, 'app.db');
  await fillDatabase(database, rows);
  await using running = capturer === undefined ? undefined : await startCapturing(capturer, database, place.path);
  const report = await writeFor(database, { seconds, everyMs });
  await running?.stop();
  return report;
}

/** Undefined capturer: the crowd alone. */
export async function measureCrowd(
  capturer: Capturer | undefined,
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<CrowdReport> {
  using place = scratch(folder);
  const database = join(place.path, 'app.db');
  await fillDatabase(database, 5_000);
  const running = capturer === undefined ? undefined : await startCapturing(capturer, database, place.path);
  const report = await crowdFor(database, seconds);
  await running?.stop();
  return report;
}

/** Milliseconds from each commit's return to the moment when its frames lie in Tidemark's spool. */
export async function measureSpooling(
  capturer: Capturer,
  { folder, seconds, everyMs }: { readonly folder: string; readonly seconds: number; readonly everyMs: number },
): Promise<readonly number[]> {
  using place = scratch(folder);
  const database = join(place.path, 'app.db');
  await fillDatabase(database, 1_000);
  await using running = await startCapturing(capturer, database, place.path);
  const spool = readdirSync(join(place.path, 'state'), { recursive: true, encoding: 'utf8' }).find((name) =>
    /spool.[0-9a-f]{16}$/.test(name),
  );
  if (spool === undefined) throw new Error('there is no spool');
  const folderOfSpool = join(place.path, 'state', spool);
  /** A file may be removed once it is shipped: its descriptor still reads. */
  const files = new Map<string, { readonly fd: number; readonly growth: { at: number; size: number }[] }>();
  const watcher = watch(folderOfSpool, (_event, name) => {
    if (name?.endsWith('.wal') !== true) return;
    const file = files.get(name) ?? openSpooled(join(folderOfSpool, name));
    if (file === undefined) return;
    files.set(name, file);
    file.growth.push({ at: performance.timeOrigin + performance.now(), size: fstatSync(file.fd).size });
  });
  await delay(500);
  const { committedAt } = await writeFor(database, { seconds, everyMs });
  await delay(500);
  watcher.close();
  await running.stop();
  const arrivals: Arrival[] = [];
  for (const { fd, growth } of files.values()) {
    const bytes = readFileSync(fd);
    closeSync(fd);
    let lastMark = -Infinity;
    let from = 0;
    for (const { at, size } of growth) {
      for (const [, mark] of bytes.toString('latin1', from, size).matchAll(/#(\d{8})#/g)) {
        lastMark = Math.max(lastMark, Number(mark));
      }
      from = size;
      arrivals.push({ at, lastMark });
    }
  }
  return pairUp(committedAt, arrivals);
}

function openSpooled(
  path: string,
): { readonly fd: number; readonly growth: { at: number; size: number }[] } | undefined {
  return existsSync(path) ? { fd: openSync(path, 'r'), growth: [] } : undefined;
}

/** Milliseconds from each commit's return to the moment when an object that holds it has its final name. */
export async function measureLatency(
  capturer: Capturer,
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<readonly number[]> {
  using place = scratch(folder);
  const database = join(place.path, 'app.db');
  await fillDatabase(database, 1_000);
  await using running = await startCapturing(capturer, database, place.path);
  // One commit first, so that the folder of segments exists and can be watched.
  await writeFor(database, { seconds: 0.05, everyMs: 10 });
  const segments = await findSegments(running.replica);
  const seenAt = new Map<string, number>();
  const watcher = watch(segments, (_event, name) => {
    const isFinal = name?.endsWith('.wal.lz4') === true && existsSync(join(segments, name));
    if (isFinal && !seenAt.has(name)) seenAt.set(name, performance.timeOrigin + performance.now());
  });
  await delay(1_500);
  const before = new Set(readdirSync(segments));
  const { committedAt } = await writeFor(database, { seconds, everyMs: 20 });
  await running.stop();
  await delay(100);
  watcher.close();
  const arrivals: Arrival[] = [];
  for (const [name, at] of seenAt) {
    if (!before.has(name)) arrivals.push({ at, lastMark: await findLastMark(join(segments, name)) });
  }
  return pairUp(committedAt, arrivals);
}

interface Arrival {
  readonly at: number;
  /** Number of the newest commit inside; −Infinity where there is none. */
  readonly lastMark: number;
}

/** Each commit with the first arrival that holds it. What only the orderly stop shipped counts as well. */
function pairUp(committedAt: readonly number[], arrivals: readonly Arrival[]): readonly number[] {
  const inOrder = arrivals.toSorted((a, b) => a.at - b.at);
  return committedAt.map((at, mark) => (inOrder.find((arrival) => arrival.lastMark >= mark)?.at ?? Number.NaN) - at);
}

/** Restores a replica several times with each program, in turn. */
export async function measureRestores(
  capturers: readonly Capturer[],
  replica: string,
  { folder, rounds }: { readonly folder: string; readonly rounds: number },
): Promise<ReadonlyMap<string, readonly number[]>> {
  const times = new Map<string, number[]>(capturers.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const capturer of rotate(capturers, round)) {
      using place = scratch(folder);
      times.get(capturer.name)?.push(await timeRestore(capturer, replica, join(place.path, 'out.db')));
    }
  }
  return times;
}

/** A replica with a history worth restoring, kept below `folder`. */
export async function makeReplica(
  capturer: Capturer,
  { folder, seconds }: { readonly folder: string; readonly seconds: number },
): Promise<string> {
  const place = join(folder, `history-${capturer.name}`);
  mkdirSync(place);
  const database = join(place, 'app.db');
  await fillDatabase(database, rows);
  await using running = await startCapturing(capturer, database, place);
  await writeFor(database, { seconds, everyMs: 1 });
  await running.stop();
  return running.replica;
}

/** Objects and bytes of a replica. */
export function weigh(replica: string): { readonly objects: number; readonly bytes: number } {
  const files = readdirSync(replica, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
  return { objects: files.length, bytes };
}

/** The most memory that a process had; undefined where the system does not tell. */
export function peakMemory(pid: number): number | undefined {
  const status = `/proc/${String(pid)}/status`;
  const [, kilobytes] = existsSync(status) ? (/VmHWM:\s+(\d+) kB/.exec(readFileSync(status, 'utf8')) ?? []) : [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** Measures an application alone, with Tidemark and with the other program, in turn; the reports of each by its name. */
export async function compareWithAlone<T>(
  { rounds, other }: Pick<Bench, 'rounds' | 'other'>,
  measure: (subject: Capturer | undefined) => Promise<T>,
): Promise<ReadonlyMap<string, readonly T[]>> {
  const subjects: readonly (Capturer | undefined)[] = [undefined, tidemark(), ...other()];
  const nameOf = (subject: Capturer | undefined): string => subject?.name ?? 'alone';
  const reports = new Map(subjects.map((subject) => [nameOf(subject), [] as T[]]));
  for (let round = 0; round < rounds; round += 1) {
    for (const subject of rotate(subjects, round)) reports.get(nameOf(subject))?.push(await measure(subject));
  }
  return reports;
}

/** The list, begun at another place each round, so that no one always goes first. */
export function rotate<T>(list: readonly T[], by: number): readonly T[] {
  const at = by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}

async function findSegments(replica: string): Promise<string> {
  for (;;) {
    const generations = join(replica, 'generations');
    const [generation] = existsSync(generations) ? readdirSync(generations) : [];
    const segments = join(generations, generation ?? '', 'wal');
    if (generation !== undefined && existsSync(segments)) return segments;
    await delay(10);
  }
}

/** The writer marks each row with the number of its commit; the newest mark in an object says how far it reaches. */
async function findLastMark(path: string): Promise<number> {
  let last = -Infinity;
  let rest = '';
  for await (const piece of decodeFrame(createReadStream(path))) {
    const text = rest + Buffer.from(piece).toString('latin1');
    for (const [, mark] of text.matchAll(/#(\d{8})#/g)) last = Math.max(last, Number(mark));
    rest = text.slice(-9);
  }
  return last;
}

/** A new empty folder below `folder`, removed on dispose. */
export function scratch(folder: string): Disposable & { readonly path: string } {
  const path = join(folder, `run-${process.hrtime.bigint().toString(36)}`);
  mkdirSync(path);
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}
