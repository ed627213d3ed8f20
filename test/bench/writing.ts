// Runs the benchmark's writer as a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { WriterReport } from './figures.ts';

const script = join(import.meta.dirname, 'bench-writer.ts');
const watchEveryMs = 100;

/** Fills a new database. */
export async function fillDatabase(database: string, rows: number): Promise<void> {
  await run(['--database', database, '--rows', String(rows)]);
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
    const output = await run(['--database', database, '--seconds', String(seconds), '--every', String(everyMs)]);
    return { ...(JSON.parse(output) as WriterReport), largestWalBytes };
  } finally {
    clearInterval(watch);
  }
}

async function run(args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`The writer failed (${String(child.exitCode)})`);
  return output;
}
