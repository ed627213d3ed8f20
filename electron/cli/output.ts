// What the command line prints: JSON, errors, the phases of a restore, the story of a replication. Pure text;
// writing it to a stream is the last few lines.
import { type AppErrorData, errorSentence, toErrorData } from '../../shared/errors.ts';
import {
  formatAge,
  formatBytes,
  formatDuration,
  formatInstantUtc,
  formatTimestampLocal,
  formatZone,
  offsetAt,
  plural,
  secondMs,
} from '../../shared/format.ts';
import type { DeclaredDatabase } from '../../shared/contract.ts';
import type { DatabaseDetails, DatabaseState } from '../../shared/databases.ts';
import { exclusiveSentence } from '../../shared/known-applications.ts';
import type { EngineState } from '../../shared/model.ts';
import { findingsSentence, type Operation, type Phase, type RestoreResult } from '../../shared/operations.ts';
import { formatPosition } from '../../shared/position.ts';
import { plainJson, plainLine, plainText } from '../../shared/plain-text.ts';
import { endingOf, statusWord } from '../../shared/standing.ts';
import { capturedWhenWords } from '../../shared/summary.ts';

/** Where a command writes: results to `out`, everything else to `note`; neither passes on what a terminal would obey. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly note: (text: string) => void;
  /** As `note`, with commands to the screen in it. */
  readonly draw: (text: string) => void;
  /** Notes go to a person's screen, so lines may be drawn again. */
  readonly isInteractive: boolean;
}

/** Readable JSON with a line's end. */
export function formatJson(value: unknown): string {
  return `${plainJson(JSON.stringify(value, undefined, 2))}\n`;
}

/** `2026-11-22T13:31:58Z`, as Litestream lists times; milliseconds only where there are some. */
export function formatRfc3339(at: number): string {
  return new Date(at).toISOString().replace('.000Z', 'Z');
}

/** What happened, what is safe, what to do; one line each. */
export function formatError(error: unknown): string {
  const data = toErrorData(error);
  return plainText(`tidemark: ${[data.message, data.safe, data.hint].filter(Boolean).join('\n  ')}\n`);
}

/** One line per phase that began, as it stands now. */
export function formatPhases(operation: Operation): readonly string[] {
  return operation.phases.filter((phase) => phase.state !== 'waiting').map((phase) => formatPhase(phase));
}

function formatPhase(phase: Phase): string {
  if (phase.state === 'done') {
    return `✓ ${phase.text}${phase.ms === undefined || phase.ms < 100 ? '' : `, ${formatDuration(phase.ms)}`}`;
  }
  if (phase.totalBytes === 0) return `… ${phase.text}`;
  const percent = Math.min(100, Math.floor((100 * phase.doneBytes) / phase.totalBytes));
  return `… ${phase.text} (${formatBytes(phase.doneBytes)} of ${formatBytes(phase.totalBytes)}, ${String(percent)} %)`;
}

/** The closing sentences of a restore: which moment, and what was proven about the file. */
export function formatRestored(result: RestoreResult): string {
  const { point, proof } = result;
  const utc = formatInstantUtc(point.at);
  const isUtc = offsetAt(point.at) === 0;
  const moment = isUtc ? utc : `${formatTimestampLocal(point.at)} ${formatZone(point.at)} (${utc})`;
  const hasFindings = proof.check === 'findings';
  const check = hasFindings ? '' : `, ${proof.check}`;
  const proven = {
    identical: `Proven identical to what was captured, page for page: state hash ${proof.stateHash}${check}.`,
    image: hasFindings
      ? 'No hashes were recorded in this history, so its own checksums speak for it.'
      : `No hashes were recorded in this history, so its own checksums and SQLite speak for it: ${proof.check}.`,
  };
  return [
    `Restored ${result.path} (${formatBytes(result.sizeBytes)}) as of ${moment}, position ${formatPosition(point.position)}.`,
    proven[proof.kind],
    ...(hasFindings ? [findingsSentence(proof)] : []),
    '',
  ].join('\n');
}

