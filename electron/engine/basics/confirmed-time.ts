// What the time is at least, whatever the computer's clock shows: what retention goes by, and what labels never lie before. It
// passes as the computer runs, its sleep included, and follows the clock only where that has agreed with it for a day of running:
// a clock that is wrong for minutes or hours, ahead or behind, changes nothing here, nor does one that is wrong at every start.
import { z } from 'zod';
import { isSameBoot } from './boot.ts';
import type { Clock } from './clock.ts';

export interface ConfirmedTime {
  /** The time is this at least; undefined where no clock was watched for long enough. */
  readonly look: () => number | undefined;
}

export interface ConfirmedTimeOptions {
  readonly clock: Clock;
  /** Which start of the computer this is. */
  readonly boot: string;
  readonly load: () => string | undefined;
  readonly save: (text: string) => void;
}

const hourMs = 3_600_000;
/** A clock has to agree with what passes for so much running before it is believed. */
const confirmAfterMs = 24 * hourMs;
/** Then what was not seen passing is made up for, by no more than this many times what passes. */
const catchUpRate = 24;
/** What clocks drift apart, and are set by to agree again. */
const driftMs = 60_000;
/** What is lost of it in a crash passes again. */
const saveEveryMs = 10 * 60_000;

const stateSchema = z.object({
  boot: z.string(),
  uptime: z.number(),
  wall: z.number(),
  /** Undefined while no clock was believed. */
  confirmed: z.number().optional(),
  /** How far the clock is ahead of it (negative: behind), and for how much running it is. */
  ahead: z.number(),
  ranMs: z.number(),
});

type State = z.infer<typeof stateSchema>;

interface Seen {
  readonly boot: string;
  readonly uptime: number;
  readonly wall: number;
}

/** Watches the clock, going on where an earlier run left off. */
export function confirmTime({ clock, boot, load, save }: ConfirmedTimeOptions): ConfirmedTime {
  let state = read(load());
  let savedAt = -Infinity;
  const look = (): number | undefined => {
    state = advance(state, { boot, uptime: clock.uptime(), wall: clock.now() });
    if (Math.abs(state.uptime - savedAt) >= saveEveryMs) {
      savedAt = state.uptime;
      try {
        save(JSON.stringify(state));
      } catch {
        // @NOTE A full disk, of which others tell: what is not saved passes again.
      }
    }
    return state.confirmed === undefined ? undefined : Math.floor(state.confirmed);
  };
  look();
  return { look };
}

function read(text: string | undefined): State | undefined {
  if (text === undefined) return undefined;
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    // @NOTE Not to know it only means that nothing is deleted for a day.
    return undefined;
  }
}

function advance(before: State | undefined, seen: Seen): State {
  if (before === undefined) return { ...seen, ahead: 0, ranMs: 0 };
  const isSame = isSameBoot(before.boot, seen.boot);
  const passedMs = isSame ? Math.max(0, seen.uptime - before.uptime) : 0;
  return before.confirmed === undefined
    ? believeFirst(before, seen, { isSame, passedMs })
    : follow({ ...before, confirmed: before.confirmed + passedMs }, seen, passedMs);
}

/** Nothing is confirmed yet: a clock that went as time passed for long enough is believed. */
function believeFirst(
  before: State,
  seen: Seen,
  { isSame, passedMs }: { readonly isSame: boolean; readonly passedMs: number },
): State {
  const unseenMs = seen.wall - before.wall - passedMs;
  // Between two starts of the computer any time may have passed, but none may have gone back.
  const isSteady = isSame ? Math.abs(unseenMs) <= driftMs : unseenMs >= -driftMs;
  const ranMs = isSteady ? before.ranMs + passedMs : 0;
  return ranMs < confirmAfterMs ? { ...seen, ahead: 0, ranMs } : { ...seen, confirmed: seen.wall, ahead: 0, ranMs: 0 };
}

/** `before.confirmed` has passed already; the clock is followed where it agrees, or differs in the same way for long enough. */
function follow(before: State & { readonly confirmed: number }, seen: Seen, passedMs: number): State {
  const { confirmed } = before;
  const offset = seen.wall - confirmed;
  if (Math.abs(offset) <= driftMs) return { ...seen, confirmed: seen.wall, ahead: 0, ranMs: 0 };
  const isSame = before.ahead !== 0 && Math.abs(offset - before.ahead) <= driftMs;
  // Farther ahead than before, it is at least as far ahead as it was.
  const isMore = before.ahead > 0 && offset > before.ahead;
  if (!isSame && !isMore) return { ...seen, confirmed, ahead: offset, ranMs: 0 };
  const ranMs = before.ranMs + passedMs;
  const ahead = Math.min(before.ahead, offset);
  if (ranMs < confirmAfterMs) return { ...seen, confirmed, ahead, ranMs };
  // It was behind all the time: what was believed before was wrong.
  if (ahead < 0) return { ...seen, confirmed: seen.wall, ahead: 0, ranMs: 0 };
  const step = Math.min(ahead, catchUpRate * passedMs);
  const left = ahead - step;
  return left > driftMs
    ? { ...seen, confirmed: confirmed + step, ahead: left, ranMs }
    : { ...seen, confirmed: confirmed + step, ahead: offset - step, ranMs: 0 };
}
