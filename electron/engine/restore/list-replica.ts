// A replica as the command line lists it: its record, generations, snapshots and segments, from one listing.
import type { ReplicaListing } from '../../../shared/replica-listing.ts';
import { lookForRecord, parseNamed } from '../replica/record.ts';
import type { ReadableTarget } from '../targets/target.ts';
import { listHistory } from '../destinations/look-up.ts';

/** Lists what a replica holds. A generation's lag is how long before `now` its newest object was written. */
export async function listReplica(
  target: ReadableTarget,
  options: { readonly now: number; readonly signal: AbortSignal },
): Promise<ReplicaListing> {
  const { now, signal } = options;
  const [{ record }, history] = await Promise.all([lookForRecord(target, { signal }), listHistory(target, { signal })]);
  const listed = history.generations.map(({ generation, snapshots, segments }) => {
    const times = [...snapshots, ...segments].map(({ modifiedAt }) => modifiedAt);
    const startAt = times.reduce((a, b) => Math.min(a, b));
    const endAt = times.reduce((a, b) => Math.max(a, b));
    return { generation, startAt, endAt, lagMs: Math.max(0, now - endAt) };
  });
  return {
    url: target.url,
    record: record && {
      database: record.database,
      path: record.path,
      machine: record.machine.name,
      namedPoints: parseNamed(record),
    },
    generations: listed.sort((a, b) => a.startAt - b.startAt),
    snapshots: history.generations.flatMap(({ generation, snapshots }) =>
      snapshots.map(({ index, bytes, modifiedAt }) => ({ generation, index, sizeBytes: bytes, createdAt: modifiedAt })),
    ),
    segments: history.generations.flatMap(({ generation, segments }) =>
      segments.map(({ index, offset, bytes, modifiedAt }) => ({
        generation,
        index,
        offset,
        sizeBytes: bytes,
        createdAt: modifiedAt,
      })),
    ),
  };
}
