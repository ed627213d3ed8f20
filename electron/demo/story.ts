// `npm run demo`: the main job from beginning to end, without a display, told in plain words and figures. A process writes
// to a database; Tidemark protects it; the writer is killed; three moments are restored and compared with what the writer
// recorded; the real `litestream` restores the same history. Ends with exit status 0 only if everything was equal.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RestoreWish } from '../../shared/contract.ts';
import { AppError, errorSentence, reasonOf, toErrorData } from '../../shared/errors.ts';
import { formatBytes, formatClock, formatCount, formatDuration } from '../../shared/format.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { RestorePoint } from '../../shared/history.ts';
import type { OperationId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import type { Operation } from '../../shared/operations.ts';
import { formatPosition } from '../../shared/position.ts';
import { formatTable } from '../../shared/table.ts';
import { type TruthLine, countRows, differenceOf, judge, readContent, readTruth } from './truth.ts';
import { type EngineHost, startEngine } from '../host/engine-host.ts';
import { findLitestream, runLitestream } from './litestream-binary.ts';
import { plainSurroundings } from '../host/surroundings.ts';

const writerRate = 40;
const historyMs = 12_000;
const patienceMs = 40_000;

const startedAt = performance.now();
const workerUrl = new URL('../engine/worker.ts', import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'tidemark-demo-'));
const database = join(folder, 'shop.db');
const truthPath = join(folder, 'truth.jsonl');
const replica = join(folder, 'backup');
const newestRestored = join(folder, 'restored-3.db');

let writer: ChildProcess | undefined;
process.once('SIGINT', () => leave(130));
process.once('SIGTERM', () => leave(143));

try {
  await tell();
} catch (error) {
  say(`✗ ${error instanceof AppError ? errorSentence(toErrorData(error)) : reasonOf(error)}.`.replace('..', '.'));
  process.exitCode = 1;
} finally {
  cleanUp();
}

async function tell(): Promise<void> {
  const litestream = findLitestream();

  chapter('A process of its own opens a shop and writes to it');
  writer = await startWriter();
  say(`It commits about ${String(writerRate)} transactions a second, and notes rows and checksum of each commit.`);

  chapter('Tidemark protects the database while it is written to');
  const points = await protectAndKill();

  chapter('Three moments, restored and compared with what the writer noted');
  const truth = readTruth(truthPath);
  const rows: Row[] = [];
  for (const [i, wish] of pickMoments(points).entries()) {
    rows.push(await restoreMoment(wish, { path: join(folder, `restored-${String(i + 1)}.db`), truth }));
  }
  const newest = readContent(newestRestored);
  const live = readContent(database);
  const loss = differenceOf(newest, live);
  if (loss !== undefined) throw new Error(`The newest moment is not what the killed writer left behind: ${loss}`);
  say(`✓ The newest moment equals the database as the killed writer left it: no commit is missing.`);

  if (litestream === undefined) {
    say(`There is no litestream for ${process.platform} ${process.arch}; its part is left out.`);
  } else {
    chapter('The real litestream v0.3.13 restores the same history');
    rows.push(await restoreWithLitestream(litestream, truth));
  }

  chapter('Summary');
  printTable(rows);
  say(`\nAll equal, in ${formatDuration(performance.now() - startedAt)}.`);
}

/** Lets history grow, kills the writer, waits for everything to be shipped; answers all restore points, oldest first. */
async function protectAndKill(): Promise<readonly RestorePoint[]> {
  const engine = await startEngine({ dataDir: join(folder, 'state'), workerUrl, isDeclaredOnly: true });
  try {
    const [declared] = await engine.call('protectDeclared', {
      databases: [{ path: database, enableWal: false, replicas: [{ url: replica }] }],
    });
    if (declared === undefined || declared.kind === 'refused') {
      throw declared === undefined ? new Error('The database was not taken') : AppError.fromData(declared.error);
    }
    const { databaseId } = declared;
    const state = await when(engine, 'it is protected', (now) => now.status.kind === 'protected' && now.newest);
    say(`${database} → ${replica}`);
    say(`Protected after ${formatDuration(performance.now() - startedAt)}: ${wordsOf(state)}`);

    await new Promise((resolve) => setTimeout(resolve, historyMs));
    const noted = readTruth(truthPath).length;
    writer?.kill('SIGKILL');
    if (writer?.exitCode === null && writer.signalCode === null) await once(writer, 'exit');
    say(`The writer is killed (SIGKILL) after ${formatCount(noted)} transactions.`);

    const settled = await when(
      engine,
      'everything is shipped',
      (now) => now.lag.bytes === 0 && now.status.kind === 'protected',
    );
    say(`Shipped to its end: ${wordsOf(settled)}`);
    const points = await engine.call('listPoints', { databaseId, limit: 1000 });
    return points.toReversed();
  } finally {
    await engine.stop();
    say(`Tidemark stopped in order. The folder holds ${describeFolder(replica)}.`);
  }
}

interface Row {
  readonly what: string;
  readonly at: string;
  readonly transaction: string;
  readonly rows: string;
  readonly size: string;
  readonly took: string;
  readonly verdict: string;
}

