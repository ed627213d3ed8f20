// One storm of outages: databases, written and idle, protected by `replicate`, whose destinations are renamed, emptied, closed and
// filled, whose data disk fills, whose engine and process are killed and stopped. Whatever is said meanwhile is held against what could
// be restored (said.ts), and after each round all must be well within a while. Everything follows from the seed, but for timing.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { standingOf, statusWord } from '../../shared/standing.ts';
import { createDatabase } from './history.ts';
import { Cast } from './outage-cast.ts';
import { readSubject, urlOf } from './outage-facts.ts';
import { Places, possibleKinds } from './outage-places.ts';
import { type Blow, makeOutagePlan, type Outage, type OutageOptions, type OutagePlan } from './outage-plan.ts';
import { judgeSayings, type Promises, type Saying, type Span, type Subject } from './said.ts';
import { judgeEnding, sayingsOf } from './said-reading.ts';

const promises: Promises = {
  seenWithinMs: 4000,
  freshWithinMs: 16_000,
  caughtUpWithinMs: 5000,
  recoveredWithinMs: 20_000,
};
/** Beyond the time that a stop takes at the most, on a busy machine. */
const stopsWithinMs = 12_000;
/** All is well only where it is so for a while. */
const wellForMs = 1000;
/** Root may do everything: who shall need rights is somebody else. */
const user = process.getuid?.() === 0 ? { uid: 54_321, gid: 54_321 } : undefined;

/** Runs the storm of a seed and judges what was said: complaints in words, none where all of it was true. */
export async function runOutages(
  options: OutageOptions,
): Promise<{ readonly complaints: readonly string[]; readonly summary: string }> {
  const plan = makeOutagePlan(options, possibleKinds);
  const named = plan.databases.map(({ role = 'idle', destinations }) => `${role} on ${destinations.join(' and ')}`);
  const happens = plan.rounds.map(({ outages, blows }) => [...outages, ...blows].map(({ kind }) => kind).join(', '));
  options.say(`seed ${options.seed}: ${named.join('; ')}; ${happens.join('; ')}`);
  const storm = new OutageStorm(options, plan);
  const onExit = () => storm.kill();
  process.once('exit', onExit);
  try {
    await storm.play();
    const judged = await storm.judge();
    if (judged.complaints.length > 0) storm.keepEvidence();
    return judged;
  } catch (error) {
    storm.keepEvidence();
    throw error;
  } finally {
    storm.kill();
    process.off('exit', onExit);
  }
}

class OutageStorm {
  readonly #options: OutageOptions;
  readonly #plan: OutagePlan;
  readonly #at: (...parts: string[]) => string;
  readonly #places: Places;
  readonly #cast: Cast;
  readonly #complaints: string[] = [];
  readonly #calms: Span[] = [];
  readonly #createdAt = Date.now();
  #isOver = false;

