// An invented history: restore points over time, answered for as the engine would (bins, pages, steps). Same seed, same
// history, apart from now.
import type { GenerationBand, RestorePoint, Timeline, TimelineEvent } from '../../../shared/history.ts';
import type { DatabaseId, TargetId } from '../../../shared/ids.ts';
import { comparePositions, isSamePosition, type Generation, type Position } from '../../../shared/position.ts';

export interface HistoryShape {
  readonly databaseId: DatabaseId;
  readonly now: number;
  readonly spanMs: number;
  /** Nothing came after this. */
  readonly endMsAgo?: number;
  /** Transactions per second at an instant. */
  readonly rateAt: (at: number) => number;
  readonly generations: readonly { readonly id: string; readonly fromMsAgo: number; readonly reason: string }[];
  readonly gaps: readonly { readonly fromMsAgo: number; readonly toMsAgo: number; readonly text: string }[];
  readonly events: readonly TimelineEvent[];
  readonly sizeBytes: number;
  readonly targetIds: readonly TargetId[];
  /** Points older than this come one in so many minutes. */
  readonly thinAfterMs?: number;
  readonly seed: number;
}

export class FixtureHistory {
  readonly points: RestorePoint[] = [];
  readonly #shape: HistoryShape;

  constructor(shape: HistoryShape) {
    this.#shape = shape;
    const random = randomOf(shape.seed);
    const { now, spanMs, gaps, endMsAgo = 400 } = shape;
    let offset = 32;
    for (let at = now - spanMs; at < now - 400;) {
      const rate = Math.max(1e-6, shape.rateAt(at));
      at += Math.min(-Math.log(1 - random()) / rate, 900) * 1_000;
      if (at >= now - endMsAgo) break;
      if (gaps.some((gap) => at > now - gap.fromMsAgo && at < now - gap.toMsAgo)) continue;
      if (shape.thinAfterMs !== undefined && now - at > shape.thinAfterMs && random() > 0.02) continue;
      offset += 4120;
      this.#push(Math.floor(at), { offset, pages: 1 + Math.floor(random() * 9) });
    }
  }

  /** A transaction right now. */
  write(at: number): RestorePoint {
    const last = this.points.at(-1);
    return this.#push(at, { offset: (last?.position.offset ?? 32) + 4120, pages: 1 + Math.floor(Math.random() * 6) });
  }

  timeline(range: { readonly fromAt?: number; readonly toAt?: number; readonly bins: number }, now: number): Timeline {
    const first = this.points[0];
    const last = this.points.at(-1);
    const whole = { fromAt: first?.at ?? now - 60_000, toAt: now };
    const { fromAt, toAt } = { fromAt: range.fromAt ?? whole.fromAt, toAt: range.toAt ?? whole.toAt };
    return {
      databaseId: this.#shape.databaseId,
      fromAt,
      toAt,
      binMs: (toAt - fromAt) / range.bins,
      counts: this.#count(fromAt, toAt, range.bins),
      overview: {
        ...whole,
        binMs: (whole.toAt - whole.fromAt) / 400,
        counts: this.#count(whole.fromAt, whole.toAt, 400),
      },
      generations: this.bands(now),
      events: [
        ...this.#shape.events,
        ...this.#shape.gaps.map((gap) => ({
          kind: 'gap' as const,
          at: this.#shape.now - gap.fromMsAgo,
          toAt: this.#shape.now - gap.toMsAgo,
          text: gap.text,
        })),
      ],
      first,
      last,
    };
  }

  list(olderThan: Position | undefined, limit: number): readonly RestorePoint[] {
    const isBefore = ({ position }: RestorePoint) => olderThan !== undefined && isSamePosition(position, olderThan);
    const found = this.points.findIndex(isBefore);
    const end = found === -1 ? this.points.length : found;
    return this.points.slice(Math.max(0, end - limit), end).reverse();
  }

  atOrBefore(at: number): RestorePoint | undefined {
    return this.points[this.#after(at) - 1];
  }

  at(position: Position): RestorePoint | undefined {
    return this.points.find((point) => isSamePosition(point.position, position));
  }

  step(position: Position, by: 1 | -1): RestorePoint | undefined {
    const index = this.points.findIndex((point) => comparePositions(point.position, position) === 0);
    return this.points[index + by];
  }

  bands(now: number): readonly GenerationBand[] {
    const { generations } = this.#shape;
    return generations.map((generation, index) => {
      const next = generations[index + 1];
      return {
        generation: generation.id as Generation,
        fromAt: Math.max(this.#shape.now - generation.fromMsAgo, this.points[0]?.at ?? 0),
        toAt: next === undefined ? now : this.#shape.now - next.fromMsAgo,
        reason: generation.reason,
        isCurrent: next === undefined,
      };
    });
  }

  #push(at: number, facts: { readonly offset: number; readonly pages: number }): RestorePoint {
    const { generations, now, sizeBytes, spanMs, targetIds } = this.#shape;
    const generation = generations.findLast((one) => at >= now - one.fromMsAgo) ?? generations[0];
    const point: RestorePoint = {
      position: { generation: (generation?.id ?? '0000000000000000') as Generation, index: 28, offset: facts.offset },
      at,
      sizeBytes: Math.round((sizeBytes * (0.9 + 0.1 * ((at - now + spanMs) / spanMs))) / 4096) * 4096,
      pages: facts.pages,
      targetIds,
    };
    this.points.push(point);
    return point;
  }

  #count(fromAt: number, toAt: number, bins: number): readonly number[] {
    const counts = Array.from({ length: bins }, () => 0);
    const binMs = (toAt - fromAt) / bins;
    for (let index = this.#after(fromAt - 1); index < this.points.length; index += 1) {
      const at = this.points[index]?.at ?? 0;
      if (at >= toAt) break;
      const bin = Math.floor((at - fromAt) / binMs);
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  }

  /** Index of the first point after an instant. */
  #after(at: number): number {
    let [low, high] = [0, this.points.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.points[middle]?.at ?? 0) <= at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}
