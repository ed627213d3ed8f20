// Observes how an application writes to a live database: is told of looks, news, notices, and of what was done, and says at any
// moment, as plain data (writing.ts), what is known. Does nothing, and decides nothing.
import type { WalCounts } from '../source/checkpointer.ts';
import type { Surroundings } from './host.ts';
import { Housekeeping } from './housekeeping.ts';
import { Pace } from './pace.ts';
import {
  againAfterMs,
  countsWithinMs,
  enoughFrames,
  failedAgainMs,
  heldAgainMs,
  rhythms,
  sealAgainMs,
  suspiciousMs,
} from './rhythms.ts';
import type { Reclaimed } from './seal.ts';
import type { Act, Manner, Writing } from './writing.ts';

const { pauseMs, settleLooks } = rhythms;

export class Observer {
  readonly #around: Surroundings;
  #counts: WalCounts = { frames: 0, backfilled: 0 };
  readonly #pace: Pace;
  readonly #housekeeping = new Housekeeping();
  /** What was seen since the last look. */
  readonly #glances: { readonly at: number; readonly changes: number }[] = [];
  #quietLooks = 0;
  #noticedAt = -Infinity;
  /** How the WAL's file looked at the last commit that was read. */
  #walAtNews = '';
  /** Frames of the present WAL that the pin is known to lie behind. */
  #pinned: number | undefined;
  #movedAt = 0;
  #asideAt = -Infinity;
  #isHolding = false;
  #neededAt = -Infinity;
  #isBusy = false;
  #blocked = 0;
  #checkpointAt = 0;
  #failedAt = -Infinity;
  #tails = 0;
  #sealedAt = 0;
  #sealAt = -Infinity;
  #leaveAt = -Infinity;
  #leaveFailures = 0;
  #isEmptied = false;
  /** Nobody else is there any more, whom the lock that we have kept from doing what the last one to close does. */
  #isDeserted = false;
  #askedAt = -Infinity;
  #done: Act['kind'][] = [];

  constructor(around: Surroundings) {
    this.#around = around;
    this.#pace = new Pace({ isClose: around.rhythm.isClose });
  }

  get counts(): WalCounts {
    return this.#counts;
  }

  get pinned(): number | undefined {
    return this.#pinned;
  }

