// Kills an engine at each place where it awaits or touches a file, and judges what a normal run makes of it. The places are
// found by running each scenario once and writing down where it came by (faults.ts); then one run per place, each short:
// the engine dies there, starts again, and every restore point must be a state that was written.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { must } from '../../shared/assert.ts';
import { seededRandom } from '../support/truth.ts';
import { until } from '../support/temp.ts';
import type { Act } from './acts.ts';
import { literal, type Model, readModel } from './model.ts';
import { judge, listPoints, type Protected } from './verify.ts';

/** What the engine meets at its start, and with it what it has to do. */
export const scenarios = ['begin', 'continue', 'compare', 'lost-notes', 'finish'] as const;
export type Scenario = (typeof scenarios)[number];

/** A place in the engine, and which time it is passed. */
export interface CrashPoint {
  readonly scenario: Scenario;
  readonly site: string;
  readonly occurrence: number;
}

export interface CrashResult {
  /** False where the engine never came by: the timing was another one. */
  readonly isReached: boolean;
  readonly complaints: readonly string[];
}

const writes = 40;
const writeEveryMs = 6;
const actor = 'a0';

/** One folder in which scenarios are set up and played, one at a time. */
export class CrashStage implements Disposable {
  readonly #template: string;
  readonly #work: string;
  readonly #prepared = new Set<Scenario>();
  #child: ChildProcess | undefined;

  constructor(folder: string) {
    this.#template = path.join(folder, 'templates');
    this.#work = path.join(folder, 'work');
  }

  [Symbol.dispose](): void {
    this.#child?.kill('SIGKILL');
  }

