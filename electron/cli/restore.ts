// `restore`: one moment of one replica into a new file, with its phases on the way and the proof at the end.
// An interrupt cancels the operation, waits until nothing is left behind, and says so.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Parsed } from '../../shared/contract.ts';
import { AppError } from '../../shared/errors.ts';
import type { OperationId } from '../../shared/ids.ts';
import type { EngineState } from '../../shared/model.ts';
import type { Operation } from '../../shared/operations.ts';
import type { Generation } from '../../shared/position.ts';
import { parseUnfinished } from '../../shared/unfinished.ts';
import { type Answer, chooseAnswer } from './choose.ts';
import { toAbsolutePath } from './options.ts';
import {
  type Terminal,
  createRedrawer,
  formatError,
  formatJson,
  formatPhases,
  formatRestored,
  restoredJson,
} from './output.ts';
import { type Source, type SourceOptions, UsageError, findSources } from './sources.ts';
import type { Interrupts } from './signals.ts';
import type { EngineHost } from '../host/engine-host.ts';

/** The file is what was captured, and SQLite found something in it that was there then. */
const foundStatus = 3;

export interface RestoreOptions extends SourceOptions {
  readonly o?: string;
  readonly generation?: Generation;
  readonly index?: number;
  readonly timestamp?: number;
  readonly name?: string;
  readonly integrityCheck: 'quick' | 'full';
  readonly ifDbNotExists?: boolean;
  readonly ifReplicaExists?: boolean;
  readonly json?: boolean;
}

export interface RestoreParts {
  readonly subject: string | undefined;
  readonly options: RestoreOptions;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  readonly openEngine: () => Promise<EngineHost>;
}

type Wish = Parsed<'startReplicaRestore'>['wish'];

/** Restores; answers the exit code. */
export async function restore(parts: RestoreParts): Promise<number> {
  const { subject, options, terminal } = parts;
  const wish = toWish(options);
  const sources = await findSources(subject, { ...options, note: terminal.note });
  const outputPath = outputOf(sources, options);
  if (options.ifDbNotExists === true && existsSync(outputPath)) {
    terminal.note(`${outputPath} exists already; nothing to restore.\n`);
    return 0;
  }
  return await restoreFrom(sources, { ...parts, outputPath, wish });
}

/** Restores from the one of these replicas that reaches furthest; answers the exit code. */
export async function restoreFrom(
  sources: readonly Source[],
  parts: Omit<RestoreParts, 'subject'> & { readonly outputPath: string; readonly wish: Wish },
): Promise<number> {
  const { options, terminal, interrupts, outputPath, wish } = parts;
  const engine = await parts.openEngine();
  interrupts.onSecond(async () => {
    await engine.kill();
    // A disk on which a call of its thread hangs would hold us up as well.
    if (!engine.hangs) removeUnfinished(outputPath);
    return engine;
  });
  try {
    const url = await chooseReplica(sources, engine, { wish, note: terminal.note });
    const { operationId } = await engine.call('startReplicaRestore', {
      url,
      wish,
      outputPath,
      fullCheck: options.integrityCheck === 'full',
    });
    // Asked for at once: it is about the thread that has just answered.
    const lost = engine.lost();
    interrupts.onFirst(() => engine.call('cancelOperation', { operationId }));
    const shown = options.json === true ? undefined : terminal;
    return conclude(await follow(engine, { id: operationId, lost }, shown), parts);
  } catch (error) {
    if (isNothingThere(error, options)) return noteNothingThere(error, terminal);
    throw error;
  } finally {
    await engine.stop();
  }
}

/** What the options wish for; at most one of -timestamp, -index and -name. */
export function toWish(options: Pick<RestoreOptions, 'generation' | 'index' | 'timestamp' | 'name'>): Wish {
  const { index, timestamp, name } = options;
  if (name !== undefined) {
    const isMore = [index, timestamp, options.generation].some((option) => option !== undefined);
    if (isMore) throw new UsageError('-name says which point; -timestamp, -index and -generation do not go with it');
    return { kind: 'name', name };
  }
  const generation = options.generation === undefined ? {} : { generation: options.generation };
  if (index !== undefined && timestamp !== undefined) throw new UsageError('-timestamp and -index exclude each other');
  if (timestamp !== undefined) return { kind: 'time', at: timestamp, ...generation };
  if (index !== undefined) return { kind: 'index', index, ...generation };
  return { kind: 'latest', ...generation };
}

