// Which computer this is, and which start of it. What a process wrote and did not bring to the disk is there after its own
// death, but not after a power cut. Where the system has no name for a start, its time is one; for the computer nothing is.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import { mustNotBeShort } from '../../../shared/errors.ts';

const named = '/proc/sys/kernel/random/boot_id';
/** The clock may be set by a little between two looks. Nobody starts a computer, captures, and starts it again so fast. */
const slackMs = 30_000;

/** A name for this start of the computer. */
export function bootIdentity(): string {
  try {
    return fs.readFileSync(named, 'utf8').trim();
  } catch (error) {
    mustNotBeShort(error);
    // @NOTE Only Linux names it.
    return String(Math.round(Date.now() - os.uptime() * 1000));
  }
}

const computerFiles = ['/etc/machine-id', '/var/lib/dbus/machine-id'];

/** A name for this computer that a copied folder does not carry along; undefined where the system has none. */
export function computerIdentity(): string | undefined {
  for (const file of computerFiles) {
    try {
      const name = fs.readFileSync(file, 'utf8').trim();
      // Hashed, as its documentation asks of those who pass it on.
      if (name !== '') return createHash('sha256').update(`tidemark ${name}`).digest('hex').slice(0, 32);
    } catch (error) {
      mustNotBeShort(error);
      // @NOTE Only Linux has them, and not everywhere.
    }
  }
  return undefined;
}

/** Two names are of the same start. When in doubt they are not, which is only slower. */
export function isSameBoot(a: string, b: string): boolean {
  return a !== '' && (a === b || Math.abs(Number(a) - Number(b)) < slackMs);
}
