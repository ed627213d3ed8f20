// The life of one protected database: open → capture and ship → close, and again after a failure. Owns the connections and
// the session on them; how a history is continued is opening.ts, what follows when a session fails failures.ts, and what is done with
// bytes capture/capture.ts and ship/shipper.ts.
import { setTimeout as delay } from 'node:timers/promises';
import type { Counters } from '../../../shared/databases.ts';
import { AppError, type Problem, toErrorData } from '../../../shared/errors.ts';
import type { GenerationBand } from '../../../shared/history.ts';
import type { TargetId } from '../../../shared/ids.ts';
import { ContinuityUnproven, type Unseen } from '../capture/options.ts';
import { Visits } from '../capture/visits.ts';
import { closeSession } from './closing.ts';
import { Failures } from './failures.ts';
import { tellDamage } from './health.ts';
import { LateOpening } from './late-opening.ts';
import { Notices } from './notices.ts';
import { openSession, prepareOpening } from './opening.ts';
import { untilStill } from './outside.ts';
import type { ProtectionOptions, Session, SessionContext, SessionOwner } from './session.ts';
import { forgetShipped, spoolMember } from './spool-upkeep.ts';
import { bandOf, type Stand, standOf, withCapture } from './stands.ts';
import { meetDatabase } from './start.ts';
import { saveSession } from './take-notes.ts';
import { bringOverUnseen } from './unseen.ts';

const firstRetryMs = 1000;
const longestRetryMs = 10_000;
/** What passes by itself is tried again so soon. */
const busyRetryMs = 200;
/** How long after a change the next try is made: an application that goes on writing must not be answered each time. */
const afterChangeMs = 100;
/** Where files are short, each try takes some from the databases that are open. */
const shortRetryMs = 60_000;
/** For so long is waited at the end for what was committed just before, with looks so far apart. */
const finishCaptureMs = 4000;
const finishLookMs = 20;
/** Page hashes are written down when the WAL restarted, but not more often than this. */
const saveEveryMs = 10_000;

/** The session ends so that the next one begins a new generation: nothing is wrong. */
class StartingOver extends Error {
  override readonly name = 'StartingOver';
}

export class Protection {
  readonly #options: ProtectionOptions;
  readonly #stop = new AbortController();
  #isFinishing = false;
  #running: Promise<void> | undefined;
  #session: Session | undefined;
  #problem: Problem | undefined;
  #opening: LateOpening | undefined;
  #failed: (error: unknown) => void = () => {};
  #savedAt = -Infinity;
  /** Ends with the session. */
  #ended: { readonly signal: AbortSignal } | undefined;
  #bringing: Promise<void> | undefined;
  /** An image lies on a target. */
  #onImage: () => void = () => {};
  /** What changed unseen while the session was being put together: brought over once it is there. */
  #unseen: Unseen | undefined;
  #isHeldExclusively = false;
  /** How the last session stood at each target when it ended. */
  #left: readonly Stand[] = [];
  readonly #notices: Notices;
  readonly #owner: SessionOwner;
  readonly #failures: Failures;

  constructor(options: ProtectionOptions) {
    this.#options = options;
    this.#notices = new Notices(options);
    this.#owner = this.#makeOwner();
    this.#failures = new Failures({ options, owner: this.#owner });
  }

  /** Starts protecting; never throws. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Captures and ships what is there, then closes everything in order. Resolves when it is closed. */
  async finish(): Promise<void> {
    await this.#captureRest();
    this.#isFinishing = true;
    this.#session?.crew.finish();
    this.#failed(new AppError('cancelled'));
    await this.#running;
  }

