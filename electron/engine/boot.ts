// Which start of the computer this is: what a process wrote and did not bring to the disk is there after its own death, but
// not after a power cut. Where the system has no name for it, the time of the start is one.
import fs from 'node:fs';
import os from 'node:os';

const named = '/proc/sys/kernel/random/boot_id';
/** The clock may be set by a little between two looks. Nobody starts a computer, captures, and starts it again so fast. */
const slackMs = 30_000;

/** A name for this start of the computer. */
export function bootIdentity(): string {
  try {
    return fs.readFileSync(named, 'utf8').trim();
  } catch {
    // @NOTE Only Linux names it.
    return String(Math.round(Date.now() - os.uptime() * 1000));
  }
}

/** Two names are of the same start. When in doubt they are not, which is only slower. */
export function isSameBoot(a: string, b: string): boolean {
  return a !== '' && (a === b || Math.abs(Number(a) - Number(b)) < slackMs);
}
