// `replicate`: protects what the command line or a configuration names, tells what happens in plain lines, and ends in
// order at an interrupt: captured transactions are shipped first.
import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { Argument } from '../../shared/contract.ts';
import { secondMs } from '../../shared/format.ts';
import type { DatabaseState } from '../../shared/databases.ts';
import type { EngineState } from '../../shared/model.ts';
import { formatPosition } from '../../shared/position.ts';
import { endingOf } from '../../shared/standing.ts';
import { toAbsolutePath, toReplicaUrl } from './options.ts';
import {
  type Terminal,
  formatAwaited,
  formatDetails,
  formatExclusive,
  formatProgress,
  formatRefusal,
  formatRfc3339,
  formatStopped,
  narrate,
} from './output.ts';
import type { Interrupts } from './signals.ts';
import { type RestoreParts, restoreFrom } from './restore.ts';
import { type Source, UsageError, isConfigFile, loadConfig } from './sources.ts';
import type { EngineHost } from '../host/engine-host.ts';

export interface ReplicateOptions {
  readonly config?: string;
  readonly expandEnv: boolean;
  readonly enableWal?: boolean;
  readonly takeOver?: boolean;
  readonly restoreIfMissing?: boolean;
  /** As Litestream calls it. */
  readonly restoreIfDbNotExists?: boolean;
}

/** What is to be protected, and what of it is restored first where it is not there. */
interface Declared {
  readonly declaration: Declaration;
  readonly restorable: readonly { readonly path: string; readonly sources: readonly Source[] }[];
}

type Declaration = Argument<'protectDeclared'>;

/** Ten seconds after a signal whoever sent it kills, as a rule: systemd, Docker, a user. */
const stopWithinMs = 8200;
const progressEveryMs = 10 * secondMs;

/** Replicates until it is interrupted; answers the exit status, and whether something keeps the process from ending. */
export async function replicate(parts: {
  readonly path: string | undefined;
  readonly urls: readonly string[];
  readonly options: ReplicateOptions;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly openEngine: () => Promise<EngineHost>;
  /** An engine that keeps nothing, to restore with. */
  readonly openToolbox: () => Promise<EngineHost>;
}): Promise<{ readonly code: number; readonly hangs: boolean }> {
  const { terminal, interrupts } = parts;
  const { declaration, restorable } = await declare(parts.path, parts.urls, { ...parts.options, note: terminal.note });
  for (const missing of restorable.filter(({ path }) => !existsSync(path))) {
    const code = await restoreMissing(missing, { terminal, interrupts, openEngine: parts.openToolbox });
    if (code !== 0) return { code, hangs: false };
  }
  const engine = await parts.openEngine();
  const teller = createTeller(terminal);
  interrupts.onSecond(async () => {
    await engine.kill();
    return engine;
  });
  interrupts.onFirst(async () => {
    teller.listenOnly();
    terminal.note('Stopping: what is captured is shipped first. A second interrupt stops at once.\n');
    await stopSoon(engine);
  });
  try {
    const unsubscribe = engine.subscribe((state) => teller.tell(state));
    const declaring = engine.call('protectDeclared', declaration);
    // @NOTE Where it is interrupted, nobody needs the answer.
    declaring.catch(() => {});
    const declared = (await Promise.race([declaring, interrupts.first])) ?? [];
    const refused = declared.filter((database) => database.kind === 'refused');
    for (const { path, error } of refused) terminal.note(formatRefusal(path, error));
    for (const database of declared) terminal.note(formatAwaited(database) + formatExclusive(database));
    if (refused.length === declared.length && refused.length > 0) return { code: 1, ...(await stopSoon(engine)) };
    interrupts.onAsked(async () => {
      const databases = teller.lastState()?.databases ?? [];
      const ask = async (database: DatabaseState) =>
        formatDetails(database, await engine.call('getDetails', { databaseId: database.id }));
      teller.say(await Promise.all(databases.map(ask)));
    });
    await interrupts.first;
    const { hangs } = await stopSoon(engine);
    unsubscribe();
    if (interrupts.isRepeated()) return { code: interrupts.exitCode(), hangs };
    terminal.out(formatStopped(teller.lastState()));
    return { code: refused.length === 0 && isAllThere(teller.lastState()) ? 0 : 1, hangs };
  } catch (error) {
    await stopSoon(engine);
    throw error;
  }
}

