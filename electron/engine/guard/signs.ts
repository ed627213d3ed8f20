// Signs that a destination may be back, looked for only while nothing gets through to it, and at no cost: its folder appears or
// becomes another one, the computer's networks change, the clock jumps as it does when a computer wakes up.
import { stat } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../basics/clock.ts';

export interface SignsOptions {
  readonly clock: Clock;
  /** Where the destination is a folder. */
  readonly folder: string | undefined;
  readonly onSign: () => void;
}

const everyMs = 2000;
const jumpMs = 10_000;

/** Looks until `signal` aborts; never throws. */
export async function watchForSigns(
  { clock, folder, onSign }: SignsOptions,
  { signal }: { readonly signal: AbortSignal },
): Promise<void> {
  let seen = await look(folder);
  let ahead = clock.now() - clock.ticks();
  while (!signal.aborted) {
    // @NOTE Ends early when nobody looks for signs any more.
    await clock.sleep(everyMs, { signal }).catch(() => {});
    // One look at a time: on a drive that hangs it takes one thread, not one more every time.
    const now = await look(folder);
    const aheadNow = clock.now() - clock.ticks();
    if (!signal.aborted && (now !== seen || Math.abs(aheadNow - ahead) > jumpMs)) onSign();
    seen = now;
    ahead = aheadNow;
  }
}

/** What can be seen, in one line that differs when it differs. */
async function look(folder: string | undefined): Promise<string> {
  if (folder !== undefined) {
    const facts = await stat(folder).catch(() => undefined);
    return facts === undefined ? 'gone' : `${facts.dev} ${facts.ino}`;
  }
  const addresses = Object.values(networkInterfaces()).flatMap((all = []) =>
    all.filter(({ internal }) => !internal).map(({ address }) => address),
  );
  return addresses.sort().join(' ');
}
