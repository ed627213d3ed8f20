// Runs the benchmark's writer as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { CrowdReport, WriterReport } from './figures.ts';

const writer = join(import.meta.dirname, 'bench-writer.ts');
const crowd = join(import.meta.dirname, 'bench-crowd.ts');
const watchEveryMs = 100;

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

async function run(script: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`The writer failed (${String(child.exitCode)})`);
  return output;
}