  /** How it commits now. */
  manner(now: number): Manner {
    const { kind, newsAt } = this.#pace;
    const isUnclear = this.#isUnclear(now);
    const restsAt =
      (isUnclear ? Math.max(newsAt, this.#noticedAt + countsWithinMs) : newsAt) + this.#around.rhythm.restMs;
    const isResting = this.#isDeserted || (kind !== 'restless' && now >= restsAt);
    return {
      kind: isResting ? 'resting' : kind,
      housekeeping: this.#housekeeping.habit(now),
      batchMs: this.#around.batchMs(),
      newsAgoMs: now - newsAt,
      restsInMs: restsAt - now,
      isUnclear,
    };
  }

  /** What is known now. */
  writing(now: number): Writing {
    const { connections, pageSize, mayLeave, stayMs } = this.#around;
    const { newsAt, burst, gapMs } = this.#pace;
    return {
      ...this.manner(now),
      ...this.#counts,
      pageSize: pageSize(),
      burst,
      gapMs,
      quietLooks: this.#quietLooks,
      pin: {
        isBehind: this.#counts.frames !== this.#pinned,
        isHolding: this.#isHolding,
        isKeeping: connections.pins.isKeeping,
        movedAgoMs: now - this.#movedAt,
        lateMs: Math.max(0, this.#movedAt - newsAt),
        asideAgoMs: now - this.#asideAt,
      },
      hold: connections.hold,
      neededAgoMs: now - this.#neededAt,
      isBusy: this.#isBusy || now - this.#failedAt < failedAgainMs,
      blocked: this.#blocked,
      checkpointAgoMs: now - this.#checkpointAt,
      tails: this.#tails,
      sealAgoMs: now - this.#sealedAt,
      sealInMs: this.#sealAt - now,
      leaveInMs: this.#leaveAt - now,
      mayLeave: mayLeave(),
      stayMs: stayMs(),
      isEmptied: this.#isEmptied,
      done: this.#done,
    };
  }

  #isUnclear(now: number): boolean {
    const isTold = this.#noticedAt > this.#pace.newsAt && now - this.#noticedAt < countsWithinMs;
    return isTold && this.#walAtNews !== this.#around.connections.walLook;
  }

  /** Nothing was committed, copied or written to the WAL since the last look. */
  get isAsLooked(): boolean {
    const { walIndex, walLook } = this.#around.connections;
    const { changes, frames, backfilled } = walIndex?.read() ?? {};
    const isSame = frames === this.#counts.frames && backfilled === this.#counts.backfilled;
    return isSame && !this.#pace.isNews({ isNew: true, changes }) && walLook === this.#walAtNews;
  }

  /** By a glance at the wal-index: something was committed, and is read later. */
  glanced(now: number, changes: number): void {
    this.#glances.push({ at: now, changes });
  }

  /** The file system told of something. */
  noticed(now: number): void {
    this.#quietLooks = 0;
    this.#noticedAt = now;
  }

  /** Everything that is committed was read. A look begins. */
  looked(now: number, { isNew, isRestart }: { readonly isNew: boolean; readonly isRestart: boolean }): void {
    const { connections, stayMs } = this.#around;
    for (const { at, changes } of this.#glances.splice(0)) {
      this.#pace.read(at, { isNew: true, changes, frames: () => 0 });
      this.#around.rhythm.note(at);
    }
    if (this.#walAtNews === '') this.#walAtNews = connections.walLook;
    const changes = connections.walIndex?.read()?.changes;
    // What was seen before, and is read only now, is none.
    const isNews = this.#pace.isNews({ isNew, changes });
    this.#pace.read(now, {
      isNew: isNews,
      changes,
      frames: () => connections.counts().frames - (isRestart ? 0 : this.#counts.frames),
    });
    if (isNews) this.#around.rhythm.note(now);
    if (isNew) this.#news();
    if (isRestart) this.#restarted(now);
    this.counted(now);
    this.#pace.settle(now, this.#housekeeping.habit(now) !== 'often');
    if (this.#pace.kind !== 'restless') this.#isHolding = false;
    this.#done = [];
    // Who goes on committing is there. To ask takes milliseconds.
    const isThere = isNew && (this.#pace.kind !== 'calm' || now - this.#askedAt < pauseMs);
    const mayBeDeserted = !isThere && connections.hold === 'firm' && stayMs() === 0;
    if (mayBeDeserted) this.#askedAt = now;
    this.#isDeserted = mayBeDeserted && connections.isShared === false;
  }

  #news(): void {
    this.#walAtNews = this.#around.connections.walLook;
    this.#leaveFailures = 0;
    this.#leaveAt = -Infinity;
    this.#isEmptied = false;
    this.#pinned = undefined;
    this.#blocked = 0;
    this.#quietLooks = 0;
  }

  #restarted(now: number): void {
    this.#isHolding = false;
    this.#housekeeping.restarted(now);
    this.#tails = 0;
  }

  /** What the WAL holds now. */
  counted(now: number, { frames, backfilled }: WalCounts = this.#around.connections.counts()): void {
    const before = this.#counts;
    this.#counts = { frames, backfilled };
    this.#housekeeping.counted(this.#counts, this.#isBusy);
    if (frames !== before.frames || backfilled !== before.backfilled) this.#quietLooks = 0;
    // A writer that restarts the WAL has it without frames for a moment, too, but does not cut off the file.
    if (frames === 0 && before.frames > 0 && this.#around.connections.isWalEmpty) this.#housekeeping.cutOff(now);
    const isEnough = frames - backfilled >= enoughFrames(this.#pace.kind === 'steady');
    if (this.#pace.kind === 'restless' || isEnough) this.#neededAt = now;
  }

  /** A look ends. */
  lookEnded(now: number): void {
    // Not between two commits that follow closely: resting costs reading and writing.
    const mayRest = this.#housekeeping.habit(now) !== 'often' || now - this.#pace.newsAt >= pauseMs;
    this.#quietLooks = mayRest ? this.#quietLooks + 1 : Math.min(this.#quietLooks + 1, settleLooks - 1);
  }

  did(act: Act['kind']): void {
    this.#done = [...this.#done, act];
  }

  /** A checkpoint or a seal is under way; or is over. */
  busy(isBusy: boolean): void {
    this.#isBusy = isBusy;
  }

  /** The pin lies at the end now; `isNew`: there was something to read on the way. */
  advanced(now: number, isNew: boolean): void {
    const wasBehind = this.#counts.frames !== this.#pinned;
    this.counted(now);
    const { frames } = this.#around.connections.pins;
    if (this.#pinned !== frames) this.#movedAt = now;
    this.#pinned = frames;
    if (isNew || wasBehind) this.#quietLooks = 0;
  }

  holding(): void {
    this.#isHolding = true;
  }

  /** The hold is firm, since that is needed. */
  firmed(now: number): void {
    this.#neededAt = now;
  }

  /** Somebody is in the way; it is tried again, at growing intervals. */
  refused(now: number): void {
    this.#leaveAt = now + againAfterMs(this.#leaveFailures++);
  }

  checkpointing(now: number, isTail: boolean): void {
    this.#checkpointAt = now;
    this.#tails = isTail ? this.#tails + 1 : 0;
  }

  /** `isBlocked`: somebody else's was under way. */
  checkpointed(now: number, result: WalCounts & { readonly isBlocked: boolean }): void {
    if (!result.isBlocked) this.#housekeeping.copied(result.backfilled);
    const isStill = result.isBlocked && result.backfilled === this.#counts.backfilled;
    this.#blocked = isStill && now - this.#pace.newsAt >= suspiciousMs ? this.#blocked + 1 : 0;
    this.counted(now, result);
  }

  /** A checkpoint could not copy: the disk is full, or does not answer. Nothing is tried for a while. */
  checkpointFailed(now: number): void {
    this.#failedAt = now;
    this.#sealAt = now + failedAgainMs;
  }

  sealed(now: number, result: Reclaimed): void {
    if (result === 'sealed') {
      this.#isHolding = false;
      this.#sealedAt = now;
    } else {
      this.#sealAt = now + (result === 'held' ? heldAgainMs : sealAgainMs);
    }
  }

  /** Somebody else's checkpoint is given its time. `isLetGo`: the pin was let go for it. */
  steppedAside(now: number, isLetGo: boolean): void {
    this.#blocked = 0;
    if (!isLetGo) return;
    this.#asideAt = now;
    this.#pinned = undefined;
  }

  /** It was emptied from here: that it is empty is not the application's doing. */
  emptied(): void {
    this.#counts = this.#around.connections.counts();
  }

  /** The pin was taken anew, over a WAL that is copied whole. */
  retaken(): void {
    this.#pinned = this.#around.connections.pins.frames;
  }

  /** It was tried to let all go, or to empty the WAL and stay. */
  restTried(now: number, isEmptied: boolean): void {
    this.#isEmptied = isEmptied;
    this.refused(now);
    if (!isEmptied) this.#neededAt = now;
  }
}
