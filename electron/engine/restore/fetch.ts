// Fetches the segments of a plan into temporary WAL files, one per index, several objects at once, in constant memory.
// Each object's checksums, length and hash are verified here; the WAL's own chain is apply.ts.
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { formatHex8 } from '../../../shared/position.ts';
import { noFollow } from '../basics/files.ts';
import { maxOffset } from '../replica/bounds.ts';
import type { KeptSegment } from '../replica/history.ts';
import { type ObjectReader, openObject } from '../replica/object.ts';
import { mapBounded } from '../basics/bounded.ts';
import { type Output, whileRoom } from './output.ts';
import type { RestorePlan } from './plan.ts';
import type { PlannedObject } from './planning.ts';

const parallelFetches = 4;

export interface FetchedSegment extends PlannedObject<KeptSegment> {
  /** Bytes after decompression. */
  readonly size: number;
}

/** The WAL of one index, as far as the plan needs it. */
export interface FetchedIndex {
  readonly index: number;
  readonly path: string;
  readonly segments: readonly FetchedSegment[];
}

/** Fetches all segments of a plan. Throws `object-damaged`, or what the target throws. */
export async function fetchSegments(options: {
  readonly reader: ObjectReader;
  readonly plan: RestorePlan;
  readonly output: Output;
  readonly signal: AbortSignal;
}): Promise<readonly FetchedIndex[]> {
  const { reader, plan, output, signal } = options;
  const pathOf = (index: number) => output.beside(`wal-${formatHex8(index)}`);
  const planned = plan.segments.map((segment, i) => ({
    ...segment,
    until: startBehind(segment, plan.segments[i + 1]),
  }));
  const fetched = await mapBounded(planned, { limit: parallelFetches, signal }, async (segment, stop) => {
    const { object, trailer } = segment;
    const { key, index, offset, bytes: storedBytes } = object;
    const mostBytes = (segment.until ?? maxOffset) - offset;
    const content = openObject(reader, key, { trailer, storedBytes, mostBytes, signal: stop });
    const bounded = trailer === undefined ? whileRoom(content, output.folder) : content;
    return { ...segment, size: await writeAt(pathOf(index), offset, bounded) };
  });
  const indices = [...new Set(fetched.map(({ object }) => object.index))];
  return indices.map((index) => ({
    index,
    path: pathOf(index),
    segments: fetched.filter(({ object }) => object.index === index),
  }));
}

/** Where the next segment of the same index begins: what lies before it must not reach into it. */
function startBehind(
  { object }: PlannedObject<KeptSegment>,
  next: PlannedObject<KeptSegment> | undefined,
): number | undefined {
  return next?.object.index === object.index ? next.object.offset : undefined;
}

/** Counts what passes through a reader, as stored. */
export function countReads(reader: ObjectReader, onBytes: (bytes: number) => void): ObjectReader {
  return {
    async *get(key, options) {
      for await (const chunk of reader.get(key, options)) {
        onBytes(chunk.length);
        yield chunk;
      }
    },
  };
}

async function writeAt(path: string, offset: number, content: AsyncIterable<Uint8Array>): Promise<number> {
  // Segments of one index arrive in any order: each writes its own range of the file.
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | noFollow, 0o600);
  try {
    let size = 0;
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length;) {
        at += (await file.write(chunk, at, chunk.length - at, offset + size + at)).bytesWritten;
      }
      size += chunk.length;
    }
    return size;
  } finally {
    await file.close();
  }
}
