// One history: databases, actors that write to them, and an engine that is killed, stopped, suspended, starved of disk and
// cut off from its target while they do. Everything follows from the seed, but for the timing of the processes.
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import { until } from '../support/temp.ts';
import type { Act } from './acts.ts';
import { loseNotes } from './crash-points.ts';
import { type Application, versionOf } from './executors.ts';
import { end, flags, isProtecting, isSettled, killAll, type Running, start } from './running.ts';
import { judge, type Judged, listPoints, listTroubles, type Protected } from './verify.ts';

export interface HistoryOptions {
  readonly seed: number;
  /** Empty; stays as evidence where something is wrong. */
  readonly folder: string;
  readonly seconds: number;
  /** How many points of each database are restored beside being replayed. */
  readonly restores: number;
  readonly say: (line: string) => void;
}

/** What the seed decides. */
interface Plan {
  readonly syncMs: number;
  readonly snapshotMs: number;
  readonly targets: number;
  readonly databases: readonly {
    readonly pageSize: number;
    readonly autoVacuum: number;
    readonly actors: readonly PlannedActor[];
  }[];
  readonly events: readonly Event[];
}

interface PlannedActor {
  readonly name: string;
  readonly role: string;
  readonly application: Application;
  readonly pauseMs: number;
  readonly limit: number;
}

type EventKind = 'kill' | 'stop' | 'freeze' | 'cut' | 'full' | 'kill-actor' | 'stop-all' | 'lose-notes' | 'clock';

interface Event {
  readonly kind: EventKind;
  readonly atMs: number;
  readonly forMs: number;
}

/** Runs a history of a seed and judges it. */
export async function runHistory(options: HistoryOptions): Promise<Judged> {
  const plan = makePlan(options.seed, options.seconds);
  options.say(
    `seed ${options.seed}: ${plan.databases.map(({ pageSize, actors }) => `${pageSize}: ${actors.map(({ application, role }) => `${role} (${application})`).join(', ')}`).join('; ')}; ${plan.events.map(({ kind }) => kind).join(', ')}`,
  );
  const stage = new Stage(options, plan);
  // Groups of their own outlive this process unless it ends them.
  const onExit = () => stage.kill();
  process.once('exit', onExit);
  try {
    await stage.play();
  } finally {
    stage.kill();
    process.off('exit', onExit);
  }
  const told = await listPoints(stage.dataDir, stage.databases);
  const scratch = path.join(options.folder, 'scratch');
  fs.mkdirSync(scratch);
  const results: Judged[] = [];
  for (const [i, database] of stage.databases.entries()) {
    for (const [n, replica] of database.replicas.entries()) {
      const judged = await judge(database, {
        replica,
        told: told[i]?.points[n] ?? [],
        gaps: told[i]?.gaps ?? [],
        acts: stage.acts,
        hasOddClock: plan.events.some(({ kind }) => kind === 'clock'),
        restores: options.restores,
        seed: options.seed,
        scratch,
      });
      const complaints = judged.complaints.map((text) => `db${i} on target ${n}: ${text}`);
      results.push({ ...judged, complaints });
    }
  }
  const sum = (of: (one: Judged) => number) => results.reduce((total, one) => total + of(one), 0);
  return {
    complaints: [...results.flatMap(({ complaints }) => complaints), ...(await listTroubles(stage.dataDir))],
    points: sum(({ points }) => points),
    restored: sum(({ restored }) => restored),
    commits: sum(({ commits }) => commits),
    gaps: sum(({ gaps }) => gaps),
    generations: sum(({ generations }) => generations),
  };
}

