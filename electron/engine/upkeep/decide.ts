// Decides what is done next about the WAL of a live database, and when to look again. Pure: what is known goes in as data, and
// the same data always gives the same answer. Two ways of life: where writers pause, the pin follows them, and each pause is used;
// where they never do, nothing is done for long and then much at once. What needs to be known is writing.ts, carrying out wal-upkeep.ts.
import {
  asideMs,
  brokenOffMs,
  earlyAsideMs,
  enoughFrames,
  firmMs,
  largeFrames,
  mostUnread,
  rhythms,
  seldomMs,
  suspiciousMs,
} from './rhythms.ts';
import type { Act, Decision, Leeway, Manner, Writing } from './writing.ts';

const { againMs, few, followMs, longestLookMs, lookMs, pauseMs, settleLooks, slowMs, sleepGrowth, streak, veryLarge } =
  rhythms;

export function decide(writing: Writing): Decision {
  return { act: nextAct(writing), nextLookMs: nextLookMs(writing) };
}

/** How long the next look has to wait for. */
export function gapMs({ kind, housekeeping, batchMs }: Manner): number {
  if (housekeeping === 'often') return lookMs;
  if (kind === 'restless') return rhythms.batchMs;
  return kind === 'steady' ? Math.max(rhythms.batchMs, batchMs) : lookMs;
}

/**
 * Under steady writing, of one that wants nothing of us, what is committed may stay unread for a while, up to some frames more than the
 * WAL holds now. Undefined where it may not.
 */
export function leewayOf(
  writing: Writing,
  { unreadMs, restMs }: { readonly unreadMs: number; readonly restMs: number },
): Leeway | undefined {
  const { kind, housekeeping, hold, isBusy, frames, backfilled, pageSize, restsInMs } = writing;
  if (kind !== 'steady' || housekeeping !== 'none' || hold === 'firm' || isBusy || unreadMs === 0) return undefined;
  const most = Math.min(enoughFrames(true), largeFrames(pageSize));
  const upTo = Math.min(frames + mostUnread(pageSize), most);
  return { forMs: unreadMs, frames: upTo, backfilled, restsInMs, restMs };
}

/** The application committed just now, and may checkpoint at any moment: the pin is to follow at once. */
export function isPinAwaited({ housekeeping, newsAgoMs }: Manner): boolean {
  return housekeeping === 'often' && newsAgoMs < followMs;
}

/** For how long the pin is let go: until whoever waits for it wakes up. */
export function asideFor(kind: 'yield' | 'step-aside'): number {
  return kind === 'yield' ? earlyAsideMs : asideMs;
}

function nextAct(writing: Writing): Act {
  const act = writing.kind === 'restless' ? growing(writing) : pausing(writing);
  // Each thing once in a look: whatever it left to do is done by the next one.
  if (act === undefined || writing.done.includes(act.kind)) return { kind: 'nothing', needsFirm: false };
  return act;
}

// Writers never pause: the WAL grows behind a frame up to which everything is backfilled, so that a checkpoint that the
// application tries at each commit finds nothing that it could do, and costs it nothing; then it is taken back at once.

function growing(writing: Writing): Act | undefined {
  const { frames, backfilled, hold, isBusy, pageSize, pin, sealAgoMs } = writing;
  if (isBusy || frames === backfilled) return undefined;
  if (hold === 'light') return { kind: 'firm', needsFirm: true };
  const large = largeFrames(pageSize);
  const isTime = frames >= veryLarge * large || (frames >= large && sealAgoMs >= slowMs);
  if (isTime) return sealing(writing);
  const isEnough = frames >= Math.min(enoughFrames(false), large);
  return isEnough && !pin.isHolding ? { kind: 'hold', needsFirm: true } : undefined;
}

function sealing({ pin, sealInMs }: Writing): Act | undefined {
  return pin.isKeeping || sealInMs > 0 ? undefined : { kind: 'seal', needsFirm: true };
}

// Writers that pause: the pin follows them at once, and what they leave is copied in their pauses.

function pausing(writing: Writing): Act | undefined {
  const { frames, backfilled } = writing;
  const isCopied = frames === backfilled;
  return (
    unsticking(writing) ??
    leaving(writing) ??
    following(writing) ??
    (isCopied ? undefined : copying(writing)) ??
    easing(writing)
  );
}

/** Somebody checkpoints and does not get on although nobody writes: it may be waiting for the very slot of our pin. */
function unsticking({ blocked, frames, backfilled, isBusy, pin }: Writing): Act | undefined {
  const isStuck = blocked >= settleLooks && frames !== backfilled;
  return isStuck && !isBusy && !pin.isKeeping ? { kind: 'step-aside', needsFirm: true } : undefined;
}

/** Writers rest: all is let go; where somebody is expected to come, the WAL is emptied and the pin stays. */
function leaving({ kind, leaveInMs, mayLeave, isBusy, stayMs, isEmptied }: Writing): Act | undefined {
  if (kind !== 'resting' || leaveInMs > 0 || !mayLeave || isBusy) return undefined;
  if (stayMs === 0) return { kind: 'leave', needsFirm: false };
  return isEmptied ? undefined : { kind: 'rest', needsFirm: true };
}

function following({ pin, frames, backfilled, quietLooks, done }: Writing): Act | undefined {
  // Where everything is backfilled it has to come to rest: then whoever wants to empty the WAL need not wait for it.
  const isResting = frames !== backfilled || quietLooks >= settleLooks;
  if (done.includes('advance') || (!pin.isBehind && isResting)) return undefined;
  return { kind: 'advance', needsFirm: false };
}

