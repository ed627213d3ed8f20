// One storm: applications that replace, delete, import, switch and take their database files (replacer.ts), beside ordinary
// writers, while an engine protects all of them. Now and then all rest, and what the engine says is held against what can be
// restored. Everything follows from the seed, but for the timing of the processes.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { must } from '../../shared/assert.ts';
import { until } from '../support/temp.ts';
import type { Act } from './acts.ts';
import { ensureWal } from './history.ts';
import { readIncarnationLog, readRest } from './incarnations.ts';
import { end, flags, killAll, type Running, sayingsOf, start } from './running.ts';
import { type Event, makePlan, type Plan, type Replacer, type StormOptions } from './storm-plan.ts';
import { judgeIncarnations, restoredLatest, summarize } from './storm-verify.ts';
import { watchUntilTrue } from './storm-watch.ts';
import { startOrdinary, startReplacer } from './storm-writers.ts';
import { judge, listPoints } from './verify.ts';

const restTimeoutMs = 30_000;
/** An engine that is suspended holds what it holds; one that was killed cleans up only when it is back. */
const patienceWithFaultsMs = 3000;

/** Runs the storm of a seed and judges it: complaints in words, none where all is well. */
export async function runStorm(
  options: StormOptions,
): Promise<{ readonly complaints: readonly string[]; readonly summary: string }> {
  const plan = makePlan(options);
  const named = plan.replacers.map(({ application, limit }) => `replacer (${application}, ${limit})`);
  const others = plan.ordinary.map(({ role }) => role);
  options.say(
    `seed ${options.seed}: ${[...named, ...others].join('; ')}; ${plan.events.map(({ kind }) => kind).join(', ')}`,
  );
  const storm = new Storm(options, plan);
  const onExit = () => storm.kill();
  process.once('exit', onExit);
  try {
    await storm.play();
    if (storm.complaints.length === 0 && !options.isAlone) await storm.judge();
  } finally {
    storm.kill();
    process.off('exit', onExit);
  }
  return { complaints: storm.complaints, summary: summarize(plan.replacers) };
}

/** Everything that runs during a storm. */
class Storm {
  readonly complaints: string[] = [];
  readonly #options: StormOptions;
  readonly #plan: Plan;
  readonly #at: (...parts: string[]) => string;
  readonly #marker: string;
  readonly #processes: Running[] = [];
  readonly #acts: Act[] = [];
  /** All that there were, and when each had ended. */
  readonly #engines: { readonly running: Running; endedAt?: number }[] = [];
  #awaySince = Date.now();