function makePlan(seed: number, seconds: number): Plan {
  const random = seededRandom(seed);
  const one = <T>(...choices: readonly T[]): T => must(choices[Math.floor(random() * choices.length)], 'not empty');
  const applications = (['better-sqlite3', 'sqlite3', 'python3'] as const).filter(
    (name) => versionOf(name) !== undefined,
  );
  const databases = Array.from({ length: one(1, 1, 2) }, () => ({
    pageSize: one(512, 1024, 4096, 4096, 4096, 16_384, 65_536),
    autoVacuum: one(0, 0, 1, 2),
    actors: Array.from({ length: one(1, 2, 3, 4) }, (_, i) => ({
      name: `a${i}`,
      role: one('chatty', 'bulky', 'schema', 'checkpointer', 'comer', 'reader'),
      application: one('better-sqlite3', 'better-sqlite3', ...applications),
      pauseMs: one(0, 1, 3, 10, 30),
      limit: one(20_000, 100_000, 300_000),
    })),
  }));
  const events: Event[] = [];
  for (let atMs = 400 + random() * 600; atMs < seconds * 1000; atMs += 200 + random() * 1200) {
    const kind = one<EventKind>(
      'kill',
      'kill',
      'stop',
      'freeze',
      'cut',
      'full',
      'kill-actor',
      'stop-all',
      'lose-notes',
    );
    events.push({ kind, atMs, forMs: one(0, 100, 300, 800) * random() * 1.5 });
  }
  return { syncMs: one(0, 0, 50, 300), snapshotMs: one(300, 1000, 5000), targets: one(1, 1, 2), databases, events };
}

/** Everything that runs during a history, and the record of when the engine was away. */
class Stage {
  readonly dataDir: string;
  readonly databases: readonly Protected[];
  readonly acts: Act[] = [];
  readonly #options: HistoryOptions;
  readonly #plan: Plan;
  readonly #control: string;
  readonly #actors: { readonly start: () => Running; readonly log: string; running: Running }[] = [];
  #engine: Running | undefined;
  #awaySince: number | undefined;
  #starts = 0;

  constructor(options: HistoryOptions, plan: Plan) {
    this.#options = options;
    this.#plan = plan;
    const at = (...parts: string[]) => path.join(options.folder, ...parts);
    this.dataDir = at('data');
    this.#control = at('control');
    for (const folder of ['data', 'control', 'backup0', 'backup1', 'logs']) fs.mkdirSync(at(folder));
    this.databases = plan.databases.map((planned, i) => {
      const file = at(`db${i}.db`);
      createDatabase(file, planned);
      const logs = planned.actors.map(({ name }) => [name, at('logs', `db${i}-${name}`)] as const);
      const replicas = Array.from({ length: plan.targets }, (_, n) => at(`backup${n}`, `db${i}`));
      return { file, replicas, logs: Object.fromEntries(logs) };
    });
  }

