// How many files this process may open yet: what lacks them seldom says so itself.
import fs from 'node:fs';
import { isShortage } from '../../../shared/errors.ts';

/** Fewer than the databases that are opened at a time need. */
const fewFiles = 64;

/** No more than a few files may be opened yet. */
export function isShortOfFiles(): boolean {
  try {
    const limit = /^Max open files +(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return limit !== undefined && Number(limit) - fs.readdirSync('/proc/self/fd').length < fewFiles;
  } catch (error) {
    // @NOTE Only Linux tells; elsewhere the failure is told as it came.
    return isShortage(error);
  }
}
