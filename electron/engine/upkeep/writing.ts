// What is known, at one moment, of how an application writes, as plain data; and what can be done about it. Whoever observes
// makes the one (observe.ts), whoever decides the other from it (decide.ts).

/** How an application commits. Times are milliseconds before now, or (`…InMs`) from now on. */
export interface Manner {
  /** Nobody commits; with pauses; in batches that are looked at by the clock; without ever pausing. */
  readonly kind: 'resting' | 'calm' | 'steady' | 'restless';
  /** The application empties the WAL itself, and may wait for our pin when it does: not that we know, within the last minute, often. */
  readonly housekeeping: 'none' | 'lately' | 'often';
  /** Under steady writing, looks come this far apart. */
  readonly batchMs: number;
  readonly newsAgoMs: number;
  /** Should nobody commit, it counts as resting then. */
  readonly restsInMs: number;
  /** Something was told of that does not count yet. */
  readonly isUnclear: boolean;
}

/** How an application writes, and how we stand to it. */
export interface Writing extends Manner {
  readonly frames: number;
  readonly backfilled: number;
  readonly pageSize: number;
  /** Commits in a row that followed each other closely. */
  readonly burst: number;
  /** Between two commits, on average. */
  readonly gapMs: number;
  /** Looks since anything changed. */
  readonly quietLooks: number;
  readonly pin: Pinned;
  /** `light`: with no lock on the database file; `firm`: as it takes to checkpoint. */
  readonly hold: 'light' | 'firm';
  /** What needs a firm hold was there so long ago. */
  readonly neededAgoMs: number;
  /** A checkpoint or a seal is under way, or one failed lately. */
  readonly isBusy: boolean;
  /** How often in a row somebody else's checkpoint was in the way, and did not get on. */
  readonly blocked: number;
  readonly checkpointAgoMs: number;
  /** How often in a row was tried to copy the little that came during a checkpoint. */
  readonly tails: number;
  readonly sealAgoMs: number;
  /** No seal is tried before. */
  readonly sealInMs: number;
  /** All is not let go before. */
  readonly leaveInMs: number;
  /** Nothing keeps it from being let go. */
  readonly mayLeave: boolean;
  /** Somebody is expected to come: the pin stays for so long. */
  readonly stayMs: number;
  /** The WAL was emptied since the last commit. */
  readonly isEmptied: boolean;
  /** What was done in this look. */
  readonly done: readonly Act['kind'][];
}

export interface Pinned {
  /** Frames lie behind the pin, or it is not known where it lies. */
  readonly isBehind: boolean;
  /** It lies on a backfilled frame while restless writers fill the WAL behind it. */
  readonly isHolding: boolean;
  /** A former one is held for an image: no checkpoint can finish. */
  readonly isKeeping: boolean;
  readonly movedAgoMs: number;
  /** So long after the last commit it came to where it lies. */
  readonly lateMs: number;
  /** It was let go for a moment. */
  readonly asideAgoMs: number;
}

/** For how long what is committed may stay unread: what is seen by a glance at the wal-index, in between, decides. */
export interface Leeway {
  readonly forMs: number;
  /** Up to so many frames in the WAL. */
  readonly frames: number;
  /** While no more of them are copied, by whomever, than this. */
  readonly backfilled: number;
  /** Should nobody commit, it counts as resting then; else so long after the last commit. */
  readonly restsInMs: number;
  readonly restMs: number;
}

/** What to do next. `needsFirm`: only with the lock on the database file, since something of ours may write there. */
export type Act =
  | { readonly kind: 'nothing'; readonly needsFirm: false }
  /** Moves the pin to the end of the WAL. */
  | { readonly kind: 'advance'; readonly needsFirm: false }
  /** Takes the lock on the database file: it will be needed at once. */
  | { readonly kind: 'firm'; readonly needsFirm: true }
  /** Lets go of it. */
  | { readonly kind: 'ease'; readonly needsFirm: false }
  /** Copies what the pin allows, beside everything else. `isTail`: the little that came during the last one. */
  | { readonly kind: 'checkpoint'; readonly needsFirm: true; readonly isTail: boolean }
  /** Copies everything, and lets the WAL grow behind the pin from then on. */
  | { readonly kind: 'hold'; readonly needsFirm: true }
  /** Takes the WAL back, holding writers for a moment. */
  | { readonly kind: 'seal'; readonly needsFirm: true }
  /** Asks whether an application's checkpoint waits for our slot; if so, lets the pin go for a moment. */
  | { readonly kind: 'yield'; readonly needsFirm: true }
  /** The same where a checkpoint has been stuck for a while. */
  | { readonly kind: 'step-aside'; readonly needsFirm: true }
  /** Empties the WAL; the pin stays. */
  | { readonly kind: 'rest'; readonly needsFirm: true }
  /** Empties the WAL and lets go of everything. Whoever does it takes the lock. */
  | { readonly kind: 'leave'; readonly needsFirm: false };

export interface Decision {
  readonly act: Act;
  /** If nothing is told of before, it is looked again after so long. */
  readonly nextLookMs: number;
}
