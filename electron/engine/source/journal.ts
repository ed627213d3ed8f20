// The rollback journal beside a database: whether a transaction without a WAL is under way, or was cut off. In the journal modes
// PERSIST and TRUNCATE the file stays, its header wiped out (https://www.sqlite.org/fileformat2.html#the_rollback_journal).
import fs from 'node:fs';
import path from 'node:path';
import { codeOf } from '../../../shared/errors.ts';
import { readFully } from './wal-reader.ts';

const magic = Uint8Array.of(0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7);

/** `foreign`: it begins with something else than a journal does, which SQLite takes for one all the same. */
export type Journal = 'none' | 'wiped' | 'foreign' | 'hot';

/**
 * On Windows a file that is deleted while somebody looks at it stays in the way of the next one with its name, and the application that
 * makes that one fails: only one that was there at each look for so long is touched, not one that comes and goes with each transaction.
 */
const lastingMs = 2000;
const seenSince = new Map<string, number>();

/** What lies at the path of a journal. Throws what the file system says of one that may not be read. */
export function readJournal(journal: string): Journal {
  if (process.platform === 'win32' && !isLasting(journal)) return seenSince.has(journal) ? 'hot' : 'none';
  // There is none, as a rule: then no file is opened.
  const facts = fs.statSync(journal, { throwIfNoEntry: false });
  if (facts === undefined) return 'none';
  if (facts.size === 0) return 'wiped';
  let fd: number;
  try {
    fd = fs.openSync(journal, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'none';
    throw error;
  }
  try {
    const first = new Uint8Array(magic.length);
    readFully(fd, first, 0);
    if (first[0] === 0) return 'wiped';
    return Buffer.compare(first, magic) === 0 ? 'hot' : 'foreign';
  } finally {
    fs.closeSync(fd);
  }
}

/** By the names in the folder: the file itself is not touched. */
function isLasting(journal: string): boolean {
  if (!fs.readdirSync(path.dirname(journal)).includes(path.basename(journal))) {
    seenSince.delete(journal);
    return false;
  }
  const now = performance.now();
  const since = seenSince.get(journal) ?? now;
  seenSince.set(journal, since);
  return now - since >= lastingMs;
}