  constructor(options: StormOptions, plan: Plan) {
    this.#options = options;
    this.#plan = plan;
    this.#at = (...parts) => path.join(options.folder, ...parts);
    for (const folder of ['data', 'control', 'backup', 'logs', 'scratch']) fs.mkdirSync(this.#at(folder));
    this.#marker = this.#at('control', 'rest');
  }

  async play(): Promise<void> {
    const { replacers, ordinary, events } = this.#plan;
    fs.writeFileSync(this.#marker, '');
    const { seed, handsMs, only } = this.#options;
    const patienceMs = events.some(({ kind }) => kind !== 'rest') ? patienceWithFaultsMs : 0;
    const scratch = this.#at('scratch');
    for (const [i, replacer] of replacers.entries()) {
      this.#processes.push(startReplacer(replacer, { seed: seed + 31 * i, scratch, handsMs, patienceMs, only }));
    }
    for (const database of ordinary) this.#processes.push(startOrdinary(database, seed));
    await this.#unlessEnded('the writers are ready', () =>
      this.#processes.every((writer) => writer.output().includes('ready')),
    );
    this.#startEngine();
    await this.#restAll();
    const beganAt = Date.now();
    for (const event of events) {
      await delay(Math.max(0, beganAt + event.atMs - Date.now()));
      this.#checkWriters();
      if (this.complaints.length > 0) return;
      await this.#happen(event);
    }
    await delay(Math.max(0, beganAt + this.#options.seconds * 1000 - Date.now()));
    this.#checkWriters();
    await Promise.all(this.#processes.map(async (writer) => await end(writer, 'SIGTERM')));
    this.#checkWriters();
    for (const { file } of ordinary) ensureWal(file);
    await this.#settle();
  }

  /** Every restore point is a state that there was, in the right order; and ordinary databases are what they always are. */
  async judge(): Promise<void> {
    const { replacers, ordinary } = this.#plan;
    const all = [...replacers, ...ordinary];
    const told = await listPoints(this.#at('data'), all);
    for (const [i, database] of all.entries()) {
      const { points: [points = []] = [], gaps = [] } = told[i] ?? {};
      const [replica = ''] = database.replicas;
      const complaints =
        'log' in database
          ? await judgeIncarnations(database, {
              replica,
              told: points,
              gaps,
              said: this.#engines.flatMap(({ running, endedAt }) =>
                sayingsOf(running, { file: database.file, endedAt: endedAt ?? Infinity }),
              ),
            })
          : (
              await judge(database, {
                replica,
                told: points,
                gaps,
                acts: this.#acts,
                restores: 20,
                seed: this.#options.seed,
                scratch: this.#at('scratch'),
              })
            ).complaints;
      this.complaints.push(
        ...complaints.map((text) => `${path.relative(this.#options.folder, database.file)}: ${text}`),
      );
    }
  }

  /** Whatever still runs. */
  kill(): void {
    killAll([...this.#processes, ...this.#engines.map(({ running }) => running)]);
  }

  async #happen({ kind, forMs }: Event): Promise<void> {
    if (kind === 'rest') return await this.#restAll();
    const engine = this.#engine;
    if (engine === undefined) return;
    if (kind === 'freeze') {
      engine.child.kill('SIGSTOP');
      await delay(forMs);
      engine.child.kill('SIGCONT');
      return;
    }
    this.#awaySince = Date.now();
    await this.#endEngine(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    await delay(forMs);
    this.#startEngine();
  }

  /** Everybody rests, and what the engine says of each must be true. */
  async #restAll(): Promise<void> {
    fs.writeFileSync(this.#marker, '');
    await this.#unlessEnded('all rest', () => this.#plan.replacers.every(({ log }) => readRest(log) !== undefined));
    if (this.complaints.length === 0 && this.#engine !== undefined) {
      const engine = this.#engine;
      await Promise.all(
        this.#plan.replacers.map(async (replacer) => {
          const { kind, state } = must(readRest(replacer.log), 'it rests');
          await this.#holdAgainst(engine, replacer, { kind, state, isEnd: false });
        }),
      );
    }
    fs.rmSync(this.#marker);
  }

  /** All have gone: the newest restore point is each file, byte for byte, and nothing lies beside it. */
  async #settle(): Promise<void> {
    const engine = this.#engine;
    if (this.complaints.length > 0 || engine === undefined) return;
    await Promise.all(
      this.#plan.replacers.map(async (replacer) => {
        const state = must(readIncarnationLog(replacer.log).states.at(-1), 'it had a state');
        await this.#holdAgainst(engine, replacer, { kind: 'closed', state, isEnd: true });
      }),
    );
    await this.#endEngine('SIGTERM');
    for (const { file } of this.#plan.replacers) {
      const left = ['-wal', '-shm'].filter((suffix) => fs.existsSync(file + suffix));
      if (left.length > 0) this.complaints.push(`${file}: ${left.join()} left at the end`);
    }
  }

  async #holdAgainst(
    engine: Running,
    { file, replicas: [replica = ''] }: Replacer,
    { kind, state, isEnd }: { readonly kind: string; readonly state: string; readonly isEnd: boolean },
  ): Promise<void> {
    const name = `${path.relative(this.#options.folder, file)} (${kind})`;
    const said = await watchUntilTrue(engine, { file, isReachable: kind === 'open' || kind === 'closed' });
    if (said.complaint !== undefined) this.complaints.push(`${name}: ${said.complaint}`);
    if (!said.isProtected) return;
    const scratch = this.#at('scratch', `latest-${path.basename(path.dirname(file))}`);
    const found = await restoredLatest(replica, scratch);
    if (found !== state) {
      this.complaints.push(`${name}: protected, and nothing waits; the file holds ${state}, the restored one ${found}`);
    } else if (isEnd && !fs.readFileSync(scratch).equals(fs.readFileSync(file))) {
      this.complaints.push(`${name}: the newest restore point has other bytes than the file`);
    }
  }

  async #unlessEnded(what: string, check: () => boolean): Promise<void> {
    await until(
      what,
      () => {
        this.#checkWriters();
        return this.complaints.length > 0 || check();
      },
      restTimeoutMs,
    );
  }

  /** A writer ends by itself only where it has to complain. */
  #checkWriters(): void {
    if (this.complaints.length > 0) return;
    for (const { file, log } of this.#plan.replacers) {
      const name = path.relative(this.#options.folder, file);
      this.complaints.push(...readIncarnationLog(log).complaints.map((line) => `${name}: ${line}`));
    }
    if (this.complaints.length > 0) return;
    for (const { child, output } of this.#processes) {
      if (child.exitCode !== null && child.exitCode !== 0)
        this.complaints.push(`a writer ended: ${output().slice(-2000)}`);
    }
  }

  get #engine(): Running | undefined {
    return this.#engines.at(-1)?.running;
  }

  async #endEngine(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const present = must(this.#engines.at(-1), 'it runs');
    await end(present.running, signal);
    present.endedAt = Date.now();
  }

  #startEngine(): void {
    if (this.#options.isAlone) return;
    const all = [...this.#plan.replacers, ...this.#plan.ordinary];
    const running = start(
      [
        path.join(import.meta.dirname, 'soak-engine.ts'),
        ...flags({ data: this.#at('data'), sync: this.#plan.syncMs, snapshot: this.#plan.snapshotMs }),
        ...flags({ databases: JSON.stringify(all.map(({ file, replicas }) => [file, ...replicas])) }),
      ],
      { output: this.#at('logs', `engine-${this.#engines.length}`) },
    );
    this.#engines.push({ running });
    this.#acts.push({ kind: 'away', from: this.#awaySince, to: Date.now() + 3000 });
  }
}
