// What the seed of a storm decides: which applications there are, beside which ordinary writers, and what becomes of the engine.
import path from 'node:path';
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import { type Application, versionOf } from './executors.ts';
import type { Protected } from './verify.ts';

export interface StormOptions {
  readonly seed: number;
  /** Empty; stays as evidence where something is wrong. */
  readonly folder: string;
  readonly seconds: number;
  /** Without any engine: nothing may go wrong then either. */
  readonly isAlone: boolean;
  /** Between a close and the hand at the file, at least. */
  readonly handsMs: number;
  /** Steps of the replacers that are done, separated by commas; empty: all. */
  readonly only: string;
  readonly say: (line: string) => void;
}

export interface Replacer extends Protected {
  readonly application: Application;
  readonly limit: number;
  readonly pauseMs: number;
  readonly log: string;
  readonly control: string;
}

export interface Ordinary extends Protected {
  readonly role: string;
}

export interface Event {
  readonly kind: 'kill' | 'stop' | 'freeze' | 'rest';
  readonly atMs: number;
  readonly forMs: number;
}

export interface Plan {
  readonly syncMs: number;
  readonly snapshotMs: number;
  readonly replacers: readonly Replacer[];
  readonly ordinary: readonly Ordinary[];
  readonly events: readonly Event[];
}

export function makePlan({ seed, seconds, folder }: StormOptions): Plan {
  const random = seededRandom(seed);
  const one = <T>(...choices: readonly T[]): T => must(choices[Math.floor(random() * choices.length)], 'not empty');
  const applications = (['better-sqlite3', 'sqlite3', 'python3'] as const).filter(
    (name) => versionOf(name) !== undefined,
  );
  const at = (...parts: string[]) => path.join(folder, ...parts);
  const replacers = Array.from({ length: one(1, 2, 2, 3) }, (_, i) => ({
    file: at(`r${i}`, 'shop.db'),
    replicas: [at('backup', `r${i}`)],
    logs: {},
    log: at('logs', `r${i}`),
    control: at('control'),
    application: one('better-sqlite3', ...applications),
    limit: one(20_000, 100_000, 300_000),
    pauseMs: one(0, 5, 20, 60),
  }));
  const ordinary = Array.from({ length: one(0, 1) }, (_, i) => ({
    file: at(`o${i}.db`),
    replicas: [at('backup', `o${i}`)],
    logs: { a0: at('logs', `o${i}-a0`) },
    role: one('chatty', 'bulky', 'comer', 'checkpointer', 'reader'),
  }));
  const events: Event[] = [];
  const hasFaults = one(true, false);
  for (let atMs = 800 + random() * 800; atMs < seconds * 1000; atMs += 500 + random() * 1500) {
    const kind = hasFaults ? one<Event['kind']>('rest', 'rest', 'kill', 'stop', 'freeze') : 'rest';
    events.push({ kind, atMs, forMs: one(0, 100, 600) * random() * 1.5 });
  }
  return { syncMs: one(0, 0, 50, 300), snapshotMs: one(300, 1000, 5000), replacers, ordinary, events };
}
