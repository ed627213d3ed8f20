// What taking a place over means for whoever has it: the same words wherever it is asked.
import type { AppErrorData } from '../../../shared/errors.ts';

/** Who has it, and what comes of it where they still write there. */
export function takeOverWords({ code, details }: Pick<AppErrorData, 'code' | 'details'>): {
  readonly who: string;
  readonly ifStill: string;
} {
  if (code === 'target-holds-ltx') {
    return {
      who: 'Litestream',
      ifStill: 'Litestream would not notice. Take over only when it does not write there any more.',
    };
  }
  const who = typeof details['machine'] === 'string' ? details['machine'] : 'another computer';
  return {
    who,
    ifStill: `If ${who} still protects a database to this place, it notices, stops sending there, and says so. Take over only when this computer is the right one from now on.`,
  };
}