function copying(writing: Writing): Act | undefined {
  const { frames, backfilled, hold, housekeeping, isBusy, kind, pageSize } = writing;
  const large = largeFrames(pageSize);
  if (isBusy) return undefined;
  if (hold === 'light') {
    // One that empties the WAL itself waits for the pin as soon as everything is copied.
    const isDue = frames - backfilled >= enoughFrames(kind === 'steady') || frames >= large || isStubborn(writing);
    return isDue || housekeeping !== 'none' ? { kind: 'firm', needsFirm: true } : undefined;
  }
  if (isSlotAwaited(writing)) return { kind: 'yield', needsFirm: true };
  return frames >= large || isStubborn(writing) ? sealing(writing) : checkpointing(writing);
}

/**
 * Steady writing whose pauses are too short for what comes during a checkpoint, or were, again and again: taken back in a moment while
 * nobody commits, before the application finds the WAL large, and checkpoints at each of its commits itself.
 */
function isStubborn({ kind, frames, tails, gapMs: pausesMs, sealInMs }: Writing): boolean {
  const isShort = pausesMs < againMs || tails >= few;
  return kind === 'steady' && frames >= enoughFrames(true) && isShort && sealInMs <= 0;
}

/**
 * An application's checkpoint reads the mark of a reader's slot once and then waits for the slot. Where our pin took this
 * very slot in between, it would wait until its busy timeout, although the pin lies at the end of the WAL, since each later
 * pin joins the same slot. Suspected where commits that followed each other closely break off: a pause after one or two is nothing.
 */
function isSlotAwaited({ housekeeping, burst, pin, done }: Writing): boolean {
  if (housekeeping !== 'often' || burst < few || pin.isKeeping || done.includes('yield')) return false;
  const isBrokenOff = pin.movedAgoMs >= brokenOffMs + pin.lateMs * sleepGrowth;
  return isBrokenOff && pin.asideAgoMs >= earlyAsideMs;
}

function checkpointing(writing: Writing): Act | undefined {
  const { frames, backfilled, checkpointAgoMs, kind, tails } = writing;
  const enough = enoughFrames(kind === 'steady');
  const isLarge = frames - backfilled >= enough;
  // What came during a checkpoint is copied by another, so that the WAL starts over before the application finds it large, and
  // checkpoints at each of its commits itself. It helps when nobody commits meanwhile: tried for a while, then seldom.
  const isTail = frames >= enough && backfilled > 0;
  const everyMs = isLarge || tails < streak ? againMs : seldomMs;
  const isDue = (isLarge || isTail) && checkpointAgoMs >= everyMs;
  return isDue || isQuiet(writing) ? { kind: 'checkpoint', needsFirm: true, isTail: !isLarge } : undefined;
}

/** Nobody commits, and yet it is not let go: whether somebody else's checkpoint is stuck is found by making one. */
function isQuiet(writing: Writing): boolean {
  const { kind, housekeeping, newsAgoMs, mayLeave, checkpointAgoMs } = writing;
  const isSuspicious = housekeeping !== 'none' && newsAgoMs >= suspiciousMs;
  return (isSuspicious || (kind === 'resting' && !mayLeave)) && checkpointAgoMs >= sleepMs(writing);
}

/** How long somebody who waits for us sleeps, about: one that empties the WAL itself again and again is met soon. */
function sleepMs({ housekeeping }: Writing): number {
  return housekeeping === 'none' ? pauseMs : againMs;
}

/** Nothing needs the lock on the database file any more. While an image is read the pin must not be taken anew. */
function easing({ hold, housekeeping, stayMs, isBusy, mayLeave, neededAgoMs }: Writing): Act | undefined {
  const isNeeded = housekeeping !== 'none' || stayMs > 0 || isBusy || neededAgoMs < firmMs;
  return hold === 'firm' && mayLeave && !isNeeded ? { kind: 'ease', needsFirm: false } : undefined;
}

// When to look again.

function nextLookMs(writing: Writing): number {
  return Math.min(longestLookMs, Math.max(lookMs, wishedLookMs(writing)));
}

function wishedLookMs(writing: Writing): number {
  const { kind, housekeeping, newsAgoMs, blocked, quietLooks } = writing;
  if (kind === 'restless' || kind === 'steady') return gapMs(writing);
  if (blocked > 0) return sleepMs(writing);
  if (housekeeping !== 'none' && newsAgoMs < pauseMs) return lookMs;
  const leaveMs = restLookMs(writing);
  return isSettling(writing) ? Math.min(lookMs * 2 ** quietLooks, leaveMs) : leaveMs;
}

/** When it may be let go. */
function restLookMs({ kind, restsInMs, leaveInMs, isEmptied, stayMs, mayLeave, isBusy }: Writing): number {
  if (kind !== 'resting') return Math.max(restsInMs, leaveInMs, isEmptied ? stayMs : 0);
  const keptMs = mayLeave ? 0 : pauseMs;
  return Math.max(leaveInMs, isEmptied ? stayMs : 0, keptMs, isBusy ? againMs : 0);
}

/** It is not over yet. */
function isSettling({ isUnclear, hold, frames, backfilled, quietLooks, isBusy }: Writing): boolean {
  return isUnclear || (hold === 'firm' && (isBusy || frames !== backfilled || quietLooks < settleLooks));
}
