// What could be restored from the destinations of a storm of outages, and when: read from the objects themselves, with code of its
// own, and from the logs of the writers.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatPosition } from '../../shared/position.ts';
import { readActorLog, readVector } from './model.ts';
import type { Evidence } from './outage-places.ts';
import { replayReplica } from './replay.ts';
import type { HeldPoint, Holding, Lane, Span, Subject } from './said.ts';
import { openInMemory } from './in-memory.ts';

/** Everything that is known of a replica of a database. */
export interface KnownReplica {
  readonly folder: string;
  readonly evidence: readonly Evidence[];
  readonly usable: readonly Span[];
}

export interface Known {
  readonly subject: Subject;
  readonly complaints: readonly string[];
  readonly points: number;
}

/** Reads a database's replicas and its writer's log; complains of points that are nothing that was ever committed. */
export async function readSubject(
  { log, createdAt }: { readonly log: string; readonly createdAt: number },
  replicas: readonly KnownReplica[],
): Promise<Known> {
  const { digests, confirmedAt, complaints: own } = readActorLog(log);
  const complaints = [...own];
  const holdings: Holding[] = [];
  let count = 0;
  for (const { evidence, usable } of replicas) {
    for (const { folder, from, to } of evidence) {
      if (!fs.existsSync(folder)) continue;
      const points: HeldPoint[] = [];
      let arrivedAt = 0;
      const arrivalOf = (key: string): number => Math.floor(fs.statSync(path.join(folder, key)).ctimeMs);
      const onPoint: Parameters<typeof replayReplica>[1] = ({ position, key, origin, image }) => {
        const at = arrivalOf(key);
        arrivedAt = origin === 'snapshot' ? at : Math.max(arrivedAt, at);
        const name = formatPosition(position);
        const { n, digest } = read(image);
        if (n > 0 && digests.get(n) !== digest)
          complaints.push(`${name} has ${digest} at commit ${n}, not what was written`);
        points.push({ position: name, arrivedAt, states: { a0: String(n) } });
      };
      // What an image holds already has no points of its own in the segments behind it.
      const faults = await replayReplica(folder, onPoint, ({ position, key }) => {
        const last = points.at(-1);
        arrivedAt = Math.max(arrivedAt, arrivalOf(key));
        if (last !== undefined) points.push({ ...last, position: formatPosition(position), arrivedAt });
      });
      complaints.push(...faults.filter((text) => !text.endsWith('was left behind')));
      count += points.length;
      points.push(...beginnings(points));
      points.sort((a, b) => a.arrivedAt - b.arrivedAt);
      for (const span of usable) {
        const held = { from: Math.max(span.from, from), to: Math.min(span.to, to), points };
        if (held.from < held.to) holdings.push(held);
      }
    }
  }
  const commits = [...confirmedAt].map(([n, at]) => ({ state: String(n), at }));
  const lane: Lane = [{ state: '0', at: createdAt }, ...commits.sort((a, b) => Number(a.state) - Number(b.state))];
  return { subject: { lanes: { a0: lane }, holdings }, complaints, points: count };
}

/** Where an index begins is where the one before it ended: both are told. */
function beginnings(points: readonly HeldPoint[]): readonly HeldPoint[] {
  const lasts = new Map<string, HeldPoint>();
  for (const point of points) {
    const [generation = '', place = ''] = point.position.split('/');
    const index = Number.parseInt(place, 16) + 1;
    lasts.set(`${generation}/${index.toString(16).padStart(8, '0')}:0`, point);
  }
  return [...lasts].map(([position, point]) => ({ ...point, position }));
}

/** The URL by which a state names a replica's destination. */
export function urlOf(folder: string): string {
  return pathToFileURL(folder).href;
}

function read(image: Buffer): { readonly n: number; readonly digest: string } {
  const database = openInMemory(image);
  try {
    const check = String(database.pragma('integrity_check', { simple: true }));
    if (check !== 'ok') return { n: -1, digest: check };
    const { n, digest } = readVector(database);
    return { n: n['a0'] ?? -1, digest: digest['a0'] ?? '' };
  } finally {
    database.close();
  }
}
