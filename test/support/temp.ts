// Folders that tests own and that vanish with them.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface TempFolder extends Disposable {
  readonly path: string;
  /** A path inside. */
  readonly at: (...parts: string[]) => string;
}

/** A new empty folder, removed on dispose. */
export function tempFolder(name = 'tidemark'): TempFolder {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), `${name}-`));
  return {
    path: folder,
    at: (...parts) => path.join(folder, ...parts),
    [Symbol.dispose]: () => fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }),
  };
}

/** Long enough for any machine that is at work at all: only what never comes waits for so long. */
const neverMs = 60_000;

/** Waits until `check` gives something truthy, asking every few milliseconds; fails with `what` where it never does. */
export async function until<T>(
  what: string,
  check: () => T | Promise<T>,
  timeoutMs = neverMs,
): Promise<NonNullable<T>> {
  const endAt = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > endAt) throw new Error(`timed out waiting until ${what}`);
    await new Promise((go) => setTimeout(go, 10));
  }
}
