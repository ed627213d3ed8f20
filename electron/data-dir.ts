// Where Tidemark keeps its own data: settings, spool, catalogue, demo. The same answer for every host.
// Chooses a path only; creating and locking it is the engine's.
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The data folder, absolute: the `--data-dir` option, else `TIDEMARK_DATA_DIR`, else the platform's place. */
export function resolveDataDir(
  option: string | undefined,
  { platform, home, env }: Surroundings = { platform: process.platform, home: homedir(), env: process.env },
): string {
  const wanted = nonEmpty(option) ?? nonEmpty(env['TIDEMARK_DATA_DIR']);
  if (wanted !== undefined) return resolve(wanted);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Tidemark');
  if (platform === 'win32') return join(nonEmpty(env['LOCALAPPDATA']) ?? join(home, 'AppData', 'Local'), 'Tidemark');
  return join(nonEmpty(env['XDG_DATA_HOME']) ?? join(home, '.local', 'share'), 'tidemark');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
