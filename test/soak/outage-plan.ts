// What the seed of a storm of outages decides: databases, written and idle, on which destinations; what becomes of destinations and
// disks; and what becomes of the process meanwhile.
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import type { Death } from '../support/mortal-worker.ts';

export interface OutageOptions {
  readonly seed: number;
  /** Empty; stays as evidence where something is wrong. */
  readonly folder: string;
  /** How long each round of outages lasts; then all is well for a while. */
  readonly seconds: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

export type OutageKind = 'rename' | 'empty' | 'empty-one' | 'no-rights' | 'read-only' | 'full' | 'full-data';

/** Something that happens to a destination, or to the disk of the data folder, and is over after a time. */
export interface Outage {
  readonly kind: OutageKind;
  readonly destination: number;
  readonly database: number;
  readonly afterMs: number;
  readonly forMs: number;
}

/** Something that happens to the process. */
export interface Blow {
  readonly kind: 'kill' | 'stop' | 'thread' | 'ask';
  readonly death: Death;
  readonly afterMs: number;
  readonly forMs: number;
}

export interface PlannedDatabase {
  /** Undefined: nobody writes it. */
  readonly role: string | undefined;
  readonly pauseMs: number;
  readonly destinations: readonly number[];
}

export interface OutagePlan {
  readonly syncMs: number;
  readonly databases: readonly PlannedDatabase[];
  readonly destinations: number;
  readonly rounds: readonly { readonly outages: readonly Outage[]; readonly blows: readonly Blow[] }[];
}

/** What `kinds` does not name is not done: there is nobody to do it to, or no right to. */
export function makeOutagePlan(
  { seed, seconds, rounds }: Pick<OutageOptions, 'seed' | 'seconds' | 'rounds'>,
  kinds: readonly OutageKind[],
): OutagePlan {
  const random = seededRandom(seed);
  const one = <T>(...choices: readonly T[]): T => must(choices[Math.floor(random() * choices.length)], 'not empty');
  const pick = (count: number): number => Math.floor(random() * count);
  const destinations = one(1, 1, 2);
  const all = Array.from({ length: destinations }, (_, i) => i);
  const databases = Array.from({ length: one(2, 3, 5) }, (_, i) => ({
    // The first one is written, the second one idle.
    role: i === 1 || (i > 1 && random() < 0.4) ? undefined : one('chatty', 'checkpointer', 'comer'),
    pauseMs: one(10, 30, 100),
    destinations: one(all, all, [pick(destinations)]),
  }));
  const round = () => {
    const outages: Outage[] = [];
    for (let ms = 0; ms < seconds * 1000;) {
      // Some are over before anybody looks, others last.
      const [afterMs, forMs] = [200 + random() * 1200, one(100, 800, 3000, 9000) * (0.5 + random())];
      outages.push({
        kind: one(...kinds),
        destination: pick(destinations),
        database: pick(databases.length),
        afterMs,
        forMs,
      });
      ms += afterMs + forMs;
    }
    const blows: Blow[] = [];
    for (let ms = 0; ms < seconds * 1000;) {
      const [afterMs, forMs] = [300 + random() * 2500, one(0, 200, 1500) * random()];
      const kind = one<Blow['kind']>('kill', 'stop', 'stop', 'thread', 'ask', 'ask', 'ask', 'ask');
      blows.push({ kind, death: one('throw', 'reject', 'exit'), afterMs, forMs });
      ms += afterMs + forMs;
    }
    return { outages, blows };
  };
  return { syncMs: one(0, 100, 1000), databases, destinations, rounds: Array.from({ length: rounds }, round) };
}
