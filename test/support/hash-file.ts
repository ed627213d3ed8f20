// The page hashes of a database file as it lies on disk: the truth that captured states are compared with.
import fs from 'node:fs';
import { hashPage, lockPage } from '../../electron/engine/replica/state-hash.ts';
import { PageHashes } from '../../electron/engine/source/page-hashes.ts';

/** Hashes of the database file as it lies on disk, when nothing is left in a WAL. */
export function hashFile(file: string, pageSize: number): PageHashes {
  const bytes = fs.readFileSync(file);
  const hashes = new PageHashes(pageSize);
  for (let page = 1; page <= bytes.length / pageSize; page++) {
    if (page !== lockPage(pageSize))
      hashes.set(page, hashPage(page, bytes.subarray((page - 1) * pageSize, page * pageSize)));
  }
  hashes.resize(bytes.length / pageSize);
  return hashes;
}