/** A restore as data, for `--json`. */
export function restoredJson(result: RestoreResult): object {
  return {
    path: result.path,
    sizeBytes: result.sizeBytes,
    at: formatRfc3339(result.point.at),
    position: formatPosition(result.point.position),
    proof: result.proof,
  };
}

/** What happened between two states of a replication, as lines. Without an earlier state: where things stand. */
export function narrate(before: EngineState | undefined, now: EngineState): readonly string[] {
  const lastId = before?.activity[0]?.id ?? 0;
  const news = now.activity
    .filter((entry) => entry.id > lastId)
    .filter((entry) => before !== undefined || entry.at >= now.app.startedAt)
    .toReversed();
  const changes = now.databases.flatMap((database) => {
    const earlier = before?.databases.find((other) => other.id === database.id);
    return narrateStatus(earlier, database);
  });
  return [...news.map((entry) => entry.text), ...changes];
}

function narrateStatus(before: DatabaseState | undefined, now: DatabaseState): readonly string[] {
  const when = capturedWhenWords(now);
  const isNews = when !== undefined && before !== undefined && capturedWhenWords(before) === undefined;
  if (before?.status.kind === now.status.kind && !isNews) return [];
  switch (now.status.kind) {
    case 'starting':
      return [`${now.path}: starting, ${formatBytes(now.sizeBytes)}`];
    case 'snapshotting':
      return [`${now.path}: writing the first image of this history, ${formatBytes(now.status.totalBytes)}`];
    case 'protected':
      return [
        [
          `${now.path}: protected`,
          ...(when === undefined ? [] : [when]),
          ...(now.newest === undefined ? [] : [`shipped${positionOf(now)}`]),
        ].join(', '),
      ];
    case 'catching-up':
      return [`${now.path}: catching up, ${formatBytes(now.lag.bytes)} to ship`];
    case 'attention':
    case 'problem':
      return [`${now.path}: ${errorSentence(now.status.problem)}`];
    case 'paused':
      return [`${now.path}: paused`];
  }
}

/** Where each database's replication stands, for a line every now and then. */
export function formatProgress(state: EngineState): readonly string[] {
  return state.databases
    .filter(({ status }) => status.kind !== 'paused')
    .map((database) => `${database.path}: shipped${positionOf(database)}, ${lagOf(database)}`);
}

/** What one database costs and how it stands, in one line, for who asks. */
export function formatDetails(database: DatabaseState, details: DatabaseDetails): string {
  const { captured, wal, locked, counters, lastProblem } = details;
  const lags = details.replicas.map(({ targetId, lagBytes, lagSeconds }) => {
    const url = database.replicas.find((replica) => replica.targetId === targetId)?.url ?? targetId;
    const lag =
      lagBytes === 0 ? 'nothing waits' : `${formatBytes(lagBytes)} wait, ${formatDuration(lagSeconds * secondMs)}`;
    return `${url}: ${lag}`;
  });
  const held = wal.heldSinceAt === undefined ? '' : `, held by a reader since ${formatRfc3339(wal.heldSinceAt)}`;
  const sent = `${plural(counters.segments, 'segment')} and ${plural(counters.snapshots, 'snapshot')}`;
  const when = capturedWhenWords(database);
  const { status } = database;
  const isWrong = status.kind === 'problem' || status.kind === 'attention';
  const word = statusWord(database, Date.now()).toLowerCase();
  const standing = isWrong ? `${word}: ${status.problem.message.replace(/\.$/, '')}` : word;
  const facts = [
    when === undefined ? standing : `protected, ${when}`,
    captured === undefined ? 'not captured now' : `captured to ${formatPosition(captured.position)}`,
    ...lags,
    `spool ${formatBytes(details.spoolBytes)}`,
    `WAL ${formatBytes(wal.bytes)}, ${plural(wal.waitingFrames, 'frame')} not in the database yet${held}`,
    `writers held ${formatDuration(locked.maxMs)} at most, ${formatDuration(locked.totalMs)} in ${plural(locked.count, 'seal')}`,
    `since the start ${plural(counters.transactions, 'transaction')}, ${sent} (${formatBytes(counters.shippedBytes)}) shipped, ${plural(counters.targetErrors, 'error')} of destinations`,
    ...(lastProblem === undefined
      ? []
      : [`last problem ${formatRfc3339(lastProblem.sinceAt)}: ${lastProblem.message}`]),
  ];
  return `${database.path}: ${facts.join('; ')}`;
}

