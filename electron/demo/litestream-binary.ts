// Finds the real `litestream` v0.3.13 that the development dependency brings along: the other reader and writer of our
// layout, for the demo, the tests and the benchmark. Its npm wrapper hides exit codes and signals, so it is run directly.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** The executable's path; undefined where there is none for this platform, or development dependencies are left out. */
export function findLitestream(): string | undefined {
  try {
    const wrapper = dirname(createRequire(import.meta.url).resolve('@flydotio/litestream/package.json'));
    const path = join(wrapper, '..', `litestream-${process.platform}-${process.arch}`, 'litestream');
    return existsSync(path) ? path : undefined;
  } catch {
    // @NOTE not installed: the same as none.
    return undefined;
  }
}

/** Runs it to its end; resolves with what it printed, rejects where it failed. */
export async function runLitestream(executable: string, args: readonly string[]): Promise<string> {
  const child = spawn(executable, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once('error', reject);
  child.once('close', (code) => {
    if (code === 0) resolve(output);
    else reject(new Error(`litestream ${args.join(' ')} failed: ${output.trim() || String(code)}`));
  });
  return await promise;
}
