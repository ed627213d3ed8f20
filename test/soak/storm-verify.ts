// Judges a storm: every restore point of a database whose file was replaced again and again is a state that its writer had
// noted, in the order in which they came about; and what the newest one holds. Gives complaints in words.
import fs from 'node:fs';
import path from 'node:path';
import { restoreReplica } from '../../electron/engine/restore/restore.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { formatPosition, type Position } from '../../shared/position.ts';
import type { RestorePoint } from '../../shared/history.ts';
import { readIncarnationLog, readState } from './incarnations.ts';
import { describe, replayReplica } from './replay.ts';
import type { ToldGap } from './acts.ts';
import { type HeldPoint, judgeSayings, type Promises, type Saying } from './said.ts';
import { openInMemory } from './in-memory.ts';

/** Beyond what waits, and what a suspended engine does not say. */
const promises: Promises = {
  seenWithinMs: 0,
  freshWithinMs: 16_000,
  caughtUpWithinMs: 6000,
  recoveredWithinMs: Infinity,
};

/** Judges one replica of a database whose writer and engines have ended. */
export async function judgeIncarnations(
  { file, log }: { readonly file: string; readonly log: string },
  {
    replica,
    told,
    said,
    gaps,
  }: {
    readonly replica: string;
    readonly told: readonly RestorePoint[];
    readonly said: readonly Saying[];
    readonly gaps: readonly ToldGap[];
  },
): Promise<readonly string[]> {
  const { states, lane } = readIncarnationLog(log);
  const complaints: string[] = [];
  const found = new Map<string, string>();
  const points: HeldPoint[] = [];
  let arrivedAt = 0;
  let before: Step | undefined;
  const faults = await replayReplica(replica, ({ position, key, origin, at: time, image }) => {
    const state = examine(image);
    const now = { generation: position.generation, place: placeOf(states, state), at: time };
    if (origin === 'wal')
      complaints.push(...skipped(before, now, gaps).map((text) => `${describe(position)}: ${text}`));
    before = now;
    found.set(keyOf(position), state);
    const at = Math.floor(fs.statSync(path.join(replica, key)).ctimeMs);
    arrivedAt = origin === 'snapshot' ? at : Math.max(arrivedAt, at);
    points.push({ position: formatPosition(position), arrivedAt, states: { a0: state } });
    if (!states.includes(state)) complaints.push(`${describe(position)} is ${state}: nothing that there ever was`);
  });
  complaints.push(...faults);
  if (complaints.length > 0) return complaints;
  // States come back where an older copy is put in place: the earliest place that the ones before leave is assumed.
  let reached = 0;
  for (const { position } of told) {
    const state = found.get(keyOf(position));
    if (state === undefined) {
      complaints.push(`${describe(position)} is told, but no object has it`);
      continue;
    }
    const at = states.indexOf(state, reached);
    if (at >= 0) reached = at;
    else complaints.push(`${describe(position)} is ${state}, which was before ${states[reached]}`);
  }
  if (told.length === 0) complaints.push('there is no restore point');
  points.sort((a, b) => a.arrivedAt - b.arrivedAt);
  const subject = { lanes: { a0: lane }, holdings: [{ from: 0, to: Infinity, points }] };
  const facts = { subjects: new Map([[file, subject]]), usable: new Map<string, []>(), calms: [] };
  return [...complaints, ...judgeSayings(said, facts, promises)];
}

interface Step {
  readonly generation: string;
  /** Among the states; undefined for one that came back. */
  readonly place: number | undefined;
  readonly at: number;
}

function placeOf(states: readonly string[], state: string): number | undefined {
  const place = states.indexOf(state);
  return place >= 0 && states.lastIndexOf(state) === place ? place : undefined;
}

/** States that were captured from a WAL follow each other, unless it is told that some are missing. */
function skipped(before: Step | undefined, now: Step, gaps: readonly ToldGap[]): readonly string[] {
  if (before?.generation !== now.generation || before.place === undefined || now.place === undefined) return [];
  const count = now.place - before.place - 1;
  const isTold = gaps.some(({ from, to }) => from <= now.at && before.at <= to);
  return count <= 0 || isTold ? [] : [`${count} states before it are missing, and nothing says so`];
}

/** Restores the newest moment to `outputPath` and tells the state that it is in; or why it cannot be had. */
export async function restoredLatest(replica: string, outputPath: string): Promise<string> {
  fs.rmSync(outputPath, { force: true });
  try {
    const { proof } = await restoreReplica({
      target: openFolderTarget({ path: replica }),
      wish: { kind: 'latest' },
      outputPath,
      fullCheck: true,
      signal: new AbortController().signal,
    });
    if (proof.kind !== 'identical') return `restored, but its proof is “${proof.kind}”`;
    return examine(fs.readFileSync(outputPath));
  } catch (error) {
    return `cannot be restored: ${String(error)}`;
  }
}

/** What the writers of a storm did and met. */
export function summarize(replacers: readonly { readonly log: string }[]): string {
  const logs = replacers.map(({ log }) => readIncarnationLog(log));
  const sum = (of: (log: (typeof logs)[number]) => number) => logs.reduce((total, log) => total + of(log), 0);
  const gone = logs.flatMap(({ goneMs }) => goneMs).sort((a, b) => a - b);
  const steps = new Map<string, number>();
  for (const log of logs) for (const [step, count] of log.steps) steps.set(step, (steps.get(step) ?? 0) + count);
  const done = [...steps].map(([step, count]) => `${step} ${count}`).join(', ');
  const longest = Math.max(0, ...logs.map(({ longestRefusalMs }) => longestRefusalMs));
  return [
    `${sum(({ states }) => states.length)} states; ${done}`,
    `refused ${sum(({ refusals }) => refusals)} times, ${longest} ms at most`,
    `gone after ${gone[gone.length >> 1] ?? '?'} ms (half of the time), ${gone.at(-1) ?? '?'} ms at most`,
  ].join('; ');
}

function examine(image: Buffer): string {
  if (image.length === 0) return 'empty';
  const database = openInMemory(image);
  try {
    const check = String(database.pragma('integrity_check', { simple: true }));
    return check === 'ok' ? readState(database) : `damaged: ${check.replaceAll('\n', ' ')}`;
  } catch (error) {
    return `unreadable: ${String(error)}`;
  } finally {
    database.close();
  }
}

function keyOf({ generation, index, offset }: Position): string {
  return `${generation}/${index}:${offset}`;
}