/** The last word of a replication: whether everything captured lies at its destination, as far as that was seen. */
export function formatStopped(state: EngineState | undefined): string {
  const endings = (state?.databases ?? []).map((database) => ({ path: database.path, ending: endingOf(database) }));
  if (endings.length === 0) return 'Stopped. Nothing was protected.\n';
  if (endings.every(({ ending }) => ending.kind === 'shipped'))
    return 'Stopped. Everything that was captured is at its destination.\n';
  const waiting = endings.flatMap(({ path, ending }) =>
    ending.kind === 'waits' ? [`${path}: ${formatBytes(ending.bytes)}`] : [],
  );
  const sentences = endings.flatMap(({ path, ending }) => {
    switch (ending.kind) {
      case 'shipped':
      case 'waits':
        return [];
      case 'nothing-there':
        return [`Nothing of ${path} is at its destination yet.${because(ending.problem)}`];
      case 'unseen':
        return [`${path}: whether everything is still at its destination could not be seen.${because(ending.problem)}`];
      case 'not-captured':
        return [`${path} is not being captured.${because(ending.problem)}`];
    }
  });
  const kept = `Not yet at its destination, kept in the data folder for the next start: ${waiting.join(', ')}.`;
  return `Stopped. ${[...(waiting.length === 0 ? [] : [kept]), ...sentences].join(' ')}\n`;
}

function because(problem: AppErrorData | undefined): string {
  return problem === undefined ? '' : ` ${problem.message}`;
}

/** What was refused, beside the database it concerns. */
export function formatRefusal(path: string, error: AppErrorData): string {
  return `${path}: ${errorSentence(error)}\n`;
}

/** What a configuration names and cannot be captured yet; empty for all others. */
export function formatAwaited(database: DeclaredDatabase): string {
  if (database.kind !== 'awaited') return '';
  return `${database.path}: waited for; it is protected as soon as it can be. ${errorSentence(database.error)}\n`;
}

/** When a database is captured that its application keeps for itself; empty for all others. */
export function formatExclusive(database: DeclaredDatabase): string {
  const when = database.kind === 'protecting' ? exclusiveSentence(database.application) : undefined;
  return when === undefined ? '' : `${database.path}: ${when}\n`;
}

function positionOf(database: DatabaseState): string {
  return database.newest === undefined ? '' : ` to ${formatPosition(database.newest.position)}`;
}

function lagOf(database: DatabaseState): string {
  const { bytes, sinceAt } = database.lag;
  if (bytes === 0) return 'nothing waits';
  const since = sinceAt === undefined ? '' : ` since ${formatAge(Math.max(secondMs, Date.now() - sinceAt))}`;
  return `${formatBytes(bytes)} wait${since}`;
}

/** Draws lines over the lines it drew before. */
export function createRedrawer(write: (text: string) => void): (lines: readonly string[]) => void {
  let drawn = 0;
  return (lines) => {
    const up = drawn === 0 ? '' : `\u001B[${String(drawn)}A\u001B[J`;
    write(`${up}${lines.map((line) => `${plainLine(line)}\n`).join('')}`);
    drawn = lines.length;
  };
}
