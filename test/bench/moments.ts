// Which commits of an application a replica keeps as moments of their own, read from the bytes of its segments and snapshots without
// either program. Each commit writes one row with a mark (#00000012#): the greatest mark of a transaction tells which commit it ends with.
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFrame } from '../../electron/engine/replica/lz4-frame.ts';

// https://www.sqlite.org/fileformat2.html#the_write_ahead_log
const walHeaderBytes = 32;
const frameHeaderBytes = 24;
/** SQLite's default, which the applications of the benchmark keep. */
const pageBytes = 4096;

/** How many different commits a transaction in a segment, or a snapshot, ends with. */
export async function countMoments(replica: string): Promise<number> {
  const moments = new Set<number>();
  for (const name of readdirSync(replica, { recursive: true, encoding: 'utf8' })) {
    const offset = /[_/\\]([0-9a-f]{8})\.wal\.lz4$/.exec(name)?.[1];
    if (offset !== undefined) {
      const bytes = await decode(join(replica, name));
      for (const mark of marksOfTransactions(bytes, Number.parseInt(offset, 16))) moments.add(mark);
    } else if (name.endsWith('.snapshot.lz4')) {
      moments.add(greatestMark(await decode(join(replica, name))));
    }
  }
  moments.delete(-1);
  return moments.size;
}

function* marksOfTransactions(bytes: Buffer, offset: number): Iterable<number> {
  let mark = -1;
  const first = offset === 0 ? walHeaderBytes : 0;
  for (let at = first; at < bytes.length; at += frameHeaderBytes + pageBytes) {
    mark = Math.max(mark, greatestMark(bytes.subarray(at + frameHeaderBytes, at + frameHeaderBytes + pageBytes)));
    const isCommit = bytes.readUInt32BE(at + 4) > 0;
    if (!isCommit) continue;
    yield mark;
    mark = -1;
  }
}

function greatestMark(bytes: Buffer): number {
  let mark = -1;
  for (const [, number] of bytes.toString('latin1').matchAll(/#(\d{8})#/g)) mark = Math.max(mark, Number(number));
  return mark;
}

async function decode(path: string): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of decodeFrame(createReadStream(path))) pieces.push(piece);
  return Buffer.concat(pieces);
}