  /** What was committed up to now is captured, also where pages have to be compared for it; for a while. */
  async #captureRest(): Promise<void> {
    const { signal } = this.#stop;
    const endAt = performance.now() + finishCaptureMs;
    while (!signal.aborted && performance.now() < endAt && this.#problem === undefined) {
      try {
        if ((await this.#session?.capture.isCurrent()) === true) return;
      } catch (error) {
        // @NOTE A database that cannot be read any more still ships what was captured.
        if (!(error instanceof ContinuityUnproven)) return;
        this.#failed(error);
      }
      // By the system's clock: what is waited for is what the file system does.
      await delay(finishLookMs);
    }
  }

  /** Closes without shipping; what was captured stays in the spool. */
  async stop(): Promise<void> {
    this.#stop.abort(new AppError('cancelled'));
    this.#failed(new AppError('cancelled'));
    await this.#running;
  }

  /** Goes on with the replicas that are enabled now. */
  replicasChanged(): void {
    this.#session?.crew.adopt(this.#options.replicas());
    this.#forgetShipped();
    this.#options.onChange();
  }

  /** Restore points have other names; `mayDelete`: some may go that had one. */
  namesChanged({ mayDelete }: { readonly mayDelete: boolean }): void {
    for (const shipper of this.#session?.crew.shippers ?? []) shipper.namesChanged({ mayDelete });
  }

  /** What follows does not go on with the present generation, for this reason. */
  startOver(reason: string): void {
    this.#owner.startOver(reason);
  }

  /** The computer slept: nobody knows what was done to the file and at the targets meanwhile. */
  noteWake(): void {
    for (const shipper of this.#session?.crew.shippers ?? []) shipper.lookAgain();
    this.#session?.capture.wake();
  }

  /** What lies on a target is looked at now, where it is not being tried anyway; `because`: what is wrong there. */
  lookAgainAt(targetId: TargetId, because?: AppError): void {
    const shipper = this.#session?.crew.shippers.find((one) => one.targetId === targetId);
    if (shipper?.problem === undefined) shipper?.lookAgain({ now: true, because });
    // Nothing is shipped any more: then that is how it stood.
    if (this.#session !== undefined || because === undefined) return;
    const problem = { ...because.toData(), sinceAt: this.#options.clock.now() };
    this.#left = this.#left.map((stand) =>
      stand.targetId === targetId ? { ...stand, problem: stand.problem ?? problem } : stand,
    );
  }

  /** How it stands at a target, or stood when the session ended; undefined where nobody asked there. */
  standingAt(targetId: TargetId): Stand | undefined {
    const stands: readonly Stand[] = this.#session?.crew.shippers ?? this.#left;
    return stands.find((one) => one.targetId === targetId);
  }

  get session(): Readonly<Session> | undefined {
    return this.#session;
  }

  /** Why nothing is captured at present. While its pages are read, it is told how far that is. */
  get problem(): Problem | undefined {
    return this.#problem ?? (this.#owner.hashing === undefined ? this.#opening?.problem : undefined);
  }

  /** Its application keeps the database for itself: it is captured each time that one closes it. */
  get isHeldExclusively(): boolean {
    return this.#isHeldExclusively;
  }

  /** What needs a look although capturing goes on. */
  get notice(): Problem | undefined {
    return this.#notices.current;
  }

  /** Since when a reader keeps the WAL from being emptied. */
  get heldSinceAt(): number | undefined {
    return this.#notices.heldSinceAt;
  }

  /** What was done since the engine started. */
  get counters(): Counters {
    const { counters } = this.#options.tally;
    return this.#session === undefined ? counters : { ...counters, ...withCapture(counters, this.#session) };
  }

  get hashing(): SessionOwner['hashing'] {
    return this.#owner.hashing;
  }

  get band(): GenerationBand | undefined {
    return this.#owner.band;
  }

  #makeOwner(): SessionOwner {
    const owner: SessionOwner = {
      band: bandOf(this.#options),
      hashing: undefined,
      outside: undefined,
      visits: new Visits(),
      onWalLost: (isLost) => this.#notices.walLost(isLost),
      onExclusive: (isExclusive) => {
        this.#isHeldExclusively = isExclusive;
        this.#options.onChange();
      },
      onBlind: (isBlind) => this.#notices.unwatched(isBlind),
      onUnseen: (unseen) => this.#bringOver(unseen),
      onHeld: (isHeld) => this.#notices.walHeld(isHeld),
      onUncopied: (error) => this.#notices.uncopied(error),
      onProblem: (problem) => {
        this.#options.tally.lastProblem = problem;
      },
      counters: this.#options.tally.counters,
      onCommitted: () => {
        for (const shipper of this.#session?.crew.shippers ?? []) shipper.wake();
      },
      onCaptured: () => {
        for (const shipper of this.#session?.crew.shippers ?? []) shipper.wake();
        // Where nobody ships, nothing that was captured is waited for.
        if (this.#session?.crew.shippers.length === 0) this.#forgetShipped();
        if (this.#session !== undefined) this.#saveSometimes(this.#session);
        this.#options.disk.noteKept();
        this.#options.onProgress();
      },
      onShipped: ({ at }) => {
        if (owner.band !== undefined) owner.band = { ...owner.band, toAt: Math.max(owner.band.toAt, at) };
        this.#forgetShipped();
        this.#options.onProgress();
      },
      onImage: () => this.#onImage(),
      onFailed: (error) => this.#failed(error),
      startOverReason: undefined,
      startOver: (why) => {
        owner.startOverReason = why;
        this.#failed(new StartingOver());
      },
    };
    return owner;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = firstRetryMs;
    while (!signal.aborted && !this.#isFinishing) {
      try {
        await this.#runSession(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StartingOver) continue;
        if (this.#failures.hasLasted) retryMs = firstRetryMs;
        const verdict = this.#failures.judge(error);
        // Perhaps it is still being copied; a file that is another one now is waited for by the next opening.
        if (verdict.kind === 'when-still') await untilStill(this.#options.row.path, { signal }).catch(() => {});
        if (verdict.kind === 'soon') await this.#waitForChange(busyRetryMs, signal);
        if (verdict.kind !== 'problem') continue;
        this.#report(verdict.error);
        await this.#waitForChange(verdict.isShort ? shortRetryMs : retryMs, signal);
        retryMs = Math.min(retryMs * 2, longestRetryMs);
      }
    }
  }

  /** Compares what changed unseen beside the capturing, where a session is open for it. */
  #bringOver(unseen: Unseen): boolean {
    const session = this.#session;
    const signal = this.#ended?.signal;
    if (signal === undefined || signal.aborted) return false;
    this.#unseen = session === undefined ? unseen : undefined;
    if (session === undefined) return true;
    this.#options.log.info({ why: unseen.why }, 'comparing pages, since the database changed unseen');
    const context: SessionContext = { options: this.#options, owner: this.#owner };
    const outside = this.#failures.outsideOf(unseen.why);
    this.#bringing = bringOverUnseen(context, { session, unseen, outside, signal }).then(
      () => this.#owner.onCaptured(),
      (error: unknown) => {
        session.capture.abandonUnseen();
        if (!signal.aborted) this.#failed(error);
      },
    );
    return true;
  }

  /** One opening of the database, until it is stopped or fails. */
  async #runSession(signal: AbortSignal): Promise<void> {
    const { row, log } = this.#options;
    const broken = new Promise<never>((_resolve, reject) => (this.#failed = reject));
    // @NOTE A failure before anybody waits for it must not count as unhandled.
    broken.catch(() => {});
    this.#failures.opening();
    using opening = this.#tellWhenLate();
    await this.#options.disk.mustHaveRoom();
    opening.enter('turn');
    const ended = new AbortController();
    const both = AbortSignal.any([signal, ended.signal]);
    this.#ended = { signal: both };
    using turn = await this.#options.openings.enter({ signal: both });
    opening.enter('remains');
    using _claim = this.#options.beforeOpening();
    const context: SessionContext = { options: this.#options, owner: this.#owner };
    const prospect = await prepareOpening(context, both);
    opening.enter('meeting');
    const start = await meetDatabase(row.path, this.#owner.visits);
    opening.enter('pages');
    let session: Session | undefined;
    let shipping: Promise<unknown> = Promise.resolve();
    let looking: Promise<void> | undefined;
    try {
      session = await openSession(context, { start, prospect, signal: both });
      opening[Symbol.dispose]();
      turn[Symbol.dispose]();
      this.#session = session;
      this.#failures.opened();
      this.#options.tally.counters.openings++;
      // Replicas may have come and gone while it was opened.
      session.crew.adopt(this.#options.replicas());
      if (this.#isFinishing) session.crew.finish();
      const { capture } = session;
      using _kept = this.#options.disk.add(spoolMember(session, { log, onFailed: (error) => this.#failed(error) }));
      this.#notices.opened();
      capture.startWatching();
      this.#report(undefined);
      if (this.#unseen !== undefined) this.#bringOver(this.#unseen);
      shipping = session.crew.run(both);
      if (session.isNew) {
        const onceKept = new Promise<void>((resolve) => (this.#onImage = resolve));
        looking = tellDamage(session, { ...this.#options, onceKept, signal: both });
      }
      await (this.#isFinishing ? shipping : Promise.race([broken, shipping]));
    } catch (error) {
      if (!this.#isFinishing) throw error;
      await shipping;
    } finally {
      ended.abort(new AppError('cancelled'));
      await shipping.catch((error: unknown) => log.warn({ error }, 'shipping ended with an error'));
      await session?.crew.ended();
      this.#onImage();
      await looking;
      await this.#bringing;
      this.#unseen?.image[Symbol.dispose]();
      this.#unseen = undefined;
      if (session !== undefined) this.#keepCounts(session);
      this.#left = session?.crew.shippers.map(standOf) ?? this.#left;
      this.#session = undefined;
      this.#options.onChange();
      if (session !== undefined) await closeSession(session, this.#options);
    }
  }

  #tellWhenLate(): LateOpening {
    const { row, clock, onChange } = this.#options;
    this.#opening = new LateOpening({ path: row.path, clock, onChange });
    return this.#opening;
  }

  #keepCounts(session: Session): void {
    const { counters } = this.#options.tally;
    Object.assign(counters, withCapture(counters, session));
    this.#notices.closed();
  }

  #forgetShipped(): void {
    const { catalogue, row } = this.#options;
    if (this.#session !== undefined) forgetShipped(this.#session, { catalogue, databaseId: row.id });
  }

  #saveSometimes(session: Session): void {
    // Ticks: where the system's clock is set back, notes are written as often as ever.
    const now = this.#options.clock.ticks();
    if (session.spool.index === session.savedIndex || now - this.#savedAt < saveEveryMs) return;
    this.#savedAt = now;
    void saveSession(session).catch((error: unknown) => this.#failed(error));
  }

  #report(error: unknown): void {
    const before = this.#problem;
    this.#problem =
      error === undefined
        ? undefined
        : { ...toErrorData(error), sinceAt: before?.sinceAt ?? this.#options.clock.now() };
    this.#options.onChange();
    if (this.#problem !== undefined) this.#options.tally.lastProblem = this.#problem;
    if (before?.code === this.#problem?.code) return;
    this.#options.onEvent(
      this.#problem === undefined
        ? { kind: 'recovered', replica: undefined }
        : { kind: 'problem', problem: this.#problem, replica: undefined },
    );
  }

  /** After a failure: a change of the file wakes soon, else time does. */
  async #waitForChange(ms: number, signal: AbortSignal): Promise<void> {
    const ends = new AbortController();
    this.#failed = () => ends.abort();
    let soon: NodeJS.Timeout | undefined;
    const onChange = () => (soon ??= setTimeout(() => ends.abort(), afterChangeMs));
    using _watch = this.#options.watcher.watch(this.#options.row.path, onChange);
    await this.#options.clock.sleep(ms, { signal: AbortSignal.any([signal, ends.signal]) }).catch(() => {});
    clearTimeout(soon);
  }
}
