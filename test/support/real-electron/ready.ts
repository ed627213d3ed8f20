// The real Electron that was made ready for the tests of this checkout (prepare.ts), as vitest.config.ts looks for it.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { cacheDir, findOwnRuntime, isOnCi } from './runtime.ts';

export interface ReadyElectron {
  /** The runtime's executable. */
  readonly executable: string;
  readonly version: string;
  /** The folder that it starts. */
  readonly app: string;
}

const root = resolve(import.meta.dirname, '../../..');

const name = createHash('sha256').update(root).digest('hex').slice(0, 12);

/** Where the application for older runtimes is staged: one folder for each checkout. */
export const stageDir = join(cacheDir, `stage-${name}`);

/** What is ready, for `findReadyElectron`. */
export const readyFile = join(cacheDir, `ready-${name}.json`);

/** Whether the desktop tests of `npm test` are for a real Electron too. */
export const isRealWanted = isOnCi || findOwnRuntime() !== undefined;

/** What `prepareElectron` made ready last for this checkout. */
export function findReadyElectron(): ReadyElectron | undefined {
  if (!existsSync(readyFile)) return undefined;
  const ready = JSON.parse(readFileSync(readyFile, 'utf8')) as ReadyElectron;
  return existsSync(ready.executable) && existsSync(ready.app) ? ready : undefined;
}
