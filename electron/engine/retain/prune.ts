// Carries a retention plan out on a target: deletes batch by batch in the plan's order, after the catalogue was told, never
// while somebody reads there; then looks whether it is gone. Stopped anywhere, the next plan goes on with what is left.
import { AppError } from '../../../shared/errors.ts';
import { generationPrefix } from '../replica/keys.ts';
import type { Target } from '../targets/target.ts';
import type { Readers } from './readers.ts';
import type { RetainPlan } from './plan.ts';
import type { StoredFile } from './spans.ts';

export type Pruned =
  | { readonly kind: 'done'; readonly objects: number; readonly bytes: number }
  /** Somebody reads there: the rest waits. */
  | { readonly kind: 'read'; readonly objects: number; readonly bytes: number }
  /** What is to go was decided anew meanwhile: this plan does not count any more. */
  | { readonly kind: 'outdated'; readonly objects: number; readonly bytes: number }
  /** The target lets nothing be deleted. */
  | { readonly kind: 'refused'; readonly error: AppError; readonly objects: number; readonly bytes: number };

interface PruneOptions {
  readonly target: Target;
  /** The replica's, as readers name it. */
  readonly url: string;
  readonly plan: RetainPlan;
  readonly readers: Readers;
  readonly signal: AbortSignal;
  /** Asked before each batch. */
  readonly isOutdated?: () => boolean;
  /** Called before each batch. */
  readonly onBatch?: (batch: readonly StoredFile[]) => void | Promise<void>;
}

/** Keys that one request names at the most. */
const keysAtOnce = 1000;

/** A target that says so for good: it may be written, but nothing may be deleted. */
const refusals: ReadonlySet<string> = new Set(['target-forbidden', 'target-object-locked', 'target-read-only']);

/** Deletes what the plan lets go. Throws what the target throws, but for refusals. */
export async function prune(options: PruneOptions): Promise<Pruned> {
  const { target, url, plan, readers, signal, isOutdated, onBatch } = options;
  let [objects, bytes] = [0, 0];
  for (const batch of plan.batches) {
    for (let at = 0; at < batch.length; at += keysAtOnce) {
      signal.throwIfAborted();
      if (isOutdated?.() === true) return { kind: 'outdated', objects, bytes };
      const files = batch.slice(at, at + keysAtOnce);
      const keys = files.map(({ key }) => key);
      try {
        const isDeleted = await readers.deleting(url, async () => {
          await onBatch?.(files);
          await target.delete(keys, { signal });
        });
        if (!isDeleted) return { kind: 'read', objects, bytes };
      } catch (error) {
        if (error instanceof AppError && refusals.has(error.code)) return { kind: 'refused', error, objects, bytes };
        throw error;
      }
      objects += files.length;
      bytes += files.reduce((sum, file) => sum + file.bytes, 0);
    }
  }
  const left = await findLeft(target, plan, signal);
  if (left === undefined) return { kind: 'done', objects, bytes };
  const error = new AppError('target-failed', { path: target.url, reason: `${left} was deleted, but is still listed` });
  return { kind: 'refused', error, objects: 0, bytes: 0 };
}

/** The key of something that was deleted and is there all the same. */
async function findLeft(target: Target, plan: RetainPlan, signal: AbortSignal): Promise<string | undefined> {
  const gone = new Set(plan.batches.flat().map(({ key }) => key));
  const prefixes = new Set([...gone].map((key) => key.slice(0, generationPrefix('' as never).length + 16)));
  for (const prefix of prefixes) {
    const listed = await target.list(prefix, { signal });
    const left = listed.find(({ key }) => gone.has(key));
    if (left !== undefined) return left.key;
  }
  return undefined;
}
