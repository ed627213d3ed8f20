// Restores a database from a target to a new file: plan, fetch, apply, prove, check, publish. Either the result is what was
// captured and has its name, or there is an error and nothing is left. Each phase is a file of its own; this one runs them,
// and plans again around an object that turned out to be damaged.
import { must } from '../../../shared/assert.ts';
import type { RestoreWish } from '../../../shared/contract.ts';
import { AppError } from '../../../shared/errors.ts';
import { formatBytes, plural } from '../../../shared/format.ts';
import type { Moment } from '../../../shared/history.ts';
import type { Generation } from '../../../shared/position.ts';
import type { Phase, Proof, RestoreResult } from '../../../shared/operations.ts';
import type { Access } from '../basics/access.ts';
import { mostContentOf, smallestPageSize } from '../replica/bounds.ts';
import type { History } from '../replica/history.ts';
import { openObject } from '../replica/object.ts';
import { formatHash } from '../replica/state-hash.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { applyHistory, type Built } from './apply.ts';
import { checkDatabase } from './check.ts';
import { countReads, type FetchedIndex, fetchSegments } from './fetch.ts';
import { damageOf, listHistory, runPlanning } from '../destinations/look-up.ts';
import { classifyOutputError, mustHaveRoom, openOutput, type Output, whileRoom } from './output.ts';
import { runPhase } from './phases.ts';
import { planRestore, type RestorePlan } from './plan.ts';
import type { Knowledge } from './planning.ts';
import { hashDatabase } from './prove.ts';