/** The file to write: -o, else the database's own place in the configuration. */
function outputOf(sources: readonly Source[], options: RestoreOptions): string {
  const paths = [...new Set(sources.map((source) => source.databasePath))];
  if (paths.length > 1) throw new UsageError('the configuration names several databases; say which one');
  if (options.o !== undefined) return toAbsolutePath(options.o);
  const [path] = paths;
  if (path === undefined) throw new UsageError('say where to restore to with -o <file>');
  return path;
}

/** The replica that has what is wished for; of several the one whose moment is the newest. */
async function chooseReplica(
  sources: readonly Source[],
  engine: EngineHost,
  { wish, note }: { readonly wish: Wish; readonly note: (text: string) => void },
): Promise<string> {
  const [only] = sources;
  if (only !== undefined && sources.length === 1) return only.url;
  const answers = await Promise.all(
    sources.map(async ({ replicaName, url }): Promise<Answer> => {
      try {
        const outlook = await engine.call('planReplicaRestore', { url, wish });
        return { replicaName, url, outcome: { kind: 'planned', outlook } };
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        return { replicaName, url, outcome: { kind: 'failed', error } };
      }
    }),
  );
  return chooseAnswer(answers, { kind: wish.kind, note }).url;
}

/** Resolves with the operation once it is over; shows its phases on the way. Rejects where its engine is lost. */
async function follow(
  engine: EngineHost,
  { id, lost }: { readonly id: OperationId; readonly lost: Promise<void> },
  terminal: Terminal | undefined,
): Promise<Operation> {
  const { promise, resolve, reject } = Promise.withResolvers<Operation>();
  const show = terminal === undefined ? () => undefined : createPhaseView(terminal);
  void lost.then(() => reject(new AppError('engine-stopped')));
  const unsubscribe = engine.subscribe((state: EngineState) => {
    const operation = state.operations.find((candidate) => candidate.id === id);
    if (operation === undefined) return;
    show(operation);
    if (operation.state !== 'running') resolve(operation);
  });
  try {
    return await promise;
  } finally {
    unsubscribe();
  }
}

/** On a screen: phases drawn over themselves. Elsewhere: one line when a phase is done. */
export function createPhaseView(terminal: Terminal): (operation: Operation) => void {
  if (terminal.isInteractive) {
    const redraw = createRedrawer(terminal.draw);
    return (operation) => redraw(formatPhases(operation));
  }
  const told = new Set<string>();
  return (operation) => {
    const done = { ...operation, phases: operation.phases.filter((phase) => phase.state === 'done') };
    formatPhases(done).forEach((line, i) => {
      const name = done.phases[i]?.name ?? '';
      if (!told.has(name)) terminal.note(`${line}\n`);
      told.add(name);
    });
  };
}

function conclude(
  operation: Operation,
  { options, terminal, interrupts }: Pick<RestoreParts, 'options' | 'terminal' | 'interrupts'>,
): number {
  if (operation.state === 'done' && operation.result !== undefined) {
    terminal.out(options.json === true ? formatJson(restoredJson(operation.result)) : formatRestored(operation.result));
    return operation.result.proof.check === 'findings' ? foundStatus : 0;
  }
  const error = operation.error === undefined ? new AppError('cancelled') : AppError.fromData(operation.error);
  if (isNothingThere(error, options)) return noteNothingThere(error, terminal);
  terminal.note(formatError(error));
  return operation.state === 'cancelled' ? interrupts.exitCode() : 1;
}

/** There is no history, and that is well. */
function isNothingThere(error: unknown, { ifReplicaExists }: RestoreOptions): error is AppError {
  return ifReplicaExists === true && error instanceof AppError && error.code === 'no-history';
}

function noteNothingThere({ message }: AppError, terminal: Terminal): number {
  terminal.note(`${message} Nothing to restore.\n`);
  return 0;
}

/** Who restored is gone: what it was at work on goes, too. */
function removeUnfinished(outputPath: string): void {
  const folder = dirname(outputPath);
  try {
    for (const name of readdirSync(folder)) {
      const found = parseUnfinished(name);
      const isOurs = found?.pid === process.pid && basename(outputPath).startsWith(found.start);
      if (isOurs) rmSync(join(folder, name), { recursive: true, force: true });
    }
  } catch {
    // @NOTE No such folder, or no rights there any more: what is left goes with the next restore into it.
  }
}