  constructor(options: OutageOptions, plan: OutagePlan) {
    this.#options = options;
    this.#plan = plan;
    this.#at = (...parts) => path.join(options.folder, ...parts);
    this.#places = new Places(this.#at, plan);
    this.#cast = new Cast(this.#at, { user, config: this.#at('config.yml') });
    for (const name of ['apps', 'logs', 'home']) fs.mkdirSync(this.#at(name));
    const lines = plan.databases.flatMap(({ destinations }, i) => [
      `  - path: ${this.#file(i)}`,
      '    replicas:',
      ...destinations.flatMap((n) => [
        `      - path: ${this.#places.replica(n, i)}`,
        `        sync-interval: ${plan.syncMs}ms`,
      ]),
    ]);
    fs.writeFileSync(this.#at('config.yml'), `dbs:\n${lines.join('\n')}\n`);
    for (const i of plan.databases.keys()) {
      createDatabase(this.#file(i), { pageSize: 4096, autoVacuum: 0, actors: [{ name: 'a0' }] });
    }
    if (user !== undefined) giveAway(options.folder, user);
  }

  async play(): Promise<void> {
    for (const [i, { role, pauseMs }] of this.#plan.databases.entries()) {
      const seed = this.#options.seed + i;
      if (role !== undefined) this.#cast.startWriter({ file: this.#file(i), log: this.#log(i), role, pauseMs, seed });
    }
    await this.#cast.writersAreReady();
    this.#cast.startHost();
    await this.#calm();
    for (const { outages, blows } of this.#plan.rounds) {
      await Promise.all([this.#bring(outages), this.#strike(blows)]);
      await this.#calm();
      if (this.#complaints.length > 0) return;
    }
    await this.#cast.endWriters();
    await this.#calm();
    await this.#stop();
    if (this.#cast.runs.at(-1)?.exitCode !== 0)
      this.#complaints.push('the last run, in which all was well, did not end with 0');
  }

  async judge(): Promise<{ readonly complaints: readonly string[]; readonly summary: string }> {
    const complaints = [...this.#complaints];
    const subjects = new Map<string, Subject>();
    const usable = new Map<string, readonly Span[]>();
    let points = 0;
    for (const [i, { destinations }] of this.#plan.databases.entries()) {
      const replicas = destinations.map((n) => ({
        folder: this.#places.replica(n, i),
        evidence: this.#places.evidence(n, i),
        usable: this.#places.usable(n),
      }));
      for (const replica of replicas) usable.set(urlOf(replica.folder), replica.usable);
      const known = await readSubject({ log: this.#log(i), createdAt: this.#createdAt }, replicas);
      subjects.set(this.#file(i), known.subject);
      const isTold = this.#cast.runs.some(({ uttered }) =>
        uttered.some(
          (one) =>
            one.kind === 'text' && one.text.includes(`db${i}.db: db${i} was away for longer than changes were kept`),
        ),
      );
      complaints.push(
        ...known.complaints.filter((text) => !(isTold && text.startsWith('hole '))).map((text) => `db${i}: ${text}`),
      );
      points += known.points;
    }
    const sayings: Saying[] = [];
    for (const run of this.#cast.runs) {
      sayings.push(...sayingsOf(run));
      complaints.push(...judgeEnding(run));
    }
    complaints.push(...judgeSayings(sayings, { subjects, usable, calms: this.#calms }, promises));
    const green = sayings.filter(({ claim }) => claim.kind === 'protected').length;
    const summary = `${this.#cast.runs.length} runs, ${sayings.length} sayings, ${green} of them that something is protected; ${points} restore points`;
    return { complaints, summary };
  }

  /** Ends whatever still runs, and the disks. */
  kill(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cast.kill();
    this.#places[Symbol.dispose]();
  }

  /** What lies on disks goes with them. */
  keepEvidence(): void {
    fs.mkdirSync(this.#at('evidence'));
    for (const name of ['data', 'disk0', 'disk1']) {
      if (fs.existsSync(this.#at(name))) fs.cpSync(this.#at(name), this.#at('evidence', name), { recursive: true });
    }
  }

  #file(i: number): string {
    return this.#at('apps', `db${i}.db`);
  }

  #log(i: number): string {
    return this.#at('logs', `db${i}`);
  }

  async #bring(outages: readonly Outage[]): Promise<void> {
    for (const outage of outages) {
      await delay(outage.afterMs);
      this.#note(`${outage.kind} of destination ${outage.destination} begins`);
      this.#places.begin(outage, this.#plan.databases.length);
      await delay(outage.forMs);
      this.#places.end(outage);
      this.#note(`${outage.kind} is over`);
    }
  }

  async #strike(blows: readonly Blow[]): Promise<void> {
    for (const { kind, death, afterMs, forMs } of blows) {
      await delay(afterMs);
      this.#note(kind);
      switch (kind) {
        case 'ask':
          this.#cast.ask();
          break;
        case 'thread':
          this.#cast.killThread(death);
          break;
        case 'kill':
          await this.#cast.endHost('SIGKILL');
          await delay(forMs);
          this.#cast.startHost();
          break;
        case 'stop':
          await this.#stop();
          await delay(forMs);
          this.#cast.startHost();
      }
    }
  }

  async #stop(): Promise<void> {
    const { endedAt, askedToEndAt = endedAt } = await this.#cast.endHost('SIGTERM');
    const ms = endedAt - askedToEndAt;
    if (ms > stopsWithinMs) this.#complaints.push(`it took ${ms} ms to stop`);
  }

  /** Waits until all is well, or should long have been: the judge tells whether it came in time. */
  async #calm(): Promise<void> {
    const from = Date.now();
    this.#note('calm');
    let since: number | undefined;
    for (;;) {
      this.#cast.mustRun();
      const now = Date.now();
      since = this.#isWell() ? (since ?? now) : undefined;
      if (since !== undefined && now - since >= wellForMs) break;
      if (now - from > promises.recoveredWithinMs + 2000) {
        this.#complaints.push(`not well ${now - from} ms after all was put right: ${this.#howItStands()}`);
        break;
      }
      await delay(50);
    }
    this.#calms.push({ from, to: Date.now() });
    this.#note('calm is over');
  }

  #isWell(): boolean {
    const state = this.#cast.lastState();
    return (
      state !== undefined &&
      state.databases.length === this.#plan.databases.length &&
      state.databases.every((one) => statusWord(one, Date.now()) === 'Protected') &&
      state.targets.every((target) => standingOf(target, state.databases).word === 'Working')
    );
  }

  #howItStands(): string {
    const { databases = [], targets = [] } = this.#cast.lastState() ?? {};
    return [
      ...databases.map(({ name, status }) => `${name} ${JSON.stringify(status)}`),
      ...targets.map(({ url, problem }) => `${url} ${JSON.stringify(problem)}`),
    ].join('; ');
  }

  #note(text: string): void {
    fs.appendFileSync(this.#at('logs', 'storm'), `${Date.now()} ${text}\n`);
  }
}

function giveAway(folder: string, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  fs.chownSync(folder, uid, gid);
  for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    fs.lchownSync(path.join(folder, name), uid, gid);
  }
}