export interface RestoreOptions {
  readonly target: ReadableTarget;
  readonly wish: RestoreWish;
  /** Absolute; must not exist. */
  readonly outputPath: string;
  /** `integrity_check` instead of `quick_check`. */
  readonly fullCheck?: boolean | undefined;
  /** That of the original; by default nobody but its owner may read the result. */
  readonly access?: Access | undefined;
  /** A phase changed. Phases run in the order of their type; after damage that can be gone round they run again. */
  readonly onPhase?: ((phase: Phase) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What a restore would do. */
export interface PlanFigures {
  readonly point: Moment;
  readonly snapshotAt: number;
  readonly segments: number;
  /** As stored. */
  readonly fetchBytes: number;
  /** Size of the restored file; zero where only the restore itself can tell. */
  readonly resultBytes: number;
  /** Nothing newer is restorable. */
  readonly isNewest: boolean;
  /** The generations there, in the order in which they were begun. */
  readonly order: readonly Generation[];
}

interface Session extends RestoreOptions {
  readonly history: History;
  readonly knowledge: Knowledge;
  readonly onPhase: (phase: Phase) => void;
}

/**
 * Restores. Throws the planner's codes, `object-damaged`, `proof-failed`, the `output-…` and `target-…` codes, and `signal.reason`
 * on abort.
 */
export async function restoreReplica(options: RestoreOptions): Promise<RestoreResult> {
  const { target, signal, onPhase = () => undefined } = options;
  const history = await openHistory(options);
  const session: Session = { ...options, onPhase, history, knowledge: new Map() };
  for (;;) {
    try {
      return await attempt(session);
    } catch (error) {
      signal.throwIfAborted();
      // A damaged object is planned around where an older snapshot allows it; else the planner says what is near.
      const damage = damageOf(error);
      const key = error instanceof AppError ? error.details['key'] : undefined;
      const isNews = typeof key === 'string' && session.knowledge.get(key)?.kind !== 'damaged';
      if (damage === undefined || !isNews) throw error;
      session.knowledge.set(key, damage);
      await runPlanning(planOf(session), target, { signal });
    }
  }

  async function openHistory({ outputPath, access }: RestoreOptions): Promise<History> {
    // What is wrong with the output is said before anything is read.
    await using output = await openOutput({ path: outputPath, access });
    await mustHaveRoom(output.folder, 0);
    return await listHistory(target, { signal });
  }
}

/** What a restore would take and give, without doing it. Throws what planning throws. */
export async function describePlan(options: {
  readonly target: ReadableTarget;
  readonly wish: RestoreWish;
  readonly signal: AbortSignal;
}): Promise<PlanFigures> {
  const { target, wish, signal } = options;
  const history = await listHistory(target, { signal });
  const context = { history, knowledge: new Map(), url: target.url };
  const plan = await runPlanning(planRestore(context, wish), target, { signal });
  return {
    point: momentOf(plan),
    snapshotAt: plan.snapshotAt,
    segments: plan.segments.length,
    fetchBytes: plan.fetchBytes,
    resultBytes: resultBytesOf(plan),
    isNewest: plan.isNewest,
    order: plan.order,
  };
}

async function attempt(session: Session): Promise<RestoreResult> {
  const { outputPath, access, signal, onPhase } = session;
  await using output = await openOutput({ path: outputPath, access });
  try {
    const planned = await makePlan(session, output);
    const { plan, indices } = await fetch(session, planned, output);
    const built = await apply(session, plan, indices, output);
    const sizeBytes = built.pages * built.pageSize;

    const { kind, stateHash } = await prove(session, plan, built, output);
    const checked = await checkResult(session, plan, kind, output);
    await runPhase(
      {
        name: 'publish',
        text: `Giving it its name: ${output.path}`,
        describe: () => `${output.path}, ${formatBytes(sizeBytes)}`,
        onPhase,
      },
      async () => {
        signal.throwIfAborted();
        await output.publish();
      },
    );
    return { path: output.path, point: momentOf(plan), sizeBytes, proof: { kind, stateHash, ...checked } };
  } catch (error) {
    throw classifyOutputError(error, output.folder);
  }
}

async function makePlan(session: Session, output: Output): Promise<RestorePlan> {
  const { target, wish, signal, onPhase } = session;
  return runPhase(
    {
      name: 'plan',
      text: 'Reading what the history holds',
      describe: (plan) => {
        const isPast = wish.kind === 'time' && plan.isNewest && wish.at > plan.point.at;
        const point = isPast
          ? `The newest restore point is ${iso(plan.point.at)}, before the time asked for`
          : `Restore point ${iso(plan.point.at)}`;
        return `${point}: the snapshot of ${iso(plan.snapshotAt)} and ${plural(plan.segments.length, 'segment')}`;
      },
      onPhase,
    },
    async () => {
      const plan = await runPlanning(planOf(session), target, { signal });
      const walBytes = plan.segments.reduce((sum, { trailer, object }) => sum + (trailer?.size ?? object.bytes), 0);
      await mustHaveRoom(output.folder, resultBytesOf(plan) + walBytes);
      return plan;
    },
  );
}

/** Fetches what the plan needs; where sizes were unknown before, the plan is checked against them. */
async function fetch(
  session: Session,
  planned: RestorePlan,
  output: Output,
): Promise<{ readonly plan: RestorePlan; readonly indices: readonly FetchedIndex[] }> {
  const { target, knowledge, signal, onPhase } = session;
  const segmentBytes = planned.fetchBytes - planned.snapshot.object.bytes;
  return runPhase(
    {
      name: 'fetch',
      text: `Fetching ${plural(planned.segments.length, 'segment')}`,
      totalBytes: segmentBytes,
      describe: () =>
        planned.segments.length === 0
          ? 'The snapshot alone is the restore point'
          : `Fetched ${plural(planned.segments.length, 'segment')}, ${formatBytes(segmentBytes)}`,
      onPhase,
    },
    async ({ advance }) => {
      const indices = await fetchSegments({ reader: countReads(target, advance), plan: planned, output, signal });
      const foreign = indices.flatMap(({ segments }) => segments.filter(({ trailer }) => trailer === undefined));
      for (const { object, size } of foreign) knowledge.set(object.key, { kind: 'foreign', size });
      const plan = foreign.length === 0 ? planned : await runPlanning(planOf(session), target, { signal });
      return { plan, indices };
    },
  );
}

async function apply(
  session: Session,
  plan: RestorePlan,
  indices: readonly FetchedIndex[],
  output: Output,
): Promise<Built> {
  const { target, signal, onPhase } = session;
  const { object, trailer } = plan.snapshot;
  const image = openObject(target, object.key, { trailer, storedBytes: object.bytes, signal });
  const mostPages = trailer?.pages ?? Math.ceil(mostContentOf(object.bytes) / smallestPageSize);
  return runPhase(
    {
      name: 'apply',
      text: `Writing the snapshot of ${iso(plan.snapshotAt)} with everything newer`,
      totalBytes: resultBytesOf(plan),
      describe: ({ pageSize, pages, newerPages }) =>
        `Wrote ${formatBytes(pages * pageSize)}: ${plural(newerPages, 'page')} from segments, the others from the snapshot`,
      onPhase,
    },
    ({ advance }) =>
      applyHistory({
        path: output.temporaryPath,
        indices,
        cut: plan.point.offset,
        snapshot: {
          key: object.key,
          content: trailer === undefined ? whileRoom(image, output.folder) : image,
          mostPages,
        },
        onBytes: advance,
        signal,
      }),
  );
}

/** Compares the written file with what was recorded at the capture of exactly this point. */
async function prove(
  session: Session,
  plan: RestorePlan,
  built: Built,
  output: Output,
): Promise<Pick<Proof, 'kind' | 'stateHash'>> {
  const { signal, onPhase } = session;
  const { pageSize, pages } = built;
  return runPhase(
    {
      name: 'prove',
      text: 'Comparing every page with what was captured',
      totalBytes: pages * pageSize,
      describe: ({ kind, stateHash }) =>
        kind === 'identical'
          ? `Identical to what was captured, page for page (${stateHash})`
          : `No hashes were recorded for this history; its own checksums are right (${stateHash})`,
      onPhase,
    },
    async ({ advance }) => {
      const hash = await hashDatabase(output.temporaryPath, { pageSize, onBytes: advance, signal });
      const stateHash = formatHash(hash);
      const { state, pages: expectedPages } = plan.point;
      if (expectedPages !== undefined && expectedPages !== pages) {
        throw proofFailed(plan, `it has ${plural(pages, 'page')}, not ${expectedPages}`);
      }
      if (state !== undefined && state !== stateHash) {
        throw proofFailed(plan, `its state hash is ${stateHash}, but ${state} was recorded`);
      }
      return { kind: state === undefined ? 'image' : 'identical', stateHash };
    },
  );
}

async function checkResult(
  session: Session,
  plan: RestorePlan,
  kind: Proof['kind'],
  output: Output,
): Promise<Pick<Proof, 'check' | 'findings'>> {
  const { fullCheck = false, signal, onPhase } = session;
  const name = fullCheck ? 'integrity_check' : 'quick_check';
  return runPhase(
    {
      name: 'check',
      text: `SQLite checks it (${name})`,
      describe: ({ check, findings = [] }) => {
        if (check === 'not possible') return `SQLite cannot check it without its application (${name})`;
        if (check === 'findings') return `SQLite’s ${name} finds what was there when it was captured: ${findings[0]}`;
        return `SQLite says: ${check}`;
      },
      onPhase,
    },
    async () => {
      const result = await checkDatabase({ path: output.temporaryPath, isFull: fullCheck }, { signal });
      if (result.kind === 'ok') return { check: `${name} ok` as const };
      if (result.kind === 'unable') return { check: 'not possible' };
      const { findings, isOfApplication } = result;
      // Page for page what was captured, so it was like this then; whose it is decides what to do about it.
      if (kind === 'identical' || isOfApplication) return { check: 'findings', findings };
      throw proofFailed(plan, `SQLite’s ${name} says “${findings.join('; ')}”`);
    },
  );
}

function planOf({ history, knowledge, target, wish }: Session): ReturnType<typeof planRestore> {
  return planRestore({ history, knowledge, url: target.url }, wish);
}

function proofFailed(plan: RestorePlan, reason: string): AppError {
  // The snapshot's own moment needs nothing of what was replayed.
  const nearest = plan.segments.length === 0 ? {} : { before: iso(plan.snapshotAt) };
  return new AppError('proof-failed', { reason, ...nearest });
}

function resultBytesOf({ point }: RestorePlan): number {
  return (point.pages ?? 0) * (point.pageSize ?? 0);
}

function momentOf({ generation, point, segments }: RestorePlan): Moment {
  // The end of a foreign segment is known once it was fetched; until then its start names it.
  const offset = point.offset ?? must(segments.at(-1), 'only a segment has an unknown end').object.offset;
  return { position: { generation, index: point.index, offset }, at: point.at };
}

function iso(at: number): string {
  return new Date(at).toISOString();
}
