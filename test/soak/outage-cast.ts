// The processes of a storm of outages: writers, and one `replicate` after the other, each with the record of what it said.
import fs from 'node:fs';
import path from 'node:path';
import { must } from '../../shared/assert.ts';
import type { Death } from '../support/mortal-worker.ts';
import { until } from '../support/temp.ts';
import { end, flags, killAll, type Running, start } from './running.ts';
import type { Run, SaidState, Uttered } from './said-reading.ts';

interface Host {
  readonly running: Running;
  readonly record: string;
}

export interface CastOptions {
  /** Who they are; undefined: who we are. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined;
  readonly config: string;
}

export class Cast {
  /** Those that have ended. */
  readonly runs: Run[] = [];
  readonly #at: (...parts: string[]) => string;
  readonly #options: CastOptions;
  readonly #writers: Running[] = [];
  #present: Host | undefined;
  #starts = 0;

  constructor(at: (...parts: string[]) => string, options: CastOptions) {
    this.#at = at;
    this.#options = options;
  }

  startWriter(options: {
    readonly file: string;
    readonly log: string;
    readonly role: string;
    readonly pauseMs: number;
    readonly seed: number;
  }): void {
    const { file, log, role, pauseMs, seed } = options;
    const args = flags({ database: file, name: 'a0', log, role, pause: pauseMs, limit: 20_000, seed });
    this.#writers.push(
      start([path.join(import.meta.dirname, 'actor.ts'), ...args], {
        output: `${log}-output`,
        user: this.#options.user,
        env: { HOME: this.#at('home') },
      }),
    );
  }

  async writersAreReady(): Promise<void> {
    await until('the writers are ready', () => this.#writers.every((one) => one.output().includes('ready')));
  }

  async endWriters(): Promise<void> {
    await Promise.all(this.#writers.map(async (writer) => await end(writer, 'SIGTERM')));
  }

  startHost(): void {
    const { user, config } = this.#options;
    const n = this.#starts++;
    const record = this.#at('logs', `record${n}`);
    fs.writeFileSync(record, '');
    if (user !== undefined) fs.chownSync(record, user.uid, user.gid);
    const running = start(
      [path.join(import.meta.dirname, 'outage-host.ts'), ...flags({ config, data: this.#at('data'), record })],
      { output: this.#at('logs', `host${n}`), isTold: true, user, env: { HOME: this.#at('home') } },
    );
    this.#present = { running, record };
  }

  /** Who is not listening yet would be ended by it. */
  ask(): void {
    const { running, record } = this.mustRun();
    if (fs.statSync(record).size > 0) running.child.kill('SIGUSR2');
  }

  killThread(how: Death): void {
    this.mustRun().running.child.stdin?.write(`${how}\n`);
  }

  async endHost(signal: 'SIGTERM' | 'SIGKILL'): Promise<Run> {
    const { running, record } = this.mustRun();
    const askedToEndAt = signal === 'SIGTERM' ? Date.now() : undefined;
    await end(running, signal);
    const exitCode = running.child.exitCode ?? undefined;
    const run = { uttered: readRecord(record), endedAt: Date.now(), askedToEndAt, exitCode };
    this.runs.push(run);
    return run;
  }

  /** What was pushed last. */
  lastState(): SaidState | undefined {
    const last = readRecord(this.mustRun().record).findLast(({ kind }) => kind === 'state');
    return last?.kind === 'state' ? last.state : undefined;
  }

  /** Neither the process nor a writer ends by itself. */
  mustRun(): Host {
    const host = must(this.#present, 'it is started again after each end');
    for (const { child, output } of this.#writers) {
      if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`a writer ended: ${output().slice(-3000)}`);
    }
    const { child, output } = host.running;
    const how = child.exitCode ?? child.signalCode;
    if (how !== null) throw new Error(`it ended with ${how} by itself: ${output().slice(-3000)}`);
    return host;
  }

  /** Whatever still runs. */
  kill(): void {
    killAll(this.#present === undefined ? this.#writers : [...this.#writers, this.#present.running]);
  }
}

function readRecord(file: string): readonly Uttered[] {
  const lines = fs.readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Uttered);
}
