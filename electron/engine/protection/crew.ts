// The shippers of an open database: one per enabled target, which come and go while it is open. Capture and the other shippers
// notice nothing of it. How one ships is ship/shipper.ts; which targets a database has is switchboard/replicas.ts.
import { AppError } from '../../../shared/errors.ts';
import type { TargetId } from '../../../shared/ids.ts';
import type { Former } from './formers.ts';
import type { Shipper } from '../ship/shipper.ts';
import type { ReplicaRow } from '../state/rows.ts';

export interface CrewOptions {
  readonly replicas: readonly ReplicaRow[];
  /** Generations before the present one, which those that are here from the start ship first. */
  readonly formers: readonly Former[];
  readonly makeShipper: (replica: ReplicaRow, formers: readonly Former[]) => Shipper;
}

interface Member {
  readonly shipper: Shipper;
  readonly stop: AbortController;
  done: Promise<void>;
}

export class Crew {
  readonly #options: CrewOptions;
  readonly #members = new Map<TargetId, Member>();
  /** Those that were told to stop: another one at the same target waits for them. */
  readonly #leaving = new Map<TargetId, Promise<void>>();
  readonly #over = Promise.withResolvers<void>();
  #signal: AbortSignal | undefined;
  #isFinishing = false;

  constructor(options: CrewOptions) {
    this.#options = options;
    for (const replica of options.replicas) this.#add(replica, options.formers);
    // @NOTE Nobody may be waiting when one fails; whoever runs them is told.
    this.#over.promise.catch(() => {});
  }

  get shippers(): readonly Shipper[] {
    return [...this.#members.values()].map(({ shipper }) => shipper);
  }

  /** Ships until `signal` aborts; after {@link finish}, until everything is shipped. Rejects when one cannot go on. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const [targetId, member] of this.#members) this.#start(targetId, member, signal);
    const onAbort = () => this.#over.resolve();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    await this.#over.promise.finally(() => signal.removeEventListener('abort', onAbort));
    await Promise.all([...this.#members.values()].map(async ({ done }) => await done));
  }

  /** Resolves when nobody of the crew touches anything any more, which needs an end by `signal` or {@link finish}. */
  async ended(): Promise<void> {
    await Promise.allSettled([...this.#members.values()].map(async ({ done }) => await done));
    await Promise.all(this.#leaving.values());
  }

  /** Each ships what is captured now, and ends. */
  finish(): void {
    this.#isFinishing = true;
    for (const shipper of this.shippers) shipper.finish();
    this.#over.resolve();
  }

  /** These are the enabled replicas from now on: others stop, new ones begin, those that stay go on with their settings. */
  adopt(replicas: readonly ReplicaRow[]): void {
    for (const [targetId, member] of this.#members) {
      if (!replicas.some((replica) => replica.targetId === targetId)) this.#dismiss(targetId, member);
    }
    for (const replica of replicas) {
      const known = this.#members.get(replica.targetId);
      if (known === undefined) this.#add(replica, []);
      else known.shipper.configure(replica);
    }
  }

  #add(replica: ReplicaRow, formers: readonly Former[]): void {
    const { targetId } = replica;
    const shipper = this.#options.makeShipper(replica, formers);
    const member: Member = { shipper, stop: new AbortController(), done: Promise.resolve() };
    this.#members.set(targetId, member);
    if (this.#signal !== undefined && !this.#isFinishing) this.#start(targetId, member, this.#signal);
  }

  #start(targetId: TargetId, member: Member, signal: AbortSignal): void {
    const both = AbortSignal.any([signal, member.stop.signal]);
    // Two that put on one target at once would take each other's objects for their own.
    const before = this.#leaving.get(targetId) ?? Promise.resolve();
    member.done = before.then(async () => await member.shipper.run(both));
    member.done.catch((error: unknown) => this.#over.reject(error));
  }

  #dismiss(targetId: TargetId, member: Member): void {
    this.#members.delete(targetId);
    member.stop.abort(new AppError('cancelled'));
    for (const former of this.#options.formers) former.onEnded(targetId);
    // @NOTE What it failed with while it was still wanted was told by then.
    const left = member.done.catch(() => {});
    this.#leaving.set(targetId, left);
    void left.then(() => {
      if (this.#leaving.get(targetId) === left) this.#leaving.delete(targetId);
    });
  }
}