  async play(): Promise<void> {
    this.#awaySince = Date.now();
    await this.#startEngine();
    for (const [i, { actors }] of this.#plan.databases.entries()) {
      for (const [j, actor] of actors.entries())
        this.#startActor(must(this.databases[i], 'one each'), actor, 1000 * i + j);
    }
    const beganAt = Date.now();
    for (const event of this.#plan.events) {
      await delay(Math.max(0, beganAt + event.atMs - Date.now()));
      await this.#happen(event);
      this.#checkActors();
    }
    await delay(Math.max(0, beganAt + this.#options.seconds * 1000 - Date.now()));
    this.#checkActors();
    await Promise.all(this.#actors.map(async ({ running }) => await end(running, 'SIGTERM')));
    for (const { file } of this.databases) ensureWal(file);
    const engine = must(this.#engine, 'it is started again after each event');
    await until('everything is shipped', () => isSettled(engine), 60_000).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${engine.output().slice(-2000)}`, { cause: error });
    });
    await end(engine, 'SIGTERM');
  }

  /** Whatever still runs. */
  kill(): void {
    const all = [...this.#actors.map(({ running }) => running), ...(this.#engine === undefined ? [] : [this.#engine])];
    killAll(all);
  }

  async #happen({ kind, forMs }: Event): Promise<void> {
    const engine = must(this.#engine, 'it is started again after each event');
    switch (kind) {
      case 'kill':
      case 'stop':
      case 'lose-notes':
        this.#awaySince = Date.now();
        await end(engine, kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        if (kind === 'lose-notes') loseNotes(this.dataDir);
        await delay(forMs);
        await this.#startEngine();
        if (kind === 'lose-notes') this.acts.push({ ...must(this.acts.at(-1), 'it was away'), kind: 'notes-lost' });
        return;
      case 'stop-all':
        // As on a machine that is shut down: the last connection takes the WAL along.
        this.#awaySince = Date.now();
        await end(engine, 'SIGTERM');
        await Promise.all(this.#actors.map(async ({ running }) => await end(running, 'SIGTERM')));
        for (const actor of this.#actors) actor.running = actor.start();
        await delay(forMs);
        return await this.#startEngine();
      case 'clock':
        // Up to an hour forward or back, against the time before.
        fs.writeFileSync(path.join(this.#control, 'clock'), String(Math.round((forMs - 500) * 7200)));
        return;
      case 'freeze':
        engine.child.kill('SIGSTOP');
        await delay(forMs);
        engine.child.kill('SIGCONT');
        return;
      case 'cut':
        return await this.#mark('cut', forMs);
      case 'full': {
        const from = Date.now();
        await this.#mark('full', forMs);
        // The engine looks again after a while.
        await until('the engine has recovered', () => isSettled(engine) || isProtecting(engine), 60_000);
        this.acts.push({ kind: 'away', from, to: Date.now() + 1000 });
        return;
      }
      case 'kill-actor': {
        const actor = this.#actors[Math.floor(forMs) % this.#actors.length];
        if (actor === undefined) return;
        fs.appendFileSync(actor.log, `\nkilled ${Date.now()}\n`);
        await end(actor.running, 'SIGKILL');
        actor.running = actor.start();
        return;
      }
    }
  }

  async #mark(name: 'cut' | 'full', forMs: number): Promise<void> {
    const marker = path.join(this.#control, name);
    fs.writeFileSync(marker, forMs % 2 < 1 ? 'EIO' : 'ENOENT');
    await delay(Math.max(100, forMs));
    fs.rmSync(marker);
  }

  async #startEngine(): Promise<void> {
    const { folder } = this.#options;
    const named = this.databases.map(({ file, replicas }) => [file, ...replicas]);
    const faults = {
      control: this.#control,
      target: path.join(folder, 'backup0'),
      data: path.join(this.dataDir, 'databases'),
    };
    this.#engine = start(
      [
        '--import',
        path.join(import.meta.dirname, 'faults.ts'),
        path.join(import.meta.dirname, 'soak-engine.ts'),
        ...flags({ data: this.dataDir, databases: JSON.stringify(named) }),
        ...flags({ sync: this.#plan.syncMs, snapshot: this.#plan.snapshotMs }),
      ],
      {
        output: path.join(folder, 'logs', `engine-${this.#starts++}`),
        env: { TIDEMARK_FAULTS: JSON.stringify(faults) },
      },
    );
    const engine = this.#engine;
    try {
      await until('the engine protects', () => isProtecting(engine), 30_000);
    } catch (error) {
      throw new Error(`${String(error)}: ${engine.output().slice(-2000)}`, { cause: error });
    }
    this.acts.push({ kind: 'away', from: this.#awaySince ?? Date.now(), to: Date.now() });
    this.#awaySince = undefined;
  }

  #startActor(
    { file, logs }: Protected,
    { name, role, application, pauseMs, limit }: PlannedActor,
    salt: number,
  ): void {
    let starts = 0;
    const log = must(logs[name], 'every actor has a log');
    const begin = () =>
      start(
        [
          path.join(import.meta.dirname, 'actor.ts'),
          ...flags({ database: file, name, log, role, application, pause: pauseMs, limit }),
          ...flags({ seed: this.#options.seed + salt + 7919 * starts++ }),
        ],
        { output: `${log}-output` },
      );
    this.#actors.push({ start: begin, log, running: begin() });
  }

  /** An actor never ends by itself. */
  #checkActors(): void {
    for (const { running } of this.#actors) {
      if (running.child.exitCode !== null) throw new Error(`an actor ended: ${running.output().slice(-2000)}`);
    }
  }
}

/** A database in WAL mode in which these actors can write. */
export function createDatabase(
  file: string,
  options: {
    readonly pageSize: number;
    readonly autoVacuum: number;
    readonly actors: readonly { readonly name: string }[];
  },
): void {
  const { pageSize, autoVacuum, actors } = options;
  const database = new Database(file);
  database.pragma(`page_size = ${pageSize}`);
  database.pragma(`auto_vacuum = ${autoVacuum}`);
  database.pragma('journal_mode = wal');
  database.exec('CREATE TABLE model(actor TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID');
  for (const { name } of actors) database.prepare('INSERT INTO model VALUES (?, 0)').run(name);
  database.close();
}

/** An actor that was killed in the middle may have left another journal mode. */
export function ensureWal(file: string): void {
  const database = new Database(file, { timeout: 5000 });
  database.pragma('journal_mode = wal');
  database.close();
}