async function restoreMoment(
  wish: RestoreWish,
  { path, truth }: { readonly path: string; readonly truth: readonly TruthLine[] },
): Promise<Row> {
  const begun = performance.now();
  const { result } = await restore(wish, path);
  const ms = performance.now() - begun;
  if (result === undefined) throw new Error(`${path} was restored without a result`);
  if (result.proof.kind !== 'identical') throw new Error('The restore did not prove its result page for page');
  const { point } = result;
  const row = rowOf('Tidemark', path, { truth, ms });
  say(
    `✓ ${formatClock(point.at)} (${formatPosition(point.position)}): transaction ${row.transaction}, ${row.rows} rows,`,
  );
  say(`  equal to the writer’s note; pages proven by state hash ${result.proof.stateHash}, ${result.proof.check}.`);
  return { ...row, at: formatClock(point.at) };
}

async function restoreWithLitestream(executable: string, truth: readonly TruthLine[]): Promise<Row> {
  const path = join(folder, 'litestream.db');
  const begun = performance.now();
  await runLitestream(executable, ['restore', '-o', path, `file://${replica}`]);
  const row = rowOf('litestream', path, { truth, ms: performance.now() - begun });
  const difference = differenceOf(readContent(path), readContent(newestRestored));
  if (difference !== undefined) throw new Error(`litestream restored something else: ${difference}`);
  say(`✓ Its file holds transaction ${row.transaction} and ${row.rows} rows: equal to ours.`);
  return row;
}

/** Judges a restored file; throws where it is not what the writer noted. */
function rowOf(
  what: string,
  path: string,
  { truth, ms }: { readonly truth: readonly TruthLine[]; readonly ms: number },
): Row {
  const size = formatBytes(statSync(path).size);
  const verdict = judge(readContent(path), truth);
  if (verdict.kind === 'false') throw new Error(`${what} restored ${path} wrongly: ${verdict.reason}`);
  const { content } = verdict;
  return {
    what,
    at: 'newest',
    transaction: formatCount(content.n),
    rows: formatCount(countRows(content)),
    size,
    took: formatDuration(ms),
    verdict: 'equal',
  };
}

/** By address alone, as on a new computer: no state of the capturing engine is used. */
async function restore(wish: RestoreWish, outputPath: string): Promise<Operation> {
  const engine = await startEngine({ dataDir: undefined, workerUrl });
  try {
    const { operationId } = await engine.call('startReplicaRestore', { url: replica, wish, outputPath });
    const operation = await ending(engine, operationId);
    if (operation.state !== 'done') {
      throw operation.error === undefined ? new AppError('cancelled') : AppError.fromData(operation.error);
    }
    return operation;
  } finally {
    await engine.stop();
  }
}

/** An early one, one in the middle, and the newest of all. */
function pickMoments(points: readonly RestorePoint[]): readonly RestoreWish[] {
  if (points.length < 20) throw new Error(`Only ${String(points.length)} restore points came to be`);
  say(`There are ${formatCount(points.length)} restore points to choose from: any commit is one.`);
  const picked = [0.2, 0.6].flatMap((part) => points[Math.round(part * (points.length - 1))] ?? []);
  return [...picked.map(({ position }) => ({ kind: 'position' as const, position })), { kind: 'latest' }];
}

async function startWriter(): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('./writer.ts', import.meta.url));
  const args = [script, '--database', database, '--truth', truthPath, '--rate', String(writerRate)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], env: plainSurroundings() });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.stdout.on('data', () => resolve());
  child.once('exit', () => reject(new Error('The writer ended before it was ready')));
  await promise;
  return child;
}

/** Resolves with the database once `isThere` holds for it; rejects when that takes too long. */
async function when(
  engine: EngineHost,
  what: string,
  isThere: (database: DatabaseState) => unknown,
): Promise<DatabaseState> {
  return await observe(engine, what, (state) => state.databases.find((candidate) => Boolean(isThere(candidate))));
}

async function ending(engine: EngineHost, id: OperationId): Promise<Operation> {
  return await observe(engine, 'the restore is over', (state) =>
    state.operations.find((operation) => operation.id === id && operation.state !== 'running'),
  );
}

async function observe<T>(engine: EngineHost, what: string, find: (state: EngineState) => T | undefined): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let last = 'nothing was heard of it';
  const unsubscribe = engine.subscribe((state) => {
    const found = find(state);
    last = state.databases.map(({ status }) => status.kind).join() || last;
    if (found !== undefined) resolve(found);
  });
  const limit = setTimeout(() => reject(new Error(`Waited in vain until ${what} (${last})`)), patienceMs);
  try {
    return await promise;
  } finally {
    clearTimeout(limit);
    unsubscribe();
  }
}

function wordsOf({ newest, lag }: DatabaseState): string {
  const where = newest === undefined ? 'nothing yet' : `${formatClock(newest.at)}, ${formatPosition(newest.position)}`;
  return `newest restore point ${where}, ${lag.bytes === 0 ? 'nothing waits' : `${formatBytes(lag.bytes)} wait`}.`;
}

function describeFolder(path: string): string {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const bytes = files.reduce((sum, file) => sum + statSync(join(file.parentPath, file.name)).size, 0);
  return `${formatCount(files.length)} objects, ${formatBytes(bytes)}`;
}

function printTable(rows: readonly Row[]): void {
  const titles = ['restored by', 'moment', 'transaction', 'rows', 'size', 'took', 'content'];
  const cells = rows.map((row) => [row.what, row.at, row.transaction, row.rows, row.size, row.took, row.verdict]);
  process.stdout.write(formatTable([titles, ...cells], { end: new Set([2, 3, 4, 5]) }));
}

function chapter(title: string): void {
  say(`\n${title}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function leave(code: number): void {
  cleanUp();
  process.exit(code);
}

function cleanUp(): void {
  writer?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
