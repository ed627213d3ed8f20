// Reads a whole replica once, from its first object to its last, and shows the database at every restore point on the way:
// with code of its own, so that what a restore gives can be compared with it. Says where the objects leave a hole.
import fs from 'node:fs';
import { parseKey } from '../../electron/engine/replica/keys.ts';
import { openObject, readTrailer } from '../../electron/engine/replica/object.ts';
import type { Trailer } from '../../electron/engine/replica/trailer.ts';
import { openFolderTarget } from '../../electron/engine/targets/folder.ts';
import { must } from '../../shared/assert.ts';
import type { Position } from '../../shared/position.ts';

/** One restore point, shown while `image` is valid: during the visit only. */
export interface ReplayedPoint {
  readonly position: Position;
  /** The object in which it lies. */
  readonly key: string;
  readonly at: number;
  readonly origin: 'snapshot' | 'wal' | 'composed';
  /** The state hash that was recorded there. */
  readonly state: string | undefined;
  readonly image: Buffer;
}

interface Chain {
  /** Bytes of the database; longer than it is after it shrank. */
  image: Buffer;
  length: number;
  index: number;
  offset: number;
}

/**
 * Visits every restore point of a replica, generation by generation, each in the order of its history. `onSegment`: a segment was
 * read to this end, whether there is a point or not.
 */
export async function replayReplica(
  folder: string,
  visit: (point: ReplayedPoint) => void,
  onSegment: (end: Pick<ReplayedPoint, 'position' | 'key'>) => void = () => {},
): Promise<readonly string[]> {
  const faults: string[] = [];
  const target = openFolderTarget({ path: folder });
  const { signal } = new AbortController();
  const objects = await target.list('generations/', { signal });
  const leftovers = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.tmp'));
  for (const name of leftovers) faults.push(`${name} was left behind`);
  const read = async (object: (typeof objects)[number]) => {
    const trailer = must(await readTrailer(target, object, { signal }), `${object.key} has a trailer`);
    const parts: Uint8Array[] = [];
    for await (const part of openObject(target, object.key, { trailer, storedBytes: object.bytes, signal }))
      parts.push(Buffer.from(part));
    return { trailer, bytes: Buffer.concat(parts) };
  };

  const generations = new Set(objects.flatMap(({ key }) => parseKey(key)?.generation ?? []));
  for (const generation of generations) {
    const own = objects.flatMap((object) => {
      const key = parseKey(object.key);
      return key?.generation === generation ? [{ object, key }] : [];
    });
    const snapshots = new Map<number, (typeof objects)[number]>();
    for (const { object, key } of own) if (key.kind === 'snapshot') snapshots.set(key.index, object);
    let chain: Chain | undefined;
    let lastAt = 0;
    const show = (point: Omit<ReplayedPoint, 'image'>, image: Buffer) => {
      if (point.at < lastAt)
        faults.push(`${describe(point.position)} is ${lastAt - point.at} ms before the one before it`);
      lastAt = Math.max(lastAt, point.at);
      visit({ ...point, image });
    };
    /** Takes up a snapshot where the chain begins, or compares it with what the chain has reached. */
    const meet = async (index: number): Promise<void> => {
      const object = snapshots.get(index);
      if (object === undefined) return;
      const { trailer, bytes } = await read(object);
      const at = must(trailer.at, 'a snapshot says when it was taken');
      if (chain === undefined) {
        chain = { image: Buffer.from(bytes), length: bytes.length, index, offset: 0 };
        const position = { generation, index, offset: at.offset };
        show({ position, key: object.key, at: at.time, origin: 'snapshot', state: trailer.state?.hash }, bytes);
        skipTo = at.offset;
      } else {
        toCompare = { offset: at.offset, bytes };
        compare();
      }
    };
    let skipTo = 0;
    let toCompare: { readonly offset: number; readonly bytes: Buffer } | undefined;
    const compare = () => {
      if (chain === undefined || toCompare === undefined || chain.offset !== toCompare.offset) return;
      if (!chain.image.subarray(0, chain.length).equals(toCompare.bytes)) {
        faults.push(`the snapshot of ${generation} at ${chain.index}:${chain.offset} is not what was replayed`);
      }
      toCompare = undefined;
    };

    const segments = own.filter(({ key }) => key.kind === 'segment');
    if (segments.length === 0) for (const index of snapshots.keys()) await meet(index);
    for (const { object, key } of segments) {
      if (key.kind !== 'segment') continue;
      const isNext = chain !== undefined && key.index === chain.index + 1 && key.offset === 0;
      const isMore = chain !== undefined && key.index === chain.index && key.offset === chain.offset;
      if (!isNext && !isMore) {
        // What came before may have ended for good: then an image begins the next part.
        if (chain !== undefined) {
          faults.push(
            `hole before ${key.index}:${key.offset} of ${generation}: the objects end at ${chain.index}:${chain.offset}`,
          );
        }
        chain = undefined;
        await meet(key.index);
        if (chain === undefined || key.offset !== 0) continue;
      } else if (isNext && chain !== undefined) {
        if (toCompare !== undefined)
          faults.push(`the snapshot at ${chain.index}:${toCompare.offset} lies between transactions`);
        toCompare = undefined;
        chain.index = key.index;
        chain.offset = 0;
        skipTo = 0;
        await meet(key.index);
      }
      const { trailer, bytes } = await read(object);
      apply(must(chain, 'it was just begun'), { trailer, bytes, skipTo }, (offset, at, state) => {
        compare();
        const { image, length, index } = must(chain, 'it is being read');
        const origin = trailer.origin?.kind ?? 'wal';
        show(
          { position: { generation, index, offset }, key: object.key, at, origin, state },
          image.subarray(0, length),
        );
      });
      compare();
      const { index, offset } = must(chain, 'it was just read');
      onSegment({ position: { generation, index, offset }, key: object.key });
    }
  }
  return faults;
}

/** Writes the frames of a segment into the image, and tells each restore point that it passes. */
function apply(
  chain: Chain,
  { trailer, bytes, skipTo }: { readonly trailer: Trailer; readonly bytes: Buffer; readonly skipTo: number },
  onPoint: (offset: number, at: number, state: string | undefined) => void,
): void {
  const { pageSize } = trailer;
  const points = new Map(
    (trailer.commits ?? []).map(([offset, at], i) => [offset, { at, state: trailer.states?.[i]?.[0] }]),
  );
  const start = chain.offset;
  for (let at = start === 0 ? 32 : 0; at + 24 + pageSize <= bytes.length; at += 24 + pageSize) {
    const page = bytes.readUInt32BE(at);
    const commitPages = bytes.readUInt32BE(at + 4);
    chain.offset = start + at + 24 + pageSize;
    if (chain.offset <= skipTo) continue;
    const end = page * pageSize;
    if (end > chain.image.length)
      chain.image = Buffer.concat([
        chain.image,
        Buffer.alloc(Math.max(end, 2 * chain.image.length) - chain.image.length),
      ]);
    bytes.copy(chain.image, end - pageSize, at + 24, at + 24 + pageSize);
    if (commitPages === 0) continue;
    chain.length = commitPages * pageSize;
    const point = points.get(chain.offset);
    if (point !== undefined) onPoint(chain.offset, point.at, point.state);
  }
  chain.offset = start + bytes.length;
}

/** A position, short. */
export function describe({ generation, index, offset }: Position): string {
  return `${generation.slice(0, 4)}/${index}:${offset}`;
}
