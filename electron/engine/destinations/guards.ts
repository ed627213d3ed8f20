// One guard per target, for as long as the engine runs: all databases that have a replica there share it. While nothing gets
// through, signs are looked for that it may be back.
import type { Problem } from '../../../shared/errors.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { PlaceState } from '../../../shared/targets.ts';
import { providers } from '../../../shared/providers.ts';
import type { Clock } from '../basics/clock.ts';
import { watchForSigns } from '../guard/signs.ts';
import { TargetGuard } from '../guard/target-guard.ts';
import type { TargetRow } from '../state/rows.ts';
import type { ReadableTarget, Target } from '../targets/target.ts';

export interface TargetGuardsOptions {
  readonly clock: Clock;
  /** Nothing gets through to a target from now on, or it does again. */
  readonly onProblem: (targetId: TargetId, problem: Problem | undefined) => void;
  /** How long a look at a target may stand still; without it as guard/target-guard.ts says. */
  readonly lookStillMs?: number | undefined;
}

/** A try costs nothing where the destination is a folder. */
const folderRetryMs = 30_000;
/** One thread of the pool stays free where a drive hangs. */
const folderCalls = 3;

/** How many calls may be under way at once. */
export function callsAt(place: PlaceState): number {
  return place.kind === 'folder' ? folderCalls : (place.concurrency ?? providers[place.provider].concurrency);
}

/** A target that nobody ships to, to be read by somebody who waits. */
export function readAlone(
  target: Target,
  { clock, onWait }: { readonly clock: Clock; readonly onWait?: ((ms: number) => void) | undefined },
): ReadableTarget {
  return new TargetGuard({ clock, onProblem: () => {} }).forReading(target, onWait);
}

export class TargetGuards implements Disposable {
  readonly #options: TargetGuardsOptions;
  readonly #guards = new Map<TargetId, TargetGuard>();
  readonly #looking = new Map<TargetId, AbortController>();

  constructor(options: TargetGuardsOptions) {
    this.#options = options;
  }

  /** The guard of a target, made when it is first needed. */
  of({ id, place, bandwidthBytes }: Pick<TargetRow, 'id' | 'place' | 'bandwidthBytes'>): TargetGuard {
    const known = this.#guards.get(id);
    if (known !== undefined) return known;
    const { clock, onProblem, lookStillMs } = this.#options;
    const guard = new TargetGuard({
      clock,
      lookStillMs,
      bandwidthBytes,
      calls: callsAt(place),
      longestRetryMs: place.kind === 'folder' ? folderRetryMs : undefined,
      onProblem: (problem) => {
        this.#endLooking(id);
        if (problem !== undefined) this.#look(id, place.kind === 'folder' ? place.path : undefined);
        onProblem(id, problem);
      },
    });
    this.#guards.set(id, guard);
    return guard;
  }

  /** Undefined for a target that was not used yet. */
  find(id: TargetId): TargetGuard | undefined {
    return this.#guards.get(id);
  }

  /** Something says that every target may be back: whoever waits tries now. */
  sign(): void {
    for (const guard of this.#guards.values()) guard.sign();
  }

  forget(id: TargetId): void {
    this.#endLooking(id);
    this.#guards.delete(id);
  }

  [Symbol.dispose](): void {
    for (const id of this.#guards.keys()) this.#endLooking(id);
  }

  #look(id: TargetId, folder: string | undefined): void {
    const over = new AbortController();
    this.#looking.set(id, over);
    const onSign = () => this.#guards.get(id)?.sign();
    void watchForSigns({ clock: this.#options.clock, folder, onSign }, over);
  }

  #endLooking(id: TargetId): void {
    this.#looking.get(id)?.abort();
    this.#looking.delete(id);
  }
}
