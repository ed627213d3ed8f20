// Segments of one generation on one target as bytes: how far behind the one before each begins, and what it weighs. A row holds
// some two hundred of them. Pure.
import { comparePositions, type Place } from '../../../shared/position.ts';
import { ByteReader, ByteWriter, checksumOf, damaged } from './varints.ts';

/** A segment, by where it begins. */
export interface SegmentRow extends Place {
  /** As stored. */
  readonly bytes: number;
}

/** Some segments that follow one another, and what is said of them beside their bytes. */
export interface PackedSegments {
  readonly first: Place;
  /** Where the last one begins. */
  readonly last: Place;
  /** What all of them weigh. */
  readonly bytes: number;
  readonly segments: Uint8Array;
  readonly checksum: number;
}

/** Three rows on a page of the state database, with what stands beside the bytes. */
const fullBytes = 1280;

/** Packs segments, ascending, into as few rows as it takes; the first of them is `onto`, with more behind it, where that has room. */
export function packSegments(rows: readonly SegmentRow[], onto?: PackedSegments): readonly PackedSegments[] {
  const packed: PackedSegments[] = [];
  let row: Omit<PackedSegments, 'segments' | 'checksum'> | undefined = onto;
  let writer = new ByteWriter(onto?.segments);
  const close = (whole: Omit<PackedSegments, 'segments' | 'checksum'>): void => {
    packed.push({ ...whole, segments: writer.bytes, checksum: checksumOf(writer.bytes) });
  };
  for (const { index, offset, bytes } of rows) {
    if (row !== undefined && writer.length >= fullBytes) {
      close(row);
      row = undefined;
      writer = new ByteWriter();
    }
    const here = { index, offset };
    const { first, last, bytes: sum } = row ?? { first: here, last: here, bytes: 0 };
    writer.add(index - last.index);
    writer.add(index === last.index ? offset - last.offset : offset);
    writer.add(bytes);
    row = { first, last: here, bytes: sum + bytes };
  }
  if (row !== undefined) close(row);
  return packed;
}

/** The inverse of {@link packSegments}, row by row. Refuses bytes that do not agree with what their row says. */
export function unpackSegments(row: PackedSegments): readonly SegmentRow[] {
  const { first, last, bytes: sum, segments } = row;
  if (checksumOf(segments) !== row.checksum) throw damaged();
  const reader = new ByteReader(segments);
  const rows: SegmentRow[] = [];
  let { index, offset } = first;
  let total = 0;
  while (!reader.isAtEnd) {
    const indices = reader.next();
    const distance = reader.next();
    const bytes = reader.next();
    if (rows.length > 0 && indices === 0 && distance === 0) throw damaged();
    index += indices;
    offset = indices === 0 ? offset + distance : distance;
    total += bytes;
    rows.push({ index, offset, bytes });
  }
  if (rows.length === 0 || total !== sum || comparePositions({ index, offset }, last) !== 0) throw damaged();
  return rows;
}
