// Runs the benchmark's writer as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { CrowdReport, LeaverReport, ReplacerReport, VisitorReport, WriterReport } from './figures.ts';

const writer = script('bench-writer.ts');
const crowd = script('bench-crowd.ts');
const ticker = script('bench-ticker.ts');
const leaver = script('bench-leaver.ts');
const replacer = script('bench-replacer.ts');
const visitor = script('bench-visitor.ts');
const watchEveryMs = 100;
/** An application that takes longer than this hangs. */
const longestMs = 600_000;

/** Fills a new database. */
export async function fillDatabase(database: string, rows: number): Promise<void> {
  await run(writer, ['--database', database, '--rows', String(rows)]);
}

/** Writes for some seconds; `every` paces it. Also tells the largest WAL that was seen meanwhile. */
export async function writeFor(
  database: string,
  { seconds, everyMs = 0 }: { readonly seconds: number; readonly everyMs?: number },
): Promise<WriterReport & { readonly largestWalBytes: number }> {
  let largestWalBytes = 0;
  const watch = setInterval(() => {
    largestWalBytes = Math.max(largestWalBytes, statSync(`${database}-wal`, { throwIfNoEntry: false })?.size ?? 0);
  }, watchEveryMs);
  try {
    const output = await run(writer, [
      '--database',
      database,
      '--seconds',
      String(seconds),
      '--every',
      String(everyMs),
    ]);
    return { ...(JSON.parse(output) as WriterReport), largestWalBytes };
  } finally {
    clearInterval(watch);
  }
}

/** Three applications at once that keep house by themselves; their reports as one. */
export async function crowdFor(database: string, seconds: number): Promise<CrowdReport> {
  const running = ['passive', 'restart', 'truncate'].map(
    async (mode) => await run(crowd, ['--database', database, '--seconds', String(seconds), '--mode', mode]),
  );
  const reports = (await Promise.all(running)).map((output) => JSON.parse(output) as CrowdReport);
  return {
    rows: reports.reduce((sum, { rows }) => sum + rows, 0),
    busy: reports.reduce((sum, { busy }) => sum + busy, 0),
    slowestMs: Math.max(...reports.map(({ slowestMs }) => slowestMs)),
  };
}

/** Commits one small row at even intervals. */
export async function tickFor(
  database: string,
  { seconds, perSecond }: { readonly seconds: number; readonly perSecond: number },
): Promise<void> {
  await run(ticker, ['--database', database, '--seconds', String(seconds), '--per-second', String(perSecond)]);
}

/** Leaves a database, or rests in it, several times; resolves with the milliseconds of each wait, Infinity for never. */
export async function leave(
  database: string,
  {
    manner,
    tries,
    afterMs = 0,
  }: {
    readonly manner: 'committing' | 'rested' | 'flat' | 'staying';
    readonly tries: number;
    readonly afterMs?: number;
  },
): Promise<readonly number[]> {
  const words = ['--database', database, '--manner', manner, '--tries', String(tries), '--after', String(afterMs)];
  const { waits } = JSON.parse(await run(leaver, words)) as LeaverReport;
  return waits.map((wait) => wait ?? Infinity);
}

/** Replaces each database by one of the files, in turn; resolves with what was wrong with each afterwards. */
export async function replace(
  databases: readonly string[],
  {
    files,
    afterMs,
  }: { readonly files: readonly { readonly path: string; readonly content: string }[]; readonly afterMs: number },
): Promise<ReplacerReport['faults']> {
  const words = [
    ...databases.flatMap((path) => ['--database', path]),
    ...files.flatMap(({ path, content }) => ['--file', path, '--content', content]),
  ];
  return (JSON.parse(await run(replacer, [...words, '--after', String(afterMs)])) as ReplacerReport).faults;
}

/** Opens, commits and closes for some seconds, without a pause. */
export async function visitFor(database: string, seconds: number): Promise<VisitorReport> {
  return JSON.parse(await run(visitor, ['--database', database, '--seconds', String(seconds)])) as VisitorReport;
}

function script(name: string): string {
  return join(import.meta.dirname, name);
}

async function run(path: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: longestMs });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${basename(path)} failed (${String(child.exitCode ?? child.signalCode)})`);
  return output;
}
