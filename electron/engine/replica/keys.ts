// Names of objects on a target: Litestream v0.3's layout, plus the replica record. Pure; the order of keys is the order
// of history. What the objects hold is object.ts.
import { formatHex8, type Generation, isGeneration } from '../../../shared/position.ts';

/** The replica record's key, at the root of a replica. */
export const recordKey = 'tidemark.json';

/** What a key says about its object. */
export type ParsedKey =
  | { readonly kind: 'snapshot'; readonly generation: Generation; readonly index: number }
  | { readonly kind: 'segment'; readonly generation: Generation; readonly index: number; readonly offset: number };

/** Every key of a generation begins with this. */
export function generationPrefix(generation: Generation): string {
  return `generations/${generation}/`;
}

/** Every key of a snapshot of a generation begins with this: nothing else lies there. */
export function snapshotsPrefix(generation: Generation): string {
  return `${generationPrefix(generation)}snapshots/`;
}

/** The key of the snapshot taken at `index`. */
export function formatSnapshotKey(generation: Generation, index: number): string {
  return `${snapshotsPrefix(generation)}${formatHex8(index)}.snapshot.lz4`;
}

/** The key of the segment that begins at `offset` of `index`. */
export function formatSegmentKey(generation: Generation, index: number, offset: number): string {
  return `${generationPrefix(generation)}wal/${formatHex8(index)}_${formatHex8(offset)}.wal.lz4`;
}

/** The inverse of {@link formatSnapshotKey} and {@link formatSegmentKey}; undefined for every other name. */
export function parseKey(key: string): ParsedKey | undefined {
  const [, generation, folder, name] = /^generations\/([^/]+)\/(snapshots|wal)\/([^/]+)$/.exec(key) ?? [];
  if (generation === undefined || name === undefined || !isGeneration(generation)) return undefined;
  if (folder === 'snapshots') {
    const [, index] = /^([0-9a-f]{8})\.snapshot\.lz4$/.exec(name) ?? [];
    return index === undefined ? undefined : { kind: 'snapshot', generation, index: Number.parseInt(index, 16) };
  }
  const [, index, offset] = /^([0-9a-f]{8})_([0-9a-f]{8})\.wal\.lz4$/.exec(name) ?? [];
  if (index === undefined || offset === undefined) return undefined;
  return { kind: 'segment', generation, index: Number.parseInt(index, 16), offset: Number.parseInt(offset, 16) };
}
