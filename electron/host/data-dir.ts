// Where Tidemark keeps its own data: settings, spool, catalogue, demo. The same answer for every host.
// Chooses a path, and makes it where a host needs it before the engine does; locking it is the engine's.
import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '../../shared/errors.ts';

interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

const here: Surroundings = {
  platform: process.platform,
  env: process.env,
  get home() {
    const home = findHome();
    if (home !== undefined) return home;
    throw new AppError('data-folder-unusable', { path: 'the home folder', reason: 'this user has none' });
  },
};

/**
 * The data folder, absolute: the `--data-dir` option, else `TIDEMARK_DATA_DIR`, else the platform's place. Only that needs a home
 * folder; fails with `data-folder-unusable` where there is none.
 */
export function resolveDataDir(option: string | undefined, around = here): string {
  const { platform, env } = around;
  const wanted = nonEmpty(option) ?? nonEmpty(env['TIDEMARK_DATA_DIR']);
  if (wanted !== undefined) return resolve(wanted);
  if (platform === 'darwin') return join(around.home, 'Library', 'Application Support', 'Tidemark');
  if (platform === 'win32')
    return join(nonEmpty(env['LOCALAPPDATA']) ?? join(around.home, 'AppData', 'Local'), 'Tidemark');
  return join(nonEmpty(env['XDG_DATA_HOME']) ?? join(around.home, '.local', 'share'), 'tidemark');
}

/**
 * Makes the data folder with whatever leads to it, for its owner alone. Step by step: Node itself tries for ever where a folder cannot
 * be made although the one above it is there (`/proc`).
 */
export function makeDataDir(folder: string): void {
  const make = () => {
    try {
      mkdirSync(folder, { mode: 0o700 });
    } catch (error) {
      if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    }
  };
  try {
    make();
  } catch (error) {
    const parent = dirname(folder);
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing || parent === folder) throw error;
    makeDataDir(parent);
    make();
  }
}

/** The user's home folder; undefined where neither `HOME` nor the system's list of users names one. */
export function findHome(): string | undefined {
  try {
    return homedir();
  } catch {
    // @NOTE A service, or a container, whose user is only a number.
    return undefined;
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