/** The newest moment into the place of a database that is not there; none where there is no history yet. Answers the exit code. */
async function restoreMissing(
  { path, sources }: Declared['restorable'][number],
  parts: Pick<RestoreParts, 'terminal' | 'interrupts' | 'openEngine'>,
): Promise<number> {
  parts.terminal.note(`${path} is not there: its newest state is restored first.\n`);
  const options = { expandEnv: false, integrityCheck: 'quick', ifReplicaExists: true } as const;
  return await restoreFrom(sources, { ...parts, options, outputPath: path, wish: { kind: 'latest' } });
}

/** Stops in order, but not for longer than who asked waits; whatever a destination does. */
async function stopSoon(engine: EngineHost): Promise<{ readonly hangs: boolean }> {
  const ended = new AbortController();
  const late = delay(stopWithinMs, true, { signal: ended.signal }).catch(() => true);
  const hangs = await Promise.race([engine.stop().then(() => engine.hangs), late]);
  ended.abort();
  return { hangs };
}

/** Everything that was captured is at its destination, as far as that was seen. */
function isAllThere(state: EngineState | undefined): boolean {
  return (state?.databases ?? []).every((database) => endingOf(database).kind === 'shipped');
}

async function declare(
  path: string | undefined,
  urls: readonly string[],
  options: ReplicateOptions & { readonly note: (text: string) => void },
): Promise<Declared> {
  const restoresAll = options.restoreIfMissing === true || options.restoreIfDbNotExists === true;
  const chosen = { enableWal: options.enableWal === true, takeOver: options.takeOver === true };
  const configPath = options.config ?? (urls.length === 0 && isConfigFile(path) ? path : undefined);
  if (configPath === undefined) {
    if (path === undefined) throw new UsageError('name a database and where it goes, or a configuration with -config');
    if (urls.length === 0) throw new UsageError('name where the database goes: tidemark replicate <db> <url>');
    const replicas = urls.map((url) => ({ url: toReplicaUrl(url) }));
    const databasePath = toAbsolutePath(path);
    const sources = replicas.map(({ url }) => ({ databasePath, replicaName: url, url }));
    return {
      declaration: { databases: [{ path: databasePath, ...chosen, replicas, isAwaited: false }] },
      restorable: restoresAll ? [{ path: databasePath, sources }] : [],
    };
  }
  if (options.config !== undefined && path !== undefined) {
    throw new UsageError('name a database, or a configuration with -config, not both');
  }
  const config = await loadConfig(configPath, options);
  const databases = config.databases.filter(({ restoreIfMissing }) => restoreIfMissing ?? restoresAll);
  const restorable = databases.map(({ path: databasePath, replicas }) => ({
    path: databasePath,
    sources: replicas.map(({ name, url }) => ({ databasePath, replicaName: name, url })),
  }));
  const declaration = {
    databases: config.databases.map((database) => ({
      path: database.path,
      ...chosen,
      isAwaited: true,
      replicas: database.replicas.map(({ name: _name, ...replica }) => replica),
    })),
  };
  return { declaration, restorable };
}

interface Teller {
  tell(state: EngineState): void;
  say(lines: readonly string[]): void;
  /** From here on states are kept, not told. */
  listenOnly(): void;
  lastState(): EngineState | undefined;
}

/** Prints what happens, and every ten seconds of activity how far it got. */
function createTeller(terminal: Terminal): Teller {
  let last: EngineState | undefined;
  let toldAt = -Infinity;
  let toldWhere = '';
  let isQuiet = false;
  const say = (lines: readonly string[]): void => {
    if (lines.length > 0) toldAt = performance.now();
    for (const line of lines) terminal.out(`${formatRfc3339(Math.floor(Date.now() / secondMs) * secondMs)} ${line}\n`);
  };
  return {
    say,
    tell(state) {
      const before = last;
      last = state;
      if (isQuiet) return;
      say(narrate(before, state));
      const where = state.databases.map(({ newest }) => (newest ? formatPosition(newest.position) : '')).join();
      if (where === toldWhere || performance.now() - toldAt < progressEveryMs) return;
      say(formatProgress(state));
      toldWhere = where;
    },
    listenOnly: () => {
      isQuiet = true;
    },
    lastState: () => last,
  };
}