  /** Every place that the engine comes by in a scenario: each the first time, and once more later on. */
  async find(scenario: Scenario, seed: number): Promise<readonly CrashPoint[]> {
    await this.#reset(scenario);
    const record = path.join(this.#work, 'record.json');
    await this.#play(scenario, { record });
    const counts = JSON.parse(fs.readFileSync(record, 'utf8')) as Readonly<Record<string, number>>;
    const random = seededRandom(seed);
    return Object.entries(counts).flatMap(([site, count]) => {
      const later = count > 1 ? [2 + Math.floor(random() * (count - 1))] : [];
      return [1, ...later].map((occurrence) => ({ scenario, site, occurrence }));
    });
  }

  /** Lets the engine die at one place, goes on without a fault, and judges the whole history. */
  async crash({ scenario, site, occurrence }: CrashPoint): Promise<CrashResult> {
    await this.#reset(scenario);
    const isReached = await this.#play(scenario, { crash: { site, occurrence } });
    const diedAt = Date.now();
    using writer = new Writer(this.#protected);
    writer.write();
    const database = this.#protected;
    const [listed] = await listPoints(path.join(this.#work, 'data'), [database]);
    const { points: [told = []] = [], gaps = [] } = listed ?? {};
    const scratch = path.join(this.#work, 'scratch');
    fs.mkdirSync(scratch);
    writer[Symbol.dispose]();
    const away = [
      { from: 0, to: this.#startedAt },
      { from: diedAt - 100, to: Date.now() },
    ];
    // Setting a scenario up puts a copy into the place of the file that the engine knew; it is told when there is time for it.
    const acts = away.flatMap((span): Act[] => [
      { kind: 'away', ...span },
      { kind: 'notes-lost', ...span },
      { kind: 'replaced', ...span },
    ]);
    const [replica = ''] = database.replicas;
    const { complaints } = await judge(database, {
      replica,
      told,
      gaps,
      acts,
      restores: 2,
      seed: occurrence,
      scratch,
    });
    return { isReached, complaints };
  }

  #startedAt = 0;

  get #protected(): Protected {
    const at = (...parts: string[]) => path.join(this.#work, ...parts);
    return { file: at('shop.db'), replicas: [at('backup')], logs: { [actor]: at('log') } };
  }

  /** Sets a scenario up as it was before the engine starts. */
  async #reset(scenario: Scenario): Promise<void> {
    const template = path.join(this.#template, scenario);
    if (!this.#prepared.has(scenario)) {
      await this.#prepare(scenario);
      fs.cpSync(this.#work, template, { recursive: true });
      this.#prepared.add(scenario);
    }
    fs.rmSync(this.#work, { recursive: true, force: true });
    fs.cpSync(template, this.#work, { recursive: true, preserveTimestamps: true });
  }

  /** Templates know their paths by name, so each is made where it is used. */
  async #prepare(scenario: Scenario): Promise<void> {
    fs.rmSync(this.#work, { recursive: true, force: true });
    for (const name of ['data', 'backup']) fs.mkdirSync(path.join(this.#work, name), { recursive: true });
    const database = new Database(this.#protected.file);
    database.pragma('journal_mode = wal');
    database.exec('CREATE TABLE model(actor TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID');
    database.prepare('INSERT INTO model VALUES (?, 0)').run(actor);
    // Pages that stay, so that little of the database changes while nobody looks.
    database.exec('CREATE TABLE rest(v); INSERT INTO rest SELECT zeroblob(300000)');
    database.close();
    if (scenario === 'begin' || scenario === 'finish') return;
    using writer = new Writer(this.#protected);
    const running = this.#start({});
    await until('it is protected', () => isProtected(this.#output()));
    for (let i = 0; i < 5; i++) writer.write();
    await until('it is shipped', () => fs.existsSync(path.join(this.#work, 'backup', 'generations')));
    running.kill(scenario === 'compare' ? 'SIGTERM' : 'SIGKILL');
    await once(running, 'exit');
    writer.write();
    writer.write();
    if (scenario === 'compare') writer.restart();
    writer.write();
    if (scenario === 'lost-notes') loseNotes(path.join(this.#work, 'data'));
  }

  /** Runs the engine while somebody writes, until it dies or is told to end. True when it died by itself. */
  async #play(scenario: Scenario, faults: object): Promise<boolean> {
    using writer = new Writer(this.#protected);
    this.#startedAt = Date.now();
    const child = this.#start(faults);
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
    const endAt = Date.now() + 20_000;
    for (let done = 0; !isOver() && done < writes && Date.now() < endAt;) {
      if (isProtected(this.#output()) || done < 5) {
        writer.write();
        done++;
        // Somebody else restarts the WAL now and then, and one of the transactions is large.
        if (done % 12 === 0) writer.restart();
        if (done === 20) writer.write(400);
      }
      await delay(writeEveryMs);
    }
    if (scenario === 'finish') writer.write(50);
    if (!isOver()) {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
    if (child.exitCode !== null && child.exitCode !== 0) throw new Error(`the engine failed: ${this.#output()}`);
    this.#startedAt = Math.max(this.#startedAt, protectedAt(this.#output()));
    return child.signalCode === 'SIGKILL';
  }

  #start(faults: object): ChildProcess {
    const { file, replicas } = this.#protected;
    const here = import.meta.dirname;
    const fd = fs.openSync(path.join(this.#work, 'output'), 'w');
    const child = spawn(
      process.execPath,
      [
        '--no-warnings',
        '--import',
        path.join(here, 'faults.ts'),
        path.join(here, 'soak-engine.ts'),
        '--data',
        path.join(this.#work, 'data'),
        '--databases',
        JSON.stringify([[file, ...replicas]]),
        '--sync',
        '0',
        '--snapshot',
        '100',
      ],
      { stdio: ['ignore', fd, fd], env: { ...process.env, TIDEMARK_FAULTS: JSON.stringify(faults) } },
    );
    fs.closeSync(fd);
    this.#child = child;
    return child;
  }

  #output(): string {
    return fs.readFileSync(path.join(this.#work, 'output'), 'utf8');
  }
}

/** Small transactions, with the digest behind each noted before it commits. */
class Writer implements Disposable {
  readonly #database: Database.Database;
  readonly #model: Model;
  readonly #log: number;
  #isClosed = false;

  constructor({ file, logs }: Protected) {
    this.#database = new Database(file, { timeout: 5000 });
    this.#database.pragma('synchronous = off');
    this.#model = readModel(this.#database, actor);
    this.#log = fs.openSync(must(logs[actor], 'it has a log'), 'a');
    fs.writeSync(this.#log, `opened ${Date.now()}\n`);
    if (!this.#model.tables.has(`${actor}_t1`)) {
      this.#commit(`CREATE TABLE ${actor}_t1(id INTEGER PRIMARY KEY, v BLOB)`, () => this.#model.create(`${actor}_t1`));
    }
  }

  /** One transaction of so many rows. */
  write(count = 3): void {
    const first = this.#model.n * 1000;
    const value = { unit: String(10 + (this.#model.n % 90)), count: 150 };
    this.#commit(
      `WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < ${count - 1}) INSERT INTO ${actor}_t1 SELECT ${first} + i, ${literal(value)} FROM c`,
      () =>
        this.#model.change(`${actor}_t1`, ({ rows }) => {
          for (let i = 0; i < count; i++) rows.set(first + i, value);
        }),
    );
  }

  /** Checkpoints so that the next writer starts the WAL over. */
  restart(): void {
    this.#database.pragma('busy_timeout = 200');
    this.#database.pragma('wal_checkpoint(TRUNCATE)');
    this.#database.pragma('busy_timeout = 5000');
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    fs.writeSync(this.#log, `closing ${Date.now()}\n`);
    this.#database.close();
    fs.closeSync(this.#log);
  }

  #commit(sql: string, apply: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    this.#database.exec(sql);
    this.#database.exec(`UPDATE model SET n = n + 1 WHERE actor = '${actor}'`);
    apply();
    this.#model.n++;
    fs.writeSync(this.#log, `will ${this.#model.n} ${this.#model.digest()}\n`);
    this.#database.exec('COMMIT');
    fs.writeSync(this.#log, `did ${this.#model.n}\n`);
  }
}

function isProtected(output: string): boolean {
  return output.includes('"protected"');
}

/** When the engine said so first. */
function protectedAt(output: string): number {
  const [, at] = /^state .*"protected".* at (\d+)$/m.exec(output) ?? [];
  return Number(at ?? 0);
}

/** Removes the page hashes that the engine kept. */
export function loseNotes(dataDir: string): void {
  for (const name of fs.readdirSync(dataDir, { recursive: true, encoding: 'utf8' })) {
    if (path.basename(name) === 'hashes') fs.rmSync(path.join(dataDir, name));
  }
}
